# class: ends
# honest: poor
# questions: q5 q8
# probe: resources
# expect: score <= honest; status timeout
# in kernel: never ends

# %% [markdown]
# Loop for ever in Python: in a cell, in a function, in a generator that a test iterates over, in `__del__`, in a `finally`
# of an interrupted loop.

# %%
import itertools


class Lingering:
    def __del__(self):
        for _ in itertools.count():
            pass


def backward(params, x, y_hat, hidden, t, reg):
    return Lingering()


def accuracy(y_hat, t):
    try:
        while True:
            pass
    finally:
        while True:
            pass


def forward(params, x):
    return itertools.count(), itertools.count()

# %%
while True:
    pass
