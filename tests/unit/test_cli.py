"""The command line: exit codes, one line for a mistake, results on stdout."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from autograder import batch, terminal
from autograder.batch.collect import collect
from autograder.batch.events import Finished, Planned, Started
from autograder.cli import app
from autograder.errors import GraderFault
from autograder.progress import BatchProgress
from autograder.results import BatchResult, QuestionResult, SubmissionResult, TestResult
from autograder.session.sandbox import LAYERS

GRADING = """\
course: A course
defaults: {workers: 3, device: auto}
assignments:
  first:
    title: The first
    reference: task
    questions:
      q1: {points: 2, names: [f, g]}
      q2: {points: 1.5, names: [h], depends: [q1]}
"""


@pytest.fixture(autouse=True)
def course(tmp_path, monkeypatch):
    """A course with one submission, as the current folder, and a terminal of fixed width."""
    (tmp_path / "grading.yml").write_text(GRADING, encoding="utf-8")
    (tmp_path / "handed_in").mkdir()
    (tmp_path / "handed_in" / "ada.ipynb").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal.stdout, "width", 72)
    return tmp_path


@pytest.fixture
def engine(monkeypatch):
    """A grader that gives every submission the result set here, and remembers how it was called."""

    class Engine:
        results: tuple[SubmissionResult, ...] = ()
        error: Exception | None = None
        sandbox: dict[str, str] | None = None

        def grade(self, course, subject, paths, out, *, on_event, **options):
            self.called = {"course": course, "subject": subject, "out": out, **options}
            submissions = collect(paths)
            on_event(Planned(len(submissions)))
            on_event(Started("ada.ipynb"))
            if self.error:
                raise self.error
            results = self.results or tuple(graded(s.name) for s in submissions)
            for result in results:
                on_event(Finished(result))
            return BatchResult(assignment="first", version="v1", submissions=results, sandbox=self.sandbox or {})

    fake = Engine()
    monkeypatch.setattr(batch, "grade", fake.grade, raising=False)
    return fake


def graded(name: str, passed: bool = True, **more) -> SubmissionResult:
    status, score = ("passed", 2.0) if passed else ("failed", 0.0)
    test = TestResult(
        name="t", status=status, score=score, max_score=2.0, message="" if passed else "Look\nhere."
    )
    return SubmissionResult.of(name, {"q1": QuestionResult.of([test])}, **more)


def run(*arguments: str):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def the_line(result) -> str:
    """The one line on stderr; the progress bar, which a test does not see drawn, is left out."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("autograder: ")]
    assert len(lines) == 1, result.stderr
    return lines[0].removeprefix("autograder: ")


def test_list_to_the_letter():
    """Assignments, questions, points."""
    assert [line.rstrip() for line in run("list").stdout.splitlines()] == [
        "A course",
        "",
        "first  The first",
        "┏━━━━━━━━━━┳━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓",
        "┃ question ┃ points ┃ names to define ┃ builds on ┃",
        "┡━━━━━━━━━━╇━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩",
        "│ q1       │      2 │ f, g            │           │",
        "│ q2       │    1.5 │ h               │ q1        │",
        "├──────────┼────────┼─────────────────┼───────────┤",
        "│ total    │    3.5 │                 │           │",
        "└──────────┴────────┴─────────────────┴───────────┘",
    ]


def test_help_names_every_command_with_units_and_defaults():
    """`autograder --help` is the first page of the manual."""
    text = run("--help").stdout
    for command in ("list", "build", "new", "grade", "report", "show", "override", "validate", "doctor"):
        assert command in text
    text = run("grade", "--help").stdout
    for option in (
        "--out",
        "--workers",
        "--device",
        "--mode",
        "--require-sandbox",
        "--fresh",
        "--resume",
        "--strict",
    ):
        assert option in text
    assert "Default: as in" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "frist", "handed_in", "--out", "o"], "no assignment 'frist'; did you mean 'first'?"),
        (
            ["grade", "no.zip", "handed_in", "--out", "o"],
            "no.zip: no such file; expected an assignment or an otter",
        ),
        (["grade", "first", "nowhere", "--out", "o"], "nowhere: no such file or folder"),
        (
            ["grade", "first", "empty", "--out", "o"],
            "empty: no submission in this folder; expected .ipynb, .py or",
        ),
        (
            ["grade", "first", "grading.yml", "--out", "o"],
            "grading.yml: not a submission; expected .ipynb, .py or",
        ),
        (
            ["grade", "first", "handed_in", "--out", "grading.yml"],
            "grading.yml: cannot be made a folder: File exists",
        ),
        (["build", "frist"], "no assignment 'frist'; did you mean 'first'?"),
        (["validate", "frist"], "no assignment 'frist'; did you mean 'first'?"),
        (["report", "empty"], "empty: no results.json here; expected a folder that `autograder grade` wrote"),
        (["list", "--course", "empty"], "no grading.yml in empty; expected the folder of a course"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(engine, course, arguments, message):
    """Expected, got, next step; no traceback."""
    (course / "empty").mkdir()
    result = run(*arguments)
    assert result.exit_code == 2
    assert the_line(result).startswith(message)
    assert "Traceback" not in result.output


def test_an_unknown_key_is_one_line_and_exit_code_2(course):
    """Every command that reads the course says where the mistake is."""
    (course / "grading.yml").write_text(GRADING.replace("depends", "depend"), encoding="utf-8")
    result = run("list")
    assert result.exit_code == 2
    assert (
        the_line(result)
        == "grading.yml: assignments.first.questions.q2.depend: unknown key; did you mean 'depends'?"
    )


def test_an_unknown_option_is_exit_code_2():
    """Typer's own usage errors have the same code."""
    assert run("grade", "first", "handed_in").exit_code == 2
    assert run("list", "--colour").exit_code == 2


def test_new_lays_out_an_assignment(course):
    """In the course found upwards; the paths go to stdout, and `list` knows it at once."""
    result = run("new", "a12_topic")
    assert result.exit_code == 0
    assert "tests/hidden/a12_topic/q1.py" in result.stdout.splitlines()
    assert "a12_topic  Topic" in run("list").stdout
    assert (run("new", "a12_topic").exit_code, run("new", "12").exit_code) == (2, 2)


def test_grade_writes_everything_and_prints_a_table(engine, course):
    """The table and the path of the report are the result; they go to stdout."""
    long = "The loss grows with the batch size. Compare a batch with the same batch twice."
    engine.results = (
        graded("ada.ipynb"),
        graded("[bold]bob\x1b[2J.py", passed=False),
        graded("eve/" + "long" * 9 + ".ipynb", passed=False, status="timeout", message=long),
    )
    result = run("grade", "first", "handed_in", "--out", "out")
    assert result.exit_code == 0
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┓",
        "┃ submission               ┃ status      ┃ score ┃ first message       ┃",
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━┩",
        "│ ada.ipynb                │ graded      │ 2 / 2 │                     │",
        "│ [bold]bob�[2J.py         │ graded      │ 0 / 2 │ Look here.          │",
        "│ eve/longlonglonglonglon… │ out of time │ 0 / 2 │ The loss grows wit… │",
        "└──────────────────────────┴─────────────┴───────┴─────────────────────┘",
        "out/report.html",
    ]
    assert {p.name for p in (course / "out").iterdir()} >= {
        "results.json",
        "grades.csv",
        "report.html",
        "students",
    }


def test_options_reach_the_engine_and_default_to_grading_yml(engine):
    """The device comes from the course unless the command says else; how many workers fit depends on it."""
    run("grade", "first", "handed_in", "--out", "out")
    assert engine.called["subject"].name == "first"
    expected = {"workers": None, "device": "auto", "mode": "isolated", "require_sandbox": False, "fresh": False}
    assert expected.items() <= engine.called.items()
    run(
        "grade",
        "first",
        "handed_in",
        "--out",
        "out",
        "--workers",
        "1",
        "--device",
        "cpu",
        "--mode",
        "stock",
        "--fresh",
    )
    assert {"workers": 1, "device": "cpu", "mode": "stock", "fresh": True}.items() <= engine.called.items()


def test_an_autograder_zip_needs_no_course(engine, course):
    """Any otter autograder.zip grades, also outside of a course; a broken course is still an error."""
    (course / "autograder.zip").touch()
    (course / "grading.yml").unlink()
    assert run("grade", "autograder.zip", "handed_in", "--out", "out").exit_code == 0
    assert engine.called["course"] is None
    assert engine.called["subject"].name == "autograder.zip"
    (course / "grading.yml").write_text("course: [", encoding="utf-8")
    assert run("grade", "autograder.zip", "handed_in", "--out", "out").exit_code == 2


def test_a_missing_layer_of_the_sandbox_is_said(engine):
    """Grading goes on without it, and does not hide that; where all hold nothing is said."""
    engine.sandbox = dict.fromkeys(LAYERS, "on")
    assert "autograder: " not in run("grade", "first", "handed_in", "--out", "out").stderr
    engine.sandbox |= {"landlock": "this kernel has no Landlock"}
    result = run("grade", "first", "handed_in", "--out", "out")
    assert result.exit_code == 0
    assert the_line(result) == "graded without these layers of the sandbox: landlock; see `autograder doctor`"


def test_strict_fails_on_lost_marks(engine):
    """For CI: 1 with --strict and lost marks, 0 without --strict, 0 with full marks."""
    assert run("grade", "first", "handed_in", "--out", "out", "--strict").exit_code == 0
    engine.results = (graded("ada.ipynb"), graded("bob.py", passed=False))
    assert run("grade", "first", "handed_in", "--out", "out", "--strict").exit_code == 1
    assert run("grade", "first", "handed_in", "--out", "out").exit_code == 0


def test_nothing_readable_is_the_callers_mistake(engine):
    """Only truncated files: each reason on a line, exit code 2; with one readable file among them, 0."""
    unreadable = SubmissionResult(
        submission="ada.ipynb",
        status="unreadable",
        score=0.0,
        max_score=2.0,
        message="Not valid JSON, line 12.",
    )
    engine.results = (unreadable,)
    result = run("grade", "first", "handed_in", "--out", "out")
    assert result.exit_code == 2
    assert the_line(result) == "ada.ipynb: Not valid JSON, line 12."
    engine.results = (unreadable, graded("bob.py"))
    assert run("grade", "first", "handed_in", "--out", "out").exit_code == 0


def test_the_graders_own_faults_are_exit_code_3(engine):
    """A fault, a bug, and a submission that could not be graded."""
    engine.error = GraderFault("the template died three times")
    result = run("grade", "first", "handed_in", "--out", "out")
    assert (result.exit_code, the_line(result)) == (3, "the template died three times")
    engine.error = KeyError("oops")
    result = run("grade", "first", "handed_in", "--out", "out")
    assert (result.exit_code, the_line(result)) == (3, "the grader itself failed: KeyError: 'oops'")
    engine.error = None
    engine.results = (graded("ada.ipynb", status="grader_error"),)
    result = run("grade", "first", "handed_in", "--out", "out")
    assert (result.exit_code, the_line(result)) == (3, "the grader itself failed on 1 of them: ada.ipynb")


def test_an_interrupt_is_exit_code_130(engine):
    """As a shell expects of a command that was stopped with Ctrl-C."""
    engine.error = KeyboardInterrupt()
    assert run("grade", "first", "handed_in", "--out", "out").exit_code == 130


def test_report_makes_the_pages_again(engine, course):
    """Deleted pages come back from results.json alone."""
    run("grade", "first", "handed_in", "--out", "out")
    page = course / "out" / "students" / "ada.ipynb.html"
    page.unlink()
    result = run("report", "out")
    assert (result.exit_code, result.stdout) == (0, "out/report.html\n")
    assert page.is_file()


def test_a_mark_set_by_hand_is_kept(engine, course):
    """`override` changes every file and says so; another grading and `report` keep it; `--remove` ends it."""
    engine.results = (graded("ada.ipynb", passed=False),)
    run("grade", "first", "handed_in", "--out", "out")
    result = run("override", "out", "ada", "q1", "--score", "1.5", "--reason", "oral exam")
    assert (result.exit_code, result.stdout) == (0, "ada.ipynb q1: 0 of 2 -> 1.5 of 2\n")
    assert "oral exam" in (course / "out" / "report.html").read_text(encoding="utf-8")
    assert "1.5 / 2" in run("grade", "first", "handed_in", "--out", "out").stdout
    run("report", "out")
    assert "ada.ipynb,graded,1.5,2,1.5" in (course / "out" / "grades.csv").read_text(encoding="utf-8")
    assert "oral exam" in run("show", "out", "ada").stdout
    assert run("override", "out", "ada", "q1", "--remove").stdout == "ada.ipynb q1: 1.5 of 2 -> 0 of 2\n"
    assert "ada.ipynb,graded,0,2,0" in (course / "out" / "grades.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bob", "q1", "--score", "1", "--reason", "r"], "no submission 'bob'"),
        (["ada", "q9", "--score", "1", "--reason", "r"], "no question 'q9' in first; there are: q1"),
        (["ada", "q1", "--score", "3", "--reason", "r"], "--score: expected 0 to 2 for q1, got 3"),
        (["ada", "q1", "--score", "1"], "override: expected --reason"),
        (["ada", "q1"], "override: expected either --score and --reason, or --remove"),
        (["ada", "q1", "--score", "1", "--remove"], "override: expected either"),
    ],
)
def test_a_mark_that_cannot_be_set_is_one_line(engine, course, arguments, message):
    """Nothing is written then."""
    run("grade", "first", "handed_in", "--out", "out")
    result = run("override", "out", *arguments)
    assert result.exit_code == 2
    assert the_line(result).startswith(message)
    assert not (course / "out" / "overrides.jsonl").exists()


def test_a_long_table_shows_lost_marks_first():
    """Of 60 submissions 50 rows are shown; those that lost marks are among them."""
    many = tuple(graded(f"s{i}.py", passed=i != 59) for i in range(60))
    with terminal.stdout.capture() as drawn:
        terminal.stdout.print(
            terminal.results_table(BatchResult(assignment="a", version="v", submissions=many), 72)
        )
    assert "s59.py" in drawn.get()
    assert "10 more submissions in report.html" in drawn.get()


def test_the_bar_counts_and_names_what_is_in_work():
    """Done of total, full marks, losses, and who is being graded."""
    bar = BatchProgress()
    for event in (Planned(5, done=1), Started("a"), Started("[red]b"), Started("c"), Finished(graded("a"))):
        bar(event)
    (task,) = bar._progress.tasks
    assert (task.total, task.completed) == (5, 2)
    assert task.fields["counts"] == "1 kept, 1 with full marks"
    assert task.fields["names"] == "[red]b, c"
    assert task.fields["rate"].endswith(" a minute")
    bar(Started("d"))
    bar(Finished(graded("c", passed=False)))
    bar(Started("e"))
    assert task.fields["counts"] == "1 kept, 1 with full marks, 1 with losses"
    assert task.fields["names"] == "[red]b, d and 1 more"


def test_the_command_line_starts_without_tensorflow_and_otter():
    """`--help` and `list` answer at once."""
    loaded = "{m.split('.')[0] for m in sys.modules} & {'tensorflow', 'otter', 'numpy'}"
    code = f"import sys, autograder.cli; print({loaded})"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )
