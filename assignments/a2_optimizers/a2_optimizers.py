# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 2: update rules by hand
#
# Once the gradient is known, somebody has to decide how far to go, and in which direction exactly. That is the update
# rule: a few lines that decide whether training takes ten minutes or ten hours. `keras.optimizers` offers a dozen of
# them. In this assignment you write the classic ones yourself.
#
# You will
#
# 1. write SGD, momentum, Nesterov, RMSprop, Adagrad and Adam from their formulas,
# 2. meet a rule that looks back instead of ahead, and find out what it really does,
# 3. see on a narrow valley what each rule is good for,
# 4. compute the learning rate schedule of the transformer, and
# 5. train a network on handwritten digits with your own rules, in mini-batches.
#
# **How it works.** Replace each `...` by your code; names, arguments and results are fixed by the docstrings. After
# each question there is a check that says in words what is wrong. It is quick and public; the marks come from more
# tests, with other numbers, when you hand in.
#
# **Rules.** Everything is *by hand*: no `keras.optimizers`. (In questions 8 and 9 the network's gradient may come from a
# tape; the function `gradients` below does that for you.) Parameters, gradients and whatever a rule remembers are dicts
# of arrays. They have the same keys, though perhaps in another order, and any shapes. Arrays may be NumPy's or
# TensorFlow's; return what you like. No function changes its arguments.

# %%
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %% [markdown]
# ## Why plain descent is not enough
#
# Take a bowl that is ten times steeper across than along, $L(\theta) = \tfrac12(\theta_1^2 + 10\,\theta_2^2)$. One step
# of gradient descent multiplies the first coordinate by $1 - \eta$ and the second by $1 - 10\,\eta$. With a small
# learning rate $\eta$ the first hardly shrinks; with $\eta$ near $2/10$ the second jumps from wall to wall; beyond it,
# descent climbs. One step size has to serve both directions. All rules of this assignment are answers to that.

# %%
BOWL = np.array([1.0, 10.0])  # L = ½ Σ BOWL·θ², so the gradient is BOWL·θ
START = np.array([-9.0, 2.0])


def draw_bowl(axis, path, title):
    """Contours of the bowl, and on them a path (steps, 2)."""
    first, second = np.meshgrid(np.linspace(-10, 4, 57), np.linspace(-3, 3, 49))
    height = (BOWL[0] * first**2 + BOWL[1] * second**2) / 2
    axis.contour(first, second, height, levels=np.geomspace(0.3, 90, 9), colors="0.8", linewidths=0.8)
    axis.plot(*path.T, ".-", linewidth=1.2, markersize=4)
    axis.set(xlim=(-10, 4), ylim=(-3, 3), xlabel=r"$\theta_1$", ylabel=r"$\theta_2$", title=title)
    axis.label_outer()


figure, axes = plt.subplots(1, 3, figsize=(12, 2.8), layout="constrained")
for axis, rate in zip(axes, (0.02, 0.18, 0.205), strict=True):
    shrink = 1 - rate * BOWL  # one step multiplies each coordinate by this
    draw_bowl(axis, START * shrink ** np.arange(25)[:, None], rf"$\eta = {rate}$")
plt.show()

# %% [markdown]
# ## Given: the network of assignment 1
#
# One hidden layer with ReLU, its losses, and `gradients`, which differentiates any function of the parameters. Its
# argument is a function, for instance
# `gradients(lambda p: cross_entropy(forward(p, x)[0], t), params)`.

# %% given: init_params forward mse_loss cross_entropy accuracy gradients

# %% [markdown]
# ## Question 1: gradient descent
#
# $$\theta \leftarrow \theta - \eta\,g \qquad g = \partial L / \partial \theta$$
#
# for every array of `params`. With $g$ from a random batch instead of the whole training set it is called stochastic
# gradient descent, SGD. Return a new dict.

# %% solution: sgd_step

# %% check: q1
def test_sgd_step(sgd_step):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_keys, expect_unchanged

    expect_function(sgd_step, "sgd_step")
    params = {"w": np.array([[1.0, 2.0, 3.0]], np.float32), "b": np.array([0.5, -0.5], np.float32)}
    grads = {"b": np.array([1.0, 0.0], np.float32), "w": np.array([[10.0, -10.0, 0.0]], np.float32)}
    before = {key: value.copy() for key, value in params.items()}
    new = sgd_step(params, grads, 0.1)
    expect_keys(new, ["w", "b"], "the result of sgd_step")
    expect_close(new["w"], [[0.0, 3.0, 3.0]], "new w")
    expect_close(new["b"], [0.4, -0.5], "new b")
    expect_unchanged(before, params, "params")

# %% check: q1
def test_sgd_step_on_tensors(sgd_step):
    import tensorflow as tf
    from kit.checks import expect_close, expect_keys

    new = sgd_step({"w": tf.constant([[1.0], [2.0]])}, {"w": tf.constant([[-1.0], [1.0]])}, 0.5)
    expect_keys(new, ["w"], "the result of sgd_step")
    expect_close(new["w"], [[1.5], [1.5]], "new w of tensors")

# %% [markdown]
# ## Question 2: looking back
#
# The next rule does not start its step where it stands, but a little further back: at a blend of the present point and
# an earlier one,
#
# $$\theta' = (1-\alpha)\,\theta + \alpha\,\theta_\mathrm{prev}$$
#
# Write `lookback` for one array and for a dict of arrays alike (`isinstance(theta, dict)` tells them apart).

# %% solution: lookback

# %% check: q2
def test_lookback_of_arrays(lookback):
    import numpy as np
    from kit.checks import expect_close, expect_function

    expect_function(lookback, "lookback")
    here, before = np.array([[4.0, 0.0], [8.0, -4.0]], np.float32), np.array([[0.0, 4.0], [8.0, 4.0]], np.float32)
    expect_close(lookback(here, before, 0.25), [[3, 1], [8, -2]], "lookback(theta, theta_prev, 0.25)")
    expect_close(lookback(here, before, 0.0), here, "lookback(theta, theta_prev, 0), which is theta")
    expect_close(lookback(here, before, 1.0), before, "lookback(theta, theta_prev, 1), which is theta_prev")

# %% check: q2
def test_lookback_of_dicts(lookback):
    import numpy as np
    from kit.checks import expect_close, expect_keys

    here = {"w": np.array([[1.0, 2.0]], np.float32), "b": np.array([0.0], np.float32)}
    before = {"b": np.array([10.0], np.float32), "w": np.array([[3.0, 2.0]], np.float32)}
    blend = lookback(here, before, 0.5)
    expect_keys(blend, ["w", "b"], "lookback of two dicts")
    expect_close(blend["w"], [[2, 2]], "w of the blend")
    expect_close(blend["b"], [5], "b of the blend")

# %% [markdown]
# ## Question 3: a step from the blend
#
# $$\theta' = (1-\alpha)\,\theta + \alpha\,p \qquad \theta \leftarrow \theta' - \eta\,g(\theta') \qquad p \leftarrow \theta'$$
#
# `grad_fn(point)` gives the gradient at any point, as a dict. `lookback_step` returns `(new_params, blend)`; the caller
# hands the blend in as `prev` next time. So it must be kept **by value**: if `blend` is only another name for arrays that
# you go on to change in place, the next step looks back at nothing.
#
# What does the rule do? Put the second formula into the first of the next step:
#
# $$\theta'' = (1-\alpha)\,\bigl(\theta' - \eta\,g(\theta')\bigr) + \alpha\,\theta' = \theta' - (1-\alpha)\,\eta\,g(\theta')$$
#
# The blends follow plain gradient descent, only slower: at the rate $(1-\alpha)\,\eta$. With $\alpha = 0$ the rule is
# SGD; with $\alpha = 1$ the blend never moves. Looking back is a brake; looking *ahead* (question 4) is not.

# %% solution: lookback_step

# %% check: q3
def test_lookback_step(lookback_step):
    import numpy as np
    from kit.checks import expect_close, expect_entries, expect_function, expect_keys, expect_unchanged

    expect_function(lookback_step, "lookback_step")
    params, prev = {"w": np.array([4.0, 8.0], np.float32)}, {"w": np.array([0.0, 4.0], np.float32)}
    before = {"w": params["w"].copy()}, {"w": prev["w"].copy()}

    def grad_fn(point):
        return {"w": 2 * np.asarray(point["w"])}

    new, blend = expect_entries(lookback_step(params, prev, grad_fn, 0.1, 0.25), 2, "lookback_step(…)")
    expect_keys(new, ["w"], "new_params")
    expect_keys(blend, ["w"], "blend")
    expect_close(blend["w"], [3, 7], "blend")
    expect_close(new["w"], [2.4, 5.6], "new_params")
    expect_unchanged(before[0], params, "params")
    expect_unchanged(before[1], prev, "prev")

# %% check: q3
def test_lookback_step_with_alpha_zero_and_one(lookback_step):
    import numpy as np
    from kit.checks import expect_close, expect_entries

    def grad_fn(point):
        return {"w": np.asarray(point["w"])}

    start = {"w": np.array([1.0, -2.0], np.float32)}
    for alpha, rate in ((0.0, 0.5), (0.5, 0.25), (1.0, 0.0)):
        params = prev = start
        for k in range(4):
            params, prev = expect_entries(lookback_step(params, prev, grad_fn, 0.5, alpha), 2, "lookback_step(…)")
            right = (1 - rate) ** k * start["w"]
            expect_close(prev["w"], right, f"with alpha={alpha} and learning_rate=0.5 the blend of step {k + 1}")

# %% [markdown]
# ## Question 4: momentum
#
# A ball that rolls down does not stop at every step: it keeps most of its velocity,
#
# $$v \leftarrow \mu\,v - \eta\,g \qquad \theta \leftarrow \theta + v$$
#
# Where the gradient keeps its direction, steps add up to $\eta/(1-\mu)$; where it changes sign from step to step, they
# cancel. Both is what a narrow valley needs. Nesterov's variant looks ahead and takes the step that the *new* velocity is
# about to take,
#
# $$\theta \leftarrow \theta + \mu\,v - \eta\,g \qquad \text{with the new } v$$
#
# These are the conventions of `keras.optimizers.SGD`; other libraries keep the sum of gradients as velocity instead.
# Return `(params, velocity)`.

# %% solution: momentum_step

# %% check: q4
def test_momentum_step(momentum_step):
    import numpy as np
    from kit.checks import expect_close, expect_entries, expect_function, expect_keys, expect_unchanged

    expect_function(momentum_step, "momentum_step")
    params, velocity = {"w": np.array([1.0, 2.0], np.float32)}, {"w": np.array([10.0, -10.0], np.float32)}
    grads = {"w": np.array([4.0, 0.0], np.float32)}
    before = {"w": velocity["w"].copy()}
    for nesterov, right in ((False, [5, -3]), (True, [2, -0.5])):
        result = momentum_step(params, velocity, grads, 0.25, 0.5, nesterov=nesterov)
        new, v = expect_entries(result, 2, "momentum_step(…)")
        expect_keys(new, ["w"], "params")
        expect_keys(v, ["w"], "velocity")
        expect_close(v["w"], [4, -5], f"velocity with nesterov={nesterov}")
        expect_close(new["w"], right, f"params with nesterov={nesterov}")
    expect_unchanged(before, velocity, "velocity")

# %% check: q4
def test_momentum_step_against_keras(momentum_step):
    import keras
    import numpy as np
    from kit.checks import expect_close, expect_entries

    for nesterov in (False, True):
        variable = keras.Variable(np.array([1.0, -1.0], np.float32))
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=nesterov)
        params, velocity = {"w": np.array(variable.numpy())}, {"w": np.zeros(2, np.float32)}
        for k in range(3):
            grads = np.array([1.0, k], np.float32)
            optimizer.apply([grads], [variable])
            result = momentum_step(params, velocity, {"w": grads}, 0.1, 0.9, nesterov=nesterov)
            params, velocity = expect_entries(result, 2, "momentum_step(…)")
            expect_close(params["w"], np.array(variable.numpy()), f"with nesterov={nesterov} params after step {k + 1}")

# %% [markdown]
# ## Question 5: a step size for each parameter
#
# The steep direction has the large gradient. So divide each parameter's gradient by its own typical size. RMSprop takes
# a running mean of squares $s$, which forgets; Adagrad takes the sum $a$, which never does:
#
# $$s \leftarrow \rho\,s + (1-\rho)\,g^2 \qquad \theta \leftarrow \theta - \eta\,\frac{g}{\sqrt{s + \varepsilon}}
# \qquad\qquad a \leftarrow a + g^2 \qquad \theta \leftarrow \theta - \eta\,\frac{g}{\sqrt{a + \varepsilon}}$$
#
# Squares, roots and quotients are taken element by element. The small $\varepsilon$ stands **under** the root here, as in
# Keras; it matters for units that never fire, whose gradient is exactly 0. Each function returns `(params, state)`.

# %% solution: rmsprop_step adagrad_step _scaled_step

# %% check: q5
def test_rmsprop_step(rmsprop_step):
    import numpy as np
    from kit.checks import expect_close, expect_entries, expect_function, expect_keys, expect_unchanged

    expect_function(rmsprop_step, "rmsprop_step")
    params, grads = {"w": np.array([1.0, 1.0], np.float32)}, {"w": np.array([2.0, 0.0], np.float32)}
    average = {"w": np.array([8.0, 0.0], np.float32)}
    before = {"w": average["w"].copy()}
    result = rmsprop_step(params, average, grads, 0.3, rho=0.5, epsilon=3.0)
    new, s = expect_entries(result, 2, "rmsprop_step(…)")
    expect_keys(new, ["w"], "params")
    expect_keys(s, ["w"], "square_avg")
    expect_close(s["w"], [6, 0], "square_avg")
    expect_close(new["w"], [0.8, 1], "params")
    expect_unchanged(before, average, "square_avg")

# %% check: q5
def test_adagrad_step(adagrad_step):
    import numpy as np
    from kit.checks import expect_close, expect_entries, expect_function, expect_keys, expect_unchanged

    expect_function(adagrad_step, "adagrad_step")
    params, grads = {"w": np.array([1.0, 1.0], np.float32)}, {"w": np.array([2.0, 0.0], np.float32)}
    total = {"w": np.array([2.0, 0.0], np.float32)}
    before = {"w": total["w"].copy()}
    new, a = expect_entries(adagrad_step(params, total, grads, 0.3, epsilon=3.0), 2, "adagrad_step(…)")
    expect_keys(new, ["w"], "params")
    expect_keys(a, ["w"], "accumulator")
    expect_close(a["w"], [6, 0], "accumulator")
    expect_close(new["w"], [0.8, 1], "params")
    expect_unchanged(before, total, "accumulator")

# %% check: q5
def test_step_sizes_against_keras(rmsprop_step, adagrad_step):
    import keras
    import numpy as np
    from kit.checks import expect_close, expect_entries

    keras_rules = {
        "rmsprop_step": (rmsprop_step, keras.optimizers.RMSprop(0.1), 0.0),
        "adagrad_step": (adagrad_step, keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.1), 0.1),
    }
    for name, (step, optimizer, start) in keras_rules.items():
        variable = keras.Variable(np.array([1.0, -1.0], np.float32))
        params, state = {"w": np.array(variable.numpy())}, {"w": np.full(2, start, np.float32)}
        for k in range(3):
            grads = np.array([1.0, k], np.float32)
            optimizer.apply([grads], [variable])
            params, state = expect_entries(step(params, state, {"w": grads}, 0.1), 2, f"{name}(…)")
            expect_close(params["w"], np.array(variable.numpy()), f"params after step {k + 1} of {name}")

# %% [markdown]
# ## Question 6: Adam
#
# Adam (Kingma and Ba, 2015) combines both ideas: a running mean $m$ of gradients, as in momentum, divided by the root of
# a running mean $v$ of squares, as in RMSprop. At step $k$, counted from 1,
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2$$
#
# $$\hat m = \frac{m}{1-\beta_1^k} \qquad \hat v = \frac{v}{1-\beta_2^k} \qquad
# \theta \leftarrow \theta - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# Why the correction? Both means start at 0, so at first they are far too small: $v$ after one step is $g^2/1000$ with
# $\beta_2 = 0.999$. Dividing by the share of the weights seen so far repairs that. Then $\hat m = g$ and $\hat v = g^2$
# at the first step, and each parameter moves by $\eta$, whatever its gradient. Here $\varepsilon$ stands **outside** the
# root.
#
# `adam_init(params)` makes the state before the first step. What it looks like is up to you; `adam_step` gets it, and
# returns `(params, state)`. The step count belongs to the state: two networks may be trained in turn.

# %% solution: adam_init adam_step _without_bias

# %% check: q6
def test_adam_first_step(adam_init, adam_step):
    import numpy as np
    from kit.checks import CheckFailed, expect_close, expect_entries, expect_function, expect_keys, expect_unchanged

    expect_function(adam_init, "adam_init")
    expect_function(adam_step, "adam_step")
    params = {"w": np.array([1.0, 1.0, 1.0], np.float32), "b": np.array([[0.0]], np.float32)}
    grads = {"b": np.array([[-5.0]], np.float32), "w": np.array([100.0, -0.01, 0.0], np.float32)}
    before = {key: value.copy() for key, value in params.items()}
    state = adam_init(params)
    if state is None:
        raise CheckFailed("adam_init(params): got None. Is a `return` missing?")
    new, _ = expect_entries(adam_step(params, state, grads, 0.5), 2, "adam_step(…)")
    expect_keys(new, ["w", "b"], "params")
    expect_close(new["w"], [0.5, 1.5, 1], "w after a first step with learning rate 0.5")
    expect_close(new["b"], [[0.5]], "b after a first step with learning rate 0.5")
    expect_unchanged(before, params, "params")

# %% check: q6
def test_adam_against_keras(adam_init, adam_step):
    import keras
    import numpy as np
    from kit.checks import expect_close, expect_entries

    variable = keras.Variable(np.array([1.0, -1.0], np.float32))
    optimizer = keras.optimizers.Adam(0.1)
    params = {"w": np.array(variable.numpy())}
    state = adam_init(params)
    for k in range(4):
        grads = np.array([1.0, k - 1], np.float32)
        optimizer.apply([grads], [variable])
        params, state = expect_entries(adam_step(params, state, {"w": grads}, 0.1), 2, "adam_step(…)")
        expect_close(params["w"], np.array(variable.numpy()), f"params after step {k + 1}")

# %% [markdown]
# Your rules in the valley, 40 steps each, with their learning rates. Plain descent goes from wall to wall. Momentum rolls,
# overshoots and comes back; Nesterov sees the other wall coming and brakes earlier. RMSprop and Adagrad leave the wall at
# once, since each coordinate is measured in its own units; then Adagrad's steps get shorter and shorter. Adam does both:
# it rolls, in units that fit.

# %%
def walk(step, state=None, steps=30):
    """The path of one rule, (steps + 1, 2), or None where the rule is not written yet."""
    params, path = {"theta": START.astype(np.float32)}, [START]
    for _ in range(steps):
        result = step(params, state, {"theta": np.float32(BOWL * path[-1])})
        if not isinstance(result, tuple | list) or result[0] is None:
            return None
        params, state = result
        path.append(np.asarray(params["theta"], np.float64))
    return np.array(path)


zero = {"theta": np.zeros(2, np.float32)}
paths = {
    "SGD, 0.18": walk(lambda p, s, g: (sgd_step(p, g, 0.18), None)),
    "momentum, 0.03": walk(lambda p, v, g: momentum_step(p, v, g, 0.03, 0.8), zero),
    "Nesterov, 0.03": walk(lambda p, v, g: momentum_step(p, v, g, 0.03, 0.8, nesterov=True), zero),
    "RMSprop, 0.4": walk(lambda p, s, g: rmsprop_step(p, s, g, 0.4), zero),
    "Adagrad, 2": walk(lambda p, a, g: adagrad_step(p, a, g, 2.0), zero),
    "Adam, 0.6": walk(lambda p, s, g: adam_step(p, s, g, 0.6), adam_init(zero)),
}
solved = {label: path for label, path in paths.items() if path is not None}
if not solved:
    print("The paths of your rules appear here, one by one, as you solve questions 1 to 6.")
else:
    figure, axes = plt.subplots(2, 3, figsize=(12, 5.2), layout="constrained")
    for axis, (label, path) in zip(axes.flat, solved.items(), strict=False):
        draw_bowl(axis, path, label)
    for axis in axes.flat[len(solved) :]:
        axis.axis("off")
    plt.show()

# %% [markdown]
# ## Question 7: a learning rate that changes
#
# The learning rate need not stay the same. Transformers are trained with a warm-up (Vaswani et al., 2017): at step
# $k = 1, 2, \dots$
#
# $$\eta(k) = d_\mathrm{model}^{-1/2}\,\min\bigl(k^{-1/2},\; k \cdot \mathrm{warmup}^{-3/2}\bigr)$$
#
# It rises in a straight line while Adam's means are still poor, then falls like $1/\sqrt{k}$.

# %% solution: warmup_schedule

# %% check: q7
def test_warmup_schedule(warmup_schedule):
    from kit.checks import expect_close, expect_function

    expect_function(warmup_schedule, "warmup_schedule")
    for step, right in ((1, 1 / 8000), (50, 1 / 160), (100, 1 / 80), (400, 1 / 160), (10000, 1 / 800)):
        what = f"warmup_schedule({step}, d_model=64, warmup_steps=100)"
        expect_close(warmup_schedule(step, 64, 100), right, what, atol=1e-9)

# %% check: q7
def test_warmup_schedule_peak(warmup_schedule):
    from kit.checks import CheckFailed, expect_scalar

    before, peak, after = (
        expect_scalar(warmup_schedule(step, 512), f"warmup_schedule({step}, 512)") for step in (3900, 4000, 4100)
    )
    if not max(before, after) < peak:
        raise CheckFailed("The rate should be largest at warmup_steps, which is 4000 by default.")

# %%
steps = np.arange(1, 20001, 100)
if warmup_schedule(1, 512) is None:
    print("The schedule appears here once question 7 is solved.")
else:
    curves = {
        f"d_model = {d_model}, warm-up {warmup}": (
            steps,
            [float(warmup_schedule(int(k), d_model, warmup)) for k in steps],
        )
        for d_model, warmup in ((512, 4000), (512, 8000), (256, 4000))
    }
    plot_curves(curves, xlabel="step", ylabel="learning rate", title="warm-up, then 1/√step")

# %% [markdown]
# ## Question 8: how far to look back
#
# Now train the network with `lookback_step`. For each alpha, start from the same `init_params(…, seed)`, with `prev`
# being those initial params too; take one step per epoch on the whole set, with the gradient of `mse_loss` (no penalty);
# and record the loss of the **blend** that the step returns. The result is `{alpha: [loss of epoch 1, …]}`.
#
# Each step is a handful of small TensorFlow operations. If you want it faster, compile one with `tf.function`, but hand
# alpha in as a tensor then: each new Python number is compiled anew.

# %% solution: alpha_sweep _sweep_epoch

# %% check: q8
def test_alpha_sweep(alpha_sweep):
    import numpy as np
    from kit.checks import CheckFailed, expect_entries, expect_function, expect_keys, expect_scalar

    expect_function(alpha_sweep, "alpha_sweep")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3)).astype(np.float32)
    t = np.stack([x[:, 0] + 2, x[:, 1] - x[:, 2]], axis=1)
    curves = alpha_sweep(x, t, [0.0, 0.5, 1.0], n_hidden=6, epochs=8, learning_rate=0.05, seed=1)
    expect_keys(curves, [0.0, 0.5, 1.0], "the result of alpha_sweep")
    losses = {}
    for alpha, curve in curves.items():
        entries = expect_entries(curve, 8, f"the list of alpha={alpha} after 8 epochs")
        losses[alpha] = [expect_scalar(loss, "a loss") for loss in entries]
    if not losses[0.0][-1] < losses[0.0][0]:
        raise CheckFailed("With alpha=0 the loss should fall.")
    if max(losses[1.0]) - min(losses[1.0]) > 1e-5 * max(losses[1.0]):
        raise CheckFailed("With alpha=1 the blend never moves, so its loss should stay the same.")
    if losses[1.0][0] < losses[0.0][-1]:
        raise CheckFailed("With alpha=1 the loss should be that of the initial params. Does each alpha start anew?")

# %% check: q8
def test_alpha_sweep_rate(alpha_sweep):
    import numpy as np
    from kit.checks import expect_close, expect_entries, expect_keys

    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(10, 3)).astype(np.float32), rng.normal(size=(10, 2)).astype(np.float32)
    braked = alpha_sweep(x, t, [0.75], n_hidden=4, epochs=5, learning_rate=0.08, seed=2)
    plain = alpha_sweep(x, t, [0.0], n_hidden=4, epochs=5, learning_rate=0.02, seed=2)
    expect_keys(braked, [0.75], "the result of alpha_sweep")
    expect_keys(plain, [0.0], "the result of alpha_sweep")
    right = [float(loss) for loss in expect_entries(plain[0.0], 5, "the list of alpha=0")]
    curve = [float(loss) for loss in expect_entries(braked[0.75], 5, "the list of alpha=0.75")]
    expect_close(curve, right, "compared with alpha=0 at a quarter of the learning rate, the curve of alpha=0.75", 1e-3)

# %% [markdown]
# ## Question 9: mini-batches
#
# Finally the usual way to train: many small steps. In each epoch, shuffle the examples (inputs and labels together!), cut
# them into batches of `batch_size`, and take one step per batch with the gradient of the cross-entropy over that batch.
# Where `batch_size` does not divide $N$, the last batch is shorter; it counts like the others.
#
# `optimizer` names one of your rules: `"sgd"`, `"momentum"` (0.9, without Nesterov), `"rmsprop"`, `"adagrad"` or
# `"adam"`, with their default coefficients. Their state is made once, full of zeros, and lives on from batch to batch and
# epoch to epoch. (Adagrad may start at 0.1, as in Keras.)
#
# Return `(params, history)`, with the lists `loss` and `accuracy` in `history`: one entry per epoch, measured on the
# whole set after the epoch, or averaged over its batches.

# %% solution: train_minibatch _minibatch_step _rule

# %% check: q9
def test_train_minibatch(train_minibatch):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_entries, expect_function, expect_keys, expect_scalar

    expect_function(train_minibatch, "train_minibatch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 3)).astype(np.float32)
    t = np.eye(2, dtype=np.float32)[(x[:, 0] > 0).astype(int)]
    rates = {"sgd": 0.1, "momentum": 0.05, "rmsprop": 0.01, "adagrad": 0.1, "adam": 0.02}
    for optimizer, rate in rates.items():
        settings = {"n_hidden": 8, "epochs": 6, "batch_size": 8, "optimizer": optimizer, "learning_rate": rate, "seed": 1}
        params, history = expect_entries(train_minibatch(x, t, **settings), 2, f"train_minibatch with {optimizer}")
        expect_keys(params, ["w1", "b1", "w2", "b2"], "params")
        for key, shape in (("w1", (3, 8)), ("b1", (8,)), ("w2", (8, 2)), ("b2", (2,))):
            expect_array(params[key], key, shape)
        expect_keys(history, ["loss", "accuracy"], "history")
        loss = [expect_scalar(v, "a loss") for v in expect_entries(history["loss"], 6, "history['loss'] of 6 epochs")]
        expect_entries(history["accuracy"], 6, "history['accuracy'] of 6 epochs")
        if not loss[-1] < loss[0]:
            raise CheckFailed(f"With {optimizer} the loss should fall, but it goes from {loss[0]:.3g} to {loss[-1]:.3g}.")

# %% check: q9
def test_last_short_batch(train_minibatch):
    import numpy as np
    from kit.checks import CheckFailed, expect_entries

    x, t = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)
    settings = {"n_hidden": 16, "epochs": 1, "batch_size": 5, "optimizer": "sgd", "seed": 3}
    runs = [train_minibatch(x, t, learning_rate=rate, **settings) for rate in (0.5, 0.0)]
    (moved, _), (still, _) = (expect_entries(run, 2, "train_minibatch(…)") for run in runs)
    if np.allclose(moved["b2"], still["b2"]):
        raise CheckFailed("With 3 examples and batch_size=5 nothing is learnt: is the last, short batch left out?")

# %% [markdown]
# ## Reading digits
#
# Everything together, on handwritten digits. From each image we subtract the mean image, so that the loss has no steep
# narrow valley in the direction in which all pixels grow together.

# %%
images = load_images("mnist", n_train=500, n_test=500, seed=0)
pixels, pixels_test = (part.reshape(len(part), -1) / np.float32(255) for part in (images.x_train, images.x_test))
x, x_test = pixels - pixels.mean(axis=0), pixels_test - pixels.mean(axis=0)
t, t_test = (np.eye(10, dtype=np.float32)[labels] for labels in (images.y_train, images.y_test))
show_images(images.x_train, images.y_train, rows=1, columns=10)

# %%
settings = {"n_hidden": 32, "epochs": 30, "seed": 0}
curves = alpha_sweep(x, t, [0.0, 0.5, 0.75, 1.0], learning_rate=0.05, **settings)
doubled = alpha_sweep(x, t, [0.5], learning_rate=0.1, **settings)
if not curves or not doubled:
    print("Your curves appear here once `alpha_sweep` returns {alpha: [loss, …]}.")
else:
    labelled = {f"alpha = {alpha}": curve for alpha, curve in curves.items()}
    plot_curves(labelled, ylabel="loss of the blend", title="looking back slows descent down")
    gap = np.abs(np.subtract(curves[0.0], doubled[0.5])).max()
    print(f"At twice the rate the curve of alpha = 0.5 is never further than {gap:.1g} from that of alpha = 0.")

# %% [markdown]
# Looking back half-way costs half the learning rate, and nothing else happens.
#
# And the rules side by side, each with a learning rate that suits it. Which one would you take? Change the rates by a
# factor of 3 and ask again: the adaptive rules forgive more.

# %%
rates = {"sgd": 0.1, "momentum": 0.03, "rmsprop": 0.002, "adagrad": 0.02, "adam": 0.003}
runs = {
    rule: train_minibatch(x, t, n_hidden=32, epochs=6, batch_size=50, optimizer=rule, learning_rate=rate, seed=0)
    for rule, rate in rates.items()
}
if None in runs.values():
    print("Your training curves appear here once `train_minibatch` returns (params, history).")
else:
    plot_curves({rule: history["loss"] for rule, (_, history) in runs.items()}, title="training loss", logarithmic=True)
    for rule, (params, history) in runs.items():
        unseen = float(accuracy(forward(params, x_test)[0], t_test))
        print(f"{rule:9} training {float(history['accuracy'][-1]):6.1%}   unseen {unseen:6.1%}")
