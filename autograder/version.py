"""Digests of all that decides a mark, so that results of another state of the course are never mixed in."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.config import Assignment, Course

if TYPE_CHECKING:
    from autograder.otterbridge.package import Package

__all__ = ["assignment_version", "package_version"]


def assignment_version(course: Course, assignment: Assignment) -> str:
    """Hidden tests, kit, reference, misconceptions and the assignment's part of ``grading.yml``."""
    digest = hashlib.sha256(assignment.model_dump_json().encode())
    files = [p for folder in (course.hidden_tests(assignment), course.kit) for p in sorted(Path(folder).glob("*.py"))]
    for path in (*files, course.reference(assignment), course.misconceptions(assignment)):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def package_version(package: Package) -> str:
    """The test files of an ``autograder.zip`` and what lies beside them."""
    files = sorted((package.folder / "tests").rglob("*.py"))
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()[:12]
