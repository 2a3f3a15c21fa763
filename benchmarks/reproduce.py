"""What the references reach on real data, beside the figures that courses and papers publish.

    make reproduce        trains everything on the whole of MNIST: about a quarter of an hour on two cores

The data come from where the kit finds them (DL_DATA, Keras' cache, a download); without MNIST nothing is trained.
Accuracies and the ELBO are measured on the 10,000 test images, which nothing was trained or chosen on.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "assignments")]

import keras
import numpy as np
from kit import load_images
from rich.console import Console
from rich.table import Table

from reference import autoencoders, cnn, vae

NOISE = tuple(np.arange(1, 10) / 10)
SEED = 0


class Data(NamedTuple):
    """MNIST: images (N, 28, 28, 1) in [0, 1] and integer labels."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


class Row(NamedTuple):
    """One figure: `ours` should be at least `published`."""

    task: str
    measure: str
    published: float
    ours: float
    seconds: float

    @property
    def reached(self) -> bool:
        return self.ours >= self.published


def main() -> None:
    console = Console()
    images = load_images("mnist", 60_000, 10_000)
    if images.name != "mnist":
        sys.exit("make reproduce needs MNIST: set DL_DATA to a folder with mnist.npz, or connect to a network")
    x, x_test = (np.float32(pixels[..., None] / 255) for pixels in (images.x_train, images.x_test))
    data = Data(x, images.y_train, x_test, images.y_test)
    table = Table(title="References on MNIST, 10,000 test images", title_justify="left", show_edge=False)
    for column in ("task", "measure", "published", "ours", "seconds"):
        table.add_column(column, justify="left" if column in ("task", "measure") else "right")
    rows = []
    for row in all_rows(data):
        rows.append(row)
        console.print(f"{row.task}: {row.ours:.4f} in {row.seconds:.0f} s", style="dim", highlight=False)
        digits = 1 if abs(row.published) > 10 else 4
        table.add_row(
            row.task, row.measure, f"{row.published:.{digits}f}", f"{row.ours:.{digits}f}", f"{row.seconds:.0f}",
            style=None if row.reached else "red",
        )  # fmt: skip
    console.print(table)
    sys.exit(not all(row.reached for row in rows))


def all_rows(data: Data) -> Iterator[Row]:
    yield dense(data, "dense 64-64, 10 epochs", (64, 64), 0.9725, epochs=10)
    yield dense(data, "dense 500-300 with L2, 20 epochs", (500, 300), 0.9826, epochs=20, l2=1e-5)
    started = time.monotonic()
    classifier = cnn_on(data)
    yield Row("CNN, three convolutions, 12 epochs", "accuracy", 0.99, accuracy(classifier, data), lap(started))
    yield from transfer(data, classifier)
    yield from denoising(data, classifier)
    yield from variational(data)


def dense(data: Data, task: str, sizes: tuple[int, ...], published: float, *, epochs: int, l2: float = 0.0) -> Row:
    """A fully connected network with ReLU."""
    started = time.monotonic()
    keras.utils.set_random_seed(SEED)
    penalty = keras.regularizers.L2(l2) if l2 else None
    hidden = [keras.layers.Dense(size, activation="relu", kernel_regularizer=penalty) for size in sizes]
    outputs = keras.layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), *hidden, outputs])
    train(model, data, epochs)
    return Row(task, "accuracy", published, accuracy(model, data), lap(started))


def train(model: keras.Model, data: Data, epochs: int, batch_size: int = 128) -> None:
    """Adam, whose rate falls from 0.002 to nothing along a cosine."""
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(data.x) // batch_size))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    cnn.train_cnn(model, data.x, data.y, epochs=epochs, batch_size=batch_size, seed=SEED)


def cnn_on(data: Data) -> keras.Model:
    keras.utils.set_random_seed(SEED)
    model = cnn.build_cnn()
    train(model, data, epochs=12, batch_size=64)
    return model


def transfer(data: Data, base: keras.Model) -> Iterator[Row]:
    """Odd or even, on the features of the network that tells the ten digits apart."""
    odd = data._replace(y=data.y % 2, y_test=data.y_test % 2)
    started = time.monotonic()
    model = cnn.build_transfer(copy_of(base))
    weights = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    cnn.train_cnn(model, odd.x, odd.y, epochs=2, batch_size=128, seed=SEED)
    yield Row(f"odd or even by transfer, {weights} weights", "accuracy", 0.9538, accuracy(model, odd), lap(started))
    started = time.monotonic()
    cnn.fine_tune(model, odd.x, odd.y, epochs=2, batch_size=128)
    yield Row("the same, fine-tuned for 2 epochs", "accuracy", 0.985, accuracy(model, odd), lap(started))


def copy_of(model: keras.Model) -> keras.Model:
    """Transfer shares layers with its base, and fine-tuning changes them; the classifier is needed later on."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def denoising(data: Data, classifier: keras.Model) -> Iterator[Row]:
    """The smallest gain in accuracy by denoising over the noise levels 0.2 to 0.9."""
    started = time.monotonic()
    x, x_test = (images.reshape(-1, 784) for images in (data.x, data.x_test))
    model, _ = autoencoders.train_denoiser(x, noise_level=0.5, epochs=10, batch_size=128, seed=SEED)
    noisy, denoised = autoencoders.denoise_curve(model, classifier, x_test, data.y_test, NOISE, SEED)
    gain = np.subtract(denoised, noisy)
    yield Row("denoiser, 10 epochs, at noise 0.5", "accuracy", noisy[4], denoised[4], lap(started))
    yield Row("denoiser, smallest gain, noise 0.2 to 0.9", "accuracy gain", 0.0, float(gain[1:].min()), 0.0)


def variational(data: Data) -> Iterator[Row]:
    """A 2-d code for binary images, as in TensorFlow's tutorial, and a classifier on it."""
    started = time.monotonic()
    x, x_test = (np.float32(images > 0.5) for images in (data.x, data.x_test))
    encoder, decoder, _ = vae.train_vae(x, latent_dim=2, epochs=10, batch_size=64, seed=SEED)
    rng = np.random.default_rng(SEED)
    bounds = [
        np.mean(vae.elbo(encoder, decoder, batch, rng.standard_normal((len(batch), 2)).astype(np.float32)))
        for batch in np.split(x_test, 10)
    ]
    yield Row("VAE with 2-d code, 10 epochs", "test ELBO, nats", -156.1, float(np.mean(bounds)), lap(started))
    started = time.monotonic()
    classify = vae.train_latent_classifier(encoder, x, data.y, epochs=5, seed=SEED)
    right = np.mean(np.argmax(classify(x_test), axis=-1) == data.y_test)
    yield Row("classifier on the 2-d code", "accuracy", 0.649, float(right), lap(started))


def accuracy(model: keras.Model, data: Data) -> float:
    """Share of test images whose class is told: the largest output, or the single one above a half."""
    outputs = model.predict(data.x_test, batch_size=1000, verbose=0)
    classes = outputs[:, 0] > 0.5 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    return float(np.mean(classes == data.y_test))


def lap(started: float) -> float:
    return time.monotonic() - started


if __name__ == "__main__":
    main()
