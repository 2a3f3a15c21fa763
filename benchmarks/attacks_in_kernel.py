"""Run attacks under plain otter, where notebook and tests share a process: what would they gain there?

    python benchmarks/attacks_in_kernel.py [ATTACK...]

Only attacks whose head says "(run)" in its line "in kernel", since the others would do harm to this machine. Printed for
each: its score and that of the honest answers, both from plain otter, what it found, which baits it touched, and what
it left running (which is then killed). SECURITY.md has the results.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from autograder import attacks
from autograder.attacks import Attack, Honest
from autograder.baits import Baits
from autograder.config import load_course
from autograder.errors import GraderFault
from autograder.otterbridge.build import build
from autograder.otterbridge.stock import grade_stock
from autograder.results import SubmissionResult, points

TIME_S = 240.0
# What the notebook prints also goes to a file, since plain otter keeps no outputs.
TEE = """
# %%
import builtins as _builtins
_print = _builtins.print
def _tee(*words, **options):
    with open({path!r}, "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")
    _print(*words, **options)
_builtins.print = _tee
"""


def main(wanted: list[str]) -> None:
    course = load_course()
    suite, honest = attacks.read(course)
    suite = [a for a in suite if a.head["in kernel"].endswith("(run)") and (not wanted or a.name in wanted)]
    table = Table("attack", "status", "score", "honest", "of", "found and touched", "s", show_edge=False)
    with tempfile.TemporaryDirectory(prefix="autograder-stock-attacks-") as folder, Baits() as baits:
        scratch, archives, scores = Path(folder), {}, {}
        for attack in suite:
            answers = honest[attack.honest]
            if attack.honest not in archives:
                assignment = course.assignment(answers.assignment)
                archives[attack.honest] = build(course, assignment, scratch / attack.honest).autograder_zip
                scores[attack.honest], _ = stock(archives[attack.honest], answers.notebook.encode(), "honest.py", scratch)
            outcome, seconds, found = run(attack, answers, archives[attack.honest], baits, scratch)
            row = [attack.name, outcome.status, points(outcome.score), points(scores[attack.honest].score), points(outcome.max_score), found, f"{seconds:.0f}"]
            print("  ".join(row), file=sys.stderr, flush=True)
            table.add_row(*row)
    Console(width=160).print(table)


def run(attack: Attack, answers: Honest, archive: Path, baits: Baits, scratch: Path) -> tuple[SubmissionResult, float, str]:
    """Result, seconds, and what it found and touched, in words."""
    said = scratch / "said.txt"
    said.write_text("")
    baits.touched()
    notebook = f"{answers.notebook}\n# %%\n{baits.cell(os.getpid())}\n{TEE.format(path=str(said))}\n"
    filename, data = attack.file(notebook)
    result, seconds = stock(archive, data, filename, scratch)
    text = said.read_text(errors="replace") + repr([t.detail for t in result.tests])
    found = ["the secret"] * (baits.secret in text) + ["what is hidden"] * ("FOUND" in text) + baits.touched()
    found += ["hidden inputs in the feedback"] * any("LEAK" in t.message + t.detail for t in result.tests)
    survivors = baits.survivors()
    for pid in survivors:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
    return result, seconds, "; ".join(found + [f"{len(survivors)} processes left running"] * bool(survivors))


def stock(archive: Path, data: bytes, filename: str, scratch: Path) -> tuple[SubmissionResult, float]:
    path, started = scratch / filename, time.monotonic()
    path.write_bytes(data)
    try:
        result = grade_stock(archive, path, TIME_S)
    except GraderFault as fault:
        result = SubmissionResult(submission=filename, status="grader_error", score=0.0, max_score=0.0, detail=str(fault))
    return result, time.monotonic() - started


if __name__ == "__main__":
    main(sys.argv[1:])
