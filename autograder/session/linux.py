"""The few Linux system calls that Python does not offer, each raising ``OSError`` on failure."""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path

__all__ = ["ARCHITECTURE", "MOUNT", "capset_none", "collapse_memory", "empty_bounding_set", "join_new_session_keyring", "landlock_abi", "mount", "mount_read_only", "pivot_root", "prctl", "syscall", "umount"]

ARCHITECTURE = platform.machine()
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

# x86_64 and the generic table that aarch64 uses; the calls since 5.x have one number everywhere.
_NUMBERS = {
    "x86_64": {"pivot_root": 155, "capset": 126, "keyctl": 250},
    "aarch64": {"pivot_root": 41, "capset": 91, "keyctl": 219},
}.get(ARCHITECTURE, {}) | {
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}


class MOUNT:
    """Flags of mount(2) and umount2(2)."""

    NOSUID, NODEV, NOEXEC = 2, 4, 8
    BIND, REC, PRIVATE = 4096, 16384, 1 << 18
    DETACH = 2


def syscall(name: str, *args: object) -> int:
    """Call ``name``; raises ``OSError`` with its errno, ``ENOSYS`` where this machine has no number for it."""
    if name not in _NUMBERS:
        raise OSError(38, f"{name} on {ARCHITECTURE}")
    arguments = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return _checked(_libc.syscall(ctypes.c_long(_NUMBERS[name]), *arguments), name)


def prctl(option: int, *args: object) -> int:
    """prctl(2)."""
    padded = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in (*args, 0, 0, 0, 0)[:4]]
    return _checked(_libc.prctl(option, *padded), "prctl")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """mount(2)."""
    arguments = [source.encode(), target.encode(), kind.encode() if kind else None]
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def umount(target: str, flags: int) -> None:
    """umount2(2)."""
    _checked(_libc.umount2(target.encode(), flags), f"umount {target}")


def mount_read_only(target: str) -> None:
    """Make a mount and everything below it read-only, without devices and set-user-id (Linux 5.12)."""

    class Attributes(ctypes.Structure):
        _fields_ = [(n, ctypes.c_uint64) for n in ("set", "clear", "propagation", "userns")]

    read_only, no_suid, no_dev, at_recursive = 1, 2, 4, 0x8000
    attributes = Attributes(set=read_only | no_suid | no_dev)
    size = ctypes.sizeof(attributes)
    syscall("mount_setattr", -100, ctypes.c_char_p(target.encode()), at_recursive, ctypes.byref(attributes), size)


def pivot_root(new_root: str) -> None:
    """Make ``new_root`` the root directory and let go of the old one."""
    os.chdir(new_root)
    syscall("pivot_root", ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    umount(".", MOUNT.DETACH)
    os.chdir("/")


def collapse_memory() -> None:
    """Put this process's private memory into huge pages (Linux 6.1): a fork then copies a five-hundredth of the tables."""
    huge, collapse = 1 << 21, 25
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, _, _, inode, *name = line.split()
        if "w" in rights and inode == "0" and name in ([], ["[heap]"]):
            start, end = (int(number, 16) for number in place.split("-"))
            for address in range(-(-start // huge) * huge, end - huge + 1, huge):
                _libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(huge), collapse)  # refused where nothing is


def empty_bounding_set() -> None:
    """No program that is executed from here on gets a capability; needs the right to say so, ``CAP_SETPCAP``."""
    drop_bounding, is_in_bounding = 24, 23
    for capability in range(64):
        try:
            prctl(is_in_bounding, capability)
        except OSError:  # the kernel knows no more of them
            return
        prctl(drop_bounding, capability)


def capset_none() -> None:
    """Drop every capability: ambient, effective, permitted and inheritable."""
    ambient, clear_all = 47, 4
    prctl(ambient, clear_all)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    syscall("capset", header, (ctypes.c_uint32 * 6)())


def join_new_session_keyring() -> None:
    """Leave the inherited session keyring for an empty one."""
    syscall("keyctl", 1, None)


def landlock_abi() -> int:
    """The kernel's Landlock version, 0 where there is none."""
    try:
        return syscall("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def _checked(result: int, what: str) -> int:
    if result < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{what}: {os.strerror(errno)}")
    return result
