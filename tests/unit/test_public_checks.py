"""The public checks: they run where a zip file was unpacked, say what the grader says, and accept the references."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from otter.test_files import ExceptionTestFile

import autograder.checking
from autograder.config import read_course
from autograder.otterbridge.build import Built, build
from autograder.testing import CheckFailed, check_close

COURSE = read_course(Path(__file__).parents[2])
SLOW = {  # big networks, or training
    "a3_cnn_transfer": {"q4", "q8", "q9"},
    "a4_autoencoders": {"q7"},
    "a5_vae": {"q5"},
    "a6_transformer": {"q6", "q8"},
}

MISTAKES = {
    "all values are zero": np.zeros_like,
    "the same number": lambda x: np.full_like(x, 0.3),
    "the sign is flipped": np.negative,
    "every value is 2 times": lambda x: 2 * x,
    "transposed": np.transpose,
    "reverse order": lambda x: x[::-1],
    "off by one": lambda x: np.roll(x, 1, axis=0),
    "every row is the same: the mean": lambda x: np.broadcast_to(x.mean(0), x.shape),
    "float16": lambda x: x.astype(np.float16),
    "rounded to whole numbers": np.rint,
    "only the last of": lambda x: np.concatenate([x[:-1], x[-1:] + 9]),
    "the first 2 of": lambda x: np.concatenate([x[:2], x[2:] + 9]),
    "of the values are wrong": lambda x: x**2 + x[::-1, ::-1] ** 3 + 1,
    "NaN": lambda x: np.where(x > 0, np.nan, x),
    "infinite": lambda x: np.where(x > 0, np.inf, x),
    "expected shape": lambda x: x[None],
    "summed away": np.sum,
    "got None": lambda x: None,
    "of type str": str,
    "expected real numbers": lambda x: x + 1j,
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What is handed out of a1_backprop."""
    return build(COURSE, COURSE.assignment("a1_backprop"), tmp_path_factory.mktemp("dist"))


def wheel_of(built: Built) -> Path:
    (wheel,) = built.student.rglob("*.whl")
    return wheel


def load_checks(path: Path):
    """A `kit/checks.py` as a module of no name, with the path for imports as it was before."""
    spec = importlib.util.spec_from_file_location("_public_checks", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", sys.path.copy())
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def checks(built):
    """`kit.checks` as a student has it."""
    return load_checks(built.student / "kit" / "checks.py")


def run(code: str, folder: Path) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


# --- the wheel ---------------------------------------------------------------------------------------------


def test_the_wheel_installs_by_itself(built, tmp_path):
    """pip takes it without a network, and it imports where there is no `autograder`."""
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--target", str(tmp_path)]
    subprocess.run([sys.executable, *pip, str(wheel_of(built))], check=True)
    code = "import sys; sys.modules['autograder'] = None; import autograder_checking as c; print(c.__file__, c.check_close)"
    assert run(code, tmp_path).startswith(str(tmp_path / "autograder_checking" / "__init__.py"))


def test_the_wheel_is_the_graders_own_code(built):
    """Byte for byte, and nothing else: one package, which needs NumPy, and what pip wants to know of it."""
    source = Path(autograder.checking.__file__).parent
    expected = {f"autograder_checking/{path.name}": path.read_bytes() for path in source.glob("*.py")}
    with zipfile.ZipFile(wheel_of(built)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    about = {name.rpartition("/")[2]: found.pop(name) for name in set(found) - set(expected)}
    assert found == expected
    assert set(about) == {"METADATA", "RECORD", "WHEEL"}
    assert b"Name: autograder-checking\n" in about["METADATA"] and b"Requires-Dist: numpy" in about["METADATA"]
    recorded = {line.split(",")[0] for line in about["RECORD"].decode().splitlines()}
    assert recorded == set(archive.namelist())
    for name, code in found.items():
        for node in ast.walk(ast.parse(code)):
            roots = [alias.name.split(".")[0] for alias in node.names] if isinstance(node, ast.Import) else []
            roots += [node.module.split(".")[0]] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert set(roots) <= {"numpy", *sys.stdlib_module_names}, name


def test_the_wheel_tells_nothing_of_answers(built):
    """No question, no hidden test and no misconception is named in it."""
    secrets = {name for a in COURSE.assignments.values() for q in a.questions.values() for name in q.names}
    for path in [*COURSE.root.glob("reference/misconceptions/*.py"), *COURSE.root.glob("tests/hidden/*/q*.py")]:
        secrets |= {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    secrets = {name for name in secrets if len(name) > 8 and "_" in name}  # others are words of every day
    assert len(secrets) > 500
    with zipfile.ZipFile(wheel_of(built)) as archive:
        words = {word for name in archive.namelist() for word in re.findall(r"\w+", archive.read(name).decode())}
    assert not secrets & words


def test_the_kit_needs_no_installation(built):
    """Another `autograder` that happens to be installed, or none at all, changes nothing."""
    code = "import sys; sys.modules['autograder'] = None; import kit.checks as c; print(c.check_close.__code__.co_filename)"
    assert run(code, built.student).startswith(str(wheel_of(built)))


def test_the_kit_of_the_course_uses_the_grader():
    """Where work is graded the kit is the course's own folder, without a wheel."""
    assert load_checks(COURSE.kit / "checks.py").CheckFailed is CheckFailed


# --- the words ---------------------------------------------------------------------------------------------


def sentence(check, *args) -> str | None:
    try:
        check(*args)
    except AssertionError as failure:
        return str(failure)


@pytest.mark.parametrize("words", MISTAKES)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(20, 24), scale=st.sampled_from([3.0, 40.0]))
def test_a_notebook_says_what_the_grader_says(checks, words, seed, n, scale):
    """The grader's sentence first, then what only a public check may tell: where, and the numbers there."""
    expected = scale * np.random.default_rng(seed).normal(size=(n, n))
    actual = MISTAKES[words](expected)
    graded = sentence(check_close, actual, expected, "it")
    local, *place = sentence(checks.expect_close, actual, expected, "it").split("\n")
    assert local == graded
    assert words in local
    same_shape = isinstance(actual, np.ndarray) and actual.dtype.kind == "f" and actual.shape == expected.shape
    assert bool(place) == same_shape


def test_the_place_of_the_largest_error_is_named(checks):
    """NaN counts as the largest error there is; one number has no place."""
    assert sentence(checks.expect_close, [[1.0, 2.5], [3.0, 5.0]], [[1, 2], [3, 4]], "w").endswith(
        "\nAt [1, 1] it is 5, but should be 4."
    )
    assert sentence(checks.expect_close, [9.0, np.nan, 1.0], [0, 0, 1], "w").endswith(
        "\nAt [1] it is nan, but should be 0."
    )
    assert sentence(checks.expect_close, 3.0, 4.5, "the loss").endswith("\nIt is 3, but should be 4.5.")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: c.expect_function(None, "relu"), "`relu` is not defined. Run the cell that defines it"),
        (lambda c: c.expect_function(3, "relu"), "`relu` is not a function but of type int."),
        (lambda c: c.expect_array([1, 2], "w"), "w: expected floats, got dtype int64."),
        (lambda c: c.expect_array([True], "w"), "w: expected floats, got dtype bool."),
        (lambda c: c.expect_array(..., "w"), "w: expected real numbers, got `...`."),
        (lambda c: c.expect_scalar([1.0, 2.0], "loss"), "loss: expected one number, got an array of shape (2,)."),
        (lambda c: c.expect_keys({"w": 1}, ["w", "b"], "params"), "params: the keys should be b, w; missing b."),
        (lambda c: c.expect_keys(None, ["w"], "params"), "got None (is a `return` missing?)."),
        (lambda c: c.expect_entries((1,), 2, "pair"), "pair: expected a tuple or list of 2 entries, got 1 entries."),
        (lambda c: c.expect_unchanged({"w": 1}, {"w": 2}, "p"), "p['w'] was changed in place; work on a copy."),
        (
            lambda c: c.expect_gradients({"w": np.arange(3)}, lambda p: np.sum(p["w"] ** 2), {"w": np.arange(3.0)}, "g"),
            "g['w']: every value is 1/2 times the correct one.\nAt [2] it is 2, but should be 4.",
        ),
    ],
)
def test_helpers_say_what_is_wrong(checks, call, words):
    """One sentence each, with the name that the check gives."""
    assert words in sentence(call, checks)


def test_helpers_accept_what_is_right(checks):
    """Any type that holds the numbers will do."""
    checks.expect_function(len, "len")
    assert checks.expect_array([1.0, 2.0], "w", (2,)).dtype == np.float64
    assert checks.expect_array(np.ones(2, np.int8), "labels", (2,), floats=False).tolist() == [1, 1]
    assert checks.expect_scalar(np.float32([[2.5]]), "loss") == 2.5
    checks.expect_keys({"b": 1, "w": 2}, ["w", "b"], "params")
    assert checks.expect_entries((1, 2), 2, "pair") == (1, 2)
    checks.expect_unchanged({"w": np.ones(2)}, {"w": np.ones(2)}, "params")
    checks.expect_gradients({"w": 2 * np.ones(2)}, lambda p: np.sum(p["w"] ** 2), {"w": np.ones(2)}, "grads")


# --- the notebooks -----------------------------------------------------------------------------------------

WRONG_FORWARD = """
import numpy as np

def forward(params, x):
    hidden = np.maximum(x @ params["w1"] + params["b1"], 0)
    return 2 * (hidden @ params["w2"] + params["b2"]), hidden
"""


def test_a_student_reads_what_is_wrong(built):
    """The notebook's own cells, run in the folder that was unpacked, around a wrong answer."""
    notebook = nbformat.read(built.student / "a1_backprop.ipynb", 4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    (first,) = (cell for cell in code if "otter.Notebook(" in cell)
    assert 'grader.check("q3")' in code
    read = run(f'{first}\n{WRONG_FORWARD}\nprint(grader.check("q3"))', built.student)
    assert "CheckFailed: y_hat: every value is 2 times the correct one.\n" in read
    assert "At [1, 1] it is 70, but should be 35." in read
    assert "Traceback" not in read and "autograder" not in read


@pytest.mark.parametrize("name", COURSE.assignments)
def test_public_checks_accept_the_reference(name, tmp_path, monkeypatch):
    """All but the slow ones; AUTOGRADER_ALL=1 runs these as well."""
    assignment = COURSE.assignment(name)
    student = build(COURSE, assignment, tmp_path).student
    monkeypatch.syspath_prepend(str(student))
    for module in [m for m in sys.modules if m.split(".")[0] in ("kit", "autograder_checking")]:
        monkeypatch.delitem(sys.modules, module)
    solution = vars(importlib.import_module(f"reference.{assignment.reference}"))
    skipped = set() if os.environ.get("AUTOGRADER_ALL") else SLOW.get(name, set())
    for q in assignment.questions.keys() - skipped:
        test = ExceptionTestFile.from_file(str(student / "tests" / f"{q}.py"))
        test.run(dict(solution))
        assert [result.message for result in test.test_case_results if not result.passed] == [], q
