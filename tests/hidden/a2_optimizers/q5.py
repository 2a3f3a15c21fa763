"""q5: RMSprop and Adagrad."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, by_hand, check, check_close, hidden_rng

OK_FORMAT = False
name = "q5"
points = 6

SHAPES = {"w1": (3, 5), "b1": (5,), "w2": (5, 2), "b2": (2,)}
READY_MADE = ("tensorflow.optimizers", "tensorflow.raw_ops.*Apply*", "optax")


def draw(rng, scale=1.0):
    return {
        k: (scale * rng.uniform(0.3, 1.5, s) * rng.choice([-1, 1], s)).astype(np.float32)
        for k, s in SHAPES.items()
    }


def squares(rng, scale=1.0):
    """A running sum or mean of squares: positive, and with its keys in another order than params."""
    return {k: (scale * rng.uniform(0.2, 2, s)).astype(np.float32) for k, s in reversed(SHAPES.items())}


def wide(params):
    return {k: np.asarray(v, np.float64) for k, v in params.items()}


def scaled(params, state, grads, rate, epsilon):
    """θ - lr·g·(state + ε)^(-1/2) in float64."""
    p, s, g = wide(params), wide(state), wide(grads)
    return {k: p[k] - rate * g[k] * np.power(s[k] + epsilon, -0.5) for k in p}


def averaged(square_avg, grads, rho):
    s, g = wide(square_avg), wide(grads)
    return {k: g[k] * g[k] + rho * (s[k] - g[k] * g[k]) for k in g}


def summed(accumulator, grads):
    a, g = wide(accumulator), wide(grads)
    return {k: a[k] + np.square(g[k]) for k in g}


def step(env, rule, params, state, grads, rate, **options):
    """One step of the student's: (params, state) as float32 copies, ready for the next step."""
    result = by_hand(env, rule, params, state, grads, rate, forbidden=READY_MADE, **options)
    check(isinstance(result, tuple | list) and len(result) == 2, f"{rule} should return (params, state).")
    return copies(result[0], "params"), copies(result[1], "state")


def copies(values, what):
    check(
        isinstance(values, dict) and set(values) == set(SHAPES),
        f"{what} should be a dict with the keys of params.",
    )
    return {k: as_array(values[k], f"{what}['{k}']", s).astype(np.float32) for k, s in SHAPES.items()}


def against_keras(env, rng, rule, optimizer, start, rate):
    import keras

    params = draw(rng)
    state = {k: np.full_like(v, start) for k, v in params.items()}
    variables = {k: keras.Variable(v) for k, v in params.items()}
    for _ in range(6):
        grads = draw(rng)
        optimizer.apply([grads[k] for k in params], list(variables.values()))
        params, state = step(env, rule, params, state, grads, rate)
        check_close(params, {k: np.asarray(v) for k, v in variables.items()}, "params", atol=1e-5)


@test_case(
    name="RMSprop, one step",
    points=1,
    hidden=True,
    success_message="The average of squares and the step are right.",
    failure_message="s ← rho·s + (1-rho)·g² in new arrays, and the step is divided by the root of the new s.",
)
def test_rmsprop(env):
    rng = hidden_rng("a2 q5 rmsprop")
    for options in ({}, {"rho": float(rng.uniform(0.4, 0.7))}):
        params, state, grads, rate = draw(rng), squares(rng), draw(rng), float(rng.uniform(0.1, 0.5))
        new_params, new_state = step(env, "rmsprop_step", params, state, grads, rate, **options)
        expected = averaged(state, grads, options.get("rho", 0.9))
        check_close(new_state, expected, "square_avg")
        check_close(new_params, scaled(params, expected, grads, rate, 1e-7), "params")


@test_case(
    name="RMSprop, several steps as Keras",
    points=1,
    hidden=True,
    success_message="Six steps from a zero average end where keras.optimizers.RMSprop ends.",
    failure_message="Start with an average of zeros, feed both values back in, and compare with Keras step "
    "by step.",
)
def test_rmsprop_against_keras(env):
    import keras

    against_keras(
        env, hidden_rng("a2 q5 rmsprop keras"), "rmsprop_step", keras.optimizers.RMSprop(0.05), 0.0, 0.05
    )


@test_case(
    name="RMSprop, epsilon under the root",
    points=1,
    hidden=True,
    success_message="epsilon stands under the root.",
    failure_message="sqrt(s + epsilon), not sqrt(s) + epsilon: it shows where gradients are tiny. The "
    "default is 1e-7.",
)
def test_rmsprop_epsilon(env):
    rng = hidden_rng("a2 q5 rmsprop epsilon")
    for scale, options in ((1e-4, {}), (1.0, {"epsilon": float(rng.uniform(0.2, 0.6))})):
        params, state, grads = draw(rng), squares(rng, scale**2), draw(rng, scale)
        new_params, _ = step(env, "rmsprop_step", params, state, grads, 0.3, **options)
        expected = scaled(params, averaged(state, grads, 0.9), grads, 0.3, options.get("epsilon", 1e-7))
        check_close(new_params, expected, "params")


@test_case(
    name="Adagrad, one step",
    points=1,
    hidden=True,
    success_message="The sum of squares and the step are right.",
    failure_message="a ← a + g² in new arrays, and the step is divided by the root of the new a.",
)
def test_adagrad(env):
    rng = hidden_rng("a2 q5 adagrad")
    for _ in range(2):
        params, state, grads, rate = draw(rng), squares(rng), draw(rng), float(rng.uniform(0.1, 0.5))
        new_params, new_state = step(env, "adagrad_step", params, state, grads, rate)
        expected = summed(state, grads)
        check_close(new_state, expected, "accumulator")
        check_close(new_params, scaled(params, expected, grads, rate, 1e-7), "params")


@test_case(
    name="Adagrad, several steps as Keras",
    points=1,
    hidden=True,
    success_message="Six steps from Keras' starting value end where keras.optimizers.Adagrad ends.",
    failure_message="The sum keeps every square since the start: compare with Keras step by step, from the "
    "same first value.",
)
def test_adagrad_against_keras(env):
    import keras

    optimizer = keras.optimizers.Adagrad(0.2, initial_accumulator_value=0.1)
    against_keras(env, hidden_rng("a2 q5 adagrad keras"), "adagrad_step", optimizer, 0.1, 0.2)


@test_case(
    name="Adagrad, epsilon under the root",
    points=1,
    hidden=True,
    success_message="epsilon stands under the root, and a gradient of zero is no trouble.",
    failure_message="sqrt(a + epsilon), not sqrt(a) + epsilon: it shows where gradients are tiny or zero. "
    "The default is 1e-7.",
)
def test_adagrad_epsilon(env):
    rng = hidden_rng("a2 q5 adagrad epsilon")
    for scale, options in ((1e-4, {}), (1.0, {"epsilon": float(rng.uniform(0.5, 1.5))})):
        params, state, grads = draw(rng), squares(rng, scale**2), draw(rng, scale)
        for value in (grads["b1"], state["b1"]):
            value[0] = 0  # a dead unit: never a gradient
        new_params, _ = step(env, "adagrad_step", params, state, grads, 0.3, **options)
        expected = scaled(params, summed(state, grads), grads, 0.3, options.get("epsilon", 1e-7))
        check_close(new_params, expected, "params")
