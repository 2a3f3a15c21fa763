"""Marks set by people: journaled, kept across regrades, taken back, shown to whom they concern."""

import csv
import io
import json

import pytest

from autograder import overrides, report
from autograder.errors import UsageError
from autograder.overrides import Decision, apply
from autograder.results import BatchResult, QuestionResult, SubmissionResult, TestResult


def a_decision(score=4.0, question="q2", submission="ada.ipynb", **more) -> Decision:
    base = {"reason": "read by hand", "author": "Grace", "time": "2026-01-02T03:04:05+00:00", "seen": 1.0}
    return Decision(submission=submission, question=question, score=score, **{**base, **more})


def a_question(score: float, max_score: float = 6.0) -> QuestionResult:
    status = "passed" if score == max_score else "failed"
    return QuestionResult.of([TestResult(name="t", status=status, score=score, max_score=max_score)])


@pytest.fixture
def batch() -> BatchResult:
    """One submission with lost marks, one that could not be read."""
    return BatchResult(
        assignment="a1",
        version="v1",
        submissions=(
            SubmissionResult.of("ada.ipynb", {"q1": a_question(6.0), "q2": a_question(1.0)}),
            SubmissionResult(submission="x.ipynb", status="unreadable", score=0.0, max_score=12.0),
        ),
    )


def test_the_last_decision_counts_and_changes_the_total(batch):
    """Score of the question and of the submission; the grader's mark stays beside it."""
    ada = apply(batch, [a_decision(2.0), a_decision(4.0)]).submissions[0]
    assert (ada.score, ada.questions["q2"].score) == (10.0, 4.0)
    assert ada.questions["q2"].override.graded == 1.0
    assert not ada.questions["q2"].override.is_stale
    assert not ada.passed
    assert apply(batch, [a_decision(6.0)]).submissions[0].passed


def test_to_apply_twice_is_to_apply_once(batch):
    """Results read back hold overrides already; they are not added up."""
    once = apply(batch, [a_decision()])
    assert apply(once, [a_decision()]) == once
    again = BatchResult.from_json(json.loads(json.dumps(once.to_json())))
    assert apply(again, [a_decision()]).to_json() == once.to_json()


def test_what_is_taken_back_leaves_no_trace(batch):
    """`--remove` gives the grader's marks back, also in results that hold the override."""
    decisions = [a_decision(), a_decision(None)]
    assert apply(batch, decisions) == batch
    assert apply(apply(batch, [a_decision()]), decisions) == batch
    unread = [a_decision(submission="x.ipynb", seen=0.0), a_decision(None, submission="x.ipynb")]
    assert apply(apply(batch, unread[:1]), unread) == batch


def test_a_question_that_was_never_graded_can_get_a_mark(batch):
    """An unreadable file, marked by hand."""
    unread = apply(batch, [a_decision(submission="x.ipynb", seen=0.0)]).submissions[1]
    assert (unread.score, unread.max_score, unread.questions["q2"].score) == (4.0, 12.0, 4.0)


def test_a_scaled_total_stays_scaled(batch):
    """Where an autograder.zip counts 12 points of tests as 24, four more points are eight."""
    (ada, other) = batch.submissions
    from dataclasses import replace

    scaled = replace(batch, submissions=(replace(ada, score=14.0, max_score=24.0), other))
    assert apply(scaled, [a_decision(5.0)]).submissions[0].score == 22.0


def test_a_mark_of_another_hand_in_is_stale(batch):
    """The grader gives another mark than the person saw: look again."""
    assert apply(batch, [a_decision(seen=0.0)]).submissions[0].questions["q2"].override.is_stale


def test_the_file_keeps_every_decision(tmp_path):
    """One line each, in order; reading gives them back; a damaged line is named."""
    made = [a_decision(2.0), a_decision(None, reason="a mistake\nof mine")]
    for decision in made:
        overrides.add(tmp_path, decision)
    assert overrides.read(tmp_path) == tuple(made)
    with (tmp_path / overrides.FILE_NAME).open("a", encoding="utf-8") as file:
        file.write('{"submission": \n')
    with pytest.raises(UsageError, match="line 3 is damaged"):
        overrides.read(tmp_path)


@pytest.mark.parametrize(
    ("question", "score", "message"),
    [
        ("q9", 1.0, "no question 'q9' in a1; there are: q1, q2"),
        ("q2", 7.0, "expected 0 to 6 for q2, got 7"),
        ("q2", -1.0, "expected 0 to 6 for q2, got -1"),
        ("q2", float("nan"), "expected 0 to 6 for q2, got nan"),
    ],
)
def test_a_mark_that_cannot_be_is_refused(batch, question, score, message):
    """Expected and got, before anything is written."""
    with pytest.raises(UsageError, match=message):
        overrides.decide(batch, batch.submissions[0], question, score, "")


def test_a_decision_knows_who_when_and_what_was_there(batch):
    """Author from git or the system, time in UTC, the grader's mark also if an override hides it."""
    hidden = apply(batch, [a_decision(6.0)])
    made = overrides.decide(hidden, hidden.submissions[0], "q2", 3.0, "why")
    assert made.author
    assert made.time.endswith("+00:00")
    assert (made.seen, made.score, made.reason) == (1.0, 3.0, "why")


def test_everything_that_is_written_holds_the_new_mark(batch, tmp_path):
    """results.json, grades.csv, Gradescope and pages; the reason is for instructors only."""
    overrides.add(tmp_path, a_decision(4.0, reason="read by hand <b>"))
    report.write(batch, tmp_path)
    found = report.load_results(tmp_path).submissions[0]
    assert (found.score, found.questions["q2"].override.reason) == (10.0, "read by hand <b>")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text(encoding="utf-8"))))
    assert (rows[0]["score"], rows[0]["q2"]) == ("10", "4")
    gradescope = json.loads((tmp_path / "gradescope/ada.ipynb.json").read_text(encoding="utf-8"))
    assert gradescope["score"] == 10.0
    assert "q2: 4 of 6 points, set by your instructor." in gradescope["output"]
    holding = {
        p.relative_to(tmp_path).as_posix()
        for p in tmp_path.rglob("*")
        if p.is_file() and "read by hand" in p.read_text(encoding="utf-8")
    }
    assert holding == {"overrides.jsonl", "results.json", "report.html", "instructor/ada.ipynb.html"}
    student = (tmp_path / "students/ada.ipynb.html").read_text(encoding="utf-8")
    assert "set by your instructor" in student
    assert "Grace" not in student
