"""The notebook's shell inside the student process: IPython, with every output kept as nbformat data."""

from __future__ import annotations

import inspect
import io
import os
import sys
import types
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

__all__ = ["GradingShell", "OutputLog", "connect", "install_otter_stub", "make_shell", "plain_text", "words_of"]

_MIMES = ("text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml")
_INSTALLERS = ("pip", "pip3", "conda", "mamba", "apt", "apt-get", "uv", "git", "wget", "curl")


class OutputLog:
    """Outputs of the running cell in nbformat's form, and a budget in characters for the whole notebook."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.outputs: list[dict[str, Any]] = []

    def take(self) -> list[dict[str, Any]]:
        """The outputs since the last call."""
        taken, self.outputs = self.outputs, []
        return taken

    def text(self, name: str, text: str) -> None:
        """Append to stream ``name`` (stdout or stderr); what is beyond the budget is dropped."""
        if not text or self.budget <= 0:
            return
        kept = plain_text(text, self.budget)
        self.budget -= len(kept)
        if self.budget <= 0:
            kept += "\n[output cut here: the notebook printed more than its limit]\n"
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.get("output_type") == "stream" and last["name"] == name:
            last["text"] += kept
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": kept})

    def rich(self, kind: str, data: dict[str, Any], number: int | None = None) -> None:
        """Append display data or an execute result, reduced to text and pictures."""
        kept = {m: v for m, v in data.items() if m in _MIMES and isinstance(v, str)}
        size = sum(map(len, kept.values()))
        kept = {m: plain_text(v, size) for m, v in kept.items()}
        if size > self.budget:
            self.text("stderr", "[an output was too large to keep]\n")
            return
        self.budget -= size
        output = {"output_type": kind, "data": kept, "metadata": {}}
        if kind == "execute_result":
            output["execution_count"] = number
        self.outputs.append(output)

    def error(self, name: str, value: str, lines: list[str]) -> None:
        """Append an error output; its traceback counts towards the budget."""
        lines = [plain_text(line, 2000) for line in lines[:60]]
        lines = lines if sum(map(len, lines)) <= self.budget else []
        self.budget -= sum(map(len, lines))
        self.outputs.append({"output_type": "error", "ename": plain_text(name, 200), "evalue": value, "traceback": lines})


class _Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of the notebook."""

    encoding = "utf-8"

    def __init__(self, name: str, log: OutputLog) -> None:
        self._name, self._log = name, log

    def write(self, text: str) -> int:
        self._log.text(self._name, str(text))
        return len(text)

    def writable(self) -> bool:
        return True


class _Publisher(DisplayPublisher):
    log: OutputLog

    def publish(self, data, metadata=None, *, transient=None, update=False, **_: Any) -> None:
        self.log.rich("display_data", data)

    def clear_output(self, wait: bool = False) -> None:
        self.log.outputs.clear()


class _Hook(DisplayHook):
    log: OutputLog

    def start_displayhook(self) -> None:
        self._data: dict[str, Any] = {}

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict, md_dict=None) -> None:
        self._data = format_dict

    def finish_displayhook(self) -> None:
        self.log.rich("execute_result", self._data, self.prompt_count)


class GradingShell(InteractiveShell):
    """IPython without history files, prompts, colours or installers."""

    displayhook_class = _Hook
    display_pub_class = _Publisher

    def system(self, cmd: str) -> None:
        """``!cmd``: installers are named and left alone, the rest runs in the sandbox, output included."""
        command = self.var_expand(cmd, depth=1)
        words = command.split()
        if words and words[0].rsplit("/", 1)[-1] in _INSTALLERS or "-m pip" in command:
            print(f"not run while grading: {command}")
            self.user_ns["_exit_code"] = 0
            return
        self.user_ns["_exit_code"] = _run(command)

    def showtraceback(self, exc_tuple=None, **options: Any) -> None:
        """IPython works on every frame of an endless recursion before it leaves out what repeats."""
        _shorten((exc_tuple or sys.exc_info())[1])
        super().showtraceback(exc_tuple, **options)

    def enable_gui(self, gui=None) -> None:
        pass

    def ask_exit(self) -> None:
        print("exit is ignored while grading")


def _shorten(error: BaseException | None) -> None:
    """Leave the first and the last frames of a long traceback, and of those that it is chained to."""
    for _ in range(20):
        if error is None:
            return
        frames, following = [], error.__traceback__
        while following is not None:
            frames.append(following)
            following = following.tb_next
        if len(frames) > 40:
            frames[9].tb_next = frames[-20]
        error = error.__cause__ or error.__context__


def _run(command: str) -> int:
    import subprocess

    try:
        done = subprocess.run(
            command, shell=True, capture_output=True, text=True, errors="replace", timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"not run while grading: {error}")
        return 1
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


def make_shell() -> GradingShell:
    """The shell with inline Matplotlib figures, made once in the template."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Context"
    config.InteractiveShell.cache_size = 100
    config.InteractiveShell.enable_tip = False
    shell = GradingShell.instance(config=config)
    shell.display_formatter.active_types = list(_MIMES)
    shell.compile.get_code_name = lambda raw, transformed, number: _code_name(shell.cell_number)
    shell.cell_number = 0
    for magic in ("pip", "conda", "mamba", "uv", "micromamba", "tensorboard", "tensorflow_version"):
        shell.register_magic_function(lambda line: print("not run while grading"), "line", magic)
    # Windows and widgets are for the student's desk; here figures are pictures, and the rest of the cell counts.
    shell.register_magic_function(lambda line: None, "line", "matplotlib")
    shell.register_magic_function(lambda line: _load_extension(shell, line.strip()), "line", "load_ext")
    _inline_figures(shell)
    install_otter_stub()
    return shell


def _load_extension(shell: GradingShell, name: str) -> None:
    try:
        shell.extension_manager.load_extension(name)
    except ModuleNotFoundError:
        print(f"not loaded while grading: {name}")


def _code_name(cell: int) -> str:
    """What tracebacks call a cell; ``inspect`` would look for it in every module, for every frame."""
    name = f"<cell {cell}>"
    inspect.modulesbyfile[name] = inspect.modulesbyfile[os.path.abspath(name)] = "__main__"
    return name


def connect(shell: GradingShell, log: OutputLog) -> None:
    """Send everything that the notebook shows to ``log``."""
    shell.display_pub.log = shell.displayhook.log = log
    sys.stdout, sys.stderr = _Stream("stdout", log), _Stream("stderr", log)
    shell._showtraceback = lambda kind, value, lines: log.error(kind.__name__, words_of(value), [str(line) for line in lines])


def words_of(error: BaseException) -> str:
    """An exception's message, cut to a page; the student's class may refuse to give it."""
    try:
        return plain_text(str(error), 2000)
    except BaseException:
        return "(its message cannot be read)"


def plain_text(text: str, limit: int) -> str:
    """At most ``limit`` characters that UTF-8 can hold: lone surrogates become question marks."""
    return text[:limit].encode("utf-8", "replace").decode()


def _inline_figures(shell: GradingShell) -> None:
    import matplotlib as mpl

    mpl.use("module://matplotlib_inline.backend_inline")
    mpl.interactive(True)
    import matplotlib.pyplot as plt
    from IPython.core.pylabtools import select_figure_formats
    from matplotlib_inline.backend_inline import configure_inline_support, flush_figures

    configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    if flush_figures not in shell.events.callbacks["post_execute"]:
        shell.events.register("post_execute", flush_figures)
    select_figure_formats(shell, {"png"})
    plt.rcParams["figure.dpi"] = 72
    _warm_fonts(plt)


def _warm_fonts(plt: Any) -> None:
    """Draw one figure with text and mathematics: fonts and parsers are then loaded for every fork."""
    figure, axes = plt.subplots()
    axes.plot([0.0, 1.0], label="$\\alpha_i^2$")
    axes.set_title("x")
    axes.legend()
    figure.savefig(io.BytesIO(), format="png")
    plt.close(figure)


def install_otter_stub() -> None:
    """``import otter`` in a notebook: checks and exports cost nothing, raise nothing and tell nothing."""

    class Notebook:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            pass

        def __getattr__(self, name: str):
            if name.startswith("_"):
                raise AttributeError(name)
            return lambda *args, **kwargs: None

    stub = types.ModuleType("otter", "otter's checks and exports, silent while grading")
    stub.Notebook = Notebook
    stub.__path__ = []
    real = sys.modules.get("otter.test_files")
    if real is not None:
        stub.test_files = real
    sys.modules["otter"] = stub
