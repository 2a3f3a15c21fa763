"""What grading costs, in one run on this machine: isolated with 1 and 2 workers, beside a plain ``otter run`` loop.

    make bench                                  100 mixed submissions of a1_backprop, a sample of 6 by plain otter,
                                                then 10, 100 and 1,000 submissions that do nothing: a quarter of an hour
    python benchmarks/throughput.py --submissions 40 --tiny 0      a shorter one

Times include the start of workers and template. The overhead of a submission is its grading time less the time inside
the student's code. Plain otter is extrapolated from its sample, which is spread over all kinds of submissions.
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
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import psutil
from rich.console import Console
from rich.table import Table

from autograder.batch import grade
from autograder.batch.events import Event, Finished
from autograder.config import Course, load_course
from autograder.otterbridge.build import Built, build
from autograder.results import SubmissionResult
from autograder.session.client import Session, Template
from autograder.session.policy import Policy, library_paths

ASSIGNMENT = "a1_backprop"
NO_LIMIT_NEEDED = "endless"  # plain otter never ends on these, so they are left out
WORKERS = (1, 2)


@dataclass
class Batch:
    """One call of grade, and the memory that it took."""

    workers: int
    results: list[SubmissionResult] = field(default_factory=list)
    seconds: float = 0.0
    resumed_s: float = 0.0  # of a second call, with nothing left to do
    peak_mib: float = 0.0  # proportional share of all processes
    evaluators_mib: dict[int, float] = field(default_factory=dict)  # private memory by number of finished submissions

    @property
    def per_minute(self) -> float:
        return 60 * len(self.results) / self.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=100)
    parser.add_argument("--sample", type=int, default=6, help="submissions that plain otter grades")
    parser.add_argument("--tiny", type=int, nargs="*", default=[10, 100, 1000], help="numbers of submissions that do nothing")
    arguments = parser.parse_args()
    course, console = load_course(), Console()
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as scratch:
        folder = Path(scratch)
        built = build(course, course.assignment(ASSIGNMENT), folder / "dist")
        mixed = mixed_submissions(course, built, folder / "mixed", arguments.submissions)
        plain_s = plain_otter(built, mixed, arguments.sample, folder)
        batches = [isolated(course, mixed, folder / f"out{workers}", workers) for workers in WORKERS]
        report_mixed(console, batches, plain_s)
        console.print(f"private memory of one more submission: {memory_per_submission_mib():.0f} MiB")
        tiny = [isolated(course, do_nothing(folder / f"tiny{n}", n), folder / f"tiny_out{n}", 2) for n in arguments.tiny if n]
        if tiny:
            report_tiny(console, tiny)


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
        paths.append(folder / f"student{number:03d}.ipynb")
        # A blank line more each round: equal content would be graded once and looked up afterwards.
        paths[-1].write_text(text + "\n" * (number // len(texts)))
    return paths


def do_nothing(folder: Path, count: int) -> list[Path]:
    """Scripts with one cell that does nothing, each another one."""
    folder.mkdir()
    paths = [folder / f"s{i:04d}.py" for i in range(count)]
    for i, path in enumerate(paths):
        path.write_text(f"# %%\nx = {i}\n")
    return paths


def isolated(course: Course, paths: list[Path], out: Path, workers: int) -> Batch:
    """Grade all of them as ``autograder grade`` does, and call it once more."""
    out.mkdir()
    batch = Batch(workers)

    def watch(event: Event) -> None:
        if isinstance(event, Finished):
            batch.results.append(event.result)
            if len(batch.results) in (len(paths) // 10, len(paths)):
                batch.evaluators_mib[len(batch.results)] = sum(p.memory_full_info().uss for p in evaluators()) / 2**20
            if len(batch.results) % 10 == 0:
                batch.peak_mib = max(batch.peak_mib, memory_mib(psutil.Process()))

    def call() -> float:
        started = time.monotonic()
        grade(
            course, course.assignment(ASSIGNMENT), paths, out,
            workers=workers, device="cpu", mode="isolated", require_sandbox=False, fresh=False, on_event=watch,
        )  # fmt: skip
        return time.monotonic() - started

    batch.seconds = call()
    batch.resumed_s = call()
    return batch


def evaluators() -> list[psutil.Process]:
    """Worker processes of the running batch."""
    servers = [p for p in psutil.Process().children() if "forkserver" in " ".join(p.cmdline())]
    return [p for server in servers for p in server.children()]


def plain_otter(built: Built, paths: list[Path], sample: int, folder: Path) -> list[float]:
    """Seconds of ``otter run`` for each of an even sample, one after the other, since each takes long."""
    seconds = []
    for path in paths[:: max(1, len(paths) // sample)][:sample]:
        out = folder / f"plain-{path.stem}"
        out.mkdir()
        command = [Path(sys.executable).with_name("otter"), "run", "-a", built.autograder_zip, "-o", out, "--no-logo", path]
        started = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"DL_OFFLINE": "1"})
        seconds.append(time.monotonic() - started)
    return seconds


def memory_per_submission_mib(boxes: int = 4) -> float:
    """What one more open box that has run a TensorFlow operation adds to the machine's memory."""
    with Template() as template:
        template.wait_warm()
        with template.connect() as control:
            before = memory_mib(psutil.Process(template.pid))
            sessions = [Session(control, Policy(read=library_paths()), output_kib=64) for _ in range(boxes)]
            for session in sessions:
                session.request("cell", 1, "import tensorflow as tf\ntf.ones((8, 8)) @ tf.ones((8, 8))", limit_s=60)
            used = memory_mib(psutil.Process(template.pid)) - before
            for session in sessions:
                session.close()
    return used / boxes


def memory_mib(root: psutil.Process) -> float:
    """Of a process and all below it by proportional shares: pages that they share count once."""
    total = 0
    for process in (root, *root.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total / 2**20


def report_mixed(console: Console, batches: list[Batch], plain_s: list[float]) -> None:
    """Isolated grading with each number of workers, beside plain otter."""
    count, mean_s = len(batches[0].results), statistics.mean(plain_s)
    title = f"{count} mixed submissions of {ASSIGNMENT}; plain otter from a sample of {len(plain_s)}"
    table = Table(title=title, title_justify="left", show_edge=False)
    for column in ("", *(f"isolated, {b.workers} worker{'s' * (b.workers > 1)}" for b in batches), "plain otter run"):
        table.add_column(column)
    overheads = [sorted(r.seconds - r.student_seconds for r in b.results) for b in batches]
    rows = (
        ("whole batch", *(f"{b.seconds:.1f} s" for b in batches), f"{mean_s * count:.0f} s"),
        ("submissions per minute", *(f"{b.per_minute:.0f}" for b in batches), f"{60 / mean_s:.1f}"),
        ("ratio to plain otter", *(f"{mean_s * count / b.seconds:.1f}" for b in batches), "1"),
        ("one submission, median", *(f"{statistics.median(r.seconds for r in b.results):.2f} s" for b in batches), f"{statistics.median(plain_s):.2f} s"),
        ("overhead, median", *(f"{statistics.median(o):.2f} s" for o in overheads), ""),
        ("overhead, p95", *(f"{o[int(0.95 * (len(o) - 1))]:.2f} s" for o in overheads), ""),
        ("peak memory, all processes", *(f"{b.peak_mib:.0f} MiB" for b in batches), ""),
        (f"call again, {count} finished", *(f"{b.resumed_s:.2f} s" for b in batches), ""),
    )  # fmt: skip
    for row in rows:
        table.add_row(*row)
    console.print(table)


def report_tiny(console: Console, batches: list[Batch]) -> None:
    """Cost against the number of submissions: time should be linear, memory flat."""
    table = Table(title="submissions that do nothing, 2 workers", title_justify="left", show_edge=False)
    for column in ("submissions", "seconds", "each, start left out", "evaluators' memory at a tenth", "at the end"):
        table.add_column(column, justify="right")
    for batch in batches:
        grading_s = sum(r.seconds for r in batch.results) / len(batch.results)
        at = list(batch.evaluators_mib.values())
        early, late = f"{at[0]:.0f} MiB", f"{at[-1]:.0f} MiB"
        table.add_row(str(len(batch.results)), f"{batch.seconds:.1f}", f"{grading_s:.3f} s", early, late)
    console.print(table)


if __name__ == "__main__":
    main()
