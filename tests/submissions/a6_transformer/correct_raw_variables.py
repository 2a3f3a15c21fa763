# %% [markdown]
# # Assignment 6: einsum and raw weights
#
# A correct solution without any ready-made layer: projections without biases, stored transposed; heads that take
# every third column; a normalisation of its own; the logits share the target's embedding.

# %%
import keras
import numpy as np
import tensorflow as tf

# %%
def positional_encoding(length, d_model):
    pos = tf.range(length, dtype=tf.float64)[:, None]
    rate = tf.pow(tf.constant(10000.0, tf.float64), -tf.range(0, d_model, 2, dtype=tf.float64) / d_model)
    pairs = tf.stack([tf.sin(pos * rate), tf.cos(pos * rate)], axis=-1)
    return tf.cast(tf.reshape(pairs, (1, length, d_model)), tf.float32)


def padding_mask(tokens):
    return tf.equal(tf.convert_to_tensor(tokens), 0)[:, None, None, :]


def look_ahead_mask(size):
    i = tf.range(size)
    return i[:, None] < i[None, :]

# %%
def scaled_dot_product_attention(q, k, v, mask=None):
    scores = tf.einsum("...qd,...kd->...qk", q, k) * tf.cast(tf.shape(q)[-1], tf.float32) ** -0.5
    if mask is not None:
        scores += tf.cast(mask, tf.float32) * -1e9
    weights = tf.exp(scores - tf.reduce_logsumexp(scores, axis=-1, keepdims=True))
    return tf.einsum("...qk,...kd->...qd", weights, v), weights


class MultiHeadAttention(keras.layers.Layer):
    def __init__(self, d_model, num_heads):
        if d_model % num_heads != 0:
            raise ValueError(f"{d_model} features, {num_heads} heads")
        super().__init__()
        self.heads, self.depth = num_heads, d_model // num_heads
        self.matrices = [self.add_weight(shape=(d_model, d_model), name=name) for name in "qkvo"]

    def call(self, v, k, q, mask):
        q, k, v = (self.split(x @ tf.transpose(w)) for x, w in zip((q, k, v), self.matrices))
        mixed, weights = scaled_dot_product_attention(q, k, v, mask)
        mixed = tf.einsum("nhld->nldh", mixed)  # head h had the columns h, h + H, h + 2H, …
        shape = (tf.shape(mixed)[0], tf.shape(mixed)[1], self.heads * self.depth)
        return tf.reshape(mixed, shape) @ tf.transpose(self.matrices[3]), weights

    def split(self, x):
        x = tf.reshape(x, (tf.shape(x)[0], tf.shape(x)[1], self.depth, self.heads))
        return tf.einsum("nldh->nhld", x)

# %%
class Norm(keras.layers.Layer):
    def __init__(self, d_model):
        super().__init__()
        self.gain = self.add_weight(shape=(d_model,), initializer="ones")
        self.shift = self.add_weight(shape=(d_model,), initializer="zeros")

    def call(self, x):
        mean, variance = tf.nn.moments(x, axes=-1, keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, self.shift, self.gain, 1e-5)


class FeedForward(keras.layers.Layer):
    def __init__(self, d_model, dff):
        super().__init__()
        self.w1 = self.add_weight(shape=(d_model, dff))
        self.b1 = self.add_weight(shape=(dff,), initializer="zeros")
        self.w2 = self.add_weight(shape=(dff, d_model))
        self.b2 = self.add_weight(shape=(d_model,), initializer="zeros")

    def call(self, x):
        return tf.nn.relu(x @ self.w1 + self.b1) @ self.w2 + self.b2


def drop(x, rate, training):
    return tf.nn.dropout(x, rate) if training and rate else x


class EncoderLayer(keras.layers.Layer):
    def __init__(self, d_model, num_heads, dff, rate):
        super().__init__()
        self.rate = rate
        self.attention, self.network = MultiHeadAttention(d_model, num_heads), FeedForward(d_model, dff)
        self.norm1, self.norm2 = Norm(d_model), Norm(d_model)

    def call(self, x, mask, training=False):
        attended, weights = self.attention(x, x, x, mask)
        x = self.norm1(x + drop(attended, self.rate, training))
        return self.norm2(x + drop(self.network(x), self.rate, training)), weights


class DecoderLayer(keras.layers.Layer):
    def __init__(self, d_model, num_heads, dff, rate):
        super().__init__()
        self.rate = rate
        self.mine, self.theirs = MultiHeadAttention(d_model, num_heads), MultiHeadAttention(d_model, num_heads)
        self.network = FeedForward(d_model, dff)
        self.norms = [Norm(d_model) for _ in range(3)]

    def call(self, x, enc_output, look_ahead_mask, padding_mask, training=False):
        attended, first = self.mine(x, x, x, look_ahead_mask)
        x = self.norms[0](x + drop(attended, self.rate, training))
        attended, second = self.theirs(enc_output, enc_output, x, padding_mask)
        x = self.norms[1](x + drop(attended, self.rate, training))
        return self.norms[2](x + drop(self.network(x), self.rate, training)), first, second

# %%
class Transformer(keras.Model):
    def __init__(self, num_layers, d_model, num_heads, dff, input_vocab_size, target_vocab_size, max_length, rate=0.1):
        super().__init__()
        self.d_model, self.rate = d_model, rate
        init = keras.initializers.RandomNormal(stddev=d_model**-0.5)
        self.source_table = self.add_weight(shape=(input_vocab_size, d_model), initializer=init)
        self.target_table = self.add_weight(shape=(target_vocab_size, d_model), initializer=init)
        self.waves = positional_encoding(max_length, d_model)
        self.enc = [EncoderLayer(d_model, num_heads, dff, rate) for _ in range(num_layers)]
        self.dec = [DecoderLayer(d_model, num_heads, dff, rate) for _ in range(num_layers)]

    def embed(self, table, tokens, training):
        x = tf.gather(table, tokens) * self.d_model**0.5 + self.waves[:, : tf.shape(tokens)[1], :]
        return drop(x, self.rate, training)

    def call(self, inputs, training=False):
        source, target = inputs
        hidden = padding_mask(source)
        e = self.embed(self.source_table, source, training)
        for layer in self.enc:
            e, _ = layer(e, hidden, training=training)
        x = self.embed(self.target_table, target, training)
        unseen = look_ahead_mask(tf.shape(target)[1])[None, None] | padding_mask(target)
        for layer in self.dec:
            x, _, _ = layer(x, e, unseen, hidden, training=training)
        return tf.einsum("nld,vd->nlv", x, self.target_table)

# %%
def masked_loss(labels, logits):
    labels = tf.cast(labels, tf.int32)
    logits = tf.convert_to_tensor(logits)
    correct = tf.reduce_sum(logits * tf.one_hot(labels, logits.shape[-1]), axis=-1)
    losses = tf.reduce_logsumexp(logits, axis=-1) - correct
    return tf.reduce_mean(losses[labels > 0])


def masked_accuracy(labels, logits):
    labels, logits = np.asarray(labels).astype(int), np.asarray(logits)
    return np.mean(logits.argmax(-1)[labels != 0] == labels[labels != 0])

# %%
def train_transformer(pairs, *, vocab_size, max_length, epochs, batch_size, seed):
    tf.random.set_seed(seed)
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    source, target = (np.asarray(p).astype(np.int32) for p in pairs)
    model = Transformer(1, 48, 4, 96, vocab_size, vocab_size, max_length)
    model((source[:2], target[:2]))
    optimizer = keras.optimizers.Adam(2e-3, clipnorm=1.0)
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(s, t):
        with tf.GradientTape() as tape:
            loss = masked_loss(t[:, 1:], model((s, t[:, :-1]), training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(source))
        cuts = np.array_split(order, max(1, len(source) // batch_size))
        losses.append(float(np.mean([step(tf.constant(source[c]), tf.constant(target[c])) for c in cuts])))
    return model, {"cross-entropy": losses}


def greedy_decode(model, source, start, end, max_length):
    rows, going = [[start] for _ in source], set(range(len(source)))
    while going and max(map(len, rows)) < max_length:
        longest = max(map(len, rows))
        target = np.array([row + [0] * (longest - len(row)) for row in rows])
        best = np.argmax(np.asarray(model((source, target), training=False))[:, -1], axis=-1)
        for i in list(going):
            rows[i].append(int(best[i]))
            if best[i] == end:
                going.remove(i)
    longest = max(map(len, rows))
    return np.array([row + [0] * (longest - len(row)) for row in rows])
