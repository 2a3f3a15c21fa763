"""Frames between evaluator and student process: what goes in comes out, and nothing else gets through."""

import struct
import time

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.session import wire
from autograder.session.wire import (
    DTYPES,
    MAX_FRAME,
    Callback,
    Copied,
    HandleRef,
    WireError,
    decode,
    encode,
    frame,
    frame_length,
)

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.binary(max_size=20)
)
arrays = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
references = st.builds(HandleRef, st.integers(0, 2**40), st.text("abc", max_size=9), st.booleans())
keys = st.text("abcdef", max_size=6) | st.integers(-(2**63), 2**63 - 1) | st.booleans()
values = st.recursive(
    scalars | arrays | references | st.builds(Callback, st.integers(0, 99)),
    lambda below: (
        st.lists(below, max_size=4)
        | st.lists(below, max_size=4).map(tuple)
        | st.dictionaries(keys, below, max_size=4)
    ),
    max_leaves=12,
)


def same(a, b) -> bool:
    """Equal in value and in type, arrays in dtype and shape as well."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        little = a.dtype.newbyteorder("<")
        return (
            little == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
        )
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b


def extension(code: int, content) -> bytes:
    """One extension value on its own."""
    return msgpack.packb(
        msgpack.ExtType(code, content if isinstance(content, bytes) else msgpack.packb(content))
    )


@QUICK
@given(values)
def test_plain_data_makes_the_round_trip(value):
    """Values keep their types: a tuple stays a tuple, 1 stays an integer and True a boolean."""
    assert same(value, decode(encode(value)))


@QUICK
@given(arrays)
def test_arrays_arrive_writable_and_on_their_own(array):
    """An array that came over the wire shares no memory with the frame and can be written to."""
    arrived = decode(encode(array))
    assert arrived.flags.writeable
    assert arrived.flags.owndata or arrived.base.flags.owndata


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12.0)[::-2],
        np.arange(6, dtype=">i4"),
        np.asfortranarray(np.ones((2, 3))),
        np.broadcast_to(np.float32(2), (3, 2)),
        np.array(1.5),
        np.zeros((0, 3)),
        np.float16(1.5),
        np.bool_(True),
    ],
)
def test_any_memory_layout_travels(array):
    """Transposed, reversed, big-endian, broadcast, 0-d and empty arrays keep shape and values."""
    arrived = decode(encode(array))
    assert arrived.shape == np.shape(array)
    assert np.array_equal(arrived, array)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        np.array(["a"]),
        np.array([object()]),
        np.array([1], np.longdouble),
        np.datetime64("2020-01-01"),
        pytest.param(10**5000, id="10**5000"),
        [object()],
        ({"a": len},),
    ],
)
def test_what_the_wire_cannot_carry_is_refused(value):
    """Objects, sets, strings and objects in arrays, huge integers: `WireError`, unless they are translated."""
    with pytest.raises(WireError):
        encode(value)


def test_foreign_objects_can_be_translated():
    """`foreign` replaces what the wire cannot carry, at any depth."""
    body = encode({"f": (len, [object])}, foreign=lambda item: HandleRef(7, type(item).__name__, True))
    seen = []
    value = decode(body, handle=lambda ref: seen.append(ref.type_name) or ref.id)
    assert value == {"f": (7, [7])}
    assert sorted(seen) == ["builtin_function_or_method", "type"]


def test_a_copy_knows_its_original():
    """A value read from a tensor comes with the tensor's number, which may be ignored."""
    body = encode([Copied(3, np.ones(2)), Copied(4, (1, Copied(5, "x")))])
    seen = {}
    value = decode(body, copied=lambda copied: seen.setdefault(copied.id, copied.value))
    assert value[0] is seen[3]
    assert value[1] == (1, "x") == seen[4]
    assert decode(body)[1] == (1, "x")


def test_nothing_that_runs_is_on_the_wire():
    """A pickle, or an object whose conversion has an effect, is bytes or an error and never executed."""

    class Hostile:
        def __array__(self, *_, **__):
            raise SystemExit

        __iter__ = __len__ = __index__ = __float__ = __array__

    with pytest.raises(WireError):
        encode(Hostile())


# --- malformed frames ---------------------------------------------------------------------------------------


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_a_value_or_a_wire_error(body):
    """Whatever the bytes, no other exception comes out."""
    try:
        decode(body)
    except WireError:
        pass


@settings(max_examples=500, deadline=None)
@given(values, st.data())
def test_mutated_frames_are_a_value_or_a_wire_error(value, data):
    """A valid frame with bytes flipped, cut off, repeated or added."""
    body = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(body) - 1)))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "double"])):
            case "flip" if body:
                body[at] = data.draw(st.integers(0, 255))
            case "cut":
                del body[at:]
            case "insert":
                body[at:at] = data.draw(st.binary(max_size=6))
            case "double":
                body += body[at:]
    try:
        decode(bytes(body))
    except WireError:
        pass


@pytest.mark.parametrize(
    "content",
    [
        ["<f4", [2], b"\0" * 4],  # too few bytes
        ["<f4", [1], b"\0" * 8],  # too many
        ["<f4", [-1], b""],
        ["<f4", [-2, -2], b"\0" * 16],
        ["<f4", [2**40, 0], b""],
        ["<f4", [2**39, 2**39], b""],
        ["<f4", [2**62], b""],
        ["<f4", [0, 2**63], b""],
        ["<f4", [1.0], b"\0" * 4],
        ["<f4", [True], b"\0" * 4],
        ["<f4", ["1"], b"\0" * 4],
        ["<f4", [1] * 65, b"\0" * 4],
        ["<f4", 1, b"\0" * 4],
        ["<f4", [1], "\0" * 4],
        ["<f4", [1]],
        ["<f4", [1], b"\0" * 4, 1],
        [">f4", [1], b"\0" * 4],
        ["|O", [1], b"\0" * 8],
        ["O", [1], b"\0" * 8],
        ["<U1", [1], b"\0" * 4],
        ["|V4", [1], b"\0" * 4],
        ["<M8[s]", [1], b"\0" * 8],
        ["f4,f4", [1], b"\0" * 8],
        [["a", "<f4"], [1], b"\0" * 4],
        [4, [1], b"\0" * 4],
        {"dtype": "<f4"},
        None,
        b"",
    ],
)
def test_malformed_arrays_are_refused(content):
    """A dtype off the list, an impossible shape, bytes that do not match."""
    with pytest.raises(WireError):
        decode(extension(wire.ARRAY, content))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x91",
        msgpack.packb(1) + b"\x00",
        extension(wire.HANDLE, [1, "x"]),
        extension(wire.HANDLE, [1, "x" * 201, True]),
        extension(wire.HANDLE, ["1", "x", True]),
        extension(wire.HANDLE, [True, "x", True]),
        extension(wire.CALLBACK, "f"),
        extension(wire.CALLBACK, True),
        extension(wire.COPIED, [1]),
        extension(wire.COPIED, ["1", 2]),
        extension(wire.TUPLE, {"a": 1}),
        extension(wire.INTEGER, b""),
        extension(wire.INTEGER, b"-"),
        extension(wire.INTEGER, b"1e9"),
        extension(wire.INTEGER, b" 1"),
        extension(wire.INTEGER, b"1_0"),
        extension(wire.INTEGER, "\u0661".encode()),
        extension(wire.INTEGER, b"9" * 5_000),
        extension(7, None),
        extension(0, None),
        extension(127, b"\x00"),
        msgpack.packb(msgpack.Timestamp(1, 2)),
        b"\x81\x90\xc0",  # a list as a key
        b"\x81" + extension(wire.TUPLE, [1]) + b"\xc0",
        b"\x81" + extension(wire.INTEGER, b"9" * 30) + b"\xc0",
        b"\x81\xc0\xc0",
        b"\xa2\xff\xff",  # a string that is no UTF-8
    ],
)
def test_malformed_values_are_refused(body):
    """Truncated, trailing, of an unknown type, or a reference of the wrong form."""
    with pytest.raises(WireError):
        decode(body)


def nested(depth: int, kinds: str) -> bytes:
    """``depth`` containers in each other, their kinds taken in turn: l(ist), m(ap), t(uple)."""
    body = b"\xc0"
    for level in range(depth):
        match kinds[level % len(kinds)]:
            case "l":
                body = b"\x91" + body
            case "m":
                body = b"\x81\xa1a" + body
            case "t":
                body = msgpack.packb(msgpack.ExtType(wire.TUPLE, b"\x91" + body))
    return body


@pytest.mark.parametrize("kinds", ["l", "m", "t", "lt", "llllllllllllllllllllt", "mt", "lm"])
def test_depth_is_bounded_whatever_the_kinds(kinds):
    """A little nesting is fine; much is refused, where kinds alternate as well."""
    decode(nested(10, kinds))
    for depth in (40, 300, 3_000):
        with pytest.raises(WireError):
            decode(nested(depth, kinds))


def long_list(count: int, item: bytes) -> bytes:
    return b"\xdd" + struct.pack(">I", count) + item * count


@pytest.mark.parametrize(
    "body",
    [
        long_list(2_000_000, b"\xc0"),
        long_list(900_000, b"\x80"),
        long_list(900_000, b"\x90"),
        b"\xdc\x00\x14" + long_list(900_000, b"\x80") * 20,
        long_list(300_000, extension(wire.ARRAY, ["<f4", [0], b""])),
        long_list(300_000, extension(wire.INTEGER, b"1")),
        b"\xdf" + struct.pack(">I", 20_000) + b"".join(msgpack.packb(i) + b"\xc0" for i in range(20_000)),
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 1_000_000,
        b"\x81\xa1a" * 300_000,
    ],
    ids=range(12),
)
def test_frames_that_would_swell_are_refused_in_time(body):
    """A few bytes that announce millions of values, and millions of values: a quick `WireError`."""
    started = time.process_time()
    with pytest.raises(WireError):
        decode(body)
    assert time.process_time() - started < 5


def test_keys_cannot_be_made_to_collide():
    """Integers with equal hashes would make a small map take minutes."""
    prime = 2**61 - 1
    pairs = [
        msgpack.packb(msgpack.ExtType(wire.INTEGER, str(i * prime).encode())) + b"\xc0"
        for i in range(2**62, 2**62 + 5_000)
    ]
    with pytest.raises(WireError):
        decode(b"\xde" + struct.pack(">H", len(pairs)) + b"".join(pairs))


def test_a_million_numbers_are_a_matter_of_seconds():
    """The most that a frame may hold is read in bounded time."""
    started = time.process_time()
    assert len(decode(msgpack.packb([0.5] * 999_999))) == 999_999
    assert time.process_time() - started < 5


# --- headers -------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_a_frame_announces_its_length(body):
    """Four bytes of length, then the body."""
    framed = frame(body)
    assert frame_length(framed[:4]) == len(body)
    assert framed[4:] == body


@pytest.mark.parametrize("length", [MAX_FRAME + 1, 2**32 - 1])
def test_a_frame_beyond_the_limit_is_refused(length):
    """The announcement alone is refused, before any of the body is read."""
    with pytest.raises(WireError):
        frame_length(struct.pack(">I", length))


def test_a_body_beyond_the_limit_is_not_sent(monkeypatch):
    """The sender is held to the same limit."""
    monkeypatch.setattr(wire, "MAX_FRAME", 10)
    with pytest.raises(WireError):
        frame(bytes(11))
