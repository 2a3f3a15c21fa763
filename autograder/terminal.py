"""What the command line draws: results on stdout, progress and errors on stderr.

Names and messages come from students, so they are drawn as `Text`, never as markup, and without the
characters that drive a terminal.
"""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.config import Assignment
from autograder.report.text import STATUS_WORDS, visible
from autograder.results import BatchResult, SubmissionResult, points

__all__ = ["assignment_table", "plain", "results_table", "stderr", "stdout"]

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)

STATUS_STYLES = {"graded": "green", "timeout": "yellow", "memory": "yellow", "crashed": "yellow"}  # else red
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


def results_table(batch: BatchResult) -> Table:
    """Submission, status, score, the first thing to say; of a large batch those with lost marks first."""
    rows = list(batch.submissions)
    if len(rows) > MAX_ROWS:
        rows = sorted(rows, key=lambda s: s.passed)[:MAX_ROWS]
    left_out = len(batch.submissions) - len(rows)
    caption = f"{left_out} more submissions in report.html" if left_out else None
    table = Table(caption=caption, caption_justify="left")
    table.add_column("submission", overflow="fold")
    table.add_column("status", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("first message", overflow="ellipsis", no_wrap=True, ratio=1)
    for s in rows:
        score = f"{points(s.score)} / {points(s.max_score)}"
        table.add_row(plain(s.submission), _status(s), score, plain(s.first_message))
    return table


def _status(submission: SubmissionResult) -> Text:
    return Text(STATUS_WORDS[submission.status].lower(), style=STATUS_STYLES.get(submission.status, "red"))
