"""Plain pictures for the notebooks: training curves, a grid of images, a confusion matrix."""

from itertools import cycle

import numpy as np

BLUE, ORANGE, GREEN, RED, VIOLET, GREY = "#2f6db3", "#e08214", "#3a923a", "#c03d3e", "#7f62a8", "#777777"
COLOURS = (BLUE, ORANGE, GREEN, RED, VIOLET, GREY)


def plot_history(history, title=""):
    """Draw a training history: one panel a quantity, training and test in the same panel.

    Args:
        history: dict of equally long lists such as {"train_loss": …, "test_loss": …, "train_accuracy": …};
            the part after the first underscore names the panel, a key without one (or "val_…") works as well.
        title: text above the panels.
    """
    panels = {}
    for key, values in history.items():
        part, quantity = _split(key)
        panels.setdefault(quantity, {})[part] = [float(value) for value in values]
    figure, axes = _figure(1, len(panels), width=4.6, height=3.2)
    for axis, (quantity, curves) in zip(axes.flat, panels.items(), strict=True):
        _lines(axis, curves, xlabel="epoch", ylabel=quantity.replace("_", " "))
        if "accuracy" in quantity:
            axis.set_ylim(min(axis.get_ylim()[0], 0.5), 1.005)
    _finish(figure, title)


def plot_curves(curves, xlabel="epoch", ylabel="loss", title="", logarithmic=False):
    """Draw several curves in one panel.

    Args:
        curves: dict label -> list of numbers (drawn over 1, 2, 3, …), or label -> (x, y).
        xlabel, ylabel, title: texts.
        logarithmic: whether the y axis is logarithmic.
    """
    figure, axes = _figure(1, 1, width=6, height=3.6)
    _lines(axes[0, 0], curves, xlabel, ylabel)
    if logarithmic:
        axes[0, 0].set_yscale("log")
    _finish(figure, title)


def show_images(images, labels=None, rows=2, columns=10, title=""):
    """Draw the first rows·columns images in a grid, grey or in colour.

    All go into one array and one panel: Matplotlib takes longer over a panel than over the pixels in it.

    Args:
        images: (N, h, w), (N, h, w, 1) or (N, h, w, 3), of any number type; or (N, h·w) with h = w.
            A grey image is drawn from its own smallest value (white) to its largest (black).
        labels: N texts or numbers to write above the images.
        rows, columns: size of the grid; fewer rows are drawn where there are fewer images.
        title: text above the grid.
    """
    images = _pictures(np.asarray(images)[: rows * columns])
    count, height, width = images.shape[:3]
    columns = min(columns, max(count, 1))
    rows = -(-max(count, 1) // columns)
    gap, head = round(0.12 * width), round((0.12 if labels is None else 0.35) * height)
    tile_height, tile_width = head + height, gap + width
    grid = np.ones((rows * tile_height, columns * tile_width, *images.shape[3:]))
    figure, axes = _figure(1, 1, width=0.85 * columns, height=0.85 * rows * tile_height / tile_width)
    for k in range(count):
        top, left = k // columns * tile_height + head, k % columns * tile_width + gap // 2
        grid[top : top + height, left : left + width] = images[k]
        if labels is not None:
            axes[0, 0].text(left + width / 2, top - 2, np.asarray(labels)[k], ha="center", fontsize=9)
    axes[0, 0].imshow(grid, cmap="gray", vmin=0, vmax=1)
    axes[0, 0].axis("off")
    _finish(figure, title)


def plot_confusion(matrix, names=None, title=""):
    """Draw a confusion matrix: rows are the truth, columns the prediction, shades the share of the row.

    Args:
        matrix: (C, C) counts.
        names: C names of the classes; numbers if left out.
        title: text above the matrix.
    """
    matrix = np.asarray(matrix)
    names = range(len(matrix)) if names is None else names
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 1.5 + 0.42 * len(matrix)
    figure, axes = _figure(1, 1, width=side, height=side)
    axis = axes[0, 0]
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if share[row, column] > 0.5 else "black"
            axis.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=8)
    axis.set(xlabel="prediction", ylabel="truth")
    slanted = {"rotation": 45, "ha": "right"} if any(len(str(name)) > 3 for name in names) else {}
    axis.set_xticks(range(len(matrix)), names, **slanted)
    axis.set_yticks(range(len(matrix)), names)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    _finish(figure, title)


def _pictures(images):
    """What to draw between 0 and 1: (N, h, w) with black for the largest value, or (N, h, w, 3)."""
    if images.ndim == 2:
        side = round(images.shape[1] ** 0.5)
        images = images.reshape(-1, side, side)
    if images.shape[-1] == 3 and images.ndim == 4:
        return images / 255 if images.dtype.kind in "iu" else np.clip(images, 0, 1)
    images = images.reshape(images.shape[:3]).astype(float)
    low, high = (bound(images, axis=(1, 2), keepdims=True) for bound in (np.min, np.max))
    return (high - images) / np.where(high > low, high - low, 1)


def _split(key):
    """'test_loss' -> ('test', 'loss'), 'loss' -> ('train', 'loss'), 'val_loss' -> ('validation', 'loss')."""
    part, _, quantity = key.partition("_")
    if part in ("train", "test") and quantity:
        return part, quantity
    return ("validation", quantity) if part == "val" and quantity else ("train", key)


def _lines(axis, curves, xlabel, ylabel):
    for (label, curve), colour in zip(curves.items(), cycle(COLOURS), strict=False):
        x, y = curve if isinstance(curve, tuple) else (np.arange(1, len(curve) + 1), curve)
        axis.plot(x, y, label=label, color=colour, linewidth=1.8, marker="o" if len(y) == 1 else None)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if xlabel == "epoch":
        axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        axis.legend(frameon=False)


def _figure(rows, columns, width, height):
    """A figure with rows × columns panels of the given size in inches."""
    import matplotlib.pyplot as plt

    size = (width * columns, height * rows)
    return plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")


def _finish(figure, title):
    """Add the title, show the figure and close it, so that the notebook does not draw it a second time."""
    import matplotlib.pyplot as plt

    if title:
        figure.suptitle(title, fontsize=11)
    plt.show()
    plt.close(figure)
