"""q6: two penalties on the code.

The contractive penalty gets encoders that are built beside the student's code, since a tape has to go through
them, and is compared with Jacobians that are multiplied out here layer by layer in float64. A student's
Jacobian by finite differences in float32 is good to about three digits, hence the tolerance.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_float, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q6"
points = 7


def divergence(p, p_hat):
    """Sum of the coins' divergences, by entropies: cross-entropy of p_hat minus entropy of p."""
    p_hat = np.asarray(p_hat, np.float64)
    cross = -(p * np.log(p_hat) + (1 - p) * np.log1p(-p_hat))
    return (cross + p * np.log(p) + (1 - p) * np.log1p(-p)).sum()


def encoder_model(weights):
    """A Keras model: tanh, then ReLU."""
    import keras

    first, second = (
        keras.layers.Dense(weights[k].shape[1], activation=f) for k, f in ((0, "tanh"), (2, "relu"))
    )
    model = keras.Sequential([keras.Input((weights[0].shape[0],)), first, second])
    model.set_weights(weights)
    return model


def encoder_function(weights, compiled):
    """The same network as a plain or as a compiled function."""
    import tensorflow as tf

    w1, b1, w2, b2 = (tf.constant(w) for w in weights)

    def encode(x):
        return tf.nn.relu(tf.tanh(tf.cast(x, tf.float32) @ w1 + b1) @ w2 + b2)

    return tf.function(encode) if compiled else encode


def experiment(rng, d, hidden, h, n):
    """Weights and images on which two units or more are on, all are off the kink, and no mistake is right."""
    while True:
        shapes = ((d, hidden), (hidden,), (hidden, h), (h,))
        weights = [rng.normal(0, 0.9, shape).astype(np.float32) for shape in shapes]
        x = rng.uniform(0, 1, (20 * n, d)).astype(np.float32)
        _, z = forward(weights, x)
        x = x[(np.abs(z).min(axis=1) > 0.02) & ((z > 0).sum(axis=1) > 1)][:n]
        if len(x) < n:
            continue
        right, mistakes = penalties(weights, x)
        if n == 1 or all(abs(wrong / right - 1) > 0.05 for wrong, _ in mistakes):
            return weights, x


def forward(weights, x):
    """Hidden layer and what goes into the ReLU, in float64."""
    w1, b1, w2, b2 = (np.asarray(w, np.float64) for w in weights)
    hidden = np.tanh(x @ w1 + b1)
    return hidden, hidden @ w2 + b2


def jacobians(weights, x):
    """d code/dx for each example, (N, H, D): relu'(z)·w2ᵀ·tanh'·w1ᵀ."""
    hidden, z = forward(weights, x)
    w1, w2 = (np.asarray(weights[k], np.float64) for k in (0, 2))
    return np.einsum("nj,kj,nk,ik->nji", (z > 0).astype(float), w2, 1 - hidden**2, w1)


def penalties(weights, x):
    """The contractive penalty, and what known mistakes make of it: (value, cause)."""
    jacobian, code = jacobians(weights, x), forward(weights, x)[1].clip(0)
    squares = (jacobian**2).sum(axis=(1, 2))
    return squares.mean(), (
        (np.sqrt(squares).mean(), "frobenius_norm_not_squared"),
        (np.sqrt(squares.sum()), "frobenius_norm_not_squared"),
        (squares.sum(), "contractive_penalty_summed"),
        ((jacobian**2).mean(), "contractive_penalty_averaged_over_entries"),
        ((jacobian.sum(axis=1) ** 2).sum(axis=1).mean(), "units_summed_before_squaring"),
        ((code**2).sum(axis=1).mean(), "activations_for_derivatives"),
    )


def check_penalty(env, weights, x, encode):
    value = as_float(call(env, "contractive_penalty", encode, x), "contractive_penalty")
    right, mistakes = penalties(weights, x)
    for wrong, cause in mistakes:
        known = len(x) > 1 and abs(value - wrong) < 1e-3 * wrong
        check(not known, "The penalty is wrong.", cause=cause)
    check_close(value, right, "contractive_penalty", rtol=2e-3)


@test_case(
    name="no penalty at the target",
    points=1,
    hidden=True,
    success_message="The penalty is 0 where every unit has the target activation, and positive elsewhere.",
    failure_message="Where p_hat = p both logarithms are log 1 = 0; a divergence is never negative.",
)
def test_target(env):
    rng = hidden_rng("q6 target")
    for p in (0.05, 0.4):
        p_hat = np.full(6, p, np.float32)
        value = as_float(call(env, "kl_sparsity", p, p_hat), "kl_sparsity at the target")
        check(abs(value) < 1e-5, "kl_sparsity should be 0 where p_hat = p.")
        moved = p_hat * rng.choice([0.6, 1.4], 6).astype(np.float32)
        check(
            as_float(call(env, "kl_sparsity", p, moved), "kl_sparsity") > 1e-3,
            "Away from p it should be positive.",
        )


@test_case(
    name="value of the sparsity penalty",
    points=2,
    hidden=True,
    success_message="The divergences from the target to each unit's activation are right, and summed over units.",
    failure_message="Σ p·log(p/p_hat) + (1-p)·log((1-p)/(1-p_hat)): both terms, p in front, summed over the units.",
)
def test_value(env):
    rng = hidden_rng("q6 value")
    for p, h in ((0.05, 12), (0.3, 5), (0.1, 1)):
        p_hat = rng.uniform(0.02, 0.95, h).astype(np.float32)
        value = as_float(call(env, "kl_sparsity", p, p_hat), "kl_sparsity")
        check_close(value, divergence(p, p_hat), "kl_sparsity")


@test_case(
    name="contractive penalty of a model",
    points=2.5,
    hidden=True,
    success_message="The squared Frobenius norms of the Jacobians are right, and averaged over examples.",
    failure_message="For each example add up the squares of all derivatives of all units by all pixels; then take "
    "the mean over the examples.",
)
def test_contractive(env):
    rng = hidden_rng("q6 contractive")
    weights, x = experiment(rng, 7, 9, 4, 6)
    check_penalty(env, weights, x, beside(env, encoder_model, weights))


@test_case(
    name="contractive penalty of any function",
    points=1.5,
    hidden=True,
    success_message="Plain and compiled functions work as well as models, and one example as well as many.",
    failure_message="encode may be any function of a batch: call it, and differentiate what it returns. One "
    "example is a batch, too.",
)
def test_contractive_functions(env):
    rng = hidden_rng("q6 functions")
    for sizes, n, compiled in (((5, 6, 8), 4, False), ((6, 7, 3), 1, True)):
        weights, x = experiment(rng, *sizes, n)
        check_penalty(env, weights, x, beside(env, encoder_function, weights, compiled))
