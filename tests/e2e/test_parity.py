"""Honest work gets the same score from the isolated evaluator and from plain otter on the built autograder.zip.

A sample runs always; AUTOGRADER_ALL=1 compares every honest submission of the repository.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest
from conftest import ROOT, SUBMISSIONS

from autograder.config import load_course
from autograder.evaluate import Work, grade
from autograder.otterbridge.build import Built, build
from autograder.otterbridge.stock import grade_stock

SAMPLE = {
    "a1_backprop": ["wrong_forward_only", "wrong_l2_and_bias"],
    "a2_optimizers": ["correct_loops", "wrong_momentum_sign"],
}


def honest() -> Iterator[tuple[str, str]]:
    """(assignment, submission); an endless loop is left out, since plain otter never ends on it."""
    for assignment, sample in SAMPLE.items():
        scripts = [p.stem for p in sorted((SUBMISSIONS / assignment).glob("*.py")) if "endless" not in p.stem]
        everything = [*scripts, "solution", "untouched"]
        yield from ((assignment, name) for name in (everything if os.environ.get("AUTOGRADER_ALL") else sample))


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> dict[str, Built]:
    """Both assignments, built once."""
    course = load_course(ROOT)
    return {a: build(course, course.assignment(a), tmp_path_factory.mktemp("dist")) for a in SAMPLE}


@pytest.mark.parametrize(("assignment", "name"), list(honest()))
def test_same_score_as_plain_otter(control, plan_of, built, assignment, name):
    """Every question gets the same marks both ways, error carried forward included."""
    path = file_of(built[assignment], assignment, name)
    ours = grade(control, plan_of(assignment), Work(name, path.name, path.read_bytes(), "salt")).result
    theirs = grade_stock(built[assignment].autograder_zip, path, time_s=240)
    assert (ours.status, theirs.status) == ("graded", "graded")
    assert {q: r.score for q, r in ours.questions.items()} == {q: r.score for q, r in theirs.questions.items()}


def test_same_score_as_the_command_otter_run(control, plan_of, built, tmp_path):
    """What an instructor with nothing but otter and the autograder.zip sees; scripts are notebooks there."""
    path = SUBMISSIONS / "a1_backprop" / "wrong_forward_only.py"
    jupytext.write(jupytext.read(path, fmt="py:percent"), tmp_path / "it.ipynb")
    archive = str(built["a1_backprop"].autograder_zip)
    otter = [sys.executable, "-m", "otter", "run", "it.ipynb", "-a", archive]
    subprocess.run(otter, cwd=tmp_path, env=os.environ | {"DL_OFFLINE": "1"}, check=True, timeout=240)
    theirs = sum(t.get("score", 0) for t in json.loads((tmp_path / "results.json").read_text())["tests"])
    work = Work("it", path.name, path.read_bytes(), "salt")
    assert grade(control, plan_of("a1_backprop"), work).result.score == theirs == 46


def file_of(built: Built, assignment: str, name: str) -> Path:
    """The submission's file."""
    if name == "solution":
        return built.solution
    if name == "untouched":
        return next(built.student.glob("*.ipynb"))
    return SUBMISSIONS / assignment / f"{name}.py"
