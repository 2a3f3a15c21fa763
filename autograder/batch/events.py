"""What a running batch tells whoever watches it."""

from dataclasses import dataclass

from autograder.results import SubmissionResult

__all__ = ["Chosen", "Event", "Finished", "Planned", "Started"]


@dataclass(frozen=True)
class Chosen:
    """Where the students' code computes, and why there."""

    device: str


@dataclass(frozen=True)
class Planned:
    """Sent once, before any work: how many submissions there are and how many of them are done already."""

    total: int
    done: int = 0


@dataclass(frozen=True)
class Started:
    """A worker took up this submission."""

    name: str


@dataclass(frozen=True)
class Finished:
    """A submission has its result."""

    result: SubmissionResult


Event = Chosen | Planned | Started | Finished
