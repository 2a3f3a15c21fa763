"""q7: training a denoiser, on small budgets.

Any reconstruction loss and any usual optimizer will do, and noise drawn once as well as anew: what is asked of
the digits is modest. Few and short runs, as each of them builds and traces a network.
"""

import contextlib
import functools
import io

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, as_float, call, check, check_gate, hidden_rng

OK_FORMAT = False
name = "q7"
points = 7

# How many times closer to the clean digits than the noisy ones, in squared error: Adam reaches 7 to 9 with any of
# the usual losses in this budget, RMSprop about 4 to 5, the mean digit for every image 3.3. More is not measured.
ASKED = 4


def any_seed(rng):
    return int(rng.integers(1, 100_000))


def train(env, x, noise_level, epochs, batch_size, seed):
    """A run of the student's: (autoencoder, list of losses)."""
    settings = {"noise_level": noise_level, "epochs": epochs, "batch_size": batch_size, "seed": seed}
    result = call(env, "train_denoiser", x, **settings)
    pair = isinstance(result, tuple | list) and len(result) == 2
    check(pair, "train_denoiser should return the pair (autoencoder, history).")
    autoencoder, history = result
    check(callable(autoencoder), "The first value should be the trained autoencoder, a keras.Model.")
    check(isinstance(history, dict), "The history should be a dict.")
    check("loss" in history, "The history should have the key 'loss'.")
    check(hasattr(history["loss"], "__len__"), "history['loss'] should be a list.")
    return autoencoder, [as_float(value, "history['loss']") for value in history["loss"]]


def output(autoencoder, x):
    return as_array(autoencoder(x, training=False), "the output of the autoencoder", x.shape)


def noisy(rng, x, level):
    u = rng.random(x.shape)
    return np.where(u < level / 2, 0, np.where(u > 1 - level / 2, 1, x)).astype(np.float32)


def stripes(rng, n):
    """The same picture n times: some pixels black, the others white."""
    white = rng.random(784) < 0.5
    return np.tile(white, (n, 1)).astype(np.float32), white


@functools.lru_cache(maxsize=1)
def digits(seed):
    """1,000 digits to train with and 300 to measure with, as rows of grey values; they come with scikit-learn."""
    from kit import load_images

    with contextlib.redirect_stdout(io.StringIO()):
        images = load_images("digits", 1000, 300, seed)
    return [pixels.reshape(-1, 784).astype(np.float32) / 255 for pixels in (images.x_train, images.x_test)]


@test_case(
    name="the target is the clean image",
    points=2,
    hidden=True,
    success_message="The network learns to draw the clean image.",
    failure_message="The noise belongs to the input alone: the loss compares the output with the clean image.",
)
def test_target(env):
    rng = hidden_rng("q7 target")
    level = 0.6
    x, white = stripes(rng, 60)
    autoencoder, _ = train(env, x, level, 15, 15, any_seed(rng))
    picture = output(autoencoder, noisy(rng, x, level)).mean(axis=0)
    # A noisy target is grey on average: level/2 where the picture is black, 1 - level/2 where it is white.
    dark, light = picture[~white].mean(), picture[white].mean()
    grey = abs(dark - level / 2) < 0.03 and abs(light - 1 + level / 2) < 0.03
    check(not grey, "The network draws noise into the picture.", cause="noise_added_to_the_target")
    check(dark < 0.2 and light > 0.8, "Trained on one picture, the network should draw it.")


@test_case(
    name="it removes noise from digits",
    points=3,
    hidden=True,
    success_message="The denoised digits are much closer to the clean ones than the noisy ones were.",
    failure_message="Train build_autoencoder() on pairs (noisy, clean), with Adam, for all epochs asked for.",
)
def test_denoises(env):
    rng = hidden_rng("q7 digits")
    seed, level = any_seed(rng), 0.4
    x, unseen = digits(seed)
    autoencoder, _ = train(env, x, level, 8, 16, seed)
    disguised = noisy(rng, unseen, level)
    before = ((disguised - unseen) ** 2).mean()
    after = ((output(autoencoder, disguised) - unseen) ** 2).mean()
    # A network that has seen noise draws about as well from clean images as from noisy ones (ratio 0.97 to 1.03
    # whatever the loss); one that never has is 2.5 times better with clean ones.
    clean = ((output(autoencoder, unseen) - unseen) ** 2).mean()
    blind = clean < 0.5 * after
    check(not blind, "It draws clean digits well, but not noisy ones.", cause="trained_on_clean_images")
    factor = min(before / after, ASKED)
    check_gate(
        "a4_autoencoders", "denoise_digits", factor, "Squared error of noisy digits over that of denoised"
    )


@test_case(
    name="history, and repeatable by its seed",
    points=2,
    hidden=True,
    success_message="The history has the loss of every epoch; the same seed trains the same network, another seed "
    "another.",
    failure_message='history is {"loss": [one number an epoch]}. The seed decides about the first weights, the '
    "order of the images and the noise: seed Keras before the network is built.",
)
def test_seed(env):
    rng = hidden_rng("q7 seed")
    x, _ = stripes(rng, 34)  # 12 in a batch: the last one is short
    seed, pictures = any_seed(rng), []
    for s in (seed, seed, seed + 17):
        autoencoder, loss = train(env, x, 0.2, 3, 12, s)
        check(len(loss) >= 3, "history['loss'] should have an entry for each epoch.", cause=last_only(loss))
        check(0 <= loss[-1] < loss[0], "The loss should fall from epoch to epoch.")
        pictures.append(output(autoencoder, x))
    first, again, other = pictures
    same = np.allclose(first, again, atol=1e-3)
    check(same, "The same seed trains another network.", cause="training_seed_unused")
    check(not np.allclose(first, other, atol=1e-3), "Another seed should train another network.")


def last_only(loss):
    return "only_the_last_loss" if len(loss) == 1 else None
