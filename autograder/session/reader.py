"""Reading what a student handed in: archives, notebooks and scripts, with caps on everything.

Runs in the sandboxed student process before any of the student's code, never in the evaluator.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from autograder.testing.static import reachable_names

__all__ = ["Reading", "UnreadableError", "read_submission"]

_MAX_CELLS = 2_000
_MAX_CELL = 400_000  # characters
_MAX_MEMBERS = 200  # of an archive
_MAX_UNPACKED = 128 * 1024 * 1024  # bytes
_MAX_NOTEBOOK = 64 * 1024 * 1024  # bytes
_MAX_NAMES = 1_000
_SHIPPED_FOLDERS = {"kit", "tests"}  # what students get beside their notebook, and hand in with it
_IGNORED_FOLDERS = ("__MACOSX", ".ipynb_checkpoints", ".git", "tests")


class UnreadableError(Exception):
    """The submission is no notebook that can be read; the text says why, in one line."""


@dataclass
class Reading:
    """cells: (type, source) in order; assignment: the name that otter wrote into the notebook, if any;
    names: library names that each function's code reaches (see :mod:`autograder.testing.static`)."""

    cells: list[tuple[str, str]]
    assignment: str | None
    names: dict[str, list[str]] = field(default_factory=dict)


def read_submission(filename: str, data: bytes, transform: Callable[[str], str], prefer: str) -> Reading:
    """Cells of an ``.ipynb``, a percent ``.py`` or a ``.zip`` that holds one of them.

    transform: IPython's cell transformer (magics to calls); prefer: the notebook stem to take where an
    archive holds several. Other files of an archive are laid into the working directory.
    Raises ``UnreadableError``.
    """
    if filename.lower().endswith(".zip"):
        filename, data = _open_archive(data, prefer)
    if len(data) > _MAX_NOTEBOOK:
        raise UnreadableError(f"larger than {_MAX_NOTEBOOK >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("not UTF-8 text") from None
    notebook = _read_script(text) if filename.lower().endswith(".py") else _read_notebook(text)
    cells = [_cell(c) for c in notebook.cells if not _ignored(c)]
    if len(cells) > _MAX_CELLS:
        raise UnreadableError(f"{len(cells)} cells, more than {_MAX_CELLS}")
    otter = notebook.metadata.get("otter", {})
    assignment = otter.get("assignment_name") if isinstance(otter, dict) else None
    return Reading(cells, assignment if isinstance(assignment, str) else None, _names(cells, transform))


def _read_notebook(text: str):
    import nbformat

    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"not a notebook: the JSON is broken ({_short(error)})") from None
    if not isinstance(raw, dict) or "nbformat" not in raw:
        raise UnreadableError("not a notebook: no 'nbformat' entry")
    try:
        notebook = nbformat.reads(text, as_version=4)
        cells = notebook.cells
    except Exception as error:
        raise UnreadableError(f"not a notebook: {_short(error)}") from None
    if not isinstance(cells, list):
        raise UnreadableError("not a notebook: its cells are no list")
    return notebook


def _read_script(text: str):
    import jupytext

    try:
        return jupytext.reads(text, fmt="py:percent")
    except Exception as error:
        raise UnreadableError(f"not a percent script: {_short(error)}") from None


def _cell(cell) -> tuple[str, str]:
    source = cell.get("source", "")
    source = "".join(map(str, source)) if isinstance(source, list) else str(source)
    if len(source) > _MAX_CELL:
        raise UnreadableError(f"a cell of {len(source)} characters, more than {_MAX_CELL}")
    return ("code" if cell.get("cell_type") == "code" else "markdown", source)


def _ignored(cell) -> bool:
    """Cells that otter itself would not run."""
    metadata = cell.get("metadata", {})
    tags, otter = metadata.get("tags", []), metadata.get("otter", {})
    return "otter_ignore" in tags or (isinstance(otter, dict) and otter.get("ignore") is True)


def _open_archive(data: bytes, prefer: str) -> tuple[str, bytes]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [m for m in archive.infolist() if _wanted(m)]
    except Exception as error:
        raise UnreadableError(f"not a zip archive: {_short(error)}") from None
    if len(members) > _MAX_MEMBERS or sum(m.file_size for m in members) > _MAX_UNPACKED:
        raise UnreadableError(f"the archive unpacks to more than {_MAX_MEMBERS} files or {_MAX_UNPACKED >> 20} MiB")
    chosen = _choose(members, prefer)
    for member in members:
        if member is not chosen:
            _unpack(archive, member)
    return PurePosixPath(chosen.filename).name, _content(archive, chosen)


def _wanted(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    is_link = (member.external_attr >> 16) & 0o170000 == 0o120000
    escapes = path.is_absolute() or ".." in path.parts or "\\" in member.filename
    nameless = not path.parts  # "." and "", which is_dir cannot take
    return not (nameless or member.is_dir() or is_link or escapes or path.parts[0] in _IGNORED_FOLDERS)


def _choose(members: list[zipfile.ZipInfo], prefer: str) -> zipfile.ZipInfo:
    handed_in = [m for m in members if not _SHIPPED_FOLDERS & set(PurePosixPath(m.filename).parts[:-1])]
    for suffix in (".ipynb", ".py"):
        found = [m for m in handed_in if m.filename.lower().endswith(suffix)]
        named = [m for m in found if PurePosixPath(m.filename).stem == prefer]
        if len(named) == 1 or len(found) == 1:
            return (named or found)[0]
        if len(found) > 1:
            names = ", ".join(m.filename for m in found[:4])
            raise UnreadableError(f"the archive holds {len(found)} notebooks ({names}); expected one, or one named {prefer}{suffix}")
    raise UnreadableError("the archive holds no .ipynb and no .py file")


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as stream:
            data = stream.read(_MAX_UNPACKED + 1)
    except Exception as error:
        raise UnreadableError(f"the archive is damaged: {_short(error)}") from None
    if len(data) > _MAX_UNPACKED:
        raise UnreadableError(f"the archive unpacks to more than {_MAX_UNPACKED >> 20} MiB")
    return data


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Lay one file into the working directory; what does not fit is left out."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(member.filename) or ".", exist_ok=True)
        with open(member.filename, "xb") as file:
            file.write(_content(archive, member))


def _names(cells: list[tuple[str, str]], transform: Callable[[str], str]) -> dict[str, list[str]]:
    sources = []
    for kind, source in cells:
        if kind == "code":
            with contextlib.suppress(Exception):  # a cell that is no Python reaches nothing
                sources.append(source if _is_python(source) else transform(source))
    reached = reachable_names(sources)
    return {name: sorted(found) for name, found in list(reached.items())[:_MAX_NAMES]}


def _is_python(source: str) -> bool:
    """Whether a cell is Python as it stands, without magics."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
