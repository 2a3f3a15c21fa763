# class: processes
# honest: poor
# probe: neighbour
# expect: score == honest; status graded
# in kernel: two notebooks of one user can share answers, or break each other

# %% [markdown]
# Look for a way to other submissions that run at the same time: System V shared memory, semaphores and message queues,
# POSIX queues, `/dev/shm`, the terminal, the host name, the clock. Leave a mark in each for the next to find.

# %%
import ctypes
import os
import socket
import time

libc = ctypes.CDLL(None, use_errno=True)
for name in ("shm", "sem", "msg"):
    if name in open("/proc/sysvipc/" + name).read().splitlines()[1:]:
        print("FOUND", name)
if libc.shmget(0x5EC2E7, 4096, 0) >= 0:
    print("FOUND the last student's shared memory")
libc.shmget(0x5EC2E7, 4096, 0o1666)
if os.path.exists("/dev/shm/note") or os.path.exists("/tmp/note"):
    print("FOUND the last student's file")
for path in ("/dev/shm/note", "/tmp/note", bait["file"]):
    try:
        open(path, "r+" if path == bait["file"] else "w").write("for the next")
    except OSError:
        pass
for change in (lambda: socket.sethostname("mine"), lambda: time.clock_settime(time.CLOCK_REALTIME, 0), lambda: open("/dev/tty", "w")):
    try:
        change()
        print("FOUND a way")
    except OSError:
        pass
