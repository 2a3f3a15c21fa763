"""q7: gradients of softmax and cross-entropy by hand, against finite differences and the tape."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import by_hand, check, check_close, hidden_rng, numerical_gradient, tape_gradient

OK_FORMAT = False
name = "q7"
points = 5
KEYS = ("w1", "b1", "w2", "b2")


def problem(label, n=5, d=4, h=6, c=3, off=()):
    """Parameters, inputs and one-hot labels as float32; the hidden units in `off` are always off."""
    rng = hidden_rng(label)
    shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
    params = {key: rng.normal(0, 1, shape).astype(np.float32) for key, shape in shapes.items()}
    params["b1"][list(off)] -= 100
    labels = rng.permutation(np.arange(n) % c)
    return params, rng.normal(0, 1, (n, d)).astype(np.float32), np.eye(c, dtype=np.float32)[labels]


def loss(p, x, t):
    """Cross-entropy in float64 by the gaps to the true class's logit."""
    logits = np.maximum(x.astype(np.float64) @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"]
    gaps = logits - (logits * t).sum(axis=1, keepdims=True)
    return np.logaddexp.reduce(gaps, axis=1).mean()


def tape_loss(p, x, t):
    import tensorflow as tf

    logits = tf.matmul(tf.nn.relu(tf.matmul(x.astype(np.float64), p["w1"]) + p["b1"]), p["w2"]) + p["b2"]
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(t.astype(np.float64), logits))


def check_gradients(env, params, x, t, keys=KEYS):
    result = by_hand(env, "backward_cross_entropy", params, x, t)
    check(isinstance(result, dict), "backward_cross_entropy should return a dict with the keys of params.")
    check(set(result) == set(params), "backward_cross_entropy should return exactly the keys of params.")
    numerical = numerical_gradient(lambda p: loss(p, x, t), params)
    taped = tape_gradient(lambda p: tape_loss(p, x, t), params)
    for oracle in (numerical, taped):
        for key in keys:
            check_close(result[key], oracle[key], f"gradient of {key}", atol=1e-5)


@test_case(
    name="gradient of the output weights",
    points=1,
    hidden=True,
    success_message="The gradient of w2 is right.",
    failure_message="dL/dlogits = (softmax(logits) - t) / N; from there to w2 as in q5.",
)
def test_output_weights(env):
    check_gradients(env, *problem("q7 output weights"), keys=("w2",))


@test_case(
    name="gradient of the hidden weights",
    points=1.5,
    hidden=True,
    success_message="The gradient of w1 is right.",
    failure_message="From dL/dlogits back through w2 and the derivative of relu to w1, as in q5.",
)
def test_hidden_weights(env):
    check_gradients(env, *problem("q7 hidden weights", n=6, d=3, h=8, c=4), keys=("w1",))


@test_case(
    name="gradients of the biases",
    points=1,
    hidden=True,
    success_message="The gradients of b1 and b2 are right.",
    failure_message="A bias is added to every row, so its gradient is a sum over the rows.",
)
def test_biases(env):
    check_gradients(env, *problem("q7 biases", n=7, d=5, h=4, c=3), keys=("b1", "b2"))


@test_case(
    name="batch of one, and dead units",
    points=0.75,
    hidden=True,
    success_message="One example, and units that are off, give the right gradients.",
    failure_message="Try x of shape (1, D), and a b1 so negative that units are off: nothing flows through "
    "those.",
)
def test_awkward(env):
    check_gradients(env, *problem("q7 one", n=1))
    for off in ((1, 4), range(6)):
        check_gradients(env, *problem(f"q7 dead {off}", off=off), keys=("w1", "w2"))


@test_case(
    name="very large logits",
    points=0.75,
    hidden=True,
    success_message="Very large logits give finite and right gradients.",
    failure_message="With logits of ±10,000 an exponential overflows; which form of softmax does not?",
)
def test_large_logits(env):
    params, x, t = problem("q7 large logits", n=4, c=4)
    # Some classes near ±1e4 in every row; the gaps are far wider than float32's rounding there.
    params["b2"] = hidden_rng("q7 large biases").permutation([-1e4, -6e3, 6e3, 1e4]).astype(np.float32)
    check_gradients(env, params, x, t, keys=("w1", "w2"))
