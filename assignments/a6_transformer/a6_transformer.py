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
# # Assignment 6: attention and a transformer
#
# A transformer reads a sequence of tokens and writes another. It has no recurrence and no convolution: every
# token looks at every other at once and decides by itself how much each of them matters. The whole idea fits
# into one formula, and you will build the rest of the network around it, from the first mask to a small
# translator from Portuguese to English.
#
# You will
#
# 1. give tokens a position, and hide from them what they must not see,
# 2. write scaled dot-product attention, and then several heads of it,
# 3. build encoder and decoder layers, and a transformer out of them,
# 4. train it by teacher forcing, with a loss that knows what padding is,
# 5. let it write, token by token, and look at what it looks at.
#
# **How it works.** Replace each `...` by your code; names, arguments and results are fixed by the docstrings.
# After each question there is a check that says in words what is wrong. It is quick and public; the marks
# come from more tests, with other numbers, when you hand in.
#
# **Rules.** Use TensorFlow and Keras as you like; where plain NumPy is enough it will do as well. No function
# changes its arguments. Write more helper functions and layers if you want to.
#
# | letter | meaning | | letter | meaning |
# |---|---|---|---|---|
# | $N$ | sequences in the batch | | $d_{model}$ | features of a token |
# | $L$ | tokens of a sequence | | $H$ | heads, each of depth $d_k = d_{model}/H$ |
#
# Two conventions hold everywhere. **Token 0 is padding**: it fills short sequences up and means nothing. **A
# mask holds 1 where attention is forbidden** and 0 elsewhere. (Keras' own layers use the opposite sign.)
#
# The network is that of Vaswani et al. (2017), *Attention is all you need*.

# %%
import re
from collections import Counter

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

from kit import load_pairs, plot_history

# %% [markdown]
# ## The plan
#
# The encoder (left) turns the source into one vector for each token. The decoder (right) reads the target as
# far as it is known, and asks the encoder for what it needs to say the next token. Around each box runs a
# *residual*: the box's input is added to its output, and the sum is normalised. Boxes may be stacked, $N$ of
# each.

# %%
figure, axis = plt.subplots(figsize=(8.2, 4.3))
blue, orange, green = "#d6e4f5", "#fbe0c3", "#d5ead3"
columns = {
    2.0: [("source tokens", None), ("embedding·√d + positions", green), ("self-attention", orange),
          ("feed-forward network", blue)],
    6.4: [("target tokens so far", None), ("embedding·√d + positions", green), ("masked self-attention", orange),
          ("attention to the encoder", orange), ("feed-forward network", blue), ("logits of the next token", None)],
}  # fmt: skip
arrow = {"arrowstyle": "->", "color": "black", "shrinkA": 0, "shrinkB": 0}
for x, boxes in columns.items():
    for level, (words, colour) in enumerate(boxes):
        if colour:
            frame = plt.Rectangle((x - 1.45, level - 0.28), 2.9, 0.56, facecolor=colour, edgecolor="grey")
            axis.add_patch(frame)
        axis.text(x, level, words, ha="center", va="center", fontsize=10)
        if level:
            axis.annotate("", xy=(x, level - 0.28), xytext=(x, level - 0.72), arrowprops=arrow)
for x, high, side in ((2.0, 3.45, -1), (6.4, 4.45, 1)):
    axis.add_patch(plt.Rectangle((x - 1.75, 1.55), 3.5, high - 1.55, fill=False, linestyle=":", edgecolor="grey"))
    axis.text(x + 2.1 * side, 2.5, "N ×", ha="center", va="center", fontsize=11)
axis.plot([2.0, 2.0, 4.15, 4.15], [3.28, 3.75, 3.75, 3], color="black", linewidth=1)
axis.annotate("", xy=(4.95, 3), xytext=(4.15, 3), arrowprops=arrow)
axis.text(3.07, 3.85, "keys and values", ha="center", fontsize=9)
axis.set(xlim=(-0.4, 8.8), ylim=(-0.4, 5.4))
axis.axis("off")
plt.show()

# %% [markdown]
# ## Question 1: positions
#
# Attention treats its input as a set: exchange two tokens, and the outputs are exchanged, nothing more. Word
# order has to be put into the vectors themselves. For this purpose a wave is added to each column, fast in
# the first columns and slower and slower to the right:
#
# $$PE_{pos,\,2i} = \sin\frac{pos}{10000^{2i/d_{model}}} \qquad
#   PE_{pos,\,2i+1} = \cos\frac{pos}{10000^{2i/d_{model}}}$$
#
# Columns $2i$ and $2i+1$ are the coordinates of a clock's hand; column by column the clocks get slower. To go
# $k$ positions on, each hand turns by a fixed angle, wherever it stands, so that relative positions are easy
# to read off.

# %% solution: positional_encoding

# %% check: q1
def test_positional_encoding(positional_encoding):
    import numpy as np
    from kit.checks import expect_array, expect_close, expect_function

    expect_function(positional_encoding, "positional_encoding")
    waves = expect_array(positional_encoding(3, 4), "positional_encoding(3, 4)", (1, 3, 4))
    expect_close(waves[0, 0], [0, 1, 0, 1], "the encoding of position 0")
    # Columns 0 and 1 turn by 1 a position, columns 2 and 3 by 1/10000^(2/4) = 0.01.
    right = [np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02)]
    expect_close(waves[0, 2], right, "the encoding of position 2 with d_model = 4")

# %%
waves = positional_encoding(60, 64)
if waves is None:
    print("Your waves appear here once question 1 is solved.")
else:
    figure, axis = plt.subplots(figsize=(7, 3))
    axis.imshow(np.asarray(waves)[0].T, cmap="RdBu", aspect="auto", vmin=-1, vmax=1)
    axis.set(xlabel="position", ylabel="column")
    plt.show()

# %% [markdown]
# ## Question 2: masks
#
# Two things must not be seen.
#
# * **Padding.** `padding_mask(tokens)` is 1 where a token is 0. Its shape is $(N, 1, 1, L)$, so that it is
#   broadcast over heads and queries.
# * **The future.** During training the decoder is given the whole target at once. Token $i$ must be predicted
#   from the tokens before it, so query $i$ may see the keys $0 \dots i$ only. `look_ahead_mask(size)` is 1
#   above the diagonal; rows are queries, columns keys.

# %% solution: padding_mask look_ahead_mask

# %% check: q2
def test_padding_mask(padding_mask):
    import numpy as np
    from kit.checks import expect_array, expect_close, expect_function

    expect_function(padding_mask, "padding_mask")
    mask = expect_array(padding_mask(np.array([[5, 7, 0], [3, 0, 0]])), "padding_mask", (2, 1, 1, 3), floats=False)
    expect_close(mask[:, 0, 0], [[0, 0, 1], [0, 1, 1]], "padding_mask of [[5, 7, 0], [3, 0, 0]]")

# %% check: q2
def test_look_ahead_mask(look_ahead_mask):
    from kit.checks import expect_close, expect_function

    expect_function(look_ahead_mask, "look_ahead_mask")
    expect_close(look_ahead_mask(3), [[0, 1, 1], [0, 0, 1], [0, 0, 0]], "look_ahead_mask(3)")

# %% [markdown]
# ## Question 3: scaled dot-product attention
#
# A query $q$ is compared with all keys. Softmax turns the scores into weights, and the weights mix the
# values:
#
# $$\mathrm{weights} = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_k}}\right) \qquad
#   \mathrm{output} = \mathrm{weights} \cdot V$$
#
# Think of a dictionary in which every entry answers a little. Why the root? A score adds up $d_k$ products.
# If their factors are independent with variance 1, the score has variance $d_k$; large scores make the
# softmax nearly one-hot, and a one-hot softmax has no gradient to learn from.
#
# Where the mask is 1, the weight has to be 0 **and** the other weights have to sum to 1. So the mask acts
# before the softmax: add a very negative number such as $-10^9$ to the scores that are forbidden.
#
# Any number of axes may come before the last two, for instance $(N, H, L, d_k)$. Return both output and
# weights.

# %% solution: scaled_dot_product_attention

# %% check: q3
def test_attention(scaled_dot_product_attention):
    import numpy as np
    from kit.checks import expect_close, expect_entries, expect_function

    expect_function(scaled_dot_product_attention, "scaled_dot_product_attention")
    k = np.array([[10, 0, 0, 0], [0, 10, 0, 0], [0, 10, 0, 0]], np.float32)
    v = np.array([[1, 0], [10, 0], [100, 5]], np.float32)
    q = np.array([[20, 0, 0, 0], [0, 20, 0, 0], [0, 0, 0, 0]], np.float32)
    result = expect_entries(scaled_dot_product_attention(q, k, v, None), 2, "scaled_dot_product_attention")
    # The first query fits the first key, the second the last two alike, the third none more than another.
    third = 1 / 3
    expect_close(result[1], [[1, 0, 0], [0, 0.5, 0.5], [third, third, third]], "weights")
    expect_close(result[0], [[1, 0], [55, 2.5], [37, 5 / 3]], "output")

# %% check: q3
def test_scale(scaled_dot_product_attention):
    import numpy as np
    from kit.checks import expect_close, expect_entries

    q = np.array([[1, 1, 1, 1]], np.float32)
    k = np.array([[1, 1, 1, 1], [0, 0, 0, 0]], np.float32)
    result = expect_entries(scaled_dot_product_attention(q, k, k, None), 2, "scaled_dot_product_attention")
    share = 1 / (1 + np.exp(-2))  # scores 4/√4 = 2 and 0
    expect_close(result[1], [[share, 1 - share]], "weights of a query with scores 4 and 0, d_k = 4")

# %% check: q3
def test_mask(scaled_dot_product_attention):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close, expect_entries

    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, 3, 4, 5)).astype(np.float32) for _ in range(3))
    mask = np.array([0, 0, 1, 1], np.float32).reshape(1, 1, 1, 4)
    output, weights = expect_entries(scaled_dot_product_attention(q, k, v, mask), 2, "with a mask")
    weights = expect_array(weights, "weights", (2, 3, 4, 4))
    if np.abs(weights[..., 2:]).max() > 1e-6:
        raise CheckFailed("Where the mask is 1, the weight should be 0.")
    expect_close(weights.sum(axis=-1), np.ones((2, 3, 4)), "the sum of a query's weights")
    expect_close(output, weights @ v, "output")

# %% [markdown]
# ## Question 4: several heads
#
# One set of weights can attend to one thing at a time. So $d_{model}$ is divided among $H$ heads, each with
# queries, keys and values of its own:
#
# 1. project queries, keys and values, each with a dense layer of $d_{model}$ units,
# 2. split the features into heads: $(N, L, d_{model}) \to (N, L, H, d_k) \to (N, H, L, d_k)$. The first step
#    is a reshape, the second a transpose. A reshape alone would mix up tokens,
# 3. attend in each head,
# 4. join the heads, the way back: $(N, H, L, d_k) \to (N, L, H, d_k) \to (N, L, d_{model})$,
# 5. project once more with a dense layer of $d_{model}$ units.
#
# Write the layer `MultiHeadAttention`. Its constructor raises `ValueError` if $H$ does not divide
# $d_{model}$. Mind the order of the arguments of `call`: `v, k, q, mask`. (Inside your own layers, hand a mask
# on by position: Keras takes the keyword `mask` for masks of its own kind and warns.)

# %% solution: MultiHeadAttention

# %% check: q4
def test_shapes(MultiHeadAttention):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_entries, expect_function

    expect_function(MultiHeadAttention, "MultiHeadAttention")
    layer = MultiHeadAttention(8, 2)
    rng = np.random.default_rng(1)
    y, q = (rng.normal(size=(3, n, 8)).astype(np.float32) for n in (5, 4))
    output, weights = expect_entries(layer(y, y, q, np.zeros((3, 1, 1, 5), np.float32)), 2, "the layer's result")
    expect_array(output, "output of 4 queries and 5 keys", (3, 4, 8))
    expect_array(weights, "weights of 2 heads, 4 queries and 5 keys", (3, 2, 4, 5))
    count = sum(int(np.prod(w.shape)) for w in layer.trainable_weights)
    if count not in (4 * 64, 4 * 72):
        raise CheckFailed(f"Four dense layers of 8 units have 288 parameters, but yours has {count}.")

# %% check: q4
def test_heads_that_do_not_fit(MultiHeadAttention):
    from kit.checks import CheckFailed

    try:
        MultiHeadAttention(8, 3)
    except ValueError:
        return
    raise CheckFailed("MultiHeadAttention(8, 3) should raise ValueError: 3 heads cannot share 8 features.")

# %% check: q4
def test_order_of_keys(MultiHeadAttention):
    import numpy as np
    from kit.checks import expect_array, expect_close, expect_entries

    layer = MultiHeadAttention(8, 4)
    rng = np.random.default_rng(2)
    y, q = (rng.normal(size=(1, n, 8)).astype(np.float32) for n in (5, 3))
    no_mask = np.zeros((1, 1, 1, 5), np.float32)
    order = [3, 0, 4, 1, 2]
    results = [layer(keys, keys, q, no_mask) for keys in (y, y[:, order])]
    first, second = (expect_array(expect_entries(r, 2, "the result")[0], "output", (1, 3, 8)) for r in results)
    expect_close(second, first, "the output of the same keys and values in another order", atol=1e-4)

# %% [markdown]
# ## Question 5: encoder and decoder layers
#
# Every sub-layer is wrapped in the same way. Its output goes through dropout (in training only), its input is
# added, and the sum is normalised over the features of each token:
#
# $$x \leftarrow \mathrm{LayerNorm}\bigl(x + \mathrm{Dropout}(\mathrm{sublayer}(x))\bigr)$$
#
# This is the *post-norm* of 2017; many later models normalise the input of the sub-layer instead.
#
# * `EncoderLayer`: self-attention (queries, keys and values are all `x`), then a feed-forward network,
#   $\mathrm{relu}(x w_1 + b_1)\, w_2 + b_2$ with `dff` hidden units, the same for every token.
# * `DecoderLayer`: self-attention with the look-ahead mask, then attention **to the encoder** (queries are the
#   decoder's, keys and values are `enc_output`) with the padding mask of the source, then the feed-forward
#   network.

# %% solution: _feed_forward EncoderLayer DecoderLayer

# %% check: q5
def test_encoder_layer(EncoderLayer):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close, expect_function

    def output(value):
        return expect_array(value[0] if isinstance(value, tuple | list) else value, "EncoderLayer", (2, 5, 8))

    expect_function(EncoderLayer, "EncoderLayer")
    layer = EncoderLayer(8, 2, 16, 0.5)
    x = np.random.default_rng(3).normal(2, 3, size=(2, 5, 8)).astype(np.float32)
    mask = np.zeros((2, 1, 1, 5), np.float32)
    value = output(layer(x, mask, training=False))
    expect_close(value.mean(axis=-1), np.zeros((2, 5)), "the mean of each token's output", atol=1e-3)
    expect_close(value.var(axis=-1), np.ones((2, 5)), "the variance of each token's output", atol=2e-2)
    expect_close(output(layer(x, mask, training=False)), value, "the output of a second call")
    if np.allclose(output(layer(x, mask, training=True)), value, atol=1e-3):
        raise CheckFailed("With training=True and rate 0.5, dropout should change the output.")
    mask[..., 4] = 1
    hidden = x.copy()
    hidden[:, 4] += np.linspace(-3, 3, 8)
    before, after = (output(layer(array, mask, training=False))[:, :4] for array in (x, hidden))
    expect_close(after, before, "the output after a masked token was changed", atol=1e-4)

# %% check: q5
def test_decoder_layer(DecoderLayer):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close, expect_function

    expect_function(DecoderLayer, "DecoderLayer")
    layer = DecoderLayer(8, 2, 16, 0.1)
    rng = np.random.default_rng(4)
    x, encoded = (rng.normal(size=(2, n, 8)).astype(np.float32) for n in (4, 6))
    ahead, padding = np.triu(np.ones((4, 4), np.float32), 1), np.zeros((2, 1, 1, 6), np.float32)

    def run(x, encoded, padding=padding):
        value = layer(x, encoded, ahead, padding, training=False)
        value = value[0] if isinstance(value, tuple | list) else value
        return expect_array(value, "DecoderLayer", (2, 4, 8))

    value = run(x, encoded)
    later, other = x.copy(), encoded.copy()
    later[:, 2:] += 1 + rng.normal(size=(2, 2, 8))
    expect_close(run(later, encoded)[:, :2], value[:, :2], "early outputs after later tokens changed", atol=1e-4)
    other[:, 5] += 3 * rng.normal(size=(2, 8))
    if np.allclose(run(x, other), value, atol=1e-4):
        raise CheckFailed("Another enc_output should change the decoder layer's output.")
    padding = padding.copy()
    padding[..., 5] = 1
    expect_close(run(x, other, padding), run(x, encoded, padding), "the output after padding changed", atol=1e-4)

# %% [markdown]
# ## Question 6: the transformer
#
# All parts come together in a `keras.Model`. A token's vector is its row of an embedding table times
# $\sqrt{d_{model}}$, plus its positional encoding (and dropout on the sum). Source and target have tables of
# their own. `num_layers` encoder layers follow one another, then `num_layers` decoder layers, each of which
# looks at the output of the *last* encoder layer. A dense layer gives the logits of the next token; there is
# no softmax.
#
# The model makes its masks by itself: the source's padding is hidden in the encoder and in the attention to
# it, the future is hidden in the decoder.
#
# Two laws let you test it without knowing a single number. *Causality*: a later target token changes no
# earlier logit. *Padding*: zeros behind the source change nothing.

# %% solution: Transformer

# %% check: q6
def test_logits(Transformer):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_function

    expect_function(Transformer, "Transformer")
    model = Transformer(2, 8, 2, 16, 11, 13, 10)
    source, target = np.array([[5, 6, 7], [8, 9, 0]]), np.array([[1, 3, 4, 5], [1, 6, 7, 8]])
    logits = expect_array(model((source, target), training=False), "logits", (2, 4, 13))
    if np.allclose(logits.sum(axis=-1), 1, atol=1e-3):
        raise CheckFailed("These are probabilities. Return the logits, without a softmax.")

# %% check: q6
def test_causality_and_padding(Transformer):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_close

    model = Transformer(1, 8, 2, 16, 11, 13, 10)
    source, target = np.array([[5, 6, 7]]), np.array([[1, 3, 4, 5]])

    def run(source, target):
        return expect_array(model((source, target), training=False), "logits")

    logits = run(source, target)
    later = run(source, np.array([[1, 3, 9, 10]]))
    expect_close(later[:, :2], logits[:, :2], "early logits after later target tokens changed", atol=1e-4)
    if np.allclose(later[:, 2:], logits[:, 2:], atol=1e-4):
        raise CheckFailed("A target token should change the logits at its own place.")
    padded = run(np.array([[5, 6, 7, 0, 0]]), target)
    expect_close(padded, logits, "logits after the source was padded", atol=1e-4)
    if np.allclose(run(np.array([[6, 5, 7]]), target), logits, atol=1e-4):
        raise CheckFailed("The order of the source's tokens should matter. Are there positions?")

# %% [markdown]
# ## Question 7: loss and accuracy
#
# Sequences have different lengths, and what the model says behind the end of a sequence is of no interest.
# Both measures are means over the set $T$ of tokens that are no padding, all of them in one mean:
#
# $$L = -\frac{1}{|T|} \sum_{(n, t) \in T} \log \mathrm{softmax}(\mathrm{logits}_{nt})_{\mathrm{label}_{nt}}
#   \qquad T = \{(n, t) : \mathrm{label}_{nt} \ne 0\}$$
#
# `masked_accuracy` is the share of the tokens in $T$ whose largest logit is the label's. Labels may be of any
# integer type.

# %% solution: masked_loss masked_accuracy _masked_mean

# %% check: q7
def test_masked_loss(masked_loss):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_scalar

    expect_function(masked_loss, "masked_loss")
    probabilities = np.array([[[0.1, 0.5, 0.4], [0.3, 0.3, 0.4]], [[0.1, 0.1, 0.8], [0.9, 0.05, 0.05]]], np.float32)
    labels = np.array([[1, 2], [2, 0]])
    value = expect_scalar(masked_loss(labels, np.log(probabilities) + 1), "masked_loss")
    expect_close(value, -(np.log(0.5) + np.log(0.4) + np.log(0.8)) / 3, "masked_loss")

# %% check: q7
def test_masked_accuracy(masked_accuracy):
    import numpy as np
    from kit.checks import expect_close, expect_function, expect_scalar

    expect_function(masked_accuracy, "masked_accuracy")
    logits = np.float32([[[0, 2, 1], [0, 3, 1], [5, 0, 0]], [[1, 0, 9], [5, 0, 0], [0, 5, 0]]])
    value = expect_scalar(masked_accuracy(np.array([[1, 2, 0], [2, 0, 0]]), logits), "masked_accuracy")
    expect_close(value, 2 / 3, "masked_accuracy")

# %% [markdown]
# ## Question 8: training and decoding
#
# **Teacher forcing.** A target `start a b c end` gives four exercises at once. The decoder reads `start a b c`
# and should say `a b c end`: its input is the target without the last token, its labels are the target
# without the first. The look-ahead mask keeps it honest.
#
# `train_transformer` builds a small `Transformer` (one or two layers and 32 to 128 features will do), trains
# it, and returns it with a history, a dict of lists with one number an epoch. Transformers are easily upset by
# large steps at the beginning: let the learning rate of Adam grow over the first hundred steps, or keep it
# around $10^{-3}$. The seed fixes weights, order and dropout; `keras.utils.set_random_seed` helps.
#
# **Greedy decoding.** When the model is used there is no target yet. `greedy_decode` begins with `start`,
# appends the token with the largest logit at the last position, and so on, until all rows have ended or
# `max_length` is reached. Behind its `end` a row holds only 0.

# %% solution: _WarmUp train_transformer greedy_decode

# %% check: q8
def test_greedy_decode(greedy_decode):
    import numpy as np
    import tensorflow as tf
    from kit.checks import expect_array, expect_close, expect_function

    expect_function(greedy_decode, "greedy_decode")

    class Counting:  # after token t comes t + 1, whatever the source says
        def __call__(self, sequences, training=False):
            return 10 * tf.one_hot(tf.cast(sequences[1], tf.int64) + 1, 20)

    for end, right in ((6, [[3, 4, 5, 6, 0, 0, 0]]), (15, [[3, 4, 5, 6, 7, 8, 9]])):
        value = greedy_decode(Counting(), np.array([[5, 5]]), 3, end, 7)
        value = expect_array(value, "greedy_decode", floats=False)
        value = np.pad(value, ((0, 0), (0, max(0, 7 - value.shape[1]))))
        expect_close(value, right, f"greedy_decode of a model that counts from 3, with end={end}, max_length=7")

# %% check: q8
def test_train_transformer(train_transformer):
    import numpy as np
    from kit.checks import CheckFailed, expect_array, expect_entries, expect_function, expect_scalar

    expect_function(train_transformer, "train_transformer")
    rng = np.random.default_rng(0)
    source = rng.integers(3, 8, (256, 1))
    target = np.concatenate([np.full((256, 1), 1), source, np.full((256, 1), 2)], axis=1)  # say it again
    settings = {"vocab_size": 8, "max_length": 4, "epochs": 10, "batch_size": 16, "seed": 0}
    model, history = expect_entries(train_transformer((source, target), **settings), 2, "train_transformer(…)")
    for key, values in history.items():
        if len(values) != 10:
            raise CheckFailed(f"history[{key!r}] should have 10 entries, one an epoch, but has {len(values)}.")
        expect_scalar(values[-1], f"history[{key!r}]")
    logits = expect_array(model((source, target[:, :-1]), training=False), "the trained model's logits", (256, 2, 8))
    right = (logits.argmax(axis=-1) == target[:, 1:]).mean()
    if right < 0.7:
        raise CheckFailed(f"After 160 steps on the easiest task there is, {right:.0%} of the next tokens are right.")

# %% [markdown]
# ## Writing backwards
#
# A first task of which every solution can be understood: read six symbols, write them in reverse. To say its
# next symbol, the decoder has to know how many it has written and to look at one place of the source, which
# moves from right to left.

# %%
rng = np.random.default_rng(0)
START, END = 1, 2
symbols = rng.integers(3, 13, (1200, 6))
edges = np.full((1200, 1), START), np.full((1200, 1), END)
backwards = np.concatenate([edges[0], symbols[:, ::-1], edges[1]], axis=1)
settings = {"vocab_size": 13, "max_length": 8, "epochs": 12, "batch_size": 32, "seed": 0}
run = train_transformer((symbols[:1000], backwards[:1000]), **settings)
if run is None:
    print("Your training curves appear here once question 8 is solved.")
else:
    reverser, history = run
    plot_history(history, "writing backwards")
    written = np.asarray(greedy_decode(reverser, symbols[1000:], START, END, 8))
    right = (written == backwards[1000:]).all(axis=1).mean()
    print(f"{right:.0%} of 200 sequences that it has never seen are reversed without a mistake.")

# %% [markdown]
# What does the decoder look at? The next cell notes the weights of each call of your
# `scaled_dot_product_attention` while the model runs; the last call is the decoder's attention to the
# encoder. Each row is the token that is being written, each column a token of the source.


# %%
def attention_to_source(model, source, target):
    """The weights (heads, target tokens, source tokens) of the last attention to the encoder, for one pair."""
    function, seen = globals()["scaled_dot_product_attention"], []

    def noting(*args, **kwargs):
        result = function(*args, **kwargs)
        seen.append(np.asarray(result[1])[0])
        return result

    globals()["scaled_dot_product_attention"] = noting
    try:
        model((source[None], target[None, :-1]), training=False)
    finally:
        globals()["scaled_dot_product_attention"] = function
    return seen[-1]


def show_attention(weights, source_words, target_words, title):
    """One panel for each head; at most four."""
    weights = weights[:4]
    size = (2.2 * len(weights) + 1.2, 0.7 + 0.26 * len(target_words))
    figure, axes = plt.subplots(1, len(weights), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for head, axis in enumerate(axes[0]):
        axis.imshow(weights[head], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axis.set_xticks(range(len(source_words)), source_words, rotation=90, fontsize=8)
        axis.set_yticks(range(len(target_words)), target_words, fontsize=8)
        axis.set_title(f"head {head + 1}", fontsize=9)
        axis.tick_params(length=0)
    figure.suptitle(title, fontsize=10)
    plt.show()


# %%
if run is None:
    print("The attention of your model appears here once question 8 is solved.")
else:
    letters = np.array([*"   ABCDEFGHIJ"])
    weights = attention_to_source(reverser, symbols[1000], backwards[1000])
    title = f"{''.join(letters[symbols[1000]])} backwards: where the decoder looks"
    show_attention(weights, letters[symbols[1000]], [*letters[backwards[1000, 1:-1]], "end"], title)

# %% [markdown]
# If all is well, some heads show a line from the top right to the bottom left. Nobody told them.
#
# ## From Portuguese to English
#
# The same code, with words for symbols. Sentences are cut into words and signs; words that occur only once
# become `<unknown>`. (Where the sentences are not to be had, the kit makes up dates such as "4 March 1987" to
# be written as "1987-03-04"; these are cut into characters.)

# %%
pairs = load_pairs("por-eng", n=3000, seed=0)
by_words = pairs.name == "por-eng"


def cut(text):
    """The tokens of a text."""
    return re.findall(r"\w+|[^\w\s]", text.lower()) if by_words else list(text)


sources = [cut(text) for text in pairs.source_text]
targets = [["<start>", *cut(text), "<end>"] for text in pairs.target_text]
special = ["<pad>", "<start>", "<end>", "<unknown>"]
counts = Counter(word for tokens in sources + targets for word in tokens)
vocabulary = special + [word for word, count in counts.most_common() if count > 1 and word not in special]
number_of = {word: number for number, word in enumerate(vocabulary)}
longest = max(map(len, sources + targets))


def numbered(sentences):
    """Lists of words -> int array (N, longest), padded with 0."""
    table = np.zeros((len(sentences), longest), np.int64)
    for row, tokens in zip(table, sentences, strict=True):
        row[: len(tokens)] = [number_of.get(word, 3) for word in tokens]
    return table


source, target = numbered(sources), numbered(targets)
print(f"{len(vocabulary):,} different tokens; the longest sentence has {longest}.")
for k in range(3):
    print(" ".join(sources[k]), "->", " ".join(targets[k]), "->", target[k])

# %%
settings = {"vocab_size": len(vocabulary), "max_length": longest, "epochs": 10, "batch_size": 64, "seed": 0}
run = train_transformer((source[100:], target[100:]), **settings)
if run is None:
    print("Your training curves appear here once question 8 is solved.")
else:
    translator, history = run
    plot_history(history, "learning to translate")


# %%
def sentence(tokens):
    """The words of a row of numbers, without the special ones but <unknown>."""
    return (" " if by_words else "").join(vocabulary[number] for number in tokens if number > 2)


if run is None:
    print("Your translations appear here once question 8 is solved.")
else:
    some = [*range(8), *range(100, 106)]
    written = np.asarray(greedy_decode(translator, source[some], START, END, longest))
    print(f"{'':22}{'source':34}{'written by your model':34}reference")
    for row, k in zip(written, some, strict=True):
        seen = "trained on" if k >= 100 else "never seen"
        print(f"{seen:22}{sentence(source[k]):34}{sentence(row):34}{sentence(target[k])}")

# %% [markdown]
# A few thousand short sentences do not make a translator, but most of what it writes is English, and much of
# it is to the point. What happens to sentences with `<unknown>`? Which mistakes would a human never make?
#
# And where does it look while it translates?

# %%
if run is None:
    print("The attention of your translator appears here once question 8 is solved.")
else:
    k = max(range(100, 200), key=lambda k: len(set(sources[k])) - (3 in source[k]) - (3 in target[k]))
    weights = attention_to_source(translator, source[k], target[k])
    weights = weights[:, : len(targets[k]) - 1, : len(sources[k])]
    show_attention(weights, sources[k], targets[k][1:], "where the translator looks")
