"""Convolution by hand, a convolutional network, and what to do with it once it is trained.

Convolution and pooling are written as what they are, a few products and a maximum (q1, q2). Then Keras
takes over: a network for small images is built, trained, judged, stored (q3-q6), and its features serve
other tasks, frozen (transfer) or trained further (fine-tuning), without and with BatchNorm (q7-q9).

Images are batch-first and channels-last, and written with these letters: N images of height h and width w
with c channels, kernels of k×k pixels, C classes. Functions on data take NumPy arrays and TensorFlow
tensors alike and return tensors; models run on whatever device TensorFlow finds, in float32.

References
    LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document recognition,
        Proceedings of the IEEE 86.
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout, JMLR 15.
    Yosinski, Clune, Bengio and Lipson (2014), How transferable are features in deep neural networks?,
        arXiv:1411.1792.
    Ioffe and Szegedy (2015), Batch normalization, arXiv:1502.03167.
    Kingma and Ba (2015), Adam, arXiv:1412.6980.
    Dumoulin and Visin (2016), A guide to convolution arithmetic for deep learning, arXiv:1603.07285.
    Goodfellow, Bengio and Courville (2016), Deep Learning, chapter 9.
    Hosseini, Xiao, Jaiswal and Poovendran (2017), On the limitation of convolutional neural networks in
        recognizing negative images, arXiv:1703.06857.
    Xiao, Rasul and Vollgraf (2017), Fashion-MNIST, arXiv:1708.07747.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

# --- q1: from files to arrays ----------------------------------------------------------------------


def preprocess(images, labels, num_classes):
    """Bring images and labels into the form that a network expects.

        x = images / 255,    t_nc = 1 if labels_n = c, else 0

    The divisor is the largest value a pixel can have, not the largest that occurs: otherwise the same
    picture would look different in another batch. For the same reason the number of columns is given.

    Args:
        images: uint8, (N, h, w) in grey or (N, h, w, c) with channels.
        labels: integers (N,), each from 0 to C - 1.
        num_classes: number of classes C.

    Returns:
        (x, t): float32 images (N, h, w, c) in [0, 1], with c = 1 where there was no channel axis, and
        float32 one-hot labels (N, C).

    Raises:
        ValueError: if `images` has neither 3 nor 4 axes, or a label lies outside 0 … C - 1.
    """
    images, labels = tf.convert_to_tensor(images), tf.cast(labels, tf.int64)
    if images.shape.rank not in (3, 4):
        raise ValueError(f"Expected images (N, h, w) or (N, h, w, c), but got the shape {images.shape}.")
    _require_labels(labels, num_classes)
    if images.shape.rank == 3:
        images = images[..., tf.newaxis]
    return tf.cast(images, tf.float32) / 255, tf.one_hot(labels, num_classes)


def _require_labels(labels, num_classes):
    """Raise ValueError unless all labels are classes: tf.one_hot would make a row of zeros of any other."""
    if tf.reduce_any((labels < 0) | (labels >= num_classes)):
        raise ValueError(f"Labels should lie between 0 and {num_classes - 1}, but some do not.")


# --- q2: convolution and pooling by hand -----------------------------------------------------------


def conv2d(x, kernel, stride=1, padding="valid"):
    """Slide a kernel over images; the cross-correlation that deep learning calls a convolution.

        y[n, i, j, d] = Σ_u Σ_v Σ_c  x[n, s·i + u, s·j + v, c] · kernel[u, v, c, d]

    (Goodfellow et al. 2016, equation 9.6, with channels and a stride s.) A convolution in the strict sense
    would turn the kernel round first; a network that learns its kernels does not care.

    Args:
        x: images (N, h, w, c_in).
        kernel: weights (k, k, c_in, c_out).
        stride: step s between neighbouring outputs, along both axes.
        padding: "valid" takes no output whose window would leave the image; "same" surrounds the image
            with zeros, such that there are ceil(h/s)·ceil(w/s) outputs.

    Returns:
        Tensor (N, h_out, w_out, c_out) of the kernel's dtype.

    Raises:
        ValueError: if `padding` is neither "valid" nor "same".
    """
    if padding not in ("valid", "same"):
        raise ValueError(f'padding must be "valid" or "same", but got {padding!r}.')
    kernel = tf.convert_to_tensor(kernel)
    x = tf.cast(x, kernel.dtype)
    k = kernel.shape[0]
    if padding == "same":
        rows, columns = (_same_padding(size, k, stride) for size in x.shape[1:3])
        x = tf.pad(x, [(0, 0), rows, columns, (0, 0)])
    h_out, w_out = ((size - k) // stride + 1 for size in x.shape[1:3])
    # Every kernel entry meets, over all outputs, a grid of pixels: k² products of matrices are all there is
    # to do, however large the images are.
    y = 0
    for u in range(k):
        for v in range(k):
            grid = x[:, u : u + stride * h_out : stride, v : v + stride * w_out : stride]
            y += grid[:, :h_out, :w_out] @ kernel[u, v]  # (N, h_out, w_out, c_in)·(c_in, c_out)
    return y


def _same_padding(size, k, stride):
    """Zeros before and after an axis, so that there are ceil(size/stride) outputs; an odd one goes after."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + k - size, 0)  # where the last window ends, less what is there
    return total // 2, total - total // 2


def max_pool(x, size=2):
    """Keep the largest value of each window of size×size pixels; windows do not overlap.

        y[n, i, j, c] = max over 0 ≤ u, v < size of  x[n, size·i + u, size·j + v, c]

    Rows and columns that do not fill a window are left out.

    Args:
        x: images (N, h, w, c).
        size: side of a window, and the step between windows.

    Returns:
        Tensor (N, h//size, w//size, c).
    """
    x = tf.convert_to_tensor(x)
    n, h, w, c = x.shape
    h_out, w_out = h // size, w // size
    windows = tf.reshape(x[:, : h_out * size, : w_out * size], (n, h_out, size, w_out, size, c))
    return tf.reduce_max(windows, axis=(2, 4))


# --- q3: a network ---------------------------------------------------------------------------------


def build_cnn(input_shape=(28, 28, 1), num_classes=10):
    """Build a network of three convolutions, each followed by pooling.

        28×28×1 -> 26×26×32 -> 13×13×32 -> 11×11×64 -> 5×5×64 -> 3×3×64 -> 1×1×64 -> 64 -> 10

    Args:
        input_shape: (h, w, c) of an image; h and w at least 22, or the last window finds no pixels.
        num_classes: number of classes C.

    Returns:
        Compiled `keras.Model` from images (N, h, w, c) to probabilities (N, C), with Adam; it is trained on
        integer labels (N,). It has 56,394 parameters at the defaults.
    """
    model = keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def count_parameters(layers):
    """Count the weights and biases of a network by formula.

        conv: (k·k·c_in + 1)·c_out      dense: (n_in + 1)·n_out      pool, flatten: 0

    The size of the image does not enter: a kernel is shared by all its places.

    Args:
        layers: list of ("conv", k, c_in, c_out), ("dense", n_in, n_out), ("pool", size), ("flatten",).

    Returns:
        The total as an int.

    Raises:
        ValueError: if a layer is of none of these kinds.
    """
    total = 0
    for kind, *sizes in layers:
        if kind == "conv":
            k, c_in, c_out = sizes
            total += (k * k * c_in + 1) * c_out  # + 1: a bias for each kernel
        elif kind == "dense":
            n_in, n_out = sizes
            total += (n_in + 1) * n_out
        elif kind not in ("pool", "flatten"):
            raise ValueError(f'A layer is "conv", "dense", "pool" or "flatten", but got {kind!r}.')
    return total


# --- q4: training ----------------------------------------------------------------------------------


def train_cnn(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    """Train a compiled model on shuffled batches.

    Args:
        model: compiled `keras.Model`; it is trained itself, no copy of it.
        x: images (N, h, w, c).
        y: labels as the model's loss expects them, (N,) integers for `build_cnn`.
        epochs: number of passes over the data.
        batch_size: number of images in a batch; the last one may be shorter.
        validation: a pair (x, y) to measure with after each epoch, never trained on.
        seed: int, fixes the order of the images. The order differs from epoch to epoch.

    Returns:
        dict of lists with one float an epoch: `loss` and the model's metrics, and with `validation` the
        same with `val_` in front.
    """
    # Indices are shuffled and images gathered by whole batches: far less to move than image by image.
    with tf.device("CPU"):  # where the input pipeline lives; the model fetches its batches from there
        x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
        order = tf.data.Dataset.range(len(x)).shuffle(len(x), seed=seed, reshuffle_each_iteration=True)
    batches = order.batch(batch_size).map(lambda index: (tf.gather(x, index), tf.gather(y, index)))
    history = model.fit(
        batches.prefetch(tf.data.AUTOTUNE),
        epochs=epochs,
        validation_data=validation,
        validation_batch_size=256,
        shuffle=False,  # the batches are shuffled already
        verbose=0,
    )
    return history.history


# --- q5: judging, and inverted images --------------------------------------------------------------


def confusion_matrix(y_true, y_pred, num_classes):
    """Count which class is taken for which.

        m[i, j] = number of examples with y_true = i and y_pred = j

    Args:
        y_true, y_pred: integer labels (N,), each from 0 to C - 1.
        num_classes: number of classes C.

    Returns:
        int64 tensor (C, C): rows are the truth, columns the prediction.

    Raises:
        ValueError: if a label lies outside 0 … C - 1.
    """
    y_true, y_pred = tf.cast(y_true, tf.int64), tf.cast(y_pred, tf.int64)
    for labels in (y_true, y_pred):
        _require_labels(labels, num_classes)
    cells = y_true * num_classes + y_pred  # cell (i, j) of a (C, C) matrix, row by row
    counts = tf.math.bincount(tf.cast(cells, tf.int32), minlength=num_classes**2, dtype=tf.int64)
    return tf.reshape(counts, (num_classes, num_classes))


def augment_invert(x, y):
    """Add the negative of every image: 1 - x, with the label it had.

    A network that has only seen white on black fails on black on white (Hosseini et al. 2017).

    Args:
        x: images in [0, 1], N along the first axis.
        y: their labels, N along the first axis.

    Returns:
        (x, y): 2N images, all originals first, then all negatives in the same order, and their labels.
    """
    x, y = tf.convert_to_tensor(x), tf.convert_to_tensor(y)
    return tf.concat([x, 1 - x], axis=0), tf.concat([y, y], axis=0)


# --- q6: storing -----------------------------------------------------------------------------------

_ARCHITECTURE = "architecture.json"
_WEIGHTS = "weights.npz"


def save_model(model, directory):
    """Store a model in two files: its architecture as JSON and its weights as NumPy arrays.

    The state of the optimizer is not stored (`model.save_weights` would add it).

    Args:
        model: built `keras.Model` of Keras' own layers.
        directory: path of a folder; it is made if it does not exist, and files in it are replaced.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _ARCHITECTURE).write_text(model.to_json(), encoding="utf-8")
    np.savez(folder / _WEIGHTS, *model.get_weights())


def load_model(directory):
    """Load what `save_model` has stored.

    Args:
        directory: path of the folder.

    Returns:
        `keras.Model` with the same predictions, compiled if the stored one was.

    Raises:
        FileNotFoundError: if the folder or a file is missing.
    """
    folder = Path(directory)
    model = keras.models.model_from_json((folder / _ARCHITECTURE).read_text(encoding="utf-8"))
    with np.load(folder / _WEIGHTS) as weights:
        model.set_weights(list(weights.values()))  # in the order in which they were stored
    return model


# --- q7: transfer ----------------------------------------------------------------------------------


def _frozen_features(base, output):
    """The part of `base` up to `output` as a model of its own; its layers are shared, and now frozen.

    A frozen BatchNorm is two things: gamma and beta are not trained, and the moving statistics are used
    and not updated. Keras does both when the layer's `trainable` is False, and only the first when it is
    that of gamma and beta.
    """
    features = keras.Model(base.inputs, output)
    features.trainable = False  # each layer inside, hence not the last of `base`
    return features


def build_transfer(base):
    """Put a new binary head on the features that a trained network has learnt.

        p(y = 1) = sigmoid(w·features + b)

    Only w and b are trained (Yosinski et al. 2014): 65 parameters for `build_cnn`, beside 55,744 frozen.

    Args:
        base: a trained model whose last layer is its classifier. It goes on giving its own output, but the
            layers before the last are shared with the new model, hence frozen.

    Returns:
        Compiled `keras.Model` from the images of `base` to probabilities (N, 1).
    """
    features = _frozen_features(base, base.layers[-1].input)
    inputs = keras.Input(base.input_shape[1:])
    outputs = layers.Dense(1, activation="sigmoid")(features(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", metrics=["accuracy"])
    return model


# --- q8: fine-tuning -------------------------------------------------------------------------------


def fine_tune(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    """Train all layers of a transfer model, at a small learning rate.

    First the head, then all: gradients that come through a random head would spoil good features.

    Args:
        model: binary `keras.Model` such as `build_transfer` returns; it is trained itself.
        x: images (N, h, w, c).
        y: labels 0 or 1, (N,) or (N, 1).
        learning_rate: of Adam; a tenth of the usual, since there is not far to go.
        epochs: number of passes over the data.
        batch_size: number of images in a batch.

    Returns:
        dict of lists with one float an epoch: `loss` and `accuracy`.
    """
    # A flag is passed on to the layers inside, however deeply nested, but only where it changes: the model as
    # a whole was never frozen, so `model.trainable = True` alone would do nothing.
    model.trainable = False
    model.trainable = True
    # Compiling anew makes Keras trace a new training step: the old one knows only the head. It also starts
    # Adam's moments from zero.
    model.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0)
    return history.history


# --- q9: BatchNorm ---------------------------------------------------------------------------------

_MOMENTUM = 0.9  # of the moving statistics; Keras' 0.99 remembers its start for hundreds of steps


def build_bn_cnn():
    """Build the Fashion-MNIST network: four convolutions with BatchNorm, and a wide dense layer.

        28×28×1 -> 28×28×32 twice -> 14×14×32 -> 14×14×64 twice -> 7×7×64 -> 3136 -> 512 -> 10

    Each convolution is followed by ReLU, then BatchNorm (Ioffe and Szegedy 2015, algorithm 1).

    Returns:
        Compiled `keras.Model` from images (N, 28, 28, 1) to probabilities (N, 10), trained on integer
        labels. The layer that flattens is called `features`. 1,679,082 parameters, of which 1,408 are
        moving statistics.
    """
    inputs = keras.Input((28, 28, 1))
    x = inputs
    for filters in (32, 64):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.BatchNormalization(momentum=_MOMENTUM)(x)
        x = layers.MaxPooling2D(2)(x)
    features = layers.Flatten(name="features")(x)
    return _compiled(keras.Model(inputs, _dense_head(features)))


def _dense_head(features):
    """Dense 512, ReLU, BatchNorm, Dropout 0.5, softmax 10: probabilities (N, 10) from features (N, F)."""
    x = layers.Dense(512, activation="relu")(features)
    x = layers.BatchNormalization(momentum=_MOMENTUM)(x)
    x = layers.Dropout(0.5)(x)
    return layers.Dense(10, activation="softmax")(x)


def _compiled(model):
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build_bn_transfer(base):
    """Put a new head on the convolutions of a trained `build_bn_cnn`.

    Args:
        base: a trained model with a layer called `features`. It goes on giving its own output, but the
            layers up to `features` are shared with the new model, hence frozen, their statistics too.

    Returns:
        Compiled `keras.Model` from images (N, 28, 28, 1) to probabilities (N, 10), trained on integer
        labels: 1,679,082 parameters, 1,612,298 of them trainable.
    """
    features = _frozen_features(base, base.get_layer("features").output)
    inputs = keras.Input(base.input_shape[1:])
    return _compiled(keras.Model(inputs, _dense_head(features(inputs))))
