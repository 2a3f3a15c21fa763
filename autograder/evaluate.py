"""Grading one submission: read it, run it, ask it, and turn the outcome into marks.

    read ─► run the cells ─► for each question in order: run its cases
                 │           └─ where a case fails and an earlier question is broken: once more, with the
                 │              reference standing in for that question's functions (error carried forward)
                 └─► for each wrong answer that no misconception explains: where it first goes wrong
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from otter.test_files import TestCase

from autograder.cases import Verdict, run_case
from autograder.devices import CPU, Slot
from autograder.diagnosis import Diagnosis
from autograder.findings import LIMIT_S, replayable, where
from autograder.plan import Plan, Question
from autograder.results import QuestionResult, SubmissionResult, TestResult
from autograder.session.client import SessionEnded, StudentError, TimedOut
from autograder.session.namespace import RecordedCall
from autograder.session.notebook import BudgetSpent, Notebook, Unreadable
from autograder.session.policy import DEVICES, Policy, library_paths
from autograder.standins import answers
from autograder.testing.hidden import hidden_salt, measurements

__all__ = ["Graded", "Work", "grade"]

_FINDINGS_S = 3.0  # for all findings of one submission
_SHARED_PROCESS = "this test cannot run over the process boundary and ran in the student's process: its mark could be forged"


@dataclass(frozen=True)
class Work:
    """One submission to grade.

    salt: of the hidden inputs; questions, cases: only these, all of them if empty; broken: questions that are not
    graded again and are known to be wrong.
    """

    name: str
    filename: str
    data: bytes
    salt: str
    questions: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graded:
    """The result, the executed notebook (nbformat 4 as plain data) and the sandbox's layers.

    starved: a time limit ended code that had waited more than it had computed, so the machine may be to blame.
    """

    result: SubmissionResult
    notebook: dict[str, Any] | None = None
    layers: dict[str, str] = field(default_factory=dict)
    starved: bool = False


def grade(control: socket.socket, plan: Plan, work: Work, slot: Slot = CPU) -> Graded:
    """Grade one submission in a box forked by the template behind ``control``, which computes on ``slot``.

    Student's faults end in the result; ``GraderFault`` is raised where the grader failed, and the caller
    tries again.
    """
    started = time.monotonic()
    notebook = Notebook(control, _policy(plan, slot), plan.limits, _number(work.salt, "notebook"), plan.before_cell)
    try:
        try:
            notebook.read(work.filename, work.data, plan.assignment, check_name=plan.ours)
        except (Unreadable, BudgetSpent) as error:
            return Graded(_unreadable(plan, work, str(error), time.monotonic() - started), layers=notebook.layers)
        status = notebook.run()
        with hidden_salt(work.salt):
            grading = _Grading(plan, notebook, work)
            questions = grading.all_questions()
        if notebook.fault is not None:
            raise notebook.fault
        starved, memory_mib = notebook.starved, notebook.peak_memory_mib()
        questions = grading.with_findings(questions)
        status = status or grading.status
        result = SubmissionResult.of(
            work.name,
            questions,
            status=status or "graded",
            message=_status_message(status, plan),
            notes=_notebook_notes(notebook),
            seconds=time.monotonic() - started,
            student_seconds=notebook.student_seconds,
            memory_mib=memory_mib,
        )
        score, possible = plan.total(result.score, result.max_score)
        result = replace(result, score=score, max_score=possible)
        return Graded(result, _executed(notebook), notebook.layers, starved)
    finally:
        notebook.close()


class _Grading:
    """Walks the questions of one submission and remembers what is broken."""

    def __init__(self, plan: Plan, notebook: Notebook, work: Work) -> None:
        self._plan, self._notebook, self._work = plan, notebook, work
        self._broken = set(work.broken)
        self._diagnosis = Diagnosis(None, ())
        self._stand_ins: dict[str, Any] = {}
        self._wrong: dict[tuple[str, str], tuple[dict[str, Any], list[RecordedCall]]] = {}  # by question and case
        self._spent = ""
        self.status = ""

    def all_questions(self) -> dict[str, QuestionResult]:
        wanted = self._plan.only(self._work.questions) if self._work.questions else self._plan.questions
        found = {q.name: self._question(q) for q in wanted}
        return {q: found[q] for q in sorted(found, key=_natural)} if self._plan.ours else found

    def _question(self, question: Question) -> QuestionResult:
        broken = [q for q in self._plan.only(question.needs) if q.name in self._broken]
        cases = [c for c in question.file.test_cases if not self._work.cases or c.name in self._work.cases]
        tests = self._cases(question, cases, diagnose=not broken)
        if broken and any(t.status == "failed" for t in tests):
            tests = self._carry_forward(question, cases, tests, broken)
        if any(t.status == "failed" for t in tests):  # by its own fault, not by that of a question before it
            self._broken.add(question.name)
        if question.file.all_or_nothing and any(t.status != "passed" for t in tests):
            tests = [replace(t, score=0.0) for t in tests]
        return QuestionResult.of(tests)

    def _carry_forward(
        self, question: Question, cases: list[TestCase], tests: list[TestResult], broken: list[Question]
    ) -> list[TestResult]:
        """The failed cases once more, with the reference in place of the broken earlier questions."""
        if self._plan.reference is None or self._spent:
            return tests
        stand_ins = answers(self._plan.reference, [n for q in broken for n in q.names])
        if not stand_ins:  # classes: nothing can stand in for them
            return tests
        try:
            with self._standing_in(stand_ins):
                failed = [case for t, case in zip(tests, cases, strict=True) if t.status == "failed"]
                anew = iter(self._cases(question, failed, diagnose=True))
                again = [next(anew) if t.status == "failed" else t for t in tests]
        except (BudgetSpent, StudentError, TimedOut, SessionEnded):
            return tests
        names = ", ".join(q.name for q in broken if stand_ins.keys() & set(q.names))
        notes = {
            "passed": f"graded with the reference standing in for {names}",
            "failed": f"it also fails with the reference standing in for {names}",
        }
        return [
            replace(new, note=notes[new.status]) if new is not old and new.status in notes else old
            for old, new in zip(tests, again, strict=True)
        ]

    @contextmanager
    def _standing_in(self, stand_ins: dict[str, Any]) -> Iterator[None]:
        """The reference's values in place of these functions of the student's."""
        bounded = {n: _bounded(self._notebook, f) for n, f in stand_ins.items()}
        self._notebook.namespace.callbacks.update(bounded)
        self._stand_ins = stand_ins
        try:
            if stand_ins:
                self._notebook.stand_in(list(stand_ins))
            yield
        finally:
            self._stand_ins = {}
            if stand_ins:
                self._give_back(bounded)

    def _give_back(self, stand_ins: dict[str, Any]) -> None:
        """The student's functions again; stand-ins that student code has kept answer no more."""
        for name in stand_ins:
            del self._notebook.namespace.callbacks[name]
        try:
            self._notebook.stand_in([])
        except Exception:  # the box is gone; the next test opens another, without stand-ins
            self._notebook.close()

    def _cases(self, question: Question, cases: list[TestCase], *, diagnose: bool) -> list[TestResult]:
        """The results of cases that run on the same functions; a wrong answer is explained when all have run."""
        self._diagnosis = Diagnosis(self._plan.reference if diagnose else None, self._plan.misconceptions)
        tests = [self._case(question, case) for case in cases]
        if not diagnose:
            self._wrong = {key: wrong for key, wrong in self._wrong.items() if key[0] != question.name}
        return [self._explained(t) for t in tests] if diagnose else [replace(t, misconception=None) for t in tests]

    def _explained(self, test: TestResult) -> TestResult:
        """The result with the misconception that the test has found, else with the one whose numbers are the student's."""
        if test.status != "failed":
            return test
        proven = next((m for m in self._plan.misconceptions if m.name == test.misconception), None)
        found = proven if proven and self._diagnosis.allows(proven) else self._diagnosis.misconception(test.name)
        return replace(test, misconception=found and found.name, explanation=found.explanation if found else "")

    def with_findings(self, questions: dict[str, QuestionResult]) -> dict[str, QuestionResult]:
        """The results with words on where a wrong answer that no misconception explains first goes wrong.

        Marks are settled by now: whatever becomes of these calls costs nothing but the words.
        """
        deadline = time.monotonic() + _FINDINGS_S
        return {
            q: replace(result, tests=tuple(replace(t, finding=self._finding(q, t, deadline)) for t in result.tests))
            for q, result in questions.items()
        }

    def _finding(self, q: str, test: TestResult, deadline: float) -> str:
        stand_ins, calls = self._wrong.get((q, test.name), ({}, []))
        if test.status != "failed" or test.misconception or not calls or time.monotonic() > deadline:
            return ""
        with suppress(Exception):
            if self._notebook.begin_replay(LIMIT_S):
                with self._standing_in(stand_ins):
                    return where(calls, self._notebook.namespace, self._plan.reference)
        return ""

    def _case(self, question: Question, case: TestCase) -> TestResult:
        started = time.monotonic()
        with measurements() as measured:
            verdict = self._verdict(question, case)
            measured = dict(measured)
        if verdict.wrong_answer and self._plan.reference is not None:
            calls = replayable(self._notebook.namespace.calls, self._plan.reference)
            self._wrong[question.name, case.name] = self._stand_ins, calls
        self._diagnosis.add(case.name, self._notebook.namespace.calls, verdict.wrong_answer and not verdict.cause)
        shared = None
        if not self._plan.ours and verdict.wrong_answer:
            shared = self._in_student_process(question, case)
        return TestResult(
            name=case.name,
            status="passed" if shared else verdict.status,
            score=float(case.points) * (1.0 if shared else verdict.share),
            max_score=float(case.points),
            message=(case.success_message or "") if shared else verdict.message,
            misconception=verdict.cause,
            detail="" if shared else f"{verdict.detail}\n{self._notebook.printed}".strip(),
            seconds=time.monotonic() - started,
            note=_SHARED_PROCESS if shared else "",
            measured=measured,
        )

    def _verdict(self, question: Question, case: TestCase) -> Verdict:
        if self._spent:
            return Verdict("skipped", f"Not run: {self._spent}.")
        try:
            self._notebook.begin_test(_number(self._work.salt, question.name, case.name))
            return run_case(question.file, case, self._notebook.namespace, self._plan.reference)
        except BudgetSpent as spent:
            self._spent, self.status = str(spent), spent.status
            return Verdict("skipped", f"Not run: {spent}.")

    def _in_student_process(self, question: Question, case: TestCase) -> bool:
        """Whether a foreign test passes where stock otter would run it."""
        with open(question.file.path) as file:
            source = file.read()
        index = question.file.test_cases.index(case)
        path = f"{question.name}.py"
        try:
            self._notebook.begin_test(_number(self._work.salt, question.name, case.name))
            match self._notebook.request("test_here", path, source, index):
                case [True, _]:
                    return True
        except Exception:
            return False
        return False


def _bounded(notebook: Notebook, function: Any) -> Any:
    return lambda *content: notebook.namespace.bounded(function, *content)


def _policy(plan: Plan, slot: Slot) -> Policy:
    limits = plan.limits
    return Policy(
        devices=DEVICES + slot.devices,
        gpu_memory_mib=slot.memory_mib,
        read=library_paths(),
        public=plan.public,
        memory_mib=limits.memory_mib,
        processes=limits.processes,
        scratch_mib=limits.scratch_mib,
        cpu_s=int(2 * limits.time_s) + 1,
    )


def _number(*parts: str) -> int:
    """A seed that is fixed for the submission's salt and the test."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:4], "little") >> 1


def _natural(q: str) -> tuple:
    digits = "".join(c for c in q if c.isdigit())
    return (int(digits) if digits else 0, q)


def _unreadable(plan: Plan, work: Work, reason: str, seconds: float) -> SubmissionResult:
    _, possible = plan.total(0.0, sum(q.file.possible for q in plan.questions))
    return SubmissionResult(
        submission=work.name, status="unreadable", score=0.0, max_score=possible, message=reason, seconds=seconds
    )


def _status_message(status: str, plan: Plan) -> str:
    return {
        "timeout": f"A cell or the whole notebook ran longer than its limit ({plan.limits.cell_s:g} s a cell, "
        f"{plan.limits.time_s:g} s in all); everything else was graded.",
        "memory": f"The notebook needed more than {plan.limits.memory_mib} MiB; what came before was graded.",
        "crashed": "The notebook's process ended in the middle of its work; everything else was graded.",
    }.get(status, "")


def _notebook_notes(notebook: Notebook) -> tuple[str, ...]:
    """The first cells that raised or had to be stopped, for the student."""
    notes = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.fatal:
            notes.append(f"Cell {number} did not end by itself ({cell.fatal}).")
        elif cell.error:
            notes.append(f"Cell {number} raised {str(cell.error.get('type'))[:100]}; the cells after it ran all the same.")
    return tuple(notes[:5])


def _executed(notebook: Notebook) -> dict[str, Any]:
    """The notebook with its outputs, in nbformat 4.5; outputs are checked, since the student process made them."""
    cells = []
    for number, cell in enumerate(notebook.cells, start=1):
        entry: dict[str, Any] = {"id": f"cell-{number}", "cell_type": cell.kind, "metadata": {}, "source": cell.source}
        if cell.kind == "code":
            outputs = cell.outputs if isinstance(cell.outputs, list) else []
            entry |= {"execution_count": None, "outputs": [o for o in map(_output, outputs[:1000]) if o]}
        cells.append(entry)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}


def _output(output: Any) -> dict[str, Any] | None:
    match output:
        case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str() as text}:
            return {"output_type": "stream", "name": name, "text": text}
        case {"output_type": "error", "ename": str() as ename, "evalue": str() as evalue, "traceback": list() as lines}:
            return {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": [str(x) for x in lines]}
        case {"output_type": "display_data" | "execute_result" as kind, "data": dict() as data}:
            kept = {str(m): v for m, v in data.items() if isinstance(v, str)}
            extra = {"execution_count": None} if kind == "execute_result" else {}
            return {"output_type": kind, "data": kept, "metadata": {}} | extra
    return None
