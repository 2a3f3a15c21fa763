"""The box around a submission: what it refuses, what it survives, how it ends."""

import io
import time
import zipfile

import numpy as np
import psutil
import pytest

from autograder.session.client import SessionEnded, StudentError, TimedOut
from autograder.session.sandbox import LAYERS
from autograder.session.wire import HandleRef


def run(session, source: str, limit_s: float = 20.0) -> dict:
    """Run one cell; its outputs and error."""
    answer, _ = session.request("cell", 1, source, limit_s=limit_s)
    return answer


def printed(session, source: str) -> str:
    """What one cell prints to stdout."""
    return "".join(o["text"] for o in run(session, source)["outputs"] if o.get("name") == "stdout").strip()


def test_every_layer_holds_here(box):
    """On a Linux with user namespaces and Landlock nothing is missing."""
    layers = box().layers
    assert {layer: layers.get(layer) for layer in LAYERS if layers.get(layer) != "on"} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import socket; socket.create_connection(('1.1.1.1', 80), timeout=2)",
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('1.1.1.1', 53))",
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "open('/etc/shadow')",
        "open('/usr/written', 'w')",
        "import os; os.listdir('/root')",
        "import os; os.mknod('/home/student/device', 0o60000 | 0o600, os.makedev(8, 0))",
        "import os; os.setuid(0)",
        "import os; os.unshare(0x10000000) if hasattr(os, 'unshare') else open('/nowhere')",
        "open('/proc/1/mem', 'rb')",
        "open('/proc/1/environ').read()",
        "import os; os.kill(1, 9) or open('/nowhere')",
        "open('big', 'wb').write(bytes(300 << 20))",
        "import threading, time\nfor _ in range(2000): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
    ],
)
def test_the_box_refuses(box, source):
    """Network, foreign files, devices, other users, other processes, floods: an exception, and the notebook goes on."""
    session = box()
    assert run(session, source)["error"] is not None
    assert printed(session, "print('alive')") == "alive"


def test_a_memory_hog_gets_a_memory_error(box):
    """One array beyond the limit raises in Python and ends nothing."""
    session = box(memory_mib=512)
    assert run(session, "import numpy as np; np.ones(1 << 28)")["error"]["type"].endswith("MemoryError")
    assert printed(session, "print('alive')") == "alive"


def test_memory_is_limited_for_the_whole_tree(box):
    """Children share one allowance: each is below it, together they are above, and the box ends."""
    session = box(memory_mib=300)
    source = (
        "import numpy as np, os, time\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        a = np.ones(15 << 20)\n"
        "        time.sleep(30)\n"
        "        os._exit(0)\n"
        "time.sleep(30)"
    )
    with pytest.raises(SessionEnded) as ended:
        run(session, source, limit_s=25)
    assert ended.value.reason == "memory"


def test_nothing_outlives_the_box(box):
    """A daemon that left its session dies with the box."""
    session = box()
    source = (
        "import ctypes, os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        ctypes.CDLL(None).prctl(15, b'outliving', 0, 0, 0)\n"
        "        time.sleep(60)\n"
        "    os._exit(0)\n"
        "os.wait()"
    )
    run(session, source)

    def alive() -> list:
        return [p for p in psutil.process_iter(["name"]) if p.info["name"] == "outliving"]

    assert alive()
    session.close()
    deadline = time.monotonic() + 5
    while alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive()


def test_an_interrupt_keeps_the_notebook(box):
    """A loop in Python is interrupted; what was defined before is still there."""
    session = box()
    run(session, "kept = 7")
    with pytest.raises(TimedOut) as stopped:
        run(session, "while True: pass", limit_s=0.5)
    assert stopped.value.session_lives
    assert printed(session, "print(kept)") == "7"


def test_code_that_ignores_interrupts_is_ended(box):
    """Where an interrupt is not enough the box ends within the grace."""
    session = box()
    started = time.monotonic()
    with pytest.raises(TimedOut) as stopped:
        run(session, "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", limit_s=0.5)
    assert not stopped.value.session_lives
    assert time.monotonic() - started < 6


def test_exit_status_is_reported(box):
    """os._exit ends the box, and init says how."""
    with pytest.raises(SessionEnded) as ended:
        run(box(), "import os; os._exit(3)")
    assert (ended.value.reason, ended.value.status) == ("exit", 3)


def test_boxes_are_strangers(box):
    """Files and names of one submission are not there for the next."""
    first, second = box(), box()
    run(first, "open('note.txt', 'w').write('x'); import numpy; numpy.marked = True")
    assert printed(second, "import os, numpy; print(os.listdir('.'), hasattr(numpy, 'marked'))") == "[] False"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 1", ("execute_result", "text/plain")),
        ("from IPython.display import HTML, display; display(HTML('<b>x</b>'))", ("display_data", "text/html")),
        ("import matplotlib.pyplot as plt; plt.plot([1, 2]);", ("display_data", "image/png")),
        ("%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.imshow([[1]]); plt.show()", ("display_data", "image/png")),
    ],
)
def test_outputs_are_kept(box, source, expected):
    """Results, displays and figures come back as a notebook's outputs."""
    outputs = run(box(), source)["outputs"]
    assert any((o["output_type"], m) == expected for o in outputs for m in o.get("data", ()))


@pytest.mark.parametrize(
    "source",
    [
        "%%time\nx = 1",
        "%timeit -n1 -r1 1 + 1",
        "!pip install something",
        "%pip install something",
        "%matplotlib widget\nimport matplotlib.pyplot as plt",
        "%matplotlib qt5",
        "%load_ext tensorboard\n%tensorboard --logdir logs",
        "%load_ext autoreload\n%autoreload 2",
        "%tensorflow_version 2.x",
        "!echo hello",
        "exit()",
        "import otter\ngrader = otter.Notebook('a1.ipynb')\ngrader.check('q1')\ngrader.check_all()\ngrader.export(pdf=False)",
        "await __import__('asyncio').sleep(0)",
    ],
)
def test_notebook_habits_do_no_harm(box, source):
    """Magics, shell escapes, installers, otter's own cells and top-level await raise nothing."""
    assert run(box(), source)["error"] is None


def test_a_submissions_modules_run_when_it_has_been_read(box):
    """Nothing that was handed in is imported while the submission is read; afterwards its modules are at hand."""
    session = box()
    assert printed(session, "import sys\nprint('' in sys.path)") == "False"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("it.py", "# %%\nimport mine\n")
        archive.writestr("mine.py", "print('imported')\n")
    session.request("read", "it.zip", stream.getvalue(), "it", limit_s=20)
    assert printed(session, "import mine") == "imported"


def test_endless_output_is_cut(box):
    """A flood of text stays within its budget."""
    outputs = run(box(), "for _ in range(100_000): print('x' * 100)")["outputs"]
    assert sum(len(o["text"]) for o in outputs) < 80_000
    assert "output cut here" in outputs[-1]["text"]


def test_values_and_handles(box):
    """Plain data and arrays travel by value; anything else stays behind a handle."""
    session = box()
    run(session, "import tensorflow as tf\nt = tf.constant([[1., 2.]])\nd = {'w': t, 'l': [1, (2, None)]}\nclass A: pass\na = A()")
    (_, tensor), _ = session.request("lookup", "t", limit_s=5)
    assert tensor.dtype == np.float32
    assert tensor.tolist() == [[1.0, 2.0]]
    (_, mapping), _ = session.request("lookup", "d", limit_s=5)
    assert mapping["l"] == [1, (2, None)]
    (_, handle), _ = session.request("lookup", "a", limit_s=5)
    assert handle == HandleRef(handle.id, "A", False)


def test_a_students_exception_is_described(box):
    """Type and place of an exception come back, whatever its message does."""
    session = box()
    run(session, "class Nasty(Exception):\n    def __str__(self): raise SystemExit\ndef f():\n    raise Nasty")
    with pytest.raises(StudentError) as raised:
        session.request("observe", "f", [], {}, False, False, limit_s=5)
    assert raised.value.type_name == "Nasty"
    assert raised.value.description["line"] == 4


@pytest.mark.parametrize(("cell", "waits"), [("import time\ntime.sleep(60)", True), ("while True: pass", False)])
def test_a_time_out_tells_what_the_code_had_of_the_processor(box, cell, waits):
    """Init says how much CPU time the box used of the limit: hardly any, or what a busy machine leaves."""
    session = box()
    with pytest.raises(TimedOut) as raised:
        session.request("cell", 1, cell, limit_s=3.0)
    assert raised.value.cpu_s is not None
    assert (raised.value.cpu_s < 0.3) == waits
    assert raised.value.starved or not waits
    assert session.request("cell", 2, "6 * 7", limit_s=20)[0]["error"] is None


def test_an_answer_that_is_no_data_is_the_callers_error_and_ends_nothing(box):
    """A stand-in for a function that returns a model, say: the student's code gets an exception."""
    session = box()
    session.translate(lambda ref: ref, {"build": lambda kind, arguments: object()})
    session.request("stand_in", ["build"], limit_s=20)
    assert run(session, "build(3)")["error"]["type"] == "RuntimeError"
    assert printed(session, "print('alive')") == "alive"


def test_the_box_tells_its_memory(box):
    """The most that it has used, above the warm interpreter."""
    session = box()
    run(session, "x = bytearray(200 << 20); del x")
    run(session, "y = bytearray(150 << 20)\nimport time; time.sleep(0.3)")
    assert 150 < session.usage().peak_mib < 400
