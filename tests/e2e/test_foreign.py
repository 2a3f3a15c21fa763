"""Assignments that plain ``otter assign`` made: any autograder.zip can be graded, doctest or exception format."""

from pathlib import Path

import pytest

from autograder.batch import grade
from autograder.otterbridge.stock import grade_stock
from autograder.results import BatchResult


def isolated(archive: Path, submission: Path, out: Path) -> BatchResult:
    """Grade as ``autograder grade archive.zip submission`` does."""
    return grade(
        None, archive, [submission], out,
        workers=1, device="cpu", mode="isolated", require_sandbox=False, fresh=True, on_event=lambda _: None,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["weather", "words"])
@pytest.mark.parametrize("submission", ["correct", "wrong"])
def test_scores_equal_plain_otters(otter_zip, otter_submission, tmp_path, name, submission):
    """Both formats get plain otter's score, question by question, and questions are named as the tests are."""
    path = otter_submission(name, submission)
    (ours,) = isolated(otter_zip(name), path, tmp_path).submissions
    theirs = grade_stock(otter_zip(name), path, time_s=120)
    assert ours.status == "graded"
    assert {q: r.score for q, r in ours.questions.items()} == {q: r.score for q, r in theirs.questions.items()}
    assert ours.max_score == theirs.max_score
    assert (ours.score == ours.max_score) == (submission == "correct")


def test_what_ran_in_the_students_process_says_so(otter_zip, tmp_path):
    """A doctest that needs the real object runs beside it, and its mark is marked as forgeable."""
    from autograder.otterbridge.archive import write_zip

    doctest = '''OK_FORMAT = True
test = {"name": "q1", "points": 2, "suites": [{"cases": [
    {"code": ">>> type(thing).__name__\\n'Thing'", "hidden": False, "locked": False},
    {"code": ">>> number + 1\\n4", "hidden": False, "locked": False},
], "scored": True, "setup": "", "teardown": "", "type": "doctest"}]}
'''
    archive = tmp_path / "own.zip"
    write_zip(archive, {"tests/q1.py": doctest.encode(), "otter_config.json": b"{}"})
    submission = tmp_path / "ada.py"
    submission.write_text("# %%\nclass Thing:\n    pass\n\n\nthing, number = Thing(), 3\n")
    (result,) = isolated(archive, submission, tmp_path / "out").submissions
    real, plain = result.questions["q1"].tests
    assert (real.status, plain.status) == ("passed", "passed")
    assert "could be forged" in real.note
    assert plain.note == ""
