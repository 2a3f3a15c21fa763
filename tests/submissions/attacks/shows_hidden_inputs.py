# class: secrets
# honest: poor
# probe: feedback
# expect: score <= honest; status graded
# in kernel: hidden inputs stand in otter's own feedback (run)

# %% [markdown]
# Get hidden inputs into what the student is shown: in the name of an exception, the keys of a dict, the name of a type,
# a message, a line of source, a print, the local names of a function that is traced. With the inputs of one hand-in the next can be answered from a table.

# %%
import numpy as np


def telling(*values):
    return "LEAK" + "_".join(f"{float(v):.3f}" for v in np.ravel(np.asarray(values[0], float))[:20]).replace(".", "d").replace("-", "m")


def backward(params, x, y_hat, hidden, t, reg):
    print(telling(x))
    return {telling(x): np.zeros(1), **{k: type(telling(v), (), {})() for k, v in params.items()}}


def accuracy(y_hat, t):
    raise type(telling(y_hat), (Exception,), {})(telling(y_hat))


def forward(params, x):
    exec(compile(f"raise ValueError({telling(x)!r})", telling(x), "exec"))


def softmax(z):
    return telling(z)


def relu(z):
    function = f"def inner(z):\n    {telling(z)} = np.log(0 * z)\n    return {telling(z)}\n"
    scope = globals()
    exec(compile(function, "<cell 2>", "exec"), scope)
    return scope["inner"](z)


def init_params(n_in, n_hidden, n_out, seed):
    return {f"LEAK{n_in}_{n_hidden}_{seed}": np.zeros(1)}
