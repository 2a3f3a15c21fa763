"""The student's namespace as a hidden test sees it: names of another process, values as data.

What a test hands to student code goes over as data; functions go as callbacks. What comes back is data, or a
``Handle`` where it cannot be. Nothing that the test compares with crosses the border: an operator on a handle
first fetches the object as an array and then computes here.
"""

from __future__ import annotations

import builtins
import copy
import hashlib
import importlib
import math
import operator
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from autograder.checking import CheckFailed
from autograder.checking.trace import Repair, Step
from autograder.session.wire import Callback, Copied, HandleRef, WireError, encode
from autograder.testing.calls import RemoteNamespace
from autograder.testing.probes import AUTODIFF_USES, Observation

__all__ = ["Handle", "RecordedCall", "Requests", "StudentNamespace", "is_data"]

# Modules that a test may find under a student's name; the evaluator uses its own copy.
_SHARED_MODULES = frozenset({
    "collections", "itertools", "json", "keras", "math", "matplotlib.pyplot", "numpy", "pandas", "random", "re",
    "scipy", "scipy.stats", "statistics", "tensorflow",
})  # fmt: skip
_KNOWN_TYPES = frozenset({
    "DataFrame", "Dataset", "Dense", "EagerTensor", "Function", "Functional", "Generator", "History", "IndexedSlices", "KerasTensor",
    "Layer", "Model", "RaggedTensor", "Sequential", "Series", "SparseTensor", "Tensor", "Variable", "builtin_function_or_method",
    "coroutine", "function", "generator", "method", "module", "ndarray",
})  # fmt: skip
_MAX_CALLBACKS = 20_000  # calls of evaluator functions within one test


class Requests(Protocol):
    """Whoever carries a request to the student process within the running test's limits."""

    def request(self, kind: str, *arguments: Any, foreign: Callable[[Any], Any] | None = None) -> Any: ...


@dataclass(frozen=True)
class RecordedCall:
    """A call of one of the contract's functions within the running test.

    seconds: that it took; infinite where the test took the value of an earlier call.
    """

    name: str
    args: tuple
    kwargs: dict[str, Any]
    value: Any
    seconds: float = 0.0


class StudentNamespace(Mapping, RemoteNamespace):
    """Names of the student's notebook; see the module's docstring.

    reached: for each name the library names that its code leads to (read before the notebook ran);
    sources: of the notebook's cells; lines_before: of what ran at the head of each.
    """

    def __init__(
        self, requests: Requests, reached: dict[str, list[str]], sources: Sequence[str] = (), lines_before: int = 0
    ) -> None:
        self._requests = requests
        self._reached = reached
        self._sources = sources
        self._lines_before = lines_before
        self.callbacks: dict[Any, Callable[..., Any]] = {}
        self.calls: list[RecordedCall] = []
        self.asked = ""  # the contract's function that was called last
        self._callbacks_left = _MAX_CALLBACKS
        self._remembered: dict[bytes, Observation] = {}
        self._copied: dict[int, tuple[Copied, bytes]] = {}  # by the id of the value, which is kept alive here

    def begin(self) -> None:
        """Forget the calls and callbacks of the last test."""
        self.calls, self.asked = [], ""
        self._copied.clear()
        self._callbacks_left = _MAX_CALLBACKS
        for number in [k for k in self.callbacks if isinstance(k, int)]:
            del self.callbacks[number]

    def forget(self) -> None:
        """The student's functions are not what they were: a call may have another value now."""
        self._remembered.clear()

    # --- what a test uses -------------------------------------------------------------------------

    def observe(
        self,
        name: str,
        args: tuple,
        kwargs: dict[str, Any],
        watch_autodiff: bool,
        remember: bool = False,
        eager: bool = False,
    ) -> Observation:
        """The probe ``observe`` of :mod:`autograder.testing.probes`, run beside the student's function.

        remember: look an equal call of an earlier test up; eager: run compiled functions op by op.
        """
        self.asked = name
        key = _digest([name, list(args), kwargs]) if remember else b""
        if key not in self._remembered:
            seen = self._observed(name, args, kwargs, watch_autodiff, eager)
            if not remember or not is_data(seen.value):
                return seen
            self._remembered[key] = copy.deepcopy(seen)
            return seen
        seen = copy.deepcopy(self._remembered[key])
        self.calls.append(RecordedCall(name, args, kwargs, seen.value, math.inf))
        return seen

    def _observed(self, name: str, args: tuple, kwargs: dict[str, Any], watch_autodiff: bool, eager: bool) -> Observation:
        started = time.monotonic()
        match self._ask("observe", name, list(args), kwargs, watch_autodiff, eager):
            case [value, list() as changed, dict() as autodiff, dict() as calls]:
                pass
            case ["missing"]:
                raise CheckFailed(f"`{name}` is not defined.")
            case ["not a function"]:
                raise CheckFailed(f"`{name}` is not a function.")
            case _:
                raise CheckFailed(f"the answer of `{name}` could not be read.")
        self.calls.append(RecordedCall(name, args, kwargs, value, time.monotonic() - started))
        counts = {str(k): int(v) for k, v in calls.items() if type(v) is int}
        # What reaches a message is checked: a path or a label that cannot be could carry hidden inputs.
        possible = set(_paths(args, kwargs)) if changed else set()
        used = {use: 1 for use in AUTODIFF_USES if use in autodiff}
        return Observation(value, [c for c in changed if c in possible], used, counts)

    def steps(self, name: str, args: tuple, kwargs: dict[str, Any], repair: Repair | None = None) -> tuple[Any, list[Step]]:
        """The answer of one more call and its steps, or its answer with one of them repaired."""
        mended = repair and [repair.index, [[list(path), a] for path, a in repair.numbers.items()]]
        match self._ask("steps", name, list(args), kwargs, mended):
            case [value, list() as steps] if all(map(_is_step, steps)):
                return value, [Step(*place, {tuple(path): a for path, a in numbers}) for *place, numbers in steps]
        raise CheckFailed(f"the steps of `{name}` could not be read.")

    def run_beside(self, name: str, source: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        """An authored function in the student's process, see :mod:`autograder.testing.beside`."""
        return self._ask("beside", name, source, list(args), kwargs)

    def reachable_names(self, name: str) -> set[str]:
        """Library names that the code of ``name`` leads to."""
        return set(self._reached.get(name, ()))

    def known_type(self, name: str) -> str:
        """``name`` where it is a type's of the language, of a usual library or of the notebook's source."""
        in_source = name.isidentifier() and any(f"class {name}" in source for source in self._sources)
        return name if in_source or name in _KNOWN_TYPES or hasattr(builtins, name) else "object"

    def source_line(self, cell: Any, line: Any) -> tuple[int, str]:
        """Number and text of a line of the notebook as it was handed in; ``(0, "")`` where there is none.

        cell, line: as IPython counts, from 1, and without the empty lines at a cell's head.
        """
        if type(cell) is not int or type(line) is not int or not 0 < cell <= len(self._sources):
            return 0, ""
        lines = self._sources[cell - 1].splitlines()
        line += -self._lines_before or next((i for i, text in enumerate(lines) if text.strip()), 0)
        return (line, lines[line - 1].strip()[:200]) if 0 < line <= len(lines) else (0, "")

    def __getitem__(self, name: str) -> Any:
        match self._ask("lookup", name):
            case ["value", Handle() as handle]:
                handle._name = name
                return handle
            case ["value", value]:
                return value
            case ["module", str() as module] if module in _SHARED_MODULES:
                return importlib.import_module(module)
            case _:
                raise CheckFailed(f"`{name}` is not defined.")

    def get(self, name: str, default: Any = None) -> Any:
        """The value of ``name``; a missing one without a default fails in words when it is used."""
        try:
            return self[name]
        except CheckFailed as error:
            return Missing(str(error)) if default is None else default

    def __contains__(self, name: object) -> bool:
        return self._ask("lookup", str(name)) != ["missing"]

    def __iter__(self) -> Iterator[str]:
        return iter(self._reached)

    def __len__(self) -> int:
        return len(self._reached)

    # --- translation ------------------------------------------------------------------------------

    def receive(self, ref: HandleRef | Copied) -> Any:
        """The object for a reference that came over the wire."""
        if isinstance(ref, HandleRef):
            return Handle(self, ref)
        self._copied[id(ref.value)] = (ref, _digest(ref.value))
        return ref.value

    def _ask(self, kind: str, *arguments: Any) -> Any:
        return self._requests.request(kind, *map(self._give_back, arguments), foreign=self._export)

    def _give_back(self, value: Any) -> Any:
        """``value`` with the student's own objects for what was read from them and has not changed since."""
        ref, digest = self._copied.get(id(value), (None, b""))
        if ref is not None and ref.value is value and digest == _digest(value):
            return HandleRef(ref.id, "", False)
        if type(value) in (list, tuple):
            return type(value)(map(self._give_back, value))
        if type(value) is dict:
            return {k: self._give_back(v) for k, v in value.items()}
        return value

    def _export(self, value: Any) -> Any:
        """What the wire cannot carry by itself: handles, tensors and functions."""
        if isinstance(value, Handle):
            return value._ref
        if hasattr(value, "numpy") and callable(value.numpy):
            return np.asarray(value.numpy())
        if isinstance(value, np.ndarray | np.generic):
            raise WireError(f"a test may not send an array of dtype {value.dtype}")
        if callable(value):
            return self._register(value)
        raise WireError(f"a test may not send a {type(value).__name__}")

    def _register(self, function: Callable[..., Any]) -> Callback:
        number = len(self.callbacks) + 1
        self.callbacks[number] = lambda args, kwargs: self.bounded(function, *args, **kwargs)
        return Callback(number)

    def bounded(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call an evaluator's function for the student's code, a bounded number of times in a test."""
        self._callbacks_left -= 1
        if self._callbacks_left < 0:
            raise WireError("too many calls of one function")
        return function(*args, **kwargs)

    def _call(self, handle: Handle, args: tuple, kwargs: dict[str, Any]) -> Any:
        self.asked = handle._name or self.asked
        started = time.monotonic()
        value = self._ask("call", handle, list(args), kwargs)
        if handle._name is not None:
            self.calls.append(RecordedCall(handle._name, args, kwargs, value, time.monotonic() - started))
        return value


def is_data(value: Any) -> bool:
    """Whether a value that came over the wire is whole here: nothing of it stays in the student process."""
    if isinstance(value, dict):
        return all(map(is_data, value.values()))
    return all(map(is_data, value)) if isinstance(value, list | tuple) else not isinstance(value, Handle)


def _is_step(value: Any) -> bool:
    match value:
        case [str(), int(), str(), list() as numbers]:
            return all(map(_is_part, numbers))
    return False


def _is_part(value: Any) -> bool:
    match value:
        case [list() as path, np.ndarray() as array]:
            return array.dtype == np.float64 and all(type(key) in (str, int, float, bool) for key in path)
    return False


def _digest(value: Any) -> bytes:
    return hashlib.blake2b(encode(value, foreign=lambda item: HandleRef(id(item), "", False))).digest()


def _paths(args: tuple, kwargs: dict[str, Any]) -> Iterator[str]:
    """Every path that the probe ``observe`` can name as changed."""

    def below(value: Any, path: str) -> Iterator[str]:
        yield path
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
        for key, item in items:
            yield from below(item, f"{path}[{key!r}]")

    for position, value in enumerate(args, start=1):
        yield from below(value, f"argument {position}")
    for name, value in kwargs.items():
        yield from below(value, f"argument {name}")


class Missing:
    """Stands for a name that the notebook does not define: any use fails in words."""

    def __init__(self, words: str) -> None:
        object.__setattr__(self, "_words", words)

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise CheckFailed(object.__getattribute__(self, "_words"))

    __call__ = __getattr__ = __getitem__ = __iter__ = __len__ = __bool__ = __float__ = __int__ = __array__ = _fail
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __sub__ = __mul__ = __truediv__ = _fail
    __hash__ = None


class Handle:
    """An object in the student process: call it, index it, ask for its attributes.

    Comparison and arithmetic happen here, on the object fetched as an array; an object that is no array is
    equal to no data.
    """

    def __init__(self, owner: StudentNamespace, ref: HandleRef) -> None:
        self._owner, self._ref, self._name = owner, ref, None

    @property
    def type_name(self) -> str:
        """The class' name, by the student process' word, where it is a known one."""
        return self._owner.known_type(self._ref.type_name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._ref.is_callable:
            raise CheckFailed(f"`{self._name or self.type_name}` is not a function.")
        return self._owner._call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._owner._ask("attribute", self, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Handle:
        """Itself: a diagnosis that copies arguments asks the same object."""
        return self

    def __repr__(self) -> str:
        return f"<{self.type_name} of the student>"

    def _remote(self, name: str, *operands: Any) -> Any:
        return self._owner._ask("operator", name, [self, *operands])

    def _data(self) -> np.ndarray:
        value = self._remote("array")
        if not isinstance(value, np.ndarray):
            raise CheckFailed(f"expected numbers, got a value of type {self.type_name}.")
        return value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._data().astype(dtype) if dtype is not None else self._data()

    def __len__(self) -> int:
        return _of_type(int, self._remote("len"))

    def __iter__(self) -> Iterator[Any]:
        return iter(_of_type(list, self._remote("iter")))

    def __getitem__(self, key: Any) -> Any:
        return self._remote("getitem", key)

    def __contains__(self, item: Any) -> bool:
        return item in list(self)

    def __bool__(self) -> bool:
        return _of_type(bool, self._remote("bool"))

    def __float__(self) -> float:
        return _of_type(float, self._remote("float"))

    def __int__(self) -> int:
        return _of_type(int, self._remote("int"))

    def __eq__(self, other: object) -> Any:
        return isinstance(other, Handle) and other._ref.id == self._ref.id

    __hash__ = None


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: function(self._data())


def _computed_here(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator and its reflection, on fetched data."""

    def forward(self: Handle, other: Any) -> Any:
        return function(self._data(), np.asarray(other))

    def reflected(self: Handle, other: Any) -> Any:
        return function(np.asarray(other), self._data())

    return forward, reflected


for _name in ("add", "sub", "mul", "truediv", "matmul", "pow", "mod", "floordiv"):
    _forward, _reflected = _computed_here(getattr(operator, _name))
    setattr(Handle, f"__{_name}__", _forward)
    setattr(Handle, f"__r{_name}__", _reflected)
for _name in ("lt", "le", "gt", "ge"):
    setattr(Handle, f"__{_name}__", _computed_here(getattr(operator, _name))[0])
for _name in ("neg", "abs"):
    setattr(Handle, f"__{_name}__", _unary(getattr(operator, _name)))


def _of_type(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise CheckFailed(f"expected a {kind.__name__}, got something else.")
    return value
