"""q8: the same network trained with several alphas.

The initial weights are the student's own and unknown. What is known: biases start at 0, so with x = 0
the network is its output bias alone, whose path has a closed form; and the blends of one alpha are
those of another at another learning rate.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, by_hand, check, check_close, hidden_rng

OK_FORMAT = False
name = "q8"
points = 6

TAPE = ("tensorflow.GradientTape", "tensorflow.gradients", "tensorflow.autodiff", "class.records_operations")
READY_MADE = ("tensorflow.optimizers", "tensorflow.raw_ops.*Apply*", "optax")


def task(rng, n=12, d=3, c=2, offset=0.0):
    """Inputs and targets that depend on them: t = tanh(x·a) + offset."""
    x = rng.normal(0, 1, (n, d))
    return x.astype(np.float32), (np.tanh(x @ rng.normal(0, 1, (d, c))) + offset).astype(np.float32)


def sweep(env, x, t, alphas, *, epochs, rate, n_hidden=4, seed=3):
    """The student's curves, one float64 array for each alpha, in the order of `alphas`."""
    settings = {"n_hidden": n_hidden, "epochs": epochs, "learning_rate": rate, "seed": seed}
    curves = by_hand(env, "alpha_sweep", x, t, alphas, allowed=TAPE, forbidden=READY_MADE, **settings)
    check(isinstance(curves, dict), "alpha_sweep should return a dict from alpha to a list of losses.")
    check(len(curves) == len(alphas), "alpha_sweep should return one list for each alpha.")
    found = {float(as_array(key, "a key of the result").reshape(())): curve for key, curve in curves.items()}
    result = []
    for alpha in alphas:
        near = [curve for key, curve in found.items() if abs(key - alpha) < 1e-6]
        check(len(near) == 1, "The keys of the result should be the alphas.")
        losses = np.array([as_array(loss, "a loss").reshape(()) for loss in entries(near[0])])
        check(losses.shape == (epochs,), f"Each alpha's list should have one loss per epoch, here {epochs}.")
        result.append(losses)
    return result


def entries(curve):
    check(isinstance(curve, list | tuple | np.ndarray), "Each alpha should have a list of losses.")
    return [loss if np.size(loss) != 1 else np.reshape(loss, ()) for loss in curve]


@test_case(
    name="a list for each alpha",
    points=1,
    hidden=True,
    success_message="There is one loss per epoch for each alpha, and the losses fall.",
    failure_message="Return {alpha: [loss of epoch 1, loss of epoch 2, ...]}, as many entries as epochs; "
    "for alpha < 1 losses fall.",
)
def test_lists(env):
    rng = hidden_rng("a2 q8 lists")
    x, t = task(rng, offset=2.0)
    curves = sweep(env, x, t, [0.0, 0.35, 0.7], epochs=6, rate=0.06)
    for curve in curves:
        check(curve[-1] < 0.8 * curve[0], "The loss should fall clearly over the epochs.")
    check(not np.allclose(curves[0], curves[2], rtol=0.01), "Different alphas should give different losses.")


@test_case(
    name="values of the loss",
    points=1.5,
    hidden=True,
    success_message="The losses are the mean squared error of the blends.",
    failure_message="mse_loss sums over outputs and averages over examples; measure it at the blend that "
    "lookback_step returns.",
)
def test_values(env):
    rng = hidden_rng("a2 q8 values")
    n, c, epochs, rate = 7, 3, 4, float(rng.uniform(0.1, 0.2))
    t = (rng.normal(0, 1, (n, c)) + rng.uniform(1, 2, c)).astype(np.float32)
    alphas = rng.uniform([0.2, 0.6], [0.4, 0.8]).tolist()
    curves = sweep(env, np.zeros((n, 4), np.float32), t, alphas, epochs=epochs, rate=rate)
    wide = t.astype(np.float64)
    for alpha, curve in zip(alphas, curves, strict=True):
        # With x = 0 only the output bias b moves: dL/db = 2·(b - mean t), from b = 0.
        shrink = (1 - 2 * rate * (1 - alpha)) ** np.arange(epochs + 1)
        bias = wide.mean(axis=0) * (1 - shrink[:, None])  # (epochs + 1, C)
        losses = ((wide - bias[:, None, :]) ** 2).sum(axis=-1).mean(axis=-1)
        # The blend of an epoch is where its step starts; the blend that it leaves for the next is fine too.
        if not np.allclose(curve, losses[1:], rtol=1e-4):
            check_close(curve, losses[:-1], "the losses")


@test_case(
    name="alpha slows the blends down",
    points=1.5,
    hidden=True,
    success_message="The blends of each alpha follow SGD at the rate (1-alpha)·lr.",
    failure_message="The curve of alpha should equal that of alpha = 0 at the rate (1-alpha)·lr. Is prev "
    "the blend, and at first params?",
)
def test_effective_rate(env):
    rng = hidden_rng("a2 q8 effective rate")
    x, t = task(rng)
    alpha, rate = float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.05, 0.1))
    slow, fast = sweep(env, x, t, [alpha, 0.0], epochs=5, rate=rate)
    (plain,) = sweep(env, x, t, [0.0], epochs=5, rate=(1 - alpha) * rate)
    check_close(slow, plain, "the losses", rtol=1e-3)
    check(not np.allclose(fast, slow, rtol=0.01), "alpha should make a difference at the same learning rate.")


@test_case(
    name="alpha = 1 stands still",
    points=1,
    hidden=True,
    success_message="Each alpha starts from untrained weights, and with alpha = 1 the loss never changes.",
    failure_message="With alpha = 1 the blend stays at the initial weights: a constant, untrained loss, "
    "whichever alphas came before.",
)
def test_alpha_one(env):
    rng = hidden_rng("a2 q8 alpha one")
    x, t = task(rng, offset=3.0)
    moving, still = sweep(env, x, t, [0.0, 1.0], epochs=8, rate=0.06)
    check_close(still, np.full(8, still[0]), "the losses at alpha = 1")
    check(moving[-1] < 0.5 * still[0], "At alpha = 1 the loss should be that of untrained weights.")


@test_case(
    name="seed",
    points=1,
    hidden=True,
    success_message="The seed fixes the initial weights.",
    failure_message="The same seed should give the same curves, another seed other ones.",
)
def test_seed(env):
    rng = hidden_rng("a2 q8 seed")
    x, t = task(rng)
    first, again, other = (sweep(env, x, t, [0.3], epochs=1, rate=0.05, seed=s)[0] for s in (11, 11, 12))
    check_close(again, first, "the losses with the same seed")
    check(bool(np.all(np.abs(other - first) > 1e-4 * first)), "Another seed should give other losses.")
