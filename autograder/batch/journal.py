"""Results as they arrive, in SQLite: what is graded stays graded.

One row a graded content: the key is a digest of the submission's bytes, the assignment's version, the mode and
the limits, so an unchanged submission is never graded twice.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from autograder.errors import UsageError
from autograder.results import SubmissionResult

__all__ = ["Journal", "Stored", "key"]

_RESULT = TypeAdapter(SubmissionResult)


def key(data: bytes, filename: str, version: str, mode: str) -> str:
    """Digest of all that decides a result, but for the salt of the hidden inputs."""
    digest = hashlib.sha256(data)
    digest.update(f"{Path(filename).suffix}\0{version}\0{mode}".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Stored:
    """A result, the executed notebook as JSON, and the sandbox's layers while it was graded."""

    result: SubmissionResult
    notebook: str | None
    layers: dict[str, str]


class Journal:
    """``DIR/journal.sqlite``; write-ahead log, one transaction a result."""

    def __init__(self, folder: Path) -> None:
        path = folder / "journal.sqlite"
        try:
            self._database = sqlite3.connect(path)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS results "
                "(key TEXT PRIMARY KEY, result TEXT NOT NULL, notebook TEXT, layers TEXT NOT NULL)"
            )
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{path}: {error}; grade with --fresh, or into another folder") from None

    def get(self, result_key: str) -> Stored | None:
        """What is stored for a key."""
        query = "SELECT result, notebook, layers FROM results WHERE key = ?"
        row = self._database.execute(query, (result_key,)).fetchone()
        return Stored(_RESULT.validate_python(json.loads(row[0])), row[1], json.loads(row[2])) if row else None

    def put(self, result_key: str, stored: Stored) -> None:
        """Store one result for good; a grader's fault is not kept, so that it is tried again."""
        if stored.result.has_grader_error:
            return
        row = (result_key, json.dumps(asdict(stored.result)), stored.notebook, json.dumps(stored.layers))
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the database."""
        self._database.close()
