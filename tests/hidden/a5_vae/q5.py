"""q5: training: what comes back, that both networks learn, and how far a few hundred steps lift the bound.

The bound is measured here, from the outputs of the networks that training returned. Runs are few and short:
they are most of what a submission costs.
"""

import contextlib
import io

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, as_float, beside, call, check, check_gate, hidden_rng

OK_FORMAT = False
name = "q5"
points = 9


def digits(label, n, n_test=1):
    """Two sets of binary images of scikit-learn's digits."""
    from kit import load_images

    with contextlib.redirect_stdout(io.StringIO()):
        images = load_images("digits", n, n_test, seed=int(hidden_rng(label).integers(1, 10_000)))
    return tuple((pixels[..., None] > 127).astype(np.float32) for pixels in (images.x_train, images.x_test))


def train(env, x, **settings):
    """(encoder, decoder, list of the ELBO per epoch) of the student's training."""
    result = call(env, "train_vae", x, **settings)
    three = isinstance(result, tuple | list) and len(result) == 3
    check(three, "train_vae should return (encoder, decoder, history).")
    encoder, decoder, history = result
    check(isinstance(history, dict), "The history of train_vae should be a dict.")
    check("elbo" in history, "The history of train_vae should have the key elbo.")
    curve = history["elbo"]
    check(isinstance(curve, list | tuple | np.ndarray), "history['elbo'] should be a list.")
    epochs = settings["epochs"]
    steps = epochs * -(-len(x) // settings["batch_size"])
    cause = "history_of_every_step" if len(curve) == steps else None
    words = f"history['elbo'] should have one entry per epoch: {epochs}, not {len(curve)}."
    check(len(curve) == epochs, words, cause=cause)
    return encoder, decoder, np.array([as_float(value, "history['elbo']") for value in curve])


def measure(encoder, decoder, x, latent_dim, rng):
    """Mean ELBO of the images, in float64, by one sample of each code."""
    outputs = encoder(x, training=False)
    pair = isinstance(outputs, tuple | list) and len(outputs) == 2
    check(pair, "The first entry of train_vae's result should be the encoder: images to (mean, logvar).")
    mean, logvar = (as_array(o, "the trained encoder's output", (len(x), latent_dim)) for o in outputs)
    z = mean + np.exp(logvar / 2) * rng.normal(size=mean.shape)
    logits = as_array(decoder(z.astype(np.float32), training=False), "the trained decoder's logits", x.shape)
    kl = (np.exp(logvar) + mean**2 - logvar - 1).sum(axis=1) / 2
    return float(np.mean((x * logits - np.logaddexp(0, logits)).sum(axis=(1, 2, 3)) - kl))


def weights_of(model):
    """All trainable weights in one array."""
    import numpy as np

    return np.concatenate([np.ravel(np.asarray(w)) for w in model.trainable_weights])


def weights_after(env, model, what):
    return as_array(beside(env, weights_of, model), f"the {what}'s weights")


@test_case(
    name="networks and history",
    points=2,
    hidden=True,
    success_message="Training returns both networks and the ELBO of each epoch.",
    failure_message="Return (encoder, decoder, history); history['elbo'] holds for each epoch the mean "
    "ELBO of an image.",
)
def test_history(env):
    rng = hidden_rng("q5 history")
    x, _ = digits("q5 history", 26)
    settings = {"latent_dim": 3, "epochs": 4, "batch_size": 8, "seed": int(rng.integers(1, 10_000))}
    encoder, decoder, curve = train(env, x, **settings)
    measured = measure(encoder, decoder, x, 3, rng)
    check(
        curve[-1] < 0,
        "The ELBO of such images is negative; history['elbo'] is positive.",
        cause="history_of_the_loss",
    )
    ratio = curve[-1] / measured
    causes = {"history_per_pixel": 0.0004 < ratio < 0.004, "history_summed_over_images": 13 < ratio < 52}
    causes["descends_the_elbo"] = curve[-1] < curve[0] - 10
    cause = next((name for name, found in causes.items() if found), None)
    words = f"The last entry of history['elbo'] is {ratio:.2g} times the mean ELBO of the training images."
    check(0.6 < ratio < 1.7, words, cause=cause)


@test_case(
    name="both networks are trained",
    points=1.5,
    hidden=True,
    success_message="Training moves the weights of both networks.",
    failure_message="The gradient of the negative ELBO goes to the weights of the encoder and of the "
    "decoder.",
)
def test_both_trained(env):
    x, _ = digits("q5 both", 16)
    settings = {"latent_dim": 2, "batch_size": 8, "seed": int(hidden_rng("q5 both").integers(1, 10_000))}
    shorter, longer = (train(env, x, epochs=epochs, **settings) for epochs in (1, 2))
    moved = []
    for k, what in enumerate(("encoder", "decoder")):
        before, after = (weights_after(env, run[k], what) for run in (shorter, longer))
        moved.append(before.shape != after.shape or bool(np.any(before != after)))
    causes = {(False, True): "encoder_not_trained", (True, False): "decoder_not_trained"}
    still = " and ".join(what for what, moves in zip(("encoder", "decoder"), moved, strict=True) if not moves)
    cause = causes.get(tuple(moved), "fresh_networks_returned")
    check(all(moved), f"A second epoch leaves all weights of {still} as they were.", cause=cause)


@test_case(
    name="the seed decides",
    points=1.5,
    hidden=True,
    success_message="The same seed trains the same networks, another seed others.",
    failure_message="Weights, order and noise all come from the seed: keras.utils.set_random_seed(seed) "
    "covers Keras, TensorFlow and NumPy.",
)
def test_seed(env):
    x, _ = digits("q5 seed", 16)
    settings = {"latent_dim": 2, "epochs": 1, "batch_size": 16}
    seed = int(hidden_rng("q5 seed").integers(1, 10_000))
    first, again, other = (train(env, x, seed=s, **settings)[2] for s in (seed, seed, seed + 13))
    same = np.allclose(first, again, rtol=1e-4)
    check(same, "Two runs with the same seed give different histories.", cause="seed_misses_the_weights")
    check(
        not np.allclose(first, other, rtol=1e-7),
        "Another seed gives the very same history.",
        cause="seed_is_fixed",
    )


@test_case(
    name="it learns digits",
    points=4,
    hidden=True,
    success_message="The trained networks compress and rebuild digits that they have never seen.",
    failure_message="The ELBO of new images is too low. Does history['elbo'] rise from epoch to epoch?",
)
def test_learns(env):
    rng = hidden_rng("q5 learns")
    x, x_test = digits("q5 learns", 640, 200)
    settings = {"latent_dim": 2, "epochs": 10, "batch_size": 32, "seed": int(rng.integers(1, 10_000))}
    encoder, decoder, curve = train(env, x, **settings)
    check(curve[-1] > curve[0] - 1, "The ELBO falls from epoch to epoch.", cause="descends_the_elbo")
    check_gate("a5_vae", "elbo_digits", measure(encoder, decoder, x_test, 2, rng), "mean ELBO of new digits")
