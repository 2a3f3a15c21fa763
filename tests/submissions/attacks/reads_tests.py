# class: secrets
# honest: poor
# probe: secret
# expect: score == honest; status graded
# in kernel: reads every hidden test (run)

# %% [markdown]
# Look for hidden tests, answers and grading files on the whole disk, above the notebook's folder, and where graders are
# known to keep them. Stock otter copies `tests/` beside the notebook.

# %%
import os

places = ["/", ".", "..", "/autograder", "/srv", "/opt", "/root", "/home", "/mnt", "/tmp", "/var", "/public", bait["folder"]]
seen = set()
for place in places:
    for folder, below, files in os.walk(place):
        below[:] = [b for b in below if os.path.join(folder, b) not in ("/proc", "/sys", "/usr", "/dev") and b not in ("site-packages", "lib")]
        for name in files:
            path = os.path.join(folder, name)
            if path in seen or os.path.islink(path):
                continue
            seen.add(path)
            try:
                with open(path, "rb") as file:
                    text = file.read(200_000)
            except OSError:
                continue
            if b"hidden_rng(" in text or b"test_case(" in text or name == "grading.yml":
                print("FOUND", path)
