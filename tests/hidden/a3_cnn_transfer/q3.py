"""q3: the network. Its weights are replaced by known ones, and its answers compared with the formula's.

Where they differ, the same formula with one change says which change it is.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q3"
points = 6


def built(env, *args, **kwargs):
    model = call(env, "build_cnn", *args, **kwargs)
    check(callable(getattr(model, "count_params", None)), "build_cnn should return a Keras model.")
    return model


def known_weights(env, model, label):
    """Give the model weights from the secret generator; return them."""
    rng = hidden_rng(label)

    def shapes(model):
        return [list(w.shape) for w in model.get_weights()]

    def replace(model, weights):
        model.set_weights(weights)

    weights = []
    for shape in beside(env, shapes, model):
        spread = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.3
        weights.append(rng.normal(0, spread, shape).astype(np.float32))
    beside(env, replace, model, weights)
    return weights


def logits(weights, x, relu=True, padding="VALID", last_pool=True):
    """The network's scores by TensorFlow's convolution and NumPy; options are what students do instead."""
    import tensorflow as tf

    kernels = [w for w in weights if w.ndim == 4]
    biases = [w for w in weights if w.ndim == 1]
    for k, (kernel, bias) in enumerate(zip(kernels, biases, strict=False)):
        x = tf.nn.conv2d(x, kernel, 1, padding).numpy() + bias
        x = np.maximum(x, 0) if relu else x
        if last_pool or k < 2:
            n, h, w, c = x.shape
            h, w = h // 2, w // 2
            x = x[:, : 2 * h, : 2 * w].reshape(n, h, 2, w, 2, c).max(axis=(2, 4))
    dense = next(w for w in weights if w.ndim == 2)
    x = x.reshape(len(x), -1)
    return x @ dense + biases[-1] if x.shape[1] == len(dense) else np.full((len(x), dense.shape[1]), np.nan)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def check_answers(model, weights, x):
    """Compare the model's probabilities with the formula, and name the change that explains a difference."""
    kernels = [w.shape[:2] for w in weights if w.ndim == 4]
    check(len(kernels) == 3, "There should be three convolutions.")
    check(set(kernels) == {(3, 3)}, "All kernels should be 3×3.", "five_by_five_kernels")
    z = logits(weights, x)
    actual = as_array(model(x, training=False), "the model's answer", z.shape)
    others = {
        "scores_instead_of_probabilities": z,
        "softmax_twice": softmax(softmax(z)),
        "no_activation_between": softmax(logits(weights, x, relu=False)),
        "same_padding_in_the_network": softmax(logits(weights, x, padding="SAME")),
        "last_pooling_left_out": softmax(logits(weights, x, last_pool=False)),
    }
    for cause, other in others.items():
        same = np.allclose(actual, other, rtol=1e-3, atol=1e-5) and not np.allclose(
            other, softmax(z), atol=1e-4
        )
        check(not same, "The network's probabilities are wrong.", cause)
    check_close(actual, softmax(z), "the network's probabilities", rtol=1e-3, atol=1e-5)


@test_case(
    name="56,394 parameters",
    points=1,
    hidden=True,
    success_message="The network has as many parameters as it should have, all trainable.",
    failure_message="Three convolutions of 32, 64 and 64 kernels 3×3, each followed by pooling, without "
    "padding; then flatten and 10 units.",
)
def test_count(env):
    model = built(env)
    shapes = [as_array(w, "a weight").shape for w in model.trainable_weights]
    kernels = [s for s in shapes if len(s) == 4]
    flat = next((s[0] for s in shapes if len(s) == 2), 0)
    check(len(kernels) == 3, "There should be three convolutions.")
    check({s[:2] for s in kernels} == {(3, 3)}, "All kernels should be 3×3.", "five_by_five_kernels")
    check([s[3] for s in kernels] == [32, 64, 64], "There should be 32, 64 and 64 kernels.")
    if flat == 576:  # 3×3×64
        check_answers(model, known_weights(env, model, "q3 count"), images("q3 count", (2, 28, 28, 1)))
    check(flat == 64, "The last dense layer should have 64 inputs.")
    check(sum(map(np.prod, shapes)) == 56394, "The number of trainable parameters should be 56,394.")
    check(model.count_params() == 56394, "The number of parameters should be 56,394.")


def images(label, shape):
    return hidden_rng(label).uniform(0, 1, shape).astype(np.float32)


@test_case(
    name="probabilities",
    points=2,
    hidden=True,
    success_message="The network computes what it should.",
    failure_message="Conv 32, pool, conv 64, pool, conv 64, pool, flatten, softmax; each convolution 3×3 with "
    "ReLU.",
)
def test_probabilities(env):
    model = built(env)
    check_answers(model, known_weights(env, model, "q3 weights"), images("q3 images", (3, 28, 28, 1)))


@test_case(
    name="other images, other classes",
    points=1,
    hidden=True,
    success_message="Other sizes of images and numbers of classes work as well.",
    failure_message="input_shape and num_classes have to reach the layers.",
)
def test_other_shape(env):
    model = built(env, input_shape=(32, 30, 3), num_classes=4)
    shape = list(model.input_shape)[1:]
    check(shape == [32, 30, 3], "The model should take images of input_shape.", "input_shape_ignored")
    check(list(model.output_shape)[1:] == [4], "There should be num_classes outputs.", "ten_classes_always")
    check_answers(model, known_weights(env, model, "q3 other"), images("q3 other x", (2, 32, 30, 3)))


@test_case(
    name="compiled for integer labels",
    points=1,
    hidden=True,
    success_message="The model is compiled with a loss for integer labels, and trains.",
    failure_message="Compile with the sparse categorical cross-entropy, which takes labels (N,), and an "
    "optimizer.",
)
def test_compiled(env):
    def losses(model, x, y):
        """The loss on a batch, and how far a step moves the weights; None where it cannot be had."""
        import numpy as np

        if not model.compiled:
            return None
        try:
            loss = np.ravel(model.evaluate(x, y, verbose=0))[0]
            before = model.get_weights()
            model.train_on_batch(x, y)
        except Exception as error:
            return [f"{type(error).__name__}", 0.0]
        return [float(loss), float(max(np.abs(a - b).max() for a, b in zip(before, model.get_weights())))]

    model = built(env)
    weights = known_weights(env, model, "q3 compiled")
    x, y = images("q3 compiled x", (6, 28, 28, 1)), hidden_rng("q3 labels").integers(0, 10, 6)
    result = beside(env, losses, model, x, y)
    check(result is not None, "The model should be compiled.", "not_compiled")
    loss, moved = result
    check(not isinstance(loss, str), "The loss does not take integer labels (N,).", "one_hot_loss")
    z = logits(weights, x)
    p = softmax(z)[np.arange(6), y]
    check_close(loss, -np.log(p).mean(), "the loss on a batch", rtol=1e-3)
    check(moved > 0, "A step of training should move the weights.")


@test_case(
    name="counting by formula",
    points=1,
    hidden=True,
    success_message="The count is right for any list of layers.",
    failure_message="conv: (k·k·c_in + 1)·c_out, dense: (n_in + 1)·n_out, pool and flatten: nothing.",
)
def test_count_parameters(env):
    rng = hidden_rng("q3 count parameters")
    k, a, b, c, d = (int(v) for v in rng.permutation(np.arange(2, 9))[:5])
    size = int(rng.integers(2, 5))
    conv = ("conv", k, a, b)
    dense = ("dense", c, d)
    amounts = {conv: (k * k * a + 1) * b, dense: (c + 1) * d, ("pool", size): 0, ("flatten",): 0}
    lists = [
        [conv, ("pool", size), ("flatten",), dense],  # first: a mistake in one kind of layer is no mistake in both
        [conv],
        [dense],
        [("flatten",)],
        [dense, conv, conv],
    ]
    for layers in lists:
        total = sum(amounts[layer] for layer in layers)
        check_close(call(env, "count_parameters", layers), total, "count_parameters", rtol=1e-9)
