# %% [markdown]
# # Wrong: unfinished. Questions 1 to 4 are done, the others are not, and one cell stops with an error

# %%
import numpy as np


# %%
def sgd_step(params, grads, learning_rate):
    return {k: params[k] - learning_rate * grads[k] for k in params}


# %%
def lookback(theta, theta_prev, alpha):
    if isinstance(theta, dict):
        return {k: (1 - alpha) * theta[k] + alpha * theta_prev[k] for k in theta}
    return (1 - alpha) * theta + alpha * theta_prev


# %%
def lookback_step(params, prev, grad_fn, learning_rate, alpha):
    blend = lookback(params, prev, alpha)
    grads = grad_fn(blend)
    return {k: blend[k] - learning_rate * grads[k] for k in blend}, blend


# %%
def momentum_step(params, velocity, grads, learning_rate, momentum, nesterov=False):
    velocity = {k: momentum * velocity[k] - learning_rate * grads[k] for k in params}
    if nesterov:
        return {k: params[k] + momentum * velocity[k] - learning_rate * grads[k] for k in params}, velocity
    return {k: params[k] + velocity[k] for k in params}, velocity


# %%
velocity = {"w": np.zeros(2)}
position = {"w": np.array([1.0, 2.0])}
for _ in range(3):
    position, velocity = momentum_step(position, velocity, {"w": 2 * position["w"]}, 0.1, 0.9)
print(position)


# %%
def rmsprop_step(params, square_avg, grads, learning_rate, rho=0.9, epsilon=1e-7):
    raise NotImplementedError


def adagrad_step(params, accumulator, grads, learning_rate, epsilon=1e-7):
    raise NotImplementedError


# %%
def adam_init(params):
    raise NotImplementedError("later")


def adam_step(params, state, grads, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    raise NotImplementedError("later")


# %%
rmsprop_step(position, velocity, position, 0.1)  # try it


# %%
def warmup_schedule(step, d_model, warmup_steps=4000):
    raise NotImplementedError


# %%
def alpha_sweep(x, t, alphas, *, n_hidden, epochs, learning_rate, seed):
    raise NotImplementedError


# %%
def train_minibatch(x, t, *, n_hidden, epochs, batch_size, optimizer, learning_rate, seed):
    raise NotImplementedError
