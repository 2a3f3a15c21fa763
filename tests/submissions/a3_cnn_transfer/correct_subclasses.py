# %% [markdown]
# # Assignment 3: classes
#
# A correct solution with classes: a convolution that keeps its kernel, a dataset that shuffles itself, a
# model written as a subclass of keras.Model, and raw variables.

# %%
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

# %%
class Preparation:
    def __init__(self, num_classes):
        self.num_classes = num_classes

    def images(self, images):
        images = tf.convert_to_tensor(images)
        images = images[..., None] if images.ndim == 3 else images
        return tf.image.convert_image_dtype(images, tf.float32)  # uint8 is divided by 255

    def labels(self, labels):
        return tf.one_hot(tf.cast(labels, tf.int32), self.num_classes)


def preprocess(images, labels, num_classes):
    prepare = Preparation(num_classes)
    return prepare.images(images), prepare.labels(labels)

# %%
class Convolution:
    """A kernel, applied by shifting the image rather than the kernel."""

    def __init__(self, kernel, stride, padding):
        self.kernel = tf.Variable(kernel, dtype=tf.float32)
        self.stride, self.padding = stride, padding

    def margins(self, size):
        k = self.kernel.shape[0]
        if self.padding == "valid":
            return 0, 0
        lacking = (-(-size // self.stride) - 1) * self.stride + k - size
        lacking = max(lacking, 0)
        return lacking // 2, (lacking + 1) // 2

    def __call__(self, x):
        k = self.kernel.shape[0]
        x = tf.pad(tf.cast(x, tf.float32), [[0, 0], self.margins(x.shape[1]), self.margins(x.shape[2]), [0, 0]])
        h, w = x.shape[1] - k + 1, x.shape[2] - k + 1
        shifted = [x[:, u : u + h, v : v + w, :] for u in range(k) for v in range(k)]
        columns = tf.stack(shifted, axis=3)[:, :: self.stride, :: self.stride]
        kernel = tf.reshape(self.kernel, (k * k, *self.kernel.shape[2:]))
        return tf.einsum("nhwkc,kcd->nhwd", columns, kernel)


def conv2d(x, kernel, stride=1, padding="valid"):
    return Convolution(kernel, stride, padding)(x)


def max_pool(x, size=2):
    x = tf.convert_to_tensor(x)
    for axis in (1, 2):
        n = x.shape[axis] // size
        x = tf.stack([tf.gather(x, tf.range(n) * size + u, axis=axis) for u in range(size)])
        x = tf.reduce_max(x, axis=0)
    return x

# %%
class Cnn(keras.Model):
    def __init__(self, input_shape, num_classes):
        super().__init__()
        self.stack = []
        for filters in (32, 64, 64):
            self.stack.append(keras.layers.Conv2D(filters, 3, activation="relu"))
            self.stack.append(keras.layers.MaxPooling2D())
        self.flatten = keras.layers.Flatten()
        self.classify = keras.layers.Dense(num_classes, activation="softmax")
        self.shape_of_image = tuple(input_shape)
        self(keras.Input(input_shape))

    @property
    def input_shape(self):
        return (None, *self.shape_of_image)

    @property
    def output_shape(self):
        return (None, self.classify.units)

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return self.classify(self.flatten(x))


def build_cnn(input_shape=(28, 28, 1), num_classes=10):
    model = Cnn(input_shape, num_classes)
    model.compile("nadam", keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    return model


def count_parameters(layers):
    def of(name, *sizes):
        if name == "conv":
            k, n_in, n_out = sizes
            return np.prod([k, k, n_in, n_out]) + n_out
        return (sizes[0] + 1) * sizes[1] if name == "dense" else 0

    return sum((of(*layer) for layer in layers), 0)

# %%
class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size, seed):
        super().__init__()
        self.x, self.y, self.size = np.asarray(x), np.asarray(y), size
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self):
        self.order = self.rng.permutation(len(self.x))

    def __len__(self):
        return -(-len(self.x) // self.size)

    def __getitem__(self, k):
        batch = self.order[k * self.size : (k + 1) * self.size]
        return self.x[batch], self.y[batch]


def train_cnn(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    data = Batches(x, y, batch_size, seed)
    return model.fit(data, epochs=epochs, validation_data=validation, shuffle=False, verbose=0).history

# %%
def confusion_matrix(y_true, y_pred, num_classes):
    truth, guess = tf.one_hot(y_true, num_classes), tf.one_hot(y_pred, num_classes)
    return tf.matmul(truth, guess, transpose_a=True)


def augment_invert(x, y):
    flip = tf.reshape(tf.constant([0.0, 1.0]), (2, *[1] * tf.rank(x).numpy()))
    x = tf.abs(flip - tf.cast(x, tf.float32)[None])
    return tf.reshape(x, (-1, *x.shape[2:])), tf.concat([y, y], 0)

# %%
class Store:
    def __init__(self, directory):
        self.folder = Path(directory)
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, model):
        config = {"class": type(model).__name__, "config": json.loads(model.to_json())}
        (self.folder / "config.json").write_text(json.dumps(config))
        flat = np.concatenate([w.ravel() for w in model.get_weights()])
        flat.astype("<f4").tofile(self.folder / "weights.bin")

    def read(self):
        config = json.loads((self.folder / "config.json").read_text())["config"]
        model = keras.models.model_from_json(json.dumps(config))
        flat = np.fromfile(self.folder / "weights.bin", "<f4")
        shapes = [w.shape for w in model.get_weights()]
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
        model.set_weights([part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes)])
        return model


def save_model(model, directory):
    Store(directory).write(model)


def load_model(directory):
    return Store(directory).read()

# %%
class Features(keras.layers.Layer):
    """The layers of a base before its last, always in inference mode."""

    def __init__(self, base):
        super().__init__()
        self.body = keras.Model(base.inputs, base.layers[-2].output)
        self.body.trainable = False

    def call(self, x):
        return self.body(x, training=False)


def build_transfer(base):
    inputs = keras.Input(base.input_shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(1, activation=keras.activations.sigmoid)(Features(base)(inputs)))
    model.compile(keras.optimizers.Adam(0.003), keras.losses.BinaryFocalCrossentropy(), metrics=["accuracy"])
    return model

# %%
def fine_tune(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    for layer in model._flatten_layers():
        layer.trainable = True
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=0.0)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(), metrics=["accuracy", "auc"])
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(batch_size)
    return {key: list(values) for key, values in model.fit(data, epochs=epochs, verbose=0).history.items()}

# %%

def conv_unit(x, filters):
    x = keras.layers.Conv2D(filters, 3, padding="same")(x)
    return keras.layers.BatchNormalization(epsilon=1e-4)(keras.ops.relu(x))


def dense_head(x):
    x = keras.ops.relu(keras.layers.Dense(512)(x))
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization(epsilon=1e-4)(x))
    return keras.layers.Dense(10, activation="softmax")(x)


def build_bn_cnn():
    x = inputs = keras.Input((28, 28, 1))
    x = keras.layers.MaxPooling2D()(conv_unit(conv_unit(x, 32), 32))
    x = keras.layers.MaxPooling2D()(conv_unit(conv_unit(x, 64), 64))
    return keras.Model(inputs, dense_head(keras.layers.Flatten(name="features")(x)))


def build_bn_transfer(base):
    body = keras.Model(base.inputs, base.get_layer("features").output)
    body.trainable = False
    return keras.Model(body.inputs, dense_head(body.output))
