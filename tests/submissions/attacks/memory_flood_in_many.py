# class: floods
# honest: poor
# probe: resources
# expect: score <= honest; status memory, crashed, timeout
# in kernel: the kernel ends whatever process it likes

# %% [markdown]
# Take memory in forty processes, each below the limit of one, and in shared mappings, files in memory and pipes, which
# count for no process. A limit per process limits nothing.

# %%
import mmap
import os
import time

import numpy as np

for k in range(40):
    if os.fork() == 0:
        kept = [np.ones(12 << 20)]
        try:
            shared = mmap.mmap(-1, 64 << 20)
            shared.write(b"x" * (64 << 20))
            file = os.memfd_create("kept")
            while True:
                os.write(file, b"x" * (1 << 20))
        except OSError:
            pass
        time.sleep(60)
        os._exit(0)
time.sleep(30)
