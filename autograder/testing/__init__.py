"""What a hidden test is written with.

The same test file runs in the isolated evaluator, where the student's objects are remote handles, and
under stock otter, where they are at hand::

    @test_case(name="gradient of the data term", points=2, hidden=True)
    def test_data_term(env):
        rng = hidden_rng("q5 data term")
        ...
        check_close(by_hand(env, "backward", params, x, y_hat, hidden, t, 0.0), expected, "the gradient")
"""

from autograder.checking import CheckFailed, as_array, as_float, check, check_close
from autograder.testing.beside import beside, gradients
from autograder.testing.calls import by_hand, call
from autograder.testing.carry import carry_forward
from autograder.testing.hidden import check_gate, gate, hidden_rng
from autograder.testing.oracles import numerical_gradient, tape_gradient

__all__ = [
    "CheckFailed",
    "as_array",
    "as_float",
    "beside",
    "by_hand",
    "call",
    "carry_forward",
    "check",
    "check_close",
    "check_gate",
    "gate",
    "gradients",
    "hidden_rng",
    "numerical_gradient",
    "tape_gradient",
]
