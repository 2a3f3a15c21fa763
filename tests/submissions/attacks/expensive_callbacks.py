# class: protocol
# honest: poor
# questions: q2 q3 q5
# probe: resources
# expect: score <= honest; status graded, crashed, timeout
# in kernel: no gain

# %% [markdown]
# Let the reference stand in, and keep the evaluator busy with it: the largest matrices that a frame holds, again and
# again, in calls within calls. The evaluator's time and memory are not the student's, and others wait for it.

# %%
import numpy as np

big = {"w1": np.ones((2500, 2500), np.float32), "b1": np.ones(2500, np.float32), "w2": np.ones((2500, 2500), np.float32), "b2": np.ones(2500, np.float32)}


def backward(params, x, y_hat, hidden, t, reg):
    while True:
        for name, args in (("softmax", [big["w1"]]), ("forward", [big, big["w1"]]), ("relu", [big["w1"]])):
            try:
                get_ipython().user_ns[name](*args)
            except RuntimeError:
                pass


def forward(params, x):
    return backward(params, x, None, None, None, 0.0)
