"""The kit's tables, series and pairs: the files they read, and what stands in on a machine without them."""

import datetime
import os
from pathlib import Path

import numpy as np
import pytest

KIT = Path(__file__).parents[2] / "assignments"
REAL_DATA = os.environ.get("DL_DATA")
FILES = {
    "iris.csv": "5.1,3.5,1.4,0.2,Iris-setosa\n7.0,3.2,4.7,1.4,Iris-versicolor\n6.3,3.3,6.0,2.5,Iris-virginica\n\n",
    "banknote_authentication.csv": "3.6,8.6,-2.8,-0.4,0\r\n-1.4,3.3,-1.5,0.1,1\r\n",
    "auto-mpg.data": (
        '18.0   8   307.0      130.0      3504.      12.0   70  1\t"chevrolet chevelle malibu"\n'
        '25.0   4   98.00      ?          2046.      19.0   71  1\t"ford pinto"\n'
    ),
    "airline-passengers.csv": '"Month","Passengers"\r\n"1949-01",112\r\n"1949-02",118\r\n',
    "por-eng.tsv": "Tchau!\tBye.\nEu sei nadar.\tI can swim.\nOlha!\tLook!\n",
}


@pytest.fixture(autouse=True)
def kit(monkeypatch, tmp_path):
    """No data at hand, no network, and the kit importable as a notebook imports it."""
    monkeypatch.syspath_prepend(KIT)
    monkeypatch.setenv("DL_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("DL_DATA", raising=False)
    import kit

    return kit


@pytest.fixture(params=["DL_DATA", "Keras cache"])
def place(request, monkeypatch, tmp_path):
    """All files, in either of the two folders that are searched."""
    folder = tmp_path / "keras" / "datasets" if request.param == "Keras cache" else tmp_path / "data"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_bytes(text.encode())
    if request.param == "DL_DATA":
        monkeypatch.setenv("DL_DATA", str(folder))
    return request.param


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("iris", [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5], [7.0, 3.2, 4.7, 1.4]], [0, 2, 1]),
        ("banknotes", [[-1.4, 3.3, -1.5, 0.1], [3.6, 8.6, -2.8, -0.4]], [1, 0]),
        ("auto_mpg", [[8, 307, 130, 3504, 12, 70, 1]], [18]),
    ],
)
def test_tables_are_read(kit, place, name, x, y):
    """Rows that lack a number are left out, labels count from 0, and rows are in random order."""
    table = kit.load_table(name)
    order = np.argsort(table.x[:, 0])
    np.testing.assert_array_equal(table.x[order], x)
    np.testing.assert_array_equal(table.y[order], y)
    assert (table.name, table.source) == (name, place)
    assert len(table.features) == table.x.shape[1]


def test_the_seed_sets_the_order(kit):
    first, again, other = (kit.load_table("iris", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.y, other.y)


def test_the_series_is_read(kit, place):
    series = kit.load_series("airline")
    assert series.values.tolist() == [112, 118]
    assert series.months.astype(str).tolist() == ["1949-01", "1949-02"]
    assert series.source == place


def test_pairs_are_read_shortest_first(kit, place):
    pairs = kit.load_pairs("por-eng", n=2)
    assert sorted(zip(pairs.source_text, pairs.target_text, strict=True)) == [("Olha!", "Look!"), ("Tchau!", "Bye.")]
    assert pairs.source == place


@pytest.mark.parametrize("text", ["no tab\n", "", "Tchau!\tBye.\nno tab\n"])
def test_damaged_pairs_count_as_missing(kit, monkeypatch, tmp_path, text):
    (tmp_path / "por-eng.tsv").write_text(text)
    monkeypatch.setenv("DL_DATA", str(tmp_path))
    assert kit.load_pairs("por-eng", n=5).name == "dates"


@pytest.mark.parametrize(
    ("name", "stand_in", "shape", "kind"),
    [("iris", "iris", (150, 4), "i"), ("banknotes", "breast_cancer", (569, 30), "i"), ("auto_mpg", "diabetes", (442, 10), "f")],
)
def test_without_files_scikit_learn_stands_in(kit, capsys, name, stand_in, shape, kind):
    """Two classes stand for two classes, a number to predict for another; one line says so."""
    table = kit.load_table(name)
    assert (table.name, table.source, table.x.shape, table.y.dtype.kind) == (stand_in, "scikit-learn", shape, kind)
    if kind == "i":
        assert set(table.y) == set(range(len(table.classes)))
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert ("neither on this machine" in printed) == (name != stand_in)


def test_without_files_the_series_is_made_up(kit, capsys):
    series = kit.load_series()
    assert series.name == "made-up" and len(series.values) == len(series.months) == 144
    yearly = series.values.reshape(12, 12)
    assert np.isin(yearly.argmax(axis=1), (5, 6, 7)).all()  # it has a season
    assert yearly.mean(axis=1)[-1] > 2 * yearly.mean(axis=1)[0]  # and a trend
    assert "made-up" in capsys.readouterr().out


def test_without_files_pairs_are_dates(kit):
    """A task with one right answer: the date in words, and in ISO 8601."""
    pairs = kit.load_pairs("por-eng", n=300, seed=3)
    assert len(set(pairs.source_text)) == 300
    for words, iso in zip(pairs.source_text, pairs.target_text, strict=True):
        assert datetime.datetime.strptime(words, "%d %B %Y").date().isoformat() == iso
    assert kit.load_pairs("por-eng", n=300, seed=3) == pairs


@pytest.mark.parametrize("call", [lambda kit: kit.load_table("wine"), lambda kit: kit.load_series("wine"), lambda kit: kit.load_pairs("wine")])
def test_an_unknown_name_lists_what_there_is(kit, call):
    with pytest.raises(ValueError, match="'wine'; there (is|are)"):
        call(kit)


def test_a_download_that_fails_is_no_error(kit, monkeypatch):
    """Whatever Keras raises, the next place is tried."""
    from kit import lookup

    monkeypatch.setenv("DL_OFFLINE", "0")
    monkeypatch.setattr(lookup, "answers", lambda url: True)
    monkeypatch.setattr("keras.utils.get_file", lambda *_: (_ for _ in ()).throw(Exception("URL fetch failure")))
    assert kit.load_table("banknotes").source == "scikit-learn"


@pytest.mark.skipif(not REAL_DATA, reason="DL_DATA names no folder with the real sets")
def test_the_real_files(kit, monkeypatch):
    """Sizes that the data sets' pages state."""
    monkeypatch.setenv("DL_DATA", REAL_DATA)
    sizes = {name: kit.load_table(name).x.shape for name in ("iris", "banknotes", "auto_mpg")}
    assert sizes == {"iris": (150, 4), "banknotes": (1372, 4), "auto_mpg": (392, 7)}
    assert len(kit.load_series().values) == 144
    assert len(kit.load_pairs().source_text) == 14187
