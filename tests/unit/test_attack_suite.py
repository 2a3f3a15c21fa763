"""The form of an attack, and the baits: both say what is wrong, and notice what was touched."""

import ast
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder import attacks
from autograder.baits import Baits
from autograder.config import read_course
from autograder.errors import ConfigError

GRADING = "course: c\nassignments: {a: {title: A, reference: r, questions: {q1: {points: 1}}}}\n"
HEAD = {"class": "files", "honest": "poor", "probe": "marks", "expect": "score == honest; status graded, crashed", "in kernel": "full marks"}
BODY = "\n# %% [markdown]\n# What it tries,\n# and why.\n\n# %%\nx = 1\n"


@pytest.fixture
def course(tmp_path):
    """A course with one honest notebook."""
    (tmp_path / "grading.yml").write_text(GRADING)
    found = read_course(tmp_path)
    found.attacks.mkdir(parents=True)
    (found.attacks / "honest_poor.py").write_text("# assignment: a\n# questions: q1\n\n# %%\nhonest = 1\n")
    return found


def publish(course, head: dict[str, str], body: str = BODY) -> None:
    lines = "".join(f"# {key}: {value}\n" for key, value in head.items())
    (course.attacks / "it.py").write_text(lines + body)


def test_an_attack_is_a_head_a_paragraph_and_cells(course):
    """The notebook to grade is the honest one, then the attack."""
    publish(course, HEAD)
    (attack,), honest = attacks.read(course)
    assert attack.summary == "What it tries, and why."
    assert attack.expected == (True, {"graded", "crashed"})
    assert (honest["poor"].assignment, honest["poor"].questions) == ("a", ("q1",))
    name, data = attack.file(honest["poor"].notebook)
    assert name == "it.py"
    assert data.decode().startswith("# %%\nhonest = 1\n")
    assert data.decode().endswith("# %%\nx = 1\n")


def test_a_generator_makes_the_file(course):
    """What is no text is made from the notebook when it is needed."""
    publish(course, HEAD | {"makes": "it.zip"}, '\n"""What it tries."""\n\n\ndef content(notebook):\n    return notebook.encode()[::-1]\n')
    (attack,), _ = attacks.read(course)
    assert attack.summary == "What it tries."
    assert attack.file("abc") == ("it.zip", b"cba")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expect": None}, "no line '# expect: …'"),
        ({"honest": "rich"}, "no honest_rich.py"),
        ({"probe": "luck"}, "probe 'luck'; expected one of marks, secret"),
        ({"expect": "no gain"}, "expect 'no gain'; expected 'score <= honest; status …'"),
        ({"expect": "score <= honest; status fine"}, "status 'fine'"),
    ],
)
def test_a_mistake_in_the_head_is_named(course, change, words):
    """A head that says nothing useful would let an attack pass."""
    publish(course, {key: value for key, value in (HEAD | change).items() if value})
    with pytest.raises(ConfigError, match=f"attack it: {words}"):
        attacks.read(course)


@pytest.fixture
def baits() -> Iterator[Baits]:
    """Baits, untouched."""
    with Baits() as found:
        assert found.touched() == []
        yield found


def addresses(baits: Baits) -> dict:
    return ast.literal_eval(baits.cell(1).removeprefix("bait = "))


def test_the_secret_is_at_hand_and_not_given_away(baits):
    """An attack has to read it where it lies."""
    bait = addresses(baits)
    assert baits.secret not in baits.cell(1)
    assert Path(bait["secret file"]).read_text() == os.environ[bait["secret variable"]] == baits.secret


@pytest.mark.parametrize("name", ["tcp", "path", "abstract", "udp"])
def test_a_visit_is_noticed_once(baits, name):
    """A connection, or a datagram, also from who has left again."""
    address = addresses(baits)[name]
    family = socket.AF_INET if name in ("tcp", "udp") else socket.AF_UNIX
    with socket.socket(family, socket.SOCK_DGRAM if name == "udp" else socket.SOCK_STREAM) as visitor:
        visitor.connect(f"\0{address}" if name == "abstract" else address)
        if name == "udp":
            visitor.send(b"x")
    assert baits.touched() == [f"reached the {name} socket"]
    assert baits.touched() == []


@pytest.mark.parametrize("name", ["open_to_all.txt", "new.txt", "secret.txt"])
def test_a_written_file_is_noticed(baits, name):
    """Whether it was there before or not."""
    (Path(addresses(baits)["folder"]) / name).write_text("changed")
    assert baits.touched() == ["changed a file outside its scratch folder"]
    assert baits.touched() == []


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_stopped_bystander_is_noticed(baits, number):
    """For a moment or for good."""
    os.kill(addresses(baits)["bystander"], number)
    time.sleep(0.2)
    assert baits.touched() == ["stopped another process"]


def test_nothing_is_left_of_the_baits():
    """Folder, variable and bystander go with the block."""
    with Baits() as baits:
        bait = addresses(baits)
    assert not Path(bait["folder"]).exists()
    assert bait["secret variable"] not in os.environ
    with pytest.raises(ProcessLookupError):
        os.kill(bait["bystander"], 0)
