"""The reference of a1 against Keras, the tape, finite differences and laws that hold for any input."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autograder.testing import numerical_gradient
from reference import backprop as ref

KEYS = ("w1", "b1", "w2", "b2")
scores = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 5)), elements=st.floats(-1e4, 1e4))
quick = settings(max_examples=40, deadline=None)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def network(rng, d=4, h=6, c=3, dtype=np.float64):
    """Parameters with biases that matter."""
    shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
    return {key: rng.normal(size=shape).astype(dtype) for key, shape in shapes.items()}


def one_hot(rng, n, c=3):
    return np.eye(c)[rng.integers(0, c, n)]


def model_of(params):
    """The same network from Keras' layers; its outputs are (y_hat, hidden)."""
    inputs = keras.Input((len(params["w1"]),))
    hidden = keras.layers.Dense(len(params["b1"]), activation="relu")(inputs)
    model = keras.Model(inputs, [keras.layers.Dense(len(params["b2"]))(hidden), hidden])
    model.set_weights([params[key] for key in KEYS])
    return model


# --- q1 ----------------------------------------------------------------------------------------------------


def test_weights_keep_the_size_of_a_signal():
    """After many He layers with ReLU the mean square of the activations is what it was."""
    h = np.random.default_rng(0).normal(size=(200, 300)).astype(np.float32)
    before = np.mean(h**2)
    for w, b in ref.mlp_init([300] * 8, seed=1):
        z = h @ w + b
        h = np.maximum(z, 0)
    assert np.mean(z**2) / 2 == pytest.approx(before, rel=0.3)


def test_seed_fixes_the_parameters():
    """A seed repeats its parameters, another seed draws others."""
    first, again, other = (ref.init_params(4, 5, 3, seed) for seed in (1, 1, 2))
    assert np.array_equal(first["w1"], again["w1"])
    assert not np.allclose(first["w2"], other["w2"])


def test_empty_layer_is_refused():
    """A layer without units raises ValueError."""
    with pytest.raises(ValueError, match="positive"):
        ref.init_params(4, 0, 3, seed=0)


# --- q2 ----------------------------------------------------------------------------------------------------


@quick
@given(scores)
def test_softmax_is_a_distribution_and_ignores_shifts(z):
    """Each row is positive, sums to 1, and stays the same when a number is added to it."""
    p = ref.softmax(z).numpy()
    assert np.all(p >= 0)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(ref.softmax(z + 128.0), p, rtol=1e-6, atol=1e-12)


@quick
@given(scores)
def test_sigmoid_is_symmetric_and_agrees_with_keras(z):
    """sigmoid(z) + sigmoid(-z) = 1, the derivative is even, and Keras computes the same."""
    np.testing.assert_allclose(ref.sigmoid(z) + ref.sigmoid(-z), np.ones(z.shape), rtol=1e-12)
    np.testing.assert_allclose(ref.sigmoid_grad(z), ref.sigmoid_grad(-z), rtol=1e-12)
    np.testing.assert_allclose(ref.sigmoid(z), keras.activations.sigmoid(tf.constant(z)), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize(("f", "grad"), [(ref.sigmoid, ref.sigmoid_grad), (ref.relu, ref.relu_grad)])
def test_derivatives_agree_with_the_tape(f, grad):
    """The derivatives are those of automatic differentiation, at 0 and far out as well."""
    z = tf.constant([-1e4, -90.0, -3.0, -0.1, 0.0, 0.2, 5.0, 90.0, 1e4])
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = f(z)
    np.testing.assert_allclose(grad(z), tape.gradient(value, z), rtol=1e-5, atol=1e-30)


def test_integers_are_taken_as_floats():
    """Integer input gives float derivatives."""
    assert ref.relu_grad([-1, 0, 2]).dtype == tf.float32


# --- q3, q4 ------------------------------------------------------------------------------------------------


def test_forward_agrees_with_keras(rng):
    """The network is Keras' Dense layers."""
    params, x = network(rng, dtype=np.float32), rng.normal(size=(5, 4)).astype(np.float32)
    for ours, theirs in zip(ref.forward(params, x), model_of(params)(x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_losses_agree_with_keras(rng):
    """Squared error, penalty and cross-entropy are Keras' own, up to their different means."""
    params, y_hat, t = network(rng), rng.normal(size=(6, 3)), one_hot(rng, 6)
    error = keras.losses.MeanSquaredError(dtype="float64")(t, y_hat) * 3
    l2 = keras.regularizers.L2(0.3)
    penalty = sum(l2(tf.constant(params[key])) for key in ("w1", "w2"))
    np.testing.assert_allclose(ref.mse_loss(params, y_hat, t, 0.3), error + penalty, rtol=1e-6)
    cross_entropy = keras.losses.CategoricalCrossentropy(from_logits=True, dtype="float64")
    np.testing.assert_allclose(ref.cross_entropy(y_hat, t), cross_entropy(t, y_hat), rtol=1e-6)


@quick
@given(scores)
def test_cross_entropy_is_finite_and_at_least_zero(logits):
    """No logits up to ±1e4 give an infinite or a negative loss, in float32 neither."""
    t = np.eye(logits.shape[1])[np.arange(len(logits)) % logits.shape[1]]
    for dtype in (np.float32, np.float64):
        loss = float(ref.cross_entropy(logits.astype(dtype), t))
        assert np.isfinite(loss)
        assert loss >= 0


def test_shapes_that_would_broadcast_are_refused(rng):
    """(N, 1) against (N,) raises ValueError instead of comparing everything with everything."""
    params = network(rng, c=1)
    with pytest.raises(ValueError, match="incompatible"):
        ref.mse_loss(params, np.zeros((5, 1)), np.zeros(5), 0.0)


# --- q5, q6, q7 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reg", [0.0, 0.4])
@pytest.mark.parametrize("n", [1, 5])
def test_gradients_agree_with_finite_differences(rng, n, reg):
    """By hand and by tape, with and without penalty: all are the slope of mse_loss."""
    params, x, t = network(rng), rng.normal(size=(n, 4)), rng.normal(size=(n, 3))
    expected = numerical_gradient(lambda p: ref.mse_loss(p, ref.forward(p, x)[0], t, reg), params)
    by_hand = ref.backward(params, x, *ref.forward(params, x), t, reg)
    by_tape = ref.tape_gradients(params, x, t, reg)
    for key in KEYS:
        np.testing.assert_allclose(by_hand[key], expected[key], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(by_tape[key], by_hand[key], rtol=1e-10, atol=1e-12)


def test_cross_entropy_gradients_agree_with_finite_differences(rng):
    """The hand-written gradient is the slope of the cross-entropy."""
    params, x, t = network(rng), rng.normal(size=(5, 4)), one_hot(rng, 5)
    expected = numerical_gradient(lambda p: ref.cross_entropy(ref.forward(p, x)[0], t), params)
    actual = ref.backward_cross_entropy(params, x, t)
    for key in KEYS:
        np.testing.assert_allclose(actual[key], expected[key], rtol=1e-6, atol=1e-7)


def test_arrays_and_tensors_are_taken_alike(rng):
    """float64 inputs to a float32 network, arrays or tensors: the result is float32 and the same."""
    params, x, t = network(rng, dtype=np.float32), rng.normal(size=(5, 4)), one_hot(rng, 5)
    tensors = {key: tf.Variable(value) for key, value in params.items()}
    from_arrays = ref.backward_cross_entropy(params, x, t)
    from_tensors = ref.backward_cross_entropy(tensors, tf.constant(x), tf.constant(t))
    for key in KEYS:
        assert from_arrays[key].dtype == tf.float32
        np.testing.assert_array_equal(from_arrays[key], from_tensors[key])


# --- q8, q9 ------------------------------------------------------------------------------------------------


def test_accuracy_agrees_with_keras(rng):
    """The share of right rows is Keras' metric."""
    y_hat, t = rng.normal(size=(20, 3)), one_hot(rng, 20)
    assert float(ref.accuracy(y_hat, t)) == pytest.approx(np.mean(keras.metrics.categorical_accuracy(t, y_hat)))


@pytest.mark.parametrize("gradients", ["manual", "tape"])
def test_training_agrees_with_keras(rng, gradients):
    """Keras' SGD on the same loss walks through the same parameters and reports the same losses."""
    x, x_test = rng.normal(size=(8, 4)).astype(np.float32), rng.normal(size=(5, 4)).astype(np.float32)
    t, t_test = one_hot(rng, 8).astype(np.float32), one_hot(rng, 5).astype(np.float32)
    options = {"n_hidden": 6, "epochs": 4, "learning_rate": 0.05, "reg": 0.1, "seed": 3}
    params, history = ref.train(x, t, x_test, t_test, gradients=gradients, **options)

    model = model_of({key: value.numpy() for key, value in ref.init_params(4, 6, 3, seed=3).items()})
    variables, optimizer, losses = model.trainable_variables, keras.optimizers.SGD(0.05), []

    def loss(x, t):
        error = tf.reduce_sum(keras.losses.mean_squared_error(t, model(x)[0])) * 3 / len(t)
        return error + 0.1 * (tf.reduce_sum(variables[0] ** 2) + tf.reduce_sum(variables[2] ** 2))

    for _ in range(4):
        with tf.GradientTape() as tape:
            value = loss(x, t)
        optimizer.apply(tape.gradient(value, variables), variables)
        losses.append(float(loss(x_test, t_test)))
    for key, variable in zip(KEYS, variables, strict=True):
        np.testing.assert_allclose(params[key], variable.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(history["test_loss"], losses, rtol=1e-4)
    assert {len(values) for values in history.values()} == {4}


def test_unknown_method_is_refused():
    """gradients other than "manual" and "tape" raise ValueError."""
    x, t = np.zeros((2, 3)), np.eye(2)
    with pytest.raises(ValueError, match="manual"):
        ref.train(x, t, x, t, n_hidden=2, epochs=1, learning_rate=0.1, reg=0.0, gradients="both", seed=0)


# --- q10 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(4, 3), (4, 6, 3), (4, 5, 6, 3)])
def test_mlp_gradients_agree_with_finite_differences(rng, sizes):
    """At every depth mlp_backward is the slope of the cross-entropy of mlp_forward."""
    layers = [(rng.normal(size=sizes[k : k + 2]), rng.normal(size=sizes[k + 1])) for k in range(len(sizes) - 1)]
    x, t = rng.normal(size=(5, 4)), one_hot(rng, 5)
    expected = numerical_gradient(lambda p: ref.cross_entropy(ref.mlp_forward(p, x), t), layers)
    for ours, theirs in zip(ref.mlp_backward(layers, x, t), expected, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_mlp_with_one_hidden_layer_is_the_network(rng):
    """Two layers give the network of q3 and the gradient of q7."""
    params, x, t = network(rng), rng.normal(size=(5, 4)), one_hot(rng, 5)
    layers = [(params["w1"], params["b1"]), (params["w2"], params["b2"])]
    np.testing.assert_allclose(ref.mlp_forward(layers, x), ref.forward(params, x)[0])
    flat = [gradient for pair in ref.mlp_backward(layers, x, t) for gradient in pair]
    for key, gradient in zip(KEYS, flat, strict=True):
        np.testing.assert_allclose(gradient, ref.backward_cross_entropy(params, x, t)[key])


def test_dropout_keeps_the_mean(rng):
    """Over many draws the logits of a linear read-out have the mean that they have without dropout."""
    layers = [(rng.uniform(size=(4, 400)), np.ones(400)), (np.full((400, 1), 1 / 400), np.zeros(1))]
    x = rng.uniform(size=(300, 4))
    dropped = np.mean(ref.mlp_forward(layers, x, dropout_rate=0.4, seed=1))
    assert dropped == pytest.approx(np.mean(ref.mlp_forward(layers, x)), rel=0.01)
    again = np.mean(ref.mlp_forward(layers, x, dropout_rate=0.4, seed=1))
    assert dropped == again


def test_rate_of_one_is_refused(rng):
    """Dropping everything raises ValueError."""
    with pytest.raises(ValueError, match="dropout_rate"):
        ref.mlp_forward(ref.mlp_init([2, 2, 2], seed=0), np.ones((1, 2)), dropout_rate=1.0)
