# %% [markdown]
# # Assignment 1: a loop that never ends
#
# `mlp_init` forgets to count up, and a cell calls it. All the rest is right, also what follows that cell.

# %%
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_history, show_images

# %%
def init_params(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    w1 = rng.normal(0, np.sqrt(2 / n_in), (n_in, n_hidden)).astype(np.float32)
    w2 = rng.normal(0, np.sqrt(2 / n_hidden), (n_hidden, n_out)).astype(np.float32)
    return {"w1": w1, "b1": np.zeros(n_hidden, np.float32), "w2": w2, "b2": np.zeros(n_out, np.float32)}

# %%
def sigmoid(z):
    return tf.nn.sigmoid(z)


def sigmoid_grad(z):
    s = sigmoid(z)
    return s * (1 - s)


def relu(z):
    return tf.maximum(z, 0.0)


def relu_grad(z):
    return np.where(np.asarray(z) > 0, 1.0, 0.0).astype(np.float32)


def softmax(z):
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)

# %%
def forward(params, x):
    hidden = relu(tf.matmul(x, params["w1"]) + params["b1"])
    return tf.matmul(hidden, params["w2"]) + params["b2"], hidden

# %%
def mse_loss(params, y_hat, t, reg):
    error = tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=1))
    return error + reg * (tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2))


def cross_entropy(logits, t):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(t, logits))

# %%
def backward(params, x, y_hat, hidden, t, reg):
    x, y_hat, hidden = np.asarray(x), np.asarray(y_hat), np.asarray(hidden)
    d_y = 2 * (y_hat - t) / len(x)
    d_z = d_y @ np.transpose(params["w2"]) * (hidden > 0)
    return {
        "w1": x.T @ d_z + 2 * reg * params["w1"],
        "b1": d_z.sum(axis=0),
        "w2": hidden.T @ d_y + 2 * reg * params["w2"],
        "b2": d_y.sum(axis=0),
    }

# %%
def tape_gradients(params, x, t, reg):
    params = {key: tf.Variable(value) for key, value in params.items()}
    with tf.GradientTape() as tape:
        y_hat, _ = forward(params, x)
        loss = mse_loss(params, y_hat, t, reg)
    return tape.gradient(loss, params)

# %%
def backward_cross_entropy(params, x, t):
    logits, hidden = forward(params, x)
    logits, hidden, x = np.asarray(logits), np.asarray(hidden), np.asarray(x)
    d_y = (softmax(logits) - t) / len(x)
    d_z = d_y @ np.transpose(params["w2"]) * (hidden > 0)
    return {"w1": x.T @ d_z, "b1": d_z.sum(axis=0), "w2": hidden.T @ d_y, "b2": d_y.sum(axis=0)}

# %%
def accuracy(y_hat, t):
    return np.mean(np.argmax(y_hat, axis=1) == np.argmax(t, axis=1))

# %%
def gradient_descent_step(params, grads, learning_rate):
    return {key: params[key] - learning_rate * grads[key] for key in params}


def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for epoch in range(epochs):
        if gradients == "manual":
            y_hat, hidden = forward(params, x)
            grads = backward(params, x, y_hat, hidden, t, reg)
        else:
            grads = tape_gradients(params, x, t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
        y_hat, _ = forward(params, x)
        history["train_loss"].append(float(mse_loss(params, y_hat, t, reg)))
        history["train_accuracy"].append(float(accuracy(y_hat, t)))
        y_hat, _ = forward(params, x_test)
        history["test_loss"].append(float(mse_loss(params, y_hat, t_test, reg)))
        history["test_accuracy"].append(float(accuracy(y_hat, t_test)))
    return params, history

# %%
def mlp_init(sizes, seed):
    rng = np.random.default_rng(seed)
    layers = {}
    k = 0
    while k < len(sizes) - 1:
        w = rng.normal(0, np.sqrt(2 / sizes[k]), (sizes[k], sizes[k + 1])).astype(np.float32)
        layers[k] = (w, np.zeros(sizes[k + 1], np.float32))
    return list(layers.values())

# %%
layers = mlp_init([784, 32, 10], seed=0)
print([w.shape for w, b in layers])

# %%
def mlp_forward(layers, x, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = np.asarray(x)
    for w, b in layers[:-1]:
        h = np.maximum(h @ w + b, 0)
        if dropout_rate > 0:
            h = h * (rng.random(h.shape) > dropout_rate) / (1 - dropout_rate)
    w, b = layers[-1]
    return h @ w + b


def mlp_backward(layers, x, t):
    hs = [np.asarray(x)]
    for w, b in layers[:-1]:
        hs.append(np.maximum(hs[-1] @ w + b, 0))
    d = (softmax(hs[-1] @ layers[-1][0] + layers[-1][1]) - t) / len(t)
    grads = []
    for k in range(len(layers) - 1, -1, -1):
        grads.append((hs[k].T @ d, d.sum(axis=0)))
        d = d @ layers[k][0].T * (hs[k] > 0)
    return grads[::-1]

# %%
images = load_images("mnist", n_train=500, n_test=200, seed=0)
x = images.x_train.reshape(-1, 784) / np.float32(255)
x_test = images.x_test.reshape(-1, 784) / np.float32(255)
x, x_test = x - x.mean(axis=0), x_test - x.mean(axis=0)
t, t_test = np.eye(10, dtype=np.float32)[images.y_train], np.eye(10, dtype=np.float32)[images.y_test]
params, history = train(x, t, x_test, t_test, n_hidden=32, epochs=30, learning_rate=0.1, reg=1e-4,
                        gradients="manual", seed=0)
plot_history(history)
