"""Digests of all that decides a mark, so that results of another state of the course are never mixed in."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.config import Assignment, Course

if TYPE_CHECKING:
    from autograder.otterbridge.package import Package

__all__ = ["assignment_version", "package_version", "question_versions"]


def question_versions(course: Course, assignment: Assignment) -> dict[str, str]:
    """For each question a digest of what can change its marks.

    That is its own test file, points and names, the same of every question that it builds on (error carried forward),
    and what all questions share: the reference, the kit, the limits and the gates.
    """
    shared = hashlib.sha256(assignment.limits.model_dump_json().encode())
    shared.update(json.dumps([assignment.reference, {k: g.model_dump_json() for k, g in assignment.gates.items()}]).encode())
    for path in (*sorted(Path(course.kit).glob("*.py")), course.reference(assignment), course.misconceptions(assignment)):
        _add(shared, path)
    own = {q: _own_digest(course, assignment, q) for q in assignment.questions}
    return {
        q: hashlib.sha256(shared.digest() + b"".join(own[n] for n in (*assignment.needs(q), q))).hexdigest()[:12]
        for q in assignment.questions
    }


def _own_digest(course: Course, assignment: Assignment, q: str) -> bytes:
    digest = hashlib.sha256(f"{q}\0{assignment.questions[q].model_dump_json()}".encode())
    _add(digest, course.hidden_tests(assignment) / f"{q}.py")
    return digest.digest()


def _add(digest: hashlib._Hash, path: Path) -> None:
    if path.is_file():
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)


def assignment_version(course: Course, assignment: Assignment) -> str:
    """One digest of all questions' versions, in the order of the assignment."""
    versions = question_versions(course, assignment)
    return hashlib.sha256(json.dumps([assignment.name, versions]).encode()).hexdigest()[:12]


def package_version(package: Package) -> str:
    """The test files of an ``autograder.zip`` and what lies beside them."""
    files = sorted((package.folder / "tests").rglob("*.py"))
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()[:12]
