"""Stand-ins for a student's broken functions: the evaluator computes the reference's values.

``forward = stand_in("forward", ask)`` behaves like the contract's ``forward``: arrays go to the evaluator,
arrays come back, and no reference code is ever here. TensorFlow inputs get TensorFlow outputs through
which gradients flow, because the evaluator also answers for the vector-Jacobian product.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from autograder.testing.carry import is_tensor

__all__ = ["stand_in"]

Ask = Callable[[str, str, list[Any]], Any]  # (function, "value" or "vjp", arguments) -> plain data


def stand_in(name: str, ask: Ask) -> Callable[..., Any]:
    """A function that answers like the reference's ``name``."""

    def function(*args: Any, **kwargs: Any) -> Any:
        tf = sys.modules.get("tensorflow")
        if tf is None:
            return ask(name, "value", [list(args), kwargs])
        flat = tf.nest.flatten([list(args), kwargs])
        tensors = [i for i, a in enumerate(flat) if is_tensor(tf, a)]
        if not tensors:
            return ask(name, "value", [list(args), kwargs])
        args, kwargs = tf.nest.map_structure(lambda a: _taking_tensors(tf, a) if callable(a) else a, (args, kwargs))
        flat = tf.nest.flatten([list(args), kwargs])
        flat = [tf.convert_to_tensor(a) if i in tensors else a for i, a in enumerate(flat)]
        return _differentiable(tf, name, ask, args, kwargs, flat, tensors)

    function.__name__ = name
    return function


def _differentiable(tf, name: str, ask: Ask, args: tuple, kwargs: dict, flat: list[Any], tensors: list[int]) -> Any:
    structure = [list(args), kwargs]
    symbolic = any(not hasattr(flat[i], "numpy") for i in tensors)

    def rebuilt(values: list[Any]) -> list[Any]:
        merged = list(flat)
        for i, value in zip(tensors, values, strict=True):
            merged[i] = value.numpy() if hasattr(value, "numpy") else value
        return tf.nest.pack_sequence_as(structure, merged)

    sample = ask(name, "value", rebuilt([_zeros(flat[i]) for i in tensors] if symbolic else [flat[i] for i in tensors]))
    floats = [flat[i].dtype for i in tensors if flat[i].dtype.is_floating]
    widest = max(floats, key=lambda kind: kind.size, default=tf.float32)  # student code may mix no dtypes
    kinds = [widest if np.asarray(s).dtype.kind == "f" else tf.as_dtype(np.asarray(s).dtype) for s in tf.nest.flatten(sample)]

    def values(*inputs):
        answer = ask(name, "value", rebuilt(list(inputs)))
        return [tf.cast(a, k) for a, k in zip(tf.nest.flatten(answer), kinds, strict=True)]

    def pullback(*inputs_and_upstream):
        inputs, upstream = inputs_and_upstream[: len(tensors)], inputs_and_upstream[len(tensors) :]
        answer = ask(name, "vjp", [rebuilt(list(inputs)), tensors, [np.asarray(u) for u in upstream]])
        return [tf.cast(a, i.dtype) for a, i in zip(answer, inputs, strict=True)]

    @tf.custom_gradient
    def operation(*inputs):
        outputs = tf.py_function(values, inputs, kinds) if symbolic else values(*inputs)

        def gradient(*upstream):
            types = [i.dtype for i in inputs]
            if any(not hasattr(u, "numpy") for u in (*inputs, *upstream)):
                return tf.py_function(pullback, [*inputs, *upstream], types)
            return pullback(*inputs, *upstream)

        return outputs, gradient

    outputs = operation(*[flat[i] for i in tensors])
    return tf.nest.pack_sequence_as(sample, outputs if isinstance(outputs, list | tuple) else [outputs])


def _taking_tensors(tf, function: Callable[..., Any]) -> Callable[..., Any]:
    """A student's function that expects tensors, for the evaluator, who sends arrays."""

    def run(args: tuple, kwargs: dict[str, Any]) -> Any:
        args, kwargs = tf.nest.map_structure(
            lambda a: tf.convert_to_tensor(a) if isinstance(a, np.ndarray) else a, (args, kwargs)
        )
        return function(*args, **kwargs)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if tf.executing_eagerly():
            return run(args, kwargs)
        with ThreadPoolExecutor(1) as thread:  # a graph is being traced here; another thread computes numbers
            return thread.submit(run, args, kwargs).result()

    return wrapper


def _zeros(tensor: Any) -> np.ndarray:
    shape = [n or 1 for n in tensor.shape.as_list()]
    return np.zeros(shape, tensor.dtype.as_numpy_dtype)
