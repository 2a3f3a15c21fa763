"""q6: gradients of the squared error through the tape; only the values are tested."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import call, check, check_close, hidden_rng, numerical_gradient

OK_FORMAT = False
name = "q6"
points = 4


def problem(label, n, d, h, c):
    """Parameters, inputs and targets as float32."""
    rng = hidden_rng(label)
    shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
    params = {key: rng.normal(0, 1, shape).astype(np.float32) for key, shape in shapes.items()}
    return params, rng.normal(0, 1, (n, d)).astype(np.float32), rng.normal(0, 1, (n, c)).astype(np.float32)


def check_gradients(env, params, x, t, reg):
    """Compare with the formula, written out in float64, and with finite differences of the loss."""
    result = call(env, "tape_gradients", params, x, t, reg)
    check(isinstance(result, dict), "tape_gradients should return a dict with the keys of params.")
    check_close(result, by_formula(params, x, t, reg), "tape_gradients", atol=1e-5)
    check_close(result, numerical_gradient(lambda p: loss(p, x, t, reg), params), "tape_gradients", atol=1e-5)


def loss(p, x, t, reg):
    y_hat = np.maximum(x.astype(np.float64) @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"]
    return ((y_hat - t) ** 2).sum(axis=1).mean() + reg * ((p["w1"] ** 2).sum() + (p["w2"] ** 2).sum())


def by_formula(params, x, t, reg):
    p = {key: value.astype(np.float64) for key, value in params.items()}
    x = x.astype(np.float64)
    z = x @ p["w1"] + p["b1"]
    hidden = z * (z > 0)
    d_y = 2 * (hidden @ p["w2"] + p["b2"] - t) / len(t)
    d_z = d_y @ p["w2"].T * (z > 0)
    return {
        "w1": x.T @ d_z + 2 * reg * p["w1"],
        "b1": d_z.sum(axis=0),
        "w2": hidden.T @ d_y + 2 * reg * p["w2"],
        "b2": d_y.sum(axis=0),
    }


@test_case(
    name="gradients without a penalty",
    points=2,
    hidden=True,
    success_message="The gradients with reg = 0 are right.",
    failure_message="Watch all four parameters, run forward and mse_loss inside the tape, differentiate the "
    "loss.",
)
def test_data_term(env):
    check_gradients(env, *problem("q6 data term", 5, 4, 6, 3), 0.0)


@test_case(
    name="gradients with the penalty",
    points=1.5,
    hidden=True,
    success_message="The gradients with reg > 0 are right.",
    failure_message="The penalty belongs to the loss that the tape differentiates, and depends on w1 and w2 "
    "alone.",
)
def test_penalty(env):
    for reg in (0.4, 0.03):
        check_gradients(env, *problem(f"q6 penalty {reg}", 3, 5, 4, 2), reg)


@test_case(
    name="one example or one output",
    points=0.5,
    hidden=True,
    success_message="One example and one output work too.",
    failure_message="Try x of shape (1, D), and t of shape (N, 1): every gradient keeps its parameter's "
    "shape.",
)
def test_single(env):
    check_gradients(env, *problem("q6 one example", 1, 3, 6, 4), 0.1)
    check_gradients(env, *problem("q6 one output", 4, 3, 5, 1), 0.1)
