"""q1: sines and cosines for positions."""

import cmath

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q1"
points = 4


def expected(length, d_model):
    """Column pair i of row pos is imaginary and real part of exp(i·pos·ω) with ω = 10000^(-2i/d_model)."""
    waves = [
        [cmath.exp(1j * pos * 10000 ** (-2 * (column // 2) / d_model)) for column in range(d_model)]
        for pos in range(length)
    ]
    waves = np.array(waves)
    return np.where(np.arange(d_model) % 2, waves.real, waves.imag)[None]


def sizes(label, longest):
    """A length and an even d_model."""
    rng = hidden_rng(label)
    return int(rng.integers(longest // 2, longest)), 2 * int(rng.integers(4, 12))


@test_case(
    name="shape and first position",
    points=1,
    hidden=True,
    success_message="The shape is right, and position 0 is where it should be.",
    failure_message="The shape is (1, length, d_model); position 0 has angle 0 in every column: sine 0, cosine 1.",
)
def test_shape(env):
    length, d_model = sizes("q1 shape", 12)
    for n in (length, 1):
        value = as_array(call(env, "positional_encoding", n, d_model), "positional_encoding", (1, n, d_model))
        check_close(value[0, 0], expected(1, d_model)[0, 0], "the encoding of position 0", atol=1e-5)


@test_case(
    name="fast and slow waves",
    points=2,
    hidden=True,
    success_message="Sines and cosines of the right wavelengths are in the right columns.",
    failure_message="Columns 2i and 2i+1 hold sine and cosine of the same angle, pos / 10000^(2i/d_model).",
)
def test_waves(env):
    for label, longest in (("q1 waves", 20), ("q1 more waves", 10)):
        length, d_model = sizes(label, longest)
        value = call(env, "positional_encoding", length, d_model)
        check_close(value, expected(length, d_model), "positional_encoding", atol=1e-5)


@test_case(
    name="far positions",
    points=1,
    hidden=True,
    success_message="Far positions are right, too.",
    failure_message="Positions count from 0 in steps of 1; every position lies on the unit circle of each pair.",
)
def test_far(env):
    length, d_model = sizes("q1 far", 400)
    value = as_array(
        call(env, "positional_encoding", length, d_model), "positional_encoding", (1, length, d_model)
    )
    radius = value[..., ::2] ** 2 + value[..., 1::2] ** 2
    check(np.allclose(radius, 1, atol=1e-3), "sin² + cos² is 1 in each pair of neighbouring columns.")
    # float32 knows an angle of 400 to 3e-5
    check_close(value[0, -5:], expected(length, d_model)[0, -5:], "far positions", atol=1e-3)
