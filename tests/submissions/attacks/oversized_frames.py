# class: protocol
# honest: poor
# probe: resources
# expect: score <= honest; status graded, crashed
# in kernel: nothing to attack: there is no protocol

# %% [markdown]
# Announce a frame of 4 GiB, then one of exactly the limit and never its end, then a list of four billion entries in five
# bytes. A decoder that trusts the announcement allocates it.

# %%
import gc
import itertools
import socket

channel = next((o._channel for o in gc.get_objects() if type(o).__name__ == "StudentServer"), None)
turn = itertools.count()


def flood():
    if channel is not None:
        head = [b"\xff\xff\xff\xff", (256 << 20).to_bytes(4, "big"), (5).to_bytes(4, "big") + b"\xdd\xff\xff\xff\xff"][next(turn) % 3]
        channel.sendall(head + b"\x91" * 100_000)


def accuracy(y_hat, t):
    flood()
    return 0.5


def backward(params, x, y_hat, hidden, t, reg):
    flood()
    return params
