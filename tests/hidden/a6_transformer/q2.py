"""q2: masks for padding and for the future; 1 is what must not be seen."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check_close, hidden_rng

OK_FORMAT = False
name = "q2"
points = 4


@test_case(
    name="padding",
    points=2,
    hidden=True,
    success_message="Padding is marked, and nothing else.",
    failure_message="1 where the token is 0, else 0, in the shape (N, 1, 1, L).",
)
def test_padding(env):
    rng = hidden_rng("q2 padding")
    for n, length in ((4, 7), (1, 5), (3, 1)):
        tokens = rng.integers(1, 30, (n, length)) * (rng.random((n, length)) < 0.6)
        tokens[0, -1], tokens[-1, 0] = 0, 7  # at least one of both kinds
        for dtype in (np.int64, np.int32):
            mask = as_array(
                call(env, "padding_mask", tokens.astype(dtype)), "padding_mask", (n, 1, 1, length)
            )
            check_close(
                mask[:, 0, 0], np.array([[float(t == 0) for t in row] for row in tokens]), "padding_mask"
            )


@test_case(
    name="the future",
    points=2,
    hidden=True,
    success_message="The future is marked, the present and the past are not.",
    failure_message="Row i is the query i: 1 for the keys after i, 0 for those up to i itself.",
)
def test_future(env):
    for size in (int(hidden_rng("q2 future").integers(4, 12)), 2, 1):
        mask = as_array(call(env, "look_ahead_mask", size), "look_ahead_mask", (size, size))
        check_close(
            mask, np.array([[float(j > i) for j in range(size)] for i in range(size)]), "look_ahead_mask"
        )
