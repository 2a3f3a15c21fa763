"""Commands on a folder of results: report, show, override, plan."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.shared import Results, Submission, command
from autograder.errors import UsageError
from autograder.results import SubmissionResult, points
from autograder.terminal import plain, stdout


@command("report")
def rebuild_report(
    folder: Results,
) -> None:
    """Make all pages and tables again from stored results."""
    from autograder import report

    stdout.print(plain(str(report.write(report.load_results(folder), folder))), soft_wrap=True)


@command("show")
def show_one(folder: Results, name: Submission) -> None:
    """Show one submission as its instructor's page does."""
    from autograder import report, show

    batch = report.load_results(folder)
    stdout.print(show.page(batch, show.find(batch, name)))


@command("override")
def override(
    folder: Results,
    name: Submission,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="Such as q5.")],
    score: Annotated[float | None, typer.Option(metavar="POINTS", help="The mark to give.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; only instructors see it.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take it back: the grader's mark counts again.")] = False,
) -> None:
    """Set a mark by hand; it outlives regrades, is shown in the report and goes into every export."""
    from autograder import overrides, report, show

    if remove != (score is None):
        raise UsageError("override: expected either --score and --reason, or --remove")
    if not remove and not reason.strip():
        raise UsageError("override: expected --reason; who reads the mark next year wants to know")
    batch = report.load_results(folder)
    submission = show.find(batch, name)
    decision = overrides.decide(batch, submission, question, score, reason.strip())
    overrides.add(folder, decision)
    batch = report.load_results(folder)
    report.write(batch, folder)
    now = show.find(batch, submission.submission)
    stdout.print(plain(f"{now.submission} {question}: {_mark(submission, question)} -> {_mark(now, question)}"))


@command("plan")
def plan(
    folder: Results,
    submissions: Annotated[int, typer.Option(min=1, metavar="N", help="How many will be handed in.")],
    deadline: Annotated[str, typer.Option(metavar="TIME", help="Results are due so long after hand-in closes, e.g. 2h.")],
    window: Annotated[str, typer.Option(metavar="TIME", help="From the first hand-in to the last.")] = "1d",
    rush: Annotated[str, typer.Option(metavar="TIME", help="Half of them come in this last part of it.")] = "2h",
    lost: Annotated[float, typer.Option(min=0, max=0.9, metavar="SHARE", help="Gradings whose worker is lost.")] = 0.01,
    slots: Annotated[int, typer.Option(min=1, metavar="N", help="Workers on one machine: cores, or GPU slots.")] = 2,
    workers: Annotated[int | None, typer.Option(min=1, metavar="N", help="Take so many, instead of as few as do.")] = None,
    plot: Annotated[Path, typer.Option(metavar="FILE", help="Picture of the rush, .png or .svg.")] = Path("plan.png"),
) -> None:
    """Simulate a deadline rush with the durations measured in DIR: workers, waiting times, machine hours."""
    import numpy as np

    from autograder import report
    from autograder.batch import capacity
    from autograder.terminal import capacity_table

    seconds = [s.seconds for s in report.load_results(folder).submissions if s.seconds > 0]
    if not seconds:
        raise UsageError(f"{folder}: no measured durations; grade a few submissions first")
    load = capacity.Load(
        submissions, *map(capacity.parse_duration, (deadline, window, rush)), lost=lost
    )
    durations = np.array(seconds)
    outcome = capacity.simulate(load, durations, workers) if workers else capacity.workers_needed(load, durations)
    stdout.print(capacity_table(load, outcome, slots))
    capacity.draw(outcome, load, plot)
    stdout.print(plain(str(plot)), soft_wrap=True)


def _mark(submission: SubmissionResult, question: str) -> str:
    result = submission.questions.get(question)
    return f"{points(result.score)} of {points(result.max_score)}" if result else "no mark"
