# class: files
# honest: poor
# probe: resources
# expect: score <= honest; status graded, unreadable
# makes: header.py
# in kernel: takes the reader's memory

"""Hand in a script whose jupytext header is YAML with aliases of aliases: two hundred bytes that stand for billions of
entries."""

import itertools


def content(notebook: str) -> bytes:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in itertools.pairwise("abcdefghij")]
    return ("".join(f"# {line}\n" for line in ["---", *lines, "---"]) + notebook).encode()
