"""The reference of a4 against Keras, closed forms, finite differences and the laws of large numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from reference import autoencoders as ref


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# --- q1 ----------------------------------------------------------------------------------------------------


def test_dropout_keeps_its_share_and_its_mean():
    """A share of 1 - rate is kept, scaled so that the mean stays, each element on its own."""
    h = np.full((400, 300), 2.0, np.float32)
    value = ref.dropout(h, 0.3, True, 1).numpy()
    kept = value != 0
    assert kept.mean() == pytest.approx(0.7, abs=0.008)  # six standard deviations
    np.testing.assert_allclose(value[kept], 2 / 0.7, rtol=1e-6)
    for axis in (0, 1):
        assert kept.sum(axis=axis).var() == pytest.approx(kept.shape[axis] * 0.21, rel=0.5)


def test_dropout_has_the_statistics_of_keras():
    """Mean and variance of the factors are those of Keras' Dropout layer."""
    h = np.ones((500, 400), np.float32)
    ours = ref.dropout(h, 0.6, True, 3).numpy()
    theirs = np.asarray(keras.layers.Dropout(0.6, seed=3)(h, training=True))
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.025)
    assert ours.var() == pytest.approx(theirs.var(), rel=0.02)


def test_dropout_passes_everything_in_use():
    """Outside training, and at rate 0, dropout is the identity."""
    h = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(ref.dropout(h, 0.5, False, 1), h)
    np.testing.assert_array_equal(ref.dropout(h, 0.0, True, 1), h)


def test_dropout_gradient_is_the_mask():
    """The gradient is 1/(1 - rate) where a unit was kept and 0 where it was dropped."""
    h = tf.random.stateless_normal((20, 30), seed=(1, 2))
    with tf.GradientTape() as tape:
        tape.watch(h)
        value = ref.dropout(h, 0.25, True, 5)
    expected = np.where(value.numpy() != 0, 1 / 0.75, 0)
    np.testing.assert_allclose(tape.gradient(value, h), expected, rtol=1e-6)


def test_random_draws_are_the_same_in_a_compiled_step():
    """A seed means the same in eager execution and in a graph, for dropout and for both noises."""
    x = np.full((5, 8), 0.5, np.float32)
    for draw in (
        lambda v: ref.dropout(v, 0.5, True, 1),
        lambda v: ref.salt_and_pepper(v, 0.5, 1),
        lambda v: ref.gaussian_noise(v, 0.1, 1),
    ):
        np.testing.assert_allclose(tf.function(draw)(x), draw(x), rtol=1e-6)
        assert x.min() == x.max() == 0.5


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_impossible_rate_is_refused(rate):
    """A rate outside [0, 1) raises ValueError."""
    with pytest.raises(ValueError, match="rate"):
        ref.dropout(np.ones((2, 2)), rate, True, 1)


# --- q2 ----------------------------------------------------------------------------------------------------


def test_l2_penalty_is_keras_own(rng):
    """The penalty is that of Keras' regulariser, added up over arrays of any shape."""
    weights = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (4,), (2, 2, 1, 3))]
    expected = sum(float(keras.regularizers.L2(0.3)(w)) for w in weights)
    assert float(ref.l2_penalty(weights, 0.3)) == pytest.approx(expected, rel=1e-6)


# --- q3 ----------------------------------------------------------------------------------------------------


def test_salt_and_pepper_replaces_half_and_half():
    """Black and white appear at half the noise level each; all other pixels stay."""
    x = np.full((200, 500), 0.4, np.float32)
    value = ref.salt_and_pepper(x, 0.3, 1).numpy()
    for colour in (0, 1):
        assert (value == colour).mean() == pytest.approx(0.15, abs=0.007)  # six standard deviations
    assert set(np.unique(value)) == {0, np.float32(0.4), 1}
    assert (value == 1).sum(axis=0).var() == pytest.approx(200 * 0.15 * 0.85, rel=0.4)


def test_noise_at_its_ends():
    """No noise leaves the image alone; at level 1 nothing of it is left."""
    x = np.linspace(0.1, 0.9, 40, dtype=np.float32).reshape(2, 20)
    np.testing.assert_array_equal(ref.salt_and_pepper(x, 0, 1), x)
    np.testing.assert_array_equal(ref.gaussian_noise(x, 0, 1), x)
    assert set(np.unique(ref.salt_and_pepper(x, 1, 1))) == {0, 1}


def test_gaussian_noise_is_normal_and_clipped():
    """Moments are those of the normal distribution; no pixel leaves [0, 1]."""
    x = np.full((300, 300), 0.5, np.float32)
    noise = (ref.gaussian_noise(x, 0.05, 1).numpy() - 0.5) / 0.05
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.015)
    assert (noise**4).mean() == pytest.approx(3, abs=0.2)
    value = ref.gaussian_noise(x, 3.0, 1).numpy()
    assert value.min() == 0
    assert value.max() == 1


@pytest.mark.parametrize(("noise", "strength"), [(ref.salt_and_pepper, 0.5), (ref.gaussian_noise, 0.2)])
def test_seed_fixes_the_noise(noise, strength):
    """A seed repeats its noise, another one draws other noise, and a level beyond its range is refused."""
    x = np.full((4, 30), 0.5, np.float32)
    first, again, other = (noise(x, strength, seed).numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    with pytest.raises(ValueError, match="must"):
        noise(x, -0.1, 1)


# --- q4 ----------------------------------------------------------------------------------------------------


def test_default_autoencoder_has_its_parameters():
    """784-128-64-32-64-128-784 has 222,384 parameters, split between encoder and decoder."""
    autoencoder, encoder, decoder = ref.build_autoencoder()
    assert [m.count_params() for m in (autoencoder, encoder, decoder)] == [222_384, 110_816, 111_568]


@pytest.mark.parametrize("sizes", [(5,), (9, 4), (8, 6, 5, 3)])
def test_autoencoder_mirrors_and_shares(sizes, rng):
    """autoencoder(x) is decoder(encoder(x)), ReLU layers and a sigmoid, after its weights changed, too."""
    autoencoder, encoder, decoder = ref.build_autoencoder(12, sizes)
    autoencoder.set_weights([rng.normal(size=w.shape) for w in autoencoder.get_weights()])
    x = rng.uniform(size=(7, 12)).astype(np.float32)
    units = [w.shape[1] for w in autoencoder.get_weights()[::2]]
    assert units == [*sizes, *sizes[-2::-1], 12]

    h, weights = x, autoencoder.get_weights()
    for k in range(0, len(weights), 2):
        h = h @ weights[k] + weights[k + 1]
        h = np.maximum(h, 0) if k < len(weights) - 2 else 1 / (1 + np.exp(-h))
    np.testing.assert_allclose(autoencoder(x), h, atol=1e-5)
    np.testing.assert_allclose(decoder(encoder(x)), h, atol=1e-5)


def test_empty_autoencoder_is_refused():
    """An autoencoder without a code raises ValueError."""
    with pytest.raises(ValueError, match="sizes"):
        ref.build_autoencoder(10, ())


# --- q5 ----------------------------------------------------------------------------------------------------


def test_losses_are_keras_own(rng):
    """Both distances are those of Keras, exact zeros and ones included."""
    x_hat, x = rng.uniform(size=(2, 6, 9)).astype(np.float32)
    x_hat[0, :3], x[0, :3] = (0, 1, 1), (0, 1, 0)
    mae = keras.losses.MeanAbsoluteError()(x, x_hat)
    bce = keras.losses.BinaryCrossentropy()(x, x_hat)
    assert float(ref.mean_absolute_error(x_hat, x)) == pytest.approx(float(mae), rel=1e-5)
    assert float(ref.binary_cross_entropy(x_hat, x)) == pytest.approx(float(bce), rel=1e-4)


def test_cross_entropy_is_least_at_the_image_itself(rng):
    """For grey pixels the least cross-entropy is their own entropy, where the drawing is the image."""
    x = rng.uniform(0.1, 0.9, (5, 8))
    entropy = -(x * np.log(x) + (1 - x) * np.log(1 - x)).mean()
    assert float(ref.binary_cross_entropy(x, x)) == pytest.approx(entropy)
    assert float(ref.binary_cross_entropy(np.clip(x + 0.05, 0, 1), x)) > entropy


@pytest.mark.parametrize("loss", [ref.mean_absolute_error, ref.binary_cross_entropy])
def test_images_of_other_shapes_are_refused(loss):
    """Shapes that would only broadcast raise ValueError."""
    with pytest.raises(ValueError, match="incompatible"):
        loss(np.full((3, 4), 0.5), np.full((3, 1), 0.5))


# --- q6 ----------------------------------------------------------------------------------------------------


def test_sparsity_is_a_divergence(rng):
    """It is 0 at the target and nowhere else, never negative, and Keras' divergence of two coins."""
    p_hat = rng.uniform(0.05, 0.95, 10)
    coins = np.stack([p_hat, 1 - p_hat], axis=1)
    target = np.tile([0.2, 0.8], (10, 1))
    expected = float(np.sum(keras.losses.kl_divergence(target, coins)))
    assert float(ref.kl_sparsity(0.2, p_hat)) == pytest.approx(expected, rel=1e-5)
    assert float(ref.kl_sparsity(0.2, np.full(4, 0.2))) == pytest.approx(0, abs=1e-12)
    assert all(float(ref.kl_sparsity(0.2, [q])) > 0 for q in p_hat)


def test_contractive_penalty_is_the_norm_of_the_jacobian(rng):
    """For a tanh encoder it agrees with finite differences of every unit by every pixel, in float64."""
    w, x = rng.normal(size=(5, 4)), rng.uniform(size=(3, 5))
    jacobian = np.empty((3, 4, 5))
    for i in range(5):
        step = 1e-6 * np.eye(5)[i]
        jacobian[:, :, i] = (np.tanh((x + step) @ w) - np.tanh((x - step) @ w)) / 2e-6
    expected = (jacobian**2).sum(axis=(1, 2)).mean()
    penalty = ref.contractive_penalty(lambda v: tf.tanh(v @ w), x)
    assert float(penalty) == pytest.approx(expected, rel=1e-8)


def test_contractive_penalty_can_be_minimised(rng):
    """An outer tape finds the gradient: for a linear encoder x·w the penalty is ‖w‖², its gradient 2w."""
    w = tf.Variable(rng.normal(size=(6, 3)))
    with tf.GradientTape() as tape:
        penalty = ref.contractive_penalty(lambda v: v @ w, rng.uniform(size=(4, 6)))
    np.testing.assert_allclose(penalty, np.sum(w.numpy() ** 2), rtol=1e-12)
    np.testing.assert_allclose(tape.gradient(penalty, w), 2 * w.numpy(), rtol=1e-12)


# --- q7, q8 ------------------------------------------------------------------------------------------------


def blobs(n):
    """Images of one of two bright squares: 28×28 pixels, labels 0 and 1."""
    y = np.arange(n) % 2
    x = np.zeros((n, 28, 28), np.float32)
    x[y == 0, 4:14, 4:14] = 1
    x[y == 1, 14:24, 14:24] = 1
    return x.reshape(n, 784), y


def test_denoiser_learns_and_repeats():
    """The loss falls, noisy squares come out clean, and a seed repeats the training."""
    x, _ = blobs(60)
    autoencoder, history = ref.train_denoiser(x, noise_level=0.4, epochs=8, batch_size=8, seed=1)
    assert len(history["loss"]) == 8
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    noisy = ref.salt_and_pepper(x, 0.4, 99)
    assert np.mean((autoencoder(noisy) - x) ** 2) < 0.1 * np.mean((noisy - x) ** 2)

    first, again = (
        ref.train_denoiser(x[:20], noise_level=0.4, epochs=2, batch_size=10, seed=2)[0](x) for _ in range(2)
    )
    np.testing.assert_allclose(first, again, atol=1e-5)


def test_denoise_curve_counts_right_answers():
    """Both curves are exact without noise, in the order of the levels, and chance without a signal."""
    x, y = blobs(60)
    kernel = np.zeros((784, 10), np.float32)
    kernel[:, 0], kernel[:, 1] = x[0], x[1]
    classifier = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    classifier.set_weights([kernel, np.zeros(10, np.float32)])
    mirror = keras.Sequential([keras.Input((784,)), keras.layers.Dense(784, use_bias=False)])
    mirror.set_weights([np.eye(784, dtype=np.float32)[::-1]])  # turns an image: one square becomes the other
    noisy, denoised = ref.denoise_curve(mirror, classifier, x, y, [1.0, 0.0], seed=3)
    assert (noisy[1], denoised[1]) == (1.0, 0.0)
    assert 0.2 < noisy[0] < 0.8
