# %% [markdown]
# # Assignment 3: pixels and padding
#
# Mistakes in the first questions: images are divided by their maximum, the padding of the convolution is
# that of stride 1, the network ends without a softmax, and inverted images are -x. The rest is right.

# %%
import keras
import tensorflow as tf
from keras import layers, ops

# %%
def preprocess(images, labels, num_classes):
    images = ops.cast(images, "float32")
    if len(images.shape) == 3:
        images = ops.expand_dims(images, axis=-1)
    return images / ops.max(images), keras.utils.to_categorical(labels, num_classes)

# %%
def conv2d(x, kernel, stride=1, padding="valid"):
    # every window as a row of a matrix, then one product
    x, kernel = tf.cast(x, tf.float32), tf.cast(kernel, tf.float32)
    if padding == "same":
        p = kernel.shape[0] // 2
        x, padding = tf.pad(x, [[0, 0], [p, p], [p, p], [0, 0]]), "valid"
    k, _, c_in, c_out = kernel.shape
    patches = tf.image.extract_patches(
        x, sizes=[1, k, k, 1], strides=[1, stride, stride, 1], rates=[1, 1, 1, 1], padding=padding.upper()
    )
    return tf.tensordot(patches, tf.reshape(kernel, (k * k * c_in, c_out)), axes=1)


def max_pool(x, size=2):
    patches = tf.image.extract_patches(x, [1, size, size, 1], [1, size, size, 1], [1, 1, 1, 1], "VALID")
    n, h, w, _ = patches.shape
    return tf.reduce_max(tf.reshape(patches, (n, h, w, size * size, -1)), axis=3)

# %%
def build_cnn(input_shape=(28, 28, 1), num_classes=10):
    model = keras.Sequential(name="cnn")
    model.add(keras.Input(shape=input_shape))
    model.add(layers.Conv2D(32, 3, activation="relu"))
    model.add(layers.MaxPooling2D())
    model.add(layers.Conv2D(64, 3, activation="relu"))
    model.add(layers.MaxPooling2D())
    model.add(layers.Conv2D(64, 3, activation="relu"))
    model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(num_classes))
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def count_parameters(layers):
    total = 0
    for layer in layers:
        match layer:
            case ("conv", k, n_in, n_out):
                total += k**2 * n_in * n_out + n_out
            case ("dense", n_in, n_out):
                total += n_in * n_out + n_out
    return total

# %%
def train_cnn(model, x, y, *, epochs, batch_size, validation=None, seed=0):
    keras.utils.set_random_seed(seed)
    fit = model.fit(x, y, epochs=epochs, batch_size=batch_size, validation_data=validation, verbose=0)
    return fit.history

# %%
def confusion_matrix(y_true, y_pred, num_classes):
    return tf.math.confusion_matrix(y_true, y_pred, num_classes=num_classes)


def augment_invert(x, y):
    return ops.concatenate([x, -x], axis=0), ops.concatenate([y, y], axis=0)

# %%
import os


def save_model(model, directory):
    if not os.path.exists(directory):
        os.makedirs(directory)
    with open(directory + "/model.json", "w") as f:
        f.write(model.to_json())
    model.save_weights(directory + "/model.weights.h5")


def load_model(directory):
    with open(directory + "/model.json") as f:
        model = keras.models.model_from_json(f.read())
    model.load_weights(directory + "/model.weights.h5")
    return model

# %%
def build_transfer(base):
    base.trainable = False
    features = keras.Model(base.inputs, base.layers[-2].output)
    model = keras.Sequential([keras.Input(base.input_shape[1:]), features, layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model

# %%
def fine_tune(model, x, y, *, learning_rate=1e-4, epochs, batch_size):
    model.trainable = False
    model.trainable = True
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=learning_rate), loss="binary_crossentropy", metrics=["accuracy"]
    )
    return model.fit(x, y, epochs=epochs, batch_size=batch_size, verbose=0).history

# %%
def new_head():
    return [
        layers.Dense(512, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]


def build_bn_cnn():
    def unit(filters):
        return [layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.BatchNormalization()]

    body = [*unit(32), *unit(32), layers.MaxPooling2D(2), *unit(64), *unit(64), layers.MaxPooling2D(2)]
    return keras.Sequential([keras.Input((28, 28, 1)), *body, layers.Flatten(name="features"), *new_head()])


def build_bn_transfer(base):
    features = keras.Model(base.inputs, base.get_layer("features").output)
    features.trainable = False
    model = keras.Sequential([keras.Input((28, 28, 1)), features, *new_head()])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
