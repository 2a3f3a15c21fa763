# %% [markdown]
# # Assignment 5: raw variables, no compiled function
#
# A correct solution. The networks are subclasses of `keras.Model` with weights of their own and TensorFlow's convolutions;
# steps run eagerly, one number of the history is measured after each epoch, and pictures are put together in loops.

# %%
import keras
import numpy as np
import tensorflow as tf

# %%
def reparameterize(mean, logvar, eps):
    std = tf.math.exp(0.5 * tf.convert_to_tensor(logvar))
    return tf.stack([m + s * e for m, s, e in zip(tf.unstack(mean), tf.unstack(std), tf.unstack(tf.cast(eps, std.dtype)))])

# %%
def kl_divergence(mean, logvar):
    values = []
    for m, v in zip(np.asarray(mean, float), np.asarray(logvar, float)):
        values.append(sum(-0.5 * (1 + v_k - m_k**2 - np.exp(v_k)) for m_k, v_k in zip(m, v)))
    return np.array(values)


def log_normal_pdf(sample, mean, logvar):
    total = 0
    for k in range(np.shape(sample)[1]):
        z, m, v = (np.asarray(a, float)[:, k] for a in (sample, mean, logvar))
        total = total + np.log(np.exp(-0.5 * v) / np.sqrt(2 * np.pi)) - 0.5 * (z - m) ** 2 / np.exp(v)
    return total

# %%
class Encoder(keras.Model):
    def __init__(self, latent_dim):
        super().__init__()
        self.latent_dim = latent_dim
        he = keras.initializers.HeNormal
        self.k1 = self.add_weight(shape=(5, 5, 1, 16), initializer=he(), name="k1")
        self.b1 = self.add_weight(shape=(16,), initializer="zeros", name="b1")
        self.w2 = self.add_weight(shape=(14 * 14 * 16, 64), initializer=he(), name="w2")
        self.b2 = self.add_weight(shape=(64,), initializer="zeros", name="b2")
        self.w3 = self.add_weight(shape=(64, 2 * latent_dim), initializer="glorot_uniform", name="w3")
        self.b3 = self.add_weight(shape=(2 * latent_dim,), initializer="zeros", name="b3")

    def call(self, x):
        h = tf.nn.relu(tf.nn.conv2d(tf.cast(x, tf.float32), self.k1, strides=2, padding="SAME") + self.b1)
        h = tf.nn.relu(tf.matmul(tf.reshape(h, (tf.shape(h)[0], 14 * 14 * 16)), self.w2) + self.b2)
        h = tf.matmul(h, self.w3) + self.b3
        return h[:, : self.latent_dim], h[:, self.latent_dim :]


class Decoder(keras.Model):
    def __init__(self, latent_dim):
        super().__init__()
        self.latent_dim = latent_dim
        he = keras.initializers.HeNormal
        self.w1 = self.add_weight(shape=(latent_dim, 64), initializer=he(), name="w1")
        self.b1 = self.add_weight(shape=(64,), initializer="zeros", name="b1")
        self.w2 = self.add_weight(shape=(64, 14 * 14 * 16), initializer=he(), name="w2")
        self.b2 = self.add_weight(shape=(14 * 14 * 16,), initializer="zeros", name="b2")
        self.k3 = self.add_weight(shape=(5, 5, 1, 16), initializer="glorot_uniform", name="k3")
        self.b3 = self.add_weight(shape=(), initializer="zeros", name="b3")

    def call(self, z):
        h = tf.nn.relu(tf.matmul(tf.cast(z, tf.float32), self.w1) + self.b1)
        h = tf.reshape(tf.nn.relu(tf.matmul(h, self.w2) + self.b2), (-1, 14, 14, 16))
        n = tf.shape(z)[0]
        return tf.nn.conv2d_transpose(h, self.k3, (n, 28, 28, 1), strides=2, padding="SAME") + self.b3


def build_encoder(latent_dim):
    return Encoder(latent_dim)


def build_decoder(latent_dim):
    return Decoder(latent_dim)

# %%
def bound(encoder, decoder, x, eps):
    mean, logvar = encoder(x)
    logits = decoder(mean + tf.exp(0.5 * logvar) * eps)
    # log(1 + exp(l)) - x·l, by the larger of the two exponents
    bce = tf.maximum(logits, 0) - logits * x + tf.math.log1p(tf.exp(-tf.abs(logits)))
    kl = 0.5 * tf.reduce_sum(tf.exp(logvar) + mean**2 - logvar - 1, axis=1)
    return -tf.reduce_sum(tf.reshape(bce, (tf.shape(x)[0], -1)), axis=1) - kl


def elbo(encoder, decoder, x, eps):
    return bound(encoder, decoder, tf.cast(x, tf.float32), tf.cast(eps, tf.float32))

# %%
def train_vae(x, *, latent_dim, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    x = tf.cast(x, tf.float32)
    encoder, decoder = Encoder(latent_dim), Decoder(latent_dim)
    weights = encoder.trainable_variables + decoder.trainable_variables
    adam = keras.optimizers.Adam(0.002)
    curve = []
    for epoch in range(epochs):
        order = np.random.permutation(len(x))
        for k in range(0, len(x), batch_size):
            batch = tf.gather(x, order[k : k + batch_size])
            with tf.GradientTape() as tape:
                loss = -tf.reduce_mean(bound(encoder, decoder, batch, tf.random.normal((len(batch), latent_dim))))
            adam.apply(tape.gradient(loss, weights), weights)
        curve.append(np.mean(bound(encoder, decoder, x, tf.random.normal((len(x), latent_dim)))))
    return [encoder, decoder, {"elbo": curve}]

# %%
def probabilities(decoder, z):
    return 1 / (1 + np.exp(-np.asarray(decoder(np.asarray(z, np.float32))).astype(np.float64)))


def sample(decoder, n, seed):
    rng = np.random.default_rng(seed)
    return np.stack([probabilities(decoder, rng.normal(size=(1, decoder.latent_dim)))[0] for _ in range(n)])


def quantile(p, low=-10.0, high=10.0):
    for _ in range(60):  # bisection on the cumulative distribution
        middle = (low + high) / 2
        if 0.5 * (1 + float(tf.math.erf(tf.constant(middle / np.sqrt(2), tf.float64)))) < p:
            low = middle
        else:
            high = middle
    return middle


def latent_grid(decoder, n):
    picture = np.zeros((28 * n, 28 * n))
    steps = [quantile(0.05 + 0.9 * k / (n - 1)) for k in range(n)]
    for row, b in enumerate(reversed(steps)):
        for column, a in enumerate(steps):
            tile = probabilities(decoder, [[a, b]])[0, :, :, 0]
            picture[28 * row : 28 * row + 28, 28 * column : 28 * column + 28] = tile
    return picture

# %%
def train_latent_classifier(encoder, x, y, *, epochs, seed):
    keras.utils.set_random_seed(seed)
    h = tf.concat(encoder(x), axis=1)
    w = tf.Variable(tf.random.normal((h.shape[1], 10), stddev=0.05))
    b = tf.Variable(tf.zeros(10))
    adam = keras.optimizers.Adam(0.005)
    for _ in range(epochs):
        order = np.random.permutation(len(x))
        for k in range(0, len(x), 50):
            rows = order[k : k + 50]
            with tf.GradientTape() as tape:
                logits = tf.gather(h, rows) @ w + b
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(np.asarray(y)[rows], logits))
            adam.apply(tape.gradient(loss, [w, b]), [w, b])

    def classify(images):
        return tf.nn.softmax(tf.concat(encoder(images), axis=1) @ w + b)

    return classify
