"""One hidden test case against one namespace: otter's own classes run it, the outcome is a verdict."""

from __future__ import annotations

import builtins
import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any

from otter.test_files import ExceptionTestFile, OKTestFile, TestCase, TestFile

from autograder.checking import CheckFailed
from autograder.errors import GraderFault
from autograder.results import TestStatus
from autograder.session.client import SessionEnded, StudentError, TimedOut
from autograder.session.namespace import StudentNamespace
from autograder.session.notebook import BudgetSpent
from autograder.session.wire import WireError
from autograder.testing.hidden import PartialCredit

__all__ = ["Verdict", "run_case", "run_case_on"]


_UNREADABLE = "The answer could not be read: it was far too large, or not what a function returns."


@dataclass(frozen=True)
class Verdict:
    """status; message: one or two sentences for the student; detail: for the instructor;
    wrong_answer: the student's code ran and answered, and the answer is wrong; share: of the case's points;
    cause: name of the misconception that the test itself has found."""

    status: TestStatus
    message: str = ""
    detail: str = ""
    wrong_answer: bool = False
    share: float = 0.0
    cause: str | None = None


class _OneCase(ExceptionTestFile):
    """otter's exception-style file with one case, which keeps the exception instead of quoting the test."""

    exception: Exception | None = None

    def _generate_error_message(self, excp: Exception, context: int = 0) -> str:
        self.exception = excp
        return ""


class _RemoteGlobals(dict):
    """Globals for a doctest: names that the test does not define come from the student's namespace."""

    def __init__(self, namespace: Mapping[str, Any], items: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__(items)
        self._namespace = namespace

    def __missing__(self, name: str) -> Any:
        try:
            return self._namespace[name]
        except CheckFailed:
            raise KeyError(name) from None

    def copy(self) -> _RemoteGlobals:
        return _RemoteGlobals(self._namespace, self)


def run_case_on(file: TestFile, case: TestCase, namespace: Mapping[str, Any]) -> Exception | None:
    """What the case raised, ``None`` where it passed. A failed doctest counts as an ``AssertionError``."""
    if isinstance(file, OKTestFile):
        single = OKTestFile(file.name, file.path, [case], file.all_or_nothing)
        single.run(_RemoteGlobals(namespace))
        result = single.test_case_results[0]
        return None if result.passed else AssertionError(result.message)
    single = _OneCase(file.name, file.path, [case], file.all_or_nothing)
    single.run(namespace)
    return single.exception


def run_case(file: TestFile, case: TestCase, student: StudentNamespace, reference: ModuleType | None) -> Verdict:
    """Run ``case`` on the student's namespace and say whose fault a failure is.

    A test that trips over what it got (a ``TypeError``, say) blames the student only if it passes on the
    reference. Raises ``BudgetSpent`` and ``GraderFault``, which concern more than this case.
    """
    error = run_case_on(file, case, student)
    match error:
        case None:
            return Verdict("passed", case.success_message or "", share=1.0)
        case BudgetSpent() | GraderFault():
            raise error
        case PartialCredit():
            return Verdict("failed", str(error), wrong_answer=True, share=error.share)
        case CheckFailed():
            text = _sentences(str(error), case.failure_message)
            return Verdict("failed", text, wrong_answer=True, cause=error.cause)
        case AssertionError():
            known = "" if case.hidden else str(error)[:2000]  # the student has a public test and may see its words
            text = _sentences(case.failure_message, known) or "The test failed."
            return Verdict("failed", text, str(error), wrong_answer=True)
        case StudentError():
            return _student_raised(error, student)
        case TimedOut():
            text = f"Stopped after {error.limit_s:g} s{_within(student)}. Is there an endless loop, or a loop over single numbers?"
            return Verdict("failed", text)
        case SessionEnded():
            text = {
                "memory": f"The memory limit was reached{_within(student)}.",
                "protocol": _UNREADABLE,
            }.get(error.reason, f"The notebook's process ended{_within(student)} (exit status {error.status}).")
            return Verdict("failed", text, str(error))
    return _blame(file, case, error, reference)


def _student_raised(error: StudentError, student: StudentNamespace) -> Verdict:
    """The exception's type and place; its text may quote hidden inputs and is for the instructor.

    A type's name or a line number that is not known here could carry hidden inputs as well.
    """
    description = error.description
    type_name = error.type_name if error.type_name in _exception_names() else "an exception"
    line, source = student.source_line(description.get("cell"), description.get("line"))
    place = f" in cell {description['cell']}, line {line}" if source else ""
    match type_name:
        case "NotImplementedError":
            message = f"`{student.asked}` is not implemented yet{place}."
        case "TypeError" if not place and student.asked:
            message = f"`{student.asked}` could not be called as the test calls it: does it take the arguments that the notebook asks for?"
        case _ if error.type_name == WireError.__name__:
            message = _UNREADABLE
        case _:
            message = f"Your code raised {type_name}{place}{_within(student)}." + (f" The line: `{source}`" if source else "")
    detail = f"{error.type_name}: {description.get('message')}\n{description.get('traceback')}\n{error.printed}"
    return Verdict("failed", message, detail)


@functools.cache
def _exception_names() -> frozenset[str]:
    """Names that may be shown: a class that the student names could carry hidden inputs out."""
    standard = {n for n, v in vars(builtins).items() if isinstance(v, type) and issubclass(v, BaseException)}
    tensorflow = sys.modules.get("tensorflow")
    more = {n for n in dir(tensorflow.errors) if n.endswith("Error")} if tensorflow else set()
    return frozenset(standard | more | {"LinAlgError", "AxisError", "UFuncTypeError", "_UFuncNoLoopError"})


def _within(student: StudentNamespace) -> str:
    return f", called by the test as `{student.asked}(…)`" if student.asked else ""


def _blame(file: TestFile, case: TestCase, error: Exception, reference: ModuleType | None) -> Verdict:
    detail = f"{type(error).__name__}: {error}"
    if reference is None:
        return Verdict("failed", case.failure_message or "The test failed.", detail, wrong_answer=True)
    fault = run_case_on(file, case, vars(reference))
    if fault is None:
        text = _sentences("The answer does not have the expected form.", case.failure_message)
        return Verdict("failed", text, detail, wrong_answer=True)
    return Verdict("grader_error", "This test could not be run; no mark is lost for good.", f"{detail}; on the reference: {fault}")


def _sentences(*parts: str | None) -> str:
    return " ".join(p if p.endswith((".", "!", "?", "`")) else p + "." for p in (q.strip() for q in parts if q) if p)
