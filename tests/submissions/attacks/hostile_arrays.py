# class: protocol
# honest: poor
# probe: processes
# expect: score <= honest; status graded, crashed
# in kernel: nothing to attack: there is no protocol

# %% [markdown]
# Answer with arrays on the wire that no library would make: dtypes of Python objects, structured and void ones, negative
# shapes whose product is right, shapes beyond 64 bits, more bytes than the shape has. NumPy turns an object array made of
# a student's bytes into pointers.

# %%
import gc
import itertools

import msgpack

server = next((o for o in gc.get_objects() if type(o).__name__ == "StudentServer"), None)
kinds = itertools.cycle([
    ["|O", [1], b"\x41" * 8], ["O", [1], b"\x41" * 8], ["f4,f4", [1], bytes(8)], ["|V8", [1], bytes(8)], ["<U2", [1], bytes(8)],
    ["<f4", [-1, -2], bytes(8)], ["<f4", [-2], bytes(8)], ["<f4", [2**63, 0], b""], ["<f4", [2**32, 2**32], b""],
    ["<f4", [3], bytes(8)], ["<f8", [1] * 70, bytes(8)], ["<M8[s]", [1], bytes(8)], [">f8", [1], bytes(8)], ["<f4", [True], bytes(4)],
])
if server is not None:
    honest = type(server)._answer

    def hostile(self, token, kind, arguments):
        if kind not in ("observe", "lookup"):
            return honest(self, token, kind, arguments)
        array = msgpack.ExtType(1, msgpack.packb(next(kinds)))
        body = msgpack.packb(["ok", token, [array, [], {}, {}] if kind == "observe" else ["value", array], ""])
        return len(body).to_bytes(4, "big") + body

    type(server)._answer = hostile
