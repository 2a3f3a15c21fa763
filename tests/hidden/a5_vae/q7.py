"""q7: a classifier on the latent code: what it sees, what it returns, and what it leaves alone.

The encoders are linear with given weights, so the tests decide where the classes can be told apart.
"""

import contextlib
import io

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_gate, hidden_rng

OK_FORMAT = False
name = "q7"
points = 7


def linear_encoder(mean_kernel, logvar_kernel):
    """mean and logvar, each linear in the pixels."""
    import keras

    images = keras.Input((28, 28, 1))
    pixels = keras.layers.Flatten()(images)
    heads = [keras.layers.Dense(kernel.shape[1]) for kernel in (mean_kernel, logvar_kernel)]
    outputs = [head(pixels) for head in heads]
    for head, kernel in zip(heads, (mean_kernel, logvar_kernel)):
        head.set_weights([kernel, 0 * kernel[0]])
    return keras.Model(images, outputs)


def weights_of(model):
    """All weights in one array."""
    import numpy as np

    return np.concatenate([np.ravel(w) for w in model.get_weights()])


def kernels(rng, k, size=0.1):
    return [rng.normal(0, size, (784, k)).astype(np.float32) for _ in range(2)]


def classified(classify, x, what="the classifier's answer"):
    """Probabilities (N, 10), checked."""
    check(callable(classify), "train_latent_classifier should return a function of images.")
    p = classify(x)
    check(np.shape(p) != (len(x),), f"{what} is one number per image.", cause="classifier_returns_labels")
    check(np.shape(p) != (len(x), 7), f"{what} has 7 columns, not 10.", cause="only_classes_that_occur")
    p = as_array(p, what, (len(x), 10))
    shares = p.min() > -1e-6 and np.abs(p.sum(axis=1) - 1).max() < 1e-3
    check(shares, "The answers are no probabilities.", cause="classifier_returns_logits")
    return p


def halves(rng, n):
    """Images of which the upper half tells label % 5 and the lower half label // 5, and their labels."""
    upper, lower = rng.normal(size=(5, 14, 28)), rng.normal(size=(2, 14, 28))
    y = rng.permutation(np.arange(n) % 10)
    pixels = np.concatenate([upper[y % 5], lower[y // 5]], axis=1) + 0.3 * rng.normal(size=(n, 28, 28))
    return np.clip(0.5 + 0.2 * pixels, 0, 1)[..., None].astype(np.float32), y


@test_case(
    name="ten probabilities for each image",
    points=1.5,
    hidden=True,
    success_message="The classifier turns images into probabilities, the same ones every time.",
    failure_message="Return a function: images (N, 28, 28, 1) to probabilities (N, 10) that sum to 1.",
)
def test_probabilities(env):
    rng = hidden_rng("q7 probabilities")
    encoder = beside(env, linear_encoder, *kernels(rng, 3))
    x, y = rng.uniform(0, 1, (40, 28, 28, 1)).astype(np.float32), rng.permutation(np.arange(40) % 7)
    seed = int(rng.integers(1, 10_000))
    classify = call(env, "train_latent_classifier", encoder, x, y, epochs=2, seed=seed)
    p = classified(classify, x[:12])
    again = classified(classify, x[:12])
    same = np.allclose(p, again, atol=1e-5)
    check(same, "Two calls on the same images differ.", cause="classifier_on_a_sample")
    one = classified(classify, x[4:5])
    check(np.allclose(one, p[4:5], atol=1e-4), "An image alone and in a batch gets different probabilities.")
    check(np.ptp(p, axis=0).max() > 1e-4, "All images get the same probabilities.")


@test_case(
    name="mean and logvar both count",
    points=2,
    hidden=True,
    success_message="The classifier reads mean and logvar.",
    failure_message="The classifier's inputs are mean and logvar side by side, of shape (N, 2·latent_dim).",
)
def test_both_parts(env):
    rng = hidden_rng("q7 both")
    x, y = halves(rng, 700)
    upper, lower = kernels(rng, 48)
    upper[392:], lower[:392] = 0, 0  # mean sees the upper half of an image, logvar the lower
    encoder = beside(env, linear_encoder, upper, lower)
    seed = int(rng.integers(1, 10_000))
    classify = call(env, "train_latent_classifier", encoder, x[:500], y[:500], epochs=30, seed=seed)
    guesses, truth = classified(classify, x[500:]).argmax(axis=1), y[500:]
    from_mean, from_logvar = np.mean(guesses % 5 == truth % 5), np.mean(guesses // 5 == truth // 5)
    cause = "classifier_on_logvar_only" if from_logvar > 0.8 else None  # both at chance has other reasons
    check(from_mean > 0.5, "What the mean tells is hardly used.", cause=cause)
    check(from_logvar > 0.7, "What logvar tells is hardly used.", cause="classifier_on_the_mean_only")


@test_case(
    name="the encoder stays as it is",
    points=1.5,
    hidden=True,
    success_message="The encoder's weights stay as they were.",
    failure_message="Only the new dense layers are trained; the encoder's weights keep every bit.",
)
def test_encoder_kept(env):
    rng = hidden_rng("q7 kept")
    encoder = beside(env, linear_encoder, *kernels(rng, 3))
    x, y = rng.uniform(0, 1, (40, 28, 28, 1)).astype(np.float32), rng.permutation(np.arange(40) % 10)
    before = as_array(beside(env, weights_of, encoder), "the encoder's weights")
    classify = call(
        env, "train_latent_classifier", encoder, x, y, epochs=2, seed=int(rng.integers(1, 10_000))
    )
    classified(classify, x[:3])
    after = as_array(beside(env, weights_of, encoder), "the encoder's weights")
    kept = np.array_equal(before, after)
    check(kept, "The encoder's weights have changed.", cause="classifier_trains_the_encoder")


@test_case(
    name="it reads digits",
    points=2,
    hidden=True,
    success_message="The classifier reads digits that it has never seen.",
    failure_message="The accuracy on new images is low. Are all epochs trained, on the true labels?",
)
def test_learns(env):
    from kit import load_images

    rng = hidden_rng("q7 digits")
    with contextlib.redirect_stdout(io.StringIO()):
        images = load_images("digits", 800, 400, seed=int(rng.integers(1, 10_000)))
    x, x_test = ((pixels[..., None] / 255).astype(np.float32) for pixels in (images.x_train, images.x_test))
    encoder = beside(env, linear_encoder, *kernels(rng, 32))
    seed = int(rng.integers(1, 10_000))
    classify = call(env, "train_latent_classifier", encoder, x, images.y_train, epochs=25, seed=seed)
    right = np.mean(classified(classify, x_test).argmax(axis=1) == images.y_test)
    check_gate("a5_vae", "latent_digits", right, "accuracy on new digits")
