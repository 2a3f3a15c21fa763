# %% [markdown]
# # Assignment 5: after the tutorial
#
# A correct solution in the style of TensorFlow's tutorial: one class for the pair of networks, an encoder that is split
# into mean and logvar inside, three transposed convolutions, and Adam at the tutorial's 1e-4.
# The classifier is the slowest that one could choose: one layer, in large batches.

# %%
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %%
def reparameterize(mean, logvar, eps):
    return eps * tf.exp(logvar * 0.5) + mean

# %%
def kl_divergence(mean, logvar):
    return -0.5 * tf.reduce_sum(1.0 + logvar - tf.square(mean) - tf.exp(logvar), axis=1)


def log_normal_pdf(sample, mean, logvar, raxis=1):
    log2pi = tf.math.log(2.0 * np.pi)
    return tf.reduce_sum(-0.5 * ((sample - mean) ** 2.0 * tf.exp(-logvar) + logvar + log2pi), axis=raxis)

# %%
class Split(tf.keras.layers.Layer):
    def call(self, h):
        return tf.split(h, num_or_size_splits=2, axis=1)


class CVAE(tf.keras.Model):
    def __init__(self, latent_dim):
        super().__init__()
        self.latent_dim = latent_dim
        inputs = tf.keras.Input((28, 28, 1))
        h = tf.keras.layers.Conv2D(32, 3, strides=(2, 2), activation="relu")(inputs)
        h = tf.keras.layers.Conv2D(64, 3, strides=(2, 2), activation="relu")(h)
        h = tf.keras.layers.Flatten()(h)
        h = tf.keras.layers.Dense(latent_dim + latent_dim)(h)
        self.encoder = tf.keras.Model(inputs, Split()(h))
        self.decoder = tf.keras.Sequential(
            [
                tf.keras.layers.InputLayer(shape=(latent_dim,)),
                tf.keras.layers.Dense(units=7 * 7 * 32, activation=tf.nn.relu),
                tf.keras.layers.Reshape(target_shape=(7, 7, 32)),
                tf.keras.layers.Conv2DTranspose(64, 3, strides=2, padding="same", activation="relu"),
                tf.keras.layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),
                tf.keras.layers.Conv2DTranspose(1, 3, strides=1, padding="same"),
            ]
        )


def build_encoder(latent_dim):
    return CVAE(latent_dim).encoder


def build_decoder(latent_dim):
    return CVAE(latent_dim).decoder

# %%
def elbo(encoder, decoder, x, eps):
    x = tf.cast(x, tf.float32)
    mean, logvar = encoder(x)
    z = reparameterize(mean, logvar, eps)
    x_logit = decoder(z)
    cross_ent = tf.nn.sigmoid_cross_entropy_with_logits(logits=x_logit, labels=x)
    logpx_z = -tf.reduce_sum(cross_ent, axis=[1, 2, 3])
    return logpx_z - kl_divergence(mean, logvar)

# %%
def train_vae(x, *, latent_dim, epochs, batch_size, seed):
    tf.keras.utils.set_random_seed(seed)
    model = CVAE(latent_dim)
    optimizer = tf.keras.optimizers.Adam(1e-4)
    weights = model.encoder.trainable_variables + model.decoder.trainable_variables

    def compute_loss(batch):
        eps = tf.random.normal((tf.shape(batch)[0], latent_dim))
        return -tf.reduce_mean(elbo(model.encoder, model.decoder, batch, eps))

    @tf.function
    def train_step(batch):
        with tf.GradientTape() as tape:
            loss = compute_loss(batch)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))

    dataset = tf.data.Dataset.from_tensor_slices(np.asarray(x, "float32")).shuffle(len(x)).batch(batch_size)
    history = {"elbo": []}
    for epoch in range(1, epochs + 1):
        for batch in dataset:
            train_step(batch)
        loss = tf.keras.metrics.Mean()
        for batch in dataset:
            loss(compute_loss(batch), sample_weight=len(batch))
        history["elbo"].append(-loss.result())
    return model.encoder, model.decoder, history

# %%
def sample(decoder, n, seed):
    eps = tf.random.stateless_normal((n, decoder.input_shape[1]), seed=(seed, 0))
    return tf.sigmoid(decoder(eps))


def latent_grid(decoder, n, digit_size=28):
    grid = tf.math.ndtri(tf.linspace(0.05, 0.95, n))
    image = np.zeros((digit_size * n, digit_size * n))
    for i, yi in enumerate(grid):
        for j, xi in enumerate(grid):
            z = np.array([[xi, yi]])
            digit = tf.reshape(tf.sigmoid(decoder(z))[0], (digit_size, digit_size))
            image[i * digit_size : (i + 1) * digit_size, j * digit_size : (j + 1) * digit_size] = digit.numpy()
    return image

# %%
def train_latent_classifier(encoder, x, y, *, epochs, seed):
    tf.random.set_seed(seed)
    tf.keras.utils.set_random_seed(seed)
    model = tf.keras.Sequential([tf.keras.layers.Dense(10, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.concatenate(encoder(x), axis=1), y, batch_size=128, epochs=epochs, verbose=0)
    return lambda images: model(np.concatenate(encoder(images), axis=1)).numpy()
