"""q1: the reparameterisation trick, its values and its gradients."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check, check_close, gradients, hidden_rng

OK_FORMAT = False
name = "q1"
points = 5


def draw(label, shape=(6, 3), spread=1.0):
    """mean, logvar and eps in float32."""
    rng = hidden_rng(label)
    mean, eps = rng.normal(0, 2, shape), rng.normal(0, 1, shape)
    return tuple(a.astype(np.float32) for a in (mean, rng.uniform(-2 * spread, 1.5 * spread, shape), eps))


@test_case(
    name="mean, spread and the given noise",
    points=2,
    hidden=True,
    success_message="The sample is right.",
    failure_message="z = mean + exp(logvar/2)·eps, with the eps that was given, element by element.",
)
def test_value(env):
    for shape in ((6, 3), (1, 4)):
        mean, logvar, eps = draw(f"q1 value {shape}", shape)
        std = np.sqrt(np.exp(logvar.astype(np.float64)))
        z, again = (as_array(call(env, "reparameterize", mean, logvar, eps), "z", shape) for _ in range(2))
        same = np.allclose(z, again)
        check(
            same, "Two calls with the same eps give different z.", cause=None if same else "noise_drawn_anew"
        )
        check_close(z, mean + std * eps, "z")


@test_case(
    name="very small and very large variances",
    points=1,
    hidden=True,
    success_message="Variances from 1e-9 to 1e9 give the right sample.",
    failure_message="Try logvar = -20 and logvar = 20: the standard deviation is exp(logvar/2), whatever "
    "its size.",
)
def test_extremes(env):
    _, logvar, eps = draw("q1 extremes", (8, 2), spread=10.0)
    std = np.exp(logvar.astype(np.float64) / 2)
    mean = (std * eps[::-1]).astype(np.float32)  # as large as the spread, so that rounding hides neither
    z = as_array(call(env, "reparameterize", mean, logvar, eps), "z", mean.shape)
    check_close(z / std, mean / std + eps, "z in units of its standard deviation", atol=1e-5)


@test_case(
    name="gradients reach mean and logvar",
    points=2,
    hidden=True,
    success_message="Gradients flow through the sample to mean and logvar.",
    failure_message="A tape has to see how z depends on mean and logvar: dz/dmean = 1, "
    "dz/dlogvar = ½·exp(logvar/2)·eps.",
)
def test_gradients(env):
    mean, logvar, eps = draw("q1 gradients")
    upstream = hidden_rng("q1 upstream").normal(0, 1, mean.shape).astype(np.float32)
    found = gradients(env, "reparameterize", mean, logvar, eps, upstream=upstream, wrt=(0, 1))
    for gradient, what in zip(found, ("mean", "logvar"), strict=True):
        check(gradient is not None, f"No gradient reaches {what}.", cause="gradient_cut_off")
    check_close(found[0], upstream, "dz/dmean")
    half_noise = eps * np.exp(logvar.astype(np.float64) / 2) / 2
    check_close(found[1], upstream * half_noise, "dz/dlogvar")
