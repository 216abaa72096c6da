"""The pictures of a training result: its losses, its measurements, the curve of a found learning rate."""

import numpy as np

from netgraph.errors import NetNameError, did_you_mean
from netgraph.show.curves import ROUND, VALIDATION, figure
from netgraph.show.figures import empty_figure, whole_ticks
from netgraph.show.measured import confusion_matrix_figure, roc_figure
from netgraph.train.result import NetTrainResultsObject

PICTURES = {"ConfusionMatrix": confusion_matrix_figure, "ROCCurve": roc_figure}


def result_figure(result: NetTrainResultsObject, what: str = "Loss", **options):
    """A picture of a result as a matplotlib figure: "Loss", a measurement by its key, or "LearningRateCurve".

    Errors: NetNameError for what was not measured, NetError where matplotlib is missing.
    """
    if what == "Loss":
        return figure(result, **options)
    if what == "LearningRateCurve" and result.get(what):
        return _rates(result[what])
    rounds, checks = result.get("RoundMeasurementsLists") or {}, result.get("ValidationMeasurementsLists") or {}
    if what not in rounds:
        raise NetNameError(f"this result has no picture of {what!r}, {did_you_mean(what, ['Loss', *rounds])}")
    last = (checks.get(what) or rounds[what])[-1:]
    if what in PICTURES and last:
        value = last[0]
        return PICTURES[what]({k: np.asarray(v) for k, v in value.items()} if isinstance(value, dict) else np.asarray(value))
    return _course(what, rounds[what], result.get("RoundPositions") or [], checks.get(what) or [], result.get("ValidationPositions") or [])


def _course(what: str, rounds: list, ends: list, checks: list, places: list):
    """A measurement over the batches; of each class a faint line, and their mean."""
    drawn = empty_figure((7.0, 4.0), "result.plot()")
    axes = drawn.axes[0]
    axes.set(xlabel="batches", ylabel=what)
    whole_ticks(axes.xaxis)
    for values, positions, colour, label in ((rounds, ends, ROUND, "training, as seen"), (checks, places, VALIDATION, "validation")):
        if not values:
            continue
        rows = np.array([list(v.values()) if isinstance(v, dict) else np.ravel(v) for v in values], dtype=float)
        x = positions if len(positions) == len(rows) else range(1, len(rows) + 1)
        if rows.shape[1] > 1:
            axes.plot(x, rows, color=colour, linewidth=0.6, alpha=0.4)
        counts = np.isfinite(rows).sum(axis=1)
        mean = np.where(counts > 0, np.where(np.isfinite(rows), rows, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)
        axes.plot(x, mean, color=colour, linewidth=1.6, marker="o" if len(rows) < 30 else None, markersize=3, label=label)
    axes.legend(frameon=False, fontsize=9)
    return drawn


def _rates(curve: list):
    drawn = empty_figure((6.0, 3.6), "result.plot()")
    axes = drawn.axes[0]
    rates, losses = np.array(curve, dtype=float).T
    axes.plot(rates, losses, color=ROUND, linewidth=1.4)
    axes.set(xlabel="learning rate", ylabel="loss", xscale="log")
    return drawn
