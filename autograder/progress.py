"""The progress bar of a batch, on stderr."""

from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.batch.events import Event, Finished, Planned, Started
from autograder.terminal import plain, stderr

__all__ = ["BatchProgress"]

MAX_NAMES = 2  # in work, beside the bar


class BatchProgress:
    """A bar with counts of done, full marks and losses, time left and names in work; call it with events."""

    def __init__(self) -> None:
        self._progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[names]}", markup=False, style="dim"),
            console=stderr,
        )
        self._task = self._progress.add_task("", total=None, counts="", names="starting")
        self._kept = self._passed = self._others = 0
        self._in_work: dict[str, None] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
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
        self._progress.update(self._task, counts=self._counts(), names=self._names())

    def _counts(self) -> str:
        counts = ((self._kept, "kept"), (self._passed, "with full marks"), (self._others, "with losses"))
        return ", ".join(f"{count} {what}" for count, what in counts if count)

    def _names(self) -> str:
        names = [plain(name).plain for name in self._in_work]
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        return ", ".join(names[:MAX_NAMES]) + more
