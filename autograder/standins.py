"""Error carried forward: the reference's values in place of a broken function of the student's.

The evaluator's side of :mod:`autograder.session.standins`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import isclass
from types import ModuleType
from typing import Any

import numpy as np

from autograder.answers import answer_of

__all__ = ["answers"]


def answers(reference: ModuleType, names: Iterable[str]) -> dict[str, Callable[[str, list[Any]], Any]]:
    """For each function name what answers the student process: ``(kind, arguments) -> data``.

    kind ``value``: arguments ``[args, kwargs]``, the reference's result; kind ``vjp``: arguments
    ``[[args, kwargs], indices, upstream]``, the products of ``upstream`` (one for each output) with the
    Jacobian by the inputs at ``indices`` of the flattened arguments. Classes have no stand-in: what is made
    of them lives in the student process.
    """
    found = {name: getattr(reference, name, None) for name in names}
    return {name: _answer(function) for name, function in found.items() if function is not None and not isclass(function)}


def _answer(function: Callable[..., Any]) -> Callable[[str, list[Any]], Any]:
    def answer(kind: str, arguments: list[Any]) -> Any:
        if kind == "value":
            return answer_of(function, *arguments)
        return _vjp(function, *arguments)

    return answer


def _vjp(function: Callable[..., Any], structure: list[Any], indices: list[int], upstream: list[np.ndarray]) -> list[np.ndarray]:
    import tensorflow as tf

    flat = tf.nest.flatten(structure)
    inputs = [tf.convert_to_tensor(flat[i]) for i in indices]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        for i, tensor in zip(indices, inputs, strict=True):
            flat[i] = tensor
        args, kwargs = tf.nest.pack_sequence_as(structure, flat)
        outputs = tf.nest.flatten(function(*args, **kwargs))
    seeds = [tf.cast(u, o.dtype) for u, o in zip(upstream, outputs, strict=True)]
    found = tape.gradient(outputs, inputs, output_gradients=seeds, unconnected_gradients="zero")
    return [g.numpy() for g in found]
