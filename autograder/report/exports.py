"""Results as files for other programs: results.json, grades.csv and Gradescope's results format."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from autograder.report.text import VERDICT_WORDS, feedback, status_message, visible
from autograder.results import SCORE_DIGITS, BatchResult, SubmissionResult, TestResult, points

__all__ = ["csv_text", "grades_csv", "gradescope", "results_json"]

# A spreadsheet runs a cell that starts with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def results_json(batch: BatchResult) -> str:
    """The whole batch, for programs and for `autograder report`; it holds instructors' details."""
    return _json(batch.to_json())


def grades_csv(batch: BatchResult) -> str:
    """One row a submission: submission, status, score, max_score and a column per question."""
    return csv_text(batch.csv_rows())


def csv_text(rows: Iterable[Iterable[str]]) -> str:
    """Comma-separated values that a spreadsheet shows and never runs."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_cell(text) for text in row] for row in rows)
    return out.getvalue()


def gradescope(submission: SubmissionResult) -> str:
    """results.json of a Gradescope autograder, all of it visible to the student.

    The total is given, so Gradescope does not add up the tests, which keep the grader's marks where a person has
    set others.
    Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/ ("Output format").
    """
    by_hand = [
        f"{q}: {points(result.score)} of {points(result.max_score)} points, set by your instructor."
        for q, result in submission.questions.items()
        if result.override
    ]
    notes = [status_message(submission), *by_hand, *submission.notes]
    return _json(
        {
            "score": round(submission.score, SCORE_DIGITS),
            "execution_time": round(submission.seconds),
            "output": visible("\n".join(note for note in notes if note)),
            "output_format": "text",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "tests": [
                _gradescope_test(f"{q}.{number}", q, test)
                for q, question in submission.questions.items()
                for number, test in enumerate(question.tests, start=1)
            ],
        }
    )


def _gradescope_test(number: str, q: str, test: TestResult) -> dict[str, Any]:
    """Gradescope knows passed and failed only; what was not run or not graded says so in its output."""
    verdict = "" if test.status in ("passed", "failed") else f"{VERDICT_WORDS[test.status]}. "
    return {
        "number": number,
        "name": visible(f"{q}: {test.name}"),
        "name_format": "text",
        "score": round(test.score, SCORE_DIGITS),
        "max_score": round(test.max_score, SCORE_DIGITS),
        "status": "passed" if test.status == "passed" else "failed",
        "output": verdict + feedback(test),
        "output_format": "text",
        "visibility": "visible",
        "tags": [test.misconception] if test.misconception else [],
    }


def _cell(text: str) -> str:
    """Text that a spreadsheet shows and never runs."""
    text = visible(text)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
