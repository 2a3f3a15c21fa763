# class: files
# honest: poor
# probe: marks
# expect: score <= honest; status graded
# makes: start_up.zip
# in kernel: pytest and Python run them before anything is graded

"""Hand in `conftest.py`, `sitecustomize.py`, `usercustomize.py`, `pytest.ini`, `.pth` and IPython start-up files, which run by
themselves in whatever Python starts in that folder, and would patch the grader's checks there."""

import io
import zipfile

PATCH = """
import sys
print("FOUND", __name__, "was run")
import numpy
numpy.all = numpy.allclose = lambda *a, **k: True
"""


def content(notebook: str) -> bytes:
    names = ["conftest.py", "sitecustomize.py", "usercustomize.py", "pytest.ini", "setup.cfg", "x.pth", "__init__.py", "otter_config.json", "run_otter.py",
             ".ipython/profile_default/startup/00.py", ".ipython/profile_default/ipython_config.py", ".pythonrc", ".jupyter/jupyter_notebook_config.py", "tests/q5.py"]
    again = "\n# %%\nimport subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import numpy'], capture_output=True, text=True, timeout=7).returncode)\n"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a1_backprop.py", notebook + again)
        for name in names:
            archive.writestr(name, PATCH)
    return stream.getvalue()
