"""Whatever a student's code does costs the tests that it concerns, says why, and nothing more."""

import re
import threading

import nbformat
import psutil
import pytest
from conftest import SUBMISSIONS

from autograder.errors import GraderFault

SOLUTION = (
    (SUBMISSIONS / "a1_backprop" / "correct_numpy_float64.py").read_text().partition("# %%\nimages =")[0]
)


@pytest.fixture
def grade_cell(grade_text):
    """Grade the solution of a1 with one more cell, on three questions unless told otherwise."""

    def function(cell: str, questions: tuple[str, ...] = ("q4", "q5", "q8"), **limits):
        graded = grade_text(f"{SOLUTION}\n# %%\n{cell}\n", questions=questions, **limits)
        nbformat.validate(nbformat.from_dict(graded.notebook))
        return graded

    return function


def lost(result) -> dict[str, list]:
    """The tests that did not pass, by question."""
    found = {q: [t for t in r.tests if t.status != "passed"] for q, r in result.questions.items()}
    return {q: tests for q, tests in found.items() if tests}


def messages(result, q: str) -> list[str]:
    return [t.message for t in result.questions[q].tests]


def outputs(graded, cell: int) -> str:
    """All text that a cell of the executed notebook shows; cells count from 1, the last is -1."""
    cells = graded.notebook["cells"]
    return str(cells[cell - 1 if cell > 0 else cell]["outputs"])


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


def cases(text: str) -> list:
    """Cells with what their first line says."""
    found = []
    for cell in text.strip().split("\n---\n"):
        name, _, words = cell.partition("\n")[0].removeprefix("# ").partition(": ")
        found.append(pytest.param(cell + "\n", words, id=name))
    return found


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
    assert result.seconds < 15


def test_a_spent_submission_keeps_its_marks(grade_cell):
    """Tests that there was no time for are skipped, and say so; what was earned stays."""
    slow = "import time\ndef backward(*args):\n    time.sleep(2.5)\n    return {}"
    result = grade_cell(slow, time_s=4, test_s=10).result
    assert result.status == "timeout"
    assert result.questions["q4"].score == result.questions["q4"].max_score
    assert {t.status for t in result.questions["q8"].tests} == {"skipped"}
    assert all(m.startswith("Not run: it used up its 4 s") for m in messages(result, "q8"))


# --- cells ------------------------------------------------------------------------------------------------------

# The first line: what the cell is, and what is left of the notebook where it stood.
CELLS = """
# raises: graded: ValueError
raise ValueError("in a cell")
---
# no Python: graded: SyntaxError
def (:
---
# no name: graded: NameError
undefined_name
---
# sys.exit: graded: SystemExit
import sys
sys.exit(1)
---
# an interrupt: graded: KeyboardInterrupt
raise KeyboardInterrupt
---
# more memory than there is: graded: MemoryError
np.ones(10_000_000_000)
---
# deep recursion: graded: RecursionError
def f():
    return f()
f()
---
# an unknown magic: graded: UsageError
%no_such_magic
---
# endless: timeout: stopped after 2 s
n = 0
while True:
    n += 1
---
# deaf: timeout: stopped after 2 s
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
n = 0
while True:
    n += 1
---
# os._exit: crashed: process ended here
import os
os._exit(0)
---
# kill: crashed: process ended here
import os, signal
os.kill(0, signal.SIGKILL)
---
# hoarding children: memory: memory limit was reached
import os, time
for _ in range(4):
    if os.fork() == 0:
        kept = np.ones(25_000_000)
        time.sleep(30)
time.sleep(30)
"""


@pytest.mark.parametrize(("cell", "end"), cases(CELLS))
def test_a_broken_cell_costs_no_marks(grade_text, cell, end):
    """Cells before and after it count, with imports of the kit; the executed notebook shows what happened."""
    status, _, shown = end.partition(": ")
    cells = SOLUTION.split("# %%\n")
    middle = next(i for i, text in enumerate(cells) if text.startswith("def accuracy"))
    text = "# %%\n".join(
        [*cells[:middle], cell, *cells[middle:], "from kit import plot_history\nplot_history"]
    )
    graded = grade_text(text, questions=("q4", "q8"), cell_s=2 if status == "timeout" else 30, memory_mib=600)
    nbformat.validate(nbformat.from_dict(graded.notebook))
    assert graded.result.status == status
    assert lost(graded.result) == {}
    assert len(graded.result.notes) == 1
    assert bool(graded.result.message) == (status != "graded")
    executed = next(
        i for i, c in enumerate(graded.notebook["cells"], start=1) if c["source"].strip() == cell.strip()
    )
    assert shown in outputs(graded, executed)
    assert "plot_history" in outputs(graded, -1)


def test_a_cell_may_be_fatal_the_second_time(grade_cell):
    """Where a cell ends the box that was opened again for another's sake, only that cell is left out."""
    cell = (
        "import os, time\n"
        "if time.time() % 1 < 0.5:  # more often than not both happen\n"
        "    os._exit(3)\n"
        "time.sleep(0.5)\n"
        "# %%\n"
        "import os\n"
        "def backward(*args):\n"
        "    os._exit(0)\n"
    )
    for _ in range(2):
        assert set(lost(grade_cell(cell).result)) == {"q5"}


def test_many_deaths_are_no_end(grade_cell):
    """Every function ends its process; each costs its own tests, and the one that works earns its marks."""
    names = ("relu", "forward", "cross_entropy", "backward", "train", "mlp_backward")
    cell = "import os\n" + "\n".join(f"def {name}(*args, **kwargs):\n    os._exit(0)" for name in names)
    result = grade_cell(cell, questions=()).result
    assert result.status == "graded"
    assert result.questions["q1"].score == 4
    assert result.questions["q8"].score == 3
    assert not any(t.status == "skipped" for t in result.tests)


NOTEBOOK = r"""
print("café \ud800")
import matplotlib.pyplot as plt
plt.plot([1, 2])
# %%
from IPython.display import HTML, Markdown, display
display(HTML("<b>\udfff</b>"), Markdown("*x*"), {"a": object()})
1 + 1
# %%
for _ in range(50):
    display(HTML("y" * 100_000))
# %%
def deep(n):
    return deep(n - 1) if n else 1 / 0
deep(100)
# %% [markdown]
# Prose with ünïcode and $\LaTeX$.
# %%
class Wide(Exception):
    def __str__(self):
        return "z" * 10_000_000
raise Wide
"""


def test_the_executed_notebook_is_valid(grade_cell):
    """Pictures, HTML, errors, floods and bytes that are no UTF-8: valid nbformat, within the limit."""
    graded = grade_cell(NOTEBOOK, questions=("q8",))
    cells = {c["source"].strip().partition("\n")[0]: c for c in graded.notebook["cells"]}
    assert any("image/png" in o.get("data", ()) for o in cells['print("café \\ud800")']["outputs"])
    assert cells["Prose with ünïcode and $\\LaTeX$."]["cell_type"] == "markdown"
    assert "ZeroDivisionError" in str(graded.notebook)
    assert "too large to keep" in str(graded.notebook)
    assert len(str(graded.notebook)) < 2_000_000
    assert lost(graded.result) == {}


# --- what a student may learn -------------------------------------------------------------------------------------

# Student code that has hidden inputs in its hands tries to have them shown.
LEAKS = r"""
# the name of an exception: q5
def backward(p, x, *args):
    raise type(f"leak{x[0, 0]}", (Exception,), {})
---
# the name of a type: q5
def backward(p, x, *args):
    return {k: type(f"leak{x[0, 0]}", (), {})() for k in p}
---
# the keys of a dict: q5
def backward(p, x, *args):
    return {f"leak{v}": v for v in x.ravel().tolist()}
---
# text for an array: q5
def backward(p, x, *args):
    return {k: f"leak{x}" for k in p}
---
# the probe's report: q5
import autograder.session.student as server
from autograder.testing.probes import Observation
def observe(function, args, kwargs, **options):
    text = f"leak{args}"
    return Observation(1, [text], {text: 1}, {text: 10**9})
server.observe = observe
---
# the description of an error: q5
import autograder.session.student as server
def describe(error):
    return {"type": "leak", "message": "leak" * 10**6, "cell": 10**40, "line": 31337, "traceback": "leak" * 10**6, "more": "leak"}
server._describe = describe
def backward(*args):
    raise ValueError
---
# the source file of an error: q5
exec(compile("\n" * 400 + "def backward(p, x, *args):\n    raise ValueError(x)", "<cell 3>", "exec"))
"""


@pytest.mark.parametrize(("cell", "q"), cases(LEAKS))
def test_hidden_inputs_do_not_reach_a_message(grade_cell, cell, q):
    """What student code words in a test is for the instructor; names and places are shown if they are known."""
    result = grade_cell(cell, questions=("q5", "q6")).result
    assert result.status == "graded"
    assert result.questions[q].score == 0
    for message in (*messages(result, "q5"), *messages(result, "q6")):
        own_words = message.partition("The line: `")[0]
        assert "leak" not in own_words
        assert not re.search(r"\d{4}", own_words)
    assert all(len(t.detail) < 40_000 for t in result.tests)


def test_outputs_are_cut_by_the_evaluator_as_well(grade_cell):
    """A student process that keeps to no limit fills neither memory nor results."""
    cell = (
        "import autograder.session.shell as shell\n"
        "flood = [{'output_type': 'stream', 'name': 'stdout', 'text': 'x' * 10**7}] * 5\n"
        "shell.OutputLog.take = lambda self: flood\n"
    )
    graded = grade_cell(cell + "# %%\n1\n" * 3, questions=("q8",))
    assert len(str(graded.notebook)) < 2_000_000
    assert lost(graded.result) == {}


# --- error carried forward ----------------------------------------------------------------------------------------

FORWARD_WITHOUT_BIAS = """
def forward(p, inputs):
    hidden = relu(f64(inputs) @ f64(p["w1"]))
    return hidden @ f64(p["w2"]) + f64(p["b2"]), hidden
"""

# The same mistake in a network of compiled functions; DT and COMPILED are filled in.
COMPILED_NETWORK = """
import tensorflow as tf

def tensors(p):
    return {k: tf.convert_to_tensor(v, DT) for k, v in p.items()}

def forward(p, x):
    hidden = tf.nn.relu(tf.matmul(x, p["w1"]))
    return tf.matmul(hidden, p["w2"]) + p["b2"], hidden

def gradients_by_hand(p, x, t, reg):
    y_hat, hidden = forward(p, x)
    d_y = 2 * (y_hat - t) / y_hat.shape[0]
    d_z = tf.matmul(d_y, p["w2"], transpose_b=True) * tf.cast(hidden > 0, DT)
    return {"w1": tf.matmul(x, d_z, transpose_a=True) + 2 * reg * p["w1"], "b1": tf.reduce_sum(d_z, 0),
            "w2": tf.matmul(hidden, d_y, transpose_a=True) + 2 * reg * p["w2"], "b2": tf.reduce_sum(d_y, 0)}

def gradients_by_tape(p, x, t, reg):
    with tf.GradientTape() as tape:
        tape.watch(p)
        y_hat, _ = forward(p, x)
        loss = tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, 1))
        loss += reg * (tf.reduce_sum(p["w1"] ** 2) + tf.reduce_sum(p["w2"] ** 2))
    return tape.gradient(loss, p)

COMPILED
def step(p, x, t, reg, rate):
    g = gradients_by_hand(p, x, t, reg)
    return {k: p[k] - rate * g[k] for k in p}

COMPILED
def tape_step(p, x, t, reg, rate):
    g = gradients_by_tape(p, x, t, reg)
    return {k: p[k] - rate * g[k] for k in p}

def tape_gradients(p, x, t, reg):
    return gradients_by_tape(tensors(p), tf.convert_to_tensor(x, DT), tf.convert_to_tensor(t, DT), reg)

def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    p = tensors(init_params(x.shape[1], n_hidden, t.shape[1], seed))
    x, t, x_test, t_test = (tf.convert_to_tensor(a, DT) for a in (x, t, x_test, t_test))
    history = {k: [] for k in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")}
    for _ in range(epochs):
        one_step = step if gradients == "manual" else tape_step
        p = one_step(p, x, t, tf.constant(reg, DT), tf.constant(learning_rate, DT))
        for name, a, b in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(p, a)
            history[name + "_loss"].append(mse_loss(p, y_hat, b, reg))
            history[name + "_accuracy"].append(accuracy(y_hat, b))
    return p, history

step(tensors(init_params(3, 2, 2, 0)), tf.ones((4, 3), DT), tf.ones((4, 2), DT), tf.constant(0, DT), tf.constant(0, DT))
"""


def compiled(dtype: str, decorator: str) -> str:
    return COMPILED_NETWORK.replace("COMPILED\n", f"{decorator}\n").replace("DT", f"tf.{dtype}")


@pytest.mark.parametrize(
    "cell",
    [
        FORWARD_WITHOUT_BIAS,
        "del forward",
        "def forward(p, inputs):\n    raise NotImplementedError",
        "def forward(p, inputs):\n    while True:\n        inputs = inputs + 1",
        "import os\ndef forward(p, inputs):\n    os._exit(0)",
        compiled("float32", "@tf.function"),
        compiled("float64", "@tf.function"),
        compiled("float32", "@tf.function(jit_compile=True)"),
    ],
    ids=[
        "NumPy",
        "missing",
        "unfinished",
        "endless",
        "deadly",
        "compiled",
        "compiled, float64",
        "compiled by XLA",
    ],
)
def test_one_mistake_is_charged_once(grade_cell, cell):
    """A wrong `forward` costs q3 alone; q7 and q9 pass with a note that names q3."""
    result = grade_cell(
        cell, questions=("q3", "q6", "q7", "q9"), test_s=1 if "while True" in cell else 20
    ).result
    assert result.status == "graded"
    assert set(lost(result)) == {"q3"}
    for q in ("q7", "q9"):
        assert {t.note for t in result.questions[q].tests} - {""} == {
            "graded with the reference standing in for q3"
        }
    assert not any(t.misconception for q in ("q6", "q7", "q9") for t in result.questions[q].tests)


def test_a_published_submission_loses_one_question(grade_text):
    """The example with the one early mistake: q6, q7 and q9 pass with a note."""
    text = (SUBMISSIONS / "a1_backprop" / "wrong_forward_only.py").read_text().partition("# %%\nimages")[0]
    result = grade_text(text).result
    assert set(lost(result)) == {"q3"}
    rescued = {q for q, r in result.questions.items() if any("q3" in t.note for t in r.tests)}
    assert rescued == {"q6", "q7", "q9"}


def test_a_mistake_of_its_own_is_charged(grade_cell):
    """Two mistakes cost two questions, and the second is explained with the first one out of the way."""
    wrong = """
def backward_cross_entropy(p, inputs, target):
    scores, hidden = forward(p, inputs)
    return from_output_gradient(p, inputs, hidden, (f64(target) - softmax(scores)) / len(inputs))
"""
    result = grade_cell(FORWARD_WITHOUT_BIAS + wrong, questions=("q3", "q7", "q8")).result
    assert set(lost(result)) == {"q3", "q7"}
    assert any("sign is flipped" in m for m in messages(result, "q7"))
    assert result.questions["q8"].passed


def test_the_reference_is_gone_afterwards(grade_cell):
    """A stand-in that student code kept answers only while it stands in, and the student's function comes back."""
    cell = (
        FORWARD_WITHOUT_BIAS
        + """
wrong_forward, kept = forward, []
def backward_cross_entropy(p, inputs, target):
    if forward is not wrong_forward:
        kept.append(forward)
    return {}
def accuracy(scores, target):
    assert forward is wrong_forward and kept
    params = {"w1": np.ones((2, 3)), "b1": np.ones(3), "w2": np.ones((3, 2)), "b2": np.ones(2)}
    kept[0](params, np.ones((1, 2)))
"""
    )
    result = grade_cell(cell, questions=("q3", "q7", "q8")).result
    assert all("raised RuntimeError" in m for m in messages(result, "q8")), messages(result, "q8")


# --- state of the student's own ------------------------------------------------------------------------------------

OPTIMIZERS = (SUBMISSIONS / "a2_optimizers" / "correct_numpy_float64.py").read_text()
UPDATE = """
import numpy as np, tensorflow as tf
from typing import Any, NamedTuple
def moments(p, g, m, v, b1, b2):
    return ({k: b1 * m[k] + (1 - b1) * np.asarray(g[k], float) for k in p},
            {k: b2 * v[k] + (1 - b2) * np.asarray(g[k], float) ** 2 for k in p})
def moved(p, m, v, t, rate, b1, b2, eps):
    return {k: p[k] - rate * (m[k] / (1 - b1**t)) / (np.sqrt(v[k] / (1 - b2**t)) + eps) for k in p}
def zeros(p):
    return {k: np.zeros(np.shape(a)) for k, a in p.items()}
"""
STATES = """
# a named tuple: attributes
class State(NamedTuple):
    m: Any
    v: Any
    t: int
def adam_init(p):
    return State(zeros(p), zeros(p), 0)
def adam_step(p, s, g, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, v = moments(p, g, s.m, s.v, beta_1, beta_2)
    s = s._replace(m=m, v=v, t=s.t + 1)
    return moved(p, m, v, s.t, learning_rate, beta_1, beta_2, epsilon), s
---
# a dict with attributes: methods
class State(dict):
    __getattr__ = dict.__getitem__
def adam_init(p):
    return State(m=zeros(p), v=zeros(p), t=0)
def adam_step(p, s, g, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, v = moments(p, g, s.m, s.v, beta_1, beta_2)
    return moved(p, m, v, s.t + 1, learning_rate, beta_1, beta_2, epsilon), State(m=m, v=v, t=s.t + 1)
---
# variables: changed in place
def adam_init(p):
    return {name: {k: tf.Variable(a) for k, a in zeros(p).items()} for name in "mv"} | {"t": tf.Variable(0)}
def adam_step(p, s, g, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, v = moments(p, g, s["m"], s["v"], beta_1, beta_2)
    for k in p:
        s["m"][k].assign(m[k])
        s["v"][k].assign(v[k])
    t = int(s["t"].assign_add(1).numpy())
    return moved(p, m, v, t, learning_rate, beta_1, beta_2, epsilon), s
---
# tensors: with their methods
def adam_init(p):
    return tf.constant(0), {k: tf.constant(a) for k, a in zeros(p).items()}, {k: tf.constant(a) for k, a in zeros(p).items()}
def adam_step(p, s, g, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    t, m, v = s[0] + 1, *({k: a.numpy() for k, a in moment.items()} for moment in s[1:])
    m, v = moments(p, g, m, v, beta_1, beta_2)
    new = moved(p, m, v, t.numpy(), learning_rate, beta_1, beta_2, epsilon)
    return new, (t, {k: tf.constant(a) for k, a in m.items()}, {k: tf.constant(a) for k, a in v.items()})
---
# a class: behind a handle
class Adam:
    def __init__(self, p):
        self.m, self.v, self.t = zeros(p), zeros(p), 0
def adam_init(p):
    return Adam(p)
def adam_step(p, s, g, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s.m, s.v = moments(p, g, s.m, s.v, beta_1, beta_2)
    s.t += 1
    return moved(p, s.m, s.v, s.t, learning_rate, beta_1, beta_2, epsilon), s
---
# nothing at first: None
def adam_init(p):
    pass
def adam_step(p, s, g, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, v, t = s or (zeros(p), zeros(p), 0)
    m, v = moments(p, g, m, v, beta_1, beta_2)
    return moved(p, m, v, t + 1, learning_rate, beta_1, beta_2, epsilon), (m, v, t + 1)
---
# parameters as a dict of arrays of objects: odd, but numbers
def adam_init(p):
    return np.array([zeros(p), zeros(p), 0], dtype=object)
def adam_step(p, s, g, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, v = moments(p, g, s[0], s[1], beta_1, beta_2)
    new = moved(p, m, v, s[2] + 1, learning_rate, beta_1, beta_2, epsilon)
    return {k: a.astype(np.longdouble) for k, a in new.items()}, np.array([m, v, s[2] + 1], dtype=object)
"""


@pytest.mark.parametrize(("cell", "what"), cases(STATES))
def test_state_may_be_of_any_type(grade_text, cell, what):
    """What a test hands back to student code is the student's own object, whatever the test has seen of it."""
    result = grade_text(f"{OPTIMIZERS}\n# %%\n{UPDATE}\n# %%\n{cell}", "a2_optimizers", ("q6",)).result
    assert lost(result) == {}


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
    killer = threading.Timer(1.5, lambda: processes_of_box()[victim].kill())
    killer.start()
    with pytest.raises(GraderFault, match="ended from outside"):
        grade_cell("import time\ndef accuracy(*args):\n    time.sleep(5)\n    return 1.0", questions=("q8",))
    killer.join()


def test_a_process_may_call_itself_anything(grade_cell):
    """Init reads the names of processes, which need not be text."""
    cell = "import ctypes, time\nctypes.CDLL(None).prctl(15, b'\\xff\\xfe\\nRssAnon: 1', 0, 0, 0)\ntime.sleep(0.3)"
    assert lost(grade_cell(cell, questions=("q8",)).result) == {}
