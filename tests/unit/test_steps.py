"""Where a wrong answer first goes wrong: what is said is true of the function, in whatever style it is written."""

import copy

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autograder.checking import steps as module
from autograder.checking.steps import Call, Place, find
from autograder.checking.trace import MAX_STEPS, Repair, numbers_of, trace

rng = np.random.default_rng(3)
W1, W2 = rng.normal(size=(4, 6)), rng.normal(size=(6, 3))
X, T = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
H = np.maximum(X @ W1, 0)
Y = H @ W2

CORRECT = """
def backward(w2, x, h, y, t):
    d_y = 2 * (y - t) / len(t)
    d_h = d_y @ w2.T
    d_z = d_h * (h > 0)
    return {"w1": x.T @ d_z, "w2": h.T @ d_y}

def forward(x, w1, w2):
    hidden = np.maximum(x @ w1, 0)
    return hidden @ w2

def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def attention(scores, values, mask):
    scores = np.where(mask, -np.inf, scores)
    weights = softmax(scores)
    return weights @ values

def deep(x, w):
    for _ in range(3):
        x = np.tanh(x @ w)
    return x

def layered(layers, x):
    return [(2 * w, b + 1) for w, b in layers], x + 1

def scores(q, k):
    logits = q @ k.T
    logits = logits / np.sqrt(k.shape[-1])
    weights = softmax(logits)
    return weights @ k

def momentum(params, velocity, grads):
    velocity = {k: 0.9 * velocity[k] - 0.1 * grads[k] for k in params}
    return {k: params[k] + velocity[k] for k in params}, velocity
"""
BACKWARD, FORWARD = (W2, X, H, Y, T), (X, W1, W2)


def defined(source: str) -> dict:
    namespace = {"np": np}
    exec(compile(source, "<cell 1>", "exec"), namespace)  # noqa: S102  the test's own source
    return namespace


def traced(source: str, name: str, args: tuple, repair: Repair | None = None):
    namespace = defined(source)
    return trace(namespace[name], copy.deepcopy(args), {}, namespace, repair)


def told(steps) -> list[tuple[int, str]]:
    return [(s.line, s.name) for s in steps]


def same(a, b) -> bool:
    found, wanted = numbers_of(a), numbers_of(b)
    return found.keys() == wanted.keys() and all(np.allclose(found[k], wanted[k], 1e-5, 1e-8) for k in wanted)


def called(source: str, name: str, args: tuple) -> Call:
    """A function's call beside that of the correct one of the same name."""
    return Call(args, *traced(source, name, args), *traced(CORRECT, name, args))


def finding(source: str, name: str, args: tuple, *more: tuple):
    """What is found for a function, and how it is said; more: arguments of other calls."""
    lines = source.splitlines()

    def place(step):
        return Place("", step.line, lines[step.line - 1].strip())

    call, others = called(source, name, args), [called(source, name, other) for other in more]
    if same(call.answer, call.right):
        return None, ""
    found = find(call, lambda r: traced(source, name, args, r)[0], place, others)
    return found, found.words(place) if found else ""


# --- the trace ------------------------------------------------------------------------------------------------------


def test_steps_are_noted_in_the_order_in_which_they_happen():
    """Arrays and numbers that lines assign, also in a function that is called; arguments are nobody's step."""
    source = """
def helper(z):
    doubled = 2 * z
    return doubled + 1

def f(x):
    a = x + 1
    text = "no number"
    b = helper(a)
    return b.sum()
"""
    answer, steps = traced(source, "f", (np.ones(3),))
    assert answer == 15
    assert told(steps) == [(7, "a"), (3, "doubled"), (4, ""), (9, "b"), (10, "")]
    assert [float(s.numbers[()].max()) for s in steps] == [2, 4, 5, 5, 15]


def test_changes_in_place_and_entries_are_steps():
    """Of an array, of a list, and of a dict, whose entries are parts."""
    source = """
def f(x):
    h = x.copy()
    h[h < 0] = 0
    grads = {}
    grads["w"] = 2 * h
    row = []
    row.append(0.5)
    return grads
"""
    _, steps = traced(source, "f", (np.array([-1.0, 1.0]),))
    assert told(steps) == [(3, "h"), (4, "h"), (6, "grads"), (8, "row")]
    assert list(steps[2].numbers) == [("w",)]


def test_library_code_is_not_traced():
    """Only functions of the namespace: what NumPy assigns within is nobody's line."""
    _, steps = traced("def f(x):\n    return np.cov(x)\n", "f", (X,))
    assert told(steps) == [(2, "")]


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    for k in range(100_000):\n        x = x + 0.1\n    return x\n",
        "def f(x):\n    y = x + 1\n    big = np.zeros(10**6)\n    z = y + 1\n    return z\n",
        "def f(x):\n    for k in range(10**4):\n        pass\n    return x\n",
    ],
)
def test_a_trace_ends_at_its_bounds(source):
    """It is a prefix: nothing is left out before its end. The answer is what it would have been."""
    answer, steps = traced(source, "f", (np.zeros(2),))
    assert np.array_equal(answer, defined(source)["f"](np.zeros(2)))
    assert len(steps) <= MAX_STEPS
    assert (4, "z") not in told(steps)


def test_objects_that_refuse_are_no_numbers():
    """A trace survives whatever a notebook puts into its names."""
    source = """
class Hostile:
    def __getattribute__(self, name):
        raise SystemExit
    __array__ = __len__ = __iter__ = __eq__ = __getattribute__

def f(x):
    thing = Hostile()
    mixed = [thing, 1.5, None, {1: thing}]
    y = x + 1
    return y
"""
    _, steps = traced(source, "f", (X,))
    assert told(steps) == [(9, "mixed"), (10, "y")]


def test_exceptions_pass_through_and_the_old_tracer_comes_back():
    """Nothing of a trace is left behind."""
    import sys

    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError):
        traced("def f(x):\n    y = x / 0\n", "f", (1.0,))
    assert sys.gettrace() is before


@pytest.mark.parametrize(("new", "kind"), [("x + 1", np.ndarray), ("float(x[0])", float), ("x[0]", np.float64), ("list(map(float, x))", list)])
def test_a_repaired_step_keeps_its_kind(new, kind):
    """The code after it goes on with the other numbers."""
    source = f"def f(x):\n    y = {new}\n    return type(y), np.sum(y)\n"
    _, steps = traced(source, "f", (np.ones(2),))
    shape = steps[0].numbers[()].shape
    answer, _ = traced(source, "f", (np.ones(2),), Repair(0, {(): np.full(shape, 7.0)}))
    assert answer == (kind, 7.0 * np.prod(shape))


def test_a_repaired_dict_keeps_what_is_no_number():
    """The entries are repaired one by one, in dicts and lists within."""
    source = """
def f(x):
    d = {"name": "w", "layers": [(x, 2.0)], "n": x.sum()}
    return d
"""
    _, steps = traced(source, "f", (np.ones(2),))
    answer, _ = traced(source, "f", (np.ones(2),), Repair(0, {p: 7 * a for p, a in steps[0].numbers.items()}))
    assert answer["name"] == "w"
    assert np.array_equal(answer["layers"][0][0], [7, 7])
    assert (answer["layers"][0][1], answer["n"]) == (14.0, 14.0)


# --- what is found --------------------------------------------------------------------------------------------------

FOUND = {
    "delta": (
        """
def backward(w2, x, h, y, t):
    n = len(t)
    error = y - t
    delta = error / n + 0.1 * t
    back = (delta @ w2.T) * (h > 0)
    return {"w1": x.T @ back, "w2": h.T @ delta}
""",
        "backward",
        BACKWARD,
        ("With the numbers of a correct solution in `delta` (line 5) the rest of your code gives the correct answer. "
         "The line: `delta = error / n + 0.1 * t`"),
    ),
    "a mask that is none": (
        """
def backward(w2, x, h, y, t):
    grads = {}
    delta = 2 * (y - t) / len(t)
    grads["w2"] = h.T @ delta
    back = delta @ w2.T
    back = back * h
    grads["w1"] = x.T @ back
    return grads
""",
        "backward",
        BACKWARD,
        ("Of the answer, `w2` is right. `back` (line 6) agrees with a correct solution; with the numbers of that solution in "
         "`back` (line 7), too, the rest of your code gives the correct answer. The line: `back = back * h`"),
    ),
    "divided by N at the end": (
        """
def backward(w2, x, h, y, t):
    error = y - t
    back = (error @ w2.T) * h
    scale = 2 / len(t)
    return {"w1": scale * x.T @ back, "w2": scale * h.T @ error}
""",
        "backward",
        BACKWARD,
        ("Of the answer, `w2` is right. With the numbers of a correct solution in `back` (line 4) the rest of your code "
         "gives the correct answer. The line: `back = (error @ w2.T) * h`"),
    ),
    "transposed by style": (
        """
def backward(w2, x, h, y, t):
    delta = 2 * (y - t).T / len(t)
    back = (w2 @ delta) * (h.T < 0)
    return {"w1": (back @ x).T, "w2": (delta @ h).T}
""",
        "backward",
        BACKWARD,
        ("Of the answer, `w2` is right. `delta` (line 3) agrees with a correct solution; with the numbers of that solution in "
         "`back` (line 4), too, the rest of your code gives the correct answer. The line: `back = (w2 @ delta) * (h.T < 0)`"),
    ),
    "relu leaves the right hidden units alone": (
        """
def forward(x, w1, w2):
    z = x @ w1
    hidden = np.where(z > 0, z, 0.1 * z)
    return hidden @ w2
""",
        "forward",
        FORWARD,
        ("With the numbers of a correct solution in `z` (line 3) or `hidden` (line 4) the rest of your code gives the "
         "correct answer. The lines: `z = x @ w1`, `hidden = np.where(z > 0, z, 0.1 * z)`"),
    ),
    "the rest is wrong": (
        """
def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)
""",
        "softmax",
        (T,),
        "`e` (line 3) agrees with a correct solution.",
    ),
    "relu forgotten": (
        """
def backward(w2, x, h, y, t):
    delta = 2 * (y - t) / len(t)
    back = delta @ w2.T
    return {"w1": x.T @ back, "w2": h.T @ delta}
""",
        "backward",
        BACKWARD,
        ("Of the answer, `w2` is right. `back` (line 4) agrees with a correct solution, but a step after it is missing or "
         "wrong: with later numbers of that solution in its place the rest of your code gives the correct answer."),
    ),
    "wrong before the step that mends it": (
        """
def scores(q, k):
    part = (q / 7) @ k.T + k[:, 0] ** 2
    logits = part * 7 / np.sqrt(k.shape[-1])
    e = np.exp(logits)
    return (e / e.sum(axis=-1, keepdims=True)) @ k
""",
        "scores",
        (T, X[:, :3]),
        ("With the numbers of a correct solution in `logits` (line 4) the rest of your code gives the correct answer. "
         "The line, or one before: `logits = part * 7 / np.sqrt(k.shape[-1])`"),
    ),
    "a layer too far": (
        """
def deep(x, w):
    for _ in range(3):
        product = x @ w
        x = np.abs(product) ** 2
    return x
""",
        "deep",
        (X, np.eye(4) / 3 + 0.1),
        "",
    ),
    "scale forgotten": (
        """
def scores(q, k):
    logits = q @ k.T
    e = np.exp(logits)
    weights = e / e.sum(axis=-1, keepdims=True)
    return weights @ k
""",
        "scores",
        (T, X[:, :3]),
        ("`logits` (line 3) agrees with a correct solution, but a step from there to `e` (line 4) is missing or wrong: with "
         "the numbers of that solution the rest of your code gives the correct answer. The line: `e = np.exp(logits)`"),
    ),
    "nothing to mend it with": (
        """
def backward(w2, x, h, y, t):
    delta = (y - t) / len(t)
    _ = delta @ w2.T
    return {"w1": x.T @ (_ * h), "w2": delta.T @ h}
""",
        "backward",
        BACKWARD,
        "",
    ),
    "a dict": (
        """
def momentum(params, velocity, grads):
    velocity = {k: 0.9 * velocity[k] - grads[k] for k in params}
    new = {k: params[k] + velocity[k] for k in params}
    return new, velocity
""",
        "momentum",
        ({"w": W1, "b": T[0]}, {"w": -W1, "b": T[1]}, {"w": W1**2, "b": T[2]}),
        ("With the numbers of a correct solution in `velocity` (line 3) the rest of your code gives the correct answer. "
         "The line: `velocity = {k: 0.9 * velocity[k] - grads[k] for k in params}`"),
    ),
    "tiny numbers are no zeros": (
        """
def momentum(params, velocity, grads):
    velocity = {k: 0.5 * velocity[k] - grads[k] for k in params}
    new = {k: params[k] + np.sign(velocity[k]) for k in params}
    return new, velocity
""",
        "momentum",
        ({"w": W1, "b": T[0]}, {"w": -1e-9 * W1, "b": 1e-9 * T[1]}, {"w": 1e-9 * W1**2, "b": 1e-9 * T[2]}),
        "",
    ),
    "two mistakes": (
        """
def backward(w2, x, h, y, t):
    delta = 3 * (y - t) / len(t)
    back = (delta @ w2.T) * h
    return {"w1": x.T @ back, "w2": h.T @ delta}
""",
        "backward",
        BACKWARD,
        "",
    ),
    "nothing but the answer itself": ("\ndef softmax(z):\n    p = np.exp(z)\n    return p\n", "softmax", (T,), ""),
    "parts of parts": (
        """
def layered(layers, x):
    (w, b), (v, c) = layers
    return [(2 * w, b + 1), (2 * v, c - 1)], x + 1
""",
        "layered",
        ([(W1, T[0]), (W2, T[1])], X),
        ("Of the answer, the first value of the first value, the first value of the second value of the first value and the "
         "second value are right."),
    ),
    "another shape": ("\ndef softmax(z):\n    p = np.exp(z).sum()\n    return p\n", "softmax", (T,), ""),
    "an overflow": (
        """
def softmax(z):
    e = np.exp(z)
    total = e.sum(axis=-1, keepdims=True)
    return e / total
""",
        "softmax",
        (np.array([[1e4, 0.5]]),),
        "`e` (line 3) is the first value that is infinite. The line: `e = np.exp(z)`",
    ),
    "an overflow in one line": (
        "\ndef softmax(z):\n    return np.exp(z) / np.exp(z).sum()\n",
        "softmax",
        (np.array([[1e4, 0.5]]),),
        "What line 3 returns is the first value that is NaN. The line: `return np.exp(z) / np.exp(z).sum()`",
    ),
    "an overflow in a helper": (
        """
def helper(z):
    return np.exp(z)

def softmax(z):
    e = helper(z)
    return e / e.sum(axis=-1, keepdims=True)
""",
        "softmax",
        (np.array([[1e4, 0.5]]),),
        "What line 3 returns is the first value that is infinite. The line: `return np.exp(z)`",
    ),
    "infinity on purpose": (
        """
def attention(scores, values, mask):
    scores = np.where(mask, -np.inf, scores)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = e / e.sum(axis=-1, keepdims=True)
    logs = np.log(weights)
    spread = weights * logs
    return weights @ values + spread.sum()
""",
        "attention",
        (T[:2], W2[:3], np.array([[1, 0, 0], [0, 0, 1]], bool)),
        "`spread` (line 7) is the first value that is NaN. The line: `spread = weights * logs`",
    ),
}


@pytest.mark.parametrize(("source", "name", "args", "words"), FOUND.values(), ids=FOUND)
def test_what_is_found(source, name, args, words):
    """To the letter, for mistakes of many kinds and functions of many styles."""
    with np.errstate(all="ignore"):
        assert finding(source, name, args)[1] == words


def test_a_step_that_may_not_be_shown_is_not_found():
    """Neither as right, nor as the first that is not finite; nor is the next one called the first in its place."""
    args = (np.array([[1e4, 0.5]]),)
    source = FOUND["an overflow"][0]

    def place(step):
        return None if step.name == "e" else Place("somewhere", 1, "")

    with np.errstate(all="ignore"):
        call = called(source, "softmax", args)
        assert find(call, lambda r: None, place) is None


def test_few_calls_are_made(monkeypatch):
    """However many steps there are to repair."""
    monkeypatch.setattr(module, "_MAX_REPAIRS", 10)
    source = "\ndef softmax(z):\n" + "".join(f"    y{k} = z * {k}.5\n" for k in range(50)) + "    return y0 + y1\n"
    calls = []
    assert find(called(source, "softmax", (T,)), calls.append, lambda step: Place("", 1, "")) is None
    assert len(calls) == 10


def test_what_agrees_agrees_in_every_round_and_every_call():
    """A step that is right for one layer or for a first update only, when memories are zero, is not called right."""
    source = """
def softmax(z):
    for row in z:
        e = np.exp(row - max(row))
    e = np.exp(z - z.max())
    return e / e.sum(axis=0)
"""
    one = T[:1]
    assert finding(source, "softmax", (T - T.max(axis=1, keepdims=True),))[1] == "`e` (line 5) agrees with a correct solution."
    assert finding(source, "softmax", (one.T @ np.ones((1, 4)),))[0] is None
    assert finding(source, "softmax", (T - T.max(axis=1, keepdims=True),), (T,))[0] is None


@pytest.mark.parametrize(
    ("path", "words"), [(("w1",), "`w1`"), ((1, "w"), "`w` of the second value"), ((0.25,), ""), (("leak 0.25",), ""), ((), "")]
)
def test_entries_are_named_by_what_is_a_name(path, words):
    """A key that is an input, such as a rate, is not shown."""
    assert module._entry(path) == words


# --- a law ----------------------------------------------------------------------------------------------------------

# A gradient in several styles, line by line: all of these are correct.
STYLES = (
    (("delta = 2 * (y - t) / n",), ("error = y - t", "delta = 2 * error / n"), ("error = 2 * (y - t)", "delta = error / n"),
     ("scale = 1 / n", "delta = scale * (y - t) * 2")),
    (("g2 = h.T @ delta",), ("g2 = np.einsum('nh,nc->hc', h, delta)",), ("g2 = (delta.T @ h).T",), ("g2 = np.tensordot(h, delta, (0, 0))",)),
    (("on = h > 0", "back = on * (delta @ w2.T)"), ("back = delta @ w2.T", "back = back * np.sign(h)"),
     ("back = w2 @ delta.T", "back = np.where(h > 0, back.T, 0)"), ("flow = delta @ w2.T", "back = flow.copy()", "back[h <= 0] = 0")),
    (("g1 = x.T @ back",), ("total = x.T @ back", "g1 = total"), ("g1 = (back.T @ x).T",)),
)  # fmt: skip
WRONG = ("-({})", "1.5 * ({})", "({}) ** 2", "np.abs({})", "({}) + 0.1", "np.flip({})", "({}) * 0", "np.sinh({})")


@st.composite
def programs(draw) -> tuple[list[str], int]:
    """The lines of a correct function, and one of them to be changed."""
    lines = [line for part in STYLES for line in draw(st.sampled_from(part))]
    changeable = [i for i, line in enumerate(lines) if not line.startswith(("back[", "on ="))]
    return lines, draw(st.sampled_from(changeable))


def function_of(lines: list[str]) -> str:
    body = ["", "def backward(w2, x, h, y, t):", "n = len(t)", *lines, 'return {"w1": g1, "w2": g2}']
    return "\n".join(line if i < 2 else f"    {line}" for i, line in enumerate(body)) + "\n"


@settings(max_examples=150, deadline=None)
@given(programs(), st.sampled_from(WRONG))
def test_a_finding_is_true_in_any_style(program, wrong):
    """A correct function has none; with one line changed, that line does not agree and does not lie in "the rest"."""
    lines, changed = program
    assert finding(function_of(lines), "backward", BACKWARD)[0] is None
    name, _, value = lines[changed].partition(" = ")
    lines[changed] = f"{name} = {wrong.format(value)}"
    with np.errstate(all="ignore"):
        answer, _ = traced(function_of(lines), "backward", BACKWARD)
        assume(not same(answer, traced(CORRECT, "backward", BACKWARD)[0]))
        found, _ = finding(function_of(lines), "backward", BACKWARD)
    if found is not None:
        number = changed + 4
        assert found.agrees is None or found.agrees.line != number
        assert not found.repair or number <= found.repair[-1].line
        assert not found.incomplete or found.agrees.line < number
