"""q2: convolution and pooling by hand, against TensorFlow's own in float64 and against plain loops."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import by_hand, check_close, hidden_rng

OK_FORMAT = False
name = "q2"
points = 9

FORBIDDEN = (
    "tensorflow.nn.*conv*",
    "tensorflow.nn.*pool*",
    "tensorflow.nn.dilation2d",
    "tensorflow.nn.erosion2d",
    "tensorflow.raw_ops.*Conv*",
    "tensorflow.raw_ops.*Pool*",
    "tensorflow.compat.v1.nn.*",
    "keras.layers.*",
    "keras.ops.*conv*",
    "keras.ops.*pool*",
    "keras.backend.*conv*",
    "keras.backend.*pool*",
    "scipy.signal.*",
    "scipy.ndimage.*",
    "skimage.*",
    "cv2.*",
)


def images(rng, n, h, w, c):
    return rng.normal(0, 1, (n, h, w, c)).astype(np.float32)


def check_conv(env, label, cases):
    """Compare conv2d with TensorFlow's for (n, h, w, c_in, c_out, k) and keyword arguments."""
    import tensorflow as tf

    rng = hidden_rng(label)
    for (n, h, w, c_in, c_out, k), settings in cases:
        x, kernel = images(rng, n, h, w, c_in), rng.normal(0, 1, (k, k, c_in, c_out)).astype(np.float32)
        stride, padding = settings.get("stride", 1), settings.get("padding", "valid")
        expected = tf.nn.conv2d(x.astype(float), kernel.astype(float), stride, padding.upper()).numpy()
        actual = by_hand(env, "conv2d", x, kernel, forbidden=FORBIDDEN, **settings)
        check_close(actual, expected, "conv2d", atol=1e-5)


def pooled(x, size):
    """The largest value of each window, by loops."""
    n, h, w, c = x.shape
    result = np.empty((n, h // size, w // size, c))
    for i, j in np.ndindex(result.shape[1:3]):
        result[:, i, j] = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size].max(axis=(1, 2))
    return result


def check_pool(env, label, shapes, **settings):
    rng = hidden_rng(label)
    for shape in shapes:
        x = images(rng, *shape) - 2  # most windows hold negative numbers only
        actual = by_hand(env, "max_pool", x, forbidden=FORBIDDEN, **settings)
        check_close(actual, pooled(x, settings.get("size", 2)), "max_pool")


@test_case(
    name="valid convolution",
    points=2,
    hidden=True,
    success_message="The convolution is right.",
    failure_message="Lay the kernel, not turned round, over each window, multiply, and add up over pixels and "
    "input channels.",
)
def test_valid(env):
    check_conv(env, "q2 valid", [((2, 7, 6, 3, 4, 3), {}), ((3, 5, 8, 2, 2, 2), {"padding": "valid"})])


@test_case(
    name="one image, one channel, one pixel",
    points=1,
    hidden=True,
    success_message="A single image, a single channel and a kernel of one pixel are right, too.",
    failure_message="No axis may vanish: try one image, one channel, a 1×1 kernel, and one as large as the "
    "image.",
)
def test_single(env):
    cases = [(1, 5, 6, 1, 1, 3), (2, 4, 5, 3, 2, 1), (1, 4, 4, 2, 3, 4)]
    check_conv(env, "q2 single", [(case, {}) for case in cases])


@test_case(
    name="stride",
    points=1.5,
    hidden=True,
    success_message="The stride is right.",
    failure_message="Windows start at every stride-th row and column; the last ones must still lie inside.",
)
def test_stride(env):
    check_conv(
        env,
        "q2 stride",
        [
            ((2, 9, 8, 2, 3, 3), {"stride": 2}),
            ((2, 8, 10, 2, 3, 2), {"stride": 3, "padding": "valid"}),
            ((1, 7, 6, 2, 2, 1), {"stride": 2}),
        ],
    )


@test_case(
    name="same padding",
    points=1.5,
    hidden=True,
    success_message='"same" keeps the size of the image.',
    failure_message='With "same" and stride 1 the output is as large as the image: k-1 zeros are added, and '
    "an odd one goes to the end.",
)
def test_same(env):
    same = {"padding": "same"}
    cases = [
        (2, 7, 6, 3, 4, 3),
        (2, 5, 6, 2, 3, 2),
        (1, 4, 7, 2, 2, 5),
        (2, 6, 5, 2, 2, 4),
        (1, 3, 2, 2, 2, 1),
    ]
    check_conv(env, "q2 same", [(case, same) for case in cases])


@test_case(
    name="same padding with a stride",
    points=1,
    hidden=True,
    success_message='"same" with a stride pads as TensorFlow does.',
    failure_message="There are ceil(size/stride) outputs; the zeros that this takes are split evenly, an odd "
    "one after the image.",
)
def test_same_stride(env):
    cases = [
        ((2, 8, 9, 2, 2, 4), 4),
        ((2, 6, 8, 2, 3, 3), 2),
        ((2, 7, 6, 2, 2, 3), 2),
        ((1, 5, 8, 2, 2, 2), 2),
        ((1, 8, 7, 2, 2, 4), 3),
        ((1, 7, 5, 2, 2, 1), 3),
    ]
    check_conv(env, "q2 same stride", [(case, {"stride": s, "padding": "same"}) for case, s in cases])


@test_case(
    name="pooling",
    points=1.5,
    hidden=True,
    success_message="The pooling is right.",
    failure_message="The largest value of each window, channel by channel; windows touch and do not overlap.",
)
def test_pool(env):
    check_pool(env, "q2 pool", [(2, 6, 8, 3), (1, 4, 4, 2)])


@test_case(
    name="pooling other sizes",
    points=0.5,
    hidden=True,
    success_message="Windows of any size are right, and what does not fill one is left out.",
    failure_message="Rows and columns that do not fill a window are left out; size may be 3.",
)
def test_pool_sizes(env):
    check_pool(env, "q2 pool odd", [(2, 7, 5, 2)])
    check_pool(env, "q2 pool size", [(2, 6, 9, 2), (1, 8, 7, 3)], size=3)
