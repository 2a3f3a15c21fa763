"""Image sets, taken from where they can be had without waiting.

`load_images` looks in this order and prints one line that says what it found:

1. the folder that the environment variable DL_DATA names
   (`mnist.npz`, `fashion-mnist/*.gz`, `cifar10/*.npz`),
2. Keras' own cache, `~/.keras/datasets`,
3. a download by Keras, where there is a network (DL_OFFLINE=1 skips this step),
4. scikit-learn's 1,797 handwritten digits, which are installed with it, scaled to the size asked for.
"""

import gzip
import io
import itertools
import os
import pickle
from typing import NamedTuple

import numpy as np

from kit import lookup

SHAPES = {"mnist": (28, 28), "fashion_mnist": (28, 28), "cifar10": (32, 32, 3), "digits": (28, 28)}


class Images(NamedTuple):
    """A training and a test set; no image is in both."""

    x_train: np.ndarray  # uint8 (n_train, h, w) or (n_train, h, w, 3)
    y_train: np.ndarray  # int64 (n_train,), classes 0 to 9
    x_test: np.ndarray  # uint8 (n_test, h, w) or (n_test, h, w, 3)
    y_test: np.ndarray  # int64 (n_test,)
    name: str  # the set that was really used: "digits" where the one asked for was not to be had
    source: str  # "DL_DATA", "Keras cache", "download" or "scikit-learn"


class _Pools(NamedTuple):
    """All images there are, before a subset is drawn. Digits have one pool, which is split in two."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray | None = None
    y_test: np.ndarray | None = None


def load_images(name="mnist", n_train=2000, n_test=500, seed=0):
    """Return a random subset of an image set, with equally many images of each class if there are enough.

    Args:
        name: "mnist", "fashion_mnist", "cifar10" or "digits".
        n_train: number of training images, at least 1.
        n_test: number of test images, at least 1.
        seed: the same seed draws the same images; a larger n_train adds to those of a smaller one.

    Returns:
        Images. Where the set holds fewer images than asked for, there are fewer, in the proportion asked for.

    Raises:
        ValueError: if the name is unknown or a number is below 1.
    """
    if name not in SHAPES:
        raise ValueError(f"no image set {name!r}; there are {', '.join(SHAPES)}")
    if n_train < 1 or n_test < 1:
        raise ValueError(f"n_train and n_test must be at least 1, but are {n_train} and {n_test}")
    pools, used, source = _find(name, n_test)
    images = Images(*_draw(pools, n_train, n_test, seed), used, source)
    print(_describe(images, name, n_train, n_test))
    return images


def _describe(images, name, n_train, n_test):
    """One line: which set, how many, from where, and what is not as asked."""
    got = len(images.x_train), len(images.x_test)
    size = "×".join(map(str, images.x_train.shape[1:3]))
    origin = os.environ["DL_DATA"] if images.source == "DL_DATA" else images.source
    line = (
        f"{got[0]:,} training and {got[1]:,} test images of {images.name}, {size} pixels (source: {origin})"
    )
    if images.name != name:
        line = f"{name} is neither on this machine nor to be downloaded; instead: {line}"
    if got != (n_train, n_test):
        line += f"; {n_train:,} and {n_test:,} were asked for, but there are no more"
    return line + "."


# --- where to look -----------------------------------------------------------------------------------------


def _find(name, n_test):
    """Return (pools, name of the set, source) from the first place that has it."""
    if name != "digits":
        places = {"DL_DATA": _from_folder, "Keras cache": _from_cache, "download": _download}
        pools, source = lookup.first(places, name, n_test)
        if pools is not None:
            return pools, name, source
    return _digits(SHAPES[name]), "digits", "scikit-learn"


def _from_folder(name, n_test):
    folder = lookup.data_folder()
    if name == "mnist":
        return _read_npz(folder / "mnist.npz")
    if name == "fashion_mnist":
        return _read_idx(folder / "fashion-mnist")
    return _read_cifar_parts(folder / "cifar10", n_test)


def _from_cache(name, n_test):
    folder = lookup.keras_cache()
    if name == "mnist":
        return _read_npz(folder / "mnist.npz")
    if name == "fashion_mnist":
        return _read_idx(folder / "fashion-mnist")
    return _read_cifar_batches(folder / "cifar-10-batches-py-target" / "cifar-10-batches-py")


def _download(name, n_test):
    """Let Keras fetch the set; do not wait long for a network that does not answer."""
    host = "www.cs.toronto.edu" if name == "cifar10" else "storage.googleapis.com"
    with lookup.download(f"https://{host}"):
        import keras

        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    return _Pools(x_train, y_train.reshape(-1), x_test, y_test.reshape(-1))


# --- file formats ------------------------------------------------------------------------------------------


def _arrays(path):
    """All arrays of an .npz file."""
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        return dict(archive)


def _read_npz(path):
    """MNIST as Keras stores it: one archive of four arrays."""
    arrays = _arrays(path)
    return _Pools(arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"])


def _read_idx(folder):
    """Fashion-MNIST: four gzipped idx files, big-endian headers of 16 (images) and 8 (labels) bytes."""

    def read(part, kind, header, shape):
        with gzip.open(folder / f"{part}-{kind}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header).reshape(shape)

    arrays = []
    for part in ("train", "t10k"):
        arrays += [read(part, "images-idx3", 16, (-1, 28, 28)), read(part, "labels-idx1", 8, -1)]
    return _Pools(*arrays)


def _read_cifar_parts(folder, n_test):
    """CIFAR-10 as `train_batch_*.npz` and a test set in two parts, the larger one in JPEG and lossy."""
    train = [_arrays(path) for path in sorted(folder.glob("train_batch_*.npz"))]
    test = _arrays(folder / "test_first1000.npz")
    x_test, y_test = test["x"], test["y"]
    if n_test > len(x_test):
        rest = _arrays(folder / "test_rest9000_jpeg.npz")
        x_test = np.concatenate([x_test, _decode_jpegs(rest["jpeg"], rest["offsets"])])
        y_test = np.concatenate([y_test, rest["y"]])
    x_train = np.concatenate([part["x"] for part in train])
    y_train = np.concatenate([part["y"] for part in train])
    return _Pools(x_train, y_train.reshape(-1), x_test, y_test.reshape(-1))


def _decode_jpegs(joined, offsets):
    from PIL import Image

    pieces = (joined[start:end].tobytes() for start, end in itertools.pairwise(offsets))
    return np.stack([np.asarray(Image.open(io.BytesIO(piece)).convert("RGB")) for piece in pieces])


def _read_cifar_batches(folder):
    """CIFAR-10 as its authors distribute it, unpacked by Keras; rows of 3072 bytes, channels first."""

    def read(name):
        with open(folder / name, "rb") as file:
            batch = pickle.load(file, encoding="bytes")
        return batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), np.array(batch[b"labels"])

    x, y = zip(*(read(f"data_batch_{i}") for i in range(1, 6)), strict=True)
    return _Pools(np.concatenate(x), np.concatenate(y), *read("test_batch"))


def _digits(shape):
    """scikit-learn's digits, (1797, 8, 8) of 0 to 16, enlarged bilinearly to `shape` and 0 to 255."""
    from sklearn.datasets import load_digits

    small = load_digits()
    centres = (np.arange(shape[0]) + 0.5) * 8 / shape[0] - 0.5
    weights = np.stack([np.interp(centres, np.arange(8), unit) for unit in np.eye(8)], axis=1)  # (28, 8)
    large = np.rint(weights @ small.images @ weights.T * 255 / 16).astype(np.uint8)
    if len(shape) == 3:
        large = np.repeat(large[..., None], shape[2], axis=-1)
    return _Pools(large, small.target)


# --- drawing a subset --------------------------------------------------------------------------------------


def _draw(pools, n_train, n_test, seed):
    """Return x_train, y_train, x_test, y_test with at most the numbers asked for."""
    rng = np.random.default_rng(seed)
    if pools.x_test is None:
        n_train, n_test = _share(len(pools.y_train), n_train, n_test)
        order = _balanced_order(pools.y_train, rng)
        test, train = order[:n_test], order[n_test : n_test + n_train]
        pools = _Pools(pools.x_train, pools.y_train, pools.x_train, pools.y_train)
    else:
        train = _balanced_order(pools.y_train, rng)[:n_train]
        test = _balanced_order(pools.y_test, rng)[:n_test]
    return (
        np.ascontiguousarray(pools.x_train[train]), pools.y_train[train].astype(np.int64),
        np.ascontiguousarray(pools.x_test[test]), pools.y_test[test].astype(np.int64),
    )  # fmt: skip


def _share(available, n_train, n_test):
    """Shrink both numbers in proportion if their sum exceeds what is available; neither drops below 1."""
    if n_train + n_test > available:
        n_test = max(1, round(available * n_test / (n_train + n_test)))
        n_train = available - n_test
    return n_train, n_test


def _balanced_order(labels, rng):
    """Indices in random order; every prefix holds equally many of each class, as far as they last."""
    order = rng.permutation(len(labels))
    rank = np.empty(len(labels), dtype=np.int64)  # how many of its class come before it
    for label in np.unique(labels):
        of_class = labels[order] == label
        rank[of_class] = np.arange(of_class.sum())
    return order[np.argsort(rank, kind="stable")]
