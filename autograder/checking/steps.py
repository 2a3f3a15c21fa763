"""Where a wrong answer first goes wrong, by the function's own steps beside those of a correct solution.

A correct solution in another style has other steps, so a step that the reference lacks proves nothing. Every finding
is a fact about the student's own code, run on the inputs of the failed check:

    not finite   the first step that holds NaN or infinity, where the inputs and the correct answer are finite
    repair       the earliest step such that with numbers of a correct solution in it the rest of the code gives the
                 correct answer; the latest as well where the same numbers do in several: code between them that leaves
                 these numbers alone need not leave others alone
    agrees       the last step before it that a correct solution has as well
    incomplete   later numbers of that solution in this very step mend the answer, too: something after it is missing
    entries      of the answer, those that are right
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple

import numpy as np

from .trace import Numbers, Repair, Step, numbers_of

__all__ = ["Call", "Finding", "Place", "find"]

_MAX_REPAIRS = 60  # calls
_MAX_NAMED = 6  # entries of an answer
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_MENDED = "the rest of your code gives the correct answer."
_CLOSE = 1e-4  # of the largest number


class Place(NamedTuple):
    """Where a step is: such as ``cell 3``, or nothing where there is but one; the line's number and its text."""

    within: str
    line: int
    source: str


@dataclass(frozen=True)
class Call:
    """One call: its arguments, the student's answer and steps, and those of a correct solution."""

    arguments: Any
    answer: Any
    steps: list[Step]
    right: Any
    correct: list[Step]


@dataclass(frozen=True)
class Finding:
    """What is known about a wrong answer; see the module's docstring."""

    not_finite: Step | None = None
    repair: tuple[Step, ...] = ()
    agrees: Step | None = None
    incomplete: bool = False  # later numbers in the step that agrees mend the answer
    unsure: bool = False  # whether steps before the one that mends the answer are right
    entries: tuple[str, ...] = ()

    def words(self, place: Callable[[Step], Place | None]) -> str:
        """One to three sentences for the student."""
        if self.not_finite:
            first = f"{_name(self.not_finite, place)} is the first value that is {_kind(self.not_finite)}."
            return _joined([first, _lines((self.not_finite,), place)])
        said = [f"Of the answer, {_listed(self.entries)} right."] if self.entries else []
        here = f"{_name(self.agrees, place)} agrees with a correct solution" if self.agrees else ""
        there = " or ".join(_name(step, place, after=self.agrees) for step in self.repair)
        if here and there and self.incomplete:
            said += [f"{here}, but a step from there to {there} is missing or wrong: with the numbers of that solution {_MENDED}"]
        elif here and there:
            said += [f"{here}; with the numbers of that solution in {there}, too, {_MENDED}"]
        elif there:
            said += [f"with the numbers of a correct solution in {there} {_MENDED}"]
        elif self.incomplete:
            said += [f"{here}, but a step after it is missing or wrong: with later numbers of that solution in its place {_MENDED}"]
        elif here:
            said += [f"{here}."]
        return _joined([*said, _lines(self.repair, place, self.unsure)] if there else said)


def find(
    call: Call,
    run: Callable[[Repair], Any],
    place: Callable[[Step], Place | None],
    others: Iterable[Call] = (),
) -> Finding | None:
    """Why a call has a wrong answer.

    run: the answer of the same call with one step repaired; place: ``None`` for a step that may not be shown; others:
    calls of the same function, in which what agrees must agree as well.
    """
    with np.errstate(all="ignore"):
        given = _arrays(call.arguments)
        if _finite(call.right) and not _finite(call.answer) and all(map(_is_finite, given)):
            first = _first_not_finite(call.steps, call.correct, place)
            return Finding(not_finite=first) if first else None
        return _compared(call, lambda repair: _same(run(repair), call.right), place, list(others))


def _compared(
    call: Call, mends: Callable[[Repair], bool], place: Callable[[Step], Place | None], others: list[Call]
) -> Finding | None:
    """What mends the answer, what agrees before it, and how sure that is."""
    steps, known = call.steps, _known(call)
    own = [i for i in _telling(call) if steps[i].name.strip("_") and place(steps[i])]
    in_doubt = set().union(*(_disagreeing(c) for c in (call, *others)))
    alike = {i: k for i in own for k, numbers in enumerate(known) if _agree(steps[i].numbers, numbers)}
    agreeing = {i: k for i, k in alike.items() if _site(steps[i]) not in in_doubt}
    suspects = [i for i in own if i not in alike]
    repairs = chain(_repairs(steps, suspects, known), _later(steps, agreeing, known))
    repair = next((r for r in islice(repairs, _MAX_REPAIRS) if mends(r)), None)
    incomplete = repair is not None and repair.index in agreeing
    last = repair.index if incomplete else max((i for i in agreeing if repair is None or i < repair.index), default=None)
    unsure = repair is not None and not all(_is_usual(steps[i].numbers, known) for i in suspects if i < repair.index)
    if repair and (last is None or unsure and not incomplete) and _is_the_answer(repair, call):
        repair, last = None, max(agreeing, default=None)
    mended = _mended(steps, suspects, repair, mends) if repair and not incomplete else ()
    if mended and last is not None:
        incomplete = any(map(mends, islice(_later(steps, {last: agreeing[last]}, known), _MAX_REPAIRS)))
    entries = _right_entries([call, *others])
    if not mended and last is None and not entries:
        return None
    return Finding(
        repair=mended,
        agrees=None if last is None else steps[last],
        incomplete=incomplete,
        unsure=bool(mended) and unsure,
        entries=entries,
    )


# --- not finite -----------------------------------------------------------------------------------------------------


def _first_not_finite(steps: list[Step], correct: list[Step], place: Callable[[Step], Place | None]) -> Step | None:
    """The first of its kind that is not meant to be so: as in the correct solution, or by a line that says ``inf``."""
    meant: set[str] = set()
    for step in steps:
        if all(map(_is_finite, step.numbers.values())):
            continue
        where, kind = place(step), _kind(step)
        if where is None:
            return None
        if _has(correct, step) or re.search(r"(?i)(?<![a-z])(inf|nan)", where.source):
            meant.add(kind)
        elif kind not in meant:
            return step
    return None


def _has(correct: list[Step], step: Step) -> bool:
    """Whether a correct solution has these very numbers."""
    wanted = list(step.numbers.values())
    return any(
        len(c.numbers) == len(wanted) and all(map(lambda a, b: np.array_equal(a, b, True), c.numbers.values(), wanted))
        for c in correct
    )


def _kind(step: Step) -> str:
    return "NaN" if any(np.isnan(a).any() for a in step.numbers.values()) else "infinite"


def _is_finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(array).all())


def _finite(value: Any) -> bool:
    return all(map(_is_finite, _arrays(value)))


def _arrays(value: Any) -> list[np.ndarray]:
    return list(numbers_of(value).values())


# --- what agrees ----------------------------------------------------------------------------------------------------


def _known(call: Call) -> list[Numbers]:
    """What a correct solution computes and one could hardly have by chance."""
    given = _arrays(call.arguments)
    found = [*(step.numbers for step in call.correct), *_parts(call.right)]
    return [n for n in found if not _by_chance(n, given) and not all(map(_is_constant, n.values()))]


def _parts(answer: Any) -> list[Numbers]:
    """An answer as a whole, and each of its parts."""
    items = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list | tuple) else ()
    return [numbers_of(answer), *(numbers_of(item) for item in items)]


def _telling(call: Call) -> list[int]:
    """The steps that are more than a count or an argument."""
    given = _arrays(call.arguments)
    return [i for i, step in enumerate(call.steps) if not _by_chance(step.numbers, given)]


def _disagreeing(call: Call) -> set[tuple[str, int, str]]:
    """Lines that give something to a name which a correct solution does not have, if only in one round of a loop."""
    known = _known(call)
    wrong = (call.steps[i] for i in _telling(call) if not any(_agree(call.steps[i].numbers, n) for n in known))
    return set(map(_site, wrong))


def _site(step: Step) -> tuple[str, int, str]:
    return step.file, step.line, step.name


def _by_chance(numbers: Numbers, given: list[np.ndarray]) -> bool:
    return all(_is_count(a) or any(_close(a, g) or a.ndim > 1 and _close(a.T, g) for g in given) for a in numbers.values())


def _is_count(array: np.ndarray) -> bool:
    return array.size == 0 or array.size == 1 and array.item() % 1 == 0


def _is_constant(array: np.ndarray) -> bool:
    return array.size == 0 or array.size > 1 and np.ptp(array) == 0


def _agree(a: Numbers, b: Numbers) -> bool:
    """Equal up to rounding; a matrix may be transposed."""
    if a.keys() != b.keys():
        return False
    return all(_close(a[p], b[p]) for p in a) or len(a) == 1 and all(a[p].ndim > 1 and _close(a[p].T, b[p]) for p in a)


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= _CLOSE * np.max(np.abs(b), initial=0.0)))


def _same(answer: Any, right: Any) -> bool:
    """As :func:`_close` has it: an absolute tolerance would take any small numbers for others."""
    found, wanted = numbers_of(answer), numbers_of(right)
    return found.keys() == wanted.keys() and all(_close(found[path], a) for path, a in wanted.items())


def _right_entries(calls: list[Call]) -> tuple[str, ...]:
    """Names of the entries that are right in every call, where some are and some are not."""
    same: dict[tuple, bool] = {}
    for call in calls:
        found = numbers_of(call.answer)
        for path, numbers in numbers_of(call.right).items():
            same[path] = same.get(path, True) and path in found and _close(found[path], numbers)
    right = [path for path, is_same in same.items() if is_same]
    named = list(dict.fromkeys(_entry(_whole(path, same)) for path in right))
    return tuple(named) if len(right) < len(same) and len(named) <= _MAX_NAMED and all(named) else ()


def _whole(path: tuple, same: dict[tuple, bool]) -> tuple:
    """The largest part of the answer around ``path`` that is right as a whole."""
    parts = (path[:n] for n in range(1, len(path)))
    return next((p for p in parts if all(same[other] for other in same if other[: len(p)] == p)), path)


# --- repairs --------------------------------------------------------------------------------------------------------


def _repairs(steps: list[Step], suspects: list[int], known: list[Numbers]) -> Iterator[Repair]:
    """Numbers of a correct solution for each suspect, then multiples of them: some divide by N first, some last.

    What is a multiple of a correct step already is right but for its scale, and gets no second one.
    """
    candidates: dict[int, list[Numbers]] = {}
    for i in suspects:
        candidates[i] = _fitting(steps[i].numbers, known)
        for numbers in candidates[i]:
            yield Repair(i, numbers)
    for i, fitting in candidates.items():
        if not any(_proportional(steps[i].numbers, numbers) for numbers in fitting):
            first = next(iter(steps[i].numbers.values()))
            n = float(len(first)) if first.ndim else 1.0
            for factor in dict.fromkeys((0.5, 2.0, -1.0, n, 1 / n, n / 2, 2 / n)):
                for numbers in fitting:
                    if factor != 1:
                        yield Repair(i, {p: factor * a for p, a in numbers.items()})


def _later(steps: list[Step], agreeing: dict[int, int], known: list[Numbers]) -> Iterator[Repair]:
    """For each step that agrees, the last one first, what the correct solution has after it."""
    for i in reversed(agreeing):
        for numbers in _fitting(steps[i].numbers, known[agreeing[i] + 1 :]):
            yield Repair(i, numbers)


def _fitting(like: Numbers, known: list[Numbers]) -> list[Numbers]:
    """What has the shapes of ``like``, as it is or transposed."""
    fitting: list[Numbers] = []
    for numbers in known:
        for form in (numbers, {p: a.T for p, a in numbers.items()}):
            same_shapes = form.keys() == like.keys() and all(form[p].shape == like[p].shape for p in like)
            if same_shapes and not any(all(_close(f[p], form[p]) for p in form) for f in fitting):
                fitting.append(form)
    return fitting


def _proportional(a: Numbers, b: Numbers) -> bool:
    x, y = (np.concatenate([n[p].ravel() for p in a]) for n in (a, b))
    return _close(x * (np.sum(x * y) / np.sum(x * x)), y)


def _is_usual(numbers: Numbers, known: list[Numbers]) -> bool:
    """Whether a correct solution has all these arrays somewhere, at some scale."""
    arrays = [{(): a} for n in known for a in n.values()]
    return all(any(_proportional({(): a}, fitting) for fitting in _fitting({(): a}, arrays)) for a in numbers.values())


def _mended(steps: list[Step], suspects: list[int], repair: Repair, mends: Callable[[Repair], bool]) -> tuple[Step, ...]:
    """The step, and the last one in which the same numbers mend the answer as well."""
    first = steps[repair.index]
    later = [i for i in suspects if i > repair.index and _fitting(steps[i].numbers, [repair.numbers])]
    last = next((steps[i] for i in reversed(later) if mends(Repair(i, repair.numbers))), first)
    return (first,) if (last.file, last.line) == (first.file, first.line) else (first, last)


def _is_the_answer(repair: Repair, call: Call) -> bool:
    """Whether a repair puts in just what is wrong in the answer: no news, unless all that comes before it agrees."""
    found, put_in = numbers_of(call.answer), repair.numbers.values()
    wrong = [a for path, a in numbers_of(call.right).items() if path not in found or not _close(found[path], a)]
    return all(any(_close(a, b) or _close(a, b.T) for b in put_in) for a in wrong)


# --- words ----------------------------------------------------------------------------------------------------------


def _entry(path: tuple) -> str:
    """A path in words: ``(1, "w")`` is `w` of the second value; empty for keys that are no names."""
    words = [
        f"`{k}`" if isinstance(k, str) and k.isidentifier() else f"the {_ORDINALS[k]} value" if k in range(len(_ORDINALS)) else ""
        for k in path
    ]
    return " of ".join(reversed(words)) if all(words) else ""


def _listed(names: tuple[str, ...]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"


def _joined(sentences: list[str]) -> str:
    return " ".join(text[:1].upper() + text[1:] for text in sentences)


def _name(step: Step, place: Callable[[Step], Place | None], after: Step | None = None) -> str:
    """A step in words; after: one that was named before it, and need not be said to be in the same cell."""
    within, line, _ = place(step)
    where = f"line {line}" if not within or after and place(after).within == within else f"{within}, line {line}"
    return f"`{step.name}` ({where})" if step.name else f"what {where} returns"


def _lines(steps: tuple[Step, ...], place: Callable[[Step], Place | None], unsure: bool = False) -> str:
    return f"The line{'s' * (len(steps) > 1)}{', or one before' * unsure}: " + ", ".join(f"`{place(step).source}`" for step in steps)
