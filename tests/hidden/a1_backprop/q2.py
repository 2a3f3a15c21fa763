"""q2: activations, their derivatives and softmax, on ordinary and on extreme inputs."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import call, check, check_close, hidden_rng, numerical_gradient

OK_FORMAT = False
name = "q2"
points = 6

EXTREMES = np.array([[-1e4, -3e3, -200.0, -90.0], [90.0, 200.0, 3e3, 1e4]], np.float32)


def logistic(z):
    """The logistic function by tanh, in float64."""
    return 0.5 * (1 + np.tanh(np.asarray(z, np.float64) / 2))


def probabilities(z):
    """Softmax in float64 by the ratios exp(z_k - z_j): p_j = 1 / Σ_k exp(z_k - z_j)."""
    z = np.asarray(z, np.float64)
    with np.errstate(over="ignore"):
        return 1 / np.exp(z[..., None, :] - z[..., :, None]).sum(axis=-1)


def inputs(label):
    """Arrays of one, two and three axes, none of them square, with values of either sign away from 0."""
    rng = hidden_rng(label)
    for shape in ((6,), (1, 5), (4, 3), (2, 3, 4)):
        z = rng.uniform(0.1, 4, shape) * rng.choice([-1, 1], shape)
        z.flat[0], z.flat[-1] = -abs(z.flat[0]), abs(z.flat[-1])
        yield z.astype(np.float32)


def derivative(f, z):
    """The derivative of an element-wise function, by central differences in float64."""
    return numerical_gradient(lambda v: f(v).sum(), z)


def check_floats(value, what):
    """A derivative has to be usable in arithmetic: True and False or integers are not."""
    kind = np.asarray(value).dtype.kind
    check(kind not in "b", f"{what} returns True and False; a derivative is a number: 1.0 or 0.0.")
    check(kind not in "iu", f"{what} returns integers; a derivative is a float.")


@test_case(
    name="sigmoid",
    points=1,
    hidden=True,
    success_message="sigmoid is right.",
    failure_message="Compare sigmoid with 1 / (1 + exp(-z)), element by element.",
)
def test_sigmoid(env):
    for z in inputs("q2 sigmoid"):
        check_close(call(env, "sigmoid", z), logistic(z), "sigmoid")


@test_case(
    name="derivative of sigmoid",
    points=1,
    hidden=True,
    success_message="sigmoid_grad is the derivative at z.",
    failure_message="sigmoid_grad gets z itself, not sigmoid(z), and returns the derivative there.",
)
def test_sigmoid_grad(env):
    for z in inputs("q2 sigmoid_grad"):
        value = call(env, "sigmoid_grad", z)
        check_close(value, derivative(logistic, z), "sigmoid_grad")
        check_floats(value, "sigmoid_grad")


@test_case(
    name="relu",
    points=0.5,
    hidden=True,
    success_message="relu is right.",
    failure_message="relu keeps what is positive and replaces everything else by 0, in a new array.",
)
def test_relu(env):
    for z in (*inputs("q2 relu"), EXTREMES):
        check_close(call(env, "relu", z), (z.astype(np.float64) + abs(z)) / 2, "relu")


@test_case(
    name="derivative of relu",
    points=1,
    hidden=True,
    success_message="relu_grad is 1 above zero and 0 elsewhere, as floats.",
    failure_message="relu_grad is 1.0 where z > 0 and 0.0 elsewhere, at z = 0 too, as floats.",
)
def test_relu_grad(env):
    for z in (*inputs("q2 relu_grad"), EXTREMES):
        value = call(env, "relu_grad", z)
        check_close(value, np.sign(z) / 2 + 0.5, "relu_grad")
        check_floats(value, "relu_grad")
    check_close(
        call(env, "relu_grad", np.array([-1, 0, 2], np.float32)), np.array([0, 0, 1]), "relu_grad at zero"
    )


@test_case(
    name="softmax",
    points=1,
    hidden=True,
    success_message="softmax is right along the last axis.",
    failure_message="softmax is exp(z) divided by the sum of exp(z) over the last axis, for any number of "
    "axes.",
)
def test_softmax(env):
    for z in inputs("q2 softmax"):
        for shift in (0, 60):  # exp(60) is finite in float32, exp(120) is not
            z = z + np.float32(shift)
            check_close(call(env, "softmax", z), probabilities(z), "softmax")


@test_case(
    name="sigmoid of very large inputs",
    points=0.75,
    hidden=True,
    success_message="sigmoid and its derivative stay finite for very large inputs.",
    failure_message="Which exponential overflows for a very large positive or negative z?",
)
def test_extreme_sigmoid(env):
    check_close(call(env, "sigmoid", EXTREMES), logistic(EXTREMES), "sigmoid of large inputs")
    check_close(call(env, "sigmoid_grad", EXTREMES), np.zeros((2, 4)), "sigmoid_grad of large inputs")


@test_case(
    name="softmax of very large inputs",
    points=0.75,
    hidden=True,
    success_message="softmax stays finite for very large scores and does not mind a common shift.",
    failure_message="Adding one number to a whole row changes nothing: shift so that no exponential "
    "overflows.",
)
def test_extreme_softmax(env):
    rng = hidden_rng("q2 extreme softmax")
    # Whole numbers, so that float32 holds the differences within a row exactly.
    close = rng.integers(-4, 5, (2, 5)) + np.array([[9990.0], [-9990.0]])
    apart = np.array([[1e4, -1e4, 0, 5e3, -5e3], [-1e4, -1e4, -9999, -1e4, -1e4]])
    for z in (close, apart):
        check_close(call(env, "softmax", z.astype(np.float32)), probabilities(z), "softmax of large scores")
