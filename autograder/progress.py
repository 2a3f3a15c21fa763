"""Watching a batch: a progress bar on stderr, or events as JSON lines on stdout, and Ctrl-C."""

import json
import signal
import time
from collections.abc import Iterable, Iterator
from typing import Any, Self, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.batch.events import Chosen, Event, Finished, Planned, Started
from autograder.terminal import plain, stderr

__all__ = ["BatchProgress", "Interrupts", "JsonLines", "counted"]

T = TypeVar("T")
MAX_NAMES = 2  # in work, beside the bar


class Interrupts:
    """The first Ctrl-C asks for an end in order, the second raises ``KeyboardInterrupt`` at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, *_: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        stderr.print("finishing what is in work; press Ctrl-C again to stop at once")


def counted(items: Iterable[T], total: int, words: str) -> Iterator[T]:
    """The items as they come, with a bar on stderr that goes when they end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as progress:
        task = progress.add_task(words, total=total)
        for item in items:
            yield item
            progress.advance(task)


class JsonLines:
    """One line of JSON for each event: ``planned``, ``started`` or ``finished``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        print(json.dumps(_as_data(event)), flush=True)


def _as_data(event: Event) -> dict[str, Any]:
    match event:
        case Chosen(device):
            return {"event": "chosen", "device": device}
        case Planned(total, done):
            return {"event": "planned", "total": total, "done": done}
        case Started(name):
            return {"event": "started", "submission": name}
        case Finished(r):
            result = {"submission": r.submission, "status": r.status, "score": round(r.score, 4), "max_score": r.max_score}
            return {"event": "finished"} | result | {"seconds": round(r.seconds, 3)}


class BatchProgress:
    """A bar with counts of done, full marks and losses, time left and names in work; call it with events."""

    def __init__(self) -> None:
        self._progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[names]}", markup=False, style="dim"),
            console=stderr,
        )
        self._task = self._progress.add_task("", total=None, counts="", rate="", names="starting")
        self._kept = self._passed = self._others = 0
        self._since = time.monotonic()
        self._in_work: dict[str, None] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Chosen(device):
                self._progress.console.print(f"computing on {device}", style="dim")
            case Planned(total, done):
                self._kept = done
                self._progress.update(self._task, total=total, completed=done)
            case Started(name):
                self._in_work[name] = None
            case Finished(result):
                self._in_work.pop(result.submission, None)
                self._passed += result.passed
                self._others += not result.passed
                self._progress.advance(self._task)
        self._progress.update(self._task, counts=self._counts(), rate=self._rate(), names=self._names())

    def _counts(self) -> str:
        counts = ((self._kept, "kept"), (self._passed, "with full marks"), (self._others, "with losses"))
        return ", ".join(f"{count} {what}" for count, what in counts if count)

    def _rate(self) -> str:
        graded = self._passed + self._others
        return f"{60 * graded / (time.monotonic() - self._since):.0f} a minute" if graded else ""

    def _names(self) -> str:
        names = [plain(name).plain for name in self._in_work]
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        return ", ".join(names[:MAX_NAMES]) + more
