"""q7: the learning rate of the transformer paper."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_float, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q7"
points = 4


def rising(step, d_model, warmup_steps):
    """The straight line before the peak, by logarithms in float64."""
    return np.exp(np.log(step) - 0.5 * np.log(d_model) - 1.5 * np.log(warmup_steps))


def falling(step, d_model):
    """The inverse root after the peak."""
    return 1 / np.sqrt(float(step) * d_model)


def rate(env, step, d_model, *args, **kwargs):
    return as_float(call(env, "warmup_schedule", step, d_model, *args, **kwargs), "the learning rate")


def draw(rng):
    return int(rng.choice([48, 96, 128, 256, 384, 512])), int(rng.integers(300, 3000))


@test_case(
    name="rise",
    points=1,
    hidden=True,
    success_message="Up to the peak the rate rises in a straight line.",
    failure_message="Before warmup_steps the second branch is the smaller: step·warmup_steps^(-1.5), times "
    "d_model^(-0.5).",
)
def test_rise(env):
    rng = hidden_rng("a2 q7 rise")
    for _ in range(3):
        d_model, warmup = draw(rng)
        for step in (1, 2, int(rng.integers(3, warmup))):
            check_close(
                rate(env, step, d_model, warmup), rising(step, d_model, warmup), "the rate", atol=1e-12
            )


@test_case(
    name="fall",
    points=1,
    hidden=True,
    success_message="After the peak the rate falls like one over the root of the step.",
    failure_message="After warmup_steps the first branch is the smaller: step^(-0.5), times d_model^(-0.5).",
)
def test_fall(env):
    rng = hidden_rng("a2 q7 fall")
    for _ in range(3):
        d_model, warmup = draw(rng)
        for step in (warmup + 1, 4 * warmup, int(rng.integers(warmup + 2, 100 * warmup))):
            check_close(rate(env, step, d_model, warmup), falling(step, d_model), "the rate", atol=1e-12)


@test_case(
    name="peak at warmup_steps",
    points=1,
    hidden=True,
    success_message="The rate peaks at warmup_steps, where both branches meet.",
    failure_message="At step = warmup_steps both branches give 1/sqrt(d_model·warmup_steps), and that is "
    "the largest rate of all.",
)
def test_peak(env):
    rng = hidden_rng("a2 q7 peak")
    for _ in range(2):
        d_model, warmup = draw(rng)
        peak = rate(env, warmup, d_model, warmup)
        check_close(peak, falling(warmup, d_model), "the rate at warmup_steps", atol=1e-12)
        for step in (warmup // 2, warmup - 1, warmup + 1, 2 * warmup):
            lower = rate(env, step, d_model, warmup)
            check(0 < lower < peak, "The rate should be positive, and largest at step = warmup_steps.")


@test_case(
    name="default of 4000 steps",
    points=1,
    hidden=True,
    success_message="Without warmup_steps the rise takes 4000 steps.",
    failure_message="Call warmup_schedule(step, d_model) without a third argument; a larger d_model means a "
    "smaller rate.",
)
def test_default(env):
    rng = hidden_rng("a2 q7 default")
    for d_model in (int(rng.integers(32, 200)), int(rng.integers(300, 1200))):
        for step in (int(rng.integers(10, 3900)), 4000):
            check_close(rate(env, step, d_model), rising(step, d_model, 4000), "the rate", atol=1e-12)
        step = int(rng.integers(4100, 50000))
        check_close(rate(env, step, d_model), falling(step, d_model), "the rate", atol=1e-12)
