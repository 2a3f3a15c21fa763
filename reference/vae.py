"""A variational autoencoder: a picture becomes a cloud of latent codes, and every code a picture.

Encoder and decoder are convolutional networks; what lies between them is drawn at random:

    mean, logvar = encoder(x)        z = mean + exp(logvar/2)·eps,  eps ~ N(0, I)        logits = decoder(z)

The encoder describes the distribution q(z|x) = N(mean, diag exp(logvar)), the decoder the probability
p(x|z) = Bernoulli(sigmoid(logits)) of each pixel, and the prior is p(z) = N(0, I). Both networks climb the
evidence lower bound (ELBO), which never exceeds the logarithm of the likelihood p(x):

    log p(x) ≥ E_q[log p(x|z)] - KL(q(z|x) ‖ p(z))

Arrays are batch-first and written with these letters: N examples, K latent dimensions. Images are
(N, 28, 28, 1) with values in [0, 1]: grey values work, binary ones make p(x|z) a probability in earnest.

Functions take NumPy arrays and TensorFlow tensors alike and return tensors. None of them changes its
arguments.

References
    Kingma and Welling (2014), Auto-encoding variational Bayes, arXiv:1312.6114.
    Rezende, Mohamed and Wierstra (2014), Stochastic backpropagation and approximate inference in deep
        generative models, arXiv:1401.4082.
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980.
    TensorFlow tutorials, Convolutional variational autoencoder: the networks here follow it in outline.
"""

import keras
import numpy as np
import tensorflow as tf

# --- q1: the reparameterisation trick --------------------------------------------------------------


def _floats(value):
    """Return `value` as a tensor of floats: a float dtype is kept, integers become float32."""
    value = tf.convert_to_tensor(value)
    return value if value.dtype.is_floating else tf.cast(value, tf.float32)


def reparameterize(mean, logvar, eps):
    """Turn standard-normal noise into a sample of N(mean, diag exp(logvar)).

        z = mean + exp(logvar/2)·eps

    Drawn like this, z is a differentiable function of mean and logvar: all randomness is in eps, which
    does not depend on them. (Kingma and Welling 2014, section 2.4.)

    Args:
        mean: means (N, K).
        logvar: logarithms of the variances (N, K); exp(logvar/2) is the standard deviation.
        eps: standard-normal noise (N, K).

    Returns:
        Tensor z (N, K).
    """
    mean = _floats(mean)
    logvar, eps = tf.cast(logvar, mean.dtype), tf.cast(eps, mean.dtype)
    return mean + tf.exp(logvar / 2) * eps


# --- q2: normal distributions ----------------------------------------------------------------------


def kl_divergence(mean, logvar):
    """Compute the Kullback-Leibler divergence from the prior N(0, I) to N(mean, diag exp(logvar)).

        KL(q ‖ p) = E_q[log q(z) - log p(z)] = -½ Σ_k (1 + logvar_k - mean_k² - exp(logvar_k))

    It is 0 where q is the prior and positive everywhere else. (Kingma and Welling 2014, appendix B.)

    Args:
        mean: means (N, K).
        logvar: logarithms of the variances (N, K).

    Returns:
        Tensor (N,), one divergence per example, in nats.
    """
    mean = _floats(mean)
    logvar = tf.cast(logvar, mean.dtype)
    return -0.5 * tf.reduce_sum(1 + logvar - mean**2 - tf.exp(logvar), axis=-1)


def log_normal_pdf(sample, mean, logvar):
    """Compute the logarithm of the density of N(mean, diag exp(logvar)) at `sample`.

        log N(z) = -½ Σ_k (log 2π + logvar_k + (z_k - mean_k)²·exp(-logvar_k))

    Args:
        sample: points (N, K).
        mean: means (N, K).
        logvar: logarithms of the variances (N, K).

    Returns:
        Tensor (N,): the dimensions are independent, so their log-densities add up.
    """
    sample = _floats(sample)
    mean, logvar = tf.cast(mean, sample.dtype), tf.cast(logvar, sample.dtype)
    squared_distance = (sample - mean) ** 2 * tf.exp(-logvar)
    return -0.5 * tf.reduce_sum(np.log(2 * np.pi) + logvar + squared_distance, axis=-1)


# --- q3: the two networks --------------------------------------------------------------------------


def build_encoder(latent_dim):
    """Build the network that maps images to the distribution of their latent code.

    Its two outputs are linear: a mean may lie anywhere, and the logarithm of a variance as well, which
    is why it is the logarithm that the network computes.

    Args:
        latent_dim: number of latent dimensions K.

    Returns:
        keras.Model from images (N, 28, 28, 1) to the pair (mean, logvar), each (N, K).
    """
    images = keras.Input((28, 28, 1))
    h = keras.layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(images)  # (N, 14, 14, 32)
    h = keras.layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(h)  # (N, 7, 7, 64)
    h = keras.layers.Flatten()(h)
    h = keras.layers.Dense(128, activation="relu")(h)
    mean = keras.layers.Dense(latent_dim, name="mean")(h)
    logvar = keras.layers.Dense(latent_dim, name="logvar")(h)
    return keras.Model(images, (mean, logvar), name="encoder")


def build_decoder(latent_dim):
    """Build the network that maps latent codes to the logits of the pixels.

    It mirrors the encoder. A transposed convolution of stride 2 doubles height and width.

    Args:
        latent_dim: number of latent dimensions K.

    Returns:
        keras.Model from codes (N, K) to logits (N, 28, 28, 1); their sigmoid is the probability that a
        pixel is on.
    """
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(7 * 7 * 32, activation="relu"),
            keras.layers.Reshape((7, 7, 32)),
            keras.layers.Conv2DTranspose(32, 3, strides=2, padding="same", activation="relu"),  # 14×14
            keras.layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),  # 28×28
            keras.layers.Conv2D(1, 3, padding="same"),
        ],
        name="decoder",
    )


# --- q4: the evidence lower bound ------------------------------------------------------------------


def elbo(encoder, decoder, x, eps):
    """Estimate the evidence lower bound of each image by one sample of its latent code.

        ELBO = log p(x|z) - KL(q(z|x) ‖ p(z)),    z = reparameterize(mean, logvar, eps)
        log p(x|z) = Σ_pixels x·log p + (1 - x)·log(1 - p) = -Σ_pixels BCE(logits, x),    p = sigmoid(logits)

    The divergence is exact, only the first term depends on the sample. (Kingma and Welling 2014, eq. 7.)

    Args:
        encoder: maps images to (mean, logvar).
        decoder: maps codes (N, K) to logits (N, 28, 28, 1).
        x: images (N, 28, 28, 1) with values in [0, 1].
        eps: standard-normal noise (N, K).

    Returns:
        Tensor (N,), one bound per image, in nats; higher is better.
    """
    x = _floats(x)
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    # sigmoid_cross_entropy_with_logits is max(l, 0) - l·x + log(1 + exp(-|l|)): no logarithm of 0
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return -tf.reduce_sum(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


# --- q5: training ----------------------------------------------------------------------------------


def train_vae(x, *, latent_dim, epochs, batch_size, seed):
    """Train a new encoder and decoder together, by Adam on the negative ELBO.

    A step is compiled: TensorFlow traces it at the first batch and from then on runs the graph. Each image
    gets fresh noise every time.

    Args:
        x: images (N, 28, 28, 1) with values in [0, 1].
        latent_dim: number of latent dimensions K.
        epochs: passes over all images.
        batch_size: images per step; the last batch of an epoch may be smaller.
        seed: int, seeds weights, order and noise.

    Returns:
        (encoder, decoder, history): the trained networks and a dict with the list `elbo`, the mean over
        the images of each epoch while it trained.
    """
    keras.utils.set_random_seed(seed)
    noise = tf.random.Generator.from_seed(seed)
    batches = tf.data.Dataset.from_tensor_slices(tf.cast(x, tf.float32))
    batches = batches.shuffle(len(x), seed=seed).batch(batch_size).prefetch(1)
    encoder, decoder = build_encoder(latent_dim), build_decoder(latent_dim)
    weights = encoder.trainable_weights + decoder.trainable_weights
    optimizer = keras.optimizers.Adam(learning_rate=1e-3)
    optimizer.build(weights)

    @tf.function(
        input_signature=[tf.TensorSpec((None, *x.shape[1:]))], autograph=False
    )  # batches of any size
    def step(batch):
        eps = noise.normal((tf.shape(batch)[0], latent_dim))
        with tf.GradientTape() as tape:
            bounds = elbo(encoder, decoder, batch, eps)
            loss = -tf.reduce_mean(bounds)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return tf.reduce_sum(bounds)

    history = {"elbo": []}
    for _ in range(epochs):
        total = sum(step(batch) for batch in batches)
        history["elbo"].append(float(total) / len(x))
    return encoder, decoder, history


# --- q6: pictures from the latent space ------------------------------------------------------------


def sample(decoder, n, seed):
    """Invent images: draw codes from the prior and decode them.

        z ~ N(0, I),    images = sigmoid(decoder(z))

    Args:
        decoder: a network as `build_decoder` returns it.
        n: number of images.
        seed: int; the same seed draws the same images.

    Returns:
        Tensor (n, 28, 28, 1) of pixel probabilities.
    """
    z = np.random.default_rng(seed).standard_normal((n, decoder.input_shape[-1]))
    return _decode(decoder, z)


def _decode(decoder, z):
    """Pixel probabilities (N, 28, 28, 1) of the codes z (N, K)."""
    return tf.sigmoid(decoder(tf.cast(z, tf.float32), training=False))


def latent_grid(decoder, n):
    """Draw a map of a 2-d latent space: n×n decoded images, side by side.

    The codes lie at the quantiles 0.05 to 0.95 of the standard normal distribution, in equal steps of
    probability, so that the map shows each region as often as the prior draws from it. Its rows follow
    the first latent dimension, its columns the second.

    Args:
        decoder: a network as `build_decoder(2)` returns it.
        n: number of images along each axis, at least 2.

    Returns:
        Tensor (28n, 28n) of pixel probabilities.
    """
    quantiles = tf.math.ndtri(tf.linspace(0.05, 0.95, n))  # the inverse of the cumulative distribution
    z = tf.stack(tf.meshgrid(quantiles, quantiles, indexing="ij"), axis=-1)  # (n, n, 2)
    tiles = tf.reshape(_decode(decoder, tf.reshape(z, (-1, 2))), (n, n, 28, 28))
    # A row of the map holds a row of pixels of each of its tiles: (row, tile row, column, tile column)
    return tf.reshape(tf.transpose(tiles, (0, 2, 1, 3)), (28 * n, 28 * n))


# --- q7: the code as features ----------------------------------------------------------------------


def train_latent_classifier(encoder, x, y, *, epochs, seed):
    """Train a dense classifier on the latent distribution of images.

    Its inputs are mean and logvar side by side, (N, 2K). The encoder is only looked up: the codes are
    computed once, and no gradient reaches it.

    Args:
        encoder: maps images to (mean, logvar).
        x: images (N, 28, 28, 1).
        y: integer labels (N,), classes 0 to 9.
        epochs: passes over all images.
        seed: int, seeds weights and order.

    Returns:
        Function that maps images (M, 28, 28, 1) to class probabilities (M, 10).
    """

    def codes(images):
        return tf.concat(encoder(_floats(images), training=False), axis=-1)

    keras.utils.set_random_seed(seed)
    features = tf.concat([codes(x[start : start + 1024]) for start in range(0, len(x), 1024)], axis=0)
    classifier = keras.Sequential(
        [
            keras.Input((features.shape[-1],)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    classifier.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    classifier.fit(features, tf.convert_to_tensor(y), epochs=epochs, batch_size=64, verbose=0)
    return lambda images: classifier(codes(images), training=False)
