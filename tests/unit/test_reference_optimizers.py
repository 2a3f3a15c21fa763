"""The reference of a2 against Keras' optimizers, closed forms and laws that hold for any input."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reference import optimizers as ref

SHAPES = {"w": (3, 2), "b": (2,), "kernel": (2, 1, 3)}
numbers = arrays(np.float64, (2, 3), elements=st.floats(-10, 10))
shares = st.floats(0, 1)
quick = settings(max_examples=40, deadline=None)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def draw(rng, shapes=SHAPES, dtype=np.float32):
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def filled(value, dtype=np.float32):
    return {name: np.full(shape, value, dtype) for name, shape in SHAPES.items()}


def backwards(values):
    return dict(reversed(values.items()))


def assert_close(actual, expected, rtol=1e-5, atol=1e-6):
    assert set(actual) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol, atol)


def linear(params, state, grads):
    return ref.sgd_step(params, grads, 0.05), state


def momentum(params, velocity, grads):
    return ref.momentum_step(params, velocity, grads, 0.05, 0.8)


def nesterov(params, velocity, grads):
    return ref.momentum_step(params, velocity, grads, 0.05, 0.8, nesterov=True)


def rmsprop(params, average, grads):
    return ref.rmsprop_step(params, average, grads, 0.05)


def adagrad(params, total, grads):
    return ref.adagrad_step(params, total, grads, 0.05)


def adam(params, state, grads):
    return ref.adam_step(params, state, grads, 0.05)


RULES = {
    "sgd": (linear, None, lambda: keras.optimizers.SGD(0.05)),
    "momentum": (momentum, filled(0.0), lambda: keras.optimizers.SGD(0.05, momentum=0.8)),
    "nesterov": (nesterov, filled(0.0), lambda: keras.optimizers.SGD(0.05, momentum=0.8, nesterov=True)),
    "rmsprop": (rmsprop, filled(0.0), lambda: keras.optimizers.RMSprop(0.05)),
    "adagrad": (adagrad, filled(0.1), lambda: keras.optimizers.Adagrad(0.05)),
    "adam": (adam, ref.adam_init(filled(0.0)), lambda: keras.optimizers.Adam(0.05)),
}


# --- q1, q4, q5, q6: the rules -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("as_type", [np.asarray, tf.constant], ids=["numpy", "tensorflow"])
def test_rules_take_the_steps_of_keras(rng, name, as_type):
    """Ten steps in a row end where Keras ends, from arrays and from tensors, in any order of the keys."""
    step, state, make = RULES[name]
    params, optimizer = draw(rng), make()
    variables = {key: keras.Variable(value) for key, value in params.items()}
    params = {key: as_type(value) for key, value in params.items()}
    for _ in range(10):
        grads = draw(rng)
        optimizer.apply([grads[key] for key in variables], list(variables.values()))
        params, state = step(params, state, {key: as_type(value) for key, value in backwards(grads).items()})
    # Keras computes 1 - 0.999**k in float32, with a relative error of up to 1e-5.
    assert_close(params, {key: np.asarray(value) for key, value in variables.items()}, atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_rules_lose_nothing_but_rounding_in_float32(rng, name):
    """Ten steps in float32 are ten steps in float64, rounded."""
    step, state, _ = RULES[name]
    params, history = draw(rng), [draw(rng) for _ in range(10)]
    wide_params = {key: value.astype(np.float64) for key, value in params.items()}
    if name == "adam":
        wide_state = ref.adam_init(wide_params)
    else:
        wide_state = state and {key: value.astype(np.float64) for key, value in state.items()}
    for grads in history:
        params, state = step(params, state, grads)
        wide_grads = {key: value.astype(np.float64) for key, value in grads.items()}
        wide_params, wide_state = step(wide_params, wide_state, wide_grads)
    assert_close(params, wide_params, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", RULES)
def test_rules_leave_their_arguments_alone(rng, name):
    """Parameters, memory and gradients are as they were after a step."""
    step, state, _ = RULES[name]
    params, grads = draw(rng), draw(rng)
    before = [np.copy(value) for value in tf.nest.flatten([params, state, grads])]
    step(params, state, grads)
    for value, copy in zip(tf.nest.flatten([params, state, grads]), before, strict=True):
        np.testing.assert_array_equal(value, copy)


@pytest.mark.parametrize("name", ["momentum", "nesterov", "rmsprop", "adagrad", "adam"])
def test_rules_stay_at_rest_without_gradient(name):
    """A unit that never fires has a gradient of exactly 0, and its parameters stay finite and still."""
    step, state, _ = RULES[name]
    params, _ = step(filled(1.5), state if name == "adam" else filled(0.0), filled(0.0))
    assert_close(params, filled(1.5), atol=0)


def test_adam_of_a_constant_gradient_steps_by_the_learning_rate():
    """With bias correction m̂ = g and v̂ = g² at every step, not only at the first."""
    params, grads = filled(0.0), filled(-3e-4)
    state = ref.adam_init(params)
    for k in range(1, 30):
        params, state = ref.adam_step(params, state, grads, 0.01)
        assert_close(params, filled(0.01 * k), rtol=1e-3)


def test_bias_correction_is_exact_in_float32():
    """1 - 0.999 in float32 has 4 right digits; the first step's correction still has 7."""
    m_hat = ref._without_bias(tf.constant(0.001), 0.999, tf.constant(1, tf.int64))
    assert float(m_hat) == pytest.approx(1.0, rel=2e-7)


@quick
@given(numbers, st.floats(0.1, 1e3))
def test_rmsprop_and_adam_do_not_mind_the_scale_of_the_loss(gradient, scale):
    """A loss in other units has the same steps, up to epsilon."""
    gradient = gradient + np.where(gradient < 0, -1, 1)
    start = {"w": np.zeros((2, 3))}
    for step, state in ((rmsprop, start), (adam, ref.adam_init(start))):
        one, _ = step(start, state, {"w": gradient})
        other, _ = step(start, state, {"w": scale * gradient})
        np.testing.assert_allclose(one["w"], other["w"], rtol=1e-3)


# --- q2, q3: looking back ----------------------------------------------------------------------------------


@quick
@given(numbers, numbers, shares)
def test_lookback_lies_between_its_ends(theta, before, alpha):
    """The blend is where both shares say, for an array and within a dict, and is a value of its own."""
    blend = ref.lookback(theta, before, alpha)
    np.testing.assert_allclose(blend, before + (1 - alpha) * (theta - before), atol=1e-12)
    np.testing.assert_array_equal(ref.lookback({"w": theta}, {"w": before}, alpha)["w"], blend)
    assert not np.shares_memory(blend, theta)


@quick
@given(numbers, shares, st.floats(0, 0.5))
def test_blends_follow_slower_descent(start, alpha, rate):
    """Blends are gradient descent at the rate (1-α)·lr: on a bowl they shrink by 1 - (1-α)·lr a step."""
    params = prev = {"w": start}
    for k in range(6):
        params, prev = ref.lookback_step(params, prev, dict, rate, alpha)  # the gradient of ½‖w‖² is w
        np.testing.assert_allclose(prev["w"], (1 - (1 - alpha) * rate) ** k * start, atol=1e-9)


# --- q7: the schedule --------------------------------------------------------------------------------------


@quick
@given(st.integers(1, 2000), st.integers(1, 100_000), st.integers(2, 10_000))
def test_schedule_peaks_at_the_end_of_the_rise(d_model, step, warmup_steps):
    """No step has a larger rate than 1/√(d_model·warmup_steps)."""
    peak = ref.warmup_schedule(warmup_steps, d_model, warmup_steps)
    assert peak == pytest.approx((d_model * warmup_steps) ** -0.5)
    assert 0 < ref.warmup_schedule(step, d_model, warmup_steps) <= peak * (1 + 1e-12)


def test_schedule_counts_from_one():
    """Step 0 would be a division by zero and is refused in words."""
    with pytest.raises(ValueError, match="count from 1, but got 0"):
        ref.warmup_schedule(0, 64)


# --- q8, q9: training --------------------------------------------------------------------------------------


def task(rng, n=10, d=3, c=2):
    return rng.normal(size=(n, d)).astype(np.float32), np.eye(c, dtype=np.float32)[np.arange(n) % c]


def test_sweep_is_descent_at_another_rate(rng):
    """α at rate lr is α = 0 at rate (1-α)·lr, α = 1 is a constant, and each alpha starts at the same loss."""
    x, t = task(rng)
    curves = ref.alpha_sweep(x, t, [0.0, 0.6, 1.0], n_hidden=5, epochs=7, learning_rate=0.1, seed=3)
    slower = ref.alpha_sweep(x, t, [0.0], n_hidden=5, epochs=7, learning_rate=0.04, seed=3)
    np.testing.assert_allclose(curves[0.6], slower[0.0], rtol=1e-5)
    np.testing.assert_allclose(curves[1.0], [curves[0.0][0]] * 7, rtol=1e-6)
    assert curves[0.0][-1] < curves[0.6][-1] < curves[1.0][-1]


@pytest.mark.parametrize(
    ("optimizer", "make"),
    {
        "sgd": lambda: keras.optimizers.SGD(0.05),
        "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
        "rmsprop": lambda: keras.optimizers.RMSprop(0.05),
        "adagrad": lambda: keras.optimizers.Adagrad(0.05, initial_accumulator_value=0.0),
        "adam": lambda: keras.optimizers.Adam(0.05),
    }.items(),
)
def test_training_is_that_of_keras(rng, optimizer, make):
    """With one batch of everything, `fit` of the same network ends at the same weights and loss."""
    x, t = task(rng)
    params, history = ref.train_minibatch(
        x, t, n_hidden=4, epochs=5, batch_size=99, optimizer=optimizer, learning_rate=0.05, seed=8
    )
    start = ref.init_params(3, 4, 2, 8)
    layers = [keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.set_weights([start[key] for key in ("w1", "b1", "w2", "b2")])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(make(), loss, jit_compile=False)
    for _ in range(5):
        model.train_on_batch(x, t)
    for key, weight in zip(("w1", "b1", "w2", "b2"), model.get_weights(), strict=True):
        np.testing.assert_allclose(params[key], weight, rtol=1e-3, atol=1e-4)
    assert history["loss"][-1] == pytest.approx(float(loss(t, model(x))), rel=1e-3)


def test_every_example_counts_in_an_epoch(rng):
    """Steps of SGD on single examples, from weights so small that the gradient hardly changes, add up."""
    x, t = task(rng, n=7)
    settings = {"n_hidden": 4, "epochs": 1, "optimizer": "sgd", "seed": 2}
    start = ref.init_params(3, 4, 2, 2)
    whole, _ = ref.train_minibatch(x, t, batch_size=7, learning_rate=7e-4, **settings)
    single, history = ref.train_minibatch(x, t, batch_size=1, learning_rate=1e-4, **settings)
    for key in start:
        np.testing.assert_allclose(single[key] - start[key], whole[key] - start[key], rtol=0.02, atol=2e-7)
    assert [len(values) for values in history.values()] == [1, 1]


def test_seed_fixes_weights_and_order(rng):
    """A seed repeats a training, another seed has another one."""
    x, t = task(rng)
    settings = {"n_hidden": 4, "epochs": 2, "batch_size": 3, "optimizer": "adam", "learning_rate": 0.1}
    first, again, other = (ref.train_minibatch(x, t, seed=seed, **settings)[0] for seed in (1, 1, 2))
    assert_close(again, first, atol=0)
    assert not np.allclose(other["w1"], first["w1"])


def test_unknown_optimizer_is_named(rng):
    """The message says what there is and what was asked for."""
    with pytest.raises(ValueError, match="sgd, momentum, rmsprop, adagrad, adam, but got 'adamw'"):
        ref.train_minibatch(
            *task(rng), n_hidden=2, epochs=1, batch_size=2, optimizer="adamw", learning_rate=0.1, seed=0
        )
