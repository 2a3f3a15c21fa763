"""How a worker makes its plan: small picklable objects, since a plan holds modules and open test files."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from autograder.config import Limits, read_course
from autograder.plan import Plan, plan_of_assignment, plan_of_package

__all__ = ["AssignmentSource", "PackageSource"]


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
