"""What a function gives to its local names line by line, and what it would answer if one of them held other numbers.

A trace is a prefix of what happened: at the first value or line that is beyond the bounds below it ends, so that
what it says of an order is true. It sees the functions that share one namespace (a notebook's, a module's) and no
library code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["Numbers", "Repair", "Step", "numbers_of", "trace"]

Numbers = dict[tuple, np.ndarray]  # float64, by the path in a dict or list; a plain array has the path ()

MAX_STEPS = 400
_MAX_LINES = 5_000  # that run, loops counted in full
_MAX_SIZE = 20_000  # numbers of one array
_MAX_NUMBERS = 400_000  # of all steps
_MAX_PARTS = 64  # entries of one dict or list
_MAX_DEPTH = 5
_COMPREHENSIONS = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"})


@dataclass(frozen=True)
class Step:
    """What a line gave to a name, or what it returns where there is no name."""

    file: str
    line: int
    name: str
    numbers: Numbers


@dataclass(frozen=True)
class Repair:
    """Other numbers, of the same paths and shapes, for what step ``index`` gave to its name."""

    index: int
    numbers: Numbers


def trace(
    function: Callable[..., Any], args: tuple, kwargs: dict[str, Any], within: dict[str, Any], repair: Repair | None = None
) -> tuple[Any, list[Step]]:
    """Call ``function``; its answer, and the steps of all functions whose globals are ``within``.

    Exceptions of the function pass through.
    """
    tracer = _Tracer(within, repair)
    before = sys.gettrace()
    sys.settrace(tracer.enter)
    try:
        answer = function(*args, **kwargs)
    finally:
        sys.settrace(before)
    return answer, tracer.steps


class _Tracer:
    def __init__(self, within: dict[str, Any], repair: Repair | None) -> None:
        self.steps: list[Step] = []
        self._within, self._repair = within, repair
        self._lines_left, self._numbers_left = _MAX_LINES, _MAX_NUMBERS
        self._ended = False

    def enter(self, frame: FrameType, event: str, _: Any) -> Callable | None:
        """The trace function of a new frame; its arguments are nobody's step."""
        if self._ended or frame.f_globals is not self._within or frame.f_code.co_name in _COMPREHENSIONS:
            return None
        known: dict[str, Numbers] = {}
        running = frame.f_lineno
        self._note(frame, running, frame.f_locals, known, record=False)

        def local(frame: FrameType, event: str, value: Any) -> Callable | None:
            nonlocal running
            if self._ended:
                return None
            self._lines_left -= 1
            names = frame.f_locals
            self._note(frame, running, names, known)
            if event == "return" and not any(value is held for held in names.values()):
                self._note(frame, frame.f_lineno, {"": value}, known)
            running = frame.f_lineno
            return local

        return local

    def _note(self, frame: FrameType, line: int, names: dict[str, Any], known: dict[str, Numbers], record: bool = True) -> None:
        """A step for whatever is not as it was; an object of the notebook's may do anything when it is read."""
        try:
            for name, value in list(names.items()):
                numbers = numbers_of(value)
                too_large = any(a.size > _MAX_SIZE for a in numbers.values())
                self._ended |= too_large or self._lines_left < 0 or len(self.steps) >= MAX_STEPS
                if self._ended:
                    return
                if numbers and not _equal(numbers, known.get(name, {})):
                    known[name] = {path: a.copy() for path, a in numbers.items()}
                    if record:
                        self._add(Step(frame.f_code.co_filename, line, name, known[name]), names)
        except Exception:
            self._ended = True

    def _add(self, step: Step, names: dict[str, Any]) -> None:
        self._numbers_left -= sum(a.size for a in step.numbers.values())
        self._ended = self._numbers_left < 0
        if self._ended:
            return
        if self._repair is not None and self._repair.index == len(self.steps) and step.name:
            names[step.name] = _in_kind(self._repair.numbers, names[step.name])  # CPython writes it back
        self.steps.append(step)


def _equal(a: Numbers, b: Numbers) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[p], b[p], equal_nan=True) for p in a)


def numbers_of(value: Any, path: tuple = ()) -> Numbers:
    """All arrays and numbers in ``value``, dicts and lists included; empty where there are none."""
    array = _array(value)
    if array is not None:
        return {path: array}
    found: Numbers = {}
    if issubclass(type(value), dict | list | tuple) and len(path) < _MAX_DEPTH:
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        for key, item in items[:_MAX_PARTS]:
            found |= numbers_of(item, (*path, key))
    return found


def _array(value: Any) -> np.ndarray | None:
    """``value`` in float64 where it is a number, an array, a tensor or a plain list of numbers."""
    kind = type(value)  # what an object says of its class may be anything
    if issubclass(kind, list | tuple):
        if not value or len(value) > _MAX_SIZE or not all(type(v) in (int, float) for v in value):
            return None
    elif kind.__module__.partition(".")[0] in ("tensorflow", "keras"):
        if not hasattr(value, "numpy"):
            return None
        try:
            value = value.numpy()
        except Exception:  # symbolic
            return None
    elif kind not in (int, float) and not issubclass(kind, np.ndarray | np.generic):
        return None
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind in "fiub" else None


def _in_kind(numbers: Numbers, like: Any, path: tuple = ()) -> Any:
    """An object of the kind of ``like`` that holds ``numbers``."""
    if path not in numbers:
        if isinstance(like, dict):
            return {k: _in_kind(numbers, v, (*path, k)) for k, v in like.items()}
        if type(like) in (list, tuple):
            return type(like)(_in_kind(numbers, v, (*path, i)) for i, v in enumerate(like))
        return like
    array = numbers[path]
    if isinstance(like, np.ndarray):
        return array.astype(like.dtype if like.dtype.kind == "f" else np.float64).reshape(like.shape)
    if isinstance(like, np.generic | int | float):
        return np.float64(array) if isinstance(like, np.generic) else float(array)
    if isinstance(like, list | tuple):
        return type(like)(array.tolist())
    return sys.modules["tensorflow"].constant(array, like.dtype)
