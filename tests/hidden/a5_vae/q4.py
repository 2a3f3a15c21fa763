"""q4: the evidence lower bound, on networks so small that everything about them is known.

Encoder and decoder are linear with given weights. Then the bound has a closed form, and with two latent
dimensions the likelihood itself can be had by quadrature.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q4"
points = 8


def linear_encoder(mean_weights, logvar_weights, as_tuple):
    """mean and logvar, each linear in the pixels."""
    import keras

    images = keras.Input((28, 28, 1))
    pixels = keras.layers.Flatten()(images)
    heads = [keras.layers.Dense(len(bias)) for _, bias in (mean_weights, logvar_weights)]
    outputs = [head(pixels) for head in heads]
    for head, weights in zip(heads, (mean_weights, logvar_weights)):
        head.set_weights(weights)
    return keras.Model(images, tuple(outputs) if as_tuple else outputs)


def linear_decoder(kernel, bias):
    """Logits that are linear in the code."""
    import keras

    dense = keras.layers.Dense(784)
    decoder = keras.Sequential([keras.Input((len(kernel),)), dense, keras.layers.Reshape((28, 28, 1))])
    dense.set_weights([kernel, bias])
    return decoder


def restless_encoder(mean_weights, logvar_weights):
    """A linear encoder behind a dropout of half the pixels."""
    import keras

    images = keras.Input((28, 28, 1))
    pixels = keras.layers.Dropout(0.5)(keras.layers.Flatten()(images))
    heads = [keras.layers.Dense(len(bias)) for _, bias in (mean_weights, logvar_weights)]
    outputs = [head(pixels) for head in heads]
    for head, weights in zip(heads, (mean_weights, logvar_weights)):
        head.set_weights(weights)
    return keras.Model(images, outputs)


class Toy:
    """Weights of linear networks, in float32 for the student and in float64 here."""

    def __init__(self, label, latent_dim=3, spread=1.0):
        self.rng = hidden_rng(label)
        k = latent_dim
        self.mean = [self.draw((784, k), 0.06), self.draw((k,), 1.0)]
        self.logvar = [self.draw((784, k), 0.03), self.draw((k,), 0.7)]
        self.decoder = [self.draw((k, 784), spread), self.draw((784,), spread)]
        self.k = k

    def draw(self, shape, std):
        return self.rng.normal(0, std, shape).astype(np.float32)

    def images(self, n, grey=False):
        """Binary images with about a third of the pixels on, or grey ones."""
        values = self.rng.uniform(0, 1, (n, 28, 28, 1))
        return (values if grey else values < 0.35).astype(np.float32)

    def models(self, env, as_tuple=False):
        encoder = beside(env, linear_encoder, self.mean, self.logvar, as_tuple)
        return encoder, beside(env, linear_decoder, *self.decoder)

    def posterior(self, x):
        flat = x.reshape(len(x), 784).astype(np.float64)
        return flat @ self.mean[0] + self.mean[1], flat @ self.logvar[0] + self.logvar[1]

    def log_likelihood(self, x, z):
        """log p(x|z) of each pair, summed over the pixels; x (N, 28, 28, 1), z (N, K) or (N, M, K)."""
        logits = z @ self.decoder[0].astype(np.float64) + self.decoder[1]
        x = x.reshape(len(x), *(1,) * (z.ndim - 2), 784)
        return (x * logits - np.logaddexp(0, logits)).sum(axis=-1)

    def elbo(self, x, eps):
        mean, logvar = self.posterior(x)
        kl = (np.exp(logvar) + mean**2 - logvar - 1).sum(axis=1) / 2
        return self.log_likelihood(x, mean + np.exp(logvar / 2) * eps) - kl


@test_case(
    name="the bound of each image",
    points=2.5,
    hidden=True,
    success_message="The ELBO is right for every image.",
    failure_message="ELBO = -Σ_pixels BCE(logits, x) - KL for each image, with z from the eps that was "
    "given.",
)
def test_value(env):
    for as_tuple in (False, True):
        toy = Toy(f"q4 value {as_tuple}")
        x, eps = toy.images(5, grey=as_tuple), toy.draw((5, toy.k), 1.0)
        models = toy.models(env, as_tuple)
        value, again = (call(env, "elbo", *models, x, eps) for _ in range(2))
        same = np.allclose(as_array(value, "ELBO"), as_array(again, "ELBO"))
        check(same, "Two calls with the same eps differ.", cause="noise_drawn_in_the_bound")
        check_close(value, toy.elbo(x, eps), "ELBO", rtol=2e-5)


@test_case(
    name="the gap to the likelihood",
    points=2,
    hidden=True,
    success_message="The ELBO stays below log p(x), by the divergence from the true posterior.",
    failure_message="On average over eps the ELBO lies below log p(x), by KL(q(z|x) ‖ p(z|x)).",
)
def test_gap(env):
    toy, copies = Toy("q4 gap", latent_dim=2, spread=0.1), 400
    x = toy.images(3)
    eps = toy.draw((3 * copies, 2), 1.0)
    repeated = np.repeat(x, copies, axis=0)
    values = as_array(call(env, "elbo", *toy.models(env), repeated, eps), "ELBO", (3 * copies,))
    values = values.reshape(3, copies)
    bound, error = values.mean(axis=1), values.std(axis=1) / np.sqrt(copies) + 1e-3

    # log p(x) = log ∫ p(x|z) p(z) dz on a grid of codes; the step is half the posterior's width
    axis = np.linspace(-6, 6, 49)
    z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(1, -1, 2)
    joint = toy.log_likelihood(x, z) - (z**2).sum(axis=-1) / 2 - np.log(2 * np.pi)
    cell = 2 * np.log(axis[1] - axis[0])
    evidence = np.logaddexp.reduce(joint, axis=1) + cell
    check((bound < evidence + 5 * error).all(), "The ELBO lies above log p(x), on average over eps.")
    mean, logvar = toy.posterior(x)
    kl = (np.exp(logvar) + mean**2 - logvar - 1).sum(axis=1) / 2
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    codes = mean[:, None] + np.exp(logvar / 2)[:, None] * np.stack(np.meshgrid(nodes, nodes), -1).reshape(
        1, -1, 2
    )
    expected = toy.log_likelihood(x, codes) @ np.outer(weights, weights).ravel() / (2 * np.pi) - kl
    off = np.abs(bound - expected) / error
    check(off.max() < 6, "On average over eps the ELBO is not E_q[log p(x|z)] - KL.")


@test_case(
    name="tight where the code says nothing",
    points=1,
    hidden=True,
    success_message="Where the posterior is the prior, the ELBO is log p(x).",
    failure_message="With a decoder that ignores z, and mean = 0 and logvar = 0, the ELBO is log p(x) "
    "whatever eps is.",
)
def test_tight(env):
    toy = Toy("q4 tight")
    for weights in (toy.mean, toy.logvar, toy.decoder[:1]):
        for array in weights:
            array[:] = 0
    x, eps = toy.images(4), toy.draw((4, toy.k), 3.0)
    p = 1 / (1 + np.exp(-toy.decoder[1].astype(np.float64)))
    evidence = np.log(np.where(x.reshape(4, 784) > 0, p, 1 - p)).sum(axis=1)
    check_close(call(env, "elbo", *toy.models(env), x, eps), evidence, "ELBO", rtol=2e-5)


@test_case(
    name="networks in inference mode",
    points=1.5,
    hidden=True,
    success_message="The ELBO uses the networks in inference mode.",
    failure_message="Measuring is not training: call encoder and decoder with training=False.",
)
def test_inference(env):
    toy = Toy("q4 inference")
    encoder = beside(env, restless_encoder, toy.mean, toy.logvar)
    decoder = toy.models(env)[1]
    x, eps = toy.images(5), toy.draw((5, toy.k), 1.0)
    first, again = (as_array(call(env, "elbo", encoder, decoder, x, eps), "ELBO", (5,)) for _ in range(2))
    same = np.allclose(first, again, rtol=1e-5)
    check(same, "Two calls with the same eps differ: dropout is active.", cause="networks_in_training_mode")
    check_close(first, toy.elbo(x, eps), "ELBO of an encoder with a dropout layer", rtol=2e-5)


@test_case(
    name="a very sure decoder",
    points=1,
    hidden=True,
    success_message="Large logits give a finite and right ELBO.",
    failure_message="For logits of ±60 the logarithm of a sigmoid in float32 is -inf: take the "
    "cross-entropy from the logits.",
)
def test_sure(env):
    toy = Toy("q4 sure", latent_dim=2)
    toy.decoder[1][:] = 60 * np.sign(toy.decoder[1])
    x, eps = toy.images(3), toy.draw((3, 2), 1.0)
    check_close(call(env, "elbo", *toy.models(env), x, eps), toy.elbo(x, eps), "ELBO", rtol=2e-5)
