"""What a wrong variant really is, judged on inputs that had no part in any diagnosis.

The hidden tests of a question run on the reference once more, with other salts, and every call of a contract's function
is kept. On these calls the variant, the reference and the misconceptions are compared: a variant *is* a misconception if
it answers as that one does wherever it was called, and not everywhere as the reference does.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from autograder.cases import run_case_on
from autograder.diagnosis import NoAnswer, answer, same, takes_seed
from autograder.errors import GraderFault
from autograder.misconceptions import Misconception
from autograder.plan import Plan, Question
from autograder.session.namespace import RecordedCall
from autograder.testing.hidden import hidden_salt

__all__ = ["HeldOut", "cases_failed_by", "recorded_calls"]

_SCALES = (0.0, -1.0, 30.0)
_TAME = 1e6
_SLOW_S = 3.0


class _Recorder(dict):
    """The reference's namespace, which keeps the calls that a test makes of the contract's functions."""

    def __init__(self, reference: ModuleType, names: Iterable[str]) -> None:
        super().__init__(vars(reference))
        self.calls: list[RecordedCall] = []
        for name in names:
            if isinstance(self.get(name), FunctionType):
                self[name] = self._kept(name, self[name])

    def _kept(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def recording(*args: Any, **kwargs: Any) -> Any:
            with contextlib.suppress(Exception):  # not every model can be copied
                self.calls.append(RecordedCall(name, copy.deepcopy(args), copy.deepcopy(kwargs), None))
            return function(*args, **kwargs)

        return recording


def recorded_calls(plan: Plan, question: Question, salt: str) -> list[RecordedCall]:
    """The calls of the question's functions that its cases make of the reference, with the hidden inputs of ``salt``.

    Raises ``GraderFault`` where the reference fails a case.
    """
    recorder = _Recorder(plan.reference, question.names)
    with hidden_salt(salt):
        for case in question.file.test_cases:
            error = run_case_on(question.file, case, recorder)
            if error is not None:
                raise GraderFault(f"{question.name} '{case.name}': the reference fails with the salt {salt!r}: {error}")
    return recorder.calls


def cases_failed_by(m: Misconception, plan: Plan, salt: str) -> set[str]:
    """Names of the cases of its question that the misconception fails with the hidden inputs of ``salt``."""
    [question] = plan.only([m.question])
    namespace = vars(plan.reference) | {m.replaces: m.function}
    with hidden_salt(salt):
        return {c.name for c in question.file.test_cases if run_case_on(question.file, c, namespace) is not None}


@dataclass(frozen=True)
class _Known:
    """A call with what the reference and the misconceptions of its function answer."""

    call: RecordedCall
    right: Any
    wrong: Mapping[str, Any]


class HeldOut:
    """The recorded calls of one question with the answers that are known.

    Calls that the reference does not answer with numbers, or takes more than seconds for, can decide nothing and are
    left out.
    """

    def __init__(self, calls: Iterable[RecordedCall], reference: ModuleType, known: Iterable[Misconception]) -> None:
        known = list(known)
        self._reference = reference
        self._known: list[_Known] = []
        for call in calls:
            right = _answer(getattr(reference, call.name), call)
            if same(right, right):
                variants = {m.name: _answer(m.function, call) for m in known if m.replaces == call.name}
                self._known.append(_Known(call, right, variants))

    def decides(self, m: Misconception) -> bool:
        """Whether numbers can tell: the function that it replaces was called with numbers, and draws none at random."""
        if takes_seed(getattr(self._reference, m.replaces)):
            return False
        calls = [known.call for known in self._known if m.name in known.wrong]
        return any(not any(map(_is_object, call.args)) for call in calls)

    def misconceptions(self, variant: ModuleType) -> set[str]:
        """Names of the misconceptions that ``variant`` is."""
        alike: dict[str, bool] = {}  # whether it differs from the reference
        unlike: set[str] = set()
        for known in self._known:
            left = known.wrong.keys() - unlike
            if not left:
                continue
            value = _answer(getattr(variant, known.call.name), known.call)
            differs = not same(value, known.right)
            for name in left:
                if _alike(value, known.wrong[name]):
                    alike[name] = alike.get(name, False) or differs
                else:
                    unlike.add(name)
        return {name for name, differs in alike.items() if differs and name not in unlike}

    def equivalent(self, variant: ModuleType) -> bool:
        """Whether ``variant`` answers as the reference does, on the calls as they are and with their arrays scaled.

        ``False`` too where there is no call to tell by.
        """
        for known in self._known:
            function = getattr(variant, known.call.name)
            if not same(_answer(function, known.call), known.right):
                return False
            for call in (_scaled(known.call, scale) for scale in _SCALES):
                right = _answer(getattr(self._reference, call.name), call)
                if _is_tame(right) and not same(_answer(function, call), right):
                    return False
        return bool(self._known)


def _is_object(value: Any) -> bool:
    """Whether it is a model or the like."""
    return hasattr(value, "call") and hasattr(value, "weights")


def _answer(function: Callable[..., Any], call: RecordedCall) -> Any:
    return answer(function, call, time.monotonic() + _SLOW_S)


def _alike(a: Any, b: Any) -> bool:
    """The same answer, or none from both."""
    return isinstance(a, NoAnswer) and isinstance(b, NoAnswer) or same(a, b)


def _is_tame(value: Any) -> bool:
    """Finite numbers of moderate size: where a training has exploded, rounding alone changes everything."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return all(map(_is_tame, value))
    return same(value, value) and bool(np.all(np.abs(np.asarray(value, np.float64)) < _TAME))


def _scaled(call: RecordedCall, scale: float) -> RecordedCall:
    """The call with all floating-point arrays among its arguments ``scale`` times as large."""

    def times(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: times(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(times, value))
        is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        return value * value.dtype.type(scale) if is_array else value

    return replace(call, args=times(call.args))
