"""q2: the L2 penalty of a list of weights."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_float, call, check_close, hidden_rng

OK_FORMAT = False
name = "q2"
points = 3


def weights(rng, *shapes):
    return [rng.normal(0, 1, shape).astype(np.float32) for shape in shapes]


def penalty(arrays, factor):
    return factor * sum(np.vdot(w, w) for w in (np.asarray(a, np.float64) for a in arrays))


@test_case(
    name="value of the penalty",
    points=2,
    hidden=True,
    success_message="The penalty is the factor times the sum of all squared weights.",
    failure_message="factor·Σ‖w‖²: square every entry, add up all entries of all arrays, and multiply by factor.",
)
def test_value(env):
    rng = hidden_rng("q2 value")
    for factor in (0.3, 0.02):
        arrays = weights(rng, (5, 4), (4, 6), (6, 2))
        value = as_float(call(env, "l2_penalty", arrays, factor), "l2_penalty")
        check_close(value, penalty(arrays, factor), "l2_penalty")


@test_case(
    name="arrays of any shape",
    points=1,
    hidden=True,
    success_message="Vectors, matrices and convolution kernels count alike, in lists of any length.",
    failure_message="Every array in the list counts, whatever its shape, and a list of one array is a list.",
)
def test_shapes(env):
    rng = hidden_rng("q2 shapes")
    for shapes in (((3, 3, 2, 4), (4,), (5, 3)), ((7,),), ((2, 3), (3, 2), (2, 5), (5,))):
        arrays = weights(rng, *shapes)
        value = as_float(call(env, "l2_penalty", arrays, 0.7), "l2_penalty")
        check_close(value, penalty(arrays, 0.7), f"l2_penalty of {len(arrays)} arrays")
