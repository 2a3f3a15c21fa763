"""Data and pictures for the notebooks: `from kit import load_images, plot_history, show_images`.

This folder lies beside the notebook. Importing it costs a tenth of a second: TensorFlow, scikit-learn and
Matplotlib are loaded when a function first needs them.
"""

from kit.data import Images, load_images
from kit.plots import plot_confusion, plot_curves, plot_history, show_images

__all__ = ["Images", "load_images", "plot_confusion", "plot_curves", "plot_history", "show_images"]
