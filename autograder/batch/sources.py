"""How a worker makes its plan: small picklable objects, since a plan holds modules and open test files."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from autograder.config import FILE_NAME, Limits, read_course
from autograder.plan import Plan, plan_of_assignment, plan_of_package

__all__ = ["AssignmentSource", "PackageSource", "portable"]


@dataclass(frozen=True)
class AssignmentSource:
    """An assignment of a course."""

    root: Path
    assignment: str

    def __call__(self) -> Plan:
        course = read_course(self.root)
        return plan_of_assignment(course, course.assignment(self.assignment))


@dataclass(frozen=True)
class PackageSource:
    """An otter ``autograder.zip``, unpacked for the life of the process."""

    archive: Path
    limits: Limits

    def __call__(self) -> Plan:
        from autograder.otterbridge.package import open_package

        folder = tempfile.mkdtemp(prefix="autograder-package-")
        Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=1)  # workers end without atexit
        return plan_of_package(open_package(self.archive, Path(folder)), self.limits)


@dataclass(frozen=True)
class _Travelling:
    """A source with its files, for a machine that has none of them; unpacked for the life of the process there."""

    files: tuple[tuple[str, bytes], ...]
    assignment: str = ""
    limits: Limits | None = None

    def __call__(self) -> Plan:
        folder = Path(tempfile.mkdtemp(prefix="autograder-course-"))
        Finalize(None, shutil.rmtree, args=(str(folder), True), exitpriority=1)
        folder.chmod(0o755)  # the kit is shown to students' processes, which may have another user id
        for name, content in self.files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if self.limits is None:
            return AssignmentSource(folder, self.assignment)()
        return PackageSource(folder / self.files[0][0], self.limits)()


def portable(source: AssignmentSource | PackageSource) -> _Travelling:
    """The same plan on another machine: test files, reference, kit and ``grading.yml`` travel as bytes."""
    if isinstance(source, PackageSource):
        return _Travelling(((source.archive.name, source.archive.read_bytes()),), limits=source.limits)
    course = read_course(source.root)
    tests = course.hidden_tests(course.assignment(source.assignment))
    paths = [course.root / FILE_NAME, *(course.root / "reference").rglob("*.py"), *course.kit.rglob("*.py"), *tests.glob("*.py")]
    files = tuple((str(path.relative_to(course.root)), path.read_bytes()) for path in sorted(paths))
    return _Travelling(files, source.assignment)
