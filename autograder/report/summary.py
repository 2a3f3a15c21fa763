"""Numbers about a class, from the results alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean, median, quantiles

from autograder.report.items import Item, Slip, items, slips
from autograder.report.similar import Likeness
from autograder.report.text import status_message
from autograder.results import BatchResult, Override, SubmissionResult

__all__ = ["ClassSummary", "QuestionSummary", "TimeSummary", "Worry", "summarise"]

BINS = 10  # tenths of the marks


@dataclass(frozen=True)
class QuestionSummary:
    """How a class did on one question: numbers of submissions, and the mean share of its marks."""

    name: str
    title: str
    full: int
    partial: int
    none: int
    mean_share: float  # 0 to 1

    @property
    def count(self) -> int:
        """Submissions in which this question was graded."""
        return self.full + self.partial + self.none


@dataclass(frozen=True)
class TimeSummary:
    """Percentiles of a time in seconds, or of memory in MiB; digits: behind the point."""

    what: str
    p50: float
    p90: float
    p99: float
    most: float
    digits: int = 1


@dataclass(frozen=True)
class Worry:
    """A submission that a person should look at, and why."""

    submission: SubmissionResult
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ClassSummary:
    """How a class did. Scores are over the submissions that could be read and graded."""

    graded: int
    full_marks: int
    mean: float
    median: float
    histogram: tuple[int, ...]  # submissions per tenth of the marks, full marks in the last
    questions: tuple[QuestionSummary, ...]
    items: tuple[Item, ...]
    slips: tuple[Slip, ...]
    times: tuple[TimeSummary, ...]
    worries: tuple[Worry, ...]
    overrides: tuple[tuple[SubmissionResult, str, Override], ...]


def summarise(batch: BatchResult, likeness: Likeness | None = None) -> ClassSummary:
    """Statistics of a batch; of an empty one, zeros. likeness: groups of near-identical code."""
    graded = [s for s in batch.submissions if s.status not in ("unreadable", "grader_error")]
    scores = [s.score for s in graded] or [0.0]
    return ClassSummary(
        graded=len(graded),
        full_marks=sum(s.passed for s in graded),
        mean=mean(scores),
        median=median(scores),
        histogram=_histogram(graded),
        questions=tuple(_question(q, batch.question_titles.get(q, ""), graded) for q in batch.questions),
        items=items(graded),
        slips=slips(graded),
        times=_times(graded),
        worries=tuple(_worries(batch, likeness or Likeness())),
        overrides=tuple(
            (s, q, result.override) for s in batch.submissions for q, result in s.questions.items() if result.override
        ),
    )


def _histogram(graded: list[SubmissionResult]) -> tuple[int, ...]:
    counts = [0] * BINS
    for submission in graded:
        share = submission.score / submission.max_score if submission.max_score else 0.0
        counts[max(0, min(int(share * BINS + 1e-9), BINS - 1))] += 1  # 0.3 / 1.0 belongs to the fourth tenth
    return tuple(counts)


def _question(q: str, title: str, graded: list[SubmissionResult]) -> QuestionSummary:
    results = [s.questions[q] for s in graded if q in s.questions]
    shares = [r.score / r.max_score if r.max_score else 0.0 for r in results]
    full = sum(r.passed for r in results)
    none = sum(r.score <= 0 and not r.passed for r in results)
    return QuestionSummary(q, title, full, len(results) - full - none, none, mean(shares or [0.0]))


def _times(graded: list[SubmissionResult]) -> tuple[TimeSummary, ...]:
    if not graded:
        return ()
    times = (
        _percentiles("Grading a submission, s", [s.seconds for s in graded]),
        _percentiles("of which student code, s", [s.student_seconds for s in graded]),
    )
    memory = [s.memory_mib for s in graded if s.memory_mib]
    return (*times, _percentiles("Memory at most, MiB", memory, digits=0)) if memory else times


def _percentiles(what: str, values: list[float], digits: int = 1) -> TimeSummary:
    cuts = quantiles([*values, *values[:1]] if len(values) == 1 else values, n=100, method="inclusive")
    return TimeSummary(what, cuts[49], cuts[89], cuts[98], max(values), digits)


def _worries(batch: BatchResult, likeness: Likeness) -> Iterable[Worry]:
    """Those that ended badly first."""
    near = {name: group.names for group in likeness.groups for name in group.names}
    for submission in sorted(batch.submissions, key=lambda s: not s.needs_human):
        reasons = tuple(_reasons(submission, near.get(submission.submission, ())))
        if reasons:
            yield Worry(submission, reasons)


def _reasons(submission: SubmissionResult, near: tuple[str, ...]) -> Iterable[str]:
    """Near-identical code is told in full where the groups are; here it is only counted."""
    if submission.status == "grader_error":
        yield "The grader itself failed; grade again."
    elif submission.has_grader_error:
        yield "The grader could not run one of the checks."
    elif submission.needs_human:
        yield status_message(submission)
    for q, result in submission.questions.items():
        if result.override and result.override.is_stale:
            yield f"The mark set by hand for {q} is older than what the grader says now."
    if near:
        others = len(near) - 1
        yield f"Near-identical code: {others} other submission{'' if others == 1 else 's'}."
