"""A submission in the terminal, and the one that a name means."""

import pytest
from rich.console import Console

from autograder import show
from autograder.errors import UsageError
from autograder.results import BatchResult, Override, QuestionResult, SubmissionResult, TestResult


def a_test(name, status, score, **more) -> TestResult:
    return TestResult(name=name, status=status, score=score, max_score=2.0, **more)


ADA = SubmissionResult.of(
    "ada.ipynb",
    {
        "q1": QuestionResult.of([a_test("shape", "passed", 2.0)]),
        "q2": QuestionResult.of(
            [
                a_test("penalty", "failed", 0.5, message="Look at [bold]reg[/bold].", misconception="no_factor_two",
                       explanation="A square's derivative carries a 2.", detail="got 1.5\x1b[31m", seconds=0.25),
                a_test("far", "skipped", 0.0, message="Not run."),
            ]
        ),
        "q3": QuestionResult(
            score=1.0, max_score=2.0, tests=(a_test("late", "failed", 0.0, finding="`e` is [b]right[/b].", note="with q1 given"),),
            override=Override(reason="oral exam", author="Grace", time="2026-01-02T03:04:05+00:00", graded=0.0, seen=0.5),
        ),
    },
    seconds=1.25,
    student_seconds=0.5,
    notes=("Cell 3 raised ValueError.",),
)  # fmt: skip
OTHERS = tuple(SubmissionResult.of(name, {}) for name in ("bob/nb.ipynb", "bob.py"))
BATCH = BatchResult(
    assignment="a1", version="v1", title="Backprop", question_titles={"q1": "f"}, submissions=(ADA, *OTHERS)
)


def test_the_page_to_the_letter():
    """Status and total, a bar for each question, and of each lost one what is wrong, details included."""
    console = Console(width=76, highlight=False)
    with console.capture() as drawn:
        console.print(show.page(BATCH, ADA))
    assert [line.rstrip() for line in drawn.get().splitlines()] == [
        "ada.ipynb  graded  3.5 of 8 points  1.2 s, 0.5 s in student code",
        "Backprop, version v1",
        "Cell 3 raised ValueError.",
        " q1  f  ━━━━━━━━━━━━━━━━━━━━━━━━    2 / 2",
        " q2     ━━━                       0.5 / 4",
        " q3     ━━━━━━━━━━━━              1 / 2 *",
        "",
        "q2    0.5 / 4",
        "  ✗ penalty  0.5 / 2, 0.25 s",
        "    Look at [bold]reg[/bold].",
        "    Looks like: no factor two. A square's derivative carries a 2.",
        "    got 1.5\N{REPLACEMENT CHARACTER}[31m",
        "  – far (not run)  0 / 2, 0.00 s",
        "    Not run.",
        "",
        "q3    1 / 2 *",
        "  set by hand: oral exam (Grace, 2026-01-02 03:04 UTC; the grader says 0; it",
        "  said 0.5 then)",
        "  ✗ late  0 / 2, 0.00 s",
        "    `e` is [b]right[/b].",
        "    with q1 given",
    ]


@pytest.mark.parametrize("name", ["ada.ipynb", "ada", "ADA"])
def test_a_part_of_a_name_is_enough(name):
    """Exact, or the only one that contains it."""
    assert show.find(BATCH, name) is ADA


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bob", "'bob' is in the names of 2 submissions: bob/nb.ipynb, bob.py; give more of it"),
        ("adda.ipynb", "no submission 'adda.ipynb'; did you mean 'ada.ipynb'?"),
        ("zzz", "no submission 'zzz'$"),
    ],
)
def test_a_name_that_means_none_or_several_is_refused(name, message):
    """Expected and got, and what to type instead."""
    with pytest.raises(UsageError, match=message):
        show.find(BATCH, name)


def test_an_exact_name_wins_over_longer_ones():
    """`bob.py` means bob.py though `xbob.py` contains it; the name of a page works too."""
    batch = BatchResult(
        assignment="a1", version="v1", submissions=(*OTHERS, SubmissionResult.of("xbob.py", {}))
    )
    assert show.find(batch, "bob.py").submission == "bob.py"
    from autograder.report import safe_name

    assert show.find(batch, safe_name("bob/nb.ipynb")).submission == "bob/nb.ipynb"
