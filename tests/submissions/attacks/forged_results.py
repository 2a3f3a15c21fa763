# class: grader internals
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# in kernel: no gain: otter writes its own file last

# %% [markdown]
# Write the files that graders read, under every name that is known: `results.json`, `results.pkl`, Gradescope's paths.
# A grader that takes the notebook's folder for its own would read them.

# %%
import json
import os
import pickle

verdict = {"score": 50.0, "max_score": 50.0, "status": "graded", "tests": [{"name": "all", "score": 50, "max_score": 50}]}
for path in ("results.json", "results.pkl", "/autograder/results/results.json", "/tmp/results.json", "../results.json", "journal.sqlite"):
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(pickle.dumps(verdict) if path.endswith("pkl") else json.dumps(verdict).encode())
    except OSError as error:
        print(path, type(error).__name__)
