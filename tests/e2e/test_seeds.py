"""Every test begins with seeds of its own, so that marks do not depend on what ran before."""

import numpy as np
import pytest

DRAWS = {
    "random": "import random\ndef draw(): return random.random()",
    "NumPy": "import numpy as np\ndef draw(): return np.random.normal(size=3)",
    "TensorFlow": "import tensorflow as tf\ndef draw(): return tf.random.normal((3,))",
    "TensorFlow with a seed for the operation": "import tensorflow as tf\ndef draw(): return tf.random.normal((3,), seed=4)",
}


def draws(session, seed: int) -> np.ndarray:
    """Two draws one after the other at the beginning of a test."""
    session.request("begin", seed, limit_s=20)
    (_, function), _ = session.request("lookup", "draw", limit_s=20)
    return np.array([session.request("call", function, [], {}, limit_s=20)[0] for _ in range(2)])


@pytest.mark.parametrize("source", DRAWS.values(), ids=DRAWS)
def test_the_same_seed_gives_the_same_draws(box, source):
    """Also the third time, after another seed, and after a hundred tests more; another seed gives others."""
    session = box()
    session.request("cell", 1, source, limit_s=20)
    first, other = draws(session, 5), draws(session, 6)
    assert not np.any(first[0] == first[1])
    assert not np.any(first == other)
    for seed in range(100, 200):
        session.request("begin", seed, limit_s=20)
    for _ in range(2):
        np.testing.assert_array_equal(draws(session, 5), first)
