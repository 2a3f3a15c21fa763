# assignment: a1_backprop
# questions: q5 q9

# %% [markdown]
# Right answers to questions 5 and 9, and to what they build on.

# %%
import numpy as np
import tensorflow as tf


def init_params(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": rng.normal(0, (2 / n_in) ** 0.5, (n_in, n_hidden)),
        "b1": np.zeros(n_hidden),
        "w2": rng.normal(0, (2 / n_hidden) ** 0.5, (n_hidden, n_out)),
        "b2": np.zeros(n_out),
    }


def forward(params, x):
    hidden = np.maximum(x @ params["w1"] + params["b1"], 0)
    return hidden @ params["w2"] + params["b2"], hidden


def mse_loss(params, y_hat, t, reg):
    return float(np.mean(np.sum((y_hat - t) ** 2, axis=1)) + reg * (np.sum(params["w1"] ** 2) + np.sum(params["w2"] ** 2)))


def backward(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(x)
    d_z = (d_y @ params["w2"].T) * (hidden > 0)
    return {
        "w1": x.T @ d_z + 2 * reg * params["w1"],
        "b1": d_z.sum(axis=0),
        "w2": hidden.T @ d_y + 2 * reg * params["w2"],
        "b2": d_y.sum(axis=0),
    }


def tape_gradients(params, x, t, reg):
    v = {k: tf.Variable(np.asarray(a, float)) for k, a in params.items()}
    with tf.GradientTape() as tape:
        y_hat = tf.nn.relu(np.asarray(x, float) @ v["w1"] + v["b1"]) @ v["w2"] + v["b2"]
        loss = tf.reduce_sum((y_hat - t) ** 2) / len(x) + reg * (tf.reduce_sum(v["w1"] ** 2) + tf.reduce_sum(v["w2"] ** 2))
    return {k: g.numpy() for k, g in zip(v, tape.gradient(loss, list(v.values())))}


def accuracy(y_hat, t):
    return float(np.mean(np.argmax(y_hat, axis=1) == np.argmax(t, axis=1)))


def gradient_descent_step(params, grads, learning_rate):
    return {k: params[k] - learning_rate * grads[k] for k in params}


def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        grads = tape_gradients(params, x, t, reg) if gradients == "tape" else backward(params, x, *forward(params, x), t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
        for name, a, b in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, a)
            history[name + "_loss"].append(mse_loss(params, y_hat, b, reg))
            history[name + "_accuracy"].append(accuracy(y_hat, b))
    return params, history
