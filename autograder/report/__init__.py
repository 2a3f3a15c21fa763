"""Everything that is written about a graded batch.

    DIR/results.json            all of it, for programs (instructors only)
    DIR/report.html             the class
    DIR/grades.csv              a row a submission
    DIR/canvas.csv, moodle.csv  grades as these platforms import them
    DIR/students/NAME.html      a page to hand out
    DIR/instructor/NAME.html    the same with details and times
    DIR/gradescope/NAME.json    Gradescope's results format

Read besides the results: marks set by hand (DIR/overrides.jsonl), executed notebooks (DIR/executed) and the code that
was handed out (DIR/handed_out.py). So `autograder report DIR` makes every file again.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from autograder import overrides
from autograder.errors import UsageError
from autograder.report import notebooks, similar
from autograder.report.exports import grades_csv, gradescope, results_json
from autograder.report.gradebooks import canvas, moodle
from autograder.report.pages import class_page, instructor_page, student_page
from autograder.report.text import safe_name
from autograder.results import BatchResult

__all__ = ["files", "keep_template", "load_results", "safe_name", "with_overrides", "write"]


def files(batch: BatchResult, folder: Path) -> Iterator[tuple[str, str]]:
    """Relative path and text of every file, results.json first: whatever else fails, the marks are safe.

    folder: where executed notebooks lie.
    """
    yield "results.json", results_json(batch)
    yield "grades.csv", grades_csv(batch)
    yield "canvas.csv", canvas(batch)
    yield "moodle.csv", moodle(batch)
    codes = {}
    for submission in batch.submissions:
        name = safe_name(submission.submission)
        executed = notebooks.read(folder, submission.executed)
        codes[submission.submission] = executed.code
        yield f"gradescope/{name}.json", gradescope(submission)
        yield f"students/{name}.html", student_page(batch, submission, executed)
        yield f"instructor/{name}.html", instructor_page(batch, submission, executed)
    yield "report.html", class_page(batch, similar.compare(folder, codes))


def write(batch: BatchResult, out: Path) -> Path:
    """Write all files below `out`, made where it is missing; returns the path of the class report."""
    try:
        for path, text in files(with_overrides(batch, out), out):
            _replace(out / path, text)
    except OSError as error:
        raise UsageError(
            f"{out}: cannot write results here: {error.strerror}; choose another --out"
        ) from None
    return out / "report.html"


def with_overrides(batch: BatchResult, out: Path) -> BatchResult:
    """The batch with the marks that people have set in `out`."""
    return overrides.apply(batch, overrides.read(out))


def keep_template(code: str, out: Path) -> None:
    """Keep the code that all students were given, so that it does not count as copied."""
    _replace(out / similar.TEMPLATE_NAME, code)


def load_results(out: Path) -> BatchResult:
    """Read `out`/results.json back, marks set by hand applied; raises UsageError where there is none or it is damaged."""
    file = out / "results.json"
    try:
        batch = BatchResult.from_json(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UsageError(
            f"{out}: no results.json here; expected a folder that `autograder grade` wrote"
        ) from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"{file}: not valid JSON; grade again, or take it from a backup") from None
    return with_overrides(batch, out)


def _replace(path: Path, text: str) -> None:
    """Write so that a reader, or a killed run, sees the old file or the new one and never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(text.encode("utf-8", "replace"))
    os.replace(draft, path)
