# class: secrets
# honest: poor
# probe: secret
# expect: score == honest; status graded
# in kernel: finds the test, its module and its helpers (run)

# %% [markdown]
# Walk up the frames, of this thread and of all others, at the top of a cell and from inside a function that a hidden test
# calls, for expected values, the salt, the plan, the test. In a shared process they are a few frames away.

# %%
import sys

import numpy as np

WORDS = ("Problem", "hidden_rng", "expected", "reference", "salt", "_salt", "plan", "misconceptions", "test_cases", "numerical", "hits")


def hunt():
    found = []
    for frame in [sys._getframe(), *sys._current_frames().values()]:
        while frame is not None:
            for name, value in {**frame.f_globals, **frame.f_locals}.items():
                if name in WORDS and "autograder.testing.hidden" not in str(frame.f_globals.get("__name__")):
                    found.append((name, repr(value)[:80]))
            frame = frame.f_back
    return found


def backward(params, x, y_hat, hidden, t, reg):
    for name, text in hunt():
        raise RuntimeError(f"FOUND {name} {text}")
    return {k: np.zeros_like(v) for k, v in params.items()}


for name, text in hunt():
    print("FOUND", name, text)
