"""Assignments that plain otter made: graded over handles where they can be, and scored as plain otter does."""

import json
import textwrap
from pathlib import Path

import pytest

from autograder.batch import grade
from autograder.otterbridge.archive import write_zip
from autograder.otterbridge.stock import grade_stock

SHARED = "ran in the student's process"


@pytest.fixture(scope="module")
def marks(tmp_path_factory):
    """A function: autograder.zip, paths -> results of the isolated mode by name."""

    def run(archive: Path, *paths: Path):
        out = tmp_path_factory.mktemp("out")
        batch = grade(
            None, archive, paths, out, workers=1, device="cpu", mode="isolated",
            require_sandbox=False, fresh=False, on_event=lambda event: None,
        )  # fmt: skip
        return {s.submission: s for s in batch.submissions}

    return run


def shape(result) -> dict:
    """What two ways of grading must agree in."""
    tests = {
        q: [(t.name, t.status, t.score, t.max_score) for t in r.tests] for q, r in result.questions.items()
    }
    return {"status": result.status, "score": result.score, "max_score": result.max_score, "tests": tests}


@pytest.mark.parametrize("assignment", ["weather", "words"])
def test_tutorial_assignments_get_otters_scores(marks, otter_zip, otter_submission, assignment):
    """Doctest and exception format, files, seeds, points by case and all or nothing: the same to the test."""
    archive = otter_zip(assignment)
    paths = [otter_submission(assignment, name) for name in ("correct", "wrong")]
    isolated = marks(archive, *paths)
    for path in paths:
        assert shape(isolated[path.name]) == shape(grade_stock(archive, path, 60))


# --- tests that handles cannot carry ----------------------------------------------------------------------------

DOCTEST = '''
OK_FORMAT = True
test = {
    "name": "q1",
    "points": [1, 1, 2],
    "suites": [{"type": "doctest", "scored": True, "cases": [
        {"code": r""">>> greet("you")
hello you
""", "hidden": False, "locked": False},
        {"code": r""">>> table.columns.tolist()
['a', 'b']
>>> int(table["a"].sum())
3
""", "hidden": True, "locked": False},
        {"code": r""">>> [double(v) for v in (1, 2)]
[2, 4]
>>> isinstance(double(2), int)
True
""", "hidden": True, "locked": False},
    ]}],
}
'''

EXCEPTIONS = """
from otter.test_files import test_case

OK_FORMAT = False
name = "q2"
points = 5

@test_case(points=1)
def test_in_place(sort_in_place):
    values = [3, 1, 2]
    sort_in_place(values)
    assert values == [1, 2, 3], f"got {values}"

@test_case(points=1, hidden=True, failure_message="Is it a DataFrame?")
def test_type(table):
    import pandas as pd
    assert isinstance(table, pd.DataFrame)

@test_case(points=1, hidden=True)
def test_own_class(area):
    class Square:
        side = 3
    assert area(Square()) == 9

@test_case(points=1, hidden=True)
def test_callback(apply_twice):
    assert apply_twice(lambda v: v + 1, 3) == 5

@test_case(points=1, hidden=True)
def test_callback_with_objects(largest):
    class Item:
        def __init__(self, size):
            self.size = size
    assert largest([Item(1), Item(5)], key=lambda item: item.size).size == 5
"""

CORRECT = """
    # %%
    import pandas as pd

    def greet(name):
        print("hello", name)

    table = pd.DataFrame({"a": [1, 2], "b": [3, 4]})

    def double(v):
        return 2 * v

    # %%
    def sort_in_place(values):
        values.sort()

    def area(square):
        return square.side ** 2

    def apply_twice(f, v):
        return f(f(v))

    def largest(items, key):
        return max(items, key=key)
"""

WRONG = """
    # %%
    def greet(name):
        print("hello")

    table = 7

    def double(v):
        return v + v / 1

    # %%
    def sort_in_place(values):
        return sorted(values)

    def area(square):
        raise ValueError(square)

    def apply_twice(f, v):
        while True:
            v = f(v)

    def largest(items, key):
        import os
        os._exit(0)
"""


@pytest.fixture(scope="module")
def odd_zip(tmp_path_factory):
    """An autograder.zip of tests that look at more than values."""
    path = tmp_path_factory.mktemp("odd") / "odd.zip"
    config = json.dumps({"assignment_name": "odd"}).encode()
    write_zip(
        path,
        {"tests/q1.py": DOCTEST.encode(), "tests/q2.py": EXCEPTIONS.encode(), "otter_config.json": config},
    )
    return path


def script(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def test_what_handles_cannot_carry_runs_in_the_students_process(marks, odd_zip, tmp_path):
    """Prints, types, objects of the test: the marks are plain otter's, and the note says that they could be forged."""
    path = script(tmp_path, "right.py", CORRECT)
    result = marks(odd_zip, path)["right.py"]
    assert shape(result) == shape(grade_stock(odd_zip, path, 60))
    assert result.score == result.max_score == 9
    noted = {t.name for t in result.tests if SHARED in t.note}
    assert noted == {"q1 - 1", "q2 - 1", "q2 - 2", "q2 - 3", "q2 - 5"}


@pytest.fixture(scope="module")
def wrong(marks, odd_zip, tmp_path_factory):
    """The result of a submission in which everything is wrong."""
    return marks(odd_zip, script(tmp_path_factory.mktemp("wrong"), "wrong.py", WRONG))["wrong.py"]


def test_wrong_answers_stay_wrong(wrong):
    """What fails over handles and in the student's process is lost: no marks, no note, no grader's error."""
    assert wrong.status == "graded"
    assert wrong.score == 0
    assert {t.status for t in wrong.tests} == {"failed"}
    assert not any(t.note for t in wrong.tests)


def test_a_public_test_explains_itself(wrong):
    """The text of a failure is shown for a test that the student has, and not for a hidden one."""
    in_place, type_, own_class = wrong.questions["q2"].tests[:3]
    assert in_place.message == "got [3, 1, 2]."
    assert type_.message == "Is it a DataFrame?"
    assert "isinstance" not in type_.message + own_class.message


def test_the_total_follows_otters_settings(marks, tmp_path):
    """`points_possible` scales the score, `score_threshold` makes it all or nothing."""
    archive, path = (
        tmp_path / "a.zip",
        script(tmp_path, "some.py", "def sort_in_place(values):\n    values.sort()\n"),
    )
    config = {"score_threshold": 0.1, "points_possible": 4}
    write_zip(archive, {"tests/q2.py": EXCEPTIONS.encode(), "otter_config.json": json.dumps(config).encode()})
    result = marks(archive, path)["some.py"]
    assert (result.score, result.max_score) == (4, 4)
    assert result.questions["q2"].score == 1
