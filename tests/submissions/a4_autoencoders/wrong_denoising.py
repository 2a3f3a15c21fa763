# %% [markdown]
# # Assignment 4: denoising the wrong pairs
#
# Questions 1 to 6 are right. The denoiser is trained with the noisy images as targets, and the curve denoises the
# clean images and counts in percent.

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
    encoder = keras.Sequential([keras.Input((n_in,))] + [keras.layers.Dense(s, activation="relu") for s in sizes])
    back = [keras.layers.Dense(s, activation="relu") for s in reversed(sizes[:-1])]
    last = keras.layers.Dense(n_in, activation="sigmoid")
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *back, last])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder

# %%
def mean_absolute_error(x_hat, x):
    return tf.reduce_mean(tf.abs(x_hat - x))


def binary_cross_entropy(x_hat, x):
    eps = 1e-7
    return -tf.reduce_mean(x * tf.math.log(x_hat + eps) + (1 - x) * tf.math.log(1 - x_hat + eps))

# %%
def kl_sparsity(p, p_hat):
    return tf.reduce_sum(p * tf.math.log(p / p_hat) + (1 - p) * tf.math.log((1 - p) / (1 - p_hat)))


def contractive_penalty(encode, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    return tf.reduce_mean(tf.reduce_sum(tape.batch_jacobian(h, x) ** 2, axis=[1, 2]))

# %%
def train_denoiser(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    noisy = salt_and_pepper(x, noise_level, seed)
    autoencoder, encoder, decoder = build_autoencoder(x.shape[1])
    autoencoder.compile("adam", "binary_crossentropy")
    history = autoencoder.fit(noisy, noisy, batch_size=batch_size, epochs=epochs, verbose=0)
    return autoencoder, history.history

# %%
def denoise_curve(autoencoder, classifier, x, y, levels, seed):
    def percent(images):
        scores = classifier.predict(np.reshape(images, (-1, 28, 28, 1)), verbose=0)
        return 100 * np.mean(np.argmax(scores, axis=1) == y)

    noisy = [percent(salt_and_pepper(x, level, seed)) for level in levels]
    denoised = [percent(autoencoder.predict(x, verbose=0)) for level in levels]
    return noisy, denoised
