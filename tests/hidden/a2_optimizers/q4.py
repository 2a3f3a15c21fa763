"""q4: momentum, with and without Nesterov's look ahead."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, by_hand, check, check_close, hidden_rng

OK_FORMAT = False
name = "q4"
points = 6

SHAPES = {"w1": (3, 5), "b1": (5,), "w2": (5, 2), "b2": (2,)}
READY_MADE = ("tensorflow.optimizers", "tensorflow.raw_ops.*Apply*", "optax")


def draw(rng, shapes=SHAPES, dtype=np.float32):
    return {k: (rng.uniform(0.3, 1.5, s) * rng.choice([-1, 1], s)).astype(dtype) for k, s in shapes.items()}


def moved(params, velocity, grads, rate, momentum, nesterov=False):
    """The rule in float64, unrolled: v' = μv - lr·g, then θ + v', or θ + μ²v - (1+μ)·lr·g with Nesterov."""
    p, v, g = ({k: np.asarray(d[k], np.float64) for k in params} for d in (params, velocity, grads))
    new_v = {k: momentum * v[k] - rate * g[k] for k in p}
    if nesterov:
        return {k: p[k] + momentum**2 * v[k] - (1 + momentum) * rate * g[k] for k in p}, new_v
    return {k: p[k] + new_v[k] for k in p}, new_v


def step(env, params, velocity, grads, rate, momentum, **options):
    """One step of the student's: (params, velocity) as float32 copies, ready for the next step."""
    args = (params, velocity, grads, rate, momentum)
    result = by_hand(env, "momentum_step", *args, forbidden=READY_MADE, **options)
    check(
        isinstance(result, tuple | list) and len(result) == 2,
        "momentum_step should return (params, velocity).",
    )
    return copies(result[0], params, "params"), copies(result[1], params, "velocity")


def copies(values, like, what):
    check(
        isinstance(values, dict) and set(values) == set(like),
        f"{what} should be a dict with the keys of params.",
    )
    return {k: as_array(values[k], f"{what}['{k}']", v.shape).astype(np.float32) for k, v in like.items()}


def against_keras(env, rng, nesterov):
    import keras

    params, momentum, rate = draw(rng), float(rng.uniform(0.6, 0.9)), float(rng.uniform(0.05, 0.2))
    velocity = {k: np.zeros_like(v) for k, v in params.items()}
    variables = {k: keras.Variable(v) for k, v in params.items()}
    optimizer = keras.optimizers.SGD(rate, momentum=momentum, nesterov=nesterov)
    for _ in range(5):
        grads = draw(rng)
        optimizer.apply([grads[k] for k in params], list(variables.values()))
        params, velocity = step(env, params, velocity, grads, rate, momentum, nesterov=nesterov)
        check_close(params, {k: np.asarray(v) for k, v in variables.items()}, "params", atol=1e-5)


@test_case(
    name="the velocity",
    points=1.5,
    hidden=True,
    success_message="The velocity is right, and the old one is left alone.",
    failure_message="v ← momentum·v - learning_rate·g, in new arrays. It has the sign of the step and "
    "contains the learning rate.",
)
def test_velocity(env):
    rng = hidden_rng("a2 q4 velocity")
    for nesterov in (False, True):
        params, velocity, grads = draw(rng), draw(rng), draw(rng)
        momentum, rate = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.1, 0.4))
        _, new_velocity = step(env, params, velocity, grads, rate, momentum, nesterov=nesterov)
        check_close(new_velocity, moved(params, velocity, grads, rate, momentum)[1], "velocity")


@test_case(
    name="heavy ball",
    points=1.5,
    hidden=True,
    success_message="The parameters move by the new velocity.",
    failure_message="θ ← θ + v with the velocity that you have just computed; nesterov is off unless asked "
    "for.",
)
def test_heavy_ball(env):
    rng = hidden_rng("a2 q4 heavy ball")
    for shapes in (SHAPES, {"kernel": (2, 3, 4), "gain": (1,), "row": (1, 6)}):
        params, grads = draw(rng, shapes), draw(rng, shapes)
        velocity = draw(rng, dict(reversed(shapes.items())))
        momentum, rate = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.1, 0.4))
        new_params, _ = step(env, params, velocity, grads, rate, momentum)
        check_close(new_params, moved(params, velocity, grads, rate, momentum)[0], "params")


@test_case(
    name="Nesterov",
    points=1,
    hidden=True,
    success_message="Nesterov's step looks ahead along the new velocity.",
    failure_message="With nesterov=True: θ ← θ + momentum·v - learning_rate·g, where v is the new velocity.",
)
def test_nesterov(env):
    rng = hidden_rng("a2 q4 nesterov")
    params, velocity, grads = draw(rng), draw(rng), draw(rng)
    momentum, rate = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.1, 0.4))
    new_params, _ = step(env, params, velocity, grads, rate, momentum, nesterov=True)
    check_close(
        new_params, moved(params, velocity, grads, rate, momentum, nesterov=True)[0], "params with nesterov"
    )


@test_case(
    name="several steps as Keras",
    points=1,
    hidden=True,
    success_message="Five steps from rest end where keras.optimizers.SGD ends.",
    failure_message="Start with zero velocity and feed both values back in: compare with "
    "keras.optimizers.SGD step by step.",
)
def test_against_keras(env):
    against_keras(env, hidden_rng("a2 q4 keras"), nesterov=False)


@test_case(
    name="several Nesterov steps as Keras",
    points=1,
    hidden=True,
    success_message="Five Nesterov steps from rest end where Keras ends.",
    failure_message="Compare with keras.optimizers.SGD(..., nesterov=True): which velocity is carried to "
    "the next step?",
)
def test_nesterov_against_keras(env):
    against_keras(env, hidden_rng("a2 q4 keras nesterov"), nesterov=True)
