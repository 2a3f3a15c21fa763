# class: floods
# honest: poor
# probe: resources
# expect: score <= honest; status graded, memory, crashed, timeout
# in kernel: the kernel ends whatever process it likes

# %% [markdown]
# Take memory until none is left: one array, many small ones, one that grows in native code. Without a limit the machine's
# memory is gone, and the kernel picks a victim.

# %%
import numpy as np

kept = []


def take():
    while True:
        kept.append(np.ones(4 << 20))


def backward(params, x, y_hat, hidden, t, reg):
    kept.append(np.ones(1 << 33))


def accuracy(y_hat, t):
    kept.clear()
    take()

# %%
import tensorflow as tf

kept.append(tf.ones([1 << 15, 1 << 15]))

# %%
take()
