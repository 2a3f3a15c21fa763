"""q6: Adam."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, by_hand, check, check_close, hidden_rng

OK_FORMAT = False
name = "q6"
points = 7

SHAPES = {"w1": (3, 5), "b1": (5,), "w2": (5, 2), "b2": (2,)}
READY_MADE = ("tensorflow.optimizers", "tensorflow.raw_ops.*Apply*", "optax")
STATE = 1  # position of adam_step's state, which may change in place
ATOL = 2e-5  # 1 - 0.999 has a relative error of 5e-5 in float32, and steps here are up to 0.3 long


def draw(rng, low=0.3, high=1.5, shapes=SHAPES):
    """Values of either sign whose sizes spread evenly over the orders of magnitude from low to high."""
    return {
        k: (np.exp(rng.uniform(np.log(low), np.log(high), s)) * rng.choice([-1, 1], s)).astype(np.float32)
        for k, s in shapes.items()
    }


def closed_form(params, history, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam in float64 without recursion: the means are sums over all gradients since the start.

    history: list of the gradients of each step; every step's m̂ and v̂ is a weighted mean of g and g²,
    with weights β^(k-i) that are divided by their sum.
    """
    end = {}
    for key, theta in params.items():
        gradients = np.stack([grads[key] for grads in history]).astype(np.float64)
        moves = []
        for k in range(1, len(history) + 1):
            ages = np.arange(k - 1, -1, -1.0)
            m_hat = np.average(gradients[:k], axis=0, weights=beta_1**ages)
            v_hat = np.average(gradients[:k] ** 2, axis=0, weights=beta_2**ages)
            moves.append(rate * m_hat / (np.sqrt(v_hat) + epsilon))
        end[key] = theta - np.sum(moves, axis=0)
    return end


def step(env, params, state, grads, rate, **options):
    """One step of the student's: (params as float32 copies, their state)."""
    result = by_hand(
        env, "adam_step", params, state, grads, rate, forbidden=READY_MADE, may_change=(STATE,), **options
    )
    check(isinstance(result, tuple | list) and len(result) == 2, "adam_step should return (params, state).")
    new_params, state = result
    check(isinstance(new_params, dict) and set(new_params) == set(params), "params should keep their keys.")
    new_params = {
        k: as_array(new_params[k], f"params['{k}']", v.shape).astype(np.float32) for k, v in params.items()
    }
    return new_params, state


def steps(env, params, history, rate, **options):
    """The student's parameters after one step for each entry of history."""
    state = by_hand(env, "adam_init", params)
    for grads in history:
        params, state = step(env, params, state, grads, rate, **options)
    return params


@test_case(
    name="first step has the size of the learning rate",
    points=1,
    hidden=True,
    success_message="The first step moves every parameter by the learning rate, whatever the gradient's "
    "size.",
    failure_message="At the first step m̂ = g and v̂ = g², so each parameter moves by learning_rate. Are "
    "both means corrected?",
)
def test_first_step(env):
    rng = hidden_rng("a2 q6 first step")
    params, grads, rate = draw(rng), draw(rng, 0.1, 1e2), float(rng.uniform(0.05, 0.3))
    expected = {k: params[k] - rate * np.sign(grads[k]).astype(np.float64) for k in params}
    check_close(steps(env, params, [grads], rate), expected, "params after one step", atol=ATOL)


@test_case(
    name="several steps as Keras",
    points=1.5,
    hidden=True,
    success_message="Eight steps end where keras.optimizers.Adam ends.",
    failure_message="Feed params and state back in and compare with keras.optimizers.Adam: which is the "
    "first step that differs?",
)
def test_against_keras(env):
    import keras

    rng = hidden_rng("a2 q6 keras")
    params, history, rate = draw(rng), [draw(rng) for _ in range(8)], float(rng.uniform(0.02, 0.1))
    variables = {k: keras.Variable(v) for k, v in params.items()}
    optimizer = keras.optimizers.Adam(rate)
    for grads in history:
        optimizer.apply([grads[k] for k in params], list(variables.values()))
    check_close(
        steps(env, params, history, rate),
        {k: np.asarray(v) for k, v in variables.items()},
        "params",
        atol=ATOL,
    )


@test_case(
    name="means and their correction",
    points=1.5,
    hidden=True,
    success_message="Both means and their corrections are right for other values of beta too.",
    failure_message="m averages g with beta_1, v averages g² with beta_2; divide each by 1 - beta^k at step "
    "k, for this step only.",
)
def test_betas(env):
    rng = hidden_rng("a2 q6 betas")
    params, history = draw(rng), [draw(rng) for _ in range(5)]
    betas = {"beta_1": float(rng.uniform(0.2, 0.5)), "beta_2": float(rng.uniform(0.6, 0.9))}
    check_close(
        steps(env, params, history, 0.1, **betas),
        closed_form(params, history, 0.1, **betas),
        "params",
        atol=ATOL,
    )


@test_case(
    name="epsilon outside the root",
    points=1,
    hidden=True,
    success_message="epsilon is added to the root of the corrected mean square.",
    failure_message="sqrt(v̂) + epsilon, with v̂ already corrected: it shows where gradients are tiny. The "
    "default is 1e-7.",
)
def test_epsilon(env):
    rng = hidden_rng("a2 q6 epsilon")
    for low, high, options in ((3e-7, 3e-6, {}), (0.3, 1.5, {"epsilon": float(rng.uniform(0.2, 0.6))})):
        params, history = draw(rng), [draw(rng, low, high) for _ in range(3)]
        check_close(
            steps(env, params, history, 0.2, **options),
            closed_form(params, history, 0.2, **options),
            "params",
            atol=ATOL,
        )


@test_case(
    name="keys in another order",
    points=1,
    hidden=True,
    success_message="Gradients and state find their parameter by its key, and gradients of zero are no "
    "trouble.",
    failure_message="Match params, grads and state by key; their order can differ, and so can names and "
    "shapes.",
)
def test_order(env):
    rng = hidden_rng("a2 q6 order")
    shapes = {"left": (2, 3), "gain": (1,), "kernel": (2, 1, 3), "bias": (1,), "right": (2, 3)}
    params = draw(rng, shapes=shapes)
    history = [draw(rng, shapes=dict(reversed(shapes.items()))) for _ in range(3)]
    for grads in history:
        grads["left"][0] = 0  # a dead unit: never a gradient
    check_close(steps(env, params, history, 0.1), closed_form(params, history, 0.1), "params", atol=ATOL)


@test_case(
    name="two networks in turn",
    points=1,
    hidden=True,
    success_message="Each network has a state of its own.",
    failure_message="Train two networks in turn, each with its own state: do they share a step counter or a "
    "mean?",
)
def test_two_states(env):
    rng = hidden_rng("a2 q6 two states")
    networks = [draw(rng), draw(rng)]
    histories = [[draw(rng) for _ in range(4)] for _ in networks]
    expected = [closed_form(p, h, 0.1) for p, h in zip(networks, histories, strict=True)]
    states = [by_hand(env, "adam_init", params) for params in networks]
    for k in range(4):
        for i in (0, 1):
            networks[i], states[i] = step(env, networks[i], states[i], histories[i][k], 0.1)
    check_close(networks, expected, "params of the two networks", atol=ATOL)
