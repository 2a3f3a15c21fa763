"""A new assignment, laid out so that it validates at once: one question to look at and to replace.

    assignments/NAME/NAME.py            the notebook: prose, prompts, public checks
    reference/TASK.py                   the solution, from which the notebook takes its prompts
    reference/misconceptions/TASK.py    wrong variants with a name
    tests/hidden/NAME/q1.py             the hidden tests
    tests/submissions/NAME/*.py         a right and a wrong submission
    grading.yml                         an entry with points

TASK is NAME without a number in front: a12_topic -> topic. Nothing that exists is overwritten.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from autograder.config import FILE_NAME, read_course
from autograder.errors import UsageError

__all__ = ["create"]

SKELETON = files("autograder") / "skeleton"
PACKAGES = {
    "reference/__init__.py": '"""Reference solutions, one file per assignment: what a student reads after the deadline."""\n',
    "reference/misconceptions/__init__.py": '"""Wrong answers with a name: how students err, and the words that help them."""\n',
}


def create(root: Path, name: str, title: str) -> list[Path]:
    """Lay out assignment `name` in the course in `root`, which becomes one if it is none; returns what is new.

    Raises UsageError for a name that cannot be one, and where something of it exists already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UsageError(f"{name}: expected a name of lower-case letters, digits and _, such as a12_topic")
    task = re.sub(r"^a?\d+_", "", name)
    if not task.isidentifier() or keyword.iskeyword(task):
        raise UsageError(f"{name}: expected a word behind the number, such as a12_topic")
    if not title.isprintable() or '"' in title or "\\" in title:
        raise UsageError("--title: expected one line of text without double quotes and backslashes")
    if (root / FILE_NAME).is_file() and name in read_course(root).assignments:
        raise UsageError(f"{FILE_NAME}: there is an assignment {name} already")
    words = {"NAME": name, "TASK": task, "TITLE": title or task.replace("_", " ").capitalize()}
    texts = {root / place: _filled(template, words) for place, template in _places(name, task)}
    there = [path for path in texts if path.exists()]
    if there:
        raise UsageError(f"{there[0]}: exists already; choose another name than {name}")
    texts |= {path: text for path, text in _shared(root) if not path.exists()}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        _add_entry(root / FILE_NAME, words)
    except OSError as error:
        raise UsageError(f"{root}: cannot be written: {error.strerror}") from None
    return sorted({*texts, root / FILE_NAME})


def _places(name: str, task: str) -> Iterator[tuple[str, str]]:
    """(path in the course, template) of what belongs to the assignment alone."""
    yield f"assignments/{name}/{name}.py", "notebook.py"
    yield f"reference/{task}.py", "reference.py"
    yield f"reference/misconceptions/{task}.py", "misconceptions.py"
    yield f"tests/hidden/{name}/q1.py", "q1.py"
    for example in ("correct_loops.py", "wrong_whole_array.py"):
        yield f"tests/submissions/{name}/{example}", example


def _shared(root: Path) -> Iterator[tuple[Path, str]]:
    """What all assignments of a course share."""
    yield root / FILE_NAME, _filled(FILE_NAME, {})
    yield root / "assignments" / "requirements.txt", _filled("requirements.txt", {})
    for place, text in PACKAGES.items():
        yield root / place, text


def _filled(template: str, words: dict[str, str]) -> str:
    text = (SKELETON / f"{template}.in").read_text(encoding="utf-8")
    for key, word in words.items():
        text = text.replace(f"@{key}@", word)
    return text


def _add_entry(path: Path, words: dict[str, str]) -> None:
    """Add the assignment to grading.yml; comments and the rest of the file stay as they are."""
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(path.read_text(encoding="utf-8"))
    names = CommentedSeq(["standardise"])
    question = CommentedMap(points=4, names=names)
    for node in (names, question):
        node.fa.set_flow_style()
    assignments = document["assignments"]
    assignments.fa.set_block_style()
    assignments[words["NAME"]] = CommentedMap(
        title=words["TITLE"], reference=words["TASK"], questions=CommentedMap(q1=question), floor=0
    )
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
