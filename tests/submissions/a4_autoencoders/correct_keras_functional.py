# %% [markdown]
# # Assignment 4: Keras wherever it is allowed
#
# A correct solution in the functional API with `keras.ops` and `keras.random`. The three models are cut out of
# one chain of layers, the denoiser is trained on the mean absolute error, and the accuracies come from
# `evaluate`.

# %%
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from kit import load_images, plot_curves, show_images

# %%
def dropout(h, rate, training, seed):
    h = ops.convert_to_tensor(h)
    if not training or rate == 0.0:
        return h
    drop = keras.random.uniform(ops.shape(h), seed=keras.random.SeedGenerator(seed)) < rate
    return ops.where(drop, 0.0, h / (1.0 - rate))

# %%
def l2_penalty(weights, factor):
    regularizer = keras.regularizers.L2(factor)
    return ops.sum(ops.stack([regularizer(ops.convert_to_tensor(w)) for w in weights]))

# %%
def salt_and_pepper(x, noise_level, seed):
    x = ops.convert_to_tensor(x)
    generator = keras.random.SeedGenerator(seed)
    noisy = keras.random.uniform(ops.shape(x), seed=generator) < noise_level
    white = keras.random.uniform(ops.shape(x), seed=generator) < 0.5
    return ops.where(noisy, ops.cast(white, x.dtype), x)


def gaussian_noise(x, stddev, seed):
    x = ops.convert_to_tensor(x)
    return ops.clip(x + keras.random.normal(ops.shape(x), stddev=stddev, seed=seed), 0.0, 1.0)

# %%
def build_autoencoder(n_in=784, sizes=(128, 64, 32)):
    picture = keras.Input((n_in,), name="picture")
    code = picture
    for k, units in enumerate(sizes):
        code = layers.Dense(units, "relu", name=f"down_{k}")(code)
    given = keras.Input((sizes[-1],), name="code")
    back = [layers.Dense(units, "relu") for units in list(sizes)[:-1][::-1]] + [layers.Dense(n_in, "sigmoid")]

    def draw(h):
        for layer in back:
            h = layer(h)
        return h

    return keras.Model(picture, draw(code)), keras.Model(picture, code), keras.Model(given, draw(given))

# %%
def mean_absolute_error(x_hat, x):
    return ops.mean(ops.absolute(ops.subtract(x_hat, x)))


def binary_cross_entropy(x_hat, x):
    eps = 1e-7
    x_hat, x = ops.convert_to_tensor(x_hat), ops.convert_to_tensor(x)
    white, black = ops.log(ops.maximum(x_hat, eps)), ops.log(ops.maximum(1 - x_hat, eps))
    return ops.mean(-(x * white + (1 - x) * black), axis=None)

# %%
def kl_sparsity(p, p_hat):
    p_hat = ops.convert_to_tensor(p_hat)
    target = ops.full_like(p_hat, p)
    return ops.sum(keras.losses.kl_divergence(ops.stack([target, 1 - target], -1), ops.stack([p_hat, 1 - p_hat], -1)))


def contractive_penalty(encode, x):
    x = tf.Variable(ops.convert_to_tensor(x, "float32"))
    with tf.GradientTape(persistent=True) as tape:
        h = encode(x)
        units = tf.unstack(h, axis=1)
    return ops.mean(sum(ops.sum(ops.square(tape.gradient(unit, x)), axis=1) for unit in units))

# %%
def train_denoiser(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, _, _ = build_autoencoder()
    autoencoder.compile(keras.optimizers.Adam(2e-3), "mae")
    half = epochs // 2
    losses = []
    for part, n in enumerate((half, epochs - half)):  # two sets of disguises
        if n:
            noisy = salt_and_pepper(x, noise_level, 2 * seed + part)
            losses += autoencoder.fit(noisy, x, batch_size, n, verbose=0).history["loss"]
    return autoencoder, {"loss": losses, "epoch": list(range(epochs))}

# %%
def denoise_curve(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        return classifier.evaluate(ops.reshape(images, (-1, 28, 28, 1)), y, verbose=0, return_dict=True)["accuracy"]

    noisy = [salt_and_pepper(x, level, seed + k) for k, level in enumerate(levels)]
    return [accuracy(n) for n in noisy], [accuracy(autoencoder(n)) for n in noisy]
