# class: state
# honest: poor
# probe: neighbour
# expect: score == honest; status graded
# in kernel: everything but the process' memory stays

# %% [markdown]
# Leave something behind for the next student: files in the home, temporary and data folders, a poisoned Keras cache, start-up
# files, patched library functions, environment variables, a changed working directory, a default dtype, an import hook.

# %%
import builtins
import os
import sys

import numpy as np

for path in ("~/.keras/keras.json", "~/.keras/datasets/mnist.npz", "~/.ipython/profile_default/startup/0.py", "~/.config/matplotlib/matplotlibrc",
             "~/.local/lib/python3.11/site-packages/sitecustomize.py", "/tmp/left", "/dev/shm/left", "/var/tmp/left", bait["folder"] + "/left"):
    path = os.path.expanduser(path)
    if os.path.exists(path):
        print("FOUND", path)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "w").write("left by the last student")
    except OSError:
        pass
if hasattr(np, "left") or hasattr(builtins, "left") or os.environ.get("LEFT"):
    print("FOUND a patched library")
np.left = builtins.left = True
os.environ["LEFT"] = "1"
np.dot = np.matmul = np.exp = lambda *args, **kwargs: 0.0
sys.meta_path.insert(0, None)
os.chdir("/")
