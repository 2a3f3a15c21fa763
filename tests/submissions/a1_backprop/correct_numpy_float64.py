# %% [markdown]
# # Assignment 1: everything in NumPy and float64
#
# A correct solution. TensorFlow appears only where the tape is asked for; parameters carry other names than the
# assignment's, and scalars come back as Python floats.

# %%
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_history

# %%
import otter

grader = otter.Notebook("a1_backprop.ipynb")

# %%
def init_params(d, h, c, seed):
    rng1, rng2 = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    return dict(
        w1=rng1.standard_normal((d, h)) * (2 / d) ** 0.5,
        b1=np.zeros(h),
        w2=rng2.standard_normal((h, c)) * (2 / h) ** 0.5,
        b2=np.zeros(c),
    )

# %%
grader.check("q1")

# %%
def f64(a):
    return np.asarray(a, dtype=np.float64)


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * f64(a)))


def sigmoid_grad(a):
    s = sigmoid(a)
    return s * (1 - s)


def relu(a):
    return np.where(f64(a) > 0, a, 0.0)


def relu_grad(a):
    return np.heaviside(f64(a), 0.0)


def log_softmax(a):
    a = f64(a)
    return a - np.logaddexp.reduce(a, axis=-1, keepdims=True)


def softmax(a):
    return np.exp(log_softmax(a))

# %%
def forward(p, inputs):
    hidden = relu(f64(inputs) @ f64(p["w1"]) + f64(p["b1"]))
    return hidden @ f64(p["w2"]) + f64(p["b2"]), hidden


def mse_loss(p, prediction, target, lam):
    distance = np.linalg.norm(f64(prediction) - f64(target), axis=1)
    return float(np.mean(distance**2) + lam * sum(np.vdot(f64(p[k]), f64(p[k])) for k in ("w1", "w2")))


def cross_entropy(scores, target):
    return float(-np.mean(np.sum(f64(target) * log_softmax(scores), axis=1)))

# %% [markdown]
# Both hand-written gradients share the way from the output back to the parameters.

# %%
def from_output_gradient(p, inputs, hidden, delta):
    back = (delta @ f64(p["w2"]).T) * (f64(hidden) > 0)
    return {"b2": delta.sum(0), "w2": f64(hidden).T @ delta, "b1": back.sum(0), "w1": f64(inputs).T @ back}


def backward(p, inputs, prediction, hidden, target, lam):
    delta = (f64(prediction) - f64(target)) * (2 / len(inputs))
    grads = from_output_gradient(p, inputs, hidden, delta)
    for k in ("w1", "w2"):
        grads[k] = grads[k] + 2 * lam * f64(p[k])
    return grads


def backward_cross_entropy(p, inputs, target):
    scores, hidden = forward(p, inputs)
    return from_output_gradient(p, inputs, hidden, (softmax(scores) - f64(target)) / len(inputs))

# %%
def tape_gradients(p, inputs, target, lam):
    v = {k: tf.Variable(f64(a)) for k, a in p.items()}
    with tf.GradientTape() as tape:
        h = tf.maximum(tf.constant(f64(inputs)) @ v["w1"] + v["b1"], 0)
        error = tf.reduce_sum(tf.square(h @ v["w2"] + v["b2"] - f64(target))) / len(inputs)
        loss = error + lam * (tf.reduce_sum(v["w1"] ** 2) + tf.reduce_sum(v["w2"] ** 2))
    names = list(v)
    return {k: g.numpy() for k, g in zip(names, tape.gradient(loss, [v[k] for k in names]), strict=True)}

# %%
def accuracy(scores, target):
    return float((np.argmax(scores, -1) == np.argmax(target, -1)).mean())

# %%
def gradient_descent_step(p, g, rate):
    return {k: f64(p[k]) - rate * f64(g[k]) for k in p}


def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    p = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {k: np.zeros(epochs) for k in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")}
    for epoch in range(epochs):
        g = tape_gradients(p, x, t, reg) if gradients == "tape" else backward(p, x, *forward(p, x), t, reg)
        p = gradient_descent_step(p, g, learning_rate)
        for name, a, b in (("train", x, t), ("test", x_test, t_test)):
            scores, _ = forward(p, a)
            history[name + "_loss"][epoch] = mse_loss(p, scores, b, reg)
            history[name + "_accuracy"][epoch] = accuracy(scores, b)
    return p, {k: v.tolist() for k, v in history.items()}

# %%
def mlp_init(sizes, seed):
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(scale=np.sqrt(2 / a), size=(a, b)), np.zeros(b)) for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    ]


def mlp_forward(layers, inputs, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = f64(inputs)
    for w, b in layers[:-1]:
        h = relu(h @ f64(w) + f64(b))
        h = h * rng.binomial(1, 1 - dropout_rate, h.shape) / (1 - dropout_rate)
    return h @ f64(layers[-1][0]) + f64(layers[-1][1])


def mlp_backward(layers, inputs, target):
    seen = [f64(inputs)]
    for w, b in layers:
        seen.append(relu(seen[-1] @ f64(w) + f64(b)))
    delta = (softmax(seen[-2] @ f64(layers[-1][0]) + f64(layers[-1][1])) - f64(target)) / len(inputs)
    result = []
    for (w, _), h in zip(reversed(layers), reversed(seen[:-1]), strict=True):
        result.append((h.T @ delta, delta.sum(axis=0)))
        delta = (delta @ f64(w).T) * (h > 0)
    return result[::-1]

# %%
images = load_images("mnist", n_train=600, n_test=200, seed=1)
flat, flat_test = images.x_train.reshape(-1, 784) / 255, images.x_test.reshape(-1, 784) / 255
mean = flat.mean(axis=0)
_, history = train(flat - mean, np.eye(10)[images.y_train], flat_test - mean, np.eye(10)[images.y_test],
                   n_hidden=20, epochs=40, learning_rate=0.1, reg=1e-4, gradients="manual", seed=3)
plot_history(history)
plt.close("all")

# %%
grader.check_all()
