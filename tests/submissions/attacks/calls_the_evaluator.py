# class: protocol
# honest: poor
# probe: marks
# expect: score <= honest; status graded, crashed
# in kernel: calls any function of the grader directly

# %% [markdown]
# Ask the evaluator to compute: call back under every name that it might answer for, above all the functions that the
# reference stands in for when an earlier question is wrong, with numbers of callbacks of other tests, with huge and with
# unsuitable arguments. Who got `backward` answered would hand the reference in.

# %%
import gc

import numpy as np

server = next((o for o in gc.get_objects() if type(o).__name__ == "StudentServer"), None)


def asked(name, *content):
    try:
        return None if server is None else server._ask(name, *content)
    except RuntimeError:
        return None


def backward(params, x, y_hat, hidden, t, reg):
    arguments = [params, x, y_hat, hidden, t, reg]
    for name in ("backward", "forward", "observe", "eval", "__import__", 1, 2, True, -1, 10**9, None, ["a"], {"a": 1}):
        for content in (("value", [arguments, {}]), (arguments, {}), ("vjp", [[arguments, {}], [0], []]), ()):
            answer = asked(name, *content)
            if isinstance(answer, dict) and set(answer) == set(params):
                return answer
    return {k: np.zeros_like(v) for k, v in params.items()}


def accuracy(y_hat, t):
    answer = asked("accuracy", "value", [[y_hat, t], {}])
    return 0.5 if answer is None else answer
