"""Words for the public checks: every helper either returns quietly or says in one sentence what is wrong.

Only NumPy is needed. Values may be NumPy arrays, TensorFlow tensors, variables or plain numbers;
a helper turns them into float64 arrays, so a check never depends on the type that a solution chose.
How an answer is compared, and with which words, is the same as when it is graded: that is `autograder_checking`, a
wheel beside this file, which Python imports as it is. There is nothing to install.

    expect_function(value, name)                the name is defined and can be called
    expect_array(value, what, shape)            a finite float array of that shape
    expect_scalar(value, what)                  one finite number
    expect_close(actual, expected, what)        equal shape and values; says how they differ, and where most
    expect_keys(value, keys, what)              a dict with exactly these keys
    expect_entries(value, count, what)          a tuple or list of that many entries
    expect_gradients(actual, f, params, what)   agrees with finite differences of f
    expect_unchanged(before, after, what)       an argument was not changed in place
    finite_difference(f, x)                     central differences of a scalar function
"""

import sys
from pathlib import Path

import numpy as np

sys.path[:0] = map(str, Path(__file__).parent.glob("autograder_checking-*.whl"))
try:
    from autograder_checking import CheckFailed, as_array, as_float, check_close, check_entries, check_keys
except ModuleNotFoundError:  # not in a student's folder but where work is graded: there they are part of the grader
    from autograder.checking import CheckFailed, as_array, as_float, check_close, check_entries, check_keys

__all__ = [
    "CheckFailed",
    "expect_array",
    "expect_close",
    "expect_entries",
    "expect_function",
    "expect_gradients",
    "expect_keys",
    "expect_scalar",
    "expect_unchanged",
    "finite_difference",
]

expect_keys = check_keys
expect_scalar = as_float


def expect_function(value, name):
    """Raise CheckFailed unless `value`, called `name` in the notebook, can be called."""
    if value is None:
        raise CheckFailed(f"`{name}` is not defined. Run the cell that defines it, then check again.")
    if not callable(value):
        raise CheckFailed(f"`{name}` is not a function but of type {type(value).__name__}.")


def expect_array(value, what, shape=None, floats=True):
    """Return `value` as a float64 array of the given shape.

    Args:
        value: what the function returned.
        what: its name in the message, for instance "hidden".
        shape: the expected shape as a tuple; None accepts every shape.
        floats: whether a boolean or integer dtype is a mistake.

    Raises:
        CheckFailed: if it is None, no array of numbers, of another shape or dtype, or not finite.
    """
    array, dtype = as_array(value, what, shape), np.asarray(value).dtype
    if floats and dtype.kind in "biu":
        raise CheckFailed(f"{what}: expected floats, got dtype {dtype}.")
    return array


def expect_close(actual, expected, what, rtol=1e-4, atol=1e-6):
    """Raise CheckFailed unless shapes are equal and |actual - expected| <= rtol*|expected| + atol*max(1, max|expected|).

    The message says how they differ, and what stands at the place where they differ most.
    """
    expected, actual = np.asarray(expected, dtype=np.float64), as_array(actual, what, finite=False)
    try:
        check_close(actual, expected, what, rtol, atol)
    except CheckFailed as failure:
        raise CheckFailed("\n".join([str(failure), *_worst(actual, expected)])) from None


def expect_entries(value, count, what):
    """Return the entries of `value`; raise CheckFailed unless it is a tuple or list of `count` of them."""
    check_entries(value, count, what)
    return value


def expect_gradients(actual, f, params, what, rtol=1e-2, atol=1e-3):
    """Raise CheckFailed unless the dict `actual` agrees with finite differences of `f(params)`.

    Args:
        actual: the gradients, a dict with the keys and shapes of `params`.
        f: a function of such a dict that returns one number.
        params: dict of float arrays, the point at which to differentiate.
        what: the name of `actual` in messages.
    """
    expect_keys(actual, params, what)
    for key in params:
        expected = finite_difference(lambda value, key=key: f({**params, key: value}), params[key])
        expect_close(actual[key], expected, f"{what}[{key!r}]", rtol, atol)


def expect_unchanged(before, after, what):
    """Raise CheckFailed if the array or dict of arrays `after` differs from its copy `before`."""
    if hasattr(before, "keys"):
        for key in before:
            expect_unchanged(before[key], after.get(key), f"{what}[{key!r}]")
    elif after is None or not np.array_equal(np.asarray(before), np.asarray(after)):
        raise CheckFailed(f"{what} was changed in place; work on a copy.")


def finite_difference(f, x, eps=1e-2):
    """Return df/dx by central differences, (f(x+eps) - f(x-eps)) / (2 eps) for each entry of `x`.

    The step is large because solutions may compute in float32, whose rounding is divided by eps as well;
    the error of order eps**2 stays far below the tolerance of the checks.

    Args:
        f: function of an array like `x` that returns one number.
        x: float array of any shape.
    """
    x = np.asarray(x)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = eps
        rise = expect_scalar(f(x + step), "the loss") - expect_scalar(f(x - step), "the loss")
        gradient[index] = rise / (2 * eps)
    return gradient


def _worst(actual, expected):
    """Yield what stands at the place of the largest error: the answer to a public check is no secret."""
    if actual.shape == expected.shape and actual.size:
        error = np.nan_to_num(np.abs(actual - expected), nan=np.inf)
        where = np.unravel_index(np.argmax(error), error.shape)
        place = f"At [{', '.join(map(str, where))}] it" if where else "It"
        yield f"{place} is {actual[where]:.6g}, but should be {expected[where]:.6g}."
