"""A batch that is killed at any moment resumes: what is in the journal is kept, and nothing is lost."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time

from conftest import ROOT

COUNT = 60
# One batch whose grader is quick and needs no TensorFlow: what is tested is what happens to the results.
BATCH = """
import sys, time
from pathlib import Path
from autograder.batch import grade, local
from autograder.config import read_course
from autograder.evaluate import Graded
from autograder.results import QuestionResult, SubmissionResult, TestResult

def quick(works, source, workers, time_s, on_start, stopping):
    for work in works:
        on_start(work.name)
        time.sleep(0.004)
        test = TestResult(name="t", status="passed", score=float(len(work.data)), max_score=9.0)
        yield work, Graded(SubmissionResult.of(work.name, {"q1": QuestionResult.of([test])}), {"cells": []})

local.grade_all = quick
root, folder, out, log = map(Path, sys.argv[1:])
course = read_course(root)
with log.open("a") as file:
    batch = grade(course, course.assignment("a1_backprop"), [folder], out, workers=1, device="cpu", mode="isolated",
        require_sandbox=False, fresh=False, on_event=lambda event: print(type(event).__name__, getattr(event, "name", ""), file=file, flush=True))
print(len(batch.submissions), sum(s.score for s in batch.submissions))
"""


def journaled(out) -> int:
    if not (out / "journal.sqlite").exists():
        return 0
    with sqlite3.connect(out / "journal.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        try:
            return database.execute("SELECT COUNT(*) FROM graded").fetchone()[0]
        except sqlite3.OperationalError:  # killed before the table was made
            return 0


def test_ten_kills_at_random_moments(tmp_path):
    """Each run takes up what the journal lacks, and no more; the marks are all there in the end."""
    folder, out, log = tmp_path / "in", tmp_path / "out", tmp_path / "log"
    folder.mkdir()
    for i in range(COUNT):
        (folder / f"s{i:03d}.py").write_bytes(b"#" * (i % 9 + 1) + f"\n{i}".encode())
    command = [sys.executable, "-c", BATCH, ROOT, folder, out, log]
    rng, started = random.Random(7), 0
    for _ in range(10):
        log.write_text("")
        kept = journaled(out)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while "Planned" not in log.read_text() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        names = [line.split()[1] for line in log.read_text().splitlines() if line.startswith("Started")]
        assert len(set(names)) == len(names) <= COUNT - kept
        assert kept + len(names) - 1 <= journaled(out) <= kept + len(names)
        started += len(names)
    log.write_text("")
    kept = journaled(out)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = [line for line in log.read_text().splitlines() if line.startswith("Started")]
    assert len(names) == COUNT - kept
    total = sum(i % 9 + 1 + len(f"\n{i}") for i in range(COUNT))
    assert json.loads(f"[{done.stdout.replace(' ', ',')}]") == [COUNT, total]
    assert started >= 10
