"""What isolation, devices and versions are at hand on this machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys

from rich.console import Console
from rich.table import Table

from autograder.config import Course
from autograder.session.client import Session, Template
from autograder.session.policy import Policy, library_paths
from autograder.session.sandbox import LAYERS, missing_layers

__all__ = ["run"]

_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "otter-grader", "nbformat", "nbconvert", "matplotlib")


def run(course: Course | None) -> bool:
    """Print the report; True where every layer of the sandbox holds."""
    console = Console()
    table = Table(show_header=False, show_edge=False)
    table.add_row("python", f"{platform.python_version()} ({sys.executable})")
    table.add_row("system", f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores")
    table.add_row("course", f"{course.title} ({course.root})" if course else "none here")
    for package in _PACKAGES:
        table.add_row(package, _version(package))
    console.print(table)
    layers, seconds, gpu = _try_sandbox()
    sandbox = Table(title="sandbox", title_justify="left", show_edge=False)
    sandbox.add_column("layer")
    sandbox.add_column("state")
    for layer in LAYERS:
        state = layers.get(layer, "missing")
        sandbox.add_row(layer, "on" if state == "on" else f"off: {state}")
    console.print(sandbox)
    console.print(f"device: {gpu}; a box opens in {seconds * 1000:.0f} ms", highlight=False)
    missing = missing_layers(layers)
    words = f"missing: {', '.join(missing)}; --require-sandbox refuses" if missing else "every layer that is needed holds"
    console.print(words, style="bold")
    return not missing


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _try_sandbox() -> tuple[dict[str, str], float, str]:
    """Layers of a real box, seconds that the second one took to open, and the device it computes on."""
    import time

    with Template() as template:
        template.wait_warm()
        control = template.connect()
        for _ in range(2):
            started = time.monotonic()
            session = Session(control, Policy(read=library_paths()), output_kib=16)
            seconds = time.monotonic() - started
            session.close()
    return session.layers, seconds, "cpu"
