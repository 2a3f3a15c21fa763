"""q5: the confusion matrix, and inverted images."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q5"
points = 4


def check_matrix(env, y_true, y_pred, num_classes):
    expected = np.zeros((num_classes, num_classes))
    for truth, guess in zip(y_true, y_pred, strict=True):
        expected[truth, guess] += 1
    actual = call(env, "confusion_matrix", y_true, y_pred, num_classes)
    check_close(actual, expected, "confusion_matrix")


@test_case(
    name="counts",
    points=1.5,
    hidden=True,
    success_message="The confusion matrix counts what is taken for what.",
    failure_message="Row i, column j: how many examples of class i were taken for class j.",
)
def test_counts(env):
    rng = hidden_rng("q5 counts")
    for c, n in ((4, 60), (10, 200)):
        y_true = rng.permutation(np.arange(n) % c)
        guess = rng.integers(0, c, n)
        y_pred = np.where(rng.random(n) < 0.5, y_true, np.minimum(guess, y_true))  # more below the diagonal
        check_matrix(env, y_true, y_pred, c)


@test_case(
    name="classes that do not occur",
    points=0.5,
    hidden=True,
    success_message="The matrix has a row and a column for every class.",
    failure_message="The matrix is (C, C) whichever labels occur, in y_true or y_pred.",
)
def test_absent(env):
    rng = hidden_rng("q5 absent")
    check_matrix(env, np.array([1, 3, 3, 1, 4]), np.array([3, 3, 1, 1, 1]), 6)
    label = int(rng.integers(0, 4))
    check_matrix(env, np.array([label]), np.array([(label + 1) % 5]), 5)


def check_inverted(env, x, y):
    result = call(env, "augment_invert", x, y)
    check(isinstance(result, tuple | list) and len(result) == 2, "augment_invert should return a pair.")
    images = as_array(result[0], "the images", (2 * len(x), *x.shape[1:]))
    check_close(images[: len(x)], x, "the first N images, the originals", atol=1e-5)
    check_close(images[len(x) :], 1 - x.astype(float), "the last N images, the inverted ones", atol=1e-5)
    check_close(result[1], np.concatenate([y, y]), "the labels")


@test_case(
    name="inverted images",
    points=1,
    hidden=True,
    success_message="The inverted images follow the originals, with their labels.",
    failure_message="All originals first, then 1 - x of all of them in the same order; labels alike.",
)
def test_inverted(env):
    rng = hidden_rng("q5 inverted")
    x = rng.uniform(0, 0.9, (6, 5, 4, 1)).astype(np.float32)
    check_inverted(env, x, rng.permutation(6))


@test_case(
    name="other shapes",
    points=1,
    hidden=True,
    success_message="One-hot labels, colours and images without a channel axis are augmented alike.",
    failure_message="Only the first axis grows: try one-hot labels, images (N, h, w), three channels, N = 1.",
)
def test_other_shapes(env):
    rng = hidden_rng("q5 shapes")
    for shape in ((3, 4, 5), (1, 4, 4, 3), (5, 2, 2, 2)):
        x = rng.uniform(0.1, 0.8, shape).astype(np.float32)
        labels = rng.integers(0, 3, shape[0])
        check_inverted(env, x, np.eye(3, dtype=np.float32)[labels])
