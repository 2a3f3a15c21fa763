# %% [markdown]
# # Wrong: alpha and 1-alpha are exchanged (q2); everything that builds on it is right

# %%
import numpy as np
import tensorflow as tf


# %%
def sgd_step(params, grads, learning_rate):
    return {k: params[k] - learning_rate * grads[k] for k in params}


# %%
def lookback(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {k: alpha * theta[k] + (1 - alpha) * theta_prev[k] for k in theta}
    return alpha * theta + (1 - alpha) * theta_prev


# %%
def lookback_step(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    grads = grad_fn(blend)
    return {k: blend[k] - learning_rate * grads[k] for k in blend}, blend


# %%
def momentum_step(params, velocity, grads, learning_rate, momentum, nesterov=False):
    velocity = {k: momentum * velocity[k] - learning_rate * grads[k] for k in params}
    if nesterov:
        return {k: params[k] + momentum * velocity[k] - learning_rate * grads[k] for k in params}, velocity
    return {k: params[k] + velocity[k] for k in params}, velocity


# %%
def rmsprop_step(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    s = {k: rho * square_avg[k] + (1 - rho) * grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / tf.sqrt(s[k] + epsilon) for k in params}, s


def adagrad_step(params, accumulator, grads, learning_rate, epsilon=1e-7):
    a = {k: accumulator[k] + grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / tf.sqrt(a[k] + epsilon) for k in params}, a


# %%
def adam_init(params):
    return {"m": {k: 0.0 for k in params}, "v": {k: 0.0 for k in params}, "t": 0}


def adam_step(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    t = state["t"] + 1
    m = {k: beta_1 * state["m"][k] + (1 - beta_1) * grads[k] for k in params}
    v = {k: beta_2 * state["v"][k] + (1 - beta_2) * grads[k] ** 2 for k in params}
    new = {}
    for k in params:
        m_hat, v_hat = m[k] / (1 - beta_1**t), v[k] / (1 - beta_2**t)
        new[k] = params[k] - learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon)
    return new, {"m": m, "v": v, "t": t}


# %%
def warmup_schedule(step, d_model, warmup_steps=4000):
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)


# %%
def init_params(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": tf.constant(rng.normal(0, np.sqrt(2 / n_in), (n_in, n_hidden)), tf.float32),
        "b1": tf.zeros(n_hidden),
        "w2": tf.constant(rng.normal(0, np.sqrt(2 / n_hidden), (n_hidden, n_out)), tf.float32),
        "b2": tf.zeros(n_out),
    }


def forward(params, x):
    hidden = tf.nn.relu(x @ params["w1"] + params["b1"])
    return hidden @ params["w2"] + params["b2"], hidden


def mse(params, x, t):
    return tf.reduce_mean(tf.reduce_sum((forward(params, x)[0] - t) ** 2, axis=1))


def cross_entropy(params, x, t):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(t, forward(params, x)[0]))


def gradient(loss, params, x, t):
    with tf.GradientTape() as tape:
        tape.watch(params)
        value = loss(params, x, t)
    return tape.gradient(value, params)


# %%
def alpha_sweep(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    curves = {}
    for alpha in alphas:
        params = prev = init_params(x.shape[1], n_hidden, t.shape[1], seed)
        curves[alpha] = []
        for _ in range(epochs):
            params, prev = lookback_step(params, prev, lambda p: gradient(mse, p, x, t), learning_rate, alpha)
            curves[alpha].append(float(mse(prev, x, t)))
    return curves


# %%
def train_minibatch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    state = adam_init(params) if optimizer == "adam" else {k: tf.zeros_like(v) for k, v in params.items()}
    rng = np.random.default_rng(seed)
    history = {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for i in range(0, len(x), batch_size):
            batch = order[i : i + batch_size]
            grads = gradient(cross_entropy, params, x[batch], t[batch])
            if optimizer == "sgd":
                params = sgd_step(params, grads, learning_rate)
            elif optimizer == "momentum":
                params, state = momentum_step(params, state, grads, learning_rate, 0.9)
            elif optimizer == "rmsprop":
                params, state = rmsprop_step(params, state, grads, learning_rate)
            elif optimizer == "adagrad":
                params, state = adagrad_step(params, state, grads, learning_rate)
            elif optimizer == "adam":
                params, state = adam_step(params, state, grads, learning_rate)
        logits = forward(params, x)[0]
        history["loss"].append(float(cross_entropy(params, x, t)))
        history["accuracy"].append(float(np.mean(np.argmax(logits, 1) == np.argmax(t, 1))))
    return params, history


# %%
import matplotlib.pyplot as plt

x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
t = np.stack([x[:, 0] ** 2, x[:, 1]], axis=1)
for alpha, curve in alpha_sweep(
    x, t, [0.0, 0.5, 1.0], n_hidden=8, epochs=30, learning_rate=0.05, seed=1
).items():
    plt.plot(curve, label=f"alpha = {alpha}")
plt.legend()
plt.show()
