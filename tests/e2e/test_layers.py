"""Every layer of the sandbox is seen to work by what it refuses, and the test notices when it is taken out.

A template without TensorFlow forks boxes; each probe runs in a box with every layer, then in one without the layer
that it is about. What one layer covers for another is taken out in both.
"""

import ctypes
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from conftest import ROOT

from autograder.errors import GraderFault
from autograder.session.client import Session, SessionEnded
from autograder.session.policy import Policy, library_paths
from autograder.session.sandbox import LAYERS, missing_layers

# Boxes leave out the layers that their policy names; a key lies in the session keyring.
TEMPLATE = """
from autograder.session import init, linux, sandbox, template, warmup

warmup._IMPORTS = ("numpy", "autograder.session.student")
warmup.rehearse = lambda shell: None
attempt, run_outer = sandbox.Layers.attempt, init.run_outer
taken_out = set()

def attempt_unless_taken_out(self, layer, action):
    if layer not in taken_out:
        return attempt(self, layer, action)
    self[layer] = "taken out"
    return False

def outer(channel, lifeline, gate, policy, *more):
    taken_out.update(policy.environment.pop("WITHOUT").split(","))
    run_outer(channel, lifeline, gate, policy, *more)

sandbox.Layers.attempt, init.run_outer = attempt_unless_taken_out, outer
linux.join_new_session_keyring()
linux._libc.syscall({"x86_64": 248, "aarch64": 217}[linux.ARCHITECTURE], b"user", b"bait", b"x", 1, -3)
template.main()
"""
SHARED_MEMORY_KEY = 0x6C617965
# Layer -> an expression that is true where it holds; names in braces are the host's.
HOLDS = {
    "user namespace": "os.readlink('/proc/self/ns/user') != {user!r}",
    "mount namespace": "os.readlink('/proc/self/ns/mnt') != {mnt!r}",
    "pid namespace": "os.getppid() == 1",
    "network namespace": "refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', {udp!r}))",
    "ipc namespace": "libc.shmget({shm}, 1, 0) < 0",
    "uts namespace": "socket.gethostname() != {hostname!r}",
    "private root": "not os.path.lexists({file!r})",
    "private /proc": "[p for p in os.listdir('/proc') if p.isdigit()] == [str(os.getpid())]",
    "separate user": "os.getuid() == 1000",
    "session keyring": "libc.syscall({keyctl}, 10, -3, b'user', b'bait', 0) < 0",  # KEYCTL_SEARCH
    "limits": "refused(lambda: [os.dup(0) for _ in range(600)])",
    "no capabilities": "'CapBnd:\\t0000000000000000' in status",
    "no new privileges": "'NoNewPrivs:\\t1' in status",
    "landlock": "refused(lambda: os.listdir('/'))",
    "seccomp": "refused(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))",
}
COVERED_BY = {"session keyring": "seccomp", "ipc namespace": "seccomp"}
NO_BOX_WITHOUT = ("separate user",)  # where it could be had: the scratch folder is that user's
PROBE = """
import ctypes, os, socket

libc = ctypes.CDLL(None)
status = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""

def refused(action):
    try:
        action()
    except OSError:
        return True
    return False

try:
    print({condition})
except OSError:
    print(False)
"""


@pytest.fixture(scope="module")
def light_control(tmp_path_factory) -> Iterator[socket.socket]:
    """Control socket of a template that leaves out layers."""
    folder = tmp_path_factory.mktemp("template")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-c", TEMPLATE, str(theirs.fileno())]
    places = {"HOME": str(folder), "IPYTHONDIR": str(folder), "MPLCONFIGDIR": str(folder), "MPLBACKEND": "agg"}
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env={"PATH": os.environ["PATH"]} | places, cwd="/")
    theirs.close()
    ours.settimeout(120)
    assert ours.recv(16) == b"warm"
    yield ours
    ours.close()
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def host() -> Iterator[dict]:
    """What the probes look for outside of their box."""
    namespaces = {name: os.readlink(f"/proc/self/ns/{name}") for name in ("user", "mnt")}
    keyctl = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
    libc = ctypes.CDLL(None)
    segment = libc.shmget(SHARED_MEMORY_KEY, 4096, 0o1666)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        found = {"udp": udp.getsockname(), "shm": SHARED_MEMORY_KEY, "hostname": socket.gethostname(), "file": str(ROOT / "grading.yml")}
        yield namespaces | found | {"keyctl": keyctl}
    libc.shmctl(segment, 0, None)  # IPC_RMID


@pytest.fixture
def holds(light_control, host) -> Callable[..., bool]:
    """Whether ``layer`` is seen to hold in a box without the layers ``without``."""

    def function(layer: str, *without: str) -> bool:
        without = (*without, COVERED_BY.get(layer, ""))
        policy = Policy(read=library_paths(), environment={"WITHOUT": ",".join(without)})
        session = Session(light_control, policy, output_kib=16)
        try:
            assert {n for n, state in session.layers.items() if state == "taken out"} == set(without) - {""}
            answer, _ = session.request("cell", 1, PROBE.format(condition=HOLDS[layer].format(**host)), limit_s=30)
            return {"True\n": True, "False\n": False}["".join(o["text"] for o in answer["outputs"])]
        finally:
            session.close()

    return function


def test_every_layer_has_a_probe():
    """A new layer needs one here."""
    assert set(HOLDS) == set(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_holds_and_its_absence_is_seen(holds, layer):
    """The probe is refused with the layer, and gets through without it: no other layer hides its absence."""
    if layer == "separate user" and os.geteuid() != 0:
        pytest.skip("only root can map another user")
    assert holds(layer)
    if layer in NO_BOX_WITHOUT:
        with pytest.raises(GraderFault):
            holds(layer, layer)
    else:
        assert not holds(layer, layer)


NAMESPACES = [layer for layer in LAYERS if layer.endswith("namespace")]


def test_without_namespaces_there_is_still_a_box(light_control):
    """As in a container that forbids them: a scratch folder, a limit on the tree's memory, an end for every process."""
    policy = Policy(read=library_paths(), memory_mib=300, environment={"WITHOUT": ",".join(NAMESPACES)})
    session = Session(light_control, policy, output_kib=16)
    assert {*NAMESPACES, "private root"} <= set(missing_layers(session.layers))
    source = (
        "import ctypes, os, time\n"
        "open('mine.txt', 'w').write('x')\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        ctypes.CDLL(None).prctl(15, b'left-behind', 0, 0, 0)\n"
        "        time.sleep(60)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(os.getcwd(), os.path.expanduser('~'))"
    )
    answer, _ = session.request("cell", 1, source, limit_s=30)
    scratch, home = answer["outputs"][0]["text"].split()
    assert scratch == home
    assert Path(scratch, "mine.txt").exists()
    assert left_behind()
    hog = "import numpy as np, os\nfor _ in range(4):\n    if os.fork() == 0:\n        a = np.ones(15 << 20); time.sleep(30)\ntime.sleep(30)"
    with pytest.raises(SessionEnded, match="memory"):
        session.request("cell", 2, hog, limit_s=25)
    session.close()
    deadline = time.monotonic() + 5
    while (left_behind() or Path(scratch).exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left_behind()
    assert not Path(scratch).exists()


def left_behind() -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["name"]) if p.info["name"] == "left-behind"]
