"""The probe around one call of a student's function: what it changed, how it differentiated, what it called."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from autograder.testing import CheckFailed, by_hand, call
from autograder.testing.calls import loss_functions
from autograder.testing.probes import observe

tape_alias = tf.GradientTape
accumulator_alias = tf.autodiff.ForwardAccumulator
gradients_alias = tf.compat.v1.gradients


def params():
    return {"w1": np.arange(6.0).reshape(2, 3), "b1": np.zeros(3)}


# --- what a call changed --------------------------------------------------------------------------------------


def assign(target, key, value):
    target[key] = value


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda p: p["w1"].__isub__(1), "argument 1['w1']"),
        (lambda p: assign(p["w1"], (0, 0), 9), "argument 1['w1']"),
        (lambda p: assign(p["w1"], (0, 0), np.nan), "argument 1['w1']"),
        (lambda p: p["w1"].resize((3, 2), refcheck=False), "argument 1['w1']"),
        (
            lambda p: p["w1"].sort(axis=0) or p["w1"][::-1].sort(axis=1) or assign(p["w1"], 0, -1),
            "argument 1['w1']",
        ),
        (lambda p: assign(p, "w1", p["w1"] + 1), "argument 1['w1']"),
        (lambda p: assign(p, "w1", None), "argument 1['w1']"),
        (lambda p: assign(p, "w1", [[1], [2, 3]]), "argument 1['w1']"),
        (lambda p: assign(p, "w1", "gone"), "argument 1['w1']"),
        (lambda p: assign(p, "new", 1), "argument 1"),
        (lambda p: p.pop("b1"), "argument 1"),
        (lambda p: p.clear(), "argument 1"),
    ],
)
def test_a_changed_dict_of_arrays_is_seen(change, path):
    """In the array, in the entry, in the keys."""
    assert observe(change, (params(),), {}).changed == [path]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda layers: layers.append(1), "argument 1"),
        (lambda layers: layers.pop(), "argument 1"),
        (lambda layers: layers.reverse(), "argument 1[0][0]"),
        (lambda layers: layers[1][1].fill(7), "argument 1[1][1]"),
        (lambda layers: assign(layers, 0, (layers[0][0], layers[0][1] + 1)), "argument 1[0][1]"),
        (lambda layers: assign(layers, 1, 5), "argument 1[1]"),
    ],
)
def test_a_changed_list_of_pairs_is_seen(change, path):
    """Length, order, and the arrays inside."""
    layers = [(np.ones((2, 2)), np.zeros(2)), (np.ones((3, 2)), np.zeros(3))]
    assert path in observe(change, (layers,), {}).changed


def test_changed_scalars_and_keywords_are_seen():
    """A number in a list, also where an array takes its place; an argument passed by keyword."""
    assert observe(lambda v: assign(v, 0, 2), ([1],), {}).changed == ["argument 1[0]"]
    assert observe(lambda v: assign(v, 0, np.ones(2)), ([1],), {}).changed == ["argument 1[0]"]
    assert observe(lambda x, *, grads: grads.fill(1), (1,), {"grads": np.zeros(2)}).changed == [
        "argument grads"
    ]


def test_a_changed_variable_is_seen():
    """`assign_sub` on a tf.Variable or a keras.Variable, alone and in a dict."""
    for variable in (tf.Variable([1.0, 2.0]), keras.Variable([1.0, 2.0])):
        assert observe(lambda v: v.assign_sub([1.0, 1.0]), (variable,), {}).changed == ["argument 1"]
        assert observe(lambda d: d["w"].assign([0.0, 0.0]), ({"w": variable},), {}).changed == [
            "argument 1['w']"
        ]
        assert observe(lambda v: v + 1, (variable,), {}).changed == []


@pytest.mark.parametrize(
    "harmless",
    [
        lambda p: {k: v - 1 for k, v in p.items()},
        lambda p: p,
        lambda p: p["w1"].T,
        lambda p: dict(p, w1=0),
        lambda p: p["w1"].__isub__(1).__iadd__(1),
        lambda p: assign(p, "w1", tf.constant(p["w1"])),
        lambda p: p.setdefault("w1", 0),
    ],
)
def test_nothing_is_seen_where_the_values_stay(harmless):
    """Copies, views, and an entry that was replaced by an equal one."""
    assert observe(harmless, (params(),), {}).changed == []


def test_nan_in_an_argument_is_no_change():
    array = np.array([np.nan, 1.0])
    assert observe(lambda x, y: None, (array, [np.float32("nan"), float("nan")]), {}).changed == []


def test_exceptions_pass_through():
    """What the function raises is for the caller, and nothing stays patched."""
    before = (tf.GradientTape._push_tape, keras.optimizers.Optimizer.apply)
    with pytest.raises(ZeroDivisionError):
        observe(lambda: 1 / 0, (), {}, watch_autodiff=True, watch_calls={"forward": params})
    assert (tf.GradientTape._push_tape, keras.optimizers.Optimizer.apply) == before


# --- how it differentiated ------------------------------------------------------------------------------------


def by_tape(x, tape_class=tf.GradientTape):
    x = tf.convert_to_tensor(x)
    with tape_class() as tape:
        tape.watch(x)
        y = x * x
    return tape.gradient(y, x)


def by_function(x):
    return tf.function(by_tape)(x)


def by_compiled_function(x):
    return tf.function(by_tape, jit_compile=True)(x)


def by_accumulator(x):
    x = tf.convert_to_tensor(x)
    with accumulator_alias(x, tf.ones_like(x)) as accumulator:
        y = x * x
    return accumulator.jvp(y)


def by_graph_gradients(x):
    @tf.function
    def graph(x):
        return gradients_alias(x * x, x)[0]

    return graph(tf.convert_to_tensor(x))


def by_hessians(x):
    @tf.function
    def graph(x):
        return tf.hessians(x * x, x)[0]

    return graph(tf.convert_to_tensor(x))


def by_theoretical_jacobian(x):
    return tf.test.compute_gradient(lambda v: v * v, [x])[0]


def by_fit(x):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(x[:, None], x, verbose=0)
    return x


def by_getattr(x):
    return by_tape(x, getattr(tf, "Gradient" + "Tape"))


def by_dict(x):
    return by_tape(x, vars(tf)["GradientTape"])


def by_alias(x):
    return by_tape(x, tape_alias)


def by_subclass(x):
    return by_tape(x, type("Mine", (tf.GradientTape,), {}))


def by_manual_recording(x):
    x, tape = tf.Variable(x), tf.GradientTape(persistent=True)
    tape.__enter__()
    y = x * x
    tape.__exit__(None, None, None)
    return tape.gradient(y, x)


@pytest.mark.parametrize(
    "function",
    [
        by_tape,
        by_function,
        by_compiled_function,
        by_accumulator,
        by_graph_gradients,
        by_hessians,
        by_theoretical_jacobian,
        by_fit,
        by_getattr,
        by_dict,
        by_alias,
        by_subclass,
        by_manual_recording,
    ],
)
def test_every_form_of_autodiff_is_counted(function):
    """Under whatever name it was taken before."""
    assert observe(function, (np.ones(3, np.float32),), {}, watch_autodiff=True).autodiff
    assert observe(function, (np.ones(3, np.float32),), {}).autodiff == {}


def by_optimizer(x, optimizer=None):
    variable = tf.Variable(x)
    (optimizer or keras.optimizers.Adam()).apply_gradients([(tf.ones(3), variable)])
    return variable.numpy()


def by_new_apply(x):
    variable = keras.Variable(x)
    keras.optimizers.SGD(0.1).apply([tf.ones(3)], [variable])
    return np.asarray(variable)


def by_compiled_optimizer(x):
    variable, optimizer = tf.Variable(x), keras.optimizers.SGD(0.1)
    tf.function(lambda: optimizer.apply_gradients([(tf.ones(3), variable)]))()
    return variable.numpy()


@pytest.mark.parametrize("function", [by_optimizer, by_new_apply, by_compiled_optimizer])
def test_ready_made_optimizers_are_counted(function):
    """Keras' optimizers through either interface, compiled as well."""
    assert (
        "keras.optimizers" in observe(function, (np.ones(3, np.float32),), {}, watch_autodiff=True).autodiff
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 2 * x,
        lambda x: tf.function(lambda v: 2 * tf.nn.relu(v) @ tf.ones((3, 1)))(x[None]),
        lambda x: keras.ops.softmax(x),
        lambda x: keras.layers.Dense(2)(x[None]),
        lambda x: tf.Variable(x).assign_sub(x),
        lambda x: tf.map_fn(lambda v: v * v, tf.constant(x)),
        lambda x: tf.while_loop(lambda i: i < 3, lambda i: (i + 1,), (0,)),
        lambda x: tf.linalg.inv(tf.eye(3)),
        lambda x: tf.random.stateless_normal((2,), (1, 2)),
    ],
    ids=range(9),
)
def test_ordinary_tensorflow_is_not_counted(function):
    """Operations, compiled functions, variables and layers are by hand."""
    assert observe(function, (np.ones(3, np.float32),), {}, watch_autodiff=True).autodiff == {}


# --- by_hand and call in the student's own process -----------------------------------------------------------------


def notebook(source: str) -> dict:
    """The namespace that a notebook of one cell leaves behind, as IPython keeps it."""
    source = "import numpy as np\nimport tensorflow as tf\n" + source
    namespace: dict = {"In": ["", source]}
    exec(compile(source, "<cell 1>", "exec"), namespace)  # noqa: S102
    return namespace


NUMERICAL = """
def backward(params, x):
    eps, result = 1e-3, {}
    for key, value in params.items():
        result[key] = np.zeros_like(value)
        for i in np.ndindex(value.shape):
            up, down = (dict(params, **{key: value.copy()}) for _ in "ab")
            up[key][i] += eps
            down[key][i] -= eps
            result[key][i] = (mse_loss(up, x) - mse_loss(down, x)) / (2 * eps)
    return result
"""

LOSSES = """
def mse_loss(p, x):
    return ((x @ p["w1"] + p["b1"]) ** 2).mean()
---
@tf.function
def mse_loss(p, x):
    return tf.reduce_mean((x @ p["w1"] + p["b1"]) ** 2)
---
def my_error(p, x):
    return ((x @ p["w1"] + p["b1"]) ** 2).mean()
mse_loss = my_error
---
def forward(p, x):
    return x @ p["w1"] + p["b1"]
mse_loss = lambda p, x: (forward(p, x) ** 2).mean()
---
def of(factor):
    def loss(p, x):
        return factor * ((x @ p["w1"] + p["b1"]) ** 2).mean()
    return loss
def unrelated():
    def loss():
        return 0
mse_loss = of(1)
"""


@pytest.mark.parametrize("loss", LOSSES.split("---"))
def test_finite_differences_are_recognised(loss):
    """The notebook's own loss or forward pass, run for each parameter."""
    x = np.ones((4, 2))
    with pytest.raises(CheckFailed, match="finite differences"):
        by_hand(notebook(loss + NUMERICAL), "backward", params(), x)


def test_a_loop_over_examples_is_not_finite_differences():
    """One forward pass for each example is by hand, and so are element-wise helpers without number."""
    source = """
def relu(z):
    return max(z, 0.0)

def forward(params, x):
    return np.array([relu(v) for v in x @ params["w1"] + params["b1"]])

def backward(params, x):
    total = {key: np.zeros_like(value) for key, value in params.items()}
    for row in x:
        hidden = forward(params, row)
        total["b1"] += hidden
        total["w1"] += np.outer(row, hidden)
    return total
"""
    assert by_hand(notebook(source), "backward", params(), np.ones((6, 2)))["b1"].shape == (3,)


def test_by_hand_reads_the_source_and_watches_the_call():
    """Either is enough, and the message names what was used."""
    unread = "def backward(p):\n    if p is None:\n        tf.GradientTape()\n    return p"
    with pytest.raises(CheckFailed, match="leads to `tensorflow.GradientTape`"):
        by_hand(notebook(unread), "backward", params())
    hidden = "def backward(p):\n    with vars(tf)['Gradient' + 'Tape']():\n        return p"
    with pytest.raises(CheckFailed, match="it used `tf.GradientTape`"):
        by_hand(notebook(hidden), "backward", params())


def test_by_hand_forbids_and_allows_names():
    """A test may rule out further names, and let some through."""
    ready_made = notebook("def backward(p):\n    return tf.keras.losses.mse(p['b1'], p['b1'])")
    by_hand(ready_made, "backward", params())
    with pytest.raises(CheckFailed, match="keras.losses.mse"):
        by_hand(ready_made, "backward", params(), forbidden=("keras.losses.*",))
    taped = notebook("def train(p):\n    with tf.GradientTape():\n        return 7")
    assert by_hand(taped, "train", params(), allowed=("tensorflow.GradientTape",)) == 7


@pytest.mark.parametrize("caller", [call, by_hand])
def test_a_changed_argument_fails_unless_it_may_change(caller):
    """The argument is named; `may_change` counts positions from 0."""
    namespace = notebook("def step(p, g):\n    g['w1'] -= 1\n    return p")
    with pytest.raises(CheckFailed, match=r"`step` changed its argument 2\['w1'\] in place"):
        caller(namespace, "step", 1, params())
    assert caller(namespace, "step", 1, params(), may_change=(1,)) == 1


@pytest.mark.parametrize("caller", [call, by_hand])
def test_a_missing_function_fails_in_words(caller):
    """Names that are not there, and names that are no functions."""
    with pytest.raises(CheckFailed, match="`backward` is not defined"):
        caller({}, "backward", 1)
    with pytest.raises(CheckFailed, match="`backward` is not a function"):
        caller({"backward": 3}, "backward", 1)


def test_odd_names_in_a_notebook_do_no_harm():
    """Objects whose attributes raise or lie stand beside the function."""

    class Odd:
        def __getattr__(self, name):
            raise RuntimeError(name)

    class Liar:
        __code__ = "not code"

    namespace = {
        "loss": Odd(),
        "my_loss": Liar(),
        "forward": types.ModuleType("forward"),
        "f": lambda p: p,
        3: 4,
    }
    assert by_hand(namespace, "f", 1) == 1
    assert "loss" not in loss_functions(namespace, "f")


def test_compiled_functions_can_run_op_by_op():
    """Nothing is traced, the value is the same, and afterwards functions are compiled again."""
    traced = []

    @tf.function
    def double(x):
        traced.append(tf.executing_eagerly())
        return 2 * x

    assert float(observe(double, (tf.constant(3.0),), {}, eager=True).value) == 6
    assert float(observe(double, (tf.constant(3.0),), {}).value) == 6
    assert traced == [True, False]
    assert not tf.config.functions_run_eagerly()
