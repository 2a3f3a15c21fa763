"""What all commands share: the app, exit codes, arguments, and how a mistake becomes one line on stderr."""

import functools
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from autograder.config import Course, load_course, read_course
from autograder.errors import AutograderError, UsageError
from autograder.terminal import plain, stderr

__all__ = [
    "FAULT",
    "INTERRUPTED",
    "NOT_RIGHT",
    "USAGE",
    "CourseFolder",
    "Name",
    "Names",
    "Results",
    "Submission",
    "app",
    "command",
    "complain",
    "course_if_any",
    "course_of",
]

NOT_RIGHT, USAGE, FAULT, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(
    help="Grade deep-learning notebooks: isolated, fast, with feedback that teaches.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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


def command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose errors end in one line on stderr and the exit code that belongs to them."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except AutograderError as error:
                complain(str(error))
                raise typer.Exit(error.exit_code) from None
            except KeyboardInterrupt:
                complain("interrupted")
                raise typer.Exit(INTERRUPTED) from None
            except (typer.Exit, typer.Abort, BrokenPipeError):
                raise
            except Exception as error:  # our own fault, whatever it is
                traceback.print_exc(file=sys.stderr)
                complain(f"the grader itself failed: {type(error).__name__}: {error}")
                raise typer.Exit(FAULT) from None

        return app.command(name)(guarded)

    return register


def course_of(folder: Path | None) -> Course:
    return read_course(folder) if folder else load_course()


def course_if_any(folder: Path | None) -> Course | None:
    """The course, or None where the current folder is in none; a broken one is still an error."""
    try:
        return course_of(folder)
    except UsageError as error:
        if folder is None and type(error) is UsageError:
            return None
        raise


def complain(text: str) -> None:
    stderr.print(plain(f"autograder: {text}"), soft_wrap=True)
