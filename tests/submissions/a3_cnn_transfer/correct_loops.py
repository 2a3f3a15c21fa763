# %% [markdown]
# # Assignment 3: plain loops
#
# A correct solution that says everything one step at a time, and trains by its own loop with a tape.

# %%
import pathlib
import pickle

import keras
import numpy as np
import tensorflow as tf

# %%
def preprocess(images, labels, num_classes):
    images = np.array(images)
    if len(images.shape) < 4:
        images = images.reshape(images.shape[0], images.shape[1], images.shape[2], 1)
    one_hot = np.zeros((len(labels), num_classes), dtype="float32")
    for row, label in enumerate(labels):
        one_hot[row, int(label)] = 1.0
    return np.float32(images) / np.float32(255.0), one_hot

# %%
def zeros_around(size, k, stride):
    # TensorFlow's rule, as its documentation words it
    if size % stride == 0:
        total = max(k - stride, 0)
    else:
        total = max(k - size % stride, 0)
    before = total // 2
    return before, total - before


def conv2d(x, kernel, stride=1, padding="valid"):
    x, kernel = np.array(x), np.array(kernel)
    k = kernel.shape[0]
    if padding == "same":
        rows, columns = zeros_around(x.shape[1], k, stride), zeros_around(x.shape[2], k, stride)
        x = np.pad(x, ((0, 0), rows, columns, (0, 0)))
    height = (x.shape[1] - k) // stride + 1
    width = (x.shape[2] - k) // stride + 1
    y = np.zeros((x.shape[0], height, width, kernel.shape[3]))
    for n in range(y.shape[0]):
        for i in range(height):
            for j in range(width):
                window = x[n, i * stride : i * stride + k, j * stride : j * stride + k, :]
                for d in range(y.shape[3]):
                    y[n, i, j, d] = (window * kernel[:, :, :, d]).sum()
    return y


def max_pool(x, size=2):
    x = np.array(x)
    y = np.zeros((x.shape[0], x.shape[1] // size, x.shape[2] // size, x.shape[3]))
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            y[:, i, j, :] = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size, :].max(axis=1).max(axis=1)
    return y

# %%
def build_cnn(input_shape=(28, 28, 1), num_classes=10):
    model = keras.models.Sequential()
    model.add(keras.layers.InputLayer(shape=input_shape))
    for filters in [32, 64, 64]:
        model.add(keras.layers.Conv2D(filters=filters, kernel_size=3))
        model.add(keras.layers.ReLU())
        model.add(keras.layers.MaxPooling2D(pool_size=2))
    model.add(keras.layers.Reshape((-1,)))
    model.add(keras.layers.Dense(num_classes, activation=tf.nn.softmax))
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), keras.losses.sparse_categorical_crossentropy)
    return model


def count_parameters(layers):
    total = 0
    for layer in layers:
        if layer[0] == "conv":
            for _ in range(layer[3]):  # one kernel after the other
                total += layer[1] * layer[1] * layer[2] + 1
        if layer[0] == "dense":
            for _ in range(layer[2]):
                total += layer[1] + 1
    return total

# %%
def train_cnn(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    optimizer = keras.optimizers.Adam(0.005)
    loss_of = keras.losses.SparseCategoricalCrossentropy()
    order = np.arange(len(x))
    np.random.seed(seed)
    np.random.shuffle(order)  # once, for all epochs
    x, y = tf.gather(x, order), tf.gather(y, order)

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(images, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    history = {"loss": [], "val_loss": []} if validation is not None else {"loss": []}
    for _ in range(epochs):
        losses = []
        for start in range(0, len(x), batch_size):
            losses.append(float(step(x[start : start + batch_size], y[start : start + batch_size])))
        history["loss"].append(sum(losses) / len(losses))
        if validation is not None:
            history["val_loss"].append(loss_of(validation[1], model(validation[0], training=False)))
    return history

# %%
def confusion_matrix(y_true, y_pred, num_classes):
    table = [[0] * num_classes for _ in range(num_classes)]
    for truth, guess in zip(y_true, y_pred):
        table[int(truth)][int(guess)] += 1
    return np.array(table)


def augment_invert(x, y):
    new_x, new_y = list(x), list(y)
    for image, label in zip(x, y):
        new_x.append(1 - image)
        new_y.append(label)
    return np.array(new_x), np.array(new_y)

# %%
def save_model(model, directory):
    pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
    pathlib.Path(directory, "net.txt").write_text(model.to_json())
    with open(pathlib.Path(directory, "weights.pickle"), "wb") as file:
        pickle.dump(model.get_weights(), file)


def load_model(directory):
    model = keras.models.model_from_json(pathlib.Path(directory, "net.txt").read_text())
    with open(pathlib.Path(directory, "weights.pickle"), "rb") as file:
        model.set_weights(pickle.load(file))
    return model

# %%
def build_transfer(base):
    # the layers are called one by one on a new input, each frozen
    inputs = keras.Input(base.input_shape[1:])
    h = inputs
    for layer in base.layers[:-1]:
        if not isinstance(layer, keras.layers.InputLayer):
            layer.trainable = False
            h = layer(h)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(h))
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    return model

# %%
def all_layers(model):
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from all_layers(layer)


def fine_tune(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    for layer in all_layers(model):
        layer.trainable = True
    model.compile(keras.optimizers.Adam(learning_rate), keras.losses.BinaryCrossentropy())
    history = {"loss": []}
    for _ in range(epochs):
        result = model.fit(np.array(x), np.array(y).astype("float32"), batch_size=batch_size, epochs=1, verbose=0)
        history["loss"].extend(result.history["loss"])
    return history

# %%
def build_bn_cnn():
    net = [keras.Input((28, 28, 1))]
    for filters in [32, 64]:
        for _ in range(2):
            net.append(keras.layers.Conv2D(filters, 3, padding="same"))
            net.append(keras.layers.Activation("relu"))
            net.append(keras.layers.BatchNormalization())
        net.append(keras.layers.MaxPooling2D())
    net.append(keras.layers.Flatten(name="features"))
    net.append(keras.layers.Dense(512))
    net.append(keras.layers.Activation("relu"))
    net.append(keras.layers.BatchNormalization())
    net.append(keras.layers.Dropout(0.5))
    net.append(keras.layers.Dense(10))
    net.append(keras.layers.Activation("softmax"))
    return keras.Sequential(net)


def build_bn_transfer(base):
    net = [keras.Input((28, 28, 1))]
    for layer in base.layers:
        layer.trainable = False
        if not isinstance(layer, keras.layers.InputLayer):
            net.append(layer)
        if layer.name == "features":
            break
    net.append(keras.layers.Dense(512, activation="relu"))
    net.append(keras.layers.BatchNormalization())
    net.append(keras.layers.Dropout(0.5))
    net.append(keras.layers.Dense(10, activation="softmax"))
    return keras.Sequential(net)
