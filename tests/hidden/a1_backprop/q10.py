"""q10: a network of any depth, dropout, and its gradients by hand.

Dropout is watched through an identity matrix: with w_out = 1 and b_out = 0 the logits are the dropped-out
hidden activations themselves.
"""

import itertools

import numpy as np
from otter.test_files import test_case

from autograder.testing import (
    as_array,
    by_hand,
    call,
    check,
    check_close,
    hidden_rng,
    numerical_gradient,
    tape_gradient,
)

OK_FORMAT = False
name = "q10"
points = 6


def network(rng, sizes):
    """Random layers with biases that matter, as float32."""
    return [
        (rng.normal(0, 1, (a, b)).astype(np.float32), rng.normal(0, 0.5, b).astype(np.float32))
        for a, b in itertools.pairwise(sizes)
    ]


def inputs(rng, n, d):
    return rng.normal(0, 1, (n, d)).astype(np.float32)


def logits_of(layers, x):
    """The forward pass in float64."""
    h = np.asarray(x, np.float64)
    for k, (w, b) in enumerate(layers):
        h = np.maximum(h, 0) if k else h
        h = h @ np.asarray(w, np.float64) + b
    return h


def loss(layers, x, t):
    """Cross-entropy in float64 by the gaps to the true class's logit."""
    logits = logits_of(layers, x)
    return np.logaddexp.reduce(logits - (logits * t).sum(axis=1, keepdims=True), axis=1).mean()


def tape_loss(layers, x, t):
    import tensorflow as tf

    h = tf.constant(x, tf.float64)
    for w, b in layers[:-1]:
        h = tf.nn.relu(h @ w + b)
    logits = h @ layers[-1][0] + layers[-1][1]
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(t.astype(np.float64), logits))


def check_gradients(env, label, n, sizes, shift=0.0):
    """Compare mlp_backward with both oracles; `shift` moves the biases of the last layer far apart."""
    rng = hidden_rng(label)
    layers, x = network(rng, sizes), inputs(rng, n, sizes[0])
    c = sizes[-1]
    layers[-1] = (layers[-1][0], layers[-1][1] + (shift * np.linspace(-1, 1, c)).astype(np.float32))
    t = np.eye(c, dtype=np.float32)[rng.permutation(np.arange(n) % c)]
    result = by_hand(env, "mlp_backward", layers, x, t)
    numerical = numerical_gradient(lambda p: loss(p, x, t), layers)
    taped = tape_gradient(lambda p: tape_loss(p, x, t), layers)
    for oracle in (numerical, taped):
        check_close(result, oracle, "mlp_backward", atol=1e-5)


def dropped(env, rate, seed, hidden_layers=1, n=120, h=50):
    """Logits that show the hidden activations after dropout, divided by the activations without."""
    rng = hidden_rng(f"q10 dropout {hidden_layers}")
    one = (np.eye(h, dtype=np.float32), np.zeros(h, np.float32))
    # All activations are at least 1, so a 0 was dropped; further layers pass them on unchanged.
    layers = [(rng.uniform(0, 1, (4, h)).astype(np.float32), np.ones(h, np.float32))] + [one] * hidden_layers
    x = rng.uniform(0, 1, (n, 4)).astype(np.float32)
    logits = as_array(
        call(env, "mlp_forward", layers, x, dropout_rate=rate, seed=seed), "mlp_forward", (n, h)
    )
    return logits / logits_of(layers, x)


def initial_weights(env, sizes, seed):
    """The weights of mlp_init's layers; their shapes and the zero biases are checked."""
    layers = call(env, "mlp_init", list(sizes), seed)
    check(isinstance(layers, list | tuple), "mlp_init should return a list of pairs (w, b).")
    check(
        len(layers) == len(sizes) - 1, "mlp_init should return one layer for each pair of neighbouring sizes."
    )
    weights = []
    for k, layer in enumerate(layers):
        check(isinstance(layer, list | tuple) and len(layer) == 2, "Every layer should be a pair (w, b).")
        weights.append(as_array(layer[0], f"mlp_init: w of layer {k + 1}", sizes[k : k + 2]))
        check(
            not as_array(layer[1], f"mlp_init: b of layer {k + 1}", sizes[k + 1 : k + 2]).any(),
            "Biases start at 0.",
        )
    return weights


def any_seed(label):
    return int(hidden_rng(label).integers(1, 100_000))


@test_case(
    name="initialisation",
    points=1,
    hidden=True,
    success_message="Every layer has its own weights of the right shape and spread, and zero biases.",
    failure_message="A list of (w, b), one for each pair of neighbouring sizes, each drawn anew as in q1.",
)
def test_init(env):
    seed, sizes = any_seed("q10 init"), (200, 80, 80, 80, 40)
    weights, again, other = (initial_weights(env, sizes, s) for s in (seed, seed, seed + 17))
    for k in range(4):
        # The sample's own spread is known to 1.3 % in the smallest layer.
        ratio = weights[k].std() / np.sqrt(2 / sizes[k])
        check(
            0.88 < ratio < 1.12,
            "The weights of every layer should have the standard deviation sqrt(2 / fan_in).",
        )
        check(np.array_equal(weights[k], again[k]), "The same seed should draw the same weights.")
        check(not np.allclose(weights[k], other[k]), "Another seed should draw other weights.")
    repeated = np.corrcoef(weights[1].ravel(), weights[2].ravel())[0, 1]
    check(abs(repeated) < 0.1, "Two layers repeat the same random numbers.")


@test_case(
    name="forward pass",
    points=1,
    hidden=True,
    success_message="The logits are right at every depth.",
    failure_message="relu(h·w + b) in every layer but the last, which has no activation; try one layer, too.",
)
def test_forward(env):
    rng = hidden_rng("q10 forward")
    for n, sizes in ((5, (4, 6, 3)), (3, (5, 7, 6, 4, 2)), (1, (3, 5, 4)), (4, (6, 3))):
        layers, x = network(rng, sizes), inputs(rng, n, sizes[0])
        check_close(call(env, "mlp_forward", layers, x), logits_of(layers, x), "mlp_forward")


@test_case(
    name="inverted dropout",
    points=1,
    hidden=True,
    success_message="Hidden activations are dropped at the rate asked for, and the rest scaled up.",
    failure_message="Each hidden activation becomes 0 with probability rate, else it is divided by 1 - rate.",
)
def test_dropout(env):
    for rate in (0.25, 0.6):
        ratio = dropped(env, rate, any_seed(f"q10 dropout {rate}"))
        kept = ratio != 0
        # 6,000 draws: the share is known to 0.6 %; the bound is six times that.
        check(
            abs(kept.mean() - (1 - rate)) < 0.04, "The share of activations that are kept should be 1 - rate."
        )
        check_close(
            ratio[kept],
            np.full(kept.sum(), 1 / (1 - rate)),
            "kept activations, against those without dropout",
        )


@test_case(
    name="where dropout applies",
    points=0.5,
    hidden=True,
    success_message="Dropout acts on hidden activations, never on input or logits, and not at rate 0.",
    failure_message="Dropout follows each hidden relu; input and logits stay whole, and rate 0 changes "
    "nothing.",
)
def test_dropout_place(env):
    rng = hidden_rng("q10 dropout place")
    layers, x = network(rng, (6, 4)), inputs(rng, 30, 6)
    value = call(env, "mlp_forward", layers, x, dropout_rate=0.5, seed=3)
    check_close(value, logits_of(layers, x), "mlp_forward without a hidden layer, dropout_rate=0.5")
    layers, x = network(rng, (4, 7, 6, 3)), inputs(rng, 5, 4)
    value = call(env, "mlp_forward", layers, x, dropout_rate=0.0, seed=3)
    check_close(value, logits_of(layers, x), "mlp_forward with dropout_rate=0")
    # Two hidden layers: an activation survives both draws with probability 0.7².
    kept = (dropped(env, 0.3, any_seed("q10 two layers"), hidden_layers=2) != 0).mean()
    check(
        abs(kept - 0.49) < 0.05,
        "With two hidden layers, each should have its own dropout, drawn independently.",
    )


@test_case(
    name="independent draws",
    points=0.5,
    hidden=True,
    success_message="Every element is drawn on its own, and the seed repeats the draw.",
    failure_message="Draw one random number for each element of (N, H), from a generator that gets the seed.",
)
def test_dropout_independent(env):
    seed = any_seed("q10 independent")
    first, again, other = (dropped(env, 0.5, s) != 0 for s in (seed, seed, seed + 17))
    check(np.array_equal(first, again), "The same seed should drop the same activations.")
    check(not np.array_equal(first, other), "Another seed should drop other activations.")
    # Sums of independent draws spread like sqrt(n/4); one mask for all rows or columns, or an exact number
    # of zeros in each row, does not. The sample variance of 50 (120) sums is known to 20 % (13 %).
    for axis, n in ((0, 120), (1, 50)):
        spread = first.sum(axis=axis).var() / (n / 4)
        check(0.25 < spread < 2.5, "Each element should be dropped independently of its row and column.")


@test_case(
    name="gradients by hand",
    points=1.5,
    hidden=True,
    success_message="The gradients are right at every depth.",
    failure_message="Go backwards layer by layer: dw and db of a layer first, then through w and relu to the "
    "one below.",
)
def test_backward(env):
    for n, sizes in ((5, (4, 6, 3)), (4, (3, 6, 5, 4, 2)), (6, (5, 3))):
        check_gradients(env, f"q10 backward {sizes}", n, sizes)


@test_case(
    name="gradients of one example and of large logits",
    points=0.5,
    hidden=True,
    success_message="One example and very large logits give the right gradients, too.",
    failure_message="Try x of shape (1, D), and logits of ±10,000: no axis may vanish, no exponential "
    "overflow.",
)
def test_backward_awkward(env):
    check_gradients(env, "q10 one", 1, (3, 5, 4, 3))
    check_gradients(env, "q10 large", 4, (3, 5, 4), shift=1e4)
