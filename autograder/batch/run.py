"""One batch: collect, look up what is graded already, grade the rest, keep everything."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.batch.collect import Submission, collect
from autograder.batch.events import Chosen, Event, Finished, Planned, Started
from autograder.batch.journal import Journal, Stored, key
from autograder.batch.regrade import broken, changes, merged, stale
from autograder.batch.sources import AssignmentSource, PackageSource
from autograder.config import Assignment, Course, Defaults, Limits
from autograder.devices import CPU, Slot, slots_for
from autograder.errors import GraderFault, UsageError
from autograder.evaluate import Graded, Work
from autograder.report import safe_name
from autograder.results import BatchResult, SubmissionResult
from autograder.session.sandbox import missing_layers
from autograder.version import assignment_version, package_version, question_versions

__all__ = ["grade"]

_WHOLE = "all questions"  # of an autograder.zip


def grade(
    course: Course | None,
    subject: Assignment | Path,
    paths: Iterable[Path],
    out: Path,
    *,
    workers: int | None,
    device: str,
    mode: str,
    require_sandbox: bool,
    fresh: bool,
    on_event: Callable[[Event], None],
    stopping: Callable[[], bool] = lambda: False,
    executor: str = "local",
    address: str | None = None,
) -> BatchResult:
    """Grade all submissions in ``paths`` by an assignment of ``course`` or by an ``autograder.zip``.

    Results already in ``out`` are kept unless ``fresh``; executed notebooks go to ``out/executed``. Once
    ``stopping()`` is true what is in work is finished, and the result has what is graded until then. executor:
    ``local`` or ``dask``, then on the cluster at ``address`` or on one that is started for the call.
    Raises ``UsageError`` for bad input and where ``require_sandbox`` asks for a layer that is missing.
    """
    defaults = course.defaults if course else Defaults()
    if executor == "local":
        slots, chosen = slots_for(device, workers, defaults.children_per_gpu, defaults.workers)
        on_event(Chosen(chosen))
    else:
        slots = [CPU] * (workers or defaults.workers)  # each Dask worker looks for a GPU of its own
    submissions = collect(paths)
    job = _Job(course, subject, mode)
    out.mkdir(parents=True, exist_ok=True)
    if fresh:
        _remove_journal(out)
    journal = Journal(out)
    try:
        batch = _Batch(job, submissions, journal, out, on_event, stopping)
        batch.grade_missing(_grader(executor, address, device, slots), require_sandbox)
        return batch.result()
    finally:
        journal.close()


def _grader(
    executor: str, address: str | None, device: str, slots: Sequence[Slot]
) -> Callable[..., Iterator[tuple[Work, Graded]]]:
    """What grades so many works; raises ``UsageError`` for options that do not go together."""
    if executor == "local":
        if address is not None:
            raise UsageError("--address: only with --executor dask")
        from autograder.batch.local import grade_all

        return lambda count, works, source, *more: grade_all(works, source, slots[:count], *more)
    try:
        from autograder.batch import cluster
    except ModuleNotFoundError as error:
        raise UsageError(f"--executor dask: {error.name} is not installed; pip install 'dl-autograder[dask]'") from None
    from autograder.batch.sources import portable

    def on_cluster(count, works, source, *more):
        return cluster.grade_all(works, portable(source), min(count, len(slots)), *more, address=address, device=device)

    return on_cluster


def _remove_journal(out: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (out / f"journal.sqlite{suffix}").unlink(missing_ok=True)


@dataclass(frozen=True)
class _Job:
    """What the batch grades by."""

    course: Course | None
    subject: Assignment | Path
    mode: str

    @property
    def limits(self) -> Limits:
        if isinstance(self.subject, Path):
            defaults = self.course.defaults if self.course else Defaults()
            return Limits(**{k: getattr(defaults, k) for k in Limits.model_fields})
        return self.subject.limits

    def source(self) -> AssignmentSource | PackageSource:
        if isinstance(self.subject, Path):
            return PackageSource(self.subject.resolve(), self.limits)
        return AssignmentSource(self.course.root, self.subject.name)

    def header(self) -> dict[str, Any]:
        """What the results say of the assignment; TensorFlow is not needed for it."""
        if isinstance(self.subject, Path):
            from autograder.otterbridge.package import open_package

            with tempfile.TemporaryDirectory(prefix="autograder-package-") as folder:
                package = open_package(self.subject, Path(folder))
                return {"assignment": package.name, "title": package.name, "version": package_version(package)}
        return {
            "assignment": self.subject.name,
            "title": self.subject.title,
            "version": assignment_version(self.course, self.subject),
            "question_titles": {q: ", ".join(v.names) for q, v in self.subject.questions.items()},
        }

    def versions(self, header: dict[str, Any]) -> dict[str, str]:
        """Of each question; an ``autograder.zip`` has one for all."""
        if isinstance(self.subject, Path):
            return {_WHOLE: header["version"]}
        return question_versions(self.course, self.subject)


class _Batch:
    """The running batch."""

    def __init__(self, job: _Job, submissions: list[Submission], journal: Journal, out: Path, on_event, stopping) -> None:
        self._job, self._journal, self._out, self._on_event, self._stopping = job, journal, out, on_event, stopping
        self._header = job.header()
        self._versions = job.versions(self._header)
        self._points = 0.0 if isinstance(job.subject, Path) else job.subject.points
        self._submissions = submissions
        self._salt = os.environ.get("AUTOGRADER_SALT") or secrets.token_hex(16)
        self._found: dict[str, SubmissionResult] = {}
        self._layers: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._before: dict[str, SubmissionResult] = {}  # graded under another version
        self._stale: dict[str, tuple[str, ...]] = {}

    def grade_missing(self, grader: Callable[..., Any], require_sandbox: bool) -> None:
        missing = [s for s in self._submissions if not self._is_known(s, require_sandbox)]
        self._on_event(Planned(total=len(self._submissions), done=len(self._found)))
        if self._job.mode == "stock":
            self._grade_stock(missing)
        elif missing:
            self._grade_isolated(grader, missing, require_sandbox)

    def result(self) -> BatchResult:
        ordered = tuple(self._found[s.name] for s in self._submissions if s.name in self._found)
        changed = [c for s in ordered if s.submission in self._before for c in changes(self._before[s.submission], s)]
        return BatchResult(
            **self._header, mode=self._job.mode, sandbox=self._layers, submissions=ordered, changes=tuple(changed)
        )

    def _is_known(self, submission: Submission, require_sandbox: bool) -> bool:
        """Whether the result is at hand, found in the sandbox that is asked for, or the file cannot be read."""
        data = self._read(submission)
        if data is None:
            return True
        stored = self._journal.get(self._keys[submission.name])
        if stored is None or (require_sandbox and missing_layers(stored.layers)):
            return False
        outdated = stale(stored.result, stored.versions, self._versions)
        if outdated:
            self._before[submission.name] = stored.result
            if len(outdated) < len(self._versions) and self._job.mode == "isolated":
                self._stale[submission.name] = outdated
            return False
        executed = _executed(submission.name) if stored.notebook is not None else None
        self._found[submission.name] = replace(stored.result, submission=submission.name, executed=executed)
        self._layers = stored.layers or self._layers
        self._write_notebook(submission.name, stored.notebook)
        return True

    def _read(self, submission: Submission) -> bytes | None:
        """The file, its key noted; ``None`` and a result where it is too large or cannot be read."""
        limit = self._job.limits.file_mib << 20
        try:
            if submission.path.stat().st_size > limit:
                return self._keep_unkeyed(submission, f"larger than {self._job.limits.file_mib} MiB")
            data = submission.path.read_bytes()
        except OSError as error:
            return self._keep_unkeyed(submission, f"the file cannot be read: {error.strerror}")
        self._keys[submission.name] = key(data, submission.path.name, self._header["assignment"], self._job.mode)
        return data

    def _works(self, submissions: list[Submission]) -> Iterator[Work]:
        """Read one file after the other, when a worker is ready for it."""
        for submission in submissions:
            data = self._read(submission)
            if data is None:
                continue
            questions = self._stale.get(submission.name, ())
            known = broken(self._before[submission.name]) if questions else ()
            kept = tuple(q for q in known if q not in questions)
            filename = f"notebook{submission.path.suffix.lower()}"
            yield Work(submission.name, filename, data, self._salt, questions, broken=kept)

    def _keep_unkeyed(self, submission: Submission, reason: str) -> None:
        """A result for a file that was not opened; it is looked at again in the next run."""
        self._found[submission.name] = SubmissionResult(
            submission=submission.name, status="unreadable", score=0.0, max_score=self._points, message=reason
        )

    def _grade_isolated(
        self, grader: Callable[..., Any], submissions: list[Submission], require_sandbox: bool
    ) -> None:
        source, time_s = self._job.source(), self._job.limits.time_s
        works = self._works(submissions)
        events = (lambda name: self._on_event(Started(name)), self._stopping)
        for work, graded in grader(len(submissions), works, source, time_s, *events):
            missing = missing_layers(graded.layers) if graded.layers else []
            if require_sandbox and missing:
                raise UsageError(f"--require-sandbox: missing here: {', '.join(missing)}; see `autograder doctor`")
            self._keep(work.name, graded)
        lost = [s.name for s in submissions if s.name not in self._found]
        if lost and not self._stopping():
            raise GraderFault(f"no result for {', '.join(lost)}")

    def _grade_stock(self, submissions: list[Submission]) -> None:
        from autograder.otterbridge.stock import grade_stock

        archive = self._archive()
        for submission in submissions:
            if self._stopping():
                return
            self._on_event(Started(submission.name))
            result = grade_stock(archive, submission.path, self._job.limits.time_s)
            self._keep(submission.name, Graded(replace(result, submission=submission.name)))

    def _archive(self) -> Path:
        if isinstance(self._job.subject, Path):
            return self._job.subject
        from autograder.otterbridge.build import build

        return build(self._job.course, self._job.subject, self._out / "stock").autograder_zip

    def _keep(self, name: str, graded: Graded) -> None:
        text = None if graded.notebook is None else json.dumps(graded.notebook, ensure_ascii=False)
        result = graded.result
        if name in self._stale:
            result = merged(self._before[name], result, self._versions)
        if text is not None:
            result = replace(result, executed=_executed(name))
            self._write_notebook(name, text)
        self._layers = graded.layers or self._layers
        self._journal.put(self._keys[name], Stored(result, text, graded.layers, self._versions))
        self._found[name] = result
        self._on_event(Finished(result))

    def _write_notebook(self, name: str, text: str | None) -> None:
        if text is not None:
            path = self._out / _executed(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")


def _executed(name: str) -> str:
    """Path of a submission's executed notebook below the output folder."""
    return f"executed/{safe_name(name).removesuffix('.ipynb')}.ipynb"
