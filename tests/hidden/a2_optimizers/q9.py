"""q9: training in mini-batches.

The initial weights are the student's own; a run with learning rate 0 returns them. From there every
step has a closed form, as long as the batches are known: with a batch of everything they are, and
with few examples all orders can be tried. Runs are short, since most of what a submission costs is
its own training.
"""

import contextlib
import functools
import io
from itertools import combinations

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, by_hand, check, check_close, check_gate, hidden_rng

OK_FORMAT = False
name = "q9"
points = 6

TAPE = ("tensorflow.GradientTape", "tensorflow.gradients", "tensorflow.autodiff", "class.records_operations")
READY_MADE = ("tensorflow.optimizers", "tensorflow.raw_ops.*Apply*", "optax")
RATES = {"sgd": 0.2, "momentum": 0.1, "rmsprop": 0.01, "adagrad": 0.05, "adam": 0.02}


def task(rng, n, d=3, c=3):
    """n inputs and one-hot labels; each class occurs."""
    labels = rng.permutation(np.arange(n) % c)
    return rng.normal(0, 1, (n, d)).astype(np.float32), np.eye(c, dtype=np.float32)[labels]


def train(env, x, t, *, epochs=1, batch_size, optimizer="sgd", rate, n_hidden=4, seed=5):
    """The student's (params, history): dicts of float64 arrays, their shapes checked."""
    settings = {"n_hidden": n_hidden, "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer}
    settings |= {"learning_rate": rate, "seed": seed}
    result = by_hand(env, "train_minibatch", x, t, allowed=TAPE, forbidden=READY_MADE, **settings)
    check(
        isinstance(result, tuple | list) and len(result) == 2,
        "train_minibatch should return (params, history).",
    )
    params, history = result
    (d, h, c) = x.shape[1], n_hidden, t.shape[1]
    shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
    check(
        isinstance(params, dict) and set(params) == set(shapes),
        "params should be a dict with w1, b1, w2 and b2.",
    )
    check(
        isinstance(history, dict) and {"loss", "accuracy"} <= set(history),
        "history needs the keys loss and accuracy.",
    )
    params = {k: as_array(params[k], f"params['{k}']", s) for k, s in shapes.items()}
    return params, {k: curve(history[k], k, epochs) for k in ("loss", "accuracy")}


def curve(values, what, epochs):
    check(isinstance(values, list | tuple | np.ndarray), f"history['{what}'] should be a list.")
    values = np.array([as_array(value, f"history['{what}']").reshape(-1) for value in values])
    check(values.shape == (epochs, 1), f"history['{what}'] should have one number per epoch, here {epochs}.")
    return values[:, 0]


def initial(env, x, t, **options):
    """The weights that the student's training starts from."""
    return train(env, x, t, batch_size=len(x), rate=0.0, **options)[0]


def scores(params, x):
    """Logits (…, N, C) and hidden units (…, N, H); parameters and examples may have leading axes."""
    hidden = np.maximum(x @ params["w1"] + params["b1"][..., None, :], 0)
    return hidden @ params["w2"] + params["b2"][..., None, :], hidden


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def gradient(params, x, t):
    """d cross-entropy / d params in float64; x (…, N, D) and t (…, N, C)."""
    logits, hidden = scores(params, x)
    d_logits = (np.exp(log_softmax(logits)) - t) / x.shape[-2]
    d_hidden = (d_logits @ params["w2"].swapaxes(-1, -2)) * (hidden > 0)
    return {
        "w1": x.swapaxes(-1, -2) @ d_hidden,
        "b1": d_hidden.sum(axis=-2),
        "w2": hidden.swapaxes(-1, -2) @ d_logits,
        "b2": d_logits.sum(axis=-2),
    }


def path(params, batches, optimizer, rate, accumulator=0.0):
    """Parameters after each batch, in float64, the first entry being `params`."""
    first = {k: np.zeros_like(v) for k, v in params.items()}
    second = {k: np.full_like(v, accumulator if optimizer == "adagrad" else 0.0) for k, v in params.items()}
    points = [params]
    for k, (x, t) in enumerate(batches, start=1):
        g = gradient(points[-1], x.astype(np.float64), t)
        points.append({})
        for key, theta in points[-2].items():
            first[key], second[key], move = advance(optimizer, k, first[key], second[key], g[key], rate)
            points[-1][key] = theta - move
    return points


def advance(optimizer, k, first, second, g, rate):
    """(first, second, way to go) of one parameter at step k, with the default coefficients."""
    if optimizer == "sgd":
        return first, second, rate * g
    if optimizer == "momentum":
        first = 0.9 * first + rate * g
        return first, second, first
    if optimizer == "rmsprop":
        second = 0.9 * second + 0.1 * g**2
        return first, second, rate * g / np.sqrt(second + 1e-7)
    if optimizer == "adagrad":
        second = second + g**2
        return first, second, rate * g / np.sqrt(second + 1e-7)
    first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
    return first, second, rate * first / (1 - 0.9**k) / (np.sqrt(second / (1 - 0.999**k)) + 1e-7)


def close(a, b, atol=1e-4):
    return bool(closest(a, {k: v[None] for k, v in b.items()}, atol).any())


def closest(a, many, atol=1e-4):
    """For each of `many` parameters, stacked along the first axis, whether `a` is near them."""
    near = [np.isclose(a[k], v, rtol=1e-3, atol=atol).reshape(len(v), -1).all(axis=1) for k, v in many.items()]
    return np.logical_and.reduce(near)


def full_batch(env, label, optimizers):
    """Three steps on everything at once: a batch size above N leaves one batch, which is short."""
    rng = hidden_rng(label)
    x, t = task(rng, n=7)
    start = initial(env, x, t)
    for optimizer in optimizers:
        rate = RATES[optimizer] * float(rng.uniform(0.8, 1.2))
        params, _ = train(env, x, t, epochs=3, batch_size=16, optimizer=optimizer, rate=rate)
        what = f"params after three steps of {optimizer}"
        expected = path(start, [(x, t)] * 3, optimizer, rate)[-1]
        keras_start = path(start, [(x, t)] * 3, optimizer, rate, accumulator=0.1)[-1]
        if not close(params, keras_start):
            check_close(params, expected, what, rtol=1e-3, atol=2e-4)


@functools.lru_cache(maxsize=2)
def digits(seed):
    """250 training images of 14×14 pixels between 0 and 1 with one-hot labels, and 1,000 others with labels."""
    from kit import load_images

    with contextlib.redirect_stdout(io.StringIO()):
        images = load_images("digits", n_train=250, n_test=1000, seed=seed)
    x, x_test = (
        pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype(np.float32) / 255
        for pixels in (images.x_train, images.x_test)
    )
    return x, np.eye(10, dtype=np.float32)[images.y_train], x_test, images.y_test


@test_case(
    name="network and history",
    points=1,
    hidden=True,
    success_message="The parameters are those of the network, and loss and accuracy are recorded for each "
    "epoch.",
    failure_message="Return (params, history): w1, b1, w2, b2 of the a1 network, and lists of cross-entropy "
    "and accuracy per epoch.",
)
def test_history(env):
    rng = hidden_rng("a2 q9 history")
    x, t = task(rng, n=8)
    start = initial(env, x, t)
    for key in ("b1", "b2"):
        check(not start[key].any(), f"{key} should start at zero.")
    check(min(np.std(start["w1"]), np.std(start["w2"])) > 1e-3, "The weights should start at random values.")
    _, history = train(env, x, t, epochs=3, batch_size=16, rate=0.3)
    points = path(start, [(x, t)] * 3, "sgd", 0.3)
    log_p = [log_softmax(scores(p, x.astype(np.float64))[0]) for p in points]
    loss = np.array([-(t * p).sum(axis=-1).mean() for p in log_p])
    accuracy = np.array([(p.argmax(axis=-1) == t.argmax(axis=-1)).mean() for p in log_p])
    for key, values in (("loss", loss), ("accuracy", accuracy)):
        # Measured after the epoch, or averaged over its batches: here that is before its only step.
        if not np.allclose(history[key], values[:-1], rtol=1e-3):
            check_close(history[key], values[1:], f"history['{key}']", rtol=1e-3)
    train(env, x, t, epochs=2, batch_size=5, rate=0.3)


@test_case(
    name="SGD and momentum, step by step",
    points=1,
    hidden=True,
    success_message="Three steps of SGD and of momentum are right.",
    failure_message="Momentum is 0.9 without Nesterov, and the velocity lives on from batch to batch and "
    "epoch to epoch.",
)
def test_sgd_and_momentum(env):
    full_batch(env, "a2 q9 sgd and momentum", ("sgd", "momentum"))


@test_case(
    name="RMSprop, Adagrad and Adam, step by step",
    points=1,
    hidden=True,
    success_message="Three steps of each adaptive rule are right.",
    failure_message="Use the default coefficients; the state starts at zero once and lives on from batch to "
    "batch and epoch to epoch.",
)
def test_adaptive(env):
    full_batch(env, "a2 q9 adaptive", ("rmsprop", "adagrad", "adam"))


@test_case(
    name="last short batch",
    points=1,
    hidden=True,
    success_message="Every example is used once an epoch, in the last short batch too.",
    failure_message="With 5 examples and batches of 4 an epoch is a batch of 4 and a batch of 1, each "
    "averaged over its own size.",
)
def test_short_batch(env):
    rng = hidden_rng("a2 q9 short batch")
    x, t = task(rng, n=5)
    start = initial(env, x, t)
    params, _ = train(env, x, t, batch_size=4, rate=0.5)
    orders = [[i for i in range(5) if i != last] + [last] for last in range(5)]
    ends = [path(start, [(x[o[:4]], t[o[:4]]), (x[o[4:]], t[o[4:]])], "sgd", 0.5)[-1] for o in orders]
    check(
        any(close(params, end) for end in ends),
        "After one epoch the parameters fit no way of cutting 4 + 1 examples.",
    )


@test_case(
    name="shuffled examples",
    points=0.5,
    hidden=True,
    success_message="The examples are shuffled before they are cut into batches.",
    failure_message="Shuffle the examples, with their labels, and then cut; shuffling whole batches is not "
    "enough.",
)
def test_shuffled(env):
    rng = hidden_rng("a2 q9 shuffled")
    x, t = task(rng, n=12)
    first = np.array(list(combinations(range(12), 6)))
    second = np.array([np.setdiff1d(range(12), chosen) for chosen in first])
    as_given = []
    for seed in (31, 32):
        start = initial(env, x, t, seed=seed)
        params, _ = train(env, x, t, batch_size=6, rate=0.5, seed=seed)
        check(not close(params, start), "Training leaves the parameters as they were.")
        ends = path(start, [(x[first], t[first]), (x[second], t[second])], "sgd", 0.5)[-1]
        fits = closest(params, ends)
        check(fits.any(), "After one epoch the parameters fit no way of cutting 12 examples into two batches.")
        as_given.append(bool(fits[0] or fits[-1]))  # the first half first, or last
    check(not all(as_given), "The batches are cut from the given order, before any shuffling.")


@test_case(
    name="seed",
    points=0.5,
    hidden=True,
    success_message="The seed fixes weights and shuffling.",
    failure_message="The same seed should give the same result, shuffling included; another seed other "
    "weights.",
)
def test_seed(env):
    rng = hidden_rng("a2 q9 seed")
    x, t = task(rng, n=9)
    first, again = (train(env, x, t, epochs=2, batch_size=3, rate=0.5, seed=21)[0] for _ in range(2))
    check_close(again, first, "params with the same seed", atol=1e-4)
    one, other = (initial(env, x, t, seed=s) for s in (21, 22))
    check(not close(one, other, atol=1e-2), "Another seed should give other initial weights.")


@test_case(
    name="accuracy on digits",
    points=1,
    hidden=True,
    success_message="The network recognises handwritten digits that it has not seen.",
    failure_message="After a few epochs of Adam unseen digits should be recognised. Does the loss fall, and "
    "do labels stay with their images?",
)
def test_digits(env):
    rng = hidden_rng("a2 q9 digits")
    x, t, x_test, labels = digits(int(rng.integers(1000)))
    settings = {"epochs": 5, "batch_size": 50, "optimizer": "adam", "rate": 0.01, "n_hidden": 32}
    params, _ = train(env, x, t, seed=int(rng.integers(1000)), **settings)
    accuracy = float(np.mean(scores(params, x_test)[0].argmax(axis=-1) == labels))
    check_gate("a2_optimizers", "train_digits", accuracy, "accuracy on digits that it has not seen")
