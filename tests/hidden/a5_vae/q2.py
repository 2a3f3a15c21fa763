"""q2: divergence and density of normal distributions, against closed forms, Monte Carlo and quadrature."""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q2"
points = 8


def normal(label, shape=(5, 3)):
    """mean and logvar in float32."""
    rng = hidden_rng(label)
    return rng.normal(0, 1.2, shape).astype(np.float32), rng.uniform(-2, 1.2, shape).astype(np.float32)


def log_density(z, mean, logvar):
    """Sum over dimensions of the log-density, by SciPy in float64."""
    from scipy.stats import norm

    return norm.logpdf(z, mean, np.exp(np.asarray(logvar, np.float64) / 2)).sum(axis=-1)


@test_case(
    name="divergence of each example",
    points=2,
    hidden=True,
    success_message="The KL divergence is right.",
    failure_message="KL = -½·Σ(1 + logvar - mean² - exp(logvar)), the sum over the latent dimensions.",
)
def test_kl(env):
    mean, logvar = normal("q2 kl", (6, 4))
    m, v = mean.astype(np.float64), np.exp(logvar.astype(np.float64))
    check_close(call(env, "kl_divergence", mean, logvar), (v + m**2 - np.log(v) - 1).sum(axis=1) / 2, "KL")


@test_case(
    name="divergence against Monte Carlo",
    points=1.5,
    hidden=True,
    success_message="The KL divergence is the mean of log q - log p.",
    failure_message="KL = E_q[log q(z) - log p(z)] with the standard normal p: draw many z from q and "
    "compare.",
)
def test_monte_carlo(env):
    mean, logvar = normal("q2 monte carlo", (3, 2))
    noise = hidden_rng("q2 noise").normal(size=(200_000, *mean.shape))
    z = mean + np.exp(logvar / 2) * noise
    ratio = log_density(z, mean, logvar) - log_density(z, 0, 0)
    kl = as_array(call(env, "kl_divergence", mean, logvar), "KL", (3,))
    error = np.abs(kl - ratio.mean(axis=0)) / (ratio.std(axis=0) / np.sqrt(len(z)))
    check(error.max() < 6, "KL is not the mean of log q - log p over samples of q.")


@test_case(
    name="divergence from the prior itself",
    points=1,
    hidden=True,
    success_message="The KL divergence is 0 for the prior and positive elsewhere.",
    failure_message="For mean = 0 and logvar = 0 the KL divergence is 0; it is never negative, and grows "
    "with |mean| and |logvar|.",
)
def test_prior(env):
    rng = hidden_rng("q2 prior")
    mean, logvar = np.zeros((7, 2), np.float32), np.zeros((7, 2), np.float32)
    mean[1:3, 0], logvar[3:5, 1] = rng.uniform(1, 2, 2) * [1, -1], rng.uniform(1, 2, 2) * [1, -1]
    mean[5:], logvar[5:] = rng.uniform(1, 4, (2, 2)), rng.normal(0, 3, (2, 2))
    kl = as_array(call(env, "kl_divergence", mean, logvar), "KL", (7,))
    check(abs(kl[0]) < 1e-6, "The KL divergence of the prior from itself should be 0.")
    check(kl.min() > -1e-6, "A KL divergence is never negative.")
    check(kl[1:].min() > 0.1, "Away from the prior the KL divergence should be positive.")


@test_case(
    name="log-density of each example",
    points=2,
    hidden=True,
    success_message="The log-density is right.",
    failure_message="log N = -½·Σ(log 2π + logvar + (z - mean)²·exp(-logvar)), summed over the dimensions.",
)
def test_log_density(env):
    mean, logvar = normal("q2 density")
    z = hidden_rng("q2 points").normal(0, 2, mean.shape).astype(np.float32)
    expected = log_density(z.astype(np.float64), mean, logvar)
    check_close(call(env, "log_normal_pdf", z, mean, logvar), expected, "log-density")


@test_case(
    name="density integrates to one",
    points=1,
    hidden=True,
    success_message="The density integrates to one.",
    failure_message="exp(log_normal_pdf) over the whole line should have the integral 1: are constant and "
    "variance in the exponent's front?",
)
def test_integral(env):
    rng = hidden_rng("q2 integral")
    for logvar in rng.uniform([-3, 0.5], [-1, 2]):
        mean, std = rng.normal(0, 2), np.exp(logvar / 2)
        z = np.linspace(mean - 10 * std, mean + 10 * std, 801, dtype=np.float32)[:, None]
        parameters = (np.full_like(z, value) for value in (mean, logvar))
        log_pdf = as_array(call(env, "log_normal_pdf", z, *parameters), "log-density", (801,))
        total = np.trapezoid(np.exp(np.minimum(log_pdf, 50)), z[:, 0].astype(np.float64))
        check(abs(total - 1) < 1e-3, f"The integral of the density is {total:.3g}, not 1.")


@test_case(
    name="one example, one dimension",
    points=0.5,
    hidden=True,
    success_message="One example and one latent dimension give the right shapes and values.",
    failure_message="Try arrays of shape (1, K) and (N, 1): the result is (1,) and (N,).",
)
def test_small(env):
    for shape in ((1, 3), (4, 1)):
        mean, logvar = normal(f"q2 small {shape}", shape)
        z = hidden_rng(f"q2 small points {shape}").normal(0, 1, shape).astype(np.float32)
        kl = (np.exp(logvar.astype(np.float64)) + mean.astype(np.float64) ** 2 - logvar - 1).sum(axis=1) / 2
        check_close(call(env, "kl_divergence", mean, logvar), kl, "KL")
        expected = log_density(z.astype(np.float64), mean, logvar)
        check_close(call(env, "log_normal_pdf", z, mean, logvar), expected, "log-density")
