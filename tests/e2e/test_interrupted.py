"""Ctrl-C ends a batch in order; the same command goes on. Scripts read events as JSON lines."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

AUTOGRADER = Path(sys.executable).with_name("autograder")
SLOW = "import time\ntime.sleep(3)\nx = "


def command(archive, folder, out):
    return [AUTOGRADER, "grade", archive, folder, "--out", out, "--workers", "1", "--json-lines"]


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_ctrl_c_finishes_what_is_in_work(otter_zip, tmp_path):
    """The whole process group gets the signal, as from a terminal; one result is there, and is not made again."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for i in range(3):
        (folder / f"s{i}.py").write_text(f"# %%\n{SLOW}{i}\n")
    batch = subprocess.Popen(
        command(otter_zip("words"), folder, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    first = [json.loads(batch.stdout.readline()) for _ in range(3)]
    assert first == [
        {"event": "chosen", "device": "CPU, GPUs are hidden"},
        {"event": "planned", "total": 3, "done": 0},
        {"event": "started", "submission": "s0.py"},
    ]
    os.killpg(batch.pid, signal.SIGINT)
    rest, words = batch.communicate(timeout=60)
    assert batch.returncode == 130, words
    assert [(e["event"], e["submission"], e["status"]) for e in events(rest)] == [("finished", "s0.py", "graded")]
    assert "1 are graded; the same command goes on" in words
    assert [s["submission"] for s in json.loads((out / "results.json").read_text())["submissions"]] == ["s0.py"]
    again = subprocess.run(command(otter_zip("words"), folder, out), capture_output=True, text=True, check=True)
    assert events(again.stdout)[1] == {"event": "planned", "total": 3, "done": 1}
    assert [e["submission"] for e in events(again.stdout) if e["event"] == "started"] == ["s1.py", "s2.py"]
    assert len(json.loads((out / "results.json").read_text())["submissions"]) == 3
