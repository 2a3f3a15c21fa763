"""Everything that is written about a graded batch.

    DIR/results.json            all of it, for programs (instructors only)
    DIR/report.html             the class
    DIR/grades.csv              a row a submission
    DIR/students/NAME.html      a page to hand out
    DIR/instructor/NAME.html    the same with details and times
    DIR/gradescope/NAME.json    Gradescope's results format

Each file is a pure function of the results, so `autograder report DIR` makes all of them from results.json.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import UsageError
from autograder.report.exports import grades_csv, gradescope, results_json
from autograder.report.pages import class_page, instructor_page, student_page
from autograder.report.text import safe_name
from autograder.results import BatchResult

__all__ = ["files", "load_results", "safe_name", "write"]


def files(batch: BatchResult) -> Iterator[tuple[str, str]]:
    """Relative path and text of every file, results.json first: whatever else fails, the marks are safe."""
    yield "results.json", results_json(batch)
    yield "grades.csv", grades_csv(batch)
    for submission in batch.submissions:
        name = safe_name(submission.submission)
        yield f"gradescope/{name}.json", gradescope(submission)
        yield f"students/{name}.html", student_page(batch, submission)
        yield f"instructor/{name}.html", instructor_page(batch, submission)
    yield "report.html", class_page(batch)


def write(batch: BatchResult, out: Path) -> Path:
    """Write all files below `out`, made where it is missing; returns the path of the class report."""
    try:
        for path, text in files(batch):
            _replace(out / path, text)
    except OSError as error:
        raise UsageError(
            f"{out}: cannot write results here: {error.strerror}; choose another --out"
        ) from None
    return out / "report.html"


def load_results(out: Path) -> BatchResult:
    """Read `out`/results.json back; raises UsageError where there is none or it is damaged."""
    file = out / "results.json"
    try:
        return BatchResult.from_json(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UsageError(
            f"{out}: no results.json here; expected a folder that `autograder grade` wrote"
        ) from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{file}: not valid JSON; grade again, or take it from a backup") from None


def _replace(path: Path, text: str) -> None:
    """Write so that a reader, or a killed run, sees the old file or the new one and never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(text.encode("utf-8", "replace"))
    os.replace(draft, path)
