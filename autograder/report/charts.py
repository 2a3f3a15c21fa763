"""Charts as SVG text that takes its colours from the page around it, so it follows light and dark."""

import math
from itertools import groupby
from urllib.parse import quote

from markupsafe import Markup, escape

from autograder.report.text import STATUS_WORDS, safe_name, visible
from autograder.results import BatchResult, QuestionResult, SubmissionResult, points

__all__ = ["heat_map", "heat_step", "histogram"]

WIDTH, HEIGHT = 560, 330  # user units; the page scales them
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 28, 36
GAP = 6  # between bars
ROW = 20  # height of a question in the heat map
LEVELS = 4  # shades between no marks and full marks
MAX_COLUMNS = 600  # of the heat map; of a larger class it shows every second submission, or third, …


def histogram(counts: tuple[int, ...], max_score: float, description: str) -> Markup:
    """Bars of how many submissions fall into equal parts of the marks, with numbers above and marks below."""
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step, tallest, base = plot_width / len(counts), max(*counts, 1), HEIGHT - BOTTOM
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="histogram-title">',
        f'<title id="histogram-title">{escape(description)}</title>',
        f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>',
    ]
    for i, count in enumerate(counts):
        left, height = LEFT + i * step, plot_height * count / tallest
        if count:
            parts.append(_column(left + GAP / 2, base - height, step - GAP, height))
            parts.append(_text(left + step / 2, base - height - 8, str(count), "count"))
    for i in range(0, len(counts) + 1, 2):  # every other label, so that they stay apart on a phone
        anchor = "start" if i == 0 else "end" if i == len(counts) else "middle"
        parts.append(_text(LEFT + i * step, base + 24, f"{max_score * i / len(counts):.3g}", "tick", anchor))
    return Markup("".join([*parts, "</svg>"]))


def _column(x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="column" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="4"/>'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def heat_step(batch: BatchResult) -> int:
    """How many submissions the heat map has one column for."""
    return max(1, math.ceil(len(batch.submissions) / MAX_COLUMNS))


def heat_map(batch: BatchResult) -> Markup:
    """Questions by submissions, the best submission first; a column leads to its page and names its marks.

    Each run of equal cells is one rectangle. It is drawn for the eye alone: the table has the same numbers.
    """
    ranked = sorted(batch.submissions, key=lambda s: (-s.score, s.submission))[:: heat_step(batch)]
    rows, columns = len(batch.questions), len(ranked)
    box = f'viewBox="0 0 {columns} {rows * ROW}" preserveAspectRatio="none"'
    size = f"height: {rows * ROW / 16}rem; max-width: {2.2 * columns:.1f}rem"
    parts = [f'<svg class="heat" {box} aria-hidden="true" focusable="false" style="{size}">']
    for y, q in enumerate(batch.questions):
        x = 0
        for level, run in groupby(_level(s.questions.get(q)) for s in ranked):
            width = len(list(run))
            parts.append(f'<rect class="{level}" x="{x}" y="{y * ROW}" width="{width}" height="{ROW - 1}"/>')
            x += width
    parts += [_column_of(s, x, rows * ROW) for x, s in enumerate(ranked)]
    return Markup("".join([*parts, "</svg>"]))


def _level(result: QuestionResult | None) -> str:
    """Class of a cell: m0 no marks … m4 full marks, and "gap" where there are none to have."""
    if result is None:
        return "gap"
    if result.passed:
        return f"m{LEVELS}"
    share = result.score / result.max_score if result.max_score else 0.0
    return f"m{max(0, min(round(share * LEVELS), LEVELS - 1)) if share > 0 else 0}"


def _column_of(s: SubmissionResult, x: int, height: int) -> str:
    marks = "  ".join(f"{q} {points(r.score)}/{points(r.max_score)}" for q, r in s.questions.items())
    words = f"{s.submission}: {points(s.score)} of {points(s.max_score)} ({STATUS_WORDS[s.status].lower()})\n{marks}"
    target = f"instructor/{quote(safe_name(s.submission))}.html"
    return (
        f'<a href="{target}" tabindex="-1"><title>{escape(visible(words))}</title>'
        f'<rect class="hit" x="{x}" y="0" width="1" height="{height}"/></a>'
    )
