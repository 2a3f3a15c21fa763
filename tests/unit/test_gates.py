"""Accuracy gates: full credit from the value, none below the floor, a share between them."""

import numpy as np
import pytest

from autograder.testing import CheckFailed, check_gate
from autograder.testing.hidden import PartialCredit, measurements

GRADING = """
course: one gate
assignments:
  a1: {title: t, reference: r, questions: {q1: {points: 1}}, gates: {digits: {value: 0.8, floor: 0.6}}}
"""


@pytest.fixture(autouse=True)
def course(tmp_path, monkeypatch):
    (tmp_path / "grading.yml").write_text(GRADING)
    monkeypatch.setenv("AUTOGRADER_COURSE", str(tmp_path))


@pytest.mark.parametrize("measured", [0.8, 0.93, np.float32(1.0)])
def test_the_value_passes(measured):
    check_gate("a1", "digits", measured, "accuracy")


@pytest.mark.parametrize(("measured", "share"), [(0.7, 0.5), (0.65, 0.25), (0.79, 0.95)])
def test_between_floor_and_value_credit_is_in_proportion(measured, share):
    with pytest.raises(PartialCredit, match="full marks from 0.8") as raised:
        check_gate("a1", "digits", measured, "accuracy")
    assert raised.value.share == pytest.approx(share)


@pytest.mark.parametrize("measured", [0.6, 0.1, -3.0])
def test_below_the_floor_there_is_none(measured):
    with pytest.raises(CheckFailed, match="none below 0.6") as raised:
        check_gate("a1", "digits", measured, "accuracy")
    assert not isinstance(raised.value, PartialCredit)


@pytest.mark.parametrize("measured", [np.nan, np.inf, None, "0.9"])
def test_what_is_no_number_fails(measured):
    with pytest.raises(CheckFailed, match="accuracy"):
        check_gate("a1", "digits", measured, "accuracy")


def test_a_missing_gate_is_the_courses_fault():
    with pytest.raises(KeyError):
        check_gate("a1", "mnist", 0.9, "accuracy")


def test_measurements_are_kept_for_calibration():
    with measurements() as measured, pytest.raises(CheckFailed):
        check_gate("a1", "digits", 0.5, "accuracy")
    assert measured == {"digits": 0.5}
    with measurements() as measured:
        assert measured == {}
