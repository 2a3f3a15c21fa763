"""Charts as SVG text that takes its colours from the page around it, so it follows light and dark."""

from markupsafe import Markup, escape

__all__ = ["histogram"]

WIDTH, HEIGHT = 560, 330  # user units; the page scales them
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 28, 36
GAP = 6  # between bars


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
