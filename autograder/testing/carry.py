"""Error carried forward under plain otter: one mistake costs the marks of one question.

The build ends a hidden test file whose question builds on others with two lines::

    from autograder.testing import carry_forward
    carry_forward(globals(), needs=[("q2", ["relu"]), ("q3", ["forward"])], reference="reference/net.py")

A case that fails is then run once more, with the reference standing in for the functions of those needed
questions that are broken, and the second outcome counts. A question that passes only so is not broken itself.

The isolated evaluator reads the files without these lines and does the same by itself. Plain otter has one
process for everything: there student code can read the tests and the reference, which isolated grading keeps
out of its reach. Do not rely on marks of plain otter where somebody may cheat.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from otter.test_files import ExceptionTestFile, test_case

__all__ = ["as_data", "carry_forward", "is_tensor"]

Needs = Sequence[tuple[str, Sequence[str]]]


def carry_forward(test_globals: dict[str, Any], needs: Needs, reference: str) -> None:
    """Let every case in the globals of a test file carry errors forward.

    needs: (question, names of its functions) for all questions that this one builds on, directly or not, each
    after those that it builds on itself; reference: path of the module with these functions. Paths start at
    the folder of the test file, where the questions' test files ``<question>.py`` lie, too.
    """
    for name, value in test_globals.items():
        if isinstance(value, test_case):
            test_globals[name] = _CarryingCase(value, needs, reference)


class _CarryingCase(test_case):
    """otter's case with a second chance.

    ``call_func`` and not the function is overridden: it has the namespace whatever the function asks for, and
    otter quotes the line of the second frame below its own, which stays the test's.
    """

    def __init__(self, case: test_case, needs: Needs, reference: str) -> None:
        super().__init__(case.name, case.points, case.hidden, case.success_message, case.failure_message)
        self.test_func = case.test_func
        self._folder = Path(case.test_func.__code__.co_filename).resolve().parent
        self._needs, self._reference = needs, reference

    def call_func(self, env: MutableMapping[str, Any]) -> None:
        try:
            super().call_func(env)
        except Exception as error:
            if not self._passes_with_reference(env):
                in_the_test = error.__traceback__.tb_next.tb_next
                raise error.with_traceback(in_the_test)

    def _passes_with_reference(self, env: MutableMapping[str, Any]) -> bool:
        if not isinstance(env, MutableMapping):  # it belongs to another process
            return False
        broken = [names for q, names in self._needs if _is_broken(self._folder / f"{q}.py", env)]
        if not broken:
            return False
        reference = _load(self._folder / self._reference)
        found = {n: getattr(reference, n) for names in broken for n in names}
        functions = {n: _stand_in(f) for n, f in found.items() if not inspect.isclass(f)}  # classes stay the student's
        with _replaced(env, functions):
            try:
                super().call_func(env)
            except Exception:
                return False
        return True

    def __reduce__(self) -> tuple:
        """Travel as otter's own class, without functions: whoever reads the results may lack this package."""
        return test_case, (self.name, self.points, self.hidden, self.success_message, self.failure_message)


# By test file and namespace, for the life of the process; a namespace that is kept does not pass on its id.
_broken: dict[tuple[Path, int], tuple[bool, MutableMapping[str, Any]]] = {}


def _is_broken(test: Path, env: MutableMapping[str, Any]) -> bool:
    """Whether a question fails by its own fault: its cases, too, carry errors forward."""
    if (test, id(env)) not in _broken:
        file = ExceptionTestFile.from_file(str(test))
        file.run(env)
        _broken[test, id(env)] = not file.passed_all, env
    return _broken[test, id(env)][0]


@functools.cache
def _load(path: Path) -> ModuleType:
    """The reference, under a name that no module of a notebook has."""
    spec = importlib.util.spec_from_file_location(f"_carried_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _replaced(env: MutableMapping[str, Any], functions: dict[str, Callable[..., Any]]) -> Iterator[None]:
    before = {name: env[name] for name in functions if name in env}
    env.update(functions)
    try:
        yield
    finally:
        for name in functions:
            env.pop(name, None)
        env.update(before)


def _stand_in(function: Callable[..., Any]) -> Callable[..., Any]:
    """The reference's function for a student's code: tensors for tensors, arrays for arrays."""

    @functools.wraps(function)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        if _has_tensors(args, kwargs):
            return function(*args, **kwargs)
        args = [_taking_arrays(a) for a in args]
        return as_data(function(*args, **{k: _taking_arrays(v) for k, v in kwargs.items()}))

    return stand_in


def _has_tensors(*values: Any) -> bool:
    tf = sys.modules.get("tensorflow")
    return tf is not None and any(is_tensor(tf, v) for v in tf.nest.flatten(values))


def is_tensor(tf: ModuleType, value: Any) -> bool:
    """Whether a tape can follow ``value``: a tensor, or a variable of TensorFlow's or Keras'."""
    return isinstance(value, tf.Tensor | tf.Variable) or hasattr(value, "__tf_tensor__")


def _taking_arrays(value: Any) -> Any:
    """A student's function that expects arrays, for the reference, which calls it with tensors."""
    return (lambda *args: value(*as_data(args))) if callable(value) else value


def as_data(value: Any) -> Any:
    """``value`` with arrays for tensors, in dicts, lists and tuples too."""
    if isinstance(value, dict):
        return {k: as_data(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_data(v) for v in value)
    return np.asarray(value) if hasattr(value, "numpy") else value
