"""The errors that this package raises on purpose.

AutograderError
├── UsageError          exit 2   the command, a path or a file of the course is wrong
│   └── ConfigError              grading.yml says something it may not say
└── GraderFault         exit 3   the grader itself failed; no student is to blame, no mark is lost

A message is one line that says what was expected, what was found and what to do next. A student's mistake is
never an exception here: it is a `TestResult` (see `autograder.results`).
"""

__all__ = ["AutograderError", "ConfigError", "GraderFault", "UsageError"]


class AutograderError(Exception):
    """Base of all errors of this package; `exit_code` is what the command line ends with."""

    exit_code = 3


class UsageError(AutograderError):
    """Something the caller can put right: a name, a path, an option, a file of the course."""

    exit_code = 2


class ConfigError(UsageError):
    """A mistake in `grading.yml`; the message starts with the file and the path of the key."""


class GraderFault(AutograderError):
    """The grader broke; the submission is retried, then reported as `grader_error`."""

    exit_code = 3
