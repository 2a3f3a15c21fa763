"""What goes wrong in a3, as students write it; see `reference/cnn.py` for what is right.

One function a misconception, with the name of the mistake, in the order of the questions. Its explanation
is what a student reads who made it: what was done, and what is asked for. Where a mistake shows in a model
and not in numbers, the hidden test that finds it gives its name.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from autograder.misconceptions import misconception
from reference.cnn import (
    _ARCHITECTURE,
    _WEIGHTS,
    _compiled,
    _dense_head,
    _frozen_features,
    build_bn_cnn,
    build_cnn,
    build_transfer,
    conv2d,
    fine_tune,
    max_pool,
    preprocess,
    save_model,
    train_cnn,
)

# --- q1: from files to arrays -----------------------------------------------------------------------


@misconception(
    question="q1",
    replaces="preprocess",
    caught_by="grey images",
    explanation="The images were divided by 255 twice: nearly everything is black now. Scale once, where "
    "the uint8 images become floats.",
)
def preprocessing_applied_twice(images, labels, num_classes):
    x, t = preprocess(images, labels, num_classes)
    return x / 255, t


@misconception(
    question="q1",
    replaces="preprocess",
    caught_by="grey images",
    explanation="The divisor is the brightest pixel that occurs, so the same picture looks different in "
    "another batch. Divide by 255.",
)
def divided_by_the_brightest(images, labels, num_classes):
    x, t = preprocess(images, labels, num_classes)
    return x / tf.reduce_max(x), t


@misconception(
    question="q1",
    replaces="preprocess",
    caught_by="grey images",
    explanation="The channel axis is missing: a convolution wants (N, h, w, c), with c = 1 for grey images.",
)
def missing_channel_axis(images, labels, num_classes):
    return np.asarray(images, np.float32) / 255, tf.one_hot(labels, num_classes)


@misconception(
    question="q1",
    replaces="preprocess",
    caught_by="colours, and any size",
    explanation="The last axis was taken for channels where it is 1 or 3 long. An image may be 3 pixels "
    "wide: count the axes instead.",
)
def channels_guessed_from_the_last_axis(images, labels, num_classes):
    x = np.asarray(images, np.float32) / 255
    return x if x.shape[-1] in (1, 3) else x[..., None], tf.one_hot(labels, num_classes)


@misconception(
    question="q1",
    replaces="preprocess",
    caught_by="colours, and any size",
    explanation="Every image was reshaped to one channel, so the colours became images of their own. With "
    "four axes the channels are there already.",
)
def colours_taken_for_images(images, labels, num_classes):
    images = np.asarray(images, np.float32) / 255
    return images.reshape(-1, *images.shape[1:3], 1), tf.one_hot(labels, num_classes)


@misconception(
    question="q1",
    replaces="preprocess",
    caught_by="labels of which some do not occur",
    explanation="The columns stand for the labels that occur in this batch. They stand for the classes 0 "
    "… C - 1, always all of them.",
)
def labels_that_occur(images, labels, num_classes):
    x, _ = preprocess(images, labels, num_classes)
    _, places = np.unique(labels, return_inverse=True)
    return x, np.eye(places.max() + 1, dtype=np.float32)[places]


@misconception(
    question="q1",
    replaces="preprocess",
    caught_by="one-hot labels",
    explanation="The labels are still integers. One-hot labels have a row for each example and a column "
    "for each class.",
)
def labels_left_as_integers(images, labels, num_classes):
    x, _ = preprocess(images, labels, num_classes)
    return x, np.asarray(labels)


# --- q2: convolution and pooling by hand ------------------------------------------------------------


@misconception(
    question="q2",
    replaces="conv2d",
    caught_by="valid convolution",
    explanation="The kernel was turned round, as in mathematics. The convolution of deep learning, a "
    "cross-correlation, lays it on the image as it is.",
)
def kernel_turned_round(x, kernel, stride=1, padding="valid"):
    return conv2d(x, np.asarray(kernel)[::-1, ::-1], stride, padding)


@misconception(
    question="q2",
    replaces="conv2d",
    caught_by="same padding with a stride",
    explanation="The zeros were split evenly, k//2 on either side. TensorFlow adds only as many as the "
    "last window needs, and an odd one goes after the image.",
)
def same_padding_both_sides_alike(x, kernel, stride=1, padding="valid"):
    if padding == "same":
        k = kernel.shape[0]
        x = np.pad(x, [(0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)])
    return conv2d(x, kernel, stride, "valid")


@misconception(
    question="q2",
    replaces="conv2d",
    caught_by="same padding with a stride",
    explanation="The odd zero went before the image. With an odd number of zeros TensorFlow puts the "
    "extra one after it.",
)
def same_padding_before_the_image(x, kernel, stride=1, padding="valid"):
    if padding == "same":
        k = kernel.shape[0]
        total = [max((-(-size // stride) - 1) * stride + k - size, 0) for size in x.shape[1:3]]
        x = np.pad(x, [(0, 0), *[(t - t // 2, t // 2) for t in total], (0, 0)])
    return conv2d(x, kernel, stride, "valid")


@misconception(
    question="q2",
    replaces="conv2d",
    caught_by="same padding with a stride",
    explanation="The padding is that for stride 1: k-1 zeros. With a stride fewer may be needed, and the "
    "windows then lie elsewhere.",
)
def same_pads_for_stride_one(x, kernel, stride=1, padding="valid"):
    if padding == "same":
        k = kernel.shape[0]
        x = np.pad(x, [(0, 0), *[((k - 1) // 2, k // 2)] * 2, (0, 0)])
    return conv2d(x, kernel, stride, "valid")


@misconception(
    question="q2",
    replaces="conv2d",
    caught_by="stride",
    explanation="The stride is not used: windows should start at every stride-th pixel.",
)
def stride_ignored(x, kernel, stride=1, padding="valid"):
    return conv2d(x, kernel, 1, padding)


@misconception(
    question="q2",
    replaces="conv2d",
    caught_by="valid convolution",
    explanation="The last window is missing along each axis: (h - k)//stride + 1 windows fit.",
)
def one_window_short(x, kernel, stride=1, padding="valid"):
    return conv2d(x, kernel, stride, padding)[:, :-1, :-1]


@misconception(
    question="q2",
    replaces="conv2d",
    caught_by="one image, one channel, one pixel",
    explanation="Axes of length 1 have vanished (squeeze?). One image is still a batch, and one channel "
    "still an axis.",
)
def axes_of_one_vanish(x, kernel, stride=1, padding="valid"):
    return np.squeeze(conv2d(x, kernel, stride, padding))


@misconception(
    question="q2",
    replaces="conv2d",
    caught_by="valid convolution",
    explanation="Here TensorFlow convolves. Write the sum over the window yourself.",
)
def ready_made_convolution(x, kernel, stride=1, padding="valid"):
    return tf.nn.conv2d(x, kernel, stride, padding.upper())


@misconception(
    question="q2",
    replaces="max_pool",
    caught_by="pooling",
    explanation="This is the mean of each window, not its largest value.",
)
def pooling_by_average(x, size=2):
    n, h, w, c = x.shape
    h, w = h // size, w // size
    return np.reshape(x[:, : h * size, : w * size], (n, h, size, w, size, c)).mean(axis=(2, 4))


@misconception(
    question="q2",
    replaces="max_pool",
    caught_by="pooling",
    explanation="The windows overlap: each should start where the one before it ends, size pixels further.",
)
def overlapping_windows(x, size=2):
    h, w = (n - size + 1 for n in x.shape[1:3])
    return np.max([x[:, u : u + h, v : v + w] for u in range(size) for v in range(size)], axis=0)


@misconception(
    question="q2",
    replaces="max_pool",
    caught_by="pooling other sizes",
    explanation="Windows that hang over the edge are counted as well. Rows and columns that do not fill a "
    "window are left out.",
)
def windows_over_the_edge(x, size=2):
    rest = [(0, -n % size) for n in x.shape[1:3]]
    return max_pool(np.pad(x, [(0, 0), *rest, (0, 0)], constant_values=-np.inf), size)


# --- q3: a network ----------------------------------------------------------------------------------


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="probabilities",
    explanation="The network returns scores: the last layer has no softmax, although the loss expects "
    "probabilities.",
)
def scores_instead_of_probabilities(input_shape=(28, 28, 1), num_classes=10):
    stack = [keras.Input(input_shape)]
    for filters in (32, 64, 64):
        stack += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(2)]
    stack += [layers.Flatten(), layers.Dense(num_classes, activation=None)]
    model = keras.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="probabilities",
    explanation="Softmax is applied twice. The second one flattens the probabilities: they cannot exceed "
    "0.23 for ten classes, and learning is slow.",
)
def softmax_twice(input_shape=(28, 28, 1), num_classes=10):
    stack = [keras.Input(input_shape)]
    for filters in (32, 64, 64):
        stack += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(2)]
    stack += [layers.Flatten(), layers.Dense(num_classes, activation="softmax")]
    stack += [layers.Softmax()]
    model = keras.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="probabilities",
    explanation="The convolutions have no ReLU. Without it three of them are one linear map.",
)
def no_activation_between(input_shape=(28, 28, 1), num_classes=10):
    stack = [keras.Input(input_shape)]
    for filters in (32, 64, 64):
        stack += [layers.Conv2D(filters, 3), layers.MaxPooling2D(2)]
    stack += [layers.Flatten(), layers.Dense(num_classes, activation="softmax")]
    model = keras.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="56,394 parameters",
    explanation='The convolutions pad with "same". Without padding 28×28 shrinks to 1×1×64 at the end; '
    "so 576 values are left.",
)
def same_padding_in_the_network(input_shape=(28, 28, 1), num_classes=10):
    stack = [keras.Input(input_shape)]
    for filters in (32, 64, 64):
        stack += [layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D(2)]
    stack += [layers.Flatten(), layers.Dense(num_classes, activation="softmax")]
    model = keras.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="56,394 parameters",
    explanation="The pooling after the third convolution is missing, so flatten gives 576 values and not 64.",
)
def last_pooling_left_out(input_shape=(28, 28, 1), num_classes=10):
    stack = [keras.Input(input_shape)]
    for filters in (32, 64, 64):
        stack += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(2)]
    del stack[-1]
    stack += [layers.Flatten(), layers.Dense(num_classes, activation="softmax")]
    model = keras.Sequential(stack)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="56,394 parameters",
    explanation="The kernels are 5×5. They should be 3×3.",
)
def five_by_five_kernels(input_shape=(28, 28, 1), num_classes=10):
    stack = [keras.Input(input_shape)]
    for filters in (32, 64, 64):
        stack += [layers.Conv2D(filters, 5, padding="same", activation="relu"), layers.MaxPooling2D(2)]
    model = keras.Sequential([*stack, layers.Flatten(), layers.Dense(num_classes, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="other images, other classes",
    explanation="input_shape is not used: the network takes 28×28 images with one channel and nothing else.",
)
def input_shape_ignored(input_shape=(28, 28, 1), num_classes=10):
    return build_cnn((28, 28, 1), num_classes)


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="other images, other classes",
    explanation="num_classes is not used: there are always ten outputs.",
)
def ten_classes_always(input_shape=(28, 28, 1), num_classes=10):
    return build_cnn(input_shape)


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="compiled for integer labels",
    explanation="The model is not compiled, so it has neither a loss nor an optimizer.",
)
def not_compiled(input_shape=(28, 28, 1), num_classes=10):
    model = build_cnn(input_shape, num_classes)
    return keras.Model(model.inputs, model.outputs)


@misconception(
    question="q3",
    replaces="build_cnn",
    caught_by="compiled for integer labels",
    explanation="The loss is for one-hot labels. With integer labels (N,) it is the sparse categorical "
    "cross-entropy.",
)
def one_hot_loss(input_shape=(28, 28, 1), num_classes=10):
    model = build_cnn(input_shape, num_classes)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q3",
    replaces="count_parameters",
    caught_by="counting by formula",
    explanation="The biases are not counted: one for each kernel, one for each unit.",
)
def biases_not_counted(layers):
    sizes = {"conv": lambda k, a, b: k * k * a * b, "dense": lambda a, b: a * b}
    return sum(sizes[kind](*rest) for kind, *rest in layers if kind in sizes)


@misconception(
    question="q3",
    replaces="count_parameters",
    caught_by="counting by formula",
    explanation="A kernel has k·k weights for each input channel, not k.",
)
def kernel_side_not_squared(layers):
    sizes = {"conv": lambda k, a, b: (k * a + 1) * b, "dense": lambda a, b: (a + 1) * b}
    return sum(sizes[kind](*rest) for kind, *rest in layers if kind in sizes)


# --- q4: training -----------------------------------------------------------------------------------


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="history and validation",
    explanation="A copy of the model was trained, and the model itself is as it was. Train the model that "
    "you are given.",
)
def trains_a_copy(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    copy = keras.models.clone_model(model)
    copy.compile("adam", "sparse_categorical_crossentropy")
    return train_cnn(copy, x, y, epochs=epochs, batch_size=batch_size, validation=validation, seed=seed)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="history and validation",
    explanation="The validation data are trained on, so they no longer say how the model does on images "
    "that it does not know.",
)
def trains_on_validation_too(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    if validation is not None:
        x, y = np.concatenate([x, validation[0]]), np.concatenate([y, validation[1]])
    return train_cnn(model, x, y, epochs=epochs, batch_size=batch_size, validation=validation, seed=seed)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="history and validation",
    explanation="The images are scaled here once more. They come as they should be, from preprocess.",
)
def scaled_once_more(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    return train_cnn(
        model, x / 255, y, epochs=epochs, batch_size=batch_size, validation=validation, seed=seed
    )


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="history and validation",
    explanation="This is the object that fit returns. The dict of lists is its attribute history.",
)
def keras_object_for_the_dict(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    keras.utils.set_random_seed(seed)
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, validation_data=validation, verbose=0)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="epochs and batches",
    explanation="Only one epoch is trained, whatever epochs says.",
)
def one_epoch_only(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    return train_cnn(model, x, y, epochs=1, batch_size=batch_size, validation=validation, seed=seed)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="history and validation",
    explanation="The validation pair is not used; hand it to fit, or measure with it after each epoch.",
)
def validation_left_out(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    return train_cnn(model, x, y, epochs=epochs, batch_size=batch_size, seed=seed)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="history and validation",
    explanation="val_loss is measured on the training data. It says something only on images that are not "
    "trained on.",
)
def validates_on_training_data(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    validation = (x, y)
    return train_cnn(model, x, y, epochs=epochs, batch_size=batch_size, validation=validation, seed=seed)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="epochs and batches",
    explanation="batch_size is not used: Keras takes 32 by default.",
)
def batch_size_ignored(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    return train_cnn(model, x, y, epochs=epochs, batch_size=32, validation=validation, seed=seed)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="shuffling by the seed",
    explanation="The images are shown in the order in which they come. If they are sorted, the network "
    "forgets the first classes over the last.",
)
def never_shuffled(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    settings = {"epochs": epochs, "batch_size": batch_size, "validation_data": validation}
    return model.fit(x, y, shuffle=False, verbose=0, **settings).history


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="shuffling by the seed",
    explanation="The seed is not used: the same one gives another order each time.",
)
def seed_not_used(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    seed = int(np.random.default_rng().integers(2**31))
    return train_cnn(model, x, y, epochs=epochs, batch_size=batch_size, validation=validation, seed=seed)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="shuffling by the seed",
    explanation="Every seed gives the same order.",
)
def same_order_for_every_seed(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    return train_cnn(model, x, y, epochs=epochs, batch_size=batch_size, validation=validation, seed=42)


@misconception(
    question="q4",
    replaces="train_cnn",
    caught_by="it learns to read digits",
    explanation="The images are shuffled, their labels are not: nearly every image has a wrong label. Use "
    "one order for both.",
)
def labels_not_shuffled_along(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    x = np.random.default_rng(seed).permutation(x)
    return train_cnn(model, x, y, epochs=epochs, batch_size=batch_size, validation=validation, seed=seed)


# --- q5: judging, and inverted images ---------------------------------------------------------------


@misconception(
    question="q5",
    replaces="confusion_matrix",
    caught_by="counts",
    explanation="Rows and columns are exchanged: a row is a true class, a column a prediction.",
)
def confusion_transposed(y_true, y_pred, num_classes):
    return tf.math.confusion_matrix(y_pred, y_true, num_classes)


@misconception(
    question="q5",
    replaces="confusion_matrix",
    caught_by="counts",
    explanation="These are shares of each row. The matrix holds counts.",
)
def confusion_in_shares(y_true, y_pred, num_classes):
    counts = tf.math.confusion_matrix(y_true, y_pred, num_classes).numpy()
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


@misconception(
    question="q5",
    replaces="confusion_matrix",
    caught_by="counts",
    explanation="A cell is 1 however often it is met: with repeated indices m[i, j] += 1 adds only once "
    "(np.add.at adds each time).",
)
def each_cell_counted_once(y_true, y_pred, num_classes):
    matrix = np.zeros((num_classes, num_classes), int)
    matrix[y_true, y_pred] += 1
    return matrix


@misconception(
    question="q5",
    replaces="confusion_matrix",
    caught_by="classes that do not occur",
    explanation="The matrix has rows only for the labels that occur. It is (C, C), always.",
)
def confusion_of_labels_that_occur(y_true, y_pred, num_classes):
    _, places = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
    return tf.math.confusion_matrix(places[: len(y_true)], places[len(y_true) :])


@misconception(
    question="q5",
    replaces="augment_invert",
    caught_by="inverted images",
    explanation="The inverted image is -x, which leaves [0, 1]. White and black change places in 1 - x.",
)
def inverted_by_sign(x, y):
    return np.concatenate([x, -x]), np.concatenate([y, y])


@misconception(
    question="q5",
    replaces="augment_invert",
    caught_by="inverted images",
    explanation="Each original is followed by its inverted image. All originals come first, then all "
    "inverted images.",
)
def interleaved_with_the_originals(x, y):
    pairs = np.stack([x, 1 - x], axis=1)
    return pairs.reshape(-1, *x.shape[1:]), np.repeat(y, 2, axis=0)


@misconception(
    question="q5",
    replaces="augment_invert",
    caught_by="other shapes",
    explanation="Labels of two axes are joined side by side. Examples are along the first axis, always.",
)
def joined_along_the_last_axis(x, y):
    return np.concatenate([x, 1 - x]), np.concatenate([y, y], axis=-1)


# --- q6: storing ------------------------------------------------------------------------------------


@misconception(
    question="q6",
    replaces="save_model",
    caught_by="two files",
    explanation="Everything is in one file. Asked for are two: the architecture as JSON, and the weights.",
)
def a_single_file(model, directory):
    Path(directory).mkdir(parents=True, exist_ok=True)
    model.save(Path(directory) / "model.keras")


@misconception(
    question="q6",
    replaces="save_model",
    caught_by="round trip",
    explanation="The model is kept in memory and found there again. Another process has only the files.",
)
def kept_in_memory(model, directory):
    global load_model
    save_model(model, directory)

    def load_model(directory):
        return model


@misconception(
    question="q6",
    replaces="save_model",
    caught_by="round trip",
    explanation="A file holds the path of the folder at the time of saving. A folder may be moved: look "
    "for files in the directory that load_model gets.",
)
def remembers_the_path(model, directory):
    global load_model
    save_model(model, directory)
    (Path(directory) / "path.txt").write_text(str(Path(directory).absolute() / _WEIGHTS))

    def load_model(directory):
        text = (Path(directory) / _ARCHITECTURE).read_text()
        restored = keras.models.model_from_json(text)
        with np.load((Path(directory) / "path.txt").read_text()) as weights:
            restored.set_weights(list(weights.values()))
        return restored


@misconception(
    question="q6",
    replaces="load_model",
    caught_by="round trip",
    explanation="The weights are not loaded: the model has the right layers and the random weights that "
    "it was built with.",
)
def weights_not_loaded(directory):
    return keras.models.model_from_json((Path(directory) / _ARCHITECTURE).read_text())


@misconception(
    question="q6",
    replaces="save_model",
    caught_by="round trip",
    explanation="The moving statistics of BatchNorm are missing: they are weights, though not trainable "
    "ones.",
)
def statistics_not_stored(model, directory):
    fresh = keras.models.model_from_json(model.to_json())
    for mine, stored in zip(fresh.trainable_weights, model.trainable_weights):
        mine.assign(stored)
    save_model(fresh, directory)


@misconception(
    question="q6",
    replaces="save_model",
    caught_by="a folder that is there already",
    explanation="The folder must not exist yet. It may: os.makedirs has exist_ok for that.",
)
def folder_must_not_exist(model, directory):
    Path(directory).mkdir(parents=True)
    save_model(model, directory)


# --- q7: transfer -----------------------------------------------------------------------------------


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="65 trainable, 55,744 frozen",
    explanation="The head has two softmax units. A yes-or-no question takes one sigmoid unit.",
)
def two_softmax_units(base):
    features = _frozen_features(base, base.layers[-1].input)
    model = keras.Model(features.inputs, layers.Dense(2, activation="softmax")(features.output))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="65 trainable, 55,744 frozen",
    explanation="The head sits on the ten probabilities. They know only about the old classes; the "
    "features are what comes before the last layer.",
)
def head_on_the_classes(base):
    features = _frozen_features(base, base.outputs[0])
    model = keras.Model(features.inputs, layers.Dense(1, activation="sigmoid")(features.output))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="65 trainable, 55,744 frozen",
    explanation="Only layers with a kernel are frozen. BatchNorm has weights, too: gamma and beta train, "
    "and its statistics move.",
)
def batchnorm_left_trainable(base):
    for layer in base.layers:
        layer.trainable = not hasattr(layer, "kernel")
    model = keras.Model(base.inputs, layers.Dense(1, activation="sigmoid")(base.layers[-1].input))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="65 trainable, 55,744 frozen",
    explanation="The base is not frozen: all its weights are trained together with the head.",
)
def nothing_frozen(base):
    model = keras.Model(base.inputs, layers.Dense(1, activation="sigmoid")(base.layers[-1].input))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="65 trainable, 55,744 frozen",
    explanation="There is a hidden layer in the head. One sigmoid unit directly on the features is asked "
    "for.",
)
def hidden_layer_in_the_head(base):
    features = _frozen_features(base, base.layers[-1].input)
    hidden = layers.Dense(32, activation="relu")(features.output)
    model = keras.Model(features.inputs, layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="a sigmoid on the features",
    explanation="The output has no sigmoid, so it is not a probability.",
)
def no_sigmoid(base):
    features = _frozen_features(base, base.layers[-1].input)
    model = keras.Model(features.inputs, layers.Dense(1)(features.output))
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="a sigmoid on the features",
    explanation="The features come from a copy with new random weights: clone_model copies the layers, "
    "not what they have learnt.",
)
def copy_without_the_weights(base):
    return build_transfer(keras.models.clone_model(base))


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="nothing but the head moves",
    explanation="The new model is not compiled; it has its own loss and optimizer.",
)
def not_compiled_after_building(base):
    features = _frozen_features(base, base.layers[-1].input)
    return keras.Model(features.inputs, layers.Dense(1, activation="sigmoid")(features.output))


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="nothing but the head moves",
    explanation="The loss is a cross-entropy over one class, which is 0 whatever the network says, so "
    "nothing is learnt. For one sigmoid unit it is the binary cross-entropy.",
)
def loss_that_is_always_zero(base):
    model = build_transfer(base)
    model.compile(
        "adam", lambda t, p: keras.losses.categorical_crossentropy(t, p / keras.ops.sum(p, -1, True))
    )
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="the base keeps its output",
    explanation="The base has lost its last layer: pop changes the model itself. Build a new model that "
    "ends at the layer before.",
)
def output_layer_popped(base):
    base.pop()
    base.trainable = False
    model = keras.Sequential([base, layers.Dense(1, activation="sigmoid")])
    model.build((None, *base.input_shape[1:]))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="the base keeps its output",
    explanation="The softmax of the base's last layer was switched off, so the base no longer gives "
    "probabilities. Take the features from the layer before and leave the base as it is.",
)
def last_activation_switched_off(base):
    base.layers[-1].activation = keras.activations.linear
    return build_transfer(base)


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="the base keeps its output",
    explanation="The base's weights are not those that it had: something was trained or drawn anew on the "
    "way.",
)
def base_reinitialised(base):
    fresh = keras.models.clone_model(base)
    base.set_weights(fresh.get_weights())
    return build_transfer(base)


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="nothing but the head moves",
    explanation="gamma and beta are frozen, but BatchNorm still runs in training mode: its moving "
    "statistics change with every batch. Set trainable on the layer itself.",
)
def batchnorm_statistics_move(base):
    model = keras.Model(base.inputs, layers.Dense(1, activation="sigmoid")(base.layers[-1].input))
    for layer in base.layers[:-1]:
        for weight in layer.trainable_weights:
            weight.trainable = False
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@misconception(
    question="q7",
    replaces="build_transfer",
    caught_by="nothing but the head moves",
    explanation="The flags say frozen, and the base moves all the same: they were set after compiling and "
    "a first step. Keras keeps the step that it has traced, so freeze first, then compile.",
)
def frozen_after_compile(base):
    features = keras.Model(base.inputs, base.layers[-1].input)
    for each in features.layers:
        each.trainable = not isinstance(each, layers.BatchNormalization)
    model = keras.Model(features.inputs, layers.Dense(1, activation="sigmoid")(features.output))
    model.compile(keras.optimizers.Adam(1e-9), "binary_crossentropy", metrics=["accuracy"])
    model.train_on_batch(np.zeros((2, *base.input_shape[1:])), np.array([0.0, 1.0]))
    features.trainable = False
    model.optimizer.learning_rate = 1e-3
    return model


# --- q8: fine-tuning --------------------------------------------------------------------------------


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="every layer moves",
    explanation="The model was not compiled anew. Keras goes on with the training step that it traced "
    "when the layers were frozen.",
)
def not_recompiled(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    model.trainable = False
    model.trainable = True
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0).history


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="every layer moves",
    explanation="The layers inside are still frozen. The model as a whole never was, and Keras passes a "
    "flag on only where it changes: go through the layers, nested ones too.",
)
def outermost_flag_only(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    model.trainable = True
    model.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy")
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0).history


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="layers frozen one by one",
    explanation="The flag of the nested model is set, those of its layers are not: Keras passes it on "
    "only where it changes. Go down to every layer.",
)
def one_level_only(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    for layer in model.layers:
        layer.trainable = True
    model.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy")
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0).history


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="every layer moves",
    explanation="Only some of the layers are unfrozen. All should be trained.",
)
def last_layers_only(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    for layer in model.layers:
        layer.trainable = True
        for inner in getattr(layer, "layers", [])[:-1]:
            inner.trainable = False
    model.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy")
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0).history


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="learning rate",
    explanation="learning_rate is not used: compiled with a name, the optimizer takes its own.",
)
def learning_rate_ignored(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    model.trainable = False
    model.trainable = True
    model.compile("adam", "binary_crossentropy")
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0).history


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="learning rate",
    explanation="By default the learning rate is Keras' 0.001. Fine-tuning takes a tenth of it, 0.0001.",
)
def default_rate_of_keras(model, x, y, *, learning_rate=1e-3, epochs, batch_size):
    return fine_tune(model, x, y, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size)


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="every layer moves",
    explanation="epochs is not used: one epoch is trained, always.",
)
def epochs_ignored(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    return fine_tune(model, x, y, learning_rate=learning_rate, epochs=1, batch_size=batch_size)


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="every layer moves",
    explanation="This is the object that fit returns. The dict of lists is its attribute history.",
)
def history_object_returned(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    model.trainable = False
    model.trainable = True
    model.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy")
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0)


@misconception(
    question="q8",
    replaces="fine_tune",
    caught_by="every layer moves",
    explanation="A copy was tuned, and the model itself is as it was.",
)
def tunes_a_copy(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return fine_tune(copy, x, y, learning_rate=learning_rate, epochs=epochs, batch_size=batch_size)


# --- q9: BatchNorm ----------------------------------------------------------------------------------


@misconception(
    question="q9",
    replaces="build_bn_cnn",
    caught_by="1,679,082 parameters",
    explanation="Each block has one convolution. It should have two, each with ReLU and BatchNorm.",
)
def one_convolution_a_block():
    inputs = keras.Input((28, 28, 1))
    x = inputs
    for filters in (32, 64):
        for _ in range(1):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(2)(x)
    return _compiled(keras.Model(inputs, _dense_head(layers.Flatten(name="features")(x))))


@misconception(
    question="q9",
    replaces="build_bn_cnn",
    caught_by="1,679,082 parameters",
    explanation="No layer is called features, so the transfer cannot find where to cut: "
    'layers.Flatten(name="features").',
)
def features_without_name():
    inputs = keras.Input((28, 28, 1))
    x = inputs
    for filters in (32, 64):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(2)(x)
    return _compiled(keras.Model(inputs, _dense_head(layers.Flatten()(x))))


@misconception(
    question="q9",
    replaces="build_bn_cnn",
    caught_by="1,679,082 parameters",
    explanation="The convolutions have no padding, so the images shrink. With same padding 7×7×64 values "
    "reach features.",
)
def convolutions_without_padding():
    inputs = keras.Input((28, 28, 1))
    x = inputs
    for filters in (32, 64):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, activation="relu")(x)
            x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(2)(x)
    return _compiled(keras.Model(inputs, _dense_head(layers.Flatten(name="features")(x))))


@misconception(
    question="q9",
    replaces="build_bn_cnn",
    caught_by="what the network computes",
    explanation="BatchNorm comes before ReLU. Here ReLU comes first: convolution, ReLU, BatchNorm.",
)
def batchnorm_before_relu():
    inputs = keras.Input((28, 28, 1))
    x = inputs
    for filters in (32, 64):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.MaxPooling2D(2)(x)
    return _compiled(keras.Model(inputs, _dense_head(layers.Flatten(name="features")(x))))


@misconception(
    question="q9",
    replaces="build_bn_cnn",
    caught_by="dropout in the head",
    explanation="Nothing is dropped in training: a Dropout 0.5 belongs before the softmax.",
)
def no_dropout():
    base = build_bn_cnn()
    x = layers.Dense(512, activation="relu")(base.get_layer("features").output)
    x = layers.BatchNormalization()(x)
    return _compiled(keras.Model(base.inputs, layers.Dense(10, activation="softmax")(x)))


@misconception(
    question="q9",
    replaces="build_bn_cnn",
    caught_by="dropout in the head",
    explanation="The dropout rate is not 0.5. It is the share that is dropped.",
)
def dropout_of_another_rate():
    base = build_bn_cnn()
    x = layers.Dense(512, activation="relu")(base.get_layer("features").output)
    x = layers.Dropout(0.2)(layers.BatchNormalization()(x))
    return _compiled(keras.Model(base.inputs, layers.Dense(10, activation="softmax")(x)))


@misconception(
    question="q9",
    replaces="build_bn_transfer",
    caught_by="1,612,298 trainable, 66,784 frozen",
    explanation="The convolutions are not frozen.",
)
def whole_network_trainable(base):
    return _compiled(keras.Model(base.inputs, _dense_head(base.get_layer("features").output)))


@misconception(
    question="q9",
    replaces="build_bn_transfer",
    caught_by="1,612,298 trainable, 66,784 frozen",
    explanation="gamma and beta of the convolutions' BatchNorm are still trainable: layers without a "
    "kernel have to be frozen, too.",
)
def gamma_and_beta_trainable(base):
    for layer in base.layers:
        layer.trainable = not hasattr(layer, "kernel")
    return _compiled(keras.Model(base.inputs, _dense_head(base.get_layer("features").output)))


@misconception(
    question="q9",
    replaces="build_bn_transfer",
    caught_by="1,612,298 trainable, 66,784 frozen",
    explanation="Only the softmax layer is new. The new head begins at features, with a dense layer of "
    "512 units.",
)
def only_the_last_layer_new(base):
    body = _frozen_features(base, base.layers[-1].input)
    return _compiled(keras.Model(body.inputs, layers.Dense(10, activation="softmax")(body.output)))


@misconception(
    question="q9",
    replaces="build_bn_transfer",
    caught_by="new head, base intact",
    explanation="The head is that of the base, with the weights that it has learnt for other classes, and "
    "training it changes the base. Build new layers.",
)
def old_head_kept(base):
    names = [layer.name for layer in base.layers]
    for layer in base.layers[: names.index("features") + 1]:
        layer.trainable = False
    return _compiled(keras.Model(base.inputs, base.outputs))


@misconception(
    question="q9",
    replaces="build_bn_transfer",
    caught_by="new head, base intact",
    explanation="The moving statistics of the frozen BatchNorm layers change in training. Set trainable "
    "on the layers, not on their weights.",
)
def frozen_statistics_move(base):
    features = keras.Model(base.inputs, base.get_layer("features").output)
    for weight in features.trainable_weights:
        weight.trainable = False
    return _compiled(keras.Model(features.inputs, _dense_head(features.output)))
