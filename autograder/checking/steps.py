"""Where a wrong answer first goes wrong, by the function's own steps beside those of a correct solution.

A correct solution in another style has other steps, so a step that the reference lacks proves nothing. Every finding
is a fact about the student's own code, run on the inputs of the failed check:

    not finite   the first step that holds NaN or infinity, where the inputs and the correct answer are finite
    repair       the earliest step such that with numbers of a correct solution in it the rest of the code gives the
                 correct answer; the latest as well where the same numbers do in several: code between them that leaves
                 these numbers alone need not leave others alone
    right        the last step before it that holds numbers of a correct solution; the entries of the answer that are right
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from .differences import agrees
from .trace import Repair, Step, leaves

__all__ = ["Finding", "Place", "find"]

_MAX_REPAIRS = 150  # calls
_MAX_NAMED = 6  # entries of an answer
_CLOSE = 1e-4  # of the largest number


class Place(NamedTuple):
    """Where a step is: such as ``cell 3``, or nothing where there is but one; the line's number and its text."""

    within: str
    line: int
    source: str


@dataclass(frozen=True)
class Finding:
    """What is known about a wrong answer; see the module's docstring."""

    not_finite: Step | None = None
    repair: tuple[Step, ...] = ()
    right: Step | None = None
    entries: tuple[str, ...] = ()

    def words(self, place: Callable[[Step], Place | None]) -> str:
        """One to three sentences for the student."""
        said = []
        if self.not_finite:
            said += [f"{_name(self.not_finite, place)} is the first value that is {_kind(self.not_finite.value)}.", _lines((self.not_finite,), place)]
        if self.entries:
            said += [f"Of the answer, {_listed(self.entries)} right."]
        so_far = f"{_name(self.right, place)} is right" if self.right else ""
        if self.repair:
            names = " or ".join(_name(step, place, after=self.right) for step in self.repair)
            mends = f"with the numbers of a correct solution in {names} the rest of your code gives the correct answer."
            said += [f"{so_far}, and {mends}" if so_far else mends, _lines(self.repair, place)]
        elif so_far:
            said += [f"{so_far}."]
        return " ".join(text[:1].upper() + text[1:] for text in said)


def find(
    run: Callable[[Repair | None], tuple[Any, list[Step]]],
    is_right: Callable[[Any], bool],
    right: Any,
    correct: list[Step],
    arguments: Any,
    place: Callable[[Step], Place | None],
) -> Finding | None:
    """Why ``run(None)``, the student's call, does not give ``right``.

    run: calls the student's function anew, with one step repaired; is_right: whether an answer is ``right``;
    correct: the steps of a correct solution; arguments: of the call; place: ``None`` for a step that may not be shown.
    """
    with np.errstate(all="ignore"):
        answer, steps = run(None)
        if is_right(answer):
            return None
        given = [numbers for _, _, numbers in leaves(arguments)]
        if _finite(right) and not _finite(answer) and all(np.isfinite(a).all() for a in given):
            first = _first_not_finite(steps, correct, place)
            return Finding(not_finite=first) if first else None
        known = [v for v in (*(s.value for s in correct), *_values(right)) if not _by_chance(v, given) and not _constant(v)]
        own = {i: s.value for i, s in enumerate(steps) if not s.part and not _by_chance(s.value, given) and place(s)}
        trusted = [i for i, value in own.items() if any(_agree(value, v) for v in known)]
        suspects = [i for i in own if i not in trusted and steps[i].name]
        repair = next((r for r in islice(_repairs(steps, suspects, known), _MAX_REPAIRS) if is_right(run(r)[0])), None)
        last = max((i for i in trusted if repair is None or i < repair.index), default=None)
        if repair and last is None and any(_agree(repair.value, v) for v in _values(right)):
            repair = None  # a repair of the whole answer is no news, unless something before it is right
        mended = _mended(steps, suspects, repair, lambda r: is_right(run(r)[0])) if repair else ()
        entries = _right_entries(answer, right)
        if not mended and last is None and not entries:
            return None
        return Finding(repair=mended, right=steps[last] if last is not None else None, entries=entries)


def _mended(steps: list[Step], suspects: list[int], repair: Repair, works: Callable[[Repair], bool]) -> tuple[Step, ...]:
    """The step, and the last one in which the same numbers mend the answer as well."""
    first, shape = steps[repair.index], repair.value.shape
    later = [i for i in suspects if i > repair.index and steps[i].value.shape == shape]
    last = next((steps[i] for i in reversed(later) if works(Repair(i, repair.value))), first)
    return (first,) if (last.file, last.line) == (first.file, first.line) else (first, last)


def _first_not_finite(steps: list[Step], correct: list[Step], place: Callable[[Step], Place | None]) -> Step | None:
    """The first of its kind that is not meant to be so: as in the correct solution, or by a line that says ``inf``."""
    meant: set[str] = set()
    for step in steps:
        if np.isfinite(step.value).all():
            continue
        where, kind = place(step), _kind(step.value)
        if where is None:
            return None
        if any(np.array_equal(step.value, c.value, True) for c in correct) or re.search(r"(?i)(?<![a-z])(inf|nan)", where.source):
            meant.add(kind)
        elif kind not in meant:
            return step
    return None


def _kind(value: np.ndarray) -> str:
    return "NaN" if np.isnan(value).any() else "infinite"


def _repairs(steps: list[Step], suspects: list[int], known: list[np.ndarray]) -> Iterator[Repair]:
    """Numbers of a correct solution for each suspect, then multiples of them: some divide by N first, some last.

    What is a multiple of a correct step already is right but for its scale, and gets no second one.
    """
    for i in suspects:
        for value in _fitting(steps[i].value, known):
            yield Repair(i, value)
    for i in suspects:
        fitting = _fitting(steps[i].value, known)
        if not any(_proportional(steps[i].value, value) for value in fitting):
            n = float(len(steps[i].value)) if steps[i].value.ndim else 1.0
            for factor in dict.fromkeys((0.5, 2.0, -1.0, n, 1 / n, n / 2, 2 / n)):
                for value in fitting:
                    if factor != 1:
                        yield Repair(i, factor * value)


def _fitting(value: np.ndarray, known: list[np.ndarray]) -> list[np.ndarray]:
    """What has the shape of ``value``, as it is or transposed."""
    fitting: list[np.ndarray] = []
    for candidate in (form for v in known for form in ((v, v.T) if v.ndim > 1 else (v,))):
        if candidate.shape == value.shape and not any(_agree(candidate, f) for f in fitting):
            fitting.append(candidate)
    return fitting


def _by_chance(value: np.ndarray, given: list[np.ndarray]) -> bool:
    """Whether it says nothing to agree with it: a count, or an argument."""
    is_count = value.size == 0 or value.size == 1 and value.item() % 1 == 0
    return is_count or any(_agree(value, a) for a in given)


def _constant(value: np.ndarray) -> bool:
    return value.size > 1 and np.ptp(value) == 0


def _agree(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal up to rounding, or up to rounding one the transpose of the other."""
    return _close(a, b) or a.ndim > 1 and _close(a.T, b)


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= _CLOSE * np.max(np.abs(b), initial=0.0)))


def _proportional(a: np.ndarray, b: np.ndarray) -> bool:
    return _close(a * (np.sum(a * b) / np.sum(a * a)), b)


def _values(answer: Any) -> list[np.ndarray]:
    return [numbers for _, _, numbers in leaves(answer)]


def _finite(answer: Any) -> bool:
    return all(np.isfinite(v).all() for v in _values(answer))


def _right_entries(answer: Any, right: Any) -> tuple[str, ...]:
    """Names of the entries that are right, where some are and some are not."""
    found = {path: numbers for path, _, numbers in leaves(answer)}
    same = {p: p in found and agrees(found[p], v, _CLOSE, 1e-6) for p, _, v in leaves(right)}
    named = [_entry(path) for path, is_same in same.items() if is_same]
    return tuple(named) if len(named) < len(same) <= _MAX_NAMED and all(named) else ()


def _entry(path: tuple) -> str:
    """A path in words: ``(1, "w")`` is `w` of value 2; empty for keys that are no names."""
    words = [f"`{k}`" if isinstance(k, str) and k.isidentifier() else f"value {k + 1}" if type(k) is int else "" for k in path]
    return " of ".join(reversed(words)) if all(words) else ""


def _listed(names: tuple[str, ...]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"


def _name(step: Step, place: Callable[[Step], Place | None], after: Step | None = None) -> str:
    """A step in words; after: one that was named before it, and need not be said to be in the same cell."""
    within, line, _ = place(step)
    where = f"line {line}" if not within or after and place(after).within == within else f"{within}, line {line}"
    if not step.name:
        return f"what {where} returns"
    return f"what {where} puts into `{step.name}`" if step.part else f"`{step.name}` ({where})"


def _lines(steps: tuple[Step, ...], place: Callable[[Step], Place | None]) -> str:
    return f"The line{'s' * (len(steps) > 1)}: " + ", ".join(f"`{place(step).source}`" for step in steps)
