# %% [markdown]
# # A correct solution: NumPy alone, in float64, network and gradients included

# %%
import numpy as np


def wide(values):
    return {key: np.asarray(value, dtype=np.float64) for key, value in values.items()}


# %%
def sgd_step(params, grads, learning_rate):
    params, grads = wide(params), wide(grads)
    return {key: params[key] - learning_rate * grads[key] for key in params}


# %%
def lookback(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {key: lookback(theta[key], theta_prev[key], alpha) for key in theta}
    theta, theta_prev = np.asarray(theta, np.float64), np.asarray(theta_prev, np.float64)
    return theta + alpha * (theta_prev - theta)


def lookback_step(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(blend), learning_rate), blend


# %%
def momentum_step(params, velocity, grads, learning_rate, momentum, nesterov=False):
    params, velocity, grads = wide(params), wide(velocity), wide(grads)
    new_velocity = {key: momentum * velocity[key] - learning_rate * grads[key] for key in params}
    if nesterov:
        step = {key: momentum * new_velocity[key] - learning_rate * grads[key] for key in params}
    else:
        step = new_velocity
    return {key: params[key] + step[key] for key in params}, new_velocity


# %%
def rmsprop_step(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    params, square_avg, grads = wide(params), wide(square_avg), wide(grads)
    s = {key: rho * square_avg[key] + (1 - rho) * np.square(grads[key]) for key in params}
    return {key: params[key] - learning_rate * grads[key] / np.sqrt(s[key] + epsilon) for key in params}, s


def adagrad_step(params, accumulator, grads, learning_rate, epsilon=1e-7):
    params, accumulator, grads = wide(params), wide(accumulator), wide(grads)
    a = {key: accumulator[key] + np.square(grads[key]) for key in params}
    return {key: params[key] - learning_rate * grads[key] / np.sqrt(a[key] + epsilon) for key in params}, a


# %%
def adam_init(params):
    return (
        0,
        {key: np.zeros(np.shape(params[key])) for key in params},
        {key: np.zeros(np.shape(params[key])) for key in params},
    )


def adam_step(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    count, m, v = state
    count = count + 1
    params, grads = wide(params), wide(grads)
    m = {key: beta_1 * m[key] + (1 - beta_1) * grads[key] for key in params}
    v = {key: beta_2 * v[key] + (1 - beta_2) * grads[key] ** 2 for key in params}
    new = {}
    for key in params:
        m_hat = m[key] / (1 - beta_1**count)
        v_hat = v[key] / (1 - beta_2**count)
        new[key] = params[key] - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return new, (count, m, v)


# %%
def warmup_schedule(step, d_model, warmup_steps=4000):
    return 1 / np.sqrt(d_model) * np.minimum(1 / np.sqrt(step), step / warmup_steps**1.5)


# %%
def init_params(n_in, n_hidden, n_out, rng):
    return {
        "w1": rng.normal(size=(n_in, n_hidden)) * np.sqrt(2 / n_in),
        "b1": np.zeros(n_hidden),
        "w2": rng.normal(size=(n_hidden, n_out)) * np.sqrt(2 / n_hidden),
        "b2": np.zeros(n_out),
    }


def forward(params, x):
    z = x @ params["w1"] + params["b1"]
    hidden = np.maximum(z, 0)
    return hidden @ params["w2"] + params["b2"], hidden


def backward(params, x, hidden, d_y):
    d_z = (d_y @ params["w2"].T) * (hidden > 0)
    return {"w1": x.T @ d_z, "b1": d_z.sum(axis=0), "w2": hidden.T @ d_y, "b2": d_y.sum(axis=0)}


# %%
def alpha_sweep(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    x, t = np.asarray(x, np.float64), np.asarray(t, np.float64)

    def gradient(params):
        y_hat, hidden = forward(params, x)
        return backward(params, x, hidden, 2 * (y_hat - t) / len(x))

    curves = {}
    for alpha in alphas:
        params = init_params(x.shape[1], n_hidden, t.shape[1], np.random.default_rng(seed))
        prev = {key: value.copy() for key, value in params.items()}
        curves[alpha] = []
        for _ in range(epochs):
            params, prev = lookback_step(params, prev, gradient, learning_rate, alpha)
            error = forward(prev, x)[0] - t
            curves[alpha].append(np.sum(error**2) / len(x))
    return curves


# %%
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def train_minibatch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    x, t = np.asarray(x, np.float64), np.asarray(t, np.float64)
    rng = np.random.default_rng(seed)
    params = init_params(x.shape[1], n_hidden, t.shape[1], rng)
    state = (
        adam_init(params)
        if optimizer == "adam"
        else {key: np.zeros_like(value) for key, value in params.items()}
    )
    history = {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for batch in np.split(order, range(batch_size, len(x), batch_size)):
            logits, hidden = forward(params, x[batch])
            grads = backward(params, x[batch], hidden, (softmax(logits) - t[batch]) / len(batch))
            if optimizer == "sgd":
                params = sgd_step(params, grads, learning_rate)
            elif optimizer == "momentum":
                params, state = momentum_step(params, state, grads, learning_rate, 0.9)
            elif optimizer == "rmsprop":
                params, state = rmsprop_step(params, state, grads, learning_rate)
            elif optimizer == "adagrad":
                params, state = adagrad_step(params, state, grads, learning_rate)
            else:
                params, state = adam_step(params, state, grads, learning_rate)
        logits = forward(params, x)[0]
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        history["loss"].append(-np.mean(np.sum(t * log_p, axis=1)))
        history["accuracy"].append(np.mean(logits.argmax(axis=1) == t.argmax(axis=1)))
    return params, history
