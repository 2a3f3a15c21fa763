"""What a class says about the tests: how hard each is, whether it tells apart, which slips it found.

Difficulty is the share of submissions that pass a test. Discrimination is the point-biserial correlation between
passing it and the points of all other tests; below 0.2 a test hardly tells who knows from who does not. Source:
Ebel and Frisbie, "Essentials of Educational Measurement", 5th ed., chapter 13.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import StatisticsError, correlation

from autograder.results import SubmissionResult, TestResult

__all__ = ["MIN_SUBMISSIONS", "POOR", "Item", "Slip", "items", "slips"]

MIN_SUBMISSIONS = 10  # fewer say nothing about a correlation
POOR = 0.2


@dataclass(frozen=True)
class Item:
    """One test over a class; `count` submissions ran it, skipped ones and the grader's own faults left out."""

    question: str
    name: str
    passed: int
    count: int
    discrimination: float | None  # -1 to 1; None for too few submissions, or where all passed or none

    @property
    def share(self) -> float:
        """Share of submissions that pass, 0 to 1."""
        return self.passed / self.count if self.count else 0.0

    @property
    def flagged(self) -> bool:
        """True for a test that does not tell apart."""
        return self.discrimination is not None and self.discrimination < POOR


@dataclass(frozen=True)
class Slip:
    """A misconception and the submissions that show it."""

    name: str
    question: str
    explanation: str
    submissions: tuple[SubmissionResult, ...]


def items(submissions: Iterable[SubmissionResult]) -> tuple[Item, ...]:
    """All tests in the order of the assignment, then of the question."""
    answers: dict[tuple[str, str, int], list[tuple[bool, float]]] = {}
    for submission in submissions:
        total = sum(test.score for test in submission.tests)
        for q, question in submission.questions.items():
            for key, test in _named(q, question.tests):
                ran = test.status in ("passed", "failed")
                entry = answers.setdefault(key, [])
                if ran:
                    entry.append((test.status == "passed", total - test.score))
    return tuple(_item(q, name, found) for (q, name, _), found in answers.items())


def _named(q: str, tests: Iterable[TestResult]) -> Iterable[tuple[tuple[str, str, int], TestResult]]:
    """Tests with a key of their own, also where two of a question have one name."""
    seen: dict[str, int] = {}
    for test in tests:
        seen[test.name] = seen.get(test.name, 0) + 1
        yield (q, test.name, seen[test.name]), test


def _item(q: str, name: str, answers: list[tuple[bool, float]]) -> Item:
    passed = sum(ok for ok, _ in answers)
    return Item(q, name, passed, len(answers), _discrimination(answers))


def _discrimination(answers: list[tuple[bool, float]]) -> float | None:
    if len(answers) < MIN_SUBMISSIONS:
        return None
    try:
        return correlation([float(ok) for ok, _ in answers], [rest for _, rest in answers])
    except StatisticsError:  # all passed, none did, or the rest is the same for all
        return None


def slips(submissions: Iterable[SubmissionResult]) -> tuple[Slip, ...]:
    """Misconceptions by how many submissions show them, the most frequent first."""
    found: dict[str, Slip] = {}
    for submission in submissions:
        for q, question in submission.questions.items():
            for test in question.tests:
                if test.misconception:
                    slip = found.get(test.misconception, Slip(test.misconception, q, "", ()))
                    who = slip.submissions if submission in slip.submissions[-1:] else (*slip.submissions, submission)
                    found[slip.name] = Slip(slip.name, slip.question, slip.explanation or test.explanation, who)
    return tuple(sorted(found.values(), key=lambda slip: (-len(slip.submissions), slip.name)))
