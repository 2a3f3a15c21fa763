"""Fixtures that several test files share."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parent / "otter_tutorial"


@pytest.fixture(scope="session")
def otter_zip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function: name of an assignment of `otter_tutorial` -> the autograder.zip made by otter assign."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            from otter.assign import main

            work = tmp_path_factory.mktemp(name)
            shutil.copytree(TUTORIAL / name, work / "source", ignore=shutil.ignore_patterns("submissions"))
            main(str(work / "source" / f"{name}.ipynb"), str(work / "dist"), no_run_tests=True)
            (stamped,) = (work / "dist" / "autograder").glob("*.zip")
            made[name] = stamped.rename(work / f"{name}.zip")
        return made[name]

    return make


@pytest.fixture(scope="session")
def otter_submission() -> Callable[[str, str], Path]:
    """A function: assignment of `otter_tutorial`, name -> the submission of that name."""
    return lambda assignment, name: TUTORIAL / assignment / "submissions" / f"{name}.py"
