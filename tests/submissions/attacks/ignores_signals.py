# class: ends
# honest: poor
# questions: q5 q8
# probe: resources
# expect: score <= honest; status timeout
# in kernel: never ends

# %% [markdown]
# Ignore SIGINT, SIGTERM, SIGALRM and all the others, block them, and loop; catch `KeyboardInterrupt` in functions and go
# on. A time limit that asks politely is not one.

# %%
import signal


def backward(params, x, y_hat, hidden, t, reg):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def accuracy(y_hat, t):
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    while True:
        pass

# %%
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
while True:
    pass
