"""q5: two distances between images, by hand."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_float, by_hand, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q5"
points = 6

READY_MADE = (
    "keras.losses",
    "keras.metrics",
    "keras.ops.binary_crossentropy",
    "keras.backend.binary_crossentropy",
    "tensorflow.nn.*cross_entropy*",
    "tensorflow.losses",
    "tensorflow.compat.v1.losses",
    "sklearn.metrics",
)


def images(rng, n, d, extreme=0.0):
    """Reconstructions and images, grey and away from 0 and 1; a share of the images' pixels is black or white."""
    x_hat, x = rng.uniform(0.02, 0.98, (2, n, d)).astype(np.float32)
    return x_hat, np.where(rng.random((n, d)) < extreme, np.rint(x), x).astype(np.float32)


def cross_entropy(x_hat, x):
    x_hat, x = x_hat.astype(np.float64), x.astype(np.float64)
    return -(x * np.log(x_hat) + (1 - x) * np.log1p(-x_hat)).mean()


@test_case(
    name="mean absolute error",
    points=2,
    hidden=True,
    success_message="The absolute differences are averaged over all pixels of all images.",
    failure_message="Average |x_hat - x| over everything: divide by the number of images times that of pixels.",
)
def test_mae(env):
    rng = hidden_rng("q5 mae")
    for n, d in ((6, 20), (1, 7), (9, 3)):
        x_hat, x = images(rng, n, d)
        value = as_float(
            by_hand(env, "mean_absolute_error", x_hat, x, forbidden=READY_MADE), "mean_absolute_error"
        )
        expected = np.abs(x_hat.astype(np.float64) - x).mean()
        check_close(value, expected, "mean_absolute_error")


@test_case(
    name="binary cross-entropy",
    points=2,
    hidden=True,
    success_message="The cross-entropy is right, for grey pixels as well as for black and white ones.",
    failure_message="-x·log(x_hat) - (1-x)·log(1-x_hat), averaged over all pixels; x_hat, the reconstruction, "
    "comes first.",
)
def test_bce(env):
    rng = hidden_rng("q5 bce")
    for n, d, extreme in ((6, 20, 0), (1, 7, 0), (9, 5, 0.4)):
        x_hat, x = images(rng, n, d, extreme)
        value = call(env, "binary_cross_entropy", x_hat, x)
        value = as_float(value, "binary_cross_entropy", finite=False)
        check(
            np.isfinite(value), "The loss of grey reconstructions and black or white pixels should be finite."
        )
        check_close(value, cross_entropy(x_hat, x), "binary_cross_entropy")


@test_case(
    name="cross-entropy of exact 0 and 1",
    points=1.5,
    hidden=True,
    success_message="Reconstructions of exactly 0 and 1 give a finite loss: small where right, large where wrong.",
    failure_message="Keep x_hat off 0 and 1 by a guard of at most 1e-6 before the logarithm.",
)
def test_exact(env):
    rng = hidden_rng("q5 exact")
    x = np.rint(rng.random((4, 11))).astype(np.float32)
    right = as_float(
        call(env, "binary_cross_entropy", x, x), "binary_cross_entropy of a perfect image", finite=False
    )
    finite = np.isfinite(right)
    check(
        finite, "The loss of a perfect image with pixels 0 and 1 should be finite.", cause="bce_without_guard"
    )
    check(abs(right) < 1e-5, "The loss of a perfect image should be 0, but for the guard.")
    wrong = as_float(call(env, "binary_cross_entropy", 1 - x, x), "binary_cross_entropy", finite=False)
    check(np.isfinite(wrong), "The loss of the negative should be finite.", cause="bce_without_guard")
    # A guard of 1e-6 gives -log 1e-6 = 13.8 for each wrong pixel.
    check(
        wrong > 13.5,
        "The loss of the negative is too small: the guard is wider than 1e-6.",
        cause="bce_guard_too_wide",
    )


@test_case(
    name="cross-entropy by hand",
    points=0.5,
    hidden=True,
    success_message="The cross-entropy is written by hand.",
    failure_message="Write the formula with logarithms, without a loss of Keras or tf.nn.",
)
def test_by_hand(env):
    rng = hidden_rng("q5 by hand")
    x_hat, x = images(rng, 3, 5)
    value = by_hand(env, "binary_cross_entropy", x_hat, x, forbidden=READY_MADE)
    check_close(as_float(value, "binary_cross_entropy"), cross_entropy(x_hat, x), "binary_cross_entropy")
