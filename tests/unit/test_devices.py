"""Slots on GPUs, counted without a GPU: what nvidia-smi would say is given."""

import subprocess
from types import SimpleNamespace

import pytest

from autograder import devices
from autograder.devices import CPU, Gpu, find_gpus, slots_for
from autograder.errors import UsageError


@pytest.fixture
def machine(monkeypatch):
    """A machine with these GPUs and a TensorFlow that could use them."""

    def function(*gpus: Gpu, built: bool = True) -> None:
        monkeypatch.setattr(devices, "find_gpus", lambda: list(gpus))
        monkeypatch.setattr(devices, "_built_for_gpus", lambda: built)

    return function


TWO = (Gpu(0, 80_000), Gpu(1, 40_000))


def test_the_cpu_hides_gpus(machine):
    machine(*TWO)
    slots, words = slots_for("cpu", None, 2, 3)
    assert slots == [CPU] * 3
    assert dict(CPU.template) == {"CUDA_VISIBLE_DEVICES": "-1"} and CPU.memory_mib == 0
    assert "hidden" in words


@pytest.mark.parametrize("device", ["gpu", "auto"])
def test_every_gpu_gets_its_children(machine, device):
    """In turn, so that few workers spread over all GPUs; a child's memory is its part of its own GPU."""
    machine(*TWO)
    slots, words = slots_for(device, None, 2, 3)
    assert [s.name for s in slots] == ["GPU 0", "GPU 1", "GPU 0", "GPU 1"]
    assert [s.memory_mib for s in slots] == [36_000, 18_000, 36_000, 18_000]
    assert dict(slots[1].template) == {"CUDA_VISIBLE_DEVICES": "1", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    assert "/dev/nvidia1" in slots[1].devices and "/dev/nvidia0" not in slots[1].devices
    assert len(set(slots)) == 2  # children of one GPU share a template
    assert words == "4 slots on 2 GPUs, 36000 MiB each"


def test_fewer_workers_than_slots(machine):
    machine(*TWO)
    assert [s.name for s in slots_for("gpu", 3, 2, 9)[0]] == ["GPU 0", "GPU 1", "GPU 0"]


def test_more_workers_than_slots_is_a_mistake(machine):
    machine(*TWO)
    with pytest.raises(UsageError, match="2 GPUs with 2 children each have 4 slots"):
        slots_for("gpu", 5, 2, 2)


@pytest.mark.parametrize(("gpus", "built", "words"), [((), True, "no GPU was found"), (TWO, False, "build for CPUs")])
def test_without_a_usable_gpu(machine, gpus, built, words):
    """`auto` takes the CPU and says why, `gpu` is refused with the same words."""
    machine(*gpus, built=built)
    slots, said = slots_for("auto", None, 2, 2)
    assert slots == [CPU] * 2 and said.startswith("CPU: ") and words in said
    with pytest.raises(UsageError, match=words):
        slots_for("gpu", None, 2, 2)


@pytest.mark.parametrize(
    ("listed", "visible", "expected"),
    [
        ("0, 81559\n1, 40960\n", None, [Gpu(0, 81559), Gpu(1, 40960)]),
        ("0, 81559\n1, 40960\n", "1", [Gpu(1, 40960)]),
        ("0, 81559\n", "-1", []),
        ("", None, []),
        ("No devices were found", None, []),
        ("0, [N/A]", None, []),
    ],
)
def test_what_nvidia_smi_says(monkeypatch, listed, visible, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=listed))
    assert find_gpus() == expected


def test_no_nvidia_smi_is_no_gpu(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    assert find_gpus() == []
