# %% [markdown]
# # Assignment 1: raw variables in classes
#
# A correct solution. Layers are classes with hand-written `backward` methods around `tf.Variable`s; the functions of
# the assignment wrap them.

# %%
import numpy as np
import tensorflow as tf

# %%
class Dense:
    """x·w + b, and how a gradient passes back through it."""

    def __init__(self, w, b):
        self.w, self.b = tf.Variable(w, dtype=tf.float32), tf.Variable(b, dtype=tf.float32)

    @classmethod
    def draw(cls, fan_in, fan_out, seed):
        w = tf.random.stateless_normal((fan_in, fan_out), seed=seed) * np.sqrt(2.0 / fan_in).astype("float32")
        return cls(w, tf.zeros(fan_out))

    def __call__(self, x):
        self.x = tf.cast(x, tf.float32)
        return tf.linalg.matmul(self.x, self.w) + self.b

    def backward(self, d_out):
        self.d_w = tf.linalg.matmul(self.x, d_out, transpose_a=True)
        self.d_b = tf.reduce_sum(d_out, axis=0)
        return tf.linalg.matmul(d_out, self.w, transpose_b=True)


class Relu:
    """max(z, 0)."""

    def __call__(self, z):
        self.mask = tf.cast(z > 0, tf.float32)
        return z * self.mask

    def backward(self, d_out):
        return d_out * self.mask


class Network:
    """Dense layers with ReLU between them."""

    def __init__(self, dense):
        self.dense = dense
        self.relus = [Relu() for _ in dense[1:]]

    @classmethod
    def from_params(cls, params):
        return cls([Dense(params["w1"], params["b1"]), Dense(params["w2"], params["b2"])])

    def params(self):
        first, last = self.dense
        return {"w1": first.w, "b1": first.b, "w2": last.w, "b2": last.b}

    def __call__(self, x):
        for layer, activation in zip(self.dense, self.relus):
            x = activation(layer(x))
        self.hidden = x
        return self.dense[-1](x)

    def backward(self, d_out):
        for k in reversed(range(len(self.dense))):
            d_out = self.dense[k].backward(d_out)
            if k > 0:
                d_out = self.relus[k - 1].backward(d_out)
        return [(layer.d_w, layer.d_b) for layer in self.dense]

# %%
def init_params(n_in, n_hidden, n_out, seed):
    return Network([Dense.draw(n_in, n_hidden, (seed, 1)), Dense.draw(n_hidden, n_out, (seed, 2))]).params()

# %%
def sigmoid(z):
    z = tf.convert_to_tensor(z)
    positive = 1 / (1 + tf.exp(-tf.maximum(z, 0)))
    negative = tf.exp(tf.minimum(z, 0)) / (1 + tf.exp(tf.minimum(z, 0)))
    return tf.where(z >= 0, positive, negative)


def sigmoid_grad(z):
    return sigmoid(z) - tf.square(sigmoid(z))


def relu(z):
    return Relu()(tf.cast(z, tf.float32))


def relu_grad(z):
    layer = Relu()
    layer(tf.cast(z, tf.float32))
    return layer.mask


def softmax(z):
    z = z - tf.reduce_max(z, axis=-1, keepdims=True)
    return tf.exp(z) / tf.reduce_sum(tf.exp(z), axis=-1, keepdims=True)

# %%
def forward(params, x):
    net = Network.from_params(params)
    return net(x), net.hidden

# %%
def mse_loss(params, y_hat, t, reg):
    loss = tf.reduce_mean(tf.math.reduce_sum(tf.square(tf.subtract(y_hat, t)), axis=1))
    for key in ("w1", "w2"):
        loss += 2 * reg * tf.nn.l2_loss(params[key])
    return loss


def cross_entropy(logits, t):
    gap = tf.reduce_logsumexp(logits, axis=1) - tf.reduce_sum(tf.multiply(logits, t), axis=1)
    return tf.reduce_mean(gap)

# %%
def backward(params, x, y_hat, hidden, t, reg):
    net = Network.from_params(params)
    net(x)
    (w1, b1), (w2, b2) = net.backward(2 * tf.subtract(y_hat, t) / len(t))
    return {"w1": w1 + 2 * reg * net.dense[0].w, "b1": b1, "w2": w2 + 2 * reg * net.dense[1].w, "b2": b2}


def backward_cross_entropy(params, x, t):
    net = Network.from_params(params)
    probabilities = softmax(net(x))
    (w1, b1), (w2, b2) = net.backward((probabilities - t) / len(t))
    return {"w1": w1, "b1": b1, "w2": w2, "b2": b2}

# %%
def tape_gradients(params, x, t, reg):
    net = Network.from_params(params)
    with tf.GradientTape() as tape:
        y_hat = net(x)
        loss = mse_loss(net.params(), y_hat, t, reg)
    return tape.gradient(loss, net.params())

# %%
def accuracy(y_hat, t):
    return tf.reduce_mean(tf.cast(tf.equal(tf.argmax(y_hat, 1), tf.argmax(t, 1)), tf.float32)).numpy()

# %%
def gradient_descent_step(params, grads, learning_rate):
    new = {key: tf.Variable(value) for key, value in params.items()}
    for key, variable in new.items():
        variable.assign_sub(learning_rate * grads[key])
    return new


def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        if gradients == "manual":
            y_hat, hidden = forward(params, x)
            grads = backward(params, x, y_hat, hidden, t, reg)
        else:
            grads = tape_gradients(params, x, t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, inputs)
            history[f"{split}_loss"].append(mse_loss(params, y_hat, targets, reg))
            history[f"{split}_accuracy"].append(accuracy(y_hat, targets))
    return params, history

# %%
def mlp_init(sizes, seed):
    layers = [Dense.draw(sizes[k], sizes[k + 1], (seed, k)) for k in range(len(sizes) - 1)]
    return [(layer.w, layer.b) for layer in layers]


def mlp_forward(layers, x, dropout_rate=0.0, seed=None):
    net = Network([Dense(w, b) for w, b in layers])
    generator = tf.random.Generator.from_seed(0 if seed is None else seed)
    for layer, activation in zip(net.dense, net.relus):
        x = activation(layer(x))
        if dropout_rate:
            kept = generator.uniform(x.shape) >= dropout_rate
            x = tf.where(kept, x / (1 - dropout_rate), 0)
    return net.dense[-1](x)


def mlp_backward(layers, x, t):
    net = Network([Dense(w, b) for w, b in layers])
    return net.backward((softmax(net(x)) - t) / t.shape[0])

# %%
layers = mlp_init([4, 8, 3], seed=0)
x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
print("logits", mlp_forward(layers, x).numpy().round(2))
print("a gradient", mlp_backward(layers, x, np.eye(3, dtype="float32")[[0, 1, 2, 0, 1]])[0][1].numpy())
