"""Building an assignment: what the student gets, what the grader gets, and what is refused."""

import ast
import json
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

from autograder.config import read_course
from autograder.errors import UsageError
from autograder.otterbridge.build import build

GRADING = """\
course: Tiny
assignments:
  a9_tiny:
    title: Doubling
    reference: doubling
    questions:
      q1: {points: 2, names: [double, Doubler]}
      q2: {points: 3, names: [quadruple], depends: [q1]}
"""

SOURCE = """\
# %% [markdown]
# # Doubling
#
# ![a figure](figures/line.svg)

# %%
import functools

from kit import hello

# %% [markdown]
# ## Question 1
#
# Double.

# %% solution: double _TWO Doubler

# %% check: q1
def test_twice_the_value(double):
    "A value doubles."
    # a comment
    assert double(2) == 4, "double(2) should be 4"

# %% check: q1
def test_zero(env):
    assert env["double"](0) == 0, 'zero "stays" zero'

# %% given: show
# %% solution: quadruple
# %%
show(3)

# %% check: q2
def test_four_times(quadruple):
    assert quadruple(1) == 4

# %% [markdown]
# The end.
"""

REFERENCE = '''\
"""Reference."""

import functools

_TWO = 2


@functools.cache
def double(
    x,
):
    """Return twice `x`.

    Args:
        x: a number.
    """
    # the secret of doubling
    return _TWO * x


class Doubler:
    """Doubles."""

    factor = 2

    def __init__(self, times=1):
        """Remember how often."""
        self.times = times

    def call(self, x):
        for _ in range(self.times):
            x = self._once(x)
        return x

    def _once(self, x):
        return double(x)


def quadruple(x):
    """Return four times `x`."""
    return double(double(x))


def show(x):
    """Print `x`."""
    print(x)
'''

HIDDEN = """\
from otter.test_files import test_case
from autograder.testing import check

OK_FORMAT = False
name = "{q}"
points = {points}


@test_case(name="a secret", points={points}, hidden=True)
def test_secret({name}):
    check({name}(7) == {value}, "wrong")
"""


@pytest.fixture
def course(tmp_path):
    """A course with one assignment of two questions."""
    files = {
        "grading.yml": GRADING,
        "assignments/a9_tiny/a9_tiny.py": SOURCE,
        "assignments/a9_tiny/figures/line.svg": "<svg/>",
        "assignments/kit/__init__.py": "def hello(): pass\n",
        "assignments/kit/__pycache__/old.pyc": "x",
        "assignments/requirements.txt": "otter-grader>=7,<8\nnumpy>=1.26\n",
        "reference/doubling.py": REFERENCE,
        "tests/hidden/a9_tiny/q1.py": HIDDEN.format(q="q1", points=2, name="double", value=14),
        "tests/hidden/a9_tiny/q2.py": HIDDEN.format(q="q2", points=3, name="quadruple", value=28),
    }
    for name, text in files.items():
        path = tmp_path / "course" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "course"


def build_tiny(course, out):
    read = read_course(course)
    return build(read, read.assignment("a9_tiny"), out)


@pytest.fixture
def built(course, tmp_path):
    return build_tiny(course, tmp_path / "dist")


def code_of(path):
    return [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def change(course, name, old, new):
    path = course / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def refusal(course, tmp_path):
    with pytest.raises(UsageError) as caught:
        build_tiny(course, tmp_path / "dist")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_student_folder_and_zip_hold_the_same(built):
    """A student needs nothing beside the zip file."""
    expected = [
        "a9_tiny.ipynb", "figures/line.svg", "kit/__init__.py", "kit/autograder_checking-0.1.0-py3-none-any.whl",
        "requirements.txt", "tests/q1.py", "tests/q2.py",
    ]  # fmt: skip
    files = [path for path in built.student.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(built.student).as_posix() for path in files) == expected
    assert zipfile.ZipFile(built.student_zip).namelist() == expected


def test_nothing_of_a_solution_reaches_the_student(built):
    """Bodies, helpers, decorators and attributes of the reference stay with the instructor."""
    given = "".join(path.read_text() for path in built.student.rglob("*.*") if path.suffix != ".whl" and path.is_file())
    for secret in ("_TWO", "secret", "cache", "_once", "factor", "self.times", "double(double", "SOLUTION"):
        assert secret not in given


def test_stub_keeps_signature_and_docstring(built):
    """A student sees what to write and, of a class, its public methods."""
    cell = next(code for code in code_of(built.student / "a9_tiny.ipynb") if "def double" in code)
    function, cls = ast.parse(cell).body
    assert ast.get_docstring(function).startswith("Return twice")
    assert cell.startswith("def double(\n    x,\n):\n")
    assert ast.unparse(function.body[1:]) == "..."
    assert [method.name for method in cls.body[1:]] == ["__init__", "call"]
    assert all(ast.unparse(method.body[-1]) == "..." for method in cls.body[1:])


def test_given_code_is_whole_in_both(built):
    """'given' shows the full source; it can be edited, otter's own cells cannot."""
    for path in (built.student / "a9_tiny.ipynb", built.solution):
        assert any("print(x)\n" in code + "\n" for code in code_of(path))
        cells = {cell.source: cell for cell in nbformat.read(path, 4).cells}
        assert cells["show(3)"].metadata.get("editable", True)
        assert cells['grader.check("q1")'].metadata.editable is False


def test_solution_notebook_is_the_reference(built):
    """The solution's code is the reference's, without otter's marks."""
    code = "\n".join(code_of(built.solution))
    assert "SOLUTION" not in code
    for part in ("return _TWO * x", "@functools.cache\ndef double(", "def _once(self, x):", "_TWO = 2"):
        assert part in code
    for cell in code_of(built.solution):
        ast.parse(cell)


def test_notebook_names_its_assignment_and_starts_with_its_title(built):
    """A notebook handed in for another assignment can be told; the first thing to read is the title."""
    notebook = nbformat.read(built.student / "a9_tiny.ipynb", 4)
    assert notebook.metadata.otter.assignment_name == "a9_tiny"
    assert notebook.cells[0].source.startswith("# Doubling")
    assert 'grader = otter.Notebook("a9_tiny.ipynb")' in notebook.cells[1].source
    assert [c for c in code_of(built.student / "a9_tiny.ipynb") if c.startswith("grader.check(")] == [
        'grader.check("q1")',
        'grader.check("q2")',
    ]
    nbformat.validate(notebook)


def test_points_are_written_behind_the_heading(built):
    """What a question is worth comes from grading.yml; a question without a heading of its own shows none."""
    texts = [
        c.source for c in nbformat.read(built.student / "a9_tiny.ipynb", 4).cells if c.cell_type == "markdown"
    ]
    assert "## Question 1 (2 points)\n\nDouble." in texts
    assert not any("3 points" in text for text in texts)


def test_public_tests_run_and_carry_no_points(built):
    """Points are those of the hidden tests; a public test is called after its function."""
    from otter.test_files import ExceptionTestFile

    test = ExceptionTestFile.from_file(str(built.student / "tests" / "q1.py"))
    assert test.possible == 0
    assert '    # a comment\n    assert double(2) == 4, "double(2) should be 4"\n' in test.source
    assert [case.name for case in test.test_cases] == ["twice the value", "zero"]
    test.run({"double": lambda x: 2 * x + (x == 0)})
    assert [result.passed for result in test.test_case_results] == [True, False]
    assert 'zero "stays" zero' in test.test_case_results[1].message


def test_autograder_zip_is_what_otter_expects(built):
    """Hidden tests, kit and what they import; the solution beside the tests alone."""
    with zipfile.ZipFile(built.autograder_zip) as archive:
        names = set(archive.namelist())
        assert {"tests/q1.py", "tests/q2.py", "files/kit/__init__.py", "files/grading.yml"} <= names
        assert "run_autograder" in names
        assert {"files/autograder/testing/hidden.py", "files/autograder/checking/checks.py"} <= names
        assert [name for name in names if "reference" in name] == ["tests/reference/doubling.py"]
        assert not any("pycache" in name for name in names)
        assert json.loads(archive.read("otter_config.json")) == {"lang": "python"}
        environment = archive.read("environment.yml").decode()
    assert environment.count("otter-grader") == 1
    assert "numpy>=1.26" in environment


def test_only_tests_that_build_on_others_carry_errors_forward(built, course):
    """The hidden tests of the course stay as they are."""
    with zipfile.ZipFile(built.autograder_zip) as archive:
        packed = [archive.read(f"tests/{q}.py").decode() for q in ("q1", "q2")]
    written = [(course / f"tests/hidden/a9_tiny/{q}.py").read_text() for q in ("q1", "q2")]
    assert packed[0] == written[0]
    assert packed[1].removeprefix(written[1]).split("\n")[2:] == [
        "from autograder.testing import carry_forward",
        "carry_forward(globals(), needs=[('q1', ['double', 'Doubler'])], reference='reference/doubling.py')",
        "",
    ]


def test_building_twice_gives_equal_bytes(built, course, tmp_path):
    """Cell ids and times in zip files depend on the course alone."""
    again = build_tiny(course, tmp_path / "again")
    for product in ("student_zip", "solution", "autograder_zip"):
        assert getattr(built, product).read_bytes() == getattr(again, product).read_bytes()


def test_building_again_replaces_what_was_there(built, course, tmp_path):
    """A file that no longer belongs to the assignment goes; a failed build replaces nothing."""
    (built.student / "old.txt").write_text("x")
    build_tiny(course, tmp_path / "dist")
    assert not (built.student / "old.txt").exists()
    (course / "reference/doubling.py").unlink()
    refusal(course, tmp_path)
    assert built.autograder_zip.exists() and (built.student / "a9_tiny.ipynb").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("solution: quadruple", "solution: quadrupel", "expected q2 to ask for quadruple"),
        ("solution: quadruple", "solution: quadruple _nothing", "expected a definition of '_nothing'"),
        ("# %% solution: quadruple\n", "# %% solution: quadruple\nx = 1\n", "expected an empty cell"),
        ("check: q2", "check: q3", "q3 is no question of a9_tiny"),
        ("# %% check: q2", "# %% check: q1", "expected q1 to ask for double, Doubler"),
        ("check: q2", "check: q1 q2", "expected the name of one question"),
        ("def test_four_times", "x = 1\ndef test_four_times", "expected one function"),
        ("def test_four_times(", "def test_four_times((", "not valid Python"),
        ("# The end.", "# The end.\n# %% solution: show", "no check after '# %% solution: show'"),
        ("# The end.", "# The end.\n# %% check: q1\ndef test_late(double): pass", "q1 lie in two places"),
        ("# %% [markdown]\n# # Doubling", "# %%\nx = 1", "expected a Markdown cell with the title"),
    ],
)
def test_mistakes_in_the_source_are_one_clear_line(course, tmp_path, old, new, words):
    """An author's mistake is named with the file and what was expected."""
    change(course, "assignments/a9_tiny/a9_tiny.py", old, new)
    message = refusal(course, tmp_path)
    assert words in message
    assert "doubling.py" in message or "a9_tiny.py" in message


def test_a_question_without_hidden_test_is_refused(course, tmp_path):
    """Its points could not be earned."""
    (course / "tests/hidden/a9_tiny/q2.py").unlink()
    assert "found none for q2" in refusal(course, tmp_path)


def test_a_body_on_the_line_of_its_def_is_refused(course, tmp_path):
    """There would be no place for the marks."""
    change(course, "reference/doubling.py", '"""Return four times `x`."""\n    return', "return")
    change(course, "reference/doubling.py", "def quadruple(x):\n    return", "def quadruple(x): return")
    assert "put the body of 'quadruple' on lines of its own" in refusal(course, tmp_path)


def test_what_hidden_tests_import_travels_with_them(built, tmp_path):
    """Gradescope has otter and the packages of requirements.txt, but not this package."""
    with zipfile.ZipFile(built.autograder_zip) as archive:
        archive.extractall(tmp_path / "gradescope")
    submission = tmp_path / "gradescope" / "files"
    code = "import autograder.testing as t; print(t.__file__, t.gate)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=submission, capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith(str(submission))


# --- the assignments of this course ------------------------------------------------------------------------

COURSE = read_course(Path(__file__).parents[2])
HERE = [name for name, assignment in COURSE.assignments.items() if COURSE.source(assignment).exists()]


@pytest.mark.parametrize("name", HERE)
def test_assignments_of_this_course_build(name, tmp_path):
    """Every question has its prompt and its check; no mark of a solution is left."""
    assignment = COURSE.assignment(name)
    built = build(COURSE, assignment, tmp_path)
    student = code_of(built.student / f"{name}.ipynb")
    kinds = ast.FunctionDef | ast.ClassDef
    defined = {node.name for cell in student for node in ast.parse(cell).body if isinstance(node, kinds)}
    for q, question in assignment.questions.items():
        assert f'grader.check("{q}")' in student
        assert (built.student / "tests" / f"{q}.py").exists()
        assert set(question.names) <= defined
    assert not any("SOLUTION" in cell for cell in student + code_of(built.solution))
    assert not any(cell.get("outputs") for cell in nbformat.read(built.student / f"{name}.ipynb", 4).cells)


def test_hidden_tests_import_only_what_is_shipped():
    """Of this package, hidden tests may use `autograder.testing`."""
    for path in (COURSE.root / "tests" / "hidden").glob("*/q*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert all(
                m.startswith("autograder.testing") for m in modules if m.split(".")[0] == "autograder"
            ), path


def test_requirements_of_students_agree_with_the_locked_environment():
    """What a student installs allows the versions that this repository is tested with."""
    lines = (COURSE.root / "assignments" / "requirements.txt").read_text().splitlines()
    for line in lines:
        if not line.startswith("#") and not line.startswith(("jupyterlab", "tensorflow")):
            requirement = Requirement(line)
            assert requirement.specifier.contains(version(requirement.name)), line
