# %% [markdown]
# # Assignment 1: loops instead of matrix products
#
# A correct solution. Every example is treated on its own and the results are added up; no matrix is multiplied by
# another, except under the tape.

# %%
import math
import random

import numpy as np
import tensorflow as tf

# %%
def gaussian_matrix(generator, rows, columns):
    std = math.sqrt(2 / rows)
    return np.array([[generator.gauss(0, std) for _ in range(columns)] for _ in range(rows)], dtype=np.float32)


def init_params(n_in, n_hidden, n_out, seed):
    generator = random.Random(seed)
    params = {}
    for k, (rows, columns) in enumerate([(n_in, n_hidden), (n_hidden, n_out)], start=1):
        params[f"w{k}"] = gaussian_matrix(generator, rows, columns)
        params[f"b{k}"] = np.zeros(columns, dtype=np.float32)
    return params

# %%
def elementwise(f):
    def apply(z):
        z = np.asarray(z, dtype=float)
        result = np.empty(z.shape)
        for index in np.ndindex(z.shape):
            result[index] = f(z[index])
        return result

    return apply


@elementwise
def sigmoid(z):
    if z > 0:
        return 1 / (1 + math.exp(-z))
    return math.exp(z) / (1 + math.exp(z))


@elementwise
def sigmoid_grad(z):
    e = math.exp(-abs(z))
    return e / (1 + e) ** 2


@elementwise
def relu(z):
    return z if z > 0 else 0.0


@elementwise
def relu_grad(z):
    return 1.0 if z > 0 else 0.0


def softmax(z):
    z = np.asarray(z, dtype=float)
    result = np.empty(z.shape)
    for index in np.ndindex(z.shape[:-1]):
        row = [math.exp(value - max(z[index])) for value in z[index]]
        for k, value in enumerate(row):
            result[index + (k,)] = value / sum(row)
    return result

# %%
def forward(params, x):
    y_hat, hidden = [], []
    for example in np.asarray(x, dtype=float):
        h = np.array(params["b1"], dtype=float)
        for value, row in zip(example, params["w1"]):
            h += value * row
        h[h < 0] = 0
        y = np.array(params["b2"], dtype=float)
        for value, row in zip(h, params["w2"]):
            y += value * row
        hidden.append(h)
        y_hat.append(y)
    return np.array(y_hat), np.array(hidden)


def fast_forward(params, x):
    """The same, one dot product for each example; training would take minutes otherwise."""
    hidden = [np.maximum(np.dot(example, params["w1"]) + params["b1"], 0) for example in x]
    return np.array([np.dot(h, params["w2"]) + params["b2"] for h in hidden]), np.array(hidden)

# %%
def mse_loss(params, y_hat, t, reg):
    total = 0.0
    for prediction, target in zip(y_hat, t):
        for p, q in zip(prediction, target):
            total += (float(p) - float(q)) ** 2
    total /= len(y_hat)
    for key in ("w1", "w2"):
        for row in params[key]:
            total += reg * float(sum(row * row))
    return total


def cross_entropy(logits, t):
    total = 0.0
    for row, target in zip(np.asarray(logits, dtype=float), t):
        top = max(row)
        log_sum = top + math.log(sum(math.exp(value - top) for value in row))
        for value, label in zip(row, target):
            if label:
                total += float(label) * (log_sum - value)
    return total / len(t)

# %%
def zero_gradients(params):
    return {key: np.zeros(np.shape(value)) for key, value in params.items()}


def add_example(grads, params, example, h, d_y):
    """Add what one example contributes."""
    d_h = np.zeros(len(h))
    for j in range(len(h)):
        if h[j] > 0:
            d_h[j] = sum(params["w2"][j] * d_y)
    grads["b2"] += d_y
    grads["w2"] += np.outer(h, d_y)
    grads["b1"] += d_h
    grads["w1"] += np.outer(example, d_h)


def backward(params, x, y_hat, hidden, t, reg):
    grads = zero_gradients(params)
    for n in range(len(x)):
        d_y = 2 / len(x) * (np.asarray(y_hat[n], dtype=float) - t[n])
        add_example(grads, params, x[n], hidden[n], d_y)
    for key in ("w1", "w2"):
        grads[key] += 2 * reg * np.asarray(params[key])
    return grads


def backward_cross_entropy(params, x, t):
    logits, hidden = forward(params, x)
    grads = zero_gradients(params)
    for n in range(len(x)):
        add_example(grads, params, x[n], hidden[n], (softmax(logits[n]) - t[n]) / len(x))
    return grads

# %%
def tape_gradients(params, x, t, reg):
    variables = {key: tf.Variable(np.asarray(value), dtype=tf.float64) for key, value in params.items()}
    total = {key: 2 * reg * np.asarray(params[key], float) if key[0] == "w" else 0.0 for key in params}
    for example, target in zip(np.asarray(x, float), np.asarray(t, float)):
        with tf.GradientTape() as tape:
            h = tf.nn.relu(tf.tensordot(example, variables["w1"], 1) + variables["b1"])
            y = tf.tensordot(h, variables["w2"], 1) + variables["b2"]
            loss = tf.reduce_sum((y - target) ** 2)
        for key, gradient in tape.gradient(loss, variables).items():
            total[key] = total[key] + gradient.numpy() / len(x)
    return total

# %%
def accuracy(y_hat, t):
    right = 0
    for scores, target in zip(y_hat, t):
        right += list(target).index(max(target)) == list(scores).index(max(scores))
    return right / len(t)

# %%
def gradient_descent_step(params, grads, learning_rate):
    new = {}
    for key in params:
        new[key] = np.array(params[key]) - learning_rate * np.array(grads[key])
    return new


def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(len(x[0]), n_hidden, len(t[0]), seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    y_hat, hidden = fast_forward(params, x)
    for _ in range(epochs):
        if gradients == "tape":
            grads = tape_gradients(params, x, t, reg)
        else:
            grads = backward(params, x, y_hat, hidden, t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
        y_hat, hidden = fast_forward(params, x)
        y_hat_test, _ = fast_forward(params, x_test)
        history["train_loss"].append(mse_loss(params, y_hat, t, reg))
        history["train_accuracy"].append(accuracy(y_hat, t))
        history["test_loss"].append(mse_loss(params, y_hat_test, t_test, reg))
        history["test_accuracy"].append(accuracy(y_hat_test, t_test))
    return params, history

# %%
def mlp_init(sizes, seed):
    generator = random.Random(seed)
    layers = []
    for k in range(1, len(sizes)):
        layers.append((gaussian_matrix(generator, sizes[k - 1], sizes[k]), np.zeros(sizes[k])))
    return layers


def mlp_forward(layers, x, dropout_rate=0.0, seed=None):
    generator = random.Random(seed)
    logits = []
    for h in np.asarray(x, dtype=float):
        for w, b in layers[:-1]:
            h = relu(np.dot(h, w) + b)
            for j in range(len(h)):
                h[j] = 0.0 if generator.random() < dropout_rate else h[j] / (1 - dropout_rate)
        logits.append(np.dot(h, layers[-1][0]) + layers[-1][1])
    return np.array(logits)


def mlp_backward(layers, x, t):
    grads = [[np.zeros(w.shape), np.zeros(b.shape)] for w, b in layers]
    for example, target in zip(np.asarray(x, dtype=float), t):
        inputs = [example]
        for w, b in layers[:-1]:
            inputs.append(relu(np.dot(inputs[-1], w) + b))
        logits = np.dot(inputs[-1], layers[-1][0]) + layers[-1][1]
        delta = (softmax(logits) - target) / len(x)
        for k in range(len(layers) - 1, -1, -1):
            grads[k][0] += np.outer(inputs[k], delta)
            grads[k][1] += delta
            delta = np.dot(layers[k][0], delta) * (inputs[k] > 0)
    return [tuple(pair) for pair in grads]

# %%
print(accuracy(forward(init_params(3, 4, 2, 0), [[1.0, 2.0, 3.0]])[0], [[0, 1]]))
