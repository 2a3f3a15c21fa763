# class: floods
# honest: poor
# probe: resources
# expect: score <= honest; status graded, crashed, timeout, memory
# in kernel: slows the machine down until the grader gives up

# %% [markdown]
# Start threads until none starts any more, each busy. They count towards the machine's processes, and those of one user
# are shared with the grader.

# %%
import threading
import time

ends = time.time() + 60


def busy():
    while time.time() < ends:
        sum(range(1000))
        time.sleep(0.01)


def bomb():
    for _ in range(5000):
        try:
            threading.Thread(target=busy, daemon=True).start()
        except RuntimeError:
            break


def backward(params, x, y_hat, hidden, t, reg):
    bomb()
    return params


bomb()
