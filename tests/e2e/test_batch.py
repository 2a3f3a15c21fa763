"""A batch survives what happens to it: bad files, dead workers, a dead template, a second run."""

import io
import json
import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, SUBMISSIONS

from autograder.batch import grade, local
from autograder.batch.events import Event, Finished, Started
from autograder.config import load_course
from autograder.results import BatchResult

POOR = (SUBMISSIONS / "attacks" / "honest_baseline.py").read_text()


@pytest.fixture
def run(tmp_path) -> Callable[..., BatchResult]:
    """Grade files of a1 given as {name: content} with one worker."""

    def function(files: dict[str, bytes | str], on_event: Callable[[Event], None] = lambda _: None, **options) -> BatchResult:
        folder = tmp_path / "in"
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        course = load_course(ROOT)
        fixed = {"workers": 1, "device": "cpu", "mode": "isolated", "require_sandbox": False, "fresh": False}
        return grade(course, course.assignment("a1_backprop"), [folder], tmp_path / "out", on_event=on_event, **fixed | options)

    return function


def archive(members: dict[str, bytes]) -> bytes:
    """A zip file in memory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def notebook(source: str, assignment: str = "a1_backprop") -> bytes:
    """A notebook with one cell, named as otter names it."""
    cell = {"cell_type": "code", "id": "c", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    metadata = {"otter": {"assignment_name": assignment}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [cell]}).encode()


def test_bad_files_are_named_and_the_rest_is_graded(run, tmp_path):
    """Each unreadable file gets one line that says why; archives are opened; nothing leaves its folder."""
    code = POOR.split("# %%", 2)[2]
    result = run(
        {
            "broken.ipynb": b'{"cells": [',
            "other.ipynb": notebook("1", "a2_optimizers"),
            "no_notebook.ipynb": b"[1, 2]",
            "bytes.py": b"\xff\xfe\x00",
            "not_a.zip": b"PK nonsense",
            "empty.zip": archive({"readme.txt": b""}),
            "two.zip": archive({"a.ipynb": notebook("1"), "b.ipynb": notebook("1")}),
            "bomb.zip": archive({"a.ipynb": bytes(200 << 20)}),
            "traversal.zip": archive({"../../evil.py": b"x", "sub/a1_backprop.ipynb": notebook(code)}),
            "good.ipynb": notebook(code),
        }
    )
    found = {s.submission: s for s in result.submissions}
    words = {
        "broken.ipynb": "JSON is broken",
        "other.ipynb": "a notebook of a2_optimizers, not of a1_backprop",
        "no_notebook.ipynb": "not a notebook",
        "bytes.py": "not UTF-8",
        "not_a.zip": "not a zip archive",
        "empty.zip": "no .ipynb",
        "two.zip": "2 notebooks",
        "bomb.zip": "unpacks to more",
    }
    assert {n: found[n].status for n in words} == dict.fromkeys(words, "unreadable")
    assert [n for n, text in words.items() if text not in found[n].message or "\n" in found[n].message] == []
    assert found["good.ipynb"].status == found["traversal.zip"].status == "graded"
    assert not list(tmp_path.rglob("evil.py"))


def test_a_second_run_grades_only_what_changed(run):
    """Results are kept by content; --fresh grades all again."""
    started: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Started):
            started.append(event.name)

    first = run({"ada.py": POOR, "bob.py": POOR + "\n\nmore = 1\n"}, on_event)
    assert sorted(started) == ["ada.py", "bob.py"]
    started.clear()
    again = run({"bob.py": POOR + "\n\nmore = 2\n"}, on_event)
    assert started == ["bob.py"]
    assert [s.score for s in again.submissions] == [s.score for s in first.submissions]


@pytest.mark.parametrize("victim", ["evaluator", "template"])
def test_a_dead_process_costs_no_submission(run, victim):
    """A worker or template that is killed in mid-batch gives its submission back."""
    killed: list[int] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Finished) and not killed:
            killed.append(kill(victim))

    result = run({f"{n}.py": f"{POOR}\n\nnumber = {n}\n" for n in range(3)}, on_event)
    assert killed
    assert [s.status for s in result.submissions] == ["graded"] * 3


def test_three_failures_of_the_grader_are_reported_as_such(run, monkeypatch):
    """A submission on which every worker dies is not marked down: it is marked as not graded."""

    def on_event(event: Event) -> None:
        if isinstance(event, Started):
            kill("evaluator")

    monkeypatch.setattr(local, "MAX_FAULTS", 2)
    (submission,) = run({"ada.py": POOR}, on_event).submissions
    assert submission.status == "grader_error"
    assert "no mark is lost" in submission.message


def kill(victim: str) -> int:
    """Kill one evaluator, or the template."""
    children = psutil.Process().children(recursive=True)
    if victim == "template":
        chosen = next(p for p in children if "autograder.session.template" in " ".join(p.cmdline()))
    else:
        server = next(p for p in children if "forkserver" in " ".join(p.cmdline()))
        chosen = server.children()[-1]
    os.kill(chosen.pid, signal.SIGKILL)
    return chosen.pid


def test_the_files_of_a_batch(run, tmp_path):
    """results.json has the documented shape, and the executed notebook is where it says."""
    from autograder import report

    out: Path = tmp_path / "out"
    report.write(run({"ada.py": POOR}), out)
    data = json.loads((out / "results.json").read_text())
    assert data["assignment"] == "a1_backprop"
    (ada,) = data["submissions"]
    assert {"submission", "status", "score", "max_score", "seconds", "questions"} <= set(ada)
    test = ada["questions"]["q5"]["tests"][0]
    assert {"name", "status", "score", "max_score", "message", "misconception"} <= set(test)
    assert (out / ada["executed"]).is_file()
    assert sum(q["max_score"] for q in ada["questions"].values()) == ada["max_score"] == 50
