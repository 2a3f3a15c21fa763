"""State may be of the student's own type: a test hands back what it was given."""

import pytest
from cells import cases, lost
from conftest import SUBMISSIONS

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


@pytest.mark.parametrize(
    "point", ["object()", "lambda: 1", "{'w1': object()}", "None", "'text'", "np.array([object()])"]
)
def test_a_function_of_the_test_refuses_what_is_no_data(grade_text, point):
    """`grad_fn` is the evaluator's: called with an object it raises in the student's code, and both ends go on."""
    cell = f"def lookback_step(params, prev, grad_fn, learning_rate, alpha):\n    return grad_fn({point})"
    result = grade_text(f"{OPTIMIZERS}\n# %%\n{cell}", "a2_optimizers", ("q3", "q4")).result
    assert set(lost(result)) == {"q3"}
    assert all("Your code raised RuntimeError in cell 1" in t.message for t in result.questions["q3"].tests)
