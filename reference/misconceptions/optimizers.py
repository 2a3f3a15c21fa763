"""How update rules go wrong in students' hands, question by question.

Each function is a whole wrong answer to one question of assignment a2. Its explanation is shown to the
student whose numbers it reproduces.
"""

import numpy as np
import tensorflow as tf

from autograder.misconceptions import misconception
from reference.optimizers import (
    _rule,
    accuracy,
    cross_entropy,
    forward,
    gradients,
    init_params,
    lookback,
    lookback_step,
    mse_loss,
    sgd_step,
)

# --- q1: gradient descent --------------------------------------------------------------------------


@misconception(
    question="q1",
    replaces="sgd_step",
    caught_by="one step",
    explanation="The gradient is added. It points uphill, so descent subtracts it: θ - lr·g.",
)
def sgd_uphill(params, grads, learning_rate):
    return {k: params[k] + learning_rate * grads[k] for k in params}


@misconception(
    question="q1",
    replaces="sgd_step",
    caught_by="one step",
    explanation="Only the weights move. Biases are parameters too: every key of params has its step.",
)
def sgd_of_weights_only(params, grads, learning_rate):
    return {k: params[k] - learning_rate * grads[k] if params[k].ndim > 1 else params[k] for k in params}


@misconception(
    question="q1",
    replaces="sgd_step",
    caught_by="several steps as Keras",
    explanation="What is returned is the step -lr·g alone, without the parameters that it should be added "
    "to.",
)
def sgd_returns_the_step(params, grads, learning_rate):
    return {k: -learning_rate * grads[k] for k in params}


@misconception(
    question="q1",
    replaces="sgd_step",
    caught_by="several steps as Keras",
    explanation="The gradient is divided by its length, so every step is as long as the last. SGD uses it "
    "as it is.",
)
def sgd_normalised(params, grads, learning_rate):
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in grads.values()))
    return {k: params[k] - learning_rate * grads[k] / float(norm) for k in params}


@misconception(
    question="q1",
    replaces="sgd_step",
    caught_by="keys in another order",
    explanation="Gradients are paired with parameters by position. The dicts may be ordered differently; "
    "use the key.",
)
def sgd_by_position(params, grads, learning_rate):
    return {k: p - learning_rate * g for (k, p), g in zip(params.items(), grads.values(), strict=True)}


@misconception(
    question="q1",
    replaces="sgd_step",
    caught_by="one step",
    explanation="The caller's params are changed in place. The function should leave them alone and return "
    "new arrays.",
)
def sgd_in_place(params, grads, learning_rate):
    for k in params:
        params[k] -= learning_rate * grads[k]
    return params


# --- q2: the blend ---------------------------------------------------------------------------------


@misconception(
    question="q2",
    replaces="lookback",
    caught_by="blend of two arrays",
    explanation="alpha and 1-alpha are exchanged: alpha is the share of the earlier point, theta_prev.",
)
def lookback_exchanged(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {k: alpha * theta[k] + (1 - alpha) * theta_prev[k] for k in theta}
    return alpha * theta + (1 - alpha) * theta_prev


@misconception(
    question="q2",
    replaces="lookback",
    caught_by="blend of two arrays",
    explanation="theta is added in full. The two shares should sum to 1: (1-alpha) of theta, alpha of "
    "theta_prev.",
)
def lookback_adds(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {k: theta[k] + alpha * theta_prev[k] for k in theta}
    return theta + alpha * theta_prev


@misconception(
    question="q2",
    replaces="lookback",
    caught_by="both ends and the middle",
    explanation="The point is moved away from theta_prev, as momentum would. Looking back moves towards it.",
)
def lookback_extrapolates(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {k: theta[k] + alpha * (theta[k] - theta_prev[k]) for k in theta}
    return theta + alpha * (theta - theta_prev)


@misconception(
    question="q2",
    replaces="lookback",
    caught_by="both ends and the middle",
    explanation="The result is the plain average of both points whatever alpha is.",
)
def lookback_averages(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {k: (theta[k] + theta_prev[k]) / 2 for k in theta}
    return (theta + theta_prev) / 2


@misconception(
    question="q2",
    replaces="lookback",
    caught_by="blend of two dicts",
    explanation="Only single arrays are blended; for two dicts each array should be blended with its "
    "namesake.",
)
def lookback_of_arrays_only(theta, theta_prev, alpha):
    return (1 - alpha) * theta + alpha * theta_prev


@misconception(
    question="q2",
    replaces="lookback",
    caught_by="blend of two dicts",
    explanation="The arrays of two dicts are paired by position. Their order may differ; use the key.",
)
def lookback_by_position(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        pairs = zip(theta.items(), theta_prev.values(), strict=True)
        return {k: (1 - alpha) * a + alpha * b for (k, a), b in pairs}
    return (1 - alpha) * theta + alpha * theta_prev


# --- q3: the step from the blend -------------------------------------------------------------------


@misconception(
    question="q3",
    replaces="lookback_step",
    caught_by="the step starts at the blend",
    explanation="The gradient is taken at params. It should be taken at the blend, where the step starts.",
)
def lookback_gradient_at_params(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(params), learning_rate), blend


@misconception(
    question="q3",
    replaces="lookback_step",
    caught_by="the step starts at the blend",
    explanation="The step starts at params. Gradient and step both belong to the blend: blend - "
    "lr·grad_fn(blend).",
)
def lookback_step_from_params(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(params, grad_fn(blend), learning_rate), blend


@misconception(
    question="q3",
    replaces="lookback_step",
    caught_by="the blend",
    explanation="params is returned as the next prev. The next step should look back at the blend instead.",
)
def lookback_keeps_params(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(blend), learning_rate), params


@misconception(
    question="q3",
    replaces="lookback_step",
    caught_by="alpha = 0 is SGD",
    explanation="Blend and new params are the same arrays, so the step changed the blend as well. Keep it "
    "by value.",
)
def lookback_blend_as_alias(params, prev, grad_fn, learning_rate, alpha):
    blend = {k: np.array(v) for k, v in lookback(params, prev, alpha).items()}
    grads = grad_fn(blend)
    new_params = blend
    for k in new_params:
        new_params[k] -= learning_rate * np.asarray(grads[k])
    return new_params, blend


@misconception(
    question="q3",
    replaces="lookback_step",
    caught_by="several steps",
    explanation="The old prev is handed on, so every step looks back at the very first point instead of the "
    "last blend.",
)
def lookback_never_renews_prev(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(blend), learning_rate), prev


@misconception(
    question="q3",
    replaces="lookback_step",
    caught_by="blends follow SGD at the rate (1-alpha)·lr",
    explanation="The result of the step is blended, not its start: first look back, then take the gradient "
    "there.",
)
def lookback_after_the_step(params, prev, grad_fn, learning_rate, alpha):
    stepped = sgd_step(params, grad_fn(params), learning_rate)
    blend = lookback(stepped, prev, alpha)
    return blend, params


@misconception(
    question="q3",
    replaces="lookback_step",
    caught_by="the step starts at the blend",
    explanation="The learning rate is scaled by 1-alpha. The blend already slows the descent down; the step "
    "uses lr itself.",
)
def lookback_scales_the_rate(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    return sgd_step(blend, grad_fn(blend), (1 - alpha) * learning_rate), blend


# --- q4: momentum ----------------------------------------------------------------------------------


@misconception(
    question="q4",
    replaces="momentum_step",
    caught_by="the velocity",
    explanation="The gradient is added to the velocity. The velocity is the step itself and points "
    "downhill: v = μ·v - lr·g.",
)
def momentum_velocity_uphill(params, velocity, grads, learning_rate, momentum, nesterov=False):
    v = {k: momentum * velocity[k] + learning_rate * grads[k] for k in params}
    if nesterov:
        return {k: params[k] + momentum * v[k] + learning_rate * grads[k] for k in params}, v
    return {k: params[k] + v[k] for k in params}, v


@misconception(
    question="q4",
    replaces="momentum_step",
    caught_by="the velocity",
    explanation="The velocity points uphill and is subtracted. It should be the step itself: v = μ·v - "
    "lr·g, then θ + v.",
)
def momentum_velocity_subtracted(params, velocity, grads, learning_rate, momentum, nesterov=False):
    v = {k: momentum * velocity[k] + learning_rate * grads[k] for k in params}
    if nesterov:
        return {k: params[k] - momentum * v[k] - learning_rate * grads[k] for k in params}, v
    return {k: params[k] - v[k] for k in params}, v


@misconception(
    question="q4",
    replaces="momentum_step",
    caught_by="the velocity",
    explanation="This velocity is a sum of gradients, PyTorch's form. Here, as in Keras, it contains the "
    "step size: v = μ·v - lr·g.",
)
def momentum_of_gradients(params, velocity, grads, learning_rate, momentum, nesterov=False):
    v = {k: momentum * velocity[k] + grads[k] for k in params}
    if nesterov:
        return {k: params[k] - learning_rate * (momentum * v[k] + grads[k]) for k in params}, v
    return {k: params[k] - learning_rate * v[k] for k in params}, v


@misconception(
    question="q4",
    replaces="momentum_step",
    caught_by="several steps as Keras",
    explanation="The gradient enters with the factor 1-momentum, as in a running mean. Keras' velocity adds "
    "it in full.",
)
def momentum_dampened(params, velocity, grads, learning_rate, momentum, nesterov=False):
    v = {k: momentum * velocity[k] - (1 - momentum) * learning_rate * grads[k] for k in params}
    if nesterov:
        return {k: params[k] + momentum * v[k] - (1 - momentum) * learning_rate * grads[k] for k in params}, v
    return {k: params[k] + v[k] for k in params}, v


@misconception(
    question="q4",
    replaces="momentum_step",
    caught_by="heavy ball",
    explanation="The parameters move by the old velocity. First renew the velocity, then move by the new "
    "one.",
)
def momentum_moves_by_old_velocity(params, velocity, grads, learning_rate, momentum, nesterov=False):
    v = {k: momentum * velocity[k] - learning_rate * grads[k] for k in params}
    if nesterov:
        return {k: params[k] + momentum * velocity[k] - learning_rate * grads[k] for k in params}, v
    return {k: params[k] + velocity[k] for k in params}, v


@misconception(
    question="q4",
    replaces="momentum_step",
    caught_by="Nesterov",
    explanation="nesterov=True makes no difference. It should step by momentum·v - lr·g with the new "
    "velocity v.",
)
def momentum_without_nesterov(params, velocity, grads, learning_rate, momentum, nesterov=False):
    v = {k: momentum * velocity[k] - learning_rate * grads[k] for k in params}
    return {k: params[k] + v[k] for k in params}, v


@misconception(
    question="q4",
    replaces="momentum_step",
    caught_by="several Nesterov steps as Keras",
    explanation="The look ahead is kept as the velocity. It is only a way to step; the velocity stays v = "
    "μ·v - lr·g.",
)
def momentum_keeps_the_look_ahead(params, velocity, grads, learning_rate, momentum, nesterov=False):
    v = {k: momentum * velocity[k] - learning_rate * grads[k] for k in params}
    if nesterov:
        v = {k: momentum * v[k] - learning_rate * grads[k] for k in params}
    return {k: params[k] + v[k] for k in params}, v


@misconception(
    question="q4",
    replaces="momentum_step",
    caught_by="the velocity",
    explanation="The caller's velocity is changed in place. Return a new dict and leave the old one alone.",
)
def momentum_in_place(params, velocity, grads, learning_rate, momentum, nesterov=False):
    for k in params:
        velocity[k] = momentum * velocity[k] - learning_rate * grads[k]
    if nesterov:
        return {k: params[k] + momentum * velocity[k] - learning_rate * grads[k] for k in params}, velocity
    return {k: params[k] + velocity[k] for k in params}, velocity


# --- q5: RMSprop and Adagrad -----------------------------------------------------------------------


@misconception(
    question="q5",
    replaces="rmsprop_step",
    caught_by="RMSprop, epsilon under the root",
    explanation="epsilon is added to the root. Here, as in Keras' RMSprop, it stands under it: sqrt(s + "
    "epsilon).",
)
def rmsprop_epsilon_outside(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    s = {k: rho * square_avg[k] + (1 - rho) * grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / (np.sqrt(s[k]) + epsilon) for k in params}, s


@misconception(
    question="q5",
    replaces="rmsprop_step",
    caught_by="RMSprop, one step",
    explanation="The step is divided by the mean square itself. Its root has the unit of a gradient: g / "
    "sqrt(s + epsilon).",
)
def rmsprop_without_root(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    s = {k: rho * square_avg[k] + (1 - rho) * grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / (s[k] + epsilon) for k in params}, s


@misconception(
    question="q5",
    replaces="rmsprop_step",
    caught_by="RMSprop, one step",
    explanation="rho and 1-rho are exchanged: rho is the share of the old average that is kept.",
)
def rmsprop_rho_exchanged(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    s = {k: (1 - rho) * square_avg[k] + rho * grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / np.sqrt(s[k] + epsilon) for k in params}, s


@misconception(
    question="q5",
    replaces="rmsprop_step",
    caught_by="RMSprop, several steps as Keras",
    explanation="The new square enters in full, without the factor 1-rho, so s is a growing sum and no "
    "average.",
)
def rmsprop_sums(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    s = {k: rho * square_avg[k] + grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / np.sqrt(s[k] + epsilon) for k in params}, s


@misconception(
    question="q5",
    replaces="rmsprop_step",
    caught_by="RMSprop, several steps as Keras",
    explanation="The step is divided by the average of before. First renew the average, then use the new "
    "one.",
)
def rmsprop_divides_by_old_average(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    s = {k: rho * square_avg[k] + (1 - rho) * grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / np.sqrt(square_avg[k] + epsilon) for k in params}, s


@misconception(
    question="q5",
    replaces="adagrad_step",
    caught_by="Adagrad, epsilon under the root",
    explanation="epsilon is added to the root. Here, as in Keras' Adagrad, it stands under it: sqrt(a + "
    "epsilon).",
)
def adagrad_epsilon_outside(params, accumulator, grads, learning_rate, epsilon=1e-7):
    a = {k: accumulator[k] + grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / (np.sqrt(a[k]) + epsilon) for k in params}, a


@misconception(
    question="q5",
    replaces="adagrad_step",
    caught_by="Adagrad, one step",
    explanation="The sum is replaced by the last square. Adagrad adds to it and never forgets: a + g².",
)
def adagrad_forgets(params, accumulator, grads, learning_rate, epsilon=1e-7):
    a = {k: grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / np.sqrt(a[k] + epsilon) for k in params}, a


@misconception(
    question="q5",
    replaces="adagrad_step",
    caught_by="Adagrad, several steps as Keras",
    explanation="The sum decays like RMSprop's average. Adagrad's does not: a + g².",
)
def adagrad_decays(params, accumulator, grads, learning_rate, epsilon=1e-7):
    a = {k: 0.9 * accumulator[k] + 0.1 * grads[k] ** 2 for k in params}
    return {k: params[k] - learning_rate * grads[k] / np.sqrt(a[k] + epsilon) for k in params}, a


@misconception(
    question="q5",
    replaces="adagrad_step",
    caught_by="Adagrad, one step",
    explanation="The sum is of the gradients' sizes. Adagrad sums their squares and divides by the root.",
)
def adagrad_of_absolute_values(params, accumulator, grads, learning_rate, epsilon=1e-7):
    a = {k: accumulator[k] + abs(grads[k]) for k in params}
    return {k: params[k] - learning_rate * grads[k] / np.sqrt(a[k] + epsilon) for k in params}, a


@misconception(
    question="q5",
    replaces="adagrad_step",
    caught_by="Adagrad, several steps as Keras",
    explanation="The caller's accumulator is changed in place. Return a new dict and leave the old one "
    "alone.",
)
def adagrad_in_place(params, accumulator, grads, learning_rate, epsilon=1e-7):
    for k in params:
        accumulator[k] += grads[k] ** 2
    step = {k: learning_rate * grads[k] / np.sqrt(accumulator[k] + epsilon) for k in params}
    return {k: params[k] - step[k] for k in params}, accumulator


# --- q6: Adam --------------------------------------------------------------------------------------


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="first step has the size of the learning rate",
    explanation="The means are used as they are. They start at 0, so each is divided by 1 - beta^k at step "
    "k.",
)
def adam_without_correction(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m = {k: beta_1 * state["m"][k] + (1 - beta_1) * grads[k] for k in params}
    v = {k: beta_2 * state["v"][k] + (1 - beta_2) * grads[k] ** 2 for k in params}
    new_params = {k: params[k] - learning_rate * m[k] / (tf.sqrt(v[k]) + epsilon) for k in params}
    return new_params, {**state, "m": m, "v": v}


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="several steps as Keras",
    explanation="Only the mean is corrected. The mean square starts at 0 too and is divided by 1 - beta_2^k.",
)
def adam_corrects_the_mean_only(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    step = int(state["step"]) + 1
    m = {k: beta_1 * state["m"][k] + (1 - beta_1) * grads[k] for k in params}
    v = {k: beta_2 * state["v"][k] + (1 - beta_2) * grads[k] ** 2 for k in params}
    m_hat = {k: m[k] / (1 - beta_1**step) for k in params}
    new_params = {k: params[k] - learning_rate * m_hat[k] / (tf.sqrt(v[k]) + epsilon) for k in params}
    return new_params, {"m": m, "v": v, "step": step}


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="several steps as Keras",
    explanation="The step is counted once for each parameter array. Count once a step, before the loop over "
    "the keys.",
)
def adam_counts_every_array(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    new_params, m, v, step = {}, {}, {}, int(state["step"])
    for k in params:
        step += 1
        m[k] = beta_1 * state["m"][k] + (1 - beta_1) * grads[k]
        v[k] = beta_2 * state["v"][k] + (1 - beta_2) * grads[k] ** 2
        m_hat, v_hat = m[k] / (1 - beta_1**step), v[k] / (1 - beta_2**step)
        new_params[k] = params[k] - learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon)
    return new_params, {"m": m, "v": v, "step": step}


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="means and their correction",
    explanation="The corrected means are kept as the state, so they are corrected again and again. Keep the "
    "uncorrected ones.",
)
def adam_keeps_corrected_means(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    step = int(state["step"]) + 1
    m = {k: (beta_1 * state["m"][k] + (1 - beta_1) * grads[k]) / (1 - beta_1**step) for k in params}
    v = {k: (beta_2 * state["v"][k] + (1 - beta_2) * grads[k] ** 2) / (1 - beta_2**step) for k in params}
    new_params = {k: params[k] - learning_rate * m[k] / (tf.sqrt(v[k]) + epsilon) for k in params}
    return new_params, {"m": m, "v": v, "step": step}


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="means and their correction",
    explanation="beta_1 and beta_2 are exchanged: beta_1 belongs to the mean of g, beta_2 to the mean of g².",
)
def adam_betas_exchanged(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    step = int(state["step"]) + 1
    m = {k: beta_2 * state["m"][k] + (1 - beta_2) * grads[k] for k in params}
    v = {k: beta_1 * state["v"][k] + (1 - beta_1) * grads[k] ** 2 for k in params}
    new_params = {}
    for k in params:
        m_hat, v_hat = m[k] / (1 - beta_2**step), v[k] / (1 - beta_1**step)
        new_params[k] = params[k] - learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon)
    return new_params, {"m": m, "v": v, "step": step}


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="epsilon outside the root",
    explanation="epsilon stands under the root. Adam adds it to the root: sqrt(v̂) + epsilon.",
)
def adam_epsilon_inside(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    step = int(state["step"]) + 1
    m = {k: beta_1 * state["m"][k] + (1 - beta_1) * grads[k] for k in params}
    v = {k: beta_2 * state["v"][k] + (1 - beta_2) * grads[k] ** 2 for k in params}
    new_params = {}
    for k in params:
        m_hat, v_hat = m[k] / (1 - beta_1**step), v[k] / (1 - beta_2**step)
        new_params[k] = params[k] - learning_rate * m_hat / tf.sqrt(v_hat + epsilon)
    return new_params, {"m": m, "v": v, "step": step}


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="epsilon outside the root",
    explanation="epsilon is added to the root of the uncorrected mean square, as in Keras' code. The "
    "formula here corrects first.",
)
def adam_epsilon_before_correction(
    params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7
):
    step = int(state["step"]) + 1
    m = {k: beta_1 * state["m"][k] + (1 - beta_1) * grads[k] for k in params}
    v = {k: beta_2 * state["v"][k] + (1 - beta_2) * grads[k] ** 2 for k in params}
    rate = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    new_params = {k: params[k] - float(rate) * m[k] / (tf.sqrt(v[k]) + epsilon) for k in params}
    return new_params, {"m": m, "v": v, "step": step}


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="keys in another order",
    explanation="Parameters, gradients and means are paired by position. Their order may differ; use the "
    "key.",
)
def adam_by_position(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    step = int(state["step"]) + 1
    new_params, m, v = {}, {}, {}
    for (k, theta), g in zip(params.items(), grads.values(), strict=True):
        m[k] = beta_1 * state["m"][k] + (1 - beta_1) * g
        v[k] = beta_2 * state["v"][k] + (1 - beta_2) * g**2
        m_hat, v_hat = m[k] / (1 - beta_1**step), v[k] / (1 - beta_2**step)
        new_params[k] = theta - learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon)
    return new_params, {"m": m, "v": v, "step": step}


@misconception(
    question="q6",
    replaces="adam_step",
    caught_by="two networks in turn",
    explanation="The step counter belongs to the function, so two networks share it. It is part of each "
    "network's state.",
)
def adam_shared_counter(
    params,
    state,
    grads,
    learning_rate,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    counter=[0],  # noqa: B006
):
    counter[0] += 1
    m = {k: beta_1 * state["m"][k] + (1 - beta_1) * grads[k] for k in params}
    v = {k: beta_2 * state["v"][k] + (1 - beta_2) * grads[k] ** 2 for k in params}
    new_params = {}
    for k in params:
        m_hat, v_hat = m[k] / (1 - beta_1 ** counter[0]), v[k] / (1 - beta_2 ** counter[0])
        new_params[k] = params[k] - learning_rate * m_hat / (tf.sqrt(v_hat) + epsilon)
    return new_params, {"m": m, "v": v, "step": state["step"] + 1}


# --- q7: the schedule ------------------------------------------------------------------------------


@misconception(
    question="q7",
    replaces="warmup_schedule",
    caught_by="peak at warmup_steps",
    explanation="The larger branch is taken, so the rate starts high and has its lowest point at "
    "warmup_steps. Take the smaller.",
)
def warmup_with_max(step, d_model, warmup_steps=4000):
    return d_model**-0.5 * max(step**-0.5, step * warmup_steps**-1.5)


@misconception(
    question="q7",
    replaces="warmup_schedule",
    caught_by="rise",
    explanation="The factor d_model^(-0.5) is missing: wider models take smaller steps.",
)
def warmup_without_d_model(step, d_model, warmup_steps=4000):
    return min(step**-0.5, step * warmup_steps**-1.5)


@misconception(
    question="q7",
    replaces="warmup_schedule",
    caught_by="fall",
    explanation="Steps are counted from 0. The first step is number 1, and step enters the formula as it is.",
)
def warmup_counts_from_zero(step, d_model, warmup_steps=4000):
    return d_model**-0.5 * min((step + 1) ** -0.5, (step + 1) * warmup_steps**-1.5)


@misconception(
    question="q7",
    replaces="warmup_schedule",
    caught_by="fall",
    explanation="After the rise the rate stays where it is. It should fall like 1/sqrt(step).",
)
def warmup_then_constant(step, d_model, warmup_steps=4000):
    return d_model**-0.5 * min(warmup_steps**-0.5, step * warmup_steps**-1.5)


@misconception(
    question="q7",
    replaces="warmup_schedule",
    caught_by="rise",
    explanation="The rising branch has the exponent -0.5 instead of -1.5, so it never is the smaller one.",
)
def warmup_wrong_exponent(step, d_model, warmup_steps=4000):
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-0.5)


@misconception(
    question="q7",
    replaces="warmup_schedule",
    caught_by="default of 4000 steps",
    explanation="The default of warmup_steps is 4000, as in the paper.",
)
def warmup_of_ten_thousand(step, d_model, warmup_steps=10000):
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)


# --- q8: how far to look back ----------------------------------------------------------------------


@misconception(
    question="q8",
    replaces="alpha_sweep",
    caught_by="alpha slows the blends down",
    explanation="prev is always another name for the current params, so the blend is params and alpha has no "
    "effect. Hand the returned blend on.",
)
def sweep_prev_is_params(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    curves = {}
    for alpha in alphas:
        params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
        curves[alpha] = []
        for _ in range(epochs):
            prev = params
            params, blend = lookback_step(
                params,
                prev,
                lambda p: gradients(lambda q: mse_loss(q, forward(q, x)[0], t), p),
                learning_rate,
                alpha,
            )
            curves[alpha].append(float(mse_loss(blend, forward(blend, x)[0], t)))
    return curves


@misconception(
    question="q8",
    replaces="alpha_sweep",
    caught_by="alpha = 1 stands still",
    explanation="The weights are drawn once and trained on from alpha to alpha. Each alpha should start "
    "from untrained weights.",
)
def sweep_trains_on(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    curves = {}
    for alpha in alphas:
        prev, curves[alpha] = params, []
        for _ in range(epochs):
            params, prev = lookback_step(
                params,
                prev,
                lambda p: gradients(lambda q: mse_loss(q, forward(q, x)[0], t), p),
                learning_rate,
                alpha,
            )
            curves[alpha].append(float(mse_loss(prev, forward(prev, x)[0], t)))
    return curves


@misconception(
    question="q8",
    replaces="alpha_sweep",
    caught_by="values of the loss",
    explanation="The loss is measured at the new parameters. The curve should show the loss of the blend.",
)
def sweep_loss_of_params(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    curves = {}
    for alpha in alphas:
        params = prev = init_params(x.shape[1], n_hidden, t.shape[1], seed)
        curves[alpha] = []
        for _ in range(epochs):
            params, prev = lookback_step(
                params,
                prev,
                lambda p: gradients(lambda q: mse_loss(q, forward(q, x)[0], t), p),
                learning_rate,
                alpha,
            )
            curves[alpha].append(float(mse_loss(params, forward(params, x)[0], t)))
    return curves


@misconception(
    question="q8",
    replaces="alpha_sweep",
    caught_by="values of the loss",
    explanation="The squared error is averaged over the outputs. mse_loss sums over outputs and averages "
    "over examples.",
)
def sweep_mean_over_outputs(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    def loss_of(params):
        return tf.reduce_mean((forward(params, x)[0] - t) ** 2)

    curves = {}
    for alpha in alphas:
        params = prev = init_params(x.shape[1], n_hidden, t.shape[1], seed)
        curves[alpha] = []
        for _ in range(epochs):
            params, prev = lookback_step(params, prev, lambda p: gradients(loss_of, p), learning_rate, alpha)
            curves[alpha].append(float(loss_of(prev)))
    return curves


@misconception(
    question="q8",
    replaces="alpha_sweep",
    caught_by="alpha slows the blends down",
    explanation="prev starts at zero, which pulls the first blend towards the origin. It should start as "
    "the initial params.",
)
def sweep_prev_from_zero(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    curves = {}
    for alpha in alphas:
        params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
        prev, curves[alpha] = {k: tf.zeros_like(v) for k, v in params.items()}, []
        for _ in range(epochs):
            params, prev = lookback_step(
                params,
                prev,
                lambda p: gradients(lambda q: mse_loss(q, forward(q, x)[0], t), p),
                learning_rate,
                alpha,
            )
            curves[alpha].append(float(mse_loss(prev, forward(prev, x)[0], t)))
    return curves


@misconception(
    question="q8",
    replaces="alpha_sweep",
    caught_by="a list for each alpha",
    explanation="Only the last loss of each alpha is returned. The curve needs one entry for each epoch.",
)
def sweep_last_loss_only(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    curves = {}
    for alpha in alphas:
        params = prev = init_params(x.shape[1], n_hidden, t.shape[1], seed)
        for _ in range(epochs):
            params, prev = lookback_step(
                params,
                prev,
                lambda p: gradients(lambda q: mse_loss(q, forward(q, x)[0], t), p),
                learning_rate,
                alpha,
            )
        curves[alpha] = float(mse_loss(prev, forward(prev, x)[0], t))
    return curves


@misconception(
    question="q8",
    replaces="alpha_sweep",
    caught_by="seed",
    explanation="The initial weights do not depend on seed.",
)
def sweep_fixed_seed(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    curves = {}
    for alpha in alphas:
        params = prev = init_params(x.shape[1], n_hidden, t.shape[1], 0)
        curves[alpha] = []
        for _ in range(epochs):
            params, prev = lookback_step(
                params,
                prev,
                lambda p: gradients(lambda q: mse_loss(q, forward(q, x)[0], t), p),
                learning_rate,
                alpha,
            )
            curves[alpha].append(float(mse_loss(prev, forward(prev, x)[0], t)))
    return curves


# --- q9: mini-batches ------------------------------------------------------------------------------


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="last short batch",
    explanation="Examples that do not fill a whole batch are dropped. The last batch is shorter, but it "
    "counts.",
)
def minibatch_drops_the_rest(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    state, rng, history = initial_state(params), np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch_size + 1, batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="last short batch",
    explanation="The loss of a batch is divided by batch_size. The last batch is shorter: average over the "
    "examples that it has.",
)
def minibatch_divides_by_batch_size(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    state, rng, history = initial_state(params), np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(
                lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]) * len(b) / batch_size, params
            )
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="shuffled examples",
    explanation="The batches are cut from the given order. Shuffle the examples first, anew in each epoch.",
)
def minibatch_unshuffled(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    state, history = initial_state(params), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = np.arange(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="shuffled examples",
    explanation="The batches are cut first, and only their order is shuffled, so the same examples always "
    "meet. Shuffle, then cut.",
)
def minibatch_shuffles_batches(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    state, rng, history = initial_state(params), np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        for start in rng.permutation(np.arange(0, len(x), batch_size)):
            batch = np.arange(start, min(start + batch_size, len(x)))
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="accuracy on digits",
    explanation="Inputs and labels are shuffled apart, so they no longer belong together. Use one order for "
    "both.",
)
def minibatch_shuffles_inputs_only(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    state, rng, history = initial_state(params), np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order, order_t = rng.permutation(len(x)), rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch, batch_t = order[start : start + batch_size], order_t[start : start + batch_size]
            x_batch, t_batch = x[batch], t[batch_t]
            grads = gradients(lambda p, x=x_batch, t=t_batch: cross_entropy(forward(p, x)[0], t), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="seed",
    explanation="The weights follow the seed, the shuffling does not. Draw the order from a generator made "
    "from seed.",
)
def minibatch_unseeded_order(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    state, rng, history = initial_state(params), np.random.default_rng(), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="seed",
    explanation="The initial weights are the same for every seed. Hand seed on to init_params.",
)
def minibatch_fixed_weights(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], 0)
    initial_state, update = _rule(optimizer)
    state, rng, history = initial_state(params), np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="SGD and momentum, step by step",
    explanation="The state starts anew in each batch, so momentum and Adam never remember anything. Make it "
    "once, before the loops.",
)
def minibatch_forgets_the_state(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    rng, history = np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, _ = update(params, initial_state(params), grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="RMSprop, Adagrad and Adam, step by step",
    explanation="The state starts anew in each epoch. Make it once, before the loops.",
)
def minibatch_forgets_at_each_epoch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    rng, history = np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        state = initial_state(params)
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="RMSprop, Adagrad and Adam, step by step",
    explanation="Every optimizer takes the steps of plain SGD. Choose the rule by its name.",
)
def minibatch_always_sgd(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule("sgd")
    state, rng, history = initial_state(params), np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(cross_entropy(logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="network and history",
    explanation="The network is trained on the squared error of its logits. The loss here is the "
    "cross-entropy.",
)
def minibatch_squared_error(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    state, rng, history = initial_state(params), np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: mse_loss(p, forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
        logits, _ = forward(params, x)
        history["loss"].append(float(mse_loss(params, logits, t)))
        history["accuracy"].append(float(accuracy(logits, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train_minibatch",
    caught_by="network and history",
    explanation="The history has an entry for each batch. It should have one for each epoch.",
)
def minibatch_history_of_each_batch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    initial_state, update = _rule(optimizer)
    state, rng, history = initial_state(params), np.random.default_rng(seed), {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            grads = gradients(lambda p, b=batch: cross_entropy(forward(p, x[b])[0], t[b]), params)
            params, state = update(params, state, grads, learning_rate)
            logits, _ = forward(params, x)
            history["loss"].append(float(cross_entropy(logits, t)))
            history["accuracy"].append(float(accuracy(logits, t)))
    return params, history
