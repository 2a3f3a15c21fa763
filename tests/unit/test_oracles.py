"""The oracles against each other and a closed form, and the look-up that spares the work of asking twice."""

import numpy as np
import pytest
import tensorflow as tf

from autograder.testing import numerical_gradient, tape_gradient


class Problem:
    def __init__(self, x):
        self.x = x

    def loss(self, p):
        return float((p["w"] ** 3 * self.x).sum())


def test_both_agree_with_the_closed_form():
    """d Σ w³x / dw = 3w²x."""
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    expected = 3 * w**2 * x
    np.testing.assert_allclose(numerical_gradient(lambda p: (p["w"] ** 3 * x).sum(), {"w": w})["w"], expected, rtol=1e-7)
    np.testing.assert_allclose(tape_gradient(lambda p: tf.reduce_sum(p["w"] ** 3 * x), {"w": w})["w"], expected)


def gradient_of(problem, w):
    return numerical_gradient(lambda p: problem.loss(p), {"w": w})["w"]


def test_an_equal_question_is_looked_up(monkeypatch):
    """Equal arrays in a new object: the loss is not computed again."""
    w, x = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    first = gradient_of(Problem(x), w)
    monkeypatch.setattr(Problem, "loss", lambda self, p: pytest.fail("computed again"))
    np.testing.assert_array_equal(gradient_of(Problem(x.copy()), w.copy()), first)


@pytest.mark.parametrize(("w", "x"), [([1.0, 2.5], [3.0, 4.0]), ([1.0, 2.0], [3.0, 4.5]), ([[1.0, 2.0]], [3.0, 4.0])])
def test_another_place_or_another_function_is_another_question(w, x):
    """What the function closes over counts as much as where the gradient is taken."""
    gradient_of(Problem(np.array([3.0, 4.0])), np.array([1.0, 2.0]))
    w, x = np.array(w), np.array(x)
    np.testing.assert_allclose(gradient_of(Problem(x), w), 3 * w**2 * x, rtol=1e-6)


def test_what_was_looked_up_can_be_changed():
    """A test that works on its gradient in place does not change the next one's."""

    def ask():
        return numerical_gradient(lambda p: (p**2).sum(), np.array([1.0, 2.0]))

    ask()[:] = 0
    np.testing.assert_allclose(ask(), [2, 4], rtol=1e-7)


def test_a_function_over_something_without_a_value_is_asked_each_time():
    """An iterator, say, or an object of a student."""
    stream = iter([1.0, 1.0, 2.0, 2.0, 3.0, 3.0])

    def ask():
        return numerical_gradient(lambda p: next(stream) * float(p[0]), np.array([1.0]))

    assert not np.allclose(ask(), ask())
