"""q5: encoder and decoder layers.

A layer is taken apart by its weights, whatever attention it is built on. With all matrices 0 only residuals and
normalisations are left. With the matrices of the feed-forward network alone, which are known by their shapes,
that network shows. With one key there is nothing to choose, so attention is two matrices, v·w·w if all
projections are given the same w: a mistake in the attention itself, which question 4 has charged, does not
count here.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, hidden_rng

OK_FORMAT = False
name = "q5"
points = 8
D, H, DFF = 6, 2, 10


def give_weights(layer, w, w1, b1, w2):
    """Attention gets the symmetric matrix w, the feed-forward network w1, b1, w2; other biases are 0.

    Scales of a normalisation, which start as ones, stay. False where a weight has an unknown shape.
    """
    import numpy as np

    d, known = len(w), True
    for variable in layer.trainable_variables:
        found = np.asarray(variable.numpy())
        shape = tuple(n for n in found.shape if n != 1)
        if shape == w1.shape:
            value = w1
        elif shape == w2.shape:
            value = w2
        elif shape == b1.shape:
            value = b1
        elif len(shape) == 3 and shape[1] == d and shape[0] * shape[2] == d:  # (heads, d, depth)
            value = w.reshape(d, shape[0], shape[2]).transpose(1, 0, 2)
        elif found.size % (d * d) == 0 and d in shape[:1]:
            value = np.tile(w, (1, found.size // d // d))
        elif found.size == d * d and d in shape[-1:]:
            value = w
        else:  # biases, scales, or the matrices of single heads
            biases = found.size <= 3 * d and (len(shape) == 1 or found.size == d)
            known, value = known and biases, found if np.all(found == 1) else np.zeros_like(found)
        variable.assign(np.reshape(value, found.shape))
    return known


def zeros():
    """w, w1, b1, w2 of a layer that adds nothing to its input."""
    return [np.zeros(shape, np.float32) for shape in ((D, D), (D, DFF), (DFF,), (DFF, D))]


def network(rng):
    """w1, b1, w2 of a feed-forward network in which about half of the hidden units are off."""
    shapes = ((D, DFF), (DFF,), (DFF, D))
    return [rng.normal(0, 1, shape).astype(np.float32) for shape in shapes]


def symmetric(rng):
    w = rng.normal(0, 0.6, (D, D)).astype(np.float32)
    return w + w.T


def norm(x):
    """Each position to mean 0 and variance 1."""
    x = np.asarray(x, np.float64)
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)


def feed(x, w1, b1, w2, activation=True):
    z = x @ w1 + b1
    return (np.maximum(z, 0) if activation else z) @ w2


def data(rng, length, n=2):
    return (2 * rng.normal(0, 1, (n, length, D)) + 1).astype(np.float32)


def no_mask(*shape):
    return np.zeros(shape, np.float32)


def first(value, shape, what):
    """The layer's output, alone or before what else it returns."""
    return as_array(value[0] if isinstance(value, tuple | list) and len(value) else value, what, shape)


def encoder(env, rate=0.0):
    """(layer, run): the student's encoder layer, built, and a function that runs it."""
    layer = call(env, "EncoderLayer", D, H, DFF, rate)

    def run(x, mask=None, training=False):
        mask = no_mask(len(x), 1, 1, x.shape[1]) if mask is None else mask
        options = {} if training is None else {"training": training}
        return first(layer(x, mask, **options), x.shape, "EncoderLayer")

    run(np.ones((1, 2, D), np.float32))
    return layer, run


def decoder(env, rate=0.0):
    """(layer, run): the same for the decoder layer."""
    layer = call(env, "DecoderLayer", D, H, DFF, rate)

    def run(x, e, ahead=None, padding=None, training=False):
        ahead = np.triu(np.ones((x.shape[1],) * 2, np.float32), 1) if ahead is None else ahead
        padding = no_mask(len(x), 1, 1, e.shape[1]) if padding is None else padding
        options = {} if training is None else {"training": training}
        return first(layer(x, e, ahead, padding, **options), x.shape, "DecoderLayer")

    run(np.ones((1, 2, D), np.float32), np.ones((1, 2, D), np.float32))
    return layer, run


def same(a, b, tolerance=5e-3):
    """Equal up to the small number in a normalisation, which is free."""
    return a.shape == np.shape(b) and bool(np.all(np.abs(a - b) < tolerance * (1 + np.abs(b))))


def only_match(actual, causes):
    """Name of the one mistake that gives these numbers; None if there is none, or several."""
    found = [cause for cause, value in causes.items() if same(actual, value)]
    return found[0] if len(found) == 1 else None


def sound_attention(env):
    """(one key, masks): what of the student's own MultiHeadAttention may be relied on."""
    rng = hidden_rng("q5 attention")
    try:
        layer = call(env, "MultiHeadAttention", D, H)
        v, q = data(rng, 1), data(rng, 3)
        layer(v, v, q, no_mask(2, 1, 1, 1))
        w = symmetric(rng)
        known = beside(env, give_weights, layer, w, *zeros()[1:])
        output = as_array(layer(v, v, q, no_mask(2, 1, 1, 1))[0], "output", q.shape)
        one_key = not known or same(output, np.broadcast_to(v @ w @ w, q.shape))

        x, mask = data(rng, 4), no_mask(1, 1, 1, 4)
        mask[..., 2:] = 1
        layer = call(env, "MultiHeadAttention", D, H)
        outputs = [np.asarray(layer(y, y, q, mask)[0]) for y in (x, changed_at(x, slice(2, 4)))]
        return one_key, np.allclose(*outputs, atol=1e-4)
    except Exception:
        return False, False


def changed_at(x, places):
    """x with other numbers at some positions."""
    x = x.copy()
    x[:, places] = x[:, places][..., ::-1] * -1.5 + 0.3
    return x


def cause_in_encoder(env, layer, run):
    """Name of the mistake that explains the output of one token, all matrices being known."""
    rng = hidden_rng("q5 cause in the encoder")
    w, (w1, b1, w2), x = symmetric(rng), network(rng), data(rng, 1)
    beside(env, give_weights, layer, w, w1, b1, w2)
    ww = w @ w
    y, alone, early = norm(x + x @ ww), norm(x @ ww), x + norm(x) @ ww
    return only_match(
        run(x),
        {
            "encoder_without_residuals": norm(feed(alone, w1, b1, w2)),
            "no_residual_around_the_attention": norm(alone + feed(alone, w1, b1, w2)),
            "no_residual_around_the_feed_forward_network": norm(feed(y, w1, b1, w2)),
            "pre_norm_encoder": early + feed(norm(early), w1, b1, w2),
            "no_relu_in_the_feed_forward_network": norm(y + feed(y, w1, b1, w2, activation=False)),
            "feed_forward_network_left_out": y,
        },
    )


@test_case(
    name="encoder: residuals and normalisation",
    points=1.5,
    hidden=True,
    success_message="Each sub-layer of the encoder layer is followed by a residual, then a normalisation.",
    failure_message="x ← LayerNorm(x + sub-layer(x)) twice: attention, then w2·relu(w1·x + b1) + b2.",
)
def test_encoder_structure(env):
    rng = hidden_rng("q5 encoder structure")
    layer, run = encoder(env)
    start = run(data(rng, 5))
    normal = same(start.mean(axis=-1), np.zeros((2, 5)), 0.02) and same(
        start.var(axis=-1), np.ones((2, 5)), 0.05
    )
    x, (w1, b1, w2) = data(rng, 4), network(rng)
    beside(env, give_weights, layer, *zeros())
    only_norms = same(run(x), norm(x))
    beside(env, give_weights, layer, zeros()[0], w1, b1, w2)
    y = norm(x)
    feeds = same(run(x), norm(y + feed(y, w1, b1, w2)))
    if not (normal and only_norms and feeds):
        cause = cause_in_encoder(env, layer, run)
        check(normal, "The output should have mean 0 and variance 1 at each position.", cause)
        check(only_norms, "With all matrices 0, the encoder layer should only normalise.", cause)
        check(feeds, "The feed-forward part is not as it should be.", cause)


@test_case(
    name="encoder: attention and its mask",
    points=1.5,
    hidden=True,
    success_message="The encoder layer attends to its own input, but for what the mask forbids.",
    failure_message="Queries, keys and values are all x, and the mask is handed on to the attention.",
)
def test_encoder_attention(env):
    rng = hidden_rng("q5 encoder attention")
    one_key, masks = sound_attention(env)
    layer, run = encoder(env)
    x, mask = data(rng, 5), no_mask(2, 1, 1, 5)
    other = run(changed_at(x, slice(0, 1)), mask)
    check(np.abs(other - run(x, mask))[:, 1:].max() > 1e-3, "Each position should see the others.")
    if masks:
        mask[..., 3:] = 1
        before, after = run(x, mask)[:, :3], run(changed_at(x, slice(3, 5)), mask)[:, :3]
        message = "Positions that the mask forbids still reach the others."
        check(np.allclose(before, after, atol=1e-4), message, "encoder_layer_drops_its_mask")
    w = symmetric(rng)
    if beside(env, give_weights, layer, w, *zeros()[1:]) and one_key:
        x = data(rng, 1)
        if not same(run(x), norm(x + x @ w @ w)):
            check(False, "The attention's part is not as it should be.", cause_in_encoder(env, layer, run))


@test_case(
    name="encoder: dropout",
    points=1,
    hidden=True,
    success_message="Dropout acts on the sub-layers' outputs, in training only, at the rate asked for.",
    failure_message="Dropout on each sub-layer's output, before the residual is added, when training and not else.",
)
def test_encoder_dropout(env):
    rng = hidden_rng("q5 encoder dropout")
    layer, run = encoder(env, 0.5)
    x = data(rng, 6)
    check_dropout(run, [x], "dropout_always_on", "dropout_never_on")
    beside(env, give_weights, layer, *zeros())
    message = "Dropout should act on what a sub-layer adds, not on the sum."
    check(same(run(x, training=True), run(x)), message, "dropout_after_the_residual")
    beside(env, give_weights, layer, zeros()[0], *network(rng))
    message = "The feed-forward network's output should be dropped out, too."
    check(not same(run(x, training=True), run(x)), message)
    _, run = encoder(env, 0.0)
    check(same(run(x, training=True), run(x), 1e-4), "With rate 0, training should change nothing.")


def check_dropout(run, arguments, always_on, never_on=None):
    """Random in training and only then; the last two name the mistakes."""
    once, again = (run(*arguments) for _ in range(2))
    check(np.allclose(once, again, atol=1e-5), "Without training the output should not be random.", always_on)
    once, again = (run(*arguments, training=None) for _ in range(2))
    check(np.allclose(once, again, atol=1e-5), "`training` is False where it is left out.")
    once, again = (run(*arguments, training=True) for _ in range(2))
    check(not same(once, again, 1e-3), "With training=True and rate 0.5 two calls should differ.", never_on)


def attend(q, k, v, w):
    """Attention in H heads without masks, if all projections are w."""
    heads = [(a @ w).reshape(len(a), -1, H, D // H).transpose(0, 2, 1, 3) for a in (q, k, v)]
    scores = heads[0] @ heads[1].transpose(0, 1, 3, 2) / np.sqrt(D // H)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = weights / weights.sum(axis=-1, keepdims=True) @ heads[2]
    return mixed.transpose(0, 2, 1, 3).reshape(q.shape) @ w


def cause_in_decoder(env, layer, run):
    """Name of the mistake that explains the output without masks, all matrices being known."""
    rng = hidden_rng("q5 cause in the decoder")
    w, (w1, b1, w2), x, e = symmetric(rng), network(rng), data(rng, 3), data(rng, 3)
    beside(env, give_weights, layer, w, w1, b1, w2)

    def end(z):
        return norm(z + feed(z, w1, b1, w2))

    y, alone, first_e = norm(x + attend(x, x, x, w)), norm(attend(x, x, x, w)), norm(x + attend(x, e, e, w))
    n = norm(x)
    early = x + attend(n, n, n, w)
    early = early + attend(norm(early), e, e, w)
    return only_match(
        run(x, e, no_mask(3, 3)),
        {
            "decoder_without_residuals": norm(feed(norm(attend(alone, e, e, w)), w1, b1, w2)),
            "no_residual_around_the_attention_to_the_encoder": end(norm(attend(y, e, e, w))),
            "pre_norm_decoder": early + feed(norm(early), w1, b1, w2),
            "keys_from_the_decoder": end(norm(y + attend(y, y, e, w))),
            "attention_to_the_encoder_first": end(norm(first_e + attend(first_e, first_e, first_e, w))),
        },
    )


@test_case(
    name="decoder: residuals and normalisation",
    points=1,
    hidden=True,
    success_message="Each sub-layer of the decoder layer is followed by a residual, then a normalisation.",
    failure_message="x ← LayerNorm(x + sub-layer(x)) three times: self-attention, attention to the encoder, network.",
)
def test_decoder_structure(env):
    rng = hidden_rng("q5 decoder structure")
    layer, run = decoder(env)
    x, e, (w1, b1, w2) = data(rng, 4), data(rng, 4), network(rng)
    beside(env, give_weights, layer, *zeros())
    only_norms = same(run(x, e), norm(x))
    beside(env, give_weights, layer, zeros()[0], w1, b1, w2)
    y = norm(x)
    feeds = same(run(x, e), norm(y + feed(y, w1, b1, w2)))
    if not (only_norms and feeds):
        cause = cause_in_decoder(env, layer, run)
        check(only_norms, "With all matrices 0, the decoder layer should only normalise.", cause)
        check(feeds, "The feed-forward part is not as it should be.", cause)


def takes_other_lengths(layer, x, e, ahead, padding):
    """Whether source and target may have different lengths."""
    try:
        layer(x, e, ahead, padding, training=False)
    except Exception:
        return False
    return True


@test_case(
    name="decoder: attention to the encoder",
    points=1.5,
    hidden=True,
    success_message="The decoder asks, the encoder answers.",
    failure_message="Self-attention on x first; then queries from x, keys and values from enc_output.",
)
def test_decoder_cross(env):
    rng = hidden_rng("q5 decoder cross")
    one_key, _ = sound_attention(env)
    layer, run = decoder(env)
    x, e = data(rng, 4), data(rng, 3)
    if not beside(env, takes_other_lengths, layer, x, e, no_mask(4, 4), no_mask(2, 1, 1, 3)):
        message = "Source and target should be allowed to have different lengths."
        check(False, message, cause_in_decoder(env, layer, run))
    before = run(x, e)
    for place in range(3):
        moved = np.abs(run(x, changed_at(e, slice(place, place + 1))) - before).max(axis=(1, 2))
        check(np.all(moved > 1e-4), "Every position of enc_output should reach the output.")
    w = symmetric(rng)
    if beside(env, give_weights, layer, w, *zeros()[1:]) and one_key:
        x, e, ww = data(rng, 1), data(rng, 1), w @ w
        if not same(run(x, e), norm(norm(x + x @ ww) + e @ ww)):
            message = "The attention to the encoder is not as it should be."
            check(False, message, cause_in_decoder(env, layer, run))


@test_case(
    name="decoder: masks",
    points=1,
    hidden=True,
    success_message="The look-ahead mask hides the future, the padding mask the encoder's padding.",
    failure_message="look_ahead_mask belongs to the self-attention, padding_mask to the attention to the encoder.",
)
def test_decoder_masks(env):
    rng = hidden_rng("q5 decoder masks")
    _, masks = sound_attention(env)
    _, run = decoder(env)
    x, e = data(rng, 4), data(rng, 4)
    before, after = run(x, e), run(changed_at(x, slice(2, 4)), e)
    check(np.abs(after - before)[:, 2:].max() > 1e-3, "The output at a position should depend on its input.")
    free = run(changed_at(x, slice(2, 4)), e, no_mask(4, 4)) - run(x, e, no_mask(4, 4))
    check(np.abs(free[:, :2]).max() > 1e-4, "Where no mask forbids it, positions should see each other.")
    if not masks:
        return
    message = "A later position reaches an earlier one, though look_ahead_mask forbids it."
    check(
        np.allclose(before[:, :2], after[:, :2], atol=1e-4),
        message,
        "decoder_layer_drops_the_look_ahead_mask",
    )
    padding = no_mask(2, 1, 1, 4)
    padding[..., 2:] = 1
    outputs = [run(x, y, padding=padding) for y in (e, changed_at(e, slice(2, 4)))]
    message = "Positions of enc_output reach the output, though padding_mask forbids them."
    check(np.allclose(*outputs, atol=1e-4), message, "decoder_layer_drops_the_padding_mask")


@test_case(
    name="decoder: dropout",
    points=0.5,
    hidden=True,
    success_message="Dropout acts on the sub-layers' outputs, in training only, at the rate asked for.",
    failure_message="Dropout on each sub-layer's output, before the residual is added, when training and not else.",
)
def test_decoder_dropout(env):
    rng = hidden_rng("q5 decoder dropout")
    layer, run = decoder(env, 0.5)
    x, e = data(rng, 4), data(rng, 4)
    check_dropout(run, [x, e], "decoder_dropout_always_on")
    beside(env, give_weights, layer, *zeros())
    check(
        same(run(x, e, training=True), run(x, e)),
        "Dropout should act on what a sub-layer adds, not on the sum.",
    )
    _, run = decoder(env, 0.0)
    check(same(run(x, e, training=True), run(x, e), 1e-4), "With rate 0, training should change nothing.")
