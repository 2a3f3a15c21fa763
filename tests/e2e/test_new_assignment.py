"""An assignment laid out by `autograder new` is a valid one."""

import os
import subprocess
import sys


def test_a_new_assignment_validates_at_once(tmp_path):
    """In a folder that was empty: new, validate, grade; each command once."""

    def run(*arguments: str) -> str:
        command = [sys.executable, "-c", "from autograder.cli import main; main()", *arguments]
        environment = os.environ | {"COLUMNS": "120"}
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    assert "tests/hidden/a12_topic/q1.py" in run("new", "a12_topic", "--title", "A topic")
    assert "3 of them named in the feedback" in run("validate", "a12_topic")
    table = run("grade", "a12_topic", "tests/submissions/a12_topic", "--out", "results")
    assert "4 / 4" in table
    assert "0 / 4" in table
    assert "statistics of the whole array" in run("show", "results", "wrong")
