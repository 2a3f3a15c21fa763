# %% [markdown]
# # Assignment 4: the output layer and the means
#
# The output is linear and the decoder's layers come in the encoder's order; the absolute error is divided by the
# number of images only, the arguments of the cross-entropy are swapped, the divergence lacks its second term, and
# the contractive penalty adds the units up before squaring.

# %%
import keras
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %%
def dropout(h, rate, training, seed):
    if not training:
        return h
    keep = tf.cast(tf.random.stateless_uniform(tf.shape(h), [seed, 1]) > rate, tf.float32)
    return h * keep / (1 - rate)

# %%
def l2_penalty(weights, factor):
    return factor * sum(tf.reduce_sum(w**2) for w in weights)

# %%
def salt_and_pepper(x, noise_level, seed):
    rng = np.random.default_rng(seed)
    noisy = rng.random(x.shape) < noise_level
    return np.where(noisy, rng.integers(0, 2, x.shape), x).astype("float32")


def gaussian_noise(x, stddev, seed):
    rng = np.random.default_rng(seed)
    return np.clip(x + rng.normal(0, stddev, x.shape), 0, 1).astype("float32")

# %%
def build_autoencoder(n_in=784, sizes=(128, 64, 32)):
    inputs = keras.Input((n_in,))
    h = inputs
    for units in sizes:
        h = keras.layers.Dense(units, activation="relu")(h)
    encoder = keras.Model(inputs, h)
    code = keras.Input((sizes[-1],))
    h = code
    for units in sizes[:-1]:
        h = keras.layers.Dense(units, activation="relu")(h)
    decoder = keras.Model(code, keras.layers.Dense(n_in)(h))
    return keras.Model(inputs, decoder(encoder(inputs))), encoder, decoder

# %%
def mean_absolute_error(x_hat, x):
    return tf.reduce_sum(tf.abs(x_hat - x)) / len(x)


def binary_cross_entropy(x_hat, x):
    eps = 1e-7
    return -tf.reduce_mean(x_hat * tf.math.log(x + eps) + (1 - x_hat) * tf.math.log(1 - x + eps))

# %%
def kl_sparsity(p, p_hat):
    return tf.reduce_sum(p * tf.math.log(p / p_hat))


def contractive_penalty(encode, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    gradient = tape.gradient(h, x)
    return tf.reduce_mean(tf.reduce_sum(gradient**2, axis=1))

# %%
def train_denoiser(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, _, _ = build_autoencoder(x.shape[1])
    autoencoder.compile("adam", "mse")
    noisy = salt_and_pepper(x, noise_level, seed)
    return autoencoder, autoencoder.fit(noisy, x, batch_size, epochs, verbose=0).history

# %%
def denoise_curve(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier.predict(np.reshape(images, (-1, 28, 28, 1)), verbose=0)
        return np.mean(np.argmax(scores, axis=1) == y)

    noisy = [salt_and_pepper(x, level, seed) for level in levels]
    return [accuracy(n) for n in noisy], [accuracy(autoencoder.predict(n, verbose=0)) for n in noisy]
