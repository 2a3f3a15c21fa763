"""A call that several cases look at is made once for a submission, and again whenever its value may be another."""

import numpy as np
import pytest

from autograder.session.namespace import StudentNamespace
from autograder.session.wire import HandleRef
from autograder.testing import call


class Student:
    """A student process whose function returns its argument plus the number of calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.namespace = StudentNamespace(self, {})

    def request(self, kind, name, args, kwargs, watch, eager, foreign=None):
        self.calls += 1
        value = self.namespace.receive(HandleRef(1, "Model", True)) if name == "build" else args[0] + self.calls
        return [value, [], {}, {}]


@pytest.fixture
def student():
    return Student()


def ask(student, x, **options):
    student.namespace.begin()
    return call(student.namespace, "f", np.asarray(x, float), remember=True, **options)


def test_an_equal_call_is_looked_up_in_another_test(student):
    """And it counts as a call of that test, whose diagnosis may need it."""
    first = ask(student, [1.0, 2.0])
    np.testing.assert_array_equal(ask(student, [1.0, 2.0]), first)
    assert student.calls == 1
    assert [c.name for c in student.namespace.calls] == ["f"]


def test_another_argument_is_another_call(student):
    ask(student, [1.0])
    ask(student, [2.0])
    ask(student, [1.0], seed=3)
    assert student.calls == 3


def test_what_was_looked_up_can_be_changed(student):
    ask(student, [1.0])[:] = 9
    assert ask(student, [1.0])[0] == 2.0


def test_nothing_is_remembered_without_being_asked(student):
    for _ in range(2):
        call(student.namespace, "f", np.ones(1))
    assert student.calls == 2


def test_other_functions_make_another_value(student):
    """With stand-ins in the student's process everything is computed anew."""
    ask(student, [1.0])
    student.namespace.forget()
    assert ask(student, [1.0])[0] == 3.0


def test_an_object_that_stays_in_the_students_process_is_not_remembered(student):
    """Handles end with the test."""
    for _ in range(2):
        student.namespace.begin()
        call(student.namespace, "build", 1, remember=True)
    assert student.calls == 2
