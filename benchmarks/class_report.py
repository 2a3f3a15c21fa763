"""How long the reports of a whole class take, and how large they get.

    python benchmarks/class_report.py [--submissions 300] [--out DIR]

The class is made up: as many questions and tests as a real assignment has, abilities and difficulties that differ, a
few misconceptions, files that end badly, notebooks with pictures and each with code of its own. Printed: seconds for
the class report alone, for all pages and exports, and for the comparison of code, which is made once; bytes.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import math
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from autograder import report
from autograder.report import notebooks, similar
from autograder.report.pages import class_page
from autograder.results import BatchResult, QuestionResult, SubmissionResult, TestResult

TITLES = (
    "init_params", "sigmoid, relu, softmax", "forward", "mse_loss, cross_entropy", "backward", "tape_gradients",
    "backward_cross_entropy", "accuracy", "gradient_descent_step, train", "mlp_init, mlp_forward, mlp_backward",
)  # fmt: skip
QUESTIONS, TESTS = len(TITLES), 6  # tests of each question
NAMES = ["ada", "alan", "barbara", "claude", "donald", "edsger", "frances", "grace", "hedy", "john", "katherine", "leslie", "margaret", "radia", "tim"]
SLIPS = {
    (4, 2): ("l2_gradient_without_factor_two", "The penalty is squared, so its derivative carries a factor 2."),
    (1, 5): ("softmax_without_shift", "exp(z) overflows beyond z = 88 in float32. Subtract each row's largest score."),
    (6, 1): ("mean_over_classes_too", "The loss is a mean over examples, and a sum over classes."),
    (2, 3): ("relu_on_the_output", "The output layer gives logits: nothing may clip them."),
}
WORDS = ["a", "b", "f(a)", "b[0]", "(a, b)", "max(a, b)", "a.T", "[a]", "-b", "{a: b}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=300)
    parser.add_argument("--out", type=Path, help="keep the pages here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as scratch:
        folder = arguments.out or Path(scratch)
        batch = synthetic_class(arguments.submissions)
        write_notebooks(batch, folder)
        _print(batch, _measure(batch, folder))


def synthetic_class(submissions: int, seed: int = 0) -> BatchResult:
    """Results of a made-up class."""
    generator = random.Random(seed)
    hardness = [[generator.gauss(0, 1) for _ in range(TESTS)] for _ in range(QUESTIONS)]
    hardness[7][0] = math.nan  # passed by chance: does not discriminate
    names = [f"{generator.choice(NAMES)}_{k:03d}.ipynb" for k in range(submissions)]
    return BatchResult(
        assignment="a1_backprop",
        version="synthetic",
        title="A network by hand, and the same by GradientTape",
        question_titles={f"q{i}": title for i, title in enumerate(TITLES, start=1)},
        submissions=tuple(_submission(name, generator, hardness) for name in names),
    )


def _submission(name: str, generator: random.Random, hardness: list[list[float]]) -> SubmissionResult:
    ability, end = generator.gauss(0.8, 1.2), generator.random()
    if end < 0.01:
        return SubmissionResult(submission=name, status="unreadable", score=0.0, max_score=60.0, message="No JSON.")
    questions = {
        f"q{i + 1}": QuestionResult.of(_test(i, j, h, ability, generator) for j, h in enumerate(row))
        for i, row in enumerate(hardness)
    }
    status = "timeout" if end < 0.03 else "crashed" if end < 0.04 else "graded"
    seconds = generator.lognormvariate(0.7, 0.5)
    executed = f"executed/{name}"
    return SubmissionResult.of(
        name, questions, status=status, seconds=seconds, student_seconds=0.6 * seconds, executed=executed
    )


def _test(i: int, j: int, hardness: float, ability: float, generator: random.Random) -> TestResult:
    chance = 0.5 if math.isnan(hardness) else 1 / (1 + math.exp(-1.7 * (ability - hardness)))
    passed = generator.random() < chance
    slip, why = SLIPS.get((i, j), (None, "")) if not passed and generator.random() < 0.7 else (None, "")
    return TestResult(
        name=f"a property of part {j + 1}",
        status="passed" if passed else "failed",
        score=float(passed),
        max_score=1.0,
        message="" if passed else "The values differ by a factor of 2.00; look at what `reg` multiplies.",
        misconception=slip,
        explanation=why,
        detail="" if passed else "expected shape (3, 4), got (4, 3)",
        seconds=0.01,
    )


def write_notebooks(batch: BatchResult, folder: Path) -> None:
    """An executed notebook for each submission, with code of its own and two pictures; every 50th is a copy."""
    (folder / "executed").mkdir(parents=True, exist_ok=True)
    pictures = [_picture(k) for k in range(2)]
    for number, submission in enumerate(batch.submissions):
        if submission.executed:
            source = _program(number - 1 if number % 50 == 49 else number)
            outputs = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": p}} for p in pictures]
            cells = [{"cell_type": "code", "source": source, "outputs": outputs}]
            (folder / submission.executed).write_text(json.dumps({"cells": cells}), encoding="utf-8")


def _program(seed: int, lines: int = 150) -> str:
    """About as much code as a student writes."""
    generator = random.Random(seed)
    return "\n".join(
        f"x{k} = " + " ".join(generator.choice(WORDS) + " " + generator.choice("+-*/@") for _ in range(4)) + " 1"
        for k in range(lines)
    )


def _picture(seed: int) -> str:
    """A training curve, as Matplotlib draws it."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    generator = random.Random(seed)
    figure, axes = plt.subplots(figsize=(5, 3.2))
    axes.plot([math.exp(-k / 20) + 0.03 * generator.random() for k in range(100)], label="training")
    axes.plot([math.exp(-k / 25) + 0.1 + 0.03 * generator.random() for k in range(100)], label="validation")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.legend()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    plt.close(figure)
    return base64.b64encode(out.getvalue()).decode()


def _measure(batch: BatchResult, folder: Path) -> dict[str, tuple[float, float, int]]:
    """Seconds by the clock, seconds of CPU and bytes of each step."""
    codes = {s.submission: notebooks.read(folder, s.executed).code for s in batch.submissions}
    likeness, *compared = _timed(lambda: similar.compare(folder, codes))
    page, *rendered = _timed(lambda: class_page(batch, likeness))
    _, *written = _timed(lambda: report.write(batch, folder))
    size = sum(p.stat().st_size for name in ("students", "instructor", "gradescope") for p in (folder / name).iterdir())
    return {
        "comparison of code, once": (*compared, (folder / similar.FILE_NAME).stat().st_size),
        "class report": (*rendered, len(page.encode())),
        "all pages and exports": (*written, size),
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` gives, its seconds, and its seconds of CPU with those of processes that it waited for."""
    clock, before = time.perf_counter(), os.times()
    result = work()
    return result, time.perf_counter() - clock, sum(os.times()[:4]) - sum(before[:4])


def _print(batch: BatchResult, steps: dict[str, tuple[float, float, int]]) -> None:
    table = Table(title=f"{len(batch.submissions)} submissions", title_justify="left", show_edge=False)
    for heading, side in (("", "left"), ("seconds", "right"), ("of CPU", "right"), ("MB", "right")):
        table.add_column(heading, justify=side)
    for what, (seconds, cpu_s, size) in steps.items():
        table.add_row(what, f"{seconds:.1f}", f"{cpu_s:.1f}", f"{size / 1e6:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
