"""Numbers about a class, from the results alone."""

from dataclasses import dataclass
from statistics import mean, median

from autograder.results import BatchResult, SubmissionResult

__all__ = ["ClassSummary", "QuestionSummary", "summarise"]

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
class ClassSummary:
    """How a class did. Scores are over the submissions that could be read and graded."""

    graded: int
    full_marks: int
    mean: float
    median: float
    histogram: tuple[int, ...]  # submissions per tenth of the marks, full marks in the last
    questions: tuple[QuestionSummary, ...]
    needs_human: tuple[SubmissionResult, ...]


def summarise(batch: BatchResult) -> ClassSummary:
    """Statistics of a batch; of an empty one, zeros."""
    graded = [s for s in batch.submissions if s.status not in ("unreadable", "grader_error")]
    scores = [s.score for s in graded] or [0.0]
    return ClassSummary(
        graded=len(graded),
        full_marks=sum(s.passed for s in graded),
        mean=mean(scores),
        median=median(scores),
        histogram=_histogram(graded),
        questions=tuple(_question(q, batch.question_titles.get(q, ""), graded) for q in batch.questions),
        needs_human=tuple(s for s in batch.submissions if s.needs_human),
    )


def _histogram(graded: list[SubmissionResult]) -> tuple[int, ...]:
    counts = [0] * BINS
    for submission in graded:
        share = submission.score / submission.max_score if submission.max_score else 0.0
        counts[min(int(share * BINS + 1e-9), BINS - 1)] += 1  # 0.3 / 1.0 belongs to the fourth tenth
    return tuple(counts)


def _question(q: str, title: str, graded: list[SubmissionResult]) -> QuestionSummary:
    results = [s.questions[q] for s in graded if q in s.questions]
    shares = [r.score / r.max_score if r.max_score else 0.0 for r in results]
    full = sum(r.passed for r in results)
    none = sum(r.score <= 0 and not r.passed for r in results)
    return QuestionSummary(q, title, full, len(results) - full - none, none, mean(shares or [0.0]))
