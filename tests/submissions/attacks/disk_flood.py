# class: floods
# honest: poor
# probe: resources
# expect: score == honest; status graded, memory
# in kernel: fills the disk of the grader

# %% [markdown]
# Write until the disk is full: in the working directory, in `/tmp`, in shared memory, one large file, a sparse one of an
# exabyte, and `fallocate`. A full disk loses everybody's results.

# %%
import os

for path in ("large", "/tmp/large", "/dev/shm/large", "/var/tmp/large"):
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(4096):
                file.write(bytes(1 << 20))
        print("FOUND", path)
    except OSError as error:
        print(path, type(error).__name__)
    try:
        with open(path + ".sparse", "wb") as file:
            os.ftruncate(file.fileno(), 1 << 60)
            print("FOUND", path)
    except OSError as error:
        print(path, type(error).__name__)
for path in ("large", "/tmp/large", "/dev/shm/large"):
    if os.path.exists(path):
        os.remove(path)
