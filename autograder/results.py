"""What grading found, as plain frozen data: a batch of submissions, of questions, of tests.

`to_json` gives the shape of `results.json`, `from_json` reads it back. Scores keep full precision in memory
and are rounded where they are written. `TestResult.detail` is for instructors: it may quote what student code
said while hidden inputs were in its hands, so nothing a student is shown may contain it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from autograder.errors import UsageError

__all__ = [
    "BatchResult",
    "Change",
    "Override",
    "QuestionResult",
    "SubmissionResult",
    "SubmissionStatus",
    "TestResult",
    "TestStatus",
    "points",
]

TestStatus = Literal["passed", "failed", "skipped", "grader_error"]
SubmissionStatus = Literal["graded", "timeout", "memory", "crashed", "unreadable", "grader_error"]

SCORE_DIGITS = 4  # a third of a point survives; 0.1 + 0.2 does not show
TIME_DIGITS = 3  # milliseconds


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """Verdict of one test case."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    name: str
    status: TestStatus
    score: float
    max_score: float
    message: str = ""  # authored or worded by the grader, for the student
    misconception: str | None = None  # name of the known wrong variant that gave the same numbers
    explanation: str = ""  # that variant's explanation, for the student
    finding: str = ""  # where a wrong answer that no misconception explains first goes wrong, for the student
    detail: str = ""  # for instructors only
    seconds: float = 0.0
    note: str = ""  # e.g. "graded with the reference standing in for q3"
    measured: dict[str, float] = field(default_factory=dict)  # by accuracy gate


@dataclass(frozen=True, kw_only=True)
class Override:
    """A person's mark in the place of the grader's; reason and author are for instructors only."""

    reason: str
    author: str
    time: str  # ISO 8601, UTC
    graded: float  # the grader's mark of today
    seen: float  # the grader's mark that the person saw

    @property
    def is_stale(self) -> bool:
        """True if the grader has changed its mark since, for instance after another hand-in."""
        return abs(self.graded - self.seen) > 10**-SCORE_DIGITS


@dataclass(frozen=True, kw_only=True)
class QuestionResult:
    """Verdicts of one question."""

    score: float
    max_score: float
    tests: tuple[TestResult, ...] = ()
    override: Override | None = None  # who set `score`, if not the grader

    @classmethod
    def of(cls, tests: Iterable[TestResult]) -> "QuestionResult":
        """The question whose marks are the sum of its tests'."""
        tests = tuple(tests)
        return cls(score=sum(t.score for t in tests), max_score=sum(t.max_score for t in tests), tests=tests)

    @property
    def passed(self) -> bool:
        """True if no test failed, was skipped or could not be run, or if a person gave full marks."""
        if self.override:
            return self.score >= self.max_score
        return all(test.status == "passed" for test in self.tests) and self.score >= self.max_score


@dataclass(frozen=True, kw_only=True)
class SubmissionResult:
    """One submission; `questions` in the order of the assignment."""

    submission: str  # name as the student handed it in, unique in the batch; never trust it in a path or page
    status: SubmissionStatus
    score: float
    max_score: float
    seconds: float = 0.0  # wall clock of grading
    student_seconds: float = 0.0  # part of it spent in the student's code
    memory_mib: float = 0.0  # most memory above the warm interpreter; 0 where it is not known
    message: str = ""  # for the student: why the status is not "graded"
    questions: dict[str, QuestionResult] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # for the student: findings about the whole submission
    detail: str = ""  # for instructors only
    executed: str | None = None  # executed notebook, path relative to the folder of results.json

    @classmethod
    def of(cls, submission: str, questions: dict[str, QuestionResult], **more: Any) -> "SubmissionResult":
        """The submission with its questions' marks added up; "graded" unless `more` has another status."""
        return cls(
            submission=submission,
            status=more.pop("status", "graded"),
            score=sum(q.score for q in questions.values()),
            max_score=sum(q.max_score for q in questions.values()),
            questions=questions,
            **more,
        )

    @property
    def tests(self) -> tuple[TestResult, ...]:
        """All tests of all questions."""
        return tuple(test for question in self.questions.values() for test in question.tests)

    @property
    def passed(self) -> bool:
        """True for a graded submission with all marks."""
        return self.status == "graded" and bool(self.questions) and all(q.passed for q in self.questions.values())

    @property
    def has_grader_error(self) -> bool:
        """True where the grader itself failed, on the whole or on a test."""
        return "grader_error" in (self.status, *(test.status for test in self.tests))

    @property
    def needs_human(self) -> bool:
        """True where the marks may not be the last word: an unusual end, or a test that could not be run."""
        return self.status != "graded" or self.has_grader_error

    @property
    def first_message(self) -> str:
        """The one thing to say about this submission in a line: its end, else the first lost test."""
        if self.message:
            return self.message
        return next((test.message for test in self.tests if test.status != "passed" and test.message), "")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a changed test, reference or limit did to the marks of one submission."""

    submission: str
    question: str
    test: str
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """All submissions of one run."""

    assignment: str
    version: str
    title: str = ""  # of the assignment
    question_titles: dict[str, str] = field(default_factory=dict)  # q5 -> "backward"
    mode: str = "isolated"
    sandbox: dict[str, str] = field(default_factory=dict)  # layer -> "on" or why it is off
    submissions: tuple[SubmissionResult, ...] = ()
    changes: tuple[Change, ...] = ()  # against the results that were there before this run

    def to_json(self) -> dict[str, Any]:
        """Builtins in the shape of `results.json`; scores rounded to 1e-4 points, times to milliseconds."""
        return _rounded(asdict(self))

    @classmethod
    def from_json(cls, data: Any) -> "BatchResult":
        """Read what `to_json` made, or the like; raises UsageError that names the first mistake."""
        try:
            return _BATCH.validate_python(data)
        except ValidationError as error:
            mistake = error.errors()[0]
            place = ".".join(str(key) for key in mistake["loc"]) or "top level"
            raise UsageError(f"results.json: {place}: {mistake['msg']}") from None

    @property
    def questions(self) -> tuple[str, ...]:
        """Names of all questions, in the order in which submissions list them."""
        return tuple(dict.fromkeys(q for submission in self.submissions for q in submission.questions))

    @property
    def max_score(self) -> float:
        """Marks there are to earn; 0 when nothing could be graded."""
        return max((submission.max_score for submission in self.submissions), default=0.0)

    def csv_rows(self) -> list[list[str]]:
        """Header and one row a submission: submission, status, score, max_score, one column per question."""
        rows = [["submission", "status", "score", "max_score", *self.questions]]
        for s in self.submissions:
            marks = [points(s.questions[q].score) if q in s.questions else "" for q in self.questions]
            rows.append([s.submission, s.status, points(s.score), points(s.max_score), *marks])
        return rows


def points(score: float) -> str:
    """A score for people: at most two decimals, no trailing zeros, never '-0'."""
    return f"{round(score, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def _rounded(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    if isinstance(value, float):
        return round(value, TIME_DIGITS if key.endswith("seconds") else SCORE_DIGITS) + 0.0
    return value


_BATCH = TypeAdapter(BatchResult)
