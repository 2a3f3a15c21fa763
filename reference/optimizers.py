"""Update rules by hand: from plain gradient descent to Adam, and training with them.

An update rule takes the parameters θ, the gradient g = dL/dθ and whatever it remembers of earlier
steps, and returns new parameters and a new memory:

    rule        memory                 step
    SGD         -                      θ ← θ - lr·g
    look-back   previous point p       θ' = (1-α)·θ + α·p,   θ ← θ' - lr·g(θ'),   p ← θ'
    momentum    velocity v             v ← μ·v - lr·g,       θ ← θ + v
    Adagrad     sum of squares a       a ← a + g²,           θ ← θ - lr·g/√(a+ε)
    RMSprop     mean of squares s      s ← ρ·s + (1-ρ)·g²,   θ ← θ - lr·g/√(s+ε)
    Adam        mean m, mean square v  see `adam_step`

Everything is element by element, so shapes never matter: parameters travel as a dict of arrays, and
gradient and memory are dicts with the same keys (in any order). Functions take NumPy arrays and
TensorFlow tensors alike, compute in their dtype (float32 unless you pass float64) and never change
their arguments.

References
    Robbins and Monro (1951), A stochastic approximation method, Annals of Mathematical Statistics 22.
    Polyak (1964), Some methods of speeding up the convergence of iteration methods, USSR Comp. Math. 4.
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods, JMLR 12.
    Tieleman and Hinton (2012), RMSprop, lecture 6.5 of Neural networks for machine learning.
    Sutskever, Martens, Dahl and Hinton (2013), On the importance of initialization and momentum, ICML.
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980.
    Vaswani et al. (2017), Attention is all you need, arXiv:1706.03762, section 5.3 (the schedule).
"""

import numpy as np
import tensorflow as tf

# --- given: the network of assignment 1 ------------------------------------------------------------
# Letters for shapes: N examples, D inputs, H hidden units, C outputs or classes.


def init_params(n_in, n_hidden, n_out, seed):
    """Draw the parameters: weights ~ Normal(0, std = sqrt(2 / fan_in)), biases 0.

    Returns:
        dict of float32 tensors: w1 (n_in, H), b1 (H,), w2 (H, n_out), b2 (n_out,).
    """
    rng = np.random.default_rng(seed)
    w1 = rng.normal(0.0, np.sqrt(2.0 / n_in), size=(n_in, n_hidden))
    w2 = rng.normal(0.0, np.sqrt(2.0 / n_hidden), size=(n_hidden, n_out))
    params = {"w1": w1, "b1": np.zeros(n_hidden), "w2": w2, "b2": np.zeros(n_out)}
    return {name: tf.constant(value, tf.float32) for name, value in params.items()}


def forward(params, x):
    """Run the network: hidden = relu(x·w1 + b1) (N, H), y_hat = hidden·w2 + b2 (N, C).

    Returns:
        (y_hat, hidden), two tensors.
    """
    hidden = tf.nn.relu(x @ params["w1"] + params["b1"])
    return hidden @ params["w2"] + params["b2"], hidden


def mse_loss(params, y_hat, t, reg=0.0):
    """Squared error, summed over outputs, averaged over examples, plus reg·(‖w1‖² + ‖w2‖²); a scalar."""
    penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
    return tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=-1)) + reg * penalty


def cross_entropy(logits, t):
    """Cross-entropy of softmax(logits) (N, C) and one-hot labels t (N, C), averaged; a scalar."""
    return -tf.reduce_mean(tf.reduce_sum(t * tf.nn.log_softmax(logits), axis=-1))


def accuracy(y_hat, t):
    """Share of examples whose largest score belongs to the true class; a scalar in [0, 1]."""
    hits = tf.argmax(y_hat, axis=-1) == tf.argmax(t, axis=-1)
    return tf.reduce_mean(tf.cast(hits, tf.float32))


def gradients(loss_of, params):
    """Differentiate `loss_of(params)`, a scalar, by the tape.

    Returns:
        dict of gradients with the keys and shapes of `params`.
    """
    with tf.GradientTape() as tape:
        tape.watch(params)
        loss = loss_of(params)
    return tape.gradient(loss, params)


# --- q1: gradient descent --------------------------------------------------------------------------


def sgd_step(params, grads, learning_rate):
    """Take one step of gradient descent (Robbins and Monro, 1951).

        θ ← θ - lr·g

    With g from a random batch instead of the whole training set this is *stochastic* gradient descent.

    Args:
        params: dict of arrays θ, of any shapes.
        grads: dict of arrays g with the same keys and shapes.
        learning_rate: step size lr, at least 0.

    Returns:
        New dict of arrays; `params` stays as it was.

    Raises:
        KeyError: if a gradient is missing.
    """
    return {name: theta - learning_rate * grads[name] for name, theta in params.items()}


# --- q2, q3: gradient descent that looks back ------------------------------------------------------


def lookback(theta, theta_prev, alpha):
    """Blend two points: go back from `theta` towards `theta_prev` by the share `alpha`.

        θ' = (1-α)·θ + α·θ_prev

    Args:
        theta: one array, or a dict of arrays.
        theta_prev: array of the same shape, or a dict with the same keys and shapes.
        alpha: share of the earlier point in [0, 1]: 0 gives `theta`, 1 gives `theta_prev`.

    Returns:
        New array, or new dict of arrays.

    Raises:
        KeyError: if `theta_prev` lacks a key of `theta`.
    """
    if isinstance(theta, dict):
        return {name: lookback(value, theta_prev[name], alpha) for name, value in theta.items()}
    return (1.0 - alpha) * theta + alpha * theta_prev


def lookback_step(params, prev, grad_fn, learning_rate, alpha):
    """Take one step of gradient descent from a blend of where we are and where we were.

        θ' = (1-α)·θ + α·p        (p: the blend of the previous step)
        θ  ← θ' - lr·g(θ')
        p  ← θ'

    Put the second line into the next step's first: θ'' = (1-α)·(θ' - lr·g(θ')) + α·θ' = θ' - (1-α)·lr·g(θ').
    So the blends follow plain gradient descent at the rate (1-α)·lr: α = 0 is SGD, and with α = 1 the
    blend never moves.

    Args:
        params: dict of arrays θ.
        prev: dict of arrays p with the same keys and shapes; at the first step the initial params.
        grad_fn: function from a dict of arrays to the dict of gradients at that point.
        learning_rate: step size lr, at least 0.
        alpha: share of the earlier point in [0, 1].

    Returns:
        (new_params, blend): two new dicts. The blend is the next step's `prev`; it is a value of its
        own, not another name for arrays that are about to change.
    """
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(blend), learning_rate), blend


# --- q4: momentum ----------------------------------------------------------------------------------


def momentum_step(params, velocity, grads, learning_rate, momentum, nesterov=False):
    """Take one step with momentum, in the form of `keras.optimizers.SGD` (Sutskever et al., 2013).

        v ← μ·v - lr·g
        θ ← θ + v                   heavy ball (Polyak, 1964)
        θ ← θ + μ·v - lr·g          Nesterov: the step that the new velocity is about to take

    A gradient that keeps its direction adds up to a step of lr/(1-μ); one that changes its sign cancels.

    Args:
        params: dict of arrays θ.
        velocity: dict of arrays v with the same keys and shapes; zeros at the first step.
        grads: dict of arrays g with the same keys and shapes.
        learning_rate: step size lr, at least 0.
        momentum: share μ of the velocity that is kept, in [0, 1).
        nesterov: whether to look ahead along the new velocity.

    Returns:
        (new_params, new_velocity): two new dicts; `velocity` stays as it was.

    Raises:
        KeyError: if a velocity or a gradient is missing.
    """
    velocity = {name: momentum * velocity[name] - learning_rate * grads[name] for name in params}
    if nesterov:
        step = {name: momentum * velocity[name] - learning_rate * grads[name] for name in params}
    else:
        step = velocity
    return {name: theta + step[name] for name, theta in params.items()}, velocity


# --- q5: a step size for each parameter ------------------------------------------------------------


def rmsprop_step(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    """Take one step of RMSprop (Tieleman and Hinton, 2012).

        s ← ρ·s + (1-ρ)·g²
        θ ← θ - lr·g / √(s + ε)

    Each parameter's gradient is measured in units of its own recent size, so that flat directions
    advance as fast as steep ones.

    Args:
        params: dict of arrays θ.
        square_avg: dict of arrays s with the same keys and shapes; zeros at the first step.
        grads: dict of arrays g with the same keys and shapes.
        learning_rate: step size lr, at least 0.
        rho: share ρ of the old average that is kept, in [0, 1).
        epsilon: positive; keeps the root away from 0. It stands under the root.

    Returns:
        (new_params, new_square_avg): two new dicts; `square_avg` stays as it was.

    Raises:
        KeyError: if an average or a gradient is missing.
    """
    square_avg = {name: rho * square_avg[name] + (1.0 - rho) * grads[name] ** 2 for name in params}
    return _scaled_step(params, square_avg, grads, learning_rate, epsilon), square_avg


def adagrad_step(params, accumulator, grads, learning_rate, epsilon=1e-7):
    """Take one step of Adagrad (Duchi, Hazan and Singer, 2011).

        a ← a + g²
        θ ← θ - lr·g / √(a + ε)

    The sum never forgets, so steps shrink like 1/√k: right for convex losses, in the end too short for
    most others.

    Args:
        params: dict of arrays θ.
        accumulator: dict of arrays a with the same keys and shapes; Keras starts it at 0.1.
        grads: dict of arrays g with the same keys and shapes.
        learning_rate: step size lr, at least 0.
        epsilon: positive; keeps the root away from 0. It stands under the root.

    Returns:
        (new_params, new_accumulator): two new dicts; `accumulator` stays as it was.

    Raises:
        KeyError: if a sum or a gradient is missing.
    """
    accumulator = {name: accumulator[name] + grads[name] ** 2 for name in params}
    return _scaled_step(params, accumulator, grads, learning_rate, epsilon), accumulator


def _scaled_step(params, squares, grads, learning_rate, epsilon):
    """θ - lr·g / √(squares + ε)."""
    return {
        name: theta - learning_rate * grads[name] / tf.sqrt(squares[name] + epsilon)
        for name, theta in params.items()
    }


# --- q6: Adam --------------------------------------------------------------------------------------


def adam_init(params):
    """Make Adam's state before the first step: both moments 0, no step taken.

    Args:
        params: dict of arrays.

    Returns:
        dict with "m" and "v", each a dict of zeros like `params`, and "step", an integer tensor. (A
        tensor, since `tf.function` would compile a Python number into the graph as a constant.)
    """
    zeros = {name: tf.zeros_like(theta) for name, theta in params.items()}
    return {"m": zeros, "v": zeros, "step": tf.constant(0, tf.int64)}


def adam_step(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Take one step of Adam (Kingma and Ba, 2015, algorithm 1).

        k ← k + 1
        m ← β₁·m + (1-β₁)·g           m̂ = m / (1-β₁^k)
        v ← β₂·v + (1-β₂)·g²          v̂ = v / (1-β₂^k)
        θ ← θ - lr·m̂ / (√v̂ + ε)

    Both means start at 0 and would stay too small for about 1/(1-β) steps; dividing by the share
    1-β^k of the weights seen so far corrects that. Hence m̂ = g and v̂ = g² at the first step, which
    has the size lr in every parameter, whatever the scale of the loss.

    Args:
        params: dict of arrays θ.
        state: what `adam_init` or the last step returned.
        grads: dict of arrays g with the same keys and shapes.
        learning_rate: step size lr, at least 0.
        beta_1: share β₁ of the mean that is kept, in [0, 1).
        beta_2: share β₂ of the mean square that is kept, in [0, 1).
        epsilon: positive; keeps the divisor away from 0. It stands outside the root.

    Returns:
        (new_params, new_state): new dicts; `state` stays as it was.

    Raises:
        KeyError: if a gradient is missing.
    """
    step = state["step"] + 1
    m = {name: beta_1 * state["m"][name] + (1.0 - beta_1) * grads[name] for name in params}
    v = {name: beta_2 * state["v"][name] + (1.0 - beta_2) * grads[name] ** 2 for name in params}
    new_params = {}
    for name, theta in params.items():
        m_hat = _without_bias(m[name], beta_1, step)
        v_hat = _without_bias(v[name], beta_2, step)
        new_params[name] = theta - learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon)
    return new_params, {"m": m, "v": v, "step": step}


def _without_bias(mean, beta, step):
    """mean / (1 - β^step)."""
    # In float64: float32 keeps only 4 digits of 1 - 0.999.
    weight = 1.0 - tf.constant(beta, tf.float64) ** tf.cast(step, tf.float64)
    return mean / tf.cast(weight, mean.dtype)


# --- q7: a learning rate that changes --------------------------------------------------------------


def warmup_schedule(step, d_model, warmup_steps=4000):
    """Compute the learning rate of the transformer paper (Vaswani et al., 2017, equation 3).

        lr(k) = d_model^(-1/2) · min(k^(-1/2), k·warmup_steps^(-3/2))

    It rises in a straight line, because Adam's averages are poor at first, then falls like 1/√k. The
    two branches meet at k = warmup_steps, where the rate peaks at 1/√(d_model·warmup_steps).

    Args:
        step: number k of the step, counted from 1.
        d_model: width of the model, positive.
        warmup_steps: length of the rise in steps, positive.

    Returns:
        The learning rate, a float.

    Raises:
        ValueError: if `step` is less than 1.
    """
    if step < 1:
        raise ValueError(f"Steps count from 1, but got {step}.")
    k = float(step)
    return d_model**-0.5 * min(k**-0.5, k * warmup_steps**-1.5)


# --- q8: how far to look back ----------------------------------------------------------------------


def alpha_sweep(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    """Train the network on `mse_loss` with `lookback_step` for each alpha, from the same start.

    An epoch is one step on the whole set.

    Args:
        x, t: inputs (N, D) and targets (N, C).
        alphas: the values of alpha to try, each in [0, 1].
        n_hidden: number of hidden units H.
        epochs: number of steps.
        learning_rate: step size, at least 0.
        seed: int, seeds the initial parameters.

    Returns:
        dict from alpha to a list of floats: the loss of each epoch's blend.
    """
    x, t = tf.cast(x, tf.float32), tf.cast(t, tf.float32)
    rate = tf.constant(learning_rate, tf.float32)
    initial = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    curves = {}
    for alpha in alphas:
        params = blend = initial
        curves[alpha] = []
        for _ in range(epochs):
            params, blend, loss = _sweep_epoch(params, blend, x, t, rate, tf.constant(alpha, tf.float32))
            curves[alpha].append(float(loss))
    return curves


# tf.function traces the step once and from then on runs the graph. Rate and alpha go in as tensors, since
# a Python number would become part of the graph and every other number would need another one. AutoGraph
# translates Python's control flow, of which there is none.
@tf.function(autograph=False)
def _sweep_epoch(params, prev, x, t, learning_rate, alpha):
    """One step of one alpha: (new params, blend, loss of the blend)."""

    def loss_of(point):
        return mse_loss(point, forward(point, x)[0], t)

    def grad_fn(point):
        return gradients(loss_of, point)

    params, blend = lookback_step(params, prev, grad_fn, learning_rate, alpha)
    return params, blend, loss_of(blend)


# --- q9: mini-batches ------------------------------------------------------------------------------


def train_minibatch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    """Train the network on `cross_entropy` in shuffled mini-batches.

    Each epoch draws a new order of the examples and cuts it into batches; the last one is shorter
    where `batch_size` does not divide N, and counts like any other.

    Args:
        x, t: inputs (N, D) and one-hot labels (N, C).
        n_hidden: number of hidden units H.
        epochs: number of passes over the examples.
        batch_size: examples in a batch, at least 1; more than N means one batch of all.
        optimizer: "sgd", "momentum", "rmsprop", "adagrad" or "adam".
        learning_rate: step size, at least 0.
        seed: int, seeds the initial parameters and the order of the examples.

    Returns:
        (params, history): the trained parameters and a dict of lists of floats, `loss` and `accuracy`,
        measured on the whole set after each epoch.

    Raises:
        ValueError: if `optimizer` is none of these five.
    """
    x, t = tf.cast(x, tf.float32), tf.cast(t, tf.float32)
    rate = tf.constant(learning_rate, tf.float32)
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, _ = _rule(optimizer)
    state = initial_state(params)
    rng = np.random.default_rng([seed, 1])  # a stream of its own, apart from that of the weights
    history = {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = tf.constant(order[start : start + batch_size])
            params, state = _minibatch_step(params, state, x, t, batch, rate, optimizer)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@tf.function(autograph=False, reduce_retracing=True)  # one graph an optimizer, for batches of any length
def _minibatch_step(params, state, x, t, batch, learning_rate, optimizer):
    """One step on the examples whose indices are in `batch`: (new params, new state)."""
    x, t = tf.gather(x, batch), tf.gather(t, batch)
    grads = gradients(lambda point: cross_entropy(forward(point, x)[0], t), params)
    _, update = _rule(optimizer)
    return update(params, state, grads, learning_rate)


def _rule(optimizer):
    """Look up a rule: (params -> first state, (params, state, grads, learning_rate) -> (params, state))."""

    def zeros(params):
        return {name: tf.zeros_like(theta) for name, theta in params.items()}

    def sgd(params, state, grads, learning_rate):
        return sgd_step(params, grads, learning_rate), state

    def momentum(params, velocity, grads, learning_rate):
        return momentum_step(params, velocity, grads, learning_rate, momentum=0.9)

    rules = {
        "sgd": (zeros, sgd),
        "momentum": (zeros, momentum),
        "rmsprop": (zeros, rmsprop_step),
        "adagrad": (zeros, adagrad_step),
        "adam": (adam_init, adam_step),
    }
    if optimizer not in rules:
        raise ValueError(f"optimizer must be one of {', '.join(rules)}, but got {optimizer!r}.")
    return rules[optimizer]
