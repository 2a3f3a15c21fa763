"""Local workers: what a busy machine may have timed out is tried alone, and Ctrl-C ends a batch in order."""

import pytest

from autograder.batch import local
from autograder.evaluate import Graded, Work
from autograder.results import SubmissionResult


class FakePool:
    """Grades at once; ``slow`` is starved whenever another submission is in work beside it."""

    def __init__(self, source, workers) -> None:
        self._workers, self._given = len(workers), []

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass

    @property
    def busy(self) -> bool:
        return bool(self._given)

    def give(self, waiting, on_start) -> None:
        while waiting and len(self._given) < self._workers:
            self._given.append(waiting.take())
            on_start(self._given[-1].name)

    def collect(self, patience_s):
        given, self._given = self._given, []
        for work in given:
            starved = work.name == "slow" and len(given) > 1 or work.name == "sleeps"
            status = "timeout" if starved else "graded"
            yield work, Graded(SubmissionResult(submission=work.name, status=status, score=0, max_score=1), starved=starved)


@pytest.fixture
def grade(monkeypatch):
    monkeypatch.setattr(local, "_Pool", FakePool)

    def function(names: list[str], workers: int):
        started = []
        works = [Work(name, "a.py", b"", "salt") for name in names]
        found = [(w.name, g.result.status) for w, g in local.grade_all(works, None, workers, 10, started.append)]
        return found, started

    return function


def test_a_starved_submission_is_graded_alone_at_the_end(grade):
    """Its second result counts, and there is one result a submission."""
    found, started = grade(["slow", "a", "b", "c"], 2)
    assert sorted(found) == [("a", "graded"), ("b", "graded"), ("c", "graded"), ("slow", "graded")]
    assert started == ["slow", "a", "b", "c", "slow"]


def test_what_times_out_alone_has_timed_out(grade):
    """Code that sleeps is tried twice and no more."""
    found, started = grade(["sleeps", "slow", "a"], 3)
    assert dict(found) == {"sleeps": "timeout", "slow": "graded", "a": "graded"}
    assert started == ["sleeps", "slow", "a", "sleeps", "slow"]


def test_a_single_worker_tries_once(grade):
    """Nothing of ours runs beside it."""
    assert grade(["sleeps", "a"], 1) == ([("sleeps", "timeout"), ("a", "graded")], ["sleeps", "a"])


def test_after_the_first_ctrl_c_nothing_new_is_taken_up(monkeypatch):
    """What is in work is finished."""
    monkeypatch.setattr(local, "_Pool", FakePool)
    started = []
    works = [Work(name, "a.py", b"", "salt") for name in "abcde"]
    found = list(local.grade_all(works, None, 2, 10, started.append, lambda: len(started) >= 4))
    assert [work.name for work, _ in found] == started == ["a", "b", "c", "d"]
