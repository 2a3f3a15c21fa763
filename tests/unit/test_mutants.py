"""The operators that make wrong variants of a reference, and what is told of a mutant."""

import ast
import textwrap

import numpy as np
import pytest

from autograder.mutants import mutants_of
from autograder.mutation import finding


def mutated(body: str, operator: str | None = None) -> set[str]:
    """What the first line of ``f``'s body becomes, by one operator or by all."""
    source = f"def f(x, y):\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    found = mutants_of(source, {"q1": ["f"]})
    return {ast.unparse(ast.parse(m.source).body[0].body[0]) for m in found if operator in (None, m.operator)}


@pytest.mark.parametrize(
    ("operator", "right", "wrong"),
    [
        ("sign", "return -x", {"return x"}),
        ("sign", "return x + y", {"return x - y"}),
        ("sign", "x -= y", {"x += y"}),
        ("factor", "return x * y", {"return x / y"}),
        ("operands swapped", "return x - y", {"return y - x"}),
        ("operands swapped", "return x @ y", {"return y @ x"}),
        ("operands swapped", "return x + y", set()),
        ("term dropped", "return x + y", {"return x", "return y"}),
        ("term dropped", "return x / y", {"return x"}),
        ("constant", "return x ** 2", {"return x ** 1", "return x ** 3"}),
        ("constant", "return 0.5", {"return 1.0"}),
        ("constant", "return g(x, keepdims=True)", {"return g(x, keepdims=False)"}),
        ("axis", "return g(x, axis=-1)", {"return g(x)", "return g(x, axis=0)"}),
        ("axis", "return g(x, axis=(0, 1))", {"return g(x)"}),
        ("constant", "return g(x, axis=1)", set()),
        ("reduction", "return tf.reduce_sum(x)", {"return tf.reduce_mean(x)"}),
        ("reduction", "return np.argmax(x)", {"return np.argmin(x)"}),
        ("transpose dropped", "return x.T", {"return x"}),
        ("transpose dropped", "return tf.transpose(x, (1, 0))", {"return x"}),
        ("call dropped", "return relu(x)", {"return x"}),
        ("call dropped", "return len(x)", set()),
        ("comparison", "return x > y", {"return x >= y"}),
        ("slice", "return x[1:]", {"return x[1 + 1:]", "return x[1:-1]"}),
        ("slice", "return x[::-1]", {"return x[:]"}),
        ("slice", "return range(x)", {"return range(x - 1)"}),
        ("statement dropped", "x += y", {"pass"}),
        ("statement dropped", "x[0] = y", {"pass"}),
        ("statement dropped", "x = g(x)", {"pass"}),
        ("statement dropped", "z = g(x)", set()),
    ],
)
def test_an_operator_makes_one_small_change(operator, right, wrong):
    assert mutated(right, operator) == wrong


def test_messages_docstrings_annotations_and_checks_are_left_alone():
    """Only what is computed is changed; a check of the arguments is dropped as a whole."""
    source = '''
        def f(x: g(1) = 0) -> g(2):
            """A - b."""
            if x < 3:
                raise ValueError(f"{x + 1}")
            return x
        '''
    found = mutants_of(textwrap.dedent(source), {"q1": ["f"]})
    assert [(m.operator, m.line) for m in found] == [("constant", 2), ("statement dropped", 4)]


SOURCE = """
def first(x):
    return _shared(x)

def second(x):
    return first(x) + _shared(x) + _own(x)

def _shared(x):
    return -x

def _own(x):
    return _deeper(x)

def _deeper(x):
    return 2 * x

def never_asked_for(x):
    return 5 * x
"""


def test_helpers_belong_to_the_first_question_that_reaches_them():
    """A contract's function is its own question's, whoever calls it; what no question reaches is left alone."""
    found = mutants_of(SOURCE, {"q1": ["first"], "q2": ["second"]})
    assert {(m.question, m.function) for m in found} == {
        ("q1", "first"), ("q1", "_shared"), ("q2", "second"), ("q2", "_own"), ("q2", "_deeper"),
    }  # fmt: skip


def test_mutants_are_distinct_repeatable_and_never_the_reference():
    """Every mutant is another program, with a name of its own."""
    questions = {"q1": ["first"], "q2": ["second"]}
    found = mutants_of(SOURCE, questions)
    assert found == mutants_of(SOURCE, questions)
    assert len({m.source for m in found} | {ast.unparse(ast.parse(SOURCE))}) == len(found) + 1
    assert len({m.name for m in found}) == len(found)
    for mutant in found:
        compile(mutant.source, "mutant", "exec")
        assert mutant.text in mutant.source
        assert mutant.text not in {line.strip() for line in SOURCE.splitlines()}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: -x, "the sign is flipped"),
        (lambda x: 2 * x, "every value is 2 times the correct one"),
        (lambda x: x.T, "the matrix is transposed"),
        (lambda x: x[::-1], "the values are in reverse order"),
        (lambda x: np.roll(x, 1, axis=0), "every row is one place too late: off by one"),
        (lambda x: np.broadcast_to(x.mean(axis=0), x.shape), "every row is the same: the mean over all rows"),
        (lambda x: 0 * x, "all values are zero"),
        (lambda x: x.astype(np.float16), "they were computed in float16"),
        (lambda x: np.rint(x), "the values are rounded to whole numbers"),
        (lambda x: np.concatenate([x[:1] + 1, x[1:]]), "only the first of 24 rows is wrong"),
        (lambda x: np.concatenate([x[:3] + 1, x[3:]]), "the last 21 of 24 rows are right"),
        (lambda x: x**2, ""),
    ],
)
def test_a_finding_is_read_from_the_words_of_the_check(wrong, words):
    """The judge of findings knows what the checks say; a plain difference is no finding."""
    from autograder.testing import CheckFailed, check_close

    right = np.random.default_rng(1).normal(3, 1, (24, 24))
    message = ""
    try:
        check_close(wrong(right), right, "the answer")
    except CheckFailed as error:
        message = str(error)
    assert finding(message) == words
