"""Naming a misconception: only where it reproduces the student's numbers, and no other does."""

import time
import types
from collections import OrderedDict

import numpy as np
import pytest

from autograder import answers, diagnosis
from autograder.diagnosis import Diagnosis
from autograder.misconceptions import Misconception
from autograder.session.namespace import Handle, RecordedCall
from autograder.session.wire import HandleRef


def variant(function, replaces="loss") -> Misconception:
    return Misconception(function.__name__, "q1", replaces, "a case", "Because.", function)


def loss(y, t, reg=0.0):
    return np.mean(np.sum((y - t) ** 2, axis=1)) + reg


def mean_over_outputs(y, t, reg=0.0):
    return np.mean((y - t) ** 2) + reg


def without_mean(y, t, reg=0.0):
    return np.sum((y - t) ** 2) + reg


def penalty_forgotten(y, t, reg=0.0):
    return loss(y, t)


def raises(y, t, reg=0.0):
    raise ValueError("never an answer")


REFERENCE = types.SimpleNamespace(loss=loss, gradients=lambda y, t: {"w": y - t, "b": (y - t).sum(axis=0)})
KNOWN = [variant(f) for f in (mean_over_outputs, without_mean, penalty_forgotten, raises)]
rng = np.random.default_rng(3)
Y, T = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))


def called(value, *args, name="loss", **kwargs) -> RecordedCall:
    return RecordedCall(name, args or (Y, T), kwargs, value)


def named(*calls, known=KNOWN, others=(), reference=REFERENCE) -> str | None:
    """What is named for a case that made ``calls``; ``others``: those of a case that passed."""
    diagnosis = Diagnosis(reference, known)
    diagnosis.add("failed", calls, wrong=True)
    diagnosis.add("passed", others, wrong=False)
    found = diagnosis.misconception("failed")
    return found and found.name


@pytest.mark.parametrize("wrong", [mean_over_outputs, without_mean])
def test_the_variant_with_the_same_numbers_is_named(wrong):
    """Whatever the type in which the student's number came."""
    for convert in (float, np.float32, np.array, lambda v: np.float64(v).reshape(())):
        assert named(called(convert(wrong(Y, T)))) == wrong.__name__


@pytest.mark.parametrize(
    "value",
    [loss(Y, T), 0.0, np.nan, np.inf, None, "12", [], {}, [1, 2], np.zeros(3), 1j, {"w": 1}, [[1], [1, 2]]],
)
def test_other_numbers_are_not_explained(value):
    """A right answer, and answers that no variant gives."""
    assert named(called(value)) is None


def test_text_and_imaginary_numbers_are_not_read_as_numbers():
    """NumPy would find the variant's number in them."""
    wrong = without_mean(Y, T)
    assert named(called(str(wrong))) is None
    assert named(called(wrong + 1j)) is None
    assert named(called(np.array(wrong, dtype=str))) is None


def test_a_model_among_the_arguments_is_asked_where_it_is():
    """What stays in the student process cannot be copied: reference and variants call the student's object.

    They do so while its case runs. When the next one begins it is gone, and has nothing more to say.
    """

    class Lock:
        gone = False

        def _call(self, handle, args, kwargs):
            if self.gone:
                raise RuntimeError("no such object")
            return 2 * args[0]

        def __deepcopy__(self, memo):
            raise TypeError("cannot be copied")

    lock = Lock()
    model = Handle(lock, HandleRef(1, "Sequential", True))
    reference = types.SimpleNamespace(apply=lambda model, y: model(y) + 1)

    def one_forgotten(model, y):
        return model(y)

    calls = [called(2 * Y, model, Y, name="apply")]
    diagnosis = Diagnosis(reference, [variant(one_forgotten, replaces="apply")])
    diagnosis.add("failed", calls, wrong=True)
    lock.gone = True
    assert diagnosis.misconception("failed").name == "one_forgotten"


def test_a_coincidence_is_not_named():
    """With one output the mean over outputs is right, and with reg = 0 a forgotten penalty too."""
    y, t = Y[:, :1], T[:, :1]
    assert named(called(loss(y, t), y, t)) is None
    assert named(called(penalty_forgotten(Y, T, 0.5), Y, T, reg=0.5)) == "penalty_forgotten"
    assert named(called(penalty_forgotten(Y, T, 0.0), Y, T, reg=0.0)) is None


def test_variants_that_cannot_be_told_apart_are_not_named():
    """Of one example the sum is the mean over examples: two variants give the same number."""

    def also_without_mean(y, t, reg=0.0):
        return without_mean(y, t, reg)

    assert named(called(without_mean(Y, T)), known=[*KNOWN, variant(also_without_mean)]) is None


def test_every_wrong_call_must_be_explained():
    """One variant for all wrong calls of a test; a call that is right with the variant, too, says nothing."""
    y, t = Y[:1], T[:1]
    first, right = called(without_mean(Y, T)), called(loss(y, t), y, t)
    assert named(first, right, called(without_mean(2 * Y, T), 2 * Y, T)) == "without_mean"
    assert named(first, called(mean_over_outputs(2 * Y, T), 2 * Y, T)) is None
    assert named(first, called(17.0)) is None


def test_answers_of_other_cases_speak_against_a_variant():
    """A wrong answer that it does not give, and a right one where it would be wrong; what raised says nothing."""
    first = called(without_mean(Y, T))
    assert named(first, others=[called(without_mean(2 * Y, T), 2 * Y, T), called(None, Y, T)]) == "without_mean"
    assert named(first, others=[called(loss(2 * Y, T), 2 * Y, T)]) is None
    assert named(first, others=[called(17.0, 2 * Y, T)]) is None


def test_answers_of_other_cases_tell_variants_apart():
    """Of one example the sum is the mean: another case's answer decides what this one's wrong answer was."""

    def one_example_only(y, t, reg=0.0):
        return np.sum((y[0] - t[0]) ** 2) + reg + 1

    def penalty_plus_one(y, t, reg=0.0):
        return loss(y, t, reg) + 1

    known = [variant(one_example_only), variant(penalty_plus_one)]
    y, t = Y[:1], T[:1]
    first = called(penalty_plus_one(y, t), y, t)
    assert named(first, known=known) is None
    assert named(first, others=[called(penalty_plus_one(Y, T))], known=known) == "penalty_plus_one"


def allowed(variant, *calls, reference=REFERENCE) -> bool:
    diagnosis = Diagnosis(reference, [variant])
    diagnosis.add("a case", calls, wrong=False)
    return diagnosis.allows(variant)


def test_a_cause_that_a_test_finds_is_refuted_where_the_student_is_wrong_and_it_is_right():
    """A guard of another width has other numbers; who is wrong on ordinary inputs has another mistake as well."""
    forgotten = variant(penalty_forgotten)
    assert allowed(forgotten, called(3.0, Y, T, reg=0.5), called(loss(Y, T)))
    assert not allowed(forgotten, called(3.0, Y, T, reg=0.5), called(loss(Y, T) + 1))


def test_nobody_can_say_what_a_random_function_should_have_drawn():
    """Every right solution has other numbers there."""
    reference = types.SimpleNamespace(draw=lambda n, seed: np.random.default_rng(seed).normal(size=n))
    call = called(np.zeros(3), 3, 5, name="draw")
    assert allowed(variant(lambda n, seed: reference.draw(n, seed), "draw"), call, reference=reference)


def test_too_much_to_keep_names_nothing(monkeypatch):
    """A student's answers may not fill the evaluator's memory, and what was not kept cannot be checked."""
    first = called(without_mean(Y, T))
    assert named(first, others=[called(np.zeros(10_000), name="gradients")]) == "without_mean"
    monkeypatch.setattr(diagnosis, "_MAX_ANSWERS", 50_000)
    assert named(first, others=[called(np.zeros(10_000), name="gradients")]) is None


def test_several_calls_tell_variants_apart():
    """A second call decides between variants that agree on the first."""
    y, t = Y[:1], T[:1]
    one_example = called(without_mean(y, t) + 0.5, y, t, reg=0.25)

    def twice_the_penalty(y, t, reg=0.0):
        return loss(y, t) + 2 * reg

    def penalty_and_a_half(y, t, reg=0.0):
        return loss(y, t) + reg + 0.25

    known = [variant(twice_the_penalty), variant(penalty_and_a_half)]
    assert named(one_example, known=known) is None
    second = called(twice_the_penalty(Y, T, 1.0), Y, T, reg=1.0)
    assert named(one_example, second, known=known) == "twice_the_penalty"


def test_containers_are_compared_by_value():
    """Dicts in any order, tuples as lists; a missing key is another answer."""

    def sign(y, t):
        return {"b": (t - y).sum(axis=0), "w": t - y}

    def pair(y, t):
        return (t - y, [1.0])

    known = [variant(sign, "gradients"), variant(pair, "gradients")]
    answer = {"w": (T - Y).astype(np.float32), "b": (T - Y).sum(axis=0).tolist()}
    assert named(called(answer, name="gradients"), known=known) == "sign"
    assert named(called({"w": T - Y}, name="gradients"), known=known) is None
    assert named(called([T - Y, np.array([1.0])], name="gradients"), known=known) == "pair"


def test_nan_is_reproduced_as_nan():
    """An overflow is explained by the variant that overflows in the same places."""

    def overflows(y, t, reg=0.0):
        with np.errstate(all="ignore"):
            return np.exp(1000 * np.abs(y)) / np.exp(1000 * np.abs(y))

    with np.errstate(all="ignore"):
        assert named(called(overflows(5 + Y, T), 5 + Y, T), known=[variant(overflows)]) == "overflows"


def test_objects_and_other_functions_are_left_alone():
    """Answers behind a handle, functions without variants or without a reference."""
    handle = Handle(None, HandleRef(1, "Model", True))
    for value in (handle, [handle], {"w": handle}, len):
        assert named(called(value)) is None
    assert named(called(1.0, name="unheard_of")) is None
    assert named(called(1.0, name="unheard_of"), known=[variant(raises, "unheard_of")]) is None


def test_a_variant_that_changes_its_inputs_spoils_nothing():
    """Each variant gets inputs of its own."""

    def in_place(y, t, reg=0.0):
        y -= t
        return np.sum(y**2)

    y = Y.copy()
    assert (
        named(called(mean_over_outputs(Y, T), y, T), known=[variant(in_place), *KNOWN]) == "mean_over_outputs"
    )
    assert np.array_equal(y, Y)


def test_functions_among_the_arguments_are_called():
    """`grad_fn` is the evaluator's own function and works in the variants too."""
    reference = types.SimpleNamespace(step=lambda p, grad_fn: p - grad_fn(p))

    def wrong_sign(p, grad_fn):
        return p + grad_fn(p)

    call = RecordedCall("step", (Y, np.cos), {}, Y + np.cos(Y))
    assert named(call, known=[variant(wrong_sign, "step")], reference=reference) == "wrong_sign"


def test_no_name_where_the_time_is_up(monkeypatch):
    """What could not be checked in time is not claimed."""

    def slow(y, t, reg=0.0):
        time.sleep(0.05)
        return without_mean(y, t)

    calls = [called(without_mean(Y, T)), called(17.0)]
    assert named(*calls, known=[variant(slow)]) is None
    assert named(calls[0], known=[variant(slow)]) == "slow"
    monkeypatch.setattr(diagnosis, "_BUDGET_S", 0.01)
    monkeypatch.setattr(answers, "_known", OrderedDict())
    assert named(calls[0], known=[variant(slow)]) is None
