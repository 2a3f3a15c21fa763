"""Events as JSON lines, and what Ctrl-C does."""

import json
import os
import signal

import pytest

from autograder.batch.events import Chosen, Finished, Planned, Started
from autograder.progress import Interrupts, JsonLines
from autograder.results import SubmissionResult


def test_every_event_is_one_line_of_json(capsys):
    """Names are written so that any terminal or script can read them."""
    result = SubmissionResult(submission="ünï\n.ipynb", status="timeout", score=1 / 3, max_score=2.0, seconds=1.23456)
    with JsonLines() as watch:
        for event in (Chosen("CPU"), Planned(3, 1), Started("ünï\n.ipynb"), Finished(result)):
            watch(event)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"event": "chosen", "device": "CPU"},
        {"event": "planned", "total": 3, "done": 1},
        {"event": "started", "submission": "ünï\n.ipynb"},
        {"event": "finished", "submission": "ünï\n.ipynb", "status": "timeout", "score": 0.3333, "max_score": 2.0, "seconds": 1.235},
    ]


def test_the_second_ctrl_c_stops_at_once():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        assert not interrupts.asked
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
