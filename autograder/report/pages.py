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
from autograder.report.charts import heat_map, heat_step, histogram
from autograder.report.items import MIN_SUBMISSIONS, POOR
from autograder.report.notebooks import NOTHING, Executed
from autograder.report.similar import Likeness
from autograder.report.summary import summarise
from autograder.results import BatchResult, SubmissionResult, points

__all__ = ["class_page", "instructor_page", "student_page"]


EXAMPLES = 6  # links to submissions that show a misconception; the rest is behind a click


def student_page(batch: BatchResult, submission: SubmissionResult, executed: Executed = NOTHING) -> str:
    """The page for the student: marks, messages, own pictures; what is not theirs is cut out before rendering."""
    return _page(
        "submission.html.j2", batch, submission=_for_student(submission), executed=executed, for_instructor=False
    )


def instructor_page(batch: BatchResult, submission: SubmissionResult, executed: Executed = NOTHING) -> str:
    """The same page with what only an instructor may see: details, times, reasons, ways back to the class."""
    return _page("submission.html.j2", batch, submission=submission, executed=executed, for_instructor=True)


def class_page(batch: BatchResult, likeness: Likeness | None = None) -> str:
    """The report on the whole class. likeness: groups of near-identical code, None where nobody looked."""
    summary = summarise(batch, likeness)
    words = f"Scores of {summary.graded} submissions in ten steps from 0 to {points(batch.max_score)} points"
    script, _, _ = _environment().loader.get_source(_environment(), "tables.js")
    return _page(
        "class.html.j2",
        batch,
        summary=summary,
        likeness=likeness,
        by_name={s.submission: s for s in batch.submissions},
        chart=histogram(summary.histogram, batch.max_score, words),
        heat=heat_map(batch),
        heat_step=heat_step(batch),
        min_submissions=MIN_SUBMISSIONS,
        poor=POOR,
        examples=EXAMPLES,
        script=Markup(script),
        script_hash=_csp_hash(script),
    )


def _page(template: str, batch: BatchResult, **context: object) -> str:
    return _environment().get_template(template).render(batch=batch, **context)


def _for_student(submission: SubmissionResult) -> SubmissionResult:
    """Without details, and without why and by whom a mark was set."""
    questions = {
        q: replace(
            question,
            tests=tuple(replace(test, detail="") for test in question.tests),
            override=question.override and replace(question.override, reason="", author=""),
        )
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
