"""Error carried forward by otter's own classes, on a course of three questions, each building on the last."""

import pickle
import subprocess
import sys
from types import MappingProxyType

import numpy as np
import pytest
from otter.test_files import ExceptionTestFile

REFERENCE = """\
import numpy as np

def double(x):
    return 2 * np.asarray(x)

def quadruple(x):
    return double(double(x))

def eightfold(x):
    return double(quadruple(x))
"""

QUESTION = """\
from otter.test_files import test_case

OK_FORMAT = False
name = "{q}"
points = 2


@test_case(points=1, hidden=True, failure_message="Look at zero.")
def test_zero(env):
    assert env["{function}"](0) == 0, "wrong at zero"


@test_case(points=1, hidden=True)
def test_one(env, {function}):
    assert {function} is env["{function}"]
    assert {function}(1) == {value}, "wrong at one"
"""

CARRY = """
from autograder.testing import carry_forward
carry_forward(globals(), needs={needs!r}, reference="reference/numbers.py")
"""

READ = """\
import sys, pickle
sys.modules["autograder"] = None
file = pickle.load(sys.stdin.buffer)
print(file.score, file.to_dict()["test_cases"][0]["failure_message"])
"""

QUESTIONS = {"q1": ("double", 2), "q2": ("quadruple", 4), "q3": ("eightfold", 8)}


@pytest.fixture
def results_of(tmp_path):
    """A function: question, student's namespace -> for each case whether it passed, as otter says."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "numbers.py").write_text(REFERENCE)
    needs = []
    for q, (function, value) in QUESTIONS.items():
        text = QUESTION.format(q=q, function=function, value=value)
        (tmp_path / f"{q}.py").write_text(text + (CARRY.format(needs=needs) if needs else ""))
        needs.append((q, [function]))

    def run(q, namespace):
        file = ExceptionTestFile.from_file(str(tmp_path / f"{q}.py"))
        file.run(namespace)
        return file

    return run


def passed(file):
    return [result.passed for result in file.test_case_results]


def student(**changed):
    """A namespace of a notebook, with other source for some of its functions."""
    source = {
        "double": "lambda x: 2 * x",
        "quadruple": "lambda x: double(double(x))",
        "eightfold": "lambda x: double(quadruple(x))",
    }
    namespace = {}
    for name, code in (source | changed).items():
        namespace[name] = eval(code, namespace)
    return namespace


def test_one_mistake_costs_one_question(results_of):
    """What builds on a broken question passes with the reference in its place."""
    namespace = student(double="lambda x: 3 * x")
    outcomes = [passed(results_of(q, namespace)) for q in QUESTIONS]
    assert outcomes == [[True, False], [True, True], [True, True]]


def test_a_mistake_of_its_own_stays_one(results_of):
    """A broken question is charged though an earlier one is broken; the third passes with both replaced."""
    namespace = student(double="lambda x: 3 * x", quadruple="lambda x: double(x) + 5")
    outcomes = [passed(results_of(q, namespace)) for q in QUESTIONS]
    assert outcomes == [[True, False], [False, False], [True, True]]


def test_the_reference_never_stands_in_for_what_is_right(results_of):
    """Nothing is run twice where the needed questions are right."""
    calls = []
    namespace = student(eightfold="None") | {"eightfold": lambda x: calls.append(x) or 7}
    assert passed(results_of("q3", namespace)) == [False, False]
    assert calls == [0, 1]


def test_a_question_that_passes_with_help_is_not_broken(results_of):
    """q2 is right but for q1, so q3 meets the student's own `quadruple` and the reference's `double`."""
    namespace = student(double="lambda x: 3 * x")
    own = namespace["quadruple"]
    seen = []
    namespace["quadruple"] = lambda x: seen.append(x) or own(x)
    assert passed(results_of("q3", namespace)) == [True, True]
    assert seen


def test_the_namespace_is_restored(results_of):
    """Student's functions come back, and names that were missing are missing again."""
    namespace = student(double="lambda x: 3 * x")
    before = dict(namespace)
    results_of("q3", namespace)
    assert namespace == before
    del namespace["double"]
    before = dict(namespace)
    assert passed(results_of("q3", namespace)) == [True, True]
    assert namespace == before


def test_a_needed_question_is_judged_once(results_of):
    """The verdict on a question is kept for the process."""
    calls = []
    namespace = student(eightfold="lambda x: 7") | {"double": lambda x: calls.append(x) or 3 * x}
    results_of("q3", namespace)
    counted = len(calls)
    results_of("q3", namespace)
    assert len(calls) == counted


def test_arrays_come_back_where_the_reference_has_tensors():
    """A student who works with arrays gets arrays, one who works with tensors gets tensors."""
    import keras
    import tensorflow as tf

    from autograder.testing.carry import _stand_in

    stand_in = _stand_in(lambda x, f: {"a": (tf.convert_to_tensor(f(x)), 1)})
    got = stand_in(np.ones(2), f=lambda x: x.copy())["a"]
    assert type(got[0]) is np.ndarray and got[1] == 1
    for value in (tf.ones(2), tf.Variable([1.0]), keras.Variable([1.0])):
        assert tf.is_tensor(stand_in(value, tf.square)["a"][0])


def test_the_first_failure_is_reported(results_of):
    """The message names the line of the test, as without a second run."""
    file = results_of("q2", student(double="lambda x: 3 * x", quadruple="lambda x: double(x) + 1"))
    message = file.test_case_results[0].message
    assert "Error at line 10 in test q2" in message
    assert 'assert env["quadruple"](0) == 0' in message
    assert "AssertionError: wrong at zero" in message


def test_a_namespace_of_another_process_is_left_alone(results_of):
    """The isolated evaluator carries forward by itself."""
    assert passed(results_of("q2", MappingProxyType(student(double="lambda x: 3 * x")))) == [True, False]


def test_results_can_be_read_without_this_package(results_of):
    """otter's own process reads the results; on Gradescope this package is no part of it."""
    file = results_of("q2", student(double="lambda x: 3 * x"))
    command = [sys.executable, "-c", READ]
    read = subprocess.run(command, input=pickle.dumps(file), capture_output=True, check=True)
    assert read.stdout.decode() == "2 Look at zero.\n"


def test_nothing_stands_in_for_a_class(results_of, tmp_path):
    """A broken class stays the student's, while a function of the same question is stood in for."""
    path = tmp_path / "reference" / "numbers.py"
    path.write_text(path.read_text() + "\nclass Number:\n    pass\n")
    question = tmp_path / "q2.py"
    question.write_text(question.read_text().replace("['double']", "['double', 'Number']"))

    class Number:
        made = 0

        def __init__(self):
            Number.made += 1

    def quadruple(x):
        namespace["Number"]()
        return namespace["double"](namespace["double"](x))

    namespace = {"double": lambda x: 3 * x, "quadruple": quadruple, "Number": Number}
    assert passed(results_of("q2", namespace)) == [True, True]
    assert namespace["Number"] is Number
    assert Number.made > 0
