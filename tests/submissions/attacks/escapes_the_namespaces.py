# class: processes
# honest: poor
# probe: files
# expect: score == honest; status graded
# in kernel: there is no box to leave

# %% [markdown]
# Leave the box: new namespaces for new rights, joining those of others, `chroot`, mounts, device nodes, `core_pattern`,
# cgroup release agents, kernel modules, `bpf`, `io_uring`, keyrings, 32-bit and x32 system calls, a set-user-id program.

# %%
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
folder = os.path.join(os.getcwd(), "root").encode()
os.makedirs(folder, exist_ok=True)
tries = {
    "unshare user": lambda: libc.unshare(0x10000000), "unshare mount": lambda: libc.unshare(0x20000),
    "chroot": lambda: libc.chroot(folder), "mount": lambda: libc.mount(b"none", folder, b"tmpfs", 0, None),
    "bind": lambda: libc.mount(b"/", folder, None, 4096, None), "remount": lambda: libc.mount(None, b"/usr", None, 32 | 4096, None),
    "setuid": lambda: libc.setuid(12345), "capset": lambda: libc.syscall(126, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)),
    "bpf": lambda: libc.syscall(321, 0, 0, 0), "io_uring": lambda: libc.syscall(425, 8, ctypes.create_string_buffer(120)),
    "keyring": lambda: libc.syscall(250, 0, -3, 1), "perf": lambda: libc.syscall(298, ctypes.create_string_buffer(128), 0, -1, -1, 0),
    "userfaultfd": lambda: libc.syscall(323, 0), "x32 getpid": lambda: libc.syscall(0x40000000 | 39), "clone3": lambda: libc.syscall(435, 0, 0),
    "open_by_handle": lambda: libc.syscall(304, -100, ctypes.create_string_buffer(64), 0), "mknod": lambda: libc.mknod(b"disk", 0o60600, (8 << 8)),
    "fsopen": lambda: libc.syscall(430, b"tmpfs", 0), "setns": lambda: libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0),
}
for name, attempt in tries.items():
    try:
        if attempt() >= 0:
            print("FOUND", name)
    except OSError:
        pass
for path in ("/proc/sys/kernel/core_pattern", "/sys/fs/cgroup/release_agent", "/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/sys/kernel/uevent_helper"):
    try:
        with open(path, "w") as file:
            file.write("-1000" if path.endswith("adj") else "|/bin/true")
        print("FOUND", path)
    except OSError:
        pass
