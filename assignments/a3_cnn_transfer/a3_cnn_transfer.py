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
# # Assignment 3: convolution, a network for images, transfer and fine-tuning
#
# A dense layer looks at all pixels at once and has to learn a thing anew in every place where it may turn up.
# A convolution learns it once and looks for it everywhere. In this assignment you write one, build a network
# of three, and then use what it has learnt for questions that it was never asked.
#
# You will
#
# 1. turn files of pixels into what a network expects, and know where that goes wrong,
# 2. write convolution and pooling by hand, equal to TensorFlow's to the last padding,
# 3. build and train a convolutional network, and count its parameters on paper,
# 4. look at its mistakes, and find a kind of image on which it fails completely,
# 5. store it in two files and load it in another process,
# 6. put a new head on its frozen features (transfer), then train them too (fine-tuning), and
# 7. do the same with BatchNorm, where "frozen" means two things.
#
# **How it works.** Replace each `...` by your code; names, arguments and results are fixed by the docstrings.
# After each question there is a check that says in words what is wrong. It is quick and public; the marks
# come from more tests, with other numbers, when you hand in.
#
# **Rules.** Use NumPy, TensorFlow or Keras as you like: arrays and tensors are accepted alike, and may be
# returned alike. Where a question says *by hand*, you write the sum yourself: no ready-made convolution or
# pooling of any library. Write more helper functions if you want to.
#
# | letter | meaning | | letter | meaning |
# |---|---|---|---|---|
# | $N$ | images in the batch | | $k$ | side of a kernel |
# | $h, w$ | height and width | | $s$ | stride |
# | $c$ | channels | | $C$ | classes |

# %%
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

from kit import load_images, plot_confusion, plot_curves, plot_history, show_images

tf.get_logger().setLevel("ERROR")  # no advice on tracing
keras.utils.set_random_seed(0)

# %% [markdown]
# ## Question 1: from files to arrays
#
# Image files hold bytes from 0 to 255. A network wants floats of moderate size, an axis for the channels even
# if there is only one, and labels in the form that its loss expects. It is dull work in which more goes wrong
# than in any network: images divided by 255 twice are black, and a batch in which class 7 does not occur
# still needs a column for it.
#
# Write `preprocess`. The divisor is 255, always.

# %% solution: preprocess _require_labels

# %% check: q1
def test_preprocess_images(preprocess):
    import numpy as np
    from kit.checks import expect_array, expect_close, expect_entries, expect_function

    expect_function(preprocess, "preprocess")
    grey = np.array([[[0, 51], [102, 204]], [[51, 0], [0, 102]]], np.uint8)
    x, _ = expect_entries(preprocess(grey, np.array([0, 1]), 2), 2, "preprocess(images, labels, 2)")
    expect_array(x, "x of two grey images of 2×2 pixels", (2, 2, 2, 1))
    expect_close(x, grey[..., None] / 255, "x")
    colour = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    x, _ = expect_entries(preprocess(colour, np.array([0, 1]), 2), 2, "preprocess(images, labels, 2)")
    expect_close(x, colour / 255, "x of images with three channels")

# %% check: q1
def test_preprocess_labels(preprocess):
    import numpy as np
    from kit.checks import expect_array, expect_close, expect_entries

    result = preprocess(np.zeros((3, 4, 4), np.uint8), np.array([2, 0, 2]), 5)
    _, t = expect_entries(result, 2, "preprocess(images, [2, 0, 2], 5)")
    expect_array(t, "labels for 5 classes", (3, 5))
    expect_close(t, [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 1, 0, 0]], "the one-hot labels of [2, 0, 2]")

# %% [markdown]
# ## Question 2: convolution and pooling by hand
#
# A kernel is laid on the image, the numbers that meet are multiplied and added up, and the kernel moves on:
#
# $$y_{n i j d} = \sum_{u=0}^{k-1} \sum_{v=0}^{k-1} \sum_{c} x_{n,\; s i + u,\; s j + v,\; c}\; K_{u v c d}$$

# %%
image = np.array([[0, 0, 1, 1, 0], [0, 1, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 1, 0]])
kernel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
result = np.array([[np.sum(image[i : i + 3, j : j + 3] * kernel) for j in range(3)] for i in range(3)])
window, target = (1, 0, 3, 3), (1, 0, 1, 1)  # row, column, height, width
figure, axes = plt.subplots(1, 3, figsize=(8, 2.9), width_ratios=(5, 3, 3))
panels = ((image, "image $x$", window), (kernel, "kernel $K$", (0, 0, 3, 3)), (result, "result $y$", target))
for axis, (numbers, title, (row, column, height, width)) in zip(axes, panels, strict=True):
    axis.imshow(numbers, cmap="RdBu", vmin=-9, vmax=9)
    for (i, j), number in np.ndenumerate(numbers):
        axis.text(j, i, number, ha="center", va="center", fontsize=11)
    frame = (column - 0.5, row - 0.5), width, height
    axis.add_patch(plt.Rectangle(*frame, fill=False, edgecolor="tab:orange", linewidth=2.5))
    axis.set(title=title, xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
plt.show()

# %% [markdown]
# This kernel answers where the image is brighter to the left than to the right. The one that is marked: its
# nine products add up to the marked number. In mathematics this is a *cross-correlation*; a convolution would
# turn the kernel round first. Deep learning calls it convolution all the same.
#
# With `padding="valid"` the kernel stays inside: $\lfloor (h - k)/s \rfloor + 1$ rows come out. With
# `padding="same"` the image is surrounded by just so many zeros that $\lceil h/s \rceil$ rows come out:
#
# $$p = \max\bigl((\lceil h/s \rceil - 1)\,s + k - h,\; 0\bigr)$$
#
# of them, half before and half after the image, and an odd one after it. Columns likewise.
#
# `max_pool` keeps the largest value of each window of `size` × `size`; windows do not overlap, and rows and
# columns that do not fill one are left out.
#
# Write both **by hand**. Loop over the $k^2$ places in the kernel if you like; a loop over pixels is slow.

# %% solution: conv2d _same_padding max_pool

# %% check: q2
def test_conv2d_by_hand(conv2d):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close, expect_function

    expect_function(conv2d, "conv2d")
    x = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32).reshape(1, 3, 3, 1)
    kernel = np.array([[1, 2], [3, 4]], np.float32).reshape(2, 2, 1, 1)
    y = expect_array(conv2d(x, kernel), "conv2d of a 3×3 image with a 2×2 kernel", (1, 2, 2, 1))
    if np.allclose(y.ravel(), [23, 33, 53, 63]):
        raise CheckFailed("conv2d turns the kernel round. Lay it on the image as it is.")
    expect_close(y.reshape(2, 2), [[37, 47], [67, 77]], "conv2d")

# %% check: q2
def test_conv2d_settings(conv2d):
    import numpy as np
    import tensorflow as tf
    from kit.checks import expect_close

    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 8, 7, 3)).astype(np.float32)
    for k, stride, padding in ((3, 1, "valid"), (3, 2, "valid"), (3, 1, "same"), (2, 1, "same"), (3, 2, "same")):
        kernel = rng.normal(size=(k, k, 3, 4)).astype(np.float32)
        wanted = tf.nn.conv2d(x, kernel, stride, padding.upper()).numpy()
        what = f'conv2d with a {k}×{k} kernel, stride={stride}, padding="{padding}"'
        expect_close(conv2d(x, kernel, stride=stride, padding=padding), wanted, what, atol=1e-4)

# %% check: q2
def test_max_pool(max_pool):
    import numpy as np
    from kit.checks import expect_close, expect_function

    expect_function(max_pool, "max_pool")
    x = -np.arange(20, dtype=np.float32).reshape(1, 4, 5, 1)
    expect_close(max_pool(x), [[[[0], [-2]], [[-10], [-12]]]], "max_pool of 4×5 pixels")
    expect_close(max_pool(x, size=3), [[[[0]]]], "max_pool with size=3")
    x = np.random.default_rng(1).normal(size=(3, 6, 4, 2)).astype(np.float32)
    expect_close(max_pool(x), x.reshape(3, 3, 2, 2, 2, 2).max(axis=(2, 4)), "max_pool of two channels")

# %% [markdown]
# What your convolution sees: the horizontal and vertical edges of digits, and what is left after pooling.

# %%
images = load_images("mnist", n_train=2000, n_test=1000, seed=0)
edges = np.zeros((3, 3, 1, 2), np.float32)
edges[..., 0, 0], edges[..., 0, 1] = kernel, kernel.T
prepared = preprocess(images.x_train, images.y_train, 10), preprocess(images.x_test, images.y_test, 10)
if None in prepared or conv2d(prepared[0][0][:2], edges) is None or max_pool(prepared[0][0][:2]) is None:
    print("Edges appear here once questions 1 and 2 are solved.")
else:
    (x, t), (x_test, t_test) = prepared
    y, y_test = images.y_train, images.y_test
    few = np.asarray(x)[:5]
    maps = np.abs(conv2d(few, edges, padding="same"))
    pooled = np.abs(max_pool(maps))
    figure, axes = plt.subplots(4, 5, figsize=(6, 4.9), layout="constrained")
    rows = (few[..., 0], maps[..., 0], maps[..., 1], pooled[..., 1])
    names = ("image", "vertical\nedges", "horizontal\nedges", "pooled")
    for row, name, pictures in zip(axes, names, rows, strict=True):
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for axis, picture in zip(row, pictures, strict=True):
            axis.imshow(picture, cmap="gray_r")
            axis.set(xticks=[], yticks=[])
    plt.show()

# %% [markdown]
# ## Question 3: a network
#
# Three convolutions, each followed by ReLU and pooling; then what is left is laid out flat and goes to a
# softmax:
#
# | layer | result |
# |---|---|
# | input | 28 × 28 × 1 |
# | 32 kernels 3×3, ReLU; pool 2 | 13 × 13 × 32 |
# | 64 kernels 3×3, ReLU; pool 2 | 5 × 5 × 64 |
# | 64 kernels 3×3, ReLU; pool 2 | 1 × 1 × 64 |
# | flatten | 64 |
# | dense, softmax | 10 |
#
# No padding anywhere. `build_cnn` returns the model **compiled**, for integer labels: that is the *sparse*
# categorical cross-entropy. `count_parameters` counts by formula what such a list of layers has to learn; a
# kernel has a weight for each of its pixels and input channels, and one bias.

# %% solution: build_cnn count_parameters

# %% check: q3
def test_build_cnn(build_cnn):
    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function

    expect_function(build_cnn, "build_cnn")
    model = build_cnn()
    if not isinstance(model, keras.Model):
        raise CheckFailed(f"build_cnn should return a Keras model, but returns {type(model).__name__}.")
    if model.count_params() != 56394:
        hint = " Is there padding, or is the last pooling missing?" if model.count_params() == 61514 else ""
        raise CheckFailed(f"The model should have 56,394 parameters, but has {model.count_params():,}.{hint}")
    p = expect_array(model(np.random.default_rng(0).random((3, 28, 28, 1), np.float32)), "its answer", (3, 10))
    if not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise CheckFailed("Its answers should be probabilities: end with a softmax.")
    if np.ptp(p) < 1e-3:
        raise CheckFailed("Its answers hardly depend on the image. Are there two softmaxes?")

# %% check: q3
def test_build_cnn_settings(build_cnn):
    import numpy as np
    from kit.checks import CheckFailed, expect_array

    model = build_cnn(input_shape=(32, 32, 3), num_classes=4)
    x, y = np.random.default_rng(0).random((6, 32, 32, 3), np.float32), np.array([0, 1, 2, 3, 0, 1])
    expect_array(model(x), "the answer of build_cnn((32, 32, 3), 4)", (6, 4))
    if not model.compiled:
        raise CheckFailed("build_cnn should compile the model.")
    try:
        model.evaluate(x, y, verbose=0)
    except ValueError as error:
        words = "The model's loss does not take integer labels: use the sparse categorical cross-entropy."
        raise CheckFailed(words) from error

# %% check: q3
def test_count_parameters(count_parameters):
    from kit.checks import expect_close, expect_function

    expect_function(count_parameters, "count_parameters")
    for stack, total in (
        ([("conv", 3, 1, 32), ("pool", 2), ("flatten",)], 320),
        ([("dense", 64, 10)], 650),
        ([("conv", 5, 3, 2)], 152),
        ([("conv", 3, 1, 32), ("pool", 2), ("conv", 3, 32, 64), ("conv", 3, 64, 64), ("dense", 64, 10)], 56394),
    ):
        expect_close(count_parameters(stack), total, f"count_parameters({stack})")

# %% [markdown]
# ## Question 4: training
#
# Write `train_cnn`, which trains the model that it is given. `model.fit` does nearly everything; what is left
# for you is the order of the images: shuffled, and the same for the same `seed`. Two ways are
# `keras.utils.set_random_seed` and the `seed` of `tf.data.Dataset.shuffle`. Images and labels stay together.

# %% solution: train_cnn

# %% check: q4
def test_train_cnn(train_cnn):
    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_function, expect_scalar

    expect_function(train_cnn, "train_cnn")
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = (np.eye(3)[y][:, :, None, None] + 0.3 * rng.normal(size=(300, 3, 2, 1))).astype(np.float32)
    model = keras.Sequential([keras.Input((3, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    before = model.evaluate(x, y, verbose=0)[0]
    history = train_cnn(model, x[:240], y[:240], epochs=12, batch_size=16, validation=(x[240:], y[240:]), seed=1)
    if not isinstance(history, dict):
        hint = " Its attribute `history` is the dict." if hasattr(history, "history") else ""
        raise CheckFailed(f"train_cnn should return a dict, but returns {type(history).__name__}.{hint}")
    for key in ("loss", "val_loss"):
        if len(history.get(key, ())) != 12:
            raise CheckFailed(f"history['{key}'] should have 12 entries, one an epoch.")
        expect_scalar(history[key][-1], f"history['{key}'][-1]")
    after, accuracy = model.evaluate(x, y, verbose=0)
    if after >= before:
        raise CheckFailed("The model is no better after training. Is it the model itself that is trained?")
    if accuracy < 0.9:
        raise CheckFailed(f"Only {accuracy:.0%} are right after training; do images and labels stay together?")

# %% [markdown]
# Now on real digits. A network of 56,000 parameters learns from 2,000 images, and reads images that it has
# never seen.

# %%
model = build_cnn()
history = None
if model is not None and None not in prepared:
    history = train_cnn(model, x, y, epochs=8, batch_size=32, validation=(x_test, y_test), seed=0)
if history is None:
    print("Your training curves appear here once questions 1 to 4 are solved.")
else:
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    plot_history(history, f"{accuracy:.1%} of the test images are read right")
    kernels = next(w for w in model.get_weights() if w.ndim == 4)
    enlarged = np.kron(kernels[..., 0, :].transpose(2, 0, 1), np.ones((1, 9, 9)))
    show_images(enlarged, columns=16, title="what the first layer looks for")

# %% [markdown]
# ## Question 5: its mistakes, and a blind spot
#
# One number hides which mistakes a network makes. A *confusion matrix* counts them: row $i$, column $j$ says
# how many examples of class $i$ were taken for class $j$. Write `confusion_matrix`.
#
# Then invert the images: $1 - x$, black where it was white. For you they are as easy as before. For a network
# that has only ever seen bright strokes they are not (Hosseini et al. 2017). The remedy is to show it both:
# write `augment_invert`, which puts the inverted images behind the originals, with the same labels.

# %% solution: confusion_matrix augment_invert

# %% check: q5
def test_confusion_matrix(confusion_matrix):
    import numpy as np
    from kit.checks import expect_close, expect_function

    expect_function(confusion_matrix, "confusion_matrix")
    y_true, y_pred = np.array([0, 0, 2, 2, 2, 1]), np.array([0, 2, 2, 0, 0, 1])
    wanted = np.zeros((4, 4))
    wanted[0, [0, 2]], wanted[1, 1], wanted[2, [0, 2]] = (1, 1), 1, (2, 1)
    expect_close(confusion_matrix(y_true, y_pred, 4), wanted, "confusion_matrix of 4 classes, rows are the truth")

# %% check: q5
def test_augment_invert(augment_invert):
    import numpy as np
    from kit.checks import expect_close, expect_entries, expect_function

    expect_function(augment_invert, "augment_invert")
    x, y = np.array([[[0.0, 0.25]], [[1.0, 0.5]]], np.float32)[..., None], np.array([3, 7])
    images, labels = expect_entries(augment_invert(x, y), 2, "augment_invert(x, y)")
    expect_close(images, [[[[0], [0.25]]], [[[1], [0.5]]], [[[1], [0.75]]], [[[0], [0.5]]]], "the four images")
    expect_close(labels, [3, 7, 3, 7], "their labels")

# %%
matrix = None
if history is not None:
    guesses = model.predict(x_test, verbose=0).argmax(axis=1)
    matrix = confusion_matrix(y_test, guesses, 10)
if matrix is None:
    print("Your confusion matrix appears here once it is counted.")
else:
    plot_confusion(matrix, title="what is taken for what")
    wrong = np.flatnonzero(guesses != y_test)[:10]
    readings = [f"{y_test[k]} as {guesses[k]}" for k in wrong]
    show_images(images.x_test[wrong], readings, rows=1, columns=10, title="misread")

# %%
augmented = augment_invert(x, y) if history is not None else None
if augmented is None:
    print("The comparison appears here once `augment_invert` is written.")
else:
    second = build_cnn()
    train_cnn(second, *augmented, epochs=6, batch_size=32, seed=0)
    inverted = 1 - np.asarray(x_test)
    accuracies = {
        name: [float(network.evaluate(part, y_test, verbose=0)[1]) for part in (x_test, inverted)]
        for name, network in {"originals": model, "originals and inverted": second}.items()
    }
    figure, axis = plt.subplots(figsize=(6, 2.9), layout="constrained")
    for place, (name, values) in enumerate(accuracies.items()):
        bars = axis.bar(np.arange(2) + 0.38 * place, values, 0.36, label=f"trained on {name}")
        axis.bar_label(bars, [f"{value:.0%}" for value in values])
    axis.set(xticks=[0.19, 1.19], ylim=(0, 1.15), ylabel="test accuracy")
    axis.set_xticklabels(["test images", "inverted test images"])
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    plt.show()

# %% [markdown]
# ## Question 6: storing
#
# A model is an architecture and weights. `model.to_json()` gives the first as text; the second are arrays,
# among them some that are not trained (the moving statistics of BatchNorm). Write `save_model`, which puts
# both into **separate files** of a folder, and `load_model`, which finds everything in the folder that it is
# given: the folder may have been moved, and the process that loads is another one.

# %% solution: _ARCHITECTURE _WEIGHTS save_model load_model

# %% check: q6
def test_round_trip(save_model, load_model):
    import tempfile
    from pathlib import Path

    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_close, expect_function

    expect_function(save_model, "save_model")
    expect_function(load_model, "load_model")
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(3, 2, activation="relu"), keras.layers.Flatten()]
    )
    x = np.random.default_rng(0).random((2, 4, 4, 1), np.float32)
    wanted = np.array(model(x, training=False))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "new", "folder")
        save_model(model, str(place))
        if not place.is_dir() or len(list(place.iterdir())) < 2:
            raise CheckFailed("save_model should make the folder and put (at least) two files into it.")
        moved = place.rename(Path(folder, "elsewhere"))
        model.set_weights([0 * w for w in model.get_weights()])
        loaded = load_model(str(moved))
        if not isinstance(loaded, keras.Model):
            raise CheckFailed(f"load_model should return a Keras model, but returns {type(loaded).__name__}.")
        expect_close(loaded(x, training=False), wanted, "the loaded model's answer")

# %% [markdown]
# ## Question 7: transfer
#
# Your network has learnt to find strokes, corners and loops. Those help with other questions about digits,
# too, for instance whether a number is odd. Cut the network before its last layer, **freeze** what is left,
# and put one sigmoid unit on the 64 features:
#
# $$p(\text{odd}) = \sigma(w \cdot \text{features} + b)$$
#
# That is 65 numbers to learn instead of 55,809. Things to take care of in `build_transfer`:
#
# * The base goes on giving its own ten probabilities. A new `keras.Model` may share layers with it; `pop`
#   would change the base itself.
# * Freeze first, then compile. Keras traces a training step once, for what is trainable then, and keeps it.
# * BatchNorm behaves differently in training. A frozen one keeps its moving statistics only if `trainable` is
#   off for the *layer*; that gamma and beta are not trained is not enough.
#
# The new model is compiled with the *binary* cross-entropy.

# %% solution: _frozen_features build_transfer

# %% check: q7
def test_build_transfer(build_transfer):
    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close, expect_function

    expect_function(build_transfer, "build_transfer")
    stack = [keras.Input((6, 5, 1)), keras.layers.Conv2D(3, 3, activation="relu")]
    stack += [keras.layers.BatchNormalization(), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    base = keras.Sequential(stack)
    base = keras.Model(base.inputs[0], base.outputs[0])  # has an `input`, which a Sequential lacks
    base.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).random((20, 6, 5, 1), np.float32), np.arange(20) % 2
    before, answer = base.get_weights(), np.array(base(x, training=False))
    model = build_transfer(base)
    if not isinstance(model, keras.Model):
        raise CheckFailed(f"build_transfer should return a Keras model, but returns {type(model).__name__}.")
    expect_array(model(x), "the answer of the new model", (20, 1))
    trainable = sum(np.size(w) for w in model.trainable_weights)
    if trainable != 37:
        words = f"For 36 features the new model should have 37 trainable parameters, but has {trainable}."
        raise CheckFailed(words)
    model.fit(x, y, epochs=2, verbose=0)
    after = base.get_weights()
    if len(after) != len(before):
        raise CheckFailed("The base has lost a layer. Build a new model on its layers instead.")
    moved = [w.path for w, a, b in zip(base.weights, before, after, strict=True) if not np.array_equal(a, b)]
    if moved:
        raise CheckFailed(f"While the head was trained, weights of the base changed: {', '.join(moved)}.")
    expect_close(base(x, training=False), answer, "the base's own answer, which should stay as it was", atol=1e-5)

# %% check: q7
def test_build_transfer_counts(build_transfer, build_cnn):
    import numpy as np
    from kit.checks import CheckFailed

    model = build_transfer(build_cnn())
    trainable, frozen = (
        sum(np.size(w) for w in part) for part in (model.trainable_weights, model.non_trainable_weights)
    )
    if (trainable, frozen) != (65, 55744):
        raise CheckFailed(f"Asked for are 65 trainable and 55,744 frozen parameters; got {trainable:,} and {frozen:,}.")

# %% [markdown]
# ## Question 8: fine-tuning
#
# Once the head is trained, the features themselves may adapt to the new question, in small steps. Write
# `fine_tune`: unfreeze **every** layer, compile anew with the given learning rate, train.
#
# Two traps. Without compiling anew, Keras goes on with the training step that it traced for the frozen model.
# And `model.trainable = True` reaches the layers inside only if it *changes* something: a model that was
# never frozen as a whole passes nothing on. So go through the layers, also those of models inside models,
# and see in the end which weights have moved.

# %% solution: fine_tune

# %% check: q8
def test_fine_tune(fine_tune):
    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_function

    expect_function(fine_tune, "fine_tune")
    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(3, "tanh")])
    inner.trainable = False
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(inner(inputs)))
    model.compile("adam", "binary_crossentropy")
    x = np.random.default_rng(0).normal(size=(16, 5)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    model.fit(x, y, verbose=0)
    before = [w.numpy() for w in model.weights]
    history = fine_tune(model, x, y, learning_rate=0.003, epochs=2, batch_size=8)
    if not isinstance(history, dict) or len(history.get("loss", ())) != 2:
        raise CheckFailed("fine_tune should return a dict with the loss of each of the 2 epochs.")
    pairs = zip(model.weights, before, strict=True)
    still = [w.path for w, old in pairs if np.array_equal(w.numpy(), old)]
    if still:
        raise CheckFailed(f"These weights did not move: {', '.join(still)}. Unfrozen, and compiled after that?")
    rate = float(np.asarray(model.optimizer.learning_rate))
    if abs(rate - 0.003) > 1e-5:
        raise CheckFailed(f"The optimizer's learning rate should be 0.003, but it is {rate:.4g}.")

# %% [markdown]
# Odd or even, from only 100 labelled images: a head on frozen features, the same after fine-tuning, and a
# network that starts from nothing.

# %%
transfer = build_transfer(model) if history is not None else None
tuned = None
if transfer is not None:
    odd, odd_test = y % 2, y_test % 2
    few_images, few_labels = np.asarray(x)[:100], odd[:100]

    def share(network):
        return np.mean((network.predict(x_test, verbose=0)[:, 0] > 0.5) == odd_test)

    transfer.fit(few_images, few_labels, epochs=200, batch_size=20, verbose=0)
    with_frozen_features = share(transfer)
    tuned = fine_tune(transfer, few_images, few_labels, learning_rate=1e-4, epochs=40, batch_size=20)
if tuned is None:
    print("The comparison appears here once questions 7 and 8 are solved.")
else:
    fresh = build_transfer(build_cnn())
    fine_tune(fresh, few_images, few_labels, learning_rate=1e-3, epochs=40, batch_size=20)
    results = {
        "from nothing, all layers": share(fresh),
        "frozen features, new head": with_frozen_features,
        "after fine-tuning": share(transfer),
    }
    figure, axis = plt.subplots(figsize=(6.5, 1.8), layout="constrained")
    bars = axis.barh(list(results), list(results.values()), color=["tab:grey", "tab:blue", "tab:green"])
    axis.bar_label(bars, [f" {value:.1%}" for value in results.values()])
    axis.set(xlim=(0.5, 1.08), xlabel="test accuracy after 100 labelled images")
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    plt.show()

# %% [markdown]
# ## Question 9: BatchNorm
#
# BatchNorm (Ioffe and Szegedy 2015) shifts and scales each channel to mean 0 and variance 1, then by a learnt
# `gamma` and `beta`. In training mean and variance are those of the batch; for later use it keeps moving
# averages, which are weights but not trainable ones. So a layer that is "frozen" could still change, and a
# base with it.
#
# Build the network for Fashion-MNIST:
#
# | part | layers |
# |---|---|
# | block 1 | (Conv 32 3×3 same, ReLU, BatchNorm) twice, pool 2 |
# | block 2 | (Conv 64 3×3 same, ReLU, BatchNorm) twice, pool 2 |
# | `features` | flatten, a layer of this name: 3,136 values |
# | head | Dense 512, ReLU, BatchNorm, Dropout 0.5, Dense 10 softmax |
#
# and `build_bn_transfer(base)`, which puts a **new** head of the same kind on `features` of a trained base,
# whose layers up to there are frozen, statistics too: 1,679,082 parameters, of which 1,612,298 are trainable.

# %% solution: _MOMENTUM build_bn_cnn build_bn_transfer _dense_head _compiled

# %% check: q9
def test_build_bn_cnn(build_bn_cnn):
    import keras
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function

    expect_function(build_bn_cnn, "build_bn_cnn")
    model = build_bn_cnn()
    if not isinstance(model, keras.Model):
        raise CheckFailed(f"build_bn_cnn should return a Keras model, but returns {type(model).__name__}.")
    if "features" not in [layer.name for layer in model.layers]:
        raise CheckFailed('One layer, the one that flattens, should be called "features".')
    shape = tuple(model.get_layer("features").output.shape)[1:]
    if shape != (3136,):
        raise CheckFailed(f"features should have 3,136 values, but its shape is {shape}.")
    if model.count_params() != 1679082:
        words = f"The model should have 1,679,082 parameters, but has {model.count_params():,}."
        raise CheckFailed(words)
    x = np.random.default_rng(0).random((8, 28, 28, 1), np.float32)
    p = expect_array(model(x, training=False), "its answer", (8, 10))
    if not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise CheckFailed("Its answers should be probabilities: end with a softmax.")

# %% check: q9
def test_build_bn_transfer(build_bn_cnn, build_bn_transfer):
    import numpy as np
    from kit.checks import CheckFailed, expect_function

    expect_function(build_bn_transfer, "build_bn_transfer")
    base = build_bn_cnn()
    model = build_bn_transfer(base)
    trainable, frozen = (
        sum(np.size(w) for w in part) for part in (model.trainable_weights, model.non_trainable_weights)
    )
    if (trainable, frozen) != (1612298, 66784):
        words = f"Asked for are 1,612,298 trainable and 66,784 other parameters; got {trainable:,} and {frozen:,}."
        raise CheckFailed(words)
    before = base.get_weights()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.train_on_batch(np.random.default_rng(0).random((8, 28, 28, 1), np.float32), np.arange(8))
    pairs = zip(base.weights, before, base.get_weights(), strict=True)
    moved = [w.path for w, a, b in pairs if not np.array_equal(a, b)]
    if moved:
        raise CheckFailed(f"Training the new head changed the base: {', '.join(moved[:4])}.")

# %% [markdown]
# Can features that were learnt on clothes read digits? The network learns Fashion-MNIST (a short run: it
# takes a while on a laptop), then gets a new head, and 500 digits to learn from.

# %%
base = build_bn_cnn()
reader = build_bn_transfer(base) if base is not None else None
if reader is None or history is None:
    print("The answer appears here once questions 1, 4 and 9 are solved.")
else:
    fashion = load_images("fashion_mnist", n_train=1000, n_test=500, seed=0)
    (clothes, _), (clothes_test, _) = (
        preprocess(*part, 10)
        for part in ((fashion.x_train, fashion.y_train), (fashion.x_test, fashion.y_test))
    )
    for network in (base, reader):
        network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    train_cnn(base, clothes, fashion.y_train, epochs=4, batch_size=32, seed=0)
    first = base.evaluate(clothes_test, fashion.y_test, verbose=0)[1]
    reading = train_cnn(
        reader, np.asarray(x)[:500], y[:500], epochs=6, batch_size=32, validation=(x_test, y_test), seed=0
    )
    print(f"{first:.1%} of the test clothes are named right after four epochs.")
    curves = {"training": reading["accuracy"], "test": reading["val_accuracy"]}
    plot_curves(curves, ylabel="accuracy on digits", title="digits, read with features learnt on clothes")
    names = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
    guesses = base.predict(clothes_test[:20], verbose=0).argmax(axis=1)
    if fashion.name == "fashion_mnist":
        words = [names[k] for k in guesses[:10]]
        show_images(fashion.x_test[:10], words, rows=1, columns=10, title="what the base says")

# %% [markdown]
# Questions to think about, without marks. Why does the head on clothes' features read digits at all? What
# would happen to `base` if its BatchNorm layers were not frozen while `reader` learns? And of the 1,612,298
# parameters of the new head, how many would you keep if you had 500 images to train them with?
