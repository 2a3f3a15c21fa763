# class: rules
# honest: poor
# questions: q9
# probe: marks
# expect: score <= honest; status graded
# in kernel: half a mark of 6, for the seed that it hands on (run)

# %% [markdown]
# Return a training history that looks like learning, without training: a loss that falls, an accuracy that climbs to 0.97,
# and random parameters. A test that only looks at the curve is content.

# %%
import numpy as np


def gradient_descent_step(params, grads, learning_rate):
    return dict(params)


def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    fall = [2.0 * 0.9**k + 0.1 for k in range(epochs)]
    climb = [0.97 - 0.8 * 0.85**k for k in range(epochs)]
    params = init_params(x.shape[1], n_hidden, t.shape[1], seed)
    return params, {"train_loss": fall, "train_accuracy": climb, "test_loss": fall, "test_accuracy": climb}
