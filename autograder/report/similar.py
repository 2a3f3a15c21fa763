"""Groups of submissions with near-identical code, found by `winnow` in a process of its own.

A group is a reason to look, not a proof. What was found is kept in ``DIR/similar.json`` with a digest of all that
it was found in, so pages are made again without another comparison.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

__all__ = ["TEMPLATE_NAME", "Group", "Likeness", "compare"]

FILE_NAME = "similar.json"
TEMPLATE_NAME = "handed_out.py"  # code of the student notebook, which all have
METHOD = "1"  # counts changes of the comparison, so that older findings are not taken for new ones
MOST = 2000  # submissions; more would take longer than grading them
BASE_S, EACH_S = 30, 0.5  # time that the comparison may take: this, and this for each submission


@dataclass(frozen=True)
class Group:
    """Submissions that are near-identical, each to at least one other of them. least, most: shares, 0 to 1."""

    names: tuple[str, ...]
    least: float
    most: float


@dataclass(frozen=True)
class Likeness:
    """Groups, the largest first; why there are none where the comparison could not be made."""

    groups: tuple[Group, ...] = ()
    problem: str = ""


_LIKENESS = TypeAdapter(Likeness)


def compare(folder: Path, codes: Mapping[str, tuple[str, ...]]) -> Likeness:
    """Groups among submissions (name -> code cells); cells of the handed-out notebook do not count."""
    try:
        template = (folder / TEMPLATE_NAME).read_text(encoding="utf-8")
    except OSError:
        template = ""
    own = {name: "\n\n".join(cell for cell in cells if cell.strip() not in template) for name, cells in codes.items()}
    own = {name: code for name, code in own.items() if code.strip()}
    if len(own) < 2:
        return Likeness()
    if len(own) > MOST:
        return Likeness(problem=f"these are more than {MOST} submissions")
    digest = sha256(json.dumps([METHOD, template, own]).encode()).hexdigest()
    found = _kept(folder, digest)
    if found is None:
        found = _compared(own, template)
        if not found.problem:
            text = json.dumps({"digest": digest, **asdict(found)})
            (folder / FILE_NAME).write_text(text, encoding="utf-8", errors="replace")
    return found


def _kept(folder: Path, digest: str) -> Likeness | None:
    try:
        data = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        if data.pop("digest") == digest:
            return _LIKENESS.validate_python(data)
    except (OSError, ValueError, KeyError, AttributeError, ValidationError):
        pass
    return None


def _compared(codes: Mapping[str, str], template: str) -> Likeness:
    time_s = int(BASE_S + EACH_S * len(codes))
    question = json.dumps({"codes": list(codes.values()), "template": template})
    command = [sys.executable, "-I", "-m", "autograder.report.winnow", str(time_s)]
    try:
        ended = subprocess.run(command, input=question, capture_output=True, text=True, timeout=2 * time_s, check=False)
    except subprocess.TimeoutExpired:
        return Likeness(problem=f"not done within {2 * time_s} s")
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or [f"it ended with {ended.returncode}"])[-1]
        return Likeness(problem=last[:200])
    return Likeness(tuple(_groups(tuple(codes), json.loads(ended.stdout))))


def _groups(names: tuple[str, ...], pairs: list[tuple[int, int, float]]) -> list[Group]:
    """Connected components of the pairs."""
    group_of: dict[int, set[int]] = {}
    for i, j, _ in pairs:
        joined = group_of.get(i, {i}) | group_of.get(j, {j})
        for k in joined:
            group_of[k] = joined
    groups = {id(members): members for members in group_of.values()}.values()
    shares = {id(m): [share for i, _, share in pairs if i in m] for m in groups}
    found = [
        Group(tuple(names[k] for k in sorted(m)), round(min(shares[id(m)]), 3), round(max(shares[id(m)]), 3))
        for m in groups
    ]
    return sorted(found, key=lambda g: (-len(g.names), g.names))
