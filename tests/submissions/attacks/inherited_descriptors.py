# class: secrets
# honest: poor
# probe: secret
# expect: score == honest; status graded
# in kernel: whatever the grader has open

# %% [markdown]
# Try every descriptor that the process might have inherited: what it is, what it can read, whether it is a socket that
# passes on descriptors, a terminal, a folder to climb out of with `openat`. A forked child inherits all of them.

# %%
import os
import socket
import stat

for descriptor in range(1024):
    try:
        mode, target = os.fstat(descriptor).st_mode, os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        continue
    print(descriptor, oct(mode), target)
    if os.isatty(descriptor) or stat.S_ISDIR(mode):
        print("FOUND", descriptor, target)
    if stat.S_ISDIR(mode):
        for name in ("..", "../..", "etc/shadow"):
            try:
                print("FOUND", os.open(name, os.O_RDONLY, dir_fd=descriptor))
            except OSError:
                pass
    if stat.S_ISREG(mode) and not target.startswith(("/usr", "/memfd", "/home/student")):
        print("FOUND", descriptor, target)
sockets = [d for d in range(3, 1024) if os.path.exists(f"/proc/self/fd/{d}") and "socket" in os.readlink(f"/proc/self/fd/{d}")]
if len(sockets) > 1:
    print("FOUND", sockets)
