"""The code of the student notebook, without the build."""

from autograder.otterbridge.master import handed_out_code
from autograder.otterbridge.stubs import Reference

SOURCE = '''\
# %% [markdown]
# # Title

# %%
import numpy as np

# %% given: plot

# %% solution: relu _secret Layer

# %% check: q1
def test_relu(relu):
    assert relu(1) == 1
'''
REFERENCE = '''\
def plot(z):
    print(z)


def relu(z):
    """Compute max(z, 0)."""
    return max(z, 0)


def _secret(z):
    return z


class Layer:
    """A layer."""

    width = 3

    def call(self, z):
        """Apply it."""
        return z * self.width
'''


def test_no_solution_is_in_the_code_that_was_handed_out(tmp_path):
    """Imports, given functions, heads and docstrings; no body, no private name, no public test."""
    (tmp_path / "a.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "r.py").write_text(REFERENCE, encoding="utf-8")
    code = handed_out_code(tmp_path / "a.py", Reference(tmp_path / "r.py"))
    for kept in ("import numpy", "def plot(z):\n    print(z)", 'def relu(z):\n    """Compute', "class Layer", "def call"):
        assert kept in code
    for hidden in ("max(z, 0)\n", "_secret", "self.width", "width = 3", "test_relu", "SOLUTION"):
        assert hidden not in code
