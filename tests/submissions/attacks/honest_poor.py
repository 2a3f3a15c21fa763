# assignment: a1_backprop
# questions: q1 q2 q3 q5 q8

# %% [markdown]
# Answers of the right form and with the wrong numbers: what most attacks want marks for.

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
