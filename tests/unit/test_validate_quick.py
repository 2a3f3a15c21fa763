"""The quick way of validation: one wrong variant for each question, all of them in turn."""

from autograder.misconceptions import Misconception
from autograder.validate import _one_a_question


def variant(name: str, question: str) -> Misconception:
    return Misconception(name, question, "f", "case", "", lambda: None)


def test_each_question_has_one_variant_and_all_have_their_turn():
    variants = [variant("a", "q1"), variant("b", "q1"), variant("c", "q2"), variant("d", "q1")]
    chosen = [[m.name for m in _one_a_question(variants, turn)] for turn in range(3)]
    assert chosen == [["a", "c"], ["b", "c"], ["d", "c"]]
