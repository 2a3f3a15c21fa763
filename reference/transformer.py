"""Attention, and a transformer that turns one sequence of tokens into another.

    tokens ─► embedding·√d + positions ─► N × encoder layer ──────────┐ keys and values
    target ─► embedding·√d + positions ─► N × decoder layer (looks at encoder) ─► logits of the next token

Arrays are batch-first and written with these letters: N sequences, L tokens each (Lq queries, Lk keys,
Ls source, Lt target), d_model = D features a token, H heads of depth D/H, V tokens in the vocabulary.
Token 0 is padding. A mask holds 1 where attention is forbidden, and is broadcast to the logits of the
attention, (N, H, Lq, Lk).

The functions take NumPy arrays and TensorFlow tensors alike and return tensors; none changes its arguments.

References
    Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser and Polosukhin (2017), Attention is all you
        need, arXiv:1706.03762 ("the paper" below).
    Ba, Kiros and Hinton (2016), Layer normalization, arXiv:1607.06450.
    Williams and Zipser (1989), A learning algorithm for continually running fully recurrent neural
        networks, Neural Computation 1 (teacher forcing).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

# --- q1: positions ---------------------------------------------------------------------------------


def positional_encoding(length, d_model):
    """Compute the waves that tell a position from another, section 3.5 of the paper.

        PE[pos, 2i] = sin(pos / 10000^(2i/d_model))        PE[pos, 2i+1] = cos(pos / 10000^(2i/d_model))

    The two columns of a pair are the coordinates of a hand that turns by a fixed angle from one position
    to the next: quickly for the first pair, 10,000 times more slowly for the last.

    Args:
        length: number of positions.
        d_model: number of columns; an odd one ends in a sine.

    Returns:
        float32 tensor (1, length, d_model).
    """
    position = np.arange(length)[:, np.newaxis]  # (L, 1)
    pair = np.arange(d_model) // 2  # (D,): 0 0 1 1 2 2 …, the i of the formula
    angle = position / 10_000 ** (2 * pair / d_model)  # (L, D)
    waves = np.where(np.arange(d_model) % 2 == 0, np.sin(angle), np.cos(angle))
    return tf.constant(waves[np.newaxis], tf.float32)


# --- q2: masks -------------------------------------------------------------------------------------


def padding_mask(tokens):
    """Mark padding, so that no query attends to it.

    Args:
        tokens: int array (N, L); 0 is padding.

    Returns:
        float32 tensor (N, 1, 1, L): 1 where the token is padding. The axes of length 1 are those of the
        heads and of the queries.
    """
    return tf.cast(tf.equal(tokens, 0), tf.float32)[:, tf.newaxis, tf.newaxis, :]


def look_ahead_mask(size):
    """Mark the future: query i may see the keys 0 … i.

    Args:
        size: number of tokens, an int or a scalar tensor.

    Returns:
        float32 tensor (size, size): 1 above the diagonal.
    """
    return 1 - tf.linalg.band_part(tf.ones((size, size)), -1, 0)


# --- q3: attention ---------------------------------------------------------------------------------


def scaled_dot_product_attention(q, k, v, mask=None):
    """Mix the values, each by how well its key fits the query; the paper's equation (1).

        weights = softmax(q·kᵀ / √d_k)        output = weights·v

    Scores are sums of d_k products. Divided by √d_k they keep the variance of a single product, so that
    the softmax does not start saturated, where it has hardly any gradient.

    Args:
        q: queries (..., Lq, d_k).
        k: keys (..., Lk, d_k).
        v: values (..., Lk, d_v).
        mask: 1 where attention is forbidden, broadcast to (..., Lq, Lk); None forbids nothing.

    Returns:
        (output, weights): tensors (..., Lq, d_v) and (..., Lq, Lk). The weights of a query sum to 1.
    """
    logits = tf.matmul(q, k, transpose_b=True)  # (..., Lq, d_k)·(..., d_k, Lk) -> (..., Lq, Lk)
    logits /= tf.sqrt(tf.cast(tf.shape(k)[-1], logits.dtype))
    if mask is not None:  # exp of the lowest number is exactly 0, and a query without any key stays finite
        logits = tf.where(tf.cast(mask, tf.bool), logits.dtype.min, logits)
    weights = tf.nn.softmax(logits, axis=-1)
    return tf.matmul(weights, v), weights


# --- q4: several heads -----------------------------------------------------------------------------


class MultiHeadAttention(layers.Layer):
    """Attention in H subspaces at once, section 3.2.2 of the paper.

        head_h = attention(q·wq_h, k·wk_h, v·wv_h)        output = concat(head_1, …, head_H)·wo

    The wq_h of all heads are the columns of one D × D matrix, and so are the wk_h and wv_h.

    Args:
        d_model: number of features D of queries, keys, values and outputs.
        num_heads: number of heads H.

    Raises:
        ValueError: if H does not divide D.
    """

    def __init__(self, d_model, num_heads, **kwargs):
        super().__init__(**kwargs)
        if d_model % num_heads != 0:
            raise ValueError(f"{num_heads} heads cannot share {d_model} features equally.")
        self.num_heads = num_heads
        self.wq, self.wk, self.wv, self.wo = (layers.Dense(d_model) for _ in range(4))

    def call(self, v, k, q, mask=None):
        """Attend.

        Args:
            v, k: values and keys (N, Lk, D).
            q: queries (N, Lq, D).
            mask: 1 where attention is forbidden, broadcast to (N, H, Lq, Lk).

        Returns:
            (output, weights): tensors (N, Lq, D) and (N, H, Lq, Lk).
        """
        q, k, v = self._split(self.wq(q)), self._split(self.wk(k)), self._split(self.wv(v))
        output, weights = scaled_dot_product_attention(q, k, v, mask)  # (N, H, Lq, D/H), (N, H, Lq, Lk)
        return self.wo(self._join(output)), weights

    def _split(self, x):
        """(N, L, D) -> (N, L, H, D/H) -> (N, H, L, D/H): head h gets the h-th block of columns."""
        n, length, d_model = tf.shape(x)[0], tf.shape(x)[1], x.shape[2]
        x = tf.reshape(x, (n, length, self.num_heads, d_model // self.num_heads))
        return tf.transpose(x, (0, 2, 1, 3))

    def _join(self, x):
        """(N, H, L, D/H) -> (N, L, D), the inverse of `_split`."""
        n, length, d_model = tf.shape(x)[0], tf.shape(x)[2], self.num_heads * x.shape[3]
        return tf.reshape(tf.transpose(x, (0, 2, 1, 3)), (n, length, d_model))


# --- q5: layers ------------------------------------------------------------------------------------


def _feed_forward(d_model, dff):
    """The same small network for every position: relu(x·w1 + b1)·w2 + b2, the paper's equation (2)."""
    return keras.Sequential([layers.Dense(dff, activation="relu"), layers.Dense(d_model)])


class EncoderLayer(layers.Layer):
    """Self-attention, then a feed-forward network, each with a residual and a normalisation after it.

        x ← LayerNorm(x + Dropout(attention(x, x, x)))        x ← LayerNorm(x + Dropout(feed_forward(x)))

    Args:
        d_model: number of features D.
        num_heads: number of heads H.
        dff: hidden units of the feed-forward network.
        rate: probability with which dropout removes a sub-layer's output.
    """

    def __init__(self, d_model, num_heads, dff, rate, **kwargs):
        super().__init__(**kwargs)
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = _feed_forward(d_model, dff)
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.dropout = layers.Dropout(rate)

    def call(self, x, mask=None, training=False):
        """Compute x's next representation.

        Args:
            x: tensor (N, L, D).
            mask: 1 where attention is forbidden, broadcast to (N, H, L, L).
            training: whether dropout acts.

        Returns:
            Tensor (N, L, D).
        """
        attended, _ = self.attention(x, x, x, mask)
        x = self.norms[0](x + self.dropout(attended, training=training))
        return self.norms[1](x + self.dropout(self.feed_forward(x), training=training))


class DecoderLayer(layers.Layer):
    """Masked self-attention, attention to the encoder, then a feed-forward network.

        x ← LayerNorm(x + Dropout(attention(x, x, x)))
        x ← LayerNorm(x + Dropout(attention(values = e, keys = e, queries = x)))      e: the encoder's output
        x ← LayerNorm(x + Dropout(feed_forward(x)))

    Args:
        d_model: number of features D.
        num_heads: number of heads H.
        dff: hidden units of the feed-forward network.
        rate: probability with which dropout removes a sub-layer's output.
    """

    def __init__(self, d_model, num_heads, dff, rate, **kwargs):
        super().__init__(**kwargs)
        self.self_attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = _feed_forward(d_model, dff)
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(3)]
        self.dropout = layers.Dropout(rate)  # has no weights, and draws anew each time

    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        """Compute x's next representation.

        Args:
            x: tensor (N, Lt, D).
            enc_output: what the encoder returned, (N, Ls, D).
            look_ahead_mask: for the self-attention, broadcast to (N, H, Lt, Lt).
            padding_mask: for the attention to the encoder, broadcast to (N, H, Lt, Ls).
            training: whether dropout acts.

        Returns:
            Tensor (N, Lt, D).
        """
        attended, _ = self.self_attention(x, x, x, look_ahead_mask)
        x = self.norms[0](x + self.dropout(attended, training=training))
        attended, _ = self.cross_attention(enc_output, enc_output, x, padding_mask)
        x = self.norms[1](x + self.dropout(attended, training=training))
        return self.norms[2](x + self.dropout(self.feed_forward(x), training=training))


# --- q6: the transformer ---------------------------------------------------------------------------


class Transformer(keras.Model):
    """The whole network: from a source and the target so far to the logits of each next target token.

    Args:
        num_layers: number of encoder layers and of decoder layers.
        d_model: number of features D.
        num_heads: number of heads H.
        dff: hidden units of the feed-forward networks.
        input_vocab_size, target_vocab_size: numbers of tokens, padding included.
        max_length: length of the longest source or target.
        rate: probability of dropout.
    """

    def __init__(
        self,
        num_layers,
        d_model,
        num_heads,
        dff,
        input_vocab_size,
        target_vocab_size,
        max_length,
        rate=0.1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        sizes = (d_model, num_heads, dff, rate)
        self.source_table = layers.Embedding(input_vocab_size, d_model)
        self.target_table = layers.Embedding(target_vocab_size, d_model)
        self.positions = positional_encoding(max_length, d_model)
        self.dropout = layers.Dropout(rate)
        self.encoder_layers = [EncoderLayer(*sizes) for _ in range(num_layers)]
        self.decoder_layers = [DecoderLayer(*sizes) for _ in range(num_layers)]
        self.logits = layers.Dense(target_vocab_size)

    def call(self, sequences, training=False):
        """Compute logits for the token after each target token; masks are made here.

        Args:
            sequences: (inputs, targets), int arrays (N, Ls) and (N, Lt).
            training: whether dropout acts.

        Returns:
            Logits (N, Lt, target_vocab_size).
        """
        inputs, targets = sequences
        source_padding = padding_mask(inputs)
        # (Lt, Lt) and (N, 1, 1, Lt) -> (N, 1, Lt, Lt)
        unseen = tf.maximum(look_ahead_mask(tf.shape(targets)[1]), padding_mask(targets))

        e = self._embed(inputs, self.source_table, training)  # (N, Ls, D)
        for layer in self.encoder_layers:
            e = layer(e, source_padding, training=training)
        x = self._embed(targets, self.target_table, training)  # (N, Lt, D)
        for layer in self.decoder_layers:
            x = layer(x, e, unseen, source_padding, training=training)
        return self.logits(x)

    def _embed(self, tokens, table, training):
        """(N, L) -> (N, L, D): the tokens' vectors, which know their position; section 3.4 of the paper.

        The table starts with small numbers; √D brings them to the size of the waves.
        """
        x = table(tokens) * table.output_dim**0.5 + self.positions[:, : tf.shape(tokens)[1]]
        return self.dropout(x, training=training)


# --- q7: loss and accuracy -------------------------------------------------------------------------


def masked_loss(labels, logits):
    """Compute the mean cross-entropy over the tokens that are no padding.

        L = -1/|T| Σ_{(n,t) in T} log softmax(logits_nt)[labels_nt]        T = {(n, t): labels_nt ≠ 0}

    Args:
        labels: next tokens (N, L), of any integer dtype.
        logits: unnormalised scores (N, L, V).

    Returns:
        Scalar tensor; 0 if there is nothing but padding.
    """
    logits = tf.convert_to_tensor(logits)
    labels = tf.cast(labels, tf.int64)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)  # (N, L)
    return _masked_mean(losses, labels)


def masked_accuracy(labels, logits):
    """Compute the share of tokens, padding left out, whose logit is the largest.

    Args:
        labels: next tokens (N, L), of any integer dtype.
        logits: unnormalised scores (N, L, V).

    Returns:
        Scalar float32 tensor in [0, 1].
    """
    labels = tf.cast(labels, tf.int64)
    hits = tf.equal(labels, tf.argmax(logits, axis=-1))
    return _masked_mean(tf.cast(hits, tf.float32), labels)


def _masked_mean(values, labels):
    """Average values (N, L) where the label is no padding."""
    counts = tf.cast(tf.not_equal(labels, 0), values.dtype)
    # A padded position may hold anything, infinity too, and 0·∞ is not 0.
    total = tf.reduce_sum(tf.where(counts > 0, values, tf.zeros_like(values)))
    return tf.math.divide_no_nan(total, tf.reduce_sum(counts))


# --- q8: training and decoding ---------------------------------------------------------------------


class _WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """The paper's equation (3): linear growth up to `peak`, then decay with 1/√step."""

    def __init__(self, peak, warmup_steps):
        self.peak, self.warmup_steps = peak, warmup_steps

    def __call__(self, step):
        ratio = (tf.cast(step, tf.float32) + 1) / self.warmup_steps
        return self.peak * tf.minimum(ratio, tf.math.rsqrt(ratio))

    def get_config(self):
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}


def train_transformer(pairs, *, vocab_size, max_length, epochs, batch_size, seed):
    """Train a small `Transformer` by teacher forcing: each target token is predicted from the true ones before.

        decoder's input  start a b c        what it should say  a b c end

    Args:
        pairs: (source, target), int arrays (N, Ls) and (N, Lt), padded with 0. A target begins with the
            start token and ends with the end token.
        vocab_size: number of tokens, the same for source and target.
        max_length: length of the longest sequence that the model is for.
        epochs: number of passes over the pairs.
        batch_size: pairs a step.
        seed: int, fixes the initial weights, the order of the pairs and the dropout.

    Returns:
        (model, history): the trained `Transformer` and a dict of lists of floats, one entry an epoch, with
        the keys loss and accuracy: means over the batches, with dropout on.
    """
    source, target = (np.asarray(tokens) for tokens in pairs)
    keras.utils.set_random_seed(seed)
    model = Transformer(1, 64, 4, 128, vocab_size, vocab_size, max_length, rate=0.1)
    optimizer = keras.optimizers.Adam(_WarmUp(3e-3, warmup_steps=100), beta_2=0.98, epsilon=1e-9)
    model((source[:1], target[:1]))  # variables are created at the first call, which the step must not be
    optimizer.build(model.trainable_variables)
    batches = tf.data.Dataset.from_tensor_slices((source, target))
    batches = batches.shuffle(len(source), seed).batch(batch_size).prefetch(tf.data.AUTOTUNE)

    @tf.function(autograph=False, input_signature=batches.element_spec)
    def step(source, target):
        shown, following = target[:, :-1], target[:, 1:]
        with tf.GradientTape() as tape:
            logits = model((source, shown), training=True)
            loss = masked_loss(following, logits)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss, masked_accuracy(following, logits)

    history = {"loss": [], "accuracy": []}
    for _ in range(epochs):
        measured = np.mean([step(*batch) for batch in batches], axis=0)  # over the epoch's batches
        for values, value in zip(history.values(), measured, strict=True):
            values.append(float(value))
    return model, history


def greedy_decode(model, source, start, end, max_length):
    """Write the target token by token, each time the likeliest one.

    Args:
        model: callable, model((source, target), training=False) -> logits (N, Lt, V).
        source: int array (N, Ls).
        start, end: the tokens with which a target begins and ends.
        max_length: length of the longest target, start and end included.

    Returns:
        int64 tensor (N, max_length): start, the tokens up to end or max_length, then 0.
    """
    source = tf.convert_to_tensor(source)

    # The target has its full length from the beginning, with padding in the place of what is not yet
    # written: no position looks ahead, and with a single shape the step is traced only once.
    @tf.function(autograph=False, reduce_retracing=True)
    def write(tokens, t):
        logits = model((source, tokens), training=False)  # (N, max_length, V)
        going_on = tf.reduce_all(tokens != end, axis=1)
        token = tf.where(going_on, tf.argmax(logits[:, t - 1], axis=-1), 0)
        return tokens + token[:, tf.newaxis] * tf.one_hot(t, max_length, dtype=tf.int64)

    tokens = start * tf.one_hot(tf.zeros(len(source), tf.int32), max_length, dtype=tf.int64)
    for t in range(1, max_length):
        tokens = write(tokens, tf.constant(t))
    return tokens
