"""Words for people, made from names and messages that nobody has checked."""

import re
import unicodedata
from hashlib import sha256

from markupsafe import Markup, escape

from autograder.results import SubmissionResult, TestResult

__all__ = [
    "STATUS_WORDS",
    "VERDICT_WORDS",
    "feedback",
    "inline",
    "label",
    "safe_name",
    "status_message",
    "visible",
]

STATUS_WORDS = {
    "graded": "Graded",
    "timeout": "Out of time",
    "memory": "Out of memory",
    "crashed": "Stopped early",
    "unreadable": "Not readable",
    "grader_error": "Not finished",
}
VERDICT_WORDS = {
    "passed": "Passed",
    "failed": "To look at",
    "skipped": "Not run",
    "grader_error": "Not graded",
}

STATUS_MESSAGES = {
    "graded": "",
    "timeout": "The notebook used up its time. All marks earned until then are kept.",
    "memory": "The notebook used up its memory. All marks earned until then are kept.",
    "crashed": "The notebook's process ended early. All marks earned until then are kept.",
    "unreadable": "The file could not be read as a notebook.",
    "grader_error": "The grader itself failed, through no fault of yours. Your instructor will see to it.",
}

# Control characters but tab and newline; marks that reorder or hide text; halves of surrogate pairs.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    """The text with U+FFFD for every character that hides, reorders or drives a terminal."""
    return _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)


def inline(text: str) -> Markup:
    """Escaped text in which `code` between backticks is marked up as code."""
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(visible(text)))))


def label(name: str) -> str:
    """A Python name as words: l2_gradient_without_factor_two -> l2 gradient without factor two."""
    return visible(name).replace("_", " ").strip()


def status_message(submission: SubmissionResult) -> str:
    """What a student is told about the end of the whole submission; empty when there is nothing to tell."""
    return submission.message or STATUS_MESSAGES[submission.status]


def feedback(test: TestResult) -> str:
    """All a student is told about one test, as plain text; never its `detail`."""
    slip = f"Looks like: {label(test.misconception)}." if test.misconception else ""
    slip = f"{slip} {test.explanation}".strip()
    note = f"({test.note})" if test.note else ""
    return visible("\n".join(part for part in (test.message, slip, test.finding, note) if part))


def safe_name(name: str) -> str:
    """A file name for a submission: letters, digits, `.`, `_`, `-`; different names never share one.

    A plain lower-case name stays as it is. Any other gets a hash behind a `~`, which no plain name contains:
    `Ada.ipynb` and `ada.ipynb` stay apart even on file systems that ignore case.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")[:80]
    if plain and plain == name == plain.lower():
        return plain
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{plain or 'submission'}~{digest}"
