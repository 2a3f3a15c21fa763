"""Where a wrong answer that no misconception explains first goes wrong: the student's steps beside the reference's.

To find out, numbers of the reference are put into the student's function (see :mod:`autograder.checking.steps`). This
happens after the last test, when all marks are settled and there is nothing left to use them for. What the student
process says of its steps is checked: a name is shown only if it stands in that line of the notebook as it was handed in.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from inspect import isfunction
from itertools import islice
from types import ModuleType
from typing import Any

from autograder.checking.steps import Call, Place, find
from autograder.checking.trace import Repair, Step, trace
from autograder.diagnosis import NoAnswer, answer, same, takes_seed
from autograder.session.client import StudentError, TimedOut
from autograder.session.namespace import RecordedCall, StudentNamespace, is_data

__all__ = ["replayable", "where"]

LIMIT_S = 1.0
_SLOW_S = 0.5
_MAX_CALLS = 8
_MAX_OTHERS = 3


def replayable(calls: Iterable[RecordedCall], reference: ModuleType) -> list[RecordedCall]:
    """Calls that can be made again: of plain data, quick, and of a function that draws nothing at random."""
    found = (c for c in calls if c.seconds < _SLOW_S and is_data([c.value, *c.args, c.kwargs]) and _is_certain(reference, c.name))
    return list(islice(found, _MAX_CALLS))


def _is_certain(reference: ModuleType, name: str) -> bool:
    """Whether a correct solution has no choice but this one; what takes a seed draws other numbers in each solution."""
    function = getattr(reference, name, None)
    return isfunction(function) and not takes_seed(function)


def where(calls: Iterable[RecordedCall], student: StudentNamespace, reference: ModuleType) -> str:
    """Words for the first wrong call; empty where nothing is certain.

    Raises what a call of student code can raise, and ``TimedOut`` after ``LIMIT_S``.
    """
    deadline = time.monotonic() + LIMIT_S
    calls = list(calls)
    for k, recorded in enumerate(calls):
        if same(recorded.value, answer(getattr(reference, recorded.name), recorded, deadline)):
            continue
        call = _traced(recorded, student, reference, deadline)
        if call is not None and not same(recorded.value, call.right):
            others = (_traced(c, student, reference, deadline) for c in calls[:k] + calls[k + 1 :] if c.name == recorded.name)
            return _words(recorded, call, list(islice(filter(None, others), _MAX_OTHERS)), student, deadline)
    return ""


def _traced(recorded: RecordedCall, student: StudentNamespace, reference: ModuleType, deadline: float) -> Call | None:
    """The call made again, here and there; ``None`` where its answer depends on more than its arguments."""

    def correct(*args: Any, **kwargs: Any) -> tuple[Any, list[Step]]:
        return trace(getattr(reference, recorded.name), args, kwargs, vars(reference))

    found = answer(correct, recorded, deadline)
    if isinstance(found, NoAnswer):
        return None
    value, steps = student.steps(recorded.name, recorded.args, recorded.kwargs)
    return Call([recorded.args, recorded.kwargs], value, steps, *found) if same(value, recorded.value) else None


def _words(recorded: RecordedCall, call: Call, others: list[Call], student: StudentNamespace, deadline: float) -> str:
    def run(repair: Repair) -> Any:
        if time.monotonic() > deadline:
            raise TimedOut(LIMIT_S, True)
        try:
            return student.steps(recorded.name, recorded.args, recorded.kwargs, repair)[0]
        except StudentError:  # by these numbers, which need not suit
            return None

    def place(step: Step) -> Place | None:
        return _place(step, student)

    finding = find(call, run, place, others)
    return finding.words(place) if finding else ""


def _place(step: Step, student: StudentNamespace) -> Place | None:
    """Where a step is, if its line is in the notebook and has its name."""
    cell = re.fullmatch(r"<cell ([0-9]{1,6})>", step.file)
    line, source = student.source_line(int(cell[1]), step.line) if cell else (0, "")
    if not source or step.name and not step.name.isidentifier():
        return None
    named = re.search(rf"\b{step.name or 'return'}\b", source)
    return Place(f"cell {int(cell[1])}", line, source) if named else None
