"""Cut reference solutions into what a student is given and what is theirs to write.

The cut is marked in otter's way, so that `otter assign` can take the solution out:

    def relu(z):
        \"\"\"Compute the rectifier max(z, 0).\"\"\"
        # BEGIN SOLUTION
        return tf.maximum(z, 0)
        # END SOLUTION

A name that begins with an underscore is solution as a whole and leaves no trace in the student's copy.
"""

import ast
from pathlib import Path

from autograder.errors import UsageError

__all__ = ["MARKERS", "Reference"]

BEGIN, BEGIN_SILENT, END = "# BEGIN SOLUTION", "# BEGIN SOLUTION NO PROMPT", "# END SOLUTION"
MARKERS = frozenset({BEGIN, BEGIN_SILENT, END})

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Reference:
    """The functions, classes and constants that a reference module defines at top level."""

    def __init__(self, path: Path) -> None:
        """Read the module without running it; raises UsageError where that is not possible."""
        self.path = path
        try:
            source = path.read_text(encoding="utf-8")
            tree = ast.parse(source)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
        except (SyntaxError, ValueError) as error:
            raise UsageError(f"{path}: not valid Python: {error}") from None
        self._lines = source.splitlines()
        self._nodes = {name: node for node in tree.body for name in _defined_by(node)}

    def source(self, name: str) -> str:
        """The whole definition of `name`, decorators included."""
        node = self._node(name)
        return "\n".join(self._lines[_first_line(node) - 1 : node.end_lineno])

    def prompt(self, name: str) -> str:
        """The definition of `name` with otter's marks around all that a student has to find out."""
        node = self._node(name)
        if name.startswith("_") or not isinstance(node, Function | ast.ClassDef):
            return "\n".join([BEGIN_SILENT, self.source(name), END])
        return "\n".join(self._marked(node))

    def stub(self, name: str) -> str:
        """What is left of `prompt` for a student."""
        kept, inside = [], False
        for line in self.prompt(name).splitlines():
            inside = inside or line.strip() in (BEGIN, BEGIN_SILENT)
            if not inside:
                kept.append(line)
            inside = inside and line.strip() != END
        return "\n".join(kept)

    def _node(self, name: str) -> ast.stmt:
        if name not in self._nodes:
            raise UsageError(f"{self.path}: expected a definition of {name!r} at top level, found none")
        return self._nodes[name]

    def _marked(self, node: Function | ast.ClassDef) -> list[str]:
        """Lines of a function or class: head and docstring as they are, the rest marked."""
        if node.body[0].lineno == node.lineno:
            raise UsageError(f"{self.path}:{node.lineno}: put the body of {node.name!r} on lines of its own")
        indent = " " * node.body[0].col_offset
        decorators = self._lines[_first_line(node) - 1 : node.lineno - 1]
        outer = " " * node.col_offset
        lines = [outer + BEGIN_SILENT, *decorators, outer + END] if decorators else []
        has_docstring = ast.get_docstring(node, clean=False) is not None
        head_end = node.body[0].end_lineno if has_docstring else _first_line(node.body[0]) - 1
        lines += self._lines[node.lineno - 1 : head_end]
        if isinstance(node, ast.ClassDef):
            return lines + self._marked_members(node.body[has_docstring:], indent)
        return [*lines, indent + BEGIN, *self._lines[head_end : node.end_lineno], indent + END]

    def _marked_members(self, members: list[ast.stmt], indent: str) -> list[str]:
        """Lines of a class body: public methods become prompts of their own, the rest is solution."""
        lines: list[str] = []
        for member in members:
            if isinstance(member, Function) and (member.name[0] != "_" or member.name.startswith("__")):
                lines += ["", *self._marked(member)]
            else:
                whole = self._lines[_first_line(member) - 1 : member.end_lineno]
                lines += [indent + BEGIN_SILENT, "", *whole, indent + END]
        return lines


def _defined_by(node: ast.stmt) -> list[str]:
    """Names that a top-level statement defines."""
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _first_line(node: ast.stmt) -> int:
    """Number of the first line of a statement, decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
