"""Pictures of confusion matrices and ROC curves: what is in them."""

import doctest
import sys

import numpy as np
import pytest

from netgraph.errors import NetError
from netgraph.measure.roc import roc_curve
from netgraph.show import measured
from netgraph.show.measured import confusion_matrix_figure, roc_figure


def test_examples_run():
    assert doctest.testmod(measured).failed == 0


def test_counts_stand_in_the_cells():
    figure = confusion_matrix_figure(np.array([[5, 1, 0], [2, 3, 1], [0, 1, 7]]), ["cat", "dog", "bird"])
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["5", "1", "2", "3", "1", "1", "7"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "bird"]
    assert axes.images[0].get_array()[2].tolist() == [0, 1 / 8, 7 / 8]
    assert figure._repr_svg_().startswith("<svg")


def test_many_classes_stay_readable():
    axes = confusion_matrix_figure(np.eye(100, dtype=int)).axes[0]
    assert len(axes.texts) == 0 and len(axes.get_xticks()) == 20
    assert confusion_matrix_figure(np.zeros((3, 3), int)).axes[0].texts[:] == []


def test_roc_curves():
    source = np.random.default_rng(0)
    curves = {label: roc_curve(source.random(30), source.random(30) < 0.5) for label in ("a", "b")}
    axes = roc_figure(curves).axes[0]
    assert [text.get_text()[:2] for text in axes.get_legend().texts] == ["a:", "b:"] and len(axes.lines) == 3
    assert len(roc_figure(curves["a"]).axes[0].lines) == 2
    assert len(roc_figure({0: curves["a"], 1: curves["b"]}).axes[0].lines) == 3


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NetError) as caught:
        confusion_matrix_figure(np.eye(2, dtype=int))
    assert str(caught.value) == "ConfusionMatrixPlot draws with matplotlib, which is not installed\n  try: pip install netgraph[plot]"
