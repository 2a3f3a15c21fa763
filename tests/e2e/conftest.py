"""A warm template and the plans of the course, shared by all end-to-end tests of a pytest process."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
from cells import SOLUTION

from autograder.config import Course, load_course
from autograder.evaluate import Graded, Work, grade
from autograder.plan import Plan, plan_of_assignment
from autograder.session.client import Session, Template
from autograder.session.policy import Policy, library_paths

ROOT = Path(__file__).parents[2]
SUBMISSIONS = ROOT / "tests" / "submissions"


@pytest.fixture(scope="session")
def control() -> Iterator:
    """A control socket of a warm template."""
    with Template() as template:
        template.wait_warm()
        with template.connect() as control:
            yield control


@pytest.fixture(scope="session")
def course() -> Course:
    """The course of this repository."""
    return load_course(ROOT)


@pytest.fixture(scope="session")
def plan_of(course) -> Callable[[str], Plan]:
    """Plans by the assignment's name."""
    return cache(lambda name: plan_of_assignment(course, course.assignment(name)))


@pytest.fixture
def grade_text(control, plan_of) -> Callable[..., Graded]:
    """Grade a percent script given as text."""

    def function(text: str, assignment: str = "a1_backprop", questions: tuple[str, ...] = (), **limits) -> Graded:
        plan = plan_of(assignment)
        if limits:
            plan = plan.with_limits(**limits)
        return grade(control, plan, Work("it.py", "it.py", text.encode(), "salt", questions))

    return function


@pytest.fixture
def grade_cell(grade_text):
    """Grade the solution of a1 with one more cell, on three questions unless told otherwise."""

    def function(cell: str, questions: tuple[str, ...] = ("q4", "q5", "q8"), **limits):
        graded = grade_text(f"{SOLUTION}\n# %%\n{cell}\n", questions=questions, **limits)
        nbformat.validate(nbformat.from_dict(graded.notebook))
        return graded

    return function


@pytest.fixture
def box(control) -> Iterator[Callable[..., Session]]:
    """Opens boxes and closes them after the test."""
    opened: list[Session] = []

    def function(**policy) -> Session:
        opened.append(Session(control, Policy(read=library_paths(), **policy), output_kib=64))
        return opened[-1]

    yield function
    for session in opened:
        session.close()
