"""The curves of a training run: losses over batches, as a matplotlib figure."""

import math

import numpy as np

from netgraph.errors import NetValueError
from netgraph.show.figures import QUIET, as_svg, empty_figure, whole_ticks
from netgraph.train.result import NetTrainResultsObject

MOST_POINTS = 2000
"""More than this many batch losses are thinned before drawing: no screen shows them and SVG grows with each."""

LOG_RATIO = 20.0
"""From this ratio between large and small losses on, the axis is logarithmic unless told otherwise."""

BATCH, ROUND, VALIDATION = "#7aa6d8", "#1f4e8c", "#d9772b"


def figure(result: NetTrainResultsObject, *, scale: str | None = None, smoothing: int | None = None, size=(7.0, 4.0)):
    """The losses of a training run as a matplotlib figure: each batch faint, their smoothed course, rounds and validation.

    `scale` is "linear" or "log" (default: "log" where the losses span more than a factor of 20), `smoothing` the number of batches that are
    averaged around each point (default: 1 in 40 of all), `size` is in inches. No window is opened and no setting of matplotlib changed:
    notebooks show the figure, `figure.savefig(path)` writes it.
    Errors: NetError where matplotlib is missing, NetValueError for another scale or a smoothing below 1.

    >>> from netgraph.train.result import NetTrainResultsObject
    >>> drawn = figure(NetTrainResultsObject({"RoundLossList": [0.5, 0.25], "RoundPositions": [10, 20]}))
    >>> drawn.axes[0].get_xlabel(), drawn.axes[0].get_ylabel()
    ('batches', 'loss')
    """
    if scale not in (None, "linear", "log"):
        raise NetValueError(f'plot: scale is "linear" or "log", got {scale!r}')
    if smoothing is not None and (not isinstance(smoothing, int) or isinstance(smoothing, bool) or smoothing < 1):
        raise NetValueError(f"plot: smoothing is a number of batches, at least 1, got {smoothing!r}")
    drawn = empty_figure(size, "result.plot()")
    axes = drawn.axes[0]
    axes.set(xlabel="batches", ylabel="loss")
    whole_ticks(axes.xaxis)
    batches = _points(result, "BatchLossList", None)
    rounds = _points(result, "RoundLossList", "RoundPositions")
    checks = _points(result, "ValidationLossList", "ValidationPositions")
    shown = []
    if len(batches[0]) > 1:
        window = smoothing or max(1, len(batches[0]) // 40)
        course = smoothed(batches[1], window)
        keep = np.unique(np.linspace(0, len(course) - 1, MOST_POINTS).astype(int)) if len(course) > MOST_POINTS else slice(None)
        axes.plot(batches[0][keep], batches[1][keep], color=BATCH, alpha=0.45, linewidth=0.7, label="batches", zorder=2)
        if window > 1:
            axes.plot(batches[0][keep], course[keep], color=ROUND, linewidth=1.6, label=f"mean of {window:,} batches", zorder=3)
        # The axis follows the course: a few wild batches must not squeeze everything else.
        shown += [course, np.nanpercentile(batches[1], [1, 99]) if np.isfinite(batches[1]).any() else batches[1][:0]]
    if len(rounds[0]):
        with_batches = len(batches[0]) > 1
        line = "none" if with_batches and len(rounds[0]) < 40 else "-"
        marker = "o" if len(rounds[0]) < 40 else None
        if not with_batches or marker:
            axes.plot(*rounds, color=ROUND, linestyle=line, marker=marker, markersize=4.5, linewidth=1.6, label="rounds", zorder=4)
            shown.append(rounds[1])
    if len(checks[0]):
        marker = "o" if len(checks[0]) < 40 else None
        axes.plot(*checks, color=VALIDATION, marker=marker, markersize=4.5, linewidth=1.6, label="validation", zorder=5)
        shown.append(checks[1])
        _mark_best(axes, result, checks)
    if len(rounds[0]) and not (len(batches[0]) or result.get("RoundPositions") or result.get("TotalBatches")):
        axes.set_xlabel("rounds", color=QUIET)
    _scale_axis(axes, np.concatenate(shown) if shown else np.empty(0), scale)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9, labelcolor="#374151", loc="upper right")
    else:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no losses were kept", transform=axes.transAxes, ha="center", va="center", color=QUIET)
    return drawn


def svg(result: NetTrainResultsObject, **options) -> str:
    """The figure as SVG text, small enough to sit beside a table; for notebooks."""
    return as_svg(figure(result, **{"size": (5.0, 2.8), **options}))


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """The mean over about `window` neighbours, weighted by nearness; shorter at the ends, what is not finite left out.

    >>> smoothed(np.array([0.0, 0.0, 3.0, 0.0, 0.0]), 3).round(2).tolist()
    [0.5, 0.67, 1.0, 0.67, 0.5]
    """
    half = window // 2
    if half < 1:
        return values
    for _ in range(2):  # a box twice is a tent: no corners where a spike leaves the window
        finite = np.isfinite(values)
        sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
        counts = np.concatenate([[0], np.cumsum(finite)])
        width = max(1, (half + 1) // 2)
        low = np.maximum(np.arange(len(values)) - width, 0)
        high = np.minimum(np.arange(len(values)) + width + 1, len(values))
        with np.errstate(invalid="ignore", divide="ignore"):
            values = (sums[high] - sums[low]) / (counts[high] - counts[low])
    return values


def _points(result: NetTrainResultsObject, losses: str, positions: str | None) -> tuple[np.ndarray, np.ndarray]:
    y = np.array(result.get(losses) or [], dtype=float)
    x = (result.get(positions) if positions else None) or []
    if len(x) != len(y):  # without positions: evenly over what was done
        last = result.get("TotalBatches") or len(y)
        x = np.arange(1, len(y) + 1) if positions is None else last * np.arange(1, len(y) + 1) / max(1, len(y))
    y[~np.isfinite(y)] = np.nan
    return np.asarray(x, dtype=float), y


def _mark_best(axes, result: NetTrainResultsObject, checks) -> None:
    if not np.isfinite(checks[1]).any():
        return
    best = int(np.nanargmin(checks[1]))
    label = "best"
    if result.get("BestValidationRound") is not None:
        label = f"best, round {result['BestValidationRound']}"
    axes.plot(
        checks[0][best], checks[1][best], "o", markersize=10, markerfacecolor="none", markeredgecolor=VALIDATION, label=label, zorder=6
    )


def _scale_axis(axes, values: np.ndarray, scale: str | None) -> None:
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return
    low, high = float(values.min()), float(values.max())
    if scale is None:
        scale = "log" if low > 0 and high / low > LOG_RATIO else "linear"
    if scale == "log" and high > 0:
        low = float(values[values > 0].min())
        axes.set_yscale("log", nonpositive="mask")
        room = (high / low) ** 0.06 if high > low else 2.0
        low, high = low / room, high * room
        axes.set_ylim(low, high)
        _tick_plainly(axes, low, high)
        return
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    bottom = 0.0 if 0 <= low < 0.3 * high else low - room
    axes.set_ylim(bottom, high + room)


def _tick_plainly(axes, low: float, high: float) -> None:
    """0.1 rather than 10^-1 on a logarithmic axis, and enough ticks where it spans few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if low < 1e-4 or high > 1e5:
        return
    decades = math.log10(high / low)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 3 else (1.0, 3.0) if decades > 1.5 else (1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
