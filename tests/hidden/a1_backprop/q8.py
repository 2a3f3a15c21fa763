"""q8: accuracy."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_float, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q8"
points = 3


def scores(label, n, c, hits):
    """Scores whose largest entry is at the label in `hits` of n rows; no two entries of a row are equal."""
    rng = hidden_rng(label)
    y_hat = np.stack([rng.permutation(c) for _ in range(n)]) - c / 2 + rng.uniform(0, 0.5, (n, c))
    best = y_hat.argmax(axis=1)
    miss = (best + rng.integers(1, c, n)) % c
    labels = np.where(rng.permutation(n) < hits, best, miss)
    return y_hat.astype(np.float32), np.eye(c, dtype=np.float32)[labels]


def share(env, y_hat, t):
    value = as_float(call(env, "accuracy", y_hat, t), "accuracy")
    check(0 <= value <= 1, "accuracy should lie between 0 and 1: a share, not a count or a percentage.")
    return value


@test_case(
    name="share of right rows",
    points=1,
    hidden=True,
    success_message="The accuracy of logits is right.",
    failure_message="Compare the place of the largest score with the place of the 1 in t, row by row.",
)
def test_share(env):
    for n, c, hits in ((8, 3, 5), (7, 10, 2)):
        y_hat, t = scores(f"q8 share {n}", n, c, hits)
        check_close(share(env, y_hat, t), hits / n, "accuracy")


@test_case(
    name="probabilities, none above one half",
    points=1,
    hidden=True,
    success_message="The accuracy of unsure probabilities is right.",
    failure_message="The largest probability decides, even if it is only 0.3: no rounding, no threshold.",
)
def test_probabilities(env):
    for hits in (7, 3):
        y_hat, t = scores(f"q8 probabilities {hits}", 9, 5, hits)
        y_hat = np.exp(0.1 * y_hat)
        check_close(
            share(env, y_hat / y_hat.sum(axis=1, keepdims=True), t), hits / 9, "accuracy of probabilities"
        )


@test_case(
    name="all right, all wrong, one example",
    points=1,
    hidden=True,
    success_message="All right is 1, all wrong is 0, for one example too.",
    failure_message="All rows right is 1.0, all wrong is 0.0; try a single row as well.",
)
def test_edges(env):
    for n, hits in ((6, 6), (6, 0), (1, 1), (1, 0)):
        y_hat, t = scores(f"q8 edges {n} {hits}", n, 4, hits)
        check_close(share(env, y_hat, t), hits / n, "accuracy")
