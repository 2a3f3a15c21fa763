"""Which files are submissions, and what they are called."""

import os

import pytest

from autograder.batch.collect import collect
from autograder.errors import UsageError


@pytest.fixture
def lay(tmp_path):
    """A function: make empty files below a fresh folder and return the folder."""

    def make(*names: str):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def names(*paths) -> list[str]:
    return [submission.name for submission in collect(paths)]


def test_a_folder_gives_its_submissions_sorted(lay):
    """Notebooks, scripts and zips, whatever the case of the suffix; other files are no submissions."""
    assert names(lay("b.py", "a.ipynb", "c.ZIP", "notes.txt", "data.csv")) == ["a.ipynb", "b.py", "c.ZIP"]


def test_a_folder_per_student_names_the_student(lay):
    """Every student's file is called notebook.ipynb; the folder tells them apart."""
    assert names(lay("bob/nb.ipynb", "ada/nb.ipynb", "ada/more/nb.ipynb")) == [
        "ada/more/nb.ipynb", "ada/nb.ipynb", "bob/nb.ipynb",
    ]  # fmt: skip


def test_what_tools_and_the_student_zip_leave_is_no_submission(lay):
    """Hidden files, checkpoints, caches, and the kit and public tests beside a notebook."""
    folder = lay(
        ".hidden.py", "._a.ipynb", ".git/x.py", ".ipynb_checkpoints/a.ipynb", "__MACOSX/a.ipynb",
        "__pycache__/a.py", "ada/nb.ipynb", "ada/kit/data.py", "ada/tests/q1.py", "tests/bob.py",
    )  # fmt: skip
    assert names(folder) == ["ada/nb.ipynb", "tests/bob.py"]


def test_equal_names_from_several_paths_are_told_apart(lay):
    """Two folders of one course each with ada.ipynb: parents come in front, only where they are needed."""
    folder = lay("monday/ada.ipynb", "friday/ada.ipynb", "friday/bob.ipynb")
    assert names(folder / "monday", folder / "friday") == [
        "bob.ipynb",
        "friday/ada.ipynb",
        "monday/ada.ipynb",
    ]


def test_a_file_given_twice_is_graded_once(lay):
    """By its name, by its folder, or through a link."""
    folder = lay("ada.ipynb")
    (folder / "link.ipynb").symlink_to(folder / "ada.ipynb")
    assert len(collect([folder, folder / "ada.ipynb", folder])) == 1


def test_links_that_lead_out_of_the_folder_are_left_out(lay):
    """A handed-in link must not make the grader read an instructor's file."""
    folder = lay("class/ada.ipynb", "secret.py")
    (folder / "class" / "evil.py").symlink_to(folder / "secret.py")
    (folder / "class" / "out").symlink_to(folder)
    (folder / "class" / "gone.py").symlink_to(folder / "nowhere.py")
    assert names(folder / "class") == ["ada.ipynb"]


def test_names_that_are_no_utf8_stay_apart(lay):
    """Bytes from an old file system become U+FFFD, and a hash where that makes two names equal."""
    folder = lay("ok.py")
    for byte in (b"\xfe", b"\xff"):
        open(os.path.join(os.fsencode(folder), b"a" + byte + b".py"), "w").close()
    found = names(folder)
    assert len(set(found)) == 3
    assert all(name.encode("utf-8") for name in found)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "no such file or folder"),
        ("empty", r"no submission in this folder; expected \.ipynb, \.py or \.zip files"),
        ("notes.txt", r"not a submission; expected \.ipynb, \.py or \.zip, or a folder of them"),
        ("pipe.py", "not a submission"),
    ],
)
def test_what_is_no_submission_is_one_clear_line(lay, path, message):
    """The path, what is wrong with it, what was expected."""
    folder = lay("notes.txt", "empty/readme.md")
    os.mkfifo(folder / "pipe.py")
    with pytest.raises(UsageError, match=message) as caught:
        collect([folder / path])
    assert str(folder / path) in str(caught.value)
