"""q6: images from the prior, and the map of a 2-d latent space.

A decoder is the student's own, fresh from build_decoder, with its weights shaken so that codes matter. Where that
is no decoder, a plain one takes its place, so that one mistake is charged once. With a one-dimensional code the
images lie on a curve: each sampled image tells the code that it was made from.
"""

import contextlib
from statistics import NormalDist

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q6"
points = 6


def plain_decoder(latent_dim):
    """Logits that are not linear in the code."""
    import keras

    layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(784), keras.layers.Reshape((28, 28, 1))]
    return keras.Sequential([keras.Input((latent_dim,)), *layers])


def shake(model, codes, seed):
    """Noise on all weights, stronger and stronger until the logits spread; returns the logits."""
    import numpy as np

    rng = np.random.default_rng(seed)
    start = [np.array(w) for w in model.trainable_weights]
    noise = [rng.normal(size=w.shape) for w in start]
    for scale in (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.8):
        for weight, first, shift in zip(model.trainable_weights, start, noise):
            weight.assign((first + scale * shift).astype("float32"))
        logits = np.asarray(model(codes, training=False))
        if np.std(logits) > 2.5:
            break
    return logits


def lively_decoder(env, latent_dim, label):
    rng = hidden_rng(label)
    codes, seed = rng.normal(size=(64, latent_dim)).astype(np.float32), int(rng.integers(1, 10_000))
    with contextlib.suppress(Exception):  # whatever is wrong with it belongs to q3
        decoder = call(env, "build_decoder", latent_dim)
        logits = as_array(beside(env, shake, decoder, codes, seed), "logits", (64, 28, 28, 1))
        if logits.std() > 1:
            return decoder
    decoder = beside(env, plain_decoder, latent_dim)
    beside(env, shake, decoder, codes, seed)
    return decoder


def decoded(decoder, z):
    """Pixel probabilities (N, 28, 28) in float64."""
    logits = decoder(z.astype(np.float32), training=False)
    logits = as_array(logits, "the decoder's logits", (len(z), 28, 28, 1))
    return 1 / (1 + np.exp(-logits[..., 0]))


@test_case(
    name="samples from the prior",
    points=2,
    hidden=True,
    success_message="Samples are decoded standard-normal codes.",
    failure_message="Draw z from N(0, I), one for each image, and take the sigmoid of the decoder's logits.",
)
def test_samples(env):
    n = 300
    decoder = lively_decoder(env, 1, "q6 samples")
    images = as_array(call(env, "sample", decoder, n, 11), "sample(decoder, n, seed)", (n, 28, 28, 1))[..., 0]
    inside = images.min() > -1e-6 and images.max() < 1 + 1e-6
    check(inside, "Values lie outside [0, 1].", cause="sample_of_logits")
    binary = np.mean((images == 0) | (images == 1)) > 0.999
    check(not binary, "All values are 0 or 1.", cause="sample_of_coin_flips")
    check(images.min() < 0.49, "No pixel is ever below ½.", cause="sample_with_two_sigmoids")
    check(np.ptp(images, axis=0).max() > 1e-6, "All images are the same.", cause="one_code_for_all_samples")

    z = np.linspace(-4.5, 4.5, 901)
    curve = decoded(decoder, z[:, None]).reshape(len(z), -1)
    flat = images.reshape(n, -1)
    distance = (flat**2).sum(axis=1)[:, None] + (curve**2).sum(axis=1) - 2 * flat @ curve.T
    nearest = distance.argmin(axis=1)
    error = np.abs(flat - curve[nearest]).max(axis=1)
    step = np.abs(np.diff(curve, axis=0)).max()
    check(np.median(error) < 2 * step + 1e-3, "The images are not sigmoid(decoder(z)) for any code z.")
    codes = np.sort(z[nearest])
    shares = (np.arange(n) + 0.5) / n
    normal = np.abs(np.array([NormalDist().cdf(code) for code in codes]) - shares).max()
    uniform = np.abs((codes - codes[0]) / np.ptp(codes) - shares).max()
    cause = "uniform_codes" if uniform < 0.1 else None
    # Kolmogorov-Smirnov: above 0.14 for 300 normal codes once in 70,000 draws
    check(normal < 0.14, "The codes of the samples are not standard normal.", cause=cause)


@test_case(
    name="the seed, and any number of dimensions",
    points=1,
    hidden=True,
    success_message="The seed decides the samples, for every number of latent dimensions.",
    failure_message="The same seed gives the same images, another seed others; the number of latent "
    "dimensions is the decoder's.",
)
def test_seed(env):
    for latent_dim in (2, 5):
        decoder = lively_decoder(env, latent_dim, f"q6 seed {latent_dim}")
        first, again, other = (
            as_array(call(env, "sample", decoder, 6, seed), "sample(decoder, n, seed)", (6, 28, 28, 1))
            for seed in (3, 3, 4)
        )
        same = np.allclose(first, again, atol=1e-5)
        check(same, "Two calls with the same seed give different images.", cause="sample_without_seed")
        same = np.allclose(first, other, atol=1e-4)
        check(not same, "Another seed gives the same images.", cause="sample_ignores_its_seed")


@test_case(
    name="the latent grid",
    points=2.5,
    hidden=True,
    success_message="The grid shows decoded quantiles, tile by tile.",
    failure_message="Tile (i, j) is the decoded image of the code (q_i, q_j), with q the standard-normal "
    "quantiles of n equally spaced probabilities from 0.05 to 0.95.",
)
def test_grid(env):
    n = 4
    decoder = lively_decoder(env, 2, "q6 grid")
    grid = as_array(call(env, "latent_grid", decoder, n), "latent_grid(decoder, n)", (28 * n, 28 * n))
    q = np.array([NormalDist().inv_cdf(p) for p in np.linspace(0.05, 0.95, n)])
    codes = np.stack(np.meshgrid(q, q, indexing="ij"), axis=-1).reshape(-1, 2)
    tiles = decoded(decoder, codes).reshape(n, n, 28, 28)
    pictures = [np.block([list(row) for row in oriented]) for oriented in _orientations(tiles)]
    close = min(np.abs(grid - picture).max() for picture in pictures)
    if close > 1e-3:
        check_close(grid, pictures[0], "the latent grid", atol=1e-3)


def _orientations(tiles):
    """The four directions of the two axes, each way round."""
    for turned in (tiles, tiles.swapaxes(0, 1)):
        for rows in (1, -1):
            for columns in (1, -1):
                yield turned[::rows, ::columns]


@test_case(
    name="the grid is a picture",
    points=0.5,
    hidden=True,
    success_message="The grid is one picture of any number of tiles.",
    failure_message="The grid is a single grey picture of 28n × 28n pixels in [0, 1].",
)
def test_picture(env):
    decoder = lively_decoder(env, 2, "q6 picture")
    for n in (2, 5):
        grid = as_array(call(env, "latent_grid", decoder, n), "latent_grid(decoder, n)", (28 * n, 28 * n))
        check(grid.min() >= -1e-6 and grid.max() <= 1 + 1e-6, "The grid's values lie outside [0, 1].")
        check(np.ptp(grid) > 0.2, "The grid is blank.")
