"""Find the submissions behind the paths on a command line and give each a name of its own."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from autograder.errors import UsageError

__all__ = ["SUFFIXES", "Submission", "collect"]

SUFFIXES = (".ipynb", ".py", ".zip")
EXPECTED = ".ipynb, .py or .zip"

# Folders that a student zip ships beside its notebook; handed in whole, they are not submissions.
SHIPPED = {"kit", "tests"}
# Folders that tools leave behind; those that start with a dot are left out anyway.
LEFT_BEHIND = {"__MACOSX", "__pycache__"}


@dataclass(frozen=True)
class Submission:
    """A file to grade. A student chose its `name`: it is for people and keys, never a part of a path."""

    name: str
    path: Path


def collect(paths: Iterable[Path]) -> list[Submission]:
    """All submissions in `paths` (files, or folders at any depth), sorted by name, each file once.

    In a folder a name is relative to it: `ada.ipynb`, or `ada/notebook.ipynb` with a folder per student.
    Equal names from several paths get as many parent folders in front as tell them apart.
    Raises UsageError for a path that is missing, empty or no submission.
    """
    found: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            files = list(_in_folder(path))
            if not files:
                raise UsageError(f"{path}: no submission in this folder; expected {EXPECTED} files")
            for file in files:
                found.setdefault(file.resolve(), _text(file.relative_to(path)))
        elif not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        elif not path.is_file() or not _is_named_like_one(path.name):
            raise UsageError(f"{path}: not a submission; expected {EXPECTED}, or a folder of them")
        else:
            found.setdefault(path.resolve(), _text(Path(path.name)))
    return sorted((Submission(name, file) for file, name in _unique(found)), key=lambda s: (s.name, s.path))


def _in_folder(root: Path) -> Iterator[Path]:
    """Submissions below `root`; hidden files and folders and links that lead out of `root` are left out."""
    inside = root.resolve()
    for folder, names, files in os.walk(root, onerror=_unreadable):
        found = [
            Path(folder, name) for name in files if not name.startswith(".") and _is_named_like_one(name)
        ]
        shipped = SHIPPED if any(file.suffix.lower() == ".ipynb" for file in found) else set()
        names[:] = sorted(n for n in names if not n.startswith(".") and n not in LEFT_BEHIND | shipped)
        yield from (file for file in found if file.is_file() and file.resolve().is_relative_to(inside))


def _is_named_like_one(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _unreadable(error: OSError) -> NoReturn:
    raise UsageError(f"{error.filename}: folder cannot be read: {error.strerror}")


def _unique(found: dict[Path, str]) -> Iterator[tuple[Path, str]]:
    """Put parent folders before equal names until they differ; whole paths do."""
    names = dict(found)
    while True:
        by_name: dict[str, list[Path]] = {}
        for file, name in names.items():
            by_name.setdefault(name, []).append(file)
        equal = [file for files in by_name.values() if len(files) > 1 for file in files]
        if not equal:
            return iter(names.items())
        for file in equal:
            depth = names[file].count("/") + 2
            longer = _text(Path(*file.parts[-depth:]))
            names[file] = longer if depth < len(file.parts) else _whole(file, names[file])


def _whole(file: Path, name: str) -> str:
    """Last resort: file names that differ only in bytes that are no UTF-8."""
    return f"{name} ({sha256(os.fsencode(file)).hexdigest()[:8]})"


def _text(path: Path) -> str:
    """The path with `/`; bytes that are no UTF-8 become U+FFFD, so the name can be written anywhere."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")
