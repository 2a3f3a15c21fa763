# %% [markdown]
# # Assignment 4: classes and a training loop of its own
#
# A correct solution. Encoder and decoder are subclasses of `keras.Model` with weights of their own, the training
# step is a `tf.function`, and noise and dropout come from TensorFlow's stateful generators.

# %%
import keras
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %%
class Dice:
    """Random numbers of one seed."""

    def __init__(self, seed):
        self.generator = tf.random.Generator.from_seed(seed)

    def mask(self, shape, probability):
        return self.generator.uniform(shape) < probability


def dropout(h, rate, training, seed):
    h = tf.convert_to_tensor(h)
    if training:
        mask = tf.cast(Dice(seed).mask(h.shape, 1 - rate), h.dtype)
        return h * mask / (1 - rate)
    return tf.identity(h)

# %%
def l2_penalty(weights, factor):
    total = tf.constant(0.0)
    for w in weights:
        w = tf.reshape(tf.cast(w, tf.float32), [-1])
        total += tf.tensordot(w, w, 1)
    return factor * total

# %%
def salt_and_pepper(x, noise_level, seed):
    x, dice = tf.cast(x, tf.float32), Dice(seed)
    noisy, salt = dice.mask(x.shape, noise_level), dice.mask(x.shape, 0.5)
    noisy, salt = tf.cast(noisy, tf.float32), tf.cast(salt, tf.float32)
    return (1 - noisy) * x + noisy * salt


def gaussian_noise(x, stddev, seed):
    x = tf.cast(x, tf.float32)
    return tf.minimum(tf.nn.relu(x + Dice(seed).generator.normal(x.shape, stddev=stddev)), 1.0)

# %%
class Stack(keras.Model):
    """Dense layers written out; `last` is the activation of the final one."""

    def __init__(self, units, last, **kwargs):
        super().__init__(**kwargs)
        self.kernels, self.biases, self.last = [], [], last
        for fan_in, fan_out in zip(units[:-1], units[1:]):
            self.kernels.append(self.add_weight(shape=(fan_in, fan_out), initializer="he_normal"))
            self.biases.append(self.add_weight(shape=(fan_out,), initializer="zeros"))
        self.built = True

    def call(self, h):
        for k, (kernel, bias) in enumerate(zip(self.kernels, self.biases)):
            z = tf.matmul(h, kernel) + bias
            h = self.last(z) if k == len(self.kernels) - 1 else tf.nn.relu(z)
        return h


class Chain(keras.Model):
    """The decoder after the encoder."""

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.built = True

    def call(self, x):
        return self.decoder(self.encoder(x))


def build_autoencoder(n_in=784, sizes=(128, 64, 32)):
    units = [n_in, *sizes]
    encoder, decoder = Stack(units, tf.nn.relu), Stack(units[::-1], tf.sigmoid)
    return Chain(encoder, decoder), encoder, decoder

# %%
def mean_absolute_error(x_hat, x):
    difference = tf.cast(x_hat, tf.float32) - tf.cast(x, tf.float32)
    return tf.norm(tf.reshape(difference, [-1]), ord=1) / tf.cast(tf.size(difference), tf.float32)


def binary_cross_entropy(x_hat, x):
    x_hat, x = tf.cast(x_hat, tf.float64), tf.cast(x, tf.float64)
    x_hat = tf.clip_by_value(x_hat, 1e-12, 1 - 1e-12)
    return tf.reduce_mean(-tf.math.xlogy(x, x_hat) - tf.math.xlog1py(1 - x, -x_hat))

# %%
def kl_sparsity(p, p_hat):
    on, off = tf.cast(p_hat, tf.float64), 1 - tf.cast(p_hat, tf.float64)
    p = tf.constant(p, tf.float64)
    return tf.reduce_sum(p * tf.math.log(p / on)) + tf.reduce_sum((1 - p) * tf.math.log((1 - p) / off))


def contractive_penalty(encode, x):
    # All of d encode/dx, examples by examples; those of different examples are zero.
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    everything = tape.jacobian(h, x)  # (N, H, N, D)
    return tf.reduce_sum(tf.square(everything)) / len(x)

# %%
def train_denoiser(x, *, noise_level, epochs, batch_size, seed):
    tf.keras.utils.set_random_seed(seed)
    x = tf.constant(x, tf.float32)
    autoencoder, _, _ = build_autoencoder(x.shape[1])
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(autoencoder.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(noisy, clean):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(clean, autoencoder(noisy)))
        gradients = tape.gradient(loss, autoencoder.trainable_variables)
        optimizer.apply(gradients, autoencoder.trainable_variables)
        return loss

    rng, history = np.random.default_rng(seed), []
    for epoch in range(epochs):
        noisy = salt_and_pepper(x, noise_level, int(rng.integers(2**31)))
        order, losses = rng.permutation(len(x)), []
        for start in range(0, len(x), batch_size):
            chosen = order[start : start + batch_size]
            losses.append(step(tf.gather(noisy, chosen), tf.gather(x, chosen)))
        history.append(float(tf.reduce_mean(losses)))
    return autoencoder, {"loss": history}

# %%
class Reader:
    def __init__(self, classifier, y):
        self.classifier, self.y = classifier, tf.cast(y, tf.int64)

    def accuracy(self, images):
        scores = self.classifier(tf.reshape(images, [-1, 28, 28, 1]), training=False)
        return tf.reduce_mean(tf.cast(tf.argmax(scores, axis=1) == self.y, tf.float32)).numpy()


def denoise_curve(autoencoder, classifier, x, y, levels, seed):
    reader = Reader(classifier, y)
    disguised = [salt_and_pepper(x, level, seed) for level in levels]
    denoised = [autoencoder(images) for images in disguised]
    return list(map(reader.accuracy, disguised)), list(map(reader.accuracy, denoised))
