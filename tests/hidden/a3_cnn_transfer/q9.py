"""q9: the network with BatchNorm and its transfer. Weights are replaced by known ones and answers recomputed."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q9"
points = 6

CONV = ((3, 3, 1, 32), (3, 3, 32, 32), (3, 3, 32, 64), (3, 3, 64, 64))


def is_model(model, what):
    check(callable(getattr(model, "count_params", None)), f"{what} should return a Keras model.")
    return model


def layer_table(model):
    """[kind, weights] of every layer that has weights, nested models opened, in the order of the layers."""
    table = []

    def walk(layers):
        for layer in layers:
            if hasattr(layer, "layers"):
                walk(layer.layers)
            elif layer.weights:
                table.append([type(layer).__name__, layer.get_weights()])

    walk(model.layers)
    return table


def replace_weights(model, weights):
    """Set the weights of every layer that has weights, in the order of `layer_table`."""
    weights = list(weights)

    def walk(layers):
        for layer in layers:
            if hasattr(layer, "layers"):
                walk(layer.layers)
            elif layer.weights:
                layer.set_weights(weights.pop(0))

    walk(model.layers)


def sizes(model):
    """(trainable, not trainable) numbers of parameters."""
    trainable = sum(as_array(w, "a weight").size for w in model.trainable_weights)
    return trainable, int(model.count_params()) - trainable


def known_weights(env, model, label):
    """Give the model secret weights; return them by layer. BatchNorm: gamma, beta, mean, variance."""
    rng = hidden_rng(label)
    weights = []
    for kind, arrays in beside(env, layer_table, model):
        drawn = [rng.normal(0, 0.3, a.shape) for a in arrays]
        if kind == "BatchNormalization":
            drawn = [1 + d if k == 0 else d for k, d in enumerate(drawn)]
            drawn[-1] = 0.5 + np.abs(drawn[-1])
        else:
            drawn[0] *= np.sqrt(2 / np.prod(arrays[0].shape[:-1])) / 0.3
        weights.append([d.astype(np.float32) for d in drawn])
    beside(env, replace_weights, model, weights)
    return weights


def batch_norm(h, arrays, epsilon):
    gamma, beta, mean, variance = arrays
    return gamma * (h - mean) / np.sqrt(variance + epsilon) + beta


def forward(weights, x, epsilon=1e-3, norm_first=()):
    """(features, probabilities) by the formula, in inference mode.

    norm_first: numbers of the five pairs of ReLU and BatchNorm that are in the other order.
    """
    import tensorflow as tf

    layers, pairs = iter(weights), iter(range(5))

    def relu_and_norm(h):
        arrays = next(layers)
        if next(pairs) in norm_first:
            return np.maximum(batch_norm(h, arrays, epsilon), 0)
        return batch_norm(np.maximum(h, 0), arrays, epsilon)

    h = x
    for _ in range(2):
        for _ in range(2):
            kernel, bias = next(layers)
            h = relu_and_norm(tf.nn.conv2d(h.astype(np.float32), kernel, 1, "SAME").numpy() + bias)
        n, height, width, c = h.shape
        h = h.reshape(n, height // 2, 2, width // 2, 2, c).max(axis=(2, 4))
    features = h.reshape(len(x), -1)
    kernel, bias = next(layers)
    h = relu_and_norm(features @ kernel + bias)
    kernel, bias = next(layers)
    e = np.exp(h @ kernel + bias)
    return features, e / e.sum(axis=1, keepdims=True)


def images(label, n):
    return hidden_rng(label).uniform(0, 1, (n, 28, 28, 1)).astype(np.float32)


@test_case(
    name="1,679,082 parameters",
    points=1,
    hidden=True,
    success_message="The network has as many parameters as it should have, and a layer called features.",
    failure_message="Two blocks of (Conv 3×3 same, ReLU, BatchNorm) twice and a pool, with 32, then 64 "
    "filters; flatten called features; Dense 512, ReLU, BatchNorm, Dropout 0.5, softmax 10.",
)
def test_bn_count(env):
    model = is_model(call(env, "build_bn_cnn"), "build_bn_cnn")
    table = beside(env, layer_table, model)
    kernels = [a[0].shape for kind, a in table if len(a[0].shape) == 4]
    check(len(kernels) == 4, "There should be four convolutions.", "one_convolution_a_block")
    check(kernels == list(CONV), "There should be 32, 32, 64 and 64 kernels of 3×3.")
    norms = sum(kind == "BatchNormalization" for kind, _ in table)
    check(norms != 4, "BatchNorm follows the dense layer, too.")
    names = [layer.name for layer in model.layers]
    check("features" in names, "The layer that flattens should be called features.", "features_without_name")
    flat = list(model.get_layer("features").output.shape)[1:]
    check(flat == [3136], "features should have 7·7·64 = 3,136 values.", "convolutions_without_padding")
    check(model.count_params() == 1_679_082, "The number of parameters should be 1,679,082.")
    check(sizes(model) == (1_677_674, 1_408), "All but the moving statistics should be trainable.")


@test_case(
    name="what the network computes",
    points=1.5,
    hidden=True,
    success_message="The network computes what it should, in inference mode.",
    failure_message="In every block convolution, ReLU, then BatchNorm, twice, then pool; the head likewise.",
)
def test_bn_answer(env):
    model = is_model(call(env, "build_bn_cnn"), "build_bn_cnn")
    weights = known_weights(env, model, "q9 weights")
    check([len(w) for w in weights] == [2, 4] * 5 + [2], "Each convolution and the wide dense layer should be "
          "followed by its BatchNorm.")  # fmt: skip
    x = images("q9 images", 3)
    actual = as_array(model(x, training=False), "the model's answer", (3, 10))
    # Its epsilon is free, and moves the answer only a little.
    check(
        np.allclose(actual.sum(axis=1), 1, atol=1e-4),
        "The outputs should be probabilities.",
    )
    for pairs in (range(4), range(5)):
        _, other = forward(weights, x, norm_first=pairs)
        check(
            not np.allclose(actual, other, atol=2e-3), "BatchNorm comes before ReLU.", "batchnorm_before_relu"
        )
    check_close(actual, forward(weights, x)[1], "the model's answer", rtol=1e-3, atol=5e-3)


@test_case(
    name="dropout in the head",
    points=1,
    hidden=True,
    success_message="Half of the 512 units are dropped in training, none otherwise.",
    failure_message="Dropout 0.5 stands between the last BatchNorm and the softmax, and acts in training only.",
)
def test_dropout(env):
    model = is_model(call(env, "build_bn_cnn"), "build_bn_cnn")
    weights = known_weights(env, model, "q9 dropout")
    check([len(w) for w in weights] == [2, 4] * 5 + [2], "Each convolution and the wide dense layer should be "
          "followed by its BatchNorm.")  # fmt: skip
    # The last BatchNorm gives 1 for every unit, and class j looks at unit j only: the logits show the mask.
    weights[9] = [np.zeros(512), np.ones(512), np.zeros(512), np.ones(512)]
    weights[10] = [np.eye(512, 10), np.zeros(10)]
    weights[9:] = [[a.astype(np.float32) for a in arrays] for arrays in weights[9:]]
    beside(env, replace_weights, model, weights)
    p = as_array(model(images("q9 few", 2), training=False), "the model's answer", (2, 10))
    check(np.ptp(p) < 1e-4, "Without training nothing should be dropped.")
    p = as_array(model(images("q9 many", 60), training=True), "the model's answer", (60, 10))
    z = np.log(p) - np.log(p).min(axis=1, keepdims=True)
    check(z.max() > 0.1, "In training half of the units should be dropped.", "no_dropout")
    # 600 draws: the share is known to 2 %. Kept units are twice as large.
    kept = (z > 0.1).mean()
    check(
        0.38 < kept < 0.62 and abs(z.max() - 2) < 0.05,
        "The dropout rate should be 0.5.",
        "dropout_of_another_rate",
    )


def small_base(weights):
    """Any network with a layer called features and BatchNorm before it, for images (N, 28, 28, 1)."""
    import keras

    inputs = keras.Input((28, 28, 1))
    h = keras.layers.Conv2D(2, 5, strides=5, activation="relu")(inputs)
    h = keras.layers.BatchNormalization()(h)
    h = keras.layers.Flatten(name="features")(h)
    h = keras.layers.Dense(512, activation="relu")(h)
    h = keras.layers.BatchNormalization()(h)
    h = keras.layers.Dropout(0.5)(h)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(h))
    model.set_weights(weights)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


SMALL = ((5, 5, 1, 2), (2,), (2,), (2,), (2,), (2,), (50, 512), (512,), *[(512,)] * 4, (512, 10), (10,))


def small_transfer(env, label):
    """(base, its weights, the student's transfer model)."""
    rng = hidden_rng(label)
    weights = [rng.normal(0, 0.2, shape).astype(np.float32) for shape in SMALL]
    for k in (5, 11):
        weights[k] = 1 + np.abs(weights[k])
    base = beside(env, small_base, weights)
    return base, weights, is_model(call(env, "build_bn_transfer", base), "build_bn_transfer")


@test_case(
    name="1,612,298 trainable, 66,784 frozen",
    points=1,
    hidden=True,
    success_message="The new head is trainable, and the features are frozen.",
    failure_message="Dense 512, ReLU, BatchNorm, Dropout, softmax on features are trainable, all before that "
    "is frozen.",
)
def test_transfer_count(env):
    def full_base():
        import keras

        h = inputs = keras.Input((28, 28, 1))
        for filters in (32, 64):
            for _ in range(2):
                h = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(h)
                h = keras.layers.BatchNormalization()(h)
            h = keras.layers.MaxPooling2D(2)(h)
        h = keras.layers.Dense(512, activation="relu")(keras.layers.Flatten(name="features")(h))
        h = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(h))
        return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(h))

    model = is_model(call(env, "build_bn_transfer", beside(env, full_base)), "build_bn_transfer")
    trainable, frozen = sizes(model)
    causes = {
        1_677_674: "whole_network_trainable",
        1_612_298 + 384: "gamma_and_beta_trainable",
        5_130: "only_the_last_layer_new",
        5_130 + 1_024: "only_the_last_layer_new",
    }
    cause = causes.get(trainable)
    check(trainable == 1_612_298, "There should be 1,612,298 trainable parameters.", cause)
    check(frozen == 66_784, "There should be 66,784 parameters that are not trainable.")


def first_kernel(model):
    """The trainable kernel on the 50 features of the small base, None where there is none."""
    kernels = (as_array(w, "a weight") for w in model.trainable_weights)
    return next((w for w in kernels if w.shape == (50, 512)), None)


def train_a_little(model, base, x, y):
    """Train the transfer model for some steps, by a plain optimizer; [weights of the base, its answer]."""
    import numpy as np

    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=1, batch_size=8, verbose=0)
    return [[np.array(w) for w in base.get_weights()], np.array(base(x, training=False))]


@test_case(
    name="new head, base intact",
    points=1.5,
    hidden=True,
    success_message="The head is new, it trains, and the base stays as it was.",
    failure_message="The head starts from new weights; training it changes no weight, no statistic and no "
    "output of the base.",
)
def test_transfer_frozen(env):
    rng = hidden_rng("q9 frozen data")
    base, weights, model = small_transfer(env, "q9 frozen")
    x, y = rng.uniform(0, 1, (16, 28, 28, 1)).astype(np.float32), rng.integers(0, 10, 16)
    expected = as_array(base(x, training=False), "the base's answer", (16, 10))
    first = first_kernel(model)
    check(first is not None, "The new head should begin with a dense layer of 512 units on features.")
    check(not np.allclose(first, weights[6]), "The head should be new.", "old_head_kept")
    after, answer = beside(env, train_a_little, model, base, x, y)
    check(len(after) == len(weights), "The base should keep all its layers.")
    moved = {k for k, (a, b) in enumerate(zip(after, weights, strict=True)) if not np.array_equal(a, b)}
    check(
        not moved or moved - {4, 5}, "Moving statistics of the frozen part change.", "frozen_statistics_move"
    )
    check(not moved & {6, 7, 8, 9, 10, 11, 12, 13}, "The base's own head changes.", "old_head_kept")
    check(not moved, "Frozen weights of the base change in training.")
    check_close(answer, expected, "the base's answer", rtol=1e-4, atol=1e-5)
    check(not np.array_equal(first, first_kernel(model)), "The new head should move in training.")
