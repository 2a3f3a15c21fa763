"""Throw mutated frames at the decoder and at the evaluator's reply handling.

    python benchmarks/fuzz_wire.py [--frames 1000000] [--seed 0] [--atheris SECONDS]

Frames start as replies that a student process might send, and a few that it should not; a mutation flips, cuts, repeats
or inserts bytes, overwrites lengths with large ones, or joins two frames. Half of the frames go to ``frame_length`` and
``decode``, half through a ``Session`` over real sockets. Anything but a value or ``WireError`` (through a session: one of
its four ends) is a crash and is printed with its frame. Also printed: frames a second, the slowest frame, and by how
much this process has grown. ``--atheris`` runs the decoder under atheris as well, guided by coverage.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import msgpack
import numpy as np

from autograder.errors import GraderFault
from autograder.session import client
from autograder.session.client import Session, SessionEnded, StudentError, TimedOut
from autograder.session.policy import Policy
from autograder.session.wire import (
    Callback,
    Copied,
    HandleRef,
    WireError,
    decode,
    encode,
    frame,
    frame_length,
)

TOKEN = 7
LENGTHS = [b"\xdd\xff\xff\xff\xff", b"\xdf\x7f\xff\xff\xff", b"\xc6\xff\xff\xff\xf0", b"\xc9\xff\xff\xff\xff\x01", b"\xdc\xff\xff", b"\xde\xff\xff", b"\xdb\x00\xff\xff\xff", b"\xc8\xff\xff\x05"]
BYTES = [0x00, 0x01, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xC0, 0xC1, 0xC4, 0xC7, 0xCA, 0xCF, 0xD3, 0xD4, 0xD8, 0xDC, 0xDD, 0xDE, 0xDF, 0xE0, 0xFF]


def seeds() -> list[bytes]:
    """Bodies of every form that the wire knows."""
    value = {"w1": np.ones((3, 4), np.float32), "b": [1, -2.5, None, True, "text", b"bytes"], "t": (1, (2, {"k": np.int8(3)}))}
    values = [
        value, np.zeros((0, 3)), np.array(1j), 10**30, -(10**30), [[[[[]]]]], {1: 2, 2.5: {}, False: ()}, "é" * 40, bytes(300), list(range(300)),
        HandleRef(5, "Model", True), Copied(6, np.arange(4.0)), Callback(1), [HandleRef(1, "f", False), Copied(2, (1, Copied(3, "x")))],
    ]  # fmt: skip
    messages = [["ok", TOKEN, v, "printed"] for v in values]
    messages += [["ok", TOKEN, [v, ["argument 1['w1']"], {"tf.GradientTape": 2}, {"loss": 9}], ""] for v in values]
    messages += [["callback", 1, [[v], {}]] for v in values] + [["callback", "forward", ["value", [[value], {}]]]]
    description = {"type": "ValueError", "message": "m" * 50, "cell": 3, "line": 7, "traceback": "…"}
    messages += [["error", TOKEN, description, "printed"], ["hello", {"landlock": "on"}], ["ok", TOKEN, {"outputs": [{"output_type": "stream"}], "error": None}, ""]]
    return [encode(m) for m in messages]


def mutated(corpus: list[bytes], chance: random.Random) -> bytes:
    """One body with a few changes."""
    body = bytearray(chance.choice(corpus))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(8):
            case 0:
                del body[at:]
            case 1:
                body[at:at] = chance.choice(LENGTHS)
            case 2:
                body[at:at] = chance.randbytes(chance.randint(1, 8))
            case 3:
                body[at:at] = body[at : at + chance.randint(1, 64)] * chance.choice((1, 2, 50))
            case 4:
                body[at:] = chance.choice(corpus)[chance.randrange(20) :]
            case 5:
                body[at:at] = msgpack.packb(msgpack.ExtType(chance.randrange(8), bytes(body[at : at + chance.randint(0, 80)])))
            case _ if at < len(body):
                body[at] = chance.choice(BYTES) if chance.random() < 0.5 else body[at] ^ 1 << chance.randrange(8)
    return bytes(body)


def try_decoder(body: bytes) -> str:
    try:
        frame_length((body + bytes(4))[:4])
    except WireError:
        pass
    try:
        decode(body)
    except WireError:
        return "WireError"
    return "value"


class Replies:
    """A session whose student process writes what it is told."""

    def __init__(self) -> None:
        client.secrets.randbits = lambda _: TOKEN
        self._channels: list[socket.socket] = []
        client.socket.send_fds = self._deliver
        self._control, self._template = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def _deliver(self, _, buffers: list[bytes], descriptors: list[int]) -> int:
        self._channels = [socket.socket(fileno=os.dup(fd)) for fd in descriptors]
        self._channels[0].setblocking(False)
        self._channels[0].send(frame(encode(["hello", {}])))
        return len(buffers[0])

    def __call__(self, body: bytes) -> str:
        session = Session(self._control, Policy(), output_kib=1)
        session.translate(lambda ref: ref, {1: lambda args, kwargs: args})
        channel, lifeline = self._channels
        try:
            with suppress(BlockingIOError):  # larger than the socket holds: it ends in the middle
                channel.send(frame(body))
            lifeline.send(msgpack.packb({"reason": "exit", "status": 0}))
            channel.shutdown(socket.SHUT_WR)
            session.request("observe", "f", [], {}, False, limit_s=5.0)
            return "value"
        except (StudentError, TimedOut, SessionEnded, GraderFault) as end:
            return type(end).__name__
        finally:
            session.close()
            channel.close()
            lifeline.close()


def fuzz(name: str, target: Callable[[bytes], str], count: int, chance: random.Random) -> bool:
    """Throw ``count`` frames at ``target`` and print what came of them; True where none was a crash."""
    corpus, outcomes, slowest, crashes = seeds(), Counter(), (0.0, b""), 0
    grown_from, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    for _ in range(count):
        body = mutated(corpus, chance)
        begun = time.perf_counter()
        try:
            outcomes[target(body)] += 1
        except Exception as error:
            crashes += 1
            print(f"CRASH {type(error).__name__}: {error}: {body.hex()}")
        slowest = max(slowest, (time.perf_counter() - begun, body))
    seconds = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown_from) / 1024
    found = ", ".join(f"{n:,} {kind}" for kind, n in outcomes.most_common())
    print(f"{name}: {count:,} frames in {seconds:.0f} s ({count / seconds:,.0f}/s), {crashes} crashes; {found}; slowest {slowest[0] * 1000:.1f} ms; peak memory +{grown:.1f} MiB")
    return crashes == 0


def guided(seconds: int) -> None:
    """atheris ends the process: with 0 when the time is over, else at the first crash."""
    import atheris

    from autograder.session import wire

    atheris.instrument_func(wire.decode)
    for name in ("_array", "_handle", "_integer", "_check_form", "_fits"):
        setattr(wire, name, atheris.instrument_func(getattr(wire, name)))
    decode_instrumented = atheris.instrument_func(wire.decode)

    def one(data: bytes) -> None:
        with suppress(WireError):
            decode_instrumented(data)

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048"], one)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", type=int, metavar="SECONDS", help="needs atheris, which is no dependency of this package")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    held = fuzz("decoder", try_decoder, arguments.frames - arguments.frames // 2, chance)
    held &= fuzz("session", Replies(), arguments.frames // 2, chance)
    if arguments.atheris:
        guided(arguments.atheris)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
