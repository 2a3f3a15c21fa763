"""q6: storing and loading. Only the files may carry the model.

Between saving and loading the folder is moved, the saved model's weights are changed, another model is saved
elsewhere, and Keras forgets all its state.
"""

import numpy as np
from otter.test_files import test_case

from autograder.testing import as_array, beside, call, check, check_close, hidden_rng

OK_FORMAT = False
name = "q6"
points = 4


def model_of(weights, activation):
    """A small network with the given weights, for images (N, 6, 5, 1)."""
    import keras

    kernel, _, dense, _ = weights
    layers = [
        keras.Input((6, 5, 1)),
        keras.layers.Conv2D(kernel.shape[-1], kernel.shape[0], activation=activation, name="first"),
        keras.layers.BatchNormalization(center=False, scale=False),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(dense.shape[1], activation="softmax"),
    ]
    model = keras.Sequential(layers)
    first, norm, last = model.layers[0], model.layers[1], model.layers[-1]
    first.set_weights(weights[:2])
    norm.set_weights([weights[1], weights[1] ** 2 + 0.5])
    last.set_weights(weights[2:])
    return model


def secret_model(env, label, filters, activation="relu"):
    rng = hidden_rng(label)
    shapes = ((3, 3, 1, filters), (filters,), (2 * filters, 7), (7,))
    weights = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes]
    return beside(env, model_of, weights, activation)


def folders(exists):
    """Paths of three folders: to save to, to move that to, and to save another model to."""
    import os
    import tempfile

    root = tempfile.mkdtemp()
    first, moved, other = (os.path.join(root, *parts) for parts in (("a", "b"), ("moved",), ("other",)))
    if exists:
        os.makedirs(first)
    return [first, moved, other]


def only_the_files(first, moved, model):
    """Move the folder and forget everything else; False where nothing was saved."""
    import os

    import keras

    model.set_weights([w * 0 for w in model.get_weights()])
    keras.backend.clear_session()
    if not os.path.isdir(first):
        return False
    os.rename(first, moved)
    return True


def loaded(load_model, directory, x):
    """[what went wrong, "" if nothing; the loaded model's answer]."""
    try:
        model = load_model(directory)
    except Exception as error:
        return [type(error).__name__, None]
    if not callable(getattr(model, "predict", None)):
        return ["no model", None]
    return ["", model.predict(x, verbose=0)]


def refuses_folder(save_model, model, directory):
    try:
        save_model(model, directory)
    except FileExistsError:
        return True
    return False


def move_back(moved, first):
    import os

    os.rename(moved, first)


def contents(directory):
    """[size, whether it is JSON, whether it holds an architecture] of each file below the folder."""
    import json
    import os

    def described(path):
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            json.loads(text)
            return [os.path.getsize(path), True, "layers" in text and "filters" in text]
        except ValueError:
            return [os.path.getsize(path), False, False]

    return [described(os.path.join(at, f)) for at, _, files in os.walk(directory) for f in files]


@test_case(
    name="two files",
    points=1,
    hidden=True,
    success_message="Architecture and weights are in separate files, the architecture as JSON.",
    failure_message="One file holds what model.to_json() returns, another the weights.",
)
def test_files(env):
    model = secret_model(env, "q6 files", 400)  # 10,007 weights: 40 kB, the architecture takes a tenth
    first, *_ = beside(env, folders, False)
    call(env, "save_model", model, first)
    files = beside(env, contents, first)
    check(len(files) > 1, "There should be two files in the folder.", "a_single_file")
    json_files = [size for size, is_json, layers in files if is_json and layers]
    check(len(json_files) > 0, "One of the files should hold the architecture as JSON.")
    check(min(json_files) < 20_000, "The file with the architecture should not hold the weights.")
    weights = [size for size, is_json, layers in files if not (is_json and layers) and size > 20_000]
    check(len(weights) > 0, "One of the files should hold the weights.")


def without_statistics(model, x):
    """The model's answer with the moving statistics that a new BatchNorm has."""
    import numpy as np

    norm = model.layers[1]
    kept = norm.get_weights()
    norm.set_weights([np.zeros_like(kept[0]), np.ones_like(kept[1])])
    answer = model(x, training=False)
    norm.set_weights(kept)
    return answer


def check_round_trip(env, label, exists):
    """Save, move, forget, load."""
    rng = hidden_rng(label)
    x = rng.uniform(0, 1, (4, 6, 5, 1)).astype(np.float32)
    model, other = secret_model(env, f"{label} first", 40), secret_model(env, f"{label} other", 24, "tanh")
    expected, another = (as_array(m(x, training=False), "the answer") for m in (model, other))
    plain = as_array(beside(env, without_statistics, model, x), "the answer")
    first, moved, elsewhere = beside(env, folders, exists)
    if exists:
        refused = beside(env, refuses_folder, env.get("save_model"), model, first)
        check(not refused, "save_model refuses a folder that is there already.", "folder_must_not_exist")
    call(env, "save_model", model, first)
    call(env, "save_model", other, elsewhere)
    there = beside(env, only_the_files, first, moved, model)
    check(there, "save_model should make the folder, and put its files there.")
    load_model = env.get("load_model")
    problem, actual = beside(env, loaded, load_model, moved, x)
    check(problem != "no model", "load_model should return a Keras model.")
    if problem:
        beside(env, move_back, moved, first)
        again, _ = beside(env, loaded, load_model, first, x)
        words = "load_model fails once the folder has been moved."
        check(again, words, "remembers_the_path")
        check(False, "load_model fails.")
    actual = as_array(actual, "the loaded model's answer", expected.shape)
    in_memory = np.allclose(actual, another, atol=1e-5) or np.allclose(actual, 1 / 7, atol=1e-6)
    check(not in_memory, "The model does not come from the files of the folder.", "kept_in_memory")
    words = "The moving statistics of BatchNorm are not those of the saved model."
    check(not np.allclose(actual, plain, atol=1e-5), words, "statistics_not_stored")
    _, second = beside(env, loaded, load_model, moved, x)
    same = np.allclose(actual, as_array(second, "the answer", expected.shape), atol=1e-5)
    check(same, "Loaded twice, the model gives two answers.", "weights_not_loaded")
    check_close(actual, expected, "the loaded model's answer", atol=1e-5)


@test_case(
    name="round trip",
    points=2,
    hidden=True,
    success_message="The loaded model answers as the saved one did.",
    failure_message="Everything has to be in the files of the folder: weights, moving statistics, "
    "activations. Another process knows nothing else.",
)
def test_round_trip(env):
    check_round_trip(env, "q6 new folder", exists=False)


@test_case(
    name="a folder that is there already",
    points=1,
    hidden=True,
    success_message="A folder that exists is used, and an older model in it replaced.",
    failure_message="Make the folder only if it is not there, and write over the files of an older model.",
)
def test_existing_folder(env):
    check_round_trip(env, "q6 existing folder", exists=True)
    rng = hidden_rng("q6 twice")
    x = rng.uniform(0, 1, (3, 6, 5, 1)).astype(np.float32)
    folder = beside(env, folders, True)[0]
    for filters, label in ((8, "q6 older"), (8, "q6 newer"), (12, "q6 newest")):
        model = secret_model(env, label, filters)
        expected = as_array(model(x, training=False), "the answer")
        call(env, "save_model", model, folder)
    problem, actual = beside(env, loaded, env.get("load_model"), folder, x)
    check(not problem, "load_model fails after a model has been saved over another.")
    check_close(actual, expected, "the answer after saving over an older model", atol=1e-5)
