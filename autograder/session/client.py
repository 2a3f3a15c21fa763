"""The evaluator's end: start templates, open boxes, ask their student processes, with deadlines.

A ``Template`` is one warm process; ``Template.connect`` gives a control socket to each evaluator that uses
it. ``Session`` is one box. Whatever the student process does, a request ends in a value or in one of the
exceptions below, within its time limit plus a grace of ``GRACE_S``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgpack

from autograder.errors import GraderFault
from autograder.session.policy import Policy
from autograder.session.wire import WireError, decode, encode, frame, frame_length

__all__ = ["GRACE_S", "Session", "SessionEnded", "StudentError", "Template", "TimedOut", "Usage"]

GRACE_S = 2.0  # between an interrupt and the end of the box
_START_S = 180.0  # a cold import of TensorFlow on a slow disk
_OPEN_S = 60.0
_REPORT_S = 5.0  # for init's word on the end of the student process
_ANSWER_S = 1.0  # for init's word on the CPU time
_STARVED = 0.7  # share of its time limit that code which computes gets on a machine that is not overloaded
_MAX_TEXT = 8_000  # characters of what a student process says of an error or has printed
_FOLDERS = "autograder-template-"
_KEPT_ENVIRONMENT = ("LANG", "LC_ALL", "PATH", "TZ", "LD_LIBRARY_PATH")


class StudentError(Exception):
    """The student's code raised.

    description: the student process' account (type, message, cell, line, traceback); printed:
    what the code printed. Both are the student's text: for the instructor, not for other eyes.
    """

    def __init__(self, description: dict[str, Any], printed: str) -> None:
        super().__init__(str(description.get("type", "error"))[:100])
        texts = {k: v[:_MAX_TEXT] for k, v in description.items() if k in ("type", "message", "traceback") and isinstance(v, str)}
        self.description = texts | {k: v for k, v in description.items() if k in ("cell", "line") and type(v) is int}
        self.printed = printed[:_MAX_TEXT]

    @property
    def type_name(self) -> str:
        return str(self.description.get("type"))[:100]


class TimedOut(Exception):
    """The request outlived its limit.

    session_lives: whether an interrupt was enough; cpu_s: what the box used of the limit, ``None`` if it is not known.
    """

    def __init__(self, limit_s: float, session_lives: bool, cpu_s: float | None = None) -> None:
        super().__init__(f"stopped after {limit_s:g} s")
        self.limit_s = limit_s
        self.session_lives = session_lives
        self.cpu_s = cpu_s

    @property
    def starved(self) -> bool:
        """Whether the code waited more than it computed: for a busy machine, or for nothing."""
        return self.cpu_s is not None and self.limit_s >= 1.0 and self.cpu_s < _STARVED * self.limit_s


class SessionEnded(Exception):
    """The student process is gone: ``reason`` is ``memory``, ``exit`` or ``protocol``; ``status`` its exit code."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(f"the student process ended: {reason} {'' if status is None else status}".strip())
        self.reason = reason
        self.status = status


@dataclass(frozen=True)
class Usage:
    """What a box used; ``None`` and 0 where it is not known."""

    cpu_s: float | None = None
    peak_mib: float = 0.0


class Template:
    """A warm process that forks boxes. ``environment`` adds to the allow-listed variables."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        _clear_folders()
        self._folder = tempfile.TemporaryDirectory(prefix=f"{_FOLDERS}{os.getpid()}-")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = "from autograder.session.template import main; main()"
        with open(os.path.join(self._folder.name, "stderr"), "wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", code, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=_environment(self._folder.name) | (environment or {}),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for the command, which ends a batch in order
            )
        theirs.close()
        self._control = ours

    @property
    def pid(self) -> int:
        """Process id of the template."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def wait_warm(self) -> None:
        """Return once the template is ready; raises ``GraderFault`` with its last words where it is not."""
        self._control.settimeout(_START_S)
        try:
            if self._control.recv(16) == b"warm":
                return
        except OSError:
            pass
        with open(os.path.join(self._folder.name, "stderr"), errors="replace") as file:
            words = file.read().strip().splitlines()[-1:]
        raise GraderFault(f"the template process did not start: {' '.join(words) or 'no message'}")

    def connect(self) -> socket.socket:
        """A control socket of its own for one evaluator."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        socket.send_fds(self._control, [msgpack.packb({"attach": True})], [theirs.fileno()])
        theirs.close()
        return ours

    def close(self) -> None:
        """End the template and every box it forked."""
        self._control.close()
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _clear_folders() -> None:
    """Remove what the templates of processes that were killed have left."""
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*-*"):
        try:
            os.kill(int(left.name.removeprefix(_FOLDERS).partition("-")[0]), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (ValueError, OverflowError, PermissionError):  # none of ours, or somebody's who lives
            continue


def _environment(folder: str) -> dict[str, str]:
    """Allow-listed variables, and what makes runs repeatable and quiet."""
    kept = {k: os.environ[k] for k in _KEPT_ENVIRONMENT if k in os.environ}
    threads = {k: "1" for k in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS")}
    return kept | threads | {
        "HOME": "/home/student",
        "IPYTHONDIR": os.path.join(folder, "ipython"),
        "MPLCONFIGDIR": os.path.join(folder, "matplotlib"),
        "KERAS_HOME": os.path.join(folder, "keras"),  # or importing Keras makes a folder in the student's home, on the host
        "MPLBACKEND": "agg",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # less to copy in a fork, see linux.collapse_memory
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_DETERMINISTIC_OPS": "1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "NVIDIA_TF32_OVERRIDE": "0",
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "DL_OFFLINE": "1",
        "PYTHONHASHSEED": "0",
    }


class Session:
    """One box with one student process."""

    def __init__(self, control: socket.socket, policy: Policy, output_kib: int) -> None:
        self._channel, theirs = socket.socketpair()
        self._lifeline, init = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = msgpack.packb({"policy": policy.to_wire(), "output_kib": output_kib})
        try:
            socket.send_fds(control, [request], [theirs.fileno(), init.fileno()])
        except OSError as error:
            raise GraderFault(f"the template process is gone ({error})") from None
        finally:
            theirs.close()
            init.close()
        self._channel.setblocking(False)
        self._received = bytearray()  # and not yet read as frames
        self._open = True
        self._ended: SessionEnded | None = None
        self._answering = False  # a call of student code; it waits, and can answer no request
        self._on_handle: Callable[[Any], Any] = lambda ref: getattr(ref, "value", ref)
        self._callbacks: dict[Any, Callable[..., Any]] = {}
        self._next_callback = 1
        self.student_seconds = 0.0
        try:
            hello = self._receive(time.monotonic() + _OPEN_S)
        except (SessionEnded, TimeoutError, WireError) as error:
            self.close()
            raise GraderFault(f"the sandbox could not be set up ({error})") from None
        self.layers: dict[str, str] = dict(hello[1])

    def translate(self, on_handle: Callable[[Any], Any], callbacks: dict[Any, Callable[..., Any]]) -> None:
        """How handles and copies become objects here, and which functions student code may call back by name."""
        self._on_handle, self._callbacks = on_handle, callbacks

    @property
    def alive(self) -> bool:
        return self._open and self._ended is None

    def request(self, kind: str, *arguments: Any, limit_s: float, foreign: Callable[[Any], Any] | None = None) -> tuple[Any, str]:
        """(value, printed text) of one request.

        Raises ``StudentError``, ``TimedOut`` or ``SessionEnded``, and ``GraderFault`` where the box was ended
        from outside. foreign: translates arguments that the wire cannot carry.
        """
        if not self.alive:
            raise self._ended or SessionEnded("exit")
        if self._answering:
            raise TypeError("a function of a test was called with an object instead of data")
        token = secrets.randbits(62)
        try:
            body = encode([token, kind, *arguments], foreign)
        except WireError as error:
            raise TypeError(f"a test cannot send this to student code: {error}") from None
        started = time.monotonic()
        try:
            self._send(body, started + limit_s)
            return self._reply(token, started + limit_s)
        except TimeoutError:
            cpu_s = self.usage(limit_s).cpu_s
            lives = self._interrupt(token)
            if not lives:
                self.close()
            raise TimedOut(limit_s, lives, cpu_s) from None
        except WireError as error:
            self._ended = SessionEnded("protocol")
            self.close()
            raise self._ended from error
        except SessionEnded as error:
            self._ended = error
            self.close()
            raise
        finally:
            self.student_seconds += time.monotonic() - started

    def close(self) -> None:
        """Let go of init, which ends every process of the box."""
        if self._open:
            self._open = False
            self._lifeline.close()
            self._channel.close()

    # --- the exchange -----------------------------------------------------------------------------

    def _reply(self, token: int, deadline: float) -> tuple[Any, str]:
        """The answer to the request with this token; frames written ahead of time cannot know it."""
        while True:
            match self._receive(deadline):
                case ["callback", name, list() as content]:
                    self._send(self._run_callback(name, content), deadline)
                case ["ok", int() as answered, value, str() as printed] if answered == token:
                    return value, printed[:_MAX_TEXT]
                case ["error", int() as answered, dict() as description, str() as printed] if answered == token:
                    raise StudentError(description, printed)
                case _:
                    raise WireError("a reply of an unknown form")

    def _run_callback(self, name: Any, content: list[Any]) -> bytes:
        """Student code asks; the answer tells nothing of the caller, and a failure is the student's."""
        function = self._callbacks.get(name) if isinstance(name, str | int) else None
        if function is None:
            return encode(["error", "no such function"])
        self._answering = True
        try:
            return encode(["ok", function(*content)])
        except Exception as error:
            return encode(["error", f"the function was called with unsuitable arguments ({type(error).__name__})"])
        finally:
            self._answering = False

    def usage(self, seconds: float = 0.0) -> Usage:
        """What the box used, by init's word: CPU in the last ``seconds``, and memory at most."""
        with contextlib.suppress(OSError, ValueError):
            self._lifeline.send(b"cpu %f" % seconds)
            if self._init_speaks(_ANSWER_S):
                return self._take_usage() or Usage()
        return Usage()

    def _init_speaks(self, within_s: float) -> bool:
        """Whether there is a word of init's, or its end, to be read."""
        poller = select.poll()
        poller.register(self._lifeline, select.POLLIN)
        return bool(poller.poll(within_s * 1000))

    def _take_usage(self) -> Usage | None:
        """Init's answer; ``None``, and nothing taken, where its next word is about something else."""
        with contextlib.suppress(OSError, ValueError):
            word = self._lifeline.recv(4096, socket.MSG_PEEK)
            answer = msgpack.unpackb(word) if word else {}
            if "cpu_s" in answer:
                self._lifeline.recv(4096)
                return Usage(**answer)
        return None

    def _interrupt(self, token: int) -> bool:
        """Interrupt the student's code; True if it came back in time, its reply thrown away."""
        with contextlib.suppress(OSError):
            self._lifeline.send(b"interrupt")
        try:
            self._reply(token, time.monotonic() + GRACE_S)
        except StudentError as error:
            return error.type_name == "KeyboardInterrupt"
        except (SessionEnded, WireError, TimeoutError) as error:
            self._ended = error if isinstance(error, SessionEnded) else SessionEnded("exit")
            return False
        return True

    def _send(self, body: bytes, deadline: float) -> None:
        data = memoryview(frame(body))
        while data:
            self._wait(select.POLLOUT, deadline)
            try:
                data = data[self._channel.send(data) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._end() from None

    def _receive(self, deadline: float) -> Any:
        body = self._exactly(frame_length(self._exactly(4, deadline)), deadline)
        return decode(body, handle=self._on_handle, copied=self._on_handle)

    def _exactly(self, count: int, deadline: float) -> bytes:
        while len(self._received) < count:
            try:
                piece = self._channel.recv(1 << 20)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError:
                piece = b""
            if not piece:
                raise self._end()
            if time.monotonic() > deadline:
                raise TimeoutError
            self._received += piece
        data = bytes(self._received[:count])
        del self._received[:count]
        return data

    def _wait(self, event: int, deadline: float) -> None:
        """Wait for the channel; init's report of the end comes first."""
        poller = select.poll()
        poller.register(self._channel, event)
        poller.register(self._lifeline, select.POLLIN)
        left = deadline - time.monotonic()
        ready = dict(poller.poll(max(0.0, left) * 1000)) if left > 0 else {}
        if not ready:
            raise TimeoutError
        late_answer = self._lifeline.fileno() in ready and self._take_usage() is not None
        if self._lifeline.fileno() in ready and self._channel.fileno() not in ready and not late_answer:
            raise self._end()

    def _end(self) -> SessionEnded:
        """Why the student process is gone, by init's word.

        Raises ``GraderFault`` where init is gone without one: student code cannot bring that about.
        """
        try:
            waited = self._init_speaks(_REPORT_S)
            if waited and self._take_usage() is not None:
                waited = self._init_speaks(_REPORT_S)
            event = self._lifeline.recv(4096) if waited else msgpack.packb({})
            report = msgpack.unpackb(event) if event else None
        except (OSError, ValueError):
            report = None
        if report is None:
            self._ended = SessionEnded("exit")
            self.close()
            raise GraderFault("the sandbox was ended from outside")
        return SessionEnded(str(report.get("reason", "exit")), report.get("status"))
