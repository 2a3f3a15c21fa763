"""The student side of values: plain data and arrays go over the wire, anything else stays behind a handle.

Tensors, and named tuples and the like, do both: a test reads their values, and when it hands one back the
student's code gets its own object again, since state may be of any type.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.session.wire import DTYPES, Callback, Copied, HandleRef, decode, encode

__all__ = ["ObjectTable"]

_MAX_NESTING = 11  # a named tuple takes two of the wire's levels
_MAX_HANDLES = 50_000


class ObjectTable:
    """Objects that the evaluator holds a handle to, and the translation of values in both directions."""

    def __init__(self, make_callback: Callable[[Callback], Callable[..., Any]]) -> None:
        self._objects: dict[int, Any] = {}
        self._next = 1
        self._make_callback = make_callback

    def clear(self) -> None:
        """Forget every handle; the evaluator begins a new test."""
        self._objects.clear()

    def __getitem__(self, handle: int) -> Any:
        return self._objects[handle]

    def pack(self, message: list[Any], keep_originals: bool = False) -> bytes:
        """One frame body for the evaluator.

        keep_originals: remember what was more than its value, until ``clear``.
        """
        return encode([self._export(item, 0, keep_originals) for item in message], foreign=self._handle)

    def unpack(self, body: bytes) -> Any:
        """The evaluator's message, handles and callbacks turned into what they stand for."""
        return decode(body, handle=lambda ref: self._objects[ref.id], callback=self._make_callback)

    def _handle(self, value: Any) -> HandleRef:
        if len(self._objects) >= _MAX_HANDLES:
            raise MemoryError("too many objects were returned in one test")
        return HandleRef(self._add(value), type(value).__name__[:100], callable(value))

    def _add(self, value: Any) -> int:
        number, self._next = self._next, self._next + 1
        self._objects[number] = value
        return number

    def _export(self, value: Any, depth: int, keep: bool) -> Any:
        """``value`` in the wire's types; ``_handle`` takes what is left."""
        kind = type(value)
        if value is None or kind in (bool, int, float, str, bytes):
            return value
        data = self._data(value, depth, keep)
        if data is None:
            return self._handle(value)
        more_than_data = type(data) is not kind and not isinstance(value, np.generic)
        if keep and more_than_data and len(self._objects) < _MAX_HANDLES // 2:  # handles need room, too
            return Copied(self._add(value), data)
        return data

    def _data(self, value: Any, depth: int, keep: bool) -> Any:
        """What ``value`` holds, ``None`` where that is no data."""
        if depth < _MAX_NESTING:
            if isinstance(value, tuple):
                return tuple(self._export(v, depth + 1, keep) for v in value)
            if isinstance(value, list):
                return [self._export(v, depth + 1, keep) for v in value]
            if isinstance(value, dict):
                keys = {k: _key(k) for k in value}
                if None not in keys.values():
                    return {keys[k]: self._export(v, depth + 1, keep) for k, v in value.items()}
            if isinstance(value, np.ndarray) and value.dtype == object and value.ndim > 0:
                return self._data(value.tolist(), depth, keep)
        return str(value) if isinstance(value, str) else _as_array(value)


def _key(key: Any) -> Any:
    if isinstance(key, np.generic) and key.ndim == 0:
        key = key.item()
    return key if type(key) in (str, int, float, bool) else None


def _as_array(value: Any) -> np.ndarray | None:
    """Arrays, NumPy scalars, tensors and variables as NumPy arrays that the wire allows; else ``None``."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    elif _is_tensor(value):
        try:
            array = np.asarray(value.numpy())
        except Exception:  # symbolic, or of a kind without a value
            return None
    else:
        return None
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype == np.longdouble:
        array = array.astype(np.float64)
    little = array.dtype.newbyteorder("<").str if array.dtype.itemsize > 1 else array.dtype.str
    return array if little in DTYPES else None


def _is_tensor(value: Any) -> bool:
    tf, keras = sys.modules.get("tensorflow"), sys.modules.get("keras")
    if tf is not None and isinstance(value, tf.Tensor | tf.Variable):
        return True
    return keras is not None and isinstance(value, keras.Variable)
