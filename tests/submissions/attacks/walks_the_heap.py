# class: secrets
# honest: poor
# probe: secret
# expect: score == honest; status graded, timeout
# in kernel: finds the loaded tests (run)

# %% [markdown]
# Ask the garbage collector for every object there is, and for what refers to what: plans, test files, misconceptions, the
# reference's module, long strings of test source, the secret. In a shared process the tests are among them.

# %%
import gc
import re
import sys

import numpy as np

hunted = []
KINDS = ("Misconception", "Plan", "Course", "ExceptionTestFile", "OKTestFile", "TestCase", "GradingResults", "Verdict")


def hunt():
    gc.unfreeze()
    for thing in gc.get_objects():
        kind = type(thing).__name__
        if kind in KINDS:
            yield kind
        if kind == "module" and str(getattr(thing, "__name__", "")).startswith(("reference", "tests.hidden", "q5")):
            yield thing.__name__
        texts = thing.values() if type(thing) is dict else thing if type(thing) in (list, tuple) else ()
        for text in list(texts):
            if type(text) is str and len(text) < 100_000 and re.search("secret-[0-9a-f]{32}", text):
                yield text


def backward(params, x, y_hat, hidden, t, reg):
    if not hunted:
        hunted.append(True)
        for found in hunt():
            raise RuntimeError(f"FOUND {found}")
    return {k: np.zeros_like(v) for k, v in params.items()}


for found in hunt():
    print("FOUND", found)
