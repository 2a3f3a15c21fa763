"""What the reports take from an executed notebook: its code and its pictures.

Students chose all of it, so sizes are bounded, nothing is run, and a picture is one only if it is a PNG of sane
dimensions; its bytes are encoded again.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["NOTHING", "Executed", "Picture", "read"]

MAX_FILE = 16 << 20  # bytes of a notebook
MAX_CODE = 256 << 10  # characters of code
MAX_PICTURE = 256 << 10  # bytes of a picture
MAX_PICTURES = 12
MAX_SIDE = 4096  # pixels
PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@dataclass(frozen=True)
class Picture:
    """A PNG that a cell showed. cell: its number, counted from 1 over all cells; base64: the file."""

    cell: int
    width: int
    height: int
    base64: str


@dataclass(frozen=True)
class Executed:
    """Code cells in order, the pictures, and how many pictures were too large or too many."""

    code: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    left_out: int = 0


NOTHING = Executed()


def read(folder: Path, path: str | None) -> Executed:
    """Read `folder`/`path`, as in `SubmissionResult.executed`; nothing where it is missing, large or damaged."""
    root = (folder / "executed").resolve()
    try:
        file = (folder / path).resolve() if path else root
        if root not in file.parents or file.stat().st_size > MAX_FILE:
            return NOTHING
        cells = json.loads(file.read_bytes())["cells"]
        code = tuple(_code(cells))
        shown = [(n, data) for n, cell in enumerate(cells, start=1) for data in _pngs(cell)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return NOTHING
    pictures = [p for p in (_picture(*item) for item in shown[: 4 * MAX_PICTURES]) if p][:MAX_PICTURES]
    return Executed(code, tuple(pictures), len(shown) - len(pictures))


def _code(cells: list[dict[str, Any]]) -> Iterator[str]:
    room = MAX_CODE
    for cell in cells:
        source = _joined(cell["source"])
        room -= len(source)
        if cell["cell_type"] == "code" and room >= 0:
            yield source


def _pngs(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", ()):
        data = output.get("data", {}).get("image/png")
        if data:
            yield _joined(data)


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _picture(cell: int, text: str) -> Picture | None:
    if len(text) > 1.4 * MAX_PICTURE:
        return None
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not data.startswith(PNG_START) or not 33 <= len(data) <= MAX_PICTURE:
        return None
    width, height = struct.unpack_from(">II", data, 16)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        return None
    return Picture(cell, width, height, base64.b64encode(data).decode())
