"""The command `autograder`: results on stdout, progress and errors on stderr.

Exit codes: 0 done, 1 something graded or validated is not right (`grade`: only with --strict), 2 the command
or the course is wrong, 3 the grader itself failed. What a command needs is imported inside it, so `--help`
and `list` take no time for TensorFlow.
"""

import os

from autograder.commands import app

__all__ = ["app", "main"]


def main() -> None:
    """Entry point of the command `autograder`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported: errors alone
    app()
