"""What goes wrong in a1, as students write it; see `reference/backprop.py` for what is right.

One function a misconception, with the name of the mistake, in the order of the questions. Its explanation
is what a student reads whose numbers it reproduces: what was done, and what the formula says.
"""

import numpy as np
import tensorflow as tf

from autograder.misconceptions import misconception
from reference.backprop import (
    accuracy,
    backward,
    forward,
    gradient_descent_step,
    init_params,
    mse_loss,
    relu,
    relu_grad,
    softmax,
    tape_gradients,
)

# --- q1: initialisation ----------------------------------------------------------------------------


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="spread of the weights",
    explanation="These weights have Glorot's standard deviation sqrt(2/(fan_in+fan_out)). "
    "He's, made for ReLU, is sqrt(2/fan_in).",
)
def glorot_instead_of_he(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": np.float32(rng.normal(0, np.sqrt(2 / (n_in + n_hidden)), (n_in, n_hidden))),
        "b1": np.zeros(n_hidden, np.float32),
        "w2": np.float32(rng.normal(0, np.sqrt(2 / (n_hidden + n_out)), (n_hidden, n_out))),
        "b2": np.zeros(n_out, np.float32),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="spread of the weights",
    explanation="2/fan_in is the variance of the weights. The random generator wants the standard deviation, "
    "its root.",
)
def variance_as_standard_deviation(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": np.float32(rng.normal(0, 2 / n_in, (n_in, n_hidden))),
        "b1": np.zeros(n_hidden, np.float32),
        "w2": np.float32(rng.normal(0, 2 / n_hidden, (n_hidden, n_out))),
        "b2": np.zeros(n_out, np.float32),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="spread of the weights",
    explanation="The standard deviation was computed from the number of outputs of each layer. "
    "fan_in is the number of its inputs: n_in for w1, n_hidden for w2.",
)
def fan_out_for_fan_in(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": np.float32(rng.normal(0, np.sqrt(2 / n_hidden), (n_in, n_hidden))),
        "b1": np.zeros(n_hidden, np.float32),
        "w2": np.float32(rng.normal(0, np.sqrt(2 / n_out), (n_hidden, n_out))),
        "b2": np.zeros(n_out, np.float32),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="spread of the weights",
    explanation="w2 got the standard deviation of w1. Its own fan-in is n_hidden, not n_in.",
)
def fan_in_of_the_first_layer_for_both(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    std = np.sqrt(2 / n_in)
    return {
        "w1": np.float32(rng.normal(0, std, (n_in, n_hidden))),
        "b1": np.zeros(n_hidden, np.float32),
        "w2": np.float32(rng.normal(0, std, (n_hidden, n_out))),
        "b2": np.zeros(n_out, np.float32),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="bell shape around zero",
    explanation="These weights are uniform. He's initialisation draws them from a normal distribution.",
)
def uniform_weights(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    limit1, limit2 = np.sqrt(6 / n_in), np.sqrt(6 / n_hidden)
    return {
        "w1": np.float32(rng.uniform(-limit1, limit1, (n_in, n_hidden))),
        "b1": np.zeros(n_hidden, np.float32),
        "w2": np.float32(rng.uniform(-limit2, limit2, (n_hidden, n_out))),
        "b2": np.zeros(n_out, np.float32),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="keys, shapes and biases",
    explanation="The biases are random. They break no symmetry that the weights have not broken already, and "
    "start at 0.",
)
def random_biases(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": np.float32(rng.normal(0, np.sqrt(2 / n_in), (n_in, n_hidden))),
        "b1": np.float32(rng.normal(0, 0.01, n_hidden)),
        "w2": np.float32(rng.normal(0, np.sqrt(2 / n_hidden), (n_hidden, n_out))),
        "b2": np.float32(rng.normal(0, 0.01, n_out)),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="keys, shapes and biases",
    explanation="Each layer has a single number as its bias. "
    "Every unit needs its own: b1 has shape (n_hidden,).",
)
def scalar_biases(n_in, n_hidden, n_out, seed):
    rng = np.random.default_rng(seed)
    return {
        "w1": np.float32(rng.normal(0, np.sqrt(2 / n_in), (n_in, n_hidden))),
        "b1": np.float32(0),
        "w2": np.float32(rng.normal(0, np.sqrt(2 / n_hidden), (n_hidden, n_out))),
        "b2": np.float32(0),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="keys, shapes and biases",
    explanation="All weights are 0, so all hidden units compute the same and get the same gradient for ever.",
)
def zero_weights(n_in, n_hidden, n_out, seed):
    return {
        "w1": np.zeros((n_in, n_hidden), np.float32),
        "b1": np.zeros(n_hidden, np.float32),
        "w2": np.zeros((n_hidden, n_out), np.float32),
        "b2": np.zeros(n_out, np.float32),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="repeatable by its seed",
    explanation="The seed is not used: two calls with the same seed draw different weights.",
)
def seed_unused(n_in, n_hidden, n_out, seed):
    return {
        "w1": np.float32(np.random.normal(0, np.sqrt(2 / n_in), (n_in, n_hidden))),
        "b1": np.zeros(n_hidden, np.float32),
        "w2": np.float32(np.random.normal(0, np.sqrt(2 / n_hidden), (n_hidden, n_out))),
        "b2": np.zeros(n_out, np.float32),
    }


@misconception(
    question="q1",
    replaces="init_params",
    caught_by="w1 and w2 are independent",
    explanation="Both matrices start from the same seed, so w2 repeats the numbers of w1. "
    "Draw both from one generator, or give each its own seed.",
)
def same_seed_for_both_matrices(n_in, n_hidden, n_out, seed):
    return {
        "w1": np.float32(np.random.default_rng(seed).normal(0, np.sqrt(2 / n_in), (n_in, n_hidden))),
        "b1": np.zeros(n_hidden, np.float32),
        "w2": np.float32(np.random.default_rng(seed).normal(0, np.sqrt(2 / n_hidden), (n_hidden, n_out))),
        "b2": np.zeros(n_out, np.float32),
    }


# --- q2: activations -------------------------------------------------------------------------------


@misconception(
    question="q2",
    replaces="sigmoid",
    caught_by="sigmoid",
    explanation="1/(1+exp(z)) falls with z. The exponent of the logistic function carries a minus: "
    "1/(1+exp(-z)).",
)
def sigmoid_mirrored(z):
    return 1 / (1 + tf.exp(z))


@misconception(
    question="q2",
    replaces="sigmoid",
    caught_by="sigmoid of very large inputs",
    explanation="exp(z)/(1+exp(z)) is inf/inf for large z. Choose the form by the sign of z, "
    "so that only exp(-|z|) is computed.",
)
def sigmoid_overflows(z):
    return tf.exp(z) / (1 + tf.exp(z))


@misconception(
    question="q2",
    replaces="sigmoid_grad",
    caught_by="derivative of sigmoid",
    explanation="z·(1-z) takes z for the sigmoid's output. The derivative at z is sigmoid(z)·(1-sigmoid(z)).",
)
def sigmoid_grad_of_the_output(z):
    return z * (1 - z)


@misconception(
    question="q2",
    replaces="sigmoid_grad",
    caught_by="derivative of sigmoid",
    explanation="The factor exp(-z) of the inner derivative is missing: "
    "d/dz 1/(1+exp(-z)) = exp(-z)/(1+exp(-z))².",
)
def sigmoid_grad_without_inner_derivative(z):
    return 1 / (1 + tf.exp(-tf.cast(z, tf.float32))) ** 2


@misconception(
    question="q2",
    replaces="sigmoid_grad",
    caught_by="sigmoid of very large inputs",
    explanation="exp(-z)/(1+exp(-z))² is inf/inf for very negative z. "
    "sigmoid(z)·(1-sigmoid(z)) with a stable sigmoid stays finite.",
)
def sigmoid_grad_overflows(z):
    e = tf.exp(-tf.cast(z, tf.float32))
    return e / (1 + e) ** 2


@misconception(
    question="q2",
    replaces="relu",
    caught_by="relu",
    explanation="Negative inputs leak through with slope 0.01. "
    "That is a leaky ReLU; relu is exactly 0 there.",
)
def relu_that_leaks(z):
    return tf.maximum(z, 0.01 * z)


@misconception(
    question="q2",
    replaces="relu",
    caught_by="relu",
    explanation="Negative inputs became positive. relu is max(z, 0), not the absolute value.",
)
def relu_as_absolute_value(z):
    return tf.abs(z)


@misconception(
    question="q2",
    replaces="relu_grad",
    caught_by="derivative of relu",
    explanation="At z = 0 the derivative came out as 1. By convention relu_grad(0) = 0, so compare with > "
    "and not >=.",
)
def relu_grad_one_at_zero(z):
    return tf.cast(z >= tf.zeros_like(z), tf.float32)


@misconception(
    question="q2",
    replaces="relu_grad",
    caught_by="derivative of relu",
    explanation="z > 0 is True or False. A derivative is a number: cast it to float.",
)
def relu_grad_boolean(z):
    return z > 0


@misconception(
    question="q2",
    replaces="relu_grad",
    caught_by="derivative of relu",
    explanation="That is relu itself. Its slope is 1 wherever z > 0, however large z is.",
)
def relu_grad_is_relu(z):
    return tf.maximum(z, 0.0)


@misconception(
    question="q2",
    replaces="softmax",
    caught_by="softmax",
    explanation="The probabilities sum to 1 over the examples. "
    "Each example's classes lie along the last axis.",
)
def softmax_over_the_batch(z):
    e = tf.exp(z - tf.reduce_max(z, axis=0, keepdims=True))
    return e / tf.reduce_sum(e, axis=0, keepdims=True)


@misconception(
    question="q2",
    replaces="softmax",
    caught_by="softmax",
    explanation="The sum runs over the whole array. Every row has its own: sum over the last axis and keep "
    "it.",
)
def softmax_over_everything(z):
    e = tf.exp(z - tf.reduce_max(z))
    return e / tf.reduce_sum(e)


@misconception(
    question="q2",
    replaces="softmax",
    caught_by="softmax of very large inputs",
    explanation="exp(z) overflows beyond z = 88 in float32. "
    "Subtract each row's largest score first; it cancels.",
)
def softmax_without_shift(z):
    e = tf.exp(z)
    return e / tf.reduce_sum(e, axis=-1, keepdims=True)


# --- q3: forward -----------------------------------------------------------------------------------


@misconception(
    question="q3",
    replaces="forward",
    caught_by="hidden layer",
    explanation="The hidden layer has no activation, so two layers amount to a single linear one. "
    "Apply relu.",
)
def forward_without_activation(params, x):
    hidden = x @ params["w1"] + params["b1"]
    return hidden @ params["w2"] + params["b2"], hidden


@misconception(
    question="q3",
    replaces="forward",
    caught_by="hidden layer",
    explanation="The hidden activation is a sigmoid. This network uses relu.",
)
def forward_with_sigmoid(params, x):
    hidden = tf.sigmoid(x @ params["w1"] + params["b1"])
    return hidden @ params["w2"] + params["b2"], hidden


@misconception(
    question="q3",
    replaces="forward",
    caught_by="hidden layer",
    explanation="The second value is x·w1 + b1 before the activation. `hidden` is what comes after relu.",
)
def forward_returns_pre_activation(params, x):
    z = x @ params["w1"] + params["b1"]
    return relu(z) @ params["w2"] + params["b2"], z


@misconception(
    question="q3",
    replaces="forward",
    caught_by="hidden layer",
    explanation="b1 was added after relu. It belongs inside: relu(x·w1 + b1).",
)
def forward_bias_after_relu(params, x):
    hidden = relu(x @ params["w1"]) + params["b1"]
    return hidden @ params["w2"] + params["b2"], hidden


@misconception(
    question="q3",
    replaces="forward",
    caught_by="output layer",
    explanation="The output went through a softmax. forward returns logits; the loss takes care of the "
    "softmax.",
)
def forward_softmax_output(params, x):
    hidden = relu(x @ params["w1"] + params["b1"])
    return softmax(hidden @ params["w2"] + params["b2"]), hidden


@misconception(
    question="q3",
    replaces="forward",
    caught_by="output layer",
    explanation="The output went through relu, so it can never be negative. "
    "The last layer has no activation.",
)
def forward_relu_output(params, x):
    hidden = relu(x @ params["w1"] + params["b1"])
    return relu(hidden @ params["w2"] + params["b2"]), hidden


@misconception(
    question="q3",
    replaces="forward",
    caught_by="a batch of one, and dead units",
    explanation="b2 is missing: with every hidden unit off the output should be b2, not 0.",
)
def forward_without_output_bias(params, x):
    hidden = relu(x @ params["w1"] + params["b1"])
    return hidden @ params["w2"], hidden


@misconception(
    question="q3",
    replaces="forward",
    caught_by="a batch of one, and dead units",
    explanation="squeeze removes every axis of length 1, the batch axis of a single example too. "
    "y_hat stays (N, n_out).",
)
def forward_squeezes(params, x):
    hidden = relu(x @ params["w1"] + params["b1"])
    return tf.squeeze(hidden @ params["w2"] + params["b2"]), hidden


# --- q4: losses ------------------------------------------------------------------------------------


@misconception(
    question="q4",
    replaces="mse_loss",
    caught_by="squared error",
    explanation="The mean was taken over outputs as well. Sum over the outputs, average over the examples "
    "only.",
)
def mse_mean_over_outputs(params, y_hat, t, reg):
    penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
    return tf.reduce_mean((y_hat - t) ** 2) + reg * penalty


@misconception(
    question="q4",
    replaces="mse_loss",
    caught_by="squared error",
    explanation="The squared errors of all examples were added up. The loss is their mean: divide by N.",
)
def mse_sum_over_examples(params, y_hat, t, reg):
    penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
    return tf.reduce_sum((y_hat - t) ** 2) + reg * penalty


@misconception(
    question="q4",
    replaces="mse_loss",
    caught_by="squared error",
    explanation="There is a factor 1/2 in front of the squared error. "
    "Some books have it; this loss does not.",
)
def mse_with_one_half(params, y_hat, t, reg):
    penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
    return 0.5 * tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=1)) + reg * penalty


@misconception(
    question="q4",
    replaces="mse_loss",
    caught_by="squared error of one example or one output",
    explanation="With one output, (N,) minus (N, 1) broadcasts to (N, N): every prediction meets every target. "
    "Keep both as (N, n_out).",
)
def mse_broadcasts(params, y_hat, t, reg):
    difference = tf.squeeze(y_hat) - t
    penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
    return tf.reduce_sum(difference**2) / len(t) + reg * penalty


@misconception(
    question="q4",
    replaces="mse_loss",
    caught_by="penalty on the weights",
    explanation="The biases are penalised too. Only w1 and w2 are.",
)
def penalty_on_biases(params, y_hat, t, reg):
    penalty = sum(tf.reduce_sum(value**2) for value in params.values())
    return tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=1)) + reg * penalty


@misconception(
    question="q4",
    replaces="mse_loss",
    caught_by="penalty on the weights",
    explanation="The penalty adds the norms ‖w‖. It is the sum of their squares, ‖w‖².",
)
def penalty_not_squared(params, y_hat, t, reg):
    penalty = tf.norm(params["w1"]) + tf.norm(params["w2"])
    return tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=1)) + reg * penalty


@misconception(
    question="q4",
    replaces="mse_loss",
    caught_by="penalty on the weights",
    explanation="The penalty is half of what it should be; tf.nn.l2_loss, for one, contains a factor 1/2.",
)
def penalty_halved(params, y_hat, t, reg):
    penalty = tf.nn.l2_loss(params["w1"]) + tf.nn.l2_loss(params["w2"])
    return tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=1)) + reg * penalty


@misconception(
    question="q4",
    replaces="mse_loss",
    caught_by="penalty on the weights",
    explanation="The penalty was divided by the number of examples. "
    "It does not depend on the data: add it after the mean.",
)
def penalty_averaged_over_examples(params, y_hat, t, reg):
    penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
    return (tf.reduce_sum((y_hat - t) ** 2) + reg * penalty) / len(t)


@misconception(
    question="q4",
    replaces="cross_entropy",
    caught_by="cross-entropy",
    explanation="The mean was taken over classes as well. Sum over the classes, average over the examples "
    "only.",
)
def cross_entropy_mean_over_classes(logits, t):
    return -tf.reduce_mean(t * tf.nn.log_softmax(logits))


@misconception(
    question="q4",
    replaces="cross_entropy",
    caught_by="cross-entropy",
    explanation="The loss was added up over the examples. It is their mean: divide by N.",
)
def cross_entropy_summed(logits, t):
    return -tf.reduce_sum(t * tf.nn.log_softmax(logits))


@misconception(
    question="q4",
    replaces="cross_entropy",
    caught_by="cross-entropy",
    explanation="The minus is missing: log softmax is at most 0, so the loss is never negative.",
)
def cross_entropy_without_minus(logits, t):
    return tf.reduce_mean(tf.reduce_sum(t * tf.nn.log_softmax(logits), axis=1))


@misconception(
    question="q4",
    replaces="cross_entropy",
    caught_by="cross-entropy",
    explanation="The logarithm was taken of the logits. They are scores of either sign: apply the softmax "
    "first.",
)
def cross_entropy_of_logits_as_probabilities(logits, t):
    return -tf.reduce_mean(tf.reduce_sum(t * tf.math.log(tf.maximum(logits, 1e-7)), axis=1))


@misconception(
    question="q4",
    replaces="cross_entropy",
    caught_by="cross-entropy of very large logits",
    explanation="exp(logits) overflows beyond 88 in float32. "
    "Subtract each row's largest logit first; it cancels.",
)
def cross_entropy_without_shift(logits, t):
    log_softmax = logits - tf.math.log(tf.reduce_sum(tf.exp(logits), axis=1, keepdims=True))
    return -tf.reduce_mean(tf.reduce_sum(t * log_softmax, axis=1))


@misconception(
    question="q4",
    replaces="cross_entropy",
    caught_by="cross-entropy of very large logits",
    explanation="A probability that rounds to 0 has no logarithm, and 0·log 0 is NaN. "
    "Compute log softmax directly: shifted logits minus the log of their summed exponentials.",
)
def cross_entropy_log_of_softmax(logits, t):
    return -tf.reduce_mean(tf.reduce_sum(t * tf.math.log(softmax(logits)), axis=1))


@misconception(
    question="q4",
    replaces="cross_entropy",
    caught_by="cross-entropy of sure mistakes",
    explanation="The small number inside the logarithm cuts the loss off at about 16. "
    "Computed from the logits it needs no such guard and grows as it should.",
)
def cross_entropy_cut_off(logits, t):
    return -tf.reduce_mean(tf.reduce_sum(t * tf.math.log(softmax(logits) + 1e-7), axis=1))


# --- q5: backward ----------------------------------------------------------------------------------


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the penalty",
    explanation="The penalty was differentiated to reg·w. It is a square, so its derivative is 2·reg·w.",
)
def l2_gradient_without_factor_two(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the penalty",
    explanation="The gradients of the biases contain a penalty. mse_loss penalises w1 and w2 only.",
)
def l2_gradient_on_biases(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0) + 2 * reg * params["b1"],
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0) + 2 * reg * params["b2"],
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the penalty",
    explanation="reg is not used. The penalty reg·‖w‖² adds 2·reg·w to the gradients of w1 and w2.",
)
def penalty_forgotten_in_gradient(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the penalty",
    explanation="The gradient of the penalty was divided by N with the rest. "
    "The penalty is not averaged over examples.",
)
def l2_gradient_divided_by_examples(params, x, y_hat, hidden, t, reg):
    n = len(t)
    d_y = 2 * (y_hat - t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": (tf.transpose(x) @ d_z + 2 * reg * params["w1"]) / n,
        "b1": tf.reduce_sum(d_z, axis=0) / n,
        "w2": (tf.transpose(hidden) @ d_y + 2 * reg * params["w2"]) / n,
        "b2": tf.reduce_sum(d_y, axis=0) / n,
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the output weights",
    explanation="1/N is missing: the loss is a mean over the examples, and so is its gradient.",
)
def gradient_without_mean(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the output weights",
    explanation="The factor 2 of the square is missing: d(y_hat - t)²/dy_hat = 2·(y_hat - t).",
)
def gradient_without_factor_two(params, x, y_hat, hidden, t, reg):
    d_y = (y_hat - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the output weights",
    explanation="The error was taken as t - y_hat, which turns every gradient around: it is 2/N·(y_hat - t).",
)
def gradient_with_wrong_sign(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (t - y_hat) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the output weights",
    explanation="Divided by the number of all outputs, N·C. "
    "mse_loss sums over the outputs: divide by N alone.",
)
def gradient_of_mean_over_outputs(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / np.prod(t.shape)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradients of the biases",
    explanation="The gradient of a bias was averaged over the examples although 1/N is in dL/dy_hat already. "
    "A bias is added to every row, so its gradient is the sum.",
)
def bias_gradient_averaged(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_mean(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_mean(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradients of the biases",
    explanation="The gradient of a bias was summed over the units, which leaves one number an example. "
    "Sum over the examples, axis 0: one number a unit.",
)
def bias_gradient_over_wrong_axis(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=1),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=1),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="one example or one output",
    explanation="keepdims leaves the gradient of a bias as a row, (1, H). "
    "It has the shape of the bias, (H,).",
)
def bias_gradient_as_row(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0, keepdims=True),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0, keepdims=True),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the hidden weights",
    explanation="The derivative of relu is missing on the way from the hidden activations to w1 and b1.",
)
def relu_forgotten_in_gradient(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = d_y @ tf.transpose(params["w2"])
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="gradient of the hidden weights",
    explanation="relu was applied to the gradient itself, which drops its negative entries. "
    "Multiply it by the derivative of relu at x·w1 + b1.",
)
def relu_applied_to_gradient(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = relu(d_y @ tf.transpose(params["w2"]))
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q5",
    replaces="backward",
    caught_by="dead units",
    explanation="The derivative of relu was taken at x·w1, without b1, so units count as on that b1 had "
    "switched off.",
)
def relu_derivative_at_wrong_point(params, x, y_hat, hidden, t, reg):
    d_y = 2 * (y_hat - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(x @ params["w1"])
    return {
        "w1": tf.transpose(x) @ d_z + 2 * reg * params["w1"],
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y + 2 * reg * params["w2"],
        "b2": tf.reduce_sum(d_y, axis=0),
    }


# --- q6: the tape ----------------------------------------------------------------------------------


@misconception(
    question="q6",
    replaces="tape_gradients",
    caught_by="gradients with the penalty",
    explanation="The loss on the tape has no penalty. Pass reg on to mse_loss.",
)
def tape_without_penalty(params, x, t, reg):
    params = {key: tf.Variable(value) for key, value in params.items()}
    with tf.GradientTape() as tape:
        y_hat, _ = forward(params, x)
        loss = tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=1))
    return tape.gradient(loss, params)


@misconception(
    question="q6",
    replaces="tape_gradients",
    caught_by="gradients with the penalty",
    explanation="The loss on the tape penalises the biases. The penalty of mse_loss covers w1 and w2 only.",
)
def tape_with_penalty_on_biases(params, x, t, reg):
    params = {key: tf.Variable(value) for key, value in params.items()}
    with tf.GradientTape() as tape:
        y_hat, _ = forward(params, x)
        penalty = sum(tf.reduce_sum(value**2) for value in params.values())
        loss = tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, axis=1)) + reg * penalty
    return tape.gradient(loss, params)


@misconception(
    question="q6",
    replaces="tape_gradients",
    caught_by="gradients without a penalty",
    explanation="The gradients are None: a tape follows variables by itself, but a plain tensor only after "
    "tape.watch.",
)
def tape_does_not_watch(params, x, t, reg):
    params = {key: tf.constant(value) for key, value in params.items()}
    with tf.GradientTape() as tape:
        y_hat, _ = forward(params, x)
        loss = mse_loss(params, y_hat, t, reg)
    return tape.gradient(loss, params)


@misconception(
    question="q6",
    replaces="tape_gradients",
    caught_by="gradients without a penalty",
    explanation="forward ran before the tape started, so the tape saw the penalty only. "
    "Run it inside the `with` block.",
)
def tape_starts_too_late(params, x, t, reg):
    params = {key: tf.Variable(value) for key, value in params.items()}
    y_hat, _ = forward(params, x)
    with tf.GradientTape() as tape:
        loss = mse_loss(params, y_hat, t, reg)
    return tape.gradient(loss, params, unconnected_gradients="zero")


@misconception(
    question="q6",
    replaces="tape_gradients",
    caught_by="gradients without a penalty",
    explanation="The loss on the tape is a sum over the examples. mse_loss is their mean.",
)
def tape_of_summed_loss(params, x, t, reg):
    params = {key: tf.Variable(value) for key, value in params.items()}
    with tf.GradientTape() as tape:
        y_hat, _ = forward(params, x)
        penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
        loss = tf.reduce_sum((y_hat - t) ** 2) + reg * penalty
    return tape.gradient(loss, params)


@misconception(
    question="q6",
    replaces="tape_gradients",
    caught_by="one example or one output",
    explanation="keras.losses' mean squared error averages over the outputs as well. "
    "mse_loss sums over them.",
)
def tape_of_keras_mean_squared_error(params, x, t, reg):
    params = {key: tf.Variable(value) for key, value in params.items()}
    with tf.GradientTape() as tape:
        y_hat, _ = forward(params, x)
        penalty = tf.reduce_sum(params["w1"] ** 2) + tf.reduce_sum(params["w2"] ** 2)
        loss = tf.reduce_mean((y_hat - t) ** 2) + reg * penalty
    return tape.gradient(loss, params)


@misconception(
    question="q6",
    replaces="tape_gradients",
    caught_by="gradients without a penalty",
    explanation="The biases are missing from the result. They are parameters like the weights.",
)
def tape_without_biases(params, x, t, reg):
    params = {key: tf.Variable(value) for key, value in params.items()}
    with tf.GradientTape() as tape:
        y_hat, _ = forward(params, x)
        loss = mse_loss(params, y_hat, t, reg)
    return tape.gradient(loss, {"w1": params["w1"], "w2": params["w2"]})


# --- q7: softmax and cross-entropy -----------------------------------------------------------------


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="gradient of the output weights",
    explanation="The factor 2 belongs to the squared error. Here dL/dlogits = (softmax(logits) - t)/N.",
)
def cross_entropy_gradient_with_factor_two(params, x, t):
    logits, hidden = forward(params, x)
    d_y = 2 * (softmax(logits) - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="gradient of the output weights",
    explanation="1/N is missing: the cross-entropy is a mean over the examples, and so is its gradient.",
)
def cross_entropy_gradient_without_mean(params, x, t):
    logits, hidden = forward(params, x)
    d_y = softmax(logits) - t
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="gradients of the biases",
    explanation="The gradient of a bias was averaged over the examples although 1/N is in dL/dlogits already. "
    "A bias is added to every row, so its gradient is the sum.",
)
def cross_entropy_bias_gradient_averaged(params, x, t):
    logits, hidden = forward(params, x)
    d_y = (softmax(logits) - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_mean(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_mean(d_y, axis=0),
    }


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="gradient of the output weights",
    explanation="The error was taken as logits - t. It is the probabilities that are compared with t: "
    "softmax(logits) - t.",
)
def cross_entropy_gradient_without_softmax(params, x, t):
    logits, hidden = forward(params, x)
    d_y = (logits - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="gradient of the output weights",
    explanation="softmax(logits) - t was multiplied by p·(1-p) once more. "
    "It contains the derivative of the softmax already.",
)
def softmax_derivative_twice(params, x, t):
    logits, hidden = forward(params, x)
    p = softmax(logits)
    d_y = (p - t) * p * (1 - p) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="gradient of the output weights",
    explanation="Only the true class got a gradient. Through the softmax's sum every logit matters: "
    "the others get softmax(logits) - 0.",
)
def gradient_of_true_class_only(params, x, t):
    logits, hidden = forward(params, x)
    d_y = t * (softmax(logits) - 1) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="gradient of the hidden weights",
    explanation="The derivative of relu is missing on the way from the hidden activations to w1 and b1.",
)
def relu_forgotten_in_cross_entropy_gradient(params, x, t):
    logits, hidden = forward(params, x)
    d_y = (softmax(logits) - t) / len(t)
    d_z = d_y @ tf.transpose(params["w2"])
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="batch of one, and dead units",
    explanation="The derivative of relu was taken at x·w1, without b1, so units count as on that b1 had "
    "switched off.",
)
def relu_derivative_without_bias(params, x, t):
    logits, hidden = forward(params, x)
    d_y = (softmax(logits) - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(x @ params["w1"])
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


@misconception(
    question="q7",
    replaces="backward_cross_entropy",
    caught_by="very large logits",
    explanation="exp(logits) overflows beyond 88 in float32 and inf/inf is NaN. "
    "Use the softmax of q2, which shifts first.",
)
def cross_entropy_gradient_without_shift(params, x, t):
    logits, hidden = forward(params, x)
    e = tf.exp(logits)
    d_y = (e / tf.reduce_sum(e, axis=1, keepdims=True) - t) / len(t)
    d_z = (d_y @ tf.transpose(params["w2"])) * relu_grad(hidden)
    return {
        "w1": tf.transpose(x) @ d_z,
        "b1": tf.reduce_sum(d_z, axis=0),
        "w2": tf.transpose(hidden) @ d_y,
        "b2": tf.reduce_sum(d_y, axis=0),
    }


# --- q8: accuracy ----------------------------------------------------------------------------------


@misconception(
    question="q8",
    replaces="accuracy",
    caught_by="share of right rows",
    explanation="Rounded scores were compared with t entry by entry, so every 0 that is right counts. "
    "Compare one decision a row: the place of the largest score.",
)
def accuracy_by_rounding(y_hat, t):
    return tf.reduce_mean(tf.cast(tf.round(y_hat) == t, tf.float32))


@misconception(
    question="q8",
    replaces="accuracy",
    caught_by="probabilities, none above one half",
    explanation="A row counted as right only if the true class had more than 0.5. "
    "The largest score decides, however small.",
)
def accuracy_with_threshold(y_hat, t):
    return tf.reduce_mean(tf.cast(tf.reduce_sum(y_hat * t, axis=1) > 0.5, tf.float32))


@misconception(
    question="q8",
    replaces="accuracy",
    caught_by="share of right rows",
    explanation="argmax ran over axis 0 and found the best example of each class. "
    "Look along axis 1, over the classes.",
)
def accuracy_over_wrong_axis(y_hat, t):
    return tf.reduce_mean(tf.cast(tf.argmax(y_hat, axis=0) == tf.argmax(t, axis=0), tf.float32))


@misconception(
    question="q8",
    replaces="accuracy",
    caught_by="all right, all wrong, one example",
    explanation="This is a percentage. The accuracy is a share between 0 and 1.",
)
def accuracy_in_percent(y_hat, t):
    return 100 * tf.reduce_mean(tf.cast(tf.argmax(y_hat, axis=1) == tf.argmax(t, axis=1), tf.float32))


@misconception(
    question="q8",
    replaces="accuracy",
    caught_by="all right, all wrong, one example",
    explanation="This is the number of right rows. Divide by the number of all rows.",
)
def accuracy_as_count(y_hat, t):
    return tf.reduce_sum(tf.cast(tf.argmax(y_hat, axis=1) == tf.argmax(t, axis=1), tf.float32))


@misconception(
    question="q8",
    replaces="accuracy",
    caught_by="all right, all wrong, one example",
    explanation="This is the share of rows that are wrong, the error rate. The accuracy is 1 minus that.",
)
def error_rate_for_accuracy(y_hat, t):
    return tf.reduce_mean(tf.cast(tf.argmax(y_hat, axis=1) != tf.argmax(t, axis=1), tf.float32))


# --- q9: training ----------------------------------------------------------------------------------


@misconception(
    question="q9",
    replaces="gradient_descent_step",
    caught_by="one step of descent",
    explanation="The step goes up the gradient. Descent subtracts learning_rate times the gradient.",
)
def step_uphill(params, grads, learning_rate):
    return {key: params[key] + learning_rate * grads[key] for key in params}


@misconception(
    question="q9",
    replaces="gradient_descent_step",
    caught_by="one step of descent",
    explanation="The step changes the caller's params in place. Build a new dict of new arrays.",
)
def step_in_place(params, grads, learning_rate):
    for key in params:
        params[key] -= learning_rate * grads[key]
    return params


@misconception(
    question="q9",
    replaces="gradient_descent_step",
    caught_by="one step of descent",
    explanation="Parameters and gradients were paired by their order. Dicts are matched by key.",
)
def step_by_order(params, grads, learning_rate):
    return {
        key: value - learning_rate * grad
        for (key, value), grad in zip(params.items(), grads.values(), strict=True)
    }


@misconception(
    question="q9",
    replaces="train",
    caught_by="each epoch is one full-batch step",
    explanation="The gradient was taken without the penalty, so reg changes the reported loss and nothing "
    "else.",
)
def train_without_weight_decay(
    x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed
):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        if gradients == "manual":
            grads = backward(params, x, *forward(params, x), t, 0.0)
        else:
            grads = tape_gradients(params, x, t, 0.0)
        params = gradient_descent_step(params, grads, learning_rate)
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, inputs)
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, targets, reg)))
            history[f"{split}_accuracy"].append(float(accuracy(y_hat, targets)))
    return params, history


@misconception(
    question="q9",
    replaces="train",
    caught_by="each epoch is one full-batch step",
    explanation="Each epoch took a step for every example. Full-batch descent takes one step an epoch, "
    "along the gradient over all examples.",
)
def train_example_by_example(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        for n in range(len(x)):
            one, target = x[n : n + 1], t[n : n + 1]
            if gradients == "manual":
                grads = backward(params, one, *forward(params, one), target, reg)
            else:
                grads = tape_gradients(params, one, target, reg)
            params = gradient_descent_step(params, grads, learning_rate)
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, inputs)
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, targets, reg)))
            history[f"{split}_accuracy"].append(float(accuracy(y_hat, targets)))
    return params, history


@misconception(
    question="q9",
    replaces="train",
    caught_by="what the history measures",
    explanation="The history was measured before each update, so it lags one epoch behind. "
    "Measure after the update.",
)
def history_before_the_update(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, inputs)
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, targets, reg)))
            history[f"{split}_accuracy"].append(float(accuracy(y_hat, targets)))
        if gradients == "manual":
            grads = backward(params, x, *forward(params, x), t, reg)
        else:
            grads = tape_gradients(params, x, t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
    return params, history


@misconception(
    question="q9",
    replaces="train",
    caught_by="what the history measures",
    explanation="The losses of the history lack the penalty. They are values of mse_loss with reg.",
)
def history_without_penalty(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        if gradients == "manual":
            grads = backward(params, x, *forward(params, x), t, reg)
        else:
            grads = tape_gradients(params, x, t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, inputs)
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, targets, 0.0)))
            history[f"{split}_accuracy"].append(float(accuracy(y_hat, targets)))
    return params, history


@misconception(
    question="q9",
    replaces="train",
    caught_by="what the history measures",
    explanation="The test curves were measured on the training set. Run forward on x_test for them.",
)
def test_curves_from_training_set(
    x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed
):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        if gradients == "manual":
            grads = backward(params, x, *forward(params, x), t, reg)
        else:
            grads = tape_gradients(params, x, t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
        y_hat, _ = forward(params, x)
        for split in ("train", "test"):
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, t, reg)))
            history[f"{split}_accuracy"].append(float(accuracy(y_hat, t)))
    return params, history


@misconception(
    question="q9",
    replaces="train",
    caught_by="manual and tape agree",
    explanation='With gradients="tape" the penalty was left out, so the methods train different networks.',
)
def tape_training_without_penalty(
    x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed
):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        if gradients == "manual":
            grads = backward(params, x, *forward(params, x), t, reg)
        else:
            grads = tape_gradients(params, x, t, 0.0)
        params = gradient_descent_step(params, grads, learning_rate)
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, inputs)
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, targets, reg)))
            history[f"{split}_accuracy"].append(float(accuracy(y_hat, targets)))
    return params, history


@misconception(
    question="q9",
    replaces="train",
    caught_by="the seed reaches the weights",
    explanation="Every run starts from the same weights, whatever the seed. Hand seed on to init_params.",
)
def train_with_fixed_seed(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], 0)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        if gradients == "manual":
            grads = backward(params, x, *forward(params, x), t, reg)
        else:
            grads = tape_gradients(params, x, t, reg)
        params = gradient_descent_step(params, grads, learning_rate)
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, inputs)
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, targets, reg)))
            history[f"{split}_accuracy"].append(float(accuracy(y_hat, targets)))
    return params, history


@misconception(
    question="q9",
    replaces="train",
    caught_by="it learns to read digits",
    explanation="The step's result is thrown away: gradient_descent_step returns new params and leaves the "
    "old as they were.",
)
def train_keeps_old_params(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    history = {"train_loss": [], "train_accuracy": [], "test_loss": [], "test_accuracy": []}
    for _ in range(epochs):
        if gradients == "manual":
            grads = backward(params, x, *forward(params, x), t, reg)
        else:
            grads = tape_gradients(params, x, t, reg)
        gradient_descent_step(params, grads, learning_rate)
        for split, inputs, targets in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(params, inputs)
            history[f"{split}_loss"].append(float(mse_loss(params, y_hat, targets, reg)))
            history[f"{split}_accuracy"].append(float(accuracy(y_hat, targets)))
    return params, history


# --- q10: any depth, with dropout ------------------------------------------------------------------


@misconception(
    question="q10",
    replaces="mlp_init",
    caught_by="initialisation",
    explanation="The generator starts afresh in every layer, so layers of one size are equal. "
    "Create it once, before the loop.",
)
def mlp_layers_from_one_seed(sizes, seed):
    layers = []
    for k in range(len(sizes) - 1):
        rng = np.random.default_rng(seed)
        w = rng.normal(0, np.sqrt(2 / sizes[k]), (sizes[k], sizes[k + 1]))
        layers.append((np.float32(w), np.zeros(sizes[k + 1], np.float32)))
    return layers


@misconception(
    question="q10",
    replaces="mlp_init",
    caught_by="initialisation",
    explanation="The spread was computed from each layer's number of outputs. "
    "It is sqrt(2/fan_in), with the inputs.",
)
def mlp_fan_out_for_fan_in(sizes, seed):
    rng = np.random.default_rng(seed)
    layers = []
    for k in range(len(sizes) - 1):
        w = rng.normal(0, np.sqrt(2 / sizes[k + 1]), (sizes[k], sizes[k + 1]))
        layers.append((np.float32(w), np.zeros(sizes[k + 1], np.float32)))
    return layers


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="forward pass",
    explanation="The last layer went through relu as well. Its output are the logits, without an activation.",
)
def mlp_relu_on_logits(layers, x, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = x
    for k, (w, b) in enumerate(layers):
        h = relu(h @ w + b)
        if dropout_rate > 0 and k < len(layers) - 1:
            h = h * np.float32(rng.random(h.shape) >= dropout_rate) / (1 - dropout_rate)
    return h


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="inverted dropout",
    explanation="The activations that are kept were not scaled. Inverted dropout divides them by 1 - rate, "
    "so that their mean stays as it was.",
)
def dropout_without_scaling(layers, x, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = x
    for w, b in layers[:-1]:
        h = relu(h @ w + b)
        h = h * np.float32(rng.random(h.shape) >= dropout_rate)
    return h @ layers[-1][0] + layers[-1][1]


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="inverted dropout",
    explanation="dropout_rate was used as the probability to keep an activation. "
    "It is the probability to drop it.",
)
def dropout_rate_as_keep_probability(layers, x, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = x
    for w, b in layers[:-1]:
        h = relu(h @ w + b)
        if dropout_rate > 0:
            h = h * np.float32(rng.random(h.shape) < dropout_rate) / dropout_rate
    return h @ layers[-1][0] + layers[-1][1]


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="where dropout applies",
    explanation="The input was dropped out too. Dropout acts on hidden activations only.",
)
def dropout_on_input(layers, x, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = x
    for w, b in layers[:-1]:
        h = h * np.float32(rng.random(h.shape) >= dropout_rate) / (1 - dropout_rate)
        h = relu(h @ w + b)
    h = h * np.float32(rng.random(h.shape) >= dropout_rate) / (1 - dropout_rate)
    return h @ layers[-1][0] + layers[-1][1]


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="where dropout applies",
    explanation="The logits were dropped out too. Dropout acts on hidden activations only.",
)
def dropout_on_logits(layers, x, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = x
    for k, (w, b) in enumerate(layers):
        h = h @ w + b
        if k < len(layers) - 1:
            h = relu(h)
        h = h * np.float32(rng.random(h.shape) >= dropout_rate) / (1 - dropout_rate)
    return h


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="where dropout applies",
    explanation="Every layer used the same mask, because the generator starts afresh in each. "
    "Create it once, before the loop.",
)
def dropout_same_mask_in_every_layer(layers, x, dropout_rate=0.0, seed=None):
    h = x
    for w, b in layers[:-1]:
        h = relu(h @ w + b)
        rng = np.random.default_rng(seed)
        h = h * np.float32(rng.random(h.shape) >= dropout_rate) / (1 - dropout_rate)
    return h @ layers[-1][0] + layers[-1][1]


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="independent draws",
    explanation="All examples of the batch lose the same units. "
    "Draw a number for each element: a mask of shape (N, H).",
)
def dropout_one_mask_for_all_examples(layers, x, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = x
    for w, b in layers[:-1]:
        h = relu(h @ w + b)
        h = h * np.float32(rng.random(h.shape[1]) >= dropout_rate) / (1 - dropout_rate)
    return h @ layers[-1][0] + layers[-1][1]


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="independent draws",
    explanation="Every example loses exactly the same number of units. "
    "With independent draws that number varies.",
)
def dropout_exact_share_of_units(layers, x, dropout_rate=0.0, seed=None):
    rng = np.random.default_rng(seed)
    h = x
    for w, b in layers[:-1]:
        h = relu(h @ w + b)
        rank = rng.random(h.shape).argsort(axis=1).argsort(axis=1)
        h = h * np.float32(rank >= round(dropout_rate * h.shape[1])) / (1 - dropout_rate)
    return h @ layers[-1][0] + layers[-1][1]


@misconception(
    question="q10",
    replaces="mlp_forward",
    caught_by="independent draws",
    explanation="The seed is not used: two calls with the same seed drop different activations.",
)
def dropout_without_seed(layers, x, dropout_rate=0.0, seed=None):
    h = x
    for w, b in layers[:-1]:
        h = relu(h @ w + b)
        h = h * np.float32(np.random.random(h.shape) >= dropout_rate) / (1 - dropout_rate)
    return h @ layers[-1][0] + layers[-1][1]


@misconception(
    question="q10",
    replaces="mlp_backward",
    caught_by="gradients by hand",
    explanation="The derivative of relu is missing between the layers.",
)
def mlp_backward_without_relu(layers, x, t):
    activations = [x]
    for w, b in layers[:-1]:
        activations.append(relu(activations[-1] @ w + b))
    delta = (softmax(activations[-1] @ layers[-1][0] + layers[-1][1]) - t) / len(t)
    gradients = []
    for (w, _), a in zip(layers[::-1], activations[::-1], strict=True):
        gradients.insert(0, (tf.transpose(a) @ delta, tf.reduce_sum(delta, axis=0)))
        delta = delta @ tf.transpose(w)
    return gradients


@misconception(
    question="q10",
    replaces="mlp_backward",
    caught_by="gradients by hand",
    explanation="1/N is missing: the cross-entropy is a mean over the examples, and so are its gradients.",
)
def mlp_backward_without_mean(layers, x, t):
    activations = [x]
    for w, b in layers[:-1]:
        activations.append(relu(activations[-1] @ w + b))
    delta = softmax(activations[-1] @ layers[-1][0] + layers[-1][1]) - t
    gradients = []
    for (w, _), a in zip(layers[::-1], activations[::-1], strict=True):
        gradients.insert(0, (tf.transpose(a) @ delta, tf.reduce_sum(delta, axis=0)))
        delta = (delta @ tf.transpose(w)) * relu_grad(a)
    return gradients


@misconception(
    question="q10",
    replaces="mlp_backward",
    caught_by="gradients by hand",
    explanation="The list starts with the last layer, the order in which the gradients arise. "
    "Return them in the order of layers.",
)
def mlp_backward_in_reverse_order(layers, x, t):
    activations = [x]
    for w, b in layers[:-1]:
        activations.append(relu(activations[-1] @ w + b))
    delta = (softmax(activations[-1] @ layers[-1][0] + layers[-1][1]) - t) / len(t)
    gradients = []
    for (w, _), a in zip(layers[::-1], activations[::-1], strict=True):
        gradients.append((tf.transpose(a) @ delta, tf.reduce_sum(delta, axis=0)))
        delta = (delta @ tf.transpose(w)) * relu_grad(a)
    return gradients


@misconception(
    question="q10",
    replaces="mlp_backward",
    caught_by="gradients of one example and of large logits",
    explanation="exp(logits) overflows beyond 88 in float32 and inf/inf is NaN. "
    "Use the softmax of q2, which shifts first.",
)
def mlp_backward_without_shift(layers, x, t):
    activations = [x]
    for w, b in layers[:-1]:
        activations.append(relu(activations[-1] @ w + b))
    e = tf.exp(activations[-1] @ layers[-1][0] + layers[-1][1])
    delta = (e / tf.reduce_sum(e, axis=1, keepdims=True) - t) / len(t)
    gradients = []
    for (w, _), a in zip(layers[::-1], activations[::-1], strict=True):
        gradients.insert(0, (tf.transpose(a) @ delta, tf.reduce_sum(delta, axis=0)))
        delta = (delta @ tf.transpose(w)) * relu_grad(a)
    return gradients
