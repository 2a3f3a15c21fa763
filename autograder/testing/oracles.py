"""Independent oracles for gradients, both in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["numerical_gradient", "tape_gradient"]


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
