"""Files for Canvas and Moodle, read as their importers read them."""

import csv
import io

import pytest

from autograder.report.gradebooks import Student, canvas, moodle, student_of
from autograder.results import BatchResult, QuestionResult, SubmissionResult, TestResult

CANVAS = "lovelaceada_12345_67890_notebook.ipynb"
MOODLE = "Ada Lovelace_777_assignsubmission_file_/notebook.ipynb"


@pytest.mark.parametrize(
    ("name", "student"),
    [
        (CANVAS, Student("12345", "lovelaceada")),
        ("lovelaceada_LATE_12345_67890_my_notebook-2.ipynb", Student("12345", "lovelaceada")),
        ("week 3/lovelaceada_12345_67890_notebook.ipynb", Student("12345", "lovelaceada")),
        (MOODLE, Student("777", "Ada Lovelace")),
        ("Ada Lovelace_777_assignsubmission_file_nb.ipynb", Student("777", "Ada Lovelace")),
        ("sub/Jörg_Müller_8_assignsubmission_file/a1.ipynb", Student("8", "Jörg_Müller")),
        ("ada.ipynb", Student("", "ada")),
        ("ada/notebook.ipynb", Student("", "ada/notebook")),
        ("ada_1.ipynb", Student("", "ada_1")),
        ("/", Student("", "/")),
    ],
)
def test_the_student_is_read_from_the_platforms_own_names(name, student):
    """Names as the platforms write them give the identifier; others give none."""
    assert student_of(name) == student


@pytest.fixture
def batch() -> BatchResult:
    """One from each platform, one from neither, one that the grader failed on."""
    lost = TestResult(name="shape", status="failed", score=0.5, max_score=2.0, message="Compare x < 1.", detail="SECRET")
    questions = {"q1": QuestionResult.of([lost])}
    return BatchResult(
        assignment="a1",
        version="v",
        title="Backprop",
        submissions=(
            SubmissionResult.of(CANVAS, questions),
            SubmissionResult.of(MOODLE, questions),
            SubmissionResult.of("=cmd.py", questions),
            SubmissionResult(submission="b_9_9_x.py", status="grader_error", score=0.0, max_score=2.0),
        ),
    )


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_canvas_finds_what_it_looks_for(batch):
    """Header by position, the points row, the id as a number, an empty mark where there is none."""
    header, possible, *students = rows_of(canvas(batch))
    assert "Student" in header[0]
    assert "ID" in header[1]
    assert header[2:5] == ["SIS User ID", "SIS Login ID", "Section"]
    assert header[5:] == ["Backprop"]
    assert "Points Possible" in possible[0]
    assert possible[5] == "2"
    assert [(row[0], row[1], row[5]) for row in students] == [
        ("lovelaceada", "12345", "0.5"),
        ("Ada Lovelace", "777", "0.5"),
        ("'=cmd", "", "0.5"),
        ("b", "9", ""),
    ]
    assert {len(row) for row in [header, possible, *students]} == {6}


def test_moodle_finds_what_it_looks_for(batch):
    """The three columns that its importer insists on, participants by number, feedback without details or tags."""
    rows = list(csv.DictReader(io.StringIO(moodle(batch))))
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= set(rows[0])
    assert [(r["Identifier"], r["Grade"]) for r in rows] == [
        ("Participant 12345", "0.5"),
        ("Participant 777", "0.5"),
        ("Participant 9", ""),
    ]
    assert rows[0]["Feedback comments"] == "q1, shape: Compare x ‹ 1."
    assert "SECRET" not in moodle(batch)
