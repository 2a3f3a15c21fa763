"""What a function gives to its local names line by line, and what it would answer if one of them held other numbers.

A trace is a prefix of what happened: at the first value or line that is beyond the bounds below it ends, so that
what it says of an order is true. It sees the functions that share one namespace (a notebook's, a module's) and no
library code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["Repair", "Step", "leaves", "trace"]

MAX_STEPS = 400
_MAX_LINES = 5_000  # that run, loops counted in full
_MAX_SIZE = 20_000  # numbers of one value
_MAX_NUMBERS = 400_000  # of all steps
_MAX_PARTS = 64  # entries of one dict or list
_MAX_DEPTH = 3


@dataclass(frozen=True)
class Step:
    """Numbers that a line gave to a name.

    name: empty for what the line returns; part: they are one entry of the dict or list of that name.
    """

    file: str
    line: int
    name: str
    part: bool
    value: np.ndarray  # float64


@dataclass(frozen=True)
class Repair:
    """Other numbers, of the same shape, for what step ``index`` gave to its name."""

    index: int
    value: np.ndarray


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
        if self._ended or frame.f_globals is not self._within:
            return None
        known: dict[tuple, tuple[Any, bytes]] = {}  # by name and path: the object, and what it held
        running = frame.f_lineno
        self._note(frame, running, frame.f_locals, known, record=False)

        def local(frame: FrameType, event: str, value: Any) -> Callable | None:
            nonlocal running
            if self._ended:
                return None
            self._lines_left -= 1
            self._note(frame, running, frame.f_locals, known)
            if event == "return":
                self._note(frame, frame.f_lineno, {"": value}, known)
            running = frame.f_lineno
            return local

        return local

    def _note(self, frame: FrameType, line: int, names: dict[str, Any], known: dict, record: bool = True) -> None:
        """A step for whatever is not as it was; an object of the notebook's may do anything when it is read."""
        try:
            for name, value in list(names.items()):
                for path, owner, numbers in leaves(value):
                    self._ended |= numbers.size > _MAX_SIZE or self._lines_left < 0 or len(self.steps) >= MAX_STEPS
                    if self._ended:
                        return
                    content, (_, before) = b"%r" % (numbers.shape,) + numbers.tobytes(), known.get((name, path), (None, b""))
                    is_new = content != before and (name or not any(owner is held for held, _ in known.values()))
                    known[name, path] = owner, content
                    if record and is_new:
                        self._add(frame, names, Step(frame.f_code.co_filename, line, name, bool(path), numbers.copy()), owner)
        except Exception:
            self._ended = True

    def _add(self, frame: FrameType, names: dict[str, Any], step: Step, owner: Any) -> None:
        self._numbers_left -= step.value.size
        self._ended = self._numbers_left < 0
        if self._ended:
            return
        if self._repair is not None and self._repair.index == len(self.steps) and step.name and not step.part:
            names[step.name] = _in_kind(self._repair.value.reshape(step.value.shape), owner)  # written back by CPython
        self.steps.append(step)


def leaves(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any, np.ndarray]]:
    """(path, object, its numbers) for all arrays and numbers in ``value``, dicts and lists included."""
    numbers = _numbers(value)
    if numbers is not None:
        yield path, value, numbers
    elif issubclass(type(value), dict | list | tuple) and len(path) < _MAX_DEPTH:
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        for key, item in items[:_MAX_PARTS]:
            yield from leaves(item, (*path, key))


def _numbers(value: Any) -> np.ndarray | None:
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


def _in_kind(numbers: np.ndarray, like: Any) -> Any:
    """``numbers`` as an object of the kind of ``like``."""
    if isinstance(like, np.ndarray):
        return numbers.astype(like.dtype if like.dtype.kind == "f" else np.float64)
    if isinstance(like, np.generic | int | float):
        return np.float64(numbers) if isinstance(like, np.generic) else float(numbers)
    if isinstance(like, list | tuple):
        return type(like)(numbers.tolist())
    return sys.modules["tensorflow"].constant(numbers, like.dtype)
