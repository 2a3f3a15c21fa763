"""The student process: runs the notebook's cells and answers the evaluator's requests about its objects.

One request is answered at a time, in the main thread: ``[token, kind, argument, …]`` comes, ``["ok", token,
value, printed]`` or ``["error", token, {type, message, cell, line, traceback}, printed]`` goes. While student code
runs it may call back into the evaluator: ``["callback", id, [args, kwargs]]`` goes and is answered in turn.
Nothing here is secret and nothing here is trusted.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
import os
import random
import signal
import socket
import sys
import threading
import traceback
from typing import Any

import numpy as np

from autograder.checking.trace import Repair, trace
from autograder.session.objects import ObjectTable
from autograder.session.policy import PUBLIC
from autograder.session.reader import UnreadableError, read_submission
from autograder.session.shell import GradingShell, OutputLog, connect, plain_text, words_of
from autograder.session.standins import stand_in
from autograder.session.wire import Callback, frame, frame_length
from autograder.testing.calls import loss_functions
from autograder.testing.probes import is_compiled, observe

__all__ = ["StudentServer"]

_MAX_PRINTED = 4_000  # characters of one request's prints that go to the instructor
_OPERATORS = {
    "len": len,
    "iter": lambda o: list(itertools.islice(o, 100_000)),
    "bool": bool,
    "float": float,
    "int": int,
    "array": np.asarray,
    "getitem": operator.getitem,
}


class StudentServer:
    """Serves one evaluator on ``channel`` until it hangs up."""

    def __init__(self, channel: socket.socket, shell: GradingShell, output_kib: int) -> None:
        self._channel = channel
        self._shell = shell
        self._log = OutputLog(output_kib * 1024)
        self._objects = ObjectTable(self._callback)
        self._lock = threading.RLock()
        self._in_student_code = False
        self._replaced: dict[str, Any] = {}
        self._ran_eagerly = False
        self._seeds: set[int] = set()
        connect(shell, self._log)
        signal.signal(signal.SIGINT, self._interrupt)

    def serve(self, hello: list[Any]) -> None:
        """Send ``hello``, then answer requests."""
        self._send(hello)
        while True:
            try:
                token, kind, *arguments = self._objects.unpack(self._receive())
            except EOFError:
                return
            self._channel.sendall(self._answer(token, kind, arguments))

    def _answer(self, token: int, kind: str, arguments: list[Any]) -> bytes:
        if kind != "cell":
            self._log.take()
        signal.signal(signal.SIGINT, self._interrupt)
        try:
            self._in_student_code = True
            value = getattr(self, f"_do_{kind}")(*arguments)
            return frame(self._objects.pack(["ok", token, value, self._printed(kind)], keep_originals=True))
        except BaseException as error:  # a value that cannot be sent is the student's failure, too
            self._in_student_code = False
            return frame(self._objects.pack(["error", token, _describe(error), self._printed(kind)]))
        finally:
            self._in_student_code = False

    def _printed(self, kind: str) -> str:
        if kind == "cell":
            return ""
        texts = [o.get("text", "") for o in self._log.take() if o["output_type"] == "stream"]
        return "".join(texts)[:_MAX_PRINTED]

    def _interrupt(self, *_: Any) -> None:
        if self._in_student_code and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    # --- frames -----------------------------------------------------------------------------------

    def _send(self, message: list[Any]) -> None:
        self._channel.sendall(frame(self._objects.pack(message)))

    def _receive(self) -> bytes:
        return self._exactly(frame_length(self._exactly(4)))

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                piece = self._channel.recv(min(count - len(data), 1 << 20))
            except OSError:
                piece = b""
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _ask(self, name: Any, *content: Any) -> Any:
        """Have the evaluator compute something while student code waits.

        For that the evaluator may need a function of the student's, which it got as an argument: its requests
        are served until the answer comes.
        """
        with self._lock:
            self._send(["callback", name, list(content)])
            while True:
                match self._objects.unpack(self._receive()):
                    case ["ok", value]:
                        return value
                    case ["error", message]:
                        raise RuntimeError(message)
                    case [token, kind, *arguments]:
                        self._send(self._nested(token, kind, arguments))

    def _nested(self, token: int, kind: str, arguments: list[Any]) -> list[Any]:
        """Answer a request while another one waits; what is printed belongs to that one."""
        try:
            packed = ["ok", token, getattr(self, f"_do_{kind}")(*arguments), ""]
            self._objects.pack(packed)
        except Exception as error:
            return ["error", token, _describe(error), ""]
        return packed

    def _callback(self, reference: Callback):
        def function(*args: Any, **kwargs: Any) -> Any:
            return self._ask(reference.id, list(args), kwargs)

        function.__name__ = "grad_fn"
        return function

    # --- requests ---------------------------------------------------------------------------------

    def _do_read(self, filename: str, data: bytes, prefer: str) -> dict[str, Any]:
        _link_public_files()
        try:
            reading = read_submission(filename, data, self._shell.transform_cell, prefer)
        except UnreadableError as error:
            return {"unreadable": str(error)}
        sys.path.insert(0, "")  # not before: a module that was handed in could run while the rest is read
        return {"cells": reading.cells, "assignment": reading.assignment, "names": reading.names}

    def _do_seed(self, seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        if "tensorflow" in sys.modules:
            _seed_tensorflow(seed, known=seed in self._seeds)
        self._seeds.add(seed)

    def _do_begin(self, seed: int) -> None:
        self._objects.clear()
        self._do_seed(seed)

    def _do_cell(self, number: int, source: str) -> dict[str, Any]:
        self._shell.cell_number = number
        result = self._shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        return {"outputs": self._log.take(), "error": None if error is None else _describe(error)}

    def _do_lookup(self, name: str) -> list[Any]:
        namespace = self._shell.user_ns
        if name not in namespace:
            return ["missing"]
        value = namespace[name]
        if type(value) is type(sys):
            return ["module", value.__name__]
        return ["value", value]

    def _do_observe(self, name: str, args: list, kwargs: dict, watch_autodiff: bool, eager: bool) -> list[Any]:
        namespace = self._shell.user_ns
        if name not in namespace:
            return ["missing"]
        if not callable(namespace[name]):
            return ["not a function"]
        watched = loss_functions(namespace, name) if watch_autodiff else None
        seen = observe(
            namespace[name], tuple(args), kwargs, watch_autodiff=watch_autodiff, watch_calls=watched, eager=eager
        )
        return [seen.value, seen.changed, seen.autodiff, seen.calls]

    def _do_steps(self, name: str, args: list, kwargs: dict, repair: list | None) -> list[Any]:
        """Call a function with its steps noted, or with one of them repaired; see :mod:`autograder.checking.trace`."""
        namespace = self._shell.user_ns

        def traced(*args: Any, **kwargs: Any) -> Any:
            return trace(namespace[name], args, kwargs, namespace, repair and Repair(repair[0], _numbers(repair[1])))

        answer, steps = observe(traced, tuple(args), kwargs, eager=True).value
        return [answer, [] if repair else [[s.file, s.line, s.name, [[list(p), a] for p, a in s.numbers.items()]] for s in steps]]

    def _do_beside(self, name: str, source: str, args: list, kwargs: dict) -> Any:
        """Run an authored helper, see :mod:`autograder.testing.beside`."""
        scope: dict[str, Any] = {"__name__": "beside"}
        exec(compile(source, "<beside>", "exec"), scope)  # noqa: S102  the grader's own source
        return scope[name](*args, **kwargs)

    def _do_call(self, function: Any, args: list, kwargs: dict) -> Any:
        return function(*args, **kwargs)

    def _do_attribute(self, owner: Any, name: str) -> Any:
        return getattr(owner, name)

    def _do_operator(self, name: str, operands: list) -> Any:
        return _OPERATORS[name](*operands)

    def _do_stand_in(self, names: list[str]) -> None:
        """Put the evaluator's answers in place of the functions ``names``; an empty list restores them.

        Where the notebook itself has compiled functions they run eagerly meanwhile: a trace of an earlier call holds on
        to the functions it met. What a function compiles when it is called is traced anew, and stays quick.
        """
        namespace = self._shell.user_ns
        self._run_eagerly(bool(names) and any(map(is_compiled, list(namespace.values()))))
        for name, original in self._replaced.items():
            namespace.pop(name, None) if original is _ABSENT else namespace.__setitem__(name, original)
        self._replaced = {name: namespace.get(name, _ABSENT) for name in names}
        for name in names:
            namespace[name] = stand_in(name, self._ask)

    def _run_eagerly(self, wanted: bool) -> None:
        """All compiled functions op by op, or as the notebook left it."""
        if "tensorflow" not in sys.modules:
            return
        config = sys.modules["tensorflow"].config
        if not self._replaced:
            self._ran_eagerly = config.functions_run_eagerly()
        config.run_functions_eagerly(wanted or self._ran_eagerly)

    def _do_test_here(self, path: str, source: str, case: int) -> list[Any]:
        """Run one case of a foreign test file in this very process, as stock otter does."""
        from otter.test_files import ExceptionTestFile, OKTestFile

        scope: dict[str, Any] = {}
        exec(compile(source, path, "exec"), scope)  # noqa: S102  as otter does
        if scope.get("OK_FORMAT"):
            file = OKTestFile.from_spec(scope["test"], path)
        else:
            file = ExceptionTestFile.from_string(source, path)
        file.test_cases = [file.test_cases[case]]
        file.run(self._shell.user_ns)
        result = file.test_case_results[0]
        return [bool(result.passed), str(result.message)]


_ABSENT = object()


def _numbers(parts: list[list[Any]]) -> dict[tuple, np.ndarray]:
    return {tuple(path): array for path, array in parts}


def _seed_tensorflow(seed: int, known: bool) -> None:
    """As ``tf.random.set_seed``, which also throws away every kernel that was made: those of random operations go on
    counting where the same seed had come to. A seed that was not used before has none."""
    from tensorflow.python.eager import context

    state = context.context()
    if known or not hasattr(state, "_rng"):
        sys.modules["tensorflow"].random.set_seed(seed)
    else:
        state._seed, state._rng = seed, random.Random(seed)


def _link_public_files() -> None:
    """The assignment's kit and data beside the notebook."""
    if not os.path.isdir(PUBLIC):
        return
    for name in os.listdir(PUBLIC):
        if not os.path.lexists(name):
            os.symlink(f"{PUBLIC}/{name}", name)


def _describe(error: BaseException) -> dict[str, Any]:
    """What went wrong, and the line of the notebook where; the student's own classes may lie or raise."""
    found = {"type": plain_text(type(error).__name__, 100), "message": words_of(error), "cell": None, "line": None, "traceback": ""}
    with contextlib.suppress(BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        found["traceback"] = plain_text("".join(traceback.format_list(frames[-12:])), 4000)
        mine = [f for f in frames if f.filename.startswith("<cell ")]
        if mine:
            found.update(cell=int(mine[-1].filename[6:-1]), line=mine[-1].lineno)
    return found
