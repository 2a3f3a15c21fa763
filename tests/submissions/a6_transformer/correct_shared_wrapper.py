# %% [markdown]
# # Assignment 6: one class for both layers
#
# A correct solution. Encoder and decoder layer are functions around one class with packed projections; the model is
# a subclass of `keras.layers.Layer`; the learning rate follows the paper, with a short warm-up; decoding is a
# `tf.while_loop`.

# %%
import keras
import numpy as np
import tensorflow as tf

# %%
def positional_encoding(length, d_model):
    angles = np.arange(length)[:, np.newaxis] * np.power(10000.0, -2 * (np.arange(d_model) // 2) / d_model)
    angles[:, 0::2] = np.sin(angles[:, 0::2])
    angles[:, 1::2] = np.cos(angles[:, 1::2])
    return angles[np.newaxis].astype(np.float32)


def padding_mask(tokens):
    return tf.cast(tf.math.equal(tokens, 0), tf.int32)[:, tf.newaxis, tf.newaxis]


def look_ahead_mask(size):
    return 1 - tf.linalg.LinearOperatorLowerTriangular(tf.ones((size, size))).to_dense()


def scaled_dot_product_attention(q, k, v, mask=None):
    logits = tf.matmul(q, tf.linalg.matrix_transpose(k)) / tf.math.sqrt(tf.cast(tf.shape(q)[-1], tf.float32))
    weights = tf.nn.softmax(logits if mask is None else logits - 1e9 * tf.cast(mask, tf.float32), axis=-1)
    return weights @ v, weights

# %%
class MultiHeadAttention(keras.layers.Layer):
    def __init__(self, d_model, num_heads):
        super().__init__()
        if num_heads * (d_model // num_heads) != d_model:
            raise ValueError("no such split")
        self.h, self.d = num_heads, d_model
        self.into = keras.layers.Dense(3 * d_model, use_bias=False)
        self.out = keras.layers.Dense(d_model, use_bias=False)
        self.into.build((None, None, d_model))

    def call(self, v, k, q, mask):
        parts = tf.split(tf.convert_to_tensor(self.into.kernel), 3, axis=1)
        q, k, v = (self.heads(tf.tensordot(x, w, 1)) for x, w in zip((q, k, v), parts))
        mixed, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.out(tf.concat(tf.unstack(mixed, axis=1), axis=-1)), weights

    def heads(self, x):
        return tf.stack(tf.split(x, self.h, axis=-1), axis=1)


class Block(keras.layers.Layer):
    def __init__(self, attentions, d_model, num_heads, dff, rate):
        super().__init__()
        self.attentions = [MultiHeadAttention(d_model, num_heads) for _ in range(attentions)]
        self.w1 = keras.layers.Conv1D(dff, 1, activation="relu")
        self.w2 = keras.layers.Conv1D(d_model, 1)
        self.norms = [keras.layers.LayerNormalization(epsilon=1e-5) for _ in range(attentions + 1)]
        self.drops = [keras.layers.Dropout(rate) for _ in range(attentions + 1)]

    def finish(self, x, training):
        return self.norms[-1](x + self.drops[-1](self.w2(self.w1(x)), training=training))

    def attend(self, i, x, y, mask, training):
        output, weights = self.attentions[i](y, y, x, mask)
        return self.norms[i](x + self.drops[i](output, training=training)), weights


class EncoderLayer(Block):
    def __init__(self, *sizes):
        super().__init__(1, *sizes)

    def call(self, x, mask, training=False):
        return self.finish(self.attend(0, x, x, mask, training)[0], training)


class DecoderLayer(Block):
    def __init__(self, *sizes):
        super().__init__(2, *sizes)

    def call(self, x, enc_output, look_ahead_mask, padding_mask, training=False):
        x, first = self.attend(0, x, x, look_ahead_mask, training)
        x, second = self.attend(1, x, enc_output, padding_mask, training)
        return self.finish(x, training), {"self": first, "encoder": second}

# %%
class Transformer(keras.layers.Layer):
    def __init__(self, num_layers, d_model, num_heads, dff, vocab_in, vocab_out, max_length, rate=0.1):
        super().__init__()
        self.tables = [keras.layers.Embedding(size, d_model) for size in (vocab_in, vocab_out)]
        self.scale, self.waves = d_model**0.5, tf.constant(positional_encoding(max_length, d_model))
        self.drop = keras.layers.Dropout(rate)
        self.lower = [EncoderLayer(d_model, num_heads, dff, rate) for _ in range(num_layers)]
        self.upper = [DecoderLayer(d_model, num_heads, dff, rate) for _ in range(num_layers)]
        self.logits = keras.layers.Dense(vocab_out, use_bias=False)

    def call(self, inputs, training=False):
        vectors = []
        for table, tokens in zip(self.tables, inputs):
            x = table(tokens) * self.scale + self.waves[:, : tf.shape(tokens)[1]]
            vectors.append(self.drop(x, training=training))
        e, x = vectors
        hidden = padding_mask(inputs[0])
        for layer in self.lower:
            e = layer(e, hidden, training=training)
        for layer in self.upper:
            x, _ = layer(x, e, look_ahead_mask(tf.shape(inputs[1])[1]), hidden, training=training)
        return self.logits(x)

# %%
def masked_loss(labels, logits):
    weight = tf.cast(tf.cast(labels, tf.int32) > 0, tf.float32)
    losses = keras.ops.sparse_categorical_crossentropy(tf.cast(labels, tf.int32), logits, from_logits=True)
    return tf.tensordot(weight, losses, 2) / tf.reduce_sum(weight)


def masked_accuracy(labels, logits):
    labels = tf.cast(labels, tf.int32)
    top = tf.math.top_k(logits).indices[..., 0]
    return tf.reduce_sum(tf.cast((top == labels) & (labels > 0), tf.float64)) / tf.cast(
        tf.math.count_nonzero(labels), tf.float64
    )

# %%
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, d_model, warmup):
        self.d_model, self.warmup = d_model, warmup

    def __call__(self, step):
        step = tf.cast(step, tf.float32) + 1
        return self.d_model**-0.5 * tf.minimum(step**-0.5, step * self.warmup**-1.5)


def train_transformer(pairs, *, vocab_size, max_length, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    source, target = (np.asarray(p) for p in pairs)
    model = Transformer(1, 64, 4, 128, vocab_size, vocab_size, max_length, 0.05)
    model((source[:1], target[:1]))
    optimizer = keras.optimizers.Adam(Schedule(64, 400), beta_1=0.9, beta_2=0.98, epsilon=1e-9)
    variables = model.trainable_variables
    optimizer.build(variables)
    data = tf.data.Dataset.from_tensor_slices((source, target[:, :-1], target[:, 1:]))
    data = data.cache().shuffle(4096, seed=seed).batch(batch_size)

    @tf.function
    def epoch(data):
        total, count = 0.0, 0.0
        for s, given, wanted in data:
            with tf.GradientTape() as tape:
                loss = masked_loss(wanted, model((s, given), training=True))
            optimizer.apply(tape.gradient(loss, variables), variables)
            total, count = total + loss, count + 1
        return total / count

    return model, {"loss": [float(epoch(data)) for _ in range(epochs)]}


def greedy_decode(model, source, start, end, max_length):
    source = tf.cast(source, tf.int32)
    n = tf.shape(source)[0]

    def more(tokens, ended):
        return tf.logical_and(tf.shape(tokens)[1] < max_length, tf.logical_not(tf.reduce_all(ended)))

    def write(tokens, ended):
        logits = model((source, tokens), training=False)[:, -1]
        token = tf.where(ended, 0, tf.argmax(logits, axis=-1, output_type=tf.int32))
        return tf.concat([tokens, token[:, None]], axis=1), ended | (token == end)

    tokens, _ = tf.while_loop(more, write, (tf.fill((n, 1), start), tf.zeros(n, tf.bool)))
    return tokens
