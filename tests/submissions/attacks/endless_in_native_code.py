# class: ends
# honest: poor
# questions: q5 q8
# probe: resources
# expect: score <= honest; status timeout
# in kernel: never ends

# %% [markdown]
# Stay in native code, where Python looks at no signal: a regular expression that backtracks for years, an integer power of
# a billion digits, a product of large matrices, a `poll` without a time limit.

# %%
import re
import select

import numpy as np


def backward(params, x, y_hat, hidden, t, reg):
    return 7 ** (10**9)


def accuracy(y_hat, t):
    select.poll().poll()


def forward(params, x):
    a = np.ones((3000, 3000))
    while True:
        a = a @ a / 3000

# %%
re.match(r"(a+)+$", "a" * 60 + "b")
