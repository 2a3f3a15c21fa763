"""q8: accuracy against noise, on models whose behaviour is known.

Ten random black-and-white pictures, one a class, are to be told apart. The classifier looks at 40 pixels only
and fails when the noise grows; the autoencoder looks at all 784, so it recognises a picture up to high noise
levels, but draws that of another class for three of the ten. Both curves are known from simulation.

A student's accuracy has a standard deviation of at most 0.5/sqrt(N) = 0.022, the simulated one of 0.011. The
bound of 0.15 is more than six times both together; with 6 comparisons of random values a correct answer fails
with probability below 1e-6.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q8"
points = 6

N, CLASSES, PIXELS, SEEN = 520, 10, 784, 40  # 520: the last batch of 32, 64 or 128 is short
BOUND = 0.15
LEVELS = [0.9, 0.0, 1.0, 0.6]  # in no order


def classifier_model(kernel):
    """Images (N, 28, 28, 1) to probabilities (N, 10), compiled."""
    import keras

    dense = keras.layers.Dense(10, activation="softmax", use_bias=False)
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Rescaling(1, -0.5), keras.layers.Flatten(), dense]
    )
    model.set_weights([kernel])
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def autoencoder_model(look, draw):
    """Images (N, 784) to recognised pictures (N, 784), compiled."""
    import keras

    layers = [
        keras.layers.Rescaling(1, -0.5),
        keras.layers.Dense(10, activation="softmax", use_bias=False),
        keras.layers.Dense(784, activation="sigmoid", use_bias=False),
    ]
    model = keras.Sequential([keras.Input((784,)), *layers])
    model.set_weights([look, draw])
    model.compile(loss="binary_crossentropy")
    return model


class Experiment:
    """Images, labels and both models as matrices; `curves` simulates what they reach."""

    def __init__(self, label):
        rng = self.rng = hidden_rng(label)
        pictures = rng.choice([-1.0, 1.0], (CLASSES, PIXELS))
        self.y = rng.choice(CLASSES, N, p=rng.dirichlet(np.full(CLASSES, 8.0)))
        self.x = (0.5 + 0.35 * pictures[self.y] + rng.uniform(-0.1, 0.1, (N, PIXELS))).astype(np.float32)
        seen = np.zeros(PIXELS)
        seen[rng.permutation(PIXELS)[:SEEN]] = 1
        a, b, c = rng.permutation(CLASSES)[:3]
        drawn = np.arange(CLASSES)
        drawn[[a, b, c]] = b, c, a
        self.kernel = (pictures * seen).T.astype(np.float32)
        self.look = pictures.T.astype(np.float32)
        self.draw = (4 * pictures[drawn]).astype(np.float32)
        self.seed = int(rng.integers(1, 100_000))

    def models(self, env):
        return beside(env, autoencoder_model, self.look, self.draw), beside(
            env, classifier_model, self.kernel
        )

    def right(self, images):
        return float(np.mean(((images - 0.5) @ self.kernel).argmax(axis=1) == self.y))

    def curves(self, levels, times=4):
        """Accuracies on noisy and on denoised images, (2, levels), averaged over draws."""
        return np.mean([[self.once(level) for level in levels] for _ in range(times)], axis=0).T

    def once(self, level):
        u = self.rng.random(self.x.shape)
        noisy = np.where(u < level / 2, 0.0, np.where(u > 1 - level / 2, 1.0, self.x))
        return self.right(noisy), self.right(self.denoise(noisy))

    def denoise(self, images):
        recognised = np.eye(CLASSES)[((images - 0.5) @ self.look).argmax(axis=1)]
        return 1 / (1 + np.exp(-recognised @ self.draw))


def measured(env, models, experiment, levels, seed):
    """The student's two lists as an array (2, levels)."""
    value = call(env, "denoise_curve", *models, experiment.x, experiment.y, list(levels), seed)
    pair = isinstance(value, tuple | list | np.ndarray) and len(value) == 2
    rows = isinstance(value, tuple | list | np.ndarray) and len(value) == len(levels)
    check(pair, "denoise_curve should return two lists.", cause="pairs_for_lists" if rows else None)
    return np.stack([as_array(v, "denoise_curve: a list", (len(levels),)) for v in value])


def check_known(found, wanted, levels):
    """Name a curve that comes from a known mistake."""
    order = np.argsort(levels)
    at_0 = levels.index(0.0)
    clean = np.stack([wanted[0], np.full(len(levels), wanted[1, at_0])])
    for wrong, cause in (
        (wanted[::-1], "curves_swapped"),
        (100 * wanted, "accuracy_in_percent"),
        (1 - wanted, "errors_for_accuracies"),
        (wanted[:, order], "levels_sorted"),
        (clean, "denoised_from_clean_images"),
        (wanted[[0, 0]], "denoised_never_denoised"),
    ):
        scale = 100 if cause == "accuracy_in_percent" else 1
        known = np.abs(found - wrong).max() < BOUND * scale and np.abs(wrong - wanted).max() > 2 * BOUND
        check(not known, "The curves are not those of these models.", cause=cause)


@test_case(
    name="both curves",
    points=3,
    hidden=True,
    success_message="Both accuracies are right at every noise level, in the order of the levels.",
    failure_message="For each level: make the images noisy, classify them; denoise the same noisy images, classify "
    "again. Accuracies lie between 0 and 1.",
)
def test_curves(env):
    experiment = Experiment("q8 curves")
    wanted = experiment.curves(LEVELS)
    found = measured(env, experiment.models(env), experiment, LEVELS, experiment.seed)
    check_known(found, wanted, LEVELS)
    for k, what in enumerate(("noisy", "denoised")):
        far = np.abs(found[k] - wanted[k]).max() >= BOUND
        check(not far, f"The accuracies on {what} images are not those of these models.")


@test_case(
    name="exact without noise",
    points=2,
    hidden=True,
    success_message="Without noise both accuracies are exact: those of clean images, and of their reconstructions.",
    failure_message="At level 0 the first list has the accuracy on clean images, the second that on "
    "autoencoder(x): count every image once.",
)
def test_exact(env):
    experiment = Experiment("q8 exact")
    mislabelled = experiment.rng.random(N) < 0.2  # or the classifier would make no mistake without noise
    experiment.y = np.where(mislabelled, (experiment.y + 1) % CLASSES, experiment.y)
    found = measured(env, experiment.models(env), experiment, [0.0], experiment.seed)[:, 0]
    clean, drawn = experiment.right(experiment.x), experiment.right(experiment.denoise(experiment.x))
    check_close(found[0], clean, "the accuracy on images with noise level 0", atol=0.5 / N)
    check_close(found[1], drawn, "the accuracy on reconstructions at noise level 0", atol=0.5 / N)


@test_case(
    name="repeatable by its seed",
    points=1,
    hidden=True,
    success_message="A seed always gives the same curves, and another seed gives others.",
    failure_message="The seed has to reach the noise: the same one repeats, another one differs.",
)
def test_seed(env):
    experiment = Experiment("q8 seed")
    levels, seed = [0.88, 0.92, 0.95], experiment.seed  # where both curves depend on the draw
    models = experiment.models(env)
    first, again, other = (measured(env, models, experiment, levels, s) for s in (seed, seed, seed + 17))
    check(np.ptp(first) > 0, "The curves should depend on the noise.")
    check(
        np.array_equal(first, again), "The same seed should give the same curves.", cause="curve_seed_unused"
    )
    check(not np.array_equal(first, other), "Another seed should give others.", cause="curve_seed_fixed")
