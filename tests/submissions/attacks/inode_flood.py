# class: floods
# honest: poor
# probe: resources
# expect: score == honest; status graded
# in kernel: uses up the file system's inodes

# %% [markdown]
# Make empty files and folders until no more can be made: a disk with free space and no free inodes is as full as any.
# Folders are nested thousands deep, which is hard to delete.

# %%
import os

made = 0
for place in (".", "/tmp", "/dev/shm"):
    try:
        for number in range(1_000_000):
            with open(f"{place}/{number}", "w"):
                made += 1
    except OSError as error:
        print(place, made, type(error).__name__)
    else:
        print("FOUND", place)
try:
    for _ in range(30_000):
        os.mkdir("d")
        os.chdir("d")
except OSError as error:
    print(type(error).__name__)
