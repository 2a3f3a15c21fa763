"""Gates from measurements: the tolerance bound, the cases that measure, what is written, and drift."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from autograder.calibrate import _gate, drift, gate_works, lower_bound, solutions, write_gates
from autograder.config import Gate, load_course, read_course

ROOT = Path(__file__).parents[2]


def a_gate(**changes) -> Gate:
    common = {"value": 0.7, "floor": 0.5, "dataset": "digits", "seeds": 50, "false_fail": 1e-3, "date": date(2026, 11, 21)}
    return Gate(**common | {"device": "cpu", "mean": 0.8, "std": 0.02} | changes)


def test_the_factor_is_that_of_the_handbook():
    """NIST/SEMATECH e-Handbook, 7.2.6.3: N = 43, 90 % of the population, confidence 99 %, k = 1.8740."""
    x = np.linspace(-1, 1, 43)
    x /= x.std(ddof=1)  # mean 0, standard deviation 1, and no run as low as the bound
    assert lower_bound(x, false_fail=0.1, confidence=0.99) == pytest.approx(-1.8740, abs=1e-4)


def test_the_bound_holds_with_the_stated_confidence():
    """In 95 of 100 calibrations at least, a later run misses the bound with a probability below false_fail."""
    from scipy.stats import norm

    rng = np.random.default_rng(1)
    misses = [norm.cdf(lower_bound(rng.normal(size=20), false_fail=0.01)) > 0.01 for _ in range(400)]
    assert np.mean(misses) < 0.08  # 0.05, and three standard errors


def test_the_bound_is_never_above_the_worst_run():
    """Where the spread is one bad run, the normal distribution says too much."""
    assert lower_bound([0.9] * 30 + [0.2]) <= 0.2


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([0.80, 0.81, 0.79], ""),
        ([0.80, 0.69, 0.82], "gate is 0.7"),
        ([0.90, 0.91, 0.92], r"drifted by \+0.11"),
        ([0.71, 0.72, 0.71], "drifted by -0.087"),
    ],
)
def test_drift(runs, words):
    """Below the gate, or far from the calibrated mean on either side."""
    found = drift(a_gate(), runs)
    assert (found == "") == (words == "")
    if words:
        assert re.search(words, found)


def test_a_gate_asks_for_no_more_than_the_task_promises():
    """Correct solutions that nobody has written yet may train more slowly."""
    runs = {"reference": [0.95, 0.96, 0.97, 0.96], "correct": [0.93, 0.95, 0.94, 0.95]}
    assert _gate(a_gate(at_most=0.75), runs, 4).value == 0.75
    assert 0.75 < _gate(a_gate(), runs, 4).value < 0.93


def test_a_gate_without_a_spread_asks_for_calibration():
    assert "calibrate" in drift(a_gate(mean=None, std=None), [0.9])


def test_writing_changes_one_line_and_reads_back(tmp_path):
    """Comments, order and quotes of grading.yml survive."""
    before = (ROOT / "grading.yml").read_text()
    (tmp_path / "grading.yml").write_text(before)
    gate = a_gate(value=0.7125, dataset="digits")
    write_gates(tmp_path / "grading.yml", "a2_optimizers", {"train_digits": gate})
    after = (tmp_path / "grading.yml").read_text()
    changed = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert len(changed) == 1 and "train_digits" in changed[0][0]
    assert read_course(tmp_path).assignment("a2_optimizers").gates["train_digits"] == gate


def test_only_cases_that_check_a_gate_are_run():
    course = load_course(ROOT)
    assignment = course.assignment("a1_backprop")
    found = solutions(course, assignment)
    works = gate_works(course, assignment, ["one", "two"], found)
    assert len(works) == 2 * len(found) >= 10
    assert {w.questions for w in works} == {("q9",)}
    assert {w.cases for w in works} == {("it learns to read digits",)}
    assert len({(w.name, w.salt) for w in works}) == len(works)
