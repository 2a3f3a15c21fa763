"""The reference of a6 against Keras' own attention, closed forms and laws that hold for any weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import transformer as ref

quick = settings(max_examples=25, deadline=None)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def model():
    """A small transformer whose tokens, features and positions all differ in number."""
    keras.utils.set_random_seed(3)
    return ref.Transformer(1, 8, 2, 12, input_vocab_size=11, target_vocab_size=13, max_length=9, rate=0.5)


def normal(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


# --- q1, q2 ------------------------------------------------------------------------------------------------


@quick
@given(st.integers(1, 60), st.integers(1, 8), st.integers(0, 20))
def test_a_step_turns_every_pair_by_the_same_angle(length, half, step):
    """PE[pos + step] is PE[pos] turned by step·ω in each pair of columns, which is why relative positions show."""
    d_model = 2 * half
    waves = ref.positional_encoding(length + step, d_model).numpy()[0]
    turns = np.exp(1j * step * 10_000 ** (-np.arange(half) / half))
    hands = waves[:, 1::2] + 1j * waves[:, ::2]
    np.testing.assert_allclose(hands[step:], hands[:length] * turns, atol=2e-5)


def test_an_odd_number_of_columns_ends_in_a_sine():
    """The columns of an odd d_model alternate as well."""
    assert ref.positional_encoding(1, 5).numpy().tolist() == [[[0, 1, 0, 1, 0]]]


def test_masks_forbid_padding_and_the_future():
    """Only padding is marked, and what lies strictly above the diagonal."""
    assert ref.padding_mask(np.array([[3, 0, 4, 0]], np.uint8)).numpy().tolist() == [[[[0, 1, 0, 1]]]]
    np.testing.assert_array_equal(ref.look_ahead_mask(4), np.triu(np.ones((4, 4)), 1))


# --- q3, q4 ------------------------------------------------------------------------------------------------


def test_attention_agrees_with_keras(rng):
    """Keras' own dot-product attention computes the same, in float32; ours stays in the dtype it is given."""
    q, k, v = rng.normal(size=(2, 3, 4, 6)), rng.normal(size=(2, 3, 5, 6)), rng.normal(size=(2, 3, 5, 6))
    mask = np.zeros((2, 1, 1, 5))
    mask[..., 3:] = 1
    output, weights = ref.scaled_dot_product_attention(q, k, v, mask)
    heads_third = [np.swapaxes(a, 1, 2) for a in (q, k, v)]  # Keras: (N, L, H, D)
    theirs = keras.ops.dot_product_attention(*heads_third, mask=mask == 0, flash_attention=False)
    np.testing.assert_allclose(output, np.swapaxes(theirs, 1, 2), rtol=1e-4, atol=1e-6)
    assert not weights.numpy()[..., 3:].any()
    assert output.dtype == tf.float64


def test_attention_of_large_or_forbidden_scores_is_finite(rng):
    """Scores do not overflow, and a query that may see nothing gets an average and no NaN."""
    q, k, v = (1e4 * normal(rng, 1, 3, 2) for _ in range(3))
    output, weights = ref.scaled_dot_product_attention(q, k, v, np.ones((3, 3), np.float32))
    np.testing.assert_allclose(weights, np.full((1, 3, 3), 1 / 3), rtol=1e-6)
    assert np.isfinite(output).all()
    assert np.isfinite(ref.scaled_dot_product_attention(q, k, v)[0]).all()


def test_heads_agree_with_keras(rng):
    """With the same weights Keras' MultiHeadAttention gives the same output and the same weights."""
    ours, theirs = ref.MultiHeadAttention(12, 3), keras.layers.MultiHeadAttention(3, 4)
    x, y, mask = normal(rng, 2, 5, 12), normal(rng, 2, 4, 12), ref.look_ahead_mask(5)[:4]
    ours(x, x, y, mask), theirs(y, x)
    weights = [rng.normal(size=w.shape).astype(np.float32) for w in theirs.weights]
    theirs.set_weights(weights)  # q, k, v, output; each kernel and bias
    shapes = [(12, 12), (12,)] * 4
    ours.set_weights([w.reshape(shape) for w, shape in zip(weights, shapes, strict=True)])
    expected = theirs(y, x, attention_mask=mask[None] == 0, return_attention_scores=True)
    for mine, other in zip(ours(x, x, y, mask), expected, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    assert ours.count_params() == 4 * (12 * 12 + 12)


def test_self_attention_knows_no_order(rng):
    """Reordering the tokens reorders the outputs."""
    layer, x, order = ref.EncoderLayer(8, 2, 12, 0.1), normal(rng, 1, 6, 8), [3, 1, 5, 0, 2, 4]
    np.testing.assert_allclose(layer(x[:, order]), layer(x).numpy()[:, order], atol=1e-5)


def test_heads_that_do_not_fit_are_refused():
    """Three heads cannot share eight features."""
    with pytest.raises(ValueError, match="3 heads cannot share 8 features"):
        ref.MultiHeadAttention(8, 3)


# --- q5, q6 ------------------------------------------------------------------------------------------------


def test_layers_normalise_and_drop_out_only_in_training(rng):
    """Each position has mean 0 and variance 1; without training two calls agree, with it they do not."""
    x, e = normal(rng, 2, 5, 8), normal(rng, 2, 3, 8)
    ahead, padding = ref.look_ahead_mask(5), np.zeros((2, 1, 1, 3), np.float32)
    for layer, arguments in ((ref.EncoderLayer, [x]), (ref.DecoderLayer, [x, e, ahead, padding])):
        run = layer(8, 2, 12, 0.5)
        y = run(*arguments).numpy()
        np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-5)
        np.testing.assert_allclose(y.var(axis=-1), 1, atol=1e-4)
        np.testing.assert_array_equal(run(*arguments), y)
        assert not np.allclose(run(*arguments, training=True), run(*arguments, training=True))


def test_no_gradient_flows_from_later_tokens(model):
    """Causality by the tape: a logit does not depend on the table's row of a later token."""
    source, target = np.array([[4, 5, 6]]), np.array([[1, 3, 8, 9]])
    model((source, target))
    table = model.target_table.embeddings
    with tf.GradientTape() as tape:
        logit = tf.reduce_sum(model((source, target))[:, 1] ** 2)
    moved = np.abs(tf.convert_to_tensor(tape.gradient(logit, table.value)).numpy()).sum(axis=1)
    assert set(np.flatnonzero(moved)) == {1, 3}


def test_padding_changes_nothing_before_it(model):
    """Zeros behind source and target leave the logits as they were."""
    source, target = np.array([[4, 5, 6], [7, 8, 9]]), np.array([[1, 3, 8], [1, 9, 10]])
    logits = model((source, target)).numpy()
    longer = model((np.pad(source, ((0, 0), (0, 4))), np.pad(target, ((0, 0), (0, 2))))).numpy()
    np.testing.assert_allclose(longer[:, :3], logits, atol=1e-5)


# --- q7, q8 ------------------------------------------------------------------------------------------------


def test_loss_and_accuracy_agree_with_keras(rng):
    """Keras' cross-entropy and accuracy of the real tokens alone are the same, for labels of any type."""
    labels, logits = rng.integers(0, 4, (5, 7)), normal(rng, 5, 7, 4)
    real = labels != 0
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels[real], logits[real])
    for dtype in (np.int64, np.uint8):
        np.testing.assert_allclose(ref.masked_loss(labels.astype(dtype), logits), expected, rtol=1e-5)
    hits = keras.metrics.sparse_categorical_accuracy(labels[real], logits[real])
    np.testing.assert_allclose(ref.masked_accuracy(labels, logits), np.mean(hits), rtol=1e-6)


def test_padding_may_hold_anything():
    """Infinite logits at padding do not reach the loss, and nothing but padding costs nothing."""
    logits = np.float32([[[0, 0], [np.inf, 0]]])
    np.testing.assert_allclose(ref.masked_loss(np.array([[1, 0]]), logits), np.log(2), rtol=1e-6)
    assert ref.masked_loss(np.array([[0, 0]]), np.zeros((1, 2, 3), np.float32)) == 0


def test_training_repeats_with_its_seed_and_learns():
    """The same seed trains the same model, another seed another one; the next token is soon known."""
    source = np.random.default_rng(0).integers(3, 9, (96, 2))
    target = np.concatenate([np.full((96, 1), 1), source, np.full((96, 1), 2)], axis=1)
    sizes = {"vocab_size": 9, "max_length": 4, "batch_size": 16}
    first, again, other = (
        ref.train_transformer((source, target), epochs=epochs, seed=seed, **sizes)
        for seed, epochs in ((1, 1), (1, 1), (2, 12))
    )
    np.testing.assert_allclose(first[1]["loss"], again[1]["loss"], rtol=1e-5)
    assert abs(other[1]["loss"][0] - first[1]["loss"][0]) > 1e-4
    assert other[1]["accuracy"][-1] > 0.8
    written = ref.greedy_decode(other[0], source, 1, 2, 4).numpy()
    assert (written == target).all(axis=1).mean() > 0.6


def test_each_row_ends_by_itself():
    """Behind a row's end token there are zeros, while other rows go on to max_length."""

    def counting(sequences, training):
        return tf.one_hot(sequences[1] + 1, 12)  # after token t comes t + 1, in every place

    written = ref.greedy_decode(counting, np.array([[5], [6]]), start=3, end=5, max_length=6)
    assert written.numpy().tolist() == [[3, 4, 5, 0, 0, 0]] * 2
    written = ref.greedy_decode(counting, np.array([[5]]), start=3, end=11, max_length=4)
    assert written.numpy().tolist() == [[3, 4, 5, 6]]
