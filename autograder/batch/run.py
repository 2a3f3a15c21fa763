"""One batch: collect, look up what is graded already, grade the rest, keep everything."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.batch.collect import Submission, collect
from autograder.batch.events import Event, Finished, Planned, Started
from autograder.batch.journal import Journal, key
from autograder.batch.sources import AssignmentSource, PackageSource
from autograder.config import Assignment, Course, Defaults, Limits
from autograder.errors import GraderFault, UsageError
from autograder.evaluate import Graded, Work
from autograder.report import safe_name
from autograder.results import BatchResult, SubmissionResult
from autograder.session.sandbox import missing_layers
from autograder.version import assignment_version, package_version

__all__ = ["grade"]


def grade(
    course: Course | None,
    subject: Assignment | Path,
    paths: Iterable[Path],
    out: Path,
    *,
    workers: int,
    device: str,
    mode: str,
    require_sandbox: bool,
    fresh: bool,
    on_event: Callable[[Event], None],
) -> BatchResult:
    """Grade all submissions in ``paths`` by an assignment of ``course`` or by an ``autograder.zip``.

    Results already in ``out`` are kept unless ``fresh``; executed notebooks go to ``out/executed``.
    Raises ``UsageError`` for bad input and where ``require_sandbox`` asks for a layer that is missing.
    """
    if device == "gpu":
        raise UsageError("--device gpu: not supported yet; use cpu or auto")
    submissions = collect(paths)
    job = _Job(course, subject, mode)
    out.mkdir(parents=True, exist_ok=True)
    if fresh:
        _remove_journal(out)
    journal = Journal(out)
    try:
        batch = _Batch(job, submissions, journal, out, on_event)
        batch.grade_missing(workers, require_sandbox)
        return batch.result()
    finally:
        journal.close()


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


class _Batch:
    """The running batch."""

    def __init__(self, job: _Job, submissions: list[Submission], journal: Journal, out: Path, on_event) -> None:
        self._job, self._journal, self._out, self._on_event = job, journal, out, on_event
        self._header = job.header()
        self._points = 0.0 if isinstance(job.subject, Path) else job.subject.points
        self._submissions = submissions
        self._salt = os.environ.get("AUTOGRADER_SALT") or secrets.token_hex(16)
        self._found: dict[str, SubmissionResult] = {}
        self._layers: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    def grade_missing(self, workers: int, require_sandbox: bool) -> None:
        works = [w for w in map(self._work, self._submissions) if w is not None]
        self._on_event(Planned(total=len(self._submissions), done=len(self._found)))
        if self._job.mode == "stock":
            self._grade_stock(works)
        elif works:
            self._grade_isolated(works, workers, require_sandbox)

    def result(self) -> BatchResult:
        ordered = tuple(self._found[s.name] for s in self._submissions)
        return BatchResult(**self._header, mode=self._job.mode, sandbox=self._layers, submissions=ordered)

    def _work(self, submission: Submission) -> Work | None:
        """The work to do, or ``None`` where the result is known already."""
        limit = self._job.limits.file_mib << 20
        try:
            if submission.path.stat().st_size > limit:
                self._keep_unkeyed(submission, f"larger than {self._job.limits.file_mib} MiB")
                return None
            data = submission.path.read_bytes()
        except OSError as error:
            self._keep_unkeyed(submission, f"the file cannot be read: {error.strerror}")
            return None
        self._keys[submission.name] = key(data, submission.path.name, self._header["version"], self._job.mode)
        stored = self._journal.get(self._keys[submission.name])
        if stored is not None:
            result, notebook = stored
            executed = _executed(submission.name) if notebook is not None else None
            self._found[submission.name] = replace(result, submission=submission.name, executed=executed)
            self._write_notebook(submission.name, notebook)
            return None
        return Work(submission.name, f"notebook{submission.path.suffix.lower()}", data, self._salt)

    def _keep_unkeyed(self, submission: Submission, reason: str) -> None:
        self._found[submission.name] = SubmissionResult(
            submission=submission.name, status="unreadable", score=0.0, max_score=self._points, message=reason
        )

    def _grade_isolated(self, works: list[Work], workers: int, require_sandbox: bool) -> None:
        from autograder.batch.local import grade_all

        names = {w.name for w in works}
        source, time_s = self._job.source(), self._job.limits.time_s
        for work, graded in grade_all(works, source, workers, time_s, lambda name: self._on_event(Started(name))):
            names.discard(work.name)
            self._keep(work, graded)
            missing = missing_layers(graded.layers) if graded.layers else []
            if require_sandbox and missing:
                raise UsageError(f"--require-sandbox: missing here: {', '.join(missing)}; see `autograder doctor`")
        if names:
            raise GraderFault(f"no result for {', '.join(sorted(names))}")

    def _grade_stock(self, works: list[Work]) -> None:
        from autograder.otterbridge.stock import grade_stock

        archive = self._archive()
        paths = {s.name: s.path for s in self._submissions}
        for work in works:
            self._on_event(Started(work.name))
            result = grade_stock(archive, paths[work.name], self._job.limits.time_s)
            self._keep(work, Graded(replace(result, submission=work.name)))

    def _archive(self) -> Path:
        if isinstance(self._job.subject, Path):
            return self._job.subject
        from autograder.otterbridge.build import build

        return build(self._job.course, self._job.subject, self._out / "stock").autograder_zip

    def _keep(self, work: Work, graded: Graded) -> None:
        text = None if graded.notebook is None else json.dumps(graded.notebook, ensure_ascii=False)
        result = graded.result
        if text is not None:
            result = replace(result, executed=_executed(work.name))
            self._write_notebook(work.name, text)
        self._layers = graded.layers or self._layers
        self._journal.put(self._keys[work.name], result, text)
        self._found[work.name] = result
        self._on_event(Finished(result))

    def _write_notebook(self, name: str, text: str | None) -> None:
        if text is not None:
            path = self._out / _executed(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")


def _executed(name: str) -> str:
    """Path of a submission's executed notebook below the output folder."""
    return f"executed/{safe_name(name).removesuffix('.ipynb')}.ipynb"
