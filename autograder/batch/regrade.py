"""After a change of the course: what has to be graded again, how the rest is kept, and who gains or loses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from autograder.results import Change, SubmissionResult

__all__ = ["broken", "changes", "merged", "stale"]


def stale(before: SubmissionResult, stored: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Questions whose version is another one than stored; all of them where grading ended early."""
    if before.status != "graded":
        return () if stored == now else tuple(now)
    return tuple(q for q, version in now.items() if stored.get(q) != version)


def broken(before: SubmissionResult) -> tuple[str, ...]:
    """Questions that fail by their own fault; later ones are graded with the reference in their place."""
    return tuple(q for q, question in before.questions.items() if any(t.status == "failed" for t in question.tests))


def merged(before: SubmissionResult, again: SubmissionResult, order: Mapping[str, str]) -> SubmissionResult:
    """The result of now, with what was not graded again as it was before."""
    found = before.questions | again.questions
    questions = {q: found[q] for q in order if q in found}
    return replace(
        again,
        questions=questions,
        score=sum(q.score for q in questions.values()),
        max_score=sum(q.max_score for q in questions.values()),
    )


def changes(before: SubmissionResult, after: SubmissionResult) -> Iterator[Change]:
    """Every test whose marks are others than before; a test that there is only once counts as 0 where it is missing."""
    old, new = _scores(before), _scores(after)
    for question, test in {**old, **new}:
        was, is_now = old.get((question, test), 0.0), new.get((question, test), 0.0)
        if abs(was - is_now) > 1e-9:
            yield Change(submission=after.submission, question=question, test=test, before=was, after=is_now)


def _scores(result: SubmissionResult) -> dict[tuple[str, str], float]:
    return {(q, t.name): t.score for q, question in result.questions.items() for t in question.tests}
