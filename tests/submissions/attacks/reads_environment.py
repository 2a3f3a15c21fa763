# class: secrets
# honest: poor
# probe: secret
# expect: score == honest; status graded
# in kernel: reads what the grader was started with, the secret as well (run)

# %% [markdown]
# Read the environment, one's own and that of every process, the command lines and the keyrings. Salts, tokens and
# passwords of a grader often travel there.

# %%
import glob
import os

print(os.environ.get(bait["secret variable"]))
for path in ["/proc/self/environ", *glob.glob("/proc/[0-9]*/environ"), *glob.glob("/proc/[0-9]*/cmdline"), "/proc/keys", *(f"/proc/{bait[p]}/environ" for p in ("evaluator", "template"))]:
    try:
        print(path, open(path, "rb").read())
    except OSError:
        pass
for name in os.environ:
    if any(word in name.upper() for word in ("SALT", "TOKEN", "SECRET", "COURSE", "KEY_")):
        print("FOUND", name)
