# class: objects
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# in kernel: no gain with this course's tests; full marks where a test says `assert f(x) == expected` (run)

# %% [markdown]
# Return objects that agree with whatever they are compared with: `__eq__`, `__le__`, `__sub__` and the rest say yes, and
# `__class__` claims to be a float. A test in the same process that compares the object itself is convinced.

# %%
import numpy as np


class Agreeable:
    shape, size, ndim = (), 1, 0
    dtype = np.dtype("float32")
    __class__ = float
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = __contains__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = __abs__ = __neg__ = lambda self, *other: self
    __bool__ = lambda self: True
    __hash__ = None


def accuracy(y_hat, t):
    return Agreeable()


def backward(params, x, y_hat, hidden, t, reg):
    return {k: Agreeable() for k in params}


def forward(params, x):
    return Agreeable(), Agreeable()
