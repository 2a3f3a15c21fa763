"""A changed test is graded again with what it can affect; everything else is kept."""

import shutil
from pathlib import Path

import pytest

from autograder.batch.regrade import broken, changes, merged, stale
from autograder.config import read_course
from autograder.results import QuestionResult, SubmissionResult, TestResult
from autograder.version import assignment_version, question_versions

ROOT = Path(__file__).parents[2]


@pytest.fixture
def course(tmp_path):
    """A copy of the course that can be changed."""
    for name in ("grading.yml", "reference", "assignments", "tests/hidden"):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return tmp_path


def versions(root):
    course = read_course(root)
    return question_versions(course, course.assignment("a1_backprop"))


def changed(root, before):
    return {q for q, version in versions(root).items() if before[q] != version}


@pytest.mark.parametrize(
    ("file", "affected"),
    [
        ("tests/hidden/a1_backprop/q8.py", {"q8", "q9"}),
        ("tests/hidden/a1_backprop/q10.py", {"q10"}),
        ("tests/hidden/a1_backprop/q2.py", {"q2", "q3", "q4", "q5", "q6", "q7", "q9", "q10"}),
        ("tests/hidden/a2_optimizers/q1.py", set()),
        ("reference/backprop.py", {f"q{i}" for i in range(1, 11)}),
        ("assignments/kit/data.py", {f"q{i}" for i in range(1, 11)}),
    ],
)
def test_a_changed_file_affects_what_builds_on_it(course, file, affected):
    """Through error carried forward a question's marks depend on those that it builds on."""
    before = versions(course)
    with (course / file).open("a") as text:
        text.write("\n# changed\n")
    assert changed(course, before) == affected


def test_points_and_limits_count(course):
    before, whole = versions(course), assignment_version(read_course(course), read_course(course).assignment("a1_backprop"))
    text = (course / "grading.yml").read_text()
    (course / "grading.yml").write_text(text.replace("q8: {points: 3, names: [accuracy]}", "q8: {points: 4, names: [accuracy]}"))
    assert changed(course, before) == {"q8", "q9"}
    assert assignment_version(read_course(course), read_course(course).assignment("a1_backprop")) != whole
    (course / "grading.yml").write_text(text.replace("test_s: 10 ", "test_s: 11 "))
    assert changed(course, before) == set(before)


def result(status="graded", **scores) -> SubmissionResult:
    """Questions of two tests, "a" and "b", of one point each."""
    questions = {}
    for q, marks in scores.items():
        tests = [
            TestResult(name=n, status="passed" if m == 1 else "failed", score=m, max_score=1.0) for n, m in zip("ab", marks, strict=True)
        ]
        questions[q] = QuestionResult.of(tests)
    return SubmissionResult.of("ada.ipynb", questions, status=status)


def test_only_outdated_questions_are_stale():
    before = result(q1=(1, 1), q2=(1, 0))
    assert stale(before, {"q1": "x", "q2": "y"}, {"q1": "x", "q2": "z", "q3": "n"}) == ("q2", "q3")
    assert stale(before, {"q1": "x", "q2": "y"}, {"q1": "x", "q2": "y"}) == ()


def test_a_grading_that_ended_early_is_repeated_as_a_whole():
    """Its later questions were never run."""
    before = result(status="timeout", q1=(1, 1), q2=(0, 0))
    assert stale(before, {"q1": "x", "q2": "y"}, {"q1": "x", "q2": "z"}) == ("q1", "q2")
    assert stale(before, {"q1": "x"}, {"q1": "x"}) == ()


def test_kept_and_new_questions_make_one_result():
    """In the order of the assignment; a question that is no more is dropped."""
    before, again = result(q1=(1, 1), q2=(0, 0), q4=(1, 1)), result(q2=(1, 0.5))
    both = merged(before, again, {"q1": "", "q2": "", "q3": ""})
    assert list(both.questions) == ["q1", "q2"]
    assert (both.score, both.max_score) == (3.5, 4)
    assert [(c.question, c.test, c.before, c.after) for c in changes(before, both)] == [
        ("q2", "a", 0, 1), ("q2", "b", 0, 0.5), ("q4", "a", 1, 0), ("q4", "b", 1, 0),
    ]  # fmt: skip


def test_questions_with_a_failed_test_are_broken():
    assert broken(result(q1=(1, 1), q2=(1, 0))) == ("q2",)
