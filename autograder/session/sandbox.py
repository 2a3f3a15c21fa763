"""Building the box around one submission, layer by layer; each layer reports whether it holds.

Three processes are involved (see the package's docstring): the *outer* process enters the new
namespaces, *init* builds the file system as pid 1, and the *student* process gives up every right
before it runs a line of the notebook. A layer that the kernel refuses is reported and left out;
whether grading may go on without it is the caller's decision (``--require-sandbox``).
"""

from __future__ import annotations

import functools
import os
import resource
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.session import landlock, linux, seccomp
from autograder.session.linux import MOUNT
from autograder.session.policy import HOME, PUBLIC, Policy

__all__ = [
    "LAYERS", "STUDENT_ID", "Layers", "build_root", "enter_namespaces", "give_up_rights", "missing_layers", "write_id_maps",
]  # fmt: skip

# Every layer, in the order in which it is put up.
LAYERS = (
    "user namespace", "mount namespace", "pid namespace", "network namespace", "ipc namespace", "uts namespace",
    "private root", "private /proc", "separate user", "session keyring", "limits", "no capabilities", "no new privileges",
    "landlock", "seccomp",
)  # fmt: skip
# Only root can give the student another user id; the other layers hold without it.
_EXTRA = ("separate user",)
STUDENT_ID = 1000  # user and group inside the user namespace
_OUTSIDE_ID = 2_000_000_000  # first of the host's ids that stand for students, where root maps them
_NAMESPACES = {
    "mount namespace": os.CLONE_NEWNS if hasattr(os, "CLONE_NEWNS") else 0x00020000,
    "pid namespace": 0x20000000,
    "network namespace": 0x40000000,
    "ipc namespace": 0x08000000,
    "uts namespace": 0x04000000,
}
_NEW_USER = 0x10000000


class Layers(dict[str, str]):
    """layer: ``"on"``, or why it is not."""

    def attempt(self, layer: str, action: Callable[[], object]) -> bool:
        """Put one layer up; an ``OSError`` is its report."""
        try:
            action()
        except (OSError, ValueError) as error:
            self[layer] = str(error)
            return False
        self[layer] = "on"
        return True


def missing_layers(layers: dict[str, str]) -> list[str]:
    """The layers that do not hold and that grading should not do without."""
    return [layer for layer in LAYERS if layers.get(layer) != "on" and layer not in _EXTRA]


def enter_namespaces(layers: Layers, map_ids: Callable[[], None]) -> None:
    """Unshare everything; ``map_ids`` asks the parent to write this process's id maps. Outer process."""
    layers.attempt("user namespace", lambda: (_unshare(_NEW_USER), map_ids()))
    for layer, flag in _NAMESPACES.items():
        layers.attempt(layer, lambda flag=flag: _unshare(flag))


def write_id_maps(pid: int, serial: int) -> None:
    """Map ids for a child that has just unshared its user namespace. Template process.

    Root gives the student a host id that owns nothing, its own for each submission; anyone else can
    only map themselves.
    """
    if os.geteuid() == 0:
        outside = _OUTSIDE_ID + serial % 1_000_000
        user = group = f"0 0 1\n{STUDENT_ID} {outside} 1\n"
    else:
        user, group = f"0 {os.geteuid()} 1\n", f"0 {os.getegid()} 1\n"
    folder = Path(f"/proc/{pid}")
    if os.geteuid() != 0:
        (folder / "setgroups").write_text("deny")
    (folder / "uid_map").write_text(user)
    (folder / "gid_map").write_text(group)


def build_root(policy: Policy, layers: Layers) -> str:
    """A root directory of allow-listed mounts; everything else does not exist. Init, as pid 1.

    Returns the scratch folder: ``HOME``, and without a root of the box's own one that the caller removes.
    """
    _maps_student(), _data_kib()  # looked up while there is a /proc
    if layers.get("mount namespace") == layers.get("pid namespace") == "on":  # or init could not see its processes
        layers.attempt("private root", lambda: _private_root(policy, layers))
    if layers.get("uts namespace") == "on":
        socket.sethostname("notebook")
    if layers.get("private root") == "on":
        return HOME
    scratch = tempfile.mkdtemp(prefix="autograder-scratch-")
    for source, name in policy.public:
        os.symlink(source, os.path.join(scratch, name))
    if layers.get("user namespace") == "on" and _maps_student():
        os.chown(scratch, STUDENT_ID, STUDENT_ID)
    return scratch


def _private_root(policy: Policy, layers: Layers) -> None:
    linux.mount("none", "/", None, MOUNT.REC | MOUNT.PRIVATE)
    root = "/tmp"
    shown = [_Shown.open(path, path) for path in policy.read]
    shown += [_Shown.open(device, device, read_only=False) for device in policy.devices]
    shown += [_Shown.open(source, f"{PUBLIC}/{name}") for source, name in policy.public]
    linux.mount("tmpfs", root, "tmpfs", MOUNT.NOSUID | MOUNT.NODEV, "size=1m,nr_inodes=4k,mode=755")
    owner = f"uid={STUDENT_ID},gid={STUDENT_ID}," if _maps_student() else ""
    _scratch(root + HOME, f"{owner}size={policy.scratch_mib}m,nr_inodes={policy.scratch_inodes},mode=700")
    _scratch(root + "/dev/shm", f"size={policy.scratch_mib}m,nr_inodes=1k,mode=1777")
    _scratch(root + "/tmp", f"size={policy.scratch_mib}m,nr_inodes=4k,mode=1777")
    for entry in shown:
        entry.mount_below(root)
    os.makedirs(root + "/proc")
    if layers.get("pid namespace") == "on":
        flags = MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC
        layers.attempt("private /proc", lambda: linux.mount("proc", root + "/proc", "proc", flags, "hidepid=2"))
    linux.pivot_root(root)


@dataclass(frozen=True)
class _Shown:
    """A path of the host that the box shows: opened before the new root covers anything, mounted after.

    link: what a symbolic link (``/lib`` on Debian) points to; it is made again instead of mounted.
    """

    target: str
    descriptor: int
    is_folder: bool
    link: str | None
    read_only: bool

    @staticmethod
    def open(source: str, target: str, *, read_only: bool = True) -> _Shown:
        link = os.readlink(source) if os.path.islink(source) else None
        exists = link is None and os.path.exists(source)
        descriptor = os.open(source, os.O_PATH | os.O_CLOEXEC) if exists else -1
        return _Shown(target, descriptor, os.path.isdir(source), link, read_only)

    def mount_below(self, root: str) -> None:
        place = root + self.target
        if (self.link is None and self.descriptor < 0) or os.path.lexists(place):
            return
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if self.link is not None:
            os.symlink(self.link, place)
            return
        os.mkdir(place) if self.is_folder else Path(place).touch()
        linux.mount(f"/proc/self/fd/{self.descriptor}", place, None, MOUNT.BIND | MOUNT.REC)
        if self.read_only:
            linux.mount_read_only(place)
        os.close(self.descriptor)


def _scratch(target: str, options: str) -> None:
    os.makedirs(target)
    linux.mount("tmpfs", target, "tmpfs", MOUNT.NOSUID | MOUNT.NODEV, options)


@functools.cache
def _maps_student() -> bool:
    return any(line.split()[0] == str(STUDENT_ID) for line in Path("/proc/self/uid_map").read_text().splitlines())


def give_up_rights(policy: Policy, layers: Layers, scratch: str) -> None:
    """The last steps, in this order, in the student process: nothing here can be undone afterwards."""
    layers.attempt("no capabilities", linux.empty_bounding_set)  # the right to do so goes with the user id
    if layers.get("user namespace") == "on" and _maps_student():
        layers.attempt("separate user", _become_student)
    else:
        layers["separate user"] = "only root can map another user"
    layers.attempt("session keyring", linux.join_new_session_keyring)
    layers.attempt("limits", lambda: _limit(policy))
    if layers["no capabilities"] == "on":
        layers.attempt("no capabilities", linux.capset_none)
    layers.attempt("no new privileges", lambda: linux.prctl(38, 1))
    os.chdir(scratch)
    os.environ["HOME"] = scratch
    own_root = layers.get("private root") == "on"
    read = [*policy.read, "/proc", *([PUBLIC] if own_root else [source for source, _ in policy.public])]
    write = [scratch, *policy.devices, *(["/tmp", "/dev/shm"] if own_root else [])]
    layers.attempt("landlock", lambda: landlock.restrict(read, write))
    layers.attempt("seccomp", seccomp.install)


def _become_student() -> None:
    os.setgroups([])
    os.setresgid(*[STUDENT_ID] * 3)
    os.setresuid(*[STUDENT_ID] * 3)
    linux.prctl(4, 1)  # dumpable again, or init could not read its memory use


def _limit(policy: Policy) -> None:
    mib = 1024 * 1024
    data_now = _data_kib() * 1024
    hard = {
        resource.RLIMIT_DATA: data_now + policy.memory_mib * mib,
        resource.RLIMIT_NPROC: policy.processes,
        resource.RLIMIT_FSIZE: policy.scratch_mib * mib,
        resource.RLIMIT_NOFILE: policy.open_files,
        resource.RLIMIT_CPU: policy.cpu_s,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for limit, value in hard.items():
        resource.setrlimit(limit, (value, value))


@functools.cache
def _data_kib() -> int:
    """What the warm interpreter takes already."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmData:"))


def _unshare(flag: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flag) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
