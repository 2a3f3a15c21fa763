# %% [markdown]
# # Assignment 1: Keras wherever the rules allow it
#
# A correct solution. Initialiser, layers, losses, metric and optimizer come from Keras, except in the three gradients
# that have to be written by hand.

# %%
import keras
import numpy as np
import tensorflow as tf
from keras import layers as kl

# %%
def init_params(n_in, n_hidden, n_out, seed):
    first = keras.initializers.HeNormal(seed=2 * seed)
    second = keras.initializers.HeNormal(seed=2 * seed + 1)
    return {
        "w1": first((n_in, n_hidden)),
        "b1": tf.zeros((n_hidden,)),
        "w2": second((n_hidden, n_out)),
        "b2": tf.zeros((n_out,)),
    }

# %%
def sigmoid(z):
    return keras.activations.sigmoid(tf.convert_to_tensor(z))


def sigmoid_grad(z):
    return tf.sigmoid(z) * (1 - tf.sigmoid(z))


def relu(z):
    return keras.activations.relu(tf.convert_to_tensor(z))


def relu_grad(z):
    return tf.cast(tf.math.greater(z, tf.zeros_like(z)), tf.float32)


def softmax(z):
    return tf.nn.softmax(z)

# %%
def build(params):
    n_in, n_hidden = params["w1"].shape
    inputs = keras.Input((n_in,))
    hidden = kl.Dense(n_hidden, activation="relu")(inputs)
    outputs = kl.Dense(params["w2"].shape[1])(hidden)
    model = keras.Model(inputs, [outputs, hidden])
    model.set_weights([np.asarray(params[key]) for key in ("w1", "b1", "w2", "b2")])
    return model


def forward(params, x):
    y_hat, hidden = build(params)(tf.convert_to_tensor(x))
    return y_hat, hidden

# %%
def mse_loss(params, y_hat, t, reg):
    penalty = keras.regularizers.L2(reg)
    error = keras.ops.mean(keras.losses.mean_squared_error(t, y_hat)) * t.shape[1]
    return error + penalty(tf.convert_to_tensor(params["w1"])) + penalty(tf.convert_to_tensor(params["w2"]))


def cross_entropy(logits, t):
    return keras.losses.CategoricalCrossentropy(from_logits=True)(t, logits)

# %%
def backward(params, x, y_hat, hidden, t, reg):
    """By hand."""
    n = x.shape[0]
    d_out = 2 / n * (tf.convert_to_tensor(y_hat) - t)
    d_hidden = tf.einsum("nc,hc->nh", d_out, params["w2"]) * relu_grad(hidden)
    return {
        "w1": tf.einsum("nd,nh->dh", x, d_hidden) + 2 * reg * params["w1"],
        "b1": tf.einsum("nh->h", d_hidden),
        "w2": tf.einsum("nh,nc->hc", hidden, d_out) + 2 * reg * params["w2"],
        "b2": tf.einsum("nc->c", d_out),
    }

# %%
def tape_gradients(params, x, t, reg):
    model = build(params)
    with tf.GradientTape() as tape:
        y_hat, _ = model(x)
        w1, b1, w2, b2 = model.trainable_variables
        loss = mse_loss({"w1": w1, "w2": w2}, y_hat, t, reg)
    return dict(zip(("w1", "b1", "w2", "b2"), tape.gradient(loss, [w1, b1, w2, b2])))

# %%
def backward_cross_entropy(params, x, t):
    """By hand."""
    logits, hidden = forward(params, x)
    d_out = (tf.nn.softmax(logits) - t) / x.shape[0]
    d_hidden = tf.einsum("nc,hc->nh", d_out, params["w2"]) * relu_grad(hidden)
    return {
        "w1": tf.einsum("nd,nh->dh", x, d_hidden),
        "b1": tf.einsum("nh->h", d_hidden),
        "w2": tf.einsum("nh,nc->hc", hidden, d_out),
        "b2": tf.einsum("nc->c", d_out),
    }

# %%
def accuracy(y_hat, t):
    metric = keras.metrics.CategoricalAccuracy()
    metric.update_state(t, y_hat)
    return float(metric.result())

# %%
def gradient_descent_step(params, grads, learning_rate):
    variables = {key: keras.Variable(value) for key, value in params.items()}
    optimizer = keras.optimizers.SGD(learning_rate)
    optimizer.apply([tf.convert_to_tensor(grads[key]) for key in variables], list(variables.values()))
    return {key: variable.numpy() for key, variable in variables.items()}


def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    model = build(init_params(x.shape[1], n_hidden, t.shape[1], seed))
    optimizer = keras.optimizers.SGD(learning_rate)
    names = ("w1", "b1", "w2", "b2")

    @tf.function
    def step():
        if gradients == "tape":
            with tf.GradientTape() as tape:
                loss = mse_loss(dict(zip(names, model.trainable_variables)), model(x)[0], t, reg)
            grads = tape.gradient(loss, model.trainable_variables)
        else:
            params = {name: tf.convert_to_tensor(v) for name, v in zip(names, model.trainable_variables)}
            found = backward(params, x, *model(x), t, reg)
            grads = [found[name] for name in names]
        optimizer.apply(grads, model.trainable_variables)

    history = {f"{split}_{what}": [] for split in ("train", "test") for what in ("loss", "accuracy")}
    for _ in range(epochs):
        step()
        params = dict(zip(names, model.get_weights()))
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat = model(inputs)[0]
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, targets, reg)))
            history[f"{split}_accuracy"].append(np.mean(np.argmax(y_hat, 1) == np.argmax(targets, 1)))
    return params, history

# %%
def mlp_init(sizes, seed):
    seeds = keras.random.SeedGenerator(seed)
    he_normal = keras.initializers.HeNormal(seed=seeds)
    return [(he_normal((a, b)), tf.zeros(b)) for a, b in zip(sizes, sizes[1:])]


def mlp_forward(layers, x, dropout_rate=0.0, seed=None):
    seeds = keras.random.SeedGenerator(seed)
    *body, (w_last, b_last) = layers
    for w, b in body:
        x = keras.ops.relu(keras.ops.matmul(x, w) + b)
        if dropout_rate:
            x = keras.random.dropout(x, dropout_rate, seed=seeds)
    return keras.ops.matmul(x, w_last) + b_last


def mlp_backward(layers, x, t):
    """By hand."""
    inputs = [tf.convert_to_tensor(x)]
    for w, b in layers[:-1]:
        inputs.append(tf.nn.relu(inputs[-1] @ w + b))
    delta = (tf.nn.softmax(inputs[-1] @ layers[-1][0] + layers[-1][1]) - t) / x.shape[0]
    grads = []
    while inputs:
        h = inputs.pop()
        grads.insert(0, (tf.transpose(h) @ delta, tf.reduce_sum(delta, 0)))
        delta = tf.where(h > 0, tf.matmul(delta, layers[len(inputs)][0], transpose_b=True), 0.0) if inputs else None
    return grads

# %%
build(init_params(784, 16, 10, seed=0)).summary()
