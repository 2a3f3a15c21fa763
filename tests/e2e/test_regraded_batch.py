"""After a change of the tests: what it can affect is graded again, the rest is kept, and the command says who gains."""

import shutil

from conftest import ROOT
from test_batch import RIGHT, WRONG, Watch

from autograder.batch import grade
from autograder.batch.events import Started
from autograder.config import read_course


def a_course(root):
    """A copy of the course that can be changed."""
    for name in ("grading.yml", "reference", "assignments", "tests/hidden"):
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(ROOT / name, target) if (ROOT / name).is_dir() else shutil.copy(ROOT / name, target)
    return root


def graded(root, folder, out):
    """(results by name, names that a worker took up, changes) of one call of grade."""
    course, watch = read_course(root), Watch()
    batch = grade(
        course, course.assignment("a1_backprop"), [folder], out, workers=1, device="cpu", mode="isolated",
        require_sandbox=False, fresh=False, on_event=watch,
    )  # fmt: skip
    return {s.submission: s for s in batch.submissions}, watch.names(Started), batch.changes


def test_a_changed_test_is_graded_again_and_nothing_else(tmp_path):
    """q8 becomes stricter: q8, and q9 which builds on it, are run; the times of the others stay as they were."""
    root, folder, out = a_course(tmp_path / "course"), tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "ada.py").write_text(RIGHT)
    (folder / "bob.py").write_text(WRONG)
    first, _, none = graded(root, folder, out)
    assert none == ()
    test = root / "tests" / "hidden" / "a1_backprop" / "q8.py"
    strict = 'def test_sometimes(env):\n    check(False, "Nobody passes.")\n'
    test.write_text(test.read_text().replace("points = 3", "points = 4") + f'\n@test_case(name="strict", points=1, hidden=True)\n{strict}')
    grading = root / "grading.yml"
    grading.write_text(grading.read_text().replace("q8: {points: 3", "q8: {points: 4"))
    again, started, changes = graded(root, folder, out)
    assert sorted(started) == ["ada.py", "bob.py"]
    assert changes == ()  # the new case gives no points to anyone, and takes none
    for name, before in first.items():
        after = again[name]
        assert after.max_score == before.max_score + 1 and after.score == before.score
        assert list(after.questions) == list(before.questions)
        for q in before.questions.keys() - {"q8", "q9"}:
            assert after.questions[q] == before.questions[q]
        assert [t.name for t in after.questions["q8"].tests][-1] == "strict"
    test.write_text(test.read_text().replace("check(False,", "check(True,"))
    third, _, changes = graded(root, folder, out)
    assert {(c.submission, c.question, c.test, c.before, c.after) for c in changes} == {
        (name, "q8", "strict", 0.0, 1.0) for name in first
    }
    assert all(third[name].score == first[name].score + 1 for name in first)
    assert graded(root, folder, out)[1:] == ([], ())
