"""Grading of many submissions at once."""

from autograder.batch.run import grade

__all__ = ["grade"]
