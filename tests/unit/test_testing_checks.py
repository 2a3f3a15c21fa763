"""The checks of hidden tests: what they refuse, and that their words explain without giving numbers away."""

import re
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.checking import agrees, describe
from autograder.testing import CheckFailed, as_array, as_float, check, check_close

EXPECTED = np.array([[1.37, -2.81], [0.53, 4.19], [7.91, -6.07]])
QUICK = settings(max_examples=150, deadline=None)
RTOL, ATOL = 1e-4, 1e-6


class Loud:
    """An object whose conversions raise, with words that must not be repeated."""

    def __array__(self, *_, **__):
        raise ValueError("secret 1.37")

    __float__ = __array__


class Tensorlike:
    """What TensorFlow's tensors look like to NumPy."""

    def __init__(self, value):
        self.value = np.asarray(value)

    def __array__(self, dtype=None, copy=None):
        return self.value.astype(dtype or self.value.dtype)

    def __float__(self):
        return float(self.value)


def cyclic() -> list:
    items: list = []
    items.append(items)
    return items


WRONG = {
    "None": None,
    "zeros": np.zeros((3, 2)),
    "NaN": np.full((3, 2), np.nan),
    "one NaN": np.where(EXPECTED > 5, np.nan, EXPECTED),
    "infinite": np.full((3, 2), np.inf),
    "one infinite": np.where(EXPECTED > 5, np.inf, EXPECTED),
    "a constant": np.full((3, 2), 2.5),
    "a scalar": 1.37,
    "the mean": EXPECTED.mean(),
    "empty": np.zeros((0, 2)),
    "empty, no axis": [],
    "one row, which broadcasts": EXPECTED[:1],
    "one column, which broadcasts": EXPECTED[:, :1],
    "an axis more": EXPECTED[None],
    "an axis at the end": EXPECTED[..., None],
    "flat": EXPECTED.ravel(),
    "transposed": EXPECTED.T,
    "reversed": EXPECTED[::-1],
    "negative": -EXPECTED,
    "twice": 2 * EXPECTED,
    "complex": EXPECTED + 0j,
    "a list of complex numbers": (EXPECTED + 0j).tolist(),
    "strings": EXPECTED.astype(str),
    "a list of strings": EXPECTED.astype(str).tolist(),
    "bytes": EXPECTED.astype("S"),
    "objects that are strings": EXPECTED.astype(str).astype(object),
    "a string": "1.37",
    "dates": EXPECTED.astype("M8[s]"),
    "durations": EXPECTED.astype("m8[s]"),
    "booleans": EXPECTED > 0,
    "rounded": EXPECTED.round(),
    "ragged": [[1.37, -2.81], [0.53], [7.91, -6.07]],
    "None inside": [[1.37, -2.81], [0.53, None], [7.91, -6.07]],
    "a dict": {"w": EXPECTED},
    "a set": {1.37},
    "a function": np.mean,
    "a type": float,
    "a generator": (row for row in EXPECTED),
    "an iterator over rows": iter(EXPECTED),
    "a loud object": Loud(),
    "a list of loud objects": [Loud()] * 3,
    "a list that holds itself": cyclic(),
    "an integer beyond floats": 10**400,
    "a record": np.zeros((3, 2), [("a", "f8")]),
}


@pytest.fixture(autouse=True)
def warnings_as_in_production():
    """NumPy's warnings do not raise there, so no refusal may rest on them; nor may there be any."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert [str(w.message) for w in caught] == []


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_fails_in_words(value):
    """Whatever a student returns, the check fails, and the text holds no expected number."""
    with pytest.raises(CheckFailed) as failed:
        check_close(value, EXPECTED, "y_hat")
    text = str(failed.value)
    assert text.startswith("y_hat: ")
    assert text.endswith((".", "?"))
    assert not [n for n in EXPECTED.ravel() if f"{abs(n):.2f}" in text]


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_fails_inside_dicts_and_lists(value):
    """The same below a key and an index, and the text says where."""
    for actual, expected, where in (
        ({"w": value, "b": 1.0}, {"w": EXPECTED, "b": 1.0}, "y['w']: "),
        ([1.0, value], [1.0, EXPECTED], "y[1]: "),
        ((value, 1.0), [EXPECTED, 1.0], "y[0]: "),
    ):
        with pytest.raises(CheckFailed, match=re.escape(where)):
            check_close(actual, expected, "y")


@pytest.mark.parametrize(
    "value",
    [
        EXPECTED,
        EXPECTED.tolist(),
        tuple(map(tuple, EXPECTED)),
        EXPECTED.astype(np.float32),
        EXPECTED.astype(np.longdouble),
        EXPECTED.astype(object),
        np.asfortranarray(EXPECTED),
        EXPECTED.astype(">f8"),
        Tensorlike(EXPECTED),
        [Tensorlike(row) for row in EXPECTED],
        [[Tensorlike(v) for v in row] for row in EXPECTED],
        EXPECTED * (1 + 5e-5),
    ],
    ids=range(12),
)
def test_a_right_answer_passes_in_any_type(value):
    """Lists, tuples, tensors, float32 and rounding are all right."""
    check_close(value, EXPECTED, "y_hat")


@pytest.mark.parametrize(
    "one", [2, 2.0, np.float32(2), np.array(2), np.array([2.0]), np.array([[2]]), True + 1]
)
def test_one_number_is_one_number(one):
    """A scalar may come as an array of one element, as `float()` takes it."""
    assert as_float(one, "loss") == 2.0
    check_close(one, 2.0, "loss")


@pytest.mark.parametrize(
    "value", [None, "2", [], [1, 2], np.zeros((0,)), {"a": 2}, np.nan, np.inf, 2 + 0j, "two", [[1], [1, 2]]]
)
def test_what_is_not_one_number_is_refused(value):
    """`as_float` fails on strings, several numbers, none, and what is not finite."""
    with pytest.raises(CheckFailed, match="loss: "):
        as_float(value, "loss")


def test_infinity_can_be_asked_for():
    """Where the right answer is not finite, the student's may not be either, and signs count."""
    right = np.array([np.inf, -np.inf, np.nan, 1.0])
    check_close(right.copy(), right, "y")
    for wrong in (
        [np.inf, np.inf, np.nan, 1],
        [np.inf, -np.inf, 0, 1],
        [1e300, -np.inf, np.nan, 1],
        [np.inf, -np.inf, np.nan, np.nan],
    ):
        with pytest.raises(CheckFailed):
            check_close(np.array(wrong), right, "y")
    assert as_float(np.inf, "loss", finite=False) == np.inf


@pytest.mark.parametrize(
    ("actual", "words"),
    [
        ({"w": 1.0}, "missing b"),
        ({"w": 1.0, "b": 1.0, "c": 1.0}, "unexpected c"),
        ({"W": 1.0, "b": 1.0}, "missing w; unexpected W"),
        ({}, "missing b, w"),
        ({0: 1.0, 1: 1.0}, "unexpected 2 others"),
        ({"w": 1.0, "b": 1.0, "x" * 300: 1.0}, "unexpected 1 others"),
        ({"w": 1.0, "b": 1.0, "1.37 -2.81": 1.0, "a": 0}, "unexpected a, 1 more"),
        ([("w", 1.0), ("b", 1.0)], "expected a dict with the keys b, w, got a list"),
        (None, "got None"),
        (1.0, "got a value of type float"),
    ],
)
def test_keys_are_named_and_carry_nothing(actual, words):
    """Missing keys are named, unexpected ones only where they are short names."""
    with pytest.raises(CheckFailed, match=re.escape(words)):
        check_close(actual, {"w": 1.0, "b": 1.0}, "params")


def test_keys_match_in_any_order():
    check_close({"b": 2.0, "w": 1.0}, {"w": 1.0, "b": 2.0}, "params")


@pytest.mark.parametrize(
    "actual", [[1.0], [1.0, 2.0, 3.0], 1.0, None, {0: 1.0, 1: 2.0}, "12", np.array([1.0, 2.0])]
)
def test_a_list_needs_its_length(actual):
    """Lists of another length, and what is no list."""
    with pytest.raises(CheckFailed, match="expected a tuple or list of 2 entries"):
        check_close(actual, [1.0, 2.0], "history")


def test_a_huge_answer_is_refused_by_its_shape():
    """A small array that stands for a huge one is not written out in float64."""
    huge = np.broadcast_to(np.uint8(1), (1 << 20, 1 << 20))
    for refuse in (
        lambda: check_close(huge, EXPECTED, "y"),
        lambda: as_array(huge, "y", (3, 2)),
        lambda: as_float(huge, "y"),
    ):
        with pytest.raises(CheckFailed):
            refuse()


def test_shapes_are_explained():
    """The usual slips of shape are named."""
    for shape, words in (((2, 3), "transposed"), ((3, 1, 2), "keepdims"), ((), "summed away")):
        with pytest.raises(CheckFailed, match=words):
            as_array(np.ones(shape), "y", (3, 2))


def test_check_says_what_it_is_told():
    check(True, "never")
    with pytest.raises(CheckFailed, match="^so$"):
        check(np.bool_(False), "so")


# --- describe() -----------------------------------------------------------------------------------------------

numbers = st.floats(-100, 100).map(lambda v: round(v, 3))
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4)
anything = hnp.arrays(np.float64, shapes, elements=numbers)
wild = hnp.arrays(np.float64, shapes, elements=st.floats(width=64))


@QUICK
@given(anything)
def test_equal_arrays_have_no_description(array):
    assert describe(array.copy(), array, RTOL, ATOL) is None


@QUICK
@given(wild, st.data())
def test_describe_never_warns_nor_raises(actual, data):
    """Overflowing, infinite and missing values are described as well."""
    expected = data.draw(hnp.arrays(np.float64, actual.shape, elements=st.floats(width=64)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        words = describe(actual, expected, RTOL, ATOL)
    assert (words is None) == agrees(actual, expected, RTOL, ATOL)
    assert words is None or words.endswith(".")
    assert words is None or "nan" not in words and "inf" not in words


@QUICK
@given(anything)
def test_a_flipped_sign_is_named(expected):
    assume(not agrees(-expected, expected, RTOL, ATOL))
    assert describe(-expected, expected, RTOL, ATOL) == "the sign is flipped."


@QUICK
@given(anything, st.sampled_from([Fraction(n, d) for n in (1, 2, 3) for d in (1, 2, 5, 32)] + [Fraction(-2)]))
def test_a_factor_is_named(expected, factor):
    """Twice, half, divided by the batch size: the factor is told for arrays that are not constant."""
    assume(factor not in (1, -1) and expected.size > 1 and np.ptp(expected) > 1)
    words = describe(float(factor) * expected, expected, RTOL, ATOL)
    assert words == f"every value is {factor} times the correct one."


@QUICK
@given(hnp.arrays(np.float64, st.integers(2, 4).map(lambda n: (n, n)), elements=numbers))
def test_a_transposed_matrix_is_named(expected):
    """Unless a simpler cause explains the same numbers."""
    assume(not agrees(expected.T, expected, RTOL, ATOL))
    words = describe(expected.T.copy(), expected, RTOL, ATOL)
    assert words == "the matrix is transposed." or explains(words, expected.T, expected)


@settings(max_examples=400, deadline=None)
@given(anything, st.data())
def test_a_cause_is_named_only_if_it_reproduces_the_numbers(actual, data):
    """Two unrelated arrays, of few different values so that coincidences are common."""
    few = st.sampled_from([0.0, 1.0, -1.0, 2.0, 3.5])
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3))
    actual, expected = (data.draw(hnp.arrays(np.float64, shape, elements=few)) for _ in range(2))
    words = describe(actual, expected, RTOL, ATOL)
    assume(words is not None)
    assert explains(words, actual, expected)


def explains(words: str, actual: np.ndarray, expected: np.ndarray) -> bool:
    """Whether undoing the mistake that is named gives the right numbers."""
    match words.split():
        case ["the", "sign", *_]:
            return agrees(-actual, expected, RTOL, ATOL)
        case ["every", "value", "is", factor, *_]:
            return agrees(actual / float(Fraction(factor)), expected, 1e-2, 1e-2) and np.ptp(actual) > 0
        case ["all", "values", "are", "wrong", *_]:
            return np.linalg.matrix_rank(np.stack([actual.ravel(), expected.ravel()]), tol=1e-2) == 1
        case ["the", "matrix", *_]:
            return agrees(actual.T, expected, RTOL, ATOL)
        case ["the", "values", "are", "in", "reverse", "order.", *_]:
            return agrees(actual[::-1], expected, RTOL, ATOL)
        case ["the", "values", "are", "in", "reverse", *_]:
            return agrees(actual[..., ::-1], expected, RTOL, ATOL)
        case ["the", "values", "are", "rounded", *_]:
            return bool(np.all(actual == np.rint(expected)))
        case ["every", "row" | "column" as one, "is", "the", *_, "rows." | "columns."]:
            lines = actual if one == "row" else actual.T
            return bool(np.allclose(lines, lines[:1]))
        case ["only", "the", "first" | "last", *_] | ["the", "first" | "last", *_]:
            right = [agrees(a, e, RTOL, ATOL * 10) for a, e in zip(actual, expected, strict=True)]
            return any(right) and not all(right)
        case ["all", "values", "are", "zero."]:
            return not actual.any()
        case ["all", "values", "are", "the", *_]:
            return bool(np.ptp(actual) == 0)
        case _:
            return "wrong" in words


@QUICK
@given(st.floats(0.01, 100), st.floats(0.01, 100), st.integers(2, 6))
def test_a_constant_answer_learns_nothing_of_a_constant(guess, right, n):
    """If ones came back with "4 times the correct one", the expected 0.25 would be told."""
    assume(not agrees(np.full(n, guess), np.full(n, right), RTOL, ATOL))
    words = describe(np.full(n, guess), np.full(n, right), RTOL, ATOL)
    assert "times" not in words


@QUICK
@given(anything, st.floats(0.2, 5))
def test_tolerance_is_relative_to_the_largest_value(expected, scale):
    """A deviation within rtol·|e| + atol·max(1, max|e|) passes, one of thrice that fails."""
    allowed = RTOL * np.abs(expected) + ATOL * max(1.0, float(np.max(np.abs(expected))))
    assert agrees(expected + 0.9 * allowed, expected, RTOL, ATOL)
    assert not agrees(expected - 3 * allowed, expected, RTOL, ATOL)
