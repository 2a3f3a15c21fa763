"""The result objects and the shape of results.json."""

import json

import pytest

from autograder.errors import UsageError
from autograder.results import BatchResult, QuestionResult, SubmissionResult, TestResult, points


def a_test(status="passed", score=1.0, max_score=1.0, **more) -> TestResult:
    return TestResult(name="a case", status=status, score=score, max_score=max_score, **more)


def a_batch(**questions: QuestionResult) -> BatchResult:
    submission = SubmissionResult.of("ada.ipynb", questions, seconds=1.23456)
    return BatchResult(assignment="a1", version="v1", submissions=(submission,))


def test_json_has_the_shape_of_the_design():
    """Programs rely on these keys; more may be there."""
    lost = a_test("failed", 0.0, 3.0, message="Look again.", misconception="l2_gradient_without_factor_two")
    data = a_batch(q5=QuestionResult.of([lost, a_test(score=3.0, max_score=3.0)])).to_json()
    assert {"assignment": "a1", "version": "v1"}.items() <= data.items()
    (submission,) = data["submissions"]
    assert {
        "submission": "ada.ipynb", "status": "graded", "score": 3.0, "max_score": 6.0, "seconds": 1.235
    }.items() <= submission.items()  # fmt: skip
    question = submission["questions"]["q5"]
    assert (question["score"], question["max_score"]) == (3.0, 6.0)
    assert {
        "name": "a case", "status": "failed", "score": 0.0, "max_score": 3.0, "message": "Look again.",
        "misconception": "l2_gradient_without_factor_two",
    }.items() <= question["tests"][0].items()  # fmt: skip


def test_json_reads_back_to_the_same_batch():
    """`autograder report` sees what `autograder grade` saw."""
    batch = a_batch(q1=QuestionResult.of([a_test(detail="d", note="n", explanation="e", finding="f")]))
    again = BatchResult.from_json(json.loads(json.dumps(batch.to_json())))
    assert again.to_json() == batch.to_json()
    assert isinstance(again.submissions[0].questions["q1"].tests[0], TestResult)


def test_results_of_another_version_are_read():
    """What an older one did not know is empty, and what a newer one adds is left out."""
    batch = a_batch(q1=QuestionResult.of([a_test()]))
    data = batch.to_json()
    test = data["submissions"][0]["questions"]["q1"]["tests"][0]
    del test["finding"]
    test["later"] = [1]
    assert BatchResult.from_json(data).to_json() == batch.to_json()


def test_scores_are_rounded_only_where_they_are_written():
    """Three thirds are a whole point, and 0.1 + 0.2 is written as 0.3."""
    thirds = QuestionResult.of([a_test(score=1 / 3, max_score=1 / 3)] * 3)
    assert thirds.score == pytest.approx(1.0, abs=1e-15)
    data = a_batch(q1=QuestionResult.of([a_test(score=0.1), a_test(score=0.2)])).to_json()
    assert data["submissions"][0]["score"] == 0.3
    assert data["submissions"][0]["questions"]["q1"]["score"] == 0.3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "results.json: top level: "),
        ({"assignment": "a1"}, "results.json: version: Field required"),
        (
            {"assignment": "a", "version": "v", "submissions": [{}]},
            "results.json: submissions.0.submission: ",
        ),
    ],
)
def test_a_damaged_file_is_one_clear_line(data, message):
    """A results.json that someone edited names the place."""
    with pytest.raises(UsageError) as caught:
        BatchResult.from_json(data)
    assert str(caught.value).startswith(message)


def test_passed_means_all_marks_of_a_graded_submission():
    """A time-out with all marks is not a pass, nor are passed tests that earned nothing (all-or-nothing)."""
    full = QuestionResult.of([a_test()])
    assert SubmissionResult.of("a", {"q1": full}).passed
    assert not SubmissionResult.of("a", {"q1": full}, status="timeout").passed
    assert not SubmissionResult.of("a", {"q1": QuestionResult.of([a_test(score=0.0)])}).passed
    assert not SubmissionResult.of("a", {}).passed


def test_what_needs_a_human():
    """Unusual ends and tests the grader could not run; a plain wrong answer does not."""
    wrong, broken = a_test("failed", 0.0), a_test("grader_error", 0.0)
    assert not SubmissionResult.of("a", {"q1": QuestionResult.of([wrong])}).needs_human
    assert SubmissionResult.of("a", {"q1": QuestionResult.of([broken])}).needs_human
    assert SubmissionResult.of("a", {}, status="unreadable").needs_human


def test_the_first_message_is_the_end_of_the_submission_else_the_first_lost_test():
    """The one line of the table says the most important thing."""
    question = QuestionResult.of([a_test(message="fine"), a_test("failed", 0.0, message="Look here.")])
    assert SubmissionResult.of("a", {"q1": question}).first_message == "Look here."
    assert SubmissionResult.of("a", {"q1": question}, message="Out of time.").first_message == "Out of time."
    assert SubmissionResult.of("a", {}).first_message == ""


def test_csv_rows_leave_missing_questions_empty():
    """An unreadable notebook has no question marks; zero would be a lie."""
    batch = a_batch(q1=QuestionResult.of([a_test(score=0.5)]), q2=QuestionResult.of([a_test()]))
    unreadable = SubmissionResult(submission="bob.ipynb", status="unreadable", score=0.0, max_score=2.0)
    batch = BatchResult(assignment="a1", version="v1", submissions=(*batch.submissions, unreadable))
    assert batch.csv_rows() == [
        ["submission", "status", "score", "max_score", "q1", "q2"],
        ["ada.ipynb", "graded", "1.5", "2", "0.5", "1"],
        ["bob.ipynb", "unreadable", "0", "2", "", ""],
    ]


@pytest.mark.parametrize(
    ("score", "text"),
    [(41.5, "41.5"), (0.1 + 0.2, "0.3"), (50.0, "50"), (100.0, "100"), (-0.0, "0"), (2 / 3, "0.67")],
)
def test_points_are_written_for_people(score, text):
    """At most two decimals and no trailing zeros."""
    assert points(score) == text
