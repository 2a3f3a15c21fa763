"""From the percent source of an assignment to an otter master notebook.

The source is a notebook in Jupytext's percent format. Three kinds of cell have a meaning of their own:

    # %% solution: softmax _shifted   empty; the reference's functions, for the student stubs of them
    # %% given: plot_boundary         empty; the reference's functions, for the student as well
    # %% check: q2                    one function `def test_rows_sum_to_one(softmax): …`, a public test of q2

A solution belongs to the question of the next check. A question reaches from its first solution to its last
check; all its public tests run in one cell after it. They carry no points: those are the hidden tests'. What
grading.yml gives for a question is written behind the heading that precedes it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from autograder.config import Assignment
from autograder.errors import UsageError
from autograder.otterbridge.stubs import Reference
from autograder.results import points

__all__ = ["KERNEL", "handed_out_code", "master_notebook"]

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
HEADING = re.compile(r"^(#{1,6} .*\S)(?![\s\S]*^#{1,6} )", re.MULTILINE)  # the last one of a cell
MARKER = re.compile(r"(solution|given|check)\s*:\s*(.*)")
EXPORT_HELP = (
    "Restart the kernel and run all cells from the top first: what only works in the order in which you "
    "happened to run your cells will not work when it is graded. Then hand in the zip file, or this notebook."
)


@dataclass
class _Piece:
    """A cell of the source; `question` is filled in for solutions and checks."""

    kind: str  # "text", "code", "solution", "given" or "check"
    names: tuple[str, ...]
    cell: NotebookNode
    question: str | None = None


def master_notebook(
    source: Path, reference: Reference, assignment: Assignment, files: list[str]
) -> NotebookNode:
    """Return the otter master notebook of an assignment.

    Args:
        source: percent script.
        reference: where solutions and given functions are taken from.
        assignment: questions and their names; the notebook has to ask for exactly these.
        files: files and folders beside the notebook that belong to it.

    Raises:
        UsageError: for a source that breaks the rules above; the message says where.
    """
    pieces = _read(source)
    _assign_questions(pieces, source)
    _compare_with_grading(pieces, assignment, source)
    _write_points(pieces, assignment)
    cells = [_raw("ASSIGNMENT CONFIG", _otter_config(assignment, files)), *_master_cells(pieces, reference)]
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})


def handed_out_code(source: Path, reference: Reference) -> str:
    """All code of the student notebook, without what otter adds to it; raises UsageError for a broken source."""
    cells = []
    for piece in _read(source):
        if piece.kind == "solution":
            cells += map(reference.stub, piece.names)
        elif piece.kind == "given":
            cells += map(reference.source, piece.names)
        elif piece.kind == "code":
            cells.append(piece.cell.source)
    return "\n\n\n".join(cells)


def _otter_config(assignment: Assignment, files: list[str]) -> dict:
    return {
        "name": assignment.name,
        "init_cell": True,
        "check_all_cell": True,
        "export_cell": {"pdf": False, "run_tests": False, "ignore_log": True, "instructions": EXPORT_HELP},
        "files": files,
        "generate": False,
        "run_tests": False,
        "tests": {"files": True, "ok_format": False},
    }


def _read(source: Path) -> list[_Piece]:
    try:
        notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    except OSError as error:
        raise UsageError(f"{source}: cannot be read: {error.strerror}") from None
    cells = [cell for cell in notebook.cells if cell.source.strip() or "title" in cell.metadata]
    pieces = [_piece(cell, source) for cell in cells]
    if not pieces or pieces[0].kind != "text":
        raise UsageError(f"{source}: expected a Markdown cell with the title at the top")
    return pieces


def _piece(cell: NotebookNode, source: Path) -> _Piece:
    marker = MARKER.fullmatch(cell.metadata.get("title", "").strip())
    if cell.cell_type != "code":
        return _Piece("text", (), new_markdown_cell(cell.source))
    if marker is None:
        return _Piece("code", (), new_code_cell(cell.source, metadata=_kept(cell.metadata)))
    kind, names = marker[1], tuple(marker[2].split())
    if not names or (kind == "check" and len(names) != 1):
        expected = "the name of one question" if kind == "check" else "names from the reference"
        raise UsageError(f"{source}: expected {expected} after '# %% {kind}:', found {marker[2]!r}")
    if kind == "check":
        _require_one_test(cell.source, f"{source}: check of {names[0]}")
    elif cell.source.strip():
        raise UsageError(f"{source}: expected an empty cell '# %% {kind}: {marker[2]}', found code in it")
    return _Piece(kind, names, new_code_cell(cell.source), names[0] if kind == "check" else None)


def _kept(metadata: dict) -> dict:
    """Cell metadata that means something to a reader's Jupyter, such as tags; not what Jupytext needs."""
    return {key: value for key, value in metadata.items() if key not in ("title", "lines_to_next_cell")}


def _require_one_test(code: str, place: str) -> None:
    """Refuse a check cell that is not exactly one function `test_…` (after an otter test config, if any)."""
    try:
        body = [node for node in ast.parse(code).body if not isinstance(node, ast.Expr)]
    except SyntaxError as error:
        raise UsageError(f"{place}: not valid Python: {error}") from None
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef) or not body[0].name.startswith("test_"):
        raise UsageError(f"{place}: expected one function 'def test_…' and nothing else")


def _assign_questions(pieces: list[_Piece], source: Path) -> None:
    """Give each solution the question of the next check, and see that no question is in two parts."""
    question = None
    for piece in reversed(pieces):
        if piece.kind == "check":
            question = piece.question
        elif piece.kind == "solution":
            if question is None:
                raise UsageError(f"{source}: no check after '# %% solution: {' '.join(piece.names)}'")
            piece.question = question
    seen = [piece.question for piece in pieces if piece.question]
    runs = [q for i, q in enumerate(seen) if i == 0 or seen[i - 1] != q]
    for q in runs:
        if runs.count(q) > 1:
            raise UsageError(f"{source}: the cells of {q} lie in two places; move its checks together")


def _compare_with_grading(pieces: list[_Piece], assignment: Assignment, source: Path) -> None:
    """See that the notebook asks for the names that grading.yml has, question by question."""
    asked: dict[str, list[str]] = {q: [] for q in assignment.questions}
    for piece in pieces:
        if piece.question and piece.question not in asked:
            raise UsageError(f"{source}: {piece.question} is no question of {assignment.name} in grading.yml")
        if piece.kind == "solution":
            asked[piece.question] += [name for name in piece.names if not name.startswith("_")]
    for q, question in assignment.questions.items():
        if set(asked[q]) != set(question.names):
            expected, found = ", ".join(question.names), ", ".join(asked[q]) or "nothing"
            raise UsageError(f"{source}: expected {q} to ask for {expected} as in grading.yml, found {found}")


def _write_points(pieces: list[_Piece], assignment: Assignment) -> None:
    """Add '(4 points)' to the last heading before each question."""
    heading, seen = None, set()
    for piece in pieces:
        if piece.kind == "text" and HEADING.search(piece.cell.source):
            heading = piece.cell
        if piece.question and piece.question not in seen:
            seen.add(piece.question)
            if heading is not None:
                score = points(assignment.questions[piece.question].points)
                unit = "point" if score == "1" else "points"
                heading.source = HEADING.sub(rf"\1 ({score} {unit})", heading.source)
            heading = None


def _master_cells(pieces: list[_Piece], reference: Reference) -> Iterator[NotebookNode]:
    last = {piece.question: piece for piece in pieces if piece.question}
    question = None
    for piece in pieces:
        if piece.question and piece.question != question:
            question = piece.question
            yield _raw("BEGIN QUESTION", {"name": question, "points": 0})
        if piece.kind == "solution":
            yield from _block("SOLUTION", "\n\n\n".join(map(reference.prompt, piece.names)))
        elif piece.kind == "given":
            yield new_code_cell("\n\n\n".join(map(reference.source, piece.names)))
        elif piece.kind == "check":
            yield from _block("TESTS", piece.cell.source)
        else:
            yield piece.cell
        if piece is last.get(question):
            yield _raw("END QUESTION")


def _block(kind: str, code: str) -> tuple[NotebookNode, NotebookNode, NotebookNode]:
    return _raw(f"BEGIN {kind}"), new_code_cell(code), _raw(f"END {kind}")


def _raw(title: str, config: dict | None = None) -> NotebookNode:
    body = yaml.safe_dump(config, sort_keys=False, width=10_000) if config else ""
    return new_raw_cell(f"# {title}\n{body}".strip())
