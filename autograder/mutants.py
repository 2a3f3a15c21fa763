"""Wrong variants that nobody wrote: the reference's source with one small change each.

The named misconceptions are what authors expect. Mutants are what they did not think of: a sign flipped, an axis
forgotten, two operands swapped, a sum for a mean. A hidden test should fail each of them that computes something else,
and feedback that names a cause for one must be right about it.

The operators for arrays (axis, transpose, reduction, order of a matrix product) are those that tools for mutation
testing lack; the others are the classical ones, see Jia and Harman, "An Analysis and Survey of the Development of
Mutation Testing", 2011.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Mutant", "mutants_of"]

_Definition = ast.FunctionDef | ast.ClassDef
_Change = tuple[str, ast.AST]  # operator, what stands in the node's place

_OPERATIONS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
_COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
_ORDERED = (ast.Sub, ast.Div, ast.MatMult)
_REDUCTIONS = {
    "reduce_sum": "reduce_mean", "reduce_mean": "reduce_sum", "sum": "mean", "mean": "sum",
    "reduce_max": "reduce_min", "max": "min", "maximum": "minimum", "minimum": "maximum", "min": "max",
    "argmax": "argmin", "sin": "cos", "cos": "sin",
}  # fmt: skip
_AXES = {0: 1, 1: 0, -1: 0, -2: -1, 2: 1, 3: 2}
_NO_MAPS = frozenset({"append", "default_rng", "watch", "zeros", "ones"})  # their results are no arrays like the argument
_UNTOUCHED = frozenset({"decorator_list", "annotation", "returns"})


@dataclass(frozen=True)
class Mutant:
    """One changed reference.

    question: the first whose functions reach the change; function: in which it lies; operator: kind of change;
    line: in the reference; text: of the changed line as it stands in ``source``, which is that of the whole module.
    """

    question: str
    function: str
    operator: str
    line: int
    column: int
    before: str
    after: str
    text: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.function}:{self.line}:{self.column} {self.operator}: {self.before} → {self.after}"


def mutants_of(source: str, questions: Mapping[str, Iterable[str]]) -> list[Mutant]:
    """Every mutant of the functions and classes that ``questions`` name, and of the helpers that these reach.

    A helper belongs to the first question that reaches it. The order is that of the questions and of the source.
    """
    tree = ast.parse(source)
    definitions = {d.name: d for d in tree.body if isinstance(d, _Definition)}
    contract = {name for names in questions.values() for name in names}
    found: dict[str, Mutant] = {}  # by source: two operators can come to the same
    done: set[str] = set()
    for question, names in questions.items():
        for name in _with_helpers(names, definitions, contract):
            if name not in done:
                done.add(name)
                for mutant in _of_definition(question, definitions[name], tree):
                    found.setdefault(mutant.source, mutant)
    found.pop(ast.unparse(tree), None)
    return list(found.values())


def _with_helpers(names: Iterable[str], definitions: Mapping[str, _Definition], contract: set[str]) -> Iterator[str]:
    """``names``, and the helpers of the module that their code mentions, directly or not."""
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop(0)
        if name in definitions and name not in seen:
            seen.add(name)
            yield name
            mentioned = {n.id for n in ast.walk(definitions[name]) if isinstance(n, ast.Name)}
            waiting += sorted(mentioned - contract)


def _of_definition(question: str, definition: _Definition, tree: ast.Module) -> Iterator[Mutant]:
    lines = ast.unparse(tree).splitlines()
    places = sorted(_places(definition, definition.lineno), key=lambda place: place[:2])
    for line, column, node, put in places:
        for operator, other in (change for kind in _OPERATORS for change in kind(node)):
            put(other)
            source = ast.unparse(tree)
            put(node)
            text = next((new for new, old in zip(source.splitlines(), lines, strict=False) if new != old), "")
            yield Mutant(question, definition.name, operator, line, column, _words(node), _words(other), text.strip(), source)


def _places(node: ast.AST, line: int) -> Iterator[tuple[int, int, ast.AST, Callable[[ast.AST], None]]]:
    """(line, column, node, put) for each node below; ``put(other)`` puts another one in its place.

    Messages of exceptions, docstrings, annotations and decorators are left alone. So is what is inside of a check of
    the arguments, which right arguments never trip, and inside of ``axis=…``, which has an operator of its own.
    """
    for field, value in ast.iter_fields(node):
        if field in _UNTOUCHED:
            continue
        items = [(value, functools.partial(setattr, node, field))] if isinstance(value, ast.AST) else []
        if isinstance(value, list):
            items = [(v, functools.partial(value.__setitem__, i)) for i, v in enumerate(value) if isinstance(v, ast.AST)]
        for child, put in items:
            at = getattr(child, "lineno", line)
            yield at, getattr(child, "col_offset", 0), child, put
            if not _is_whole(child):
                yield from _places(child, at)


def _is_whole(node: ast.AST) -> bool:
    """Whether what lies inside of the node is left alone."""
    match node:
        case ast.Raise() | ast.JoinedStr() | ast.Expr(value=ast.Constant()) | ast.keyword(arg="axis"):
            return True
        case ast.If(body=[ast.Raise()]):
            return True
    return False


def _words(node: ast.AST) -> str:
    """The node on one line."""
    first, _, rest = ast.unparse(node).partition("\n")
    return f"{first} …" if rest else first or "(nothing)"


# --- the operators: each yields (its name, another node) for a node that it can change ----------------------------


def _sign(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield "sign", operand
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _OPERATIONS:
            yield "sign" if isinstance(op, ast.Add | ast.Sub) else "factor", _with(node, op=_OPERATIONS[type(op)]())


def _operands(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            if isinstance(op, _ORDERED):
                yield "operands swapped", _with(node, left=right, right=left)
            if isinstance(op, ast.Add | ast.Sub | ast.Mult | ast.Div):
                yield "term dropped", left
            if isinstance(op, ast.Add | ast.Mult):
                yield "term dropped", right


def _constant(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Constant(value=bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield from (("constant", ast.Constant(v)) for v in {0: (1,), 1: (0, 2), 2: (1, 3)}.get(value, (value + 1,)))
        case ast.Constant(value=float() as value):
            yield "constant", ast.Constant(1.0 if value in (0.0, 0.5) else value / 2)
            if value == 1.0:
                yield "constant", ast.Constant(0.0)


def _axis(node: ast.AST) -> Iterator[_Change]:
    if not isinstance(node, ast.Call):
        return
    for i, keyword in enumerate(node.keywords):
        if keyword.arg == "axis":
            others = node.keywords[:i] + node.keywords[i + 1 :]
            yield "axis", _with(node, keywords=others)
            axis = ast.literal_eval(keyword.value) if not ast.unparse(keyword.value).isidentifier() else None
            if axis in _AXES:
                yield "axis", _with(node, keywords=[*others, ast.keyword("axis", ast.Constant(_AXES[axis]))])


def _reduction(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Attribute(attr=name) if name in _REDUCTIONS:
            yield "reduction", _with(node, attr=_REDUCTIONS[name])
        case ast.Name(id="min" | "max" | "sum" as name):
            yield "reduction", _with(node, id={"min": "max", "max": "min", "sum": "max"}[name])


def _omitted_call(node: ast.AST) -> Iterator[_Change]:
    """A transpose, an activation, a root: what maps an array to an array."""
    match node:
        case ast.Attribute(value=value, attr="T"):
            yield "transpose dropped", value
        case ast.Call(func=ast.Attribute(attr="transpose"), args=[value, *_]):
            yield "transpose dropped", value
        case ast.Call(func=ast.Name() | ast.Attribute() as function, args=[value], keywords=[]):
            name = function.id if isinstance(function, ast.Name) else function.attr
            if name not in _NO_MAPS and not hasattr(builtins, name) and not isinstance(value, ast.Starred):
                yield "call dropped", value


def _comparison(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            yield "comparison", _with(node, ops=[_COMPARISONS[type(op)]()])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "comparison", operand


def _bound(node: ast.AST) -> Iterator[_Change]:
    """A slice or a range that begins or ends one place off."""
    match node:
        case ast.Slice(lower=lower, upper=upper, step=step):
            if step is not None:
                yield "slice", _with(node, step=None)
            if lower is not None or upper is not None:
                yield "slice", _with(node, lower=_one_more(lower) if lower else ast.Constant(1))
                yield "slice", _with(node, upper=_one_more(upper) if upper else ast.Constant(-1))
        case ast.Call(func=ast.Name(id="range"), args=[*_, last]):
            yield "slice", _with(node, args=[*node.args[:-1], ast.BinOp(last, ast.Sub(), ast.Constant(1))])


def _statement(node: ast.AST) -> Iterator[_Change]:
    """A statement without which the function still runs: an update, a condition, a second assignment."""
    match node:
        case ast.Expr(value=ast.Constant()):  # a docstring
            return
        case ast.AugAssign() | ast.Expr() | ast.If():
            yield "statement dropped", ast.Pass()
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield "statement dropped", ast.Pass()
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if any(
            isinstance(n, ast.Name) and n.id == name for n in ast.walk(value)
        ):
            yield "statement dropped", ast.Pass()


_OPERATORS = (_sign, _operands, _axis, _constant, _reduction, _omitted_call, _comparison, _bound, _statement)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """A copy with other ``fields``; what they hold is shared with the original, which is only read."""
    other = copy.copy(node)
    for field, value in fields.items():
        setattr(other, field, value)
    return other


def _one_more(bound: ast.expr) -> ast.expr:
    return ast.BinOp(bound, ast.Add(), ast.Constant(1))
