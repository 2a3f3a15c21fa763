"""A neural network by hand, and the same network by automatic differentiation.

The network has one hidden layer (q1-q9) and then any number of them (q10):

    z = x·w1 + b1        hidden = relu(z)        y_hat = hidden·w2 + b2

Every gradient is derived on paper and stands beside the line that computes it. Arrays are batch-first
and written with these letters: N examples, D inputs, H hidden units, C outputs or classes. Parameters
travel as a plain dict {"w1": (D, H), "b1": (H,), "w2": (H, C), "b2": (C,)}.

Functions take NumPy arrays and TensorFlow tensors alike and return tensors, computed in the dtype of
the parameters (float32 unless you pass float64). None of them changes its arguments.

References
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors, Nature 323.
    Glorot, Bordes and Bengio (2011), Deep sparse rectifier neural networks, AISTATS.
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout, JMLR 15.
    He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, arXiv:1502.01852.
    Goodfellow, Bengio and Courville (2016), Deep Learning, sections 4.1 (overflow), 6.5 (back-propagation).
"""

import numpy as np
import tensorflow as tf

# --- q1: initialisation ----------------------------------------------------------------------------


def init_params(n_in, n_hidden, n_out, seed):
    """Draw the parameters of a network with one hidden layer, after He et al. (2015).

    A ReLU passes on half of the variance that reaches it. Weights with variance 2/fan_in make up for
    that, so the activations neither die out nor explode from layer to layer:

        w ~ Normal(0, std = sqrt(2 / fan_in)),    b = 0

    Args:
        n_in: number of inputs D, the fan-in of w1.
        n_hidden: number of hidden units H, the fan-in of w2.
        n_out: number of outputs C.
        seed: int; the same seed draws the same weights.

    Returns:
        dict of float32 tensors: w1 (D, H), b1 (H,), w2 (H, C), b2 (C,).

    Raises:
        ValueError: if a size is not positive.
    """
    if min(n_in, n_hidden, n_out) < 1:
        raise ValueError(f"Layer sizes must be positive, but got {n_in}, {n_hidden} and {n_out}.")
    rng = np.random.default_rng(seed)  # a single stream: w2 continues where w1 stopped
    w1, b1 = _he_layer(rng, n_in, n_hidden)
    w2, b2 = _he_layer(rng, n_hidden, n_out)
    return {"w1": w1, "b1": b1, "w2": w2, "b2": b2}


def _he_layer(rng, fan_in, fan_out):
    """Draw one dense layer: weights (fan_in, fan_out) and biases (fan_out,)."""
    w = rng.normal(0.0, np.sqrt(2.0 / fan_in), size=(fan_in, fan_out))
    return tf.constant(w, tf.float32), tf.zeros(fan_out)


# --- q2: activations and their derivatives ---------------------------------------------------------


def _floats(z):
    """Return `z` as a tensor of floats: a float dtype is kept, integers become float32."""
    z = tf.convert_to_tensor(z)
    return z if z.dtype.is_floating else tf.cast(z, tf.float32)


def sigmoid(z):
    """Compute the logistic function, element by element.

        sigmoid(z) = 1 / (1 + exp(-z)) = exp(z) / (1 + exp(z))

    Args:
        z: array of any shape, finite up to at least |z| = 1e4.

    Returns:
        Tensor of the shape of `z` with values in [0, 1].
    """
    # The first form overflows for very negative z, the second for very positive z. Dividing numerator and
    # denominator by exp(max(z, 0)) makes them one form, in which no exponent is positive.
    z = _floats(z)
    m = tf.maximum(z, 0)
    return tf.exp(z - m) / (tf.exp(z - m) + tf.exp(-m))


def sigmoid_grad(z):
    """Compute the derivative of the logistic function at `z`.

        d sigmoid(z)/dz = sigmoid(z)·(1 - sigmoid(z))

    Args:
        z: array of any shape: the input of the sigmoid, not its output.

    Returns:
        Tensor of the shape of `z` with values in [0, 1/4].
    """
    z = _floats(z)
    return sigmoid(z) * sigmoid(-z)  # 1 - sigmoid(z) would cancel to 0 for large z


def relu(z):
    """Compute the rectifier max(z, 0), element by element.

    Args:
        z: array of any shape.

    Returns:
        Tensor of the shape of `z`.
    """
    z = _floats(z)
    return tf.maximum(tf.zeros_like(z), z)  # in this order the tape takes 0 for the derivative at 0, too


def relu_grad(z):
    """Compute the derivative of the rectifier: 1 where z > 0, else 0.

    At 0 the rectifier has no derivative; by convention we take 0, as TensorFlow does.

    Args:
        z: array of any shape.

    Returns:
        Tensor of floats with the shape of `z`.
    """
    z = _floats(z)
    return tf.cast(z > 0, z.dtype)


def softmax(z):
    """Turn scores into probabilities along the last axis.

        softmax(z)_j = exp(z_j) / Σ_k exp(z_k)

    Args:
        z: scores of shape (..., C); the result is finite up to at least |z| = 1e4.

    Returns:
        Tensor of the shape of `z`; sums to 1 along the last axis.
    """
    # A constant added to all scores of a row cancels. Moving the largest to 0 keeps every exponential
    # from overflowing (Goodfellow et al. 2016, section 4.1).
    z = _floats(z)
    e = tf.exp(z - tf.reduce_max(z, axis=-1, keepdims=True))
    return e / tf.reduce_sum(e, axis=-1, keepdims=True)


# --- q3: the network -------------------------------------------------------------------------------


def forward(params, x):
    """Run the network forward.

        hidden = relu(x·w1 + b1),    y_hat = hidden·w2 + b2

    The output has no activation: for regression it is the prediction itself, for classification it
    holds the logits.

    Args:
        params: dict with w1 (D, H), b1 (H,), w2 (H, C), b2 (C,).
        x: inputs (N, D).

    Returns:
        (y_hat, hidden): tensors of shape (N, C) and (N, H).
    """
    x = tf.cast(x, params["w1"].dtype)
    hidden = relu(x @ params["w1"] + params["b1"])  # (N, D)·(D, H) + (H,) -> (N, H)
    y_hat = hidden @ params["w2"] + params["b2"]  # (N, H)·(H, C) + (C,) -> (N, C)
    return y_hat, hidden


# --- q4: losses ------------------------------------------------------------------------------------


def mse_loss(params, y_hat, t, reg):
    """Compute the squared error with an L2 penalty on the weights.

        L = 1/N Σ_n Σ_c (y_hat_nc - t_nc)²  +  reg·(‖w1‖² + ‖w2‖²)

    Summed over outputs, averaged over examples; biases are not penalised.

    Args:
        params: dict with w1 and w2.
        y_hat: predictions (N, C).
        t: targets (N, C).
        reg: strength of the penalty, at least 0.

    Returns:
        Scalar tensor.

    Raises:
        ValueError: if the shapes of `y_hat` and `t` differ. (N, 1) - (N,) would broadcast to (N, N)
            and still give a number.
    """
    y_hat, t = _same_shape(y_hat, t)
    error = tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=-1))
    penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
    return error + reg * tf.cast(penalty, error.dtype)


def cross_entropy(logits, t):
    """Compute the cross-entropy of the softmax of `logits` relative to `t`.

        L = -1/N Σ_n Σ_c t_nc·log softmax(logits)_nc

    Args:
        logits: unnormalised scores (N, C); the loss is finite up to at least ±1e4.
        t: one-hot labels (N, C).

    Returns:
        Scalar tensor.

    Raises:
        ValueError: if the shapes of `logits` and `t` differ.
    """
    logits, t = _same_shape(logits, t)
    # log softmax(z)_c = (z_c - m) - log Σ_k exp(z_k - m) with m = max_k z_k. The logarithm of a finished
    # softmax would be log(0) = -inf for a class that lies 104 or more below the largest.
    shifted = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
    log_softmax = shifted - tf.math.log(tf.reduce_sum(tf.exp(shifted), axis=-1, keepdims=True))
    return -tf.reduce_mean(tf.reduce_sum(t * log_softmax, axis=-1))


def _same_shape(scores, t):
    """Return both as tensors of one dtype; raise ValueError if their shapes differ."""
    scores = _floats(scores)
    t = tf.cast(t, scores.dtype)
    scores.shape.assert_is_compatible_with(t.shape)
    return scores, t


# --- q5: the gradient by hand ----------------------------------------------------------------------


def backward(params, x, y_hat, hidden, t, reg):
    """Compute the gradients of `mse_loss` by the chain rule, from the output back to the input.

        dL/dθ for every θ in w1, b1, w2, b2,   L = 1/N Σ_n Σ_c (y_hat - t)² + reg·(‖w1‖² + ‖w2‖²)

    Args:
        params: dict with w1 (D, H), b1 (H,), w2 (H, C), b2 (C,).
        x: inputs (N, D).
        y_hat, hidden: what `forward(params, x)` returned, (N, C) and (N, H).
        t: targets (N, C).
        reg: strength of the L2 penalty, at least 0.

    Returns:
        dict of tensors with the keys and shapes of `params`.

    Raises:
        ValueError: if the shapes of `y_hat` and `t` differ.
    """
    y_hat, t = _same_shape(y_hat, t)
    d_y = 2 * (y_hat - t) / len(t)  # dL/dy_hat, since L = 1/N Σ (y_hat - t)² + ...
    gradients = _backward_from_output(params, x, hidden, d_y)
    gradients["w1"] += 2 * reg * params["w1"]  # d‖w‖²/dw = 2w
    gradients["w2"] += 2 * reg * params["w2"]
    return gradients


def _backward_from_output(params, x, hidden, d_y):
    """Propagate d_y = dL/dy_hat (N, C) back to the parameters; which loss it came from no longer matters."""
    x, hidden, d_y = (tf.cast(value, params["w1"].dtype) for value in (x, hidden, d_y))
    # y_hat = hidden·w2 + b2
    d_w2 = tf.transpose(hidden) @ d_y  # (H, N)·(N, C) -> (H, C)
    d_b2 = tf.reduce_sum(d_y, axis=0)  # b2 was added to every row
    d_hidden = d_y @ tf.transpose(params["w2"])  # (N, C)·(C, H) -> (N, H)
    # hidden = relu(z), and hidden > 0 exactly where z > 0
    d_z = d_hidden * relu_grad(hidden)
    # z = x·w1 + b1
    d_w1 = tf.transpose(x) @ d_z  # (D, N)·(N, H) -> (D, H)
    d_b1 = tf.reduce_sum(d_z, axis=0)
    return {"w1": d_w1, "b1": d_b1, "w2": d_w2, "b2": d_b2}


# --- q6: the same gradient from the tape -----------------------------------------------------------


def tape_gradients(params, x, t, reg):
    """Compute the gradients of `mse_loss` with `tf.GradientTape`.

    The tape records the operations of the forward pass and walks them backwards, which is what
    `backward` does by hand. Plain tensors have to be watched, only variables are so by themselves.

    Args:
        params: dict with w1 (D, H), b1 (H,), w2 (H, C), b2 (C,).
        x: inputs (N, D).
        t: targets (N, C).
        reg: strength of the L2 penalty, at least 0.

    Returns:
        dict of tensors with the keys and shapes of `params`.

    Raises:
        ValueError: if the shape of `t` is not (N, C).
    """
    params = {name: tf.convert_to_tensor(value) for name, value in params.items()}
    with tf.GradientTape() as tape:
        tape.watch(params)
        y_hat, _ = forward(params, x)
        loss = mse_loss(params, y_hat, t, reg)
    return tape.gradient(loss, params)


# --- q7: softmax and cross-entropy by hand ---------------------------------------------------------


def backward_cross_entropy(params, x, t):
    """Compute the gradients of `cross_entropy(forward(params, x)[0], t)` by the chain rule.

        dL/dθ for every θ in w1, b1, w2, b2,   L = -1/N Σ_n Σ_c t·log softmax(y_hat)

    Args:
        params: dict with w1 (D, H), b1 (H,), w2 (H, C), b2 (C,).
        x: inputs (N, D).
        t: one-hot labels (N, C).

    Returns:
        dict of tensors with the keys and shapes of `params`.

    Raises:
        ValueError: if the shape of `t` is not (N, C).
    """
    logits, hidden = forward(params, x)
    logits, t = _same_shape(logits, t)
    # With p = softmax(z) the Jacobian is dp_j/dz_k = p_j·(δ_jk - p_k). Multiplied by dL/dp_j = -t_j/p_j it
    # collapses, because Σ_j t_j = 1:  dL/dz_k = -Σ_j t_j·(δ_jk - p_k) = p_k - t_k.
    d_y = (softmax(logits) - t) / len(t)
    return _backward_from_output(params, x, hidden, d_y)


# --- q8: accuracy ----------------------------------------------------------------------------------


def accuracy(y_hat, t):
    """Compute the share of examples whose largest score belongs to the true class.

    Softmax keeps the order of the scores, so logits and probabilities give the same answer.

    Args:
        y_hat: scores (N, C).
        t: one-hot labels (N, C).

    Returns:
        Scalar float32 tensor in [0, 1].

    Raises:
        ValueError: if the shapes of `y_hat` and `t` differ.
    """
    y_hat, t = _same_shape(y_hat, t)
    hits = tf.argmax(y_hat, axis=-1) == tf.argmax(t, axis=-1)
    return tf.reduce_mean(tf.cast(hits, tf.float32))


# --- q9: training ----------------------------------------------------------------------------------


def gradient_descent_step(params, grads, learning_rate):
    """Take one step of gradient descent: θ ← θ - learning_rate·dL/dθ.

    Args:
        params: dict of arrays.
        grads: dict of arrays with the same keys and shapes.
        learning_rate: step size, positive.

    Returns:
        New dict of tensors; `params` stays as it was.

    Raises:
        KeyError: if a gradient is missing.
    """
    return {name: value - learning_rate * grads[name] for name, value in params.items()}


def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    """Train the network on `mse_loss` by full-batch gradient descent.

    An epoch is one step, since a batch is the whole training set. It is compiled: TensorFlow traces
    `epoch` at its first call and from then on runs the graph, without Python in between. (XLA would
    take longer to compile than a run of a few hundred such small steps takes at all.)

    Args:
        x, t: training inputs (N, D) and one-hot targets (N, C).
        x_test, t_test: test inputs (M, D) and one-hot targets (M, C); measured, never trained on.
        n_hidden: number of hidden units H.
        epochs: number of steps.
        learning_rate: step size, positive.
        reg: strength of the L2 penalty, at least 0.
        gradients: "manual" for `backward`, "tape" for `tape_gradients`.
        seed: int, seeds the initial parameters.

    Returns:
        (params, history): the trained parameters and a dict of lists of floats, one entry an epoch,
        with the keys train_loss, train_accuracy, test_loss and test_accuracy. Losses include the
        penalty; everything is measured after the epoch's update.

    Raises:
        ValueError: if `gradients` is neither "manual" nor "tape".
    """
    if gradients not in ("manual", "tape"):
        raise ValueError(f'gradients must be "manual" or "tape", but got {gradients!r}.')
    x, t, x_test, t_test = (tf.cast(data, tf.float32) for data in (x, t, x_test, t_test))

    @tf.function(autograph=False)  # no branch depends on a tensor
    def epoch(params):
        if gradients == "manual":
            y_hat, hidden = forward(params, x)
            grads = backward(params, x, y_hat, hidden, t, reg)
        else:
            grads = tape_gradients(params, x, t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
        return params, measure("train", params, x, t) | measure("test", params, x_test, t_test)

    def measure(split, params, x, t):
        y_hat, _ = forward(params, x)
        return {f"{split}_loss": mse_loss(params, y_hat, t, reg), f"{split}_accuracy": accuracy(y_hat, t)}

    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        params, measured = epoch(params)
        for name, value in measured.items():
            history[name].append(float(value))
    return params, history


# --- q10: any depth, with dropout ------------------------------------------------------------------


def mlp_init(sizes, seed):
    """Draw a network of any depth, each layer as in `init_params`.

    Args:
        sizes: layer sizes from input to output, such as [784, 128, 64, 10]; at least two.
        seed: int; the same seed draws the same weights.

    Returns:
        List of len(sizes) - 1 pairs (w, b) of float32 tensors, w (fan_in, fan_out) and b (fan_out,).

    Raises:
        ValueError: if there are fewer than two sizes.
    """
    if len(sizes) < 2:
        raise ValueError(f"A network needs at least an input and an output size, but got {sizes!r}.")
    rng = np.random.default_rng(seed)
    return [_he_layer(rng, sizes[k], sizes[k + 1]) for k in range(len(sizes) - 1)]


def mlp_forward(layers, x, dropout_rate=0.0, seed=None):
    """Run the network forward: ReLU between the layers, logits at the end.

    Dropout sets each hidden activation to 0 with probability `dropout_rate` and scales the others by
    1/(1 - dropout_rate). That leaves the expected activation as it was, so nothing has to be rescaled
    at test time ("inverted" dropout). Input and logits are never dropped.

    Args:
        layers: list of pairs (w, b).
        x: inputs (N, sizes[0]).
        dropout_rate: probability in [0, 1).
        seed: int for a repeatable draw, None for a fresh one.

    Returns:
        Logits (N, sizes[-1]).

    Raises:
        ValueError: if `dropout_rate` lies outside [0, 1).
    """
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate must be at least 0 and below 1, but got {dropout_rate}.")
    rng = np.random.default_rng(seed)
    *hidden_layers, (w_out, b_out) = layers
    h = tf.cast(x, w_out.dtype)
    for w, b in hidden_layers:
        h = relu(h @ w + b)
        if dropout_rate > 0:
            keep = rng.random(h.shape) >= dropout_rate  # an independent draw for every element
            h = h * tf.cast(keep, h.dtype) / (1 - dropout_rate)
    return h @ w_out + b_out


def mlp_backward(layers, x, t):
    """Compute the gradients of `cross_entropy(mlp_forward(layers, x), t)` by the chain rule.

    There is no dropout here.

    Args:
        layers: list of pairs (w, b).
        x: inputs (N, sizes[0]).
        t: one-hot labels (N, sizes[-1]).

    Returns:
        List of pairs (dw, db) with the shapes of `layers`.

    Raises:
        ValueError: if the shape of `t` is not that of the logits.
    """
    # z_k = a_k·w_k + b_k with a_0 = x, then a_{k+1} = relu(z_k); the last z_k are the logits
    activations = [tf.cast(x, layers[0][0].dtype)]
    for w, b in layers[:-1]:
        activations.append(relu(activations[-1] @ w + b))
    w_out, b_out = layers[-1]
    logits, t = _same_shape(activations[-1] @ w_out + b_out, t)

    delta = (softmax(logits) - t) / len(t)  # dL/dz of the layer at hand, here of the last
    gradients = []
    for k in reversed(range(len(layers))):
        gradients.append((tf.transpose(activations[k]) @ delta, tf.reduce_sum(delta, axis=0)))
        if k > 0:
            w, _ = layers[k]
            delta = (delta @ tf.transpose(w)) * relu_grad(activations[k])
    return gradients[::-1]
