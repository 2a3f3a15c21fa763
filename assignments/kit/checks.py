"""Words for the public checks: every helper either returns quietly or says in one sentence what is wrong.

Only NumPy is needed. Values may be NumPy arrays, TensorFlow tensors, variables or plain numbers;
a helper turns them into float64 arrays, so a check never depends on the type that a solution chose.

    expect_function(value, name)                the name is defined and can be called
    expect_array(value, what, shape)            a finite float array of that shape
    expect_scalar(value, what)                  one finite number
    expect_close(actual, expected, what)        equal shape and values; says how they differ
    expect_keys(value, keys, what)              a dict with exactly these keys
    expect_entries(value, count, what)          a tuple or list of that many entries
    expect_gradients(actual, f, params, what)   agrees with finite differences of f
    expect_unchanged(before, after, what)       an argument was not changed in place
    finite_difference(f, x)                     central differences of a scalar function
"""

import numpy as np


class CheckError(AssertionError):
    """A public check failed; the text says what to look at."""


def expect_function(value, name):
    """Raise CheckError unless `value`, called `name` in the notebook, can be called."""
    if value is None:
        raise CheckError(f"{name} is not defined. Run the cell that defines it, then check again.")
    if not callable(value):
        raise CheckError(f"{name} should be a function, but it is of type {type(value).__name__}.")


def expect_array(value, what, shape=None, floats=True):
    """Return `value` as a float64 array of the given shape.

    Args:
        value: what the function returned.
        what: its name in the message, for instance "forward: hidden".
        shape: the expected shape as a tuple; None accepts every shape.
        floats: whether a boolean or integer dtype is a mistake.

    Raises:
        CheckError: if it is None, no array of numbers, of another shape or dtype, or not finite.
    """
    array = _numbers(value, what)
    if floats and array.dtype.kind not in "fV":  # V: bfloat16, which NumPy does not know by name
        raise CheckError(f"{what} should hold floats, but its dtype is {array.dtype}.")
    if shape is not None and array.shape != tuple(shape):
        raise CheckError(f"{what} should have shape {tuple(shape)}, but it has shape {array.shape}.")
    array = array.astype(np.float64)
    if np.isnan(array).any():
        raise CheckError(
            f"{what} has {_count(np.isnan(array), array)} NaN (0/0, inf-inf or log of a negative)."
        )
    if np.isinf(array).any():
        raise CheckError(f"{what} has {_count(np.isinf(array), array)} infinite (overflow or division by 0).")
    return array


def expect_scalar(value, what):
    """Return `value` as a float; raise CheckError unless it is one finite number."""
    array = _numbers(value, what)
    if array.size != 1:
        raise CheckError(f"{what} should be a single number, but it has shape {array.shape}.")
    return float(expect_array(array.reshape(()), what, (), floats=False))


def expect_close(actual, expected, what, rtol=1e-4, atol=1e-5):
    """Raise CheckError unless shapes are equal and |actual - expected| <= atol + rtol*|expected|.

    The message shows the place where they differ most and, where one factor explains everything, the factor.
    """
    expected = np.asarray(expected, dtype=np.float64)
    actual = expect_array(actual, what, expected.shape, floats=False)
    difference = np.abs(actual - expected)
    if (difference <= atol + rtol * np.abs(expected)).all():
        return
    where = np.unravel_index(np.argmax(difference), difference.shape)
    place = f"{what}[{', '.join(map(str, where))}]" if where else what
    raise CheckError(
        f"{place} is {actual[where]:.6g}, but should be {expected[where]:.6g}.{_pattern(actual, expected)}"
    )


def expect_keys(value, keys, what):
    """Raise CheckError unless `value` is a dict with exactly these keys, in any order."""
    if value is None:
        raise CheckError(f"{what} is None: does the function still lack its `return`?")
    if not hasattr(value, "keys"):
        raise CheckError(f"{what} should be a dict, but it is of type {type(value).__name__}.")
    missing, extra = set(keys) - set(value), set(value) - set(keys)
    if missing:
        raise CheckError(f"{what} lacks the key {', '.join(repr(key) for key in sorted(missing))}.")
    if extra:
        raise CheckError(
            f"{what} has a key too many: {', '.join(repr(key) for key in sorted(extra, key=str))}."
        )


def expect_entries(value, count, what):
    """Return the entries of `value`; raise CheckError unless it is a tuple or list of `count` of them."""
    if value is None:
        raise CheckError(f"{what} is None: is the function still empty, or does it lack its `return`?")
    if not isinstance(value, tuple | list) or len(value) != count:
        got = f"has {len(value)}" if isinstance(value, tuple | list) else f"is of type {type(value).__name__}"
        raise CheckError(f"{what} should be a tuple or list of {count} entries, but it {got}.")
    return value


def expect_gradients(actual, f, params, what, rtol=1e-2, atol=1e-3):
    """Raise CheckError unless the dict `actual` agrees with finite differences of `f(params)`.

    Args:
        actual: the gradients, a dict with the keys and shapes of `params`.
        f: a function of such a dict that returns one number.
        params: dict of float arrays, the point at which to differentiate.
        what: the name of `actual` in messages.
    """
    expect_keys(actual, params.keys(), what)
    for key in params:
        expected = finite_difference(lambda value, key=key: f({**params, key: value}), params[key])
        expect_close(actual[key], expected, f"{what}[{key!r}]", rtol, atol)


def expect_unchanged(before, after, what):
    """Raise CheckError if the array or dict of arrays `after` differs from its copy `before`."""
    if hasattr(before, "keys"):
        for key in before:
            expect_unchanged(before[key], after.get(key), f"{what}[{key!r}]")
    elif after is None or not np.array_equal(np.asarray(before), np.asarray(after)):
        raise CheckError(f"{what} was changed in place. Build a new array and leave the argument as it was.")


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


def _numbers(value, what):
    if value is None or value is ...:
        raise CheckError(f"{what} is None: is the function still empty, or does it lack its `return`?")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError, NotImplementedError):
        raise CheckError(
            f"{what} cannot be read as an array: it is of type {type(value).__name__}."
        ) from None
    if array.dtype.kind not in "biufV":
        raise CheckError(f"{what} should be an array of numbers, but it is of type {type(value).__name__}.")
    return array


def _count(mask, array):
    return "a value that is" if array.ndim == 0 else f"{int(mask.sum())} of {array.size} values that are"


def _pattern(actual, expected):
    """Name the one thing that would explain every difference, if there is one."""
    if actual.ndim == 2 and actual.shape[0] == actual.shape[1] and np.allclose(actual.T, expected, rtol=1e-3):
        return " It looks transposed."
    if not actual.any():
        return " All your values are 0."
    large = np.abs(expected) > 1e-3 * np.abs(expected).max()
    if not expected.any() or not np.allclose(actual[~large], 0, atol=1e-2 * np.abs(actual).max()):
        return ""
    ratio = actual[large] / expected[large]
    if np.ptp(ratio) > 1e-2 * abs(ratio.mean()):
        return ""
    if abs(ratio.mean() + 1) < 1e-2:
        return " Every value has the wrong sign."
    return f" Every value is {ratio.mean():.4g} times what it should be." if large.sum() > 1 else ""
