"""q3: the forward pass."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q3"
points = 4


def network(rng, n, d, h, c):
    """Random parameters with biases that matter, and inputs, as float32."""
    shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
    params = {key: rng.normal(0, 1, shape).astype(np.float32) for key, shape in shapes.items()}
    return params, rng.normal(0, 1, (n, d)).astype(np.float32)


def expected(params, x):
    """The same sums by einsum, in float64."""
    p = {key: value.astype(np.float64) for key, value in params.items()}
    z = np.einsum("nd,dh->nh", x.astype(np.float64), p["w1"]) + p["b1"]
    hidden = np.where(z > 0, z, 0)
    return np.einsum("nh,hc->nc", hidden, p["w2"]) + p["b2"], hidden


def outputs(env, params, x):
    result = call(env, "forward", params, x)
    check(
        isinstance(result, tuple | list) and len(result) == 2,
        "forward should return the pair (y_hat, hidden).",
    )
    return result


@test_case(
    name="hidden layer",
    points=1.5,
    hidden=True,
    success_message="The hidden activations are right.",
    failure_message="hidden = relu(x·w1 + b1), the second value that forward returns.",
)
def test_hidden(env):
    rng = hidden_rng("q3 hidden")
    for n, d, h, c in ((5, 4, 7, 3), (3, 6, 2, 5)):
        params, x = network(rng, n, d, h, c)
        check_close(outputs(env, params, x)[1], expected(params, x)[1], "hidden")


@test_case(
    name="output layer",
    points=1.5,
    hidden=True,
    success_message="The outputs are right.",
    failure_message="y_hat = hidden·w2 + b2, the first value that forward returns, with no activation on it.",
)
def test_output(env):
    rng = hidden_rng("q3 output")
    for n, d, h, c in ((6, 3, 8, 4), (4, 5, 3, 1)):
        params, x = network(rng, n, d, h, c)
        check_close(outputs(env, params, x)[0], expected(params, x)[0], "y_hat")


@test_case(
    name="a batch of one, and dead units",
    points=1,
    hidden=True,
    success_message="One example and hidden units that are all off work too.",
    failure_message="Try one example, x of shape (1, D), and a b1 so negative that every hidden unit is off.",
)
def test_awkward(env):
    rng = hidden_rng("q3 awkward")
    params, x = network(rng, 1, 4, 6, 3)
    y_hat, hidden = outputs(env, params, x)
    check_close(y_hat, expected(params, x)[0], "y_hat of one example")
    check_close(hidden, expected(params, x)[1], "hidden of one example")

    params, x = network(rng, 4, 3, 5, 2)
    params["b1"] -= 100
    y_hat, hidden = outputs(env, params, x)
    check(not as_array(hidden, "hidden", (4, 5)).any(), "hidden should be exactly 0 where a unit is off.")
    check_close(y_hat, np.tile(params["b2"], (4, 1)), "y_hat with every hidden unit off")
