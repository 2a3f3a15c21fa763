"""Wrong variants with a name: what students really write, kept beside the reference.

A course lists them in ``reference/misconceptions/<task>.py``::

    @misconception(question="q5", replaces="backward", caught_by="gradient of the penalty",
                   explanation="The penalty is squared, so its derivative carries a factor 2.")
    def l2_gradient_without_factor_two(params, x, y_hat, hidden, t, reg): ...

They serve twice: ``autograder validate`` proves that the hidden tests catch each one, and when a
student's answer fails, the evaluator runs the variants on the same inputs to see whether one
reproduces the student's numbers.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

__all__ = ["Misconception", "misconception", "misconceptions_of"]

_MARK = "__misconception__"


@dataclass(frozen=True)
class Misconception:
    """One wrong variant of one function.

    name: the variant's function name; question: such as ``q5``; replaces: the contract's function;
    caught_by: name of the hidden test case that must fail; explanation: words for the student.
    """

    name: str
    question: str
    replaces: str
    caught_by: str
    explanation: str
    function: Callable[..., Any]

    def source(self) -> str:
        """Python source that defines the variant and puts it in place of the contract's function.

        A variant may call the function that it replaces: ``build_cnn`` with another argument, say. In its source
        that one has another name, since the contract's name will mean the variant itself.
        """
        tree = ast.parse(textwrap.dedent(inspect.getsource(self.function)))
        definition = tree.body[0]
        definition.decorator_list = [
            d for d in definition.decorator_list if not (isinstance(d, ast.Call) and _is_mark(d.func))
        ]
        right = f"right_{self.replaces}"
        for node in ast.walk(definition):
            if isinstance(node, ast.Name) and node.id == self.replaces:
                node.id = right
        return f"{right} = {self.replaces}\n\n{ast.unparse(definition)}\n\n{self.replaces} = {self.name}\n"


def _is_mark(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "misconception"


def misconception(*, question: str, replaces: str, caught_by: str, explanation: str):
    """Register the decorated function as a wrong variant of ``replaces``."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        entry = Misconception(function.__name__, question, replaces, caught_by, explanation, function)
        setattr(function, _MARK, entry)
        return function

    return register


def misconceptions_of(module: ModuleType) -> list[Misconception]:
    """All variants that a module registers, in order of definition."""
    return [getattr(v, _MARK) for v in vars(module).values() if hasattr(v, _MARK)]
