"""q6: the whole transformer, mostly by what holds whatever its weights are.

Where the numbers themselves are checked, all matrices but embeddings and the last one are 0 or one symmetric
matrix w, as in question 5. A finding counts only if the student's own layers, which questions 4 and 5 have
judged, are not to blame for it.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, hidden_rng

OK_FORMAT = False
name = "q6"
points = 7
D, H, DFF, V_IN, V_OUT, LONGEST = 6, 2, 10, 17, 19, 9


def give_weights(model, w, source_table, target_table, positions, last):
    """Embeddings, learned positions if there are any, and the last matrix by their shapes; every other matrix w or 0.

    Scales of a normalisation stay. True if the last matrix is there, False if it shares the embedding; None where
    a weight has an unknown shape.
    """
    import numpy as np

    d, has_last = len(w), False
    for variable in model.trainable_variables:
        found = np.asarray(variable.numpy())
        shape = tuple(n for n in found.shape if n != 1)
        known = [a for a in (source_table, target_table, positions, last) if a.shape == shape]
        has_last = has_last or shape == last.shape
        if known:
            value = known[0]
        elif len(shape) == 3 and shape[1] == d and shape[0] * shape[2] == d:  # (heads, d, depth)
            value = w.reshape(d, shape[0], shape[2]).transpose(1, 0, 2)
        elif found.size % (d * d) == 0 and d in (*shape[:1], *shape[-1:]):
            value = np.tile(w.reshape(d, d), (1, found.size // d // d))
        elif w.any() and len(shape) == 2 and found.size == d * d // 2:  # a head's own matrix
            return None
        else:
            value = found if np.all(found == 1) else np.zeros_like(found)
        variable.assign(np.reshape(value, found.shape))
    return has_last


def count(model):
    """Numbers in the trainable weights."""
    return int(sum(v.numpy().size for v in model.trainable_variables))


def norm(x):
    x = np.asarray(x, np.float64)
    return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)


def waves(length):
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(D) // 2 * 2 / D)
    return np.where(np.arange(D) % 2, np.cos(angle), np.sin(angle))


def close(a, b, tolerance=5e-3):
    return np.shape(a) == np.shape(b) and bool(np.all(np.abs(a - b) < tolerance * (1 + np.abs(b))))


def tokens(rng, n, length, vocab):
    """Tokens of which no two neighbours are equal, and none is padding."""
    return (rng.integers(0, vocab - 2, (n, 1)) + np.arange(length) * int(rng.integers(1, 4))) % (
        vocab - 1
    ) + 1


def transformer(env, num_layers=1, rate=0.0):
    """(model, run): the student's model, and a function that runs it and checks the shape."""
    model = call(env, "Transformer", num_layers, D, H, DFF, V_IN, V_OUT, LONGEST, rate)

    def run(source, target, training=False):
        value = model((source, target), training=training)
        return as_array(value, "logits", (*target.shape, V_OUT))

    return model, run


def spread(difference):
    """The largest absolute difference at each target position."""
    return np.abs(difference).max(axis=(0, 2))


def layers_keep_masks(env):
    """Whether the student's own layers let masks act, so that a leak would be the transformer's."""
    rng = hidden_rng("q6 layers")
    x, e = rng.normal(0, 1, (2, 1, 4, D)).astype(np.float32)
    other_x, other_e = x.copy(), e.copy()
    other_x[:, 2:], other_e[:, 2:] = rng.normal(0, 3, (2, 1, 2, D))
    padding, ahead = np.float32([[[[0, 0, 1, 1]]]]), np.triu(np.ones((4, 4), np.float32), 1)
    try:
        layer = call(env, "EncoderLayer", D, H, DFF, 0.0)
        encoded = [_output(layer(y, padding, training=False))[:, :2] for y in (x, other_x)]
        layer = call(env, "DecoderLayer", D, H, DFF, 0.0)
        decoded = [
            _output(layer(*y, ahead, padding, training=False))[:, :2] for y in ((x, e), (other_x, other_e))
        ]
    except Exception:
        return False
    return np.allclose(*encoded, atol=1e-4) and np.allclose(*decoded, atol=1e-4)


def _output(value):
    return np.asarray(value[0] if isinstance(value, tuple | list) else value)


def layers_compute(env, w):
    """Whether the student's own layers, with one key and this matrix, give what q5 asks for."""
    rng = hidden_rng("q6 computing layers")
    x, e = rng.normal(0, 2, (2, 3, 1, D)).astype(np.float32)
    ahead, padding, ww = np.zeros((1, 1), np.float32), np.zeros((3, 1, 1, 1), np.float32), w @ w
    unused = [np.zeros((99, k), np.float32) for k in (96, 97, 98, 99)]
    try:
        encoder, decoder = (call(env, key, D, H, DFF, 0.0) for key in ("EncoderLayer", "DecoderLayer"))
        encoder(x, padding, training=False), decoder(x, e, ahead, padding, training=False)
        for layer in (encoder, decoder):
            beside(env, give_weights, layer, w, *unused)
        encoded = _output(encoder(x, padding, training=False))
        decoded = _output(decoder(x, e, ahead, padding, training=False))
    except Exception:
        return False
    return close(encoded, norm(x + x @ ww)) and close(decoded, norm(norm(x + x @ ww) + e @ ww))


@test_case(
    name="logits",
    points=1,
    hidden=True,
    success_message="The logits have the right shape, up to the longest sequences, and layers are stacked.",
    failure_message="Logits (N, Lt, target_vocab), no softmax; sequences may have max_length tokens; num_layers of both.",
)
def test_logits(env):
    rng = hidden_rng("q6 logits")
    sizes = []
    for num_layers in (1, 2):
        model, run = transformer(env, num_layers)
        logits = run(tokens(rng, 3, LONGEST, V_IN), tokens(rng, 3, LONGEST - 3, V_OUT))
        sums = logits.sum(axis=-1)
        check(
            not np.allclose(sums, 1, atol=1e-3),
            "These are probabilities, not logits.",
            "softmax_on_the_logits",
        )
        run(tokens(rng, 2, 4, V_IN), tokens(rng, 2, LONGEST, V_OUT))
        sizes.append(beside(env, count, model))
    smallest = 12 * D * D + 4 * D * DFF
    message = "Every encoder layer and every decoder layer should have weights of its own."
    check(sizes[1] - sizes[0] >= smallest, message, "num_layers_ignored" if sizes[0] == sizes[1] else None)


@test_case(
    name="causality",
    points=1.5,
    hidden=True,
    success_message="A logit depends on its own and earlier target tokens, never on later ones.",
    failure_message="Change one target token: logits at its place and after it move, those before stay the same.",
)
def test_causality(env):
    rng = hidden_rng("q6 causality")
    _, run = transformer(env)
    source, target = tokens(rng, 2, 5, V_IN), tokens(rng, 2, 6, V_OUT)
    before = run(source, target)
    for place in (1, 3, 5):
        other = target.copy()
        other[:, place] = other[:, place] % (V_OUT - 1) + 1
        moved = spread(run(source, other) - before)
        check(
            np.all(moved[place:] > 1e-4), "A target token should change the logits at its place and after it."
        )
        if not np.all(moved[:place] < 1e-3) and layers_keep_masks(env):
            cause = "decoder_looks_ahead_by_one" if np.all(moved[: place - 1] < 1e-3) and place > 1 else None
            cause = cause or ("decoder_sees_the_future" if place > 1 and moved[0] > 1e-3 else None)
            check(place == 1, "A later target token changes an earlier logit.", cause)
    check(spread(before[:1] - before[1:]).max() > 1e-3, "Different pairs should get different logits.")


def attend(q, k, w):
    """Attention of q to k in H heads, if all projections are w."""
    queries, keys = ((a @ w).reshape(len(a), -1, H, D // H).transpose(0, 2, 1, 3) for a in (q, k))
    weights = np.exp(queries @ keys.transpose(0, 1, 3, 2) / np.sqrt(D // H))
    mixed = weights / weights.sum(axis=-1, keepdims=True) @ keys
    return mixed.transpose(0, 2, 1, 3).reshape(q.shape) @ w


def cause_of_padding(env):
    """Where one padded token leaks, all matrices being known: in the encoder, or in the attention to it."""
    rng = hidden_rng("q6 cause of padding")
    arrays = [rng.normal(0, 1, shape).astype(np.float32) for shape in ((V_IN, D), (V_OUT, D), (D, V_OUT))]
    w, positions = rng.normal(0, 0.4, (D, D)).astype(np.float32), waves(LONGEST).astype(np.float32)
    w = w + w.T
    model, run = transformer(env)
    source, target = np.array([[5, 0], [7, 0]]), np.array([[3], [4]])
    run(source, target)
    has_last = beside(env, give_weights, model, w, arrays[0], arrays[1], positions, arrays[2])
    e, x = (
        table[t] * np.sqrt(D) + positions[: t.shape[1]]
        for table, t in zip(arrays, (source, target), strict=False)
    )
    x = norm(x + attend(x, x, w))

    def logits(in_encoder, towards_encoder):
        """The logits if so many tokens of the source are seen."""
        encoded = norm(e + attend(e, e[:, :in_encoder], w))
        return norm(x + attend(x, encoded[:, :towards_encoder], w)) @ (arrays[2] if has_last else arrays[1].T)

    found = run(source, target)
    if close(found, logits(2, 1)):
        return "no_padding_mask_in_the_encoder"
    return "no_padding_mask_towards_the_encoder" if close(found, logits(1, 2)) else None


@test_case(
    name="padding",
    points=1.5,
    hidden=True,
    success_message="Padding behind source and target changes nothing; source tokens do.",
    failure_message="Append zeros to the source: no logit changes. Append zeros to the target: no earlier one changes.",
)
def test_padding(env):
    rng = hidden_rng("q6 padding")
    _, run = transformer(env)
    source, target = tokens(rng, 2, 5, V_IN), tokens(rng, 2, 4, V_OUT)
    before = run(source, target)
    for place in range(5):
        other = source.copy()
        other[:, place] = other[:, place] % (V_IN - 1) + 1
        check(
            np.all(spread(run(other, target) - before) > 1e-5), "Each source token should reach every logit."
        )
    longer = np.pad(target, ((0, 0), (0, 3)))
    quiet = [
        spread(run(np.pad(source, ((0, 0), (0, 3))), target) - before),
        spread(run(source, longer)[:, :4] - before),
    ]
    if max(map(np.max, quiet)) < 1e-3 or not layers_keep_masks(env):
        return
    check(quiet[0].max() < 1e-3, "Padding behind the source changes logits.", cause_of_padding(env))
    check(False, "Padding behind the target changes earlier logits.")


@test_case(
    name="positions",
    points=1,
    hidden=True,
    success_message="The order of tokens matters, in source and target.",
    failure_message="Exchange two tokens of the source, or two early tokens of the target: the logits should change.",
)
def test_positions(env):
    rng = hidden_rng("q6 positions")
    _, run = transformer(env)
    source, target = tokens(rng, 2, 5, V_IN), tokens(rng, 2, 5, V_OUT)
    before = run(source, target)
    others = run(source % (V_IN - 1) + 1, target)  # each token another one, and none of them padding
    check(np.abs(others - before).max() > 1e-4, "The source's tokens do not matter.")
    in_source = np.abs(run(source[:, [1, 0, 3, 2, 4]], target) - before).max()
    in_target = np.abs(run(source, target[:, [0, 2, 1, 3, 4]]) - before)[:, -1].max()
    cause = "no_positions" if in_target < 1e-4 else "no_positions_in_the_source"
    check(in_source > 1e-4, "The order of the source's tokens does not matter.", cause)
    check(in_target > 1e-4, "The order of the target's tokens does not matter.")


@test_case(
    name="embeddings and the way through",
    points=1,
    hidden=True,
    success_message="Embeddings are scaled, positions are added, and all parts are connected as they should be.",
    failure_message="embedding·sqrt(d_model) + positions into the layers; the last encoder layer feeds each decoder layer.",
)
def test_embeddings(env):
    rng = hidden_rng("q6 embeddings")
    arrays = [rng.normal(0, 1, shape).astype(np.float32) for shape in ((V_IN, D), (V_OUT, D), (D, V_OUT))]
    source_table, target_table, last = arrays
    positions, root = waves(LONGEST).astype(np.float32), np.sqrt(D)
    model, run = transformer(env)
    source, target = tokens(rng, 3, 1, V_IN), tokens(rng, 3, 1, V_OUT)
    run(source, target)

    nothing = np.zeros((D, D), np.float32)
    has_last = beside(env, give_weights, model, nothing, source_table, target_table, positions, last)
    last = last if has_last else target_table.T
    longer = tokens(rng, 3, 7, V_OUT)
    x, pe = target_table[longer], positions[:7]
    found = run(source, longer)
    causes = {"embeddings_not_scaled": norm(x + pe) @ last, "no_positions": norm(x) @ last}
    causes["embeddings_scaled_by_d_model"] = norm(D * x + pe) @ last
    if not close(found, norm(root * x + pe) @ last) and layers_compute(env, nothing):
        report("The decoder's input is not embedding·sqrt(d_model) + positions.", found, causes)

    w = rng.normal(0, 0.6, (D, D)).astype(np.float32)
    w = w + w.T
    if beside(env, give_weights, model, w, source_table, target_table, positions, arrays[2]) is None:
        return
    ww, found = w @ w, run(source, target)

    def whole(e, x):
        e = norm(e + e @ ww)
        return norm(norm(x + x @ ww) + e @ ww) @ last

    e, x = source_table[source], target_table[target]
    right = whole(root * e + positions[:1], root * x + positions[:1])
    if not close(found, right) and layers_compute(env, w):
        causes = {
            "embeddings_not_scaled": whole(e + positions[:1], x + positions[:1]),
            "no_positions": whole(root * e, root * x),
            "encoder_layers_left_out": norm(
                norm((root * x + positions[:1]) @ (np.eye(D) + ww)) + (root * e + positions[:1]) @ ww
            )
            @ last,
        }
        report(
            "The way from the source through the encoder to the logits is not as it should be.", found, causes
        )


def report(message, found, causes):
    """Fail, with the name of the one mistake that gives these numbers, if there is one."""
    names = [cause for cause, value in causes.items() if close(found, value)]
    check(False, message, names[0] if len(names) == 1 else None)


@test_case(
    name="dropout",
    points=1,
    hidden=True,
    success_message="Dropout acts in training only, at the rate asked for.",
    failure_message="Hand training on to every layer with dropout, and the rate to each of them.",
)
def test_dropout(env):
    rng = hidden_rng("q6 dropout")
    source, target = tokens(rng, 2, 5, V_IN), tokens(rng, 2, 4, V_OUT)
    _, run = transformer(env, rate=0.5)
    once, again = (run(source, target) for _ in range(2))
    check(
        np.allclose(once, again, atol=1e-4),
        "Without training two calls should agree.",
        "transformer_always_trains",
    )
    once, again = (run(source, target, training=True) for _ in range(2))
    check(
        not np.allclose(once, again, atol=1e-3),
        "In training two calls should differ.",
        "training_not_handed_on",
    )
    _, run = transformer(env, rate=0.0)
    first, second = run(source, target), run(source, target, training=True)
    check(
        np.allclose(first, second, atol=1e-4), "With rate 0, training should change nothing.", "rate_ignored"
    )
