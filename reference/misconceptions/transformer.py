"""What goes wrong in a6, as students write it; see `reference/transformer.py` for what is right.

One function or class a misconception, with the name of the mistake, in the order of the questions. Its
explanation is what a student reads whose numbers it reproduces: what was done, and what the formula says.
"""

import keras
import numpy as np
import tensorflow as tf

from autograder.misconceptions import misconception
from reference.transformer import (
    DecoderLayer,
    EncoderLayer,
    MultiHeadAttention,
    Transformer,
    look_ahead_mask,
    masked_loss,
    padding_mask,
    scaled_dot_product_attention,
    train_transformer,
)

# --- q1: positions ---------------------------------------------------------------------------------


@misconception(
    question="q1",
    replaces="positional_encoding",
    caught_by="fast and slow waves",
    explanation="Sines and cosines are exchanged: even columns are sines, odd columns cosines.",
)
def sine_and_cosine_exchanged(length, d_model):
    column = np.arange(d_model)
    angle = np.arange(length)[:, None] / 10000 ** (column // 2 * 2 / d_model)
    return np.where(column % 2 == 0, np.cos(angle), np.sin(angle))[None]


@misconception(
    question="q1",
    replaces="positional_encoding",
    caught_by="fast and slow waves",
    explanation="The first half of the columns holds sines and the second half cosines. They alternate: sine in "
    "column 2i, cosine of the same angle in column 2i+1.",
)
def sines_then_cosines(length, d_model):
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(0, d_model, 2) / d_model)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)[None]


@misconception(
    question="q1",
    replaces="positional_encoding",
    caught_by="fast and slow waves",
    explanation="The exponent is i/d_model. It is 2i/d_model, so that the waves reach the length 10000·2π at the "
    "last columns.",
)
def exponent_without_the_two(length, d_model):
    column = np.arange(d_model)
    angle = np.arange(length)[:, None] / 10000 ** (column // 2 / d_model)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))[None]


@misconception(
    question="q1",
    replaces="positional_encoding",
    caught_by="fast and slow waves",
    explanation="Here i counts columns. In the formula it counts pairs of columns: sine and cosine of a pair have "
    "the same angle.",
)
def pairs_counted_as_columns(length, d_model):
    column = np.arange(d_model)
    angle = np.arange(length)[:, None] / 10000 ** (2 * column / d_model)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))[None]


@misconception(
    question="q1",
    replaces="positional_encoding",
    caught_by="fast and slow waves",
    explanation="The angle is multiplied by 10000^(2i/d_model). It is divided by it: later columns turn more slowly.",
)
def frequencies_inverted(length, d_model):
    column = np.arange(d_model)
    angle = np.arange(length)[:, None] * 10000 ** (column // 2 * 2 / d_model)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))[None]


@misconception(
    question="q1",
    replaces="positional_encoding",
    caught_by="shape and first position",
    explanation="Positions are counted from 1. The first position is 0, where every sine is 0.",
)
def positions_from_one(length, d_model):
    column = np.arange(d_model)
    angle = (np.arange(length)[:, None] + 1) / 10000 ** (column // 2 * 2 / d_model)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))[None]


@misconception(
    question="q1",
    replaces="positional_encoding",
    caught_by="shape and first position",
    explanation="There is no axis for the batch: the shape is (1, length, d_model).",
)
def encoding_without_batch_axis(length, d_model):
    column = np.arange(d_model)
    angle = np.arange(length)[:, None] / 10000 ** (column // 2 * 2 / d_model)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))


@misconception(
    question="q1",
    replaces="positional_encoding",
    caught_by="far positions",
    explanation="Positions are scaled to the range from 0 to 1. In the formula pos is the position itself: 0, 1, 2, …",
)
def positions_scaled_to_one(length, d_model):
    column = np.arange(d_model)
    angle = np.linspace(0, 1, length)[:, None] / 10000 ** (column // 2 * 2 / d_model)
    return np.where(column % 2 == 0, np.sin(angle), np.cos(angle))[None]


# --- q2: masks -------------------------------------------------------------------------------------


@misconception(
    question="q2",
    replaces="padding_mask",
    caught_by="padding",
    explanation="This mask is 1 at real tokens. In this assignment a mask is 1 where attention is forbidden: at "
    "padding.",
)
def padding_mask_inverted(tokens):
    return tf.cast(tf.not_equal(tokens, 0), tf.float32)[:, None, None, :]


@misconception(
    question="q2",
    replaces="padding_mask",
    caught_by="padding",
    explanation="The axes of heads and queries are missing: (N, 1, 1, L) is broadcast to the logits, (N, L) is not.",
)
def padding_mask_of_two_axes(tokens):
    return tf.cast(tf.equal(tokens, 0), tf.float32)


@misconception(
    question="q2",
    replaces="padding_mask",
    caught_by="padding",
    explanation="The tokens stand along the axis of the queries. Padding is hidden as a key, on the last axis: "
    "(N, 1, 1, L).",
)
def padding_mask_of_queries(tokens):
    return tf.cast(tf.equal(tokens, 0), tf.float32)[:, None, :, None]


@misconception(
    question="q2",
    replaces="look_ahead_mask",
    caught_by="the future",
    explanation="The diagonal is masked, too, so that a token cannot attend to itself and the first to nothing. "
    "Only what lies strictly above it is the future.",
)
def present_masked_as_well(size):
    return 1 - tf.linalg.band_part(tf.ones((size, size)), -1, 0) + tf.eye(size)


@misconception(
    question="q2",
    replaces="look_ahead_mask",
    caught_by="the future",
    explanation="The mask is upside down: it hides the past and shows the future. Rows are queries, columns keys.",
)
def past_masked_instead(size):
    return 1 - tf.linalg.band_part(tf.ones((size, size)), 0, -1)


@misconception(
    question="q2",
    replaces="look_ahead_mask",
    caught_by="the future",
    explanation="This mask is 1 where attention is allowed. Here 1 forbids: the triangle above the diagonal.",
)
def look_ahead_mask_inverted(size):
    return tf.linalg.band_part(tf.ones((size, size)), -1, 0)


@misconception(
    question="q2",
    replaces="look_ahead_mask",
    caught_by="the future",
    explanation="One token of the future is left visible: the mask starts at the second diagonal above. It starts "
    "directly above the main one.",
)
def one_token_ahead_visible(size):
    return 1 - tf.linalg.band_part(tf.ones((size, size)), -1, 1)


# --- q3: attention ---------------------------------------------------------------------------------


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="weights and output",
    explanation="The scores are not divided by sqrt(d_k). Their variance grows with the depth, and the softmax "
    "saturates.",
)
def scores_not_scaled(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True)
    if mask is not None:
        logits += tf.cast(mask, logits.dtype) * -1e9
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="weights and output",
    explanation="The scores are divided by d_k. It is the square root of d_k that keeps their variance at 1.",
)
def scaled_by_the_depth_itself(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.cast(tf.shape(k)[-1], tf.float32)
    if mask is not None:
        logits += tf.cast(mask, logits.dtype) * -1e9
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="weights and output",
    explanation="The scores are divided by the root of the number of keys. d_k is the depth of a key, the last axis.",
)
def scaled_by_the_number_of_keys(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-2], tf.float32))
    if mask is not None:
        logits += tf.cast(mask, logits.dtype) * -1e9
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="weights and output",
    explanation="The softmax runs over the queries. The weights of one query have to sum to 1 over the keys, the last "
    "axis.",
)
def softmax_over_queries(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    if mask is not None:
        logits += tf.cast(mask, logits.dtype) * -1e9
    weights = tf.nn.softmax(logits, axis=-2)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="weights and output",
    explanation="The second value holds the scores before the softmax. Return the weights.",
)
def logits_for_weights(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    if mask is not None:
        logits += tf.cast(mask, logits.dtype) * -1e9
    return tf.matmul(tf.nn.softmax(logits), v), logits


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="weights and output",
    explanation="The weights mix the keys. What they mix are the values.",
)
def weights_mix_the_keys(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    if mask is not None:
        logits += tf.cast(mask, logits.dtype) * -1e9
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, k), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="masks of every shape",
    explanation="The mask is not used. Where it is 1, the weight has to be 0.",
)
def mask_ignored(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="masks of every shape",
    explanation="The scores are multiplied by 1 - mask. A score of 0 is not a weight of 0: exp(0) is 1. Add a very "
    "negative number instead.",
)
def scores_multiplied_by_the_mask(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    if mask is not None:
        logits *= 1 - tf.cast(mask, logits.dtype)
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="masks of every shape",
    explanation="The mask is read the other way round: 1 forbids attention, 0 allows it.",
)
def mask_read_inverted(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    if mask is not None:
        logits += (1 - tf.cast(mask, logits.dtype)) * -1e9
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="masks of every shape",
    explanation="The weights are set to 0 after the softmax, so that those which are left no longer sum to 1. Mask the "
    "scores, before the softmax.",
)
def masked_after_the_softmax(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    weights = tf.nn.softmax(logits)
    if mask is not None:
        weights *= 1 - tf.cast(mask, logits.dtype)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="masks of every shape",
    explanation="The mask itself is subtracted from the scores. A score that is 1 smaller still gets a weight; "
    "it has to be smaller by something like 10⁹.",
)
def mask_subtracted_as_it_is(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    if mask is not None:
        logits -= tf.cast(mask, logits.dtype)
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="forbidden keys leave no trace",
    explanation="Forbidden scores become 0. A score of 0 is still a score; its weight is not 0.",
)
def forbidden_scores_set_to_zero(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    if mask is not None:
        logits = (
            tf.where(tf.cast(mask, tf.bool), tf.zeros_like(logits), logits) - tf.cast(mask, logits.dtype) / 10
        )
    weights = tf.nn.softmax(logits)
    return tf.matmul(weights, v), weights


@misconception(
    question="q3",
    replaces="scaled_dot_product_attention",
    caught_by="large scores and single keys",
    explanation="The exponentials overflow. Subtract the largest score of a row first, as tf.nn.softmax does.",
)
def softmax_that_overflows(q, k, v, mask=None):
    logits = tf.matmul(q, k, transpose_b=True) / tf.sqrt(tf.cast(tf.shape(k)[-1], tf.float32))
    if mask is not None:
        logits += tf.cast(mask, logits.dtype) * -1e9
    e = tf.exp(logits)
    weights = e / tf.reduce_sum(e, axis=-1, keepdims=True)
    return tf.matmul(weights, v), weights


# --- q4: several heads -----------------------------------------------------------------------------


@misconception(
    question="q4",
    replaces="MultiHeadAttention",
    caught_by="heads that do not fit",
    explanation="Any number of heads is accepted. Raise ValueError where d_model % num_heads is not 0.",
)
class heads_never_refused(keras.layers.Layer):
    def __init__(self, d_model, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.depth = num_heads, d_model // num_heads
        self.wq, self.wk, self.wv, self.wo = (keras.layers.Dense(d_model) for _ in range(4))

    def call(self, v, k, q, mask=None):
        def split(x):
            x = tf.reshape(x, (tf.shape(x)[0], -1, self.num_heads, self.depth))
            return tf.transpose(x, (0, 2, 1, 3))

        output, weights = scaled_dot_product_attention(
            split(self.wq(q)), split(self.wk(k)), split(self.wv(v)), mask
        )
        output = tf.transpose(output, (0, 2, 1, 3))
        return self.wo(tf.reshape(output, (tf.shape(q)[0], -1, self.num_heads * self.depth))), weights


@misconception(
    question="q4",
    replaces="MultiHeadAttention",
    caught_by="numbers",
    explanation="The scores are divided by sqrt(d_model). Inside a head the depth is d_model/num_heads; its root "
    "is the scale.",
)
class scaled_by_d_model(MultiHeadAttention):
    def call(self, v, k, q, mask=None):
        q = self._split(self.wq(q)) / self.num_heads**0.5
        k, v = self._split(self.wk(k)), self._split(self.wv(v))
        output, weights = scaled_dot_product_attention(q, k, v, mask)
        return self.wo(self._join(output)), weights


@misconception(
    question="q4",
    replaces="MultiHeadAttention",
    caught_by="numbers",
    explanation="(N, L, D) is reshaped to (N, H, L, D/H) at once, which mixes positions. Reshape to (N, L, H, D/H) and "
    "transpose.",
)
class heads_split_by_a_plain_reshape(MultiHeadAttention):
    def _split(self, x):
        return tf.reshape(x, (tf.shape(x)[0], self.num_heads, -1, x.shape[2] // self.num_heads))

    def _join(self, x):
        return tf.reshape(x, (tf.shape(x)[0], -1, self.num_heads * x.shape[3]))


@misconception(
    question="q4",
    replaces="MultiHeadAttention",
    caught_by="numbers",
    explanation="The heads are joined by a reshape alone, which mixes positions. Transpose (N, H, L, D/H) to "
    "(N, L, H, D/H) first.",
)
class heads_joined_without_transposing(MultiHeadAttention):
    def _join(self, x):
        return tf.reshape(x, (tf.shape(x)[0], -1, self.num_heads * x.shape[3]))


@misconception(
    question="q4",
    replaces="MultiHeadAttention",
    caught_by="shapes and parameters",
    explanation="The joined heads are returned as they are. A fourth projection follows them.",
)
class no_output_projection(MultiHeadAttention):
    def __init__(self, d_model, num_heads, **kwargs):
        super().__init__(d_model, num_heads, **kwargs)
        self.wo = keras.layers.Identity()


@misconception(
    question="q4",
    replaces="MultiHeadAttention",
    caught_by="shapes and parameters",
    explanation="There are three projections' worth of parameters. Queries, keys, values and the output have one each.",
)
class one_projection_for_queries_and_keys(MultiHeadAttention):
    def __init__(self, d_model, num_heads, **kwargs):
        super().__init__(d_model, num_heads, **kwargs)
        self.wk = self.wq


@misconception(
    question="q4",
    replaces="MultiHeadAttention",
    caught_by="weights and masks",
    explanation="The mask does not reach the attention. Hand it on to scaled_dot_product_attention.",
)
class attention_without_its_mask(MultiHeadAttention):
    def call(self, v, k, q, mask=None):
        return super().call(v, k, q, None)


@misconception(
    question="q4",
    replaces="MultiHeadAttention",
    caught_by="numbers",
    explanation="Keys and values are exchanged: the order of the arguments is v, k, q.",
)
class keys_and_values_exchanged(MultiHeadAttention):
    def call(self, k, v, q, mask=None):
        return super().call(v, k, q, mask)


# --- q5: layers ------------------------------------------------------------------------------------


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: residuals and normalisation",
    explanation="The input of a sub-layer is not added to its output. Each sub-layer has a residual: "
    "LayerNorm(x + sub-layer(x)).",
)
class encoder_without_residuals(EncoderLayer):
    def call(self, x, mask=None, training=False):
        x = self.norms[0](self.dropout(self.attention(x, x, x, mask)[0], training=training))
        return self.norms[1](self.dropout(self.feed_forward(x), training=training))


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: residuals and normalisation",
    explanation="The normalisation comes before each sub-layer (pre-norm). In the paper of 2017 it comes after the "
    "residual is added (post-norm).",
)
class pre_norm_encoder(EncoderLayer):
    def call(self, x, mask=None, training=False):
        y = self.norms[0](x)
        x = x + self.dropout(self.attention(y, y, y, mask)[0], training=training)
        return x + self.dropout(self.feed_forward(self.norms[1](x)), training=training)


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: residuals and normalisation",
    explanation="The feed-forward network's input is not added to its output.",
)
class no_residual_around_the_feed_forward_network(EncoderLayer):
    def call(self, x, mask=None, training=False):
        x = self.norms[0](x + self.dropout(self.attention(x, x, x, mask)[0], training=training))
        return self.norms[1](self.dropout(self.feed_forward(x), training=training))


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: attention and its mask",
    explanation="The attention's input is not added to its output.",
)
class no_residual_around_the_attention(EncoderLayer):
    def call(self, x, mask=None, training=False):
        x = self.norms[0](self.dropout(self.attention(x, x, x, mask)[0], training=training))
        return self.norms[1](x + self.dropout(self.feed_forward(x), training=training))


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: residuals and normalisation",
    explanation="The feed-forward network has no ReLU between its two layers, so that they are one linear map.",
)
class no_relu_in_the_feed_forward_network(EncoderLayer):
    def __init__(self, d_model, num_heads, dff, rate, **kwargs):
        super().__init__(d_model, num_heads, dff, rate, **kwargs)
        self.feed_forward = keras.Sequential([keras.layers.Dense(dff), keras.layers.Dense(d_model)])


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: residuals and normalisation",
    explanation="The feed-forward network is left out.",
)
class feed_forward_network_left_out(EncoderLayer):
    def call(self, x, mask=None, training=False):
        x = self.norms[0](x + self.dropout(self.attention(x, x, x, mask)[0], training=training))
        return self.norms[1](x)


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: attention and its mask",
    explanation="The encoder layer does not hand its mask on to the attention, so that padding is attended to.",
)
class encoder_layer_drops_its_mask(EncoderLayer):
    def call(self, x, mask=None, training=False):
        return super().call(x, None, training)


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: dropout",
    explanation="Dropout is always on. It acts only when training is true.",
)
class dropout_always_on(EncoderLayer):
    def call(self, x, mask=None, training=False):
        return super().call(x, mask, True)


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: dropout",
    explanation="Dropout never acts: training does not reach the dropout layers.",
)
class dropout_never_on(EncoderLayer):
    def call(self, x, mask=None, training=False):
        return super().call(x, mask, False)


@misconception(
    question="q5",
    replaces="EncoderLayer",
    caught_by="encoder: dropout",
    explanation="Dropout acts on the sum of residual and sub-layer. It belongs to the sub-layer's output, before the "
    "residual is added.",
)
class dropout_after_the_residual(EncoderLayer):
    def call(self, x, mask=None, training=False):
        x = self.norms[0](self.dropout(x + self.attention(x, x, x, mask)[0], training=training))
        return self.norms[1](self.dropout(x + self.feed_forward(x), training=training))


@misconception(
    question="q5",
    replaces="DecoderLayer",
    caught_by="decoder: residuals and normalisation",
    explanation="The decoder layer normalises before each sub-layer (pre-norm). In the paper of 2017 it does so after "
    "the residual is added (post-norm).",
)
class pre_norm_decoder(DecoderLayer):
    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        y = self.norms[0](x)
        x = x + self.dropout(self.self_attention(y, y, y, look_ahead_mask)[0], training=training)
        y = self.norms[1](x)
        x = x + self.dropout(
            self.cross_attention(enc_output, enc_output, y, padding_mask)[0], training=training
        )
        return x + self.dropout(self.feed_forward(self.norms[2](x)), training=training)


@misconception(
    question="q5",
    replaces="DecoderLayer",
    caught_by="decoder: residuals and normalisation",
    explanation="The decoder's sub-layers have no residuals. Each is LayerNorm(x + sub-layer(x)).",
)
class decoder_without_residuals(DecoderLayer):
    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        x = self.norms[0](self.dropout(self.self_attention(x, x, x, look_ahead_mask)[0], training=training))
        attended = self.cross_attention(enc_output, enc_output, x, padding_mask)[0]
        x = self.norms[1](self.dropout(attended, training=training))
        return self.norms[2](self.dropout(self.feed_forward(x), training=training))


@misconception(
    question="q5",
    replaces="DecoderLayer",
    caught_by="decoder: attention to the encoder",
    explanation="Keys come from the decoder. In the attention to the encoder only the queries do; keys and values are "
    "both enc_output.",
)
class keys_from_the_decoder(DecoderLayer):
    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        x = self.norms[0](
            x + self.dropout(self.self_attention(x, x, x, look_ahead_mask)[0], training=training)
        )
        attended = self.cross_attention(enc_output, x, x, padding_mask)[0]
        x = self.norms[1](x + self.dropout(attended, training=training))
        return self.norms[2](x + self.dropout(self.feed_forward(x), training=training))


@misconception(
    question="q5",
    replaces="DecoderLayer",
    caught_by="decoder: attention to the encoder",
    explanation="The attention to the encoder comes first. The decoder attends to its own tokens first, then to the "
    "encoder.",
)
class attention_to_the_encoder_first(DecoderLayer):
    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        attended = self.cross_attention(enc_output, enc_output, x, padding_mask)[0]
        x = self.norms[0](x + self.dropout(attended, training=training))
        x = self.norms[1](
            x + self.dropout(self.self_attention(x, x, x, look_ahead_mask)[0], training=training)
        )
        return self.norms[2](x + self.dropout(self.feed_forward(x), training=training))


@misconception(
    question="q5",
    replaces="DecoderLayer",
    caught_by="decoder: attention to the encoder",
    explanation="The residual around the attention to the encoder is missing.",
)
class no_residual_around_the_attention_to_the_encoder(DecoderLayer):
    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        x = self.norms[0](
            x + self.dropout(self.self_attention(x, x, x, look_ahead_mask)[0], training=training)
        )
        attended = self.cross_attention(enc_output, enc_output, x, padding_mask)[0]
        x = self.norms[1](self.dropout(attended, training=training))
        return self.norms[2](x + self.dropout(self.feed_forward(x), training=training))


@misconception(
    question="q5",
    replaces="DecoderLayer",
    caught_by="decoder: masks",
    explanation="The look-ahead mask does not reach the decoder's self-attention, which sees the future.",
)
class decoder_layer_drops_the_look_ahead_mask(DecoderLayer):
    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        return super().call(x, enc_output, None, padding_mask, training)


@misconception(
    question="q5",
    replaces="DecoderLayer",
    caught_by="decoder: masks",
    explanation="The padding mask does not reach the attention to the encoder, which then attends to padding.",
)
class decoder_layer_drops_the_padding_mask(DecoderLayer):
    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        return super().call(x, enc_output, look_ahead_mask, None, training)


@misconception(
    question="q5",
    replaces="DecoderLayer",
    caught_by="decoder: dropout",
    explanation="The decoder layer's dropout is always on. It acts only when training is true.",
)
class decoder_dropout_always_on(DecoderLayer):
    def call(self, x, enc_output, look_ahead_mask=None, padding_mask=None, training=False):
        return super().call(x, enc_output, look_ahead_mask, padding_mask, True)


# --- q6: the transformer ---------------------------------------------------------------------------


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="embeddings and the way through",
    explanation="The embeddings are added to the positions as they are. They are multiplied by sqrt(d_model) first.",
)
class embeddings_not_scaled(Transformer):
    def _embed(self, tokens, table, training):
        return self.dropout(table(tokens) + self.positions[:, : tf.shape(tokens)[1]], training=training)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="embeddings and the way through",
    explanation="The embeddings are multiplied by d_model. It is its root that brings them to the size of the waves.",
)
class embeddings_scaled_by_d_model(Transformer):
    def _embed(self, tokens, table, training):
        x = table(tokens) * table.output_dim + self.positions[:, : tf.shape(tokens)[1]]
        return self.dropout(x, training=training)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="positions",
    explanation="No positions are added, so that the order of the tokens is lost.",
)
class no_positions(Transformer):
    def _embed(self, tokens, table, training):
        return self.dropout(table(tokens) * table.output_dim**0.5, training=training)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="positions",
    explanation="The source has no positions: to the encoder, its tokens are a set.",
)
class no_positions_in_the_source(Transformer):
    def _embed(self, tokens, table, training):
        x = table(tokens) * table.output_dim**0.5
        if table is self.target_table:
            x += self.positions[:, : tf.shape(tokens)[1]]
        return self.dropout(x, training=training)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="padding",
    explanation="The encoder's layers get no padding mask, so that real tokens mix with padding.",
)
class no_padding_mask_in_the_encoder(Transformer):
    def call(self, sequences, training=False):
        inputs, targets = sequences
        e = self._embed(inputs, self.source_table, training)
        for layer in self.encoder_layers:
            e = layer(e, 0 * padding_mask(inputs), training=training)
        x = self._embed(targets, self.target_table, training)
        for layer in self.decoder_layers:
            x = layer(x, e, look_ahead_mask(tf.shape(targets)[1]), padding_mask(inputs), training=training)
        return self.logits(x)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="padding",
    explanation="The attention to the encoder gets no padding mask, so that the decoder attends to padding.",
)
class no_padding_mask_towards_the_encoder(Transformer):
    def call(self, sequences, training=False):
        inputs, targets = sequences
        e = self._embed(inputs, self.source_table, training)
        for layer in self.encoder_layers:
            e = layer(e, padding_mask(inputs), training=training)
        x = self._embed(targets, self.target_table, training)
        for layer in self.decoder_layers:
            x = layer(
                x, e, look_ahead_mask(tf.shape(targets)[1]), 0 * padding_mask(inputs), training=training
            )
        return self.logits(x)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="causality",
    explanation="The decoder's self-attention has no look-ahead mask: each position sees the answer it should predict.",
)
class decoder_sees_the_future(Transformer):
    def call(self, sequences, training=False):
        inputs, targets = sequences
        e = self._embed(inputs, self.source_table, training)
        for layer in self.encoder_layers:
            e = layer(e, padding_mask(inputs), training=training)
        x = self._embed(targets, self.target_table, training)
        for layer in self.decoder_layers:
            x = layer(x, e, padding_mask(targets), padding_mask(inputs), training=training)
        return self.logits(x)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="causality",
    explanation="Each position of the decoder sees the token after it, which is the one that it has to predict.",
)
class decoder_looks_ahead_by_one(Transformer):
    def call(self, sequences, training=False):
        inputs, targets = sequences
        length = tf.shape(targets)[1]
        unseen = 1 - tf.linalg.band_part(tf.ones((length, length)), -1, 1)
        e = self._embed(inputs, self.source_table, training)
        for layer in self.encoder_layers:
            e = layer(e, padding_mask(inputs), training=training)
        x = self._embed(targets, self.target_table, training)
        for layer in self.decoder_layers:
            x = layer(x, e, unseen, padding_mask(inputs), training=training)
        return self.logits(x)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="embeddings and the way through",
    explanation="The decoder attends to the embedded source. It attends to the output of the last encoder layer.",
)
class encoder_layers_left_out(Transformer):
    def call(self, sequences, training=False):
        inputs, targets = sequences
        e = self._embed(inputs, self.source_table, training)
        for layer in self.encoder_layers:
            layer(e, padding_mask(inputs), training=training)
        x = self._embed(targets, self.target_table, training)
        for layer in self.decoder_layers:
            x = layer(x, e, look_ahead_mask(tf.shape(targets)[1]), padding_mask(inputs), training=training)
        return self.logits(x)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="logits",
    explanation="The last layer has a softmax. The transformer returns logits, and the loss takes them as such.",
)
class softmax_on_the_logits(Transformer):
    def call(self, sequences, training=False):
        return tf.nn.softmax(super().call(sequences, training))


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="logits",
    explanation="There is one layer of each kind, whatever num_layers says.",
)
class num_layers_ignored(Transformer):
    def __init__(self, num_layers, *sizes, **kwargs):
        super().__init__(1, *sizes, **kwargs)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="dropout",
    explanation="The layers are always in training mode. Hand training on as it is.",
)
class transformer_always_trains(Transformer):
    def call(self, sequences, training=False):
        return super().call(sequences, True)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="dropout",
    explanation="training is not handed on to the layers, so that dropout never acts.",
)
class training_not_handed_on(Transformer):
    def call(self, sequences, training=False):
        return super().call(sequences, False)


@misconception(
    question="q6",
    replaces="Transformer",
    caught_by="dropout",
    explanation="The rate of dropout is not the one that was asked for.",
)
class rate_ignored(Transformer):
    def __init__(
        self, num_layers, d_model, num_heads, dff, input_vocab, target_vocab, max_length, rate=0.1, **kwargs
    ):
        super().__init__(
            num_layers, d_model, num_heads, dff, input_vocab, target_vocab, max_length, 0.1, **kwargs
        )


# --- q7: loss and accuracy -------------------------------------------------------------------------


@misconception(
    question="q7",
    replaces="masked_loss",
    caught_by="loss",
    explanation="Padding counts like any token. Leave it out of the sum and of the number that divides it.",
)
def loss_over_padding_too(labels, logits):
    labels = tf.cast(labels, tf.int64)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


@misconception(
    question="q7",
    replaces="masked_loss",
    caught_by="loss",
    explanation="Losses at padding are set to 0, but the sum is divided by the number of all tokens. Divide by the "
    "number of real ones.",
)
def divided_by_all_tokens(labels, logits):
    labels = tf.cast(labels, tf.int64)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return tf.reduce_mean(losses * tf.cast(labels != 0, losses.dtype))


@misconception(
    question="q7",
    replaces="masked_loss",
    caught_by="loss",
    explanation="The losses of the tokens are added up. Take their mean.",
)
def loss_summed(labels, logits):
    labels = tf.cast(labels, tf.int64)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return tf.reduce_sum(losses * tf.cast(labels != 0, losses.dtype))


@misconception(
    question="q7",
    replaces="masked_loss",
    caught_by="loss",
    explanation="The mean of each row is taken first, then the mean of the rows, so that tokens of short rows count "
    "more. All real tokens count alike.",
)
def mean_of_the_rows_means(labels, logits):
    labels = tf.cast(labels, tf.int64)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    real = tf.cast(labels != 0, losses.dtype)
    return tf.reduce_mean(tf.reduce_sum(losses * real, axis=1) / tf.reduce_sum(real, axis=1))


@misconception(
    question="q7",
    replaces="masked_loss",
    caught_by="loss",
    explanation="The loss takes the logits for probabilities that are passed through the softmax twice.",
)
def softmax_before_the_loss(labels, logits):
    labels = tf.cast(labels, tf.int64)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.nn.softmax(logits))
    real = tf.cast(labels != 0, losses.dtype)
    return tf.reduce_sum(losses * real) / tf.reduce_sum(real)


@misconception(
    question="q7",
    replaces="masked_loss",
    caught_by="loss ignores what stands behind the padding",
    explanation="Tokens are left out where the model says padding. It is the label that says so.",
)
def mask_from_the_prediction(labels, logits):
    labels = tf.cast(labels, tf.int64)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    real = tf.cast(tf.argmax(logits, axis=-1) != 0, losses.dtype)
    return tf.reduce_sum(losses * real) / tf.reduce_sum(real)


@misconception(
    question="q7",
    replaces="masked_loss",
    caught_by="integer types and large logits",
    explanation="The logarithm of a finished softmax is cut off, so that a sure mistake costs too little. Compute the "
    "loss from the logits.",
)
def loss_cut_off(labels, logits):
    labels = tf.cast(labels, tf.int64)
    p = tf.gather(tf.nn.softmax(tf.cast(logits, tf.float32)), labels, batch_dims=2)
    real = tf.cast(labels != 0, tf.float32)
    return -tf.reduce_sum(tf.math.log(p + 1e-7) * real) / tf.reduce_sum(real)


@misconception(
    question="q7",
    replaces="masked_accuracy",
    caught_by="accuracy",
    explanation="Padding counts as a token that is to be predicted. Leave it out.",
)
def accuracy_counts_padding(labels, logits):
    labels = tf.cast(labels, tf.int64)
    return tf.reduce_mean(tf.cast(labels == tf.argmax(logits, axis=-1), tf.float32))


@misconception(
    question="q7",
    replaces="masked_accuracy",
    caught_by="accuracy",
    explanation="Hits at real tokens are divided by the number of all tokens. Divide by the number of real ones.",
)
def hits_divided_by_all_tokens(labels, logits):
    labels = tf.cast(labels, tf.int64)
    hits = (labels == tf.argmax(logits, axis=-1)) & (labels != 0)
    return tf.reduce_mean(tf.cast(hits, tf.float32))


# --- q8: training and decoding ---------------------------------------------------------------------


@misconception(
    question="q8",
    replaces="train_transformer",
    caught_by="it learns to write backwards",
    explanation="The decoder is trained to repeat its input. Its input is the target without the last token, what it "
    "should say is the target without the first.",
)
def targets_not_shifted(pairs, *, vocab_size, max_length, epochs, batch_size, seed):
    keras.utils.set_random_seed(seed)
    source, target = (np.asarray(tokens) for tokens in pairs)
    model = Transformer(1, 16, 2, 32, vocab_size, vocab_size, max_length)
    model((source[:1], target[:1]))
    optimizer = keras.optimizers.Adam(5e-3)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(source, target):
        with tf.GradientTape() as tape:
            loss = masked_loss(target[:, :-1], model((source, target[:, :-1]), training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    batches = tf.data.Dataset.from_tensor_slices((source, target)).shuffle(len(source), seed)
    batches = batches.batch(batch_size, drop_remainder=True)
    return model, {"loss": [float(np.mean([step(*batch) for batch in batches])) for _ in range(epochs)]}


@misconception(
    question="q8",
    replaces="train_transformer",
    caught_by="it learns to write backwards",
    explanation="The model is trained for one epoch, whatever epochs says.",
)
def one_epoch_only(pairs, *, epochs, right=train_transformer, **settings):
    model, history = right(pairs, epochs=1, **settings)
    return model, {key: values * epochs for key, values in history.items()}


@misconception(
    question="q8",
    replaces="train_transformer",
    caught_by="the seed fixes the training",
    explanation="The seed is not used: two runs with the same seed differ.",
)
def seed_of_the_training_ignored(pairs, *, seed, right=train_transformer, **settings):
    return right(pairs, seed=int(np.random.default_rng().integers(10_000)), **settings)


@misconception(
    question="q8",
    replaces="greedy_decode",
    caught_by="decoding ends",
    explanation="Decoding goes on after the end token. A row that has ended gets nothing but 0.",
)
def decoding_goes_on_after_end(model, source, start, end, max_length):
    tokens = np.full((len(source), 1), start)
    while tokens.shape[1] < max_length:
        logits = np.asarray(model((source, tokens), training=False))
        tokens = np.concatenate([tokens, logits[:, -1:].argmax(axis=-1)], axis=1)
    return tokens


@misconception(
    question="q8",
    replaces="greedy_decode",
    caught_by="decoding ends",
    explanation="All rows stop as soon as one of them has ended. Each row ends by itself.",
)
def all_rows_stop_with_the_first(model, source, start, end, max_length):
    tokens = np.full((len(source), 1), start)
    while tokens.shape[1] < max_length and not np.any(tokens == end):
        logits = np.asarray(model((source, tokens), training=False))
        tokens = np.concatenate([tokens, logits[:, -1:].argmax(axis=-1)], axis=1)
    return tokens


@misconception(
    question="q8",
    replaces="greedy_decode",
    caught_by="decoding ends",
    explanation="After its end token a row repeats that token. It is followed by 0, the padding.",
)
def padded_with_the_end_token(model, source, start, end, max_length):
    tokens = np.full((len(source), 1), start)
    while tokens.shape[1] < max_length:
        logits = np.asarray(model((source, tokens), training=False))
        over = np.any(tokens == end, axis=1, keepdims=True)
        tokens = np.concatenate([tokens, np.where(over, end, logits[:, -1:].argmax(axis=-1))], axis=1)
    return tokens


@misconception(
    question="q8",
    replaces="greedy_decode",
    caught_by="decoding token by token",
    explanation="The start token is missing from the result. Every target begins with it.",
)
def start_token_left_out(model, source, start, end, max_length):
    tokens = np.full((len(source), 1), start)
    while tokens.shape[1] < max_length:
        logits = np.asarray(model((source, tokens), training=False))
        over = np.any(tokens == end, axis=1, keepdims=True)
        tokens = np.concatenate([tokens, np.where(over, 0, logits[:, -1:].argmax(axis=-1))], axis=1)
    return tokens[:, 1:]


@misconception(
    question="q8",
    replaces="greedy_decode",
    caught_by="decoding token by token",
    explanation="The result is one token too long: max_length counts the start token as well.",
)
def one_token_too_many(model, source, start, end, max_length):
    tokens = np.full((len(source), 1), start)
    for _ in range(max_length):
        logits = np.asarray(model((source, tokens), training=False))
        over = np.any(tokens == end, axis=1, keepdims=True)
        tokens = np.concatenate([tokens, np.where(over, 0, logits[:, -1:].argmax(axis=-1))], axis=1)
    return tokens


@misconception(
    question="q8",
    replaces="greedy_decode",
    caught_by="decoding token by token",
    explanation="Each new token is read from the logits of the first position. The last position predicts it.",
)
def logits_of_the_first_position(model, source, start, end, max_length):
    tokens = np.full((len(source), 1), start)
    while tokens.shape[1] < max_length:
        logits = np.asarray(model((source, tokens), training=False))
        over = np.any(tokens == end, axis=1, keepdims=True)
        tokens = np.concatenate([tokens, np.where(over, 0, logits[:, :1].argmax(axis=-1))], axis=1)
    return tokens
