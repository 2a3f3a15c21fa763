"""Landlock: an unprivileged process gives up paths, TCP and signals for itself and its children.

Rights and structures as in ``linux/landlock.h``; https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

from autograder.session.linux import landlock_abi, syscall

__all__ = ["restrict"]

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE = 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | 1 << 15
_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_FROM_ABI_5 = (1 << 16) - 1  # with device ioctl
_ALL_TCP = 3  # bind and connect
_SCOPES = 3  # abstract unix sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32)]


def restrict(read: Iterable[str], write: Iterable[str]) -> None:
    """Allow reading and executing below ``read``, everything below ``write``, and nothing else, for good.

    Paths that do not exist are passed over. Needs ``no_new_privs``. Raises ``OSError`` where the kernel
    has no Landlock.
    """
    abi = landlock_abi()
    if abi < 1:
        raise OSError(38, "this kernel has no Landlock")
    handled = _ALL_BY_ABI.get(abi, _ALL_FROM_ABI_5)
    ruleset = _Ruleset(handled, _ALL_TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    descriptor = syscall("landlock_create_ruleset", ctypes.byref(ruleset), size, 0)
    try:
        for path in read:
            _allow(descriptor, path, _READ & handled)
        for path in write:
            _allow(descriptor, path, handled)
        syscall("landlock_restrict_self", descriptor, 0)
    finally:
        os.close(descriptor)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS
        syscall("landlock_add_rule", ruleset, 1, ctypes.byref(_PathRule(rights, descriptor)), 0)
    finally:
        os.close(descriptor)
