"""The figure of the losses: what is drawn, on which axis, and that nothing global is touched."""

import doctest
import math
import sys

import numpy as np
import pytest

from netgraph.errors import NetError, NetValueError
from netgraph.show import curves
from netgraph.train.result import NetTrainResultsObject

matplotlib = pytest.importorskip("matplotlib")


def drawn(**values):
    return curves.figure(NetTrainResultsObject(values)).axes[0]


def labels(axes) -> list[str]:
    return [curve.get_label() for curve in axes.lines]


def test_examples_run():
    assert doctest.testmod(curves).failed == 0


def test_everything_is_drawn():
    batches = np.exp(-np.arange(400) / 100)
    axes = drawn(
        BatchLossList=batches, RoundLossList=[0.6, 0.1], RoundPositions=[200, 400], ValidationLossList=[0.7, 0.2],
        ValidationPositions=[200, 400], BestValidationRound=2,
    )  # fmt: skip
    assert labels(axes) == ["batches", "mean of 10 batches", "rounds", "validation", "best, round 2"]
    assert axes.get_yscale() == "log"
    assert axes.lines[3].get_xydata().tolist() == [[200, 0.7], [400, 0.2]]
    assert axes.lines[4].get_xydata().tolist() == [[400, 0.2]]


def test_positions_are_spread_where_there_are_none():
    axes = drawn(RoundLossList=[0.6, 0.1], TotalBatches=40)
    assert labels(axes) == ["rounds"] and axes.lines[0].get_xdata().tolist() == [20, 40] and axes.get_xlabel() == "batches"
    assert drawn(RoundLossList=[0.6, 0.1]).get_xlabel() == "rounds"


@pytest.mark.parametrize(
    "losses, scale", [([0.5, 0.4], "linear"), ([0.5, 0.001], "log"), ([0.5, -0.001], "linear"), ([5, math.inf, 0.1, math.nan], "log")]
)
def test_the_axis_is_logarithmic_where_it_helps(losses, scale):
    assert drawn(RoundLossList=losses).get_yscale() == scale


def test_many_batches_are_thinned():
    axes = drawn(BatchLossList=np.full(50_000, 0.5))
    assert [len(curve.get_xdata()) for curve in axes.lines] == [curves.MOST_POINTS] * 2


@pytest.mark.parametrize("values", [{}, {"BatchLossList": [0.5]}, {"RoundLossList": [math.nan]}, {"BatchLossList": [math.nan] * 100}])
def test_little_to_draw(values):
    assert curves.svg(NetTrainResultsObject(values)).startswith("<svg")


def test_nothing_global_is_touched():
    before, shown = dict(matplotlib.rcParams), "matplotlib.pyplot" in sys.modules
    figure = curves.figure(NetTrainResultsObject({"RoundLossList": [0.5, 0.4]}))
    assert figure._repr_svg_().startswith("<svg")
    assert dict(matplotlib.rcParams) == before and ("matplotlib.pyplot" in sys.modules) == shown


def test_smoothing_skips_what_is_not_finite():
    assert curves.smoothed(np.array([1.0, math.nan, 3.0]), 2).tolist() == [1.5, 2.0, 2.5]
    assert curves.smoothed(np.full(100, 2.0), 9).tolist() == [2.0] * 100


@pytest.mark.parametrize(
    "options, words",
    [
        ({"scale": "cubic"}, """plot: scale is "linear" or "log", got 'cubic'"""),
        ({"smoothing": 0}, "plot: smoothing is a number of batches, at least 1, got 0"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(NetValueError) as caught:
        curves.figure(NetTrainResultsObject({}), **options)
    assert str(caught.value) == words


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NetError) as caught:
        curves.figure(NetTrainResultsObject({}))
    assert str(caught.value) == "result.plot() draws with matplotlib, which is not installed\n  try: pip install netgraph[plot]"
