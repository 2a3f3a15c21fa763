"""q4: training. A layer in the model writes down which images it is shown, in which order and in what batches.

The first pixel of each image is its number; the layer changes nothing and notes only what is trained on.
"""

import contextlib
import io

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, as_float, beside, call, check, check_close, check_gate, hidden_rng

OK_FORMAT = False
name = "q4"
points = 5


def watched_model(weights, learning_rate, room):
    """Flatten and softmax with given weights behind a layer that logs: compiled, for images (N, 3, 4, 1)."""
    import keras
    import numpy as np
    import tensorflow as tf

    class Log(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seen = self.add_weight(shape=(room,), initializer="zeros", trainable=False, name="seen")
            self.starts = self.add_weight(shape=(room,), initializer="zeros", trainable=False, name="starts")
            self.count = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False)

        def call(self, x, training=False):
            if training:
                places = self.count + tf.range(tf.shape(x)[0])
                numbers = tf.reshape(x[:, 0, 0, 0], (-1,))
                self.seen.assign(tf.tensor_scatter_nd_update(self.seen.value, places[:, None], numbers))
                starts = tf.tensor_scatter_nd_update(self.starts.value, [[self.count.value]], [1.0])
                self.starts.assign(starts)
                self.count.assign(self.count + tf.shape(x)[0])
            return x

    c = weights[1].shape[0]
    log, dense = Log(), keras.layers.Dense(c, activation="softmax", name="dense")
    layers = [keras.Input((3, 4, 1)), log, keras.layers.Flatten(), dense]
    model = keras.Sequential(layers)
    dense.set_weights([np.asarray(w) for w in weights])
    model.compile(
        keras.optimizers.SGD(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def read_log(model):
    """[numbers of the images in the order of training, where batches start, weights of the dense layer]."""
    log = model.layers[0]
    count = int(log.count.numpy())
    return [log.seen.numpy()[:count], log.starts.numpy()[:count], *model.get_layer("dense").get_weights()]


class Problem:
    """Images whose first pixel is their number, labels, and a model in the student's process."""

    def __init__(self, env, label, n=22, c=3, epochs=2):
        rng = hidden_rng(label)
        self.env, self.n, self.c, self.epochs = env, n, c, epochs
        self.x = rng.normal(0, 1, (n, 3, 4, 1)).astype(np.float32)
        self.numbers = (32 + rng.permutation(n)) / 32  # exact in float32
        self.x[:, 0, 0, 0] = self.numbers
        self.y = rng.permutation(np.arange(n) % c)
        self.other = rng.normal(0, 1, (9, 3, 4, 1)).astype(np.float32), rng.integers(0, c, 9)
        self.other[0][:, 0, 0, 0] = 0.5  # none of the numbers
        self.weights = [rng.normal(0, 0.5, s).astype(np.float32) for s in ((12, c), (c,))]

    def train(self, batch_size, **settings):
        """Train a fresh model: (history, numbers seen, starts of batches, weights afterwards)."""
        model = beside(self.env, watched_model, self.weights, 0.1, 6 * self.n * self.epochs)
        settings = {"epochs": self.epochs, "batch_size": batch_size} | settings
        history = call(self.env, "train_cnn", model, self.x, self.y, **settings)
        seen, starts, *after = beside(self.env, read_log, model)
        moved = max(np.abs(np.subtract(a, b)).max() for a, b in zip(after, self.weights, strict=True))
        check(moved > 1e-6, "train_cnn should train the model that it is given.", "trains_a_copy")
        numbers = np.unique(seen)
        check(0.5 not in numbers, "The validation data are trained on.", "trains_on_validation_too")
        known = np.isin(numbers, self.numbers).all() and len(seen) > 0
        check(known, "The model should be trained on the images as they are.", "scaled_once_more")
        return history, seen, starts, after

    def loss(self, weights, x, y):
        z = x.reshape(len(x), -1).astype(float) @ weights[0] + weights[1]
        return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]).mean()


def check_history(history, epochs):
    check(isinstance(history, dict), "train_cnn should return a dict.", "keras_object_for_the_dict")
    check("loss" in history or len(history) > 0, "The history should hold the loss.")
    for key, values in history.items():
        check(hasattr(values, "__len__"), "Every entry of the history should be a list.")
        check(
            len(values) == epochs,
            "Every list of the history should have one entry an epoch.",
            "one_epoch_only",
        )
        for value in values:
            as_float(value, f"history[{key!r}]" if key in ("loss", "val_loss") else "the history")


@test_case(
    name="history and validation",
    points=1.5,
    hidden=True,
    success_message="The model itself is trained, and the history says how well, on the validation data too.",
    failure_message="A dict of lists, one float an epoch; with validation also val_loss, measured after each "
    "epoch on the validation pair.",
)
def test_history(env):
    problem = Problem(env, "q4 history")
    history, *_ = problem.train(8, seed=3)
    check_history(history, problem.epochs)
    history, _, _, after = problem.train(8, validation=problem.other, seed=3)
    check_history(history, problem.epochs)
    check("val_loss" in history, "With validation the history should have val_loss.", "validation_left_out")
    measured = float(history["val_loss"][-1])
    on_training = problem.loss(after, problem.x, problem.y)
    wrong = abs(measured - on_training) < 1e-4 * on_training
    check(not wrong, "val_loss is measured on the training data.", "validates_on_training_data")
    check_close(measured, problem.loss(after, *problem.other), "the last val_loss", rtol=1e-3)


@test_case(
    name="epochs and batches",
    points=1,
    hidden=True,
    success_message="Every epoch shows every image once, in batches of the size asked for.",
    failure_message="Each epoch goes through all images once, batch_size of them at a time; only the last "
    "batch may be shorter, or be dropped.",
)
def test_batches(env):
    problem = Problem(env, "q4 batches", n=23, epochs=3)
    _, seen, starts, _ = problem.train(5, seed=1)
    sizes = np.diff([*np.flatnonzero(starts), len(seen)])
    whole, dropped = [5, 5, 5, 5, 3] * 3, [5, 5, 5, 5] * 3
    check(len(seen) != problem.n, "Only one epoch is trained.", "one_epoch_only")
    check(sizes.max() <= 5, "Batches are larger than batch_size.", "batch_size_ignored")
    check(list(sizes) in (whole, dropped), "The batches should hold batch_size images each, in each epoch.")
    for epoch in np.split(seen, 3):
        check(len(np.unique(epoch)) == len(epoch), "Some images are shown more than once in an epoch.")


@test_case(
    name="shuffling by the seed",
    points=1,
    hidden=True,
    success_message="The images are shuffled, and the seed decides how.",
    failure_message="The images should be shuffled, in the same way for the same seed and another way for "
    "another.",
)
def test_shuffling(env):
    problem = Problem(env, "q4 shuffling", epochs=1)
    seed = int(hidden_rng("q4 seed").integers(1, 10_000))
    first, again, other = (problem.train(11, seed=s)[1] for s in (seed, seed, seed + 17))
    given = problem.numbers[: len(first)]
    check(not np.allclose(first, given), "The images are not shuffled.", "never_shuffled")
    check(np.array_equal(first, again), "The same seed should give the same order.", "seed_not_used")
    check(
        not np.array_equal(first, other),
        "Another seed should give another order.",
        "same_order_for_every_seed",
    )


def small_network(weights):
    """A convolutional network for images (N, 14, 14, 1) with given weights, compiled."""
    import keras

    layers = [
        keras.Input((14, 14, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.set_weights(weights)
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def digits(seed):
    """500 training and 500 test images of scikit-learn's digits, 14×14 pixels in [0, 1], and their labels."""
    from kit import load_images

    with contextlib.redirect_stdout(io.StringIO()):
        images = load_images("digits", 500, 500, seed)
    x, x_test = (
        (part.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))[..., None] / 255).astype(np.float32)
        for part in (images.x_train, images.x_test)
    )
    return x, images.y_train, x_test, images.y_test


@test_case(
    name="it learns to read digits",
    points=1.5,
    hidden=True,
    success_message="The trained network reads digits that it has never seen.",
    failure_message="The network learns too little. Do images and labels stay together when they are "
    "shuffled?",
)
def test_learns(env):
    rng = hidden_rng("q4 digits")
    x, y, x_test, y_test = digits(int(rng.integers(1, 10_000)))
    shapes = ((3, 3, 1, 8), (8,), (288, 10), (10,))
    weights = [rng.normal(0, np.sqrt(2 / np.prod(s[:-1])), s) if len(s) > 1 else np.zeros(s) for s in shapes]
    model = beside(env, small_network, [w.astype(np.float32) for w in weights])
    call(env, "train_cnn", model, x, y, epochs=5, batch_size=32, seed=int(rng.integers(1, 100)))
    p = as_array(model(x_test, training=False), "the model's answer", (len(x_test), 10))
    check_gate(
        "a3_cnn_transfer", "train_digits", (p.argmax(axis=1) == y_test).mean(), "accuracy on test images"
    )
