"""The reference of a3 against TensorFlow's own operations, Keras' counts and laws that hold for any input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from autograder.testing import numerical_gradient
from reference import cnn as ref


@pytest.fixture
def rng():
    keras.utils.set_random_seed(3)
    return np.random.default_rng(7)


def small_base(inner=4):
    """A classifier for images (N, 6, 5, 1) with BatchNorm; `inner` features."""
    stack = [keras.Input((6, 5, 1)), keras.layers.Conv2D(3, 3, activation="relu")]
    stack += [keras.layers.BatchNormalization(), keras.layers.Flatten(), keras.layers.Dense(inner, "tanh")]
    model = keras.Sequential([*stack, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def equal(weights, others):
    return all(np.array_equal(a, b) for a, b in zip(weights, others, strict=True))


# --- q1 ----------------------------------------------------------------------------------------------------


def test_preprocess_keeps_pixels_and_labels(rng):
    """Multiplied by 255 the images are what they were, and argmax gives the labels back."""
    for shape in ((3, 5, 4), (2, 4, 3, 3)):
        images, labels = rng.integers(0, 256, shape, np.uint8), rng.integers(0, 6, shape[0])
        x, t = ref.preprocess(images, labels, 6)
        assert x.dtype == t.dtype == tf.float32
        assert np.array_equal(np.rint(x * 255).reshape(shape), images)
        assert np.array_equal(np.argmax(t, axis=1), labels)
        assert t.shape == (shape[0], 6)


def test_preprocess_refuses_what_it_cannot_mean(rng):
    """Neither a single image nor a label beyond the classes passes unnoticed."""
    with pytest.raises(ValueError, match="shape"):
        ref.preprocess(np.zeros((4, 4), np.uint8), [0], 2)
    with pytest.raises(ValueError, match="between 0 and 1"):
        ref.preprocess(np.zeros((1, 4, 4), np.uint8), [2], 2)


# --- q2 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_conv2d_is_tensorflows(rng, k, stride, padding):
    """Equal to tf.nn.conv2d for every kernel, stride and padding, on images of odd and even sides."""
    for h, w in ((7, 6), (4, 9)):
        x, kernel = rng.normal(size=(2, h, w, 3)), rng.normal(size=(k, k, 3, 2))
        expected = tf.nn.conv2d(x, kernel, stride, padding.upper())
        np.testing.assert_allclose(ref.conv2d(x, kernel, stride, padding), expected, atol=1e-12)


def test_conv2d_has_the_right_gradient(rng):
    """The tape goes through it: finite differences agree."""
    x, kernel = rng.normal(size=(1, 5, 4, 2)), rng.normal(size=(3, 3, 2, 1))
    upstream = rng.normal(size=(1, 3, 2, 1))
    variable = tf.Variable(kernel)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(upstream * ref.conv2d(x, variable, 2, "same"))
    expected = numerical_gradient(lambda a: np.sum(upstream * ref.conv2d(x, a, 2, "same").numpy()), kernel)
    np.testing.assert_allclose(tape.gradient(value, variable), expected, atol=1e-7)


def test_conv2d_refuses_other_paddings():
    with pytest.raises(ValueError, match="padding"):
        ref.conv2d(np.zeros((1, 3, 3, 1)), np.zeros((1, 1, 1, 1)), padding="full")


@pytest.mark.parametrize("size", [2, 3])
def test_max_pool_is_tensorflows(rng, size):
    x = rng.normal(size=(2, 7, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(ref.max_pool(x, size), tf.nn.max_pool2d(x, size, size, "VALID"))


# --- q3 and q4 ---------------------------------------------------------------------------------------------


def test_parameters_are_counted_as_keras_counts():
    stack = [
        ("conv", 3, 1, 32),
        ("pool", 2),
        ("conv", 3, 32, 64),
        ("pool", 2),
        ("conv", 3, 64, 64),
        ("pool", 2),
    ]
    stack += [("flatten",), ("dense", 64, 10)]
    assert ref.count_parameters(stack) == ref.build_cnn().count_params() == 56_394
    with pytest.raises(ValueError, match="dropout"):
        ref.count_parameters([("dropout", 0.5)])


def test_training_is_repeatable_and_lowers_the_loss(rng):
    """A seed gives the same history again; the last val_loss is that of the trained model."""
    x = rng.random((30, 6, 5, 1), np.float32)
    y = (x.mean(axis=(1, 2, 3)) > 0.5).astype(int)
    weights, histories = small_base().get_weights(), []
    for seed in (1, 1, 2):
        model = small_base()
        model.set_weights(weights)
        pair = (x[20:], y[20:])
        histories.append(
            ref.train_cnn(model, x[:20], y[:20], epochs=4, batch_size=8, validation=pair, seed=seed)
        )
    first, again, other = histories
    assert first["loss"] == pytest.approx(again["loss"], rel=1e-5)
    assert first["loss"] != pytest.approx(other["loss"], rel=1e-5)
    assert first["loss"][-1] < first["loss"][0]
    assert other["val_loss"][-1] == pytest.approx(model.evaluate(*pair, verbose=0), rel=1e-4)


# --- q5 and q6 ---------------------------------------------------------------------------------------------


def test_confusion_matrix_is_tensorflows(rng):
    y_true, y_pred = rng.integers(0, 5, (2, 80))
    matrix = ref.confusion_matrix(y_true, y_pred, 6)
    assert np.array_equal(matrix, tf.math.confusion_matrix(y_true, y_pred, 6))
    with pytest.raises(ValueError, match="between 0 and 2"):
        ref.confusion_matrix([0, 3], [0, 1], 3)


def test_inverting_twice_gives_the_original(rng):
    x, y = rng.random((4, 3, 3, 1), np.float32), np.arange(4)
    images, labels = ref.augment_invert(x, y)
    np.testing.assert_allclose(ref.augment_invert(images[4:], y)[0][4:], x, atol=1e-6)
    assert np.array_equal(labels, [*y, *y])


def test_a_stored_model_answers_alike(rng, tmp_path):
    """Also with BatchNorm, a nested frozen part and a folder that is there already."""
    x = rng.random((3, 6, 5, 1), np.float32)
    for model in (small_base(), ref.build_transfer(small_base())):
        ref.save_model(model, str(tmp_path / "here"))
        loaded = ref.load_model(str((tmp_path / "here").rename(tmp_path / f"there {model.name}")))
        np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)
    with pytest.raises(FileNotFoundError):
        ref.load_model(str(tmp_path / "nowhere"))


# --- q7 to q9 ----------------------------------------------------------------------------------------------


def sizes(model):
    return tuple(
        sum(np.size(w) for w in part) for part in (model.trainable_weights, model.non_trainable_weights)
    )


def test_transfer_moves_the_head_and_fine_tuning_everything(rng):
    """The base stays bit-identical, statistics too, until fine_tune; then every weight moves."""
    x, y = rng.normal(size=(24, 6, 5, 1)).astype(np.float32), np.arange(24) % 2
    base = small_base()
    before, answer = base.get_weights(), base(x)
    model = ref.build_transfer(base)
    head = [w.numpy() for w in model.trainable_weights]
    model.fit(x, y, epochs=2, verbose=0)
    assert equal(before, base.get_weights())
    assert np.array_equal(answer, base(x))
    assert not equal(head, [w.numpy() for w in model.trainable_weights])
    history = ref.fine_tune(model, x, y, learning_rate=1e-3, epochs=2, batch_size=8)
    assert len(history["loss"]) == 2
    moved = [not np.array_equal(a, b) for a, b in zip(before[:-2], base.get_weights()[:-2], strict=True)]
    assert all(moved)
    assert equal(before[-2:], base.get_weights()[-2:])  # the base's own classifier is not part of the model


def test_sizes_are_those_of_the_contract():
    assert sizes(ref.build_transfer(ref.build_cnn())) == (65, 55_744)
    base = ref.build_bn_cnn()
    assert sizes(base) == (1_677_674, 1_408)
    assert sizes(ref.build_bn_transfer(base)) == (1_612_298, 66_784)


def test_bn_transfer_leaves_its_base_alone(rng):
    base = ref.build_bn_cnn()
    x, y = rng.random((8, 28, 28, 1), np.float32), np.arange(8)
    before = base.get_weights()
    model = ref.build_bn_transfer(base)
    model.fit(x, y, epochs=1, verbose=0)
    assert equal(before, base.get_weights())
    assert base(x).shape == model(x).shape == (8, 10)
