"""q7: a new head on frozen features. The base is a small network with BatchNorm, made beside the student's code.

It is a functional model, which has all that a `keras.Sequential` has but `pop`; one of those is taken where the
student's function cannot work on the other.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q7"
points = 6


def small_base(weights, sequential):
    """Conv, BatchNorm, flatten, dense, softmax with given weights, compiled, for images (N, 6, 5, 1)."""
    import keras

    layers = [
        keras.Input((6, 5, 1)),
        keras.layers.Conv2D(3, 3, activation="relu", name="conv"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(7, activation="tanh", name="penultimate"),
        keras.layers.Dense(10, activation="softmax", name="classes"),
    ]
    model = keras.Sequential(layers)
    if not sequential:
        model = keras.Model(model.inputs, model.outputs)
    model.set_weights(weights)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def raises(build_transfer, base):
    try:
        build_transfer(base)
    except Exception:
        return True
    return False


# In the order of Keras' get_weights: kernel, bias; gamma, beta, moving mean and variance; dense; dense.
SHAPES = ((3, 3, 1, 3), (3,), (3,), (3,), (3,), (3,), (36, 7), (7,), (7, 10), (10,))
STATISTICS, NORM = {4, 5}, {2, 3, 4, 5}


def base_weights(rng):
    weights = [rng.normal(0, 0.6, shape).astype(np.float32) for shape in SHAPES]
    weights[5] = np.abs(weights[5]) + 0.5
    return weights


def features(weights, x):
    """(what the layer before the last gives, what the last gives), by the formula; BatchNorm in inference mode."""
    import tensorflow as tf

    conv, bias, gamma, beta, mean, variance, w, b, w_out, b_out = (a.astype(float) for a in weights)
    h = np.maximum(tf.nn.conv2d(x.astype(float), conv, 1, "VALID").numpy() + bias, 0)
    h = gamma * (h - mean) / np.sqrt(variance + 1e-3) + beta
    hidden = np.tanh(h.reshape(len(x), -1) @ w + b)
    e = np.exp(hidden @ w_out + b_out)
    return hidden, e / e.sum(axis=1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def transfer(env, label):
    """(base, its weights, the student's transfer model, images) of one experiment."""
    rng = hidden_rng(label)
    weights = base_weights(rng)
    sequential = beside(env, raises, env.get("build_transfer"), beside(env, small_base, weights, False))
    base = beside(env, small_base, weights, sequential)
    model = call(env, "build_transfer", base)
    check(callable(getattr(model, "count_params", None)), "build_transfer should return a Keras model.")
    return base, weights, model, rng.normal(0, 1, (40, 6, 5, 1)).astype(np.float32)


def sizes(model):
    """Number of trainable parameters, and of all."""
    trainable = sum(as_array(w, "a weight").size for w in model.trainable_weights)
    return trainable, int(model.count_params())


def cnn_of_q3(sequential):
    """The default network of q3, untrained."""
    import keras

    layers = [keras.Input((28, 28, 1))]
    for filters in (32, 64, 64):
        layers += [keras.layers.Conv2D(filters, 3, activation="relu"), keras.layers.MaxPooling2D(2)]
    layers += [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential(layers)
    if not sequential:
        model = keras.Model(model.inputs, model.outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def is_a_sequential(model):
    import keras

    return isinstance(model, keras.Sequential)


@test_case(
    name="65 trainable, 55,744 frozen",
    points=1.5,
    hidden=True,
    success_message="Only the new head is trainable.",
    failure_message="One sigmoid unit on the 64 features has 65 parameters; all others are frozen.",
)
def test_sizes(env):
    base, weights, model, _ = transfer(env, "q7 sizes")
    trainable, total = sizes(model)
    check(list(model.output_shape)[1:] != [2], "There should be one sigmoid unit.", "two_softmax_units")
    check(list(model.output_shape)[1:] == [1], "There should be one sigmoid unit.")
    check(
        trainable != 11,
        "The head sits on the base's output, not on the features before it.",
        "head_on_the_classes",
    )
    check(trainable != 8 + 6, "gamma and beta of BatchNorm are trainable.", "batchnorm_left_trainable")
    check(trainable != total and trainable < total - 6, "The base should be frozen.", "nothing_frozen")
    check(
        trainable == 8,
        "The head should have one weight for each feature, and a bias.",
        "hidden_layer_in_the_head",
    )
    check(
        total == 8 + sum(w.size for w in weights[:-2]), "The model should hold the base up to its features."
    )
    is_sequential = beside(env, is_a_sequential, base)
    model = call(env, "build_transfer", beside(env, cnn_of_q3, is_sequential))
    trainable, total = sizes(model)
    check(
        (trainable, total - trainable) == (65, 55_744),
        "It should be 65 trainable and 55,744 frozen parameters.",
    )


@test_case(
    name="a sigmoid on the features",
    points=1.5,
    hidden=True,
    success_message="The model is a logistic regression on the base's features.",
    failure_message="The output is sigmoid(features·w + b), with the features that the base has learnt.",
)
def test_answer(env):
    base, weights, model, x = transfer(env, "q7 answer")
    hidden, _ = features(weights, x)
    head = [as_array(w, "a weight of the head") for w in model.trainable_weights]
    kernels = [w for w in head if w.shape == (7, 1)]
    biases = [w for w in head if w.shape == (1,)]
    actual = as_array(model(x, training=False), "the model's answer", (40, 1))
    check(len(kernels) == 1 and len(biases) == 1, "The head should have 7 weights and a bias for 7 features.")
    z = hidden @ kernels[0] + biases[0]
    check(not np.allclose(actual, z, atol=1e-4), "The output should pass a sigmoid.", "no_sigmoid")
    now = beside(env, weights_of, base)
    kept = all(a.shape != b.shape or np.allclose(a, b, atol=1e-3) for a, b in zip(now, weights, strict=False))
    check(kept, "build_transfer should not change the base's weights.", "base_reinitialised")
    shares_weights = np.allclose(actual, sigmoid(z), atol=1e-3)
    check(shares_weights, "The features are not those of the base.", "copy_without_the_weights")
    check_close(actual, sigmoid(z), "the model's answer", rtol=1e-3, atol=1e-5)


def train_a_little(model, base, x, y):
    """Train the model; [what is wrong, weights of the base, weights of the head before, after]."""
    import numpy as np

    if not model.compiled:
        return ["not compiled", [], [], []]
    before = [np.array(w) for w in model.trainable_weights]
    try:
        model.fit(x, y, epochs=2, batch_size=10, verbose=0)
    except Exception as error:
        return [type(error).__name__, [], [], []]
    after = [np.array(w) for w in model.trainable_weights]
    return ["", [np.array(w) for w in base.get_weights()], before, after]


@test_case(
    name="nothing but the head moves",
    points=2,
    hidden=True,
    success_message="Training moves the head and leaves every weight and statistic of the base as it was.",
    failure_message="Freeze the base before compiling, BatchNorm with it: its moving statistics move in "
    "training, too, unless it is frozen or runs in inference mode.",
)
def test_frozen(env):
    base, weights, model, x = transfer(env, "q7 frozen")
    y = (features(weights, x)[0][:, 0] > 0).astype(np.int64)
    problem, after, *head = beside(env, train_a_little, model, base, x, y)
    check(problem != "not compiled", "The new model should be compiled.", "not_compiled_after_building")
    check(not problem, "The new model should train on labels 0 and 1.")
    moved = {k for k, (a, b) in enumerate(zip(after, weights, strict=False)) if not np.array_equal(a, b)}
    check(len(after) != len(weights) - 2, "The base has lost its output layer.", "output_layer_popped")
    check(len(after) == len(weights), "The base should keep all its layers.")
    words = "The moving statistics of BatchNorm change while the head trains."
    check(not moved or moved - STATISTICS, words, "batchnorm_statistics_move")
    words = "Weights of the base change while the head trains."
    check(not moved or moved - NORM, words, "batchnorm_left_trainable")
    late = sizes(model)[0] == 8  # the flags say frozen
    check(not moved, words, "frozen_after_compile" if late else "nothing_frozen")
    steps = [np.abs(np.subtract(a, b)).max() for a, b in zip(*head, strict=True)]
    check(len(steps) > 0 and min(steps) > 0, "The head should be trained.", "loss_that_is_always_zero")


@test_case(
    name="the base keeps its output",
    points=1,
    hidden=True,
    success_message="The base still answers as before.",
    failure_message="Build a new model on the base's layers; take nothing away from the base, and change "
    "nothing in it.",
)
def test_base_intact(env):
    base, weights, _, x = transfer(env, "q7 intact")
    _, classes = features(weights, x)
    actual = as_array(base(x, training=False), "the base's answer")
    check(actual.shape != (40, 7), "The base has lost its output layer.", "output_layer_popped")
    check(actual.shape != (40, 1), "The base's output layer is replaced.")
    check(
        np.allclose(actual.sum(axis=1), 1, atol=1e-3),
        "The base no longer gives probabilities.",
        "last_activation_switched_off",
    )
    check_close(actual, classes, "the base's answer", rtol=1e-3, atol=1e-5)
    now = beside(env, weights_of, base)
    check(len(now) == len(weights), "The base should keep all its layers.", "output_layer_popped")
    same = all(np.array_equal(a, b) for a, b in zip(now, weights, strict=True))
    check(same, "build_transfer should not change the base's weights.", "base_reinitialised")


def weights_of(model):
    return model.get_weights()
