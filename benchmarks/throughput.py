"""Throughput of isolated grading against a plain ``otter run`` loop, on the same machine in one run.

    make bench            40 mixed submissions of a1_backprop, 2 workers, a sample of 6 by plain otter

Printed: seconds and submissions per minute both ways and their ratio (with the start of workers and template
included), the overhead of a submission (its grading time less the time inside the student's code), and the
private memory of one more open submission.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import jupytext
import psutil
from rich.console import Console
from rich.table import Table

from autograder.batch import grade
from autograder.config import Course, load_course
from autograder.otterbridge.build import Built, build
from autograder.results import SubmissionResult
from autograder.session.client import Session, Template
from autograder.session.policy import Policy, library_paths

ASSIGNMENT = "a1_backprop"
NO_LIMIT_NEEDED = "endless"  # plain otter never ends on these, so they are left out


@dataclass(frozen=True)
class Plain:
    """Seconds of each plain ``otter run`` of the sample."""

    seconds: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, default=6, help="submissions that plain otter grades")
    arguments = parser.parse_args()
    course = load_course()
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as scratch:
        folder = Path(scratch)
        built = build(course, course.assignment(ASSIGNMENT), folder / "dist")
        mixed = mixed_submissions(course, built, folder / "mixed", arguments.submissions)
        plain = plain_otter(built, mixed, arguments.sample, folder)
        started = time.monotonic()
        results = isolated(course, mixed, folder / "out", arguments.workers)
        whole_s = time.monotonic() - started
    report(results, whole_s, plain, memory_per_submission_mib(), arguments)


def mixed_submissions(course: Course, built: Built, folder: Path, count: int) -> list[Path]:
    """Notebooks in turn: solved, untouched, each correct and each wrong one of the repository."""
    folder.mkdir(parents=True)
    scripts = sorted(course.submissions(course.assignment(ASSIGNMENT)).glob("*.py"))
    texts = [built.solution.read_text(), next(built.student.glob("*.ipynb")).read_text()]
    for script in scripts:
        if NO_LIMIT_NEEDED not in script.stem:
            notebook = jupytext.read(script)
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
            texts.append(jupytext.writes(notebook, fmt="ipynb"))
    paths = []
    for number, text in zip(range(count), itertools.cycle(texts), strict=False):
        paths.append(folder / f"student{number:02d}.ipynb")
        # A blank line more each round: equal content would be graded once and looked up afterwards.
        paths[-1].write_text(text + "\n" * (number // len(texts)))
    return paths


def isolated(course: Course, paths: list[Path], out: Path, workers: int) -> list[SubmissionResult]:
    """Grade all of them as ``autograder grade`` does."""
    out.mkdir()
    subject = course.assignment(ASSIGNMENT)
    batch = grade(
        course, subject, paths, out,
        workers=workers, device="cpu", mode="isolated", require_sandbox=False, fresh=True, on_event=lambda _: None,
    )  # fmt: skip
    return list(batch.submissions)


def plain_otter(built: Built, paths: list[Path], sample: int, folder: Path) -> Plain:
    """``otter run`` one after the other; an even sample, since each takes long."""
    chosen = paths[:: max(1, len(paths) // sample)][:sample]
    seconds = []
    for path in chosen:
        out = folder / f"plain-{path.stem}"
        out.mkdir()
        command = [Path(sys.executable).with_name("otter"), "run", "-a", built.autograder_zip, "-o", out, "--no-logo", path]
        started = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"DL_OFFLINE": "1"})
        seconds.append(time.monotonic() - started)
    return Plain(seconds)


def memory_per_submission_mib(boxes: int = 4) -> float:
    """What one more open box that has run a TensorFlow operation adds to the machine's memory.

    Counted by proportional shares: pages that the box shares with the template are there already.
    """
    with Template() as template:
        template.wait_warm()
        with template.connect() as control:
            before = _memory_mib(template)
            sessions = [Session(control, Policy(read=library_paths()), output_kib=64) for _ in range(boxes)]
            for session in sessions:
                session.request("cell", 1, "import tensorflow as tf\ntf.ones((8, 8)) @ tf.ones((8, 8))", limit_s=60)
            used = _memory_mib(template) - before
            for session in sessions:
                session.close()
    return used / boxes


def _memory_mib(template: Template) -> float:
    processes = [psutil.Process(template.pid), *psutil.Process(template.pid).children(recursive=True)]
    return sum(p.memory_full_info().pss for p in processes) / 2**20


def report(results: list[SubmissionResult], whole_s: float, plain: Plain, memory_mib: float, arguments: argparse.Namespace) -> None:
    """One table; medians where there are several figures."""
    overheads = sorted(r.seconds - r.student_seconds for r in results)
    plain_s = statistics.mean(plain.seconds) * len(results)
    table = Table(title=f"{len(results)} mixed submissions of {ASSIGNMENT}", title_justify="left", show_edge=False)
    for column in ("", "isolated", "plain otter run"):
        table.add_column(column)
    table.add_row("workers", str(arguments.workers), "1, one after the other")
    table.add_row("whole batch", f"{whole_s:.1f} s", f"{plain_s:.0f} s (from {len(plain.seconds)} of them)")
    table.add_row("submissions per minute", f"{60 * len(results) / whole_s:.0f}", f"{60 * len(results) / plain_s:.1f}")
    table.add_row("one submission, median", f"{statistics.median(r.seconds for r in results):.2f} s", f"{statistics.median(plain.seconds):.2f} s")
    console = Console()
    console.print(table)
    console.print(f"ratio {plain_s / whole_s:.1f}, the start of the workers included", style="bold")
    p95 = overheads[int(0.95 * (len(overheads) - 1))]
    console.print(f"overhead of a submission: median {statistics.median(overheads):.2f} s, p95 {p95:.2f} s")
    console.print(f"private memory of one more submission: {memory_mib:.0f} MiB")


if __name__ == "__main__":
    main()
