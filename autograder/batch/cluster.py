"""The same work on a Dask cluster: one host a Dask worker, submissions as bytes, results as data.

    command ──► scheduler ──► Dask worker 1 ──► host ──► …
                              Dask worker 2 ──► host ──► …

The course travels with the plugin that every worker gets, also one that joins later, so the workers need this package
and no shared file system. A submission whose Dask worker dies, is preempted or loses its connection is given to
another one, ``MAX_FAULTS`` times in all, and then marked ``grader_error``. Only a few submissions are on their way at
a time: a class of 100,000 is never in the scheduler's memory.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator

from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

from autograder.batch.host import Host
from autograder.batch.local import MAX_FAULTS, PlanSource, given_up
from autograder.errors import GraderFault, UsageError
from autograder.evaluate import Graded, Work

__all__ = ["grade_all"]

_AHEAD = 2  # submissions for each worker thread that are on their way
_CONNECT_S = 20
_PLUGIN = "autograder"


class _Grader(WorkerPlugin):
    """What a Dask worker keeps: the course, and the host that it starts when the first submission comes."""

    name = _PLUGIN

    def __init__(self, source: PlanSource, time_s: float, device: str) -> None:
        self._arguments = (source, time_s, device)

    def setup(self, worker: object) -> None:
        self._lock = threading.Lock()
        self._host: Host | None = None

    def grade(self, work: Work) -> Graded:
        with self._lock:
            self._host = self._host or Host(*self._arguments)
            try:
                return self._host.grade(work)
            except GraderFault:
                self._host = None
                raise

    def teardown(self, worker: object) -> None:
        if self._host is not None:
            self._host.close()


def _grade(work: Work) -> Graded:
    """The task, on a Dask worker."""
    return get_worker().plugins[_PLUGIN].grade(work)


def grade_all(
    works: Iterable[Work],
    source: PlanSource,
    workers: int,
    time_s: float,
    on_start: Callable[[str], None],
    stopping: Callable[[], bool] = lambda: False,
    *,
    address: str | None = None,
    device: str = "cpu",
) -> Iterator[tuple[Work, Graded]]:
    """Grade ``works`` on the cluster at ``address``, or on one of ``workers`` local processes started for the call.

    device: where ``gpu``, only workers that have the resource ``GPU`` get submissions, one for each unit of it, and each
    takes the first GPU that it sees. The other arguments are those of
    :func:`autograder.batch.local.grade_all`. Raises ``UsageError`` where no scheduler answers.
    """
    with _client(address, workers) as client:
        client.register_plugin(_Grader(source, time_s, device))
        # Count every death here: Dask would hide the first three.
        client.run_on_scheduler(_hide_no_death)
        yield from _Rounds(client, {"GPU": 1} if device == "gpu" else {}, on_start, stopping).grade(works)


class _Rounds:
    """Submissions on their way, those to come, and how often each has failed."""

    def __init__(self, client: Client, resources: dict[str, int], on_start, stopping) -> None:
        self._client, self._resources = client, resources
        self._on_start, self._stopping = on_start, stopping
        self._faults: dict[str, list[str]] = {}
        self._underway: dict[str, Work] = {}  # by the future's key
        self._numbers = itertools.count()

    def grade(self, works: Iterable[Work]) -> Iterator[tuple[Work, Graded]]:
        waiting = iter(works)
        done = as_completed([], raise_errors=False)
        self._send(done, itertools.islice(waiting, self._room()))
        for future in done:
            work, outcome = self._underway.pop(future.key), self._outcome(future)
            if isinstance(outcome, Graded):
                yield work, outcome
            else:
                faults = self._faults.setdefault(work.name, [])
                faults.append(outcome)
                if len(faults) < MAX_FAULTS:
                    self._send(done, [work])
                else:
                    yield work, Graded(given_up(work, faults))
            if not self._stopping():
                self._send(done, itertools.islice(waiting, self._room()))

    def _room(self) -> int:
        threads = sum(self._client.nthreads().values())
        return max(0, _AHEAD * max(1, threads) - len(self._underway))

    def _send(self, done: as_completed, works: Iterable[Work]) -> None:
        for work in works:
            self._on_start(work.name)
            key = f"autograder-{next(self._numbers)}-{id(self)}"
            future = self._client.submit(_grade, work, key=key, pure=False, resources=self._resources or None)
            self._underway[future.key] = work
            done.add(future)

    @staticmethod
    def _outcome(future) -> Graded | str:
        try:
            return future.result()
        except Exception as error:  # whatever ended the task: a dead worker, a lost connection, our own fault
            return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _client(address: str | None, workers: int) -> Iterator[Client]:
    if address is None:
        options = {"n_workers": workers, "threads_per_worker": 1, "memory_limit": 0, "dashboard_address": None}
        with LocalCluster(**options) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(address, timeout=_CONNECT_S)
    except (OSError, ValueError) as error:
        raise UsageError(f"--address {address}: no Dask scheduler answers there ({error}); is it running?") from None
    with client:
        yield client


def _hide_no_death(dask_scheduler) -> None:
    dask_scheduler.allowed_failures = 0
