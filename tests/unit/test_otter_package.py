"""Opening an autograder.zip that somebody else made."""

import json
import stat
import zipfile

import pytest

from autograder.errors import UsageError
from autograder.otterbridge import archive
from autograder.otterbridge.archive import write_zip
from autograder.otterbridge.package import open_package

TEST = 'OK_FORMAT = False\nname = "q1"\npoints = 1\n'


def test_doctest_format(otter_zip, tmp_path):
    """Tests, points and files of a zip in OK format."""
    package = open_package(otter_zip("weather"), tmp_path)
    assert package.name == "weather"
    assert [test.path.name for test in package.tests] == ["q1.py", "q2.py", "q3.py"]
    assert all(test.ok_format for test in package.tests)
    loaded = [test.load() for test in package.tests]
    assert [(test.name, test.possible, test.all_or_nothing) for test in loaded] == [
        ("q1", 2, False),
        ("q2", 3, False),
        ("q3", 2, True),
    ]
    assert [path.name for path in package.files.iterdir()] == ["readings.csv"]


def test_exception_format(otter_zip, tmp_path):
    """Seed and format of a zip in exception format."""
    package = open_package(otter_zip("words"), tmp_path)
    assert not any(test.ok_format for test in package.tests)
    assert (package.config.seed, package.config.seed_variable) == (7, "seed")
    assert package.files is None and package.not_supported == ()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, (3, 4)),
        ({"points_possible": 10}, (7.5, 10)),
        ({"score_threshold": 0.75}, (4, 4)),
        ({"score_threshold": 0.8, "points_possible": 10}, (0, 10)),
    ],
)
def test_final_score_follows_otter(tmp_path, config, expected):
    """`points_possible` scales, `score_threshold` makes it all or nothing."""
    write_zip(
        tmp_path / "a.zip", {"tests/q1.py": TEST.encode(), "otter_config.json": json.dumps(config).encode()}
    )
    assert open_package(tmp_path / "a.zip", tmp_path / "out").final_score(3, 4) == expected


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"readme": b""}, "found no tests"),
        ({"tests/q1.py": b"x ="}, "not valid Python"),
        ({"tests/q1.py": b"x = 1"}, "expected OK_FORMAT"),
        ({"tests/q1.py": TEST.encode(), "otter_config.json": b"{"}, "otter_config.json"),
        ({"tests/q1.py": TEST.encode(), "otter_config.json": b'{"lang": "r"}'}, "tests in Python"),
        ({"tests/q1.py": TEST.encode(), "../evil.py": b""}, "leads elsewhere"),
        ({"tests/q1.py": TEST.encode(), "/evil.py": b""}, "leads elsewhere"),
        ({"tests/q1.py": TEST.encode(), "c:\\evil.py": b""}, "leads elsewhere"),
        ({"tests/q1.py": TEST.encode(), "a/" * 20 + "b": b""}, "folders deep"),
    ],
)
def test_what_is_wrong_or_hostile_is_refused_in_one_line(tmp_path, contents, words):
    """Nothing is written outside the folder; the message says what was expected."""
    write_zip(tmp_path / "a.zip", contents)
    with pytest.raises(UsageError, match=words) as caught:
        open_package(tmp_path / "a.zip", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "evil.py").exists()


def test_links_bombs_and_duplicates_are_refused(tmp_path, monkeypatch):
    """A zip file is not trusted to be small or plain."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as zip_file:
        link = zipfile.ZipInfo("tests/q1.py")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        zip_file.writestr(link, "/etc/passwd")
    with pytest.raises(UsageError, match="not a plain file"):
        open_package(path, tmp_path / "out")
    with zipfile.ZipFile(path, "w") as zip_file:
        zip_file.writestr("tests/q1.py", TEST)
        with pytest.warns(UserWarning, match="Duplicate name"):
            zip_file.writestr("tests/q1.py", TEST)
    with pytest.raises(UsageError, match="there twice"):
        open_package(path, tmp_path / "out")
    monkeypatch.setattr(archive, "MAX_MIB", 1)
    write_zip(path, {"tests/q1.py": TEST.encode(), "zeros": bytes(2**21)})
    assert path.stat().st_size < 10_000
    with pytest.raises(UsageError, match="at most 1 MiB"):
        open_package(path, tmp_path / "out")


def test_a_test_file_that_does_not_load_is_named(tmp_path):
    """The error of an instructor's file is shown with the file's name."""
    write_zip(tmp_path / "a.zip", {"tests/q1.py": b"OK_FORMAT = False\nimport nothing_of_that_name\n"})
    (test,) = open_package(tmp_path / "a.zip", tmp_path / "out").tests
    with pytest.raises(UsageError, match=r"q1\.py: .*nothing_of_that_name"):
        test.load()
