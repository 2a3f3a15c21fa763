# class: protocol
# honest: poor
# questions: q1 q2 q3 q4 q5 q6 q7 q9
# probe: marks
# expect: score <= honest; status graded, crashed
# in kernel: no gain: plain otter carries nothing forward

# %% [markdown]
# Let an early question be wrong, so that the reference stands in for it in later ones, keep every stand-in that shows up
# in the namespace, and answer the questions themselves with what was kept. Nothing here answers a question by itself.

# %%
import numpy as np

kept = {}
own = {}
shell = get_ipython()


def harvest():
    for name, value in list(shell.user_ns.items()):
        if callable(value) and getattr(value, "__module__", "").endswith("standins"):
            kept[name] = value


def offering(name, fallback):
    def function(*args, **kwargs):
        harvest()
        for stand_in in (kept.get(name), *kept.values()):
            if stand_in is not None and getattr(stand_in, "__name__", "") == name:
                try:
                    return stand_in(*args, **kwargs)
                except Exception:
                    pass
        return fallback

    function.__name__ = name
    return function


for name in ("sigmoid", "sigmoid_grad", "relu", "relu_grad", "softmax", "mse_loss", "cross_entropy", "backward", "tape_gradients", "backward_cross_entropy", "train"):
    globals()[name] = offering(name, 0.0)
