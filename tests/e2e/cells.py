"""Notebooks for end-to-end tests: the solution of a1 with one more cell, and what came of it."""

from pathlib import Path

import pytest

SUBMISSIONS = Path(__file__).parents[1] / "submissions"
SOLUTION = (
    (SUBMISSIONS / "a1_backprop" / "correct_numpy_float64.py").read_text().partition("# %%\nimages =")[0]
)


def cases(text: str) -> list:
    """Cells with what their first line says."""
    found = []
    for cell in text.strip().split("\n---\n"):
        name, _, words = cell.partition("\n")[0].removeprefix("# ").partition(": ")
        found.append(pytest.param(cell + "\n", words, id=name))
    return found


def lost(result) -> dict[str, list]:
    """The tests that did not pass, by question."""
    found = {q: [t for t in r.tests if t.status != "passed"] for q, r in result.questions.items()}
    return {q: tests for q, tests in found.items() if tests}


def messages(result, q: str) -> list[str]:
    return [t.message for t in result.questions[q].tests]


def outputs(graded, cell: int) -> str:
    """All text that a cell of the executed notebook shows; cells count from 1, the last is -1."""
    cells = graded.notebook["cells"]
    return str(cells[cell - 1 if cell > 0 else cell]["outputs"])
