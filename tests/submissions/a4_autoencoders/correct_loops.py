# %% [markdown]
# # Assignment 4: one thing after the other
#
# A correct solution with loops over examples, weights and units, and models built layer by layer with `call`
# functions of their own. Slow, and easy to follow.

# %%
import random

import keras
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %%
def dropout(h, rate, training, seed):
    if not training or rate == 0:
        return h
    random.seed(seed)
    factors = []
    for row in range(h.shape[0]):
        factors.append([0.0 if random.random() < rate else 1 / (1 - rate) for unit in range(h.shape[1])])
    return tf.multiply(h, tf.constant(factors, tf.float32))

# %%
def l2_penalty(weights, factor):
    total = 0.0
    for w in weights:
        for value in np.asarray(w, float).flatten():
            total += value * value
    return factor * total

# %%
def salt_and_pepper(x, noise_level, seed):
    generator = np.random.RandomState(seed)
    result = np.array(x)
    for image in result:
        noisy = generator.rand(len(image)) < noise_level
        image[noisy] = generator.randint(0, 2, size=noisy.sum())
    return result


def gaussian_noise(x, stddev, seed):
    generator = np.random.RandomState(seed)
    result = []
    for image in np.asarray(x):
        image = image + generator.normal(0, stddev, len(image))
        image[image < 0] = 0
        image[image > 1] = 1
        result.append(image)
    return np.array(result, np.float32)

# %%
def build_autoencoder(n_in=784, sizes=(128, 64, 32)):
    all_layers = []
    for n in sizes:
        all_layers.append(keras.layers.Dense(n, activation="relu", kernel_initializer="he_uniform"))
    for n in reversed(sizes[:-1]):
        all_layers.append(keras.layers.Dense(n, activation="relu", kernel_initializer="he_uniform"))
    all_layers.append(keras.layers.Dense(n_in, activation="sigmoid"))
    autoencoder = keras.Sequential([keras.Input((n_in,))] + all_layers)
    encoder = keras.Sequential([keras.Input((n_in,))] + all_layers[: len(sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],))] + all_layers[len(sizes) :])
    return autoencoder, encoder, decoder

# %%
def mean_absolute_error(x_hat, x):
    errors = []
    for drawn, image in zip(np.asarray(x_hat), np.asarray(x)):
        errors.append(sum(abs(float(a) - float(b)) for a, b in zip(drawn, image)) / len(image))
    return sum(errors) / len(errors)


def binary_cross_entropy(x_hat, x):
    losses = []
    for drawn, image in zip(np.asarray(x_hat, float), np.asarray(x, float)):
        for a, b in zip(drawn, image):
            a = min(max(a, 1e-6), 1 - 1e-6)
            losses.append(-b * np.log(a) - (1 - b) * np.log(1 - a))
    return np.mean(losses)

# %%
def kl_sparsity(p, p_hat):
    total = 0.0
    for q in np.asarray(p_hat, float):
        total = total + p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    return total


def contractive_penalty(encode, x):
    norms = []
    for image in np.asarray(x):
        image = tf.constant(image[None])
        with tf.GradientTape() as tape:
            tape.watch(image)
            code = encode(image)[0]
        jacobian = tape.jacobian(code, image)
        norms.append(float(tf.reduce_sum(jacobian**2)))
    return sum(norms) / len(norms)

# %%
def train_denoiser(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, encoder, decoder = build_autoencoder()
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    history = {"loss": []}
    for epoch in range(epochs):
        noisy = salt_and_pepper(x, noise_level, seed + 1000 * epoch)
        order = np.random.permutation(len(x))
        losses = []
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            losses.append(float(autoencoder.train_on_batch(noisy[chosen], np.asarray(x)[chosen])))
        history["loss"].append(sum(losses) / len(losses))
    return autoencoder, history

# %%
def denoise_curve(autoencoder, classifier, x, y, levels, seed):
    noisy_list, denoised_list = [], []
    for level in levels:
        noisy = salt_and_pepper(x, level, seed)
        denoised = np.asarray(autoencoder(noisy))
        right_noisy = right_denoised = 0
        scores = np.asarray(classifier(noisy.reshape(-1, 28, 28, 1)))
        scores_denoised = np.asarray(classifier(denoised.reshape(-1, 28, 28, 1)))
        for k in range(len(y)):
            right_noisy += int(np.argmax(scores[k]) == y[k])
            right_denoised += int(np.argmax(scores_denoised[k]) == y[k])
        noisy_list.append(right_noisy / len(y))
        denoised_list.append(right_denoised / len(y))
    return noisy_list, denoised_list
