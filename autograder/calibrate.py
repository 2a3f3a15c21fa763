"""Accuracy gates from measurement: how well do correct solutions do, and what do they hardly ever miss?

A gate's experiment is the hidden test itself. The reference and every ``correct_*`` submission are graded on the
cases that call ``check_gate``, once for each of many salts: other hidden data, other seeds. For one solution with
measurements of mean x̄ and standard deviation s the bound is the one-sided normal tolerance limit

    x̄ - k·s,   k = t'(1-α; n-1, z(1-p)·√n) / √n

(t' the quantile of the noncentral t distribution): with confidence 1-α at least the share 1-p of all runs lies above
it; see NIST/SEMATECH e-Handbook of Statistical Methods, section 7.2.6.3. The gate's value is the lowest bound of all
solutions, so that each of them misses it with a probability below p.
"""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from autograder.batch.local import grade_all
from autograder.batch.sources import AssignmentSource
from autograder.config import FILE_NAME, Assignment, Course, Gate
from autograder.errors import UsageError
from autograder.evaluate import Work
from autograder.progress import counted
from autograder.results import SubmissionResult

__all__ = ["FALSE_FAIL", "Measurement", "calibrate", "drift", "gate_works", "lower_bound", "run"]

FALSE_FAIL = 1e-3  # probability that a run of a correct solution misses the gate
CONFIDENCE = 0.95
_DRIFT = 4.0  # standard errors

Measurement = dict[str, dict[str, list[float]]]  # gate -> solution -> one number a salt


@dataclass(frozen=True)
class _Solution:
    name: str
    filename: str
    data: bytes


def run(course: Course, assignment: Assignment, seeds: int, workers: int, console: Console) -> list[str]:
    """Measure all gates of ``assignment``, write them to ``grading.yml`` and print them; returns problems.

    Raises ``UsageError`` for an assignment without gates, or fewer than 10 seeds.
    """
    if not assignment.gates:
        raise UsageError(f"{assignment.name} has no gates in {FILE_NAME}; add one, with a floor, for check_gate to find")
    if seeds < 10:
        raise UsageError(f"--seeds: expected at least 10, got {seeds}; a spread cannot be told from fewer")
    measured = calibrate(course, assignment, seeds, workers)
    found = {name: _gate(assignment.gates[name], runs, seeds) for name, runs in measured.items()}
    problems = [
        f"{name}: the bound {gate.value:g} is not above the floor {gate.floor:g}; lower the floor or make the task steadier"
        for name, gate in found.items()
        if gate.value <= gate.floor
    ]
    _print(console, assignment, measured, found)
    if not problems:
        write_gates(course.root / FILE_NAME, assignment.name, found)
    return problems


def calibrate(course: Course, assignment: Assignment, seeds: int, workers: int) -> Measurement:
    """Grade every correct solution on the gates' cases with ``seeds`` salts."""
    works = gate_works(course, assignment, [f"calibrate {k}" for k in range(seeds)], solutions(course, assignment))
    measured: Measurement = defaultdict(lambda: defaultdict(list))
    source = AssignmentSource(course.root, assignment.name)
    gradings = grade_all(works, source, workers, assignment.limits.time_s, lambda _: None)
    for work, graded in counted(gradings, len(works), f"calibrating {assignment.name}"):
        for name, value in measurements_of(graded.result).items():
            measured[name][work.name.split(" ")[0]].append(value)
    unknown = set(measured) - set(assignment.gates)
    if unknown:
        raise UsageError(f"{FILE_NAME}: {assignment.name} has no gate {', '.join(sorted(unknown))}, which a test checks")
    return measured


def solutions(course: Course, assignment: Assignment) -> list[_Solution]:
    """The reference and every ``correct_*`` submission."""
    correct = sorted(course.submissions(assignment).glob("correct_*.py"))
    return [_Solution("reference", "reference.py", course.reference(assignment).read_bytes())] + [
        _Solution(path.stem, path.name, path.read_bytes()) for path in correct
    ]


def gate_works(course: Course, assignment: Assignment, salts: Iterable[str], found: Iterable[_Solution]) -> list[Work]:
    """One work for each solution and salt, on the cases that check a gate and on no other."""
    cases = dict(_gate_cases(course.hidden_tests(assignment)))
    names = tuple(name for of_question in cases.values() for name in of_question)
    return [
        Work(f"{s.name} {salt}", s.filename, s.data, salt, tuple(cases), names) for salt in salts for s in found
    ]


def _gate_cases(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """(question, names of its cases that call ``check_gate``), by the otter test files' source."""
    for path in sorted(folder.glob("q*.py")):
        names = []
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and any(_calls_gate(n) for n in ast.walk(node)):
                keywords = [k for d in node.decorator_list if isinstance(d, ast.Call) for k in d.keywords]
                names += [k.value.value for k in keywords if k.arg == "name" and isinstance(k.value, ast.Constant)]
        if names:
            yield path.stem, names


def _calls_gate(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check_gate"


def measurements_of(result: SubmissionResult) -> dict[str, float]:
    """What all tests of a submission measured, by gate."""
    return {name: value for test in result.tests for name, value in test.measured.items()}


def lower_bound(runs: Iterable[float], false_fail: float = FALSE_FAIL, confidence: float = CONFIDENCE) -> float:
    """The tolerance limit of the module's docstring, and never above the worst run seen."""
    from scipy.stats import nct, norm

    x = np.asarray(list(runs), dtype=np.float64)
    n = len(x)
    k = nct.ppf(confidence, n - 1, norm.isf(false_fail) * math.sqrt(n)) / math.sqrt(n)
    return float(min(x.min(), x.mean() - k * x.std(ddof=1)))


def drift(gate: Gate, runs: list[float]) -> str:
    """What is wrong if the reference now measures ``runs``; "" where they fit the calibration."""
    if min(runs) < gate.value:
        return f"a correct solution reaches {min(runs):.4g} only, the gate is {gate.value:g}: calibrate again"
    if gate.mean is None or gate.std is None:
        return "its spread is not known: calibrate it"
    allowed = _DRIFT * gate.std * math.sqrt(1 / len(runs) + 1 / gate.seeds) + 1e-9
    off = float(np.mean(runs)) - gate.mean
    return "" if abs(off) <= allowed else f"the reference has drifted by {off:+.2g} from {gate.mean:.4g}: calibrate again"


def _gate(old: Gate, runs: dict[str, list[float]], seeds: int) -> Gate:
    value = min(lower_bound(values) for values in runs.values())
    if old.at_most is not None:
        value = min(value, old.at_most)
    reference = runs["reference"]
    return old.model_copy(
        update={
            "value": math.floor(value * 1e4) / 1e4,
            "seeds": seeds,
            "false_fail": FALSE_FAIL,
            "mean": round(float(np.mean(reference)), 5),
            "std": round(float(np.std(reference, ddof=1)), 5),
            "date": date.today(),
        }
    )


def write_gates(path: Path, assignment: str, gates: dict[str, Gate]) -> None:
    """Replace the gates in ``grading.yml``; comments and the rest of the file stay as they are."""
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(path.read_text(encoding="utf-8"))
    entries = document["assignments"][assignment]["gates"]
    for name, gate in gates.items():
        entry = CommentedMap(gate.model_dump(exclude_none=True))
        entry.fa.set_flow_style()
        entries[name] = entry
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def _print(console: Console, assignment: Assignment, measured: Measurement, found: dict[str, Gate]) -> None:
    for name, runs in measured.items():
        title = f"{assignment.name} {name}: gate {found[name].value:g}, none below {found[name].floor:g}"
        table = Table(title=title, title_justify="left", show_edge=False)
        for column in ("solution", "runs", "worst", "mean", "std", "bound"):
            table.add_column(column, justify="left" if column == "solution" else "right")
        for solution, values in runs.items():
            figures = (min(values), np.mean(values), np.std(values, ddof=1), lower_bound(values))
            table.add_row(solution, str(len(values)), *(f"{f:.4g}" for f in figures))
        console.print(table)
        console.print()
    for name in assignment.gates.keys() - measured.keys():
        dataset = assignment.gates[name].dataset
        console.print(f"{name} was not measured: the tests did not use {dataset} (see DL_DATA)", style="yellow")
