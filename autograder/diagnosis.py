"""Why an answer is wrong: the known misconception whose numbers match the student's.

The evaluator knows what each function was called with and what it answered. It runs the reference and every
listed wrong variant of that function on the same inputs. A variant is named only if it reproduces the
student's numbers where the reference does not, and no call in the whole question speaks against it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from inspect import isfunction, signature
from types import ModuleType
from typing import Any

import numpy as np

from autograder.answers import answer_of
from autograder.checking import agrees
from autograder.misconceptions import Misconception
from autograder.session.namespace import RecordedCall, is_data

__all__ = ["Diagnosis", "NoAnswer", "answer", "same", "takes_seed"]

_BUDGET_S = 1.0
_QUESTION_S = 4.0
_MAX_ANSWERS = 256 << 20  # bytes in a question; those of a correct solution take a few million
_RTOL, _ATOL = 1e-4, 1e-6


class Diagnosis:
    """What is known about the student's functions of one question, case by case.

    reference: ``None`` where nothing is to be named.
    """

    def __init__(self, reference: ModuleType | None, known: Iterable[Misconception]) -> None:
        self._reference = reference
        self._known = {m.name: m for m in known}
        self._explaining: dict[str, set[str]] = {}  # by case
        self._calls: list[RecordedCall] = []
        self._room = _MAX_ANSWERS
        self._consistent: dict[str, bool] = {}  # by misconception

    def add(self, case: str, calls: Iterable[RecordedCall], wrong: bool) -> None:
        """Take in the calls that a case made; wrong: it failed on an answer."""
        if self._reference is None:
            return
        calls = [c for c in calls if c.value is not None and is_data(c.value)]
        self._room -= sum(_size(c.value) for c in calls)
        # The student's own objects can be asked within their case only.
        self._calls += [c for c in calls if is_data([*c.args, c.kwargs])] if self._room > 0 else []
        if wrong:
            self._explaining[case] = self._explain(calls)

    def misconception(self, case: str) -> Misconception | None:
        """The one that explains every wrong answer of ``case``, and is at odds with no answer of any case so far.

        On one input alone a mistake can look like another: with a velocity of zero, or on one branch of a minimum. So a
        right answer, too, speaks against a variant that would have been wrong. Where several variants give the same
        numbers they cannot be told apart, and none is named.
        """
        found = [name for name in sorted(self._explaining.get(case, ())) if self._is_consistent(name)]
        return self._known[found[0]] if len(found) == 1 else None

    def allows(self, variant: Misconception) -> bool:
        """Whether no answer speaks against a cause that a test has found by itself.

        The student may have other numbers than the variant, but is not wrong where the variant is right. Of functions
        that draw at random nobody can say so.
        """
        right = getattr(self._reference, variant.replaces, None)
        if not isfunction(right) or takes_seed(right):
            return True
        deadline = time.monotonic() + _QUESTION_S
        for call in self._calls:
            if call.name == variant.replaces:
                correct = answer(right, call, deadline)
                if same(answer(variant.function, call, deadline), correct) and not same(call.value, correct):
                    return False
        return True

    def _explain(self, calls: Iterable[RecordedCall]) -> set[str]:
        """Names of the variants that give every wrong answer among ``calls``, of which there is one at least."""
        deadline = time.monotonic() + _BUDGET_S
        candidates: set[str] | None = None
        for call in calls:
            variants = [m for m in self._known.values() if m.replaces == call.name]
            right = getattr(self._reference, call.name, None)
            if not variants or right is None:
                continue
            matches = _matches(call, right, variants, deadline)
            if matches is None:
                continue
            candidates = matches if candidates is None else candidates & matches
            if not candidates:
                break
        return candidates or set()

    def _is_consistent(self, name: str) -> bool:
        """Whether the variant gives all answers of its function; what could not be checked in time is not claimed."""
        if name not in self._consistent:
            variant, deadline = self._known[name], time.monotonic() + _QUESTION_S
            calls = [call for call in self._calls if call.name == variant.replaces]
            same_answers = all(same(c.value, answer(variant.function, c, deadline)) for c in calls)
            self._consistent[name] = self._room > 0 and same_answers
        return self._consistent[name]


def takes_seed(function: Any) -> bool:
    """Whether it is a function that draws at random: each correct solution has other numbers."""
    return isfunction(function) and "seed" in signature(function).parameters


def _size(value: Any) -> int:
    """About how many bytes a value takes."""
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_size, value)) if isinstance(value, list | tuple) else getattr(value, "nbytes", 0) + 64


def _matches(call: RecordedCall, right: Callable, variants: list[Misconception], deadline: float) -> set[str] | None:
    """Names of the variants that give the student's answer; ``None`` where the answer is right.

    A function that takes long (training) is not tried again and again: where the time runs out nothing matches.
    """
    if same(call.value, answer(right, call, deadline)):
        return None
    matches: set[str] = set()
    for m in variants:
        if time.monotonic() > deadline:
            return set()
        if same(call.value, answer(m.function, call, deadline)):
            matches.add(m.name)
    return matches


class NoAnswer:
    """What a variant that raises gives: equal to nothing."""


def answer(function: Callable[..., Any], call: RecordedCall, deadline: float) -> Any:
    """What ``function`` gives for copies of the call's arguments; main thread only."""
    try:
        with _stopped_at(deadline):
            return answer_of(function, call.args, call.kwargs)
    except Exception:
        return NoAnswer()


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


def same(a: Any, b: Any) -> bool:
    """Equal as numbers, whatever the containers' and arrays' types."""
    if isinstance(a, dict) or isinstance(b, dict):
        return isinstance(a, dict) and isinstance(b, dict) and set(a) == set(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
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
