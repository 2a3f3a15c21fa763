"""q9: one descent step, and training: what it measures, that it descends, and that it learns.

A training run starts from the student's own random parameters, which nobody else knows. It is checked by
comparing runs: a run of k+1 epochs is a run of k epochs and one step more. Runs are few and short, and several cases
look at the same ones; compiled steps run op by op, since tracing them would be most of what a submission costs.
"""

import contextlib
import functools
import io
import os

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, as_float, call, check, check_close, check_gate, hidden_rng

OK_FORMAT = False
name = "q9"
points = 6
HISTORY = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
SETTINGS = {"n_hidden": 7, "epochs": 2, "learning_rate": 0.05, "reg": 0.2, "gradients": "manual"}


def data(rng, n, m, d=5, c=3):
    """x, t, x_test, t_test with other test labels than training labels."""
    t, t_test = (np.eye(c, dtype=np.float32)[rng.integers(0, c, k)] for k in (n, m))
    return rng.normal(0, 1, (n, d)).astype(np.float32), t, rng.normal(0, 1, (m, d)).astype(np.float32), t_test


def experiment():
    """(arrays, seed) of the runs that several cases look at."""
    rng = hidden_rng("q9 runs")
    return data(rng, 9, 6), int(rng.integers(1, 10_000))


def run(env, arrays, **settings):
    """A run of the student's train: (params, history) in float64, shapes and lengths checked."""
    settings = SETTINGS | settings
    result = call(env, "train", *arrays, remember=True, eager=True, **settings)
    check(
        isinstance(result, tuple | list) and len(result) == 2,
        "train should return the pair (params, history).",
    )
    params, history = result
    d, h, c = arrays[0].shape[1], settings["n_hidden"], arrays[1].shape[1]
    shapes = {"w1": (d, h), "b1": (h,), "w2": (h, c), "b2": (c,)}
    check(
        isinstance(params, dict) and set(params) == set(shapes), "The params of train should have q1's keys."
    )
    params = {key: as_array(params[key], f"train: {key}", shape) for key, shape in shapes.items()}
    check(isinstance(history, dict), "The history of train should be a dict.")
    check(set(history) == set(HISTORY), f"The history of train should have the keys {', '.join(HISTORY)}.")
    return params, {key: curve(history[key], key, settings["epochs"]) for key in HISTORY}


def curve(values, key, epochs):
    check(hasattr(values, "__len__"), f"history['{key}'] should be a list.")
    check(len(values) == epochs, f"history['{key}'] should have one entry an epoch.")
    return np.array([as_float(value, f"history['{key}']") for value in values])


def evaluate(p, x, t, reg):
    """Loss with penalty, and accuracy, in float64."""
    y_hat = np.maximum(x.astype(np.float64) @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"]
    loss = ((y_hat - t) ** 2).sum(axis=1).mean() + reg * ((p["w1"] ** 2).sum() + (p["w2"] ** 2).sum())
    return loss, (y_hat.argmax(axis=1) == t.argmax(axis=1)).mean()


def descend(p, x, t, reg, learning_rate):
    """One step of full-batch descent from p, in float64."""
    x = x.astype(np.float64)
    z = x @ p["w1"] + p["b1"]
    d_y = 2 * (np.maximum(z, 0) @ p["w2"] + p["b2"] - t) / len(t)
    d_z = (d_y @ p["w2"].T) * (z > 0)
    gradient = {
        "w1": x.T @ d_z + 2 * reg * p["w1"],
        "b1": d_z.sum(axis=0),
        "w2": np.maximum(z, 0).T @ d_y + 2 * reg * p["w2"],
        "b2": d_y.sum(axis=0),
    }
    return {key: p[key] - learning_rate * gradient[key] for key in p}


@functools.lru_cache(maxsize=2)
def pictures(seed):
    """200 training images of 14×14 pixels, centred, and 1,000 to measure with: (x, t, x_test, t_test), name.

    MNIST where DL_DATA has it, else the digits that come with scikit-learn.
    """
    from kit import load_images

    with contextlib.redirect_stdout(io.StringIO()):
        images = load_images("mnist" if os.environ.get("DL_DATA") else "digits", 200, 1000, seed)

    def features(pixels):
        return pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196) / 255

    x, x_test = features(images.x_train), features(images.x_test)
    mean = x.mean(axis=0)
    one_hot = np.eye(10, dtype=np.float32)
    arrays = (
        (x - mean).astype(np.float32),
        one_hot[images.y_train],
        (x_test - mean).astype(np.float32),
        one_hot[images.y_test],
    )
    return arrays, images.name


@test_case(
    name="one step of descent",
    points=1,
    hidden=True,
    success_message="One step of gradient descent is right and leaves its arguments alone.",
    failure_message="New params are params minus learning_rate times grads, key by key, in a new dict.",
)
def test_step(env):
    rng = hidden_rng("q9 step")
    shapes = {"w1": (3, 4), "b1": (4,), "w2": (4, 2), "b2": (2,)}
    params, grads = ({k: rng.normal(0, 1, s).astype(np.float32) for k, s in shapes.items()} for _ in range(2))
    grads = dict(reversed(grads.items()))  # matched by key, in any order
    for learning_rate in (0.3, 0.01):
        expected = {k: params[k].astype(np.float64) - learning_rate * grads[k] for k in params}
        check_close(call(env, "gradient_descent_step", params, grads, learning_rate), expected, "new params")


@test_case(
    name="each epoch is one full-batch step",
    points=1,
    hidden=True,
    success_message="Every epoch takes one step down the gradient of the whole training set.",
    failure_message="An epoch is one step of size learning_rate along the gradient over all training "
    "examples.",
)
def test_descent(env):
    arrays, seed = experiment()
    runs = [run(env, arrays, epochs=epochs, seed=seed) for epochs in (1, 2)]
    (before, shorter), (after, longer) = runs
    check_close(after, descend(before, *arrays[:2], SETTINGS["reg"], 0.05), "params after one epoch more", atol=1e-5)
    check_close(shorter, {key: longer[key][:1] for key in HISTORY}, "the history of a shorter run")


@test_case(
    name="what the history measures",
    points=1,
    hidden=True,
    success_message="The history holds what was asked for, measured after each update.",
    failure_message="Four lists, one entry an epoch, all measured after the update, the losses with the "
    "penalty.",
)
def test_history(env):
    arrays, seed = experiment()
    params, history = run(env, arrays, seed=seed)
    for split, x, t in (("train", *arrays[:2]), ("test", *arrays[2:])):
        loss, right = evaluate(params, x, t, SETTINGS["reg"])
        check_close(history[f"{split}_loss"][-1], loss, f"the last {split}_loss")
        check_close(history[f"{split}_accuracy"][-1], right, f"the last {split}_accuracy")
        check(np.ptp(history[f"{split}_loss"]) > 0, f"The {split}_loss should change from epoch to epoch.")


@test_case(
    name="manual and tape agree",
    points=1,
    hidden=True,
    success_message="Both ways to the gradient train the same network.",
    failure_message='With the same seed, gradients="manual" and gradients="tape" should give the same '
    "params and history.",
)
def test_agree(env):
    arrays, seed = experiment()
    manual, tape = (run(env, arrays, gradients=method, seed=seed) for method in ("manual", "tape"))
    check(np.ptp(manual[1]["train_loss"]) > 0, "The training loss should change from epoch to epoch.")
    x, t, *measured = arrays
    elsewhere, _ = run(env, (x, np.roll(t, 1, axis=1), *measured), seed=seed)
    same = all(np.array_equal(elsewhere[key], manual[0][key]) for key in elsewhere)
    check(not same, "Other labels should train other params.")
    check_close(tape[0], manual[0], "params with gradients='tape'", atol=1e-5)
    check_close(tape[1], manual[1], "history with gradients='tape'", atol=1e-5)


@test_case(
    name="the seed reaches the weights",
    points=0.5,
    hidden=True,
    success_message="Another seed starts another run.",
    failure_message="train has to hand its seed to init_params: another seed means other weights.",
)
def test_seed(env):
    arrays, seed = experiment()
    first, other = (run(env, arrays, epochs=1, seed=s)[0] for s in (seed, seed + 17))
    for key in ("w1", "w2"):
        check(not np.allclose(first[key], other[key], atol=1e-4), f"Another seed should give another {key}.")


@test_case(
    name="it learns to read digits",
    points=1.5,
    hidden=True,
    success_message="The trained network reads digits that it has never seen.",
    failure_message="The network learns too little. Does the training loss fall from epoch to epoch?",
)
def test_learns(env):
    seed = int(hidden_rng("q9 pictures").integers(1, 10_000))
    (x, t, x_test, t_test), dataset = pictures(seed)
    few = x_test[:20], t_test[:20]  # measured by the student's code each epoch; the gate takes them all
    settings = {"n_hidden": 24, "epochs": 25, "learning_rate": 0.3, "reg": 1e-4, "seed": seed}
    params, history = run(env, (x, t, *few), **settings)
    check(history["train_loss"][-1] < history["train_loss"][0] * 0.6, "The training loss hardly falls.")
    _, right = evaluate(params, x_test, t_test, 0.0)
    check_gate("a1_backprop", f"train_{dataset}", right, "accuracy on test images")
