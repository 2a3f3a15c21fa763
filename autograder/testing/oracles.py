"""Independent oracles for gradients, both in float64.

All submissions of a batch meet the same hidden inputs, so a gradient that is asked for again is looked up: the key
is the function's code, all values that it closes over, and where it is taken.
"""

from __future__ import annotations

import copy
import functools
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

__all__ = ["numerical_gradient", "tape_gradient"]

_KEPT = 512  # gradients
_known: OrderedDict[bytes, tuple[Any, Any]] = OrderedDict()  # the function, which keeps its code alive, and the gradient


def _looked_up(oracle: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(oracle)
    def function(f: Callable[[Any], Any], params: Any, *more: Any, **named: Any) -> Any:
        try:
            key = _digest((oracle.__name__, f, params, more, named), getattr(f, "__globals__", None))
        except TypeError:  # something that has no value to go by
            return oracle(f, params, *more, **named)
        if key not in _known:
            _known[key] = f, oracle(f, params, *more, **named)
            if len(_known) > _KEPT:
                _known.popitem(last=False)
        return copy.deepcopy(_known[key][1])

    return function


def _digest(value: Any, home: Any) -> bytes:
    """Of plain data, arrays, functions with what they close over, and instances of classes whose methods are at
    ``home``, the globals of the test file; raises ``TypeError`` for anything else."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return b"%s %r\0" % (type(value).__name__.encode(), value)
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        parts = [id(value.__code__), id(value.__globals__), value.__defaults__, value.__kwdefaults__, cells]
    elif isinstance(value, np.ndarray | np.generic) and value.dtype != object:
        parts = [value.dtype.str, list(value.shape), value.tobytes()]
    elif isinstance(value, dict):
        parts = [item for pair in value.items() for item in pair]
    elif isinstance(value, list | tuple):
        parts = value
    elif any(isinstance(m, FunctionType) and m.__globals__ is home for m in vars(type(value)).values()):
        parts = [id(type(value)), vars(value)]
    else:
        raise TypeError(type(value).__name__)
    digest = hashlib.blake2b(type(value).__name__.encode(), digest_size=20)
    for part in parts:
        digest.update(_digest(part, home))
    return digest.digest()


@_looked_up
def numerical_gradient(f: Callable[[Any], float], params: Any, eps: float = 1e-6) -> Any:
    """Gradient of ``f`` by central differences, ``(f(θ+ε) - f(θ-ε)) / 2ε`` for each element.

    params: array, or dict, list, tuple of arrays (any nesting); f takes the same structure in float64
    and returns a number. Returns the structure of ``params``. The error is of order ε² plus rounding
    of order 1e-16/ε: about 1e-9 at the default.
    """
    params = _map(lambda a: np.array(a, dtype=np.float64), params)

    def gradient(array: np.ndarray) -> np.ndarray:
        result = np.empty_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + eps
            above = float(f(params))
            array[index] = kept - eps
            below = float(f(params))
            array[index] = kept
            result[index] = (above - below) / (2 * eps)
        return result

    return _map(gradient, params)


@_looked_up
def tape_gradient(f: Callable[[Any], Any], params: Any) -> Any:
    """Gradient of ``f`` by ``tf.GradientTape`` in float64; ``f`` gets float64 tensors and returns a scalar."""
    import tensorflow as tf

    tensors = _map(lambda a: tf.constant(np.asarray(a), dtype=tf.float64), params)
    with tf.GradientTape() as tape:
        tape.watch(tf.nest.flatten(tensors))
        value = f(tensors)
    flat = tape.gradient(value, tf.nest.flatten(tensors), unconnected_gradients="zero")
    return tf.nest.pack_sequence_as(params, [g.numpy() for g in flat])


def _map(function: Callable[[Any], Any], structure: Any) -> Any:
    if isinstance(structure, dict):
        return {k: _map(function, v) for k, v in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(_map(function, v) for v in structure)
    return function(structure)
