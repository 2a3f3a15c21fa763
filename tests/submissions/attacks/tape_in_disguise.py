# class: rules
# honest: poor
# questions: q5
# probe: marks
# expect: score <= honest; status graded
# in kernel: caught as well, by the same checks (run)

# %% [markdown]
# Use `GradientTape` where the gradient is asked for by hand, under another name: fetched with `getattr` from letters, taken
# from the module's dict, aliased before, subclassed, out of a string that is executed.

# %%
import importlib

library = importlib.import_module("".join(["tensor", "flow"]))
recorder = getattr(library, "Gradient" + "Tape")


class Recorder(recorder):
    pass


def backward(params, x, y_hat, hidden, t, reg):
    scope = {"library": library, "Recorder": Recorder, "params": params, "x": x, "t": t, "reg": reg}
    exec(
        "v = {k: library.Variable(a) for k, a in params.items()}\n"
        "with Recorder() as r:\n"
        "    h = library.maximum(library.matmul(x, v['w1']) + v['b1'], 0.0)\n"
        "    e = library.reduce_sum((library.matmul(h, v['w2']) + v['b2'] - t) ** 2) / len(t)\n"
        "    e = e + reg * (library.reduce_sum(v['w1'] ** 2) + library.reduce_sum(v['w2'] ** 2))\n"
        "g = dict(zip(v, r.gradient(e, list(v.values()))))\n",
        scope,
    )
    return {k: a.numpy() for k, a in scope["g"].items()}
