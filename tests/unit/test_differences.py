"""Words for how one array differs from another: each is said where it is true, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import describe

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4))
ROWS = RNG.normal(size=(30, 4))
IMAGES = RNG.normal(size=(3, 5, 5, 2))


def first_rows_right(x):
    y = x.copy()
    y[2:] += 1
    return y


def last_row_wrong(x):
    y = x.copy()
    y[-1] *= 3
    return y


def only_the_first_right(x):
    y = x + 1
    y[0] = x[0]
    return y


CASES = [
    (X, np.zeros_like, "all values are zero"),
    (X, lambda x: np.full_like(x, 0.3), "all values are the same number"),
    (X, np.negative, "sign is flipped"),
    (X, lambda x: x * 6, "every value is 6 times"),
    (X, lambda x: x / 4, "every value is 1/4 times"),
    (X, lambda x: x * -12, "every value is -12 times"),
    (X, lambda x: x * 1.8231, "all values are wrong by the same factor"),
    (X, lambda x: x * 1.0004, "100% of the values are wrong"),
    (X[:4], np.transpose, "matrix is transposed"),
    (IMAGES, lambda x: x.transpose(0, 2, 1, 3), "axes are in another order"),
    (X, lambda x: x[::-1], "in reverse order"),
    (X, lambda x: x[:, ::-1], "in reverse order along the last axis"),
    (X, lambda x: np.concatenate([x[:1] * 0, x[:-1]]), "one place too late"),
    (X, lambda x: np.concatenate([x[1:], x[:1] * 0]), "one place too early"),
    (X, lambda x: np.broadcast_to(x.mean(0), x.shape), "every row is the same: the mean"),
    (X, lambda x: np.broadcast_to(x.sum(1, keepdims=True), x.shape), "every column is the same: the sum"),
    (X, lambda x: x.astype(np.float16).astype(float), "computed in float16"),
    (X * 9, np.rint, "rounded to whole numbers"),
    (ROWS, first_rows_right, "the first 2 of 30 rows are right"),
    (ROWS, last_row_wrong, "only the last of 30 rows is wrong"),
    (ROWS, only_the_first_right, "only the first of 30 rows is right"),
    (X, only_the_first_right, "83% of the values are wrong"),
]


@pytest.mark.parametrize(("expected", "mistake", "words"), CASES, ids=[words for _, _, words in CASES])
def test_a_mistake_is_said_in_words(expected, mistake, words):
    actual = mistake(expected)
    assert words in describe(actual, expected, 1e-4, 1e-6)


@pytest.mark.parametrize(("expected", "mistake", "words"), CASES, ids=[words for _, _, words in CASES])
def test_nothing_is_said_of_what_is_right(expected, mistake, words):
    assert describe(expected.copy(), expected, 1e-4, 1e-6) is None


@given(st.integers(0, 10_000))
def test_other_numbers_get_no_cause(seed):
    """Independent random numbers: only how many are wrong, and by how much."""
    rng = np.random.default_rng(seed)
    shape = [(4, 4), (5, 3), (7,), (2, 3, 3, 2)][seed % 4]
    words = describe(rng.normal(size=shape), rng.normal(size=shape), 1e-4, 1e-6)
    assert "of the values are wrong" in words
