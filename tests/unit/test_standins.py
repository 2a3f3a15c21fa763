"""What the evaluator answers for in place of a student's broken functions."""

from types import SimpleNamespace

import numpy as np

from autograder.standins import answers


class Layer:
    """Stands for a class of an assignment, such as a Keras layer."""


def double(x):
    return 2 * x


def test_functions_are_answered_for_and_classes_are_not():
    """A class makes objects that live in the student process; nothing can stand in for it there."""
    reference = SimpleNamespace(Layer=Layer, double=double)
    found = answers(reference, ["Layer", "double", "missing"])
    assert list(found) == ["double"]
    assert np.array_equal(found["double"]("value", [[np.array([1, 2])], {}]), [2, 4])
