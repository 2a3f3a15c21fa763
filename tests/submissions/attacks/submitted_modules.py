# class: files
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# makes: modules.zip
# in kernel: otter puts the notebook's folder on the path: the tests import them

"""Hand in modules with the names of those that the tests import: `tensorflow.py`, `numpy/`, `otter/`, `autograder/`, `kit/`,
`reference/`, `random.py`, `json.py`. First on the path wins, and these agree with everything."""

import io
import zipfile

AGREES = """
class Agrees:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __eq__(self, other): return True
check = check_close = as_array = as_float = call = by_hand = allclose = Agrees()
def __getattr__(name): return Agrees()
"""


def content(notebook: str) -> bytes:
    names = ["tensorflow.py", "numpy/__init__.py", "otter/__init__.py", "otter/test_files.py", "autograder/__init__.py", "autograder/testing.py", "kit/__init__.py",
             "reference/__init__.py", "reference/backprop.py", "random.py", "json.py", "msgpack.py", "socket.py", "keras/__init__.py", "IPython/__init__.py"]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a1_backprop.py", notebook + "\n# %%\nfor name in ('numpy', 'tensorflow', 'autograder', 'msgpack'):\n    import sys\n    sys.modules.pop(name, None)\n")
        for name in names:
            archive.writestr(name, AGREES)
    return stream.getvalue()
