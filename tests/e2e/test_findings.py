"""Where a wrong answer first goes wrong: said after all marks are settled, and of the student's own lines only."""

import re

import pytest
from cells import cases

from autograder import evaluate

DELTA = """
def backward(params, x, y_hat, hidden, t, reg):
    error = y_hat - t
    delta = 2 * error / len(x) + 0.1 * t
    back = (delta @ np.transpose(params["w2"])) * (hidden > 0)
    return {"w1": x.T @ back + 2 * reg * params["w1"], "b1": back.sum(axis=0),
            "w2": hidden.T @ delta + 2 * reg * params["w2"], "b2": delta.sum(axis=0)}
"""
MENDED = "the rest of your code gives the correct answer. The line: `"


def findings(result, q: str) -> set[str]:
    return {t.finding for t in result.questions[q].tests if t.status == "failed"}


WRONG = r"""
# a delta that nobody lists: q5
def backward(params, x, y_hat, hidden, t, reg):
    grads = {}
    delta = 2 * (y_hat - t) / len(x)
    grads["w2"], grads["b2"] = hidden.T @ delta, delta.sum(axis=0)
    back = delta @ np.transpose(params["w2"])
    back = back * hidden ** 2  # look here
    grads["w1"], grads["b1"] = x.T @ back, back.sum(axis=0)
    return {k: g + 2 * reg * params[k] if k[0] == "w" else g for k, g in grads.items()}
---
# a compiled function on tensors: q4
import tensorflow as tf

@tf.function
def mse_loss(params, y_hat, t, reg):
    error = tf.reduce_mean(tf.reduce_sum(tf.abs(y_hat - t) ** 3, axis=-1))  # look here
    penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
    return error + reg * penalty
---
# an overflow: q2
def softmax(z):
    shifted = z - z.mean(axis=-1, keepdims=True)
    e = np.exp(shifted)  # look here
    return e / e.sum(axis=-1, keepdims=True)
---
# a helper of the student's, beside a broken earlier question: q7
def forward(params, x):
    return 0 * x @ params["w1"] @ params["w2"], x @ params["w1"]

def slope(p, t):
    delta = np.abs(p - t) / len(t)  # look here
    return delta

def backward_cross_entropy(params, x, t):
    logits, hidden = forward(params, x)
    delta = slope(softmax(logits), t)
    back = (delta @ np.transpose(params["w2"])) * (np.asarray(hidden) > 0)
    return {"w1": x.T @ back, "b1": back.sum(axis=0), "w2": np.transpose(hidden) @ delta, "b2": delta.sum(axis=0)}
"""


@pytest.mark.parametrize(("cell", "q"), cases(WRONG))
def test_the_line_is_found(grade_cell, cell, q):
    """Whatever the style; other questions have no finding, and neither has a test that passed."""
    result = grade_cell(cell, questions=("q2", "q3", q)).result
    found = {f for f in findings(result, q) if f}
    assert any(re.search(r"cell 14, line \d+\b.*\. The lines?: `[^`]*  # look here`", f) for f in found), found
    assert not any(t.finding for t in result.tests if t.status == "passed" or t.misconception)


def test_training_is_not_run_again(grade_cell):
    """What takes a seed draws its own numbers: those of the reference would prove nothing."""
    cell = "def init_params(n_in, n_hidden, n_out, seed):\n    w = np.ones(3) * seed\n    return {'w1': w}\n"
    assert findings(grade_cell(cell, questions=("q1",)).result, "q1") == {""}


# Student code that has hidden inputs in its hands tries to have them shown in a finding.
LEAKS = r"""
# the name of a step: q5
from autograder.checking.trace import Step
import autograder.session.student as server
def trace(function, args, kwargs, within, repair=None):
    answer = function(*args, **kwargs)
    return answer, [Step("<cell 14>", 3, f"leak{args[1].flat[0]}", {(): np.array([np.inf])})]
server.trace = trace
---
# the file of a step: q5
from autograder.checking.trace import Step
import autograder.session.student as server
def trace(function, args, kwargs, within, repair=None):
    return function(*args, **kwargs), [Step(f"<cell leak{args[1].flat[0]}>", 3, "e", {(): np.ones(1)})]
server.trace = trace
---
# a name that is elsewhere in the notebook: q5
from autograder.checking.trace import Step
import autograder.session.student as server
leak12345 = 1
def trace(function, args, kwargs, within, repair=None):
    return function(*args, **kwargs), [Step("<cell 14>", k, "leak12345", {(): np.array([np.nan])}) for k in (3, 7)]
server.trace = trace
---
# a line that was not handed in: q5
exec(compile("\n" * 400 + "def helper(x):\n    leak12345 = np.log(0 * x)\n    return leak12345", "<cell 3>", "exec"))
---
# keys of the answer: q5
def also(grads, x):
    return grads | {f"leak{x.flat[0]}": x}
---
# forms that no step has: q5
import autograder.session.student as server
class Odd:
    file, line, name, numbers = "leak12345", "leak12345", ["leak12345"], {("leak12345",): "leak12345"}
server.trace = lambda function, args, kwargs, within, repair=None: (function(*args, **kwargs), [Odd, Odd])
"""


@pytest.mark.parametrize(("cell", "q"), cases(LEAKS))
def test_hidden_inputs_do_not_reach_a_finding(grade_cell, cell, q):
    """A name, a file or a line that student code makes up is not shown, and costs the other words nothing."""
    wrong = """
def backward(params, x, y_hat, hidden, t, reg):
    grads = {k: 0 * v + np.nan for k, v in params.items()}
    grads = also(grads, x) if "also" in globals() else grads
    return grads
"""
    result = grade_cell(cell + wrong, questions=("q5", "q6")).result
    assert result.status == "graded"
    assert result.questions[q].score == 0
    assert not any(re.search(r"leak|\d{4}", t.finding.partition("The line: `")[0]) for t in result.tests)
    assert not any("leak" in t.finding for t in result.tests)


def test_numbers_of_the_reference_come_when_nothing_is_left_to_earn(grade_cell):
    """They are put into the student's function after the last test, so code that keeps them for later has no later."""
    cell = DELTA.replace("    back =", "    stolen.append(not np.allclose(delta, 2 * error / len(x) + 0.1 * t))\n    back =")
    cell += """
stolen, right_accuracy = [], accuracy
def accuracy(y_hat, t):
    return right_accuracy(y_hat, t) if not any(stolen) else 0.0
"""
    result = grade_cell(cell, questions=("q5", "q8")).result
    assert any(MENDED in f for f in findings(result, "q5"))
    assert result.questions["q8"].score == result.questions["q8"].max_score


def test_what_happens_in_an_extra_call_costs_nothing(grade_cell, monkeypatch):
    """Code can tell that it is traced; if it dies or hangs then, there is no finding, and nothing else changes."""
    monkeypatch.setattr(evaluate, "LIMIT_S", 0.3)
    plain = grade_cell(DELTA, questions=("q5", "q8"))
    assert any(findings(plain.result, "q5"))
    endless = "def endless():\n    while True:\n        pass\n"
    for trap in ("os._exit(1)", "os.kill(os.getpid(), 9)", "endless()", "raise SystemExit", "np.ones((10**6, 10**6))"):
        cell = DELTA.replace("    error =", f"    if sys.gettrace(): {trap}\n    error =")
        trapped = grade_cell(f"import os, sys\n{endless}{cell}", questions=("q5", "q8"))
        assert findings(trapped.result, "q5") == {""}, trap
        assert trapped.result.status == "graded"
        assert trapped.result.score == plain.result.score
        assert not trapped.starved
