"""q3: scaled dot-product attention."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q3"
points = 6


def inputs(rng, batch=(2, 3), lq=4, lk=6, dk=5, dv=7):
    """Queries, keys and values whose lengths and depths all differ, as float32."""
    shapes = ((*batch, lq, dk), (*batch, lk, dk), (*batch, lk, dv))
    return [rng.normal(0, 1, shape).astype(np.float32) for shape in shapes]


def expected(q, k, v, mask=None):
    """(output, weights) in float64, one query at a time; forbidden keys are left out, not masked."""
    batch, (lq, lk) = q.shape[:-2], (q.shape[-2], k.shape[-2])
    allowed = (
        np.ones((*batch, lq, lk), bool) if mask is None else np.broadcast_to(mask == 0, (*batch, lq, lk))
    )
    output, weights = np.zeros((*batch, lq, v.shape[-1])), np.zeros((*batch, lq, lk))
    for index in np.ndindex(*batch, lq):
        keys = np.flatnonzero(allowed[index])
        scores = k[index[:-1]][keys].astype(np.float64) @ q[index].astype(np.float64) / q.shape[-1] ** 0.5
        weights[index][keys] = np.exp(scores - np.logaddexp.reduce(scores))
        output[index] = weights[index] @ v[index[:-1]]
    return output, weights


def attention(env, *arguments):
    result = call(env, "scaled_dot_product_attention", *arguments)
    check(
        isinstance(result, tuple | list) and len(result) == 2,
        "scaled_dot_product_attention should return the pair (output, weights).",
    )
    return result


def check_both(env, arguments):
    output, weights = attention(env, *arguments)
    right_output, right_weights = expected(*arguments)
    check_close(weights, right_weights, "weights", atol=1e-5)
    check_close(output, right_output, "output", atol=1e-5)


def random_mask(rng, shape):
    """Ones and zeros; each query keeps a key, and each mask forbids one."""
    mask = (rng.random(shape) < 0.5).astype(np.float32)
    keep = rng.integers(0, shape[-1], shape[:-1])[..., None]
    np.put_along_axis(mask, keep, 0, axis=-1)
    np.put_along_axis(mask, (keep + 1) % shape[-1], 1, axis=-1)
    return mask


@test_case(
    name="weights and output",
    points=2,
    hidden=True,
    success_message="Weights and output are right.",
    failure_message="weights = softmax(q·kᵀ/√d_k) over the keys, output = weights·v; return both.",
)
def test_values(env):
    rng = hidden_rng("q3 values")
    check_both(env, inputs(rng))
    check_both(env, inputs(rng, batch=(3,), lq=5, lk=2, dk=4, dv=3))


@test_case(
    name="masks of every shape",
    points=2,
    hidden=True,
    success_message="Masks of every shape act: forbidden keys get weight 0, the others share 1.",
    failure_message="Where the mask is 1 the logit has to vanish before the softmax: add -1e9 there, for instance.",
)
def test_masks(env):
    rng = hidden_rng("q3 masks")
    for shape in ((4, 6), (2, 1, 1, 6), (2, 1, 4, 6)):
        check_both(env, [*inputs(rng), random_mask(rng, shape)])


@test_case(
    name="forbidden keys leave no trace",
    points=1,
    hidden=True,
    success_message="What stands at forbidden keys changes nothing.",
    failure_message="Change keys and values where the mask is 1: weights and output should stay exactly the same.",
)
def test_no_trace(env):
    rng = hidden_rng("q3 trace")
    q, k, v = inputs(rng)
    mask = np.zeros((2, 1, 1, 6), np.float32)
    mask[..., 3:] = 1
    output, weights = attention(env, q, k, v, mask)
    first = expected(q, k[..., :3, :], v[..., :3, :])
    k[..., 3:, :], v[..., 3:, :] = rng.normal(0, 30, (2, *k.shape[:2], 3, 1))
    again, again_weights = attention(env, q, k, v, mask)
    check_close(as_array(weights, "weights", (2, 3, 4, 6))[..., :3], first[1], "weights of the allowed keys")
    check_close(again, as_array(output, "output", (2, 3, 4, 7)), "output after forbidden keys changed")
    check_close(again_weights, weights, "weights after forbidden keys changed")


@test_case(
    name="large scores and single keys",
    points=1,
    hidden=True,
    success_message="Large scores stay finite, and a single query or key works.",
    failure_message="Scores of 10,000 must not overflow; try one query, one key, and no batch axis of length > 1.",
)
def test_large(env):
    rng = hidden_rng("q3 large")
    q, k, v = inputs(rng, batch=(2,), lq=2, lk=3)
    check_both(env, [q * 100, k * 100, v])
    check_both(env, [*inputs(rng, batch=(1, 1), lq=1, lk=4), random_mask(rng, (1, 4))])
    check_both(env, inputs(rng, batch=(1,), lq=3, lk=1, dk=1))
