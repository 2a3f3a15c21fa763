"""What functions of the course answer to plain data. All submissions of a batch meet the same hidden inputs, and students
make the same mistakes: what was computed for one of them is looked up for the next."""

from __future__ import annotations

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from autograder.session.wire import WireError, encode
from autograder.testing.carry import as_data

__all__ = ["answer_of"]

_KEPT = 1024  # answers
_MAX_BYTES = 1 << 16  # of one that is kept
_known: OrderedDict[tuple[Callable[..., Any], bytes], Any] = OrderedDict()


def answer_of(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """``function(*args, **kwargs)`` with arrays for tensors, which is not to be changed; raises what the function raises.

    Computed on copies of the arguments. A function that is made anew for each call is asked each time.
    """
    key = _key(function, [list(args), kwargs])
    if key in _known:
        _known.move_to_end(key)
        return _known[key]
    value = as_data(function(*copy.deepcopy(args), **copy.deepcopy(kwargs)))
    if key is not None and _is_small(value):
        _known[key] = value
        if len(_known) > _KEPT:
            _known.popitem(last=False)
    return value


def _key(function: Callable[..., Any], arguments: list[Any]) -> tuple[Callable[..., Any], bytes] | None:
    if getattr(function, "__closure__", None):
        return None
    try:
        return function, hashlib.blake2b(encode(arguments), digest_size=20).digest()
    except WireError:  # something that has no value to go by
        return None


def _is_small(value: Any) -> bool:
    try:
        return len(encode(value)) <= _MAX_BYTES
    except WireError:
        return False
