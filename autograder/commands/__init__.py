"""The commands of `autograder`, registered with one app; `--help` lists them in this order."""

from autograder.commands import course, grading, results
from autograder.commands.shared import app

__all__ = ["app", "course", "grading", "results"]
