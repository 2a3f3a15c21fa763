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
# # Assignment 5: a variational autoencoder
#
# An autoencoder presses a picture through a narrow code and rebuilds it. What lies *between* the codes it
# has met, nobody knows. A variational autoencoder (Kingma and Welling 2014) turns every picture into a
# small cloud of codes instead, and keeps all clouds together within one standard normal distribution. Then
# every point of the latent space means something: draw one, decode it, and a new picture appears.
#
# You will
#
# 1. draw random codes through which gradients flow,
# 2. measure how far a cloud is from the prior, in nats,
# 3. build a convolutional encoder and its mirror image,
# 4. put both terms together into the evidence lower bound (ELBO),
# 5. train on handwritten digits,
# 6. invent digits and draw a map of the latent space, and
# 7. find out how much of a digit's class is left in two numbers.
#
# **How it works.** Replace each `...` by your code; names, arguments and results are fixed by the docstrings.
# After each question there is a check that says in words what is wrong. It is quick and public; the marks
# come from more tests, with other numbers, when you hand in.
#
# **Rules.** Use NumPy, TensorFlow or Keras as you like, except where gradients have to flow: a tape only sees
# TensorFlow. Write more helper functions if you want to.
#
# | letter | meaning | | letter | meaning |
# |---|---|---|---|---|
# | $N$ | images in the batch | | $x$ | image, $(N, 28, 28, 1)$, values in $[0, 1]$ |
# | $K$ | latent dimensions | | $z$ | latent code, $(N, K)$ |

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kit import load_images, plot_confusion, plot_curves, show_images

# %% [markdown]
# ## The model
#
# The story that the model tells about a picture has two steps: a code $z$ is drawn from the prior
# $p(z) = \mathcal N(0, I)$, then each pixel is switched on with a probability that the decoder computes from
# $z$. Which codes can have led to a given picture $x$? That is the posterior $p(z|x)$, which nobody can
# compute. The encoder approximates it by a normal distribution of its own,
#
# $$q(z|x) = \mathcal N\bigl(\mu(x), \operatorname{diag} \sigma^2(x)\bigr),$$
#
# and returns $\mu$ (`mean`) and $\log \sigma^2$ (`logvar`). The logarithm may be any number, so the network
# needs no activation to keep a variance positive.

# %%
boxes = [  # (left, width, text, colour)
    (0.0, 1.0, "$x$", "none"),
    (1.6, 1.5, "encoder", "#dbe8f6"),
    (3.9, 1.5, "mean\nlogvar", "none"),
    (6.2, 1.9, "$z=\\mu+\\sigma\\,\\varepsilon$", "#fbe7cf"),
    (8.9, 1.5, "decoder", "#dbe8f6"),
    (11.2, 1.3, "logits", "none"),
]
figure, axis = plt.subplots(figsize=(9.5, 2.2))
for left, width, text, colour in boxes:
    axis.add_patch(plt.Rectangle((left, -0.4), width, 0.8, facecolor=colour, edgecolor="grey"))
    axis.text(left + width / 2, 0, text, ha="center", va="center", fontsize=11)
arrow = {"arrowstyle": "->", "color": "grey"}
for k in range(len(boxes) - 1):
    left, width = boxes[k][:2]
    axis.annotate("", xy=(boxes[k + 1][0], 0), xytext=(left + width, 0), arrowprops=arrow)
noise = {"ha": "center", "fontsize": 11, "arrowprops": {"arrowstyle": "->", "color": "tab:orange"}}
axis.annotate("$\\varepsilon\\sim\\mathcal{N}(0, I)$", xy=(7.15, 0.4), xytext=(7.15, 1.05), **noise)
terms = {"ha": "center", "va": "top", "fontsize": 11, "color": "tab:blue"}
axis.text(4.65, -0.6, "$KL(q(z|x)\\,||\\,p(z))$", **terms)
axis.text(11.85, -0.6, "$\\log p(x|z)$", **terms)
axis.set(xlim=(-0.3, 12.8), ylim=(-1.15, 1.45))
axis.axis("off")
plt.show()

# %% [markdown]
# ## Question 1: randomness that lets gradients through
#
# Training needs a sample of $q(z|x)$, and the gradient of what the decoder makes of it, back to `mean` and
# `logvar`. But how should one differentiate a draw? The trick is to draw something that does not depend on
# the network, $\varepsilon \sim \mathcal N(0, I)$, and to compute the sample from it:
#
# $$z = \mu + \sigma\,\varepsilon \qquad \sigma = e^{\frac12 \log \sigma^2}$$
#
# Now $z$ is an ordinary function of $\mu$ and $\log\sigma^2$. Write `reparameterize`. It draws nothing
# itself: the noise is an argument.

# %% solution: _floats reparameterize

# %% check: q1
def test_reparameterize_values(reparameterize):
    import numpy as np
    from kit.checks import expect_close, expect_function

    expect_function(reparameterize, "reparameterize")
    mean = np.array([[1.0, -1.0], [0.0, 2.0]], np.float32)
    logvar = np.log(np.array([[4.0, 0.25], [1.0, 9.0]], np.float32))  # standard deviations 2, ½, 1, 3
    eps = np.array([[1.0, 2.0], [-3.0, -1.0]], np.float32)
    expect_close(reparameterize(mean, logvar, eps), [[3, 0], [-3, -1]], "z")

# %% check: q1
def test_reparameterize_gradients(reparameterize):
    import tensorflow as tf
    from kit.checks import CheckFailed, expect_close

    mean, logvar, eps = tf.constant([[0.5]]), tf.constant([[0.8]]), tf.constant([[-1.2]])
    with tf.GradientTape() as tape:
        tape.watch([mean, logvar])
        z = tf.reduce_sum(reparameterize(mean, logvar, eps))
    found = tape.gradient(z, [mean, logvar])
    for gradient, expected, name in zip(found, ([[1.0]], [[-0.895095]]), ("mean", "logvar"), strict=True):
        if gradient is None:
            raise CheckFailed(f"No gradient comes back to {name}. Stay within TensorFlow's functions.")
        expect_close(gradient, expected, f"dz/d{name}")

# %% [markdown]
# Your samples of three distributions, with an ellipse at one standard deviation. Moving `mean` shifts a
# cloud, changing `logvar` stretches it, and both do so smoothly, which is all that a gradient needs.

# %%
clouds = {"tab:blue": ((0, 0), (0, 0)), "tab:orange": ((3, 1), (-2, -2)), "tab:green": ((-2.5, 2), (0, -3))}
draws = np.random.default_rng(0).normal(size=(3, 300, 2)).astype(np.float32)
samples = []
for (centre, spread), draw in zip(clouds.values(), draws, strict=True):
    mean, logvar = (np.full((300, 2), value, np.float32) for value in (centre, spread))
    samples.append(reparameterize(mean, logvar, draw))
if any(cloud is None for cloud in samples):
    print("Your samples appear here once question 1 is solved.")
else:
    figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
    turn = np.linspace(0, 2 * np.pi, 100)
    for (colour, (centre, spread)), cloud in zip(clouds.items(), samples, strict=True):
        axis.scatter(*np.asarray(cloud).T, s=6, alpha=0.5, color=colour, edgecolors="none")
        width, height = np.exp(np.array(spread) / 2)
        ring = centre[0] + width * np.cos(turn), centre[1] + height * np.sin(turn)
        axis.plot(*ring, color=colour, label=f"mean {centre}, logvar {spread}")
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axis.set_aspect("equal")
    axis.spines[["top", "right"]].set_visible(False)
    plt.show()

# %% [markdown]
# ## Question 2: how far from the prior?
#
# The Kullback-Leibler divergence says how many nats it costs to describe samples of $q$ with a code made for
# $p$. For a normal $q$ and the standard normal $p$ the integral has a closed form:
#
# $$KL(q \,\|\, p) = \mathbb E_q\bigl[\log q(z) - \log p(z)\bigr]
#   = -\frac12 \sum_{k=1}^K \bigl(1 + \log\sigma_k^2 - \mu_k^2 - \sigma_k^2\bigr)$$
#
# `kl_divergence` returns it for each example, so an array of shape $(N,)$. Check two things on paper: it is 0
# for $\mu = 0, \sigma = 1$, and its derivative vanishes there.
#
# `log_normal_pdf` is the logarithm of the density that is inside the expectation,
#
# $$\log q(z)
#   = -\frac12 \sum_{k=1}^K \Bigl(\log 2\pi + \log\sigma_k^2 + \frac{(z_k - \mu_k)^2}{\sigma_k^2}\Bigr).$$
#
# With it you can test your closed form by drawing many $z$. The public check does.

# %% solution: kl_divergence log_normal_pdf

# %% check: q2
def test_kl_divergence(kl_divergence):
    import numpy as np
    from kit.checks import expect_close, expect_function

    expect_function(kl_divergence, "kl_divergence")
    mean = np.array([[0, 0, 0], [1, -2, 0], [0, 0, 0]], np.float32)
    logvar = np.log(np.array([[1, 1, 1], [1, 1, 1], [1, 1, 2]], np.float32))
    expect_close(kl_divergence(mean, logvar), [0, 2.5, 0.1534264], "kl_divergence")

# %% check: q2
def test_log_normal_pdf(log_normal_pdf):
    import numpy as np
    from kit.checks import expect_close, expect_function

    expect_function(log_normal_pdf, "log_normal_pdf")
    sample = np.array([[0.0, 0.0], [1.0, 4.0]], np.float32)
    mean = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)
    logvar = np.log(np.array([[1.0, 1.0], [1.0, 9.0]], np.float32))
    # each dimension gives -½·log 2π = -0.918939, the last one also -½·log 9 and -½
    expect_close(log_normal_pdf(sample, mean, logvar), [-1.837877, -3.436489], "log_normal_pdf")

# %% check: q2
def test_kl_against_samples(kl_divergence, log_normal_pdf):
    import numpy as np
    from kit.checks import CheckFailed, expect_array

    rng = np.random.default_rng(0)
    mean, logvar = np.array([[0.7, -1.0]], np.float32), np.array([[-1.0, 0.5]], np.float32)
    z = (mean + np.exp(logvar / 2) * rng.normal(size=(20_000, 2))).astype(np.float32)
    mean_of_each, logvar_of_each = np.repeat(mean, len(z), axis=0), np.repeat(logvar, len(z), axis=0)
    log_q = expect_array(log_normal_pdf(z, mean_of_each, logvar_of_each), "log_normal_pdf", (len(z),))
    log_p = expect_array(log_normal_pdf(z, np.zeros_like(z), np.zeros_like(z)), "log_normal_pdf", (len(z),))
    drawn, exact = (log_q - log_p).mean(), expect_array(kl_divergence(mean, logvar), "kl_divergence", (1,))[0]
    if abs(drawn - exact) > 0.05:
        raise CheckFailed(f"log q - log p is {drawn:.3f} on average, your KL divergence {exact:.3f}.")

# %% [markdown]
# ## Question 3: two networks
#
# `build_encoder(latent_dim)` returns a `keras.Model` with **two outputs**, `mean` and `logvar`, each of
# shape $(N, K)$, and at least one convolution. `build_decoder(latent_dim)` goes the other way: from codes
# $(N, K)$ to **logits** of shape $(N, 28, 28, 1)$, with at least one convolution or transposed convolution.
#
# A good start: halve the size twice with convolutions of stride 2 (28 → 14 → 7), a dense layer, two dense
# heads; then the same backwards with `Conv2DTranspose`. Neither network has an activation at its very end:
# means, log-variances and logits all may be negative or large.

# %% solution: build_encoder build_decoder

# %% check: q3
def test_encoder(build_encoder):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_entries, expect_function

    expect_function(build_encoder, "build_encoder")
    x = np.random.default_rng(0).uniform(size=(4, 28, 28, 1)).astype(np.float32)
    for latent_dim in (2, 20):
        encoder = build_encoder(latent_dim)
        outputs = expect_entries(encoder(x, training=False), 2, "encoder(x)")
        for output, name in zip(outputs, ("mean", "logvar"), strict=True):
            values = expect_array(output, name, (4, latent_dim))
            if values.min() >= 0 and values.max() > 0 and latent_dim == 20:
                raise CheckFailed(f"{name} is never negative. Its layer should be linear, without activation.")

# %% check: q3
def test_decoder(build_decoder):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function

    expect_function(build_decoder, "build_decoder")
    for latent_dim in (2, 5):
        z = 3 * np.random.default_rng(0).normal(size=(32, latent_dim)).astype(np.float32)
        logits = expect_array(build_decoder(latent_dim)(z, training=False), "logits", (32, 28, 28, 1))
        if logits.min() >= 0 and logits.max() > 0:
            raise CheckFailed("The logits are never negative. The decoder's last layer should be linear.")

# %% check: q3
def test_convolutions(build_encoder, build_decoder):
    from kit.checks import CheckFailed

    for model, name in ((build_encoder(2), "build_encoder"), (build_decoder(2), "build_decoder")):
        if max(len(weight.shape) for weight in model.trainable_weights) < 3:
            raise CheckFailed(f"The model of {name} has no convolution.")

# %% [markdown]
# ## Question 4: the evidence lower bound
#
# What should training make large? The likelihood $\log p(x)$ is an integral over all codes, out of reach. But
# Jensen's inequality gives a lower bound that holds for *every* $q$:
#
# $$\log p(x) = \log \mathbb E_q\Bigl[\frac{p(x|z)\,p(z)}{q(z|x)}\Bigr]
#   \;\ge\; \underbrace{\mathbb E_q\bigl[\log p(x|z)\bigr]}_{\text{how well } z \text{ explains } x}
#   - \underbrace{KL\bigl(q(z|x) \,\|\, p(z)\bigr)}_{\text{what the code costs}} = \mathrm{ELBO}$$
#
# and what is missing is exactly $KL(q(z|x) \,\|\, p(z|x))$. One sample of $z$ estimates the expectation well
# enough. With $p = \mathrm{sigmoid}(\mathrm{logits})$ a pixel is on with probability $p$, so
#
# $$\log p(x|z) = \sum_{\text{pixels}} x \log p + (1 - x) \log (1 - p)
#   = -\sum_{\text{pixels}} \mathrm{BCE}(\mathrm{logits}, x).$$
#
# A **sum** over pixels: their average would make the other term 784 times too heavy. And from the **logits**:
# where the sigmoid rounds to 0 its logarithm is $-\infty$.
#
# `elbo` returns one number per image, with the `eps` that it is given. It calls both networks in inference
# mode (`training=False`).

# %% solution: elbo

# %% check: q4
def test_elbo_by_hand(elbo):
    import keras
    import numpy as np
    from kit.checks import expect_close, expect_function

    expect_function(elbo, "elbo")

    def constant(values, inputs, shape):  # a network that answers the same, whatever comes in
        layer = keras.layers.Dense(len(values), kernel_initializer="zeros")
        layer.build(inputs.shape[:1] + (int(np.prod(inputs.shape[1:])),))
        layer.bias.assign(values)
        return keras.layers.Reshape(shape)(layer(keras.layers.Flatten()(inputs)))

    images, codes = keras.Input((28, 28, 1)), keras.Input((2,))
    mean = constant(np.float32([1, -2]), images, (2,))
    logvar = constant(np.log(np.float32([1, 4])), images, (2,))
    encoder = keras.Model(images, [mean, logvar])
    decoder = keras.Model(codes, constant(np.full(784, np.log(3), np.float32), codes, (28, 28, 1)))
    x = np.zeros((2, 28, 28, 1), np.float32)
    x[1, :14] = 1
    # every pixel is on with probability 3/4; KL = ½·(1 + 4 + 4 - log 4 - 1)
    kl = 0.5 * (8 - np.log(4))
    expected = [784 * np.log(0.25) - kl, 392 * np.log(0.25) + 392 * np.log(0.75) - kl]
    value = elbo(encoder, decoder, x, np.zeros((2, 2), np.float32))
    expect_close(value, expected, "elbo")

# %% check: q4
def test_elbo_uses_eps(elbo):
    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_array

    keras.utils.set_random_seed(0)
    images = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(images)
    encoder = keras.Model(images, [keras.layers.Dense(2)(flat), keras.layers.Dense(2)(flat)])
    layers = [keras.layers.Dense(784), keras.layers.Dropout(0.5), keras.layers.Reshape((28, 28, 1))]
    decoder = keras.Sequential([keras.Input((2,)), *layers])
    x, eps = np.full((3, 28, 28, 1), 0.5, np.float32), np.eye(3, 2, dtype=np.float32)
    noises = (eps, eps, -2 * eps)
    first, again, other = (expect_array(elbo(encoder, decoder, x, e), "elbo", (3,)) for e in noises)
    if not np.allclose(first, again):
        raise CheckFailed("Two calls with the same eps differ. Is there another draw, or active dropout?")
    if np.allclose(first[0], other[0]):
        raise CheckFailed("Another eps gives the same bound: is z drawn with it?")

# %% [markdown]
# ## Question 5: training
#
# `train_vae` builds both networks and climbs the ELBO with Adam: the loss is the **negative** mean ELBO of
# a batch, and its gradient goes to the weights of *both* networks. Every image needs fresh noise in every
# step. `history["elbo"]` has one entry per epoch: the mean ELBO of an image of the training set, either
# averaged while the epoch ran or measured after it.
#
# The seed decides everything that is random; `keras.utils.set_random_seed(seed)` sets Python's, NumPy's and
# TensorFlow's generators and with them Keras' initial weights. A learning rate of 0.001 does well. Put the
# step into a `tf.function` and it runs several times as fast.

# %% solution: train_vae

# %% check: q5
def test_train_vae(train_vae):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_entries, expect_function, expect_scalar

    expect_function(train_vae, "train_vae")
    x = np.zeros((24, 28, 28, 1), np.float32)
    x[:12, 4:24, 12:16], x[12:, 12:16, 4:24] = 1, 1  # upright and lying bars
    result = train_vae(x, latent_dim=2, epochs=6, batch_size=6, seed=1)
    encoder, decoder, history = expect_entries(result, 3, "train_vae(…)")
    mean, _ = expect_entries(encoder(x, training=False), 2, "encoder(x)")
    expect_array(mean, "mean", (24, 2))
    expect_array(decoder(np.asarray(mean), training=False), "logits", (24, 28, 28, 1))
    if "elbo" not in history or len(history["elbo"]) != 6:
        raise CheckFailed("history should have the key 'elbo', a list with one entry for each epoch, here 6.")
    first, last = (expect_scalar(history["elbo"][k], "history['elbo']") for k in (0, -1))
    if last >= 0:
        raise CheckFailed(f"The ELBO of these images is negative, but history['elbo'] ends at {last:.3g}.")
    if last <= first:
        raise CheckFailed(f"The ELBO should rise, but it goes from {first:.4g} to {last:.4g}.")

# %% check: q5
def test_train_vae_seed(train_vae):
    import numpy as np
    from kit.checks import CheckFailed

    x = (np.random.default_rng(0).uniform(size=(16, 28, 28, 1)) < 0.3).astype(np.float32)
    settings = {"latent_dim": 2, "epochs": 1, "batch_size": 8, "seed": 3}
    first, again = (float(train_vae(x, **settings)[2]["elbo"][0]) for _ in range(2))
    if not np.isclose(first, again, rtol=1e-4):
        raise CheckFailed("Two runs with the same seed give different histories.")

# %% [markdown]
# ### Your networks on digits
#
# Pixels become 0 or 1, so that $p(x|z)$ is a probability in earnest, and two latent dimensions have to do:
# they can be drawn. More of them would give sharper pictures.

# %%
images = load_images("mnist", n_train=3000, n_test=500, seed=0)
x, x_test = ((pixels[..., None] > 127).astype(np.float32) for pixels in (images.x_train, images.x_test))
trained = train_vae(x, latent_dim=2, epochs=15, batch_size=32, seed=0)
if trained is None:
    print("Your training curve appears here once `train_vae` returns (encoder, decoder, history).")
else:
    encoder, decoder, history = trained
    eps = np.random.default_rng(0).normal(size=(len(x_test), 2)).astype(np.float32)
    bound = float(np.mean(elbo(encoder, decoder, x_test, eps)))
    curves = {"training": [float(value) for value in history["elbo"]]}
    plot_curves(curves, ylabel="ELBO in nats", title=f"mean ELBO of {len(x_test)} test images: {bound:.1f}")

# %% [markdown]
# The curve starts near $-784 \log 2 = -543$, a coin flip for every pixel, and its first rise is the average
# image. Above are the test images, below them what two numbers have kept of each: the decoded means.

# %%
if trained is None:
    print("Images and their reconstructions appear here once `train_vae` is solved.")
else:
    mean, logvar = (np.asarray(output) for output in encoder(x_test, training=False))
    rebuilt = 1 / (1 + np.exp(-np.asarray(decoder(mean[:10], training=False))))
    show_images(np.concatenate([x_test[:10], rebuilt]), rows=2, columns=10)

# %% [markdown]
# And here is where they lie. Each point is the mean of one test image; the circles hold 50 % and 95 % of
# the prior. The KL term keeps the clouds together and makes them overlap, which is what fills the gaps
# between them.

# %%
if trained is None:
    print("The latent space appears here once `train_vae` is solved.")
else:
    figure, axis = plt.subplots(figsize=(6.2, 5.2))
    points = axis.scatter(*mean.T, c=images.y_test, cmap="tab10", vmin=-0.5, vmax=9.5, s=14)
    for radius in np.sqrt(-2 * np.log(1 - np.array([0.5, 0.95]))):
        axis.add_patch(plt.Circle((0, 0), radius, fill=False, color="grey", linewidth=0.8, linestyle="--"))
    figure.colorbar(points, ticks=range(10), label="digit")
    axis.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    axis.spines[["top", "right"]].set_visible(False)
    plt.show()

# %% [markdown]
# ## Question 6: pictures that nobody wrote
#
# `sample(decoder, n, seed)` draws `n` codes from the prior $\mathcal N(0, I)$ and returns the decoder's pixel
# **probabilities**, not coin flips: an array $(n, 28, 28, 1)$ with values in $[0, 1]$. It has to work for any
# number of latent dimensions, so ask the decoder for it (`decoder.input_shape`).
#
# `latent_grid(decoder, n)` draws a map of a two-dimensional latent space: one picture of $28n \times 28n$
# pixels, made of $n \times n$ tiles. Where should the tiles sit? In equal steps of *probability*, so that
# each stands for the same share of all draws: at the quantiles of the standard normal distribution for $n$
# equally spaced probabilities from 0.05 to 0.95. (`tf.math.ndtri` and `statistics.NormalDist().inv_cdf`
# compute quantiles.) Which axis points where is up to you.
#
# Mind the last step: `(n, n, 28, 28)` reshaped as it is to `(28n, 28n)` tears the tiles apart.

# %% solution: sample _decode latent_grid

# %% check: q6
def test_sample(sample, build_decoder):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function

    expect_function(sample, "sample")
    for latent_dim in (2, 3):
        decoder = build_decoder(latent_dim)
        first, again, other = (
            expect_array(sample(decoder, 6, seed), f"sample(decoder, 6, {seed})", (6, 28, 28, 1))
            for seed in (1, 1, 2)
        )
        if first.min() < 0 or first.max() > 1:
            raise CheckFailed("Samples should be probabilities between 0 and 1. Is the sigmoid missing?")
        if np.isin(first, (0, 1)).all():
            raise CheckFailed("Samples should be probabilities, not coin flips of 0 and 1.")
        if not np.allclose(first, again, atol=1e-5):
            raise CheckFailed("The same seed should draw the same images.")
        if np.allclose(first, other) or np.allclose(first, first[:1]):
            raise CheckFailed("Each image, and each seed, should have codes of its own.")

# %% check: q6
def test_latent_grid(latent_grid, build_decoder):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close, expect_function

    expect_function(latent_grid, "latent_grid")
    decoder = build_decoder(2)
    grid = expect_array(latent_grid(decoder, 3), "latent_grid(decoder, 3)", (84, 84))
    if grid.min() < 0 or grid.max() > 1:
        raise CheckFailed("The grid should hold probabilities between 0 and 1. Is the sigmoid missing?")

    def decoded(first, second):
        logits = np.asarray(decoder(np.array([[first, second]], np.float32), training=False), np.float64)
        return 1 / (1 + np.exp(-logits.reshape(28, 28)))

    tile = "the middle tile of a 3 × 3 grid, which is the decoded code (0, 0)"
    expect_close(grid[28:56, 28:56], decoded(0, 0), tile, atol=1e-4)
    corners = [decoded(first, second) for first in (-1.644854, 1.644854) for second in (-1.644854, 1.644854)]
    if not any(np.allclose(grid[:28, :28], corner, atol=1e-4) for corner in corners):
        raise CheckFailed("The first tile should be a decoded corner: (±1.645, ±1.645).")

# %%
if trained is None or sample(decoder, 2, 0) is None or latent_grid(decoder, 2) is None:
    print("Invented digits and the map appear here once questions 5 and 6 are solved.")
else:
    show_images(sample(decoder, 20, seed=0), rows=2, columns=10, title="20 draws from the prior")
    plt.figure(figsize=(6.5, 6.5))
    plt.imshow(latent_grid(decoder, 16), cmap="gray_r", vmin=0, vmax=1)
    plt.axis("off")
    plt.show()

# %% [markdown]
# Walk across the map: a digit turns into another one by way of shapes that are neither, but never by way of
# noise. An ordinary autoencoder has holes there. Some digits may be missing from your map; in two dimensions
# there is not room for all, and the ELBO prefers to give up the rare shapes.
#
# ## Question 7: what the code knows
#
# Nobody told the VAE what a 4 is. How much of the class is in its code all the same? Train a small dense
# classifier on `mean` and `logvar` side by side, $(N, 2K)$. The encoder is only looked up: its weights keep
# every bit, so compute the codes first or freeze them.
#
# `train_latent_classifier` returns a **function** that maps images $(M, 28, 28, 1)$ to probabilities $(M,
# 10)$.

# %% solution: train_latent_classifier

# %% check: q7
def test_latent_classifier(train_latent_classifier, build_encoder):
    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function

    expect_function(train_latent_classifier, "train_latent_classifier")
    keras.utils.set_random_seed(0)
    encoder = build_encoder(3)
    before = [np.array(weight) for weight in encoder.get_weights()]
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(60, 28, 28, 1)).astype(np.float32), np.arange(60) % 4
    classify = train_latent_classifier(encoder, x, y, epochs=2, seed=1)
    expect_function(classify, "the result of train_latent_classifier")
    p = expect_array(classify(x[:7]), "probabilities", (7, 10))
    if p.min() < 0 or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise CheckFailed("The ten numbers of an image should be probabilities: not negative, with sum 1.")
    if not np.allclose(p, expect_array(classify(x[:7]), "probabilities"), atol=1e-5):
        raise CheckFailed("The same image gets another answer each time: use mean and logvar, not a sample.")
    if not all(np.array_equal(old, new) for old, new in zip(before, encoder.get_weights(), strict=True)):
        raise CheckFailed("The encoder's weights have changed. Only the classifier should be trained.")

# %%
classify = None if trained is None else train_latent_classifier(encoder, x, images.y_train, epochs=15, seed=0)
if classify is None:
    print("A confusion matrix appears here once questions 5 and 7 are solved.")
else:
    guesses = np.argmax(classify(x_test), axis=1)
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (images.y_test, guesses), 1)
    right = np.mean(guesses == images.y_test)
    plot_confusion(matrix, title=f"{right:.1%} of the test images are told from their latent code")

# %% [markdown]
# Ten classes, two dimensions, no labels while the codes were learned, and yet most digits can be told.
# Compare the pairs that are mixed up here with the clouds that overlap above. What would eight latent
# dimensions do to the ELBO, and to this matrix? Try it: only the two pictures of the plane need two.
