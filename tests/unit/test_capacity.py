"""The simulated queue against queueing theory, and what it says of a deadline."""

import math

import numpy as np
import pytest

from autograder.batch.capacity import Load, arrivals, draw, parse_duration, simulate, workers_needed
from autograder.errors import UsageError


def erlang_c(workers: int, offered: float) -> float:
    """Probability that an arrival has to wait in a queue M/M/c (Erlang 1917)."""
    terms = [offered**k / math.factorial(k) for k in range(workers)]
    last = offered**workers / math.factorial(workers) * workers / (workers - offered)
    return last / (sum(terms) + last)


@pytest.mark.parametrize(("workers", "offered"), [(1, 0.5), (3, 2.0), (8, 6.0)])
def test_even_arrivals_wait_as_erlang_says(workers, offered):
    """Mean wait C(c, a)/(c·μ - λ), with exponential gradings of one second and arrivals spread evenly."""
    count = 100_000
    load = Load(count, due_s=1e9, window_s=count / offered, rush_s=count / offered / 2, lost=0.0, start_s=0.0)
    durations = np.random.default_rng(1).exponential(1.0, 200_000)
    outcomes = [simulate(load, durations, workers, seed) for seed in range(6)]
    expected = erlang_c(workers, offered) / (workers - offered)
    assert np.mean([o.waited.mean() for o in outcomes]) == pytest.approx(expected, rel=0.05)
    assert outcomes[0].utilisation == pytest.approx(offered / workers, rel=0.02)


def test_half_of_all_arrive_in_the_rush():
    load = Load(50_000, due_s=3600, window_s=86_400, rush_s=3600)
    times = arrivals(load, np.random.default_rng(0))
    assert np.all(np.diff(times) >= 0) and times[0] >= 0 and times[-1] == 86_400
    assert np.mean(times > 86_400 - 3600) == pytest.approx(0.5, abs=0.01)


def test_work_is_conserved():
    """Every grading is done once, and once more half a time for each worker that is lost."""
    load = Load(1000, due_s=3600, window_s=600, rush_s=60, lost=0.2)
    outcome = simulate(load, np.array([2.0]), 7)
    again = outcome.busy_s / 2.0 - 1000
    assert 0.5 * 0.15 * 1000 < again < 0.5 * 0.25 * 1000
    assert np.all(outcome.ended >= outcome.arrived + 2.0 - 1e-9)


def test_the_fewest_workers_that_do():
    """One less would be late."""
    load = Load(3000, due_s=600, window_s=7200, rush_s=600)
    durations = np.array([1.0, 2.0, 9.0])
    outcome = workers_needed(load, durations)
    assert outcome.last_s <= 600
    assert outcome.workers > 1
    assert simulate(load, durations, outcome.workers - 1).last_s > 600


def test_what_cannot_be_done_is_said():
    with pytest.raises(UsageError, match="one grading takes up to 50 s"):
        workers_needed(Load(20, due_s=10, window_s=60, rush_s=10), np.array([50.0]))


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5d", 129_600)])
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2 hours", "-1h", "0s", "nanh"])
def test_other_durations_are_one_line(text):
    with pytest.raises(UsageError, match="duration"):
        parse_duration(text)


def test_the_picture_is_a_file(tmp_path):
    load = Load(300, due_s=600, window_s=3600, rush_s=300)
    draw(simulate(load, np.array([2.0]), 3), load, tmp_path / "plan.png")
    assert (tmp_path / "plan.png").stat().st_size > 5000
