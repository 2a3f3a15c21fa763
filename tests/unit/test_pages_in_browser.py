"""The pages in a real browser: quiet, alone, usable by keyboard, readable in light and dark, on a phone."""

import base64
import io
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from autograder import overrides, report
from autograder.overrides import Decision
from autograder.report.text import safe_name
from autograder.results import BatchResult, Change, QuestionResult, SubmissionResult, TestResult

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGES = ("report.html", "students/bob.py.html", "instructor/bob.py.html")
HOSTILE = '"><script>alert(1)</script>'
FOCUSABLE = "a[href]:not([tabindex='-1']), button, input, select, summary, [tabindex='0']"


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    """The system's Chromium; tests are skipped where there is none."""
    found = os.environ.get("AUTOGRADER_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed and AUTOGRADER_BROWSER is not set")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A folder of results that shows everything a report can: slips, twins, marks by hand, bad ends, pictures."""
    folder = tmp_path_factory.mktemp("results")
    batch = a_class(folder)
    decision = {"reason": "oral exam <b>", "author": "Grace", "time": "2026-01-02T03:04:05+00:00"}
    overrides.add(folder, Decision(submission="bob.py", question="q1", score=3.5, seen=1.0, **decision))
    report.write(batch, folder)
    return folder


def a_class(folder: Path) -> BatchResult:
    """Twelve students of several kinds; `bob.py` has a bit of everything."""
    names = ["ada.py", "bob.py", *(f"student {k}.ipynb" for k in range(9)), HOSTILE]
    submissions = [a_submission(name, k) for k, name in enumerate(names)]
    submissions[3] = replace(submissions[3], status="timeout")
    submissions[4] = SubmissionResult(
        submission=names[4], status="unreadable", score=0.0, max_score=8.0, message="No JSON, line 3."
    )
    (folder / "executed").mkdir()
    for k in (0, 1):
        (folder / f"executed/{k}.ipynb").write_text(a_notebook(), encoding="utf-8")
        submissions[k] = replace(submissions[k], executed=f"executed/{k}.ipynb")
    return BatchResult(
        assignment="a1",
        version="v1",
        title="Backprop",
        question_titles={"q1": "forward, backward", "q2": "train"},
        submissions=tuple(submissions),
        changes=(Change(submission="ada.py", question="q1", test="shape", before=0.0, after=1.0),),
    )


def a_submission(name: str, k: int) -> SubmissionResult:
    questions = {
        q: QuestionResult.of(a_test(f"property {j} of {q}", (k * 7 + j * 3 + int(q[1])) % 4 > j % 2) for j in range(4))
        for q in ("q1", "q2")
    }
    return SubmissionResult.of(name, questions, seconds=1.0 + k, notes=("Cell 3 raised `ValueError`.",))


def a_test(name: str, passed: bool) -> TestResult:
    more = {} if passed else {
        "message": "Look at what `reg` multiplies.",
        "misconception": "no_factor_two",
        "explanation": "A square's derivative carries a 2.",
        "finding": "`delta` (cell 3, line 4) is the first value that is NaN. The line: `delta = y / 0`",
        "detail": "got 1.5",
        "note": "graded with the reference standing in for q1",
    }  # fmt: skip
    return TestResult(
        name=name, status="passed" if passed else "failed", score=float(passed), max_score=1.0, **more
    )


def a_notebook() -> str:
    out = io.BytesIO()
    Image.new("RGB", (80, 60), "navy").save(out, format="PNG")
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": base64.b64encode(out.getvalue()).decode()}}
    code = "\n".join(f"x{k} = f(a[{k % 7}] * {k}, b @ c) - len(d) / {k + 3}" for k in range(60))
    return json.dumps({"cells": [{"cell_type": "code", "source": code, "outputs": [picture]}]})


@pytest.fixture
def opened(browser, results):
    """A function: path, colour scheme, width -> the page, and what it complained about or asked for."""
    contexts = []

    def open_page(path: str, scheme: str = "light", width: int = 1200):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, offline=True)
        contexts.append(context)
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if not request.url.startswith("data:") else None)
        address = (results / path).as_uri()
        page.goto(address)
        assert said.pop(0) == address
        return page, said

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("path", [*PAGES, "hostile"])
def test_pages_are_quiet_and_alone(opened, path):
    """No error on the console, no dialogue, and no request but for the page itself."""
    if path == "hostile":
        path = f"instructor/{safe_name(HOSTILE)}.html"
    page, said = opened(path)
    page.wait_for_load_state("networkidle")
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("path", PAGES)
def test_pages_pass_axe(opened, path, scheme, width):
    """Contrast, names, roles, structure: no rule of axe-core is broken, with all details open."""
    page, _ = opened(path, scheme, width)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = axe.Axe().run(page).response
    assert [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found["violations"]] == []
    assert {"color-contrast", "image-alt"} & {rule["id"] for rule in found["passes"]}


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_scrolls_one_way(opened, path):
    """At 360 pixels nothing is wider than the screen but tables, which scroll by themselves."""
    page, _ = opened(path, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("path", PAGES)
def test_the_keyboard_reaches_everything(opened, path):
    """Tab goes to every link, button, field and scrolling table, and each shows that it has the focus."""
    page, _ = opened(path)
    expected = page.evaluate(f"[...document.querySelectorAll(`{FOCUSABLE}`)].filter((e) => e.checkVisibility()).length")
    reached = set()
    for _ in range(expected + 1):
        page.keyboard.press("Tab")
        place, outline = page.evaluate(
            "(() => { const e = document.activeElement; return [[...document.querySelectorAll('*')].indexOf(e),"
            " getComputedStyle(e).outlineStyle]; })()"
        )
        if page.evaluate("document.activeElement !== document.body"):
            reached.add(place)
            assert outline != "none"
    assert len(reached) == expected


def column(page, index: int) -> list[str]:
    return page.eval_on_selector_all(
        f"#submissions tbody tr:not([hidden]) > :nth-child({index})", "cells => cells.map(c => c.textContent.trim())"
    )


def test_the_table_sorts_by_keyboard(opened):
    """Enter on a heading sorts upwards, again downwards; numbers as numbers; the direction is announced."""
    page, _ = opened("report.html")
    button = page.locator("#submissions thead button", has_text="Score")
    button.focus()
    for direction in ("ascending", "descending"):
        page.keyboard.press("Enter")
        scores = [float(text) for text in column(page, 2)]
        assert scores == sorted(scores, reverse=direction == "descending")
        assert page.locator("#submissions th[aria-sort]").get_attribute("aria-sort") == direction
    page.locator("#submissions thead button", has_text="q1").click()
    marks = [text.replace("* set by hand", "") for text in column(page, 4)]
    assert marks[0] == "–"
    assert [float(m) for m in marks[1:]] == sorted(float(m) for m in marks[1:])
    assert page.locator("#submissions th[aria-sort]").count() == 1


def test_the_table_filters(opened):
    """By a part of the name, by kind, by both; the count is announced; Clear shows all again."""
    page, _ = opened("report.html")
    count = page.locator("form.filter output")
    assert count.text_content() == "12 of 12 shown"
    page.get_by_label("Name").fill("STUDENT")
    assert count.text_content() == "9 of 12 shown"
    page.get_by_label("Show").select_option("timeout")
    assert column(page, 1) == ["student 1.ipynb"]
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("document.querySelector('form.filter output').textContent === '12 of 12 shown'")
    page.get_by_label("Show").select_option("human")
    assert {"ada.py", "bob.py", "student 1.ipynb", "student 2.ipynb"} <= set(column(page, 1))
    page.get_by_label("Name").press("Enter")
    assert page.url.endswith("report.html")


def test_one_click_leads_to_a_students_page(opened):
    """From the table, and from a column of the heat map, which names the student."""
    page, _ = opened("report.html")
    page.locator("#submissions a", has_text="bob.py").first.click()
    assert page.url.endswith("instructor/bob.py.html")
    assert "oral exam <b>" in page.text_content("main")
    page.get_by_role("link", name="Class report").click()
    column_of_bob = page.locator("svg.heat a", has_text="bob.py")
    assert "q1 3.5/4" in column_of_bob.text_content()
    column_of_bob.click()
    assert page.url.endswith("instructor/bob.py.html")


def test_pictures_are_drawn(opened):
    """The browser decodes them, and they fit."""
    page, _ = opened("students/bob.py.html", width=360)
    sizes = page.eval_on_selector_all("img", "all => all.map((i) => [i.complete, i.naturalWidth])")
    assert sizes == [[True, 80]]


def test_without_scripts_the_report_is_whole(browser, results):
    """A mail program that runs no script shows all rows and no dead controls."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((results / "report.html").as_uri())
    assert page.locator("#submissions tbody tr").count() == 12
    assert not page.locator("form.filter").is_visible()
    context.close()
