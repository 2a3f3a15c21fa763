"""Plain otter on assignments that otter assign made, in both formats of test files."""

import time

import psutil
import pytest

from autograder.errors import UsageError
from autograder.otterbridge.stock import grade_stock


@pytest.mark.parametrize(
    ("assignment", "submission", "scores"),
    [
        ("weather", "correct", {"q1": 2, "q2": 3, "q3": 2}),
        ("weather", "wrong", {"q1": 1, "q2": 0, "q3": 0}),
        ("words", "correct", {"q1": 3, "q2": 4, "q3": 2}),
        ("words", "wrong", {"q1": 2, "q2": 2, "q3": 0}),
    ],
)
def test_scores_are_otters(otter_zip, otter_submission, assignment, submission, scores):
    """Points per case, points as a list, all or nothing and a seed variable count as otter counts them."""
    result = grade_stock(otter_zip(assignment), otter_submission(assignment, submission), 60)
    assert result.status == "graded"
    assert {q: question.score for q, question in result.questions.items()} == scores
    assert result.score == sum(scores.values())
    assert result.max_score == {"weather": 7, "words": 9}[assignment]


def test_messages_are_authored_and_details_are_for_instructors(otter_zip, otter_submission):
    """A hidden test shows what its author wrote and no source; a public one may show all."""
    tests = grade_stock(otter_zip("words"), otter_submission("words", "wrong"), 60).questions["q1"].tests
    assert [test.status for test in tests] == ["passed", "failed", "passed"]
    assert tests[0].message == "Words are counted."
    assert tests[1].message == "Is a word with a capital letter another word?"
    assert "AssertionError" in tests[1].detail


def test_all_or_nothing_says_so(otter_zip, otter_submission):
    """A passed test without points is explained."""
    tests = grade_stock(otter_zip("weather"), otter_submission("weather", "wrong"), 60).questions["q3"].tests
    assert [(test.status, test.score) for test in tests] == [("passed", 0), ("failed", 0)]
    assert "all tests" in tests[0].note


def script(tmp_path, code, name="submission.py"):
    path = tmp_path / name
    path.write_text(code)
    return path


def test_a_time_out_kills_everything_that_was_started(otter_zip, tmp_path):
    """The endless kernel and its children go, and the tests are listed as lost."""
    endless = script(tmp_path, "import subprocess\nsubprocess.Popen(['sleep', '98765'])\nwhile True: pass\n")
    started = time.monotonic()
    result = grade_stock(otter_zip("words"), endless, 8)
    assert time.monotonic() - started < 15
    assert (result.status, result.score, result.max_score) == ("timeout", 0, 9)
    assert [len(question.tests) for question in result.questions.values()] == [3, 2, 1]
    assert not [p for p in psutil.process_iter(["cmdline"]) if "98765" in (p.info["cmdline"] or [])]


def test_a_dead_kernel_is_the_students_doing(otter_zip, tmp_path):
    """`os._exit` in a cell ends the notebook, not the grader."""
    result = grade_stock(otter_zip("words"), script(tmp_path, "import os\nos._exit(0)\n"), 60)
    assert (result.status, result.score, result.max_score) == ("crashed", 0, 9)


@pytest.mark.parametrize("name", ["no.ipynb", "no.zip"])
def test_an_unreadable_submission_is_no_fault_of_the_grader(otter_zip, tmp_path, name):
    """Truncated JSON and a zip file that is none cost the points, not the batch."""
    result = grade_stock(otter_zip("words"), script(tmp_path, '{"cells": [', name), 60)
    assert (result.status, result.score, result.max_score) == ("unreadable", 0, 9)


def test_a_zip_without_tests_is_refused(tmp_path):
    """Bad input of the instructor is one clear line."""
    with pytest.raises(UsageError, match="not a readable zip file"):
        grade_stock(script(tmp_path, "x", "autograder.zip"), script(tmp_path, "x = 1"), 60)
