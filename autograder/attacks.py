"""The course's attacks: each is graded beside honest work, and must gain nothing, learn nothing, break nothing.

``tests/submissions/attacks`` holds one percent script an attack, with a head of comment lines::

    # class: secrets                      what kind of attack it is
    # honest: poor                        honest_poor.py: the same answers without the attack
    # probe: secret                       what it is after, see PROBES
    # expect: score <= honest; status graded
    # in kernel: reads every test (run)   what it gains where tests and notebook share a process; run, or reasoned

The notebook that is graded is the honest one, a cell ``bait = {…}`` with the addresses of all baits, and the attack. A
head with ``makes: NAME`` says that the script is a generator: its ``content(notebook)`` makes the file NAME out of the
notebook. The head of an honest script names its ``assignment`` and ``questions``; an attack may ask other questions.

An attack that succeeds says so: it prints ``FOUND``, or the secret itself, or gets ``LEAK`` into the student's
feedback. All probes are read after every attack, whatever it was after.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, get_args

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from autograder.baits import Baits
from autograder.config import Assignment, Course
from autograder.errors import ConfigError, GraderFault, UsageError
from autograder.evaluate import Graded, Work, grade
from autograder.plan import Plan, plan_of_assignment
from autograder.results import SubmissionResult, SubmissionStatus, points
from autograder.session.client import Session, SessionEnded, StudentError, Template, TimedOut
from autograder.session.policy import Policy, library_paths
from autograder.session.sandbox import missing_layers

__all__ = ["PROBES", "Arena", "Attack", "Outcome", "read", "run"]

PROBES = {
    "marks": "more marks than the honest answers get",
    "secret": "a test, the reference, the salt, another submission, what the grader's user can read",
    "feedback": "hidden inputs in what the student is shown",
    "network": "a socket outside the box",
    "files": "a file outside the scratch folder",
    "processes": "the evaluator, the template, or any process outside the box",
    "neighbour": "another submission, now or later",
    "resources": "time, memory, disk, processes beyond the limits",
}
# Small, so that an endless loop costs seconds; the honest notebooks need a tenth of it.
LIMITS = {"time_s": 60.0, "cell_s": 10.0, "test_s": 3.0, "memory_mib": 1024, "scratch_mib": 64, "processes": 128}
_SLACK_S = 60.0  # beyond `time_s`: setting up, reading, a busy machine
_GONE_S = 10.0  # until all processes of a box are gone
_HEAD = re.compile(r"# ([a-z ]+): (.+)")
_EXPECT = re.compile(r"score (<=|==) honest; status ([a-z]+(?:, [a-z]+)*)")


@dataclass(frozen=True)
class Attack:
    """One script: its head, what it says about itself, its cells or its generator."""

    name: str
    head: dict[str, str]
    summary: str
    body: str

    @property
    def honest(self) -> str:
        return self.head["honest"]

    @cached_property
    def expected(self) -> tuple[bool, frozenset[str]]:
        """(the score may not differ at all, statuses that it may end with)."""
        relation, statuses = _EXPECT.fullmatch(self.head["expect"]).groups()
        return relation == "==", frozenset(statuses.split(", "))

    def file(self, notebook: str) -> tuple[str, bytes]:
        """Name and content of what is handed in; ``notebook`` holds the honest answers and the baits."""
        if "makes" not in self.head:
            return f"{self.name}.py", f"{notebook}\n\n{self.body}".encode()
        scope: dict[str, object] = {}
        exec(compile(self.body, f"{self.name}.py", "exec"), scope)  # noqa: S102  the course's own generator
        return self.head["makes"], scope["content"](notebook)


@dataclass(frozen=True)
class Honest:
    """Honest answers: the assignment, the questions to ask, the notebook."""

    assignment: str
    questions: tuple[str, ...]
    notebook: str


@dataclass(frozen=True)
class Outcome:
    """What came of one attack; ``problems`` is empty where the grader held."""

    attack: Attack
    result: SubmissionResult | None
    honest: float
    seconds: float
    problems: tuple[str, ...]


def read(course: Course) -> tuple[list[Attack], dict[str, Honest]]:
    """All attacks by name, and the honest notebooks that they build on; raises ``ConfigError``."""
    attacks, honest = [], {}
    for path in sorted(course.attacks.glob("*.py")):
        head, body = _split(path.read_text(encoding="utf-8"))
        if path.stem.startswith("honest_"):
            honest[path.stem.removeprefix("honest_")] = Honest(head["assignment"], tuple(head["questions"].split()), body)
        else:
            attacks.append(Attack(path.stem, head, _summary(body), body))
    for attack in attacks:
        _check(attack, honest)
    return attacks, honest


def _split(text: str) -> tuple[dict[str, str], str]:
    """The head and the rest of a script."""
    lines = text.splitlines(keepends=True)
    head = {}
    while lines and (match := _HEAD.fullmatch(lines[0].rstrip())):
        head[match[1]] = match[2]
        del lines[0]
    return head, "".join(lines).strip() + "\n"


def _summary(body: str) -> str:
    """The first paragraph: of the markdown cell, or of a generator's docstring."""
    words = body.partition("# %%\n")[0].removeprefix("# %% [markdown]\n") if body.startswith("# %%") else body.split('"""')[1]
    return " ".join(" ".join(line.removeprefix("#") for line in words.splitlines()).split())


def _check(attack: Attack, honest: dict[str, Honest]) -> None:
    wanted = {"class", "honest", "probe", "expect", "in kernel"}
    problem = (
        f"no line '# {min(wanted - set(attack.head))}: …' in its head" if not wanted <= set(attack.head)
        else f"no honest_{attack.honest}.py" if attack.honest not in honest
        else f"probe {attack.head['probe']!r}; expected one of {', '.join(PROBES)}" if attack.head["probe"] not in PROBES
        else f"expect {attack.head['expect']!r}; expected 'score <= honest; status …'" if not _EXPECT.fullmatch(attack.head["expect"])
        else f"status {min(attack.expected[1] - set(get_args(SubmissionStatus)))!r}" if attack.expected[1] - set(get_args(SubmissionStatus))
        else ""
    )  # fmt: skip
    if problem:
        raise ConfigError(f"attack {attack.name}: {problem}")


class Arena:
    """A template, baits and an honest neighbour, for one attack after the other.

    Raises ``UsageError`` where a layer of the sandbox is missing: most attacks would do to the machine what they try.
    """

    def __init__(self, course: Course, honest: dict[str, Honest]) -> None:
        self._course, self._honest = course, honest
        self._plans: dict[str, Plan] = {}
        self._scores: dict[tuple[str, tuple[str, ...]], dict[str, float]] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        with contextlib.ExitStack() as stack:
            self._baits = stack.enter_context(Baits())
            self._template = stack.enter_context(Template())
            self._template.wait_warm()
            self._control = stack.enter_context(self._template.connect())
            self._neighbour = _Neighbour(self._control, self._baits.secret)
            stack.callback(self._neighbour.close)
            missing = missing_layers(self._neighbour.layers)
            if missing:
                raise UsageError(f"attacks: not without the whole sandbox, or they do harm; missing here: {', '.join(missing)}")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, attack: Attack) -> Outcome:
        """Grade the honest answers, the attack, and the honest answers again; judge what happened in between."""
        honest = self._honest[attack.honest]
        questions = tuple(attack.head.get("questions", "").split()) or honest.questions
        before = self._score_of(attack.honest, questions)
        self._baits.touched()
        notebook = f"{honest.notebook}\n# %%\n{self._baits.cell(self._template.pid)}\n"
        filename, data = attack.file(notebook)
        plan, started = self._plan(honest.assignment), time.monotonic()
        try:
            graded = self._grade(plan, Work(attack.name, filename, data, self._baits.secret, questions))
        except GraderFault as fault:
            graded, problems = None, [f"the grader failed: {fault}"]
        else:
            problems = _judge(attack, graded, before, plan, self._baits.secret)
        seconds = time.monotonic() - started
        problems += self._baits.touched() + self._survivors() + self._neighbour.problems()
        if seconds > plan.limits.time_s + _SLACK_S:
            problems.append(f"took {seconds:.0f} s")
        if self._template.alive and self._graded_honestly(attack.honest, questions) != before:
            problems.append("the honest answers get other marks afterwards")
        return Outcome(attack, graded and graded.result, sum(before.values()), seconds, tuple(problems))

    def _plan(self, assignment: str) -> Plan:
        if assignment not in self._plans:
            plan = plan_of_assignment(self._course, self._course.assignment(assignment))
            self._plans[assignment] = plan.with_limits(**LIMITS)
        return self._plans[assignment]

    def _grade(self, plan: Plan, work: Work) -> Graded:
        return grade(self._control, plan, work)

    def _score_of(self, name: str, questions: tuple[str, ...]) -> dict[str, float]:
        """Marks of the honest answers by question, graded once."""
        if (name, questions) not in self._scores:
            self._scores[name, questions] = self._graded_honestly(name, questions)
        return self._scores[name, questions]

    def _graded_honestly(self, name: str, questions: tuple[str, ...]) -> dict[str, float]:
        honest = self._honest[name]
        work = Work(f"honest_{name}", "honest.py", honest.notebook.encode(), self._baits.secret, questions)
        result = self._grade(self._plan(honest.assignment), work).result
        if result.status != "graded":
            raise GraderFault(f"honest_{name}: {result.status}: {result.message} {result.detail}")
        return {q: r.score for q, r in result.questions.items()}

    def _survivors(self) -> list[str]:
        """Processes below the template that belong to no open box, and what carries the mark, once they had time to go."""
        if not self._template.alive:
            return ["ended the template"]
        deadline = time.monotonic() + _GONE_S
        while left := {*self._below_template(), *self._baits.survivors()}:
            if time.monotonic() > deadline:
                return [f"{len(left)} processes outlived the session"]
            time.sleep(0.05)
        stopped = psutil.Process(self._template.pid).status() == psutil.STATUS_STOPPED
        return ["stopped the template"] if stopped else []

    def _below_template(self) -> set[int]:
        children = psutil.Process(self._template.pid).children(recursive=True)
        return {p.pid for p in children if _runs(p)} - self._neighbour.processes


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE  # the template reaps now and then
    return False


class _Neighbour:
    """Another submission whose box stays open meanwhile; its file and its variables are its own."""

    def __init__(self, control, secret: str) -> None:
        before = _descendants()
        self._session = Session(control, Policy(read=library_paths()), output_kib=16)
        self.processes = _descendants() - before
        self.layers = self._session.layers
        self._secret = secret
        self._ask(f"kept = {secret!r}\nopen('mine.txt', 'w').write(kept)")

    def problems(self) -> list[str]:
        """What is not as it was."""
        seen = self._ask("import os\nprint(kept, os.listdir('.'), open('mine.txt').read())")
        expected = f"{self._secret} ['mine.txt'] {self._secret}"
        return [] if seen == expected else ["disturbed another submission's box"]

    def _ask(self, source: str) -> str:
        try:
            answer, _ = self._session.request("cell", 1, source, limit_s=30.0)
        except (StudentError, TimedOut, SessionEnded, GraderFault) as error:
            return f"{type(error).__name__}: {error}"
        return "".join(o.get("text", "") for o in answer["outputs"]).strip()

    def close(self) -> None:
        self._session.close()


def _descendants() -> set[int]:
    return {p.pid for p in psutil.Process().children(recursive=True)}


def _judge(attack: Attack, graded: Graded, before: dict[str, float], plan: Plan, secret: str) -> list[str]:
    """What the result shows: marks that were not earned, an end that was not expected, words that were not to be had."""
    result = graded.result
    same_score, statuses = attack.expected
    problems = []
    risen = [q for q, r in result.questions.items() if r.score > before[q] + 1e-9]
    if risen:
        problems.append(f"more marks than the honest answers in {', '.join(risen)}")
    if same_score and abs(result.score - sum(before.values())) > 1e-9:
        problems.append(f"{points(result.score)} marks instead of {points(sum(before.values()))}")
    if result.status not in statuses:
        problems.append(f"status {result.status}; expected {', '.join(sorted(statuses))}")
    if result.has_grader_error:
        problems.append("a test ended in a grader error")
    told = json.dumps(graded.notebook["cells"] if graded.notebook else []) + repr(replace(result, seconds=0.0))
    if secret in told:
        problems.append("read the secret")
    if "FOUND" in _said(graded) + repr([t.detail for t in result.tests]):
        problems.append("found what is hidden")
    said = [text.partition("The line")[0] for t in result.tests for text in (t.message, t.explanation, t.finding)]
    if any("LEAK" in text for text in said):
        problems.append("hidden inputs in the student's feedback")
    return problems


def _said(graded: Graded) -> str:
    """What the notebook printed and what its errors say; their tracebacks quote the attack's own source."""
    outputs = [o for c in graded.notebook["cells"] for o in c.get("outputs", [])] if graded.notebook else []
    return "\n".join(o.get("text", "") + o.get("evalue", "") for o in outputs)


def run(course: Course, assignments: Iterable[Assignment]) -> bool:
    """Run the attacks on ``assignments``, print the table; True where the grader held against each."""
    attacks, honest = read(course)
    names = {a.name for a in assignments}
    attacks = [a for a in attacks if honest[a.honest].assignment in names]
    outcomes = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Arena(course, honest) as arena, Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(attacks))
        for attack in attacks:
            progress.update(task, description=attack.name)
            outcomes.append(arena.run(attack))
            progress.advance(task)
    _print(outcomes)
    return not any(o.problems for o in outcomes)


def _print(outcomes: list[Outcome]) -> None:
    console = Console()
    table = Table(show_edge=False)
    for column, justify in (("attack", "left"), ("after", "left"), ("status", "left"), ("score", "right"), ("honest", "right"), ("s", "right")):
        table.add_column(column, justify=justify)
    for o in outcomes:
        status, score = (o.result.status, points(o.result.score)) if o.result else ("grader fault", "")
        style = "red" if o.problems else ""
        table.add_row(o.attack.name, o.attack.head["probe"], status, score, points(o.honest), f"{o.seconds:.1f}", style=style)
    console.print(table)
    for o in outcomes:
        for problem in o.problems:
            console.print(f"PROBLEM {o.attack.name}: {problem}", style="red", markup=False, highlight=False)
    broken = sum(bool(o.problems) for o in outcomes)
    console.print(f"{len(outcomes)} attacks, {broken} with a problem", style="bold", highlight=False)
