"""q7: loss and accuracy that leave padding out."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_float, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q7"
points = 6


def batch(rng, n=4, length=6, vocab=9, scale=2.0):
    """Labels with a different number of padded places in each row, and logits with nothing to do with them."""
    labels = rng.integers(1, vocab, (n, length))
    for row, kept in enumerate(rng.permutation(length)[:n] + 1):
        labels[row, kept:] = 0
    return labels, (scale * rng.normal(0, 1, (n, length, vocab))).astype(np.float32)


def real(labels):
    return list(zip(*np.nonzero(labels), strict=True))


def loss(labels, logits):
    """One token at a time, in float64."""
    logits = logits.astype(np.float64)
    return np.mean([np.logaddexp.reduce(logits[i]) - logits[i][labels[i]] for i in real(labels)])


def accuracy(labels, logits):
    return np.mean(
        [max(range(logits.shape[-1]), key=logits[i].__getitem__) == labels[i] for i in real(labels)]
    )


@test_case(
    name="loss",
    points=2,
    hidden=True,
    success_message="The loss is the mean cross-entropy of the tokens that are no padding.",
    failure_message="Cross-entropy from logits, summed over the tokens whose label is not 0, divided by their number.",
)
def test_loss(env):
    rng = hidden_rng("q7 loss")
    for n, length, vocab in ((4, 6, 9), (1, 3, 5)):
        labels, logits = batch(rng, n, length, vocab)
        check_close(call(env, "masked_loss", labels, logits), loss(labels, logits), "masked_loss")


@test_case(
    name="loss ignores what stands behind the padding",
    points=1.5,
    hidden=True,
    success_message="Padding does not reach the loss.",
    failure_message="Other logits at padded places, or more padding, should not change the loss.",
)
def test_loss_padding(env):
    rng = hidden_rng("q7 loss padding")
    labels, logits = batch(rng)
    value = as_float(call(env, "masked_loss", labels, logits), "masked_loss")
    other = np.where(labels[..., None] == 0, rng.normal(0, 50, logits.shape), logits).astype(np.float32)
    check_close(call(env, "masked_loss", labels, other), value, "masked_loss after logits at padding changed")
    longer = [np.concatenate([a, np.zeros_like(a[:, :3])], axis=1) for a in (labels, logits)]
    check_close(call(env, "masked_loss", *longer), value, "masked_loss after more padding")
    check(value > 0.1, "masked_loss: random logits should cost something.")


@test_case(
    name="accuracy",
    points=1.5,
    hidden=True,
    success_message="The accuracy counts real tokens only.",
    failure_message="The share of tokens with label ≠ 0 whose largest logit is the label's.",
)
def test_accuracy(env):
    rng = hidden_rng("q7 accuracy")
    for hit_rate in (0.3, 0.8):
        labels, logits = batch(rng, n=5, length=8)
        guesses = np.where(rng.random(labels.shape) < hit_rate, labels, rng.integers(0, 9, labels.shape))
        np.put_along_axis(logits, guesses[..., None], 20, axis=-1)
        check_close(call(env, "masked_accuracy", labels, logits), accuracy(labels, logits), "masked_accuracy")
        right = np.where(labels[..., None] == 0, -logits, logits)  # other guesses at padded places
        check_close(call(env, "masked_accuracy", labels, right), accuracy(labels, logits), "masked_accuracy")


@test_case(
    name="integer types and large logits",
    points=1,
    hidden=True,
    success_message="Labels of any integer type and large logits are fine.",
    failure_message="Labels may be int8, uint8, int32 or int64; a sure mistake costs the gap between the logits.",
)
def test_types(env):
    rng = hidden_rng("q7 types")
    labels, logits = batch(rng, scale=30.0)
    for dtype in (np.int32, np.uint8, np.int8):
        check_close(
            call(env, "masked_loss", labels.astype(dtype), logits), loss(labels, logits), "masked_loss"
        )
        value = call(env, "masked_accuracy", labels.astype(dtype), logits)
        check_close(value, accuracy(labels, logits), "masked_accuracy")
