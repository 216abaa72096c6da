"""Pictures of what was measured: confusion matrices and ROC curves, as matplotlib figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from netgraph.measure.roc import area_under
from netgraph.show.figures import empty_figure

MOST_NUMBERS = 20
"""Of more classes than this the counts are not written into the cells."""


def confusion_matrix_figure(matrix: np.ndarray, labels: Sequence[Any] | None = None):
    """A confusion matrix as a matplotlib figure: rows are what examples are, columns what they were taken for, darker is more of a row.

    Errors: NetError where matplotlib is missing.

    >>> confusion_matrix_figure(np.array([[5, 1], [2, 3]])).axes[0].get_xlabel()
    'taken for'
    """
    count = len(matrix)
    names = [str(label) for label in (range(count) if labels is None else labels)]
    side = min(12.0, max(3.0, 1.2 + 0.42 * count))
    figure = empty_figure((side, side), "ConfusionMatrixPlot")
    axes = figure.axes[0]
    axes.grid(False)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.1)
    if count <= MOST_NUMBERS:
        for (row, column), number in np.ndenumerate(matrix):
            if number:
                colour = "white" if shares[row, column] > 0.5 else "#1f2937"
                axes.text(column, row, str(number), ha="center", va="center", fontsize=9, color=colour)
    step = -(-count // MOST_NUMBERS)
    places = range(0, count, step)
    axes.set_xticks(places, [names[place] for place in places], rotation=0 if max(map(len, names)) < 4 else 45)
    axes.set_yticks(places, [names[place] for place in places])
    axes.set(xlabel="taken for", ylabel="is")
    axes.tick_params(length=0)
    for edge in axes.spines.values():
        edge.set_visible(False)
    return figure


def roc_figure(curves: Mapping[Any, np.ndarray] | np.ndarray, labels: Sequence[Any] | None = None):
    """ROC curves as a matplotlib figure, one a class (of two classes that of True), each with its area.

    Errors: NetError where matplotlib is missing.

    >>> roc_figure({False: np.array([[0, 0], [1, 1]]), True: np.array([[0, 0], [0, 1], [1, 1]])}).axes[0].get_legend().texts[0].get_text()
    'True: 1.000'
    """
    if not isinstance(curves, Mapping):
        curves = {"all": curves}
    if set(curves) == {False, True} and not any(type(label) is int for label in curves):
        curves = {True: curves[True]}
    figure = empty_figure((5.0, 4.6), "ROCCurvePlot")
    axes = figure.axes[0]
    axes.plot([0, 1], [0, 1], color="#c0c6d0", linewidth=1, linestyle="--")
    for label, curve in curves.items():
        axes.plot(curve[:, 0], curve[:, 1], linewidth=1.5, label=f"{label}: {area_under(curve):.3f}")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    if len(curves) <= MOST_NUMBERS:
        axes.legend(title="area", frameon=False, fontsize=8, loc="lower right")
    return figure
