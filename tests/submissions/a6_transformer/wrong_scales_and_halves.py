# %% [markdown]
# # Assignment 6: four mistakes far apart
#
# Sines and cosines in two halves, no root of the depth, embeddings that are not scaled, and an accuracy that counts
# padding. Everything else is right, so with error carried forward only questions 1, 3, 6 and 7 lose marks.

# %%
import math

import keras
import numpy as np
import tensorflow as tf
from keras.layers import Dense, Dropout, Embedding, LayerNormalization

# %%
def positional_encoding(length, d_model):
    table = [[0.0] * d_model for _ in range(length)]
    for pos in range(length):
        for i in range(d_model // 2):
            angle = pos / 10000 ** (2 * i / d_model)
            table[pos][i] = math.sin(angle)
            table[pos][d_model // 2 + i] = math.cos(angle)
    return tf.constant([table])


def padding_mask(tokens):
    return tf.where(tf.equal(tokens, 0), 1.0, 0.0)[:, tf.newaxis, tf.newaxis, :]


def look_ahead_mask(size):
    return tf.constant([[1.0 if column > row else 0.0 for column in range(size)] for row in range(size)])


def scaled_dot_product_attention(q, k, v, mask=None):
    scores = tf.linalg.matmul(q, k, transpose_b=True)
    if mask is not None:
        scores = tf.where(tf.cast(mask, tf.float32) > 0.5, tf.constant(-1e30), scores)
    weights = keras.activations.softmax(scores)
    return tf.linalg.matmul(weights, v), weights

# %%
class Head(keras.layers.Layer):
    def __init__(self, depth):
        super().__init__()
        self.q, self.k, self.v = Dense(depth), Dense(depth), Dense(depth)

    def call(self, v, k, q, mask=None):
        if mask is not None and len(mask.shape) == 4:
            mask = mask[:, 0]
        return scaled_dot_product_attention(self.q(q), self.k(k), self.v(v), mask)


class MultiHeadAttention(keras.layers.Layer):
    def __init__(self, d_model, num_heads):
        super().__init__()
        depth, rest = divmod(d_model, num_heads)
        if rest:
            raise ValueError(f"{rest} features are left over")
        self.heads = [Head(depth) for _ in range(num_heads)]
        self.out = Dense(d_model)

    def call(self, v, k, q, mask=None):
        found = [head(v, k, q, mask) for head in self.heads]
        return self.out(tf.concat([o for o, _ in found], axis=-1)), tf.stack([w for _, w in found], axis=1)


class SubLayer(keras.layers.Layer):
    """x -> norm(x + dropout(what))"""

    def __init__(self, rate):
        super().__init__()
        self.norm, self.dropout = LayerNormalization(epsilon=1e-6), Dropout(rate)

    def call(self, x, what, training=False):
        return self.norm(x + self.dropout(what, training=training))


class EncoderLayer(keras.layers.Layer):
    def __init__(self, d_model, num_heads, dff, rate):
        super().__init__()
        self.mha = MultiHeadAttention(d_model, num_heads)
        self.hidden, self.out = Dense(dff, activation="relu"), Dense(d_model)
        self.after = [SubLayer(rate), SubLayer(rate)]

    def call(self, x, mask=None, training=False):
        x = self.after[0](x, self.mha(x, x, x, mask)[0], training=training)
        return self.after[1](x, self.out(self.hidden(x)), training=training)


class DecoderLayer(keras.layers.Layer):
    def __init__(self, d_model, num_heads, dff, rate):
        super().__init__()
        self.mha1, self.mha2 = MultiHeadAttention(d_model, num_heads), MultiHeadAttention(d_model, num_heads)
        self.hidden, self.out = Dense(dff, activation="relu"), Dense(d_model)
        self.after = [SubLayer(rate) for _ in range(3)]

    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        x = self.after[0](x, self.mha1(x, x, x, look_ahead_mask)[0], training=training)
        attended, weights = self.mha2(enc_output, enc_output, x, padding_mask)
        x = self.after[1](x, attended, training=training)
        return [self.after[2](x, self.out(self.hidden(x)), training=training), weights]

# %%
class Transformer(keras.Model):
    def __init__(self, num_layers, d_model, num_heads, dff, input_vocab_size, target_vocab_size, max_length, rate=0.1):
        super().__init__()
        self.root = math.sqrt(d_model)
        self.words_in, self.words_out = Embedding(input_vocab_size, d_model), Embedding(target_vocab_size, d_model)
        self.positions = positional_encoding(max_length, d_model)
        self.encoders = [EncoderLayer(d_model, num_heads, dff, rate) for _ in range(num_layers)]
        self.decoders = [DecoderLayer(d_model, num_heads, dff, rate) for _ in range(num_layers)]
        self.dropout, self.last = Dropout(rate), Dense(target_vocab_size)

    def encode(self, source, training=False):
        x = self.words_in(source) + self.positions[:, : source.shape[1]]
        x = self.dropout(x, training=training)
        for layer in self.encoders:
            x = layer(x, padding_mask(source), training=training)
        return x

    def decode(self, target, encoded, source, training=False):
        x = self.words_out(target) + self.positions[:, : target.shape[1]]
        x = self.dropout(x, training=training)
        for layer in self.decoders:
            ahead = look_ahead_mask(target.shape[1])
            x = layer(x, encoded, ahead, padding_mask(source), training=training)[0]
        return self.last(x)

    def call(self, inputs, training=False):
        source, target = inputs
        return self.decode(target, self.encode(source, training), source, training)

# %%
def masked_loss(labels, logits):
    labels, logits = np.asarray(labels).astype(int), np.asarray(logits, float)
    total = count = 0
    for n in range(len(labels)):
        for t in range(labels.shape[1]):
            if labels[n, t]:
                row = logits[n, t] - logits[n, t].max()
                total += np.log(np.exp(row).sum()) - row[labels[n, t]]
                count += 1
    return total / count


def masked_accuracy(labels, logits):
    hits = [
        np.argmax(logits[n][t]) == labels[n][t]
        for n in range(len(labels)) for t in range(len(labels[n]))
    ]
    return sum(hits) / len(hits)

# %%
def train_transformer(pairs, *, vocab_size, max_length, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    source, target = (tf.constant(p, tf.int64) for p in pairs)
    model = Transformer(1, 32, 2, 64, vocab_size, vocab_size, max_length)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    optimizer = keras.optimizers.Adam(3e-3)
    model((source[:1], target[:1, :-1]))
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(s, t):
        with tf.GradientTape() as tape:
            loss = cross_entropy(t[:, 1:], model((s, t[:, :-1]), training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        return loss

    history = {"loss": []}
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(source))
        batches = [order[i : i + batch_size] for i in range(0, len(order) - batch_size + 1, batch_size)]
        history["loss"].append(np.mean([step(tf.gather(source, b), tf.gather(target, b)) for b in batches]))
    return model, history


def greedy_decode(model, source, start, end, max_length):
    source = tf.convert_to_tensor(source)
    encoded = model.encode(source)
    tokens = tf.fill((len(source), 1), tf.constant(start, tf.int64))
    ended = tf.zeros(len(source), tf.bool)
    while tokens.shape[1] < max_length and not tf.reduce_all(ended):
        best = tf.argmax(model.decode(tokens, encoded, source)[:, -1], axis=-1)
        best = tf.where(ended, tf.zeros_like(best), best)
        ended |= best == end
        tokens = tf.concat([tokens, best[:, None]], axis=1)
    return tokens
