"""q1: initialisation after He et al.; a truncated normal with the right spread is as good as a normal."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check, hidden_rng

OK_FORMAT = False
name = "q1"
points = 4

# 90,000 and 30,000 weights: the sample's own spread is known to 0.4 %, its kurtosis to 0.03.
SIZES = (450, 200, 150)


def draw(env, sizes, seed, remember=True):
    """The student's parameters as float64 arrays of the right shapes."""
    n_in, n_hidden, n_out = sizes
    params = call(env, "init_params", n_in, n_hidden, n_out, seed, remember=remember)
    check(isinstance(params, dict), "init_params should return a dict with the keys w1, b1, w2 and b2.")
    shapes = {"w1": (n_in, n_hidden), "b1": (n_hidden,), "w2": (n_hidden, n_out), "b2": (n_out,)}
    check(
        set(params) == set(shapes), "The dict of init_params should have exactly the keys w1, b1, w2 and b2."
    )
    return {key: as_array(params[key], f"init_params: {key}", shape) for key, shape in shapes.items()}


def any_seed(rng):
    return int(rng.integers(1, 100_000))


@test_case(
    name="keys, shapes and biases",
    points=1,
    hidden=True,
    success_message="All four arrays are there, in the right shapes, and the biases start at zero.",
    failure_message="Look at the shapes: weights are (inputs, outputs), biases are vectors, and biases start "
    "at 0.",
)
def test_shapes(env):
    rng = hidden_rng("q1 shapes")
    params = draw(env, (5, 7, 3), any_seed(rng))
    for key in ("b1", "b2"):
        check(not params[key].any(), f"{key} should start at zero.")
    for key in ("w1", "w2"):
        check(
            2 * np.unique(params[key]).size > params[key].size, f"{key} should be random, each entry another."
        )


@test_case(
    name="spread of the weights",
    points=1.5,
    hidden=True,
    success_message="Both weight matrices have the standard deviation sqrt(2 / fan_in).",
    failure_message="The standard deviation should be sqrt(2 / fan_in), and each matrix has its own fan-in.",
)
def test_spread(env):
    params = draw(env, SIZES, any_seed(hidden_rng("q1 large")))
    for key in ("w1", "w2"):
        ratio = params[key].std() / np.sqrt(2 / params[key].shape[0])
        check(ratio > 0.94, f"The standard deviation of {key} is too small.")
        check(ratio < 1.06, f"The standard deviation of {key} is too large.")


@test_case(
    name="bell shape around zero",
    points=0.5,
    hidden=True,
    success_message="The weights are drawn from a normal distribution around zero.",
    failure_message="The weights should come from a normal distribution with mean 0, not from a uniform one.",
)
def test_bell(env):
    params = draw(env, SIZES, any_seed(hidden_rng("q1 large")))
    for key in ("w1", "w2"):
        w = params[key].ravel()
        check(abs(w.mean()) < 0.05 * w.std(), f"The mean of {key} should be 0.")
        kurtosis = ((w - w.mean()) ** 4).mean() / w.var() ** 2
        # 1.8 for a uniform distribution, 2.4 for a normal one cut at two deviations, 3 for a normal one
        check(
            2.1 < kurtosis < 3.4, f"The values of {key} are not spread like those of a normal distribution."
        )


@test_case(
    name="repeatable by its seed",
    points=0.5,
    hidden=True,
    success_message="A seed always draws the same weights, and another seed draws others.",
    failure_message="The seed has to reach the random generator: the same one repeats, another one differs.",
)
def test_seed(env):
    seed = any_seed(hidden_rng("q1 seed"))
    first, again, other = (draw(env, (6, 4, 3), s, r) for s, r in ((seed, True), (seed, False), (seed + 17, False)))
    for key in ("w1", "w2"):
        check(np.array_equal(first[key], again[key]), f"{key} should be the same for the same seed.")
        check(not np.allclose(first[key], other[key]), f"{key} should be another for another seed.")


@test_case(
    name="w1 and w2 are independent",
    points=0.5,
    hidden=True,
    success_message="w1 and w2 are independent draws.",
    failure_message="w1 and w2 repeat each other: do both start from the same seed?",
)
def test_independent(env):
    params = draw(env, (60, 60, 60), any_seed(hidden_rng("q1 independent")))
    check(np.ptp(params["w1"]) > 0 and np.ptp(params["w2"]) > 0, "The weights should be random numbers.")
    for second in (params["w2"], params["w2"].T):
        correlation = np.corrcoef(params["w1"].ravel(), second.ravel())[0, 1]
        check(abs(correlation) < 0.15, "w2 repeats the random numbers of w1.")
