"""What a submission may see and use, as data: one object that mounts, Landlock and limits all follow."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["DEVICES", "HOME", "PUBLIC", "Policy", "library_paths"]

HOME = "/home/student"  # scratch: the notebook's working directory, a tmpfs
PUBLIC = "/public"  # what ships with the assignment: kit, data
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")  # bind mounts of the host's
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts",
    "/etc/alternatives", "/etc/nsswitch.conf", "/sys/devices/system/cpu",
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """Limits and visible paths of one submission's process tree.

    read: host paths shown read-only at the same place; public: (host path, name below ``/public``),
    read-only; devices: host device nodes; memory_mib: of the whole tree, above the warm interpreter;
    gpu_memory_mib: of the GPU that TensorFlow may take, 0 where there is none;
    processes: processes and threads; scratch_mib, scratch_inodes: the tmpfs; cpu_s: CPU seconds of one
    process; environment: variables set before the notebook starts.
    """

    read: tuple[str, ...] = ()
    public: tuple[tuple[str, str], ...] = ()
    devices: tuple[str, ...] = DEVICES
    memory_mib: int = 3072
    gpu_memory_mib: int = 0
    processes: int = 256
    scratch_mib: int = 256
    scratch_inodes: int = 20_000
    cpu_s: int = 600
    open_files: int = 512
    environment: dict[str, str] = field(default_factory=dict)

    def to_wire(self) -> dict:
        """Plain data for the template."""
        return asdict(self)

    @staticmethod
    def from_wire(data: dict) -> Policy:
        """Inverse of :meth:`to_wire`."""
        data = dict(data, read=tuple(data["read"]), devices=tuple(data["devices"]))
        return Policy(**dict(data, public=tuple(tuple(p) for p in data["public"])))


def library_paths() -> tuple[str, ...]:
    """The interpreter, its libraries and the system's: what any notebook may read.

    Folders that hold a course (a ``grading.yml``) are never among them, even where the environment
    lives inside one.
    """
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sysconfig.get_paths()["purelib"], *site.getsitepackages()}
    executable = str(Path(os.path.realpath(sys.executable)).parent.parent)
    wanted = [*_SYSTEM, *sorted(prefixes | {executable})]
    kept: list[str] = []
    for path in wanted:
        covered = any(path == k or path.startswith(k + "/") for k in kept)
        if os.path.lexists(path) and not covered and not (Path(path) / "grading.yml").exists():
            kept.append(path)
    return tuple(kept)
