# class: objects
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# in kernel: no gain with this course's tests, which convert once (run)

# %% [markdown]
# Return objects whose `__array__`, `__len__` and `__iter__` give something else each time: checked as one thing, used as
# another; one of them has a length of a billion, one is its own element. A test that converts twice sees two arrays.

# %%
import itertools

import numpy as np

turn = itertools.count()


class Fickle:
    shape = property(lambda self: () if next(turn) % 2 else (3, 3))

    def __array__(self, dtype=None, copy=None):
        return np.full((next(turn) % 3,), 0.5)

    def __len__(self):
        return 10**9

    def __iter__(self):
        return itertools.repeat(self)

    def __float__(self):
        return float(next(turn) % 2)


loop = []
loop.append(loop)


def accuracy(y_hat, t):
    return Fickle()


def forward(params, x):
    return loop, Fickle()


def backward(params, x, y_hat, hidden, t, reg):
    return {"w1": Fickle(), "b1": loop, "w2": Fickle(), "b2": itertools.repeat(0.0)}
