"""Replies of a student process, right, forged and broken: a value, or one of the four ways in which a request can end."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import GraderFault
from autograder.session import client
from autograder.session.client import Session, SessionEnded, StudentError, TimedOut
from autograder.session.policy import Policy
from autograder.session.wire import Callback, Copied, HandleRef, encode, frame

TOKEN = 7
ENDS = (StudentError, SessionEnded, TimedOut)


class Peer:
    """The far ends of one session: what a student process and init would hold."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._template = theirs
        ours = self._control
        # The session takes what lies in its channel, so the greeting waits for it there.
        real = socket.send_fds

        def deliver(sock, buffers, descriptors):
            self.channel, self.lifeline = (socket.socket(fileno=os.dup(fd)) for fd in descriptors)
            self.send(frame(encode(["hello", {}])))
            return len(buffers[0])

        socket.send_fds = deliver
        try:
            self.session = Session(ours, Policy(), output_kib=1)
        finally:
            socket.send_fds = real

    def send(self, data: bytes) -> None:
        """Bytes on the channel, as far as they fit: nobody reads yet."""
        self.channel.setblocking(False)
        with suppress(BlockingIOError):
            self.channel.send(data)

    def end(self, report: bytes = msgpack.packb({"reason": "exit", "status": 1})) -> None:
        """The student process has ended, and init says how."""
        self.lifeline.send(report)
        self.channel.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.session.close()
        for one in (self.channel, self.lifeline, self._control, self._template):
            one.close()


@pytest.fixture
def peer(monkeypatch) -> Iterator[Peer]:
    """A session whose next token is known, as if it had been guessed."""
    monkeypatch.setattr(client.secrets, "randbits", lambda _: TOKEN)
    found = Peer()
    yield found
    found.close()


def ask(peer: Peer, *replies: bytes, limit_s: float = 5.0):
    """One request that is answered by ``replies`` and the end of the process."""
    for reply in replies:
        peer.send(reply)
    peer.end()
    return peer.session.request("lookup", "x", limit_s=limit_s)


def test_an_answer_with_the_token_counts(peer):
    """What the student printed comes with it."""
    assert ask(peer, frame(encode(["ok", TOKEN, 0.5, "printed"]))) == (0.5, "printed")


@pytest.mark.parametrize(
    "message",
    [
        ["ok", TOKEN + 1, 0.5, ""],
        ["ok", None, 0.5, ""],
        ["ok", True, 0.5, ""],
        ["ok", str(TOKEN), 0.5, ""],
        ["ok", float(TOKEN), 0.5, ""],
        ["ok", TOKEN, 0.5],
        ["ok", TOKEN, 0.5, b""],
        ["ok", TOKEN, 0.5, "", ""],
        ["passed", TOKEN, 50.0, ""],
        ["error", TOKEN, "text", ""],
        ["hello", {}],
        [],
        {"ok": TOKEN},
        None,
        "ok",
        0,
    ],
)
def test_any_other_form_ends_the_session(peer, message):
    """A reply without the token, or of another shape, is no answer."""
    with pytest.raises(SessionEnded, match="protocol"):
        ask(peer, frame(encode(message)))


def test_an_earlier_answer_does_not_count_again(peer, monkeypatch):
    """Each request has a token of its own: a replay, or an answer given twice, ends the session."""
    answer = frame(encode(["ok", TOKEN, 0.5, ""]))
    peer.send(answer * 2)
    assert peer.session.request("lookup", "x", limit_s=5) == (0.5, "")
    monkeypatch.setattr(client.secrets, "randbits", lambda _: TOKEN + 1)
    with pytest.raises(SessionEnded, match="protocol"):
        ask(peer)


@pytest.mark.parametrize("name", ["eval", "backward", 1, -1, True, None, 0.0, "", b"", [1], {"a": 1}])
def test_only_registered_functions_answer(peer, name):
    """A callback under another name is told that there is no such function."""
    message = frame(encode(["callback", name, [[1.0], {}]]))
    assert ask(peer, message, frame(encode(["ok", TOKEN, None, ""]))) == (None, "")
    assert b"no such function" in peer.channel.recv(1 << 16)


@pytest.mark.parametrize("content", [[], [1], [[1], {}, 2], [{}, []], [[HandleRef(1, "f", True)], {}], [[Callback(1)], {}], [[None] * 30, {1: 2}]])
def test_unsuitable_arguments_are_the_students_fault(peer, content):
    """A function that a test hands over may be called with anything."""
    peer.session.translate(lambda ref: ref, {1: lambda args, kwargs: sum(args, **kwargs)})
    ask(peer, frame(encode(["callback", 1, content])), frame(encode(["ok", TOKEN, None, ""])))
    assert peer.session.alive


def test_a_flood_of_callbacks_ends_with_the_time_limit(peer):
    """Who asks for ever is stopped like who computes for ever."""
    peer.session.translate(lambda ref: ref, {1: lambda args, kwargs: time.sleep(0.05)})
    peer.send(frame(encode(["callback", 1, [[], {}]])) * 200)
    started = time.monotonic()
    with pytest.raises(TimedOut):
        peer.session.request("lookup", "x", limit_s=0.5)
    assert time.monotonic() - started < 6


@pytest.mark.parametrize("report", [b"", b"\xc1", msgpack.packb({"cpu_s": 1.0}), b"\xdd\xff\xff\xff\xff"])
def test_init_without_a_word_is_the_graders_fault(peer, monkeypatch, report):
    """Only init says why a process is gone; without that nobody is blamed."""
    monkeypatch.setattr(client, "_REPORT_S", 0.05)
    if report:
        peer.lifeline.send(report)
    peer.channel.shutdown(socket.SHUT_WR)
    peer.lifeline.close()
    with pytest.raises(GraderFault):
        peer.session.request("lookup", "x", limit_s=1.0)


leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text("ab\0", max_size=4) | st.binary(max_size=4)
references = st.builds(HandleRef, st.integers(-2, 2**40), st.text("f ", max_size=9), st.booleans()) | st.builds(Copied, st.integers(-2, 9), leaves)
messages = st.recursive(
    leaves | references | st.sampled_from(["ok", "error", "callback", TOKEN]),
    lambda below: st.lists(below, max_size=5) | st.dictionaries(st.text("ab", max_size=2), below, max_size=3),
    max_leaves=8,
)
forms = st.sampled_from(["ok", "error", "callback"]).flatmap(
    lambda kind: st.tuples(st.just(kind), st.just(TOKEN) | messages, messages, st.text(max_size=3) | messages).map(list)
)


@settings(max_examples=150, deadline=None)
@given(st.lists((forms | messages).map(encode).map(frame) | st.binary(max_size=40), max_size=3), st.data())
def test_whatever_is_sent_a_request_ends(replies, data):
    """Frames of any content, some of their bytes changed: a value or a typed end, and never another exception."""
    stream = bytearray(b"".join(replies))
    for _ in range(data.draw(st.integers(0, 3)) if stream else 0):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.secrets, "randbits", lambda _: TOKEN)
        peer = Peer()
        peer.session.translate(lambda ref: ref, {1: lambda args, kwargs: args})
        try:
            ask(peer, bytes(stream))
        except ENDS:
            pass
        finally:
            peer.close()
