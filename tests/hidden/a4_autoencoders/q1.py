"""q1: inverted dropout, by what its masks have in common.

The statistics are taken over COUNT = 40,000 elements and compared with bounds of six standard deviations of a
correct answer, which one passes with probability 2e-9; where the distribution has a heavier tail than the
normal one (variances of sums, third line), the bounds are far wider still:

    share of kept elements    std sqrt(rate·(1 - rate)/COUNT)                  six of them
    correlation of neighbours std 1/sqrt(COUNT) = 0.005                        0.03
    variance of row and column sums, over its expectation: χ² with 159 or 249 degrees of freedom, std at most
    0.112                                                                      0.5 to 1.8

All of a file's cases together make fewer than 40 such comparisons, so a correct answer fails one with
probability below 1e-6.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, by_hand, call, check, check_close, gradients, hidden_rng

OK_FORMAT = False
name = "q1"
points = 8

N, H = 160, 250
COUNT = N * H
READY_MADE = (
    "keras.layers.*Dropout*",
    "keras.random.dropout",
    "keras.backend.dropout",
    "tensorflow.nn.dropout",
    "tensorflow.nn.experimental.*dropout",
    "tensorflow.compat.v1.nn.dropout",
)


def activations(rng, n=N, h=H):
    """Values of both signs, none of them near 0: a 0 in the answer was dropped."""
    return (rng.uniform(0.5, 2, (n, h)) * rng.choice([-1, 1], (n, h))).astype(np.float32)


def any_seed(rng):
    return int(rng.integers(1, 100_000))


def factors(env, rng, rate):
    """What dropout multiplied each element with: 0 where it was dropped."""
    h = activations(rng)
    return as_array(call(env, "dropout", h, rate, True, any_seed(rng)), "dropout", h.shape) / h


def dropping_in_use(env, h):
    """Which mistake drops units outside training: that alone, or training taken for its opposite."""
    in_training = as_array(call(env, "dropout", h, 0.4, True, 1), "dropout", h.shape)
    return "dropout_at_test_time" if (in_training == 0).any() else "dropout_only_in_use"


def scales_in_use(env, rng, rate):
    """Whether the layer is multiplied by 1 - rate outside training, as in the first papers on dropout."""
    h = activations(rng, 5, 6)
    value = as_array(call(env, "dropout", h, rate, False, any_seed(rng)), "dropout, not training", h.shape)
    return np.allclose(value, (1 - rate) * h)


def six_sigma(rate):
    return 6 * np.sqrt(rate * (1 - rate) / COUNT)


@test_case(
    name="share of units kept",
    points=1.5,
    hidden=True,
    success_message="Every unit is kept with probability 1 - rate.",
    failure_message="Keep each element with probability 1 - rate: rate is the share that is dropped.",
)
def test_share(env):
    rng = hidden_rng("q1 share")
    for rate in (0.2, 0.7):
        kept = (factors(env, rng, rate) != 0).mean()
        bound = six_sigma(rate)
        if kept == 1:
            h = activations(rng, 20, 30)
            in_use = as_array(call(env, "dropout", h, rate, False, any_seed(rng)), "dropout", h.shape)
            cause = "dropout_only_in_use" if (in_use == 0).any() else None
            check(False, "Nothing is dropped in training.", cause=cause)
        swapped = abs(kept - rate) < bound
        check(not swapped, "The share of units that are kept is rate.", cause="keep_and_drop_swapped")
        check(abs(kept - (1 - rate)) < bound, "The share of units that are kept should be 1 - rate.")


@test_case(
    name="kept units are scaled",
    points=1.5,
    hidden=True,
    success_message="Kept units are divided by 1 - rate, so that the mean stays what it was.",
    failure_message="The mean has to stay what it is without dropout: divide what is kept by 1 - rate.",
)
def test_scale(env):
    rng = hidden_rng("q1 scale")
    for rate in (0.25, 0.6):
        factor = factors(env, rng, rate)
        scale = factor[factor != 0]
        check(scale.size > 0, "Every unit is dropped.")
        check(scale.size < COUNT, "Nothing is dropped in training.")
        for wrong, cause in (
            (1, "scaled_in_use_instead" if scales_in_use(env, rng, rate) else "dropout_not_scaled"),
            (rate, "scaled_by_rate"),
            (1 / rate, "divided_by_rate"),
            (1 - rate, "scaled_by_the_share_kept"),
        ):
            known = np.allclose(scale, wrong, rtol=1e-4)
            check(not known, "The units that are kept have the wrong scale.", cause=cause)
        check_close(scale, np.full(scale.shape, 1 / (1 - rate)), "kept units, divided by what they were")
        # The mean of the factors is that of a Bernoulli variable, divided by 1 - rate.
        drift = abs(factor.mean() - 1) * (1 - rate)
        check(drift < six_sigma(rate), "The mean of the layer should stay what it was.")


@test_case(
    name="an independent draw for every element",
    points=1.5,
    hidden=True,
    success_message="Every element of every row has a draw of its own.",
    failure_message="Draw one random number for each element of (N, H): no row, column or neighbour shares it.",
)
def test_independent(env):
    rng = hidden_rng("q1 independent")
    rate = 0.4
    kept = factors(env, rng, rate) != 0
    check(0 < kept.mean() < 1, "Some units should be dropped, and some kept.")
    check((kept != kept[0]).any(), "All rows have the same mask.", cause="one_mask_for_every_row")
    check((kept != kept[:, :1]).any(), "A row is dropped as a whole.", cause="one_draw_for_each_row")
    one_each = np.ptp(kept.sum(axis=1)) == 0
    check(not one_each, "Every row drops exactly as many units.", cause="exact_number_in_every_row")
    for axis in (0, 1):
        expected = kept.shape[axis] * rate * (1 - rate)
        spread = kept.sum(axis=axis).var() / expected
        check(0.5 < spread < 1.8, "Elements should be dropped independently of their row and column.")
    for a, b in ((kept[1:], kept[:-1]), (kept[:, 1:], kept[:, :-1])):
        correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        check(abs(correlation) < 0.03, "Neighbours should be dropped independently of each other.")


@test_case(
    name="unchanged in use and at rate 0",
    points=1,
    hidden=True,
    success_message="Outside training, and at rate 0, every unit passes unchanged.",
    failure_message="When training is False, or rate is 0, dropout returns what it got: no mask and no factor.",
)
def test_identity(env):
    rng = hidden_rng("q1 identity")
    h = activations(rng, 7, 9)
    value = as_array(call(env, "dropout", h, 0.4, False, any_seed(rng)), "dropout, not training", h.shape)
    check((value != 0).all(), "Units are dropped outside training.", cause=dropping_in_use(env, h))
    check_close(value, h, "dropout, not training")
    check_close(call(env, "dropout", h, 0.0, True, any_seed(rng)), h, "dropout with rate 0")


@test_case(
    name="repeatable by its seed",
    points=0.5,
    hidden=True,
    success_message="A seed always drops the same elements, and another seed drops others.",
    failure_message="The seed has to reach the random generator: the same one repeats, another one differs.",
)
def test_seed(env):
    rng = hidden_rng("q1 seed")
    h, seed = activations(rng, 20, 30), any_seed(rng)
    first, again, other = (
        as_array(call(env, "dropout", h, 0.5, True, s), "dropout", h.shape) for s in (seed, seed, seed + 17)
    )
    check((first == 0).any(), "Nothing is dropped in training.")
    check(np.array_equal(first, again), "The same seed drops other units.", cause="dropout_seed_unused")
    check(not np.array_equal(first, other), "Another seed drops the same.", cause="dropout_seed_fixed")


@test_case(
    name="gradient through kept units",
    points=1,
    hidden=True,
    success_message="The gradient passes through the units that were kept, and through no others.",
    failure_message="The derivative is mask/(1 - rate): 0 for dropped units, the factor of the forward pass for "
    "the others.",
)
def test_gradient(env):
    rng = hidden_rng("q1 gradient")
    h, upstream, seed, rate = activations(rng, 8, 12), activations(rng, 8, 12), any_seed(rng), 0.3
    value = as_array(call(env, "dropout", h, rate, True, seed), "dropout", h.shape)
    mask = (value != 0) / (1 - rate)
    check(0 < mask.mean() and (mask == 0).any(), "Some units should be dropped, and some kept.")
    # A tape sees nothing of a NumPy solution. Its derivative is seen in what a step in h does.
    moved = as_array(call(env, "dropout", h + upstream, rate, True, seed), "dropout", h.shape)
    check_close(moved - value, upstream * mask, "what a change of h does to the result", atol=1e-5)
    (gradient,) = gradients(env, "dropout", h, rate, True, seed, upstream=upstream)
    if gradient is not None:
        leaks = np.any(np.asarray(gradient)[mask == 0] != 0) if np.shape(gradient) == h.shape else False
        check(
            not leaks,
            "The gradient also passes where units were dropped.",
            cause="gradient_through_all_units",
        )
        check_close(gradient, upstream * mask, "the gradient of dropout")


@test_case(
    name="written by hand",
    points=1,
    hidden=True,
    success_message="Dropout is written by hand, and works for one example and at high rates, too.",
    failure_message="Write it from the formula, with a random mask of your own; no dropout of Keras or tf.nn.",
)
def test_by_hand(env):
    rng = hidden_rng("q1 by hand")
    h = activations(rng, 1, 400)
    value = as_array(
        by_hand(env, "dropout", h, 0.9, True, any_seed(rng), forbidden=READY_MADE), "dropout", h.shape
    )
    kept = value != 0
    # Of 400 units 40 are kept, ±6 standard deviations of sqrt(400·0.9·0.1) = 6.
    check(4 <= kept.sum() <= 76, "With rate 0.9, about a tenth of the units should be kept.")
    check_close(value[kept], 10 * h[kept], "kept units at rate 0.9")
