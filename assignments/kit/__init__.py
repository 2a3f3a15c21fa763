"""Data and pictures for the notebooks: `from kit import load_images, plot_history, show_images`.

This folder lies beside the notebook. Importing it costs a tenth of a second: TensorFlow, scikit-learn and
Matplotlib are loaded when a function first needs them.
"""

from kit.data import Images, load_images
from kit.plots import plot_confusion, plot_curves, plot_history, show_images
from kit.tables import Pairs, Series, Table, load_pairs, load_series, load_table

__all__ = [
    "Images",
    "Pairs",
    "Series",
    "Table",
    "load_images",
    "load_pairs",
    "load_series",
    "load_table",
    "plot_confusion",
    "plot_curves",
    "plot_history",
    "show_images",
]
