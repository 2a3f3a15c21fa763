"""The reference of a5 against Keras, SciPy, finite differences, Monte Carlo and quadrature."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from autograder.testing import numerical_gradient
from reference import vae as ref

pairs = arrays(
    np.float64, st.tuples(st.just(2), st.integers(1, 4), st.integers(1, 3)), elements=st.floats(-5, 5)
)
quick = settings(max_examples=40, deadline=None)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def linear_networks(rng, latent_dim=2, spread=0.2):
    """Encoder and decoder without hidden layers, and their weights in float64."""
    images = keras.Input((28, 28, 1))
    heads = [keras.layers.Dense(latent_dim) for _ in range(2)]
    encoder = keras.Model(images, [head(keras.layers.Flatten()(images)) for head in heads])
    dense = keras.layers.Dense(784)
    decoder = keras.Sequential([keras.Input((latent_dim,)), dense, keras.layers.Reshape((28, 28, 1))])
    for layer, std in ((heads[0], 0.05), (heads[1], 0.02), (dense, spread)):
        layer.set_weights([rng.normal(0, std, w.shape) for w in layer.get_weights()])
    return encoder, decoder, [w.astype(np.float64) for w in dense.get_weights()]


def bars(n):
    """Binary images of upright and of lying bars, n in all."""
    x = np.zeros((n, 28, 28, 1), np.float32)
    for k in range(n):
        at = 4 + 5 * (k // 2 % 4)
        x[k, at : at + 4] = 1
        if k % 2:
            x[k] = x[k].transpose(1, 0, 2)
    return x


# --- q1 ----------------------------------------------------------------------------------------------------


def test_sample_has_the_moments_it_should(rng):
    """Over many draws mean and standard deviation are mean and exp(logvar/2)."""
    mean, logvar = np.float64([[1.0, -2.0]]), np.float64([[0.6, -1.4]])
    z = ref.reparameterize(
        np.repeat(mean, 50_000, 0), np.repeat(logvar, 50_000, 0), rng.normal(size=(50_000, 2))
    )
    np.testing.assert_allclose(np.mean(z, axis=0), mean[0], atol=0.03)
    np.testing.assert_allclose(np.var(z, axis=0), np.exp(logvar[0]), rtol=0.03)


def test_gradients_of_the_sample(rng):
    """The tape's gradients to mean and logvar are those of finite differences."""
    mean, logvar, eps, upstream = rng.normal(size=(4, 3, 2))
    inputs = {"mean": tf.constant(mean), "logvar": tf.constant(logvar)}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = tf.reduce_sum(upstream * ref.reparameterize(**inputs, eps=eps))
    found = tape.gradient(value, inputs)
    expected = numerical_gradient(
        lambda p: np.sum(upstream * (p["mean"] + np.sqrt(np.exp(p["logvar"])) * eps)),
        {"mean": mean, "logvar": logvar},
    )
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-6, atol=1e-8)


# --- q2 ----------------------------------------------------------------------------------------------------


@quick
@given(pairs)
def test_divergence_is_positive_and_adds_up(both):
    """It is at least 0, and that of independent dimensions is the sum of theirs."""
    mean, logvar = both
    kl = ref.kl_divergence(mean, logvar).numpy()
    assert np.all(kl >= -1e-12)
    columns = [
        ref.kl_divergence(mean[:, k : k + 1], logvar[:, k : k + 1]).numpy() for k in range(mean.shape[1])
    ]
    np.testing.assert_allclose(kl, np.sum(columns, axis=0), rtol=1e-12, atol=1e-12)


def test_divergence_of_the_prior_is_zero():
    """Mean 0 and logvar 0 are the prior itself."""
    assert np.array_equal(ref.kl_divergence(np.zeros((3, 2)), np.zeros((3, 2))), np.zeros(3))


def test_divergence_by_quadrature(rng):
    """It is ∫ q (log q - log p), here in one dimension on a grid, with both densities from SciPy."""
    z = np.linspace(-30, 30, 20_001)
    for mean, logvar in rng.normal(size=(4, 2)):
        q = stats.norm(mean, np.exp(logvar / 2))
        integral = np.trapezoid(q.pdf(z) * (q.logpdf(z) - stats.norm.logpdf(z)), z)
        assert ref.kl_divergence([[mean]], [[logvar]]).numpy()[0] == pytest.approx(integral, rel=1e-4)


@quick
@given(pairs)
def test_density_is_scipys(both):
    """The log-density is the sum of SciPy's over the dimensions."""
    mean, logvar = both
    sample = mean[::-1] + 0.3
    expected = stats.norm.logpdf(sample, mean, np.exp(logvar / 2)).sum(axis=1)
    np.testing.assert_allclose(ref.log_normal_pdf(sample, mean, logvar), expected, rtol=1e-9, atol=1e-9)


# --- q3 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("latent_dim", [1, 6])
def test_shapes_of_both_networks(rng, latent_dim):
    """Images become two arrays of latent_dim columns, codes become logits of images."""
    x = rng.uniform(size=(3, 28, 28, 1)).astype(np.float32)
    mean, logvar = ref.build_encoder(latent_dim)(x)
    assert mean.shape == logvar.shape == (3, latent_dim)
    assert not np.allclose(mean, logvar)
    assert ref.build_decoder(latent_dim)(mean).shape == x.shape


# --- q4 ----------------------------------------------------------------------------------------------------


def test_bound_from_its_parts(rng):
    """It is log p(x|z) of SciPy's Bernoulli distribution minus the divergence."""
    encoder, decoder, (kernel, bias) = linear_networks(rng, spread=1.0)
    x, eps = bars(5), rng.normal(size=(5, 2)).astype(np.float32)
    mean, logvar = (np.asarray(output, np.float64) for output in encoder(x))
    p = 1 / (1 + np.exp(-((mean + np.exp(logvar / 2) * eps) @ kernel + bias)))
    log_likelihood = stats.bernoulli.logpmf(x.reshape(5, 784), p).sum(axis=1)
    expected = log_likelihood - ref.kl_divergence(mean, logvar)
    np.testing.assert_allclose(ref.elbo(encoder, decoder, x, eps), expected, rtol=1e-5)


def test_bound_is_below_the_likelihood(rng):
    """On average over the noise the bound is below log p(x), known by quadrature in two dimensions."""
    encoder, decoder, (kernel, bias) = linear_networks(rng)
    x = bars(2)
    axis = np.linspace(-6, 6, 61)
    z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    logits = z @ kernel + bias
    joint = (
        x.reshape(2, 784) @ logits.T - np.logaddexp(0, logits).sum(axis=1) + stats.norm.logpdf(z).sum(axis=1)
    )
    evidence = np.logaddexp.reduce(joint, axis=1) + 2 * np.log(axis[1] - axis[0])
    eps = rng.normal(size=(400, 2)).astype(np.float32)
    bounds = np.reshape(ref.elbo(encoder, decoder, np.repeat(x, 200, axis=0), eps), (2, 200))
    assert np.all(bounds.mean(axis=1) < evidence)


def test_bound_of_a_sure_decoder_is_finite():
    """Logits of ±1000 neither overflow nor cap the loss."""
    images, codes = keras.Input((28, 28, 1)), keras.Input((1,))
    heads = [
        keras.layers.Dense(1, kernel_initializer="zeros")(keras.layers.Flatten()(images)) for _ in range(2)
    ]
    sure = keras.layers.Dense(
        784, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(1e3)
    )
    decoder = keras.Model(codes, keras.layers.Reshape((28, 28, 1))(sure(codes)))
    x = np.ones((2, 28, 28, 1), np.float32)
    x[1, 0, 0] = 0
    bounds = ref.elbo(keras.Model(images, heads), decoder, x, np.zeros((2, 1), np.float32))
    np.testing.assert_allclose(bounds, [0, -1000], atol=1e-3)


# --- q5 ----------------------------------------------------------------------------------------------------


def test_training_lifts_the_bound_and_repeats_by_its_seed():
    """The bound rises, a last smaller batch is used, and the same seed gives the same history."""
    x = bars(20)
    run = {"latent_dim": 2, "epochs": 12, "batch_size": 8}
    encoder, decoder, history = ref.train_vae(x, seed=1, **run)
    assert len(history["elbo"]) == 12
    assert history["elbo"][-1] > history["elbo"][0] + 100
    again, other = (ref.train_vae(x, seed=seed, **run | {"epochs": 2})[2]["elbo"] for seed in (1, 2))
    np.testing.assert_allclose(again, history["elbo"][:2], rtol=1e-4)
    assert not np.allclose(other, again, rtol=1e-5)
    measured = np.mean(ref.elbo(encoder, decoder, x, np.zeros((20, 2), np.float32)))
    assert measured == pytest.approx(history["elbo"][-1], rel=0.3)


# --- q6 ----------------------------------------------------------------------------------------------------


def bias_free_decoder(rng):
    """Logits linear in a 2-d code."""
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(784, use_bias=False), keras.layers.Reshape((28, 28, 1))]
    )
    kernel = rng.normal(size=(2, 784)).astype(np.float32)
    decoder.set_weights([kernel])
    return decoder, kernel


def test_samples_come_from_the_prior(rng):
    """The codes, recovered from the logits of the samples, are standard normal; the seed repeats them."""
    decoder, kernel = bias_free_decoder(rng)
    images = ref.sample(decoder, 2000, seed=3).numpy().astype(np.float64)
    p = np.clip(images.reshape(2000, 784), 1e-6, 1 - 1e-6)
    codes = np.log(p / (1 - p)) @ np.linalg.pinv(kernel)
    assert stats.kstest(codes.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(codes.T)[0, 1]) < 0.1
    np.testing.assert_array_equal(ref.sample(decoder, 2000, seed=3), images.astype(np.float32))
    assert not np.allclose(ref.sample(decoder, 2000, seed=4), images)


def test_grid_shows_the_decoded_quantiles(rng):
    """Tile (i, j) is the decoded pair of SciPy's quantiles i and j."""
    decoder, kernel = bias_free_decoder(rng)
    grid = ref.latent_grid(decoder, 3).numpy()
    quantiles = stats.norm.ppf([0.05, 0.5, 0.95])
    for i, first in enumerate(quantiles):
        for j, second in enumerate(quantiles):
            expected = 1 / (1 + np.exp(-(np.array([first, second]) @ kernel).reshape(28, 28)))
            tile = grid[28 * i : 28 * (i + 1), 28 * j : 28 * (j + 1)]
            np.testing.assert_allclose(tile, expected, rtol=1e-4, atol=1e-5)


# --- q7 ----------------------------------------------------------------------------------------------------


def test_classifier_learns_from_the_code_alone(rng):
    """Classes far apart in the latent space are told apart, and the encoder keeps every bit."""
    encoder, _, _ = linear_networks(rng, latent_dim=8)
    centres = rng.uniform(0, 1, (10, 28, 28, 1))
    y = np.arange(300) % 10
    x = (centres[y] + 0.1 * rng.normal(size=(300, 28, 28, 1))).astype(np.float32)
    before = encoder.get_weights()
    classify = ref.train_latent_classifier(encoder, x, y, epochs=30, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, encoder.get_weights(), strict=True))
    p = classify(x).numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert np.mean(p.argmax(axis=1) == y) > 0.9
