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
# # Assignment 1: a network by hand, and the same by `GradientTape`
#
# Every deep-learning library computes gradients for you. In this assignment you do it yourself once, so that
# you know what the library does, can tell when it does it wrong, and never fear a loss with an odd factor in
# front.
#
# You will
#
# 1. initialise a network so that signals neither die out nor explode,
# 2. write activations and losses that stay finite where the textbook formula overflows,
# 3. derive the gradients of a two-layer network on paper and turn them into five lines of code,
# 4. let `tf.GradientTape` compute the same gradients, and compare,
# 5. train on handwritten digits, with both, and
# 6. go on to networks of any depth, with dropout.
#
# **How it works.** Replace each `...` by your code; names, arguments and results are fixed by the docstrings.
# After each question there is a check that says in words what is wrong. It is quick and public; the marks
# come from more tests, with other numbers, when you hand in.
#
# **Rules.** Use NumPy or TensorFlow as you like: arrays and tensors are accepted alike, and may be returned
# alike. No function changes its arguments. Where a question says *by hand*, the gradient comes from your
# formula: no automatic differentiation, no finite differences, no optimizer of Keras. Write more helper
# functions if you want to.
#
# | letter | meaning | | letter | meaning |
# |---|---|---|---|---|
# | $N$ | examples in the batch | | $H$ | hidden units |
# | $D$ | inputs | | $C$ | outputs or classes |

# %%
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_history, show_images

# %% [markdown]
# ## The network
#
# One hidden layer, batch-first: each row of $x$ is an example.
#
# $$z = x\,w_1 + b_1 \qquad h = \mathrm{relu}(z) \qquad \hat y = h\,w_2 + b_2$$
#
# $x$ is $(N, D)$, $w_1$ is $(D, H)$, $b_1$ is $(H,)$, $w_2$ is $(H, C)$, $b_2$ is $(C,)$, $\hat y$ is $(N,
# C)$. The parameters travel as a plain dict with the keys `w1`, `b1`, `w2` and `b2`.
#
# Going forward (blue), each box computes its value from the box before it. Going backward (orange), each box
# receives the derivative of the loss with respect to its value and passes on the derivative with respect to
# the box before it. That is all there is to back-propagation.

# %%
boxes = [  # (place, half width, value, derivative of the loss with respect to it)
    (0.0, 0.3, "$x$", ""),
    (2.2, 0.85, "$z = x w_1 + b_1$", r"$\partial L/\partial z$"),
    (4.6, 0.75, "$h = relu(z)$", r"$\partial L/\partial h$"),
    (7.0, 0.85, r"$\hat y = h w_2 + b_2$", r"$\partial L/\partial \hat y$"),
    (9.2, 0.3, "$L$", "1"),
]
figure, axis = plt.subplots(figsize=(9.5, 1.9))
for place, half, value, derivative in boxes:
    frame = plt.Rectangle((place - half, -0.3), 2 * half, 0.6, facecolor="none", edgecolor="grey")
    axis.add_patch(frame)
    axis.text(place, 0, value, ha="center", va="center", fontsize=12)
    axis.text(place, -0.7, derivative, ha="center", va="center", fontsize=12, color="tab:orange")
blue, orange = ({"arrowstyle": "->", "color": f"tab:{name}"} for name in ("blue", "orange"))
for k in range(len(boxes) - 1):
    left, right = boxes[k][0] + boxes[k][1], boxes[k + 1][0] - boxes[k + 1][1]
    axis.annotate("", xy=(right, 0.12), xytext=(left, 0.12), arrowprops=blue)
    axis.annotate("", xy=(left, -0.12), xytext=(right, -0.12), arrowprops=orange)
for place, name in ((2.2, "$w_1, b_1$"), (7.0, "$w_2, b_2$")):
    axis.annotate(name, xy=(place, 0.3), xytext=(place, 0.85), ha="center", fontsize=12, arrowprops=blue)
axis.set(xlim=(-0.5, 9.7), ylim=(-0.95, 1.1))
axis.axis("off")
plt.show()

# %% [markdown]
# ## Question 1: initialisation
#
# If all weights were equal, all hidden units would compute the same and get the same gradient for ever:
# weights have to be random. How large? A unit adds up `fan_in` inputs, so its variance is `fan_in` times the
# variance of a weight times the mean square of an input; and ReLU removes half of the mean square. He et al.
# (2015) therefore draw weights with
#
# $$\mathrm{std}(w) = \sqrt{2 / \mathrm{fan\_in}}$$
#
# which keeps the signal at its size from layer to layer. `fan_in` is the number of inputs *of that layer*.
# Biases start at 0.
#
# Write `init_params`. The same seed has to give the same weights, and `w1` and `w2` must be drawn
# independently.

# %% solution: _he_layer init_params

# %% check: q1
def test_init_params_shapes(init_params):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function, expect_keys

    expect_function(init_params, "init_params")
    params = init_params(5, 4, 3, seed=1)
    expect_keys(params, ["w1", "b1", "w2", "b2"], "init_params(5, 4, 3, seed=1)")
    for key, shape in (("w1", (5, 4)), ("b1", (4,)), ("w2", (4, 3)), ("b2", (3,))):
        expect_array(params[key], key, shape)
    for key in ("b1", "b2"):
        if np.any(np.asarray(params[key])):
            raise CheckFailed(f"{key} should start at 0.")

# %% check: q1
def test_init_params_spread(init_params):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_keys

    params = init_params(300, 200, 50, seed=2)
    expect_keys(params, ["w1", "b1", "w2", "b2"], "init_params(300, 200, 50, seed=2)")
    for key, fan_in in (("w1", 300), ("w2", 200)):
        std, wanted = expect_array(params[key], key).std(), np.sqrt(2 / fan_in)
        if abs(std / wanted - 1) > 0.05:
            raise CheckFailed(f"{key} has {fan_in} inputs, hence std {wanted:.4f}, but yours has {std:.4f}.")

# %% check: q1
def test_init_params_seed(init_params):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_keys

    first, again, other = (init_params(6, 6, 6, seed=seed) for seed in (3, 3, 4))
    expect_keys(first, ["w1", "b1", "w2", "b2"], "init_params(6, 6, 6, seed=3)")
    w1, w2 = (expect_array(first[key], key, (6, 6)) for key in ("w1", "w2"))
    if not np.array_equal(w1, expect_array(again["w1"], "w1")):
        raise CheckFailed("Two calls with the same seed should draw the same w1.")
    if np.allclose(w1, expect_array(other["w1"], "w1")):
        raise CheckFailed("Two different seeds should draw different weights.")
    if np.allclose(w1 / w1.std(), w2 / w2.std()):
        raise CheckFailed("w2 repeats the random numbers of w1.")

# %% [markdown]
# ## Question 2: activations and softmax
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}} \qquad \mathrm{relu}(z) = \max(z, 0) \qquad
# \mathrm{softmax}(z)_j = \frac{e^{z_j}}{\sum_k e^{z_k}}$$
#
# and the derivatives of the first two, as functions of $z$:
#
# $$\sigma'(z) = \sigma(z)\,(1 - \sigma(z)) \qquad
# \mathrm{relu}'(z) = \begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}$$
#
# On paper that is the end of it. In `float32`, though, $e^{89}$ is already `inf`, and `inf / inf` is `nan`.
# All five functions have to be finite for $|z|$ up to $10^4$. Two hints: $\sigma(z) = e^z / (1 + e^z)$ is the
# same function, and adding one number to a whole row of scores leaves its softmax unchanged.
#
# The softmax runs along the last axis. Derivatives are floats, not booleans or integers.

# %% solution: _floats sigmoid sigmoid_grad relu relu_grad softmax

# %% check: q2
def test_activations(sigmoid, relu):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_unchanged

    expect_function(sigmoid, "sigmoid")
    expect_function(relu, "relu")
    z = np.array([[-2.0, 0.0, 1.0]], np.float32)
    expect_close(sigmoid(z), [[0.119203, 0.5, 0.731059]], "sigmoid([[-2, 0, 1]])")
    expect_close(relu(z), [[0, 0, 1]], "relu([[-2, 0, 1]])")
    expect_unchanged(np.array([[-2.0, 0.0, 1.0]], np.float32), z, "z")

# %% check: q2
def test_derivatives(sigmoid, sigmoid_grad, relu, relu_grad):
    import numpy as np
    from kit.checks import expect_array, expect_close, expect_function, expect_scalar, finite_difference

    for f, grad, name in ((sigmoid, sigmoid_grad, "sigmoid_grad"), (relu, relu_grad, "relu_grad")):
        expect_function(grad, name)
        for z in (-1.5, -0.3, 0.4, 2.0):
            point = np.float32([z])
            slope = finite_difference(lambda v, f=f: expect_scalar(f(v), "the function's value"), point)
            expect_close(grad(point), slope, f"{name}({z})", atol=1e-4)
            expect_array(grad(point), f"{name}({z})", (1,))
    expect_close(relu_grad(np.float32([0.0])), [0.0], "relu_grad(0)")

# %% check: q2
def test_softmax(softmax):
    import numpy as np
    from kit.checks import expect_array, expect_close, expect_function

    expect_function(softmax, "softmax")
    scores = np.log(np.array([[1.0, 1.0, 2.0], [3.0, 1.0, 4.0]], np.float32))
    expect_close(softmax(scores), [[0.25, 0.25, 0.5], [0.375, 0.125, 0.5]], "softmax")
    expect_close(softmax(scores[0]), [0.25, 0.25, 0.5], "softmax of one row")
    shares = expect_array(softmax(np.float32([[1e4, 1e4, -1e4]])), "softmax of scores of ±10,000", (1, 3))
    expect_close(shares, [[0.5, 0.5, 0.0]], "softmax([[1e4, 1e4, -1e4]])")

# %% check: q2
def test_large_inputs(sigmoid, sigmoid_grad):
    import numpy as np
    from kit.checks import expect_close

    z = np.float32([-1e4, -200, 200, 1e4])
    expect_close(sigmoid(z), [0, 0, 1, 1], "sigmoid([-1e4, -200, 200, 1e4])")
    expect_close(sigmoid_grad(z), [0, 0, 0, 0], "sigmoid_grad([-1e4, -200, 200, 1e4])")

# %% [markdown]
# A picture of your functions. The slope of the sigmoid is never above 1/4: a gradient that passes through
# many of them shrinks each time, while ReLU lets it pass whole or not at all.

# %%
z = np.linspace(-6, 6, 241, dtype=np.float32)
curves = {"sigmoid": (sigmoid(z), sigmoid_grad(z)), "relu": (relu(z), relu_grad(z))}
if any(value is None for pair in curves.values() for value in pair):
    print("Your activations appear here once question 2 is solved.")
else:
    figure, axis = plt.subplots(figsize=(6.5, 2.9))
    for colour, (name, (value, slope)) in zip(("tab:blue", "tab:orange"), curves.items(), strict=True):
        axis.plot(z, value, color=colour, label=name)
        axis.plot(z, slope, "--", color=colour, label=f"derivative of {name}")
    axis.set(xlabel="z", ylim=(-0.1, 1.6))
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)
    plt.show()

# %% [markdown]
# ## Question 3: forward
#
# Write `forward`. It returns the pair `(y_hat, hidden)`; the backward pass will need both. The output has no
# activation: it is a prediction for the squared error, and logits for the cross-entropy.

# %% solution: forward

# %% check: q3
def test_forward_by_hand(forward):
    import numpy as np
    from kit.checks import expect_close, expect_entries, expect_function

    expect_function(forward, "forward")
    params = {
        "w1": np.array([[1, -1, 2], [0, 1, -3]], np.float32),
        "b1": np.array([0, 1, 1], np.float32),
        "w2": np.array([[1, 2], [3, 4], [5, 6]], np.float32),
        "b2": np.array([-1, 1], np.float32),
    }
    x = np.array([[1, 1], [2, 0]], np.float32)
    y_hat, hidden = expect_entries(forward(params, x), 2, "forward(params, x)")
    expect_close(hidden, [[1, 1, 0], [2, 0, 5]], "hidden")
    expect_close(y_hat, [[3, 7], [26, 35]], "y_hat")

# %% check: q3
def test_forward_one_example(forward):
    import numpy as np
    from kit.checks import expect_array, expect_entries

    rng = np.random.default_rng(0)
    shapes = {"w1": (4, 5), "b1": (5,), "w2": (5, 3), "b2": (3,)}
    params = {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    y_hat, hidden = expect_entries(forward(params, np.ones((1, 4), np.float32)), 2, "forward(params, x)")
    expect_array(y_hat, "y_hat of one example", (1, 3))
    expect_array(hidden, "hidden of one example", (1, 5))

# %% [markdown]
# ## Question 4: losses
#
# Squared error, summed over outputs and averaged over examples, with a penalty on large weights (not on
# biases):
#
# $$L = \frac1N \sum_{n=1}^N \sum_{c=1}^C (\hat y_{nc} - t_{nc})^2
#     + \mathrm{reg}\,\bigl(\lVert w_1\rVert^2 + \lVert w_2\rVert^2\bigr)$$
#
# Cross-entropy of the softmax of logits $\hat y$, with one-hot labels $t$:
#
# $$L = -\frac1N \sum_{n=1}^N \sum_{c=1}^C t_{nc} \, \log \mathrm{softmax}(\hat y_n)_c$$
#
# It has to be finite for logits of $\pm 10^4$, where some probabilities round to 0 and $\log 0$ is `-inf`.
# Simplify $\log \mathrm{softmax}$ on paper first; a small constant inside the logarithm is no way out, as it
# caps the loss.

# %% solution: mse_loss cross_entropy _same_shape

# %% check: q4
def test_mse_loss(mse_loss):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_scalar

    expect_function(mse_loss, "mse_loss")
    params = {
        "w1": np.array([[1, 2]], np.float32),
        "b1": np.array([10, 10], np.float32),
        "w2": np.array([[3], [0]], np.float32),
        "b2": np.array([10], np.float32),
    }
    y_hat = np.array([[1, 0, 2], [0, 2, 0]], np.float32)
    t = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    # squared errors: 4 in the first row, 4 + 1 in the second; squared norms: 1 + 4 and 9
    for reg, expected in ((0.0, 4.5), (0.1, 4.5 + 0.1 * 14)):
        value = expect_scalar(mse_loss(params, y_hat, t, reg), f"mse_loss with reg={reg}")
        expect_close(value, expected, f"mse_loss with reg={reg}")

# %% check: q4
def test_cross_entropy(cross_entropy):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_scalar

    expect_function(cross_entropy, "cross_entropy")
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32)
    t = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    value = expect_scalar(cross_entropy(np.log(probabilities) + 3, t), "cross_entropy")
    expect_close(value, -(np.log(0.5) + np.log(0.8)) / 2, "cross_entropy")
    large = np.array([[1e4, 0, -1e4], [1e4, 1e4, 0]], np.float32)
    value = expect_scalar(cross_entropy(large, t), "cross_entropy of logits of ±10,000")
    # next to 10,000 the numbers of float32 are 0.001 apart
    expect_close(value, np.log(2) / 2, "cross_entropy of logits of ±10,000", atol=1e-3)

# %% [markdown]
# ## Question 5: the gradient by hand
#
# Two rules carry the whole backward pass. Write $\bar u$ for $\partial L / \partial u$; it has the shape of
# $u$.
#
# **Matrix product.** If $y = h\,w + b$, then $y_{nc} = \sum_j h_{nj} w_{jc} + b_c$. Collect by the chain rule
# all ways in which $w_{jc}$, $h_{nj}$ and $b_c$ reach the loss:
#
# $$\bar w = h^\top \bar y \qquad \bar h = \bar y\, w^\top \qquad \bar b_c = \sum_n \bar y_{nc}$$
#
# The shapes leave no other choice. A bias is added to every row, so its gradient is summed over the rows.
#
# **Element-wise function.** If $h = f(z)$, then $\bar z = \bar h \odot f'(z)$, with $f'$ taken at $z$, the
# input of $f$. For ReLU, $h > 0$ says exactly where $z > 0$.
#
# Start with $\bar y = \partial L / \partial \hat y$ of the squared error, and go back through the figure at
# the top. Do not forget the penalty, which depends on $w_1$ and $w_2$ directly. Write `backward` **by hand**.
#
# The check compares with *finite differences*: change one parameter by a little, see how the loss changes.
# That takes two evaluations of the loss for each parameter, hence nobody trains with it, but it never errs by
# a factor of 2.

# %% solution: backward _backward_from_output

# %% check: q5
def test_backward_without_penalty(backward, forward, mse_loss):
    import numpy as np
    from kit.checks import expect_entries, expect_function, expect_gradients

    expect_function(backward, "backward")
    params = {
        "w1": np.array([[0.5, -1.0, 0.3], [1.0, 0.6, -0.8]], np.float32),
        "b1": np.array([0.1, -0.4, 0.4], np.float32),
        "w2": np.array([[1.0, -0.5], [0.7, 0.2], [-0.4, 0.9]], np.float32),
        "b2": np.array([0.3, -0.1], np.float32),
    }
    x = np.array([[1.0, 2.0], [-1.0, 0.5], [0.5, -1.5], [2.0, 1.0]], np.float32)
    t = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [1.0, -1.0]], np.float32)

    def loss(p):
        return mse_loss(p, expect_entries(forward(p, x), 2, "forward(params, x)")[0], t, 0.0)

    y_hat, hidden = expect_entries(forward(params, x), 2, "forward(params, x)")
    expect_gradients(backward(params, x, y_hat, hidden, t, 0.0), loss, params, "backward (reg=0)")

# %% check: q5
def test_backward_with_penalty(backward, forward, mse_loss):
    import numpy as np
    from kit.checks import expect_entries, expect_gradients

    params = {
        "w1": np.array([[0.5, -1.0, 0.3], [1.0, 0.6, -0.8]], np.float32),
        "b1": np.array([0.1, -0.4, 0.4], np.float32),
        "w2": np.array([[1.0], [0.7], [-0.4]], np.float32),
        "b2": np.array([0.3], np.float32),
    }
    x, t = np.array([[1.0, 2.0]], np.float32), np.array([[1.0]], np.float32)

    def loss(p):
        return mse_loss(p, expect_entries(forward(p, x), 2, "forward(params, x)")[0], t, 0.5)

    y_hat, hidden = expect_entries(forward(params, x), 2, "forward(params, x)")
    expect_gradients(backward(params, x, y_hat, hidden, t, 0.5), loss, params, "backward (reg=0.5)")

# %% [markdown]
# ## Question 6: the same from the tape
#
# `tf.GradientTape` records what happens inside its `with` block and walks it back. Compute the gradients of
# `mse_loss` with it. A tape follows a `tf.Variable` by itself, but a plain tensor only after `tape.watch`.

# %% solution: tape_gradients

# %% check: q6
def test_tape_gradients(tape_gradients, forward, mse_loss):
    import numpy as np
    from kit.checks import CheckFailed, expect_entries, expect_function, expect_gradients, expect_keys

    expect_function(tape_gradients, "tape_gradients")
    params = {
        "w1": np.array([[0.4, -0.9, 0.3], [1.1, 0.6, -0.7]], np.float32),
        "b1": np.array([0.2, -0.2, 0.4], np.float32),
        "w2": np.array([[1.0, -0.5], [0.8, 0.2], [-0.4, 0.9]], np.float32),
        "b2": np.array([0.3, -0.1], np.float32),
    }
    x = np.array([[1.0, 2.0], [-1.0, 0.5], [0.5, -1.5]], np.float32)
    t = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], np.float32)

    def loss(p, reg):
        return mse_loss(p, expect_entries(forward(p, x), 2, "forward(params, x)")[0], t, reg)

    for reg in (0.0, 0.2):
        actual = tape_gradients(params, x, t, reg)
        expect_keys(actual, params, f"tape_gradients (reg={reg})")
        for key, value in actual.items():
            if value is None:
                raise CheckFailed(f"The gradient of {key} is None: the tape did not see it enter the loss.")
        expect_gradients(actual, lambda p, reg=reg: loss(p, reg), params, f"tape_gradients (reg={reg})")

# %% [markdown]
# ## Question 7: softmax and cross-entropy by hand
#
# For one example let $p = \mathrm{softmax}(\hat y)$ and $L = -\sum_j t_j \log p_j$. The derivative of the
# softmax is a matrix, since each probability depends on each logit:
#
# $$\frac{\partial p_j}{\partial \hat y_k} = p_j\,(\delta_{jk} - p_k)$$
#
# Multiply by $\partial L/\partial p_j$, sum over $j$, use $\sum_j t_j = 1$: something very short is left. It
# is the reason why softmax and cross-entropy belong together. From there to the parameters it is the way of
# question 5.
#
# Write `backward_cross_entropy` **by hand**. It calls `forward` itself.

# %% solution: backward_cross_entropy

# %% check: q7
def test_backward_cross_entropy(backward_cross_entropy, forward, cross_entropy):
    import numpy as np
    from kit.checks import expect_entries, expect_function, expect_gradients

    expect_function(backward_cross_entropy, "backward_cross_entropy")
    params = {
        "w1": np.array([[0.5, -1.0, 0.3], [1.0, 0.6, -0.8]], np.float32),
        "b1": np.array([0.1, -0.4, 0.4], np.float32),
        "w2": np.array([[1.0, -0.5], [0.7, 0.2], [-0.4, 0.9]], np.float32),
        "b2": np.array([0.3, -0.1], np.float32),
    }
    t = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    for n in (4, 1):
        x = np.array([[1.0, 2.0], [-1.0, 0.5], [0.5, -1.5], [2.0, 1.0]], np.float32)[:n]

        def loss(p, x=x, n=n):
            return cross_entropy(expect_entries(forward(p, x), 2, "forward(params, x)")[0], t[:n])

        actual = backward_cross_entropy(params, x, t[:n])
        expect_gradients(actual, loss, params, f"backward_cross_entropy (N={n})")

# %% [markdown]
# ## Question 8: accuracy
#
# The predicted class is the one with the largest score, be it a logit or a probability. `accuracy` returns
# the share of rows that are right, between 0 and 1.

# %% solution: accuracy

# %% check: q8
def test_accuracy(accuracy):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_scalar

    expect_function(accuracy, "accuracy")
    t = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]
    p = np.array([[0.4, 0.3, 0.3], [0.3, 0.36, 0.34], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1]], np.float32)
    for scores, what in ((p, "accuracy of probabilities"), (50 * p - 30, "accuracy of logits")):
        expect_close(expect_scalar(accuracy(scores, t), what), 0.75, what)
    expect_close(expect_scalar(accuracy(p[2:3], t[2:3]), "accuracy"), 0.0, "accuracy of one wrong row")

# %% [markdown]
# ## Question 9: training
#
# Gradient descent goes a small step against the gradient: $\theta \leftarrow \theta - \eta\,\partial
# L/\partial\theta$. `gradient_descent_step` does one such step and returns new params.
#
# `train` starts from `init_params` and takes one step per epoch, with the gradient of `mse_loss` over the
# whole training set: from `backward` if `gradients="manual"`, from `tape_gradients` if `gradients="tape"`.
# After each step it measures loss (with the penalty) and accuracy, on training and test set; these are the
# four lists of `history`.
#
# Python loops over epochs are fine. If you like it faster, compile one epoch with `tf.function`.

# %% solution: gradient_descent_step train

# %% check: q9
def test_gradient_descent_step(gradient_descent_step):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_keys, expect_unchanged

    expect_function(gradient_descent_step, "gradient_descent_step")
    params = {"w1": np.array([[1.0, 2.0]], np.float32), "b1": np.array([0.5, -0.5], np.float32)}
    grads = {"b1": np.array([1.0, 0.0], np.float32), "w1": np.array([[10.0, -10.0]], np.float32)}
    copies = {key: value.copy() for key, value in params.items()}
    new = gradient_descent_step(params, grads, 0.1)
    expect_keys(new, ["w1", "b1"], "gradient_descent_step")
    expect_close(new["w1"], [[0.0, 3.0]], "new w1")
    expect_close(new["b1"], [0.4, -0.5], "new b1")
    expect_unchanged(copies, params, "params")

# %% check: q9
def test_train(train):
    import numpy as np
    from kit.checks import CheckFailed, expect_entries, expect_function, expect_keys, expect_scalar

    expect_function(train, "train")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    t = np.eye(2, dtype=np.float32)[(x[:, 0] > 0).astype(int)]
    settings = {"n_hidden": 8, "epochs": 30, "learning_rate": 0.1, "reg": 0.001, "seed": 1}
    result = train(x[:30], t[:30], x[30:], t[30:], gradients="manual", **settings)
    params, history = expect_entries(result, 2, "train(…)")
    expect_keys(params, ["w1", "b1", "w2", "b2"], "params of train")
    expect_keys(history, ["train_loss", "train_accuracy", "test_loss", "test_accuracy"], "history of train")
    for key, values in history.items():
        if len(values) != 30:
            raise CheckFailed(f"history[{key!r}] should have 30 entries, one an epoch, but has {len(values)}.")
    first, last = (expect_scalar(history["train_loss"][k], "train_loss") for k in (0, -1))
    if not last < first:
        raise CheckFailed(f"The training loss should fall, but it goes from {first:.3g} to {last:.3g}.")

# %% check: q9
def test_train_both_ways(train):
    import numpy as np
    from kit.checks import expect_close, expect_entries

    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(12, 3)).astype(np.float32), np.eye(2, dtype=np.float32)[np.arange(12) % 2]
    settings = {"n_hidden": 5, "epochs": 3, "learning_rate": 0.05, "reg": 0.1, "seed": 2}
    runs = [train(x[:8], t[:8], x[8:], t[8:], gradients=method, **settings) for method in ("manual", "tape")]
    (params, history), (tape_params, tape_history) = (expect_entries(run, 2, "train(…)") for run in runs)
    for key in params:
        expect_close(tape_params[key], np.asarray(params[key]), f"{key} with gradients='tape'")
    for key in history:
        values = np.array([float(value) for value in history[key]])
        expect_close([float(value) for value in tape_history[key]], values, f"{key} with gradients='tape'")

# %% [markdown]
# ## Question 10: any depth, with dropout
#
# Now the network is a list of layers `(w, b)`, with ReLU between them and logits at the end.
#
# `mlp_init` draws each layer as in question 1. `mlp_forward` computes the logits. During training it can
# apply **inverted dropout**: each hidden activation is set to 0 with probability `dropout_rate`, and the
# others are divided by `1 - dropout_rate`, so that the expected activation stays as it was and nothing has to
# be rescaled at test time. Each element is drawn independently; input and logits are never dropped.
#
# `mlp_backward` computes **by hand** the gradients of the cross-entropy, without dropout, as a list of `(dw,
# db)`. The two rules of question 5 are all you need; go through the layers from the last to the first.

# %% solution: mlp_init mlp_forward mlp_backward

# %% check: q10
def test_mlp_forward(mlp_init, mlp_forward):
    import numpy as np
    from kit.checks import expect_array, expect_close, expect_entries, expect_function

    expect_function(mlp_init, "mlp_init")
    expect_function(mlp_forward, "mlp_forward")
    layers = mlp_init([5, 4, 3, 2], seed=0)
    expect_entries(layers, 3, "mlp_init([5, 4, 3, 2], seed=0)")
    for k, shape in enumerate(((5, 4), (4, 3), (3, 2))):
        w, b = expect_entries(layers[k], 2, f"layer {k}")
        expect_array(w, f"w of layer {k}", shape)
        expect_array(b, f"b of layer {k}", shape[1:])
    one = np.eye(2, dtype=np.float32)
    layers = [(one, np.float32([0, -2])), (-one, np.float32([1, 1])), (2 * one, np.float32([0, 5]))]
    x = np.float32([[0.5, 3.0], [4.0, 1.0]])
    # after the first layer (0.5, 1) and (4, 0), after the second (0.5, 0) and (0, 1)
    expect_close(mlp_forward(layers, x), [[1, 5], [0, 7]], "mlp_forward")

# %% check: q10
def test_dropout(mlp_forward):
    import numpy as np
    from kit.checks import CheckFailed, expect_array

    h = 200
    ones, zeros = np.ones(h, np.float32), np.zeros(h, np.float32)
    layers = [(np.zeros((1, h), np.float32), ones), (np.eye(h, dtype=np.float32), zeros)]
    x = np.ones((50, 1), np.float32)  # every hidden activation is 1, and the logits show it
    runs = [mlp_forward(layers, x, dropout_rate=0.2, seed=1) for _ in range(2)]
    first, again = (expect_array(run, "logits", (50, h)) for run in runs)
    if abs((first == 0).mean() - 0.2) > 0.03:
        raise CheckFailed(f"With dropout_rate=0.2, {(first == 0).mean():.0%} of the activations are dropped.")
    if not np.allclose(first[first != 0], 1.25, atol=1e-4):
        raise CheckFailed("Activations that are kept should be divided by 1 - dropout_rate.")
    if (first == first[0]).all() or (first == first[:, :1]).all():
        raise CheckFailed("All rows, or all columns, share one mask. Draw for each element.")
    if not np.array_equal(first, again):
        raise CheckFailed("The same seed should drop the same activations.")

# %% check: q10
def test_mlp_backward(mlp_backward, mlp_forward, cross_entropy):
    import numpy as np
    from kit.checks import expect_entries, expect_function, expect_gradients

    expect_function(mlp_backward, "mlp_backward")
    rng = np.random.default_rng(5)
    shapes = ((2, 4), (4, 3), (3, 2))
    layers = [(rng.normal(size=s).astype(np.float32), np.full(s[1], 0.3, np.float32)) for s in shapes]
    x, t = rng.normal(size=(5, 2)).astype(np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1]]

    def named(pairs):
        arrays = [array for pair in pairs for array in pair]
        return dict(zip(["w0", "b0", "w1", "b1", "w2", "b2"], arrays, strict=True))

    def loss(params):
        arrays = list(params.values())
        return cross_entropy(mlp_forward([(arrays[k], arrays[k + 1]) for k in (0, 2, 4)], x), t)

    actual = mlp_backward(layers, x, t)
    for k, pair in enumerate(expect_entries(actual, 3, "mlp_backward")):
        expect_entries(pair, 2, f"entry {k} of mlp_backward")
    expect_gradients(named(actual), loss, named(layers), "mlp_backward")

# %% [markdown]
# ## Reading digits
#
# Everything together, on images that the network has to generalise to. One preparation matters for plain
# gradient descent: from each image we subtract the mean image. Pixels that are never negative push all
# outputs in one direction, so the loss gets a steep, narrow valley there, and a step that is small enough for
# the valley is too small for all other directions.

# %%
images = load_images("mnist", n_train=1000, n_test=500, seed=0)
pixels = images.x_train.reshape(-1, 784) / np.float32(255)
pixels_test = images.x_test.reshape(-1, 784) / np.float32(255)
mean_image = pixels.mean(axis=0)
x, x_test = pixels - mean_image, pixels_test - mean_image
t, t_test = (np.eye(10, dtype=np.float32)[labels] for labels in (images.y_train, images.y_test))
show_images(images.x_train, images.y_train, rows=2, columns=10)

# %%
settings = {"n_hidden": 32, "epochs": 40, "learning_rate": 0.15, "reg": 1e-4, "seed": 0}
runs = {method: train(x, t, x_test, t_test, gradients=method, **settings) for method in ("manual", "tape")}
if None in runs.values():
    print("Your training curves appear here once `train` returns (params, history).")
else:
    (_, history), (_, history_of_tape) = runs["manual"], runs["tape"]
    share = float(history["test_accuracy"][-1])
    plot_history(history, f"by hand: {share:.1%} of the test images are read right")
    gap = np.abs(np.subtract(history["train_loss"], history_of_tape["train_loss"])).max()
    print(f"The training loss by tape is never further than {gap:.1g} from this one.")

# %% [markdown]
# By hand or by tape, the curves should be the same but for rounding. If yours rises, look at the sign; if it
# falls too slowly, look for a missing factor; if the two are apart, compare `backward` with `tape_gradients`
# on the first 10 images. And when all is well: what do more epochs do to the two curves, and what does a
# larger learning rate?
#
# Which digits does it get wrong?

# %%
if None in runs.values():
    print("The misread digits appear here once `train` returns (params, history).")
else:
    params, _ = runs["manual"]
    guesses = np.argmax(forward(params, x_test)[0], axis=1)
    wrong = guesses != images.y_test
    readings = zip(images.y_test[wrong], guesses[wrong], strict=True)
    labels = [f"{truth} as {guess}" for truth, guess in readings]
    show_images(images.x_test[wrong], labels, rows=2, columns=10, title="misread")
