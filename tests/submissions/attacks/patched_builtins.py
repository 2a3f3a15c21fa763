# class: comparisons
# honest: poor
# probe: marks
# expect: score <= honest; status graded, crashed
# in kernel: the grading never ends (run)

# %% [markdown]
# Replace `all`, `abs`, `max`, `isinstance`, `float`, `bool` and `math.isclose`. Code that looks these names up when it
# runs, such as a hidden test in the same process, then gets the answers of the student.

# %%
import builtins
import math


class Agreeing(float):
    __eq__ = __le__ = __lt__ = __ge__ = __gt__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = __abs__ = lambda self, *other: self
    __hash__ = float.__hash__


math.isclose = lambda *args, **kwargs: True
for module in (builtins,):
    module.all = lambda *args: True
    module.abs = lambda value: Agreeing(0.0)
    module.isinstance = lambda *args: True
