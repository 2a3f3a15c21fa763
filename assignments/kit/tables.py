"""Tables, a series and pairs of sentences, taken from where they can be had without waiting; see `kit.lookup`.

Each function prints one line that says what it found. What stands in where nothing is to be had:

    iris         scikit-learn's own copy
    banknotes    scikit-learn's breast cancer table: two classes as well
    auto_mpg     scikit-learn's diabetes table: a number to predict as well
    airline      a made-up series with a trend and a yearly season
    por-eng      generated pairs: a date in words, the same date in ISO 8601
"""

import csv
import datetime
import os
from typing import NamedTuple

import numpy as np

from kit import lookup

UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases"
FILES = {  # file in DL_DATA and in Keras' cache, and where to download it
    "iris": ("iris.csv", f"{UCI}/iris/iris.data"),
    "banknotes": ("banknote_authentication.csv", f"{UCI}/00267/data_banknote_authentication.txt"),
    "auto_mpg": ("auto-mpg.data", f"{UCI}/auto-mpg/auto-mpg.data"),
    "airline": (
        "airline-passengers.csv",
        "https://raw.githubusercontent.com/jbrownlee/Datasets/master/airline-passengers.csv",
    ),
}
FEATURES = {
    "iris": ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    "banknotes": ("variance", "skewness", "kurtosis", "entropy"),
    "auto_mpg": (
        "cylinders", "displacement (cu in)", "horsepower", "weight (lb)", "acceleration (s)", "model year", "origin"
    ),
}  # fmt: skip
CLASSES = {"iris": ("setosa", "versicolor", "virginica"), "banknotes": ("genuine", "forged"), "auto_mpg": ()}
TARGETS = {"iris": "species", "banknotes": "class", "auto_mpg": "fuel economy (miles per US gallon)"}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


class Table(NamedTuple):
    """A table of examples, in random order."""

    x: np.ndarray  # float64 (N, D)
    y: np.ndarray  # int64 (N,) labels from 0, or float64 (N,) for a number to predict
    features: tuple  # D names, with units
    classes: tuple  # names of the labels; empty for a number to predict
    target: str  # what y is, with its unit
    name: str  # the table that was really used
    source: str  # "DL_DATA", "Keras cache", "download" or "scikit-learn"


class Series(NamedTuple):
    """A monthly series."""

    values: np.ndarray  # float64 (T,)
    months: np.ndarray  # datetime64[M] (T,)
    unit: str
    name: str  # "airline", or "made-up"
    source: str  # "DL_DATA", "Keras cache", "download" or "generated"


class Pairs(NamedTuple):
    """Pairs of sentences, in random order."""

    source_text: list  # of str
    target_text: list  # of str, the translations
    name: str  # "por-eng", or "dates"
    source: str  # "DL_DATA", "Keras cache" or "generated"


def load_table(name="iris", seed=0):
    """Return a table: "iris" (150 × 4), "banknotes" (1,372 × 4) or "auto_mpg" (392 × 7, complete rows).

    The seed sets the order of the rows. Raises ValueError if there is no table of that name.
    """
    if name not in FEATURES:
        raise ValueError(f"no table {name!r}; there are {', '.join(FEATURES)}")
    readers = {"iris": _read_iris, "banknotes": _read_banknotes, "auto_mpg": _read_auto_mpg}
    found, source = _read(name, readers[name])
    if found is None:
        table = _from_scikit_learn(name)
    else:
        table = Table(*found, FEATURES[name], CLASSES[name], TARGETS[name], name, source)
    order = np.random.default_rng(seed).permutation(len(table.y))
    table = table._replace(x=table.x[order], y=table.y[order])
    kind = f"{len(table.classes)} classes" if table.classes else "a number to predict"
    what = f"{len(table.y):,} rows of {table.name}, {table.x.shape[1]} features, {kind}"
    print(_line(name, table.name, what, table.source))
    return table


def load_series(name="airline"):
    """Return a monthly series: "airline", passengers in thousands, 1949 to 1960.

    Raises ValueError if there is no series of that name.
    """
    if name != "airline":
        raise ValueError(f"no series {name!r}; there is airline")
    found, source = _read(name, _read_airline)
    if found is None:
        series = _made_up_series()
    else:
        series = Series(*found, "thousand passengers", name, source)
    what = f"{len(series.values)} months of the {series.name} series, {series.months[0]} to {series.months[-1]}"
    print(_line(name, series.name, what, series.source))
    return series


def load_pairs(name="por-eng", n=None, seed=0):
    """Return pairs of sentences: "por-eng", Portuguese and English, 14,187 pairs at most.

    Args:
        name: "por-eng".
        n: the n pairs with the shortest translations, which are the easiest; all of them if None.
        seed: sets the order, and which dates are made up where the sentences are not to be had.

    Raises:
        ValueError: if there are no pairs of that name, or n is below 1.
    """
    if name != "por-eng":
        raise ValueError(f"no pairs {name!r}; there is por-eng")
    if n is not None and n < 1:
        raise ValueError(f"n must be at least 1, but is {n}")
    places = {
        "DL_DATA": lambda: _read_pairs(lookup.data_folder() / "por-eng.tsv"),
        "Keras cache": lambda: _read_pairs(lookup.keras_cache() / "por-eng.tsv"),
    }
    found, source = lookup.first(places)
    used = name
    if found is None:
        found, used, source = _dates(n or 2000, seed), "dates", "generated"
    found = sorted(found, key=lambda pair: len(pair[1]))[:n]
    order = np.random.default_rng(seed).permutation(len(found))
    pairs = Pairs([found[i][0] for i in order], [found[i][1] for i in order], used, source)
    print(_line(name, used, f"{len(found):,} pairs of {used}", source))
    return pairs


def _line(asked, used, what, source):
    """One line: what there is, from where, and whether it is what was asked for."""
    origin = os.environ["DL_DATA"] if source == "DL_DATA" else source
    missing = f"{asked} is neither on this machine nor to be downloaded; instead: " if asked != used else ""
    return f"{missing}{what} (source: {origin})."


def _read(name, reader):
    """Return (what the reader makes of the file, where it was), (None, None) where there is no file."""
    filename, url = FILES[name]

    def fetched():
        with lookup.download(url):
            import keras

            return keras.utils.get_file(filename, url)

    places = {
        "DL_DATA": lambda: reader(lookup.data_folder() / filename),
        "Keras cache": lambda: reader(lookup.keras_cache() / filename),
        "download": lambda: reader(fetched()),
    }
    return lookup.first(places)


# --- file formats ------------------------------------------------------------------------------------------


def _rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [row for row in csv.reader(file) if row]


def _read_iris(path):
    rows = _rows(path)
    species = [row[4].removeprefix("Iris-") for row in rows]
    x = np.array([row[:4] for row in rows], dtype=np.float64)
    return x, np.array([CLASSES["iris"].index(s) for s in species], dtype=np.int64)


def _read_banknotes(path):
    table = np.array(_rows(path), dtype=np.float64)
    return table[:, :4], table[:, 4].astype(np.int64)


def _read_auto_mpg(path):
    """Columns divided by blanks, then a tab and the car's name; six rows lack the horsepower and are left out."""
    with open(path, encoding="utf-8") as file:
        rows = [line.split("\t")[0].split() for line in file if line.strip()]
    table = np.array([row for row in rows if "?" not in row], dtype=np.float64)
    return table[:, 1:], table[:, 0]


def _read_airline(path):
    _, *rows = _rows(path)
    values = np.array([row[1] for row in rows], dtype=np.float64)
    return values, np.array([row[0] for row in rows], dtype="datetime64[M]")


def _read_pairs(path):
    with open(path, encoding="utf-8") as file:
        pairs = [tuple(line.rstrip("\n").split("\t")[:2]) for line in file]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{path}: expected two columns, divided by a tab")
    return pairs


# --- what stands in ----------------------------------------------------------------------------------------


def _from_scikit_learn(name):
    from sklearn import datasets

    stand_in = {"iris": "iris", "banknotes": "breast_cancer", "auto_mpg": "diabetes"}[name]
    found = getattr(datasets, f"load_{stand_in}")()
    classes = tuple(map(str, found.get("target_names", ())))
    y = found.target.astype(np.int64 if classes else np.float64)
    target = TARGETS["iris"] if stand_in == "iris" else "class" if classes else "disease progression after a year"
    return Table(
        found.data.astype(np.float64), y, tuple(found.feature_names), classes, target, stand_in, "scikit-learn"
    )


def _made_up_series():
    """144 months: a straight trend times a season that peaks in July, with a little noise."""
    t = np.arange(144)
    season = 1 + 0.2 * np.cos(2 * np.pi * (t - 6) / 12)
    noise = np.random.default_rng(0).normal(1, 0.02, len(t))
    months = np.datetime64("1949-01") + t.astype("timedelta64[M]")
    return Series(np.round((110 + 2.6 * t) * season * noise), months, "thousand passengers", "made-up", "generated")


def _dates(n, seed):
    """n pairs such as ("4 March 1987", "1987-03-04"), each date at most once as far as they last."""
    first, last = datetime.date(1900, 1, 1).toordinal(), datetime.date(2099, 12, 31).toordinal()
    rng = np.random.default_rng(seed)
    days = first + rng.choice(last - first + 1, size=min(n, last - first + 1), replace=False)
    dates = [datetime.date.fromordinal(int(day)) for day in days]
    return [(f"{d.day} {MONTHS[d.month - 1]} {d.year}", d.isoformat()) for d in dates]
