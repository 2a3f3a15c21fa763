"""The published attacks change no mark, read no secret and leave nothing behind."""

import json

import psutil
import pytest
from conftest import SUBMISSIONS

ATTACKS = sorted(p.stem for p in (SUBMISSIONS / "attacks").glob("*.py") if p.stem != "honest_baseline")
QUESTIONS = ("q1", "q2", "q3", "q5", "q8")


def score(grade_text, name: str):
    """Grade one notebook of the suite on the questions that it answers."""
    return grade_text((SUBMISSIONS / "attacks" / f"{name}.py").read_text(), questions=QUESTIONS, cell_s=20, test_s=5)


def test_nine_attacks_are_published():
    """The suite is not empty by accident."""
    assert len(ATTACKS) >= 9


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_gains_nothing(grade_text, name):
    """No more marks than the honest baseline, no secret in any output, no process left."""
    baseline = score(grade_text, "honest_baseline").result
    before = {p.pid for p in psutil.process_iter()}
    graded = score(grade_text, name)
    assert graded.result.score <= baseline.score
    assert graded.result.status != "grader_error"
    assert not [t for t in graded.result.tests if t.status == "grader_error"]
    outputs = [c["outputs"] for c in graded.notebook["cells"] if c["cell_type"] == "code"]
    assert "FOUND" not in json.dumps(outputs)
    assert not any("FOUND" in t.message + t.detail for t in graded.result.tests)
    left = [p.info["name"] for p in psutil.process_iter(["name"]) if p.pid not in before]
    assert "autograderdaemon" not in left


def test_the_baseline_is_honest_and_poor(grade_text):
    """The baseline answers every asked question, wrongly: there is something to gain by an attack."""
    result = score(grade_text, "honest_baseline").result
    assert result.status == "graded"
    assert result.score < 0.2 * result.max_score


def test_the_evaluator_survives_to_grade_the_next(grade_text):
    """After an attack on the grader's processes, an honest notebook is graded as ever."""
    score(grade_text, "kills_the_grader")
    assert score(grade_text, "honest_baseline").result.status == "graded"
