"""Commands for who writes assignments: list, build, new, validate, calibrate."""

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.shared import (
    NOT_RIGHT,
    CourseFolder,
    Name,
    Names,
    command,
    complain,
    course_if_any,
    course_of,
)
from autograder.terminal import assignment_table, plain, stderr, stdout


@command("list")
def list_assignments(course: CourseFolder = None) -> None:
    """Show assignments, questions and points."""
    found = course_of(course)
    stdout.print(plain(found.title, "bold"))
    for assignment in found.assignments.values():
        stdout.print()
        stdout.print(assignment_table(assignment))


@command("build")
def build(
    assignment: Name,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the products.")] = Path("dist"),
    course: CourseFolder = None,
) -> None:
    """Build what students and graders get: student.zip, solution.ipynb, autograder.zip."""
    from autograder.otterbridge.build import build as build_assignment

    found = course_of(course)
    wanted = found.assignment(assignment)
    with stderr.status(f"building {wanted.name}"):
        built = build_assignment(found, wanted, out)
    for path in (built.student, built.student_zip, built.solution, built.autograder_zip):
        stdout.print(plain(str(path)), soft_wrap=True)


@command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as a12_topic.")],
    title: Annotated[str, typer.Option(metavar="TEXT", help="Default: made from the name.")] = "",
    course: CourseFolder = None,
) -> None:
    """Lay out an assignment that validates at once; outside of a course, the current folder becomes one."""
    from autograder.new import create

    found = course_if_any(None) if course is None else None
    root = course or (found.root if found else Path.cwd())
    for path in create(root, name, title):
        stdout.print(plain(str(path.relative_to(root))), soft_wrap=True)


@command("validate")
def validate(
    assignment: Names = None,
    attacks: Annotated[bool, typer.Option("--attacks", help="Run the course's attacks on the grader instead.")] = False,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Change the reference in small ways, judge tests and feedback on that instead.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="One right solution and one wrong variant a question, or a few mutants; in turn.")
    ] = False,
    course: CourseFolder = None,
) -> None:
    """Prove that references pass, wrong variants fail and every hidden case can fail."""
    from autograder import attacks as attack_suite
    from autograder import mutation
    from autograder import validate as validation

    found = course_of(course)
    assignments = [found.assignment(name) for name in assignment or found.assignments]
    if attacks:
        fine = attack_suite.run(found, assignments)
    elif mutants:
        fine = mutation.run(found, assignments, quick)
    else:
        fine = validation.run(found, assignments, quick)
    if not fine:
        raise typer.Exit(NOT_RIGHT)


@command("calibrate")
def calibrate(
    assignment: Name,
    seeds: Annotated[int, typer.Option(min=10, metavar="N", help="Runs of each correct solution.")] = 50,
    workers: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs at once. Default: as in grading.yml.")] = None,
    course: CourseFolder = None,
) -> None:
    """Measure accuracy gates with correct solutions and write them to grading.yml."""
    from autograder import calibrate as calibration

    found = course_of(course)
    problems = calibration.run(found, found.assignment(assignment), seeds, workers or found.defaults.workers, stdout)
    for problem in problems:
        complain(problem)
    if problems:
        raise typer.Exit(NOT_RIGHT)
