"""Any otter `autograder.zip`, opened as an assignment that this course knows nothing else about.

    tests/*.py          test files in otter's exception or OK (doctest) format
    files/              what lies beside the submission when it is graded
    otter_config.json   seed, total of points, name of the assignment, …

The file comes from an instructor, so its tests are run as code; its form is checked all the same.
"""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

from otter.nbmeta_config import OK_FORMAT_VARNAME, NBMetadataConfig
from otter.run import AutograderConfig
from otter.test_files import TestFile, create_test_file

from autograder.errors import UsageError
from autograder.otterbridge.archive import extract

__all__ = ["Package", "PackageTest", "open_package"]


@dataclass(frozen=True)
class PackageTest:
    """One test file of a package, not run yet."""

    path: Path
    ok_format: bool  # whether it holds doctests, which need the student's real objects

    def load(self) -> TestFile:
        """Run the file and return its test cases as otter sees them; raises UsageError if otter cannot."""
        try:
            return create_test_file(str(self.path), NBMetadataConfig())
        except Exception as error:
            problem = f"{type(error).__name__}: {error}".replace("\n", " ")
            raise UsageError(f"{self.path.name}: otter cannot load this test file: {problem}") from error


@dataclass(frozen=True)
class Package:
    """An unpacked `autograder.zip`."""

    name: str  # of the assignment, else of the zip file
    folder: Path  # where it is unpacked
    tests: tuple[PackageTest, ...]  # in the order in which otter runs them
    config: AutograderConfig

    @property
    def files(self) -> Path | None:
        """Folder with what belongs beside the submission, if there is any."""
        folder = self.folder / "files"
        return folder if folder.is_dir() else None

    @property
    def not_supported(self) -> tuple[str, ...]:
        """Settings of otter that change marks and are honoured in stock mode only."""
        return tuple(key for key in ("grade_from_log", "plugins", "zips") if getattr(self.config, key))

    def final_score(self, score: float, possible: float) -> tuple[float, float]:
        """The score and the best possible one after otter's `points_possible` and `score_threshold`."""
        share = score / possible if possible else 0.0
        best = possible if self.config.points_possible is None else self.config.points_possible
        if self.config.score_threshold is not None:
            return (best if share >= self.config.score_threshold else 0.0), best
        return (score if best == possible else share * best), best


def open_package(archive: Path, into: Path) -> Package:
    """Unpack an `autograder.zip` into an empty folder.

    Raises:
        UsageError: if it is no zip file, looks hostile (see `archive.extract`), or is not what otter generate
            makes for Python.
    """
    extract(archive, into)
    tests = [path for path in sorted((into / "tests").glob("*.py")) if path.name != "__init__.py"]
    if not tests:
        raise UsageError(f"{archive}: expected an otter autograder.zip, found no tests/*.py in it")
    config = _read_config(archive, into / "otter_config.json")
    return Package(config.assignment_name or archive.stem, into, tuple(map(_test, tests)), config)


def _read_config(archive: Path, path: Path) -> AutograderConfig:
    try:
        config = AutograderConfig(json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})
    except Exception as error:  # json and fica each have their own
        raise UsageError(f"{archive}: otter_config.json: {type(error).__name__}: {error}") from error
    if config.lang != "python":
        raise UsageError(f"{archive}: expected tests in Python, found the language {config.lang!r}")
    return config


def _test(path: Path) -> PackageTest:
    """Read the format that a test file declares, without running it."""
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path.name}: not valid Python: {error}") from None
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == OK_FORMAT_VARNAME for target in targets):
            return PackageTest(path, isinstance(node.value, ast.Constant) and bool(node.value.value))
    raise UsageError(f"{path.name}: expected {OK_FORMAT_VARNAME} = True or False, found neither")
