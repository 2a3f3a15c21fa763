"""HTML pages as pure functions of the results: each one self-contained, without a network request.

Text from students and tests is escaped by Jinja; the only markup made by hand is in `text.inline` and
`charts`.
"""

import base64
from dataclasses import replace
from functools import cache
from hashlib import sha256
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from autograder.report import text
from autograder.report.charts import histogram
from autograder.report.summary import summarise
from autograder.results import BatchResult, SubmissionResult, points

__all__ = ["class_page", "instructor_page", "student_page"]


def student_page(batch: BatchResult, submission: SubmissionResult) -> str:
    """The page for the student: marks, messages, explanations; details are cut out before rendering."""
    return _page("submission.html.j2", batch, submission=_without_details(submission), for_instructor=False)


def instructor_page(batch: BatchResult, submission: SubmissionResult) -> str:
    """The same page with what only an instructor may see: details, times, ways back to the class."""
    return _page("submission.html.j2", batch, submission=submission, for_instructor=True)


def class_page(batch: BatchResult) -> str:
    """The report on the whole class."""
    summary = summarise(batch)
    words = f"Scores of {summary.graded} submissions in ten steps from 0 to {points(batch.max_score)} points"
    chart = histogram(summary.histogram, batch.max_score, words)
    script, _, _ = _environment().loader.get_source(_environment(), "sort.js")
    return _page(
        "class.html.j2",
        batch,
        summary=summary,
        chart=chart,
        script=Markup(script),
        script_hash=_csp_hash(script),
    )


def _page(template: str, batch: BatchResult, **context: object) -> str:
    return _environment().get_template(template).render(batch=batch, **context)


def _without_details(submission: SubmissionResult) -> SubmissionResult:
    questions = {
        q: replace(question, tests=tuple(replace(test, detail="") for test in question.tests))
        for q, question in submission.questions.items()
    }
    return replace(submission, questions=questions, detail="")


def _csp_hash(script: str) -> str:
    """The hash that lets a page's content security policy run this one script and no other."""
    return f"sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("autograder.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "inline": text.inline,
        "label": text.label,
        "points": points,
        "file": lambda name: quote(text.safe_name(name)),
        "path": quote,
        "share": lambda result: (
            100 * min(max(result.score / result.max_score, 0), 1) if result.max_score else 0
        ),
        "status_message": text.status_message,
        "visible": text.visible,
    }
    environment.globals |= {"STATUS_WORDS": text.STATUS_WORDS, "VERDICT_WORDS": text.VERDICT_WORDS}
    return environment
