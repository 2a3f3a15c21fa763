"""q3: gradient descent from a blend of the last two points."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, by_hand, check, check_close, hidden_rng

OK_FORMAT = False
name = "q3"
points = 7

SHAPES = {"w1": (3, 4), "b1": (4,), "w2": (4, 2), "b2": (2,)}


def draw(rng, scale=1.0, dtype=np.float32):
    return {k: rng.normal(0, scale, s).astype(dtype) for k, s in SHAPES.items()}


def landscape(rng):
    """The gradient of a smooth function that is no bowl: g = a·(θ - c) + sin(2θ) for every element.

    It answers in the dtype it is asked in, as a student's own network would.
    """
    a = {k: rng.uniform(0.3, 1.5, s) for k, s in SHAPES.items()}
    c = draw(rng, dtype=np.float64)

    def gradient(point):
        point = {k: np.asarray(point[k]) for k in SHAPES}
        return {k: (a[k] * (v - c[k]) + np.sin(2 * v)).astype(v.dtype) for k, v in point.items()}

    return gradient


def wide(params):
    return {k: np.asarray(v, np.float64) for k, v in params.items()}


def blend_of(params, prev, alpha):
    params, prev = wide(params), wide(prev)
    return {k: params[k] + alpha * (prev[k] - params[k]) for k in params}


def descend(params, grads, rate):
    return {k: params[k] - rate * grads[k] for k in params}


def step(env, params, prev, gradient, rate, alpha):
    """One step of the student's: (new params, blend) as float32 copies, ready for the next step."""
    result = by_hand(env, "lookback_step", params, prev, gradient, rate, alpha)
    check(
        isinstance(result, tuple | list) and len(result) == 2,
        "lookback_step should return (new_params, blend).",
    )
    return copies(result[0], "new_params"), copies(result[1], "blend")


def copies(params, what):
    check(
        isinstance(params, dict) and set(params) == set(SHAPES),
        f"{what} should be a dict with the keys of params.",
    )
    return {k: as_array(params[k], f"{what}['{k}']", s).astype(np.float32) for k, s in SHAPES.items()}


@test_case(
    name="the blend",
    points=1.5,
    hidden=True,
    success_message="The step blends params and prev and returns the blend.",
    failure_message="The second value is lookback(params, prev, alpha): the point where the gradient was "
    "taken.",
)
def test_blend(env):
    rng = hidden_rng("a2 q3 blend")
    for alpha in rng.uniform([0.1, 0.6], [0.4, 0.9]).tolist():
        params, prev = draw(rng), draw(rng)
        _, blend = step(env, params, prev, landscape(rng), 0.3, alpha)
        check_close(blend, blend_of(params, prev, alpha), "blend")


@test_case(
    name="the step starts at the blend",
    points=2,
    hidden=True,
    success_message="The gradient is taken at the blend, and the step starts there.",
    failure_message="new params = blend - learning_rate·grad_fn(blend). From which point do you step, and "
    "where is the gradient?",
)
def test_step(env):
    rng = hidden_rng("a2 q3 step")
    for alpha in rng.uniform([0.2, 0.6], [0.4, 0.9]).tolist():
        params, prev, gradient, rate = draw(rng), draw(rng), landscape(rng), float(rng.uniform(0.2, 0.5))
        new_params, _ = step(env, params, prev, gradient, rate, alpha)
        start = blend_of(params, prev, alpha)
        check_close(new_params, descend(start, gradient(start), rate), "new_params")


@test_case(
    name="several steps",
    points=1,
    hidden=True,
    success_message="Six steps in a row follow the formula.",
    failure_message="Feed the pair back in, as lookback_step(new_params, blend, ...): does each step "
    "continue the last?",
)
def test_several_steps(env):
    rng = hidden_rng("a2 q3 several")
    params = prev = draw(rng)
    gradient, rate, alpha = landscape(rng), float(rng.uniform(0.1, 0.3)), float(rng.uniform(0.3, 0.7))
    right, right_prev = wide(params), wide(prev)
    for _ in range(6):
        params, prev = step(env, params, prev, gradient, rate, alpha)
        right_prev = blend_of(right, right_prev, alpha)
        right = descend(right_prev, gradient(right_prev), rate)
    check_close(params, right, "new_params after six steps", rtol=1e-3, atol=1e-5)
    check_close(prev, right_prev, "blend after six steps", rtol=1e-3, atol=1e-5)


@test_case(
    name="alpha = 0 is SGD",
    points=1,
    hidden=True,
    success_message="With alpha = 0 nothing is looked back at, and the blend keeps the value from before "
    "the step.",
    failure_message="With alpha = 0 the blend is params as they were before the step: is it a copy, or does "
    "it change along?",
)
def test_alpha_zero(env):
    rng = hidden_rng("a2 q3 alpha zero")
    params, prev, gradient, rate = draw(rng), draw(rng), landscape(rng), float(rng.uniform(0.1, 0.4))
    for _ in range(3):
        before = wide(params)
        params, prev = step(env, params, prev, gradient, rate, 0.0)
        check_close(prev, before, "blend at alpha = 0")
        check_close(params, descend(before, gradient(before), rate), "new_params at alpha = 0")


@test_case(
    name="blends follow SGD at the rate (1-alpha)·lr",
    points=1.5,
    hidden=True,
    success_message="The blends are plain gradient descent at the rate (1-alpha)·lr, and stand still at "
    "alpha = 1.",
    failure_message="Started with prev = params, the blends should follow SGD at the rate (1-alpha)·lr. Is "
    "prev always the last blend?",
)
def test_effective_rate(env):
    rng = hidden_rng("a2 q3 effective rate")
    gradient, rate, alpha = landscape(rng), float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.4, 0.8))
    params = prev = start = draw(rng)
    point = wide(start)
    for _ in range(5):
        params, prev = step(env, params, prev, gradient, rate, alpha)
        check_close(prev, point, "blend", rtol=1e-3, atol=1e-5)
        point = descend(point, gradient(point), (1 - alpha) * rate)
    params = prev = start
    for _ in range(4):
        params, prev = step(env, params, prev, gradient, rate, 1.0)
        check_close(prev, wide(start), "blend at alpha = 1")
