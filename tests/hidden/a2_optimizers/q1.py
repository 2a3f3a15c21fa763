"""q1: plain gradient descent."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import by_hand, check_close, hidden_rng

OK_FORMAT = False
name = "q1"
points = 4

NETWORK = {"w1": (3, 5), "b1": (5,), "w2": (5, 2), "b2": (2,)}
OTHER = {"kernel": (2, 3, 4), "gain": (1,), "row": (1, 6)}
READY_MADE = ("tensorflow.optimizers", "tensorflow.raw_ops.*Apply*", "optax")


def draw(rng, shapes, dtype=np.float32):
    """A dict of arrays of mixed sizes, none of them near 0."""
    return {
        k: (rng.uniform(0.2, 2, s) * rng.choice([-1, 1], s) * 10.0 ** rng.uniform(-1, 1)).astype(dtype)
        for k, s in shapes.items()
    }


def descend(params, grads, learning_rate):
    """θ - lr·g in float64."""
    return {k: params[k].astype(np.float64) - learning_rate * grads[k].astype(np.float64) for k in params}


@test_case(
    name="one step",
    points=2,
    hidden=True,
    success_message="Every parameter moves against its gradient, by learning_rate times the gradient.",
    failure_message="θ - learning_rate·g for every parameter, weights and biases, in new arrays.",
)
def test_one_step(env):
    rng = hidden_rng("a2 q1 one step")
    for shapes, dtype in ((NETWORK, np.float32), (OTHER, np.float64), ({"theta": (4, 1)}, np.float32)):
        params, grads = draw(rng, shapes, dtype), draw(rng, shapes, dtype)
        rate = float(rng.uniform(0.1, 0.9))
        result = by_hand(env, "sgd_step", params, grads, rate, forbidden=READY_MADE)
        check_close(result, descend(params, grads, rate), "new params")


@test_case(
    name="several steps as Keras",
    points=1,
    hidden=True,
    success_message="Several steps in a row end where keras.optimizers.SGD ends.",
    failure_message="Feed the returned params back in: each step should start where the last one ended.",
)
def test_against_keras(env):
    import keras

    rng = hidden_rng("a2 q1 keras")
    params, rate = draw(rng, NETWORK), float(rng.uniform(0.05, 0.2))
    variables = {k: keras.Variable(v) for k, v in params.items()}
    optimizer = keras.optimizers.SGD(rate)
    for _ in range(4):
        grads = draw(rng, NETWORK)
        optimizer.apply([grads[k] for k in params], list(variables.values()))
        params = by_hand(env, "sgd_step", params, grads, rate, forbidden=READY_MADE)
        check_close(params, {k: np.asarray(v) for k, v in variables.items()}, "new params")


@test_case(
    name="keys in another order",
    points=1,
    hidden=True,
    success_message="Gradients find their parameter by its key.",
    failure_message="Match params and grads by key: their order in the two dicts can differ.",
)
def test_order(env):
    rng = hidden_rng("a2 q1 order")
    shapes = {"left": (2, 3), "up": (3, 1), "down": (3, 1), "right": (2, 3)}
    params, grads = draw(rng, shapes), draw(rng, dict(reversed(shapes.items())))
    result = by_hand(env, "sgd_step", params, grads, 0.5, forbidden=READY_MADE)
    check_close(result, descend(params, grads, 0.5), "new params")
