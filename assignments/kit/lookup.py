"""Where data sets are looked for, in this order: DL_DATA, Keras' cache, a download, what every machine has."""

import functools
import os
import pickle
import socket
import threading
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, pickle.UnpicklingError)


def first(places, *arguments):
    """Return (what it read, its name) for the first place that can read it; (None, None) if none can.

    Args:
        places: dict of functions by name; each gets `arguments` and may raise any of UNREADABLE: the data are
            not there, not allowed or damaged, and the next place may have them.
    """
    for source, read in places.items():
        try:
            return read(*arguments), source
        except UNREADABLE:
            continue
    return None, None


def data_folder():
    """Return the folder that DL_DATA names; raise FileNotFoundError if it names none."""
    if not os.environ.get("DL_DATA"):
        raise FileNotFoundError("DL_DATA is not set")
    return Path(os.environ["DL_DATA"])


def keras_cache():
    """Return Keras' folder of downloaded data sets."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets"


@contextmanager
def download(url):
    """Let the block fetch something of that server; raise OSError where it is not to be had.

    Nothing waits long for a network that does not answer, and DL_OFFLINE=1 asks for nothing.
    """
    if os.environ.get("DL_OFFLINE", "0") not in ("", "0") or not answers(url):
        raise ConnectionError(f"{url} does not answer")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)
    try:
        yield
    except Exception as error:  # Keras words a failed download as a bare Exception
        raise ConnectionError(f"the download from {url} failed") from error
    finally:
        socket.setdefaulttimeout(before)


@functools.cache
def answers(url, timeout_s=4.0):
    """Whether a web server answers; asked once, in a thread, as looking up a name has no time limit."""
    found = threading.Event()

    def ask():
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        try:
            urlopen(Request(url, method="HEAD"), timeout=timeout_s).close()
        except HTTPError:
            pass  # an answer as well
        except (OSError, ValueError):
            return
        found.set()

    threading.Thread(target=ask, daemon=True).start()
    return found.wait(timeout_s)
