"""What is graded: an assignment of this course, or any otter ``autograder.zip``, in one shape.

Everything here is the instructor's: test files are executed, the reference is imported. It happens in the
evaluator and nowhere else.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import ModuleType

from otter.nbmeta_config import NBMetadataConfig
from otter.run import AutograderConfig
from otter.test_files import TestFile, create_test_file

from autograder.config import Assignment, Course, Limits
from autograder.errors import ConfigError, UsageError
from autograder.misconceptions import Misconception, misconceptions_of
from autograder.otterbridge.package import Package
from autograder.version import assignment_version, package_version

__all__ = ["Plan", "Question", "plan_of_assignment", "plan_of_package"]


@dataclass(frozen=True)
class Question:
    """One test file and what its question builds on.

    names: functions that the student defines in it; needs: earlier questions, nearest last.
    """

    name: str
    file: TestFile
    names: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Questions in the order of grading, with the reference and the known misconceptions if there are any.

    ours: the tests are written for handles; a foreign test may have to run in the student's process.
    public: (path, name) of folders and files that lie beside the notebook; before_cell: source put before each
    cell; version: of all that decides a mark.
    """

    assignment: str
    version: str
    limits: Limits
    questions: tuple[Question, ...]
    ours: bool
    public: tuple[tuple[str, str], ...] = ()
    reference: ModuleType | None = None
    misconceptions: tuple[Misconception, ...] = ()
    before_cell: str = ""
    package: Package | None = None

    def total(self, score: float, possible: float) -> tuple[float, float]:
        """The score and the best possible one; an ``autograder.zip`` may scale them or set a threshold."""
        return self.package.final_score(score, possible) if self.package else (score, possible)

    def with_limits(self, **changed: float) -> Plan:
        """The same plan under other limits."""
        return replace(self, limits=self.limits.model_copy(update=changed))

    def only(self, names: Iterable[str]) -> tuple[Question, ...]:
        """The questions called ``names``."""
        wanted = set(names)
        return tuple(q for q in self.questions if q.name in wanted)


def plan_of_assignment(course: Course, assignment: Assignment) -> Plan:
    """Load the hidden tests, the reference and the misconceptions of one assignment.

    Raises ``UsageError`` where a file is missing and ``ConfigError`` where points disagree.
    """
    _make_importable(course)
    return Plan(
        assignment=assignment.name,
        version=assignment_version(course, assignment),
        limits=assignment.limits,
        questions=tuple(_question(course, assignment, q) for q in assignment.order),
        ours=True,
        public=_public(course),
        reference=importlib.import_module(f"reference.{assignment.reference}"),
        misconceptions=_misconceptions(course, assignment),
    )


def plan_of_package(package: Package, limits: Limits) -> Plan:
    """The plan for an unpacked otter ``autograder.zip``; questions are named as its tests are."""
    public = tuple((str(p), p.name) for p in sorted(package.files.iterdir())) if package.files else ()
    return Plan(
        assignment=package.name,
        version=package_version(package),
        limits=limits,
        questions=tuple(Question(f.name, f) for f in (t.load() for t in package.tests)),
        ours=False,
        public=public,
        before_cell=_seeds(package.config),
        package=package,
    )


def _seeds(config: AutograderConfig) -> str:
    """otter's inter-cell seeding, see ``otter.execute.preprocessor``."""
    if config.seed is None:
        return ""
    if config.seed_variable is not None:
        return f"{config.seed_variable} = {config.seed}\n"
    return f"import random as _random, numpy as _numpy; _numpy.random.seed({config.seed}); _random.seed({config.seed})\n"


def _question(course: Course, assignment: Assignment, q: str) -> Question:
    path = course.hidden_tests(assignment) / f"{q}.py"
    if not path.is_file():
        raise UsageError(f"{path}: no hidden test for {assignment.name} {q}; expected an otter test file")
    file = create_test_file(str(path), NBMetadataConfig())
    configured = assignment.questions[q]
    if abs(file.possible - configured.points) > 1e-9:
        raise ConfigError(
            f"grading.yml: assignments.{assignment.name}.questions.{q}.points: expected {file.possible:g}, "
            f"the sum over the cases of {path.name}; found {configured.points:g}"
        )
    return Question(q, file, configured.names, assignment.needs(q))


def _make_importable(course: Course) -> None:
    """``reference`` and ``kit`` of the course, for its tests."""
    os.environ["AUTOGRADER_COURSE"] = str(course.root)
    for folder in (str(course.kit.parent), str(course.root)):
        if folder not in sys.path:
            sys.path.insert(0, folder)


def _misconceptions(course: Course, assignment: Assignment) -> tuple[Misconception, ...]:
    if not course.misconceptions(assignment).is_file():
        return ()
    return tuple(misconceptions_of(importlib.import_module(f"reference.misconceptions.{assignment.reference}")))


def _public(course: Course) -> tuple[tuple[str, str], ...]:
    return ((str(course.kit), "kit"),) if course.kit.is_dir() else ()
