"""From the fork to the notebook: the outer process, init (pid 1 of the box) and the student process."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import time
from collections import deque
from pathlib import Path
from typing import Any

import msgpack

from autograder.session import linux, sandbox
from autograder.session.policy import HOME, Policy
from autograder.session.sandbox import Layers

__all__ = ["run_outer"]

_POLL_MS = 50
_SAMPLE_S = 0.5  # between two looks at the box's CPU time
_SAMPLES = 2000
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_SET_DUMPABLE = 4
_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER
_BUFFER_KIB = 208  # of a socket, net.core.wmem_max


def run_outer(
    channel: int, lifeline: int, gate: tuple[int, int], policy: Policy, serve: Any, output_kib: int
) -> None:
    """Outer process: enter the namespaces, start init, wait for it. Never returns.

    channel: to the evaluator, for the student process; lifeline: to the evaluator, for init;
    gate: (write, read) pipe ends that ask the template for this process's id maps.
    """
    _close_all_but(channel, lifeline, *gate)
    linux.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    layers = Layers()

    def map_ids() -> None:
        os.write(gate[0], b"m")
        if os.read(gate[1], 1) != b"k":
            raise OSError(1, "the id maps were refused")

    sandbox.enter_namespaces(layers, map_ids)
    init = os.fork()
    if init == 0:
        linux.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        _close_all_but(channel, lifeline)
        _run_init(channel, lifeline, policy, layers, serve, output_kib)
        os._exit(0)
    _close_all_but()
    os.waitpid(init, 0)
    os._exit(0)


def _run_init(channel: int, lifeline: int, policy: Policy, layers: Layers, serve: Any, output_kib: int) -> None:
    """Init: build the root, start the student process, guard it until the evaluator lets go."""
    os.setsid()
    linux.prctl(_ADOPT_ORPHANS, 1)  # as pid 1 does anyway
    scratch = sandbox.build_root(policy, layers)
    student = os.fork()
    if student == 0:
        os.setsid()
        os.close(lifeline)
        sandbox.give_up_rights(policy, layers, scratch)
        serve(socket.socket(fileno=channel), dict(layers), output_kib)
        os._exit(0)
    os.close(channel)
    # Where student and init share a user id, the kernel keeps from pid 1 every signal that it does not handle.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    linux.prctl(_SET_DUMPABLE, 0)
    _guard(socket.socket(fileno=lifeline), student, policy)
    if os.getpid() != 1:
        _end_processes()
    if scratch != HOME:
        shutil.rmtree(scratch, ignore_errors=True)


def _guard(lifeline: socket.socket, student: int, policy: Policy) -> None:
    """Pass interrupts on, watch the memory, tell CPU times, report the end; as pid 1 ends, every process of the box does."""
    poller = select.poll()
    poller.register(lifeline, select.POLLIN)
    cpu_times, peak_kib = _CpuTimes(), 0
    baseline_kib, limit_kib = _anonymous_kib("self"), policy.memory_mib * 1024
    while True:
        for _ in poller.poll(_POLL_MS):
            message = lifeline.recv(16)
            if not message:
                return
            if message == b"interrupt":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(student, signal.SIGINT)
            elif message.startswith(b"cpu "):
                _report(lifeline, {"cpu_s": cpu_times.within(float(message[4:])), "peak_mib": peak_kib / 1024})
        cpu_times.look()
        used_kib = _memory_kib(baseline_kib, limit_kib)
        peak_kib = max(peak_kib, used_kib)
        if used_kib > limit_kib:
            _report(lifeline, {"reason": "memory"})
            return
        pid, status = _reap()
        while pid:
            if pid == student:
                _report(lifeline, {"reason": "exit", "status": os.waitstatus_to_exitcode(status)})
                return
            pid, status = _reap()


class _CpuTimes:
    """Seconds of CPU that all processes of the box have used, looked at now and then."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque([(time.monotonic(), 0.0)], maxlen=_SAMPLES)

    def look(self) -> None:
        """Note the time, unless it was noted a moment ago."""
        if time.monotonic() - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((time.monotonic(), _cpu_s()))

    def within(self, seconds: float) -> float:
        """What was used in the last ``seconds``, as far as the samples tell."""
        since = time.monotonic() - seconds
        before = [used for at, used in self._samples if at <= since]
        return _cpu_s() - (before[-1] if before else self._samples[0][1])


def _cpu_s() -> float:
    """CPU time of all processes in the box but init, with what their reaped children used."""
    ticks = 0
    for process in _processes():
        ticks += sum(map(int, _stat(process)[11:15]))  # utime, stime, cutime, cstime
    return ticks / os.sysconf("SC_CLK_TCK")


def _processes() -> list[str]:
    """Ids of all processes in the box but init: whatever there is in a pid namespace, else those that descend from it."""
    if not os.path.exists("/proc/self"):
        return []
    everything = [p for p in os.listdir("/proc") if p.isdigit() and p != "1"]
    if os.getpid() == 1:
        return everything
    parents = {p: fields[1] for p in everything if (fields := _stat(p))}
    found, level = [], [str(os.getpid())]
    while level := [p for p, parent in parents.items() if parent in level]:
        found += level
    return found


def _stat(process: str) -> list[str]:
    """Fields of ``/proc/…/stat`` from the third on, the state; none where the process has just ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    return []


def _end_processes() -> None:
    """What the end of a pid namespace does by itself: kill everything, also what is forked meanwhile."""
    while left := _processes():
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(int(process), signal.SIGKILL)
        while _reap()[0]:
            pass
        time.sleep(0.01)


def _reap() -> tuple[int, int]:
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def _report(lifeline: socket.socket, event: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        lifeline.send(msgpack.packb(event))


def _memory_kib(baseline_kib: int, limit_kib: int) -> int:
    """Memory of all processes in the box above the warm interpreter.

    The cheap count charges every process with the pages it still shares with the template, less one
    baseline each; where that says too much, the proportional shares of the kernel decide.
    """
    processes = _processes()
    kernel = sum(map(_kernel_kib, processes))
    cheap = kernel + sum(max(0, _anonymous_kib(p) - baseline_kib) for p in processes)
    if cheap <= limit_kib:
        return cheap
    return kernel + sum(_sum_kib(p, "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for p in processes)


def _anonymous_kib(process: str) -> int:
    return _sum_kib(process, "status", ("RssAnon:", "RssShmem:"))


def _kernel_kib(process: str) -> int:
    """What the kernel keeps for a process: page tables, and as much as its descriptors' buffers may hold."""
    descriptors = _sum_kib(process, "status", ("FDSize:",))  # slots, no KiB; every process has 64
    return _sum_kib(process, "status", ("VmPTE:",)) + max(0, descriptors - 64) * _BUFFER_KIB


def _sum_kib(process: str, file: str, fields: tuple[str, ...]) -> int:
    try:
        # A process may call itself by any bytes.
        lines = Path(f"/proc/{process}/{file}").read_text(encoding="latin-1").splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(fields))


def _close_all_but(*kept: int) -> None:
    """Close every descriptor but ``kept``; 0, 1 and 2 become /dev/null."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    start = 3
    for descriptor in sorted(kept):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, 1 << 16)
