"""Whatever a student's function does costs the tests that it concerns, says why, and nothing more."""

import re
import threading
import time

import psutil
import pytest
from cells import cases, lost, messages

from autograder.errors import GraderFault


def test_a_solution_has_full_marks(grade_cell):
    """The cells below change a notebook that is right."""
    result = grade_cell("", questions=()).result
    assert (result.status, result.score) == ("graded", result.max_score)
    assert not any(t.note for t in result.tests)


# --- one function that goes wrong ------------------------------------------------------------------------------

# The first line of each cell: what it is, and what the message says of it.
BROKEN = r"""
# a missing name: `backward` is not defined
del backward
---
# a number: `backward` is not a function
backward = 7
---
# a module: `backward` is not a function
import math as backward
---
# too few parameters: does it take the arguments
def backward(params):
    return params
---
# names instead of positions: does it take the arguments
def backward(*, params, x, y_hat, hidden, t, reg):
    return params
---
# no return: should return a dict
def backward(p, *args):
    pass
---
# a list: should return a dict
def backward(p, *args):
    return list(p.values())
---
# a generator: should return a dict
def backward(p, *args):
    yield p
---
# a coroutine: should return a dict
async def backward(p, *args):
    return p
---
# NaN: values are NaN
def backward(p, *args):
    return {k: v * np.nan for k, v in p.items()}
---
# zeros: all values are zero
def backward(p, *args):
    return {k: 0 * v for k, v in p.items()}
---
# its argument: what reg adds: all values are zero
def backward(p, *args):
    return p
---
# empty arrays: expected shape
def backward(p, *args):
    return {k: [] for k in p}
---
# numbers that would broadcast: expected shape
def backward(p, *args):
    return {k: 1.5 for k in p}
---
# strings: cannot be read as an array of numbers
def backward(p, *args):
    return {k: v.astype(str) for k, v in p.items()}
---
# objects: a value of type Gradient
class Gradient:
    pass
def backward(p, *args):
    return {k: Gradient() for k in p}
---
# a dict within itself: exactly the keys
def backward(*args):
    d = {}
    d["w1"] = d
    return d
---
# huge arrays: far too large|MemoryError
def backward(p, *args):
    return {k: np.zeros((20_000, 10_000), np.uint8) for k in p}
---
# a huge list: far too large
def backward(p, *args):
    return {k: [0.0] * 2_000_000 for k in p}
---
# an exception: ValueError in cell 14, line 3, .* The line: `raise ValueError
def backward(p, x, *args):
    raise ValueError("leak %s" % x)
---
# an exception in a helper: AttributeError in cell 14, line 3, .* The line: `return x.nothing`
def helper(x):
    return x.nothing
def backward(p, x, *args):
    return helper(x)
---
# an exception of the notebook: raised an exception in cell 14, line 5
class Lost(Exception):
    pass
def backward(p, x, *args):
    raise Lost(x)
---
# an exception that does not say what it is: raised an exception in cell 14, line 6
class Mute(Exception):
    def __str__(self):
        raise SystemExit
def backward(*args):
    raise Mute
---
# an exception that dies when it is read: process ended
import os
class Deadly(Exception):
    def __str__(self):
        os._exit(1)
def backward(*args):
    raise Deadly
---
# words that are no UTF-8: ValueError in cell 14, line 4
def backward(*args):
    print("\ud800")
    raise ValueError("\udfff")
---
# endless words: ValueError in cell 14, line 4
def backward(*args):
    print("x" * 50_000_000)
    raise ValueError("y" * 50_000_000)
---
# not implemented: `backward` is not implemented yet in cell 14, line 3
def backward(*args):
    raise NotImplementedError("leak")
---
# sys.exit: SystemExit in cell 14, line 4
import sys
def backward(*args):
    sys.exit(0)
---
# an interrupt: KeyboardInterrupt in cell 14, line 3
def backward(*args):
    raise KeyboardInterrupt
---
# endless recursion: RecursionError in cell 14
def backward(*args):
    return backward(*args)
---
# os._exit: process ended.* \(exit status 0\)
import os
def backward(*args):
    os._exit(0)
---
# a signal: process ended.* \(exit status -11\)
import os
def backward(*args):
    os.kill(os.getpid(), 11)
---
# a closed channel: process ended
import os
def backward(*args):
    os.closerange(3, 256)
---
# too much memory: MemoryError in cell 14
def backward(*args):
    hoard = []
    while True:
        hoard.append(np.ones(10_000_000))
---
# too much memory in children: memory limit was reached
import os, time
def backward(*args):
    for _ in range(4):
        if os.fork() == 0:
            kept = np.ones(25_000_000)
            time.sleep(30)
    time.sleep(30)
---
# changed arguments: changed its argument 1\['w1'\] in place
def backward(p, *args):
    p["w1"] *= 0
    return p
---
# the tape: its code leads to `tensorflow.GradientTape`
def backward(p, x, y_hat, hidden, t, reg):
    return tape_gradients(p, x, t, reg)
---
# the tape in disguise: it used `tf.GradientTape`
def backward(p, x, y_hat, hidden, t, reg):
    return globals()["tape_" + "gradients"](p, x, t, reg)
---
# finite differences: it ran a loss or forward pass for each parameter
def backward(p, x, y_hat, hidden, t, reg):
    result = {k: np.zeros(np.shape(v)) for k, v in p.items()}
    for k, v in p.items():
        for i in np.ndindex(v.shape):
            up = dict(p, **{k: v.astype(float)})
            up[k][i] += 1e-6
            result[k][i] = (mse_loss(up, forward(up, x)[0], t, reg) - mse_loss(p, y_hat, t, reg)) / 1e-6
    return result
"""


@pytest.mark.parametrize(("cell", "words"), cases(BROKEN))
def test_one_broken_function_costs_its_own_question(grade_cell, cell, words):
    """Every test of q5 is lost, with a message that says why; the other questions keep their marks."""
    result = grade_cell(cell, memory_mib=600).result
    assert result.status == "graded"
    assert set(lost(result)) == {"q5"}
    assert {t.status for t in result.questions["q5"].tests} == {"failed"}
    assert any(re.search(words, m) for m in messages(result, "q5")), messages(result, "q5")
    assert not any(re.search(r"leak (?!%s)|\n", m) for m in messages(result, "q5"))
    assert all(len(t.detail) < 40_000 for t in result.questions["q5"].tests)


# --- time -------------------------------------------------------------------------------------------------------

ENDLESS = """
# endless: q5
def backward(*args):
    n = 0
    while True:
        n += 1
---
# endless, refusing to be interrupted: q5
def backward(*args):
    n = 0
    while True:
        try:
            while True:
                n += 1
        except BaseException:
            n = 0
---
# endless, deaf to interrupts: q5
import signal
def backward(*args):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    n = 0
    while True:
        n += 1
---
# endless in a library: q5
def backward(*args):
    import time
    time.sleep(1000)
---
# endless when it is read: q5
class Endless(dict):
    def items(self):
        while True:
            yield "w1", 0
def backward(p, *args):
    return Endless(p)
"""


@pytest.mark.parametrize(("cell", "q"), cases(ENDLESS))
def test_an_endless_function_costs_its_own_question(grade_cell, cell, q):
    """It is given up after two tests, so that the rest is graded in time."""
    result = grade_cell(cell, test_s=1, cell_s=5).result
    assert result.status == "graded"
    assert set(lost(result)) == {q}
    assert all("Stopped after 1 s, called by the test as `backward(…)`" in m for m in messages(result, q))
    assert result.seconds < 25


def test_a_spent_submission_keeps_its_marks(grade_cell):
    """Tests that there was no time for are skipped, and say so; what was earned stays."""
    slow = "import time\ndef backward(*args):\n    time.sleep(4)\n    return {}"
    result = grade_cell(slow, time_s=7, test_s=10).result
    assert result.status == "timeout"
    assert result.questions["q4"].score == result.questions["q4"].max_score
    assert {t.status for t in result.questions["q8"].tests} == {"skipped"}
    assert all(m.startswith("Not run: it used up its 7 s") for m in messages(result, "q8"))


# --- the grader's own faults ----------------------------------------------------------------------------------------


def processes_of_box() -> list[psutil.Process]:
    """The living processes of the one open box, outermost first."""
    template = next(
        p for p in psutil.Process().children() if "autograder.session.template" in " ".join(p.cmdline())
    )
    return [p for p in template.children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("victim", [0, 1], ids=["outer", "init"])
def test_a_box_that_is_killed_from_outside_is_no_fault_of_the_student(grade_cell, victim):
    """Nothing that student code does ends init, so the submission is graded again."""

    def kill() -> None:
        while len(processes_of_box()) <= victim:
            time.sleep(0.1)
        processes_of_box()[victim].kill()

    killer = threading.Timer(1.5, kill)
    killer.start()
    with pytest.raises(GraderFault, match="ended from outside"):
        grade_cell("import time\ndef accuracy(*args):\n    time.sleep(5)\n    return 1.0", questions=("q8",))
    killer.join()


def test_a_process_may_call_itself_anything(grade_cell):
    """Init reads the names of processes, which need not be text."""
    cell = "import ctypes, time\nctypes.CDLL(None).prctl(15, b'\\xff\\xfe\\nRssAnon: 1', 0, 0, 0)\ntime.sleep(0.3)"
    assert lost(grade_cell(cell, questions=("q8",)).result) == {}
