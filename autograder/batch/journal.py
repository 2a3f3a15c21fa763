"""Results as they arrive, in SQLite: what is graded stays graded.

One row a graded content: the key is a digest of the submission's bytes, the assignment's name and the mode. The row
says under which version of each question it was graded, so that after a changed test the questions that it can
affect are graded again, and no others.
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


def key(data: bytes, filename: str, assignment: str, mode: str) -> str:
    """Digest of a submission's content and of how it is graded, but for the tests and the salt of their inputs."""
    digest = hashlib.sha256(data)
    digest.update(f"{Path(filename).suffix}\0{assignment}\0{mode}".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Stored:
    """A result, the executed notebook as JSON, the sandbox's layers while it was graded, and each question's version."""

    result: SubmissionResult
    notebook: str | None
    layers: dict[str, str]
    versions: dict[str, str]


class Journal:
    """``DIR/journal.sqlite``; write-ahead log, one transaction a result."""

    def __init__(self, folder: Path) -> None:
        path = folder / "journal.sqlite"
        try:
            self._database = sqlite3.connect(path)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS graded (key TEXT PRIMARY KEY, result TEXT NOT NULL, notebook TEXT, "
                "layers TEXT NOT NULL, versions TEXT NOT NULL)"
            )
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{path}: {error}; grade with --fresh, or into another folder") from None

    def get(self, result_key: str) -> Stored | None:
        """What is stored for a key."""
        query = "SELECT result, notebook, layers, versions FROM graded WHERE key = ?"
        row = self._database.execute(query, (result_key,)).fetchone()
        if row is None:
            return None
        return Stored(_RESULT.validate_json(row[0]), row[1], json.loads(row[2]), json.loads(row[3]))

    def put(self, result_key: str, stored: Stored) -> None:
        """Store one result for good; a grader's fault is not kept, so that it is tried again."""
        if stored.result.has_grader_error:
            return
        result, layers, versions = (json.dumps(v) for v in (asdict(stored.result), stored.layers, stored.versions))
        row = (result_key, result, stored.notebook, layers, versions)
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO graded VALUES (?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the database."""
        self._database.close()
