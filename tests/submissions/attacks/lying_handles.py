# class: protocol
# honest: poor
# probe: marks
# expect: score <= honest; status graded, crashed
# in kernel: no gain

# %% [markdown]
# Answer with handles to objects that do not exist, with type names that are sentences, with numbers of objects of other
# tests, and claim that a float is a function; lengths are text, truth values are lists, iteration never ends.

# %%
import gc
import itertools

from autograder.session.wire import Copied, HandleRef, frame

server = next((o for o in gc.get_objects() if type(o).__name__ == "StudentServer"), None)
kinds = itertools.cycle([
    HandleRef(10**9, "float", True), HandleRef(-1, "LEAK " * 20, False), HandleRef(1, "EagerTensor", True),
    Copied(10**9, 0.5), Copied(1, True), Copied(2, None), [HandleRef(i, "ndarray", False) for i in range(200)], "true", [1], {"a": 1}, None,
])
if server is not None:
    honest = type(server)._answer

    def lying(self, token, kind, arguments):
        if kind not in ("observe", "lookup", "operator", "attribute", "call"):
            return honest(self, token, kind, arguments)
        value = next(kinds)
        answer = {"observe": [value, [], {}, {}], "lookup": ["value", value]}.get(kind, value)
        return frame(self._objects.pack(["ok", token, answer, ""]))

    type(server)._answer = lying
