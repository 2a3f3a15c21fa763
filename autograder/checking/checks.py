"""Checks whose failures are words for the student.

Every failure is a ``CheckFailed``. Its text names shapes, kinds and the way in which the numbers
differ; it never contains a hidden input or an expected value.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from .differences import describe

__all__ = ["CheckFailed", "as_array", "as_float", "check", "check_close", "check_entries", "check_keys"]

_MAX_SHOWN = 8  # unexpected keys, and characters of each


class CheckFailed(AssertionError):
    """The student's answer is wrong; ``str()`` of it is written for the student.

    cause: name of the misconception that the finding proves, if it proves one.
    """

    def __init__(self, message: str, cause: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause


def check(condition: bool, message: str, cause: str | None = None) -> None:
    """Fail with ``message`` unless ``condition`` holds.

    cause: name of the misconception that a failure proves. It is for findings about models and the like;
    wrong numbers are compared with every known misconception anyway.
    """
    if not condition:
        raise CheckFailed(message, cause)


def as_array(value: Any, what: str, shape: tuple[int, ...] | None = None, finite: bool = True) -> np.ndarray:
    """``value`` as a float64 array, of exactly ``shape`` if given.

    Raises ``CheckFailed`` where the value is missing, not numeric, ragged, of another shape, or (with
    ``finite``) holds NaN or infinity.
    """
    return _checked(_numeric(value, what), what, shape, finite)


def _checked(array: np.ndarray, what: str, shape: tuple[int, ...] | None, finite: bool) -> np.ndarray:
    """The array in float64; its shape comes first, as a wrong one may be of any size."""
    if shape is not None and array.shape != tuple(shape):
        raise CheckFailed(f"{what}: expected shape {tuple(shape)}, got {array.shape}.{_shape_hint(array.shape, shape)}")
    array = array.astype(np.float64)
    if finite and not np.all(np.isfinite(array)):
        bad = "NaN" if np.isnan(array).any() else "infinite"
        share = np.mean(~np.isfinite(array))
        raise CheckFailed(f"{what}: {share:.0%} of the values are {bad}; look for an overflow or a division by zero.")
    return array


def as_float(value: Any, what: str, finite: bool = True) -> float:
    """``value`` as one float; arrays of one element count, as ``float()`` takes them."""
    array = _numeric(value, what)
    if array.size != 1:
        raise CheckFailed(f"{what}: expected one number, got an array of shape {array.shape}.")
    return float(_checked(array.reshape(()), what, (), finite))


def check_close(actual: Any, expected: Any, what: str, rtol: float = 1e-4, atol: float = 1e-6) -> None:
    """Compare numbers, or dicts and lists of them, within ``rtol·|e| + atol·max(1, max|e|)``.

    Shapes must be equal: nothing is broadcast. Dicts are matched by key, lists by position.
    """
    if isinstance(expected, dict):
        check_keys(actual, expected, what)
        for key, value in expected.items():
            check_close(actual[key], value, f"{what}['{key}']", rtol, atol)
    elif isinstance(expected, list | tuple):
        check_entries(actual, len(expected), what)
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            check_close(a, e, f"{what}[{i}]", rtol, atol)
    else:
        e = np.asarray(expected, dtype=np.float64)
        a = _numeric(actual, what)
        a = a.reshape(()) if e.shape == () and a.size == 1 else a
        a = _checked(a, what, e.shape, finite=bool(np.all(np.isfinite(e))))
        difference = describe(a, e, rtol, atol)
        if difference:
            raise CheckFailed(f"{what}: {difference}")


def check_keys(actual: Any, keys: Collection, what: str) -> None:
    """Fail unless ``actual`` is a dict with exactly these keys, in any order."""
    wanted = ", ".join(sorted(map(str, keys)))
    if not isinstance(actual, dict):
        raise CheckFailed(f"{what}: expected a dict with the keys {wanted}, got {_kind(actual)}.")
    missing = [str(k) for k in keys if k not in actual]
    extra = [k for k in actual if k not in keys]
    if missing or extra:
        parts = [f"missing {', '.join(sorted(missing))}"] * bool(missing) + [f"unexpected {_few(extra)}"] * bool(extra)
        raise CheckFailed(f"{what}: the keys should be {wanted}; {'; '.join(parts)}.")


def check_entries(actual: Any, count: int, what: str) -> None:
    """Fail unless ``actual`` is a list or tuple of ``count`` entries."""
    if not isinstance(actual, list | tuple) or len(actual) != count:
        got = f"{len(actual)} entries" if isinstance(actual, list | tuple) else _kind(actual)
        raise CheckFailed(f"{what}: expected a tuple or list of {count} entries, got {got}.")


def _numeric(value: Any, what: str) -> np.ndarray:
    if value is None:
        raise CheckFailed(f"{what}: got None. Is a `return` missing?")
    if isinstance(value, str | bytes | dict | set):
        raise CheckFailed(f"{what}: expected numbers, got {_kind(value)}.")
    try:
        array = np.asarray(value)
    except Exception:
        raise CheckFailed(f"{what}: {_kind(value)} cannot be read as an array of numbers.") from None
    try:
        array = _from_objects(array) if array.dtype.kind == "O" else _real(array)
    except Exception:
        inside = " that holds something else" if isinstance(value, list | tuple) else ""
        raise CheckFailed(f"{what}: expected real numbers, got {_kind(value)}{inside}.") from None
    return array


def _real(array: np.ndarray) -> np.ndarray:
    """NumPy would also read numbers out of strings and dates, and drop an imaginary part."""
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind == "V" and array.dtype.names is None:  # bfloat16 and its kin
        return array.astype(np.float64)
    raise TypeError(array.dtype)


def _from_objects(array: np.ndarray) -> np.ndarray:
    """An array or list of tensors of one shape, or of numbers of several types."""
    items = [np.float64(v) if type(v) is int else _real(np.asarray(v)) for v in array.flat]
    return np.asarray(items, np.float64).reshape(*array.shape, *np.shape(items[0]))


def _few(keys: list[Any]) -> str:
    """A few short names; longer and further ones could carry hidden inputs."""
    shown = sorted(k for k in keys if isinstance(k, str) and k.isidentifier() and len(k) <= _MAX_SHOWN)[:_MAX_SHOWN]
    others = len(keys) - len(shown)
    return ", ".join(shown + [f"{others} more" if shown else f"{others} others"] * bool(others))


def _kind(value: Any) -> str:
    """What a value is, in words that a student knows."""
    if value is None:
        return "None (is a `return` missing?)"
    if value is ...:
        return "`...`"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)} entries"
    return f"a value of type {getattr(value, 'type_name', type(value).__name__)}"


def _shape_hint(actual: tuple[int, ...], expected: tuple[int, ...]) -> str:
    expected = tuple(expected)
    if actual == expected[::-1] and actual != expected:
        return " Is it transposed?"
    if tuple(n for n in actual if n != 1) == tuple(n for n in expected if n != 1):
        return " An axis of length 1 is added or missing (keepdims?)."
    if actual == ():
        return " Was an axis summed away?"
    return ""
