"""q2: the blend of two points."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import by_hand, check_close, hidden_rng

OK_FORMAT = False
name = "q2"
points = 4

SHAPES = {"w1": (3, 5), "b1": (5,), "kernel": (2, 1, 4), "b2": (1,)}


def draw(rng, shape, dtype=np.float32):
    return rng.normal(0, 2, shape).astype(dtype)


def between(theta, theta_prev, alpha):
    """The point at the share alpha of the way from theta to theta_prev, in float64."""
    theta, theta_prev = np.asarray(theta, np.float64), np.asarray(theta_prev, np.float64)
    return theta + alpha * (theta_prev - theta)


@test_case(
    name="blend of two arrays",
    points=1.5,
    hidden=True,
    success_message="Arrays of any shape are blended.",
    failure_message="(1-alpha)·theta + alpha·theta_prev for one array. Which of the two does alpha belong "
    "to?",
)
def test_arrays(env):
    rng = hidden_rng("a2 q2 arrays")
    for shape, dtype in (
        ((4,), np.float32),
        ((3, 2), np.float64),
        ((1, 5), np.float32),
        ((2, 3, 4), np.float32),
    ):
        theta, theta_prev = draw(rng, shape, dtype), draw(rng, shape, dtype)
        for alpha in rng.uniform([0.05, 0.6], [0.4, 0.95]).tolist():
            blend = by_hand(env, "lookback", theta, theta_prev, alpha)
            check_close(blend, between(theta, theta_prev, alpha), "the blend")


@test_case(
    name="blend of two dicts",
    points=1.5,
    hidden=True,
    success_message="Dicts are blended key by key.",
    failure_message="For two dicts return a new dict: every array blended with the one under the same key.",
)
def test_dicts(env):
    rng = hidden_rng("a2 q2 dicts")
    alpha = float(rng.uniform(0.15, 0.4))
    theta = {"a": draw(rng, (3, 2)), "b": draw(rng, (3, 2))}
    theta_prev = {"b": draw(rng, (3, 2)), "a": draw(rng, (3, 2))}
    blend = by_hand(env, "lookback", theta, theta_prev, alpha)
    check_close(blend, {k: between(theta[k], theta_prev[k], alpha) for k in theta}, "the blend")

    theta = {k: draw(rng, s) for k, s in SHAPES.items()}
    theta_prev = {k: draw(rng, s) for k, s in reversed(SHAPES.items())}
    blend = by_hand(env, "lookback", theta, theta_prev, 1 - alpha)
    check_close(blend, {k: between(theta[k], theta_prev[k], 1 - alpha) for k in theta}, "the blend")


@test_case(
    name="both ends and the middle",
    points=1,
    hidden=True,
    success_message="alpha = 0 gives theta, alpha = 1 gives theta_prev, and a half lies half-way.",
    failure_message="What should alpha = 0, alpha = 1 and alpha = 0.5 give? Try numbers small enough to do "
    "in your head.",
)
def test_ends(env):
    rng = hidden_rng("a2 q2 ends")
    theta, theta_prev = {"w": draw(rng, (2, 3))}, {"w": draw(rng, (2, 3))}
    for alpha in (0.0, 0.5, 1.0):
        expected = {"w": between(theta["w"], theta_prev["w"], alpha)}
        check_close(
            by_hand(env, "lookback", theta, theta_prev, alpha), expected, f"the blend at alpha = {alpha}"
        )
    for alpha in (0, 1):  # whole numbers are numbers too
        expected = between(theta["w"], theta_prev["w"], alpha)
        check_close(
            by_hand(env, "lookback", theta["w"], theta_prev["w"], alpha),
            expected,
            f"the blend at alpha = {alpha}",
        )
