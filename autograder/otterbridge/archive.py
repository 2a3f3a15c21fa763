"""Zip files: written so that equal content gives equal bytes, opened without trusting what they say."""

import stat
import zipfile
from pathlib import Path, PurePosixPath

from autograder.errors import UsageError

__all__ = ["extract", "folder_contents", "write_zip"]

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file can hold
UNIX = 3

MAX_ENTRIES = 5_000
MAX_MIB = 1_024  # of all entries, unpacked
MAX_DEPTH = 16  # folders within folders


def write_zip(path: Path, contents: dict[str, bytes]) -> None:
    """Write name -> bytes; order, times and permissions depend on nothing else."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.create_system = UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o755 if contents[name].startswith(b"#!") else 0o644
            entry.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(entry, contents[name])


def folder_contents(folder: Path) -> dict[str, bytes]:
    """All files below `folder`, as write_zip takes them."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def extract(archive: Path, into: Path) -> list[str]:
    """Unpack a zip file into a folder and return the names of its files.

    Refused with a UsageError are names that lead out of the folder or are not portable, links, encrypted
    and duplicate entries, and more entries, depth or unpacked bytes than any assignment needs.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _check(archive, entries)
            for entry in entries:
                target = into / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(opened.read(entry))  # never more than the size that _check has added up
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise UsageError(f"{archive}: not a readable zip file: {error}") from None
    except OSError as error:
        raise UsageError(f"{archive}: cannot be unpacked: {error.strerror or error}") from None
    return [entry.filename for entry in entries]


def _check(archive: Path, entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise UsageError(f"{archive}: expected at most {MAX_ENTRIES:,} files, found {len(entries):,}")
    size_mib = sum(entry.file_size for entry in entries) / 2**20
    if size_mib > MAX_MIB:
        raise UsageError(f"{archive}: expected at most {MAX_MIB:,} MiB unpacked, found {size_mib:,.0f}")
    seen = set()
    for entry in entries:
        reason = _objection(entry)
        if entry.filename in seen:
            reason = "it is there twice"
        if reason:
            raise UsageError(f"{archive}: refused to unpack {entry.filename!r}: {reason}")
        seen.add(entry.filename)


def _objection(entry: zipfile.ZipInfo) -> str:
    """Why an entry is not unpacked, or ''."""
    name = PurePosixPath(entry.filename)
    if name.is_absolute() or ".." in name.parts or any(char in entry.filename for char in "\\:\0"):
        return "its name leads elsewhere"
    if len(name.parts) > MAX_DEPTH:
        return f"it lies more than {MAX_DEPTH} folders deep"
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        return "it is not a plain file"
    if entry.flag_bits & 0x1:
        return "it is encrypted"
    return ""
