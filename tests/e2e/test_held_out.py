"""Wrong variants that nobody listed: the feedback names a cause only where it is theirs."""

import random

import pytest

from autograder.mutation import held_out, judged, mutants_for

# What was once taken for a listed misconception, by its change, and what truly is one.
NAMED = {
    "a1_backprop": {
        "sigmoid(z) * sigmoid(-z) → sigmoid(z)": set(),
        "tf.reduce_sum(e, axis=-1, keepdims=True) → tf.reduce_sum(e, keepdims=True, axis=0)": set(),
        "tf.argmax(t, axis=-1) → tf.argmax(t)": set(),
        "hidden @ params['w2'] + params['b2'] → hidden @ params['w2']": {"forward_without_output_bias"},
    },
    "a2_optimizers": {
        "k * warmup_steps ** (-1.5) → k / warmup_steps ** (-1.5)": set(),
        "theta + step[name] → theta": set(),
        "+ (1.0 - rho) * grads[name] ** 2 for name in params} → pass": set(),
        "reduction: min → max": {"warmup_with_max"},
    },
}
SLOW = {"a1_backprop": {"q9"}, "a2_optimizers": {"q8", "q9"}}
SAMPLE = 5


@pytest.mark.parametrize("assignment", NAMED)
def test_a_mutant_is_named_only_what_it_is(assignment, grade_text, plan_of, course):
    """Judged on inputs that it was not graded on: those above, and a sample of all others."""
    plan = plan_of(assignment)
    mutants = [m for m in mutants_for(course, course.assignment(assignment)) if m.question not in SLOW[assignment]]
    known = {next(m for m in mutants if m.name.endswith(change)): causes for change, causes in NAMED[assignment].items()}
    chosen = [*known, *random.Random(assignment).sample(mutants, SAMPLE)]
    inputs = {q: held_out(plan, q) for q in {m.question for m in chosen}}
    for mutant in chosen:
        result = grade_text(mutant.source, assignment, (mutant.question,), time_s=30.0).result
        found = judged(mutant, result, plan, inputs[mutant.question])
        assert not found.problem
        assert all(found.causes.values()), f"{mutant.name}: {found.causes}"
        assert not found.survived or found.equivalent, mutant.name
        assert set(found.causes) == known.get(mutant, set(found.causes))
