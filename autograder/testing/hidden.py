"""Secret inputs and stated thresholds."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from autograder.checking import CheckFailed, as_float

__all__ = ["PartialCredit", "check_gate", "gate", "hidden_rng", "hidden_salt", "measurements"]

_measured: dict[str, float] = {}
_salt = os.environ.get("AUTOGRADER_SALT", "stock")


@contextmanager
def hidden_salt(salt: str):
    """Use ``salt`` for every :func:`hidden_rng` within the block."""
    global _salt
    before, _salt = _salt, salt
    try:
        yield
    finally:
        _salt = before


def hidden_rng(label: str) -> np.random.Generator:
    """A generator for hidden inputs: the same for one (salt, label), unknown to who lacks the salt."""
    digest = hashlib.sha256(f"{_salt}\0{label}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


class PartialCredit(CheckFailed):
    """An answer between a gate's floor and its value; ``share`` of the case's points, between 0 and 1.

    Plain otter knows no partial credit and gives none.
    """

    def __init__(self, message: str, share: float) -> None:
        super().__init__(message)
        self.share = share


def check_gate(assignment: str, name: str, measured: float, what: str) -> None:
    """Pass if ``measured`` reaches the gate's value; below its floor fail; between them give credit in proportion.

    The gate is ``assignments.<assignment>.gates.<name>`` of the course's ``grading.yml``, where ``autograder
    calibrate`` writes it. Raises ``KeyError`` where there is none: a fault of the course, not of the student.
    """
    measured = as_float(measured, what)
    _measured[name] = measured
    value, floor = gate(assignment, name), gate(assignment, name, "floor")
    if measured >= value:
        return
    text = f"{what}: {measured:.3g}, full marks from {value:.3g}"
    if measured <= floor:
        raise CheckFailed(f"{text}, none below {floor:.3g}.")
    raise PartialCredit(f"{text}; part of the marks for what is above {floor:.3g}.", (measured - floor) / (value - floor))


@contextmanager
def measurements() -> Iterator[dict[str, float]]:
    """What ``check_gate`` measures within the block, by the gate's name."""
    _measured.clear()
    yield _measured


def gate(assignment: str, name: str, key: str = "value") -> float:
    """``assignments.<assignment>.gates.<name>.<key>`` of the course's ``grading.yml``."""
    here = Path(os.environ.get("AUTOGRADER_COURSE", ".")).resolve()
    path = next(p for p in (f / "grading.yml" for f in (here, *here.parents)) if p.is_file())
    return float(_read(path)["assignments"][assignment]["gates"][name][key])


@functools.cache
def _read(path: Path) -> dict:
    import yaml

    return yaml.safe_load(path.read_text())
