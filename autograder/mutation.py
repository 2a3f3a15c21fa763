"""Mutation testing of an assignment: do hidden tests fail each mutant, and is the feedback right about it?

Every mutant of the reference (see :mod:`autograder.mutants`) is graded on its question in isolation, like a submission.

- One that passes everything has *survived*. Either it computes the same as the reference, or the hidden tests have a
  hole; on held-out inputs (see :mod:`autograder.heldout`) the first kind shows.
- A *cause* that the feedback names is true if the mutant is that misconception on held-out inputs. Numbers cannot tell
  where the answer is a model or drawn at random: there the mutant must fail no case that the misconception passes with
  other hidden inputs, and be named again with those. Precision is the share of true ones among the named; recall the share
  named among the mutants that give the numbers of a listed misconception.
- A *finding* ("the sign is flipped") is true if it is found again with other hidden inputs.
- A *line* is what the feedback quotes as the place where an answer goes wrong; it is right if it is the changed one. A
  change in a helper may well be put right where the helper is called.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType

from rich.console import Console
from rich.table import Table

from autograder.batch.local import grade_all
from autograder.batch.sources import AssignmentSource
from autograder.config import Assignment, Course
from autograder.evaluate import Work
from autograder.heldout import HeldOut, cases_failed_by, recorded_calls
from autograder.mutants import Mutant, mutants_of
from autograder.plan import Plan, plan_of_assignment
from autograder.progress import counted
from autograder.results import SubmissionResult

__all__ = ["Judgement", "finding", "held_out", "judged", "mutants_for", "run"]

_SALT, _OTHER_SALT = "mutants", "other mutants"
_HELD_OUT_SALTS = ("held out 1", "held out 2")
_QUICK = 6  # mutants of a question
_LINES = "The line"  # and what follows, in the words of `autograder.checking.steps`
_TESTS = 4  # as many full time limits of a test may one mutant take

# What `autograder.checking` says of arrays that differ in a certain way.
_FINDING = re.compile(
    r"the sign is flipped|every value is \S+ times the correct one|all values are wrong by the same factor"
    r"|the matrix is transposed"
    r"|the axes are in another order|the values are in reverse order(?: along the last axis)?"
    r"|every row is one place too (?:late|early): off by one|every (?:row|column) is the same: the (?:mean|sum) over all \w+"
    r"|they were computed in float16|the values are rounded to whole numbers|all values are (?:zero|the same number)"
    r"|only the (?:first|last) of \d+ rows is (?:right|wrong)|the (?:first|last) \d+ of \d+ rows are right"
)


@dataclass
class Judgement:
    """One mutant and what came of it.

    causes, findings, lines: what the feedback says, and whether that is so; is_one_of: the misconceptions
    that it is by its numbers; failed: names of the cases that it fails.
    """

    mutant: Mutant
    survived: bool = False
    equivalent: bool = False
    causes: dict[str, bool] = field(default_factory=dict)
    findings: dict[str, bool] = field(default_factory=dict)
    lines: dict[str, bool] = field(default_factory=dict)
    is_one_of: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    problem: str = ""


@dataclass(frozen=True)
class _Source:
    """The plan of an assignment with little time for a submission: a mutant may loop for ever."""

    source: AssignmentSource

    def __call__(self) -> Plan:
        plan = self.source()
        return plan.with_limits(time_s=min(plan.limits.time_s, _TESTS * plan.limits.test_s))


def run(course: Course, assignments: Iterable[Assignment], quick: bool = False) -> bool:
    """Judge the mutants of each assignment and print what was found; True where no false cause is named."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each mutant that trains is traced anew
    console = Console()
    found = []
    for assignment in assignments:
        judgements = _judgements(course, assignment, quick)
        _print(console, assignment, judgements)
        found += judgements
    return all(all(j.causes.values()) and not j.problem for j in found)


def mutants_for(course: Course, assignment: Assignment) -> list[Mutant]:
    """All mutants of the assignment's reference."""
    questions = {q: assignment.questions[q].names for q in assignment.order}
    return mutants_of(course.reference(assignment).read_text(encoding="utf-8"), questions)


def _judgements(course: Course, assignment: Assignment, quick: bool) -> list[Judgement]:
    plan = plan_of_assignment(course, assignment)
    mutants = mutants_for(course, assignment)
    if quick:
        mutants = list(_sample(mutants, plan.version))
    inputs = {q: held_out(plan, q) for q in dict.fromkeys(m.question for m in mutants)}
    by_name = {m.name: m for m in mutants}
    found: dict[str, Judgement] = {}
    again = []
    for work, result in _graded(course, assignment, [_work(m, _SALT) for m in mutants]):
        mutant = by_name[work.name]
        found[work.name] = judged(mutant, result, plan, inputs[mutant.question])
        cases = tuple(t.name for t in result.tests if t.status == "failed" and (t.misconception or finding(t.message)))
        again += [_work(mutant, _OTHER_SALT, cases)] if cases else []
    for work, result in _graded(course, assignment, again):
        _confirm(found[work.name], result, plan, inputs[work.questions[0]])
    return [found[m.name] for m in mutants]


def _work(mutant: Mutant, salt: str, cases: tuple[str, ...] = ()) -> Work:
    return Work(mutant.name, "mutant.py", mutant.source.encode(), salt, (mutant.question,), cases)


def _sample(mutants: Iterable[Mutant], version: str) -> Iterator[Mutant]:
    """A few of each question, others for another version of the assignment."""
    chance = random.Random(version)
    of_question: dict[str, list[Mutant]] = {}
    for m in mutants:
        of_question.setdefault(m.question, []).append(m)
    for found in of_question.values():
        yield from chance.sample(found, min(_QUICK, len(found)))


def held_out(plan: Plan, name: str) -> HeldOut:
    """The calls of the question ``name`` with inputs that no mutant is graded on."""
    [question] = plan.only([name])
    calls = [call for salt in _HELD_OUT_SALTS for call in recorded_calls(plan, question, salt)]
    return HeldOut(calls, plan.reference, plan.misconceptions)


def _graded(course: Course, assignment: Assignment, works: list[Work]) -> Iterator[tuple[Work, SubmissionResult]]:
    if not works:
        return
    source = _Source(AssignmentSource(course.root, assignment.name))
    gradings = grade_all(works, source, course.defaults.workers, assignment.limits.time_s, lambda _: None)
    for work, graded in counted(gradings, len(works), f"mutants of {assignment.name}"):
        yield work, graded.result


def judged(mutant: Mutant, result: SubmissionResult, plan: Plan, inputs: HeldOut) -> Judgement:
    """What the grading of a mutant says, and what of it holds on ``inputs``; findings have yet to be confirmed."""
    variant = _module(mutant, plan.reference)
    if result.status == "graded" and all(t.status == "passed" for t in result.tests):
        return Judgement(mutant, survived=True, equivalent=inputs.equivalent(variant))
    judgement = Judgement(mutant, is_one_of=inputs.misconceptions(variant))
    if result.has_grader_error or result.status == "grader_error":
        judgement.problem = f"the grader failed: {result.message} {result.detail}"
    judgement.failed = {t.name for t in result.tests if t.status == "failed"}
    causes = {t.misconception for t in result.tests if t.misconception}
    judgement.causes = {cause: cause in judgement.is_one_of for cause in sorted(causes)}
    judgement.findings = {found: False for t in result.tests if (found := finding(t.message))}
    if mutant.text != "pass":  # what is not there cannot be quoted
        quoted = (t.finding.partition(_LINES)[2] for t in result.tests)
        judgement.lines = {words: mutant.text in words for words in quoted if words}
    return judgement


def _confirm(judgement: Judgement, result: SubmissionResult, plan: Plan, inputs: HeldOut) -> None:
    """What holds with other hidden inputs, too."""
    known = {m.name: m for m in plan.misconceptions}
    for test in result.tests:
        cause = test.misconception
        if cause in judgement.causes and not judgement.causes[cause] and not inputs.decides(known[cause]):
            judgement.causes[cause] = judgement.failed <= cases_failed_by(known[cause], plan, _OTHER_SALT)
        if (found := finding(test.message)) in judgement.findings:
            judgement.findings[found] = True


def finding(message: str) -> str:
    """What a message says of the way in which arrays differ; "" if nothing."""
    found = _FINDING.search(message)
    return found[0] if found else ""


def _module(mutant: Mutant, reference: ModuleType) -> ModuleType:
    """The changed reference as a module of its own."""
    module = ModuleType(reference.__name__)
    module.__package__ = reference.__package__
    exec(compile(mutant.source, f"<{mutant.name}>", "exec"), vars(module))  # noqa: S102  the course's own source
    return module


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _print(console: Console, assignment: Assignment, judged: list[Judgement]) -> None:
    """A row for each question and one for all, then the survivors and what is false."""
    table = Table(title=f"{assignment.name}: mutants", title_justify="left", show_edge=False)
    table.add_column("question")
    columns = ("mutants", "killed", "equivalent", "survived", "causes", "false", "precision", "known", "recall", "findings", "false", "lines", "right")
    for column in columns:
        table.add_column(column, justify="right")
    by_question = {q: [j for j in judged if j.mutant.question == q] for q in assignment.questions}
    for q, rows in by_question.items():
        table.add_row(q, *_figures(rows))
    table.add_section()
    table.add_row("all", *_figures(judged), style="bold")
    console.print(table)
    for judgement in judged:
        for words in _complaints(judgement):
            console.print(f"  {judgement.mutant.question} {words}", markup=False, highlight=False, soft_wrap=True)
    console.print()


def _figures(judged: list[Judgement]) -> Iterator[str]:
    survived = [j for j in judged if j.survived]
    equivalent = sum(j.equivalent for j in survived)
    causes = [true for j in judged for true in j.causes.values()]
    known = [j for j in judged if j.is_one_of]
    findings = [true for j in judged for true in j.findings.values()]
    figures = (len(judged), len(judged) - len(survived), equivalent, len(survived) - equivalent, len(causes), causes.count(False))
    yield from map(str, figures)
    yield _share(causes.count(True), len(causes))
    yield str(len(known))
    yield _share(sum(bool(j.is_one_of & j.causes.keys()) for j in known), len(known))
    lines = [right for j in judged for right in j.lines.values()]
    yield from map(str, (len(findings), findings.count(False), len(lines), lines.count(True)))


def _complaints(judgement: Judgement) -> Iterator[str]:
    name = judgement.mutant.name
    if judgement.problem:
        yield f"PROBLEM {name}: {judgement.problem}"
    if judgement.survived and not judgement.equivalent:
        yield f"survived: {name}"
    for cause, true in judgement.causes.items():
        if not true:
            yield f"FALSE CAUSE {cause}: {name}"
    for found, true in judgement.findings.items():
        if not true:
            yield f"found once only, {found!r}: {name}"
    for words, right in judgement.lines.items():
        if not right:
            yield f"{_LINES}{words} instead of `{judgement.mutant.text}`: {name}"
    if judgement.is_one_of - judgement.causes.keys() == judgement.is_one_of != set():
        yield f"not named, {', '.join(sorted(judgement.is_one_of))}: {name}"
