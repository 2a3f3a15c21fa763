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
# # Assignment 4: autoencoders, and what keeps them honest
#
# An autoencoder draws its own input. That sounds easy, and it is, if nothing stands in the way: a wide network
# simply copies. It becomes interesting when something does stand in the way. In this assignment you build the
# obstacles yourself, and then put one of them to work: a network that has only ever seen *noisy* digits learns
# to draw clean ones, and a classifier that could no longer read the noisy ones reads them again.
#
# You will
#
# 1. write inverted dropout from the formula, mask and factor,
# 2. add penalties: on large weights, on busy units, on codes that react to every pixel,
# 3. make noise of two kinds,
# 4. build three models that share their layers,
# 5. train a denoiser, and look at what it draws, and
# 6. measure what it is good for, from no noise to nothing but noise.
#
# **How it works.** Replace each `...` by your code; names, arguments and results are fixed by the docstrings.
# After each question there is a check that says in words what is wrong. It is quick and public; the marks
# come from more tests, with other numbers, when you hand in.
#
# **Rules.** Use NumPy, TensorFlow or Keras as you like: arrays and tensors are accepted alike, and may be
# returned alike. No function changes its arguments. The same `seed` gives the same result, another seed another
# one. Where a question says *by hand*, no ready-made layer or loss is used.
#
# | letter | meaning | | letter | meaning |
# |---|---|---|---|---|
# | $N$ | images in the batch | | $H$ | hidden units |
# | $D$ | pixels of an image, 784 | | $\hat x$ | what the network draws |

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_curves, show_images

# %% [markdown]
# ## The network
#
# An **encoder** squeezes 784 pixels into a code of 32 numbers, a **decoder** draws the picture from these
# alone. Nobody labels anything: the image is input and target at once.
#
# $$h = \mathrm{encoder}(x) \qquad \hat x = \mathrm{decoder}(h) \qquad
# L = \mathrm{distance}(\hat x, x)$$

# %%
layers = [  # (units, activation that leads to them)
    (784, ""), (128, "ReLU"), (64, "ReLU"), (32, "ReLU"), (64, "ReLU"), (128, "ReLU"), (784, "sigmoid"),
]
figure, axis = plt.subplots(figsize=(9, 2.9))
for k, (units, activation) in enumerate(layers):
    height = units**0.45
    colour = "tab:orange" if k == 3 else "tab:blue"
    bar = plt.Rectangle((1.5 * k - 0.2, -height / 2), 0.4, height, facecolor=colour, alpha=0.75)
    axis.add_patch(bar)
    axis.text(1.5 * k, 0, units, ha="center", va="center", rotation=90, color="white", fontsize=10)
    if k:
        arrow = {"arrowstyle": "->", "color": "grey"}
        axis.annotate("", xy=(1.5 * k - 0.25, 0), xytext=(1.5 * k - 1.25, 0), arrowprops=arrow)
        axis.text(1.5 * k - 0.75, 0.7, activation, ha="center", fontsize=8, color="grey")
for left, right, name in ((1.2, 4.8, "encoder"), (5.7, 9.3, "decoder")):
    axis.plot([left, right], [-11.3, -11.3], color="grey", linewidth=1)
    axis.text((left + right) / 2, -13.6, name, ha="center", fontsize=11)
for place, name in ((0, "$x$"), (4.5, "code $h$"), (9, r"$\hat x$")):
    axis.text(place, 11 if place != 4.5 else 3.4, name, ha="center", fontsize=12)
axis.set(xlim=(-0.6, 9.6), ylim=(-14.5, 13))
axis.axis("off")
plt.show()

# %% [markdown]
# ## Question 1: dropout
#
# In training, dropout silences each unit with probability `rate`, anew for every example. No unit can rely on
# another one being there, so each has to be of some use by itself (Srivastava et al., 2014).
#
# $$\mathrm{dropout}(h)_{ni} = \frac{m_{ni}}{1 - \mathrm{rate}}\,h_{ni} \qquad
# m_{ni} = \begin{cases} 1 & \text{with probability } 1 - \mathrm{rate} \\
# 0 & \text{with probability } \mathrm{rate} \end{cases}$$
#
# Every $m_{ni}$ is a draw of its own. The denominator makes this dropout *inverted*: on average the factor is 1,
# the next layer receives what it is used to, and when the network is in use (`training=False`) nothing has to be
# done at all.
#
# The gradient passes through the same factor, so a silenced unit learns nothing from that example.
#
# Write `dropout` **by hand**: no `Dropout` layer, no `tf.nn.dropout`. It should take a tensor under a
# `GradientTape` as well as an array.

# %% solution: _floats _uniform dropout

# %% check: q1
def test_dropout_in_training(dropout):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function

    expect_function(dropout, "dropout")
    h = np.full((100, 80), 2.0, np.float32)
    value = expect_array(dropout(h, 0.25, True, 1), "dropout(h, 0.25, True, seed)", (100, 80))
    kept = value != 0
    if abs(kept.mean() - 0.75) > 0.03:
        raise CheckFailed(f"With rate=0.25, {kept.mean():.0%} of the units are kept; it should be 75%.")
    if not np.allclose(value[kept], 2 / 0.75, rtol=1e-4):
        raise CheckFailed(f"A 2 that is kept should become 2/0.75 = 2.667, but it is {value[kept][0]:.4g}.")
    if (kept == kept[0]).all() or (kept == kept[:, :1]).all():
        raise CheckFailed("All rows, or all columns, share one mask. Draw for each element.")

# %% check: q1
def test_dropout_in_use(dropout):
    import numpy as np
    from kit.checks import expect_close

    h = np.float32([[1, -2, 3], [0.5, 4, -1]])
    expect_close(dropout(h, 0.5, False, 1), h, "dropout(h, 0.5, training=False, seed)")
    expect_close(dropout(h, 0.0, True, 1), h, "dropout with rate=0")

# %% check: q1
def test_dropout_seed(dropout):
    import numpy as np
    from kit.checks import CheckFailed, expect_array

    h = np.ones((10, 20), np.float32)
    first, again, other = (expect_array(dropout(h, 0.5, True, seed), "dropout", (10, 20)) for seed in (3, 3, 4))
    if not np.array_equal(first, again):
        raise CheckFailed("Two calls with the same seed should drop the same units.")
    if np.array_equal(first, other):
        raise CheckFailed("Two different seeds should drop different units.")

# %% check: q1
def test_dropout_gradient(dropout):
    import numpy as np
    import tensorflow as tf
    from kit.checks import CheckFailed, expect_close

    h = tf.constant(np.linspace(1, 2, 60).reshape(6, 10), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(h)
        value = tf.convert_to_tensor(dropout(h, 0.4, True, 5))
    gradient = tape.gradient(value, h)
    if gradient is None:
        print("A tape sees nothing of your dropout, as it leaves TensorFlow. That is allowed here.")
        return
    if np.any(gradient.numpy()[value.numpy() == 0] != 0):
        raise CheckFailed("A unit that was dropped should have gradient 0.")
    expect_close(gradient, value.numpy() / h.numpy(), "the gradient of dropout")

# %% [markdown]
# ## Question 2: large weights
#
# The oldest obstacle is a price on weights: $\mathrm{factor}\cdot\sum_w \lVert w\rVert^2$, summed over all
# entries of all arrays in a list. A network that can only afford small weights draws smooth functions. What is
# the penalty's gradient, and which way does a descent step push a weight?

# %% solution: l2_penalty

# %% check: q2
def test_l2_penalty(l2_penalty):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_scalar

    expect_function(l2_penalty, "l2_penalty")
    weights = [np.float32([[1, -2], [0, 3]]), np.float32([2, 2])]
    value = expect_scalar(l2_penalty(weights, 0.5), "l2_penalty")
    expect_close(value, 0.5 * (1 + 4 + 9 + 4 + 4), "l2_penalty of two arrays")
    kernel = np.full((3, 3, 1, 2), 0.5, np.float32)
    expect_close(expect_scalar(l2_penalty([kernel], 2), "l2_penalty"), 9.0, "l2_penalty of a 3×3×1×2 kernel")

# %% [markdown]
# ## Question 3: noise
#
# **Salt and pepper.** Each pixel is *replaced* with probability `noise_level`: by 0 (pepper) or by 1 (salt), half
# and half. What was there is gone. At level 1 nothing of the image is left.
#
# **Gaussian noise.** Each pixel gets a draw from a normal distribution with mean 0 and standard deviation
# `stddev` added, and is then clipped to $[0, 1]$, because there is nothing blacker than black.
#
# Both draw anew for every pixel of every image.

# %% solution: salt_and_pepper gaussian_noise

# %% check: q3
def test_salt_and_pepper(salt_and_pepper):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close, expect_function

    expect_function(salt_and_pepper, "salt_and_pepper")
    x = np.full((100, 80), 0.4, np.float32)
    value = expect_array(salt_and_pepper(x, 0.3, 1), "salt_and_pepper(x, 0.3, seed)", (100, 80))
    for colour, name in ((0, "black"), (1, "white")):
        share = (value == colour).mean()
        if abs(share - 0.15) > 0.03:
            raise CheckFailed(f"At noise_level 0.3, {share:.0%} of the pixels are {name}; it should be 15%.")
    noisy = (value == 0) | (value == 1)
    expect_close(value[~noisy], x[~noisy], "pixels that are not noisy")
    if (noisy == noisy[0]).all():
        raise CheckFailed("All images are noisy in the same places. Draw for each pixel of each image.")
    expect_close(salt_and_pepper(x, 0.0, 1), x, "salt_and_pepper at noise_level 0")

# %% check: q3
def test_gaussian_noise(gaussian_noise):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function

    expect_function(gaussian_noise, "gaussian_noise")
    x = np.full((100, 80), 0.5, np.float32)
    noise = expect_array(gaussian_noise(x, 0.05, 1), "gaussian_noise(x, 0.05, seed)", (100, 80)) - 0.5
    if abs(noise.std() / 0.05 - 1) > 0.06:
        raise CheckFailed(f"The noise should have standard deviation 0.05, but it has {noise.std():.3g}.")
    if np.allclose(noise[0], noise[1]):
        raise CheckFailed("Two images got the same noise. Draw for each pixel of each image.")
    value = expect_array(gaussian_noise(x, 2.0, 1), "gaussian_noise(x, 2, seed)")
    if value.min() < 0 or value.max() > 1:
        raise CheckFailed("Noisy pixels should be clipped to [0, 1].")

# %% check: q3
def test_noise_seed(salt_and_pepper, gaussian_noise):
    import numpy as np
    from kit.checks import CheckFailed, expect_array

    x = np.full((5, 40), 0.5, np.float32)
    for function, name in ((salt_and_pepper, "salt_and_pepper"), (gaussian_noise, "gaussian_noise")):
        first, again, other = (expect_array(function(x, 0.4, seed), name, (5, 40)) for seed in (1, 1, 2))
        if not np.array_equal(first, again):
            raise CheckFailed(f"{name}: two calls with the same seed should draw the same noise.")
        if np.array_equal(first, other):
            raise CheckFailed(f"{name}: two different seeds should draw different noise.")

# %% [markdown]
# Digits to try it on. How much noise can *you* read through?

# %%
images = load_images("mnist", n_train=3000, n_test=500, seed=0)
x, x_test = (pixels.reshape(-1, 784) / np.float32(255) for pixels in (images.x_train, images.x_test))
if salt_and_pepper(x_test[:1], 0.5, 0) is None or gaussian_noise(x_test[:1], 0.5, 0) is None:
    print("Noisy digits appear here once question 3 is solved.")
else:
    strengths = np.arange(10) / 10
    rows = [
        np.concatenate([noise(x_test[k : k + 1], float(s), k) for s in strengths])
        for noise, k in ((salt_and_pepper, 3), (salt_and_pepper, 7), (gaussian_noise, 3), (gaussian_noise, 7))
    ]
    labels = [f"{s:.1f}" if k == 0 else "" for k in range(4) for s in strengths]
    show_images(np.concatenate(rows), labels, rows=4, columns=10, title="salt and pepper; Gaussian noise")

# %% [markdown]
# ## Question 4: the autoencoder
#
# Build the network of the figure from dense layers: ReLU everywhere, the code included, and a sigmoid at the
# very end, since grey values lie between 0 and 1. `sizes` are the units of the encoder's layers; the decoder
# mirrors them. `sizes=(128, 64, 32)` means $784 \to 128 \to 64 \to 32 \to 64 \to 128 \to 784$.
#
# Return three models, `(autoencoder, encoder, decoder)`, that **share** their layers: `autoencoder(x)` is
# `decoder(encoder(x))`, and if you train the autoencoder, you have trained the other two. Each layer has its own
# kernel and bias.

# %% solution: build_autoencoder _relu_layer

# %% check: q4
def test_autoencoder_shapes(build_autoencoder):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_entries, expect_function

    expect_function(build_autoencoder, "build_autoencoder")
    models = expect_entries(build_autoencoder(), 3, "build_autoencoder()")
    for model, name, parameters in zip(
        models, ("autoencoder", "encoder", "decoder"), (222_384, 110_816, 111_568), strict=True
    ):
        if not hasattr(model, "count_params"):
            raise CheckFailed(f"The {name} should be a keras.Model, but it is a {type(model).__name__}.")
        if model.count_params() != parameters:
            raise CheckFailed(
                f"The {name} has {model.count_params():,} parameters; 784-128-64-32-64-128-784 has {parameters:,}."
            )
    autoencoder, encoder, decoder = build_autoencoder(20, (9, 4))
    x, h = np.ones((3, 20), np.float32), np.ones((3, 4), np.float32)
    expect_array(encoder(x), "encoder(x) with n_in=20, sizes=(9, 4)", (3, 4))
    expect_array(decoder(h), "decoder(h)", (3, 20))
    expect_array(autoencoder(x), "autoencoder(x)", (3, 20))

# %% check: q4
def test_autoencoder_activations(build_autoencoder):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close

    autoencoder, encoder, decoder = build_autoencoder(12, (40, 30))
    x = np.random.default_rng(0).normal(0, 3, (50, 12)).astype(np.float32)
    code = expect_array(encoder(x), "encoder(x)", (50, 30))
    if code.min() < 0 or not (code == 0).any():
        raise CheckFailed("The code should be the output of a ReLU: never negative, and often 0.")
    drawn = expect_array(autoencoder(x), "autoencoder(x)", (50, 12))
    if drawn.min() < 0 or drawn.max() > 1:
        raise CheckFailed("The output should lie between 0 and 1: a sigmoid.")
    expect_close(drawn, decoder(code.astype(np.float32)), "autoencoder(x), which is decoder(encoder(x))")
    for weight in encoder.weights:
        weight.assign(weight + 0.5)
    if np.allclose(drawn, autoencoder(x)):
        raise CheckFailed("The encoder's weights were changed, and the autoencoder draws as before: they share none.")

# %% [markdown]
# ## Question 5: how far is the drawing from the image?
#
# Two distances, both averaged over all pixels of all images:
#
# $$\mathrm{MAE} = \frac{1}{ND}\sum_{n,i} |\hat x_{ni} - x_{ni}| \qquad
# \mathrm{BCE} = -\frac{1}{ND}\sum_{n,i} x_{ni}\log\hat x_{ni} + (1 - x_{ni})\log(1 - \hat x_{ni})$$
#
# The second one reads $\hat x$ as the probability that a pixel is white. It punishes a confident mistake without
# bound, and that is the trouble: at $\hat x = 0$ or $1$ exactly, a logarithm is `-inf`. Keep $\hat x$ off 0 and 1
# by a guard of at most $10^{-6}$.
#
# Write both **by hand**. The order of the arguments is `(x_hat, x)`.

# %% solution: mean_absolute_error binary_cross_entropy _same_shape

# %% check: q5
def test_mean_absolute_error(mean_absolute_error):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_scalar

    expect_function(mean_absolute_error, "mean_absolute_error")
    x_hat, x = np.float32([[0.5, 0.25, 1], [0, 0.5, 0.75]]), np.float32([[1, 0, 1], [0.5, 0.5, 0]])
    value = expect_scalar(mean_absolute_error(x_hat, x), "mean_absolute_error")
    expect_close(value, (0.5 + 0.25 + 0.5 + 0.75) / 6, "mean_absolute_error")

# %% check: q5
def test_binary_cross_entropy(binary_cross_entropy):
    import numpy as np
    from kit.checks import CheckFailed, expect_close, expect_function, expect_scalar

    expect_function(binary_cross_entropy, "binary_cross_entropy")
    x_hat, x = np.float32([[0.5, 0.25], [0.8, 0.1]]), np.float32([[1, 0], [0.5, 0]])
    expected = -(np.log(0.5) + np.log(0.75) + 0.5 * np.log(0.8) + 0.5 * np.log(0.2) + np.log(0.9)) / 4
    value = expect_scalar(binary_cross_entropy(x_hat, x), "binary_cross_entropy")
    expect_close(value, expected, "binary_cross_entropy")
    image = np.float32([[0, 1, 1, 0]])
    right = expect_scalar(binary_cross_entropy(image, image), "binary_cross_entropy of exact 0 and 1")
    wrong = expect_scalar(binary_cross_entropy(1 - image, image), "binary_cross_entropy of exact 0 and 1")
    if right > 1e-5 or wrong < 13:
        raise CheckFailed("The guard should be at most 1e-6: a right 0 or 1 costs nearly nothing, a wrong one 13.8.")

# %% [markdown]
# ## Question 6: penalties on the code
#
# **Sparsity.** A unit that is on for every image says little. Let $\hat p_j$ be the mean activation of unit $j$
# over the batch, and $p$ a small target such as 0.05. The penalty is the Kullback-Leibler divergence of two coins
# (Ng, 2011):
#
# $$\sum_j p\,\log\frac{p}{\hat p_j} + (1 - p)\,\log\frac{1 - p}{1 - \hat p_j}$$
#
# **Contraction.** A good code changes when the digit changes, and hardly when a pixel does. The penalty of Rifai
# et al. (2011) is the squared Frobenius norm of the encoder's Jacobian, averaged over the examples:
#
# $$\frac1N \sum_n \lVert J_n \rVert_F^2 \qquad (J_n)_{ji} = \frac{\partial h_j(x_n)}{\partial x_{ni}} \qquad
# \lVert J\rVert_F^2 = \sum_j\sum_i J_{ji}^2$$
#
# `encode` may be any differentiable function of a batch, a Keras model or a function of your own. Let a tape do
# the work, but mind: `tape.gradient` of a vector gives the gradient of the *sum* of its entries. Its sister
# `tape.batch_jacobian` does not.

# %% solution: kl_sparsity contractive_penalty

# %% check: q6
def test_kl_sparsity(kl_sparsity):
    import numpy as np
    from kit.checks import CheckFailed, expect_close, expect_function, expect_scalar

    expect_function(kl_sparsity, "kl_sparsity")
    at_target = expect_scalar(kl_sparsity(0.25, np.full(3, 0.25, np.float32)), "kl_sparsity at the target")
    if abs(at_target) > 1e-6:
        raise CheckFailed(f"Where p_hat = p the penalty should be 0, but it is {at_target:.3g}.")
    value = expect_scalar(kl_sparsity(0.25, np.float32([0.5, 0.75])), "kl_sparsity(0.25, [0.5, 0.75])")
    expected = 0.25 * np.log(0.5) + 0.75 * np.log(1.5) + 0.25 * np.log(1 / 3) + 0.75 * np.log(3)
    expect_close(value, expected, "kl_sparsity(0.25, [0.5, 0.75])")

# %% check: q6
def test_contractive_penalty(contractive_penalty):
    import numpy as np
    import tensorflow as tf
    from kit.checks import expect_close, expect_function, expect_scalar

    expect_function(contractive_penalty, "contractive_penalty")
    w = np.float32([[1, -1], [2, 0.5], [0, 3]])
    x = np.float32([[0.2, 0.5, 0.1], [0.4, 0.3, 0.9]])
    value = expect_scalar(contractive_penalty(lambda v: tf.matmul(v, w), x), "contractive_penalty")
    expect_close(value, np.square(w).sum(), "contractive_penalty of the linear encoder x·w", rtol=2e-3)
    slope = 1 - np.tanh(x @ w) ** 2  # d tanh(z)/dz
    expected = ((slope[:, :, None] * w.T) ** 2).sum(axis=(1, 2)).mean()
    value = expect_scalar(contractive_penalty(lambda v: tf.tanh(tf.matmul(v, w)), x), "contractive_penalty")
    expect_close(value, expected, "contractive_penalty of the encoder tanh(x·w)", rtol=2e-3)

# %% [markdown]
# ## Question 7: learning to remove noise
#
# The best obstacle of all: make the input noisy, and ask for the clean image (Vincent et al., 2010). Copying no
# longer helps. To draw what was under the noise, the network has to know what digits look like.
#
# `train_denoiser` builds the autoencoder of question 4, trains it on pairs (salt-and-pepper image, clean image)
# and returns `(autoencoder, history)`, where `history["loss"]` has one number an epoch. Which loss and optimizer
# you take is up to you; cross-entropy and Adam do well. You may draw the noise once, or anew for each epoch: which
# is better, and why? The `seed` decides about everything, the first weights included.

# %% solution: train_denoiser

# %% check: q7
def test_train_denoiser(train_denoiser):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_entries, expect_function, expect_scalar

    expect_function(train_denoiser, "train_denoiser")
    x = np.tile(np.repeat(np.float32([0, 1]), 392), (50, 1))  # one picture: black above, white below
    result = train_denoiser(x, noise_level=0.5, epochs=20, batch_size=16, seed=1)
    autoencoder, history = expect_entries(result, 2, "train_denoiser(…)")
    if not isinstance(history, dict) or "loss" not in history:
        raise CheckFailed("history should be a dict with the key 'loss'.")
    if len(history["loss"]) != 20:
        raise CheckFailed(f"history['loss'] should have 20 entries, one an epoch, but has {len(history['loss'])}.")
    first, last = (expect_scalar(history["loss"][k], "the loss") for k in (0, -1))
    if not last < first:
        raise CheckFailed(f"The loss should fall, but it goes from {first:.3g} to {last:.3g}.")
    noise = np.random.default_rng(0).random((20, 784))
    noisy = np.where(noise < 0.25, 0, np.where(noise > 0.75, 1, x[:20])).astype(np.float32)
    drawn = expect_array(autoencoder(noisy), "autoencoder(noisy)", (20, 784))
    black, white = drawn[:, :392].mean(), drawn[:, 392:].mean()
    if black > 0.2 or white < 0.8:
        raise CheckFailed(
            f"Trained on one picture, the network should draw it; black came out as {black:.2f}, white as "
            f"{white:.2f}. Is the target clean?"
        )

# %% [markdown]
# Now with digits. The first row is what the network gets, the second what it draws, the third the truth.

# %%
trained = train_denoiser(x, noise_level=0.5, epochs=25, batch_size=32, seed=0)
if trained is None:
    print("Denoised digits appear here once question 7 is solved.")
else:
    autoencoder, history = trained
    plot_curves({"training": history["loss"]}, ylabel="loss")
    noisy = np.asarray(salt_and_pepper(x_test, 0.5, 1))
    denoised = np.asarray(autoencoder(noisy))
    shown = np.concatenate([noisy[:12], denoised[:12], x_test[:12]])
    show_images(shown, rows=3, columns=12, title="noisy, denoised, clean")
    for name, pictures in (("noisy", noisy), ("denoised", denoised)):
        error, entropy = mean_absolute_error(pictures, x_test), binary_cross_entropy(pictures, x_test)
        if error is not None and entropy is not None:
            print(f"{name}: mean absolute error {float(error):.3f}, cross-entropy {float(entropy):.3f}")

# %% [markdown]
# The network draws what it expects to see. Look for a digit that became another one: it is drawn as cleanly as the
# others. A denoiser does not know what it does not know.
#
# ## Question 8: is it of any use?
#
# A classifier that was trained on clean digits meets noisy ones. Does it read them better after denoising?
# `denoise_curve` measures its accuracy, the share of images whose most probable class is the right one, at several
# noise levels: on the noisy images, and on *the same* noisy images denoised. The classifier takes images of shape
# $(N, 28, 28, 1)$, the autoencoder rows of 784 pixels.

# %% solution: denoise_curve

# %% check: q8
def test_denoise_curve(denoise_curve):
    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close, expect_entries, expect_function

    expect_function(denoise_curve, "denoise_curve")
    x = np.zeros((60, 784), np.float32)
    y = np.arange(60) % 9
    x[np.arange(60), y] = 0.9  # an image of class c is black but for pixel c …
    y[:15] += 1  # … and a quarter of the labels is wrong
    flat = keras.layers.Flatten()
    classifier = keras.Sequential([keras.Input((28, 28, 1)), flat, keras.layers.Dense(10, "softmax", use_bias=False)])
    classifier.set_weights([20 * np.eye(784, 10, dtype=np.float32)])
    classifier.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    shift = np.roll(np.eye(784, dtype=np.float32), 1, axis=1)  # draws each pixel one place further on
    autoencoder = keras.Sequential([keras.Input((784,)), keras.layers.Dense(784, use_bias=False)])
    autoencoder.set_weights([shift])
    autoencoder.compile(loss="mse")
    lists = expect_entries(denoise_curve(autoencoder, classifier, x, y, [1.0, 0.0], 1), 2, "denoise_curve(…)")
    noisy, denoised = (expect_array(values, "a list of denoise_curve", (2,)) for values in lists)
    expect_close(noisy[1], 0.75, "the accuracy on noisy images at level 0")
    expect_close(denoised[1], 0.25, "the accuracy on denoised images at level 0")
    if max(noisy[0], denoised[0]) > 0.5:
        raise CheckFailed("At level 1 nothing is left of the image; hardly anything should be read right.")

# %% [markdown]
# A small convolutional network, trained on clean digits and nothing else, and your two curves.

# %%
keras.utils.set_random_seed(0)
classifier = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
classifier.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
levels = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
if trained is None or denoise_curve(autoencoder, classifier, x_test, images.y_test, [0.0], 0) is None:
    print("The curves appear here once question 8 is solved.")
else:
    classifier.fit(x.reshape(-1, 28, 28, 1), images.y_train, batch_size=32, epochs=3, verbose=0)
    accuracies = denoise_curve(autoencoder, classifier, x_test, images.y_test, levels, 0)
    digit = x_test[5:6]  # the same one at every level, above its place on the axis
    noisy = [np.asarray(salt_and_pepper(digit, level, 0)).reshape(1, 784) for level in levels]
    rows = {"noisy": noisy, "denoised": [np.asarray(autoencoder(picture)) for picture in noisy]}
    figure, axes = plt.subplots(
        3, 1, figsize=(8, 5.4), sharex=True, height_ratios=(1, 1, 4), layout="constrained"
    )
    for axis, values, (name, pictures), colour in zip(
        axes[:2], accuracies, rows.items(), ("tab:blue", "tab:orange"), strict=True
    ):
        for level, picture in zip(levels, pictures, strict=True):
            axis.imshow(picture.reshape(28, 28), cmap="gray_r", extent=(level - 0.045, level + 0.045, 0, 1))
        axis.set(aspect="auto", ylim=(0, 1), yticks=[])
        axis.set_ylabel(name, color=colour)
        axis.spines[:].set_visible(False)
        axis.tick_params(bottom=False)
        axes[2].plot(levels, values, marker="o", color=colour, label=name)
    axes[2].set(xlim=(-0.06, 1.06), ylim=(0, 1), xticks=levels, xlabel="noise level", ylabel="accuracy")
    axes[2].grid(alpha=0.25)
    axes[2].spines[["top", "right"]].set_visible(False)
    axes[2].legend(frameon=False)
    plt.show()

# %% [markdown]
# Without noise the detour costs something: 32 numbers do not hold all of a digit. From a little noise on it pays.
# At level 1 both curves have to meet at a tenth; if yours do not, the clean image leaks in somewhere.
#
# Things to try: train at noise level 0.2 or 0.8 and draw all curves into one panel; train with Gaussian noise and
# test with salt and pepper; put your `dropout` between the layers; add `contractive_penalty` of the encoder to the
# loss of a network that sees no noise, and compare.
