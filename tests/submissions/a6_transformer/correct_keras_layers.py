# %% [markdown]
# # Assignment 6: with what Keras has
#
# A correct solution. The heads are Keras' own, whose masks have the opposite sign; functions are NumPy in float64;
# training is `compile` and `fit`.

# %%
import keras
import numpy as np
import tensorflow as tf

# %%
import otter

grader = otter.Notebook("a6_transformer.ipynb")

# %%
def positional_encoding(n, d):
    pe = np.zeros((n, d))
    rates = np.exp(-np.log(10000.0) * np.arange(0, d, 2) / d)
    pe[:, 0::2] = np.sin(np.outer(np.arange(n), rates))
    pe[:, 1::2] = np.cos(np.outer(np.arange(n), rates))
    return pe[None]


def padding_mask(seq):
    return (np.asarray(seq) == 0)[:, None, None, :].astype("float32")


def look_ahead_mask(n):
    return np.triu(np.ones((n, n)), 1)

# %%
def scaled_dot_product_attention(q, k, v, mask=None):
    q, k, v = (np.asarray(a, np.float64) for a in (q, k, v))
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores - 1e9 * np.asarray(mask, np.float64)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    weights = scores / scores.sum(-1, keepdims=True)
    return weights @ v, weights

# %%
class MultiHeadAttention(keras.layers.Layer):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if d_model % num_heads:
            raise ValueError("d_model must be a multiple of num_heads")
        self.mha = keras.layers.MultiHeadAttention(num_heads, d_model // num_heads)

    def call(self, values, keys, queries, mask=None):
        allowed = None
        if mask is not None:
            shape = (tf.shape(queries)[0], 1, tf.shape(queries)[1], tf.shape(keys)[1])
            allowed = tf.broadcast_to(tf.cast(mask, tf.float32), shape)[:, 0] == 0
        return self.mha(queries, values, keys, attention_mask=allowed, return_attention_scores=True)

# %%
class EncoderLayer(keras.layers.Layer):
    def __init__(self, d_model, num_heads, dff, rate):
        super().__init__()
        self.mha = MultiHeadAttention(d_model, num_heads)
        self.up, self.down = keras.layers.Dense(dff, "relu"), keras.layers.Dense(d_model)
        self.add = keras.layers.Add()
        self.norm1, self.norm2 = keras.layers.LayerNormalization(), keras.layers.LayerNormalization()
        self.drop1, self.drop2 = keras.layers.Dropout(rate), keras.layers.Dropout(rate)

    def call(self, x, mask, training=False):
        x = self.norm1(self.add([x, self.drop1(self.mha(x, x, x, mask)[0], training=training)]))
        return self.norm2(self.add([x, self.drop2(self.down(self.up(x)), training=training)]))


class DecoderLayer(keras.layers.Layer):
    def __init__(self, d_model, num_heads, dff, rate):
        super().__init__()
        self.mha1, self.mha2 = (MultiHeadAttention(d_model, num_heads) for _ in range(2))
        self.ffn = keras.Sequential([keras.layers.Dense(dff, "relu"), keras.layers.Dense(d_model)])
        self.norms = [keras.layers.LayerNormalization() for _ in range(3)]
        self.drops = [keras.layers.Dropout(rate) for _ in range(3)]

    def call(self, x, enc, ahead, padding, training=False):
        x = self.norms[0](x + self.drops[0](self.mha1(x, x, x, ahead)[0], training=training))
        x = self.norms[1](x + self.drops[1](self.mha2(enc, enc, x, padding)[0], training=training))
        return self.norms[2](x + self.drops[2](self.ffn(x), training=training))

# %%
class Transformer(keras.Model):
    def __init__(self, num_layers, d_model, num_heads, dff, vocab_in, vocab_out, longest, rate=0.1):
        super().__init__()
        self.scale = np.float32(np.sqrt(d_model))
        self.table_in = keras.layers.Embedding(vocab_in, d_model)
        self.table_out = keras.layers.Embedding(vocab_out, d_model)
        self.pe = tf.constant(positional_encoding(longest, d_model), tf.float32)
        self.encoder = [EncoderLayer(d_model, num_heads, dff, rate) for _ in range(num_layers)]
        self.decoder = [DecoderLayer(d_model, num_heads, dff, rate) for _ in range(num_layers)]
        self.drop = keras.layers.Dropout(rate)
        self.final = keras.layers.Dense(vocab_out)

    def call(self, inputs, training=False):
        source, target = inputs
        padding = tf.cast(tf.equal(source, 0), tf.float32)[:, None, None, :]
        n = tf.shape(target)[1]
        ahead = 1 - tf.linalg.band_part(tf.ones((n, n)), -1, 0)
        x = self.drop(self.table_in(source) * self.scale + self.pe[:, : tf.shape(source)[1]], training=training)
        for layer in self.encoder:
            x = layer(x, padding, training=training)
        y = self.drop(self.table_out(target) * self.scale + self.pe[:, :n], training=training)
        for layer in self.decoder:
            y = layer(y, x, ahead, padding, training=training)
        return self.final(y)

# %%
def masked_loss(labels, logits):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)(labels, logits)
    real = tf.cast(tf.cast(labels, tf.int32) != 0, loss.dtype)
    return tf.reduce_sum(loss * real) / tf.reduce_sum(real)


def masked_accuracy(labels, logits):
    labels = tf.cast(labels, tf.int64)
    real = labels != 0
    return tf.reduce_mean(tf.cast(tf.boolean_mask(tf.argmax(logits, -1) == labels, real), tf.float32))

# %%
def train_transformer(pairs, *, vocab_size, max_length, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    source, target = pairs
    model = Transformer(1, 32, 4, 64, vocab_size, vocab_size, max_length, 0.0)
    model.compile(keras.optimizers.Adam(3e-3), loss=masked_loss, jit_compile=False)
    x = (np.asarray(source), np.asarray(target)[:, :-1])
    fit = model.fit(x, np.asarray(target)[:, 1:], batch_size=batch_size, epochs=epochs, verbose=0)
    return model, fit.history


def greedy_decode(model, source, start, end, max_length):
    tokens = np.zeros((len(source), max_length), int)
    tokens[:, 0] = start
    for i in range(1, max_length):
        logits = np.asarray(model((source, tokens), training=False))
        tokens[:, i] = logits[:, i - 1].argmax(-1)
        tokens[(tokens[:, :i] == end).any(1), i] = 0
    return tokens

# %%
grader.check_all()
