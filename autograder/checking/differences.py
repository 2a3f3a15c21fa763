"""How one array differs from another, in words; a cause is named only when it reproduces the numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np

__all__ = ["agrees", "describe"]

_CHANCE = 0.1  # that so many rows out of so many lie at one end by accident


def agrees(actual: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> bool:
    """Equal shape, and ``|a - e| <= rtol·|e| + atol·max(1, max|e|)`` everywhere; NaN equals NaN."""
    return actual.shape == expected.shape and bool(np.all(_within(actual, expected, rtol, atol)))


def describe(actual: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> str | None:
    """``None`` where the arrays agree, else one sentence; both float64 and of one shape."""
    with np.errstate(all="ignore"):
        within = _within(actual, expected, rtol, atol)
        if np.all(within):
            return None
        for words, candidate in _candidates(actual, expected):
            # The cause must explain the numbers, and must matter: it would not do for any input.
            if candidate.shape == expected.shape and agrees(candidate, expected, rtol, atol):
                return words
        finite = np.all(np.isfinite(actual)) and np.all(np.isfinite(expected))
        return finite and _rounded(actual, expected) or _partly(within) or _in_general(actual, expected, within)


def _rounded(actual: np.ndarray, expected: np.ndarray) -> str | None:
    """Numbers that are the right ones but for the precision that they were computed in."""
    scale = np.max(np.abs(expected)) or 1.0
    close = float(np.max(np.abs(actual - expected))) <= 2e-3 * scale
    half = np.array_equal(actual, actual.astype(np.float16).astype(np.float64))
    if close and half and not np.array_equal(actual, np.rint(actual)):
        return "the values are right to three digits only, as if they were computed in float16."
    if np.array_equal(actual, np.rint(expected)) and not np.array_equal(expected, np.rint(expected)):
        return "the values are rounded to whole numbers."
    return None


def _partly(within: np.ndarray) -> str | None:
    """Where one block of rows is right and the rest is not; a row is what stands at one index of the first axis.

    Of few rows those that are right by chance (a unit that is off, a gradient of zero) often lie at one end.
    """
    if within.ndim == 0:
        return None
    rows = within.reshape(len(within), -1).all(axis=1)
    right, total = int(rows.sum()), len(rows)
    if 2 / math.comb(total, right) > _CHANCE:
        return None
    if right == 1 or right == total - 1:
        odd = int(np.flatnonzero(rows if right == 1 else ~rows)[0])
        place = {0: "first", total - 1: "last"}.get(odd)
        if place:
            return f"only the {place} of {total} rows is {'right' if right == 1 else 'wrong'}."
    if rows[:right].all():
        return f"the first {right} of {total} rows are right, the others are not."
    if rows[-right:].all():
        return f"the last {right} of {total} rows are right, the others are not."
    return None


def _in_general(actual: np.ndarray, expected: np.ndarray, within: np.ndarray) -> str:
    """How many values are wrong, and by how much where that is a number."""
    scale = np.max(np.abs(expected)) or 1.0
    worst = float(np.max(np.abs(actual / scale - expected / scale)))
    if actual.size == 1:
        return f"the value is wrong (relative error {worst:.1g})." if np.isfinite(worst) else "the value is wrong."
    by_how_much = f" (largest error: {worst:.1g} × the largest correct value)" if np.isfinite(worst) else ""
    return f"{np.mean(~within):.0%} of the values are wrong{by_how_much}."


def _within(actual: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    finite = np.isfinite(expected)
    scale = float(np.max(np.abs(expected[finite]), initial=1.0))
    with np.errstate(all="ignore"):
        close = np.abs(actual - expected) <= rtol * np.abs(expected) + atol * scale
    return np.where(finite, close, (actual == expected) | (np.isnan(actual) & np.isnan(expected)))


def _candidates(actual: np.ndarray, expected: np.ndarray):
    """(words, the student's array with that mistake undone); a mistake in one number has many causes."""
    if not np.any(actual):
        yield "all values are zero.", expected
        return
    if actual.size > 1 and np.ptp(actual) == 0 and np.ptp(expected) > 0:
        yield "all values are the same number.", expected
        return
    yield "the sign is flipped.", -actual
    if actual.size > 1 and np.ptp(actual) > 0:  # the factor of a constant would tell the expected number
        factor = _factor(actual, expected)
        if factor is not None:
            yield _in_words(factor), actual / factor
    yield from _rearranged(actual)
    yield from _shifted(actual, expected)
    if actual.ndim == 2 and min(actual.shape) > 1:
        yield from _spread(actual, expected)


def _rearranged(actual: np.ndarray):
    """The same numbers in another order."""
    if actual.ndim == 2 and actual.shape[0] == actual.shape[1]:
        yield "the matrix is transposed.", actual.T
    elif 2 < actual.ndim <= 4:
        for axes in itertools.permutations(range(actual.ndim)):
            if axes != tuple(range(actual.ndim)):
                yield "the axes are in another order.", actual.transpose(np.argsort(axes))
    if actual.size > 2:
        yield "the values are in reverse order.", actual[::-1]
        yield "the values are in reverse order along the last axis.", actual[..., ::-1]


def _shifted(actual: np.ndarray, expected: np.ndarray):
    """Off by one along the first axis; what has moved out of sight is taken as right."""
    if actual.ndim == 0 or len(actual) < 4 or not np.ptp(expected[1:-1]) > 0:
        return
    yield "every row is one place too late: off by one.", np.concatenate([actual[1:], expected[-1:]])
    yield "every row is one place too early: off by one.", np.concatenate([expected[:1], actual[:-1]])


def _spread(actual: np.ndarray, expected: np.ndarray):
    """One row or column where there should be many: an average or a sum over an axis, broadcast back."""
    for axis, words in ((0, "row"), (1, "column")):
        for how, reduced in (("mean", expected.mean(axis)), ("sum", expected.sum(axis))):
            spread = np.broadcast_to(np.expand_dims(reduced, axis), expected.shape)
            if agrees(actual, spread, 1e-4, 1e-6) and not agrees(expected, spread, 1e-4, 1e-6):
                yield f"every {words} is the same: the {how} over all {words}s.", expected


def _factor(actual: np.ndarray, expected: np.ndarray) -> float | None:
    """The constant ``k`` in ``actual = k·expected`` by least squares, if there is one to speak of."""
    norm = float(np.sum(expected * expected))
    if norm == 0 or not np.all(np.isfinite(actual)):
        return None
    factor = float(np.sum(actual * expected)) / norm
    return factor if 1e-8 < abs(factor) < 1e8 and abs(factor - 1) > 1e-3 else None


def _in_words(factor: float) -> str:
    """A simple factor has a cause, such as a forgotten 2 or N; another one is a chance of these inputs."""
    for denominator in range(1, 65):
        numerator = factor * denominator
        near = abs(numerator - round(numerator)) < 1e-4 * abs(numerator)
        if near and abs(round(numerator)) <= (100 if denominator == 1 else 4):
            simple = f"{round(numerator)}/{denominator}" if denominator > 1 else str(round(numerator))
            return f"every value is {simple} times the correct one."
    return "all values are wrong by the same factor."
