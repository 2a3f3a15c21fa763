"""q5: gradients of the squared error by hand, against finite differences and the tape."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import (
    as_array,
    by_hand,
    check,
    check_close,
    hidden_rng,
    numerical_gradient,
    tape_gradient,
)

OK_FORMAT = False
name = "q5"
points = 6


class Problem:
    """A network, data and its forward pass in float64; what the student gets is rounded to float32."""

    def __init__(self, label, n=5, d=4, h=6, c=3, off=()):
        rng = hidden_rng(label)
        shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
        self.params = {key: rng.normal(0, 1, shape).astype(np.float32) for key, shape in shapes.items()}
        self.params["b1"][list(off)] -= 100  # these units are off for every example
        self.x = rng.normal(0, 1, (n, d)).astype(np.float32)
        self.t = rng.normal(0, 1, (n, c)).astype(np.float32)
        self.y_hat, self.hidden = (a.astype(np.float32) for a in self.forward(self.params))

    def forward(self, p):
        p = {key: np.asarray(value, np.float64) for key, value in p.items()}
        hidden = np.maximum(self.x.astype(np.float64) @ p["w1"] + p["b1"], 0)
        return hidden @ p["w2"] + p["b2"], hidden

    def loss(self, p, reg):
        error = ((self.forward(p)[0] - self.t) ** 2).sum() / len(self.t)
        return error + reg * self.squared_norms(p)

    def squared_norms(self, p):
        return (p["w1"] ** 2).sum() + (p["w2"] ** 2).sum()

    def tape_loss(self, p, reg):
        import tensorflow as tf

        hidden = tf.nn.relu(tf.matmul(self.x.astype(np.float64), p["w1"]) + p["b1"])
        error = tf.math.squared_difference(tf.matmul(hidden, p["w2"]) + p["b2"], self.t.astype(np.float64))
        return tf.reduce_sum(error) / len(self.t) + 2 * reg * (
            tf.nn.l2_loss(p["w1"]) + tf.nn.l2_loss(p["w2"])
        )

    def gradients(self, env, reg=0.0):
        result = by_hand(env, "backward", self.params, self.x, self.y_hat, self.hidden, self.t, reg)
        check(isinstance(result, dict), "backward should return a dict with the keys of params.")
        check(set(result) == set(self.params), "backward should return exactly the keys of params.")
        return result

    def check_gradients(self, env, keys, reg=0.0):
        actual = self.gradients(env, reg)
        numerical = numerical_gradient(lambda p: self.loss(p, reg), self.params)
        taped = tape_gradient(lambda p: self.tape_loss(p, reg), self.params)
        for oracle in (numerical, taped):
            for key in keys:
                check_close(actual[key], oracle[key], f"gradient of {key}", atol=1e-5)


@test_case(
    name="gradient of the output weights",
    points=1,
    hidden=True,
    success_message="The gradient of w2 is right.",
    failure_message="Start from dL/dy_hat = 2/N·(y_hat - t); how does y_hat = hidden·w2 + b2 depend on w2?",
)
def test_output_weights(env):
    Problem("q5 output weights").check_gradients(env, ("w2",))


@test_case(
    name="gradient of the hidden weights",
    points=1.5,
    hidden=True,
    success_message="The gradient of w1 is right.",
    failure_message="Pass dL/dy_hat back through w2, then through the derivative of relu, then to w1.",
)
def test_hidden_weights(env):
    Problem("q5 hidden weights", n=6, d=3, h=8, c=4).check_gradients(env, ("w1",))


@test_case(
    name="gradients of the biases",
    points=1,
    hidden=True,
    success_message="The gradients of b1 and b2 are right.",
    failure_message="A bias is added to every row, so its gradient is a sum over the rows.",
)
def test_biases(env):
    Problem("q5 biases", n=7, d=5, h=4, c=3).check_gradients(env, ("b1", "b2"))


@test_case(
    name="gradient of the penalty",
    points=1.5,
    hidden=True,
    success_message="The gradient of the penalty is right.",
    failure_message="With reg > 0 the gradients of w1 and w2 grow by the derivative of reg·‖w‖², those of "
    "the biases do not.",
)
def test_penalty(env):
    problem = Problem("q5 penalty")
    without = problem.gradients(env)
    for reg in (0.5, 0.02):
        penalised = problem.gradients(env, reg)
        expected = numerical_gradient(lambda p, reg=reg: reg * problem.squared_norms(p), problem.params)
        for key, value in problem.params.items():
            # Only the growth counts here, so that a mistake in the data term is not charged twice.
            pair = (as_array(g[key], f"gradient of {key}", value.shape) for g in (penalised, without))
            check_close(np.subtract(*pair), expected[key], f"gradient of {key}: what reg adds", atol=2e-5)


@test_case(
    name="dead units",
    points=0.5,
    hidden=True,
    success_message="A unit that is off passes no gradient.",
    failure_message="Where hidden is 0 the unit is off: relu has derivative 0 there and nothing flows to w1 "
    "and b1.",
)
def test_dead_units(env):
    for off in ((0, 3), range(6)):
        Problem(f"q5 dead {off}", off=off).check_gradients(env, ("w1", "w2"))


@test_case(
    name="one example or one output",
    points=0.5,
    hidden=True,
    success_message="One example and one output give the right gradients.",
    failure_message="Try x of shape (1, D), and y_hat and t of shape (N, 1): no axis may vanish.",
)
def test_single(env):
    Problem("q5 one", n=1).check_gradients(env, ("w1", "b1", "w2", "b2"), reg=0.1)
    Problem("q5 one output", n=4, c=1).check_gradients(env, ("w1", "b1", "w2", "b2"), reg=0.1)
