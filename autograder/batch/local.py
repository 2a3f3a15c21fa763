"""Local workers: one shared template, and evaluators forked from a warm server of their own.

    command ──pipe──► worker 1 (evaluator) ──control──► template ──fork──► boxes
        │             worker 2 (evaluator) ──control──►    ▲
        └────────────────────────── starts, restarts ──────┘

The evaluators come from a fork server that has imported TensorFlow and the tests' libraries once, the boxes
from the template, which holds no secret; neither is forked from the other. A submission whose worker dies or
fails is given to another one, ``MAX_FAULTS`` times in all, and then marked ``grader_error``.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

from autograder.devices import CPU, Slot
from autograder.errors import GraderFault, UsageError
from autograder.evaluate import Graded, Work
from autograder.results import SubmissionResult
from autograder.session.client import Template

__all__ = ["MAX_FAULTS", "PlanSource", "given_up", "grade_all"]

MAX_FAULTS = 3
_PATIENCE = 3.0  # times a submission's own time limit, before its worker counts as stuck
_PATIENCE_S = 120.0
_MEMORY_MIB = 4096  # that an evaluator may take beyond what it has when it starts
_FAREWELL_S = 2.0

# Something picklable that makes the plan inside a worker.
PlanSource = Callable[[], Any]


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    slot: Slot
    template: Template
    work: Work | None = None
    since: float = field(default_factory=time.monotonic)


def grade_all(
    works: Iterable[Work],
    source: PlanSource,
    workers: int | Sequence[Slot],
    time_s: float,
    on_start: Callable[[str], None],
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[Work, Graded]]:
    """Grade ``works`` on ``workers`` processes; results come as they are ready, in no fixed order.

    workers: their number, on the CPU, or the slot of each.

    ``works`` may be a generator: each is taken when a worker is idle, so that a course's files are never all
    in memory. Where a time limit struck code that had waited for the processor, the submission is graded once more
    at the end, with no other beside it, and that result counts. Once ``stopping()`` is true no other work is taken up.
    """
    slots = [CPU] * workers if isinstance(workers, int) else list(workers)
    starved = []
    with _Pool(source, slots) as pool:
        for work, graded in _graded(pool, works, time_s, on_start, stopping):
            if graded.starved and len(slots) > 1:
                starved.append(work)
            else:
                yield work, graded
        for work in starved:
            yield from _graded(pool, [work], time_s, on_start, stopping)


def _graded(
    pool: _Pool, works: Iterable[Work], time_s: float, on_start: Callable[[str], None], stopping: Callable[[], bool]
) -> Iterator[tuple[Work, Graded]]:
    """Every work with its result; one whose worker fails is tried again, ``MAX_FAULTS`` times in all."""
    waiting = _Waiting(works)
    faults: dict[str, list[str]] = {}
    while pool.busy or not stopping() and waiting:
        if not stopping():
            pool.give(waiting, on_start)
        for work, outcome in pool.collect(_PATIENCE * time_s + _PATIENCE_S):
            if isinstance(outcome, Graded):
                yield work, outcome
                continue
            faults.setdefault(work.name, []).append(outcome)
            if len(faults[work.name]) < MAX_FAULTS:
                waiting.put_back(work)
            else:
                yield work, Graded(given_up(work, faults[work.name]))


class _Waiting:
    """Submissions that no worker has: true while there are any."""

    def __init__(self, works: Iterable[Work]) -> None:
        self._ahead = iter(works)
        self._at_hand: deque[Work] = deque()

    def __bool__(self) -> bool:
        if not self._at_hand:
            self._at_hand.extend(itertools.islice(self._ahead, 1))
        return bool(self._at_hand)

    def take(self) -> Work:
        """The next one, which there must be."""
        return self._at_hand.popleft()

    def put_back(self, work: Work) -> None:
        """Have it taken again."""
        self._at_hand.append(work)


class _Pool:
    """The workers, and one template for those on a CPU or on the same GPU; whatever dies is started again."""

    def __init__(self, source: PlanSource, slots: Sequence[Slot]) -> None:
        self._source = source
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["autograder.batch.preload"])
        self._slots = slots
        self._workers: list[_Worker] = []
        self._templates: dict[Slot, Template] = {}

    def __enter__(self) -> Self:
        self._templates = {slot: Template(dict(slot.template)) for slot in dict.fromkeys(self._slots)}
        with _quiet_children():
            self._workers = [self._start(slot) for slot in self._slots]
        for template in self._templates.values():
            template.wait_warm()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            self._stop(worker)
        for template in self._templates.values():
            template.close()

    @property
    def busy(self) -> bool:
        return any(w.work is not None for w in self._workers)

    def give(self, waiting: _Waiting, on_start: Callable[[str], None]) -> None:
        """A submission for every idle worker."""
        for index, worker in enumerate(self._workers):
            if worker.work is None and waiting:
                template = self._templates[worker.slot]
                if worker.template is not template or not template.alive:
                    worker = self._workers[index] = self._replace(worker)
                work = waiting.take()
                on_start(work.name)
                worker.work, worker.since = work, time.monotonic()
                try:
                    worker.pipe.send(work)
                except OSError:  # it died while idle
                    worker.work = None
                    waiting.put_back(work)
                    self._workers[index] = self._replace(worker)

    def collect(self, patience_s: float) -> Iterator[tuple[Work, Graded | str]]:
        """Results, or for a failed attempt a line on what went wrong."""
        ready = set(wait([w.pipe for w in self._workers if w.work is not None], timeout=1.0))
        for index, worker in enumerate(self._workers):
            work = worker.work
            if work is None:
                continue
            stuck = time.monotonic() - worker.since > patience_s
            if worker.pipe not in ready and not stuck:
                continue
            try:
                outcome = "the worker did not answer" if stuck else worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join(5)
                outcome = f"the worker ended with exit code {worker.process.exitcode}"
            worker.work = None
            if isinstance(outcome, UsageError):
                raise outcome
            if isinstance(outcome, str):
                self._workers[index] = self._replace(worker)
            yield work, outcome

    def _start(self, slot: Slot) -> _Worker:
        ours, theirs = self._context.Pipe()
        control = self._templates[slot].connect()
        process = self._context.Process(target=_evaluator, args=(theirs, control, self._source, slot), daemon=True)
        process.start()
        theirs.close()
        control.close()
        return _Worker(process, ours, slot, self._templates[slot])

    def _replace(self, worker: _Worker) -> _Worker:
        """A new worker, with a new template if the old one is gone."""
        self._stop(worker)
        slot = worker.slot
        if not self._templates[slot].alive:
            self._templates[slot].close()
            self._templates[slot] = Template(dict(slot.template))
            self._templates[slot].wait_warm()
        return self._start(slot)

    @staticmethod
    def _stop(worker: _Worker) -> None:
        worker.pipe.close()  # an idle worker takes it for the end
        worker.process.join(0 if worker.work else _FAREWELL_S)
        worker.process.kill()
        worker.process.join()


def _evaluator(pipe: Connection, control: Any, source: PlanSource, slot: Slot) -> None:
    """A worker process: make the plan, then grade what comes."""
    from autograder.evaluate import grade

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends a batch in order
    _bound_memory()
    try:
        plan = source()
    except UsageError as error:
        with contextlib.suppress(EOFError):
            pipe.recv()
            pipe.send(error)
        return
    while True:
        try:
            work = pipe.recv()
        except EOFError:
            return
        try:
            outcome: Graded | str = grade(control, plan, work, slot)
        except GraderFault as fault:
            outcome = str(fault)
        except Exception as error:
            import traceback

            outcome = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        pipe.send(outcome)


def _bound_memory() -> None:
    """A student's answer, or a call of the reference that student code asks for, must not exhaust the machine."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # no Linux
        return
    data_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:"))
    limit = (data_kib << 10) + (_MEMORY_MIB << 20)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard), hard))


@contextlib.contextmanager
def _quiet_children() -> Iterator[None]:
    """The fork server inherits this environment: TensorFlow repeatable, quiet and without a GPU."""
    wanted = {
        "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "TF_ENABLE_ONEDNN_OPTS": "0", "KERAS_BACKEND": "tensorflow",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1",
        "DL_OFFLINE": "1", "MPLBACKEND": "agg",
    }  # fmt: skip
    before = {k: os.environ.get(k) for k in wanted}
    os.environ.update(wanted)
    sys.stderr.flush()
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.__setitem__(key, value)


def given_up(work: Work, faults: list[str]) -> SubmissionResult:
    """The result of a submission that could not be graded: no mark is lost for good."""
    return SubmissionResult(
        submission=work.name,
        status="grader_error",
        score=0.0,
        max_score=0.0,
        message="The grader failed on this submission; it has not been graded, and no mark is lost.",
        detail="\n".join(faults),
    )
