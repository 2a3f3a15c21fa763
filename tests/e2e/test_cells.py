"""Whatever a cell does, the rest of the notebook counts, and the executed notebook shows what happened."""

import nbformat
import pytest
from cells import SOLUTION, cases, lost, outputs

# The first line: what the cell is, and what is left of the notebook where it stood.
CELLS = """
# raises: graded: ValueError
raise ValueError("in a cell")
---
# no Python: graded: SyntaxError
def (:
---
# no name: graded: NameError
undefined_name
---
# sys.exit: graded: SystemExit
import sys
sys.exit(1)
---
# an interrupt: graded: KeyboardInterrupt
raise KeyboardInterrupt
---
# more memory than there is: graded: MemoryError
np.ones(10_000_000_000)
---
# deep recursion: graded: RecursionError
def f():
    return f()
f()
---
# an unknown magic: graded: UsageError
%no_such_magic
---
# endless: timeout: stopped after 2 s
n = 0
while True:
    n += 1
---
# deaf: timeout: stopped after 2 s
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
n = 0
while True:
    n += 1
---
# os._exit: crashed: process ended here
import os
os._exit(0)
---
# kill: crashed: process ended here
import os, signal
os.kill(0, signal.SIGKILL)
---
# hoarding children: memory: memory limit was reached
import os, time
for _ in range(4):
    if os.fork() == 0:
        kept = np.ones(25_000_000)
        time.sleep(30)
time.sleep(30)
"""


@pytest.mark.parametrize(("cell", "end"), cases(CELLS))
def test_a_broken_cell_costs_no_marks(grade_text, cell, end):
    """Cells before and after it count, with imports of the kit; the executed notebook shows what happened."""
    status, _, shown = end.partition(": ")
    cells = SOLUTION.split("# %%\n")
    middle = next(i for i, text in enumerate(cells) if text.startswith("def accuracy"))
    text = "# %%\n".join(
        [*cells[:middle], cell, *cells[middle:], "from kit import plot_history\nplot_history"]
    )
    graded = grade_text(text, questions=("q4", "q8"), cell_s=2 if status == "timeout" else 30, memory_mib=600)
    nbformat.validate(nbformat.from_dict(graded.notebook))
    assert graded.result.status == status
    assert lost(graded.result) == {}
    assert len(graded.result.notes) == 1
    assert bool(graded.result.message) == (status != "graded")
    executed = next(
        i for i, c in enumerate(graded.notebook["cells"], start=1) if c["source"].strip() == cell.strip()
    )
    assert shown in outputs(graded, executed)
    assert "plot_history" in outputs(graded, -1)


def test_a_cell_may_be_fatal_the_second_time(grade_cell):
    """Where a cell ends the box that was opened again for another's sake, only that cell is left out."""
    cell = (
        "import os, time\n"
        "if time.time() % 1 < 0.5:  # more often than not both happen\n"
        "    os._exit(3)\n"
        "time.sleep(0.5)\n"
        "# %%\n"
        "import os\n"
        "def backward(*args):\n"
        "    os._exit(0)\n"
    )
    for _ in range(2):
        assert set(lost(grade_cell(cell).result)) == {"q5"}


def test_many_deaths_are_no_end(grade_cell):
    """Every function ends its process; each costs its own tests, and the one that works earns its marks."""
    names = ("relu", "forward", "cross_entropy", "backward", "train", "mlp_backward")
    cell = "import os\n" + "\n".join(f"def {name}(*args, **kwargs):\n    os._exit(0)" for name in names)
    result = grade_cell(cell, questions=()).result
    assert result.status == "graded"
    assert result.questions["q1"].score == 4
    assert result.questions["q8"].score == 3
    assert not any(t.status == "skipped" for t in result.tests)


NOTEBOOK = r"""
print("café \ud800")
import matplotlib.pyplot as plt
plt.plot([1, 2])
# %%
from IPython.display import HTML, Markdown, display
display(HTML("<b>\udfff</b>"), Markdown("*x*"), {"a": object()})
1 + 1
# %%
for _ in range(50):
    display(HTML("y" * 100_000))
# %%
def deep(n):
    return deep(n - 1) if n else 1 / 0
deep(100)
# %% [markdown]
# Prose with ünïcode and $\LaTeX$.
# %%
class Wide(Exception):
    def __str__(self):
        return "z" * 10_000_000
raise Wide
"""


def test_the_executed_notebook_is_valid(grade_cell):
    """Pictures, HTML, errors, floods and bytes that are no UTF-8: valid nbformat, within the limit."""
    graded = grade_cell(NOTEBOOK, questions=("q8",))
    cells = {c["source"].strip().partition("\n")[0]: c for c in graded.notebook["cells"]}
    assert any("image/png" in o.get("data", ()) for o in cells['print("café \\ud800")']["outputs"])
    assert cells["Prose with ünïcode and $\\LaTeX$."]["cell_type"] == "markdown"
    assert "ZeroDivisionError" in str(graded.notebook)
    assert "too large to keep" in str(graded.notebook)
    assert len(str(graded.notebook)) < 2_000_000
    assert lost(graded.result) == {}


def test_outputs_are_cut_by_the_evaluator_as_well(grade_cell):
    """A student process that keeps to no limit fills neither memory nor results."""
    cell = (
        "import autograder.session.shell as shell\n"
        "flood = [{'output_type': 'stream', 'name': 'stdout', 'text': 'x' * 10**7}] * 5\n"
        "shell.OutputLog.take = lambda self: flood\n"
    )
    graded = grade_cell(cell + "# %%\n1\n" * 3, questions=("q8",))
    assert len(str(graded.notebook)) < 2_000_000
    assert lost(graded.result) == {}
