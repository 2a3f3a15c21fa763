# class: floods
# honest: poor
# probe: resources
# expect: score <= honest; status graded, memory, crashed, timeout
# in kernel: the kernel ends whatever process it likes

# %% [markdown]
# Take memory that belongs to no process: files in memory that nobody maps, System V segments that are detached again, full
# buffers of sockets and pipes with the largest sizes that are granted. What a process has mapped is not all it has.

# %%
import ctypes
import os
import socket

libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
kept, taken = [], 0
piece = bytes(1 << 20)


def memory_file():
    file = os.memfd_create("kept")
    kept.append(file)
    return sum(os.write(file, piece) for _ in range(48))


def segment():
    number = libc.shmget(0, 48 << 20, 0o1600)
    if number < 0:
        raise OSError
    address = libc.shmat(number, None, 0)
    ctypes.memset(address, 1, 48 << 20)
    libc.shmdt(ctypes.c_void_p(address))
    return 48 << 20


def pair():
    full, left = 0, socket.socketpair()
    kept.extend(left)
    for one in left:
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
        try:
            while True:
                full += one.send(piece)
        except OSError:
            pass
    return full


for take in (memory_file, segment, pair):
    try:
        while taken < 2 << 30:
            taken += take()
    except OSError as error:
        print(take.__name__, taken >> 20, "MiB", type(error).__name__)
    if taken >= 2 << 30:
        print("FOUND", taken >> 20, "MiB")
