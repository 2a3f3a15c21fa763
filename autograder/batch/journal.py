"""Results as they arrive, in SQLite: what is graded stays graded.

One row a graded content: the key is a digest of the submission's bytes, the assignment's version, the mode and
the limits, so an unchanged submission is never graded twice.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter

from autograder.results import SubmissionResult

__all__ = ["Journal", "key"]

_RESULT = TypeAdapter(SubmissionResult)


def key(data: bytes, filename: str, version: str, mode: str) -> str:
    """Digest of all that decides a result, but for the salt of the hidden inputs."""
    digest = hashlib.sha256(data)
    digest.update(f"{Path(filename).suffix}\0{version}\0{mode}".encode())
    return digest.hexdigest()


class Journal:
    """``DIR/journal.sqlite``; write-ahead log, one transaction a result."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "journal.sqlite")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, result TEXT NOT NULL, notebook TEXT)")

    def get(self, result_key: str) -> tuple[SubmissionResult, str | None] | None:
        """The stored result and executed notebook."""
        row = self._database.execute("SELECT result, notebook FROM results WHERE key = ?", (result_key,)).fetchone()
        return (_RESULT.validate_python(json.loads(row[0])), row[1]) if row else None

    def put(self, result_key: str, result: SubmissionResult, notebook: str | None) -> None:
        """Store one result for good; a grader's fault is not kept, so that it is tried again."""
        if result.status == "grader_error" or any(t.status == "grader_error" for t in result.tests):
            return
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?)", (result_key, json.dumps(asdict(result)), notebook)
            )

    def close(self) -> None:
        """Close the database."""
        self._database.close()
