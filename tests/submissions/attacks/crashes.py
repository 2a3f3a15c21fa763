# class: ends
# honest: poor
# probe: processes
# expect: score <= honest; status crashed
# in kernel: ends the kernel and with it the grading (run)

# %% [markdown]
# Crash in native code: read address 0, overflow the C stack, abort, raise a floating-point signal. No `except` catches
# that; a grader in the same process is gone, with all marks that it had given.

# %%
import ctypes
import os
import signal
import sys


def backward(params, x, y_hat, hidden, t, reg):
    ctypes.string_at(0)


def accuracy(y_hat, t):
    os.abort()


def forward(params, x):
    os.kill(os.getpid(), signal.SIGFPE)

# %%
sys.setrecursionlimit(10**9)


class Deep:
    def __getattr__(self, name):
        return getattr(self, name + "x")


ctypes.string_at(0)
