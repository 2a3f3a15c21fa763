"""Calling the student's functions, the same way in both worlds.

Under isolated grading ``env`` is a :class:`RemoteNamespace` that observes the call beside the student's
objects; under stock otter it is the student's own namespace, and the same probe runs right here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from autograder.checking import CheckFailed
from autograder.testing import static
from autograder.testing.probes import Observation, is_compiled, observe

__all__ = ["RemoteNamespace", "by_hand", "call", "loss_functions"]

_LOSSES = ("loss", "cross_entropy", "forward")


class RemoteNamespace(ABC):
    """A student's namespace that lives in another process."""

    @abstractmethod
    def observe(
        self,
        name: str,
        args: tuple,
        kwargs: dict[str, Any],
        watch_autodiff: bool,
        remember: bool = False,
        eager: bool = False,
    ) -> Observation:
        """What the student's ``name(*args, **kwargs)`` did there."""

    @abstractmethod
    def reachable_names(self, name: str) -> set[str]:
        """Library names that the code of ``name`` can lead to."""


def call(
    env: Mapping[str, Any],
    name: str,
    *args: Any,
    may_change: tuple[int, ...] = (),
    remember: bool = False,
    eager: bool = False,
    **kwargs: Any,
) -> Any:
    """The value of the student's ``name(*args, **kwargs)``; fails if an argument was changed in place.

    may_change: positions, from 0, of arguments that the contract lets the function change; remember: another case may
    take the value of an equal call that was made for the same submission, as for a training run that several look at;
    eager: compiled functions run op by op, which is quicker where they run only a few times.
    """
    observed = _observe(env, name, args, kwargs, watch_autodiff=False, remember=remember, eager=eager)
    _reject_changes(name, observed.changed, may_change)
    return observed.value


def by_hand(
    env: Mapping[str, Any],
    name: str,
    *args: Any,
    forbidden: tuple[str, ...] = (),
    allowed: tuple[str, ...] = (),
    may_change: tuple[int, ...] = (),
    **kwargs: Any,
) -> Any:
    """Like :func:`call`, for functions that must be derived by hand.

    Fails where the source reaches, or the call uses, automatic differentiation or ``forbidden`` names
    (dotted patterns such as ``"keras.losses.*"``), and where the student's own loss functions run once
    or more for each parameter, which is how finite differences show. ``allowed`` names are let through:
    a training loop whose update rule is by hand may pass ``("tensorflow.GradientTape",)``, and may then
    evaluate its loss as often as it likes.
    """
    reached = env.reachable_names(name) if isinstance(env, RemoteNamespace) else _local_names(env, name)
    found = static.forbidden_names(reached, (*static.AUTODIFF, static.RECORDS_OPERATIONS, *forbidden))
    found = [n for n in found if not static.forbidden_names([n], allowed)]
    if found:
        used = "a class that records operations" if found[0] == static.RECORDS_OPERATIONS else f"`{found[0]}`"
        raise CheckFailed(f"`{name}` must be written by hand, but its code leads to {used}.")
    observed = _observe(env, name, args, kwargs, watch_autodiff=True)
    used = sorted(u for u in observed.autodiff if not static.forbidden_names([u.replace("tf.", "tensorflow.", 1)], allowed))
    if used:
        raise CheckFailed(f"`{name}` must be written by hand, but it used `{used[0]}`.")
    elements = _elements(args[0]) if args and not allowed else 0
    for function, count in observed.calls.items():
        if function != name and elements > 8 and count >= elements:
            raise CheckFailed(f"`{name}` must be written by hand, but it ran a loss or forward pass for each parameter: finite differences.")
    _reject_changes(name, observed.changed, may_change)
    return observed.value


def _observe(
    env: Mapping[str, Any], name: str, args: tuple, kwargs: dict, watch_autodiff: bool, remember: bool = False, eager: bool = False
) -> Observation:
    if isinstance(env, RemoteNamespace):
        return env.observe(name, args, kwargs, watch_autodiff, remember, eager)
    function = env.get(name)
    if function is None:
        raise CheckFailed(f"`{name}` is not defined.")
    if not callable(function):
        raise CheckFailed(f"`{name}` is not a function.")
    watched = loss_functions(env, name) if watch_autodiff else None
    return observe(function, args, kwargs, watch_autodiff=watch_autodiff, watch_calls=watched, eager=eager)


def loss_functions(env: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a finite-difference gradient would run again and again: code or compiled function by name.

    Functions of the notebook that are called loss or forward pass, inner ones too, but for ``name`` itself.
    """
    found: dict[str, Any] = {}
    for key, value in dict(env).items():
        if isinstance(value, FunctionType):
            inner = [code for code in _inner(value.__code__) if code.co_name.endswith(_LOSSES)]
            found |= {code.co_qualname: code for code in inner}
        if isinstance(key, str) and key.endswith(_LOSSES) and key != name:
            if isinstance(value, FunctionType):
                found[key] = value.__code__
            elif is_compiled(value):
                found[key] = value
    return found


def _inner(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner(constant)


def _local_names(env: Mapping[str, Any], name: str) -> set[str]:
    cells = env.get("In")
    return static.reachable_names(cells).get(name, set()) if isinstance(cells, list) else set()


def _reject_changes(name: str, changed: list[str], may_change: tuple[int, ...] = ()) -> None:
    free = {f"argument {position + 1}" for position in may_change}
    changed = [path for path in changed if path.partition("[")[0] not in free]
    if changed:
        raise CheckFailed(f"`{name}` changed its {changed[0]} in place; work on a copy.")


def _elements(params: Any) -> int:
    values = params.values() if isinstance(params, dict) else params if isinstance(params, list | tuple) else [params]
    return sum(_elements(v) if isinstance(v, dict | list | tuple) else int(np.size(v)) for v in values)
