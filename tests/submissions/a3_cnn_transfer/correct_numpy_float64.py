# %% [markdown]
# # Assignment 3: NumPy and float64 where it can be
#
# A correct solution. Images, convolution and matrices in NumPy; Keras only for the models.

# %%
import json
import os

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# %%
def preprocess(images, labels, num_classes):
    x = np.asarray(images).astype(np.float64) / 255
    if x.ndim == 3:
        x = np.expand_dims(x, -1)
    return x, np.eye(num_classes)[np.asarray(labels, dtype=int)]

# %%
def conv2d(x, kernel, stride=1, padding="valid"):
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    k = len(kernel)
    if padding == "same":
        pads = [(0, 0)]
        for size in x.shape[1:3]:
            total = max((int(np.ceil(size / stride)) - 1) * stride + k - size, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, [*pads, (0, 0)])
    windows = sliding_window_view(x, (k, k), axis=(1, 2))[:, ::stride, ::stride]  # (N, h, w, c, k, k)
    return np.einsum("nijcuv,uvcd->nijd", windows, kernel)


def max_pool(x, size=2):
    x = np.asarray(x)
    h, w = x.shape[1] // size * size, x.shape[2] // size * size
    return np.maximum.reduce([x[:, i:h:size, j:w:size] for i in range(size) for j in range(size)])

# %%
def build_cnn(input_shape=(28, 28, 1), num_classes=10):
    inputs = keras.layers.Input(shape=input_shape)
    h = inputs
    for filters in (32, 64, 64):
        h = keras.layers.Conv2D(filters, (3, 3))(h)
        h = keras.layers.Activation("relu")(h)
        h = keras.layers.MaxPool2D((2, 2))(h)
    h = keras.layers.Flatten()(h)
    h = keras.layers.Dense(num_classes)(h)
    model = keras.Model(inputs, keras.layers.Softmax()(h))
    model.compile(optimizer="rmsprop", loss=keras.losses.SparseCategoricalCrossentropy())
    return model


def count_parameters(layers):
    weights = {"conv": lambda k, i, o: k * k * i * o + o, "dense": lambda i, o: i * o + o}
    return float(sum(weights[name](*args) for name, *args in layers if name in weights))

# %%
def train_cnn(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    rng = np.random.default_rng(seed)
    x, y = np.asarray(x), np.asarray(y)
    history = {"loss": []}
    if validation is not None:
        history["val_loss"] = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        losses = []
        for start in range(0, len(x) - batch_size + 1, batch_size):  # the last short batch is dropped
            batch = order[start : start + batch_size]
            result = model.train_on_batch(x[batch], y[batch], return_dict=True)
            losses.append(float(result["loss"]))
        history["loss"].append(np.mean(losses))
        if validation is not None:
            score = model.evaluate(np.asarray(validation[0]), np.asarray(validation[1]), verbose=0)
            history["val_loss"].append(float(np.ravel(score)[0]))
    return history

# %%
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = np.zeros((num_classes, num_classes))
    np.add.at(matrix, (np.asarray(y_true), np.asarray(y_pred)), 1)
    return matrix


def augment_invert(x, y):
    x = np.asarray(x, np.float64)
    return np.concatenate((x, 1.0 - x), axis=0), np.concatenate((y, y), axis=0)

# %%
def save_model(model, directory):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "architecture.json"), "w") as file:
        json.dump(json.loads(model.to_json()), file, indent=2)
    arrays = {f"w{k:03d}": w for k, w in enumerate(model.get_weights())}
    np.savez_compressed(os.path.join(directory, "weights.npz"), **arrays)


def load_model(directory):
    with open(os.path.join(directory, "architecture.json")) as file:
        model = keras.models.model_from_json(file.read())
    stored = np.load(os.path.join(directory, "weights.npz"))
    model.set_weights([stored[name] for name in sorted(stored.files)])
    return model

# %%
def build_transfer(base):
    for layer in base.layers[:-1]:
        layer.trainable = False
    head = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Model(base.input, head(base.layers[-2].output))
    model.compile(optimizer=keras.optimizers.RMSprop(0.01), loss="mse")
    return model

# %%
def unfreeze(layer):
    layer.trainable = True
    for inner in getattr(layer, "layers", []):
        unfreeze(inner)


def fine_tune(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    unfreeze(model)
    model.compile(optimizer=keras.optimizers.RMSprop(learning_rate), loss="binary_crossentropy")
    history = {"loss": []}
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        batches = [order[s : s + batch_size] for s in range(0, len(x), batch_size)]
        losses = [model.train_on_batch(x[b], y[b]) for b in batches]
        history["loss"].append(float(np.mean(losses)))
    return history

# %%
def head_on(h):
    for layer in (
        keras.layers.Dense(512),
        keras.layers.ReLU(),
        keras.layers.BatchNormalization(epsilon=1e-5),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10),
        keras.layers.Softmax(),
    ):
        h = layer(h)
    return h


def build_bn_cnn():
    inputs = keras.Input((28, 28, 1))
    h = inputs
    for filters in (32, 32, "pool", 64, 64, "pool"):
        if filters == "pool":
            h = keras.layers.MaxPooling2D()(h)
        else:
            h = keras.layers.Conv2D(filters, 3, padding="same")(h)
            h = keras.layers.BatchNormalization(epsilon=1e-5)(keras.layers.ReLU()(h))
    return keras.Model(inputs, head_on(keras.layers.Flatten(name="features")(h)))


def build_bn_transfer(base):
    cut = [layer.name for layer in base.layers].index("features")
    for layer in base.layers[: cut + 1]:
        layer.trainable = False
    return keras.Model(base.inputs, head_on(base.layers[cut].output))
