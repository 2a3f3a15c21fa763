"""q4: a mirror-image autoencoder of three models that share their layers.

The models are given random weights, told apart by their shapes, and then compared with the network computed
here. Nothing is asked about how they are put together.
"""

import itertools

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q4"
points = 6

SIZES = (128, 64, 32)  # the default


def build(env, *arguments):
    """The student's three models."""
    models = call(env, "build_autoencoder", *arguments)
    check(
        isinstance(models, tuple | list) and len(models) == 3, "build_autoencoder should return three models."
    )
    return models


def describe(models):
    """For each model the shapes of input, output and weights, as far as there are any."""

    def shape(model, side):
        found = getattr(model, f"{side}_shape", None)
        return [-1 if size is None else int(size) for size in found] if isinstance(found, tuple) else None

    def weights(model):
        return [list(w.shape) for w in model.weights] if hasattr(model, "weights") else None

    return [[shape(m, "input"), shape(m, "output"), weights(m)] for m in models]


def run(models, encoder_weights, decoder_weights, x, h):
    """Set weights by their shapes; then autoencoder(x), encoder(x), decoder(h) and decoder(encoder(x))."""
    import numpy as np

    autoencoder, encoder, decoder = models
    for model, arrays in ((encoder, encoder_weights), (decoder, decoder_weights)):
        for weight in model.weights:
            same_shape = [a for a in arrays if list(a.shape) == list(weight.shape)]
            if len(same_shape) == 1:
                weight.assign(same_shape[0])
    code = encoder(x)
    return [np.array(value) for value in (autoencoder(x), code, decoder(h), decoder(code))]


def random_layers(rng, units):
    """Kernels and biases for layers of that many units, large enough for some units to be off."""
    layers = []
    for fan_in, fan_out in itertools.pairwise(units):
        layers.append(rng.normal(0, 1.5 / np.sqrt(fan_in), (fan_in, fan_out)).astype(np.float32))
        layers.append(rng.normal(0, 0.5, fan_out).astype(np.float32))
    return layers


def stack(x, layers, hidden, last):
    """Dense layers in float64, with one activation between them and another at the end."""
    h = np.asarray(x, np.float64)
    for k in range(0, len(layers), 2):
        z = h @ np.asarray(layers[k], np.float64) + layers[k + 1]
        h = (last if k == len(layers) - 2 else hidden)(z)
    return h


def relu(z):
    return np.maximum(z, 0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def identity(z):
    return z


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def experiment(env, label, n_in=20, sizes=(12, 8, 5), n=16):
    """Inputs, the layers of encoder and decoder, and what the student's models make of them."""
    rng, code = hidden_rng(label), np.zeros(1)
    while not (
        (code == 0).any() and (code > 0.2).any()
    ):  # units of the code that are off, and some that are on
        x = rng.uniform(0, 1, (n, n_in)).astype(np.float32)
        encoder = random_layers(rng, (n_in, *sizes))
        code = stack(x, encoder, relu, relu)
    decoder = random_layers(rng, (*sizes[::-1], n_in))
    h = rng.uniform(0, 2, (n, sizes[-1])).astype(np.float32)
    found = beside(env, run, list(build(env, n_in, sizes)), encoder, decoder, x, h)
    what = ("autoencoder(x)", "encoder(x)", "decoder(code)", "decoder(encoder(x))")
    shapes = ((n, n_in), (n, sizes[-1]), (n, n_in), (n, n_in))
    values = [as_array(v, w, s) for v, w, s in zip(found, what, shapes, strict=True)]
    return x, h, encoder, decoder, values


def check_shapes(env, n_in, sizes):
    """Compare inputs, outputs and weights with those of the mirror image."""
    found = beside(env, describe, list(build(env, n_in, sizes)))
    check(all(entry[2] is not None for entry in found), "All three should be keras.Models.")
    units = (n_in, *sizes)
    wanted = (layers_of(units + units[-2::-1]), layers_of(units), layers_of(units[::-1]))
    weights = [sorted(entry[2]) for entry in found]
    rotated = weights[2] == wanted[0] and weights[0] == wanted[1]
    check(not rotated, "The autoencoder should come first.", cause="autoencoder_last")
    fixed = weights[1] == layers_of((n_in, *SIZES)) and tuple(sizes) != SIZES
    check(not fixed, "The encoder's layers do not follow `sizes`.", cause="sizes_ignored")
    check_decoder(units, weights[2])
    ends = ([n_in, n_in], [n_in, sizes[-1]], [sizes[-1], n_in])
    for k, model in enumerate(("autoencoder", "encoder", "decoder")):
        first, last = ends[k]
        check(found[k][0] in (None, [-1, first]), f"The {model} should take inputs of shape (N, {first}).")
        check(found[k][1] in (None, [-1, last]), f"The {model} should give outputs of shape (N, {last}).")
        message = (
            f"The {model} should have a kernel and a bias for each of its {len(wanted[k]) // 2} dense layers."
        )
        check(weights[k] == wanted[k], message)


def check_decoder(units, weights):
    """Recognise decoders that are no mirror image."""
    right, (n_in, *outer, code) = layers_of(units[::-1]), units
    for order, cause in (
        ((code, *outer, n_in), "decoder_not_mirrored"),
        ((code, code, *outer[::-1], n_in), "code_layer_twice"),
        ((code, n_in), "decoder_of_one_layer"),
    ):
        known = weights == layers_of(order) != right
        check(not known, "The decoder's layers are not those of the encoder in reverse.", cause=cause)
    kernels = [shape for shape in weights if len(shape) == 2]
    tied = len(kernels) < len(weights) and all(shape in layers_of(units) for shape in kernels)
    check(not tied, "The decoder has no kernels of its own.", cause="tied_weights")


def layers_of(units):
    """Sorted shapes of the kernels and biases of dense layers."""
    shapes = [shape for a, b in itertools.pairwise(units) for shape in ([a, b], [b])]
    return sorted(shapes)


@test_case(
    name="layers of the default network",
    points=1,
    hidden=True,
    success_message="784-128-64-32-64-128-784, each layer with its kernel and bias: 222,384 parameters.",
    failure_message="The encoder goes 784-128-64-32, the decoder back 32-64-128-784; look at `summary()`.",
)
def test_default(env):
    found = beside(env, describe, list(build(env)))
    check(
        found[0][0] in (None, [-1, 784]), "By default the autoencoder should take inputs of shape (N, 784)."
    )
    check_shapes(env, 784, SIZES)
    check(
        sorted(found[0][2] or []) == layers_of((784, 128, 64, 32, 64, 128, 784)),
        "build_autoencoder() should have the layers 784-128-64-32-64-128-784.",
    )


@test_case(
    name="other sizes and depths",
    points=1,
    hidden=True,
    success_message="n_in and sizes are followed, for one layer as for four.",
    failure_message="n_in and sizes decide how many layers there are, and how large; the decoder mirrors them.",
)
def test_sizes(env):
    for n_in, sizes in ((30, (9,)), (26, (17, 11, 8, 5))):
        check_shapes(env, n_in, sizes)


@test_case(
    name="encoder: ReLU after every layer",
    points=1.5,
    hidden=True,
    success_message="Every layer of the encoder, the code's as well, ends in a ReLU.",
    failure_message="Each dense layer of the encoder has a ReLU, the last one, which gives the code, as well.",
)
def test_encoder(env):
    x, _, layers, _, (_, code, _, _) = experiment(env, "q4 encoder")
    for hidden, last, cause in (
        (identity, identity, "no_activation"),
        (relu, identity, "linear_code"),
        (sigmoid, sigmoid, "sigmoid_everywhere"),
    ):
        known = np.allclose(code, stack(x, layers, hidden, last), atol=1e-4)
        check(not known, "The code is not that of a ReLU network.", cause=cause)
    check_close(code, stack(x, layers, relu, relu), "the encoder's output", atol=1e-5)


@test_case(
    name="decoder: ReLU, and a sigmoid at the end",
    points=1.5,
    hidden=True,
    success_message="The decoder's hidden layers end in ReLUs, its output in a sigmoid.",
    failure_message="The decoder's hidden layers have ReLUs; its last layer has a sigmoid, for grey values in "
    "(0, 1).",
)
def test_decoder(env):
    _, h, _, layers, (_, _, picture, _) = experiment(env, "q4 decoder")
    for hidden, last, cause in (
        (identity, sigmoid, "no_activation"),
        (relu, identity, "linear_output"),
        (relu, relu, "relu_output"),
        (relu, softmax, "softmax_output"),
        (sigmoid, sigmoid, "sigmoid_everywhere"),
    ):
        known = np.allclose(picture, stack(h, layers, hidden, last), atol=1e-4)
        check(not known, "The output is not that of ReLU layers and a sigmoid.", cause=cause)
    check_close(picture, stack(h, layers, relu, sigmoid), "the decoder's output", atol=1e-5)


@test_case(
    name="three models, one set of layers",
    points=1,
    hidden=True,
    success_message="autoencoder(x) is decoder(encoder(x)), whatever the weights become.",
    failure_message="The autoencoder consists of the encoder's and the decoder's own layers: what it learns, they "
    "learn.",
)
def test_shared(env):
    *_, (whole, code, _, composed) = experiment(env, "q4 shared")
    check(np.ptp(code, axis=0).max() > 1e-4, "The encoder's output does not depend on its input.")
    shared = np.allclose(whole, composed, atol=1e-4)
    check(shared, "autoencoder(x) differs from decoder(encoder(x)).", cause="layers_not_shared")
