"""grading.yml: what it says, and how a mistake in it is worded."""

from pathlib import Path

import pytest

from autograder.config import find_course, load_course, read_course
from autograder.errors import ConfigError, UsageError

COURSE = """\
course: A course
defaults:
  time_s: 100
  test_s: 10
  workers: 3
assignments:
  first:
    title: The first
    reference: task
    questions:
      q1: {points: 2, names: [f], depends: [q3]}
      q2: {points: 1.5, names: [g]}
      q3: {points: 4, names: [h], depends: [q2]}
    floor: 1
    limits: {test_s: 20}
    gates:
      acc: {value: 0.9, floor: 0.5, dataset: x, seeds: 20, false_fail: 0.001, date: 2025-10-01, device: cpu}
"""


def course(folder: Path, old: str = "", new: str = ""):
    """The course above with `old` replaced by `new`."""
    assert old in COURSE
    (folder / "grading.yml").write_text(COURSE.replace(old, new, 1) if old else COURSE, encoding="utf-8")
    return read_course(folder)


def test_limits_of_an_assignment_are_merged_over_the_defaults(tmp_path):
    """An assignment's own limit wins, else the course's, else the package's."""
    found = course(tmp_path)
    limits = found.assignment("first").limits
    assert (limits.test_s, limits.time_s, limits.cell_s, limits.file_mib) == (20, 100, 60, 50)
    assert found.defaults.workers == 3


def test_paths_lie_in_the_course(tmp_path):
    """Every path is below the folder of grading.yml and follows the layout of the design."""
    found = course(tmp_path)
    first = found.assignment("first")
    places = [
        found.source(first),
        found.reference(first),
        found.misconceptions(first),
        found.hidden_tests(first),
    ]
    places += [found.submissions(first), found.kit]
    assert [str(place.relative_to(tmp_path.resolve())) for place in places] == [
        "assignments/first/first.py",
        "reference/task.py",
        "reference/misconceptions/task.py",
        "tests/hidden/first",
        "tests/submissions/first",
        "assignments/kit",
    ]


def test_questions_come_after_those_they_build_on(tmp_path):
    """`order` and `needs` are topological: a stand-in for q2 is ready before q3 and q1 are graded."""
    first = course(tmp_path).assignment("first")
    assert first.order == ("q2", "q3", "q1")
    assert first.needs("q1") == ("q2", "q3")
    assert first.needs("q2") == ()
    assert first.points == 7.5


def test_everything_is_frozen(tmp_path):
    """A grader that changed its own rules in mid-batch would grade two students differently."""
    first = course(tmp_path).assignment("first")
    with pytest.raises(ValueError, match="frozen"):
        first.questions["q1"].points = 100


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "points: 2",
            "pionts: 2",
            "assignments.first.questions.q1.pionts: unknown key; did you mean 'points'?",
        ),
        ("points: 2", "points: two", "assignments.first.questions.q1.points: expected a number, found 'two'"),
        (
            "points: 2",
            "points: -2",
            "assignments.first.questions.q1.points: expected a value greater than 0, found -2",
        ),
        (
            "points: 2",
            "points: .nan",
            "assignments.first.questions.q1.points: expected a finite number, found nan",
        ),
        ("points: 2", "points: yes", "assignments.first.questions.q1.points: expected a number, found True"),
        ("{points: 2, ", "{", "assignments.first.questions.q1.points: missing; add this key"),
        ("[f]", "f", "assignments.first.questions.q1.names: expected a list (`[one, two]`), found 'f'"),
        ("[f]", "[f-1]", "assignments.first.questions.q1.names[0]: expected a Python name, found 'f-1'"),
        (
            "[f]",
            "[g]",
            "assignments.first.questions.q2.names[0]: 'g' already belongs to q1; a name has one question",
        ),
        ("[q3]", "[q33]", "assignments.first.questions.q1.depends[0]: no question 'q33'; did you mean 'q3'?"),
        (
            "[q2]",
            "[q1]",
            "assignments.first.questions.q1.depends: questions depend on each other: q1 → q3 → q1",
        ),
        ("[q2]", "[q3]", "assignments.first.questions.q3.depends: questions depend on each other: q3 → q3"),
        ("q2:", "2:", "assignments.first.questions[2]: expected a key that is text, found 2"),
        ("floor: 1", "floor: 8", "assignments.first.floor: expected at most 7.5, all points, found 8"),
        (
            "title: The first",
            "name: x",
            "assignments.first.name: unknown key; an assignment's name is its key",
        ),
        ("workers: 3", "worker: 3", "defaults.worker: unknown key; did you mean 'workers'?"),
        ("workers: 3", "workers: 2.5", "defaults.workers: expected a whole number, found 2.5"),
        ("workers: 3", "device: tpu", "defaults.device: expected 'cpu', 'gpu' or 'auto', found 'tpu'"),
        ("time_s: 100", "time_s: [1]", "defaults.time_s: expected a number, found a list"),
        (
            "{test_s: 20}",
            "{test_s: 0}",
            "assignments.first.limits.test_s: expected a value greater than 0, found 0",
        ),
        ("{test_s: 20}", "3", "assignments.first.limits: expected a mapping (`key: value`), found 3"),
        (
            "{test_s: 20}",
            "{x: 1}",
            "assignments.first.limits.x: unknown key; expected one of: time_s, cell_s, test_s",
        ),
        (", seeds: 20", "", "assignments.first.gates.acc.seeds: missing; add this key"),
        (
            "2025-10-01",
            "soon",
            "assignments.first.gates.acc.date: expected a date such as 2025-10-01, found 'soon'",
        ),
        (
            "course: A course",
            "course: A course\nroot: /",
            "root: unknown key; the course is the folder of grading.yml",
        ),
        ("  test_s: 10", "  time_s: 10", "line 4: key 'time_s' is already set on line 3; keep one"),
        ("  test_s: 10", "  ? [a]\n  : 1", "line 4: expected a plain key, found a list or mapping"),
        ("[f]", "[f", "line 11: not valid YAML:"),
        (COURSE, "- a list", "top level: expected a mapping (`key: value`), found something else"),
        (COURSE, "", "top level: expected a mapping (`key: value`), found something else"),
        (COURSE, "course: x", "assignments: missing; add this key"),
        (COURSE, "course: x\nassignments: {}", "assignments: expected at least one entry, found a mapping"),
        (
            COURSE,
            "course: x\nassignments: {a: }",
            "assignments.a: expected a mapping (`key: value`), found nothing",
        ),
    ],
)
def test_a_mistake_names_key_expected_and_found(tmp_path, old, new, message):
    """One line: the file, the key's path, what was expected, what was found."""
    with pytest.raises(UsageError) as caught:
        course(tmp_path, old, new)
    assert str(caught.value).startswith(f"grading.yml: {message}")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_bytes_that_are_no_text_are_a_mistake_too(tmp_path):
    """A grading.yml saved in another encoding is named as such."""
    (tmp_path / "grading.yml").write_bytes(b"course: \xff\xfe")
    with pytest.raises(ConfigError, match="expected YAML in UTF-8"):
        read_course(tmp_path)


def test_a_course_is_found_upwards(tmp_path, monkeypatch):
    """From any folder inside the course; outside of one the message says what to do."""
    inner = tmp_path / "assignments" / "first"
    inner.mkdir(parents=True)
    with pytest.raises(UsageError, match="no grading.yml in .* or above it; .*--course DIR"):
        find_course(inner)
    course(tmp_path)
    monkeypatch.chdir(inner)
    assert load_course().root == find_course(inner) == tmp_path.resolve()
    with pytest.raises(UsageError, match=r"no grading\.yml in .*expected the folder of a course"):
        read_course(inner)


def test_an_unknown_assignment_gets_a_suggestion(tmp_path):
    """`autograder grade frist` says what there is."""
    found = course(tmp_path)
    with pytest.raises(UsageError, match="no assignment 'frist'; did you mean 'first'"):
        found.assignment("frist")


def test_the_course_of_this_repository_is_valid():
    """Its points add up as the assignments' page says: 50 each for the first two."""
    found = load_course(Path(__file__).parent)
    assert found.assignment("a1_backprop").points == found.assignment("a2_optimizers").points == 50
