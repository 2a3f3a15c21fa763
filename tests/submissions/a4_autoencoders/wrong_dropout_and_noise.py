# %% [markdown]
# # Assignment 4: mistakes with random numbers
#
# Dropout multiplies by the rate, salt and pepper falls on the same pixels of every image, Gaussian noise is not
# clipped. The rest is right; training and the curve suffer from the noise and are graded as if it were right.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %%
def dropout(h, rate, training, seed):
    if not training:
        return h
    rng = np.random.default_rng(seed)
    mask = rng.random(h.shape) > rate
    return h * mask.astype("float32") * rate

# %%
def l2_penalty(weights, factor):
    return factor * np.sum([np.sum(np.square(w)) for w in weights])

# %%
def salt_and_pepper(x, noise_level, seed):
    rng = np.random.default_rng(seed)
    x = np.array(x)
    pixels = rng.random(x.shape[1]) < noise_level
    x[:, pixels] = rng.integers(0, 2, pixels.sum())
    return x


def gaussian_noise(x, stddev, seed):
    rng = np.random.default_rng(seed)
    return x + rng.normal(0, stddev, x.shape)

# %%
def build_autoencoder(n_in=784, sizes=(128, 64, 32)):
    encoder = keras.Sequential([keras.Input((n_in,))] + [keras.layers.Dense(s, activation="relu") for s in sizes])
    decoder = keras.Sequential([keras.Input((sizes[-1],))])
    for s in sizes[-2::-1]:
        decoder.add(keras.layers.Dense(s, activation="relu"))
    decoder.add(keras.layers.Dense(n_in, activation="sigmoid"))
    return keras.Sequential([encoder, decoder]), encoder, decoder

# %%
def mean_absolute_error(x_hat, x):
    return np.mean(np.abs(x_hat - x))


def binary_cross_entropy(x_hat, x):
    x_hat = np.clip(x_hat, 1e-7, 1 - 1e-7)
    return -np.mean(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat))

# %%
def kl_sparsity(p, p_hat):
    return np.sum(p * np.log(p / p_hat) + (1 - p) * np.log((1 - p) / (1 - p_hat)))


def contractive_penalty(encode, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    jacobian = tape.batch_jacobian(h, x)
    return tf.reduce_sum(jacobian**2) / x.shape[0]

# %%
def train_denoiser(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, encoder, decoder = build_autoencoder()
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    noisy = salt_and_pepper(x, noise_level, seed)
    history = autoencoder.fit(noisy, x, epochs=epochs, batch_size=batch_size, verbose=0)
    return autoencoder, history.history

# %%
def denoise_curve(autoencoder, classifier, x, y, levels, seed):
    noisy_accuracy, denoised_accuracy = [], []
    for level in levels:
        noisy = salt_and_pepper(x, level, seed)
        denoised = autoencoder.predict(noisy, verbose=0)
        for images, accuracies in ((noisy, noisy_accuracy), (denoised, denoised_accuracy)):
            _, accuracy = classifier.evaluate(images.reshape(-1, 28, 28, 1), y, verbose=0)
            accuracies.append(accuracy)
    return noisy_accuracy, denoised_accuracy
