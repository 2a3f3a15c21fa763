"""A new assignment: laid out whole, in a course that exists or not, and never over something else."""

import ast
import runpy
from types import SimpleNamespace

import numpy as np
import pytest

from autograder.config import read_course
from autograder.errors import UsageError
from autograder.misconceptions import misconceptions_of
from autograder.new import create
from autograder.otterbridge.master import handed_out_code
from autograder.otterbridge.stubs import Reference


def test_an_empty_folder_becomes_a_course(tmp_path):
    """Everything that the course promises is there, parses, and has no placeholder left."""
    made = create(tmp_path, "a12_layer_norm", "")
    course = read_course(tmp_path)
    assignment = course.assignment("a12_layer_norm")
    assert (assignment.title, assignment.reference, assignment.points) == ("Layer norm", "layer_norm", 4.0)
    places = (course.source, course.reference, course.misconceptions)
    assert all(place(assignment) in made for place in places)
    assert [p.name for p in course.hidden_tests(assignment).iterdir()] == ["q1.py"]
    assert {p.name for p in course.submissions(assignment).iterdir()} == {"correct_loops.py", "wrong_whole_array.py"}
    for path in made:
        text = path.read_text(encoding="utf-8")
        assert "@" not in text.replace("@misconception", "").replace("@test_case", "").replace(" @ ", "")
        if path.suffix == ".py":
            ast.parse(text)
    code = handed_out_code(course.source(assignment), Reference(course.reference(assignment)))
    assert "def standardise" in code
    assert "spread" not in code


def test_the_wrong_variants_are_wrong_and_the_right_ones_right(tmp_path):
    """The oracle of the hidden test agrees with the reference and with the right submission, and with no slip."""
    create(tmp_path, "a1_topic", "Topic")

    def loaded(place: str) -> SimpleNamespace:
        return SimpleNamespace(**runpy.run_path(str(tmp_path / place)))

    x = np.array([[1.0, 5.0, 30.0], [2.0, 5.0, 10.0], [6.0, 5.0, -40.0]])
    oracle = loaded("tests/hidden/a1_topic/q1.py").expected(x)
    right = loaded("reference/topic.py"), loaded("tests/submissions/a1_topic/correct_loops.py")
    for module in right:
        np.testing.assert_allclose(module.standardise(x), oracle, atol=1e-12)
    slips = misconceptions_of(loaded("reference/misconceptions/topic.py"))
    assert len(slips) == 3
    wrong = [slip.function for slip in slips]
    wrong.append(loaded("tests/submissions/a1_topic/wrong_whole_array.py").standardise)
    assert not any(np.allclose(function(x), oracle) for function in wrong)


def test_a_course_keeps_its_comments_and_its_files(tmp_path):
    """The second assignment is one entry more; what the first has written stays as it is."""
    create(tmp_path, "a1_topic", "Topic")
    file = tmp_path / "grading.yml"
    before = file.read_text(encoding="utf-8").replace("My course", "Deep learning  # winter")
    file.write_text(before, encoding="utf-8")
    made = create(tmp_path, "a2_other", "Other: more")
    after = file.read_text(encoding="utf-8")
    assert after.startswith(before)
    assert list(read_course(tmp_path).assignments) == ["a1_topic", "a2_other"]
    assert read_course(tmp_path).assignment("a2_other").title == "Other: more"
    assert tmp_path / "assignments/requirements.txt" not in made


@pytest.mark.parametrize(
    ("name", "title", "message"),
    [
        ("A1 topic", "", "expected a name of lower-case letters"),
        ("../x", "", "expected a name of lower-case letters"),
        ("class", "", "expected a name of lower-case letters"),
        ("a1_for", "", "expected a word behind the number"),
        ("a1_2", "", "expected a word behind the number"),
        ("a2_topic", 'a"""b', "expected one line of text without double quotes"),
        ("a2_topic", "a\nb", "expected one line of text without double quotes"),
        ("a1_topic", "", "there is an assignment a1_topic already"),
        ("a2_topic", "", r"topic\.py: exists already; choose another name than a2_topic"),
    ],
)
def test_nothing_is_overwritten_and_nothing_half_made(tmp_path, name, title, message):
    """A name that cannot be, or is taken, changes no file."""
    create(tmp_path, "a1_topic", "Topic")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(UsageError, match=message):
        create(tmp_path, name, title)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
