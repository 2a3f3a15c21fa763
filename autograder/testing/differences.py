"""How one array differs from another, in words; a cause is named only when it reproduces the numbers."""

from __future__ import annotations

import numpy as np

__all__ = ["agrees", "describe"]


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
        return _in_general(actual, expected, within)


def _in_general(actual: np.ndarray, expected: np.ndarray, within: np.ndarray) -> str:
    """How many values are wrong, and by how much where that is a number."""
    scale = np.max(np.abs(expected)) or 1.0
    worst = float(np.max(np.abs(actual / scale - expected / scale)))
    if actual.size == 1:
        return f"the value is wrong (relative error {worst:.1g})." if np.isfinite(worst) else "the value is wrong."
    by_how_much = f" (largest error {worst:.1g} of the largest correct value)" if np.isfinite(worst) else ""
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
            yield f"every value is {_say(factor)} times the correct one.", actual / factor
    if actual.ndim == 2 and actual.shape[0] == actual.shape[1]:
        yield "the matrix is transposed.", actual.T
    if actual.size > 2:
        yield "the values are in reverse order.", actual[::-1]


def _factor(actual: np.ndarray, expected: np.ndarray) -> float | None:
    """The constant ``k`` in ``actual = k·expected`` by least squares, if there is one to speak of."""
    norm = float(np.sum(expected * expected))
    if norm == 0 or not np.all(np.isfinite(actual)):
        return None
    factor = float(np.sum(actual * expected)) / norm
    return factor if 1e-8 < abs(factor) < np.inf else None


def _say(factor: float) -> str:
    for denominator in range(1, 65):
        numerator = factor * denominator
        if abs(numerator - round(numerator)) < 1e-4 * abs(numerator) and abs(round(numerator)) in (1, 2, 3, 4):
            return f"{round(numerator)}/{denominator}" if denominator > 1 else str(round(numerator))
    return f"{factor:.3g}"
