"""The kit's images: where they are looked for, what is drawn, and what a machine without any of it gets."""

import gzip
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest

KIT = Path(__file__).parents[2] / "assignments"
REAL_DATA = os.environ.get("DL_DATA")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """No data set at hand, no network, and the kit importable as a notebook imports it."""
    monkeypatch.syspath_prepend(KIT)
    monkeypatch.setenv("DL_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("DL_DATA", raising=False)


@pytest.fixture
def load_images():
    from kit import load_images

    return load_images


def fake_set(n, shape, seed):
    """`n` images of ten classes, each image marked by its number in the first pixels."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
    return x, (np.arange(n) % 10).astype(np.uint8)


def write_mnist(folder, n=600):
    folder.mkdir(parents=True, exist_ok=True)
    (x, y), (x_test, y_test) = fake_set(n, (28, 28), 0), fake_set(200, (28, 28), 1)
    np.savez(folder / "mnist.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    return x, x_test


def rows(images):
    return {image.tobytes() for image in images}


def test_import_is_light():
    """A notebook's first cell does not wait for TensorFlow, scikit-learn or Matplotlib."""
    code = "import sys, kit; print({'tensorflow', 'keras', 'sklearn', 'matplotlib'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=KIT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_without_data_and_network_there_are_digits(load_images, capsys):
    """The embedded set stands in, in the shape that was asked for, and the one printed line says so."""
    data = load_images("mnist", 300, 100)
    assert (data.name, data.source) == ("digits", "scikit-learn")
    assert data.x_train.shape == (300, 28, 28) and data.x_test.shape == (100, 28, 28)
    assert data.x_train.dtype == np.uint8 and data.y_train.dtype == np.int64
    assert data.x_train.max() == 255 and data.x_train.min() == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "mnist is neither" in said and "300" in said
    assert load_images("cifar10", 20, 10).x_train.shape == (20, 32, 32, 3)


def test_digits_are_the_real_ones(load_images):
    """Scaling 8×8 to 28×28 keeps the picture: averaged back it is close to the original."""
    from sklearn.datasets import load_digits

    data = load_images("digits", 50, 10)
    assert data.name == "digits"
    centres = np.rint((np.arange(8) + 0.5) * 28 / 8 - 0.5).astype(int)
    small = data.x_train[:, centres][:, :, centres] * 16.0 / 255
    original = load_digits().images
    distance = np.abs(small[:, None] - original[None]).mean(axis=(2, 3))
    assert distance.min(axis=1).max() < 1.5
    assert (load_digits().target[distance.argmin(axis=1)] == data.y_train).all()


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_training_and_test_images_are_disjoint_and_balanced(load_images, monkeypatch, tmp_path, name):
    """No test image is trained on; every class has its share."""
    write_mnist(tmp_path)
    monkeypatch.setenv("DL_DATA", str(tmp_path))
    data = load_images(name, 400, 105)
    assert not rows(data.x_train) & rows(data.x_test)
    assert np.ptp(np.bincount(data.y_train)) <= 2
    assert set(np.bincount(data.y_test)) == {10, 11}


def test_the_seed_decides(load_images):
    """Equal seeds, equal images; more images contain the fewer ones; n_train leaves the test set alone."""
    first, again = load_images("digits", 100, 50, seed=3), load_images("digits", 100, 50, seed=3)
    other, larger = load_images("digits", 100, 50, seed=4), load_images("digits", 200, 50, seed=3)
    np.testing.assert_array_equal(first.x_train, again.x_train)
    assert (first.x_train != other.x_train).any()
    assert rows(first.x_train) <= rows(larger.x_train)
    np.testing.assert_array_equal(first.x_test, larger.x_test)


def test_more_than_there_are_gives_all_there_are_and_says_so(load_images, capsys):
    """1,797 digits are shared out in the proportion asked for."""
    data = load_images("digits", 5000, 1000)
    assert (len(data.x_train), len(data.x_test)) == (1497, 300)
    assert "5,000 and 1,000 were asked for" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"), [(("mnits",), "no image set 'mnits'"), (("mnist", 0), "at least 1")]
)
def test_mistakes_are_named(load_images, arguments, words):
    """A misspelt name lists the names there are."""
    with pytest.raises(ValueError, match=words):
        load_images(*arguments)


def test_order_of_places(load_images, monkeypatch, tmp_path, capsys):
    """DL_DATA comes before Keras' cache, a damaged file is passed over."""
    cached, _ = write_mnist(tmp_path / "keras" / "datasets")
    data = load_images("mnist", 600, 10)
    assert data.source == "Keras cache" and rows(data.x_train) == rows(cached)
    monkeypatch.setenv("DL_DATA", str(tmp_path / "own"))
    own, _ = write_mnist(tmp_path / "own", n=300)
    data = load_images("mnist", 300, 10)
    assert data.source == "DL_DATA" and rows(data.x_train) == rows(own)
    assert str(tmp_path / "own") in capsys.readouterr().out
    damaged = (tmp_path / "own" / "mnist.npz").read_bytes()[:5000]
    (tmp_path / "own" / "mnist.npz").write_bytes(damaged)
    assert load_images("mnist", 10, 10).source == "Keras cache"


def test_fashion_mnist_files(load_images, monkeypatch, tmp_path):
    """Gzipped idx files, as in DL_DATA and in Keras' cache."""
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for part, n in (("train", 100), ("t10k", 50)):
        x, y = fake_set(n, (28, 28), n)
        images = np.array([2051, n, 28, 28], ">i4").tobytes() + x.tobytes()
        labels = np.array([2049, n], ">i4").tobytes() + y.tobytes()
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    monkeypatch.setenv("DL_DATA", str(tmp_path))
    data = load_images("fashion_mnist", 100, 50)
    assert (data.name, data.source) == ("fashion_mnist", "DL_DATA")
    assert rows(data.x_train) == rows(fake_set(100, (28, 28), 100)[0])


def test_cifar10_files(load_images, monkeypatch, tmp_path):
    """Parts in DL_DATA: the lossy rest of the test set is read only where the lossless part is too small."""
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path / "cifar10"
    folder.mkdir()
    x, y = fake_set(60, (32, 32, 3), 0)
    np.savez(folder / "train_batch_1.npz", x=x[:30], y=y[:30, None])
    np.savez(folder / "train_batch_2.npz", x=x[30:], y=y[30:, None])
    np.savez(folder / "test_first1000.npz", x=x[:10], y=y[:10, None])
    monkeypatch.setenv("DL_DATA", str(tmp_path))
    data = load_images("cifar10", 60, 10)
    assert rows(data.x_train) == rows(x) and data.y_train.shape == (60,)
    path = tmp_path / "grey.jpeg"
    image.fromarray(np.full((32, 32, 3), 128, np.uint8)).save(path)
    jpeg = np.frombuffer(path.read_bytes(), np.uint8)
    joined, offsets = np.concatenate([jpeg, jpeg]), np.array([0, len(jpeg), 2 * len(jpeg)])
    np.savez(folder / "test_rest9000_jpeg.npz", jpeg=joined, offsets=offsets, y=np.array([[3], [4]]))
    data = load_images("cifar10", 20, 12)
    assert data.x_test.shape == (12, 32, 32, 3)
    assert (np.abs(data.x_test.astype(int) - 128) < 5).all(axis=(1, 2, 3)).sum() == 2


def test_cifar10_in_keras_cache(load_images, tmp_path):
    """The batches that Keras unpacks: rows of 3072 bytes, channels first."""
    folder = tmp_path / "keras" / "datasets" / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    x, y = fake_set(10, (32, 32, 3), 5)
    batch = {b"data": x.transpose(0, 3, 1, 2).reshape(10, 3072), b"labels": y.tolist()}
    for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6))):
        (folder / name).write_bytes(pickle.dumps(batch))
    data = load_images("cifar10", 10, 10)
    assert data.source == "Keras cache" and rows(data.x_test) == rows(x)


def test_a_network_that_does_not_answer_costs_seconds_once(load_images, monkeypatch):
    """A server that accepts and stays silent must not hang a notebook."""
    import socket

    from kit import lookup as module

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        assert not module.answers(url, timeout_s=0.5)
        assert not module.answers(url, timeout_s=0.5)
        assert time.monotonic() - started < 0.9
    monkeypatch.setenv("DL_OFFLINE", "0")
    monkeypatch.setattr(module, "answers", lambda url: False)
    assert load_images("mnist", 10, 10).source == "scikit-learn"


@pytest.mark.skipif(
    not REAL_DATA, reason="DL_DATA names no folder with the real sets"
)
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_real_sets(load_images, monkeypatch, name):
    """The published files themselves."""
    monkeypatch.setenv("DL_DATA", REAL_DATA)
    data = load_images(name, 1000, 200)
    assert (data.name, data.source) == (name, "DL_DATA")
    assert (np.bincount(data.y_train) == 100).all()


def test_plots_show_one_figure_each_and_leave_none_open(monkeypatch):
    """A notebook shows each picture once, whatever the history's keys are."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from kit import plot_confusion, plot_curves, plot_history, show_images

    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append([axis.get_ylabel() for axis in plt.gcf().axes]))
    history = {
        "train_loss": [2, np.float32(1)],
        "test_loss": [2, 1.5],
        "train_accuracy": [0, 1],
        "val_accuracy": [0, 1],
    }
    assert plot_history(history, "title") is None
    plot_curves({"SGD": [3, 2], "measured": ([0, 5], [1, 2])}, logarithmic=True)
    show_images(np.zeros((7, 28, 28)), labels=range(7), rows=2, columns=4)
    show_images(np.zeros((3, 784), np.uint8))
    show_images(np.zeros((2, 32, 32, 3), np.uint8))
    plot_confusion(np.eye(3, dtype=int), names=["ankle boot", "bag", "coat"])
    assert shown[0] == ["loss", "accuracy"] and len(shown) == 6
    assert plt.get_fignums() == []
