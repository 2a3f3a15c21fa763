"""Pages, tables and exports: what they show, and what they must never show."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from importlib.resources import files as package_files
from pathlib import Path

import pytest

from autograder import report
from autograder.errors import UsageError
from autograder.report.charts import histogram
from autograder.report.exports import grades_csv, gradescope
from autograder.report.pages import class_page, instructor_page, student_page
from autograder.report.summary import summarise
from autograder.report.text import inline, safe_name, visible
from autograder.results import BatchResult, QuestionResult, SubmissionResult, TestResult

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e{{ 7*7 }}'
SECRET = "hidden-input-0.123456789"
VOID = {"meta", "br", "img", "input", "link", "path", "circle", "use", "rect", "line"}


def a_test(name="a case", status="failed", score=0.0, **more) -> TestResult:
    return TestResult(name=name, status=status, score=score, max_score=2.0, **more)


def a_batch(*submissions: SubmissionResult) -> BatchResult:
    return BatchResult(
        assignment="a1_backprop",
        version="v1",
        title="Backprop",
        question_titles={"q1": "f"},
        submissions=submissions,
    )


@pytest.fixture
def hostile() -> BatchResult:
    """Everything a student or a careless author chose is an attack."""
    test = a_test(
        HOSTILE, message=HOSTILE, misconception=HOSTILE, explanation=HOSTILE, finding=HOSTILE, note=HOSTILE,
        detail=SECRET,
    )
    submission = SubmissionResult.of(
        HOSTILE,
        {HOSTILE: QuestionResult.of([test])},
        message=HOSTILE,
        notes=(HOSTILE,),
        detail=SECRET,
        executed=HOSTILE,
    )
    batch = a_batch(submission)
    return BatchResult(
        assignment=HOSTILE, version=HOSTILE, title=HOSTILE, mode=HOSTILE, sandbox={HOSTILE: HOSTILE},
        question_titles={HOSTILE: HOSTILE}, submissions=batch.submissions,
    )  # fmt: skip


@pytest.fixture
def honest() -> BatchResult:
    """One good, one mixed, one cut short, one unreadable."""
    lost = a_test(
        "penalty", message="Look at what `reg` multiplies.", misconception="l2_gradient_without_factor_two",
        explanation="The derivative of a square carries a factor 2.",
        note="graded with the reference standing in for q3", detail=SECRET,
    )  # fmt: skip
    good = a_test("shape", "passed", 2.0, message="Right.")
    mixed = {"q1": QuestionResult.of([good]), "q2": QuestionResult.of([lost, good, a_test("far", "skipped")])}
    return a_batch(
        SubmissionResult.of("ada.ipynb", {"q1": QuestionResult.of([good]), "q2": QuestionResult.of([good])}),
        SubmissionResult.of("bob/nb.ipynb", mixed, executed="executed/bob nb.ipynb", notes=("A note.",)),
        SubmissionResult.of("eve.py", mixed, status="timeout"),
        SubmissionResult(
            submission="x.ipynb", status="unreadable", score=0.0, max_score=4.0, message="No JSON."
        ),
    )


class Page(HTMLParser):
    """A page's elements; raises ValueError where tags are not nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        if self._open:
            raise ValueError(f"never closed: {self._open}")

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self._open.pop() != tag:
            raise ValueError(f"</{tag}> closes something else")

    def handle_data(self, data):
        if not {"style", "script"} & set(self._open):
            self.text += data

    def all(self, attribute: str) -> list[str]:
        return [attrs[attribute] for _, attrs in self.elements if attribute in attrs]


def pages(batch: BatchResult) -> list[str]:
    each = [page(batch, s) for s in batch.submissions for page in (student_page, instructor_page)]
    return [*each, class_page(batch)]


def test_hostile_text_is_shown_and_never_run(hostile):
    """Names, messages, titles: no tag, attribute or template expression of theirs gets into the page."""
    for html in pages(hostile):
        page = Page(html)
        tags = [tag for tag, _ in page.elements]
        assert "img" not in tags
        assert tags.count("script") == (1 if html == class_page(hostile) else 0)
        assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
        assert "<script>alert(1)</script>" in page.text
        assert "{{ 7*7 }}" in page.text
        assert "\u202e" not in html


def test_links_of_hostile_names_stay_inside_the_report(hostile):
    """A submission called `../../x` or `javascript:…` is linked by a safe name."""
    for html in pages(hostile):
        for target in Page(html).all("href"):
            assert re.fullmatch(
                r"(\.\./)?[A-Za-z]+/[A-Za-z0-9._~%/-]+|(\.\./)?report\.html|#[\w-]+|\.\./%22.*", target
            )


@pytest.mark.parametrize("batch", ["honest", "hostile"])
def test_pages_are_well_formed_and_ask_no_network(batch, request):
    """Tags nest, ids are unique, references resolve, nothing is fetched, and the policy forbids it."""
    for html in pages(request.getfixturevalue(batch)):
        page = Page(html)
        ids = page.all("id")
        assert len(ids) == len(set(ids))
        for reference in ("aria-labelledby", "for"):
            assert set(page.all(reference)) <= set(ids)
        assert {h[1:] for h in page.all("href") if h.startswith("#")} <= set(ids)
        assert not re.search(r"https?:|//[a-z]", html)
        assert not page.all("src")
        assert any("default-src 'none'" in (content or "") for content in page.all("content"))
        tags = [tag for tag, _ in page.elements]
        assert tags.count("h1") == tags.count("main") == tags.count("head") == 1
        assert ("html", {"lang": "en"}) in page.elements


def test_the_policy_allows_the_one_script_of_the_class_report(honest):
    """The policy's hash is that of the script as it stands in the page; else the table would not sort."""
    import base64
    from hashlib import sha256

    html = class_page(honest)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert f"script-src 'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" in html


def test_a_student_sees_messages_and_no_details(honest):
    """Authored message, name of the slip, explanation, stand-in note, link to the notebook."""
    html = student_page(honest, honest.submissions[1])
    text = Page(html).text
    assert "Look at what reg multiplies." in text
    assert "<code>reg</code>" in html
    assert "Looks like: l2 gradient without factor two" in text
    assert "carries a factor 2" in text
    assert "graded with the reference standing in for q3" in text
    assert "2 / 6" in text
    assert 'href="../executed/bob%20nb.ipynb"' in html
    assert "report.html" not in html
    assert "instructor/" not in html


def test_details_reach_instructors_only(honest):
    """What student code said with hidden inputs in its hands is in results.json and instructor/ only."""
    leaking = {path.split("/")[0] for path, text in report.files(honest, Path("nowhere")) if SECRET in text}
    assert leaking == {"results.json", "instructor"}


def test_a_note_that_holds_for_all_tests_is_said_once():
    """Three times the same line about q3 is noise."""
    tests = [a_test(str(i), note="graded with the reference standing in for q3") for i in range(3)]
    submission = SubmissionResult.of("a.py", {"q1": QuestionResult.of(tests)})
    assert student_page(a_batch(submission), submission).count("standing in for q3") == 1


def test_a_slip_is_explained_once_a_question():
    """Five tests that fail for one reason name it five times and explain it once."""
    tests = [a_test(str(i), misconception="zero_weights", explanation="All weights are 0.") for i in range(3)]
    submission = SubmissionResult.of("a.py", {"q1": QuestionResult.of(tests)})
    html = student_page(a_batch(submission), submission)
    assert (html.count("Looks like: zero weights"), html.count("All weights are 0.")) == (3, 1)


def test_where_to_look_is_said_once_a_question():
    """On the page the first of the tests that have the same finding has it; in plain text each has."""
    words = "`delta` (cell 3, line 4) is right."
    tests = [a_test(str(i), message="Wrong.", finding=words) for i in range(3)]
    submission = SubmissionResult.of("a.py", {"q1": QuestionResult.of(tests), "q2": QuestionResult.of(tests[:1])})
    html = student_page(a_batch(submission), submission)
    assert html.count("Where to look") == html.count("<code>delta</code> (cell 3, line 4) is right.") == 2
    outputs = [t["output"] for t in json.loads(gradescope(submission))["tests"]]
    assert outputs == [f"Wrong.\n{words}"] * 4


def test_status_is_said_in_words(honest):
    """Colour is never the only sign."""
    text = Page(student_page(honest, honest.submissions[2])).text
    assert "Out of time" in text
    assert "All marks earned until then are kept." in text
    assert "To look at: penalty" in " ".join(text.split())
    assert "Not run: far" in " ".join(text.split())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(scheme):
    """WCAG 2.2 AA: 4.5 to 1 for text on every background it stands on."""
    css = package_files("autograder.report").joinpath("templates/style.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", light if scheme == "light" else dark))
    pairs = [(text, ground) for text in ("ink", "quiet", "link") for ground in ("page", "card")]
    pairs += [(kind, f"{kind}-soft") for kind in ("good", "warn", "bad", "off")]
    pairs += [("ink", f"{kind}-soft") for kind in ("good", "warn", "bad")]
    pairs += [("good", "card"), ("bad", "card"), ("ink", "code")]
    for text, ground in pairs:
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two #rrggbb colours. Source: WCAG 2.2, "relative luminance"."""
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_gradescope_layout(honest):
    """The documented results format; every value of the documented type, scores in range, nothing hidden."""
    data = json.loads(gradescope(honest.submissions[1]))
    assert data["score"] == 4.0
    assert isinstance(data["execution_time"], int)
    assert data["output"] == "A note."
    assert (data["visibility"], data["stdout_visibility"]) == ("visible", "hidden")
    assert [(t["name"], t["number"], t["status"], t["score"], t["max_score"]) for t in data["tests"]] == [
        ("q1: shape", "q1.1", "passed", 2.0, 2.0),
        ("q2: penalty", "q2.1", "failed", 0.0, 2.0),
        ("q2: shape", "q2.2", "passed", 2.0, 2.0),
        ("q2: far", "q2.3", "failed", 0.0, 2.0),
    ]
    for test in data["tests"]:
        assert test["visibility"] == "visible"
        assert test["output_format"] == test["name_format"] == "text"
        assert isinstance(test["output"], str)
    assert data["tests"][1]["output"] == (
        "Look at what `reg` multiplies.\n"
        "Looks like: l2 gradient without factor two. The derivative of a square carries a factor 2.\n"
        "(graded with the reference standing in for q3)"
    )
    assert data["tests"][3]["output"].startswith("Not run.")


def test_csv_cells_are_never_formulas():
    """A submission called `=cmd()` is text to a spreadsheet; commas and quotes survive."""
    names = ["=1+1.py", "+a.py", "-a.py", "@a.py", 'a,"b.py']
    batch = a_batch(*(SubmissionResult.of(name, {}) for name in names))
    rows = list(csv.reader(io.StringIO(grades_csv(batch))))
    assert [row[0] for row in rows] == ["submission", "'=1+1.py", "'+a.py", "'-a.py", "'@a.py", 'a,"b.py']


def test_file_names_are_safe_and_never_shared():
    """No separators, no dot files, no reserved characters, apart even where case does not count."""
    names = [
        "ada.ipynb", "Ada.ipynb", "ADA.ipynb", "a/da.ipynb", "a-da.ipynb", "a\\da.ipynb", "../da", "..", ".",
        "/", "", "müller.py", "muller.py", "x" * 300, "x" * 301, "a\0b", "名前.py", "CON", "a\ud800", "<b>",
    ]  # fmt: skip
    safe = [safe_name(name) for name in names]
    assert len({name.casefold() for name in safe}) == len(names)
    for name in safe:
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._~-]{0,99}", name)
    assert safe[0] == "ada.ipynb"
    assert all(safe_name(name) not in safe for name in safe if "~" in name)


def test_invisible_characters_become_visible():
    """Bidi overrides, escapes and zero-width characters cannot disguise a name or drive a terminal."""
    assert visible("a\u202eb\x1b[31m\u200bc\td\n") == "a\ufffdb\ufffd[31m\ufffdc\td\n"
    assert visible("Jörg 名前 👩‍🎓") == "Jörg 名前 👩‍🎓"
    assert inline("`a<b` & `c") == "<code>a&lt;b</code> &amp; `c"


def test_summary_counts_what_was_graded(honest):
    """Unreadable submissions have no place in means and pass rates."""
    summary = summarise(honest)
    assert (summary.graded, summary.full_marks) == (3, 1)
    assert summary.mean == pytest.approx((4 + 4 + 4) / 3)
    q2 = summary.questions[1]
    assert (q2.full, q2.partial, q2.none, q2.count) == (1, 2, 0, 3)
    assert [w.submission.submission for w in summary.worries] == ["eve.py", "x.ipynb"]


@pytest.mark.parametrize(("score", "tenth"), [(0.0, 0), (0.99, 0), (1.0, 1), (3.0, 3), (9.99, 9), (10.0, 9)])
def test_a_score_falls_into_its_tenth(score, tenth):
    """Lower edges belong to the bar, full marks to the last one, also where division is inexact."""
    question = QuestionResult(score=score, max_score=10.0)
    counts = summarise(a_batch(SubmissionResult.of("a.py", {"q1": question}))).histogram
    assert counts == tuple(int(i == tenth) for i in range(10))


def test_an_empty_class_has_a_report_too():
    """No submission, no question, no marks: nothing divides by zero."""
    Page(class_page(a_batch()))
    Page(class_page(a_batch(SubmissionResult.of("a.py", {}, status="unreadable"))))
    Page(str(histogram((0, 0), 0.0, "nothing")))


def test_write_and_load(honest, tmp_path):
    """All files stand where the design says, and the results read back equal."""
    page = report.write(honest, tmp_path / "deep" / "out")
    out = page.parent
    assert page.name == "report.html"
    assert {p.relative_to(out).parts[0] for p in out.rglob("*") if p.is_file()} == {
        "results.json", "grades.csv", "canvas.csv", "moodle.csv", "report.html", "students", "instructor", "gradescope",
    }  # fmt: skip
    assert len(list((out / "students").iterdir())) == 4
    assert report.load_results(out).to_json() == honest.to_json()
    links = [h for h in Page(page.read_text(encoding="utf-8")).all("href") if not h.startswith("#")]
    assert links
    assert all((out / link).is_file() for link in links)


def test_lone_surrogates_do_not_stop_a_batch(tmp_path):
    """A student's exception text may hold half a character; every file is still written, in UTF-8."""
    test = a_test("\ud800", message="\udfff", detail="\ud800")
    report.write(a_batch(SubmissionResult.of("\ud800.py", {"q1": QuestionResult.of([test])})), tmp_path)
    assert report.load_results(tmp_path).submissions


def test_results_that_cannot_be_read_or_written_are_one_line(honest, tmp_path):
    """Missing, damaged, or a file in the way: each a UsageError that says what to do."""
    with pytest.raises(UsageError, match=r"no results\.json here"):
        report.load_results(tmp_path)
    (tmp_path / "results.json").write_text('{"assignment": ', encoding="utf-8")
    with pytest.raises(UsageError, match="not valid JSON"):
        report.load_results(tmp_path)
    with pytest.raises(UsageError, match="choose another --out"):
        report.write(honest, Path(tmp_path, "results.json"))
