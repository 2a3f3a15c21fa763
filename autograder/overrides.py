"""Marks that a person has set, in ``DIR/overrides.jsonl``: one line a decision, none is ever changed.

The file is apart from the journal of results, so it outlives regrades, also with ``--fresh``. A decision holds
for a submission's name and a question; the last one counts, and one without a score takes the others back.
`apply` is pure and can be repeated: results that hold overrides already give the grader's marks back first.
"""

from __future__ import annotations

import getpass
import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from autograder.errors import UsageError
from autograder.results import BatchResult, Override, QuestionResult, SubmissionResult

__all__ = ["FILE_NAME", "Decision", "add", "apply", "author", "decide", "read"]

FILE_NAME = "overrides.jsonl"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One line of the file. score: points, or None to take earlier decisions back."""

    submission: str
    question: str
    score: float | None
    reason: str
    author: str
    time: str  # ISO 8601, UTC
    seen: float = 0.0  # the grader's mark at that time


_DECISION = TypeAdapter(Decision)


def read(folder: Path) -> tuple[Decision, ...]:
    """All decisions in order; none where there is no file. Raises UsageError for a damaged line."""
    file = folder / FILE_NAME
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_DECISION.validate_json(line))
        except ValidationError:
            raise UsageError(f"{file}: line {number} is damaged; mend it or take the file from a backup") from None
    return tuple(found)


def add(folder: Path, decision: Decision) -> None:
    """Append one decision, in one write."""
    file = folder / FILE_NAME
    try:
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(decision), allow_nan=False) + "\n")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from None


def decide(batch: BatchResult, submission: SubmissionResult, question: str, score: float | None, reason: str) -> Decision:
    """A decision of today's user; raises UsageError where the question or the score does not exist."""
    possible = _possible(batch)
    if question not in possible:
        expected = ", ".join(possible) or "none, since nothing could be graded"
        raise UsageError(f"no question {question!r} in {batch.assignment}; there are: {expected}")
    if score is not None and not 0 <= score <= possible[question]:
        raise UsageError(f"--score: expected 0 to {possible[question]:g} for {question}, got {score:g}")
    result = submission.questions.get(question)
    seen = _graded(result).score if result else 0.0
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Decision(
        submission=submission.submission,
        question=question,
        score=score,
        reason=reason,
        author=author(),
        time=now,
        seen=seen,
    )


def author() -> str:
    """The user's name as git knows it, else as the system does."""
    try:
        asked = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, timeout=5, check=False)
        name = asked.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        name = ""
    try:
        return name or getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown"


def apply(batch: BatchResult, decisions: Iterable[Decision]) -> BatchResult:
    """The batch with the marks that people have set, and the grader's wherever they have not."""
    latest: dict[str, dict[str, Decision]] = {}
    for decision in decisions:
        latest.setdefault(decision.submission, {})[decision.question] = decision
    possible = _possible(batch)
    return replace(
        batch,
        submissions=tuple(_applied(s, latest.get(s.submission, {}), possible) for s in batch.submissions),
    )


def _possible(batch: BatchResult) -> dict[str, float]:
    """Question -> best mark, over all submissions: one that could not be read has no questions of its own."""
    return {
        q: max(s.questions[q].max_score for s in batch.submissions if q in s.questions) for q in batch.questions
    }


def _applied(
    submission: SubmissionResult, decisions: Mapping[str, Decision], possible: Mapping[str, float]
) -> SubmissionResult:
    before = submission.questions
    added = [q for q in possible if q in decisions and q not in before and decisions[q].score is not None]
    graded = {q: _graded(r) for q, r in before.items() if r.tests or not r.override}
    graded |= {q: QuestionResult(score=0.0, max_score=possible[q]) for q in added}
    marked = {q: _marked(result, decisions.get(q)) for q, result in graded.items()}
    if marked == before:
        return submission
    change = sum(q.score for q in marked.values()) - sum(q.score for q in before.values())
    score = submission.score + change * _scale(submission)
    ordered = {q: marked[q] for q in [*possible, *marked] if q in marked}
    return replace(submission, questions=ordered, score=score)


def _graded(result: QuestionResult) -> QuestionResult:
    """The question with the grader's own mark."""
    return replace(result, score=result.override.graded, override=None) if result.override else result


def _marked(result: QuestionResult, decision: Decision | None) -> QuestionResult:
    if decision is None or decision.score is None:
        return result
    override = Override(
        reason=decision.reason,
        author=decision.author,
        time=decision.time,
        graded=result.score,
        seen=decision.seen,
    )
    return replace(result, score=decision.score, override=override)


def _scale(submission: SubmissionResult) -> float:
    """Points of the submission for a point of a question: an ``autograder.zip`` may scale its total."""
    graded = sum(q.max_score for q in submission.questions.values() if q.tests)
    return submission.max_score / graded if graded else 1.0
