# class: objects
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# in kernel: no gain with this course's tests; full marks where a test calls np.allclose on the answer (run)

# %% [markdown]
# Return what compares as equal because there is nothing to compare: empty arrays, NaN, arrays of one that broadcast, the
# inputs themselves, object and complex dtypes, integers beyond all bounds. `np.allclose([], x)` is true.

# %%
import itertools

import numpy as np

kinds = itertools.cycle([
    np.zeros(0), np.zeros((0, 3)), np.float64("nan"), np.array([np.inf]), np.array([None]), np.array([[]], object),
    np.array(1j), 10**4000, -0.0, True, "0.5", b"", {}, [], (), np.array(["0.5"]), np.datetime64("2020"), np.ma.masked, range(3),
])


def accuracy(y_hat, t):
    return next(kinds)


def forward(params, x):
    return next(kinds), next(kinds)


def backward(params, x, y_hat, hidden, t, reg):
    return {k: next(kinds) for k in params}


def sigmoid(z):
    return z


relu = softmax = sigmoid_grad = relu_grad = sigmoid
