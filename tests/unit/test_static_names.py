"""Following names through a notebook's source: what a function leads to, and what only looks like it."""

import pytest

from autograder.testing.static import AUTODIFF, forbidden_names, reachable_names

NOTEBOOK = """
import tensorflow as tf

def tape_gradients(params, x):
    with tf.GradientTape() as tape:
        return tape.gradient(x, params)
"""

INNOCENT = """
def backward(params, x):
    return {key: 2 * value for key, value in params.items()}
---
def backward(q, x):
    params = dict(q)
    return params
---
def backward(q, x):
    return [params for params in q]
---
def backward(params, x):
    def inner(key):
        return params[key]
    return inner("w1")
---
class Net:
    def step(self, params):
        return params
def backward(q, x):
    return Net().step(q)
"""

GUILTY = """
def backward(params, x):
    return tape_gradients(params, x)
---
def backward(params, x):
    g = tape_gradients
    return g(params, x)
---
def backward(params, x, f=tape_gradients):
    return f(params, x)
---
def backward(params, x):
    import tensorflow as t
    return t.GradientTape()
---
def backward(params, x):
    from tensorflow import GradientTape as T
    def inner():
        return T()
    return inner()
---
solver = tape_gradients
def backward(params, x):
    return solver(params, x)
---
backward = lambda params, x: tape_gradients(params, x)
---
solver = tape_gradients
def backward(params, x):
    global solver
    solver = solver or 1
    return solver(params, x)
---
class Net:
    def grads(self, p):
        return tape_gradients(p, 1)
def backward(p, x):
    return Net().grads(p)
---
@tape_gradients
def backward(params, x):
    return 0
"""


def found_in(*cells):
    return forbidden_names(reachable_names([NOTEBOOK, *cells])["backward"], AUTODIFF)


@pytest.mark.parametrize("code", INNOCENT.split("---"))
def test_a_local_name_is_not_the_notebooks_variable(code):
    """A variable `params` at the end of a notebook accuses no function with a parameter `params`."""
    assert found_in(code, "params = tape_gradients({}, 1)") == []


@pytest.mark.parametrize("code", GUILTY.split("---"))
def test_a_way_to_the_tape_is_found(code):
    """Through helpers, aliases, defaults, decorators, methods, closures and imports inside a function."""
    assert found_in(code) == ["tensorflow.GradientTape"]


def test_code_that_cannot_run_is_passed_over():
    """A cell that Python refuses only after parsing it breaks nothing."""
    assert found_in("def backward(params):\n    nonlocal z") == []
