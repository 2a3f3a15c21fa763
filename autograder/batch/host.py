"""One local worker as a process of its own, for executors that bring their own processes and threads.

    executor's process ──works, results──► host ──► evaluator, template ──► boxes

The host is started by exec: it has a main thread, may have children, and ends with everything below it when its
owner closes the connection or dies. What travels is pickled between the grader's own processes; nothing that a
student made is among it but the bytes of a submission.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection

from autograder.batch.local import PlanSource, grade_all
from autograder.devices import slots_for
from autograder.errors import GraderFault
from autograder.evaluate import Graded, Work

__all__ = ["Host"]


class Host:
    """Grades one submission after the other; not for several threads at once."""

    def __init__(self, source: PlanSource, time_s: float, device: str = "cpu") -> None:
        ours, theirs = socket.socketpair()
        code = "import sys; from autograder.batch.host import main; main(int(sys.argv[1]))"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, str(theirs.fileno())], pass_fds=[theirs.fileno()], start_new_session=True
        )
        theirs.close()
        self._connection = Connection(ours.detach())
        self._connection.send((source, time_s, device))

    def grade(self, work: Work) -> Graded:
        """The result of one submission; raises ``GraderFault`` where the host is gone."""
        try:
            self._connection.send(work)
            return self._connection.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise GraderFault(f"the grading process ended ({error or 'end of file'})") from None

    def close(self) -> None:
        """End the host and all that it started."""
        self._connection.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main(descriptor: int) -> None:
    """Entry point of the host's process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    connection = Connection(descriptor)
    source, time_s, device = connection.recv()
    slots, _ = slots_for(device, 1, 1, 1)
    for _, graded in grade_all(_works(connection), source, slots, time_s, lambda _: None):
        connection.send(graded)


def _works(connection: Connection) -> Iterator[Work]:
    """Submissions as they come, until the owner hangs up; the next one is asked for when the last is graded."""
    while True:
        try:
            yield connection.recv()
        except EOFError:
            return
