"""A batch from files to results: whatever is in the folder, and whatever dies meanwhile."""

import contextlib
import io
import itertools
import json
import os
import threading
import zipfile
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import ROOT, SUBMISSIONS

from autograder.batch import grade
from autograder.batch.events import Finished, Planned, Started
from autograder.config import load_course
from autograder.errors import UsageError
from autograder.report import write

RIGHT = (SUBMISSIONS / "a1_backprop" / "correct_numpy_float64.py").read_text().partition("# %%\nimages =")[0]
WRONG = RIGHT + "\n# %%\ndel backward\n"


def notebook(text: str, **metadata) -> bytes:
    """A percent script as an .ipynb."""
    sources = [source.strip() for source in text.split("# %%") if "[markdown]" not in source]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=metadata)).encode()


def packed(contents: dict[str, bytes | str]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return stream.getvalue()


def with_link(target: str) -> bytes:
    """A zip archive with a notebook that is a symbolic link."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("a1_backprop.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, target)
    return stream.getvalue()


def lying_about_its_size() -> bytes:
    """A zip archive whose directory announces 10 bytes for a member of 300 MB."""
    data = bytearray(packed({"a1_backprop.ipynb": b"0" * 300_000_000}))
    for at in (data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24):
        data[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(data)


def yaml_bomb() -> bytes:
    """A percent script whose header stands for 9^10 entries."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in itertools.pairwise("abcdefghij")]
    return "".join(f"# {line}\n" for line in ["---", *lines, "---"]).encode()


# File -> words of its message.
UNREADABLE = {
    "empty.ipynb": (b"", "JSON is broken"),
    "truncated.ipynb": (notebook(RIGHT)[:2000], "JSON is broken"),
    "not_json.ipynb": (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
    "a_list.ipynb": (b"[]", "no 'nbformat' entry"),
    "no_cells.ipynb": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "not a notebook"),
    "cells_of_text.ipynb": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": "abc"}', "not a notebook"),
    "metadata_of_text.ipynb": (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": "x", "cells": [1]}', ""),
    "deep.ipynb": (b'{"nbformat": 4, "cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "JSON is broken"),
    "another.ipynb": (notebook(RIGHT, otter={"assignment_name": "a2_optimizers"}), "a notebook of a2_optimizers, not of a1"),
    "latin.py": ("# é".encode("latin-1"), "not UTF-8"),
    "no_zip.zip": (b"PK, or so it says", "not a zip archive"),
    "cut_off.zip": (packed({"a1_backprop.ipynb": notebook(RIGHT)})[:-30], "not a zip archive"),
    "nothing_inside.zip": (packed({}), "holds no .ipynb and no .py"),
    "two.zip": (packed({"one.ipynb": notebook(RIGHT), "two.ipynb": notebook(RIGHT)}), "holds 2 notebooks"),
    "bomb.zip": (packed({"a1_backprop.ipynb": b"0" * 200_000_000}), "unpacks to more than"),
    "liar.zip": (lying_about_its_size(), "damaged"),
    "many.zip": (packed({f"{i}.txt": "" for i in range(1000)} | {"a.ipynb": notebook(RIGHT)}), "more than 200 files"),
    "escape.zip": (packed({"../../a1_backprop.ipynb": notebook(RIGHT)}), "holds no .ipynb"),
    "absolute.zip": (packed({"/tmp/a1_backprop.ipynb": notebook(RIGHT)}), "holds no .ipynb"),
    "link.zip": (with_link("/etc/passwd"), "holds no .ipynb"),
    "zip_in_zip.zip": (packed({"inner.zip": packed({"a.ipynb": notebook(RIGHT)})}), "holds no .ipynb"),
}  # fmt: skip

READABLE = {
    "right.py": RIGHT.encode(),
    "right.ipynb": notebook(RIGHT, otter={"assignment_name": "a1_backprop"}),
    "byte_order_mark.py": b"\xef\xbb\xbf" + RIGHT.encode(),
    "in_a_folder.zip": packed({"ada/work/a1_backprop.ipynb": notebook(RIGHT), "ada/notes.txt": "x", "__MACOSX/._a1_backprop.ipynb": b"x"}),
    "named.zip": packed({"a1_backprop.ipynb": notebook(RIGHT), "draft.ipynb": notebook("1 / 0")}),
    "script_and_kit.zip": packed({"mine.py": RIGHT, "kit/__init__.py": "raise SystemExit", "tests/q1.py": "x = 1"}),
    "script_and_kit_in_a_folder.zip": packed({"ada/mine.py": RIGHT, "ada/kit/__init__.py": "", "ada/tests/q1.py": ""}),
    "with_data.zip": packed({"a1.ipynb": notebook(RIGHT + "\n# %%\nassert open('data/x.txt').read() == '7'\n"), "data/x.txt": "7"}),
    "traversal_beside.zip": packed({"a1.ipynb": notebook(RIGHT), "../../../tmp/evil.txt": "x", "kit/data.py": "raise SystemExit"}),
}  # fmt: skip


class Watch:
    """Keeps the events of a batch, and does something when a submission is taken up."""

    def __init__(self, on_start=lambda name: None) -> None:
        self.events, self._on_start = [], on_start

    def __call__(self, event) -> None:
        self.events.append(event)
        if isinstance(event, Started):
            self._on_start(event.name)

    def names(self, kind: type) -> list[str]:
        return [
            e.name if kind is Started else e.result.submission for e in self.events if isinstance(e, kind)
        ]


def run(
    subject,
    folder: Path,
    out: Path,
    watch: Watch | None = None,
    *,
    workers: int = 1,
    course=None,
    require_sandbox: bool = False,
):
    """One call of grade; the results by name."""
    out.mkdir(exist_ok=True)
    batch = grade(
        course, subject, [folder], out, workers=workers, device="cpu", mode="isolated",
        require_sandbox=require_sandbox, fresh=False, on_event=watch or Watch(),
    )  # fmt: skip
    write(batch, out)
    return {s.submission: s for s in batch.submissions}


# --- all sorts of files --------------------------------------------------------------------------------------------


@pytest.fixture
def handed_in(tmp_path, monkeypatch):
    """A folder with everything above, a huge file, one that may not be opened, and a name that is no text."""
    folder = tmp_path / "handed-in"
    folder.mkdir()
    for name, data in (READABLE | {name: data for name, (data, _) in UNREADABLE.items()}).items():
        (folder / name).write_bytes(data)
    (folder / "wrong.py").write_text(WRONG)
    (folder / "forbidden.py").write_text(RIGHT)
    (folder / "yaml_bomb.py").write_bytes(yaml_bomb())
    with open(folder / "huge.ipynb", "wb") as file:
        file.truncate(51 << 20)
    with open(os.fsencode(folder) + b"/na\xefve.py", "wb") as file:
        file.write(RIGHT.encode())
    read = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == "forbidden.py":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    return folder


def test_whatever_is_handed_in_is_graded_or_explained(handed_in, tmp_path):
    """Archives, bombs, damaged files: marks or one line that says why; then nothing is graded twice."""
    course, out, watch = load_course(ROOT), tmp_path / "out", Watch()
    results = run(course.assignment("a1_backprop"), handed_in, out, watch, workers=2, course=course)
    assert {
        name: (r.status, r.score, r.message, r.notes) for name, r in results.items() if name in READABLE
    } == dict.fromkeys(READABLE, ("graded", 50, "", ()))
    unreadable = {name: results[name] for name in UNREADABLE}
    assert {name: (r.status, r.score, r.max_score) for name, r in unreadable.items()} == dict.fromkeys(
        UNREADABLE, ("unreadable", 0, 50)
    )
    assert {name: r.message for name, r in unreadable.items() if UNREADABLE[name][1] not in r.message} == {}
    assert [r.message for r in unreadable.values() if not 0 < len(r.message) < 500 or "\n" in r.message] == []
    assert (results["huge.ipynb"].status, results["huge.ipynb"].message) == (
        "unreadable",
        "larger than 50 MiB",
    )
    assert results["forbidden.py"].message == "the file cannot be read: Permission denied"
    assert results["na\ufffdve.py"].score == 50
    assert (results["yaml_bomb.py"].score, results["yaml_bomb.py"].max_score) == (0, 50)
    assert not Path("/tmp/evil.txt").exists()

    unopened = {"huge.ipynb", "forbidden.py"}
    assert watch.events[1] == Planned(total=len(results), done=len(unopened))
    assert sorted(watch.names(Started)) == sorted(watch.names(Finished)) == sorted(set(results) - unopened)
    check_documents(out, results)
    check_resumption(course, handed_in, out, results)


def check_documents(out: Path, results: dict) -> None:
    """results.json as design.md shows it, and valid executed notebooks."""
    data = json.loads((out / "results.json").read_text())
    assert data["assignment"] == "a1_backprop"
    assert {s["submission"] for s in data["submissions"]} == set(results)
    entry = next(s for s in data["submissions"] if s["submission"] == "wrong.py")
    assert (entry["status"], entry["score"], entry["max_score"]) == ("graded", 44.0, 50.0)
    assert entry["seconds"] > 0
    assert list(entry["questions"]) == [f"q{i}" for i in range(1, 11)]
    lost = entry["questions"]["q5"]
    assert (lost["score"], lost["max_score"]) == (0.0, 6.0)
    assert {"name", "status", "score", "max_score", "message", "misconception"} <= set(lost["tests"][0])
    executed = [s["executed"] for s in data["submissions"] if s["executed"]]
    assert len(executed) == len(set(executed)) > len(READABLE)
    for path in executed:
        nbformat.validate(nbformat.read(out / path, as_version=4))


def check_resumption(course, folder: Path, out: Path, first: dict) -> None:
    """A second call starts nothing; a changed file is graded again; a copy under another name is not."""
    assignment, watch = course.assignment("a1_backprop"), Watch()
    sandbox = json.loads((out / "results.json").read_text())["sandbox"]
    again = run(assignment, folder, out, watch, course=course, require_sandbox=True)
    assert watch.names(Started) == []
    assert json.loads((out / "results.json").read_text())["sandbox"] == sandbox != {}
    assert {n: (r.status, r.score) for n, r in again.items()} == {
        n: (r.status, r.score) for n, r in first.items()
    }

    (folder / "wrong.py").write_text(RIGHT + "\n# %%\ndel accuracy\n")
    (folder / "copy_of_right.ipynb").write_bytes(READABLE["right.ipynb"])
    watch = Watch()
    changed = run(assignment, folder, out, watch, course=course)
    assert watch.names(Started) == ["wrong.py"]
    assert changed["wrong.py"].questions["q8"].score == 0
    assert changed["copy_of_right.ipynb"].score == 50
    assert (out / changed["copy_of_right.ipynb"].executed).is_file()
    assert changed["copy_of_right.ipynb"].executed != changed["right.ipynb"].executed


GREEDY = (
    RIGHT
    + """
# %%
def init_params(*args):
    return {}
def train(*args, **kwargs):
    return init_params(40_000, 40_000, 10, 0)
"""
)


def test_a_greedy_request_does_not_exhaust_the_machine(tmp_path):
    """Student code asks the reference, which stands in for q1, for 13 GB of weights: its own test fails."""
    folder, watch, course = tmp_path / "handed-in", Watch(), load_course(ROOT)
    folder.mkdir()
    (folder / "greedy.py").write_text(GREEDY)
    result = run(course.assignment("a1_backprop"), folder, tmp_path / "out", watch, course=course)[
        "greedy.py"
    ]
    assert watch.names(Started) == ["greedy.py"]
    assert result.status == "graded"
    assert {q for q, r in result.questions.items() if not r.passed} == {"q1", "q9"}
    assert result.seconds < 60


# --- processes that die ---------------------------------------------------------------------------------------------

SLOW = "# %%\nimport time\ntime.sleep({})\ndef count_words(text):\n    return {{w: text.lower().split().count(w) for w in text.lower().split()}}\n"


def evaluators() -> list[psutil.Process]:
    """Worker processes of the batch that runs in this process."""
    servers = [p for p in psutil.Process().children() if "forkserver" in " ".join(p.cmdline())]
    return [p for server in servers for p in server.children()]


def templates() -> list[psutil.Process]:
    """The batch's template: the youngest, since an older one may serve the other tests of this process."""
    found = [p for p in psutil.Process().children() if "autograder.session.template" in " ".join(p.cmdline())]
    return sorted(found, key=psutil.Process.create_time)[-1:]


def killing(find, name: str, times: int, after_s: float = 1.5) -> Watch:
    """Kill what ``find`` finds while the submission ``name`` is being graded, so many times."""
    left = [times]

    def kill() -> None:
        for process in find():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def on_start(started: str) -> None:
        if started == name and left[0]:
            left[0] -= 1
            threading.Timer(after_s, kill).start()

    return Watch(on_start)


@pytest.fixture
def quick_and_slow(tmp_path):
    """A folder with a submission that takes no time, and one that takes three seconds."""
    folder = tmp_path / "quick-and-slow"
    folder.mkdir()
    (folder / "a_quick.py").write_text(SLOW.format(0))
    (folder / "b_slow.py").write_text(SLOW.format(3))
    return folder


def test_a_worker_killed_in_mid_batch_costs_nothing(otter_zip, quick_and_slow, tmp_path):
    """The submission is given back and graded by another worker, with all its marks."""
    watch = killing(evaluators, "b_slow.py", times=1)
    results = run(otter_zip("words"), quick_and_slow, tmp_path / "out", watch)
    assert {r.status for r in results.values()} == {"graded"}
    assert {r.score for r in results.values()} == {3}
    assert watch.names(Started).count("b_slow.py") == 2
    assert watch.names(Finished).count("b_slow.py") == 1


def test_a_template_killed_in_mid_batch_costs_one_try(otter_zip, quick_and_slow, tmp_path):
    """A worker that is idle, and still holds on to the dead template, is not given the submission."""
    watch = killing(templates, "b_slow.py", times=1)
    results = run(otter_zip("words"), quick_and_slow, tmp_path / "out", watch, workers=2)
    assert {r.status for r in results.values()} == {"graded"}
    assert {r.score for r in results.values()} == {3}
    assert watch.names(Started).count("b_slow.py") == 2


def test_three_faults_are_reported_and_forgotten(otter_zip, quick_and_slow, tmp_path):
    """After three tries it is the grader's error; nothing is stored, so the next call tries again."""
    watch = killing(evaluators, "b_slow.py", times=3)
    results = run(otter_zip("words"), quick_and_slow, tmp_path / "out", watch)
    assert results["b_slow.py"].status == "grader_error"
    assert "no mark is lost" in results["b_slow.py"].message
    assert "exit code" in results["b_slow.py"].detail
    assert results["a_quick.py"].score == 3
    watch = Watch()
    results = run(otter_zip("words"), quick_and_slow, tmp_path / "out", watch)
    assert watch.names(Started) == ["b_slow.py"]
    assert results["b_slow.py"].score == 3


def test_a_damaged_journal_is_named(otter_zip, quick_and_slow, tmp_path):
    """Results that cannot be read are not graded over; the message says what to do."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "journal.sqlite").write_bytes(b"no database at all, and longer than a header" * 100)
    with pytest.raises(UsageError, match="journal.sqlite: .*--fresh"):
        run(otter_zip("words"), quick_and_slow, out)
