"""What the class report says about tests, slips and likeness, and what it takes from notebooks."""

import base64
import json
import random
import re
import struct
import zlib
from pathlib import Path

import pytest

from autograder.report import notebooks, similar, winnow
from autograder.report.charts import heat_map
from autograder.report.items import items, slips
from autograder.report.pages import class_page, student_page
from autograder.report.summary import summarise
from autograder.results import BatchResult, Change, QuestionResult, SubmissionResult, TestResult


def a_submission(name: str, marks: list[bool], misconception: str | None = None, **more) -> SubmissionResult:
    tests = [
        TestResult(
            name=f"t{i}",
            status="passed" if ok else "failed",
            score=float(ok),
            max_score=1.0,
            misconception=None if ok else misconception,
            explanation="" if ok else "Because.",
        )
        for i, ok in enumerate(marks)
    ]
    return SubmissionResult.of(name, {"q1": QuestionResult.of(tests)}, **more)


def a_batch(*submissions: SubmissionResult, **more) -> BatchResult:
    return BatchResult(assignment="a1", version="v1", submissions=submissions, **more)


# --- tests ---------------------------------------------------------------------------------------------------


def test_discrimination_is_the_point_biserial_correlation_with_the_rest():
    """Against the textbook formula: (M1 - M0) / s * sqrt(p q), s of the whole class."""
    generator = random.Random(0)
    marks = [[generator.random() < 0.3 + 0.05 * k for _ in range(5)] for k in range(12)]
    found = items([a_submission(f"{k}.py", row) for k, row in enumerate(marks)])
    for i, item in enumerate(found):
        rest = [sum(row) - row[i] for row in marks]
        ones = [r for r, row in zip(rest, marks, strict=True) if row[i]]
        zeros = [r for r, row in zip(rest, marks, strict=True) if not row[i]]
        mean, p = sum(rest) / 12, len(ones) / 12
        spread = (sum((r - mean) ** 2 for r in rest) / 12) ** 0.5
        expected = (sum(ones) / len(ones) - sum(zeros) / len(zeros)) / spread * (p * (1 - p)) ** 0.5
        assert item.discrimination == pytest.approx(expected)
        assert item.share == pytest.approx(p)
        assert item.flagged == (expected < 0.2)


def test_no_discrimination_where_it_would_say_nothing():
    """Too few submissions, or a test that all pass."""
    few = items([a_submission(f"{k}.py", [k % 2 == 0, True]) for k in range(9)])
    assert [item.discrimination for item in few] == [None, None]
    enough = items([a_submission(f"{k}.py", [True, k % 2 == 0]) for k in range(10)])
    assert (enough[0].discrimination, enough[0].flagged, enough[0].share) == (None, False, 1.0)


def test_what_did_not_run_counts_neither_way():
    """A test skipped for an earlier question's sake says nothing about how hard it is."""
    skipped = TestResult(name="t0", status="skipped", score=0.0, max_score=1.0)
    batch = [a_submission("a.py", [True]), SubmissionResult.of("b.py", {"q1": QuestionResult.of([skipped])})]
    (item,) = items(batch)
    assert (item.passed, item.count) == (1, 1)


def test_tests_of_one_name_stay_apart():
    """Two tests of a question with the same name are two items."""
    twice = [TestResult(name="t", status=s, score=0.0, max_score=1.0) for s in ("passed", "failed")]
    found = items([SubmissionResult.of("a.py", {"q1": QuestionResult.of(twice)})])
    assert [(item.name, item.passed) for item in found] == [("t", 1), ("t", 0)]


def test_slips_are_ranked_by_students_not_by_tests():
    """A slip that fails five tests of one student counts once."""
    one, two = (a_submission(name, [False] * 5, "b_slip") for name in ("a.py", "b.py"))
    found = slips([a_submission("c.py", [False] * 9, "a_slip"), one, two])
    assert [(slip.name, len(slip.submissions), slip.explanation) for slip in found] == [
        ("b_slip", 2, "Because."),
        ("a_slip", 1, "Because."),
    ]


def test_flagged_tests_slips_and_changes_are_in_the_report():
    """The words that send an instructor to a test, and links to examples of a slip."""
    rows = [[k % 2 == 0, k > 5, k > 6, k > 7] for k in range(12)]
    change = Change(submission="1.py", question="q1", test="t0", before=0.0, after=1.0)
    html = class_page(
        a_batch(*(a_submission(f"{k}.py", row, "zero_bias") for k, row in enumerate(rows)), changes=(change,))
    )
    assert "look at q1 “t0”." in html
    assert html.count('<span class="pill warn">low</span>') == 1
    assert "zero bias" in html
    assert "What the regrade changed" in html
    assert "It needs 10" in class_page(a_batch(a_submission("a.py", [True])))


# --- heat map ------------------------------------------------------------------------------------------------


def test_the_heat_map_ranks_students_and_joins_equal_cells():
    """The best on the left; runs of one shade are one rectangle; no marks and no question differ."""
    best, worst = a_submission("best.py", [True] * 4), a_submission("worst.py", [False] * 4)
    half = a_submission("half.py", [True, True, False, False])
    unread = SubmissionResult(submission="x.py", status="unreadable", score=0.0, max_score=4.0)
    svg = str(heat_map(a_batch(worst, unread, half, best, a_submission("best2.py", [True] * 4))))
    cells = re.findall(r'<rect class="(\w+)" x="(\d+)" y="0" width="(\d+)" height="19"', svg)
    assert cells == [("m4", "0", "2"), ("m2", "2", "1"), ("m0", "3", "1"), ("gap", "4", "1")]
    assert re.findall(r"<title>([\w.]+):", svg) == ["best.py", "best2.py", "half.py", "worst.py", "x.py"]


def test_the_heat_map_of_a_large_class_stays_readable():
    """Of more submissions than columns it shows every second one, or third, and says so."""
    batch = a_batch(*(a_submission(f"{k}.py", [k % 2 == 0]) for k in range(1300)))
    assert str(heat_map(batch)).count("<title>") == 434
    assert "A column is one of 3 submissions" in class_page(batch)


def test_a_class_of_300_is_small():
    """One file that can be sent by mail."""
    generator = random.Random(0)
    rows = [[generator.random() < 0.6 for _ in range(60)] for _ in range(300)]
    batch = a_batch(*(a_submission(f"student {k}.ipynb", row, "slip") for k, row in enumerate(rows)))
    assert len(class_page(batch).encode()) < 10_000_000


# --- likeness ------------------------------------------------------------------------------------------------

TEMPLATE = "def helper(a, b):\n" + "".join(f"    a = a * {k} + b[{k}] - len(a)\n" for k in range(40)) + "    return a\n"


def a_program(seed: int, lines: int = 60) -> str:
    """Code that no other seed gives."""
    generator = random.Random(seed)
    words = ["a", "b", "f(a)", "b[0]", "(a, b)", "max(a, b)", "a.T", "[a]", "-b", "{a: b}"]
    body = [
        f"    x{k} = {' '.join(generator.choice(words) + generator.choice([' +', ' -', ' *', ' /', ' @']) for _ in range(4))} 1"
        for k in range(lines)
    ]
    return f"def f{seed}(a, b):\n" + "\n".join(body) + "\n    return x0\n"


def test_a_copy_is_found_though_all_names_and_comments_change():
    """Renamed and commented: still the same; strangers are not."""
    original = a_program(1)
    copied = "# all my own work\n" + re.sub(r"\bx(?=\d)", "value_", original).replace("f1", "solve")
    pairs = winnow.alike([original, a_program(2), copied, a_program(3)], "")
    assert [(i, j) for i, j, share in pairs] == [(0, 2)]
    assert pairs[0][2] > 0.9


def test_what_was_handed_out_or_is_common_knowledge_is_no_copy():
    """Code of the student notebook, code that a quarter of the class has, and crumbs do not count."""
    assert winnow.alike([TEMPLATE + a_program(k) for k in range(3)], TEMPLATE) == []
    assert winnow.alike([TEMPLATE, TEMPLATE], TEMPLATE) == []
    assert winnow.alike([TEMPLATE + a_program(k) for k in range(9)], "") == []
    assert winnow.alike(["x = 1\n", "x = 1\n"], "") == []
    assert winnow.alike(["", ""], "") == []


def test_independent_solutions_of_one_assignment_are_not_alike():
    """Four ways to solve a1 are strangers; three that were made from one another are kin."""
    files = sorted((Path(__file__).parents[1] / "submissions/a1_backprop").glob("*.py"))
    pairs = winnow.alike([file.read_text(encoding="utf-8") for file in files], "")
    found = {file.stem for i, j, _ in pairs for file in (files[i], files[j])}
    assert found == {"wrong_endless_loop", "wrong_forward_only", "wrong_l2_and_bias"}


def test_groups_are_kept_and_found_again(tmp_path, monkeypatch):
    """One comparison in a process of its own; the second time the file answers; new code asks again."""
    codes = {"a.py": (a_program(1),), "b.py": (a_program(1),), "c.py": (a_program(2),), "d.py": ()}
    (tmp_path / similar.TEMPLATE_NAME).write_text(TEMPLATE, encoding="utf-8")
    found = similar.compare(tmp_path, codes)
    assert [(group.names, group.least) for group in found.groups] == [(("a.py", "b.py"), 1.0)]
    monkeypatch.setattr(similar.sys, "executable", "/does/not/exist")
    assert similar.compare(tmp_path, codes) == found
    with pytest.raises(FileNotFoundError):
        similar.compare(tmp_path, codes | {"d.py": ("x = 1",)})


def test_a_comparison_that_fails_says_so(tmp_path, monkeypatch):
    """The report is made all the same, nothing is kept, and the reason stands in it."""
    monkeypatch.setattr(similar, "BASE_S", 0)
    monkeypatch.setattr(similar, "EACH_S", 0)
    found = similar.compare(tmp_path, {"a.py": ("x = 1",), "b.py": ("x = 1",)})
    assert found.problem
    assert not (tmp_path / similar.FILE_NAME).exists()
    assert "could not be made" in class_page(a_batch(a_submission("a.py", [True])), found)


def test_very_many_are_not_compared(tmp_path, monkeypatch):
    """A course of tens of thousands is graded without an hour of comparing at its end."""
    monkeypatch.setattr(similar, "MOST", 2)
    found = similar.compare(tmp_path, {name: ("x = 1",) for name in "abc"})
    assert found.problem == "these are more than 2 submissions"


def test_chains_are_one_group():
    """a like b and b like c: one group, with the least and the most likeness in it."""
    (group, other) = similar._groups(("a", "b", "c", "d", "e"), [(0, 1, 0.9), (1, 2, 0.8), (3, 4, 1.0)])
    assert group == similar.Group(("a", "b", "c"), 0.8, 0.9)
    assert other.names == ("d", "e")


def test_likeness_is_a_reason_to_look():
    """Each of a group needs a human; the report links all of them."""
    batch = a_batch(*(a_submission(name, [True]) for name in ("a.py", "b.py", "c.py")))
    likeness = similar.Likeness((similar.Group(("a.py", "b.py"), 0.91, 0.91),))
    worries = summarise(batch, likeness).worries
    assert [(w.submission.submission, w.reasons) for w in worries] == [
        ("a.py", ("Near-identical code: 1 other submission.",)),
        ("b.py", ("Near-identical code: 1 other submission.",)),
    ]
    assert "91 % alike" in class_page(batch, likeness)
    assert "No two submissions" in class_page(batch, similar.Likeness())


# --- notebooks -----------------------------------------------------------------------------------------------


def a_png(width: int = 2, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" + b"\xff" * 3 * min(width, 9))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def a_notebook(folder: Path, *pictures: str, source="x = 1") -> str:
    outputs = [{"output_type": "display_data", "data": {"image/png": p}, "metadata": {}} for p in pictures]
    cells = [
        {"cell_type": "markdown", "source": "# Title"},
        {"cell_type": "code", "source": source, "outputs": outputs},
    ]
    (folder / "executed").mkdir(exist_ok=True)
    (folder / "executed/a.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return "executed/a.ipynb"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_pictures_of_a_notebook_reach_the_page(tmp_path):
    """PNGs, with their size and the cell they come from; code as cells."""
    found = notebooks.read(tmp_path, a_notebook(tmp_path, encoded(a_png(3, 2))))
    assert found.code == ("x = 1",)
    assert [(p.cell, p.width, p.height) for p in found.pictures] == [(2, 3, 2)]
    submission = a_submission("a.py", [True])
    html = student_page(a_batch(submission), submission, found)
    assert f'src="data:image/png;base64,{encoded(a_png(3, 2))}"' in html
    assert "shown by cell 2" in html


@pytest.mark.parametrize(
    "picture",
    [
        encoded(b"<svg onload=alert(1)>"),
        '"><script>alert(1)</script>',
        encoded(a_png(100_000, 2)),
        encoded(a_png(0, 2)),
        encoded(a_png() + b"\0" * notebooks.MAX_PICTURE),
        encoded(a_png()[:20]),
    ],
)
def test_what_is_no_small_png_is_left_out(tmp_path, picture):
    """Whatever a notebook calls a picture, only one of sane size and kind is shown; the rest is counted."""
    found = notebooks.read(tmp_path, a_notebook(tmp_path, picture))
    assert (found.pictures, found.left_out) == ((), 1)


def test_pictures_have_a_limit(tmp_path):
    """A notebook with a thousand pictures does not make a page of gigabytes."""
    found = notebooks.read(tmp_path, a_notebook(tmp_path, *[encoded(a_png())] * 50))
    assert (len(found.pictures), found.left_out) == (notebooks.MAX_PICTURES, 50 - notebooks.MAX_PICTURES)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"cells": 3}', '{"cells": [{}]}', "[" * 100_000, '{"cells": [[]]}', "\0"]
)
def test_a_damaged_notebook_is_no_notebook(tmp_path, text):
    """Whatever is in the file, the report is made."""
    a_notebook(tmp_path)
    (tmp_path / "executed/a.ipynb").write_text(text, encoding="utf-8")
    assert notebooks.read(tmp_path, "executed/a.ipynb") == notebooks.NOTHING


def test_notebooks_are_read_below_their_folder_only(tmp_path):
    """A path in results.json that leads elsewhere, or nowhere, is not followed."""
    a_notebook(tmp_path)
    (tmp_path / "other.ipynb").write_text('{"cells": []}', encoding="utf-8")
    (tmp_path / "executed/link.ipynb").symlink_to(tmp_path / "other.ipynb")
    for path in (None, "", "other.ipynb", "executed/../other.ipynb", "executed/link.ipynb", "executed", "/etc/passwd"):
        assert notebooks.read(tmp_path, path) == notebooks.NOTHING
    assert notebooks.read(tmp_path, "executed/a.ipynb").code == ("x = 1",)


def test_code_is_bounded(tmp_path):
    """What is compared for likeness has a limit for each submission."""
    assert notebooks.read(tmp_path, a_notebook(tmp_path, source="x" * (notebooks.MAX_CODE + 1))).code == ()
