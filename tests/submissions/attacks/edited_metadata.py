# class: files
# honest: poor
# probe: marks
# expect: score <= honest; status graded, unreadable
# makes: edited.ipynb
# in kernel: tests in a notebook's metadata are used where no test file is given

"""Edit what otter keeps in the notebook's metadata: own tests that always pass, own points, hidden tests switched off, cells
that otter is to ignore, another kernel, a seed of one's own. Otter reads tests out of a notebook where it may."""

import json


def content(notebook: str) -> bytes:
    test = {"name": "q5", "points": 50, "suites": [{"type": "doctest", "scored": True, "cases": [{"code": ">>> True\nTrue", "hidden": False}]}]}
    otter = {"OK_FORMAT": True, "tests": {"q5": test, "q8": test}, "points": 50, "seed": 1, "show_hidden": True, "tests_dir": "/tmp"}
    cells = [
        {"cell_type": "code", "id": f"c{k}", "execution_count": None, "outputs": [], "source": source, "metadata": meta}
        for k, (source, meta) in enumerate([
            (notebook, {"otter": {"points": 50}}), ("1 / 0", {"tags": ["otter_ignore"]}), ("def backward(*a): return 1", {"otter": {"ignore": True}}),
        ])
    ]
    metadata = {"otter": otter, "kernelspec": {"name": "bash; reboot", "display_name": "x", "language": "sh"}, "language_info": {"name": "../../etc/passwd"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}).encode()
