"""Grade one submission by plain otter, as `otter run` does: for comparison, and for `--mode stock`.

    this process ── python -m autograder.otterbridge.stock_child ── Jupyter kernel with the submission
                 ◄─ result.json

Here student code and hidden tests share a kernel: nothing keeps a submission from reading the tests or from
handing itself marks. What is guarded is the grader's time: after `time_s` all processes of a run are killed.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from autograder.errors import GraderFault, UsageError
from autograder.results import QuestionResult, SubmissionResult, TestResult

__all__ = ["grade_stock"]

KILL_S = 5.0  # how long killed processes may take to go


def grade_stock(autograder_zip: Path, submission: Path, time_s: float) -> SubmissionResult:
    """Grade `submission` (.ipynb, .py in percent cells or a .zip that otter exported) in fresh processes.

    Args:
        autograder_zip: what otter generate made.
        submission: the student's file.
        time_s: wall-clock limit; plain otter has marks only at its end, so none are left after a time-out.

    Raises:
        UsageError: if the autograder.zip cannot be used.
        GraderFault: if the child process failed in a way that is no student's doing.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autograder-stock-", ignore_cleanup_errors=True) as scratch:
        answer = Path(scratch, "result.json")
        arguments = [str(autograder_zip.resolve()), str(submission.resolve()), str(answer)]
        finished, errors = _run(arguments, Path(scratch), time_s)
        if not answer.exists():
            if finished:
                raise GraderFault(f"plain otter gave no result for {submission.name}: {errors[-2000:]}")
            raise GraderFault(f"plain otter did not even start within {time_s:g} s")
        found = json.loads(answer.read_text(encoding="utf-8"))
    if "usage_error" in found:
        raise UsageError(found["usage_error"])
    if not finished:
        found |= {"status": "timeout", "message": f"The notebook was not done after {time_s:g} s."}
    return _result(submission.name, found, seconds=time.monotonic() - started)


def _run(arguments: list[str], scratch: Path, time_s: float) -> tuple[bool, str]:
    """Run the child; returns whether it ended by itself, and what it wrote to stderr."""
    with open(scratch / "stderr.txt", "w+b") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-m", "autograder.otterbridge.stock_child", *arguments],
            cwd=scratch,
            env=_environment(scratch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            child.wait(time_s)
            finished = True
        except subprocess.TimeoutExpired:
            finished = False
        finally:
            _kill_tree(child)
        stderr.seek(0)
        return finished, stderr.read().decode(errors="replace").strip()


def _environment(scratch: Path) -> dict[str, str]:
    """This process' environment, with everything temporary below `scratch`, which is removed in any case."""
    return os.environ | {
        "DL_OFFLINE": "1",
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "TMPDIR": str(scratch),
    }


def _kill_tree(child: subprocess.Popen) -> None:
    """Kill the child and all it started; the kernel has a session of its own, out of a group's reach."""
    processes = []
    if child.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            processes = [*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    psutil.wait_procs(processes, KILL_S)
    child.wait()


def _result(name: str, found: dict[str, Any], seconds: float) -> SubmissionResult:
    questions = {
        q: QuestionResult(
            score=question["score"],
            max_score=question["max_score"],
            tests=tuple(TestResult(**test) for test in question["tests"]),
        )
        for q, question in found["questions"].items()
    }
    kept = {key: found[key] for key in ("status", "score", "max_score", "message", "detail")}
    return SubmissionResult(submission=name, seconds=seconds, questions=questions, **kept)
