"""Autoencoders, and what keeps them from merely copying: dropout, penalties and noise.

An autoencoder squeezes its input through a narrow code and draws it again from there:

    code = encoder(x)        x_hat = decoder(code)        loss = distance(x_hat, x)

With a wide code it could learn the identity and nothing else. The remedies of this assignment change what
passes through the network (dropout, q1), what a large weight (q2), an active unit or a sensitive code (q6)
costs, or what the network sees: noisy images, from which it has to draw the clean ones (q3, q7, q8).

Arrays are batch-first and written with these letters: N examples, D pixels, H units. Images are rows of D
grey values in [0, 1]. Functions take NumPy arrays and TensorFlow tensors alike and return tensors; none of
them changes its arguments. Random draws are stateless: they depend on the seed and on nothing else, in
eager execution, in a compiled step, on CPU and on GPU.

References
    Ng (2011), Sparse autoencoder, CS294A lecture notes, Stanford.
    Rifai, Vincent, Muller, Glorot and Bengio (2011), Contractive auto-encoders, ICML.
    Vincent, Larochelle, Lajoie, Bengio and Manzagol (2010), Stacked denoising autoencoders, JMLR 11.
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout, JMLR 15.
    Goodfellow, Bengio and Courville (2016), Deep Learning, chapters 7 (regularisation) and 14 (autoencoders).
"""

import keras
import numpy as np
import tensorflow as tf


def _floats(x):
    """Return `x` as a tensor of floats: a float dtype is kept, integers become float32."""
    x = tf.convert_to_tensor(x)
    return x if x.dtype.is_floating else tf.cast(x, tf.float32)


def _uniform(x, seed):
    """Draw a number in [0, 1) for each element of `x`, from `seed` alone."""
    return tf.random.stateless_uniform(tf.shape(x), seed=(seed, 0), dtype=x.dtype)


# --- q1: dropout -----------------------------------------------------------------------------------


def dropout(h, rate, training, seed):
    """Silence a random share of the units in training; leave them all alone otherwise.

        mask_ni ~ Bernoulli(1 - rate)        h_ni ← h_ni·mask_ni / (1 - rate)

    The division is what makes this dropout "inverted": E[mask / (1 - rate)] = 1, so a layer that follows
    receives on average what it will receive in use, and nothing has to be rescaled there (Srivastava et
    al. 2014, section 10). The gradient passes through the units that were kept, and is 0 in the others.

    Args:
        h: activations (N, H).
        rate: probability of being dropped, in [0, 1).
        training: whether to drop at all.
        seed: int; the same seed drops the same elements.

    Returns:
        Tensor (N, H).

    Raises:
        ValueError: if `rate` lies outside [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be at least 0 and below 1, but got {rate}.")
    h = _floats(h)
    if not training or rate == 0:
        return h
    keep = _uniform(h, seed) >= rate  # an independent draw for every element of every row
    return tf.where(keep, h / (1 - rate), tf.zeros_like(h))


# --- q2: large weights -----------------------------------------------------------------------------


def l2_penalty(weights, factor):
    """Compute the L2 penalty on a list of weights.

        penalty = factor·Σ_w ‖w‖²,    d penalty/dw = 2·factor·w

    Its gradient pulls each weight towards 0 in proportion to its size: "weight decay" (Goodfellow et al.
    2016, section 7.1.1).

    Args:
        weights: list of arrays of any shapes.
        factor: strength of the penalty, at least 0.

    Returns:
        Scalar tensor.
    """
    return factor * tf.add_n([tf.reduce_sum(_floats(w) ** 2) for w in weights])


# --- q3: noise -------------------------------------------------------------------------------------


def salt_and_pepper(x, noise_level, seed):
    """Replace random pixels by black or white, half and half.

        x_ni ← 0 with probability noise_level/2,    1 with probability noise_level/2,    else x_ni

    Args:
        x: images (N, D) in [0, 1].
        noise_level: probability that a pixel is replaced, in [0, 1].
        seed: int; the same seed and level replace the same pixels.

    Returns:
        Tensor (N, D).

    Raises:
        ValueError: if `noise_level` lies outside [0, 1].
    """
    if not 0 <= noise_level <= 1:
        raise ValueError(f"noise_level must lie in [0, 1], but got {noise_level}.")
    x = _floats(x)
    u = _uniform(x, seed)  # one draw decides both: pepper at the lower end of [0, 1), salt at the upper
    x = tf.where(u < noise_level / 2, tf.zeros_like(x), x)
    return tf.where(u >= 1 - noise_level / 2, tf.ones_like(x), x)


def gaussian_noise(x, stddev, seed):
    """Add normal noise to every pixel and clip to [0, 1].

        x_ni ← min(max(x_ni + stddev·ε_ni, 0), 1),    ε_ni ~ Normal(0, 1)

    Args:
        x: images (N, D) in [0, 1].
        stddev: standard deviation of the noise before clipping, at least 0.
        seed: int; the same seed draws the same noise.

    Returns:
        Tensor (N, D) in [0, 1].

    Raises:
        ValueError: if `stddev` is negative.
    """
    if stddev < 0:
        raise ValueError(f"stddev must be at least 0, but got {stddev}.")
    x = _floats(x)
    noise = tf.random.stateless_normal(tf.shape(x), seed=(seed, 0), stddev=stddev, dtype=x.dtype)
    return tf.clip_by_value(x + noise, 0, 1)


# --- q4: the autoencoder ---------------------------------------------------------------------------


def build_autoencoder(n_in=784, sizes=(128, 64, 32)):
    """Build a dense autoencoder whose decoder mirrors its encoder.

        n_in → 128 → 64 → 32 → 64 → 128 → n_in    (ReLU everywhere, a sigmoid at the end)

    The sigmoid keeps the reconstruction in (0, 1), where grey values lie and where the cross-entropy is
    defined. The three models share their layers: to train one is to train the others.

    Args:
        n_in: number of pixels D.
        sizes: units of the encoder's layers; the last one is the code's.

    Returns:
        (autoencoder, encoder, decoder): keras.Models that map (N, n_in) to (N, n_in), (N, n_in) to
        (N, sizes[-1]) and (N, sizes[-1]) to (N, n_in). They are not compiled.

    Raises:
        ValueError: if `sizes` is empty.
    """
    if not sizes:
        raise ValueError("sizes must name at least the code's size, but it is empty.")
    *outer, code = sizes
    encoder = keras.Sequential([keras.Input((n_in,)), *map(_relu_layer, sizes)], name="encoder")
    decoder = keras.Sequential([keras.Input((code,)), *map(_relu_layer, reversed(outer))], name="decoder")
    decoder.add(keras.layers.Dense(n_in, activation="sigmoid"))
    autoencoder = keras.Sequential([keras.Input((n_in,)), encoder, decoder], name="autoencoder")
    return autoencoder, encoder, decoder


def _relu_layer(units):
    """One dense layer for a ReLU: He's weights, which keep the signal at its size, and zero biases."""
    return keras.layers.Dense(units, activation="relu", kernel_initializer="he_normal")


# --- q5: distances between images ------------------------------------------------------------------


def mean_absolute_error(x_hat, x):
    """Compute the mean absolute difference over all pixels of all images.

        MAE = 1/(N·D) Σ_n Σ_i |x_hat_ni - x_ni|

    Args:
        x_hat: reconstructions (N, D).
        x: images (N, D).

    Returns:
        Scalar tensor.

    Raises:
        ValueError: if the shapes differ.
    """
    x_hat, x = _same_shape(x_hat, x)
    return tf.reduce_mean(tf.abs(x_hat - x))


def binary_cross_entropy(x_hat, x):
    """Compute the binary cross-entropy over all pixels of all images.

        BCE = -1/(N·D) Σ_n Σ_i [x_ni·log x_hat_ni + (1 - x_ni)·log(1 - x_hat_ni)]

    Each pixel of `x_hat` is read as the probability of white; for a grey pixel the least possible value
    is not 0 but the pixel's own entropy.

    Args:
        x_hat: reconstructions (N, D) in [0, 1]; 0 and 1 themselves give a large, finite loss.
        x: images (N, D) in [0, 1].

    Returns:
        Scalar tensor.

    Raises:
        ValueError: if the shapes differ.
    """
    x_hat, x = _same_shape(x_hat, x)
    # log 0 = -inf, and 0·(-inf) is NaN even where the pixel is right. Keras guards at 1e-7 as well: in
    # float32 the closest that one comes to 1 from below is 1 - 6e-8.
    x_hat = tf.clip_by_value(x_hat, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(x * tf.math.log(x_hat) + (1 - x) * tf.math.log(1 - x_hat))


def _same_shape(x_hat, x):
    """Return both as tensors of one dtype; raise ValueError if their shapes differ."""
    x_hat = _floats(x_hat)
    x = tf.cast(x, x_hat.dtype)
    x_hat.shape.assert_is_compatible_with(x.shape)
    return x_hat, x


# --- q6: penalties on the code ---------------------------------------------------------------------


def kl_sparsity(p, p_hat):
    """Compute how far the units' mean activations are from a sparse target.

        Σ_j KL(p ‖ p_hat_j) = Σ_j p·log(p / p_hat_j) + (1 - p)·log((1 - p) / (1 - p_hat_j))

    The Kullback-Leibler divergence of two coins, summed over the units: 0 where p_hat = p, and growing
    without bound as p_hat approaches 0 or 1 (Ng 2011, section 2).

    Args:
        p: target activation in (0, 1), such as 0.05.
        p_hat: mean activation of each unit over the batch, (H,), in (0, 1).

    Returns:
        Scalar tensor, at least 0.
    """
    p_hat = _floats(p_hat)
    p = tf.cast(p, p_hat.dtype)
    divergence = p * tf.math.log(p / p_hat) + (1 - p) * tf.math.log((1 - p) / (1 - p_hat))
    return tf.reduce_sum(divergence)


def contractive_penalty(encode, x):
    """Compute how strongly the code reacts to small changes of the image.

        1/N Σ_n ‖J_n‖²_F,    J_n = d encode(x_n)/dx_n,    ‖J‖²_F = Σ_j Σ_i (dh_j/dx_i)²

    Equation 1 of Rifai et al. (2011), for any differentiable encoder. It may be minimised itself: an
    outer tape differentiates through it.

    Args:
        encode: function or model that maps (N, D) to (N, H), each row by itself.
        x: images (N, D).

    Returns:
        Scalar tensor, at least 0.
    """
    x = _floats(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    jacobian = tape.batch_jacobian(h, x)  # (N, H, D): one backward pass a unit, all of them vectorised
    return tf.reduce_mean(tf.reduce_sum(jacobian**2, axis=(1, 2)))


# --- q7: learning to remove noise ------------------------------------------------------------------


def train_denoiser(x, *, noise_level, epochs, batch_size, seed):
    """Train an autoencoder to draw the clean image from a noisy one.

    The loss compares the output with the clean image, never with what went in. The noise is drawn anew
    for each batch: the network sees every image in many disguises and cannot learn one by heart (Vincent
    et al. 2010, section 3). Shuffling and noise are part of a `tf.data` pipeline, which prepares the next
    batches while the network learns from this one.

    Args:
        x: clean images (N, D) in [0, 1].
        noise_level: share of pixels replaced by `salt_and_pepper`, in [0, 1].
        epochs: number of passes over the images.
        batch_size: images a step; the last step of an epoch takes what is left.
        seed: int, seeds the weights, the order of the images and the noise. It sets Keras' global seed.

    Returns:
        (autoencoder, history): the trained keras.Model, and {"loss": [the mean cross-entropy of each
        epoch]}.
    """
    keras.utils.set_random_seed(seed)  # for the weights
    x = _floats(x)
    autoencoder, _, _ = build_autoencoder(n_in=x.shape[1])
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")

    def disguise(clean, noise_seed):
        return salt_and_pepper(clean, noise_level, noise_seed), clean

    images = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x), seed=seed).batch(batch_size)
    noise_seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    pairs = tf.data.Dataset.zip(images, noise_seeds).map(disguise).prefetch(tf.data.AUTOTUNE)
    trained = autoencoder.fit(pairs, epochs=epochs, shuffle=False, verbose=0)  # they are shuffled already
    return autoencoder, {"loss": trained.history["loss"]}


# --- q8: is it of any use? -------------------------------------------------------------------------


def denoise_curve(autoencoder, classifier, x, y, levels, seed):
    """Measure a classifier on noisy images, and on the same images after denoising.

    Args:
        autoencoder: model that maps (N, 784) to (N, 784).
        classifier: model that maps (N, 28, 28, 1) to class scores (N, 10).
        x: clean images (N, 784) in [0, 1].
        y: integer labels (N,).
        levels: noise levels for `salt_and_pepper`.
        seed: int, seeds the noise.

    Returns:
        (noisy, denoised): two lists of accuracies in [0, 1], in the order of `levels`.
    """

    def accuracy(images):
        scores = classifier.predict(tf.reshape(images, (-1, 28, 28, 1)), batch_size=1000, verbose=0)
        return float(np.mean(np.argmax(scores, axis=-1) == np.asarray(y)))

    noisy, denoised = [], []
    for level in levels:
        images = salt_and_pepper(x, level, seed)
        noisy.append(accuracy(images))
        denoised.append(accuracy(autoencoder.predict(images, batch_size=1000, verbose=0)))
    return noisy, denoised
