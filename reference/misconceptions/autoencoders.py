"""What goes wrong in a4, as students write it; see `reference/autoencoders.py` for what is right.

One function a misconception, with the name of the mistake, in the order of the questions. Its explanation
is what a student reads whose numbers it reproduces: what was done, and what the formula says.
"""

import keras
import numpy as np
import tensorflow as tf

from autograder.misconceptions import misconception
from reference.autoencoders import build_autoencoder, salt_and_pepper

# --- q1: dropout -----------------------------------------------------------------------------------


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="kept units are scaled",
    explanation="The units that are kept are passed on as they are, so the layer's mean falls to 1 - rate of "
    "what it is in use. Divide them by 1 - rate.",
)
def dropout_not_scaled(h, rate, training, seed):
    if not training:
        return h
    return h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) >= rate, tf.float32)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="kept units are scaled",
    explanation="The units that are kept are multiplied by rate. To keep the layer's mean, divide them by the "
    "share that is kept, 1 - rate.",
)
def scaled_by_rate(h, rate, training, seed):
    if not training or rate == 0:
        return h
    return h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) >= rate, tf.float32) * rate


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="kept units are scaled",
    explanation="The units that are kept are divided by rate, the share that is dropped. Divide by the share "
    "that is kept, 1 - rate.",
)
def divided_by_rate(h, rate, training, seed):
    if not training or rate == 0:
        return h
    return h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) >= rate, tf.float32) / rate


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="kept units are scaled",
    explanation="The units that are kept are multiplied by 1 - rate, which makes the layer's mean smaller still. "
    "Divide by 1 - rate.",
)
def scaled_by_the_share_kept(h, rate, training, seed):
    if not training:
        return h
    return h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) >= rate, tf.float32) * (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="kept units are scaled",
    explanation="The layer is multiplied by 1 - rate in use, as in the first papers on dropout. Inverted dropout "
    "divides by 1 - rate in training instead, and leaves the layer alone in use.",
)
def scaled_in_use_instead(h, rate, training, seed):
    if not training:
        return h * (1 - rate)
    return h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) >= rate, tf.float32)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="share of units kept",
    explanation="Units are kept with probability rate. rate is the share that is dropped: compare the random "
    "numbers the other way round.",
)
def keep_and_drop_swapped(h, rate, training, seed):
    if not training or rate == 0:
        return h
    return h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) < rate, tf.float32) / (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="unchanged in use and at rate 0",
    explanation="Units are dropped although training is False. In use the whole network works.",
)
def dropout_at_test_time(h, rate, training, seed):
    return h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) >= rate, tf.float32) / (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="share of units kept",
    explanation="Units are dropped in use, and none in training: the flag was taken for its opposite.",
)
def dropout_only_in_use(h, rate, training, seed):
    if training:
        return h
    return h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) >= rate, tf.float32) / (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="an independent draw for every element",
    explanation="All examples of the batch lose the same units: one mask of shape (H,) was broadcast over the "
    "rows. Draw a mask of shape (N, H).",
)
def one_mask_for_every_row(h, rate, training, seed):
    if not training:
        return h
    return h * (np.random.default_rng(seed).random(h.shape[1]) >= rate).astype(np.float32) / (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="an independent draw for every element",
    explanation="An example is dropped as a whole or not at all: there is one draw for each row. Every element "
    "needs its own.",
)
def one_draw_for_each_row(h, rate, training, seed):
    if not training:
        return h
    return h * (np.random.default_rng(seed).random((h.shape[0], 1)) >= rate).astype(np.float32) / (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="an independent draw for every element",
    explanation="Every row loses exactly the same number of units. Dropout decides about each unit on its own, "
    "so the number varies from row to row.",
)
def exact_number_in_every_row(h, rate, training, seed):
    if not training:
        return h
    ranks = np.random.default_rng(seed).random(h.shape).argsort(axis=1).argsort(axis=1)
    return h * (ranks >= round(rate * h.shape[1])).astype(np.float32) / (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="repeatable by its seed",
    explanation="The seed is not used: two calls with the same seed drop different units.",
)
def dropout_seed_unused(h, rate, training, seed):
    if not training:
        return h
    return h * (np.random.random(h.shape) >= rate).astype(np.float32) / (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="repeatable by its seed",
    explanation="The generator starts from a number of its own, so every call, whatever its seed, drops the same "
    "units.",
)
def dropout_seed_fixed(h, rate, training, seed):
    if not training:
        return h
    return h * (np.random.default_rng(42).random(h.shape) >= rate).astype(np.float32) / (1 - rate)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="gradient through kept units",
    explanation="The result is right, but the gradient passes as if nothing had been dropped. A dropped unit has "
    "no effect on the loss, so its gradient is 0: let the mask be a factor that the tape can see.",
)
def gradient_through_all_units(h, rate, training, seed):
    if not training:
        return h
    dropped = (
        h * tf.cast(tf.random.stateless_uniform(h.shape, seed=(seed, 0)) >= rate, tf.float32) / (1 - rate)
    )
    return h + tf.stop_gradient(dropped - h)


@misconception(
    question="q1",
    replaces="dropout",
    caught_by="written by hand",
    explanation="That is the ready-made dropout. Here it is to be written from the formula.",
)
def ready_made_dropout(h, rate, training, seed):
    return tf.nn.experimental.stateless_dropout(h, rate, seed=(seed, 0)) if training else h


# --- q2: large weights -----------------------------------------------------------------------------


@misconception(
    question="q2",
    replaces="l2_penalty",
    caught_by="value of the penalty",
    explanation="There is a factor 1/2. Some books have it, so that the gradient is factor·w; this formula does "
    "not.",
)
def half_the_penalty(weights, factor):
    return factor * sum(tf.nn.l2_loss(w) for w in weights)


@misconception(
    question="q2",
    replaces="l2_penalty",
    caught_by="value of the penalty",
    explanation="The norms were added up without being squared.",
)
def norms_not_squared(weights, factor):
    return factor * sum(tf.norm(w) for w in weights)


@misconception(
    question="q2",
    replaces="l2_penalty",
    caught_by="value of the penalty",
    explanation="Absolute values were added up: that is the L1 penalty. Square the weights.",
)
def l1_penalty(weights, factor):
    return factor * sum(tf.reduce_sum(tf.abs(w)) for w in weights)


@misconception(
    question="q2",
    replaces="l2_penalty",
    caught_by="value of the penalty",
    explanation="The squares of each array were averaged. The penalty is their sum, however many there are.",
)
def squares_averaged(weights, factor):
    return factor * sum(tf.reduce_mean(tf.square(w)) for w in weights)


@misconception(
    question="q2",
    replaces="l2_penalty",
    caught_by="value of the penalty",
    explanation="Only the first array is penalised. Add up all arrays of the list.",
)
def only_the_first_array(weights, factor):
    return factor * tf.reduce_sum(tf.square(weights[0]))


@misconception(
    question="q2",
    replaces="l2_penalty",
    caught_by="arrays of any shape",
    explanation="Only matrices count here. A convolution's kernel has four axes, and what is in the list is to be "
    "penalised, whatever its shape.",
)
def only_matrices(weights, factor):
    return factor * sum(tf.reduce_sum(tf.square(w)) for w in weights if len(w.shape) == 2)


# --- q3: noise -------------------------------------------------------------------------------------


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="share of pixels replaced",
    explanation="All noisy pixels become white. Half of them should become black.",
)
def only_salt(x, noise_level, seed):
    return tf.where(tf.random.stateless_uniform(x.shape, seed=(seed, 0)) < noise_level, 1.0, x)


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="share of pixels replaced",
    explanation="All noisy pixels become black. Half of them should become white.",
)
def only_pepper(x, noise_level, seed):
    return tf.where(tf.random.stateless_uniform(x.shape, seed=(seed, 0)) < noise_level, 0.0, x)


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="share of pixels replaced",
    explanation="Black and white have probability noise_level each, so twice as many pixels are noisy. Each has "
    "half of it.",
)
def noise_level_for_each_colour(x, noise_level, seed):
    u = tf.random.stateless_uniform(x.shape, seed=(seed, 0))
    return tf.where(u < noise_level, 0.0, tf.where(u > 1 - noise_level, 1.0, x))


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="share of pixels replaced",
    explanation="Salt was strewn over the pepper with draws of its own, so some black pixels turned white: there "
    "are fewer noisy pixels than asked for, and more white than black. Let one draw decide.",
)
def salt_over_pepper(x, noise_level, seed):
    rng = np.random.default_rng(seed)
    noisy = np.where(rng.random(x.shape) < noise_level / 2, 0, x)
    return np.where(rng.random(x.shape) < noise_level / 2, 1, noisy).astype(np.float32)


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="pixels replaced, not shifted",
    explanation="-1 or 1 was added to the noisy pixels, so what was there is still in them. Replace them by 0 "
    "or 1.",
)
def noise_added_not_replaced(x, noise_level, seed):
    rng = np.random.default_rng(seed)
    return np.float32(x + (rng.random(x.shape) < noise_level) * rng.choice([-1, 1], x.shape))


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="pixels replaced, not shifted",
    explanation="Noisy pixels get any grey value. Salt and pepper are white and black: 1 and 0.",
)
def any_grey_for_noise(x, noise_level, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(x.shape) < noise_level, rng.random(x.shape), x).astype(np.float32)


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="every pixel of every image on its own",
    explanation="All images are noisy in the same places: one mask was broadcast over the batch. Draw for every "
    "image.",
)
def same_pixels_in_every_image(x, noise_level, seed):
    u = np.random.default_rng(seed).random(x.shape[1])
    return np.where(u < noise_level / 2, 0, np.where(u > 1 - noise_level / 2, 1, x)).astype(np.float32)


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="every pixel of every image on its own",
    explanation="Every image has exactly the same number of noisy pixels. Each pixel is replaced with a "
    "probability, so the number varies.",
)
def fixed_number_of_pixels(x, noise_level, seed):
    ranks = np.random.default_rng(seed).random(x.shape).argsort(axis=1).argsort(axis=1)
    half = round(noise_level * x.shape[1] / 2)
    return np.where(ranks < half, 0, np.where(ranks >= x.shape[1] - half, 1, x)).astype(np.float32)


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="every pixel of every image on its own",
    explanation="An image has either salt or pepper: black or white is decided once an image. Decide for every "
    "pixel.",
)
def one_colour_in_each_image(x, noise_level, seed):
    rng = np.random.default_rng(seed)
    colour = rng.integers(0, 2, (len(x), 1))
    return np.where(rng.random(x.shape) < noise_level, colour, x).astype(np.float32)


@misconception(
    question="q3",
    replaces="salt_and_pepper",
    caught_by="repeatable by its seed",
    explanation="The seed is not used: two calls with the same seed replace different pixels.",
)
def salt_and_pepper_seed_unused(x, noise_level, seed):
    u = np.random.random(x.shape)
    return np.where(u < noise_level / 2, 0, np.where(u > 1 - noise_level / 2, 1, x)).astype(np.float32)


@misconception(
    question="q3",
    replaces="gaussian_noise",
    caught_by="clipped to [0, 1]",
    explanation="Some pixels lie below 0 or above 1. Clip after adding the noise: these are no grey values.",
)
def gaussian_noise_not_clipped(x, stddev, seed):
    return x + tf.random.stateless_normal(x.shape, seed=(seed, 0), stddev=stddev)


@misconception(
    question="q3",
    replaces="gaussian_noise",
    caught_by="normal noise",
    explanation="stddev was taken for a variance, and its root or its square for the standard deviation.",
)
def stddev_taken_for_variance(x, stddev, seed):
    return tf.clip_by_value(x + tf.random.stateless_normal(x.shape, seed=(seed, 0), stddev=stddev**0.5), 0, 1)


@misconception(
    question="q3",
    replaces="gaussian_noise",
    caught_by="normal noise",
    explanation="The noise is uniform. Draw it from a normal distribution.",
)
def uniform_noise(x, stddev, seed):
    noise = tf.random.stateless_uniform(x.shape, seed=(seed, 0), minval=-stddev, maxval=stddev)
    return tf.clip_by_value(x + noise, 0, 1)


@misconception(
    question="q3",
    replaces="gaussian_noise",
    caught_by="normal noise",
    explanation="All images got the same noise: one draw for the pixels of an image was broadcast over the batch.",
)
def same_noise_in_every_image(x, stddev, seed):
    noise = tf.random.stateless_normal(x.shape[1:], seed=(seed, 0), stddev=stddev)
    return tf.clip_by_value(x + noise, 0, 1)


@misconception(
    question="q3",
    replaces="gaussian_noise",
    caught_by="normal noise",
    explanation="The noise is never negative, so the images only become brighter. Its mean has to be 0.",
)
def noise_only_brightens(x, stddev, seed):
    noise = tf.abs(tf.random.stateless_normal(x.shape, seed=(seed, 0), stddev=stddev))
    return tf.clip_by_value(x + noise, 0, 1)


@misconception(
    question="q3",
    replaces="gaussian_noise",
    caught_by="repeatable by its seed",
    explanation="The seed is not used: two calls with the same seed draw different noise.",
)
def gaussian_noise_seed_unused(x, stddev, seed):
    return np.clip(x + np.random.normal(0, stddev, x.shape), 0, 1).astype(np.float32)


# --- q4: the autoencoder ---------------------------------------------------------------------------


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="three models, one set of layers",
    explanation="The autoencoder has layers of its own. When it is trained, encoder and decoder stay as they were: "
    "build it from the two models.",
)
def layers_not_shared(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="relu")

    inner, last = reversed(sizes[:-1]), keras.layers.Dense(n_in, activation="sigmoid")
    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *map(dense, inner), last])
    return (
        keras.models.clone_model(keras.Sequential([keras.Input((n_in,)), encoder, decoder])),
        encoder,
        decoder,
    )


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="decoder: ReLU, and a sigmoid at the end",
    explanation="The output layer has no activation, so the picture is not bound to [0, 1]. It ends in a sigmoid.",
)
def linear_output(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="relu")

    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential(
        [keras.Input((sizes[-1],)), *map(dense, reversed(sizes[:-1])), keras.layers.Dense(n_in)]
    )
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="decoder: ReLU, and a sigmoid at the end",
    explanation="The output layer has a ReLU: nothing keeps it below 1, and a pixel that is 0 learns no more. "
    "It ends in a sigmoid.",
)
def relu_output(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="relu")

    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *map(dense, (*sizes[-2::-1], n_in))])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="decoder: ReLU, and a sigmoid at the end",
    explanation="The output layer has a softmax, as if one of the pixels had to be chosen. Each pixel is a "
    "probability of its own: sigmoid.",
)
def softmax_output(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="relu")

    inner, last = reversed(sizes[:-1]), keras.layers.Dense(n_in, activation="softmax")
    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *map(dense, inner), last])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="encoder: ReLU after every layer",
    explanation="The layers have no activation, so the whole stack amounts to a single linear map. Give each a "
    "ReLU.",
)
def no_activation(n_in=784, sizes=(128, 64, 32)):
    dense, last = keras.layers.Dense, keras.layers.Dense(n_in, activation="sigmoid")
    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *map(dense, reversed(sizes[:-1])), last])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="encoder: ReLU after every layer",
    explanation="The encoder's last layer, the code, has no activation. In this network it is a ReLU layer as the "
    "others are.",
)
def linear_code(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="relu")

    inner, last = reversed(sizes[:-1]), keras.layers.Dense(n_in, activation="sigmoid")
    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes[:-1]), keras.layers.Dense(sizes[-1])])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *map(dense, inner), last])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="encoder: ReLU after every layer",
    explanation="All layers have a sigmoid. Only the output has one; the others have ReLUs, through which a "
    "gradient passes whole.",
)
def sigmoid_everywhere(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="sigmoid")

    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *map(dense, (*sizes[-2::-1], n_in))])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="layers of the default network",
    explanation="The decoder's hidden layers come in the encoder's order. It is a mirror image: the smallest "
    "first.",
)
def decoder_not_mirrored(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="relu")

    last = keras.layers.Dense(n_in, activation="sigmoid")
    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *map(dense, sizes[:-1]), last])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="layers of the default network",
    explanation="The decoder begins with another layer of the code's size. The code is its input already: it goes "
    "on with the size before.",
)
def code_layer_twice(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="relu")

    last = keras.layers.Dense(n_in, activation="sigmoid")
    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *map(dense, reversed(sizes)), last])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="layers of the default network",
    explanation="The decoder goes from the code to the picture in one layer. It has the encoder's layers in "
    "reverse.",
)
def decoder_of_one_layer(n_in=784, sizes=(128, 64, 32)):
    def dense(units):
        return keras.layers.Dense(units, activation="relu")

    encoder = keras.Sequential([keras.Input((n_in,)), *map(dense, sizes)])
    decoder = keras.Sequential([keras.Input((sizes[-1],)), keras.layers.Dense(n_in, activation="sigmoid")])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="layers of the default network",
    explanation="The decoder multiplies by the transposed kernels of the encoder. Such tied weights are a design "
    "of their own; here every layer has a kernel and a bias of its own.",
)
def tied_weights(n_in=784, sizes=(128, 64, 32)):
    @keras.saving.register_keras_serializable()
    class Mirrored(keras.layers.Layer):
        def __init__(self, source, activation):
            super().__init__()
            self.source, self.activation = source, keras.activations.get(activation)
            self.bias = self.add_weight(shape=(source.kernel.shape[0],), initializer="zeros")

        def call(self, h):
            return self.activation(h @ keras.ops.transpose(self.source.kernel) + self.bias)

    forth = [keras.layers.Dense(units, activation="relu") for units in sizes]
    encoder = keras.Sequential([keras.Input((n_in,)), *forth])
    back = [Mirrored(forth[k], "relu" if k else "sigmoid") for k in reversed(range(len(sizes)))]
    decoder = keras.Sequential([keras.Input((sizes[-1],)), *back])
    return keras.Sequential([keras.Input((n_in,)), encoder, decoder]), encoder, decoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="layers of the default network",
    explanation="The models are returned in the order encoder, decoder, autoencoder. The autoencoder comes first.",
)
def autoencoder_last(n_in=784, sizes=(128, 64, 32)):
    autoencoder, encoder, decoder = build_autoencoder(n_in, sizes)
    return encoder, decoder, autoencoder


@misconception(
    question="q4",
    replaces="build_autoencoder",
    caught_by="other sizes and depths",
    explanation="The layers are always 128, 64 and 32, whatever `sizes` says.",
)
def sizes_ignored(n_in=784, sizes=(128, 64, 32)):
    return build_autoencoder(n_in, (128, 64, 32))


# --- q5: distances between images ------------------------------------------------------------------


@misconception(
    question="q5",
    replaces="mean_absolute_error",
    caught_by="mean absolute error",
    explanation="The sum was divided by the number of images only. The mean is over all pixels of all images.",
)
def divided_by_images_only(x_hat, x):
    return tf.reduce_mean(tf.reduce_sum(tf.abs(x_hat - x), axis=1))


@misconception(
    question="q5",
    replaces="mean_absolute_error",
    caught_by="mean absolute error",
    explanation="The differences were squared: that is the mean squared error.",
)
def squared_error(x_hat, x):
    return tf.reduce_mean((x_hat - x) ** 2)


@misconception(
    question="q5",
    replaces="mean_absolute_error",
    caught_by="mean absolute error",
    explanation="The differences were averaged with their signs, so too bright and too dark pixels cancel. Take "
    "absolute values first.",
)
def signed_error(x_hat, x):
    return tf.abs(tf.reduce_mean(x_hat - x))


@misconception(
    question="q5",
    replaces="mean_absolute_error",
    caught_by="mean absolute error",
    explanation="The result is a vector, one error an image. One number is asked for, the mean over all of them.",
)
def one_error_for_each_image(x_hat, x):
    return tf.reduce_mean(tf.abs(x_hat - x), axis=1)


@misconception(
    question="q5",
    replaces="mean_absolute_error",
    caught_by="mean absolute error",
    explanation="That is a ready-made loss. Here it is to be written from the formula.",
)
def ready_made_error(x_hat, x):
    return tf.reduce_mean(keras.losses.mean_absolute_error(x, x_hat))


@misconception(
    question="q5",
    replaces="binary_cross_entropy",
    caught_by="cross-entropy of exact 0 and 1",
    explanation="log 0 is -inf, and 0·(-inf) is NaN even where the pixel is right. Keep x_hat off 0 and 1 by a "
    "tiny guard.",
)
def bce_without_guard(x_hat, x):
    return -tf.reduce_mean(x * tf.math.log(x_hat) + (1 - x) * tf.math.log(1 - x_hat))


@misconception(
    question="q5",
    replaces="binary_cross_entropy",
    caught_by="cross-entropy of exact 0 and 1",
    explanation="The guard is so wide that it changes the loss: -log 0.001 is only 6.9. At most 1e-6 is needed.",
)
def bce_guard_too_wide(x_hat, x):
    x_hat = tf.clip_by_value(x_hat, 1e-3, 1 - 1e-3)
    return -tf.reduce_mean(x * tf.math.log(x_hat) + (1 - x) * tf.math.log(1 - x_hat))


@misconception(
    question="q5",
    replaces="binary_cross_entropy",
    caught_by="binary cross-entropy",
    explanation="The arguments changed places: the logarithm belongs to the reconstruction x_hat, which comes "
    "first, and the clean image is its weight.",
)
def bce_arguments_swapped(x_hat, x):
    p = tf.clip_by_value(x, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(x_hat * tf.math.log(p) + (1 - x_hat) * tf.math.log(1 - p))


@misconception(
    question="q5",
    replaces="binary_cross_entropy",
    caught_by="binary cross-entropy",
    explanation="The term of the black pixels, (1 - x)·log(1 - x_hat), is missing: white everywhere would be the "
    "best picture.",
)
def bce_of_white_pixels_only(x_hat, x):
    return -tf.reduce_mean(x * tf.math.log(tf.clip_by_value(x_hat, 1e-7, 1.0)))


@misconception(
    question="q5",
    replaces="binary_cross_entropy",
    caught_by="binary cross-entropy",
    explanation="The pixels of an image were added up. The mean is over all pixels of all images.",
)
def bce_summed_over_pixels(x_hat, x):
    p = tf.clip_by_value(x_hat, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(tf.reduce_sum(x * tf.math.log(p) + (1 - x) * tf.math.log(1 - p), axis=1))


@misconception(
    question="q5",
    replaces="binary_cross_entropy",
    caught_by="binary cross-entropy",
    explanation="The sign is missing: logarithms of probabilities are negative, a loss is positive.",
)
def bce_without_sign(x_hat, x):
    p = tf.clip_by_value(x_hat, 1e-7, 1 - 1e-7)
    return tf.reduce_mean(x * tf.math.log(p) + (1 - x) * tf.math.log(1 - p))


@misconception(
    question="q5",
    replaces="binary_cross_entropy",
    caught_by="cross-entropy by hand",
    explanation="That is a ready-made loss. Here it is to be written from the formula.",
)
def ready_made_cross_entropy(x_hat, x):
    return tf.reduce_mean(keras.losses.binary_crossentropy(x, x_hat))


# --- q6: penalties on the code ---------------------------------------------------------------------


@misconception(
    question="q6",
    replaces="kl_sparsity",
    caught_by="value of the sparsity penalty",
    explanation="p and p_hat changed places. The divergence is not symmetric: the target p weights the "
    "logarithms.",
)
def kl_reversed(p, p_hat):
    return tf.reduce_sum(p_hat * tf.math.log(p_hat / p) + (1 - p_hat) * tf.math.log((1 - p_hat) / (1 - p)))


@misconception(
    question="q6",
    replaces="kl_sparsity",
    caught_by="value of the sparsity penalty",
    explanation="The second term, (1-p)·log((1-p)/(1-p_hat)), is missing. A unit is on or off: both outcomes "
    "belong to the divergence, and without the second more activity would only be cheaper.",
)
def kl_without_second_term(p, p_hat):
    return tf.reduce_sum(p * tf.math.log(p / p_hat))


@misconception(
    question="q6",
    replaces="kl_sparsity",
    caught_by="value of the sparsity penalty",
    explanation="The divergences were averaged over the units. They are added up.",
)
def kl_averaged_over_units(p, p_hat):
    return tf.reduce_mean(p * tf.math.log(p / p_hat) + (1 - p) * tf.math.log((1 - p) / (1 - p_hat)))


@misconception(
    question="q6",
    replaces="kl_sparsity",
    caught_by="no penalty at the target",
    explanation="That is the cross-entropy, which is p's own entropy too large. Divide inside the logarithms by "
    "p_hat: at p_hat = p the divergence is 0.",
)
def cross_entropy_for_divergence(p, p_hat):
    return -tf.reduce_sum(p * tf.math.log(p_hat) + (1 - p) * tf.math.log(1 - p_hat))


@misconception(
    question="q6",
    replaces="kl_sparsity",
    caught_by="no penalty at the target",
    explanation="The sign is flipped: p_hat stands above p in the logarithms. A divergence is never negative.",
)
def kl_with_wrong_sign(p, p_hat):
    return tf.reduce_sum(p * tf.math.log(p_hat / p) + (1 - p) * tf.math.log((1 - p_hat) / (1 - p)))


@misconception(
    question="q6",
    replaces="contractive_penalty",
    caught_by="contractive penalty of a model",
    explanation="The Frobenius norm was not squared. The penalty is the sum of the squares itself, without a "
    "root.",
)
def frobenius_norm_not_squared(encode, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    return tf.reduce_mean(tf.norm(tape.batch_jacobian(h, x), axis=(1, 2)))


@misconception(
    question="q6",
    replaces="contractive_penalty",
    caught_by="contractive penalty of a model",
    explanation="The norms of the examples were added up. Take their mean, so that the penalty does not depend on "
    "the size of the batch.",
)
def contractive_penalty_summed(encode, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    return tf.reduce_sum(tape.batch_jacobian(h, x) ** 2)


@misconception(
    question="q6",
    replaces="contractive_penalty",
    caught_by="contractive penalty of a model",
    explanation="The squares were averaged over units and pixels, too. They are added up; only over the examples "
    "there is a mean.",
)
def contractive_penalty_averaged_over_entries(encode, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    return tf.reduce_mean(tape.batch_jacobian(h, x) ** 2)


@misconception(
    question="q6",
    replaces="contractive_penalty",
    caught_by="contractive penalty of a model",
    explanation="tape.gradient of a vector is the gradient of the sum of its entries, so the units' derivatives "
    "were added up before they were squared, and cancel. Square each on its own: batch_jacobian has them all.",
)
def units_summed_before_squaring(encode, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode(x)
    return tf.reduce_mean(tf.reduce_sum(tape.gradient(h, x) ** 2, axis=1))


@misconception(
    question="q6",
    replaces="contractive_penalty",
    caught_by="contractive penalty of a model",
    explanation="The squares of the activations were added up. The penalty is on their derivatives by the pixels.",
)
def activations_for_derivatives(encode, x):
    return tf.reduce_mean(tf.reduce_sum(encode(tf.convert_to_tensor(x)) ** 2, axis=1))


@misconception(
    question="q6",
    replaces="contractive_penalty",
    caught_by="contractive penalty of any function",
    explanation="This asks encode for its weights, as a model has them. encode may be any function: call it, and "
    "differentiate what it returns.",
)
def penalty_of_models_only(encode, x):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        h = encode.layers[-1](encode.layers[0](x))
    return tf.reduce_mean(tf.reduce_sum(tape.batch_jacobian(h, x) ** 2, axis=(1, 2)))


# --- q7: learning to remove noise ------------------------------------------------------------------


@misconception(
    question="q7",
    replaces="train_denoiser",
    caught_by="the target is the clean image",
    explanation="The network learns to draw noise: the noisy image is the target as well. The input is noisy, the "
    "target is clean.",
)
def noise_added_to_the_target(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, _, _ = build_autoencoder(x.shape[1])
    autoencoder.compile("adam", "binary_crossentropy")
    noisy = salt_and_pepper(x, noise_level, seed)
    return autoencoder, autoencoder.fit(noisy, noisy, batch_size, epochs, verbose=0).history


@misconception(
    question="q7",
    replaces="train_denoiser",
    caught_by="it removes noise from digits",
    explanation="The network was trained on clean images only. It draws those well, but noise is something that it "
    "has never seen.",
)
def trained_on_clean_images(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, _, _ = build_autoencoder(x.shape[1])
    autoencoder.compile("adam", "binary_crossentropy")
    return autoencoder, autoencoder.fit(x, x, batch_size, epochs, verbose=0).history


@misconception(
    question="q7",
    replaces="train_denoiser",
    caught_by="the target is the clean image",
    explanation="Input and target changed places: the network gets the clean image and learns to draw the noisy "
    "one.",
)
def clean_in_noisy_out(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, _, _ = build_autoencoder(x.shape[1])
    autoencoder.compile("adam", "binary_crossentropy")
    noisy = salt_and_pepper(x, noise_level, seed)
    return autoencoder, autoencoder.fit(x, noisy, batch_size, epochs, verbose=0).history


@misconception(
    question="q7",
    replaces="train_denoiser",
    caught_by="history, and repeatable by its seed",
    explanation="The history has the last loss only. One number an epoch is asked for.",
)
def only_the_last_loss(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, _, _ = build_autoencoder(x.shape[1])
    autoencoder.compile("adam", "binary_crossentropy")
    trained = autoencoder.fit(salt_and_pepper(x, noise_level, seed), x, batch_size, epochs, verbose=0)
    return autoencoder, {"loss": trained.history["loss"][-1:]}


@misconception(
    question="q7",
    replaces="train_denoiser",
    caught_by="it removes noise from digits",
    explanation="The network went through the images once only; `epochs` says how often.",
)
def a_single_epoch(x, *, noise_level, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    autoencoder, _, _ = build_autoencoder(x.shape[1])
    autoencoder.compile("adam", "binary_crossentropy")
    trained = autoencoder.fit(salt_and_pepper(x, noise_level, seed), x, batch_size, verbose=0)
    return autoencoder, {"loss": [trained.history["loss"][0] * 0.9**k for k in range(epochs)]}


@misconception(
    question="q7",
    replaces="train_denoiser",
    caught_by="history, and repeatable by its seed",
    explanation="The seed reaches the noise only. The first weights and the order of the images come from Keras' "
    "own generator: seed it before the network is built.",
)
def training_seed_unused(x, *, noise_level, epochs, batch_size, seed):
    autoencoder, _, _ = build_autoencoder(x.shape[1])
    autoencoder.compile("adam", "binary_crossentropy")
    noisy = salt_and_pepper(x, noise_level, seed)
    return autoencoder, autoencoder.fit(noisy, x, batch_size, epochs, verbose=0).history


# --- q8: is it of any use? -------------------------------------------------------------------------


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="both curves",
    explanation="The autoencoder got the clean images, so its curve does not depend on the noise. Denoise the same "
    "noisy images that the first curve is about.",
)
def denoised_from_clean_images(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return float(np.mean(np.argmax(scores, axis=1) == y))

    clean = autoencoder(x, training=False)
    return [accuracy(salt_and_pepper(x, k, seed)) for k in levels], [accuracy(clean) for _ in levels]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="both curves",
    explanation="The two curves changed places: the accuracy on noisy images comes first.",
)
def curves_swapped(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return float(np.mean(np.argmax(scores, axis=1) == y))

    noisy = [salt_and_pepper(x, level, seed) for level in levels]
    return [accuracy(autoencoder(n, training=False)) for n in noisy], [accuracy(n) for n in noisy]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="both curves",
    explanation="The accuracies are in percent. They should lie between 0 and 1.",
)
def accuracy_in_percent(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return 100 * float(np.mean(np.argmax(scores, axis=1) == y))

    noisy = [salt_and_pepper(x, level, seed) for level in levels]
    return [accuracy(n) for n in noisy], [accuracy(autoencoder(n, training=False)) for n in noisy]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="both curves",
    explanation="The shares of wrong answers were returned. Accuracy is the share of right ones.",
)
def errors_for_accuracies(autoencoder, classifier, x, y, levels, seed):
    def error(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return float(np.mean(np.argmax(scores, axis=1) != y))

    noisy = [salt_and_pepper(x, level, seed) for level in levels]
    return [error(n) for n in noisy], [error(autoencoder(n, training=False)) for n in noisy]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="both curves",
    explanation="The accuracies come in the order of rising noise. They belong in the order of `levels`.",
)
def levels_sorted(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return float(np.mean(np.argmax(scores, axis=1) == y))

    noisy = [salt_and_pepper(x, level, seed) for level in sorted(levels)]
    return [accuracy(n) for n in noisy], [accuracy(autoencoder(n, training=False)) for n in noisy]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="both curves",
    explanation="Both curves are about noisy images: the autoencoder never got them.",
)
def denoised_never_denoised(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return float(np.mean(np.argmax(scores, axis=1) == y))

    noisy = [salt_and_pepper(x, level, seed) for level in levels]
    return [accuracy(n) for n in noisy], [accuracy(n) for n in noisy]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="both curves",
    explanation="One pair for each level was returned. Two lists are asked for: first all accuracies on noisy "
    "images, then all on denoised ones.",
)
def pairs_for_lists(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return float(np.mean(np.argmax(scores, axis=1) == y))

    noisy = [salt_and_pepper(x, level, seed) for level in levels]
    return [(accuracy(n), accuracy(autoencoder(n, training=False))) for n in noisy]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="exact without noise",
    explanation="Accuracies were averaged over batches, where the short last batch counts as much as a full one. "
    "Count every image once.",
)
def short_batch_counts_in_full(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = np.asarray(classifier(np.reshape(images, (-1, 28, 28, 1)), training=False))
        right = np.argmax(scores, axis=1) == y
        return float(np.mean([right[k : k + 128].mean() for k in range(0, len(right), 128)]))

    noisy = [salt_and_pepper(x, level, seed) for level in levels]
    return [accuracy(n) for n in noisy], [accuracy(autoencoder(n, training=False)) for n in noisy]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="repeatable by its seed",
    explanation="The seed is not used: two calls with the same seed give different curves.",
)
def curve_seed_unused(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return float(np.mean(np.argmax(scores, axis=1) == y))

    noisy = [salt_and_pepper(x, level, int(np.random.randint(2**31))) for level in levels]
    return [accuracy(n) for n in noisy], [accuracy(autoencoder(n, training=False)) for n in noisy]


@misconception(
    question="q8",
    replaces="denoise_curve",
    caught_by="repeatable by its seed",
    explanation="The noise starts from a number of its own, so that every seed gives the same curves.",
)
def curve_seed_fixed(autoencoder, classifier, x, y, levels, seed):
    def accuracy(images):
        scores = classifier(np.reshape(images, (-1, 28, 28, 1)), training=False)
        return float(np.mean(np.argmax(scores, axis=1) == y))

    noisy = [salt_and_pepper(x, level, 0) for level in levels]
    return [accuracy(n) for n in noisy], [accuracy(autoencoder(n, training=False)) for n in noisy]
