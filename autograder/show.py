"""One submission in the terminal: what its instructor's page says. Unchecked text is drawn as it is, never as markup."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from autograder.errors import UsageError
from autograder.report.text import STATUS_WORDS, VERDICT_WORDS, label, safe_name, status_message, visible
from autograder.results import BatchResult, QuestionResult, SubmissionResult, TestResult, points
from autograder.terminal import STATUS_STYLES, plain

__all__ = ["find", "page"]

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("–", "dim"), "grader_error": ("!", "red")}
BAR_WIDTH, TITLE_WIDTH = 24, 32  # columns


def find(batch: BatchResult, name: str) -> SubmissionResult:
    """The submission of that name, or the only one whose name, or page's name, contains it.

    Raises UsageError for none, with names that look like it, and for several.
    """
    found = [s for s in batch.submissions if name in (s.submission, safe_name(s.submission))]
    found = found or [s for s in batch.submissions if name.casefold() in s.submission.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(visible(s.submission) for s in found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(f"{name!r} is in the names of {len(found)} submissions: {names}; give more of it")
    close = difflib.get_close_matches(name, [s.submission for s in batch.submissions], n=1)
    raise UsageError(f"no submission {name!r}" + (f"; did you mean {visible(close[0])!r}?" if close else ""))


def page(batch: BatchResult, submission: SubmissionResult) -> RenderableType:
    """All of it: end, marks, every question, details for instructors."""
    return Group(*_head(batch, submission), _marks(batch, submission), *_questions(batch, submission))


def _head(batch: BatchResult, submission: SubmissionResult) -> Iterator[RenderableType]:
    status = STATUS_WORDS[submission.status].lower()
    yield Text.assemble(
        plain(submission.submission, "bold"),
        "  ",
        (status, STATUS_STYLES.get(submission.status, "red")),
        f"  {points(submission.score)} of {points(submission.max_score)} points",
        (f"  {submission.seconds:.1f} s, {submission.student_seconds:.1f} s in student code", "dim"),
    )
    yield plain(f"{batch.title or batch.assignment}, version {batch.version}", "dim")
    for line in (status_message(submission), *submission.notes):
        if line:
            yield plain(line, "yellow")
    if submission.detail:
        yield _indented(Text(visible(submission.detail), style="dim"))
    if submission.executed:
        yield plain(f"executed notebook: {submission.executed}", "dim")


def _marks(batch: BatchResult, submission: SubmissionResult) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    scores = [_score(result) for result in submission.questions.values()]
    table.add_column(no_wrap=True, min_width=max(map(len, submission.questions), default=0))
    table.add_column(no_wrap=True, style="dim", max_width=TITLE_WIDTH, overflow="ellipsis")
    table.add_column(min_width=BAR_WIDTH)
    table.add_column(justify="right", no_wrap=True, min_width=max(map(len, scores), default=0))
    for q, result in submission.questions.items():
        bar = ProgressBar(
            total=result.max_score or 1.0, completed=result.score, width=BAR_WIDTH, complete_style="green"
        )
        table.add_row(plain(q), plain(batch.question_titles.get(q, "")), bar, _score(result))
    return table


def _questions(batch: BatchResult, submission: SubmissionResult) -> Iterator[RenderableType]:
    for q, result in submission.questions.items():
        if result.passed and not result.override:
            continue
        yield Text()
        yield Text.assemble(plain(q, "bold"), "  ", plain(batch.question_titles.get(q, ""), "dim"), "  ", _score(result))
        if result.override:
            yield _indented(_by_hand(result))
        for test in result.tests:
            yield from _test(test)


def _by_hand(result: QuestionResult) -> Text:
    o = result.override
    was = f"; it said {points(o.seen)} then" if o.is_stale else ""
    return Text.assemble(
        ("set by hand: ", "yellow"),
        plain(o.reason),
        " ",
        plain(f"({o.author}, {o.time[:16].replace('T', ' ')} UTC; the grader says {points(o.graded)}{was})", "dim"),
    )


def _test(test: TestResult) -> Iterator[RenderableType]:
    mark, style = MARKS[test.status]
    verdict = "" if test.status in ("passed", "failed") else f" ({VERDICT_WORDS[test.status].lower()})"
    marks = f"  {points(test.score)} / {points(test.max_score)}, {test.seconds:.2f} s"
    yield _indented(Text.assemble((mark, style), " ", plain(test.name), verdict, (marks, "dim")))
    if test.status == "passed":
        return
    slip = f"Looks like: {label(test.misconception)}." if test.misconception else ""
    for text, text_style in (
        (test.message, ""),
        (f"{slip} {test.explanation}".strip(), "yellow"),
        (test.finding, "yellow"),
        (test.note, "dim"),
        (test.detail, "dim"),
    ):
        if text:
            yield _indented(Text(visible(text), style=text_style), 4)


def _score(result: QuestionResult) -> str:
    return f"{points(result.score)} / {points(result.max_score)}{' *' if result.override else ''}"


def _indented(text: Text, columns: int = 2) -> Padding:
    return Padding(text, (0, 0, 0, columns))
