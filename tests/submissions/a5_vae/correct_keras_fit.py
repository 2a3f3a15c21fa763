# %% [markdown]
# # Assignment 5: Keras does it all
#
# A correct solution. The VAE is a `keras.Model` with its own `train_step`, trained by `fit`; the classifier is a model that
# contains the frozen encoder. Functions of `keras.ops` instead of TensorFlow's.

# %%
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

# %%
def reparameterize(mean, logvar, eps):
    return ops.add(mean, ops.multiply(ops.exp(0.5 * logvar), eps))

# %%
def kl_divergence(mean, logvar):
    return ops.sum(-0.5 * (1 + logvar - ops.square(mean) - ops.exp(logvar)), axis=1)


def log_normal_pdf(sample, mean, logvar):
    dims = ops.shape(sample)[-1]
    return -0.5 * (dims * np.log(2 * np.pi) + ops.sum(logvar + ops.square(sample - mean) / ops.exp(logvar), axis=-1))

# %%
def build_encoder(latent_dim):
    inputs = keras.Input(shape=(28, 28, 1))
    x = layers.Conv2D(16, 3, strides=2, padding="same")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.LeakyReLU()(x)
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, (layers.Dense(latent_dim, name="z_mean")(x), layers.Dense(latent_dim, name="z_log_var")(x)))


def build_decoder(latent_dim):
    return keras.Sequential(
        [
            keras.Input(shape=(latent_dim,)),
            layers.Dense(7 * 7 * 32, activation="relu"),
            layers.Reshape((7, 7, 32)),
            layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same"),
        ]
    )

# %%
def elbo(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    bce = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)(x, logits)  # averages over the channel
    return -ops.sum(bce, axis=(1, 2)) - kl_divergence(mean, logvar)

# %%
class VAE(keras.Model):
    def __init__(self, latent_dim, seed):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = build_encoder(latent_dim)
        self.decoder = build_decoder(latent_dim)
        self.seeds = keras.random.SeedGenerator(seed)
        self.tracker = keras.metrics.Mean(name="elbo")

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, x):
        with tf.GradientTape() as tape:
            mean, logvar = self.encoder(x, training=True)
            eps = keras.random.normal(ops.shape(mean), seed=self.seeds)
            logits = self.decoder(reparameterize(mean, logvar, eps), training=True)
            bce = ops.binary_crossentropy(x, logits, from_logits=True)
            bound = -ops.sum(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar)
            loss = -ops.mean(bound)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights))
        self.tracker.update_state(bound)
        return {"elbo": self.tracker.result()}


def train_vae(x, *, latent_dim, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    vae = VAE(latent_dim, seed)
    vae.compile(optimizer=keras.optimizers.Adam(1e-3))
    history = vae.fit(np.asarray(x), epochs=epochs, batch_size=batch_size, verbose=0)
    return vae.encoder, vae.decoder, history.history

# %%
def sample(decoder, n, seed):
    z = keras.random.normal((n, decoder.inputs[0].shape[-1]), seed=seed)
    return ops.sigmoid(decoder(z, training=False))


def latent_grid(decoder, n):
    quantiles = ops.convert_to_tensor(tf.math.ndtri(np.linspace(0.05, 0.95, n, dtype="float32")))
    rows = []
    for q in quantiles:
        z = ops.stack([quantiles, ops.full((n,), q)], axis=1)
        rows.append(ops.concatenate(list(ops.sigmoid(decoder(z))[..., 0]), axis=1))
    return ops.concatenate(rows, axis=0)

# %%
def train_latent_classifier(encoder, x, y, *, epochs, seed):
    keras.utils.set_random_seed(seed)
    encoder.trainable = False
    inputs = keras.Input((28, 28, 1))
    h = layers.Concatenate()(list(encoder(inputs, training=False)))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Dense(128, activation="relu")(h)))
    model.compile(optimizer="adam", loss=keras.losses.CategoricalCrossentropy())
    model.fit(x, keras.utils.to_categorical(y, 10), batch_size=32, epochs=epochs, verbose=0)
    return model
