"""How many workers a deadline takes: a queue simulated with the durations that were measured.

Submissions arrive ever faster until hand-in closes, at a rate that grows as exp(t/τ); τ is such that half of them
arrive within the last ``rush_s``. They wait in one queue for the first free worker. A grading takes as long as one of
the measured ones, drawn at random; with a small probability its worker is lost half way and it is queued again.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autograder.errors import UsageError

__all__ = ["Load", "Outcome", "arrivals", "draw", "parse_duration", "simulate", "workers_needed"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST_WORKERS = 1_000_000


@dataclass(frozen=True)
class Load:
    """What comes in, and how soon results are due.

    window_s: from the first hand-in to the last; rush_s: the last part of it, in which half of them come;
    due_s: after hand-in closes; lost: share of gradings whose worker is lost; start_s: until a worker is warm.
    """

    submissions: int
    due_s: float
    window_s: float = 86_400.0
    rush_s: float = 7_200.0
    lost: float = 0.01
    start_s: float = 10.0


@dataclass(frozen=True)
class Outcome:
    """One simulated rush; times in seconds, those of arrival and end from the opening of hand-in."""

    workers: int
    arrived: np.ndarray
    waited: np.ndarray  # until a worker took it up for the last time
    ended: np.ndarray
    busy_s: float  # of all workers together

    @property
    def last_s(self) -> float:
        """From the close of hand-in to the last result; negative where that came earlier."""
        return float(self.ended.max() - self.arrived.max())

    def wait_quantiles(self, *shares: float) -> list[float]:
        """Waiting times that these shares of the submissions do not exceed."""
        return [float(q) for q in np.quantile(self.waited, shares)]

    @property
    def utilisation(self) -> float:
        """Share of the workers' time that is spent grading."""
        return self.busy_s / (self.workers * float(self.ended.max()))


def arrivals(load: Load, rng: np.random.Generator) -> np.ndarray:
    """Sorted times (n,) of hand-in: the last one is at ``window_s``.

    The share that has arrived by t is F(t) = (exp(t/τ) - 1)/(exp(W/τ) - 1), inverted at uniform draws.
    """
    tau, window = _tau(load), load.window_s
    u = rng.uniform(size=load.submissions)
    # log(1 + u·(exp(W/τ) - 1))·τ, written so that exp does not overflow
    times = window + tau * np.log(u + (1 - u) * math.exp(-window / tau)) if math.isfinite(tau) else u * window
    times = np.sort(times)
    times[-1] = window
    return times


def _tau(load: Load) -> float:
    """τ with half of all in the last ``rush_s``; infinite (even arrivals) where the rush is half of the window."""
    rush, window = load.rush_s, load.window_s
    if rush >= window / 2:
        return math.inf
    low, high = rush / 100, window * 1e4
    for _ in range(200):  # the share before the rush falls as τ falls
        middle = math.sqrt(low * high)
        before = (math.exp(-rush / middle) - math.exp(-window / middle)) / -math.expm1(-window / middle)
        low, high = (middle, high) if before < 0.5 else (low, middle)
    return high


def simulate(load: Load, durations: np.ndarray, workers: int, seed: int = 0) -> Outcome:
    """One rush on ``workers`` workers; durations: measured seconds (m,), one grading each."""
    rng = np.random.default_rng(seed)
    arrived = arrivals(load, rng)
    seconds = rng.choice(durations, size=load.submissions)
    lost = rng.uniform(size=load.submissions) < load.lost
    free = [load.start_s] * workers
    waited, ended = np.zeros(load.submissions), np.zeros(load.submissions)
    again: deque[tuple[float, int]] = deque()  # (time, index) of what a lost worker gave back
    busy = 0.0
    position = 0
    while position < load.submissions or again:
        if again and (position == load.submissions or again[0][0] <= max(free[0], arrived[position])):
            asked, index = again.popleft()
        else:
            asked, index = arrived[position], position
            position += 1
        start = max(asked, free[0])
        waited[index] = start - asked
        took = seconds[index]
        if lost[index]:
            lost[index], took = False, took / 2
            again.append((start + took, index))
            heapq.heapreplace(free, start + took + load.start_s)
        else:
            ended[index] = start + took
            heapq.heapreplace(free, start + took)
        busy += took
    return Outcome(workers, arrived, waited, ended, busy)


def workers_needed(load: Load, durations: np.ndarray, seed: int = 0) -> Outcome:
    """The outcome with the fewest workers whose last result is there by ``due_s``; raises ``UsageError`` if none is."""
    low, high = 0, 1
    while simulate(load, durations, high, seed).last_s > load.due_s:
        low, high = high, high * 2
        if high > min(_MOST_WORKERS, 2 * load.submissions):
            raise UsageError(
                f"no number of workers has all results within {load.due_s:g} s: one grading takes up to {durations.max():.0f} s"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if simulate(load, durations, middle, seed).last_s <= load.due_s else (middle, high)
    return simulate(load, durations, high, seed)


def parse_duration(text: str) -> float:
    """Seconds of "90s", "30m", "2h" or "1.5d"; raises ``UsageError`` for anything else."""
    number, unit = text.strip()[:-1], text.strip()[-1:]
    try:
        seconds = float(number) * _UNITS[unit]
    except (KeyError, ValueError):
        raise UsageError(f"{text!r}: expected a duration such as 90s, 30m, 2h or 1d") from None
    if not 0 < seconds < math.inf:
        raise UsageError(f"{text!r}: expected a duration above 0")
    return seconds


def draw(outcome: Outcome, load: Load, path: Path) -> None:
    """A picture: how many have been handed in and graded, and how long the queue is, around the close of hand-in."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    begin = load.window_s - 2 * load.rush_s
    times = np.linspace(max(0.0, begin), float(outcome.ended.max()) + load.rush_s / 20, 600)
    handed_in = np.searchsorted(outcome.arrived, times, side="right")
    graded = np.searchsorted(np.sort(outcome.ended), times, side="right")
    taken_up = np.searchsorted(np.sort(outcome.arrived + outcome.waited), times, side="right")
    hours = (times - load.window_s) / 3600
    above.plot(hours, handed_in, label="handed in")
    above.plot(hours, graded, label="graded")
    above.set(ylabel="submissions", title=f"{load.submissions:,} submissions, {outcome.workers} workers")
    above.legend()
    below.fill_between(hours, handed_in - taken_up, alpha=0.5)
    below.set(xlabel="hours after hand-in closes", ylabel="waiting")
    for axis in (above, below):
        axis.axvline(0, color="grey", linestyle=":")
        axis.axvline(load.due_s / 3600, color="tab:red", linestyle=":")
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
