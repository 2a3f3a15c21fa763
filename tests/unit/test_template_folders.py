"""What killed templates leave in the temporary folder."""

import os
import subprocess
import sys
import tempfile

from autograder.session.client import _clear_folders


def test_folders_of_the_dead_are_removed(tmp_path, monkeypatch):
    """Those of living processes, and names that are none of ours, stay."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = {f"autograder-template-{os.getpid()}-x", "autograder-template-x-y", "autograder-template-1-y", "autograder-course-1"}
    for name in (*kept, f"autograder-template-{ended.pid}-abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "stderr").write_text("words")
    _clear_folders()
    assert {path.name for path in tmp_path.iterdir()} == kept
