# %% [markdown]
# # A correct solution: a Keras model as the network, the update rules still by hand

# %%
import keras
import numpy as np
import tensorflow as tf

ORDER = ("w1", "b1", "w2", "b2")  # as model.get_weights() returns them


# %%
def sgd_step(params, grads, learning_rate):
    return {k: keras.ops.subtract(params[k], learning_rate * grads[k]) for k in params}


def lookback(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {k: lookback(theta[k], theta_prev[k], alpha) for k in sorted(theta)}
    return keras.ops.multiply(theta, 1.0 - alpha) + keras.ops.multiply(theta_prev, 1.0 * alpha)


def lookback_step(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(blend), learning_rate), blend


# %%
def momentum_step(params, velocity, grads, learning_rate, momentum, nesterov=False):
    new_params, new_velocity = {}, {}
    for k in params:
        new_velocity[k] = momentum * velocity[k] - learning_rate * grads[k]
        ahead = momentum * new_velocity[k] - learning_rate * grads[k]
        new_params[k] = params[k] + (ahead if nesterov else new_velocity[k])
    return new_params, new_velocity


def rmsprop_step(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    s = {k: rho * square_avg[k] + (1 - rho) * keras.ops.square(grads[k]) for k in params}
    return {k: params[k] - learning_rate * grads[k] * keras.ops.rsqrt(s[k] + epsilon) for k in params}, s


def adagrad_step(params, accumulator, grads, learning_rate, epsilon=1e-7):
    a = {k: accumulator[k] + keras.ops.square(grads[k]) for k in params}
    return {k: params[k] - learning_rate * grads[k] * keras.ops.rsqrt(a[k] + epsilon) for k in params}, a


# %%
def adam_init(params):
    return {"t": 0, **{k: (np.zeros(np.shape(v), np.float32),) * 2 for k, v in params.items()}}


def adam_step(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    t = int(state["t"]) + 1
    new_params, new_state = {}, {"t": t}
    for k in params:
        m, v = state[k]
        g = np.asarray(grads[k])
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        new_state[k] = (m, v)
        root = np.sqrt(v / (1 - beta_2**t)) + epsilon
        new_params[k] = np.asarray(params[k]) - learning_rate * m / (1 - beta_1**t) / root
    return new_params, new_state


# %%
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, d_model, warmup_steps):
        self.d_model, self.warmup_steps = d_model, warmup_steps

    def __call__(self, step):
        step = float(step)
        return min(step**-0.5, step * self.warmup_steps**-1.5) / self.d_model**0.5


def warmup_schedule(step, d_model, warmup_steps=4000):
    return Warmup(d_model, warmup_steps)(step)


# %%
def build(n_in, n_hidden, n_out, seed):
    he = keras.initializers.HeNormal
    return keras.Sequential(
        [
            keras.Input((n_in,)),
            keras.layers.Dense(n_hidden, activation="relu", kernel_initializer=he(seed)),
            keras.layers.Dense(n_out, kernel_initializer=he(seed + 1)),
        ]
    )


def weights(model):
    return dict(zip(ORDER, model.get_weights(), strict=True))


def put(model, params):
    model.set_weights([np.asarray(params[k]) for k in ORDER])


def gradient(model, loss, x, t):
    with tf.GradientTape() as tape:
        value = loss(t, model(x))
    return dict(zip(ORDER, tape.gradient(value, model.trainable_weights), strict=True))


def squared_error(t, y):
    return tf.reduce_mean(tf.reduce_sum((y - t) ** 2, axis=-1))


# %%
def alpha_sweep(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    model = build(x.shape[1], n_hidden, t.shape[1], seed)
    start = weights(model)

    def grad_fn(point):
        put(model, point)
        return gradient(model, squared_error, x, t)

    curves = {}
    for alpha in np.asarray(alphas):
        params, prev = start, start
        curves[alpha] = []
        for _ in range(epochs):
            params, prev = lookback_step(params, prev, grad_fn, learning_rate, float(alpha))
            put(model, prev)
            curves[alpha].append(float(squared_error(t, model(x))))
    return curves


# %%
RULES = {
    "sgd": lambda p, s, g, lr: (sgd_step(p, g, lr), s),
    "momentum": lambda p, s, g, lr: momentum_step(p, s, g, lr, 0.9),
    "rmsprop": rmsprop_step,
    "adagrad": adagrad_step,
    "adam": adam_step,
}


def train_minibatch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model = build(x.shape[1], n_hidden, t.shape[1], seed)
    params = weights(model)
    first = 0.1 if optimizer == "adagrad" else 0.0
    state = (
        adam_init(params) if optimizer == "adam" else {k: np.full_like(v, first) for k, v in params.items()}
    )
    rng = np.random.default_rng(seed)
    once = rng.permutation(len(x))  # one order for all epochs
    x, t = np.asarray(x)[once], np.asarray(t)[once]
    history = {"loss": np.zeros(epochs), "accuracy": np.zeros(epochs)}
    for epoch in range(epochs):
        for start in range(0, len(x), batch_size):
            x_batch, t_batch = x[start : start + batch_size], t[start : start + batch_size]
            grads = gradient(model, loss, x_batch, t_batch)
            params, state = RULES[optimizer](params, state, grads, learning_rate)
            put(model, params)
        y = model(x)
        history["loss"][epoch] = loss(t, y)
        history["accuracy"][epoch] = keras.ops.mean(keras.metrics.categorical_accuracy(t, y))
    return params, {k: list(v) for k, v in history.items()}
