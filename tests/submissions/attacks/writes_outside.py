# class: processes
# honest: poor
# probe: files
# expect: score == honest; status graded
# in kernel: changes whatever the grader's user may change

# %% [markdown]
# Write outside the scratch folder: over the bait that all may write to, into the libraries so that every later notebook
# imports it, into bytecode caches, start-up files, the grader's own package; through links and hard links as well.

# %%
import os
import site
import sys

places = [bait["file"], bait["folder"] + "/new", "/usr/bin/new", "/etc/ld.so.preload", "/public/kit/__init__.py", "/root/.bashrc"]
places += [os.path.join(p, "sitecustomize.py") for p in (*site.getsitepackages(), *sys.path) if p and p != os.getcwd()]
places += [os.path.join(os.path.dirname(m.__file__), "planted.py") for n in ("numpy", "msgpack", "autograder") if (m := sys.modules.get(n)) and m.__file__]
for path in places:
    for how in ("ab", "r+b"):
        try:
            with open(path, how) as file:
                file.write(b"# planted\n")
            if not os.path.realpath(path).startswith(os.getcwd()):
                print("FOUND", path)
        except OSError:
            pass
for make in (os.symlink, os.link):
    try:
        make(bait["file"], make.__name__)
        open(make.__name__, "w").write("written through a link")
    except OSError:
        pass
