# %% [markdown]
# # A correct solution: tf.Variables inside classes, wrapped in functions at the end

# %%
import math

import numpy as np
import tensorflow as tf


class Rule:
    """Holds the parameters and any number of slots as variables; subclasses say how to update one."""

    def __init__(self, params, **slots):
        self.theta = {k: tf.Variable(v, dtype=tf.float32) for k, v in params.items()}
        self.slots = {
            name: {k: tf.Variable(values[k], dtype=tf.float32) for k in params}
            for name, values in slots.items()
        }

    def apply(self, grads, rate):
        for k, variable in self.theta.items():
            g = tf.convert_to_tensor(grads[k], tf.float32)
            self.update(variable, {name: slot[k] for name, slot in self.slots.items()}, g, rate)
        return self

    def params(self):
        return {k: v.numpy() for k, v in self.theta.items()}

    def slot(self, name):
        return {k: v.numpy() for k, v in self.slots[name].items()}


class Sgd(Rule):
    def update(self, theta, slots, g, rate):
        theta.assign_sub(rate * g)


class Momentum(Rule):
    def __init__(self, params, velocity, momentum, nesterov):
        super().__init__(params, velocity=velocity)
        self.momentum, self.nesterov = momentum, nesterov

    def update(self, theta, slots, g, rate):
        v = slots["velocity"]
        v.assign(self.momentum * v - rate * g)
        theta.assign_add(self.momentum * v - rate * g if self.nesterov else v)


class RmsProp(Rule):
    def __init__(self, params, square_avg, rho, epsilon):
        super().__init__(params, s=square_avg)
        self.rho, self.epsilon = rho, epsilon

    def update(self, theta, slots, g, rate):
        slots["s"].assign(self.rho * slots["s"] + (1 - self.rho) * tf.square(g))
        theta.assign_sub(rate * g * tf.math.rsqrt(slots["s"] + self.epsilon))


class Adagrad(Rule):
    def __init__(self, params, accumulator, epsilon):
        super().__init__(params, a=accumulator)
        self.epsilon = epsilon

    def update(self, theta, slots, g, rate):
        slots["a"].assign_add(g * g)
        theta.assign_sub(rate * g / tf.sqrt(slots["a"] + self.epsilon))


class AdamState:
    """Adam's memory; it changes in place."""

    def __init__(self, params):
        self.t = 0
        self.m = {k: tf.Variable(tf.zeros(np.shape(v))) for k, v in params.items()}
        self.v = {k: tf.Variable(tf.zeros(np.shape(v))) for k, v in params.items()}

    def move(self, theta, k, g, rate, beta_1, beta_2, epsilon):
        self.m[k].assign(beta_1 * self.m[k] + (1 - beta_1) * g)
        self.v[k].assign(beta_2 * self.v[k] + (1 - beta_2) * g**2)
        m_hat = self.m[k] / (1 - beta_1**self.t)
        v_hat = self.v[k] / (1 - beta_2**self.t)
        return theta - rate * m_hat / (tf.sqrt(v_hat) + epsilon)


# %%
def sgd_step(p, g, lr):
    return Sgd(p).apply(g, lr).params()


def momentum_step(p, v, g, lr, mu, nesterov=False):
    rule = Momentum(p, v, mu, nesterov).apply(g, lr)
    return rule.params(), rule.slot("velocity")


def rmsprop_step(p, s, g, lr, rho=0.9, epsilon=1e-7):
    rule = RmsProp(p, s, rho, epsilon).apply(g, lr)
    return rule.params(), rule.slot("s")


def adagrad_step(p, a, g, lr, epsilon=1e-7):
    rule = Adagrad(p, a, epsilon).apply(g, lr)
    return rule.params(), rule.slot("a")


def adam_init(p):
    return AdamState(p)


def adam_step(p, state, g, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    state.t += 1
    new = {}
    for k in p:
        gradient = tf.convert_to_tensor(g[k], tf.float32)
        new[k] = state.move(tf.convert_to_tensor(p[k], tf.float32), k, gradient, lr, beta_1, beta_2, epsilon)
    return new, state


# %%
def lookback(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {k: lookback(theta[k], theta_prev[k], alpha) for k in theta}
    variable = tf.Variable(theta, dtype=tf.float32)
    variable.assign(variable * (1 - alpha))
    variable.assign_add(alpha * tf.convert_to_tensor(theta_prev, tf.float32))
    return variable.numpy()


def lookback_step(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(blend), learning_rate), blend


# %%
def warmup_schedule(step, d_model, warmup_steps=4000):
    if step < warmup_steps:
        return step / math.sqrt(d_model * warmup_steps**3)
    return 1 / math.sqrt(d_model * step)


# %%
class Network:
    def __init__(self, n_in, n_hidden, n_out, seed):
        generator = tf.random.Generator.from_seed(seed)
        self.w1 = tf.Variable(generator.normal((n_in, n_hidden), stddev=math.sqrt(2 / n_in)))
        self.b1 = tf.Variable(tf.zeros(n_hidden))
        self.w2 = tf.Variable(generator.normal((n_hidden, n_out), stddev=math.sqrt(2 / n_hidden)))
        self.b2 = tf.Variable(tf.zeros(n_out))

    def get(self):
        return {k: getattr(self, k).numpy() for k in ("w1", "b1", "w2", "b2")}

    def set(self, params):
        for k, v in params.items():
            getattr(self, k).assign(v)
        return self

    def __call__(self, x):
        return tf.nn.relu(x @ self.w1 + self.b1) @ self.w2 + self.b2

    def gradients(self, loss, x, t):
        variables = {k: getattr(self, k) for k in ("w1", "b1", "w2", "b2")}
        with tf.GradientTape() as tape:
            value = loss(t, self(x))
        return tape.gradient(value, variables)


def squared_error(t, y):
    return tf.reduce_mean(tf.reduce_sum(tf.square(y - t), axis=1))


def softmax_loss(t, y):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=t, logits=y))


def alpha_sweep(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    x, t = tf.cast(x, tf.float32), tf.cast(t, tf.float32)
    result = {}
    for alpha in alphas:
        net = Network(x.shape[1], n_hidden, t.shape[1], seed)
        params, prev = net.get(), net.get()
        losses = []
        for _ in range(epochs):
            params, prev = lookback_step(
                params,
                prev,
                lambda p, net=net: net.set(p).gradients(squared_error, x, t),
                learning_rate,
                alpha,
            )
            losses.append(float(squared_error(t, net.set(prev)(x))))
        result[alpha] = losses
    return result


def train_minibatch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    x, t = np.asarray(x, np.float32), np.asarray(t, np.float32)
    net = Network(x.shape[1], n_hidden, t.shape[1], seed)
    params = net.get()
    zeros = {k: np.zeros_like(v) for k, v in params.items()}
    steps = {
        "sgd": lambda p, s, g: (sgd_step(p, g, learning_rate), s),
        "momentum": lambda p, s, g: momentum_step(p, s, g, learning_rate, 0.9),
        "rmsprop": lambda p, s, g: rmsprop_step(p, s, g, learning_rate),
        "adagrad": lambda p, s, g: adagrad_step(p, s, g, learning_rate),
        "adam": lambda p, s, g: adam_step(p, s, g, learning_rate),
    }
    state = {"adam": adam_init(params), "adagrad": {k: v + 0.1 for k, v in zeros.items()}}.get(
        optimizer, zeros
    )
    random = np.random.RandomState(seed)
    indices = np.arange(len(x))
    history = {"loss": [], "accuracy": []}
    for _ in range(epochs):
        random.shuffle(indices)
        for start in range(0, len(x), batch_size):
            rows = indices[start : start + batch_size]
            grads = net.set(params).gradients(softmax_loss, x[rows], t[rows])
            params, state = steps[optimizer](params, state, grads)
        y = net.set(params)(x)
        history["loss"].append(softmax_loss(t, y))
        history["accuracy"].append(tf.reduce_mean(tf.cast(tf.argmax(y, 1) == tf.argmax(t, 1), tf.float32)))
    return params, history
