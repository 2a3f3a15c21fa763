"""q4: squared error with a penalty, and cross-entropy of logits."""

import math

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_float, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q4"
points = 6


def network(rng, d, h, c):
    """Random parameters whose four arrays have different norms; only the weights may count."""
    shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
    return {key: rng.normal(0, 1, shape).astype(np.float32) for key, shape in shapes.items()}


def pairs(rng, n, c, scale=1.0):
    """Scores and one-hot labels; every class occurs unless there are fewer examples than classes."""
    labels = rng.permutation(np.arange(n) % c)
    return (scale * rng.normal(0, 1, (n, c))).astype(np.float32), np.eye(c, dtype=np.float32)[labels]


def squared_error(y_hat, t):
    """Mean over examples of the squared distance, by math.dist."""
    return sum(math.dist(y, target) ** 2 for y, target in zip(y_hat.tolist(), t.tolist(), strict=True)) / len(
        t
    )


def entropy(logits, t):
    """Mean over examples of log Σ_k exp(z_k - z_label), one logaddexp at a time, in float64."""
    total = 0.0
    for row, label in zip(np.asarray(logits, np.float64), t.argmax(axis=1), strict=True):
        total += np.logaddexp.reduce(row - row[label])
    return total / len(t)


def loss(env, params, y_hat, t, reg):
    return as_float(call(env, "mse_loss", params, y_hat, t, reg), "mse_loss")


@test_case(
    name="squared error",
    points=1,
    hidden=True,
    success_message="The squared error is right.",
    failure_message="Sum the squared errors over the outputs, then take the mean over the examples.",
)
def test_squared_error(env):
    rng = hidden_rng("q4 squared error")
    for n, c in ((5, 3), (2, 7)):
        y_hat, t = pairs(rng, n, c)
        check_close(loss(env, network(rng, 4, 6, c), y_hat, t, 0.0), squared_error(y_hat, t), "mse_loss")


@test_case(
    name="penalty on the weights",
    points=1.5,
    hidden=True,
    success_message="The penalty is right.",
    failure_message="The penalty is reg times the sum of all squared weights of w1 and w2; biases do not "
    "count.",
)
def test_penalty(env):
    rng = hidden_rng("q4 penalty")
    for reg in (0.3, 0.02):
        params = network(rng, 4, 6, 3)
        y_hat, t = pairs(rng, 5, 3)
        norm = sum(math.hypot(*params[key].ravel().tolist()) ** 2 for key in ("w1", "w2"))
        check_close(
            loss(env, params, y_hat, t, reg), squared_error(y_hat, t) + reg * norm, "mse_loss with reg > 0"
        )


@test_case(
    name="squared error of one example or one output",
    points=0.5,
    hidden=True,
    success_message="One example and one output work too.",
    failure_message="Try y_hat and t of shape (1, 3) and of shape (4, 1). "
    "Does something broadcast or vanish?",
)
def test_single(env):
    rng = hidden_rng("q4 single")
    for n, c in ((1, 3), (4, 1), (1, 1)):
        y_hat, t = rng.normal(0, 1, (2, n, c)).astype(np.float32)
        check_close(loss(env, network(rng, 3, 5, c), y_hat, t, 0.0), squared_error(y_hat, t), "mse_loss")


@test_case(
    name="cross-entropy",
    points=1.5,
    hidden=True,
    success_message="The cross-entropy is right.",
    failure_message="cross_entropy takes logits: minus the sum of t·log softmax, then the mean over the "
    "examples.",
)
def test_cross_entropy(env):
    rng = hidden_rng("q4 cross-entropy")
    for n, c in ((6, 4), (3, 8), (1, 5)):
        logits, t = pairs(rng, n, c, scale=2)
        check_close(call(env, "cross_entropy", logits, t), entropy(logits, t), "cross_entropy")


@test_case(
    name="cross-entropy of very large logits",
    points=1,
    hidden=True,
    success_message="The cross-entropy stays finite for very large logits.",
    failure_message="Shift the logits first, and simplify log softmax on paper: 0 has no logarithm.",
)
def test_large_logits(env):
    rng = hidden_rng("q4 large logits")
    t = np.eye(4, dtype=np.float32)[rng.permutation(4)]
    right = 2e4 * t - 1e4  # all the weight on the true class: the loss is 0
    check_close(call(env, "cross_entropy", right, t), 0.0, "cross_entropy of sure and right logits")
    others = rng.uniform(-5e3, 1e4, (4, 4)).astype(np.float32)
    for logits in (-right, np.where(t == 1, np.float32(-1e4), others)):  # the true class is never the largest
        value = as_float(call(env, "cross_entropy", logits, t), "cross_entropy of large logits")
        check(value > 1, "cross_entropy of large logits: a sure mistake should cost a lot.")


@test_case(
    name="cross-entropy of sure mistakes",
    points=0.5,
    hidden=True,
    success_message="A sure mistake costs what it should.",
    failure_message="For a sure mistake the loss is about the gap between the logits; is something cut off?",
)
def test_sure_mistakes(env):
    rng = hidden_rng("q4 sure mistakes")
    for scale in (50, 1e4):
        t = np.eye(5, dtype=np.float32)[rng.permutation(5)]
        logits = (scale * (rng.uniform(0.5, 1, (5, 5)) - 1.5 * t)).astype(np.float32)
        check_close(
            call(env, "cross_entropy", logits, t), entropy(logits, t), "cross_entropy of sure mistakes"
        )
