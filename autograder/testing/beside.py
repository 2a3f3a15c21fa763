"""Authored helpers that run beside the student's objects: in their process, wherever that is.

Some questions cannot be asked from outside: a gradient through a student's function, every weight of a model at
once. And a student's function may need a model to work on, which has to live where it can be called. Under
isolated grading the helper's *source* travels to the student process; under plain otter it is called. It is no
secret there, so it holds none: what is expected stays in the test.
"""

from __future__ import annotations

import builtins
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any, Protocol, runtime_checkable

import numpy as np

from autograder.checking import CheckFailed

__all__ = ["RunsBeside", "beside", "gradients"]


@runtime_checkable
class RunsBeside(Protocol):
    """A student's namespace in another process, which can run an authored function there."""

    def run_beside(self, name: str, source: str, args: tuple, kwargs: dict[str, Any]) -> Any: ...


def beside(env: Mapping[str, Any], function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``function(*args, **kwargs)``, computed in the process of the student's objects.

    Plain data and arrays come back by value, anything else as a handle. The function is self-contained: its
    imports stand inside it, and it uses neither a global nor a variable of an outer function. Raises
    ``TypeError`` for one that does.
    """
    source = _source(function)
    if isinstance(env, RunsBeside):
        return env.run_beside(function.__name__, source, args, kwargs)
    return function(*args, **kwargs)


def gradients(
    env: Mapping[str, Any],
    name: str,
    *args: Any,
    upstream: Any = None,
    wrt: Sequence[int] = (0,),
    **kwargs: Any,
) -> list[np.ndarray | None]:
    """``d Σ(upstream · f(*args)) / d args[i]`` for each ``i`` in ``wrt``, by a tape through the student's ``f``.

    upstream: of the shape of the result, ones if left out. ``None`` stands for an argument that the result does not
    depend on as far as the tape can see, which is also the case where the function leaves TensorFlow.
    """
    function = env.get(name)
    if function is None:
        raise CheckFailed(f"`{name}` is not defined.")
    return beside(env, _tape, function, list(args), kwargs, list(wrt), upstream)


def _tape(function, args, kwargs, wrt, upstream):
    import tensorflow as tf

    inputs = [tf.convert_to_tensor(args[i]) for i in wrt]
    for i, tensor in zip(wrt, inputs, strict=True):
        args[i] = tensor
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = tf.convert_to_tensor(function(*args, **kwargs))
    if upstream is not None:
        upstream = tf.cast(tf.reshape(upstream, value.shape), value.dtype)
    found = tape.gradient(value, inputs, output_gradients=upstream)
    return [None if g is None else tf.convert_to_tensor(g).numpy() for g in found]


def _source(function: Callable[..., Any]) -> str:
    """The function's source; raises ``TypeError`` where it needs more than that."""
    if not isinstance(function, FunctionType):
        raise TypeError("beside takes a function that is defined with `def`")
    needed = set(function.__code__.co_freevars)
    needed |= {n for n in _names(function.__code__) if n in function.__globals__ and not hasattr(builtins, n)}
    if needed:
        raise TypeError(f"{function.__name__} runs in another process, where there is no {', '.join(sorted(needed))}")
    return textwrap.dedent(inspect.getsource(function))


def _names(code: CodeType) -> Iterator[str]:
    """Names that are looked up as globals, in inner functions too; attributes and imports do not count."""
    import dis

    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
