"""What an attack may go for on this machine, given away in a cell of its notebook, and whether it was touched.

A bait is a file, a socket or a process of the user who grades. Its address costs an attacker nothing (``bait[...]`` in
the notebook), so that what keeps the attack from it is the sandbox alone and not its ignorance. The secret is the only
thing that the cell does not hold.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

import psutil

__all__ = ["Baits"]

_VARIABLE = "AUTOGRADER_BAIT"
_ASLEEP = "import time; time.sleep(3600)"


class Baits:
    """Files, listeners, a secret and a bystander, for as long as the block lasts.

    secret: a word that stands in a file, in this process' environment and memory, and in no notebook; mark: the name
    that an attack gives to processes which should outlive it.
    """

    def __init__(self) -> None:
        self.secret = f"secret-{secrets.token_hex(16)}"
        self.mark = f"bait-{secrets.token_hex(4)}"
        self._folder = Path(tempfile.mkdtemp(prefix="autograder-baits-"))

    def __enter__(self) -> Self:
        self._folder.chmod(0o777)
        (self._folder / "secret.txt").write_text(self.secret)
        self._file = self._folder / "open_to_all.txt"
        self._file.write_text("untouched")
        self._file.chmod(0o666)
        os.environ[_VARIABLE] = self.secret
        self._listeners = {
            "tcp": _listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": _listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "path": _listener(socket.AF_UNIX, socket.SOCK_STREAM, str(self._folder / "socket")),
            "abstract": _listener(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self.mark}"),
        }
        (self._folder / "socket").chmod(0o777)
        self._bystander = subprocess.Popen([sys.executable, "-S", "-c", _ASLEEP], start_new_session=True)
        self._files = self._listing()
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._listeners.values():
            listener.close()
        self._bystander.kill()
        self._bystander.wait()
        os.environ.pop(_VARIABLE, None)
        shutil.rmtree(self._folder, ignore_errors=True)

    def cell(self, template: int) -> str:
        """Source of a cell that defines ``bait``, every address there is; template: process id of the template."""
        addresses = {
            "tcp": self._listeners["tcp"].getsockname(),
            "udp": self._listeners["udp"].getsockname(),
            "path": str(self._folder / "socket"),
            "abstract": self.mark,
            "folder": str(self._folder),
            "file": str(self._file),
            "secret file": str(self._folder / "secret.txt"),
            "secret variable": _VARIABLE,
            "bystander": self._bystander.pid,
            "template": template,
            "evaluator": os.getpid(),
            "mark": self.mark,
        }
        return f"bait = {addresses!r}"

    def touched(self) -> list[str]:
        """What was reached, written or stopped since the last call, in words."""
        found = [f"reached the {name} socket" for name, listener in self._listeners.items() if _has_visitor(listener)]
        if self._listing() != self._files:
            found.append("changed a file outside its scratch folder")
            self._files = self._listing()
        if self._bystander.poll() is not None or psutil.Process(self._bystander.pid).status() == psutil.STATUS_STOPPED:
            found.append("stopped another process")
        return found

    def survivors(self) -> list[int]:
        """Processes that carry the mark."""
        return [p.pid for p in psutil.process_iter(["name"]) if p.info["name"] == self.mark]

    def _listing(self) -> dict[str, bytes]:
        return {p.name: p.read_bytes() if p.is_file() else b"" for p in sorted(self._folder.iterdir())}


def _listener(family: int, kind: int, address: object) -> socket.socket:
    listener = socket.socket(family, kind)
    listener.bind(address)
    if kind == socket.SOCK_STREAM:
        listener.listen(8)
    listener.setblocking(False)
    return listener


def _has_visitor(listener: socket.socket) -> bool:
    """Whether anybody connected or sent something; takes all of it."""
    found = False
    with contextlib.suppress(BlockingIOError):
        while True:
            if listener.type == socket.SOCK_STREAM:
                listener.accept()[0].close()
            else:
                listener.recv(1)
            found = True
    return found
