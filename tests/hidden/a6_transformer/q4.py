"""q4: attention in several heads.

The student's layer starts with weights that nobody knows, and holds them in an order of its own. So all four
projections are given one and the same symmetric matrix, and the same bias: then the order does not matter,
nor whether a matrix is stored transposed, and the numbers can be checked. A layer that stores its weights in
an unknown form is checked by what holds for any weights.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q4"
points = 7
D, H = 12, 3


def raised(make, d_model, num_heads):
    """Name of the exception that the constructor raises; "" if none."""
    try:
        make(d_model, num_heads)
    except Exception as error:
        return "ValueError" if isinstance(error, ValueError) else type(error).__name__
    return ""


def give_weights(layer, matrix, bias):
    """Give every projection this matrix and this bias; how many numbers were biases, None for an unknown shape."""
    import numpy as np

    d, biases = len(matrix), 0
    for variable in layer.trainable_variables:
        shape = tuple(int(n) for n in variable.shape)
        if shape in ((d, 3 * d), (d, 2 * d)):
            value = np.tile(matrix, (1, shape[1] // d))
        elif len(shape) == 3 and shape[1] == d and shape[0] * shape[2] == d:  # (heads, d, depth)
            value = matrix.reshape(d, shape[0], shape[2]).transpose(1, 0, 2)
        elif np.prod(shape) == d * d and d in (shape[0], shape[-1]):
            value = matrix.reshape(shape)
        elif np.prod(shape) % d == 0 and np.prod(shape) <= 3 * d and (len(shape) == 1 or shape[0] < d):
            value = np.tile(bias, int(np.prod(shape)) // d).reshape(shape)
            biases += int(np.prod(shape))
        else:
            return None
        variable.assign(value)
    return biases


def count(layer):
    """Numbers in the trainable weights."""
    return int(sum(v.numpy().size for v in layer.trainable_variables))


def inputs(rng, n=2, lq=4, lk=5, d=D):
    """v, k, q."""
    return [rng.normal(0, 1, (n, length, d)).astype(np.float32) for length in (lk, lk, lq)]


def mask_for(rng, shape):
    """Each query keeps its first two keys and loses its last."""
    mask = (rng.random(shape) < 0.4).astype(np.float32)
    mask[..., :2], mask[..., -1] = 0, 1
    return mask


def run(layer, v, k, q, mask, heads=H):
    """(output, weights) of the student's layer, checked for their shapes."""
    result = layer(v, k, q, mask)
    check(
        isinstance(result, tuple | list) and len(result) == 2,
        "MultiHeadAttention should return the pair (output, weights).",
    )
    output = as_array(result[0], "output", q.shape)
    return output, as_array(result[1], "weights", (len(q), heads, q.shape[1], k.shape[1]))


def oracle(
    v, k, q, mask, w, b, heads=H, depth=None, interleaved=False, project=True, split="heads", masked=True
):
    """(output, weights) with w and b for every projection, in float64; the options are what may go wrong."""
    n, d = len(q), len(w)
    part = d // heads

    def cut(x):
        x = x @ w + b
        if split == "reshape":  # (N, L, D) straight to (N, H, L, D/H)
            return x.reshape(n, heads, -1, part)
        columns = np.arange(d).reshape(part, heads).T if interleaved else np.arange(d).reshape(heads, part)
        return np.stack([x[..., c] for c in columns], axis=1)

    q, k, v = cut(q), cut(k), cut(v)
    scores = np.einsum("nhqd,nhkd->nhqk", q, k) / np.sqrt(depth or part)
    if masked:
        scores = np.where(np.broadcast_to(mask, scores.shape) == 1, -np.inf, scores)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    mixed = np.einsum("nhqk,nhkd->nhqd", weights, v)
    if split == "heads":
        mixed = mixed.transpose(0, 2, 3, 1) if interleaved else mixed.transpose(0, 2, 1, 3)
    mixed = mixed.reshape(n, -1, d)
    return (mixed @ w + b if project else mixed), weights


WRONG = {  # what the numbers prove: options of the oracle, or other arguments
    "scaled_by_d_model": {"depth": D},
    "heads_split_by_a_plain_reshape": {"split": "reshape"},
    "no_output_projection": {"project": False},
    "attention_without_its_mask": {"masked": False},
}


def cause_of(output, arguments, w, b):
    """Name of the mistake that gives the student's numbers."""
    v, k, q, mask = arguments
    candidates = {key: oracle(*arguments, w, b, **options) for key, options in WRONG.items()}
    candidates["keys_and_values_exchanged"] = oracle(k, v, q, mask, w, b)
    candidates["heads_joined_without_transposing"] = _joined_wrongly(arguments, w, b)
    found = [c for c, (value, _) in candidates.items() if np.allclose(output, value, rtol=1e-3, atol=1e-4)]
    return found[0] if len(found) == 1 else None


def _joined_wrongly(arguments, w, b):
    _, weights = oracle(*arguments, w, b)
    v = arguments[0]
    values = (v @ w + b).reshape(len(v), -1, H, D // H).transpose(0, 2, 1, 3)
    return (weights @ values).reshape(len(v), -1, D) @ w + b, weights


def cause_of_too_few(env, layer, found, arguments):
    """Which of the four projections is missing, if one is: that of the output shows in the numbers."""
    if found != 3 * (D * D + D):
        return None
    w, b = np.eye(D, dtype=np.float32)[::-1], np.zeros(D, np.float32)
    if beside(env, give_weights, layer, w, b) is None:
        return None
    output, _ = run(layer, *arguments)
    unprojected, _ = oracle(*arguments, w, b, project=False)
    if np.allclose(output, unprojected, rtol=1e-3, atol=1e-4):
        return "no_output_projection"
    projected, _ = oracle(*arguments, w, b)  # the values, too: then queries and keys share one
    return "one_projection_for_queries_and_keys" if np.allclose(output, projected, rtol=1e-3, atol=1e-4) else None


@test_case(
    name="heads that do not fit",
    points=1,
    hidden=True,
    success_message="A number of heads that does not divide d_model is refused.",
    failure_message="The constructor should raise ValueError if d_model is not a multiple of num_heads.",
)
def test_value_error(env):
    call(env, "MultiHeadAttention", 8, 4)
    for d_model, heads in ((8, 3), (10, 4)):
        found = beside(env, raised, env["MultiHeadAttention"], d_model, heads)
        check(
            found != "", "MultiHeadAttention accepts heads that cannot share d_model.", "heads_never_refused"
        )
        check(
            found == "ValueError", "MultiHeadAttention should raise ValueError, but raises another exception."
        )
    check(beside(env, raised, env["MultiHeadAttention"], 9, 3) == "", "9 features can be shared by 3 heads.")


@test_case(
    name="shapes and parameters",
    points=1,
    hidden=True,
    success_message="The layer has four projections and returns output and weights of the right shapes.",
    failure_message="Four d_model × d_model projections: of queries, keys, values, and of the joined heads.",
)
def test_parameters(env):
    rng = hidden_rng("q4 parameters")
    for d, heads in ((12, 3), (8, 2)):
        layer = call(env, "MultiHeadAttention", d, heads)
        arguments = [*inputs(rng, d=d), np.zeros((2, 1, 1, 5), np.float32)]
        run(layer, *arguments, heads)
        found = beside(env, count, layer)
        with_biases = 4 * d * d <= found <= 4 * (d * d + d) and found % d == 0
        message = f"MultiHeadAttention({d}, {heads}) should have 4·(d² + d) parameters."
        check(with_biases, message, cause_of_too_few(env, layer, found, arguments) if d == D else None)


@test_case(
    name="numbers",
    points=3,
    hidden=True,
    success_message="The layer computes attention in every head, joins the heads and projects them.",
    failure_message="Project, split (N, L, D) into (N, H, L, D/H), attend, join the heads again, project.",
)
def test_numbers(env):
    rng = hidden_rng("q4 numbers")
    layer = call(env, "MultiHeadAttention", D, H)
    arguments = [*inputs(rng), mask_for(rng, (2, 1, 4, 5))]
    run(layer, *arguments)
    w = rng.normal(0, 0.5, (D, D)).astype(np.float32)
    w, b = w + w.T, rng.normal(0, 1, D).astype(np.float32)
    biases = beside(env, give_weights, layer, w, b)
    if biases is None:
        return  # an unusual form of the weights: the other cases have to do
    if biases != 4 * D:  # not every projection has one
        b = np.zeros(D, np.float32)
        beside(env, give_weights, layer, w, b)
    output, weights = run(layer, *arguments)
    ways = [oracle(*arguments, w, b, interleaved=interleaved) for interleaved in (False, True)]
    right = any(np.allclose(output, way[0], rtol=1e-3, atol=1e-3) for way in ways)
    if not right:
        check(
            False, "The output is not that of attention in several heads.", cause_of(output, arguments, w, b)
        )
    right = any(np.allclose(weights, way[1], rtol=1e-3, atol=1e-4) for way in ways)
    check(right, "The weights are not those of the attention in each head.")


@test_case(
    name="weights and masks",
    points=1,
    hidden=True,
    success_message="The weights sum to 1 over the keys and are 0 where the mask forbids, in each head.",
    failure_message="Hand the mask on to the attention; weights of a query sum to 1 in each head, 0 where masked.",
)
def test_weights(env):
    rng = hidden_rng("q4 weights")
    layer = call(env, "MultiHeadAttention", D, H)
    for shape in ((2, 1, 1, 5), (4, 5)):
        mask = mask_for(rng, shape)
        _, weights = run(layer, *inputs(rng), mask)
        check(np.allclose(weights.sum(axis=-1), 1, atol=1e-4), "The weights of a query should sum to 1.")
        forbidden = weights[np.broadcast_to(mask, weights.shape) == 1]
        check(np.all(forbidden < 1e-6), "Where the mask is 1, the weight should be 0.")
        check(np.ptp(weights[..., 0]) > 1e-4, "The weights should depend on queries and keys.")


@test_case(
    name="order of keys and queries",
    points=1,
    hidden=True,
    success_message="Keys and values may come in any order, and each query is answered by itself.",
    failure_message="Reordering keys with their values changes no output; reordering queries reorders the outputs.",
)
def test_order(env):
    rng = hidden_rng("q4 order")
    layer = call(env, "MultiHeadAttention", D, H)
    v, k, q = inputs(rng)
    none = np.zeros((2, 1, 1, 5), np.float32)
    output, weights = run(layer, v, k, q, none)
    keys, queries = np.roll(rng.permutation(5), 1), np.array([2, 0, 3, 1])
    other_keys, other_weights = run(layer, v[:, keys], k[:, keys], q, none)
    check_close(other_keys, output, "output after keys and values were reordered alike", atol=1e-4)
    check_close(other_weights, weights[..., keys], "weights after keys and values were reordered", atol=1e-4)
    reordered, _ = run(layer, v, k, q[:, queries], none)
    check_close(reordered, output[:, queries], "output after queries were reordered", atol=1e-4)
    check(np.ptp(output, axis=1).max() > 1e-3, "Different queries should get different outputs.")
    changed, _ = run(layer, v + rng.normal(0, 1, v.shape).astype(np.float32), k, q, none)
    check(np.abs(changed - output).max() > 1e-3, "Other values should give another output.")
