# %% [markdown]
# # Assignment 5: NumPy in float64
#
# A correct solution. What needs no gradient is computed by NumPy in float64, the grid by a tensor product of tiles, and the
# classifier is a softmax regression with Adam by hand. Only the training itself uses TensorFlow.

# %%
import keras
import numpy as np
import tensorflow as tf
from scipy import special, stats

# %%
def reparameterize(mean, logvar, eps):
    mean, logvar, eps = (tf.cast(a, tf.float64) for a in (mean, logvar, eps))
    return mean + tf.sqrt(tf.exp(logvar)) * eps

# %%
def kl_divergence(mean, logvar):
    mean, logvar = np.asarray(mean, np.float64), np.asarray(logvar, np.float64)
    return 0.5 * np.sum(mean**2 + np.expm1(logvar) - logvar, axis=-1)


def log_normal_pdf(sample, mean, logvar):
    return stats.norm.logpdf(sample, mean, np.exp(0.5 * np.asarray(logvar, np.float64))).sum(axis=-1)

# %%
def build_encoder(latent_dim):
    x = keras.Input((28, 28, 1))
    h = keras.layers.AveragePooling2D(2)(x)
    h = keras.layers.Conv2D(16, 5, strides=2, activation="elu")(h)
    h = keras.layers.Flatten()(h)
    h = keras.layers.Dense(64, activation="elu")(h)
    outputs = [keras.layers.Dense(latent_dim)(h), keras.layers.Dense(latent_dim, kernel_initializer="zeros")(h)]
    return keras.Model(x, outputs)


def build_decoder(latent_dim):
    z = keras.Input((latent_dim,))
    h = keras.layers.Dense(64, activation="elu")(z)
    h = keras.layers.Dense(14 * 14 * 8, activation="elu")(h)
    h = keras.layers.Reshape((14, 14, 8))(h)
    h = keras.layers.UpSampling2D(2)(h)
    return keras.Model(z, keras.layers.Conv2D(1, 3, padding="same")(h))

# %%
def elbo(encoder, decoder, x, eps):
    x = np.asarray(x, np.float32)
    mean, logvar = encoder.predict(x, verbose=0)
    z = np.asarray(reparameterize(mean, logvar, eps))
    logits = decoder.predict(z.astype(np.float32), verbose=0).astype(np.float64)
    log_p = x * logits - np.logaddexp(0, logits)
    return log_p.reshape(len(x), -1).sum(axis=1) - kl_divergence(mean, logvar)

# %%
def train_vae(x, *, latent_dim, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    x = np.asarray(x, np.float32)
    encoder, decoder = build_encoder(latent_dim), build_decoder(latent_dim)
    weights = encoder.trainable_weights + decoder.trainable_weights
    adam = keras.optimizers.Adam(3e-3)
    adam.build(weights)

    @tf.function(reduce_retracing=True)
    def step(batch, eps):
        with tf.GradientTape() as tape:
            mean, logvar = encoder(batch)
            logits = decoder(mean + tf.exp(0.5 * logvar) * eps)
            bce = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(batch, logits)) / len(x)
            kl = 0.5 * tf.reduce_sum(mean**2 + tf.exp(logvar) - 1 - logvar) / len(x)
            loss = bce + kl
        adam.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    history = {"elbo": [], "batches": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        cuts = [order[k : k + batch_size] for k in range(0, len(x), batch_size)]
        losses = [step(x[cut], rng.normal(size=(len(cut), latent_dim)).astype(np.float32)) for cut in cuts]
        history["elbo"].append(-float(sum(losses)))
        history["batches"].append(len(cuts))
    return encoder, decoder, history

# %%
def sample(decoder, n, seed):
    z = np.random.RandomState(seed).randn(n, decoder.inputs[0].shape[1])
    return special.expit(decoder.predict(z.astype(np.float32), verbose=0))


def latent_grid(decoder, n):
    q = stats.norm.ppf(np.linspace(0.05, 0.95, n))
    first, second = np.meshgrid(q, q[::-1])  # x to the right, y upwards
    z = np.column_stack([first.ravel(), second.ravel()]).astype(np.float32)
    tiles = special.expit(decoder.predict(z, verbose=0))[..., 0]
    return np.concatenate([np.concatenate(list(tiles[k * n : (k + 1) * n]), axis=1) for k in range(n)], axis=0)

# %%
def train_latent_classifier(encoder, x, y, *, epochs, seed):
    def features(images):
        return np.concatenate(encoder.predict(np.asarray(images), verbose=0), axis=1).astype(np.float64)

    h = features(x)
    centre, spread = h.mean(axis=0), h.std(axis=0) + 1e-6
    h, t = (h - centre) / spread, np.eye(10)[np.asarray(y)]
    rng = np.random.default_rng(seed)
    w, b = rng.normal(0, 0.01, (h.shape[1], 10)), np.zeros(10)
    moments = [np.zeros_like(w), np.zeros_like(w), np.zeros_like(b), np.zeros_like(b)]
    steps = 0
    for _ in range(epochs):
        order = rng.permutation(len(h))
        for k in range(0, len(h), 32):
            rows = order[k : k + 32]
            d = (special.softmax(h[rows] @ w + b, axis=1) - t[rows]) / len(rows)
            steps += 1
            for value, grad, m, v in ((w, h[rows].T @ d, *moments[:2]), (b, d.sum(axis=0), *moments[2:])):
                m[...] = 0.9 * m + 0.1 * grad
                v[...] = 0.999 * v + 0.001 * grad**2
                value -= 0.01 * (m / (1 - 0.9**steps)) / (np.sqrt(v / (1 - 0.999**steps)) + 1e-8)

    def classify(images):
        return special.softmax((features(images) - centre) / spread @ w + b, axis=1)

    return classify
