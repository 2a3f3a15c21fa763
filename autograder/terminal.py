"""What the command line draws: results on stdout, progress and errors on stderr.

Names and messages come from students, so they are drawn as `Text`, never as markup, and without the
characters that drive a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.config import Assignment
from autograder.report.text import STATUS_WORDS, visible
from autograder.results import BatchResult, points

if TYPE_CHECKING:
    from autograder.batch.capacity import Load, Outcome

__all__ = ["assignment_table", "capacity_table", "impact_table", "plain", "results_table", "stderr", "stdout"]

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)

STATUS_STYLES = {"graded": "green", "timeout": "yellow", "memory": "yellow", "crashed": "yellow"}  # else red
CELL_EXTRA = 3  # columns of a cell beside its text: a border and a space on each side
MIN_MESSAGE = 12
MAX_ROWS = 50  # of a table; report.html has them all


def plain(text: str, style: str = "") -> Text:
    """Unchecked text on one line, as it is: no markup, no control characters."""
    return Text(" ".join(visible(text).split()), style=style)


def assignment_table(assignment: Assignment) -> Table:
    """Questions of an assignment with their points, the names to define and the questions they build on."""
    title = Text.assemble((assignment.name, "bold"), "  ", plain(assignment.title))
    table = Table(title=title, title_justify="left", title_style="", show_footer=True)
    table.add_column("question", footer="total")
    table.add_column("points", justify="right", footer=points(assignment.points))
    table.add_column("names to define")
    table.add_column("builds on")
    for q, question in assignment.questions.items():
        table.add_row(q, points(question.points), ", ".join(question.names), ", ".join(question.depends))
    return table


def results_table(batch: BatchResult, width: int) -> Table:
    """Submission, status, score, the first thing to say; of a large batch those with lost marks first.

    width: columns of the terminal; a name takes at most a third of it, the message what the others leave.
    """
    shown = list(batch.submissions)
    if len(shown) > MAX_ROWS:
        shown = sorted(shown, key=lambda s: s.passed)[:MAX_ROWS]
    left_out = len(batch.submissions) - len(shown)
    caption = f"{left_out} more submissions in report.html" if left_out else None
    names = [_cut(plain(s.submission), width // 3) for s in shown]
    states = [Text(STATUS_WORDS[s.status].lower(), style=STATUS_STYLES.get(s.status, "red")) for s in shown]
    scores = [Text(f"{points(s.score)} / {points(s.max_score)}") for s in shown]
    table = Table(caption=caption, caption_justify="left")
    for heading, column, side in (
        ("submission", names, "left"),
        ("status", states, "left"),
        ("score", scores, "right"),
    ):
        widest = max(cell.cell_len for cell in (Text(heading), *column))
        table.add_column(heading, justify=side, no_wrap=True, min_width=widest)
        width -= widest + CELL_EXTRA
    room = max(width - CELL_EXTRA - 1, MIN_MESSAGE)
    table.add_column("first message", no_wrap=True)
    for name, state, score, s in zip(names, states, scores, shown, strict=True):
        table.add_row(name, state, score, _cut(plain(s.first_message), room))
    return table


def impact_table(batch: BatchResult) -> Table:
    """What a regrade did: for each test how many gain and lose, and how much all together."""
    by_test: dict[tuple[str, str], list[float]] = {}
    for change in batch.changes:
        by_test.setdefault((change.question, change.test), []).append(change.after - change.before)
    students = len({change.submission for change in batch.changes})
    table = Table(title=f"regraded: the marks of {students} change", title_justify="left", title_style="")
    for heading in ("question", "test", "gain", "lose", "points"):
        table.add_column(heading, justify="left" if heading in ("question", "test") else "right")
    for (question, test), moves in by_test.items():
        gain, lose = sum(m > 0 for m in moves), sum(m < 0 for m in moves)
        table.add_row(question, plain(test), str(gain), str(lose), f"{sum(moves):+.2f}".rstrip("0").rstrip("."))
    return table


def capacity_table(load: Load, outcome: Outcome, slots: int) -> Table:
    """Workers and machines for a rush, what they cost, and how long students wait; slots: workers on a machine."""
    machines = -(-outcome.workers // slots)
    half, most, longest = outcome.wait_quantiles(0.5, 0.95, 1.0)
    title = f"{load.submissions:,} submissions, half of them in the last {duration(load.rush_s)}"
    table = Table(title=title, title_justify="left", title_style="", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("workers", f"{outcome.workers:,}"),
        ("machines", f"{machines:,} with {slots} each"),
        ("machine hours, on all the time", f"{machines * outcome.ended.max() / 3600:,.1f}"),
        ("machine hours, on while busy", f"{outcome.busy_s / slots / 3600:,.1f}"),
        ("wait, median", duration(half)),
        ("wait, 95th percentile", duration(most)),
        ("wait, longest", duration(longest)),
        ("last result after hand-in closes", f"{duration(outcome.last_s)}, due {duration(load.due_s)}"),
    ):
        table.add_row(name, value)
    return table


def duration(seconds: float) -> str:
    """In the largest unit of which there are two: 90 s, 12 min, 3.5 h."""
    if abs(seconds) < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if abs(seconds) < 7200 else f"{seconds / 3600:.1f} h"


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text
