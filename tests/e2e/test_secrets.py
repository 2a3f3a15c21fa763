"""What a student's code has in its hands during a hidden test does not reach what the student is shown."""

import re

import pytest
from cells import cases, messages

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
