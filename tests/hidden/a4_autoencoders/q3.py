"""q3: noise, by what it does to many pixels.

The statistics are taken over N·D = 50,176 pixels of known grey values and compared with bounds of six standard
deviations of a correct answer, which one passes with probability 2e-9. The sums over an image (a pixel's place)
have a variance that follows χ² with 63 (783) degrees of freedom when the draws are independent; its bounds,
0.25 and 2.5 (0.6 and 1.5) times its expectation, are passed with less than 1e-9. There are fewer than 60
comparisons in all: a correct answer fails one with probability below 1e-6.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q3"
points = 7

N, D = 64, 784


def greys(rng, n=N, d=D):
    """Images without black or white: a 0 or a 1 in the answer is noise."""
    return rng.uniform(0.1, 0.9, (n, d)).astype(np.float32)


def any_seed(rng):
    return int(rng.integers(1, 100_000))


def noisy(env, function, x, strength, seed):
    return as_array(call(env, function, x, strength, seed), function, x.shape)


def six_sigma(share, count=N * D):
    return 6 * np.sqrt(share * (1 - share) / count)


def check_spread(marked, share, message, cause=None):
    """Fail unless the sums of `marked` (N, D) over images and over places vary as independent draws do."""
    for axis, low, high in ((1, 0.25, 2.5), (0, 0.6, 1.5)):
        spread = marked.sum(axis=axis).var() / (marked.shape[axis] * share * (1 - share))
        check(low < spread < high, message, cause=cause)


@test_case(
    name="share of pixels replaced",
    points=1.5,
    hidden=True,
    success_message="The right share of pixels is replaced, half by black and half by white.",
    failure_message="Each pixel becomes 0 with probability noise_level/2, and 1 with probability noise_level/2.",
)
def test_share(env):
    rng = hidden_rng("q3 share")
    for level in (0.2, 0.7):
        x = greys(rng)
        value = noisy(env, "salt_and_pepper", x, level, any_seed(rng))
        pepper, salt = value == 0, value == 1
        share = (pepper | salt).mean()
        all_noise = abs(share - level) < six_sigma(level)  # the share is right, and so one colour has it all
        cause = "only_salt" if all_noise else None
        check(pepper.any() or not salt.any(), "There is salt, but no pepper.", cause=cause)
        cause = "only_pepper" if all_noise else None
        check(salt.any() or not pepper.any(), "There is pepper, but no salt.", cause=cause)
        check(
            abs(share - level) < six_sigma(level), "The share of pixels set to 0 or 1 should be noise_level."
        )
        for colour in (pepper, salt):
            bound = six_sigma(level / 2)
            check(abs(colour.mean() - level / 2) < bound, "Half of the noise should be black, half white.")


@test_case(
    name="pixels replaced, not shifted",
    points=1,
    hidden=True,
    success_message="Noise replaces pixels by 0 or 1 and leaves the others as they were.",
    failure_message="A noisy pixel is exactly 0 or exactly 1, whatever it was, and every other pixel stays.",
)
def test_replaced(env):
    rng = hidden_rng("q3 replaced")
    x = greys(rng, 12, 100)
    value = noisy(env, "salt_and_pepper", x, 0.4, any_seed(rng))
    changed = ~np.isclose(value, x, atol=1e-6)
    check(changed.any() and not changed.all(), "At noise_level 0.4 some pixels should change, and some stay.")
    check(np.isin(value[changed], (0, 1)).all(), "Pixels that change should become exactly 0 or 1.")
    check_close(noisy(env, "salt_and_pepper", x, 0.0, any_seed(rng)), x, "salt_and_pepper with noise_level 0")
    value = noisy(env, "salt_and_pepper", x, 1.0, any_seed(rng))
    check(np.isin(value, (0, 1)).all(), "At noise_level 1 every pixel should be 0 or 1.")


@test_case(
    name="every pixel of every image on its own",
    points=1.5,
    hidden=True,
    success_message="Which pixels are replaced, and by what, is drawn anew for every pixel of every image.",
    failure_message="Draw a random number for each pixel of each image: images share no mask, and no number of "
    "noisy pixels is fixed.",
)
def test_independent(env):
    rng = hidden_rng("q3 independent")
    level = 0.5
    value = noisy(env, "salt_and_pepper", greys(rng), level, any_seed(rng))
    pepper, salt = value == 0, value == 1
    replaced = pepper | salt
    check(0 < replaced.mean() < 1, "Some pixels should be replaced, and some stay.")
    same = (replaced == replaced[0]).all()
    check(not same, "All images are noisy at the same pixels.", cause="same_pixels_in_every_image")
    counted = np.ptp(replaced.sum(axis=1)) == 0
    check(not counted, "All images have equally many noisy pixels.", cause="fixed_number_of_pixels")
    check(pepper.any() and salt.any(), "Some noisy pixels should be black, and some white.")
    plain = not (pepper.any(axis=1) & salt.any(axis=1)).any()
    check(not plain, "No image has both salt and pepper.", cause="one_colour_in_each_image")
    check_spread(replaced, level, "Noisy pixels should be drawn independently of image and place.")
    check_spread(salt, level / 2, "Black or white should be drawn for every noisy pixel.")
    check_spread(pepper, level / 2, "Black or white should be drawn for every noisy pixel.")


@test_case(
    name="normal noise",
    points=1.5,
    hidden=True,
    success_message="The noise is normal with the standard deviation asked for, and new for each pixel.",
    failure_message="Add to each pixel a draw of its own from a normal distribution with mean 0 and that "
    "standard deviation.",
)
def test_gaussian(env):
    rng = hidden_rng("q3 gaussian")
    x = np.full((N, D), 0.5, np.float32) + rng.uniform(-0.05, 0.05, (N, D)).astype(np.float32)
    for std in (0.04, 0.06):  # 0.45 from either edge: clipping changes nothing
        noise = noisy(env, "gaussian_noise", x, std, any_seed(rng)) - x
        ratio = noise.std() / std
        follows = ratio > 0 and abs(np.corrcoef(noise.ravel(), x.ravel())[0, 1]) > 0.1
        check(not follows, "The noise depends on the image.")
        same = np.allclose(noise, noise[0], atol=1e-5)
        check(
            not same or np.ptp(noise) < 1e-5,
            "All images got the same noise.",
            cause="same_noise_in_every_image",
        )
        variance = abs(noise.var() / std - 1) < 0.1 or abs(ratio / std - 1) < 0.1
        check(not variance, "stddev was taken for a variance.", cause="stddev_taken_for_variance")
        brightens = noise.min() > -1e-6 and np.ptp(noise) > 1e-5
        check(not brightens, "The noise is nowhere negative.", cause="noise_only_brightens")
        # Standard deviations over 50,176 draws: of std 0.32 %, of the mean std/224, of the kurtosis 0.022.
        kurtosis = ((noise - noise.mean()) ** 4).mean() / max(noise.var() ** 2, 1e-30)
        check(not 1.75 < kurtosis < 1.85, "The noise is uniform.", cause="uniform_noise")
        check(abs(ratio - 1) < 0.03, "The standard deviation of the noise should be stddev.")
        check(abs(noise.mean()) < 6 * std / 224, "The mean of the noise should be 0.")
        check(2.7 < kurtosis < 3.4, "The noise should be normal.")
        check_spread(noise > 0, 0.5, "The noise should be drawn for every pixel of every image.")


@test_case(
    name="clipped to [0, 1]",
    points=1,
    hidden=True,
    success_message="The noisy pixels stay within [0, 1], and only those that would leave it are clipped.",
    failure_message="After the noise is added, values below 0 become 0, and values above 1 become 1.",
)
def test_clipped(env):
    rng = hidden_rng("q3 clipped")
    x = rng.integers(0, 2, (N, D)).astype(np.float32)
    value = noisy(env, "gaussian_noise", x, 0.3, any_seed(rng))
    outside = (value < 0).any() or (value > 1).any()
    check(not outside, "There are pixels below 0 or above 1.", cause="gaussian_noise_not_clipped")
    # Half of all draws push a black pixel below 0 or a white one above 1.
    clipped = (value == x).mean()
    check(abs(clipped - 0.5) < six_sigma(0.5), "Half of the black and white pixels should stay as they are.")
    check_close(noisy(env, "gaussian_noise", x, 0.0, any_seed(rng)), x, "gaussian_noise with stddev 0")


@test_case(
    name="repeatable by its seed",
    points=0.5,
    hidden=True,
    success_message="A seed always draws the same noise, and another seed draws another.",
    failure_message="The seed has to reach the random generator: the same one repeats, another one differs.",
)
def test_seed(env):
    rng = hidden_rng("q3 seed")
    x, seed = greys(rng, 8, 60), any_seed(rng)
    for function, strength in (("salt_and_pepper", 0.5), ("gaussian_noise", 0.1)):
        first, again, other = (noisy(env, function, x, strength, s) for s in (seed, seed, seed + 17))
        unused = f"{function}_seed_unused"
        check(np.array_equal(first, again), f"{function}: the same seed draws other noise.", cause=unused)
        check(not np.array_equal(first, other), f"{function}: another seed should draw another noise.")
