"""Near-identical code by token winnowing, as a process of its own: JSON in on stdin, JSON out on stdout.

copydetect reduces each program to tokens (names, strings and comments do not count), hashes all runs of NOISE of
them and keeps at least one hash out of each GUARANTEE: Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms
for document fingerprinting", SIGMOD 2003. What many share is not copied from one another: all hashes of the handed-out
notebook are left out, and those that more than a quarter of the class has, or more than 50.

It is a process apart because the programs are students': a tokenizer that hangs or swells ends here.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections import Counter
from itertools import combinations
from typing import Any

from copydetect import CodeFingerprint, compare_files
from copydetect.utils import get_token_coverage

NOISE, GUARANTEE = 25, 35  # characters of tokenized code
ALIKE = 0.8  # of either program's own code
MIN_OWN = 300  # characters of own tokenized code; less can be alike by chance
MIN_KNOWN, MAX_KNOWN = 5, 50  # a quarter of the class, but within these: code that more have is common knowledge
MEMORY = 2 << 30  # bytes


def main() -> None:
    cpu_s = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    question = json.load(sys.stdin)
    json.dump(alike(question["codes"], question["template"]), sys.stdout)


def alike(codes: list[str], template: str) -> list[tuple[int, int, float]]:
    """All pairs of programs (by index) that are near-identical, with the share of their own code in common."""
    prints = [_fingerprint(code, GUARANTEE + 1 - NOISE) for code in codes]
    sharers = Counter(h for p in prints for h in p.hashes)
    most = min(max(len(codes) // 4, MIN_KNOWN), MAX_KNOWN)
    common = {h for h, count in sharers.items() if count > most} | _fingerprint(template, 1).hashes
    for p in prints:
        _leave_out(p, common)
    return [(i, j, share) for i, j in _candidates(prints) if (share := _share(prints[i], prints[j])) >= ALIKE]


def _fingerprint(code: str, window: int) -> Any:
    return CodeFingerprint("", NOISE, window, language="python", fp=io.StringIO(code))


def _leave_out(p: Any, hashes: set[int]) -> None:
    p.hashes -= hashes
    p.hash_idx = {h: places for h, places in p.hash_idx.items() if h in p.hashes}
    p.token_coverage = get_token_coverage(p.hash_idx, NOISE, len(p.filtered_code))


def _candidates(prints: list[Any]) -> list[tuple[int, int]]:
    """Pairs with half of their hashes in common; the rest is not worth a closer look."""
    owners: dict[int, list[int]] = {}
    for i, p in enumerate(prints):
        if p.token_coverage >= MIN_OWN:
            for h in p.hashes:
                owners.setdefault(h, []).append(i)
    shared = Counter(pair for who in owners.values() for pair in combinations(who, 2))
    return sorted(
        (i, j)
        for (i, j), count in shared.items()
        if 2 * count >= max(len(prints[i].hashes), len(prints[j].hashes))
    )


def _share(one: Any, other: Any) -> float:
    """The smaller of both shares, 0 to 1."""
    _, shares, _ = compare_files(one, other)
    return min(1.0, *map(float, shares))


if __name__ == "__main__":
    main()
