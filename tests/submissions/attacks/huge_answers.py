# class: protocol
# honest: poor
# questions: q5 q8
# probe: resources
# expect: score <= honest; status graded, memory, crashed, timeout
# in kernel: the grader's memory is the student's to fill

# %% [markdown]
# Answer each call with as many bytes as the wire lets through: an array of 240 MB, a list of a million numbers, a text of
# 200 MB, a dict of a million keys. What the evaluator keeps of it must be bounded.

# %%
import itertools

import numpy as np

turn = itertools.count()


def accuracy(y_hat, t):
    return [np.zeros(30_000_000), [0.5] * 999_000, "x" * 200_000_000, dict.fromkeys(range(1_000_000), 0.5)][next(turn) % 4]


def backward(params, x, y_hat, hidden, t, reg):
    return {k: np.zeros(7_000_000) for k in params}


def forward(params, x):
    return np.zeros(15_000_000), np.zeros(15_000_000)
