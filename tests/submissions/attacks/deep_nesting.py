# class: protocol
# honest: poor
# probe: processes
# expect: score <= honest; status graded, crashed
# in kernel: no gain

# %% [markdown]
# Answer with lists in lists in lists, a hundred thousand deep, as values and as bytes on the wire, in tuples and maps by
# turns, and with lists that hold themselves. Whoever walks them by recursion overflows the stack.

# %%
import gc
import itertools

import msgpack

deep = 0.5
for _ in range(100_000):
    deep = [deep]
pairs = {"a": 0.5}
for _ in range(5_000):
    pairs = {"a": (pairs,)}
loop = {}
loop["again"] = loop
turn = itertools.count()
server = next((o for o in gc.get_objects() if type(o).__name__ == "StudentServer"), None)


def nested():
    body = b"\xc0"
    for level in range(3_000):
        body = b"\x91" + body if level % 2 else msgpack.packb(msgpack.ExtType(2, b"\x91" + body))
    return body


def accuracy(y_hat, t):
    if server is not None and next(turn) % 2:
        body = nested()
        server._channel.sendall(len(body).to_bytes(4, "big") + body)
    return [deep, pairs, loop][next(turn) % 3]


def forward(params, x):
    return deep, loop


def backward(params, x, y_hat, hidden, t, reg):
    return {"w1": deep, "b1": pairs, "w2": loop, "b2": loop}
