"""q8: training by teacher forcing, and greedy decoding.

Decoding is tested with a scripted model, whose next token is a known function of the source and of the last token.
Training learns to write a sequence backwards, which takes attention to the source and positions.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, as_float, beside, call, check, check_close, check_gate, hidden_rng

OK_FORMAT = False
name = "q8"
points = 8
START, END, SYMBOLS, LENGTH = 1, 2, 6, 4


def scripted(table):
    """A model for which the token after position t is table[source[t], target[t]]; it notes what else is asked of it."""
    import tensorflow as tf

    class Scripted:
        def __init__(self):
            self.asked = []

        def __call__(self, sequences, training=False, mask=None):
            source, target = (tf.cast(tf.convert_to_tensor(a), tf.int64) for a in sequences)
            places = tf.range(tf.shape(target)[1]) % tf.shape(source)[1]
            chosen = tf.gather_nd(table, tf.stack([tf.gather(source, places, axis=1), target], axis=-1))
            return 4 * tf.one_hot(chosen, len(table)) - 1 + tf.sin(tf.range(len(table) * 1.0))

        call = __call__

        def __getattr__(self, name):
            if not name.startswith("_"):
                self.asked.append(name)
            raise AttributeError(name)

    return Scripted()


def simulate(following, n, start, max_length):
    """What greedy decoding writes if nothing ends it: following(tokens) gives the next token of each row."""
    tokens = np.full((n, 1), start)
    while tokens.shape[1] < max_length:
        tokens = np.concatenate([tokens, following(tokens)[:, None]], axis=1)
    return tokens


def ended(tokens, end):
    """The same with 0 behind each row's first end token."""
    before = np.cumsum(tokens == end, axis=1) - (tokens == end)
    return np.where(before > 0, 0, tokens)


def script(rng, vocab, end):
    """A table of next tokens without padding; source token 3 makes it end."""
    table = rng.integers(4, vocab, (vocab, vocab))
    table[3] = end
    return table


def decode(env, source, table, start, end, max_length):
    """(tokens, expected), both (N, max_length)."""
    model = beside(env, scripted, table)

    def following(tokens):
        step = tokens.shape[1] - 1
        return table[source[:, step % source.shape[1]], tokens[:, -1]]

    try:
        value = call(env, "greedy_decode", model, source, start, end, max_length)
    except Exception:
        if not list(model.asked):
            raise
        # It uses the parts of a Transformer: then it gets one.
        model = call(env, "Transformer", 1, 8, 2, 12, len(table), len(table), max_length, 0.0)

        def following(tokens):
            return np.asarray(model((source, tokens), training=False))[:, -1].argmax(axis=-1)

        end = int(simulate(following, len(source), start, 4)[0, -1])
        value = call(env, "greedy_decode", model, source, start, end, max_length)
    found = as_array(value, "greedy_decode")
    check(found.ndim == 2 and len(found) == len(source), "greedy_decode should return an array (N, length).")
    cause = "one_token_too_many" if found.shape[1] == max_length + 1 else None
    check(found.shape[1] <= max_length, "greedy_decode returns more than max_length tokens.", cause)
    found = np.pad(found, ((0, 0), (0, max_length - found.shape[1])))
    expected = ended(simulate(following, len(source), start, max_length), end)
    check(
        np.all(found[:, 0] == start),
        "Every target should begin with the start token.",
        "start_token_left_out",
    )
    return found, expected


def pairs(rng, n):
    """n random sequences, and the same backwards between start and end."""
    source = rng.integers(3, 3 + SYMBOLS, (n, LENGTH))
    ends = np.full((n, 1), START), np.full((n, 1), END)
    return source, np.concatenate([ends[0], source[:, ::-1], ends[1]], axis=1)


def train(env, data, epochs, seed):
    """(model, history) of the student's train_transformer; the history's form is checked."""
    settings = {"vocab_size": 3 + SYMBOLS, "max_length": LENGTH + 2, "batch_size": 32}
    result = call(env, "train_transformer", data, epochs=epochs, seed=seed, **settings)
    check(
        isinstance(result, tuple | list) and len(result) == 2,
        "train_transformer should return the pair (model, history).",
    )
    model, history = result
    check(isinstance(history, dict) and len(history) > 0, "The history should be a dict of lists.")
    curves = {}
    for key, values in history.items():
        check(hasattr(values, "__len__") and len(values) > 0, "Each entry of the history should be a list.")
        curves[key] = np.array([as_float(v, "the history") for v in values])
    check(
        len({len(curve) for curve in curves.values()}) == 1,
        "The lists of the history should be equally long.",
    )
    return model, curves


@test_case(
    name="decoding token by token",
    points=1.5,
    hidden=True,
    success_message="Each token is the likeliest after those before it.",
    failure_message="Begin with start; append the argmax of the last position's logits; feed it back in.",
)
def test_decode(env):
    rng = hidden_rng("q8 decode")
    for n, vocab, max_length in ((3, 12, 6), (1, 9, 8)):
        start, end = rng.permutation(np.arange(1, 3))
        source = rng.integers(4, vocab, (n, max_length - 1))  # nothing ends these
        found, expected = decode(env, source, script(rng, vocab, end), int(start), int(end), max_length)
        check_close(found, expected, "greedy_decode of targets that do not end by themselves")


@test_case(
    name="decoding ends",
    points=1.5,
    hidden=True,
    success_message="A target ends with its end token, and zeros follow.",
    failure_message="Each row ends by itself: nothing but 0 behind its end token, while other rows go on.",
)
def test_decode_ends(env):
    rng = hidden_rng("q8 ends")
    source = rng.integers(4, 11, (5, 7))
    source[[0, 1, 2, 4], [2, 0, 5, 2]] = 3  # row 3 goes on to max_length
    table = script(rng, 11, END)
    found, expected = decode(env, source, table, START, END, 8)
    if not np.array_equal(found, expected):
        behind = (expected == 0) & np.array_equal(np.where(expected == 0, 0, found), expected)
        cause = "decoding_goes_on_after_end" if behind.any() else None
        cause = "padded_with_the_end_token" if behind.any() and np.all(found[behind] == END) else cause
        check(False, "Behind an end token there should be nothing but 0.", cause)
    found, expected = decode(env, source[[0, 4]], table, START, END, 8)
    check_close(found, expected, "greedy_decode of targets that all end early")


@test_case(
    name="the seed fixes the training",
    points=1.5,
    hidden=True,
    success_message="The same seed trains the same model.",
    failure_message="Seed the weights, the order of the pairs and the dropout, at the beginning of train_transformer.",
)
def test_seed(env):
    rng = hidden_rng("q8 seed")
    data, seed = pairs(rng, 64), int(rng.integers(1, 10_000))
    (model, history), (again_model, again) = (train(env, data, 2, seed) for _ in range(2))
    check(all(len(curve) == 2 for curve in history.values()), "The history should have one entry an epoch.")
    check(set(history) == set(again), "Two runs should have histories with the same keys.")
    logits, again_logits = (
        np.asarray(m((data[0], data[1][:, :-1]), training=False)) for m in (model, again_model)
    )
    message = "The same seed should train the same model."
    check(np.allclose(logits, again_logits, atol=0.02), message, "seed_of_the_training_ignored")
    as_array(logits, "the trained model's logits", (64, LENGTH + 1, 3 + SYMBOLS))


@test_case(
    name="it learns to write backwards",
    points=3.5,
    hidden=True,
    success_message="The trained model predicts next tokens that it has never seen together.",
    failure_message="The decoder gets the target without its last token and should say the target without its first.",
)
def test_learns(env):
    rng = hidden_rng("q8 learns")
    data, (source, target) = pairs(rng, 640), pairs(rng, 200)
    model, history = train(env, data, 12, int(rng.integers(1, 10_000)))
    falls = any(curve[-1] < curve[0] for curve in history.values())
    logits = as_array(
        model((source, target[:, :-1]), training=False), "logits", (200, LENGTH + 1, 3 + SYMBOLS)
    )
    guesses = logits.argmax(axis=-1)
    repeats = (guesses == target[:, :-1]).mean()
    check(repeats < 0.9, "The model repeats the decoder's input, not what follows.", "targets_not_shifted")
    constant = all(np.ptp(curve) == 0 for curve in history.values())
    check(falls, "No entry of the history falls.", "one_epoch_only" if constant else None)
    check_gate(
        "a6_transformer",
        "next_token_reverse",
        (guesses == target[:, 1:]).mean(),
        "accuracy of the next token",
    )
