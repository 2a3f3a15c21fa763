"""The wire between evaluator and student process: frames of plain data, nothing executable.

A frame is::

    4 bytes   length of the body, unsigned, big-endian, at most MAX_FRAME
    n bytes   body, one MessagePack value

MessagePack carries None, booleans, numbers, strings, bytes, lists and maps. Six extension types add
the rest (the number is the type's code on the wire):

    1  array     [dtype, [n, …], bytes]      C order, little-endian, dtypes of DTYPES only
    2  tuple     [value, …]
    3  handle    [id, type name, is callable]       an object that stays in the student process
    4  callback  id                                 a function that stays in the evaluator
    5  integer   decimal digits                     beyond 64 bits
    6  copied    [id, value]                        what an object that stays in the student process holds

Whatever breaks these rules raises ``WireError``. Sizes, depth and the number of values in a frame are bounded,
since a byte can announce a list that takes sixty, and keys are of types that cannot be made to collide.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np

__all__ = ["MAX_FRAME", "Callback", "Copied", "HandleRef", "WireError", "decode", "encode", "frame", "frame_length"]

MAX_FRAME = 256 * 1024 * 1024  # bytes
MAX_DEPTH = 24
MAX_ITEMS = 1_000_000  # values in one frame
MAX_KEYS = 10_000  # entries of one map
EXTENSION_COST = 10  # an extension counts as so many values: it takes that much longer to read
MAX_DIGITS = 4_000  # of one integer
DTYPES = frozenset(
    f"<{k}" for k in ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
) | {"|b1", "|i1", "|u1"}
ARRAY, TUPLE, HANDLE, CALLBACK, INTEGER, COPIED = 1, 2, 3, 4, 5, 6
_HEADER = struct.Struct(">I")


class WireError(Exception):
    """A frame that is not of the form described in this module."""


@dataclass(frozen=True)
class HandleRef:
    """Stands on the wire for an object that stays in the student process."""

    id: int
    type_name: str
    is_callable: bool


@dataclass(frozen=True)
class Callback:
    """Stands on the wire for an evaluator's function that student code may call."""

    id: int


@dataclass(frozen=True)
class Copied:
    """A value, and the object in the student process that it was read from (a tensor, a named tuple)."""

    id: int
    value: Any


def frame(body: bytes) -> bytes:
    """``body`` with its header; raises ``WireError`` above ``MAX_FRAME`` bytes."""
    if len(body) > MAX_FRAME:
        raise WireError(f"a frame of {len(body)} bytes is larger than {MAX_FRAME}")
    return _HEADER.pack(len(body)) + body


def frame_length(header: bytes) -> int:
    """Body length from the 4 header bytes; raises ``WireError`` above ``MAX_FRAME``."""
    (length,) = _HEADER.unpack(header)
    if length > MAX_FRAME:
        raise WireError(f"a frame announces {length} bytes, more than {MAX_FRAME}")
    return length


def encode(value: Any, foreign: Callable[[Any], HandleRef | Callback | Any] | None = None) -> bytes:
    """One MessagePack value.

    ``foreign`` turns what the wire cannot carry into something that it can (a ``HandleRef``, say);
    without it such a value raises ``WireError``.
    """

    def default(item: Any) -> Any:
        extension = _extension(item, pack)
        if extension is not None:
            return extension
        if foreign is None:
            raise WireError(f"the wire cannot carry {type(item).__name__}")
        known = foreign(item)  # MessagePack does not ask again about what it gets here
        extension = _extension(known, pack)
        return known if extension is None else extension

    def pack(item: Any) -> bytes:
        return msgpack.packb(item, default=default, strict_types=True, use_bin_type=True)

    try:
        return pack(value)
    except (ValueError, OverflowError, RecursionError, TypeError) as error:
        raise WireError(f"cannot encode: {error}") from None


def _extension(item: Any, pack: Callable[[Any], bytes]) -> msgpack.ExtType | None:
    kind = type(item)
    if kind is tuple:
        return msgpack.ExtType(TUPLE, pack(list(item)))
    if kind is HandleRef:
        return msgpack.ExtType(HANDLE, pack([item.id, item.type_name, item.is_callable]))
    if kind is Callback:
        return msgpack.ExtType(CALLBACK, pack(item.id))
    if kind is Copied:
        return msgpack.ExtType(COPIED, pack([item.id, item.value]))
    if kind is int:  # msgpack hands over only what 64 bits cannot hold
        return msgpack.ExtType(INTEGER, str(item).encode()) if item.bit_length() < 3 * MAX_DIGITS else None
    if kind is np.ndarray or isinstance(item, np.generic):
        array = np.asarray(item)
        array = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
        if array.dtype.str in DTYPES:
            return msgpack.ExtType(ARRAY, pack([array.dtype.str, list(array.shape), array.tobytes()]))
    return None


def decode(
    body: bytes,
    handle: Callable[[HandleRef], Any] = lambda ref: ref,
    callback: Callable[[Callback], Any] = lambda ref: ref,
    copied: Callable[[Copied], Any] = lambda ref: ref.value,
) -> Any:
    """The value of one body; ``handle``, ``callback`` and ``copied`` turn references into objects.

    Raises ``WireError`` for anything malformed.
    """

    left = MAX_ITEMS

    def spend(count: int) -> None:
        nonlocal left
        left -= count
        if left < 0:
            raise WireError(f"more than {MAX_ITEMS} values in a frame")

    def sequence(items: list[Any]) -> list[Any]:
        spend(len(items) + 1)
        return items

    def mapping(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        spend(2 * len(pairs) + 1)
        if not all(type(key) in _KEYS and _fits(key) for key, _ in pairs):
            raise WireError("a map with keys that are not allowed")
        return dict(pairs)

    def unpack(data: bytes, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise WireError(f"nested deeper than {MAX_DEPTH}")
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=False,
            list_hook=sequence,
            object_pairs_hook=mapping,
            ext_hook=lambda code, content: extension(code, content, depth + 1),
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_KEYS,
        )

    def extension(code: int, content: bytes, depth: int) -> Any:
        spend(EXTENSION_COST)
        if code == INTEGER:
            return _integer(content)
        value = unpack(content, depth)
        if code == ARRAY:
            return _array(value)
        if code == TUPLE and type(value) is list:
            return tuple(value)
        if code == HANDLE:
            return handle(_handle(value))
        if code == CALLBACK and type(value) is int:
            return callback(Callback(value))
        if code == COPIED and type(value) is list and len(value) == 2 and type(value[0]) is int:
            return copied(Copied(*value))
        raise WireError(f"extension type {code} with {type(value).__name__}")

    try:
        value = unpack(body, 0)
        _check_form(value)
    except WireError:
        raise
    except Exception as error:  # msgpack, struct, Unicode and hashing errors of malformed bodies
        raise WireError(f"malformed frame: {type(error).__name__}: {error}") from None
    return value


_KEYS = frozenset({str, int, float, bool})


def _fits(key: Any) -> bool:
    """Integers beyond 64 bits can be chosen to have equal hashes."""
    return type(key) is not int or key.bit_length() <= 64


def _check_form(value: Any) -> None:
    """Walk containers without recursion, so that deep nesting cannot exhaust a later reader's stack."""
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise WireError(f"nested deeper than {MAX_DEPTH}")
        below: list[Any] = []
        for item in level:
            if type(item) in (list, tuple):
                below += item
            elif type(item) is dict:
                below += item.values()
            elif type(item) is msgpack.Timestamp:
                raise WireError("extension type -1")
        level, depth = below, depth + 1


def _array(value: Any) -> np.ndarray:
    if type(value) is not list or len(value) != 3:
        raise WireError("an array needs dtype, shape and bytes")
    dtype, shape, data = value
    if type(dtype) is not str or dtype not in DTYPES:
        raise WireError("an array of a dtype that is not allowed")
    if type(shape) is not list or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise WireError("an array of an impossible shape")
    kind = np.dtype(dtype)
    if type(data) is not bytes or math.prod(shape) * kind.itemsize != len(data):
        raise WireError("an array whose bytes do not match its shape")
    return np.frombuffer(data, dtype=kind).reshape(shape).copy()


def _handle(value: Any) -> HandleRef:
    if type(value) is not list or [type(v) for v in value] != [int, str, bool] or len(value[1]) > 200:
        raise WireError("a malformed handle")
    return HandleRef(*value)


def _integer(content: bytes) -> int:
    digits = content[1:] if content[:1] == b"-" else content
    if not digits.isdigit() or len(digits) > MAX_DIGITS:
        raise WireError("a malformed integer")
    return int(content)
