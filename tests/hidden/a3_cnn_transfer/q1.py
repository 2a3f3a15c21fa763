"""q1: images and labels as a network expects them, for any size and any labels."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q1"
points = 5


def pixels(rng, *shape):
    """uint8 images, none as bright as 255: the brightest pixel that occurs is not the brightest there is."""
    return rng.integers(0, 200, shape).astype(np.uint8)


def prepared(env, images, labels, num_classes):
    """What the student makes of it: (x, t)."""
    result = call(env, "preprocess", images, labels, num_classes)
    check(isinstance(result, tuple | list) and len(result) == 2, "preprocess should return the pair (x, t).")
    return result


def one_hot(labels, num_classes):
    return (np.asarray(labels)[:, None] == np.arange(num_classes)).astype(float)


@test_case(
    name="grey images",
    points=1.5,
    hidden=True,
    success_message="Grey images get a channel axis and values from 0 to 1.",
    failure_message="Divide by 255, whatever the brightest pixel is, and add an axis of length 1 at the end.",
)
def test_grey(env):
    rng = hidden_rng("q1 grey")
    for n, h, w in ((4, 6, 5), (1, 28, 28), (3, 7, 4)):
        images = pixels(rng, n, h, w)
        x, _ = prepared(env, images, rng.integers(0, 4, n), 4)
        check_close(x, images[..., None].astype(float) / 255, "the images")


@test_case(
    name="colours, and any size",
    points=1.5,
    hidden=True,
    success_message="Images that have channels keep them, and a narrow image is none of channels.",
    failure_message="With four axes the channels are there already; with three there are none, even if w is 1 or 3.",
)
def test_channels(env):
    rng = hidden_rng("q1 channels")
    for shape in ((3, 5, 7, 3), (2, 6, 4, 1), (2, 3, 3, 4)):
        images = pixels(rng, *shape)
        x, _ = prepared(env, images, rng.integers(0, 3, len(images)), 3)
        check_close(x, images.astype(float) / 255, "the images")
    for shape in ((3, 5, 3), (2, 4, 1)):
        images = pixels(rng, *shape)
        x, _ = prepared(env, images, rng.integers(0, 3, len(images)), 3)
        check_close(x, images[..., None].astype(float) / 255, "the images")


@test_case(
    name="one-hot labels",
    points=1,
    hidden=True,
    success_message="Labels become one-hot rows.",
    failure_message="Row n has a 1 in the column of its label and 0 elsewhere.",
)
def test_one_hot(env):
    rng = hidden_rng("q1 one-hot")
    for c, dtype in ((5, np.int64), (10, np.uint8)):
        labels = rng.permutation(np.arange(3 * c) % c).astype(dtype)
        _, t = prepared(env, pixels(rng, len(labels), 4, 4), labels, c)
        check_close(t, one_hot(labels, c), "the one-hot labels")


@test_case(
    name="labels of which some do not occur",
    points=1,
    hidden=True,
    success_message="There is a column for every class, be it in the batch or not.",
    failure_message="The number of columns is num_classes, and column c belongs to label c, whichever occur.",
)
def test_absent(env):
    rng = hidden_rng("q1 absent")
    for labels, c in (([1, 4, 2, 4], 7), ([3], 5), ([2, 2, 5], 6)):
        _, t = prepared(env, pixels(rng, len(labels), 3, 5), np.array(labels), c)
        check_close(t, one_hot(labels, c), "the one-hot labels")
