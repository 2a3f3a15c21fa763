"""One submission's notebook in its box: read, run cell by cell, asked by tests, opened again when it dies."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.config import Limits
from autograder.errors import GraderFault
from autograder.session.client import Session, SessionEnded, StudentError, TimedOut
from autograder.session.namespace import StudentNamespace
from autograder.session.policy import Policy

__all__ = ["BudgetSpent", "Cell", "Notebook", "Unreadable"]

_READ_S = 60.0
_LOOKUP_S = 20.0
_MAX_REOPENED = 40
_MAX_PRINTED = 20_000  # characters within one test
_MAX_LOST_CALLS = 2  # of one function that hangs or ends its process, before it is not called again


class Unreadable(Exception):
    """The submission is not a notebook of this assignment; the text is one line for the student."""


class BudgetSpent(Exception):
    """The submission has used up its time (status ``timeout``), or its box died too often (``crashed``)."""

    def __init__(self, words: str, status: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass
class Cell:
    """One cell: what it holds and, once run, what came of it."""

    kind: str  # "code" or "markdown"
    source: str
    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    run: bool = False
    size: int = 0  # characters of the outputs
    fatal: str = ""  # "timeout", "memory" or "crashed" where the cell took the box with it or had to be stopped


class Notebook:
    """See the module's docstring; ``namespace`` is what hidden tests get as ``env``.

    before_cell: source that runs at the head of every cell, such as otter's seeds.
    """

    def __init__(
        self, control: socket.socket, policy: Policy, limits: Limits, seed: int, before_cell: str = ""
    ) -> None:
        self._control, self._policy, self._limits, self._seed = control, policy, limits, seed
        self._before_cell = before_cell
        self._deadline = time.monotonic() + limits.time_s
        self._left_s = 0.0  # of the running test
        self._reopened = 0
        self._lost: dict[tuple[str, ...], list[TimedOut | SessionEnded]] = {}
        self._file: tuple[str, bytes, str] | None = None
        self._student_seconds = 0.0
        self.cells: list[Cell] = []
        self.layers: dict[str, str] = {}
        self.printed = ""  # within the running test, for the instructor
        self.starved = False  # whether a time limit ended code that had hardly had the processor
        self.fault: GraderFault | None = None  # kept, since a test may take any exception for the student's
        self.namespace = StudentNamespace(self, {})
        self._stood_in: list[str] = []
        self._open()

    # --- life of the box --------------------------------------------------------------------------

    def _open(self) -> None:
        self._session = Session(self._control, self._policy, self._limits.output_kib)
        self._session.translate(self.namespace.receive, self.namespace.callbacks)
        self.layers = self._session.layers

    def close(self) -> None:
        """End every process of the submission."""
        self._session.close()

    def peak_memory_mib(self) -> float:
        """The most memory that the box which is open now has used, above the warm interpreter."""
        return self._session.usage().peak_mib if self._session.alive else 0.0

    @property
    def student_seconds(self) -> float:
        """Seconds that requests spent in the student process."""
        return self._student_seconds + self._session.student_seconds

    def _reopen(self) -> None:
        """A fresh box with the same files and cells, less the cells that were fatal."""
        while True:
            if self._reopened >= _MAX_REOPENED:
                raise BudgetSpent("its process had to be started again too often", "crashed")
            self._reopened += 1
            self._student_seconds += self._session.student_seconds
            self._session.close()
            self._open()
            with contextlib.suppress(StudentError, TimedOut, SessionEnded):
                self._request("read", *self._file, limit_s=self._within(_READ_S))
                self._request("seed", self._seed, limit_s=self._within(_LOOKUP_S))
            if self._run_again():
                return

    def _run_again(self) -> bool:
        """Run the harmless cells; False where one was not harmless this time, and has become fatal."""
        for number, cell in enumerate(self.cells, start=1):
            if cell.run and not cell.fatal:
                self._run(number, cell)
                if not self._session.alive:
                    return False
        return True

    def _within(self, limit_s: float) -> float:
        """The smaller of a limit and what is left of the submission's time."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise BudgetSpent(f"it used up its {self._limits.time_s:g} s", "timeout")
        return min(limit_s, left)

    # --- the notebook -----------------------------------------------------------------------------

    def read(self, filename: str, data: bytes, assignment: str, *, check_name: bool = True) -> None:
        """Read the submission inside the box, before any of its code runs; raises ``Unreadable``."""
        self._file = (filename, data, assignment)
        try:
            found, _ = self._session.request("read", *self._file, limit_s=self._within(_READ_S))
        except (StudentError, TimedOut, SessionEnded):
            raise Unreadable("the file could not be read within the limits; is it damaged or far too large?") from None
        if "unreadable" in found:
            raise Unreadable(str(found["unreadable"])[:500])
        other = found["assignment"]
        if check_name and other and other != assignment:
            raise Unreadable(f"a notebook of {other[:100]}, not of {assignment}")
        self.cells = [Cell(kind, source) for kind, source in found["cells"]]
        lines_before = self._before_cell.count("\n")
        self.namespace = StudentNamespace(self, found["names"], [c.source for c in self.cells], lines_before)
        self._session.translate(self.namespace.receive, self.namespace.callbacks)

    def run(self) -> str:
        """Run every code cell; returns "" or what went wrong for good: ``timeout``, ``memory``, ``crashed``.

        A cell that raises does not stop the later ones; one that must be stopped, or that ends its process,
        is left out when the box is opened again.
        """
        self._session.request("seed", self._seed, limit_s=self._within(_LOOKUP_S))
        worst = ""
        for number, cell in enumerate(self.cells, start=1):
            if cell.kind != "code" or not cell.source.strip():
                continue
            try:
                if not self._session.alive:
                    self._reopen()
                self._run(number, cell)
            except BudgetSpent as spent:
                cell.outputs = [_stopped(f"not run: {spent}")]
                return worst or spent.status
            cell.run = True
            worst = worst or cell.fatal
        return worst

    def _run(self, number: int, cell: Cell) -> None:
        limit_s = self._within(self._limits.cell_s)
        try:
            source = cell.source if cell.source.startswith("%%") else self._before_cell + cell.source
            answer, _ = self._session.request("cell", number, source, limit_s=limit_s)
        except TimedOut as late:
            self.starved |= late.starved
            cell.fatal, cell.outputs = "timeout", [_stopped(f"This cell was stopped after {limit_s:.0f} s.")]
        except SessionEnded as ended:
            cell.fatal = "memory" if ended.reason == "memory" else "crashed"
            cell.outputs = [_stopped(_end_in_words(ended))]
        except StudentError as error:
            cell.error = {"type": error.type_name}
        else:
            match answer:
                case {"outputs": list() as outputs, "error": None | dict() as error}:
                    self._keep(cell, outputs)
                    cell.error = error and {"type": str(error.get("type"))[:100]}
                case _:  # student code wrote into the channel
                    cell.fatal, cell.outputs = "crashed", [_stopped("The outcome of this cell could not be read.")]

    def _keep(self, cell: Cell, outputs: list[Any]) -> None:
        """Outputs within twice the limit that the student process keeps to, unless it was tampered with."""
        left = 2048 * self._limits.output_kib - sum(c.size for c in self.cells if c is not cell)
        cell.outputs, cell.size = [], 0
        for output in outputs:
            cell.size += _characters(output)
            if cell.size > left:
                cell.outputs.append(_stopped("[output cut here: the notebook printed more than its limit]"))
                return
            cell.outputs.append(output)

    # --- the tests --------------------------------------------------------------------------------

    def begin_test(self, seed: int) -> None:
        """Seed the student process, forget handles, and start the clock of one test.

        Opens the box again where the last test ended it. Raises ``BudgetSpent``.
        """
        self._within(1.0)
        if not self._session.alive:
            self._reopen()
            with contextlib.suppress(StudentError, TimedOut, SessionEnded):
                self.stand_in(self._stood_in)
        self.namespace.begin()
        self.printed = ""
        self._left_s = self._limits.test_s
        self._session.translate(self.namespace.receive, self.namespace.callbacks)
        with contextlib.suppress(StudentError, TimedOut, SessionEnded):  # what is broken shows in the test itself
            self._request("begin", seed, limit_s=self._within(_LOOKUP_S))

    def begin_replay(self, limit_s: float) -> bool:
        """Start the clock of calls after the last test; False where the box is gone: it is not opened again for them."""
        self.namespace.begin()
        self._left_s = limit_s
        return self._session.alive

    def request(self, kind: str, *arguments: Any, foreign: Callable[[Any], Any] | None = None) -> Any:
        """One request of the running test, within what is left of its time."""
        name = arguments[0] if kind == "observe" else getattr(arguments[0], "_name", None) if kind == "call" else None
        lost = self._lost.setdefault((name, *self._stood_in), []) if name is not None else []
        if len(lost) >= _MAX_LOST_CALLS:
            raise lost[-1]
        started, alive = time.monotonic(), self._session.alive
        try:
            return self._request(kind, *arguments, limit_s=self._within(max(0.1, self._left_s)), foreign=foreign)
        except TimedOut:
            lost.append(TimedOut(self._limits.test_s, self._session.alive))
            raise lost[-1] from None
        except SessionEnded as ended:
            if alive:
                lost.append(ended)
            raise
        finally:
            self._left_s -= time.monotonic() - started

    def stand_in(self, names: list[str]) -> None:
        """Let the evaluator answer for the functions ``names``; an empty list gives the student's back."""
        self._stood_in = names
        self.namespace.forget()
        if self._session.alive:
            self._request("stand_in", names, limit_s=self._within(_LOOKUP_S))

    def _request(self, kind: str, *arguments: Any, limit_s: float, foreign: Callable[[Any], Any] | None = None) -> Any:
        try:
            value, printed = self._session.request(kind, *arguments, limit_s=limit_s, foreign=foreign)
        except GraderFault as fault:
            self.fault = fault
            raise
        except TimedOut as late:
            self.starved |= late.starved
            raise
        self.printed = (self.printed + printed)[:_MAX_PRINTED]
        return value


def _characters(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_characters, value.values()))
    return sum(map(_characters, value)) if isinstance(value, list) else len(value) if isinstance(value, str | bytes) else 1


def _stopped(words: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stderr", "text": words + "\n"}


def _end_in_words(ended: SessionEnded) -> str:
    if ended.reason == "memory":
        return "The memory limit was reached and the notebook's process was ended."
    return "The notebook's process ended here; the later cells ran in a fresh one without this cell."
