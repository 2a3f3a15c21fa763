"""Helpers that travel to the student's process, and models that stay there."""

from dataclasses import replace

import numpy as np
import pytest
from cells import SOLUTION
from otter.nbmeta_config import NBMetadataConfig
from otter.test_files import create_test_file

from autograder.evaluate import Work, grade
from autograder.plan import Question

TEST = '''
import numpy as np
from otter.test_files import test_case
from autograder.testing import beside, call, check, check_close, check_gate, gradients, hidden_rng

OK_FORMAT = False
name = "q5"
points = 6

def tiny_model(kernel):
    import keras
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])
    model.set_weights([kernel])
    return model

@test_case(name="a model", points=2, hidden=True)
def test_model(env):
    rng = hidden_rng("model")
    x, kernel = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    model = beside(env, tiny_model, kernel)
    check(model.count_params() == 6, "count")
    check_close(call(env, "apply", model, x), x @ kernel, "apply")

@test_case(name="a gradient", points=1, hidden=True)
def test_gradient(env):
    rng = hidden_rng("gradient")
    a, u = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    found, other = gradients(env, "square", a, rng.normal(size=3), upstream=u, wrt=(0, 1))
    check_close(found, 2 * a * u, "the gradient")
    check(other is None, "unused")

@test_case(name="a gate", points=2, hidden=True)
def test_gate(env):
    check_gate("a1_backprop", "train_digits", call(env, "reached"), "accuracy")

@test_case(name="a cause", points=1, hidden=True)
def test_cause(env):
    check(call(env, "reached") > 1, "too little", cause="glorot_instead_of_he")
'''
CELL = """
def apply(model, x):
    return model(x)
def square(a, unused):
    return a ** 2
def reached():
    return {reached}
"""


@pytest.fixture
def grade_it(control, plan_of, tmp_path):
    """Grade CELL with the test above in place of q5."""
    path = tmp_path / "q5.py"
    path.write_text(TEST)
    question = Question("q5", create_test_file(str(path), NBMetadataConfig()))
    plan = replace(plan_of("a1_backprop"), questions=(question,))

    def function(reached: float):
        text = f"{SOLUTION}\n# %%\n{CELL.format(reached=reached)}\n"
        return grade(control, plan, Work("it.py", "it.py", text.encode(), "salt")).result.questions["q5"].tests

    return function


def test_models_and_gradients_stay_beside_the_student(grade_it, plan_of):
    """Half way between floor and value a gate gives half its points, and a test may name a cause itself."""
    gate = plan_gate()
    model, gradient, half, cause = grade_it((gate.value + gate.floor) / 2)
    assert (model.status, gradient.status) == ("passed", "passed"), (model, gradient)
    assert half.status == "failed"
    assert half.score == pytest.approx(1.0)
    assert half.measured == {"train_digits": pytest.approx((gate.value + gate.floor) / 2)}
    assert cause.misconception == "glorot_instead_of_he"
    assert np.isclose(cause.score, 0)


def plan_gate():
    from conftest import ROOT

    from autograder.config import load_course

    return load_course(ROOT).assignment("a1_backprop").gates["train_digits"]
