"""The same batch on Dask workers, some of which are killed in mid-batch."""

import os
import pickle
import signal
import sys

import pytest
from conftest import ROOT

pytest.importorskip("distributed", reason="Dask is an extra")

from distributed import Client, LocalCluster

from autograder.batch import grade
from autograder.batch.events import Finished, Started
from autograder.batch.sources import AssignmentSource, portable
from autograder.errors import UsageError

COUNT = 5
SLOW = "# %%\nimport time\ntime.sleep(2)\n"


@pytest.fixture
def handed_in(otter_submission, tmp_path):
    """Right and wrong answers to the assignment "words", each of which takes two seconds."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(COUNT):
        text = otter_submission("words", "wrong" if i == 2 else "correct").read_text()
        (folder / f"s{i}.py").write_text(f"{text}\n{SLOW}# {i}\n")
    return folder


def run(archive, folder, out, on_event=lambda event: None, address=None):
    batch = grade(
        None, archive, [folder], out, workers=2, device="cpu", mode="isolated", require_sandbox=False, fresh=False,
        on_event=on_event, executor="dask", address=address,
    )  # fmt: skip
    return {s.submission: s for s in batch.submissions}


def test_killed_dask_workers_cost_nothing(otter_zip, handed_in, tmp_path):
    """A worker is killed with a submission in its hands; another one grades it, and all marks are there."""
    options = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": 0, "dashboard_address": None}
    events = []
    with LocalCluster(**options) as cluster, Client(cluster) as client:

        def watch(event) -> None:
            events.append(event)
            if isinstance(event, Finished) and len([e for e in events if isinstance(e, Finished)]) == 1:
                busy = next(worker for worker, tasks in client.processing().items() if tasks)
                os.kill(client.run(os.getpid)[busy], signal.SIGKILL)

        results = run(otter_zip("words"), handed_in, tmp_path / "out", watch, cluster.scheduler_address)
    assert {name: (s.status, s.score) for name, s in results.items()} == {
        f"s{i}.py": ("graded", 4.0 if i == 2 else 9.0) for i in range(COUNT)
    }
    started = [e.name for e in events if isinstance(e, Started)]
    assert set(started) == set(results)
    assert len(started) > COUNT  # what the dead worker had in its hands was given to another one


def test_no_scheduler_is_one_line(otter_zip, handed_in, tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.batch.cluster._CONNECT_S", 1)
    with pytest.raises(UsageError, match="no Dask scheduler answers there"):
        run(otter_zip("words"), handed_in, tmp_path / "out", address="tcp://127.0.0.1:9")


def test_a_course_travels_as_bytes(plan_of, monkeypatch):
    """On a machine without its folder the plan is the same, to the version of every test."""
    monkeypatch.setenv("AUTOGRADER_COURSE", os.environ.get("AUTOGRADER_COURSE", str(ROOT)))
    monkeypatch.setattr("sys.path", list(sys.path))
    plan = pickle.loads(pickle.dumps(portable(AssignmentSource(ROOT, "a1_backprop"))))()
    here = plan_of("a1_backprop")
    assert plan.version == here.version
    assert [q.name for q in plan.questions] == [q.name for q in here.questions]
    assert not plan.public[0][0].startswith(str(ROOT))
