"""Helpers that run beside the student's objects and return plain data.

Under isolated grading they run in the student's process, where the student could tamper with them;
that changes numbers which the evaluator compares with secret ones, and nothing else. Under stock
otter they run in the one shared process.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["AUTODIFF_USES", "Observation", "is_compiled", "observe"]

AUTODIFF_USES = ("tf.GradientTape", "tf.autodiff.ForwardAccumulator", "tf.gradients", "tf.test.compute_gradient", "keras.optimizers")


@dataclass
class Observation:
    """What one call did.

    value: the returned object; changed: paths of arguments that the call altered, such as
    ``argument 1['w1']``; autodiff: uses of automatic differentiation and ready-made optimizers by
    name; calls: how often each watched function ran inside the call.
    """

    value: Any
    changed: list[str] = field(default_factory=list)
    autodiff: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)


def observe(
    function: Callable[..., Any],
    args: tuple,
    kwargs: dict[str, Any],
    *,
    watch_autodiff: bool = False,
    watch_calls: dict[str, Any] | None = None,
    eager: bool = False,
) -> Observation:
    """Call ``function`` and report the value, altered arguments and, if asked, autodiff and calls.

    watch_calls: code objects and compiled functions to count, by name; eager: run compiled functions op by op.
    """
    before = (_snapshot(args), _snapshot(kwargs))
    uses: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        if watch_autodiff:
            stack.enter_context(_counting_autodiff(uses))
            stack.enter_context(_counting_calls(watch_calls or {}, counts))
        if eager and "tensorflow" in sys.modules:
            stack.enter_context(_running_eagerly(sys.modules["tensorflow"].config))
        value = function(*args, **kwargs)
    changed = [f"argument {i + 1}{p}" for i, p in _changes(before[0], args)]
    changed += [f"argument {k}{p}" for k, p in _changes(before[1], kwargs)]
    return Observation(value, changed, dict(uses), dict(counts))


def _snapshot(value: Any) -> Any:
    """A copy of plain containers and arrays; anything else stands for itself and counts as unchanged."""
    if isinstance(value, dict):
        return {k: _snapshot(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_snapshot(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.copy()
    if hasattr(value, "assign") and hasattr(value, "numpy"):  # tf.Variable
        return np.array(value.numpy())
    if isinstance(value, int | float | str | bool | bytes | np.generic | None):
        return copy.copy(value)
    return value


def _changes(before: Any, after: Any) -> Iterator[tuple[Any, str]]:
    """Top-level key and path below it of everything that differs."""
    items = before.items() if isinstance(before, dict) else enumerate(before)
    for key, old in items:
        for path in _differences(old, after[key], ""):
            yield key, path


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict):
        if not isinstance(new, dict) or set(old) != set(new):
            yield path
            return
        for key, value in old.items():
            yield from _differences(value, new[key], f"{path}[{key!r}]")
    elif isinstance(old, list):
        if not isinstance(new, list | tuple) or len(old) != len(new):
            yield path
            return
        for i, value in enumerate(old):
            yield from _differences(value, new[i], f"{path}[{i}]")
    elif isinstance(old, np.ndarray | int | float | str | bytes) and old is not new and not _equal(old, new):
        yield path


def _equal(old: Any, new: Any) -> bool:
    """Equal values, in whatever type; NaN equals NaN."""
    try:
        old, new = np.asarray(old), np.asarray(new)
    except Exception:  # ragged, or an object that refuses
        return False
    return old.shape == new.shape and bool(np.array_equal(old, new, equal_nan=old.dtype.kind == "f" == new.dtype.kind))


def is_compiled(value: Any) -> bool:
    """Whether ``value`` is what ``tf.function`` makes."""
    return type(value).__name__ == "Function" and type(value).__module__.startswith("tensorflow.")


@contextmanager
def _running_eagerly(config: Any) -> Iterator[None]:
    before = config.functions_run_eagerly()
    config.run_functions_eagerly(True)
    try:
        yield
    finally:
        config.run_functions_eagerly(before)


@contextmanager
def _counting_calls(watched: dict[str, Any], counts: Counter[str]) -> Iterator[None]:
    """Count how often the watched code starts and the watched compiled functions are called."""
    codes = {code: name for name, code in watched.items() if not is_compiled(code)}
    compiled = {id(function): name for name, function in watched.items() if is_compiled(function)}

    def hook(frame, event, _):
        if event == "call" and frame.f_code in codes:
            counts[codes[frame.f_code]] += 1

    previous = sys.getprofile()
    with ExitStack() as stack:
        for kind in {type(f) for f in watched.values() if is_compiled(f)}:
            stack.enter_context(_patched(kind, "__call__", lambda function, *_, **__: counts.update([compiled.get(id(function))])))
        if codes:
            sys.setprofile(hook)
        try:
            yield
        finally:
            sys.setprofile(previous)
    del counts[None]


@contextmanager
def _counting_autodiff(uses: Counter[str]) -> Iterator[None]:
    """Count entries into TensorFlow's differentiation machinery and Keras' optimizers.

    The patched places lie below the public names, so an alias taken earlier is counted too.
    """
    if "tensorflow" not in sys.modules:
        yield
        return
    with ExitStack() as stack:
        for owner, attribute, label in _autodiff_entries():
            stack.enter_context(_patched(owner, attribute, lambda *_, label=label, **__: uses.update([label])))
        yield


def _autodiff_entries() -> list[tuple[Any, str, str]]:
    import keras
    import tensorflow as tf
    from tensorflow.python.ops import gradient_checker_v2, gradients_util

    tape, accumulator, gradients, checker, optimizers = AUTODIFF_USES
    optimizer = keras.optimizers.Optimizer
    return [
        (tf.GradientTape, "_push_tape", tape),
        (tf.autodiff.ForwardAccumulator, "_push_accumulator", accumulator),
        (gradients_util, "_GradientsHelper", gradients),
        (gradient_checker_v2, "_compute_gradient_list", checker),
        (optimizer, "apply", optimizers),
        (optimizer, "update_step", optimizers),
    ]


@contextmanager
def _patched(owner: Any, attribute: str, before: Callable[..., None]) -> Iterator[None]:
    """Call ``before`` with the same arguments ahead of each call of ``owner.attribute``."""
    original = getattr(owner, attribute)

    @functools.wraps(original)
    def wrapper(*args, **kwargs):
        before(*args, **kwargs)
        return original(*args, **kwargs)

    setattr(owner, attribute, wrapper)
    try:
        yield
    finally:
        setattr(owner, attribute, original)
