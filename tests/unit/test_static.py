"""What the source of a notebook leads to: every certain way is found, and nobody is accused on a likeness.

(What a *name* means in a piece of code is the matter of ``test_static_names.py``.)
"""

import pytest

from autograder.testing.static import AUTODIFF, RECORDS_OPERATIONS, forbidden_names, reachable_names

IMPORTS = "import numpy as np\nimport tensorflow as tf\n"
TAPE = (
    IMPORTS
    + "def tape_gradients(p, x):\n    with tf.GradientTape() as tape:\n        return tape.gradient(x, p)\n"
)
SOLVER = TAPE + "class Solver:\n    def {}(self, p):\n        return tape_gradients(p, 1)\n"


def accused(*cells: str, patterns=AUTODIFF) -> list[str]:
    return forbidden_names(reachable_names(cells)["backward"], patterns)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import tensorflow as t\ndef backward(p):\n    return t.GradientTape()", "tensorflow.GradientTape"),
        ("import tensorflow\ndef backward(p):\n    return tensorflow.GradientTape()", "tensorflow.GradientTape"),
        ("from tensorflow import GradientTape as Band\ndef backward(p):\n    return Band()", "tensorflow.GradientTape"),
        ("from tensorflow import autodiff\ndef backward(p):\n    return autodiff.ForwardAccumulator(p, p)", "tensorflow.autodiff.ForwardAccumulator"),
        ("import tensorflow.autodiff as a\ndef backward(p):\n    return a.ForwardAccumulator(p, p)", "tensorflow.autodiff.ForwardAccumulator"),
        ("import tensorflow as tf\ndef backward(p):\n    return tf.gradients(p, p)", "tensorflow.gradients"),
        ("import tensorflow as tf\ndef backward(p):\n    return tf.compat.v1.gradients(p, p)", "tensorflow.compat.v1.gradients"),
        ("from tensorflow.python.eager import backprop\ndef backward(p):\n    return backprop.implicit_grad(p)", "tensorflow.python.eager.backprop.implicit_grad"),
        ("from tensorflow import keras as k\ndef backward(p):\n    return k.optimizers.SGD()", "keras.optimizers.SGD"),
        ("from tensorflow.keras.optimizers import Adam\ndef backward(p):\n    return Adam()", "keras.optimizers.Adam"),
        ("import tensorflow.keras.optimizers as o\ndef backward(p):\n    return o.Adam()", "keras.optimizers.Adam"),
        ("import tensorflow as tf\ndef backward(p):\n    return tf.optimizers.Adam()", "keras.optimizers.Adam"),
        ("import keras.optimizers\ndef backward(p):\n    return keras.optimizers.Adam()", "keras.optimizers.Adam"),
        ("import jax\ndef backward(p):\n    return jax.grad(p)", "jax.grad"),
        ("from scipy.optimize import approx_fprime\ndef backward(p):\n    return approx_fprime(p)", "scipy.optimize.approx_fprime"),
        ("import tensorflow as tf\ndef backward(p):\n    return getattr(tf, 'GradientTape')()", "tensorflow.GradientTape"),
        ("import tensorflow as tf\ndef backward(p):\n    return getattr(tf.compat.v1, 'gradients')(p)", "tensorflow.compat.v1.gradients"),
        ("import tensorflow as tf\ndef backward(p):\n    return getattr(getattr(tf, 'compat'), 'v1').gradients(p)", "tensorflow.compat.v1.gradients"),
    ],
)  # fmt: skip
def test_every_way_to_write_a_library_name(source, found):
    """Aliases, from-imports, submodules, Keras inside TensorFlow, getattr with a literal."""
    assert found in accused(source)


FOLLOWED = """
def backward(p, x):
    return tape_gradients(p, x)
backward = tf.function(backward)
---
def backward(p, x):
    return tape_gradients(p, x)
old = backward
def backward(p, x):
    return old(p, x)
---
Band = tf.GradientTape
def backward(p, x):
    return Band()
---
Band, other = tf.GradientTape, None
def backward(p, x):
    return Band()
---
tools = {'band': tf.GradientTape}
def backward(p, x):
    return tools['band']()
---
band = lambda: tf.GradientTape()
def backward(p, x):
    return band()
---
from functools import partial
backward = partial(tape_gradients)
---
with open('x') as file:
    Band = tf.GradientTape
def backward(p, x):
    return Band()
---
for i in range(2):
    if i:
        Band = tf.GradientTape
def backward(p, x):
    return Band()
---
class A:
    def __call__(self, p, x):
        return tape_gradients(p, x)
backward = A()
---
class A:
    def go(self, p, x):
        return tape_gradients(p, x)
backward = A().go
---
class A:
    def __init__(self):
        self.band = tf.GradientTape()
def backward(p, x):
    return A()
---
class A:
    def __call__(self, p):
        return tape_gradients(p, 1)
class B(A):
    pass
def backward(p, x):
    return B()(p)
---
class A:
    def outer(self, p):
        return self._inner(p)
    def _inner(self, p):
        return tape_gradients(p, 1)
def backward(p, x):
    return A().outer(p)
---
def backward(*all):
    return helper(*all)
def helper(*all):
    return tape_gradients(*all)
"""


@pytest.mark.parametrize("code", FOLLOWED.split("---"))
def test_references_are_followed(code):
    """Through wrapping, renaming, containers, classes and functions that are defined later."""
    assert accused(TAPE + code) == ["tensorflow.GradientTape"]


@pytest.mark.parametrize("method", ["solve", "backward_pass", "_step"])
def test_a_method_is_followed_where_one_class_has_it(method):
    """`net.solve(…)` can only be that one method."""
    assert accused(SOLVER.format(method) + f"net = Solver()\ndef backward(p, x):\n    return net.{method}(p)")


INNOCENT = """
def backward(p, x):
    return p
---
def backward(p, x):
    '''Unlike tf.GradientTape, by hand.'''
    return p  # not tape_gradients
---
check = tape_gradients(1, 2)
def backward(p, x):
    return p
assert backward(1, 2) != check
---
def backward(p, x):
    return p
backward.compared_with = tape_gradients
---
def relu(z):
    return z
seen = {}
seen[relu] = tape_gradients(1, 2)
def backward(p, x):
    return relu(x)
---
seen = {}
seen['tape'] = tape_gradients(1, 2)
def backward(p, x):
    return seen
---
def backward(p, x):
    return tape_gradients(p, x)
def backward(p, x):
    return p
---
def helper(p):
    return tape_gradients(p, 1)
def backward(p, x):
    return helper(p)
def helper(p):
    return p
---
def other():
    import torch as np
    return np
def backward(p, x):
    return np.dot(x, x)
---
from tensorflow import gradients as relu
def relu(z):
    return z
def backward(p, x):
    return relu(x)
---
def relu(z):
    return tf.GradientTape()
from numpy import abs as relu
def backward(p, x):
    return relu(x)
---
class A:
    def solve(self, p):
        return tape_gradients(p, 1)
class B:
    def solve(self, p):
        return p
def backward(p, x):
    return B().solve(p)
---
class Net:
    def backward(self, x):
        return x
    def by_tape(self, x):
        return tape_gradients(x, x)
def backward(p, x):
    return Net().backward(x)
---
def (:
"""


@pytest.mark.parametrize("code", INNOCENT.split("---"))
def test_nobody_is_accused_on_a_likeness(code):
    """The tape elsewhere in the notebook, in a comment, under a name that means something else now."""
    cells = [TAPE, code] if "backward(p" in code else ["def backward(p, x):\n    return p", TAPE, code]
    assert accused(*cells) == []


@pytest.mark.parametrize(
    "call",
    ["x.sum()", "g.update(p)", "x.mean(axis=0)", "x.copy()", "p.items()", "rng.normal(0, 1)", "x.dot(x)"],
)
def test_methods_of_data_are_not_methods_of_the_notebook(call):
    """A class of the notebook may have a method `update` that uses the tape; a dict has one too."""
    method = call.partition(".")[2].partition("(")[0]
    assert accused(SOLVER.format(method) + f"def backward(p, x, g={{}}, rng=None):\n    return {call}") == []


@pytest.mark.parametrize("call", ["np.linalg.solve(p, x)", "tf.linalg.solve(p, x)"])
def test_functions_of_a_library_are_not_methods_of_the_notebook(call):
    """Nor is `np.linalg.solve` the method `solve` of a class."""
    assert accused(SOLVER.format("solve") + f"def backward(p, x):\n    return {call}") == []


def test_hand_written_layers_are_not_an_engine():
    """Layers with `backward` are by hand; a class that overloads arithmetic and has `backward` is an engine."""
    layer = "class Layer:\n    def __call__(self, x):\n        return x\n    def backward(self, d):\n        return d\n"
    vector = "class Vector:\n    def __add__(self, o):\n        return o\n    def __mul__(self, o):\n        return o\n"
    use = "def backward(p, x):\n    return {}(p)"
    assert accused(layer + use.format("Layer"), patterns=(RECORDS_OPERATIONS,)) == []
    assert accused(vector + use.format("Vector"), patterns=(RECORDS_OPERATIONS,)) == []
    engine = vector + "    def backward(self):\n        return 1\n"
    assert accused(engine + use.format("Vector"), patterns=(RECORDS_OPERATIONS,)) == [RECORDS_OPERATIONS]


def test_cells_that_do_not_parse_are_passed_over():
    """Broken, enormous or absurdly nested cells break nothing."""
    cells = ["def (:", "x = " + "(" * 5_000, "\0", "y = " + "-" * 50_000 + "1", "z = '" + "a" * 300_000 + "'"]
    found = reachable_names([*cells, TAPE])
    assert "tensorflow.GradientTape" in found["tape_gradients"]


def test_patterns_match_a_name_and_what_lies_below():
    """`jax` forbids `jax.grad` and not `jaxtyping`; `*` matches part of a name."""
    names = {"jax", "jax.grad", "jaxtyping.Float", "keras.losses.mse", "tensorflow.nn.softmax"}
    assert forbidden_names(names, ("jax",)) == ["jax", "jax.grad"]
    assert forbidden_names(names, ("keras.losses.*", "tensorflow.nn.soft*")) == [
        "keras.losses.mse",
        "tensorflow.nn.softmax",
    ]
