"""The quick way of validation: one wrong variant for each hidden case."""

from autograder.misconceptions import Misconception
from autograder.validate import _one_a_case


def variant(name: str, question: str, case: str) -> Misconception:
    return Misconception(name, question, "f", case, "", lambda: None)


def test_each_case_keeps_its_first_variant():
    """Cases of equal names in two questions are two cases."""
    variants = [variant("a", "q1", "x"), variant("b", "q1", "x"), variant("c", "q1", "y"), variant("d", "q2", "x")]
    assert [m.name for m in _one_a_case(variants)] == ["a", "c", "d"]
