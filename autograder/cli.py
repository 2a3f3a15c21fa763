"""The command `autograder`: results on stdout, progress and errors on stderr.

Exit codes: 0 done, 1 something graded or validated is not right (`grade`: only with --strict), 2 the command
or the course is wrong, 3 the grader itself failed. What a command needs is imported inside it, so `--help`
and `list` take no time for TensorFlow.
"""

import functools
import os
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from autograder.config import Assignment, Course, Defaults, load_course, read_course
from autograder.errors import AutograderError, UsageError
from autograder.results import SubmissionResult, points
from autograder.terminal import assignment_table, impact_table, plain, results_table, stderr, stdout

__all__ = ["app", "main"]

NOT_RIGHT, USAGE, FAULT, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(
    help="Grade deep-learning notebooks: isolated, fast, with feedback that teaches.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Device(StrEnum):
    """Where TensorFlow computes."""

    cpu = "cpu"
    gpu = "gpu"
    auto = "auto"


class Executor(StrEnum):
    """Who runs the workers."""

    local = "local"
    dask = "dask"


class Mode(StrEnum):
    """How tests reach the student's code."""

    isolated = "isolated"
    stock = "stock"


CourseFolder = Annotated[
    Path | None,
    typer.Option(
        "--course", metavar="DIR", help="Folder with grading.yml. Default: found upwards from here."
    ),
]
Name = Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="Name as in `autograder list`.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="ASSIGNMENT", help="Default: all.")]
Results = Annotated[Path, typer.Argument(metavar="DIR", help="Folder that `autograder grade` wrote.")]
Submission = Annotated[str, typer.Argument(metavar="NAME", help="A submission's name, or an unmistakable part of it.")]


def _command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose errors end in one line on stderr and the exit code that belongs to them."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except AutograderError as error:
                _complain(str(error))
                raise typer.Exit(error.exit_code) from None
            except KeyboardInterrupt:
                _complain("interrupted")
                raise typer.Exit(INTERRUPTED) from None
            except (typer.Exit, typer.Abort, BrokenPipeError):
                raise
            except Exception as error:  # our own fault, whatever it is
                traceback.print_exc(file=sys.stderr)
                _complain(f"the grader itself failed: {type(error).__name__}: {error}")
                raise typer.Exit(FAULT) from None

        return app.command(name)(guarded)

    return register


@_command("list")
def list_assignments(course: CourseFolder = None) -> None:
    """Show assignments, questions and points."""
    found = _course(course)
    stdout.print(plain(found.title, "bold"))
    for assignment in found.assignments.values():
        stdout.print()
        stdout.print(assignment_table(assignment))


@_command("build")
def build(
    assignment: Name,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the products.")] = Path("dist"),
    course: CourseFolder = None,
) -> None:
    """Build what students and graders get: student.zip, solution.ipynb, autograder.zip."""
    from autograder.otterbridge.build import build as build_assignment

    found = _course(course)
    wanted = found.assignment(assignment)
    with stderr.status(f"building {wanted.name}"):
        built = build_assignment(found, wanted, out)
    for path in (built.student, built.student_zip, built.solution, built.autograder_zip):
        stdout.print(plain(str(path)), soft_wrap=True)


@_command("grade")
def grade(
    assignment: Annotated[
        str,
        typer.Argument(
            metavar="ASSIGNMENT", help="Name as in `autograder list`, or an otter autograder.zip."
        ),
    ],
    path: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Submissions: .ipynb, .py, .zip, or folders of them."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for results and reports.")],
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Submissions at once. Default: as in grading.yml.")
    ] = None,
    device: Annotated[
        Device | None, typer.Option(help="Where TensorFlow computes. Default: as in grading.yml.")
    ] = None,
    executor: Annotated[
        Executor, typer.Option(help="Who runs the workers: processes of this machine, or a Dask cluster.")
    ] = Executor.local,
    address: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Dask scheduler, e.g. tcp://host:8786. Default: one is started for the call."),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="isolated: tests out of students' reach; stock: otter in their own process.")
    ] = Mode.isolated,
    require_sandbox: Annotated[
        bool, typer.Option("--require-sandbox", help="Refuse to grade if a sandbox layer is missing.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh/--resume", help="Grade all again, or keep results that are still valid.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 if a submission has less than full marks.")
    ] = False,
    json_lines: Annotated[
        bool, typer.Option("--json-lines", help="Events as JSON lines on stdout, for scripts, and no table.")
    ] = False,
    course: CourseFolder = None,
) -> None:
    """Grade submissions and write results.json, grades.csv, Gradescope files and a page for each."""
    from autograder import batch, report
    from autograder.progress import BatchProgress, Interrupts, JsonLines

    found, subject = _subject(assignment, course)
    defaults = found.defaults if found else Defaults()
    _make_folder(out)
    with Interrupts() as interrupts, JsonLines() if json_lines else BatchProgress() as progress:
        result = batch.grade(
            found,
            subject,
            path,
            out,
            workers=workers,
            device=device.value if device else defaults.device,
            mode=mode.value,
            require_sandbox=require_sandbox,
            fresh=fresh,
            on_event=progress,
            stopping=lambda: interrupts.asked,
            executor=executor.value,
            address=address,
        )
    if isinstance(subject, Assignment):
        report.keep_template(_handed_out(found, subject), out)
    result = report.with_overrides(result, out)
    page = report.write(result, out)
    if not json_lines:
        stdout.print(results_table(result, stdout.width))
        if result.changes:
            stdout.print(impact_table(result))
        stdout.print(plain(str(page)), soft_wrap=True)
    if interrupts.asked:
        _complain(f"interrupted: {len(result.submissions)} are graded; the same command goes on from here")
        raise typer.Exit(INTERRUPTED)
    _finish(result.submissions, strict)


@_command("report")
def rebuild_report(
    folder: Results,
) -> None:
    """Make all pages and tables again from stored results."""
    from autograder import report

    stdout.print(plain(str(report.write(report.load_results(folder), folder))), soft_wrap=True)


@_command("show")
def show_one(folder: Results, name: Submission) -> None:
    """Show one submission as its instructor's page does."""
    from autograder import report, show

    batch = report.load_results(folder)
    stdout.print(show.page(batch, show.find(batch, name)))


@_command("override")
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


@_command("validate")
def validate(assignment: Names = None, course: CourseFolder = None) -> None:
    """Prove that references pass, wrong variants fail and every hidden case can fail."""
    from autograder import validate as validation

    found = _course(course)
    names = assignment or [*found.assignments]
    if not validation.run(found, [found.assignment(name) for name in names]):
        raise typer.Exit(NOT_RIGHT)


@_command("calibrate")
def calibrate(
    assignment: Name,
    seeds: Annotated[int, typer.Option(min=10, metavar="N", help="Runs of each correct solution.")] = 50,
    workers: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs at once. Default: as in grading.yml.")] = None,
    course: CourseFolder = None,
) -> None:
    """Measure accuracy gates with correct solutions and write them to grading.yml."""
    from autograder import calibrate as calibration

    found = _course(course)
    problems = calibration.run(found, found.assignment(assignment), seeds, workers or found.defaults.workers, stdout)
    for problem in problems:
        _complain(problem)
    if problems:
        raise typer.Exit(NOT_RIGHT)


@_command("plan")
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


@_command("doctor")
def doctor(course: CourseFolder = None) -> None:
    """Show what isolation, device, cache and versions are at hand."""
    from autograder import doctor as examination

    if not examination.run(_course_if_any(course)):
        raise typer.Exit(NOT_RIGHT)


def _course(folder: Path | None) -> Course:
    return read_course(folder) if folder else load_course()


def _course_if_any(folder: Path | None) -> Course | None:
    """The course, or None where the current folder is in none; a broken one is still an error."""
    try:
        return _course(folder)
    except UsageError as error:
        if folder is None and type(error) is UsageError:
            return None
        raise


def _subject(assignment: str, folder: Path | None) -> tuple[Course | None, Assignment | Path]:
    """What to grade with: an assignment of the course, or an autograder.zip, which needs no course."""
    if not assignment.lower().endswith(".zip"):
        course = _course(folder)
        return course, course.assignment(assignment)
    archive = Path(assignment)
    if not archive.is_file():
        raise UsageError(f"{archive}: no such file; expected an assignment or an otter autograder.zip")
    return _course_if_any(folder), archive


def _handed_out(course: Course, assignment: Assignment) -> str:
    """Code of the student notebook; "" where the course has no source of it."""
    from autograder.otterbridge.master import handed_out_code
    from autograder.otterbridge.stubs import Reference

    try:
        return handed_out_code(course.source(assignment), Reference(course.reference(assignment)))
    except UsageError:
        return ""


def _mark(submission: SubmissionResult, question: str) -> str:
    result = submission.questions.get(question)
    return f"{points(result.score)} of {points(result.max_score)}" if result else "no mark"


def _make_folder(out: Path) -> None:
    """Find out before hours of grading that the results cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out}: cannot be made a folder: {error.strerror}; choose another --out") from None


def _finish(submissions: tuple, strict: bool) -> None:
    """Word what went wrong in a batch and raise the exit code that belongs to it."""
    broken = [s for s in submissions if s.has_grader_error]
    if broken:
        names = ", ".join(s.submission for s in broken[:3]) + (", …" if len(broken) > 3 else "")
        _complain(f"the grader itself failed on {len(broken)} of them: {names}")
        raise typer.Exit(FAULT)
    if submissions and all(s.status == "unreadable" for s in submissions):
        for s in submissions:
            _complain(f"{s.submission}: {s.message}")
        raise typer.Exit(USAGE)
    if strict and not all(s.passed for s in submissions):
        raise typer.Exit(NOT_RIGHT)


def _complain(text: str) -> None:
    stderr.print(plain(f"autograder: {text}"), soft_wrap=True)


def main() -> None:
    """Entry point of the command `autograder`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported: errors alone
    app()
