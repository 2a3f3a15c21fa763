"""Build what students and graders of an assignment get.

    <out>/<assignment>/student/          notebook, public tests, kit with the wheel of `autograder.checking`,
                                         requirements.txt, figures
    <out>/<assignment>/student.zip       the same
    <out>/<assignment>/solution.ipynb    the notebook with the reference filled in
    <out>/<assignment>/autograder.zip    hidden tests and reference, for `otter run` and Gradescope

Nothing but the course's folder and this package goes in, and the same course gives the same bytes.
"""

import ast
import contextlib
import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import autograder
from autograder.config import Assignment, Course
from autograder.errors import UsageError
from autograder.otterbridge.archive import extract, folder_contents, write_zip
from autograder.otterbridge.master import KERNEL, master_notebook
from autograder.otterbridge.stubs import MARKERS, Reference

__all__ = ["Built", "build"]

IGNORED = shutil.ignore_patterns("__pycache__", ".*")
# Of this package: what a hidden test imports where it is not installed
SHIPPED = ("__init__.py", "checking", "testing")
IN_STUDENT_FOLDER = """\
import os
import otter

if os.path.isdir("student"):  # opened where it was built: kit and public tests lie in there
    os.chdir("student")
"""


@dataclass(frozen=True)
class Built:
    """Where the products are."""

    folder: Path

    @property
    def student(self) -> Path:
        """Folder with all that a student gets."""
        return self.folder / "student"

    @property
    def student_zip(self) -> Path:
        """The same, to hand out."""
        return self.folder / "student.zip"

    @property
    def autograder_zip(self) -> Path:
        """What stock otter and Gradescope grade with."""
        return self.folder / "autograder.zip"

    @property
    def solution(self) -> Path:
        """Notebook with the reference filled in."""
        return self.folder / "solution.ipynb"


def build(course: Course, assignment: Assignment, out: Path) -> Built:
    """Build an assignment into `out/<assignment>/`; what was built there before is replaced.

    Raises:
        UsageError: if something of the course is missing or wrong; nothing is replaced then.
    """
    target = Built(out / assignment.name)
    with tempfile.TemporaryDirectory(prefix="autograder-build-") as scratch:
        ready = Built(Path(scratch, "ready"))
        ready.folder.mkdir()
        _build_notebooks(course, assignment, Path(scratch), ready)
        _build_autograder(course, assignment, Path(scratch), ready)
        write_zip(ready.student_zip, folder_contents(ready.student))
        target.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target.student, ignore_errors=True)
        for product in ready.folder.iterdir():
            shutil.move(product, target.folder / product.name)
    return target


# --- notebooks, by otter assign ----------------------------------------------------------------------------


def _build_notebooks(course: Course, assignment: Assignment, scratch: Path, ready: Built) -> None:
    """Make `student/` and `solution.ipynb`."""
    source, work = course.source(assignment), scratch / "master"
    files = _stage(course, source, work)
    notebook = master_notebook(source, Reference(course.reference(assignment)), assignment, files)
    master = work / f"{assignment.name}.ipynb"
    _write(notebook, master)
    _otter_assign(master, scratch / "views")
    shutil.move(scratch / "views" / "student", ready.student)
    _edit(ready.student / master.name, ready.student / master.name, _finish)
    _edit(scratch / "views" / "autograder" / master.name, ready.solution, _finish_solution)
    functions = [
        node for cell in notebook.cells if cell.cell_type == "code" for node in _tests_in(cell.source)
    ]
    for test in (ready.student / "tests").glob("*.py"):
        test.write_text(_readable(test.read_text(encoding="utf-8"), functions), encoding="utf-8")


def _stage(course: Course, source: Path, work: Path) -> list[str]:
    """Lay out what belongs beside the notebook in `work`; return the names of it."""
    if source.parent.is_dir():
        shutil.copytree(source.parent, work, ignore=IGNORED)
        (work / source.name).unlink(missing_ok=True)
    else:
        work.mkdir()
    if course.kit.is_dir():
        shutil.copytree(course.kit, work / "kit", ignore=IGNORED)
        _build_wheel(Path(autograder.__file__).parent / "checking", work / "kit")
    requirements = course.root / "assignments" / "requirements.txt"
    if requirements.is_file() and not (work / "requirements.txt").exists():
        shutil.copy(requirements, work)
    return sorted(path.name for path in work.iterdir())


def _build_wheel(project: Path, into: Path) -> None:
    """Put the wheel of a Python project into a folder: what its pyproject.toml says, nothing of time or place."""
    from hatchling.build import build_wheel

    into = into.resolve()
    with contextlib.chdir(project):  # as a build backend wants it
        build_wheel(str(into))


def _otter_assign(master: Path, result: Path) -> None:
    from otter.assign import main  # costs a second and pandas, so only where something is built

    try:
        main(str(master), str(result), no_pdfs=True, no_run_tests=True)
    except Exception as error:
        raise UsageError(f"otter assign refused {master.name}: {error}") from error


def _edit(source: Path, target: Path, change: Callable[[NotebookNode], None]) -> None:
    notebook = nbformat.read(source, as_version=4)
    change(notebook)
    _write(notebook, target)


def _write(notebook: NotebookNode, path: Path) -> None:
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def _finish(notebook: NotebookNode) -> None:
    """Title first, no holes, only otter's own cells locked, ids that depend on content alone."""
    notebook.cells = cells = [cell for cell in notebook.cells if cell.source.strip()]
    cells[0], cells[1] = cells[1], cells[0]  # otter puts its first cell above the title
    seen: dict[str, int] = {}
    for cell in cells:
        if cell.cell_type == "code" and "grader" not in cell.source:
            cell.metadata.pop("editable", None)  # a student may add a print to given code
            cell.metadata.pop("deletable", None)
            cell.source = re.sub(r"\n{4,}", "\n\n\n", cell.source.strip("\n"))  # where a helper was taken out
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    notebook.metadata["kernelspec"] = KERNEL
    notebook.nbformat_minor = 5


def _finish_solution(notebook: NotebookNode) -> None:
    """The same, and no marks of what is solution."""
    notebook.cells[0].source = notebook.cells[0].source.replace("import otter\n", IN_STUDENT_FOLDER)
    for cell in notebook.cells:
        lines = cell.source.split("\n")
        cell.source = "\n".join(line for line in lines if line.strip() not in MARKERS).strip("\n")
        tags = [tag for tag in cell.metadata.get("tags", []) if tag != "otter_assign_solution_cell"]
        cell.metadata.pop("tags", None)
        if tags:
            cell.metadata["tags"] = tags
    _finish(notebook)


def _tests_in(code: str) -> list[tuple[str, str]]:
    """(as otter rewrites it, as its author wrote it) for the test function in a cell, if there is one."""
    if not re.search(r"^def test_", code, re.MULTILINE):
        return []
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    return [(ast.unparse(node), ast.get_source_segment(code, node) or "") for node in nodes]


def _readable(test_file: str, functions: list[tuple[str, str]]) -> str:
    """Give public tests their comments and layout back, and a name: otter would call the first 'q1 - 1'."""
    for rewritten, written in functions:
        test_file = test_file.replace(rewritten, written)
    unnamed = re.compile(r"@test_case\((?=points=(?:(?!@test_case).)*?\ndef test_(\w+)\()", re.DOTALL)
    return unnamed.sub(lambda match: f'@test_case(name="{match[1].replace("_", " ")}", ', test_file)


# --- autograder.zip, by otter generate ---------------------------------------------------------------------


def _build_autograder(course: Course, assignment: Assignment, scratch: Path, ready: Built) -> None:
    """Make `autograder.zip` from the hidden tests."""
    tests, work = course.hidden_tests(assignment), scratch / "generate"
    present = {path.stem for path in tests.glob("*.py")}
    missing = [q for q in assignment.questions if q not in present]
    if missing:
        raise UsageError(f"{tests}: expected one test file a question, found none for {', '.join(missing)}")
    shutil.copytree(tests, work / "tests", ignore=IGNORED)
    extra = {}
    for q in filter(assignment.needs, assignment.questions):
        _carry_forward(work / "tests" / f"{q}.py", assignment)
        extra = {f"tests/{_beside_tests(assignment)}": course.reference(assignment)}
    shutil.copy(course.root / "grading.yml", work)
    if course.kit.is_dir():
        shutil.copytree(course.kit, work / "kit", ignore=IGNORED)
    package = Path(autograder.__file__).parent
    for part in SHIPPED:
        _copy(package / part, work / "autograder" / part)
    _otter_generate(work, extra, ready)


def _carry_forward(test: Path, assignment: Assignment) -> None:
    """End a hidden test with what lets plain otter charge one mistake once; see `autograder.testing.carry`.

    The isolated evaluator reads the course's own files and keeps the reference away from student code. Plain
    otter has one process for all, so there student code can read these tests and the reference beside them.
    """
    needs = [(q, list(assignment.questions[q].names)) for q in assignment.needs(test.stem)]
    call = f"carry_forward(globals(), needs={needs!r}, reference={_beside_tests(assignment)!r})"
    with test.open("a", encoding="utf-8") as file:
        file.write(f"\n\nfrom autograder.testing import carry_forward\n{call}\n")


def _beside_tests(assignment: Assignment) -> str:
    """Where the reference lies, from the tests' folder.

    Not in `files/`: a folder of the same name in a student's zip would go before it, and isolated grading by
    this autograder.zip lets student code read all of `files/`.
    """
    return f"reference/{assignment.reference}.py"


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=IGNORED)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _otter_generate(work: Path, extra: dict[str, Path], ready: Built) -> None:
    """Run otter generate in `work`, as it wants paths below the current folder, and repack its zip file.

    extra: place in the zip file -> file that otter generate would leave out.
    """
    from otter.generate import main

    requirements = ready.student / "requirements.txt"
    lines = requirements.read_text(encoding="utf-8").splitlines() if requirements.is_file() else []
    others = [line for line in lines if not line.startswith("otter-grader")]  # otter adds its exact version
    (work / "requirements.txt").write_text("\n".join(others))
    files = sorted(path.name for path in work.iterdir() if path.name not in ("tests", "requirements.txt"))
    try:
        with contextlib.chdir(work):
            main(
                tests_dir="tests",
                output_path="stamped.zip",
                no_config=True,
                lang="python",
                requirements="requirements.txt",
                no_environment=True,
                files=files,
                python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
            )
    except Exception as error:
        raise UsageError(f"otter generate refused the hidden tests: {error}") from error
    extract(work / "stamped.zip", work / "unpacked")
    for name, path in extra.items():
        _copy(path, work / "unpacked" / name)
    write_zip(ready.autograder_zip, folder_contents(work / "unpacked"))
