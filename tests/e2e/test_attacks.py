"""The published attacks change no mark, read no secret, break nothing and leave nothing behind.

The runner of ``autograder validate --attacks`` grades them, see :mod:`autograder.attacks`. A sample of every class runs
always, without those that are there to use up their time; AUTOGRADER_ALL=1 runs all.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import pytest
from conftest import ROOT

from autograder import attacks
from autograder.attacks import Arena, Attack
from autograder.config import load_course

COURSE = load_course(ROOT)
SUITE, HONEST = attacks.read(COURSE)
CLASSES = {
    "comparisons", "grader internals", "objects", "protocol", "secrets", "network", "processes", "ends", "floods", "files", "state", "rules",
}  # fmt: skip
HEAD = {"class": "comparisons", "honest": "poor", "questions": "q8", "expect": "score <= honest; status graded", "in kernel": "-"}
RIGHT = "def accuracy(y_hat, t):\n    return float((y_hat.argmax(1) == t.argmax(1)).mean())\n"


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    """A template, baits and a neighbour for all attacks of this process."""
    with Arena(COURSE, HONEST) as found:
        yield found


def chosen() -> list[Attack]:
    """All attacks, or three of each class that end by themselves."""
    if os.environ.get("AUTOGRADER_ALL"):
        return SUITE
    by_class = defaultdict(list)
    for attack in SUITE:
        if "timeout" not in attack.head["expect"]:
            by_class[attack.head["class"]].append(attack)
    return [attack for of_class in by_class.values() for attack in of_class[:3]]


@pytest.mark.parametrize("attack", chosen(), ids=lambda attack: attack.name)
def test_an_attack_comes_to_nothing(arena, attack):
    """No mark, no secret, no bait, no neighbour, no process left, in time."""
    assert arena.run(attack).problems == ()


def test_every_class_of_attack_is_there():
    """At least forty, of every class, after every kind of prey."""
    assert len(SUITE) >= 40
    assert {a.head["class"] for a in SUITE} == CLASSES
    assert {a.head["probe"] for a in SUITE} == set(attacks.PROBES)


def test_every_attack_stands_in_the_table():
    """SECURITY.md says of each what it tries and what comes of it."""
    table = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert [a.name for a in SUITE if f"| {a.name} |" not in table] == []


# What would have to happen for the runner to call an attack a success.
SUCCESSES = {
    "marks": (RIGHT, "more marks than the honest answers in q8"),
    "a secret that is printed": ("print(bait['mark'].replace('bait', 'FOUND'))", "found what is hidden"),
    "words in the feedback": (
        "def accuracy(y_hat, t):\n    raise ValueError\n",
        "hidden inputs in the student's feedback",
    ),
    "another end": ("import os\nos._exit(0)", "status crashed; expected graded"),
}


@pytest.mark.parametrize("success", SUCCESSES)
def test_a_success_is_noticed(arena, success, monkeypatch):
    """The runner would see what it is there to see."""
    cell, problem = SUCCESSES[success]
    if success == "words in the feedback":
        monkeypatch.setattr("autograder.cases._within", lambda _: " LEAK")
    outcome = arena.run(Attack("probe", HEAD | {"probe": "marks"}, "", f"# %%\n{cell}"))
    assert outcome.problems == (problem,)


def test_touched_baits_are_noticed(arena, monkeypatch):
    """A secret in the outputs, a written file, a visited socket and a stopped process count against any attack."""
    graded = arena._grade

    def helpful(plan, work):
        result = graded(plan, work)
        if work.name == "probe":
            bait = arena._baits
            bait._file.write_text("changed")
            bait._listeners["udp"].sendto(b"x", bait._listeners["udp"].getsockname())
            told = replace(result.result, detail=bait.secret)
            return replace(result, result=told)
        return result

    monkeypatch.setattr(arena, "_grade", helpful)
    outcome = arena.run(Attack("probe", HEAD | {"probe": "marks"}, "", "# %%\npass"))
    arena._baits._file.write_text("untouched")
    arena._baits.touched()
    assert outcome.problems == ("read the secret", "reached the udp socket", "changed a file outside its scratch folder")
