"""Where the students' code computes: CPU, or slots on GPUs.

A slot is a place for one worker: a template of its own that sees one GPU, and boxes that may take a part of its memory.
The command itself asks ``nvidia-smi`` and never touches a device: a process that has cannot fork one that does.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
from dataclasses import dataclass

from autograder.errors import UsageError

__all__ = ["CPU", "Gpu", "Slot", "find_gpus", "slots_for"]

_QUERY = ("nvidia-smi", "--query-gpu=index,memory.total", "--format=csv,noheader,nounits")
_KEPT_FREE = 0.1  # of a GPU's memory: contexts and kernels of the children
_NODES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")


@dataclass(frozen=True)
class Gpu:
    """One GPU; memory_mib: all that it has."""

    index: int
    memory_mib: int


@dataclass(frozen=True)
class Slot:
    """Where one worker's boxes compute.

    template: environment of the template that forks them; devices: host device nodes that they may open;
    memory_mib: of the GPU, for one box; 0 on a CPU.
    """

    name: str
    template: tuple[tuple[str, str], ...] = (("CUDA_VISIBLE_DEVICES", "-1"),)
    devices: tuple[str, ...] = ()
    memory_mib: int = 0


CPU = Slot("CPU")


def slots_for(device: str, workers: int | None, children_per_gpu: int, default_workers: int) -> tuple[list[Slot], str]:
    """(one slot a worker, a line that says what was chosen and why).

    device: ``cpu``, ``gpu`` or ``auto``; workers: as asked for, ``None`` for what fits: ``default_workers`` on a CPU, all
    children of all GPUs otherwise. Raises ``UsageError`` where GPUs are asked for and there are none, or too few slots.
    """
    if device == "cpu":
        return [CPU] * (workers or default_workers), "CPU, GPUs are hidden"
    gpus, missing = _usable_gpus()
    if not gpus:
        if device == "gpu":
            raise UsageError(f"--device gpu: {missing}; use cpu, or auto for whatever is there")
        return [CPU] * (workers or default_workers), f"CPU: {missing}"
    slots = [_slot(gpu, children_per_gpu) for _ in range(children_per_gpu) for gpu in gpus]  # every GPU in turn
    if workers and workers > len(slots):
        raise UsageError(
            f"--workers {workers}: {len(gpus)} GPUs with {children_per_gpu} children each have {len(slots)} slots; "
            "raise children_per_gpu in grading.yml, or take fewer workers"
        )
    chosen = slots[:workers]
    return chosen, f"{len(chosen)} slots on {len(gpus)} GPUs, {chosen[0].memory_mib} MiB each"


def _slot(gpu: Gpu, children: int) -> Slot:
    return Slot(
        name=f"GPU {gpu.index}",
        # Growth, or the first child takes the whole limit at once.
        template=(("CUDA_VISIBLE_DEVICES", str(gpu.index)), ("TF_FORCE_GPU_ALLOW_GROWTH", "true")),
        devices=(f"/dev/nvidia{gpu.index}", *(node for node in _NODES if os.path.exists(node))),
        memory_mib=int(gpu.memory_mib * (1 - _KEPT_FREE) / children),
    )


def _usable_gpus() -> tuple[list[Gpu], str]:
    """GPUs that TensorFlow could use, and what is missing where there are none."""
    gpus = find_gpus()
    if not gpus:
        return [], "no GPU was found (nvidia-smi names none)"
    if not _built_for_gpus():
        return [], "the installed TensorFlow is a build for CPUs; install the extra `gpu` in place of `cpu`"
    return gpus, ""


def find_gpus() -> list[Gpu]:
    """What ``nvidia-smi`` lists and CUDA_VISIBLE_DEVICES, where it is set, lets through."""
    try:
        listed = subprocess.run(_QUERY, capture_output=True, text=True, timeout=20, check=True).stdout
        gpus = [Gpu(*map(int, line.split(","))) for line in listed.splitlines() if line.strip()]
    except (OSError, ValueError, TypeError, subprocess.SubprocessError):
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return gpus
    wanted = [part.strip() for part in visible.split(",")]
    return [gpu for gpu in gpus if str(gpu.index) in wanted]


def _built_for_gpus() -> bool:
    """Whether CUDA's libraries came with TensorFlow; asked without importing it."""
    for package in ("nvidia-cudnn-cu12", "nvidia-cudnn-cu13"):
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        return True
    return False
