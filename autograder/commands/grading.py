"""Commands that grade, and the one that says what grading has at hand: grade, doctor."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.shared import (
    FAULT,
    INTERRUPTED,
    NOT_RIGHT,
    USAGE,
    CourseFolder,
    command,
    complain,
    course_if_any,
    course_of,
)
from autograder.config import Assignment, Course, Defaults
from autograder.errors import UsageError
from autograder.terminal import impact_table, plain, results_table, stderr, stdout


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


@command("grade")
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
    from autograder.session.sandbox import missing_layers

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
    with stderr.status("comparing code and writing pages"):
        page = report.write(result, out)
    if not json_lines:
        stdout.print(results_table(result, stdout.width))
        if result.changes:
            stdout.print(impact_table(result))
        stdout.print(plain(str(page)), soft_wrap=True)
    missing = missing_layers(result.sandbox) if result.sandbox else []
    if missing:
        complain(f"graded without these layers of the sandbox: {', '.join(missing)}; see `autograder doctor`")
    if interrupts.asked:
        complain(f"interrupted: {len(result.submissions)} are graded; the same command goes on from here")
        raise typer.Exit(INTERRUPTED)
    _finish(result.submissions, strict)


@command("doctor")
def doctor(course: CourseFolder = None) -> None:
    """Show what isolation, device, cache and versions are at hand."""
    from autograder import doctor as examination

    if not examination.run(course_if_any(course)):
        raise typer.Exit(NOT_RIGHT)


def _subject(assignment: str, folder: Path | None) -> tuple[Course | None, Assignment | Path]:
    """What to grade with: an assignment of the course, or an autograder.zip, which needs no course."""
    if not assignment.lower().endswith(".zip"):
        course = course_of(folder)
        return course, course.assignment(assignment)
    archive = Path(assignment)
    if not archive.is_file():
        raise UsageError(f"{archive}: no such file; expected an assignment or an otter autograder.zip")
    return course_if_any(folder), archive


def _handed_out(course: Course, assignment: Assignment) -> str:
    """Code of the student notebook; "" where the course has no source of it."""
    from autograder.otterbridge.master import handed_out_code
    from autograder.otterbridge.stubs import Reference

    try:
        return handed_out_code(course.source(assignment), Reference(course.reference(assignment)))
    except UsageError:
        return ""


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
        complain(f"the grader itself failed on {len(broken)} of them: {names}")
        raise typer.Exit(FAULT)
    if submissions and all(s.status == "unreadable" for s in submissions):
        for s in submissions:
            complain(f"{s.submission}: {s.message}")
        raise typer.Exit(USAGE)
    if strict and not all(s.passed for s in submissions):
        raise typer.Exit(NOT_RIGHT)
