"""q8: fine-tuning. The model has been trained with a frozen part before, so that Keras holds on to a step for it."""

import contextlib
import io

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, as_float, beside, call, check, check_gate, hidden_rng

OK_FORMAT = False
name = "q8"
points = 5


def transfer_model(weights, one_by_one, x, y):
    """A sigmoid unit on a nested, frozen network with BatchNorm; trained for an epoch as it is.

    one_by_one: each layer of the nested network is frozen, but the network as a whole is not.
    """
    import keras

    inner = keras.Sequential(
        [
            keras.Input((6, 5, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation="tanh"),
        ]
    )
    if one_by_one:
        for layer in inner.layers:
            layer.trainable = False
    else:
        inner.trainable = False
    inputs = keras.Input((6, 5, 1))
    head = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Model(inputs, head(inner(inputs, training=False)))
    inner.set_weights(weights[:-2])
    head.set_weights(weights[-2:])
    model.compile("adam", "binary_crossentropy")
    model.fit(x, y, batch_size=8, verbose=0)
    return model


def inner_and_head(model):
    """Weights of the nested network, then of the head: [name, value] each."""
    import numpy as np

    return [[w.name, np.array(w)] for layer in model.layers for w in layer.weights]


def learning_rate_of(model):
    """The optimizer's learning rate as a number, or None."""
    import numpy as np

    try:
        return float(np.asarray(model.optimizer.learning_rate))
    except Exception:
        return None


class Experiment:
    """A frozen model in the student's process, data for it, and what fine_tune makes of it."""

    def __init__(self, env, label, one_by_one=False, **settings):
        rng = hidden_rng(label)
        shapes = ((3, 3, 1, 4), (4,), (4,), (4,), (4,), (4,), (48, 6), (6,), (6, 1), (1,))
        weights = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]
        weights[2], weights[5] = 1 + 0.2 * weights[2], 1 + 0.2 * np.abs(weights[5])
        self.x = rng.normal(0, 1, (24, 6, 5, 1)).astype(np.float32)
        self.y = rng.permutation(np.arange(24) % 2)
        self.model = beside(env, transfer_model, weights, one_by_one, self.x, self.y)
        before = beside(env, inner_and_head, self.model)
        self.epochs = settings["epochs"]
        self.history = call(env, "fine_tune", self.model, self.x, self.y, batch_size=8, **settings)
        after = beside(env, inner_and_head, self.model)
        moves = [
            (name, np.abs(np.subtract(b, a)).max())
            for (name, a), (_, b) in zip(before, after, strict=True)
            if "moving" not in name
        ]
        self.inner, self.head = [move for _, move in moves[:-2]], [move for _, move in moves[-2:]]
        self.learning_rate = beside(env, learning_rate_of, self.model)


def check_history(history, epochs):
    check(isinstance(history, dict), "fine_tune should return a dict.", "history_object_returned")
    check(len(history) > 0, "The history should hold the loss.")
    for values in history.values():
        check(hasattr(values, "__len__"), "Every entry of the history should be a list.")
        check(
            len(values) == epochs,
            "Every list of the history should have one entry an epoch.",
            "epochs_ignored",
        )
        for value in values:
            as_float(value, "the history")


@test_case(
    name="every layer moves",
    points=1.5,
    hidden=True,
    success_message="All weights move, those of the nested network too.",
    failure_message="Unfreeze every layer, nested ones too, then compile, then train. Compare the weights "
    "before and after.",
)
def test_moves(env):
    tuned = Experiment(env, "q8 moves", epochs=2, learning_rate=0.004)
    check(
        max(tuned.inner + tuned.head) > 0,
        "fine_tune should train the model that it is given.",
        "tunes_a_copy",
    )
    inner = min(tuned.inner)
    new_rate = tuned.learning_rate is not None and abs(tuned.learning_rate - 0.004) < 1e-4
    check(
        inner > 0 or new_rate,
        "The nested layers do not move: the model is not compiled anew.",
        "not_recompiled",
    )
    if max(tuned.inner) == 0:
        check(min(tuned.head) == 0 or inner > 0, "The nested layers do not move.", "outermost_flag_only")
    check(inner > 0, "Some of the nested layers do not move.", "last_layers_only")
    check(min(tuned.head) > 0, "The head does not move.")
    check_history(tuned.history, tuned.epochs)


@test_case(
    name="layers frozen one by one",
    points=1,
    hidden=True,
    success_message="Layers that were frozen one by one inside a nested model are unfrozen as well.",
    failure_message="A nested model that is not frozen may have layers that are: go down to each of them.",
)
def test_one_by_one(env):
    tuned = Experiment(env, "q8 one by one", one_by_one=True, epochs=1, learning_rate=0.004)
    check(min(tuned.inner) > 0, "Layers inside the nested model do not move.", "one_level_only")
    check(min(tuned.head) > 0, "The head does not move.")


@test_case(
    name="learning rate",
    points=1,
    hidden=True,
    success_message="The model is trained at the learning rate asked for, 0.0001 by default.",
    failure_message="Hand learning_rate to the new optimizer.",
)
def test_learning_rate(env):
    tiny = Experiment(env, "q8 tiny", epochs=1, learning_rate=2e-7)
    # 3 steps of Adam or RMSprop move a weight by some learning rates each, plain descent by less.
    largest = max(tiny.inner + tiny.head)
    check(largest < 1e-4, "At a tiny learning rate the weights should hardly move.", "learning_rate_ignored")
    check(largest > 0, "At a tiny learning rate the weights should still move.")
    default = Experiment(env, "q8 default", epochs=1)
    rate = default.learning_rate
    right = rate is not None and abs(rate - 1e-4) < 1e-5
    check(right, "By default the learning rate should be 0.0001.", "default_rate_of_keras")


def frozen_digits(weights, x, y):
    """Odd or even from frozen random features of images (N, 14, 14, 1): only the head has been trained."""
    import keras

    inner = keras.Sequential(
        [
            keras.Input((14, 14, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(16, activation="relu"),
        ]
    )
    inner.set_weights(weights)
    inner.trainable = False
    inputs = keras.Input((14, 14, 1))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(inner(inputs, training=False)))
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(x, y, batch_size=32, epochs=4, verbose=0)
    return model


def digits(seed):
    """400 training and 500 test images of scikit-learn's digits, 14×14 pixels in [0, 1]; 1 for odd."""
    from kit import load_images

    with contextlib.redirect_stdout(io.StringIO()):
        images = load_images("digits", 400, 500, seed)
    x, x_test = (
        (part.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))[..., None] / 255).astype(np.float32)
        for part in (images.x_train, images.x_test)
    )
    return x, images.y_train % 2, x_test, images.y_test % 2


@test_case(
    name="better than frozen features",
    points=1.5,
    hidden=True,
    success_message="Fine-tuning makes the model better than it was with frozen features.",
    failure_message="After fine-tuning the model should do better on new images than before.",
)
def test_better(env):
    rng = hidden_rng("q8 digits")
    x, y, x_test, y_test = digits(int(rng.integers(1, 10_000)))
    shapes = ((3, 3, 1, 8), (8,), (288, 16), (16,))
    weights = [rng.normal(0, np.sqrt(2 / np.prod(s[:-1])), s) if len(s) > 1 else np.zeros(s) for s in shapes]
    model = beside(env, frozen_digits, [w.astype(np.float32) for w in weights], x, y)

    def answers():
        return as_array(model(x_test, training=False), "the model's answer", (len(x_test), 1))[:, 0]

    before = answers()
    call(env, "fine_tune", model, x, y, learning_rate=0.004, epochs=6, batch_size=32)
    after = answers()
    check(
        not np.array_equal(before, after),
        "fine_tune should train the model that it is given.",
        "tunes_a_copy",
    )
    before, after = (((p > 0.5) == y_test).mean() for p in (before, after))
    check(after >= before, "On new images the model is worse than before fine-tuning.")
    check_gate("a3_cnn_transfer", "fine_tune_digits", after, "accuracy on test images")
