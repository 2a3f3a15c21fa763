"""Why an answer is wrong: the known misconception whose numbers match the student's.

The evaluator knows what each function was called with and what it answered. It runs the reference and every
listed wrong variant of that function on the same inputs. A variant is named only if it reproduces the
student's numbers where the reference does not.
"""

from __future__ import annotations

import copy
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from autograder.checking import agrees
from autograder.misconceptions import Misconception
from autograder.session.namespace import RecordedCall, is_data

__all__ = ["matching_misconception"]

_BUDGET_S = 1.0
_RTOL, _ATOL = 1e-4, 1e-6


def matching_misconception(
    calls: Iterable[RecordedCall], reference: ModuleType, known: Iterable[Misconception]
) -> Misconception | None:
    """The one misconception that explains every wrong answer among ``calls``; ``None`` if there is none.

    Where several variants give the same numbers they cannot be told apart, and none is named.
    """
    deadline = time.monotonic() + _BUDGET_S
    candidates: set[str] | None = None
    by_name = {m.name: m for m in known}
    for call in calls:
        variants = [m for m in by_name.values() if m.replaces == call.name]
        right = getattr(reference, call.name, None)
        if not variants or right is None or call.value is None or not is_data(call.value):
            continue
        matches = _matches(call, right, variants, deadline)
        if matches is None:
            continue
        candidates = matches if candidates is None else candidates & matches
        if not candidates:
            return None
    return by_name[candidates.pop()] if candidates and len(candidates) == 1 else None


def _matches(call: RecordedCall, right: Callable, variants: list[Misconception], deadline: float) -> set[str] | None:
    """Names of the variants that give the student's answer; ``None`` where the answer is right.

    A function that takes long (training) is not tried again and again: where the time runs out nothing matches.
    """
    if _same(call.value, _result(right, call, deadline)):
        return None
    matches: set[str] = set()
    for m in variants:
        if time.monotonic() > deadline:
            return set()
        if _same(call.value, _result(m.function, call, deadline)):
            matches.add(m.name)
    return matches


class _NoAnswer:
    """What a variant that raises gives: equal to nothing."""


def _result(function: Callable[..., Any], call: RecordedCall, deadline: float) -> Any:
    try:
        with _stopped_at(deadline):
            return function(*copy.deepcopy(call.args), **copy.deepcopy(call.kwargs))
    except Exception:
        return _NoAnswer()


@contextmanager
def _stopped_at(deadline: float) -> Iterator[None]:
    """Raise ``TimeoutError`` in the block once the deadline has passed; main thread only."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, deadline - time.monotonic()))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _same(a: Any, b: Any) -> bool:
    """Equal as numbers, whatever the containers' and arrays' types."""
    if isinstance(a, dict) or isinstance(b, dict):
        return isinstance(a, dict) and isinstance(b, dict) and set(a) == set(b) and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    first, second = _numbers(a), _numbers(b)
    if first is not None and second is not None:
        return agrees(first, second, _RTOL, _ATOL)
    return type(a) is type(b) is str and a == b


def _numbers(value: Any) -> np.ndarray | None:
    """``value`` in float64; NumPy would also read strings and drop imaginary parts."""
    try:
        array = np.asarray(value)
    except Exception:  # ragged
        return None
    return array.astype(np.float64) if array.dtype.kind in "fiub" else None
