"""A seccomp filter in classic BPF that refuses system calls no notebook needs.

A deny-list, on top of namespaces, capabilities and Landlock: it removes kernel surface (keyrings,
ptrace, mounts, namespaces, io_uring, bpf, perf), the socket families that no network namespace
empties, and memory outside of every process. Refused calls fail with ``EPERM``; ``clone3`` with
``ENOSYS``, so that libc falls back to ``clone``, whose flags a filter can read; larger socket buffers
are granted and not given. BPF as in linux/filter.h and linux/seccomp.h.
"""

from __future__ import annotations

import ctypes
import struct

from autograder.session.linux import ARCHITECTURE, prctl

__all__ = ["DENIED", "install"]

# name: (x86_64, aarch64); None where an architecture lacks the call.
DENIED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "process_madvise": (440, 440),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "statmount": (457, 457), "listmount": (458, 458),
    "unshare": (272, 97), "setns": (308, 268),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "fanotify_init": (300, 262),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, None), "ioperm": (173, None),
    # Memory that no process has mapped, and so nobody is charged for.
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190),
    "vhangup": (153, 58), "lookup_dcookie": (212, 18), "migrate_pages": (256, 238), "move_pages": (279, 239),
}  # fmt: skip
_CLONE, _SOCKET, _SETSOCKOPT, _CLONE3 = {"x86_64": (56, 41, 54, 435), "aarch64": (220, 198, 208, 435)}.get(ARCHITECTURE, (0, 0, 0, 0))
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NEW_NAMESPACES = 0x7E020000 | 0x80  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}
_FAMILIES = (1, 2, 10)  # unix, and IPv4 and IPv6 whose namespace is empty
_SOCK_RAW, _TYPE_MASK = 3, 0xF
_SOL_SOCKET, _SO_SNDBUF, _SO_RCVBUF = 1, 7, 8

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06  # ld [k]; and #k; ret #k
_JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET = 0x15, 0x35, 0x45
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NO_ERROR, _EPERM, _ENOSYS = 0x00050000, 0x00050000 | 1, 0x00050000 | 38
_NUMBER, _ARCH, _ARGUMENT_0, _ARGUMENT_1, _ARGUMENT_2 = 0, 4, 16, 24, 32  # offsets in struct seccomp_data


def _program() -> bytes:
    column = 0 if ARCHITECTURE == "x86_64" else 1
    denied = sorted(n for n in (numbers[column] for numbers in DENIED.values()) if n is not None)
    code: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH), (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH[ARCHITECTURE]), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        # x32 calls carry bit 30: the same calls under other numbers.
        (_JUMP_GREATER_EQUAL, 0, 1, 0x40000000), (_RETURN, 0, 0, _EPERM),
        (_JUMP_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ENOSYS),
    ]  # fmt: skip
    for number in denied:
        code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _EPERM)]
    code += [
        (_JUMP_EQUAL, 0, 8, _SETSOCKOPT), (_LOAD, 0, 0, _ARGUMENT_1), (_JUMP_EQUAL, 1, 0, _SOL_SOCKET), (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _ARGUMENT_2), (_JUMP_EQUAL, 2, 0, _SO_SNDBUF), (_JUMP_EQUAL, 1, 0, _SO_RCVBUF), (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NO_ERROR),
        (_JUMP_EQUAL, 0, 4, _CLONE), (_LOAD, 0, 0, _ARGUMENT_0), (_JUMP_SET, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _EPERM), (_RETURN, 0, 0, _ALLOW),
        (_JUMP_EQUAL, 1, 0, _SOCKET), (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _ARGUMENT_1), (_AND, 0, 0, _TYPE_MASK), (_JUMP_EQUAL, 0, 1, _SOCK_RAW), (_RETURN, 0, 0, _EPERM),
        (_LOAD, 0, 0, _ARGUMENT_0),
    ]  # fmt: skip
    for family in _FAMILIES:
        code += [(_JUMP_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOW)]
    code.append((_RETURN, 0, 0, _EPERM))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def install() -> None:
    """Put the filter on this thread and everything it starts; needs ``no_new_privs``.

    Raises ``OSError`` on an architecture without a table, or where the kernel refuses.
    """
    if ARCHITECTURE not in _AUDIT_ARCH:
        raise OSError(38, f"no seccomp table for {ARCHITECTURE}")

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    code = ctypes.create_string_buffer(_program())
    set_seccomp, mode_filter = 22, 2
    prctl(set_seccomp, mode_filter, ctypes.byref(Program(len(code) // 8, ctypes.addressof(code))))
