"""The child of `stock`: run plain otter on one submission and write what it found as JSON.

    python -m autograder.otterbridge.stock_child autograder.zip submission result.json

A result in which no test is passed is written before the submission is touched: that is what stands if this
process is killed. It ends in os._exit, as otter leaves a thread behind when a kernel dies.
"""

import json
import os
import re
import sys
import tempfile
import traceback
import zipfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient.exceptions import DeadKernelError
from otter.api import grade_submission
from otter.run.run_autograder.utils import OtterRuntimeError
from otter.test_files import TestFile
from otter.test_files.abstract_test import TestCase, TestCaseResult

from autograder.errors import UsageError
from autograder.otterbridge.package import Package, open_package

# Text that a test's author meant for students.
WORDED = re.compile(r"^CheckFailed: (.*)", re.MULTILINE | re.DOTALL)
# "otter" is the grader here: what it cannot do costs nobody marks.
NOT_DONE = {"status": "grader_error", "message": "Grading did not get to its end."}


def main(autograder_zip: Path, submission: Path, answer: Path) -> None:
    """Grade and write; every end is a result, but for a fault of the grader itself."""
    try:
        package = open_package(autograder_zip, Path(tempfile.mkdtemp()))
        untested = [test.load() for test in package.tests]
    except UsageError as error:
        _write(answer, {"usage_error": str(error)})
        return
    not_graded = _found(package, untested)
    _write(answer, not_graded | NOT_DONE)
    try:
        notebook = _as_otter_wants_it(submission, package)
    except Exception as error:  # whatever nbformat and jupytext raise for a file that is no notebook
        message = f"This file cannot be read as a notebook ({type(error).__name__})."
        _write(answer, not_graded | {"status": "unreadable", "message": message, "detail": str(error)})
        return
    try:
        _write(answer, not_graded | _graded(package, notebook, autograder_zip))
    except Exception:
        _write(answer, not_graded | NOT_DONE | {"detail": traceback.format_exc()})


def _graded(package: Package, notebook: Path, autograder_zip: Path) -> dict[str, Any]:
    """Let otter grade; returns what differs from a result without marks."""
    try:
        results = grade_submission(str(notebook), str(autograder_zip), quiet=True)
    except OtterRuntimeError as error:  # a notebook of another assignment, or a zip file without one
        return {"status": "unreadable", "message": f"{error}.".replace("..", ".")}
    except (zipfile.BadZipFile, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        message = "There is no readable notebook in it."
        return {"status": "unreadable", "message": message, "detail": str(error)}
    except DeadKernelError as error:
        message = "The notebook's process ended before the last cell."
        return {"status": "crashed", "message": message, "detail": str(error)}
    if results.has_catastrophic_failure():
        detail = repr(results.catastrophic_error)
        return {"status": "crashed", "message": "The notebook left no result behind.", "detail": detail}
    return _found(package, list(results.results.values()))


def _as_otter_wants_it(submission: Path, package: Package) -> Path:
    """Copy a submission to where otter may have it: scripts as notebooks, with a kernel that exists here."""
    target = Path(tempfile.mkdtemp()) / re.sub(r"[^\w.-]", "_", submission.name)
    if submission.suffix == ".zip":
        target.write_bytes(submission.read_bytes())
        return target
    if submission.suffix == ".py":
        notebook = jupytext.reads(submission.read_text(encoding="utf-8"), fmt="py:percent")
        if package.config.assignment_name:  # a script cannot say which assignment it is for
            notebook.metadata["otter"] = {"assignment_name": package.config.assignment_name}
    else:
        notebook = nbformat.read(submission, as_version=4)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    target = target.with_suffix(".ipynb")
    nbformat.write(notebook, target)
    return target


def _found(package: Package, tests: list[TestFile]) -> dict[str, Any]:
    """Otter's results in the shape of `SubmissionResult`, questions in the order of the package."""
    questions = {test.name: _question(test) for test in tests}
    order = {test.path.stem: i for i, test in enumerate(package.tests)}
    in_order = sorted(tests, key=lambda test: order.get(Path(test.path).stem, len(order)))
    score, best = package.final_score(sum(test.score for test in tests), sum(test.possible for test in tests))
    return {
        "status": "graded",
        "message": "",
        "detail": "",
        "score": float(score),
        "max_score": float(best),
        "questions": {test.name: questions[test.name] for test in in_order},
    }


def _question(test: TestFile) -> dict[str, Any]:
    lost_together = test.all_or_nothing and not test.passed_all
    results = test.test_case_results or [TestCaseResult(case, "", False) for case in test.test_cases]
    tests = [_test(result, lost_together) for result in results]
    score = test.score if test.test_case_results else 0
    return {"score": float(score), "max_score": float(test.possible), "tests": tests}


def _test(result: TestCaseResult, lost_together: bool) -> dict[str, Any]:
    case: TestCase = result.test_case
    needs_all = result.passed and lost_together
    return {
        "name": case.name,
        "status": "passed" if result.passed else "failed",
        "score": float(case.points) if result.passed and not lost_together else 0.0,
        "max_score": float(case.points),
        "message": _message(case, result),
        "detail": "" if result.passed else result.message,
        "note": "all tests of this question have to pass for its points" if needs_all else "",
    }


def _message(case: TestCase, result: TestCaseResult) -> str:
    """What the student may read: authored text, and otter's own words where the test is public anyway."""
    if result.passed:
        return case.success_message or ""
    worded = WORDED.search(result.message)
    said = worded[1] if worded else "" if case.hidden else result.message
    return " ".join(part.strip() for part in (case.failure_message or "", said) if part.strip())


def _write(path: Path, found: dict[str, Any]) -> None:
    """Write all or nothing, since the reader may kill this process at any time."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(found), encoding="utf-8")
    unfinished.replace(path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
    sys.stdout.flush()
    os._exit(0)
