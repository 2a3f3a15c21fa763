"""Error carried forward: one mistake costs the marks of one question, in whatever style the notebook is written."""

import pytest
from cells import lost, messages
from conftest import SUBMISSIONS

FORWARD_WITHOUT_BIAS = """
def forward(p, inputs):
    hidden = relu(f64(inputs) @ f64(p["w1"]))
    return hidden @ f64(p["w2"]) + f64(p["b2"]), hidden
"""

# The same mistake in a network of compiled functions; DT and COMPILED are filled in.
COMPILED_NETWORK = """
import tensorflow as tf

def tensors(p):
    return {k: tf.convert_to_tensor(v, DT) for k, v in p.items()}

def forward(p, x):
    hidden = tf.nn.relu(tf.matmul(x, p["w1"]))
    return tf.matmul(hidden, p["w2"]) + p["b2"], hidden

def gradients_by_hand(p, x, t, reg):
    y_hat, hidden = forward(p, x)
    d_y = 2 * (y_hat - t) / y_hat.shape[0]
    d_z = tf.matmul(d_y, p["w2"], transpose_b=True) * tf.cast(hidden > 0, DT)
    return {"w1": tf.matmul(x, d_z, transpose_a=True) + 2 * reg * p["w1"], "b1": tf.reduce_sum(d_z, 0),
            "w2": tf.matmul(hidden, d_y, transpose_a=True) + 2 * reg * p["w2"], "b2": tf.reduce_sum(d_y, 0)}

def gradients_by_tape(p, x, t, reg):
    with tf.GradientTape() as tape:
        tape.watch(p)
        y_hat, _ = forward(p, x)
        loss = tf.reduce_mean(tf.reduce_sum((y_hat - t) ** 2, 1))
        loss += reg * (tf.reduce_sum(p["w1"] ** 2) + tf.reduce_sum(p["w2"] ** 2))
    return tape.gradient(loss, p)

COMPILED
def step(p, x, t, reg, rate):
    g = gradients_by_hand(p, x, t, reg)
    return {k: p[k] - rate * g[k] for k in p}

COMPILED
def tape_step(p, x, t, reg, rate):
    g = gradients_by_tape(p, x, t, reg)
    return {k: p[k] - rate * g[k] for k in p}

def tape_gradients(p, x, t, reg):
    return gradients_by_tape(tensors(p), tf.convert_to_tensor(x, DT), tf.convert_to_tensor(t, DT), reg)

def train(x, t, x_test, t_test, *, n_hidden, epochs, learning_rate, reg, gradients, seed):
    p = tensors(init_params(x.shape[1], n_hidden, t.shape[1], seed))
    x, t, x_test, t_test = (tf.convert_to_tensor(a, DT) for a in (x, t, x_test, t_test))
    history = {k: [] for k in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")}
    for _ in range(epochs):
        one_step = step if gradients == "manual" else tape_step
        p = one_step(p, x, t, tf.constant(reg, DT), tf.constant(learning_rate, DT))
        for name, a, b in (("train", x, t), ("test", x_test, t_test)):
            y_hat, _ = forward(p, a)
            history[name + "_loss"].append(mse_loss(p, y_hat, b, reg))
            history[name + "_accuracy"].append(accuracy(y_hat, b))
    return p, history

step(tensors(init_params(3, 2, 2, 0)), tf.ones((4, 3), DT), tf.ones((4, 2), DT), tf.constant(0, DT), tf.constant(0, DT))
"""


def compiled(dtype: str, decorator: str) -> str:
    return COMPILED_NETWORK.replace("COMPILED\n", f"{decorator}\n").replace("DT", f"tf.{dtype}")


@pytest.mark.parametrize(
    "cell",
    [
        FORWARD_WITHOUT_BIAS,
        "del forward",
        "def forward(p, inputs):\n    raise NotImplementedError",
        "def forward(p, inputs):\n    while True:\n        inputs = inputs + 1",
        "import os\ndef forward(p, inputs):\n    os._exit(0)",
        compiled("float32", "@tf.function"),
        compiled("float64", "@tf.function"),
        compiled("float32", "@tf.function(jit_compile=True)"),
    ],
    ids=[
        "NumPy",
        "missing",
        "unfinished",
        "endless",
        "deadly",
        "compiled",
        "compiled, float64",
        "compiled by XLA",
    ],
)
def test_one_mistake_is_charged_once(grade_cell, cell):
    """A wrong `forward` costs q3 alone; q7 and q9 pass with a note that names q3."""
    result = grade_cell(
        cell, questions=("q3", "q6", "q7", "q9"), test_s=3 if "while True" in cell else 20
    ).result
    assert result.status == "graded"
    assert set(lost(result)) == {"q3"}
    for q in ("q7", "q9"):
        assert {t.note for t in result.questions[q].tests} - {""} == {
            "graded with the reference standing in for q3"
        }
    assert not any(t.misconception for q in ("q6", "q7", "q9") for t in result.questions[q].tests)


def test_a_published_submission_loses_one_question(grade_text):
    """The example with the one early mistake: q6, q7 and q9 pass with a note."""
    text = (SUBMISSIONS / "a1_backprop" / "wrong_forward_only.py").read_text().partition("# %%\nimages")[0]
    result = grade_text(text).result
    assert set(lost(result)) == {"q3"}
    rescued = {q for q, r in result.questions.items() if any("q3" in t.note for t in r.tests)}
    assert rescued == {"q6", "q7", "q9"}


def test_a_mistake_of_its_own_is_charged(grade_cell):
    """Two mistakes cost two questions, and the second is explained with the first one out of the way."""
    wrong = """
def backward_cross_entropy(p, inputs, target):
    scores, hidden = forward(p, inputs)
    return from_output_gradient(p, inputs, hidden, (f64(target) - softmax(scores)) / len(inputs))
"""
    result = grade_cell(FORWARD_WITHOUT_BIAS + wrong, questions=("q3", "q7", "q8")).result
    assert set(lost(result)) == {"q3", "q7"}
    assert any("sign is flipped" in m for m in messages(result, "q7"))
    assert result.questions["q8"].passed


def test_the_reference_is_gone_afterwards(grade_cell):
    """A stand-in that student code kept answers only while it stands in, and the student's function comes back."""
    cell = (
        FORWARD_WITHOUT_BIAS
        + """
wrong_forward, kept = forward, []
def backward_cross_entropy(p, inputs, target):
    if forward is not wrong_forward:
        kept.append(forward)
    return {}
def accuracy(scores, target):
    assert forward is wrong_forward and kept
    params = {"w1": np.ones((2, 3)), "b1": np.ones(3), "w2": np.ones((3, 2)), "b2": np.ones(2)}
    kept[0](params, np.ones((1, 2)))
"""
    )
    result = grade_cell(cell, questions=("q3", "q7", "q8")).result
    assert all("raised RuntimeError" in m for m in messages(result, "q8")), messages(result, "q8")
