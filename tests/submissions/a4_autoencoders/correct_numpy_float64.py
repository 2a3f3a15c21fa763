# %% [markdown]
# # Assignment 4: NumPy and float64, Keras for the networks
#
# A correct solution. The contractive penalty comes from finite differences, so no tape appears anywhere;
# parameters carry other names than the assignment's, and scalars come back as Python floats.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %%
import otter

grader = otter.Notebook("a4_autoencoders.ipynb")

# %%
def f64(a):
    return np.asarray(a, dtype=np.float64)


def dropout(a, rate, training, key):
    a = f64(a)
    if not training:
        return a
    keep = np.random.default_rng(key).binomial(1, 1 - rate, size=a.shape)
    return a * keep / (1 - rate)

# %%
grader.check("q1")

# %%
def l2_penalty(arrays, lam):
    return float(lam * sum(np.linalg.norm(f64(a).ravel()) ** 2 for a in arrays))

# %%
def salt_and_pepper(pictures, p, key):
    rng = np.random.default_rng([key, 1])
    kind = rng.choice(3, size=np.shape(pictures), p=[1 - p, p / 2, p / 2])
    return np.choose(kind, [f64(pictures), 0.0, 1.0])


def gaussian_noise(pictures, sigma, key):
    rng = np.random.default_rng([key, 2])
    return np.minimum(1, np.maximum(0, f64(pictures) + sigma * rng.standard_normal(np.shape(pictures))))

# %%
def build_autoencoder(n_in=784, sizes=(128, 64, 32)):
    encoder = keras.Sequential(name="enc")
    encoder.add(keras.Input(shape=(n_in,)))
    for units in sizes:
        encoder.add(keras.layers.Dense(units))
        encoder.add(keras.layers.ReLU())
    decoder = keras.Sequential(name="dec")
    decoder.add(keras.Input(shape=(sizes[-1],)))
    for units in sizes[::-1][1:]:
        decoder.add(keras.layers.Dense(units))
        decoder.add(keras.layers.ReLU())
    decoder.add(keras.layers.Dense(n_in))
    decoder.add(keras.layers.Activation("sigmoid"))
    picture = keras.Input(shape=(n_in,))
    return keras.Model(picture, decoder(encoder(picture))), encoder, decoder

# %%
def mean_absolute_error(drawn, truth):
    return float(np.mean(np.abs(f64(drawn) - f64(truth))))


def binary_cross_entropy(drawn, truth):
    drawn, truth = f64(drawn), f64(truth)
    tiny = np.finfo(float).tiny
    return float(-np.mean(truth * np.log(drawn + tiny) + (1 - truth) * np.log(1 - drawn + tiny)))

# %%
def kl_sparsity(target, actual):
    actual = f64(actual)
    on = target * (np.log(target) - np.log(actual))
    off = (1 - target) * (np.log1p(-target) - np.log1p(-actual))
    return float(np.sum(on + off))


def contractive_penalty(code_of, pictures):
    pictures = np.asarray(pictures, np.float32)
    eps, total = 0.01, 0.0
    for i in range(pictures.shape[1]):
        step = np.zeros_like(pictures)
        step[:, i] = eps
        slope = (f64(code_of(pictures + step)) - f64(code_of(pictures - step))) / (2 * eps)
        total += np.sum(slope**2)
    return total / len(pictures)

# %%
def train_denoiser(pictures, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    pictures = np.asarray(pictures, np.float32)
    model = build_autoencoder(pictures.shape[1])[0]
    model.compile(optimizer="adam", loss="mse")
    disguised = salt_and_pepper(pictures, noise_level, seed).astype(np.float32)
    run = model.fit(disguised, pictures, epochs=epochs, batch_size=batch_size, verbose=0)
    return model, run.history

# %%
def denoise_curve(model, reader, pictures, truth, strengths, seed):
    curves = ([], [])
    for strength in strengths:
        disguised = salt_and_pepper(pictures, strength, seed).astype(np.float32)
        for curve, shown in zip(curves, (disguised, model.predict(disguised, verbose=0))):
            scores = reader.predict(shown.reshape(-1, 28, 28, 1), verbose=0)
            curve.append(np.mean(scores.argmax(axis=1) == truth))
    return curves

# %%
grader.check_all()
