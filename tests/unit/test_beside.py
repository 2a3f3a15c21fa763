"""Authored helpers beside the student's objects, under plain otter: the isolated way is in tests/e2e."""

import numpy as np
import pytest
import tensorflow as tf

from autograder.testing import CheckFailed, beside, gradients

OUTER = 3


def test_a_helper_is_called_with_its_arguments():
    """What it returns comes back as it is."""

    def helper(a, *, b):
        import numpy

        return numpy.add(a, b)

    assert beside({}, helper, 2, b=3) == 5


def test_a_helper_that_uses_a_global_is_refused():
    """In another process there would be no such name, and the student would be blamed."""

    def helper():
        return [OUTER for _ in range(2)]

    with pytest.raises(TypeError, match="no OUTER"):
        beside({}, helper)


def test_a_helper_that_uses_an_outer_variable_is_refused():
    inner = 4

    def helper():
        return [inner for _ in range(2)]

    with pytest.raises(TypeError, match="no inner"):
        beside({}, helper)


def test_only_functions_travel():
    with pytest.raises(TypeError, match="def"):
        beside({}, len, [1])


def test_gradients_go_through_the_students_function():
    """Σ u·a²b has the gradients 2uab and ua²; what is not asked for is no input of the tape."""
    a, b, upstream = (np.arange(1.0, 4.0) * k for k in (1, 2, 3))
    found = gradients({"f": lambda a, b: a**2 * b}, "f", a, b, upstream=upstream, wrt=(0, 1))
    np.testing.assert_allclose(found[0], 2 * upstream * a * b)
    np.testing.assert_allclose(found[1], upstream * a**2)


def test_a_function_that_leaves_tensorflow_has_no_gradient():
    env = {"f": lambda a: tf.constant(np.asarray(a) ** 2)}
    assert gradients(env, "f", np.ones(2)) == [None]


def test_a_missing_function_fails_in_words():
    with pytest.raises(CheckFailed, match="`f` is not defined"):
        gradients({}, "f", 1.0)
