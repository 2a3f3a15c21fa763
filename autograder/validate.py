"""Proving that the hidden tests test: right answers pass, wrong ones fail, every case can fail.

For each assignment, all graded in isolation like any submission:

- the reference and every ``correct_*`` submission get full marks;
- the untouched student notebook gets the floor that ``grading.yml`` states;
- every misconception fails the case that it names, and no case names one that there is not;
- every hidden case fails for at least one misconception;
- the reference does as well on accuracy gates as it did when they were calibrated.

The quick way takes the reference, the untouched notebook, one right solution and one misconception for each question;
which ones changes with the assignment's version, so that in time all have their turn.
"""

from __future__ import annotations

import ast
import importlib
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.batch.local import grade_all
from autograder.batch.sources import AssignmentSource
from autograder.calibrate import drift, gate_works, measurements_of, solutions
from autograder.config import Assignment, Course
from autograder.evaluate import Work
from autograder.misconceptions import Misconception, misconceptions_of
from autograder.progress import counted
from autograder.results import SubmissionResult, TestResult
from autograder.version import assignment_version

__all__ = ["Outcome", "run", "validate"]

_SALT = "validate"
_MORE_SALTS = ("validate 1", "validate 2")  # for the gates


@dataclass
class Outcome:
    """What validation of one assignment found; ``problems`` is empty where all is well.

    caught: for each misconception the hidden cases of its question that failed; named: misconceptions whose
    first failing message names them.
    """

    assignment: Assignment
    problems: list[str] = field(default_factory=list)
    cases: dict[str, list[str]] = field(default_factory=dict)
    misconceptions: list[Misconception] = field(default_factory=list)
    caught: dict[str, set[str]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    correct: list[str] = field(default_factory=list)


def run(course: Course, assignments: Iterable[Assignment], quick: bool = False) -> bool:
    """Validate, print the matrices and the problems; True where there are none."""
    console = Console()
    outcomes = []
    for assignment in assignments:
        outcomes.append(validate(course, assignment, quick=quick))
        _print(console, outcomes[-1])
    return not any(o.problems for o in outcomes)


def validate(course: Course, assignment: Assignment, workers: int | None = None, quick: bool = False) -> Outcome:
    """Grade the reference, the correct and the wrong variants of one assignment."""
    known = _misconceptions(course, assignment)
    turn = int(assignment_version(course, assignment), 16) if quick else None
    outcome = Outcome(assignment, misconceptions=known if turn is None else _one_a_question(known, turn))
    results: dict[str, SubmissionResult] = {}
    works = list(_works(course, assignment, outcome.misconceptions, turn))
    source = AssignmentSource(course.root, assignment.name)
    gradings = grade_all(works, source, workers or course.defaults.workers, assignment.limits.time_s, lambda _: None)
    for work, graded in counted(gradings, len(works), f"validating {assignment.name}"):
        results[work.name] = graded.result
    _judge(outcome, results)
    if not quick:
        outcome.problems += _never_failed(outcome)
    outcome.problems += _unknown_causes(course.hidden_tests(assignment), {m.name for m in known})
    return outcome


def _one_a_question(misconceptions: list[Misconception], turn: int) -> list[Misconception]:
    """One misconception of each question, another one for another ``turn``."""
    of_question: dict[str, list[Misconception]] = {}
    for m in misconceptions:
        of_question.setdefault(m.question, []).append(m)
    return [found[turn % len(found)] for found in of_question.values()]


def _misconceptions(course: Course, assignment: Assignment) -> list[Misconception]:
    if not course.misconceptions(assignment).is_file():
        return []
    if str(course.root) not in sys.path:
        sys.path.insert(0, str(course.root))
    return misconceptions_of(importlib.import_module(f"reference.misconceptions.{assignment.reference}"))


def _works(
    course: Course, assignment: Assignment, misconceptions: list[Misconception], turn: int | None
) -> Iterator[Work]:
    """Everything to grade; the names say what each is. turn: which of the right solutions, all of them if ``None``."""
    correct = solutions(course, assignment)
    reference = correct[0].data.decode()
    if turn is not None and len(correct) > 1:
        correct = [correct[0], correct[1 + turn % (len(correct) - 1)]]
    yield from (Work(s.name, s.filename, s.data, _SALT) for s in correct)
    yield Work("untouched", "untouched.ipynb", _untouched(course, assignment), _SALT)
    if assignment.gates and turn is None:
        yield from gate_works(course, assignment, _MORE_SALTS, correct[:1])
    for m in misconceptions:
        text = f"# %%\n{reference}\n# %%\n{m.source()}"
        yield Work(f"misconception {m.name}", "wrong.py", text.encode(), _SALT, (m.question,))


def _untouched(course: Course, assignment: Assignment) -> bytes:
    from autograder.otterbridge.build import build

    with tempfile.TemporaryDirectory(prefix="autograder-validate-") as folder:
        student = build(course, assignment, Path(folder)).student
        return next(student.glob("*.ipynb")).read_bytes()


def _judge(outcome: Outcome, results: dict[str, SubmissionResult]) -> None:
    assignment = outcome.assignment
    outcome.cases = {q: [t.name for t in r.tests] for q, r in results["reference"].questions.items()}
    for name, result in results.items():
        if name == "reference" or name.startswith("correct_"):
            outcome.correct.append(name)
            outcome.problems += [f"{name} loses {w}" for w in _lost(result)]
    untouched = results["untouched"]
    if abs(untouched.score - assignment.floor) > 1e-9 or untouched.status != "graded":
        found = f"{untouched.score:g} ({untouched.status})"
        outcome.problems.append(f"the untouched notebook gets {found}, grading.yml states a floor of {assignment.floor:g}")
    _judge_gates(outcome, results)
    for m in outcome.misconceptions:
        _judge_misconception(outcome, m, results[f"misconception {m.name}"])


def _never_failed(outcome: Outcome) -> list[str]:
    """Cases that no misconception of their question fails."""
    problems = []
    for q, cases in outcome.cases.items():
        failed = {case for m in outcome.misconceptions if m.question == q for case in outcome.caught.get(m.name, ())}
        problems += [f"{q}: no misconception fails the case '{case}'" for case in cases if case not in failed]
    return problems


def _unknown_causes(hidden_tests: Path, known: set[str]) -> list[str]:
    """Cases that name a misconception, ``check(…, cause="…")``, which is not listed."""
    problems = []
    for path in sorted(hidden_tests.glob("q*.py")):
        keywords = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.keyword)]
        causes = {k.value.value for k in keywords if k.arg == "cause" and isinstance(k.value, ast.Constant)}
        problems += [f"{path.name}: no misconception {cause!r}, which a check names" for cause in sorted(causes - known)]
    return problems


def _judge_gates(outcome: Outcome, results: dict[str, SubmissionResult]) -> None:
    runs = [results[name] for name in ("reference", *(f"reference {salt}" for salt in _MORE_SALTS)) if name in results]
    for name, gate in outcome.assignment.gates.items():
        measured = [found[name] for found in map(measurements_of, runs) if name in found]
        found = drift(gate, measured) if measured else ""
        if found:
            outcome.problems.append(f"gate {name}: {found}")


def _lost(result: SubmissionResult) -> list[str]:
    if result.status != "graded":
        return [f"everything: {result.status}: {result.message} {result.detail}"]
    return [f"{q} '{t.name}': {t.message} {t.detail}" for q, t in _tests(result) if t.status != "passed" or t.note]


def _judge_misconception(outcome: Outcome, m: Misconception, result: SubmissionResult) -> None:
    failed = [t for _, t in _tests(result) if t.status == "failed"]
    outcome.caught[m.name] = {t.name for t in failed}
    if any(t.misconception == m.name for t in failed[:1]):
        outcome.named.add(m.name)
    if m.caught_by not in outcome.cases.get(m.question, ()):
        outcome.problems.append(f"{m.question}: {m.name} names the case '{m.caught_by}', which there is not")
    elif m.caught_by not in outcome.caught[m.name]:
        outcome.problems.append(f"{m.question}: {m.name} passes '{m.caught_by}'; status {result.status} {result.detail}")
    outcome.problems += [f"{m.name}: {t.name}: {t.detail}" for _, t in _tests(result) if t.status == "grader_error"]


def _tests(result: SubmissionResult) -> list[tuple[str, TestResult]]:
    return [(q, t) for q, r in result.questions.items() for t in r.tests]


def _print(console: Console, outcome: Outcome) -> None:
    """The matrix wrong variants × cases for each question, then the verdict."""
    for q, cases in outcome.cases.items():
        variants = [m for m in outcome.misconceptions if m.question == q]
        table = Table(title=f"{outcome.assignment.name} {q}", title_justify="left", show_edge=False)
        table.add_column("wrong variant")
        for index, _ in enumerate(cases, start=1):
            table.add_column(str(index), justify="center")
        table.add_column("named")
        for m in variants:
            caught = outcome.caught.get(m.name, set())
            table.add_row(m.name, *("✗" if c in caught else "·" for c in cases), "yes" if m.name in outcome.named else "")
        console.print(table)
        console.print("  " + "; ".join(f"{i} {c}" for i, c in enumerate(cases, start=1)), style="dim", highlight=False)
        console.print()
    count, named = len(outcome.misconceptions), len(outcome.named)
    correct = ", ".join(outcome.correct)
    console.print(f"{outcome.assignment.name}: {count} wrong variants, {named} of them named in the feedback; full marks: {correct}")
    for problem in outcome.problems:
        console.print(f"PROBLEM {problem}", style="red", markup=False, highlight=False)
    console.print("valid" if not outcome.problems else f"{len(outcome.problems)} problems", style="bold")
