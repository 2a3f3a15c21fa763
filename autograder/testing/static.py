"""What a notebook's functions lead to, read from the source and never executed.

``reachable_names(cells)`` answers, for each top-level name, which library names its code can reach:
``{"backward": {"numpy.sum", "tensorflow.GradientTape"}, ...}``. References are followed through the
notebook's own functions, classes and module-level variables. A method is followed by its name only
where a single class defines it, and neither arrays nor dicts have one of that name: an accusation needs a
certain path.
"""

from __future__ import annotations

import ast
import functools
import re
import symtable
from collections import ChainMap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import translate

import numpy as np

__all__ = ["AUTODIFF", "RECORDS_OPERATIONS", "forbidden_names", "reachable_names"]

# Patterns of dotted names (tensorflow.keras.* and tensorflow.losses are written keras.*) that differentiate for the student.
AUTODIFF = (
    "tensorflow.GradientTape",
    "tensorflow.gradients",
    "tensorflow.hessians",
    "tensorflow.autodiff",
    "tensorflow.compat.v1.gradients",
    "tensorflow.compat.v1.train",
    "tensorflow.test.compute_gradient",
    "tensorflow.raw_ops.*CrossEntropy*",
    "tensorflow.python",
    "keras.optimizers",
    "jax",
    "torch",
    "autograd",
    "scipy.optimize.approx_fprime",
    "scipy.differentiate",
)
# Pseudo-name of a class that overloads arithmetic and has a backward pass: an autodiff engine.
RECORDS_OPERATIONS = "class.records_operations"

_ARITHMETIC = {"__add__", "__mul__", "__matmul__", "__sub__", "__truediv__", "__pow__"}
_KERAS_IN_TENSORFLOW = {"initializers", "losses", "metrics", "optimizers"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MAX_SOURCE = 200_000  # characters per cell; a longer one is not analysed
_MAX_NAMES = 400
# Methods of data: `x.sum()` says nothing about a class of the notebook that has a method `sum`.
_COMMON = frozenset(n for kind in (np.ndarray, np.random.Generator, dict, list, set, str, float) for n in dir(kind))


@dataclass
class _Definition:
    """One function, class, method or module-level variable: the names that its code mentions.

    earlier: what a variable was made from, as it was at that time; aliases: imports inside the code.
    """

    dotted: set[str] = field(default_factory=set)  # attribute chains as written, "tf.GradientTape"
    attributes: set[tuple[str, str]] = field(default_factory=set)  # last links, with the root: ("net", "backward")
    methods: dict[str, _Definition] = field(default_factory=dict)
    earlier: list[_Definition] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)


def reachable_names(cells: Iterable[str]) -> dict[str, set[str]]:
    """Library names that each top-level name of a notebook can reach.

    cells: Python sources (magics already transformed); cells that do not parse are passed over, and
    a later definition replaces an earlier one, as it does at run time.
    """
    aliases: dict[str, str] = {}
    definitions: dict[str, _Definition] = {}
    for source in cells:
        if len(source) > _MAX_SOURCE:
            continue
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for statement in tree.body:
            _read(statement, definitions, aliases)
    methods = _unique_methods(definitions)
    return {name: _closure(name, definitions, methods, aliases) for name in definitions}


def _read(statement: ast.stmt, definitions: dict[str, _Definition], aliases: dict[str, str]) -> None:
    """Take one statement in, as it would run: a name means what it was bound to last."""
    for name, target in _imports(statement).items():
        aliases[name] = target
        definitions.pop(name, None)
    found = _definitions(statement)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        for definition in found.values():
            roots = {dotted.partition(".")[0] for dotted in definition.dotted}
            definition.earlier = [definitions[root] for root in sorted(roots) if root in definitions]
    for name in found:
        aliases.pop(name, None)
    definitions.update(found)
    for block in ("body", "orelse", "finalbody", "handlers"):
        for nested in getattr(statement, block, []) if not isinstance(statement, _SCOPES) else []:
            _read(nested, definitions, aliases)


def forbidden_names(reached: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """The reached names that match a pattern or lie below it (``jax`` forbids ``jax.grad``)."""
    matching = _matching(tuple(patterns))
    return sorted(n for n in reached if matching(n))


@functools.cache
def _matching(patterns: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(translate(p + below) for p in patterns for below in ("", ".*")) or r"(?!)").match


def _imports(node: ast.AST) -> dict[str, str]:
    if isinstance(node, ast.Import):
        return {a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return {}


def _definitions(statement: ast.stmt) -> dict[str, _Definition]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return {statement.name: _mentions(statement)}
    if isinstance(statement, ast.ClassDef):
        return {statement.name: _class(statement)}
    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        return {name: _mentions(statement.value) for name in names}
    return {}


def _class(node: ast.ClassDef) -> _Definition:
    functions = [n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    rest = ast.Module([n for n in node.body if n not in functions], [])
    definition = _mentions(rest)
    for base in node.bases:
        definition.dotted |= _mentions(base).dotted
    definition.methods = {f.name: _mentions(f) for f in functions}
    names = set(definition.methods)
    if len(names & _ARITHMETIC) >= 2 and any("backward" in n or "grad" in n for n in names):
        definition.dotted.add(RECORDS_OPERATIONS)
    return definition


def _mentions(node: ast.AST) -> _Definition:
    found, outer = _Definition(), _outer_names(node)
    for child in ast.walk(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            found.aliases.update(_imports(child))
        if not isinstance(child, ast.Name | ast.Attribute | ast.Call):
            continue
        chain = _chain(child)
        if chain:
            root = chain.partition(".")[0]
            if root in outer:
                found.dotted.add(chain)
            if isinstance(child, ast.Attribute) and child.attr not in _COMMON:
                found.attributes.add((root if root in outer else "", child.attr))
    return found


def _outer_names(node: ast.AST) -> set[str]:
    """Names in a piece of code that mean something outside it: the parameter `params` is not the notebook's
    variable `params`. A name that is imported inside a function means the library there as well. Code that
    Python would refuse to run has none.
    """
    try:
        waiting = [symtable.symtable(ast.unparse(node), "<cell>", "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = set(waiting[0].get_identifiers())
    while waiting:
        scope = waiting.pop()
        names |= {s.get_name() for s in scope.get_symbols() if s.is_global() or s.is_imported()}
        waiting += scope.get_children()
    return names


def _chain(node: ast.AST) -> str | None:
    """``tf.nn.relu`` of an attribute chain; ``getattr(tf, "nn")`` counts as one."""
    links: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            links.append(node.attr)
            node = node.value
        elif _is_getattr(node):
            links.append(node.args[1].value)
            node = node.args[0]
        elif isinstance(node, ast.Name):
            return ".".join([node.id, *reversed(links)])
        else:
            return ".".join(["", *reversed(links)]) if links else None


def _is_getattr(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "getattr"
        and len(node.args) >= 2
        and isinstance(node.args[1], ast.Constant)
        and isinstance(node.args[1].value, str)
    )


def _unique_methods(definitions: dict[str, _Definition]) -> dict[str, _Definition]:
    seen: dict[str, list[_Definition]] = {}
    for definition in definitions.values():
        for name, method in definition.methods.items():
            seen.setdefault(name, []).append(method)
    return {name: found[0] for name, found in seen.items() if len(found) == 1}


def _closure(
    start: str, definitions: dict[str, _Definition], methods: dict[str, _Definition], aliases: dict[str, str]
) -> set[str]:
    reached: set[str] = set()
    done: set[int] = set()
    waiting = [definitions[start], *definitions[start].methods.values()]
    while waiting and len(reached) < _MAX_NAMES:
        current = waiting.pop()
        if id(current) in done:
            continue
        done.add(id(current))
        imported = ChainMap(current.aliases, aliases)
        waiting += current.earlier
        for dotted in current.dotted:
            root, _, rest = dotted.partition(".")
            if root in definitions and root not in current.aliases:
                waiting.append(definitions[root])
                waiting += [definitions[root].methods[m] for m in ("__init__", "__call__", "call") if m in definitions[root].methods]
            if root in imported:
                reached.add(_canonical(".".join(filter(None, [imported[root], rest]))))
            elif dotted == RECORDS_OPERATIONS:
                reached.add(dotted)
        waiting += [methods[a] for root, a in current.attributes if a in methods and root not in imported]
    return reached


def _canonical(dotted: str) -> str:
    for prefix in ("tensorflow.keras", "tf_keras", "tensorflow.python.keras"):
        if dotted == prefix or dotted.startswith(prefix + "."):
            return "keras" + dotted[len(prefix) :]
    library, _, rest = dotted.partition(".")
    if library == "tensorflow" and rest.split(".")[0] in _KERAS_IN_TENSORFLOW:
        return f"keras.{rest}"
    return dotted
