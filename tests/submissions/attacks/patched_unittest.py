# class: comparisons
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# in kernel: otter itself breaks: no result (run)

# %% [markdown]
# Turn `unittest.TestCase`'s assertions into no-ops and make `AssertionError` an exception that its handlers do not know.
# In a shared process tests that use either never fail.

# %%
import builtins
import unittest

for name in [n for n in dir(unittest.TestCase) if n.startswith(("assert", "fail"))]:
    setattr(unittest.TestCase, name, lambda *args, **kwargs: None)
unittest.TestResult.wasSuccessful = lambda self: True
builtins.AssertionError = type("AssertionError", (BaseException,), {})
