# %% [markdown]
# # A correct solution: plain loops, element by element and unit by unit

# %%
import random
from math import sqrt

import numpy as np


def each(array):
    """All indices of an array of any shape."""
    return np.ndindex(np.shape(array))


# %%
def sgd_step(params, grads, learning_rate):
    new = {}
    for name in params:
        theta, g = np.array(params[name]), np.asarray(grads[name])
        for i in each(theta):
            theta[i] -= learning_rate * g[i]
        new[name] = theta
    return new


def lookback(theta, theta_prev, alpha):
    if type(theta) is dict:
        result = {}
        for name in theta:
            result[name] = lookback(theta[name], theta_prev[name], alpha)
        return result
    theta, before = np.array(theta), np.asarray(theta_prev)
    for i in each(theta):
        theta[i] = (1 - alpha) * theta[i] + alpha * before[i]
    return theta


def lookback_step(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    grads = grad_fn(blend)
    return [sgd_step(blend, grads, learning_rate), blend]


# %%
def momentum_step(params, velocity, grads, learning_rate, momentum, nesterov=False):
    new_params, new_velocity = {}, {}
    for name in params:
        theta, v, g = np.array(params[name]), np.array(velocity[name]), np.asarray(grads[name])
        for i in each(theta):
            v[i] = momentum * v[i] - learning_rate * g[i]
            if nesterov:
                theta[i] += momentum * v[i] - learning_rate * g[i]
            else:
                theta[i] += v[i]
        new_params[name], new_velocity[name] = theta, v
    return new_params, new_velocity


def rmsprop_step(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    new_params, new_avg = {}, {}
    for name in params:
        theta, s, g = np.array(params[name]), np.array(square_avg[name]), np.asarray(grads[name])
        for i in each(theta):
            s[i] = rho * s[i] + (1 - rho) * g[i] * g[i]
            theta[i] -= learning_rate * g[i] / sqrt(s[i] + epsilon)
        new_params[name], new_avg[name] = theta, s
    return new_params, new_avg


def adagrad_step(params, accumulator, grads, learning_rate, epsilon=1e-7):
    new_params, new_sum = {}, {}
    for name in params:
        theta, a, g = np.array(params[name]), np.array(accumulator[name]), np.asarray(grads[name])
        for i in each(theta):
            a[i] += g[i] * g[i]
            theta[i] -= learning_rate * g[i] / sqrt(a[i] + epsilon)
        new_params[name], new_sum[name] = theta, a
    return new_params, new_sum


# %%
def adam_init(params):
    return {name: [0, np.zeros(np.shape(params[name])), np.zeros(np.shape(params[name]))] for name in params}


def adam_step(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    new = {}
    for name in params:
        state[name][0] += 1  # every array has a counter of its own
        k, m, v = state[name]
        theta, g = np.array(params[name]), np.asarray(grads[name])
        for i in each(theta):
            m[i] = beta_1 * m[i] + (1 - beta_1) * g[i]
            v[i] = beta_2 * v[i] + (1 - beta_2) * g[i] ** 2
            theta[i] -= learning_rate * (m[i] / (1 - beta_1**k)) / (sqrt(v[i] / (1 - beta_2**k)) + epsilon)
        new[name] = theta
    return new, state


# %%
def warmup_schedule(step, d_model, warmup_steps=4000):
    a, b = 1 / sqrt(step), step / (warmup_steps * sqrt(warmup_steps))
    if a < b:
        return a / sqrt(d_model)
    else:
        return b / sqrt(d_model)


# %%
def start_network(n_in, n_hidden, n_out, seed):
    dice = random.Random(seed)
    w1, w2 = np.zeros((n_in, n_hidden)), np.zeros((n_hidden, n_out))
    for w, fan_in in ((w1, n_in), (w2, n_hidden)):
        for i in each(w):
            w[i] = dice.gauss(0, sqrt(2 / fan_in))
    return {"w1": w1, "b1": np.zeros(n_hidden), "w2": w2, "b2": np.zeros(n_out)}


def run_network(params, x):
    """Unit by unit; returns outputs (N, C) and hidden activations (N, H)."""
    n_hidden, n_out = params["w2"].shape
    hidden, y = np.zeros((len(x), n_hidden)), np.zeros((len(x), n_out))
    for j in range(n_hidden):
        hidden[:, j] = np.maximum(0, x.dot(params["w1"][:, j]) + params["b1"][j])
    for c in range(n_out):
        y[:, c] = hidden.dot(params["w2"][:, c]) + params["b2"][c]
    return y, hidden


def back_through_network(params, x, hidden, d_y):
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    for c in range(d_y.shape[1]):
        grads["w2"][:, c] = hidden.T.dot(d_y[:, c])
        grads["b2"][c] = sum(d_y[:, c])
    for j in range(hidden.shape[1]):
        d_z = d_y.dot(params["w2"][j]) * np.where(hidden[:, j] > 0, 1.0, 0.0)
        grads["w1"][:, j] = x.T.dot(d_z)
        grads["b1"][j] = sum(d_z)
    return grads


# %%
def alpha_sweep(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    x, t = np.array(x, float), np.array(t, float)
    result = {}
    for alpha in alphas:
        params = start_network(x.shape[1], n_hidden, t.shape[1], seed)
        prev, losses = params, []

        def grad_fn(point, losses=losses):
            y, hidden = run_network(point, x)
            losses.append(sum(sum((y - t) ** 2)) / len(x))  # the step asks for the gradient at the blend only
            return back_through_network(point, x, hidden, 2 * (y - t) / len(x))

        for _ in range(epochs):
            params, prev = lookback_step(params, prev, grad_fn, learning_rate, alpha)
        result[float(alpha)] = list(losses)
    return result


# %%
def whole_array_step(optimizer, params, memory, grads, k, learning_rate):
    """The rules once more without element loops, since a hidden layer on images has 25,000 weights."""
    for name in params:
        g = grads[name]
        if optimizer == "sgd":
            step = learning_rate * g
        elif optimizer == "momentum":
            memory["a"][name] = 0.9 * memory["a"][name] + learning_rate * g
            step = memory["a"][name]
        elif optimizer == "rmsprop":
            memory["b"][name] = 0.9 * memory["b"][name] + 0.1 * g * g
            step = learning_rate * g / (memory["b"][name] + 1e-7) ** 0.5
        elif optimizer == "adagrad":
            memory["b"][name] = memory["b"][name] + g * g
            step = learning_rate * g / (memory["b"][name] + 1e-7) ** 0.5
        else:
            memory["a"][name] = 0.9 * memory["a"][name] + 0.1 * g
            memory["b"][name] = 0.999 * memory["b"][name] + 0.001 * g * g
            root = (memory["b"][name] / (1 - 0.999**k)) ** 0.5
            step = learning_rate * memory["a"][name] / (1 - 0.9**k) / (root + 1e-7)
        params[name] = params[name] - step


def train_minibatch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    x, t = np.array(x, float), np.array(t, float)
    params = start_network(x.shape[1], n_hidden, t.shape[1], seed)
    memory = {slot: {name: np.zeros_like(value) for name, value in params.items()} for slot in "ab"}
    dice = random.Random(seed + 1)
    cards, k = list(range(len(x))), 0
    history = {"loss": [], "accuracy": []}
    for _ in range(epochs):
        dice.shuffle(cards)
        loss, right, start = 0.0, 0, 0
        while start < len(cards):
            hand = cards[start : start + batch_size]
            start += batch_size
            y, hidden = run_network(params, x[hand])
            d_y = np.zeros_like(y)
            for row in range(len(hand)):
                e = np.exp(y[row] - max(y[row]))
                p = e / sum(e)
                loss -= np.log(sum(p * t[hand[row]]))
                right += int(np.argmax(y[row]) == np.argmax(t[hand[row]]))
                d_y[row] = (p - t[hand[row]]) / len(hand)
            k += 1
            whole_array_step(
                optimizer,
                params,
                memory,
                back_through_network(params, x[hand], hidden, d_y),
                k,
                learning_rate,
            )
        history["loss"].append(loss / len(x))
        history["accuracy"].append(right / len(x))
    return params, history
