"""What goes wrong in a5, as students write it; see `reference/vae.py` for what is right.

One function a misconception, with the name of the mistake, in the order of the questions. Its explanation
is what a student reads whose numbers it reproduces: what was done, and what the formula says.
"""

import keras
import numpy as np
import tensorflow as tf

from autograder.misconceptions import misconception
from reference.vae import (
    build_decoder,
    build_encoder,
    elbo,
    kl_divergence,
    log_normal_pdf,
    reparameterize,
    train_vae,
)

# --- q1: the reparameterisation trick --------------------------------------------------------------


@misconception(
    question="q1",
    replaces="reparameterize",
    caught_by="mean, spread and the given noise",
    explanation="exp(logvar) is the variance. The noise is multiplied by the standard deviation, its root: "
    "exp(logvar/2).",
)
def variance_for_the_standard_deviation(mean, logvar, eps):
    return mean + tf.exp(logvar) * eps


@misconception(
    question="q1",
    replaces="reparameterize",
    caught_by="mean, spread and the given noise",
    explanation="logvar itself was taken for the standard deviation. It is the logarithm of a variance, "
    "and often negative: the standard deviation is exp(logvar/2).",
)
def logvar_for_the_standard_deviation(mean, logvar, eps):
    return mean + logvar * eps


@misconception(
    question="q1",
    replaces="reparameterize",
    caught_by="mean, spread and the given noise",
    explanation="The ½ stands outside the exponential. The root of exp(logvar) is exp(logvar/2), not "
    "exp(logvar)/2.",
)
def half_outside_the_exponential(mean, logvar, eps):
    return mean + tf.exp(logvar) / 2 * eps


@misconception(
    question="q1",
    replaces="reparameterize",
    caught_by="mean, spread and the given noise",
    explanation="The standard deviation is softplus(logvar) here. With logvar the logarithm of the "
    "variance it is exp(logvar/2).",
)
def softplus_for_the_standard_deviation(mean, logvar, eps):
    return mean + tf.math.softplus(logvar) * eps


@misconception(
    question="q1",
    replaces="reparameterize",
    caught_by="mean, spread and the given noise",
    explanation="The function draws noise of its own. It has to use the eps that it is given, or nobody "
    "can repeat its result.",
)
def noise_drawn_anew(mean, logvar, eps):
    return mean + tf.exp(logvar / 2) * tf.random.normal(tf.shape(mean))


@misconception(
    question="q1",
    replaces="reparameterize",
    caught_by="mean, spread and the given noise",
    explanation="All examples share the noise of the first one. Each row of z has its own row of eps.",
)
def one_noise_for_the_batch(mean, logvar, eps):
    return mean + tf.exp(logvar / 2) * eps[:1]


@misconception(
    question="q1",
    replaces="reparameterize",
    caught_by="very small and very large variances",
    explanation="logvar is clipped. A variance of 1e-6 or 1e6 is a number like any other, and where "
    "logvar is clipped no gradient flows.",
)
def logvar_clipped(mean, logvar, eps):
    return mean + tf.exp(tf.clip_by_value(logvar, -4.0, 4.0) / 2) * eps


@misconception(
    question="q1",
    replaces="reparameterize",
    caught_by="gradients reach mean and logvar",
    explanation="The sample leaves TensorFlow (NumPy, .numpy(), stop_gradient), so no gradient comes "
    "back to the encoder. That gradient is what the trick is for.",
)
def gradient_cut_off(mean, logvar, eps):
    return np.asarray(mean) + np.exp(np.asarray(logvar) / 2) * np.asarray(eps)


# --- q2: normal distributions ----------------------------------------------------------------------


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence of each example",
    explanation="The sign is wrong: a KL divergence is never negative. "
    "It is -½·Σ(1 + logvar - mean² - exp(logvar)).",
)
def kl_with_the_wrong_sign(mean, logvar):
    return 0.5 * tf.reduce_sum(1 + logvar - mean**2 - tf.exp(logvar), axis=-1)


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence of each example",
    explanation="The 1 inside the sum is missing, so that the prior itself would have the divergence ½ "
    "for each dimension.",
)
def kl_without_the_one(mean, logvar):
    return -0.5 * tf.reduce_sum(logvar - mean**2 - tf.exp(logvar), axis=-1)


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence of each example",
    explanation="The factor ½ is missing.",
)
def kl_without_the_half(mean, logvar):
    return -tf.reduce_sum(1 + logvar - mean**2 - tf.exp(logvar), axis=-1)


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence of each example",
    explanation="The divergences of the dimensions were averaged. Dimensions are independent, so their "
    "divergences add up.",
)
def kl_averaged_over_dimensions(mean, logvar):
    return -0.5 * tf.reduce_mean(1 + logvar - mean**2 - tf.exp(logvar), axis=-1)


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence of each example",
    explanation="That is one number for the batch. Each example has its own divergence: sum over the "
    "last axis only.",
)
def kl_averaged_over_the_batch(mean, logvar):
    return tf.reduce_mean(-0.5 * tf.reduce_sum(1 + logvar - mean**2 - tf.exp(logvar), axis=-1))


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence of each example",
    explanation="logvar was taken for the standard deviation, then squared and its logarithm taken. It "
    "is the logarithm of the variance already; the variance is exp(logvar).",
)
def kl_with_logvar_as_standard_deviation(mean, logvar):
    return -0.5 * tf.reduce_sum(1 + tf.math.log(logvar**2) - mean**2 - logvar**2, axis=-1)


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence of each example",
    explanation="exp(logvar/2) is the standard deviation. The KL divergence has the variance, exp(logvar).",
)
def kl_with_the_standard_deviation(mean, logvar):
    return -0.5 * tf.reduce_sum(1 + logvar - mean**2 - tf.exp(logvar / 2), axis=-1)


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence of each example",
    explanation="The mean is not squared.",
)
def kl_without_the_square(mean, logvar):
    return -0.5 * tf.reduce_sum(1 + logvar - mean - tf.exp(logvar), axis=-1)


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="divergence against Monte Carlo",
    explanation="That is KL(p ‖ q), from q to the prior. The bound needs KL(q ‖ p), the mean of log q - "
    "log p under q.",
)
def kl_the_other_way_round(mean, logvar):
    return 0.5 * tf.reduce_sum(logvar + (1 + mean**2) * tf.exp(-logvar) - 1, axis=-1)


@misconception(
    question="q2",
    replaces="kl_divergence",
    caught_by="one example, one dimension",
    explanation="tf.squeeze takes away every axis of length 1, that of a batch of one as well.",
)
def example_axis_squeezed_away(mean, logvar):
    return tf.squeeze(-0.5 * tf.reduce_sum(1 + logvar - mean**2 - tf.exp(logvar), axis=-1, keepdims=True))


@misconception(
    question="q2",
    replaces="log_normal_pdf",
    caught_by="log-density of each example",
    explanation="The constant is missing: each dimension contributes -½·log 2π.",
)
def density_without_two_pi(sample, mean, logvar):
    return -0.5 * tf.reduce_sum(logvar + (sample - mean) ** 2 * tf.exp(-logvar), axis=-1)


@misconception(
    question="q2",
    replaces="log_normal_pdf",
    caught_by="log-density of each example",
    explanation="The factor ½ in front of the sum is missing.",
)
def density_without_the_half(sample, mean, logvar):
    constant = np.log(2 * np.pi)
    return -tf.reduce_sum(constant + logvar + (sample - mean) ** 2 * tf.exp(-logvar), axis=-1)


@misconception(
    question="q2",
    replaces="log_normal_pdf",
    caught_by="log-density of each example",
    explanation="The log-densities of the dimensions were averaged. Densities of independent dimensions "
    "multiply, so their logarithms add up.",
)
def density_averaged_over_dimensions(sample, mean, logvar):
    constant = np.log(2 * np.pi)
    return -0.5 * tf.reduce_mean(constant + logvar + (sample - mean) ** 2 * tf.exp(-logvar), axis=-1)


@misconception(
    question="q2",
    replaces="log_normal_pdf",
    caught_by="density integrates to one",
    explanation="The logarithm of the variance is missing from the constant, so the density does not "
    "integrate to 1.",
)
def density_without_the_variance(sample, mean, logvar):
    return -0.5 * tf.reduce_sum(np.log(2 * np.pi) + (sample - mean) ** 2 * tf.exp(-logvar), axis=-1)


@misconception(
    question="q2",
    replaces="log_normal_pdf",
    caught_by="log-density of each example",
    explanation="The squared distance was divided by the standard deviation, exp(logvar/2). It is "
    "divided by the variance, exp(logvar).",
)
def density_with_the_standard_deviation(sample, mean, logvar):
    constant = np.log(2 * np.pi)
    return -0.5 * tf.reduce_sum(constant + logvar + (sample - mean) ** 2 * tf.exp(-logvar / 2), axis=-1)


@misconception(
    question="q2",
    replaces="log_normal_pdf",
    caught_by="log-density of each example",
    explanation="That is the density. Its logarithm was asked for; the product of many densities "
    "underflows.",
)
def density_without_logarithm(sample, mean, logvar):
    constant = np.log(2 * np.pi)
    return tf.exp(-0.5 * tf.reduce_sum(constant + logvar + (sample - mean) ** 2 * tf.exp(-logvar), axis=-1))


# --- q3: the two networks --------------------------------------------------------------------------


@misconception(
    question="q3",
    replaces="build_encoder",
    caught_by="the encoder's two outputs",
    explanation="The encoder has one output of 2·latent_dim numbers. Split it inside the model, or give "
    "the model two heads: mean and logvar.",
)
def encoder_with_one_output(latent_dim):
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(2 * latent_dim),
        ]
    )


@misconception(
    question="q3",
    replaces="build_encoder",
    caught_by="the encoder's two outputs",
    explanation="The encoder returns a sample z besides mean and logvar. Here it describes the "
    "distribution, and `reparameterize` draws from it.",
)
def encoder_returns_a_sample_too(latent_dim):
    images = keras.Input((28, 28, 1))
    h = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(images))
    mean, logvar = keras.layers.Dense(latent_dim)(h), keras.layers.Dense(latent_dim)(h)
    z = keras.layers.Lambda(lambda pair: reparameterize(*pair, tf.random.normal(tf.shape(pair[0]))))(
        [mean, logvar]
    )
    return keras.Model(images, [mean, logvar, z])


@misconception(
    question="q3",
    replaces="build_encoder",
    caught_by="the encoder's two outputs",
    explanation="The number of latent dimensions is always 2, whatever latent_dim says.",
)
def encoder_of_two_dimensions(latent_dim):
    images = keras.Input((28, 28, 1))
    h = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(images))
    return keras.Model(images, [keras.layers.Dense(2)(h), keras.layers.Dense(2)(h)])


@misconception(
    question="q3",
    replaces="build_encoder",
    caught_by="mean and logvar are unbounded",
    explanation="The second output cannot be negative: it looks like a variance (softplus, exp). The "
    "*logarithm* of the variance is asked for, which is negative wherever the variance is below 1.",
)
def variance_through_softplus(latent_dim):
    images = keras.Input((28, 28, 1))
    h = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(images))
    return keras.Model(
        images, [keras.layers.Dense(latent_dim)(h), keras.layers.Dense(latent_dim, activation="softplus")(h)]
    )


@misconception(
    question="q3",
    replaces="build_encoder",
    caught_by="mean and logvar are unbounded",
    explanation="The heads of the encoder carry a ReLU, so they cannot be negative, and where they are 0 "
    "no gradient flows. Leave them linear.",
)
def logvar_through_relu(latent_dim):
    images = keras.Input((28, 28, 1))
    h = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(images))
    heads = [keras.layers.Dense(latent_dim, activation="relu")(h) for _ in range(2)]
    return keras.Model(images, heads)


@misconception(
    question="q3",
    replaces="build_encoder",
    caught_by="mean and logvar are unbounded",
    explanation="The means pass through an activation that bounds them (tanh, sigmoid). A mean of the "
    "posterior may lie anywhere.",
)
def mean_through_tanh(latent_dim):
    images = keras.Input((28, 28, 1))
    h = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(images))
    mean = keras.layers.Dense(latent_dim, activation="tanh")(h)
    return keras.Model(images, [mean, keras.layers.Dense(latent_dim)(h)])


@misconception(
    question="q3",
    replaces="build_encoder",
    caught_by="mean and logvar are unbounded",
    explanation="mean and logvar are the very same numbers. Each needs a layer of its own.",
)
def one_head_for_both(latent_dim):
    images = keras.Input((28, 28, 1))
    h = keras.layers.Flatten()(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(images))
    head = keras.layers.Dense(latent_dim)
    return keras.Model(images, [head(h), head(h)])


@misconception(
    question="q3",
    replaces="build_encoder",
    caught_by="convolutions",
    explanation="The encoder is made of dense layers only; at least one convolution is asked for.",
)
def dense_encoder(latent_dim):
    images = keras.Input((28, 28, 1))
    h = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(images))
    return keras.Model(images, [keras.layers.Dense(latent_dim)(h), keras.layers.Dense(latent_dim)(h)])


@misconception(
    question="q3",
    replaces="build_decoder",
    caught_by="logits are unbounded",
    explanation="The decoder ends in a sigmoid. It should return logits: the loss takes them as they "
    "are, and stays exact where a sigmoid rounds to 0 or 1.",
)
def decoder_ends_in_sigmoid(latent_dim):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(14 * 14 * 4, activation="relu"),
            keras.layers.Reshape((14, 14, 4)),
            keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid"),
        ]
    )


@misconception(
    question="q3",
    replaces="build_decoder",
    caught_by="logits are unbounded",
    explanation="A ReLU behind the last layer keeps the logits from being negative, so no pixel can have a "
    "probability below ½.",
)
def logits_through_relu(latent_dim):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(14 * 14 * 4, activation="relu"),
            keras.layers.Reshape((14, 14, 4)),
            keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="relu"),
        ]
    )


@misconception(
    question="q3",
    replaces="build_decoder",
    caught_by="the decoder's images",
    explanation="The channel axis is missing: images are (N, 28, 28, 1), not (N, 28, 28).",
)
def decoder_without_channel_axis(latent_dim):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(14 * 14 * 4, activation="relu"),
            keras.layers.Reshape((14, 14, 4)),
            keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
            keras.layers.Reshape((28, 28)),
        ]
    )


@misconception(
    question="q3",
    replaces="build_decoder",
    caught_by="the decoder's images",
    explanation="The decoder makes 32 × 32 pixels: twice 8, twice 16. For 28 × 28 start from 7 × 7.",
)
def decoder_of_32_pixels(latent_dim):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(8 * 8 * 4, activation="relu"),
            keras.layers.Reshape((8, 8, 4)),
            keras.layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
            keras.layers.Conv2DTranspose(1, 3, strides=2, padding="same"),
        ]
    )


@misconception(
    question="q3",
    replaces="build_decoder",
    caught_by="convolutions",
    explanation="The decoder is made of dense layers only; at least one (transposed) convolution is "
    "asked for.",
)
def dense_decoder(latent_dim):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(784),
            keras.layers.Reshape((28, 28, 1)),
        ]
    )


# --- q4: the evidence lower bound ------------------------------------------------------------------


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="The cross-entropy was averaged over the pixels. Pixels are independent given z, so their "
    "log-probabilities add up; an average makes the KL term 784 times too important.",
)
def cross_entropy_averaged_over_pixels(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return -tf.reduce_mean(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="The KL divergence was added. It is the price of the code and is subtracted; added, the "
    "bound exceeds the likelihood.",
)
def divergence_added(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return -tf.reduce_sum(bce, axis=(1, 2, 3)) + kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="The KL divergence is missing. Without it this is a noisy autoencoder, and no lower bound.",
)
def divergence_left_out(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    return -tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits), axis=(1, 2, 3))


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="That is the negative ELBO, the loss. The ELBO itself is a lower bound of log p(x): "
    "higher is better.",
)
def loss_for_the_bound(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return tf.reduce_sum(bce, axis=(1, 2, 3)) + kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="That is one number, the mean over the batch. The ELBO has a value for each image.",
)
def bound_of_the_batch(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return tf.reduce_mean(-tf.reduce_sum(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar))


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="A sigmoid was applied to the logits, and the cross-entropy from logits applies it again.",
)
def sigmoid_applied_twice(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    p = tf.sigmoid(decoder(reparameterize(mean, logvar, eps), training=False))
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=p)
    return -tf.reduce_sum(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="The logits were taken for probabilities: keras.losses.binary_crossentropy needs "
    "from_logits=True here.",
)
def logits_taken_for_probabilities(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    bce = tf.keras.losses.binary_crossentropy(x, logits) + 0 * logits[..., 0]
    return -tf.reduce_sum(bce, axis=(1, 2)) - kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="The mean was decoded instead of a sample. The bound is an expectation over q(z|x), and "
    "eps is there to draw from it.",
)
def mean_decoded_instead_of_a_sample(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=decoder(mean, training=False))
    return -tf.reduce_sum(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="The bound draws noise of its own: two calls with the same eps differ. Use the eps that "
    "was given.",
)
def noise_drawn_in_the_bound(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, tf.random.normal(tf.shape(mean))), training=False)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return -tf.reduce_sum(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="The divergence was estimated from the sample, log q(z) - log p(z). That is right on "
    "average, but noisy; the KL divergence of two normal distributions is known exactly.",
)
def divergence_from_one_sample(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    z = reparameterize(mean, logvar, eps)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=decoder(z, training=False))
    zeros = tf.zeros_like(z)
    divergence = log_normal_pdf(z, mean, logvar) - log_normal_pdf(z, zeros, zeros)
    return -tf.reduce_sum(bce, axis=(1, 2, 3)) - divergence


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="The squared error of the pixels is the log-likelihood of a normal distribution. Here a "
    "pixel is a Bernoulli variable, with the binary cross-entropy.",
)
def squared_error_for_the_cross_entropy(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    p = tf.sigmoid(decoder(reparameterize(mean, logvar, eps), training=False))
    return -tf.reduce_sum((x - p) ** 2, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="the bound of each image",
    explanation="Labels and logits have changed places in the cross-entropy: x is the label, the decoder "
    "gives the logits.",
)
def labels_and_logits_swapped(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    logits = decoder(reparameterize(mean, logvar, eps), training=False)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=logits, logits=tf.convert_to_tensor(x))
    return -tf.reduce_sum(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="networks in inference mode",
    explanation="The networks run in training mode, so dropout makes the bound a matter of chance and "
    "batch normalisation mixes the images of a batch. Call them with training=False.",
)
def networks_in_training_mode(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=True)
    logits = decoder(reparameterize(mean, logvar, eps), training=True)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return -tf.reduce_sum(bce, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


@misconception(
    question="q4",
    replaces="elbo",
    caught_by="a very sure decoder",
    explanation="The logarithm of a finished sigmoid with a small constant against log 0 caps the loss "
    "of a pixel at 16. Computed from the logits, max(l, 0) - l·x + log(1 + exp(-|l|)), it needs no "
    "constant.",
)
def logarithm_of_the_sigmoid(encoder, decoder, x, eps):
    mean, logvar = encoder(x, training=False)
    p = tf.clip_by_value(
        tf.sigmoid(decoder(reparameterize(mean, logvar, eps), training=False)), 1e-7, 1 - 1e-7
    )
    log_likelihood = x * tf.math.log(p) + (1 - x) * tf.math.log(1 - p)
    return tf.reduce_sum(log_likelihood, axis=(1, 2, 3)) - kl_divergence(mean, logvar)


# --- q5: training ----------------------------------------------------------------------------------


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="it learns digits",
    explanation="Adam minimises what it is given, and it was given the ELBO: the bound falls. The loss "
    "is the negative ELBO.",
)
def descends_the_elbo(x, *, latent_dim, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    encoder, decoder = build_encoder(latent_dim), build_decoder(latent_dim)
    weights = encoder.trainable_weights + decoder.trainable_weights
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(weights)
    batches = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x)).batch(batch_size)

    @tf.function(input_signature=[tf.TensorSpec((None, 28, 28, 1))])
    def step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                elbo(encoder, decoder, batch, tf.random.normal((tf.shape(batch)[0], latent_dim)))
            )
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    return encoder, decoder, {"elbo": [np.mean([step(batch) for batch in batches]) for _ in range(epochs)]}


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="both networks are trained",
    explanation="Only the decoder's weights are given to the optimizer, so the encoder stays as it was "
    "drawn.",
)
def encoder_not_trained(x, *, latent_dim, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    encoder, decoder = build_encoder(latent_dim), build_decoder(latent_dim)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(decoder.trainable_weights)
    batches = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x)).batch(batch_size)

    @tf.function(input_signature=[tf.TensorSpec((None, 28, 28, 1))])
    def step(batch):
        with tf.GradientTape() as tape:
            bound = tf.reduce_mean(
                elbo(encoder, decoder, batch, tf.random.normal((tf.shape(batch)[0], latent_dim)))
            )
            loss = -bound
        optimizer.apply_gradients(
            zip(tape.gradient(loss, decoder.trainable_weights), decoder.trainable_weights)
        )
        return bound

    return encoder, decoder, {"elbo": [np.mean([step(batch) for batch in batches]) for _ in range(epochs)]}


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="both networks are trained",
    explanation="Only the encoder's weights are given to the optimizer, so the decoder stays as it was "
    "drawn.",
)
def decoder_not_trained(x, *, latent_dim, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    encoder, decoder = build_encoder(latent_dim), build_decoder(latent_dim)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(encoder.trainable_weights)
    batches = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x)).batch(batch_size)

    @tf.function(input_signature=[tf.TensorSpec((None, 28, 28, 1))])
    def step(batch):
        with tf.GradientTape() as tape:
            bound = tf.reduce_mean(
                elbo(encoder, decoder, batch, tf.random.normal((tf.shape(batch)[0], latent_dim)))
            )
            loss = -bound
        optimizer.apply_gradients(
            zip(tape.gradient(loss, encoder.trainable_weights), encoder.trainable_weights)
        )
        return bound

    return encoder, decoder, {"elbo": [np.mean([step(batch) for batch in batches]) for _ in range(epochs)]}


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="networks and history",
    explanation="The history holds the loss, the negative ELBO. Under the key elbo belongs the ELBO "
    "itself, which rises.",
)
def history_of_the_loss(x, *, latent_dim, epochs, batch_size, seed, right=train_vae):
    encoder, decoder, history = right(
        x, latent_dim=latent_dim, epochs=epochs, batch_size=batch_size, seed=seed
    )
    return encoder, decoder, {"elbo": [-value for value in history["elbo"]]}


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="networks and history",
    explanation="The history was divided by the number of pixels. The ELBO of an image is the sum over "
    "its 784 pixels.",
)
def history_per_pixel(x, *, latent_dim, epochs, batch_size, seed, right=train_vae):
    encoder, decoder, history = right(
        x, latent_dim=latent_dim, epochs=epochs, batch_size=batch_size, seed=seed
    )
    return encoder, decoder, {"elbo": [value / 784 for value in history["elbo"]]}


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="networks and history",
    explanation="The history was summed over the images of the training set. It should hold the mean per "
    "image.",
)
def history_summed_over_images(x, *, latent_dim, epochs, batch_size, seed, right=train_vae):
    encoder, decoder, history = right(
        x, latent_dim=latent_dim, epochs=epochs, batch_size=batch_size, seed=seed
    )
    return encoder, decoder, {"elbo": [len(x) * value for value in history["elbo"]]}


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="networks and history",
    explanation="The history has an entry for every step. One per epoch was asked for.",
)
def history_of_every_step(x, *, latent_dim, epochs, batch_size, seed, right=train_vae):
    encoder, decoder, history = right(
        x, latent_dim=latent_dim, epochs=epochs, batch_size=batch_size, seed=seed
    )
    steps = -(-len(x) // batch_size)
    return encoder, decoder, {"elbo": [value for value in history["elbo"] for _ in range(steps)]}


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="the seed decides",
    explanation="The seed is a fixed number inside the function; the one that is given changes nothing.",
)
def seed_is_fixed(x, *, latent_dim, epochs, batch_size, seed, right=train_vae):
    return right(x, latent_dim=latent_dim, epochs=epochs, batch_size=batch_size, seed=42)


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="the seed decides",
    explanation="The seed does not reach everything that is random. Keras draws initial weights with "
    "seeds of its own, which tf.random.set_seed does not fix; keras.utils.set_random_seed(seed) does.",
)
def seed_misses_the_weights(x, *, latent_dim, epochs, batch_size, seed):
    tf.random.set_seed(seed)
    encoder, decoder = build_encoder(latent_dim), build_decoder(latent_dim)
    weights = encoder.trainable_weights + decoder.trainable_weights
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(weights)
    batches = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x), seed=seed).batch(batch_size)

    @tf.function(input_signature=[tf.TensorSpec((None, 28, 28, 1))])
    def step(batch):
        with tf.GradientTape() as tape:
            bound = tf.reduce_mean(
                elbo(encoder, decoder, batch, tf.random.normal((tf.shape(batch)[0], latent_dim)))
            )
            loss = -bound
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return bound

    return encoder, decoder, {"elbo": [np.mean([step(batch) for batch in batches]) for _ in range(epochs)]}


@misconception(
    question="q5",
    replaces="train_vae",
    caught_by="both networks are trained",
    explanation="The networks that come back are new ones, not those that were trained.",
)
def fresh_networks_returned(x, *, latent_dim, epochs, batch_size, seed, right=train_vae):
    history = right(x, latent_dim=latent_dim, epochs=epochs, batch_size=batch_size, seed=seed)[2]
    return build_encoder(latent_dim), build_decoder(latent_dim), history


# --- q6: pictures from the latent space ------------------------------------------------------------


@misconception(
    question="q6",
    replaces="sample",
    caught_by="samples from the prior",
    explanation="These are logits. Their sigmoid is the probability that a pixel is on.",
)
def sample_of_logits(decoder, n, seed):
    z = np.random.default_rng(seed).standard_normal((n, decoder.input_shape[-1]))
    return decoder(tf.cast(z, tf.float32), training=False)


@misconception(
    question="q6",
    replaces="sample",
    caught_by="samples from the prior",
    explanation="The pixels are coin flips, 0 or 1. The probabilities themselves are asked for; they "
    "make the smoother picture.",
)
def sample_of_coin_flips(decoder, n, seed):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, decoder.input_shape[-1]))
    p = np.asarray(tf.sigmoid(decoder(tf.cast(z, tf.float32), training=False)))
    return (rng.random(p.shape) < p).astype(np.float32)


@misconception(
    question="q6",
    replaces="sample",
    caught_by="samples from the prior",
    explanation="No pixel is below ½: the sigmoid was applied twice.",
)
def sample_with_two_sigmoids(decoder, n, seed):
    z = np.random.default_rng(seed).standard_normal((n, decoder.input_shape[-1]))
    return tf.sigmoid(tf.sigmoid(decoder(tf.cast(z, tf.float32), training=False)))


@misconception(
    question="q6",
    replaces="sample",
    caught_by="samples from the prior",
    explanation="All images come from one code. Each needs a draw of its own: z has shape (n, latent_dim).",
)
def one_code_for_all_samples(decoder, n, seed):
    z = np.random.default_rng(seed).standard_normal((1, decoder.input_shape[-1]))
    return tf.repeat(tf.sigmoid(decoder(tf.cast(z, tf.float32), training=False)), n, axis=0)


@misconception(
    question="q6",
    replaces="sample",
    caught_by="samples from the prior",
    explanation="The codes are not standard normal; they look uniform. The prior is N(0, I).",
)
def uniform_codes(decoder, n, seed):
    z = np.random.default_rng(seed).uniform(-1, 1, (n, decoder.input_shape[-1]))
    return tf.sigmoid(decoder(tf.cast(z, tf.float32), training=False))


@misconception(
    question="q6",
    replaces="sample",
    caught_by="the seed, and any number of dimensions",
    explanation="Whatever the seed, the images are the same.",
)
def sample_ignores_its_seed(decoder, n, seed):
    z = np.random.default_rng(0).standard_normal((n, decoder.input_shape[-1]))
    return tf.sigmoid(decoder(tf.cast(z, tf.float32), training=False))


@misconception(
    question="q6",
    replaces="sample",
    caught_by="the seed, and any number of dimensions",
    explanation="The seed is not used: two calls with the same seed draw different images.",
)
def sample_without_seed(decoder, n, seed):
    z = np.random.standard_normal((n, decoder.input_shape[-1]))
    return tf.sigmoid(decoder(tf.cast(z, tf.float32), training=False))


@misconception(
    question="q6",
    replaces="latent_grid",
    caught_by="the latent grid",
    explanation="The codes lie in equal steps from -1.64 to 1.64. Take equal steps of probability, 0.05 "
    "to 0.95, and of each the quantile of the standard normal distribution.",
)
def grid_in_equal_steps(decoder, n):
    axis = tf.linspace(-1.6448536, 1.6448536, n)
    z = tf.stack(tf.meshgrid(axis, axis, indexing="ij"), axis=-1)
    tiles = tf.reshape(tf.sigmoid(decoder(tf.reshape(z, (-1, 2)), training=False)), (n, n, 28, 28))
    return tf.reshape(tf.transpose(tiles, (0, 2, 1, 3)), (28 * n, 28 * n))


@misconception(
    question="q6",
    replaces="latent_grid",
    caught_by="the latent grid",
    explanation="The probabilities 0.05 to 0.95 were decoded themselves. The codes are their quantiles, "
    "-1.64 to 1.64.",
)
def grid_of_probabilities(decoder, n):
    axis = tf.linspace(0.05, 0.95, n)
    z = tf.stack(tf.meshgrid(axis, axis, indexing="ij"), axis=-1)
    tiles = tf.reshape(tf.sigmoid(decoder(tf.reshape(z, (-1, 2)), training=False)), (n, n, 28, 28))
    return tf.reshape(tf.transpose(tiles, (0, 2, 1, 3)), (28 * n, 28 * n))


@misconception(
    question="q6",
    replaces="latent_grid",
    caught_by="the grid is a picture",
    explanation="The grid shows logits. Their sigmoid is the picture.",
)
def grid_of_logits(decoder, n):
    axis = tf.math.ndtri(tf.linspace(0.05, 0.95, n))
    z = tf.stack(tf.meshgrid(axis, axis, indexing="ij"), axis=-1)
    tiles = tf.reshape(decoder(tf.reshape(z, (-1, 2)), training=False), (n, n, 28, 28))
    return tf.reshape(tf.transpose(tiles, (0, 2, 1, 3)), (28 * n, 28 * n))


@misconception(
    question="q6",
    replaces="latent_grid",
    caught_by="the latent grid",
    explanation="(n, n, 28, 28) was reshaped as it is, which tears the tiles apart: a row of the picture "
    "holds one row of pixels of n tiles. Transpose to (n, 28, n, 28) first.",
)
def grid_torn_by_a_reshape(decoder, n):
    axis = tf.math.ndtri(tf.linspace(0.05, 0.95, n))
    z = tf.stack(tf.meshgrid(axis, axis, indexing="ij"), axis=-1)
    return tf.reshape(tf.sigmoid(decoder(tf.reshape(z, (-1, 2)), training=False)), (28 * n, 28 * n))


@misconception(
    question="q6",
    replaces="latent_grid",
    caught_by="the latent grid",
    explanation="The tiles are in place, but each image is transposed: rows and columns of its pixels "
    "have changed places.",
)
def grid_of_transposed_tiles(decoder, n):
    axis = tf.math.ndtri(tf.linspace(0.05, 0.95, n))
    z = tf.stack(tf.meshgrid(axis, axis, indexing="ij"), axis=-1)
    tiles = tf.reshape(tf.sigmoid(decoder(tf.reshape(z, (-1, 2)), training=False)), (n, n, 28, 28))
    return tf.reshape(tf.transpose(tiles, (0, 3, 1, 2)), (28 * n, 28 * n))


@misconception(
    question="q6",
    replaces="latent_grid",
    caught_by="the grid is a picture",
    explanation="That is a stack of n·n images. The grid is one picture of 28n × 28n pixels.",
)
def grid_as_a_stack(decoder, n):
    axis = tf.math.ndtri(tf.linspace(0.05, 0.95, n))
    z = tf.stack(tf.meshgrid(axis, axis, indexing="ij"), axis=-1)
    return tf.sigmoid(decoder(tf.reshape(z, (-1, 2)), training=False))


# --- q7: the code as features ----------------------------------------------------------------------


@misconception(
    question="q7",
    replaces="train_latent_classifier",
    caught_by="the encoder stays as it is",
    explanation="The classifier's training reaches into the encoder and changes its weights. Freeze the "
    "encoder, or compute the codes once and train on them.",
)
def classifier_trains_the_encoder(encoder, x, y, *, epochs, seed):
    keras.utils.set_random_seed(seed)
    h = keras.layers.Concatenate()(list(encoder.outputs))
    probabilities = keras.layers.Dense(10, activation="softmax")(keras.layers.Dense(64, activation="relu")(h))
    classifier = keras.Model(encoder.inputs, probabilities)
    classifier.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    classifier.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: classifier(images, training=False)


@misconception(
    question="q7",
    replaces="train_latent_classifier",
    caught_by="ten probabilities for each image",
    explanation="The classifier sees a random sample z, so the same image gets another answer each time. "
    "Mean and logvar say all that there is to know, without noise.",
)
def classifier_on_a_sample(encoder, x, y, *, epochs, seed):
    def codes(images):
        mean, logvar = encoder(images, training=False)
        return reparameterize(mean, logvar, tf.random.normal(tf.shape(mean)))

    keras.utils.set_random_seed(seed)
    classifier = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    classifier.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    classifier.fit(codes(x), y, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: classifier(codes(images), training=False)


@misconception(
    question="q7",
    replaces="train_latent_classifier",
    caught_by="mean and logvar both count",
    explanation="The classifier sees the mean only. How sure the encoder is, logvar, tells something of "
    "the class too.",
)
def classifier_on_the_mean_only(encoder, x, y, *, epochs, seed):
    keras.utils.set_random_seed(seed)
    classifier = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    classifier.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    classifier.fit(encoder(x, training=False)[0], y, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: classifier(encoder(images, training=False)[0], training=False)


@misconception(
    question="q7",
    replaces="train_latent_classifier",
    caught_by="mean and logvar both count",
    explanation="The classifier sees logvar only: is the mean lost in the concatenation?",
)
def classifier_on_logvar_only(encoder, x, y, *, epochs, seed):
    keras.utils.set_random_seed(seed)
    classifier = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    classifier.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    classifier.fit(encoder(x, training=False)[1], y, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: classifier(encoder(images, training=False)[1], training=False)


@misconception(
    question="q7",
    replaces="train_latent_classifier",
    caught_by="ten probabilities for each image",
    explanation="These are logits. The function should return probabilities, their softmax.",
)
def classifier_returns_logits(encoder, x, y, *, epochs, seed):
    def codes(images):
        return tf.concat(encoder(images, training=False), axis=-1)

    keras.utils.set_random_seed(seed)
    classifier = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(3e-3), loss)
    classifier.fit(codes(x), y, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: classifier(codes(images), training=False)


@misconception(
    question="q7",
    replaces="train_latent_classifier",
    caught_by="ten probabilities for each image",
    explanation="The function returns the most likely class. The probabilities of all ten were asked for.",
)
def classifier_returns_labels(encoder, x, y, *, epochs, seed):
    def codes(images):
        return tf.concat(encoder(images, training=False), axis=-1)

    keras.utils.set_random_seed(seed)
    classifier = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    classifier.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    classifier.fit(codes(x), y, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: tf.argmax(classifier(codes(images), training=False), axis=1)


@misconception(
    question="q7",
    replaces="train_latent_classifier",
    caught_by="ten probabilities for each image",
    explanation="There is a column for each class that occurs in y. There are ten classes, whether all "
    "of them occur in the training set or not.",
)
def only_classes_that_occur(encoder, x, y, *, epochs, seed):
    def codes(images):
        return tf.concat(encoder(images, training=False), axis=-1)

    keras.utils.set_random_seed(seed)
    classifier = keras.Sequential(
        [keras.layers.Dense(64, "relu"), keras.layers.Dense(len(np.unique(y)), "softmax")]
    )
    classifier.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    classifier.fit(codes(x), y, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: classifier(codes(images), training=False)


@misconception(
    question="q7",
    replaces="train_latent_classifier",
    caught_by="it reads digits",
    explanation="Images and labels were shuffled apart: the order of the one has to be the order of the "
    "other.",
)
def labels_shuffled_apart(encoder, x, y, *, epochs, seed):
    def codes(images):
        return tf.concat(encoder(images, training=False), axis=-1)

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    features = tf.gather(codes(x), rng.permutation(len(x)))
    labels = np.asarray(y)[rng.permutation(len(x))]
    classifier = keras.Sequential([keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")])
    classifier.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    classifier.fit(features, labels, epochs=epochs, batch_size=64, verbose=0)
    return lambda images: classifier(codes(images), training=False)
