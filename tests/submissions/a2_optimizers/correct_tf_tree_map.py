# %% [markdown]
# # A correct solution: TensorFlow throughout, with tf.nest for the dicts and tapes for the network

# %%
import tensorflow as tf

tree_map = tf.nest.map_structure


def tensors(tree):
    return tree_map(tf.convert_to_tensor, tree)


# %%
def sgd_step(params, grads, learning_rate):
    return tree_map(lambda p, g: p - learning_rate * g, tensors(params), tensors(grads))


def lookback(theta, theta_prev, alpha):
    return tree_map(lambda a, b: (1 - alpha) * a + alpha * b, tensors(theta), tensors(theta_prev))


def lookback_step(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(blend), learning_rate), blend


# %%
def momentum_step(params, velocity, grads, learning_rate, momentum, nesterov=False):
    params, velocity, grads = tensors(params), tensors(velocity), tensors(grads)
    velocity = tree_map(lambda v, g: momentum * v - learning_rate * g, velocity, grads)
    step = tree_map(lambda v, g: momentum * v - learning_rate * g, velocity, grads) if nesterov else velocity
    return tree_map(tf.add, params, step), velocity


def rmsprop_step(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    params, square_avg, grads = tensors(params), tensors(square_avg), tensors(grads)
    square_avg = tree_map(lambda s, g: s + (1 - rho) * (tf.square(g) - s), square_avg, grads)
    params = tree_map(lambda p, s, g: p - learning_rate * g / tf.sqrt(s + epsilon), params, square_avg, grads)
    return params, square_avg


def adagrad_step(params, accumulator, grads, learning_rate, epsilon=1e-7):
    params, accumulator, grads = tensors(params), tensors(accumulator), tensors(grads)
    accumulator = tree_map(lambda a, g: a + tf.square(g), accumulator, grads)
    params = tree_map(
        lambda p, a, g: p - learning_rate * g / tf.sqrt(a + epsilon), params, accumulator, grads
    )
    return params, accumulator


# %%
def adam_init(params):
    zeros = tree_map(tf.zeros_like, tensors(params))
    return {"moments": (zeros, zeros), "powers": (tf.constant(1.0, tf.float64), tf.constant(1.0, tf.float64))}


def adam_step(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    params, grads = tensors(params), tensors(grads)
    m, v = (tensors(moment) for moment in state["moments"])
    power_1, power_2 = state["powers"][0] * beta_1, state["powers"][1] * beta_2
    m = tree_map(lambda m, g: beta_1 * m + (1 - beta_1) * g, m, grads)
    v = tree_map(lambda v, g: beta_2 * v + (1 - beta_2) * g * g, v, grads)

    def move(p, m, v):
        m_hat = m / tf.cast(1 - power_1, m.dtype)
        v_hat = v / tf.cast(1 - power_2, v.dtype)
        return p - learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon)

    return tree_map(move, params, m, v), {"moments": (m, v), "powers": (power_1, power_2)}


# %%
def warmup_schedule(step, d_model, warmup_steps=4000):
    step = tf.cast(step, tf.float32)
    return tf.math.rsqrt(tf.cast(d_model, tf.float32)) * tf.minimum(
        tf.math.rsqrt(step), step * warmup_steps**-1.5
    )


# %%
def init_params(n_in, n_hidden, n_out, seed):
    he = tf.keras.initializers.HeNormal
    return {
        "w1": he(seed=2 * seed)((n_in, n_hidden)),
        "b1": tf.zeros(n_hidden),
        "w2": he(seed=2 * seed + 1)((n_hidden, n_out)),
        "b2": tf.zeros(n_out),
    }


def network(params, x):
    return tf.matmul(tf.nn.relu(tf.matmul(x, params["w1"]) + params["b1"]), params["w2"]) + params["b2"]


def differentiate(loss, params, x, t):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(params)
        value = loss(network(params, x), t)
    return value, tape.gradient(value, params)


def squared_error(y, t):
    return tf.reduce_sum(tf.math.squared_difference(y, t)) / tf.cast(tf.shape(t)[0], tf.float32)


def cross_entropy(y, t):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(t, y))


# %%
def alpha_sweep(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    x, t = tf.cast(x, tf.float32), tf.cast(t, tf.float32)
    start = init_params(x.shape[1], n_hidden, t.shape[1], seed)

    @tf.function
    def step(params, prev, alpha):
        params, blend = lookback_step(
            params, prev, lambda p: differentiate(squared_error, p, x, t)[1], learning_rate, alpha
        )
        return params, blend, squared_error(network(blend, x), t)

    curves = {}
    for alpha in alphas:
        params, prev, losses = start, start, []
        for _ in range(epochs):
            params, prev, loss = step(params, prev, tf.constant(alpha, tf.float32))
            losses.append(loss)
        curves[alpha] = losses
    return curves


# %%
def train_minibatch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    x, t = tf.cast(x, tf.float32), tf.cast(t, tf.float32)
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    zeros = tree_map(tf.zeros_like, params)
    rules = {
        "sgd": (zeros, lambda p, s, g: (sgd_step(p, g, learning_rate), s)),
        "momentum": (zeros, lambda p, s, g: momentum_step(p, s, g, learning_rate, 0.9)),
        "rmsprop": (zeros, lambda p, s, g: rmsprop_step(p, s, g, learning_rate)),
        "adagrad": (zeros, lambda p, s, g: adagrad_step(p, s, g, learning_rate)),
        "adam": (adam_init(params), lambda p, s, g: adam_step(p, s, g, learning_rate)),
    }
    state, rule = rules[optimizer]
    batches = tf.data.Dataset.from_tensor_slices((x, t)).shuffle(len(x), seed=seed).batch(batch_size)
    loss_history, accuracy_history = [], []
    for _ in range(epochs):
        losses, hits = [], []
        for x_batch, t_batch in batches:
            y = network(params, x_batch)
            hits.append(tf.argmax(y, 1) == tf.argmax(t_batch, 1))
            loss, grads = differentiate(cross_entropy, params, x_batch, t_batch)
            losses.append(loss * len(x_batch))
            params, state = rule(params, state, grads)
        loss_history.append(tf.add_n(losses) / len(x))
        accuracy_history.append(tf.reduce_mean(tf.cast(tf.concat(hits, 0), tf.float32)))
    return params, {"loss": loss_history, "accuracy": accuracy_history}
