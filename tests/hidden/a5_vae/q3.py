"""q3: the two networks: what goes in, what comes out, and how far it can go.

Freshly built networks give values near 0, whatever their last activation is. So the tests shake all weights,
stronger and stronger, until the outputs leave every bounded range or cannot.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q3"
points = 7


def shaken_outputs(model, inputs, seed, enough):
    """Outputs after noise on all weights, as soon as each of them reaches beyond ±enough."""
    import numpy as np

    rng = np.random.default_rng(seed)
    start = [np.array(w) for w in model.trainable_weights]
    noise = [rng.normal(size=w.shape) for w in start]
    for scale in (0.1, 0.2, 0.4, 0.8, 1.6):
        for weight, first, shift in zip(model.trainable_weights, start, noise):
            weight.assign((first + scale * shift).astype("float32"))
        outputs = model(inputs, training=False)
        outputs = (
            [np.asarray(o) for o in outputs] if isinstance(outputs, (tuple, list)) else [np.asarray(outputs)]
        )
        if all(o.min() < -enough and o.max() > enough for o in outputs):
            break
    return outputs


def kernel_ranks(model):
    """The number of axes of every trainable weight; a convolution's kernel has 3 or more."""
    return [len(w.shape) for w in model.trainable_weights]


def images(label, n):
    return hidden_rng(label).uniform(0, 1, (n, 28, 28, 1)).astype(np.float32)


def encode(encoder, x, latent_dim):
    """(mean, logvar) as checked arrays."""
    outputs = encoder(x, training=False)
    what = "encoder(x) should give the two outputs mean and logvar"
    joined = "encoder_with_one_output" if np.shape(outputs) == (len(x), 2 * latent_dim) else None
    check(isinstance(outputs, tuple | list), f"{what}, not a single array.", cause=joined)
    sampled = "encoder_returns_a_sample_too" if len(outputs) == 3 else None
    check(len(outputs) == 2, f"{what}, not {len(outputs)}.", cause=sampled)
    shape = (len(x), latent_dim)
    if latent_dim != 2 and np.shape(outputs[0]) == (len(x), 2):
        check(
            False,
            f"mean has shape {(len(x), 2)} for latent_dim={latent_dim}.",
            cause="encoder_of_two_dimensions",
        )
    return tuple(as_array(o, w, shape) for o, w in zip(outputs, ("mean", "logvar"), strict=True))


@test_case(
    name="the encoder's two outputs",
    points=2,
    hidden=True,
    success_message="The encoder gives mean and logvar for every image.",
    failure_message="encoder(x) maps images (N, 28, 28, 1) to the pair (mean, logvar), each (N, latent_dim).",
)
def test_encoder(env):
    x = images("q3 encoder", 5)
    for latent_dim in (2, 7):
        encoder = call(env, "build_encoder", latent_dim)
        outputs = encode(encoder, x, latent_dim)
        alone = encode(encoder, x[2:3], latent_dim)
        for both, one, what in zip(outputs, alone, ("mean", "logvar"), strict=True):
            check_close(one, both[2:3], f"{what} of an image alone and in a batch", atol=1e-4)


def bounding(output, what):
    """The misconception behind an output that cannot leave its range."""
    if np.mean(output == 0) > 0.2 and output.min() == 0:
        return "logvar_through_relu"
    if what == "mean" and np.abs(output).max() <= 1:
        return "mean_through_tanh"
    return "variance_through_softplus" if what == "logvar" and output.min() >= 0 else None


@test_case(
    name="mean and logvar are unbounded",
    points=1.5,
    hidden=True,
    success_message="mean and logvar can take any value.",
    failure_message="Both outputs of the encoder are linear: means lie on both sides of 0, and so do "
    "logarithms of variances.",
)
def test_unbounded(env):
    encoder = call(env, "build_encoder", 12)
    seed = int(hidden_rng("q3 unbounded").integers(1, 10_000))
    outputs = beside(env, shaken_outputs, encoder, images("q3 unbounded images", 16), seed, 2.0)
    check(len(outputs) == 2, "encoder(x) should give the two outputs mean and logvar.")
    for output, what in zip(outputs, ("mean", "logvar"), strict=True):
        output = as_array(output, what, (16, 12))
        cause = bounding(output, what)
        low, high = output.min() < -2, output.max() > 2
        check(low, f"{what} never falls below {output.min():.2g}, whatever the weights.", cause=cause)
        check(high, f"{what} never rises above {output.max():.2g}, whatever the weights.", cause=cause)
        check(np.ptp(output, axis=0).min() > 1e-3, f"{what} should depend on the image.")
    same = np.allclose(*outputs, rtol=1e-5)
    check(not same, "mean and logvar are the same numbers.", cause="one_head_for_both")


@test_case(
    name="the decoder's images",
    points=1.5,
    hidden=True,
    success_message="The decoder gives logits for every pixel.",
    failure_message="decoder(z) maps codes (N, latent_dim) to logits (N, 28, 28, 1).",
)
def test_decoder(env):
    rng = hidden_rng("q3 decoder")
    for latent_dim in (2, 7):
        decoder = call(env, "build_decoder", latent_dim)
        z = rng.normal(0, 2, (4, latent_dim)).astype(np.float32)
        logits = decoder(z, training=False)
        causes = {(4, 28, 28): "decoder_without_channel_axis", (4, 32, 32, 1): "decoder_of_32_pixels"}
        shape = np.shape(logits)
        check(shape == (4, 28, 28, 1), f"Four logits images have shape {shape}.", cause=causes.get(shape))
        logits = as_array(logits, "logits")
        check_close(
            decoder(z[1:2], training=False), logits[1:2], "logits of a code alone and in a batch", atol=1e-4
        )
    changed = np.repeat(z[:1], 8, axis=0)
    changed[np.arange(7), np.arange(7)] += 3
    outputs = as_array(beside(env, shaken_outputs, decoder, changed, 1, 2.0)[0], "logits")
    moved = np.abs(outputs[:7] - outputs[7]).max(axis=(1, 2, 3))
    check(moved.min() > 1e-3, "The logits should depend on every dimension of the code.")


@test_case(
    name="logits are unbounded",
    points=1,
    hidden=True,
    success_message="The decoder's output is linear.",
    failure_message="The decoder returns logits, not probabilities: no activation behind its last layer.",
)
def test_logits(env):
    decoder = call(env, "build_decoder", 3)
    rng = hidden_rng("q3 logits")
    z = rng.normal(0, 2, (16, 3)).astype(np.float32)
    outputs = beside(env, shaken_outputs, decoder, z, int(rng.integers(1, 10_000)), 2.0)
    logits = as_array(outputs[0], "logits", (16, 28, 28, 1))
    cause = None
    if logits.min() >= 0:
        cause = "decoder_ends_in_sigmoid" if logits.max() <= 1 else "logits_through_relu"
    check(
        logits.min() < -2,
        f"The logits never fall below {logits.min():.2g}, whatever the weights.",
        cause=cause,
    )
    check(
        logits.max() > 2,
        f"The logits never rise above {logits.max():.2g}, whatever the weights.",
        cause=cause,
    )


@test_case(
    name="convolutions",
    points=1,
    hidden=True,
    success_message="Both networks have convolutions.",
    failure_message="Encoder and decoder each need a convolution or a transposed convolution.",
)
def test_convolutions(env):
    for function, cause in (("build_encoder", "dense_encoder"), ("build_decoder", "dense_decoder")):
        ranks = beside(env, kernel_ranks, call(env, function, 2))
        check(max(ranks, default=0) >= 3, f"The model of {function} has no convolution.", cause=cause)
