"""Answers of the course's functions are computed once for equal data."""

import numpy as np
import pytest
import tensorflow as tf

from autograder.answers import answer_of

COUNT = {"calls": 0}


def doubled(x, scale=2.0):
    COUNT["calls"] += 1
    x *= scale
    return tf.constant(x)


def test_an_equal_call_is_looked_up():
    """Arguments are compared by value and stay as they are; tensors become arrays."""
    x, before = np.array([1.0, 2.0]), COUNT["calls"]
    for _ in range(3):
        value = answer_of(doubled, (x.copy(),), {"scale": 3.0})
        assert type(value) is np.ndarray
        np.testing.assert_array_equal(value, [3.0, 6.0])
    answer_of(doubled, (x,), {"scale": 3.0})
    np.testing.assert_array_equal(x, [1.0, 2.0])
    assert COUNT["calls"] == before + 1


@pytest.mark.parametrize("other", [np.array([1.0, 2.5]), np.array([1.0, 2.0], np.float32), np.array([[1.0, 2.0]]), np.array([2.0, 1.0])])
def test_another_value_type_or_shape_is_another_call(other):
    answer_of(doubled, (np.array([1.0, 2.0]),), {})
    np.testing.assert_array_equal(answer_of(doubled, (other,), {}), other * 2)
    assert answer_of(doubled, (other,), {}).dtype == other.dtype


def test_a_function_over_something_is_asked_each_time():
    """Two functions of one code differ in what they close over."""

    def times(k):
        return lambda x: x * k

    assert [answer_of(times(k), (5,), {}) for k in (2, 3)] == [10, 15]


def test_what_fails_fails_again():
    """No answer is no answer to keep."""
    for _ in range(2):
        with pytest.raises(TypeError):
            answer_of(doubled, (), {})


def test_what_is_no_data_is_asked_each_time():
    """A function among the arguments has no value to go by."""
    calls = []
    for _ in range(2):
        answer_of(sorted, ([1, 2],), {"key": lambda x: calls.append(x) or x})
    assert calls == [1, 2, 1, 2]
