# class: ends
# honest: poor
# probe: marks
# expect: score <= honest; status crashed
# in kernel: ends the kernel and with it the grading (run)

# %% [markdown]
# Leave with exit status 0, in a cell and in each function that a test calls, with `os._exit`, `SystemExit` and a plain
# `quit`. A grader that looks at the exit status takes it for success; one that shares the process ends there.

# %%
import os


def backward(params, x, y_hat, hidden, t, reg):
    os._exit(0)


def accuracy(y_hat, t):
    raise SystemExit(0)


def forward(params, x):
    quit()

# %%
os._exit(0)
