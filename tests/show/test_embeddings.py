"""Pictures of embeddings: the points, the names, the neighbours and their frames."""

import doctest
import sys

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from netgraph.errors import NetError, NetShapeError, NetTypeError, NetValueError
from netgraph.show import embeddings
from netgraph.show.embeddings import RIGHT, WRONG, embedding_plot, neighbor_plot

RNG = np.random.default_rng(0)
CLASSES = np.arange(30) % 3
ROWS = (5 * np.eye(6)[CLASSES] + 0.1 * RNG.normal(size=(30, 6))).astype(np.float32)


def points(figure, place=0):
    return np.asarray(figure.axes[place].collections[0].get_offsets())


def test_examples_run():
    known = {"np": np, **vars(embeddings)}
    assert doctest.testmod(embeddings, extraglobs=known).failed == 0


def test_two_numbers_are_drawn_as_they_are():
    assert np.allclose(points(embedding_plot(ROWS[:, :2], CLASSES)), ROWS[:, :2])
    assert np.allclose(points(embedding_plot(torch.tensor(ROWS[:, :1]))), np.pad(ROWS[:, :1], ((0, 0), (0, 1))))


def test_principal_directions_against_singular_values():
    figure = embedding_plot(ROWS, CLASSES, Title="three")
    centred = ROWS - ROWS.mean(0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ directions[:2].T
    assert np.allclose(np.abs(points(figure)), np.abs(expected), atol=1e-4)
    share = values[0] ** 2 / (values**2).sum()
    axes = figure.axes[0]
    assert axes.get_xlabel() == f"first direction, {share:.0%} of the variance" and axes.get_title() == "three"
    assert figure._repr_svg_().startswith("<svg")


def test_neighbours_stay_together_in_t_sne():
    figure = embedding_plot(ROWS, CLASSES, Method="TSNE", RandomSeeding=3)
    found = points(figure)
    distance = np.linalg.norm(found[:, None] - found, axis=2) + 1e9 * np.eye(30)
    assert (CLASSES[distance.argmin(1)] == CLASSES).mean() > 0.9
    assert np.array_equal(found, points(embedding_plot(ROWS, CLASSES, Method="TSNE", RandomSeeding=3)))


def test_classes_are_coloured_and_named_at_their_medians():
    figure = embedding_plot(ROWS[:, :2], CLASSES, Labels={0: "a", 1: "b"})
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["a", "b", "2"]
    assert np.allclose([text.get_position() for text in axes.texts], [np.median(ROWS[c == CLASSES, :2], axis=0) for c in range(3)])
    colours = axes.collections[0].get_facecolors()
    assert len({tuple(colour) for colour in colours}) == 3 and (colours[0] == colours[3]).all()
    many = embedding_plot(RNG.normal(size=(60, 2)), np.arange(60) % 30)
    assert many.axes[0].texts[:] == [] and len({tuple(c) for c in many.axes[0].collections[0].get_facecolors()}) == 30


def test_several_pictures_in_one_figure():
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert embedding_plot(ROWS[:, :2], CLASSES, Axes=left) is figure
    embedding_plot(ROWS, CLASSES, Axes=right)
    assert np.allclose(points(figure), ROWS[:, :2]) and not np.allclose(points(figure, 1), ROWS[:, :2])


def test_neighbours_in_frames():
    rows = np.array([[0.0], [0.1], [0.25], [1.0], [1.2]])
    images = np.arange(20).reshape(5, 2, 2)
    figure = neighbor_plot(images, rows, [0, 0, 1, 1, 1], Queries=[0, 3], Count=3, Labels=["x", "y"])
    shown = [int(axes.images[0].get_array()[0, 0]) // 4 for axes in figure.axes]
    assert shown == [0, 1, 2, 3, 3, 4, 2, 1]
    frames = [to_hex(axes.spines["left"].get_edgecolor()) for axes in figure.axes]
    assert frames[1:4] == [RIGHT, WRONG, WRONG] and frames[5:] == [RIGHT, RIGHT, WRONG]
    assert [figure.axes[place].get_ylabel() for place in (0, 4)] == ["x", "y"]


@pytest.mark.parametrize(
    ("images", "pixel"),
    [
        (np.full((4, 3, 2, 5), 0.5), [0.5] * 3),
        (np.full((4, 2, 5, 3), 300), [255] * 3),
        (np.full((4, 1, 2, 5), 7.0), 7.0),
        (torch.full((4, 2, 5), 7, dtype=torch.uint8), 7),
    ],
    ids=["channels first", "channels last", "one channel", "grey"],
)
def test_forms_of_images(images, pixel):
    figure = neighbor_plot(images, np.eye(4), [0, 0, 1, 1], Count=1, Queries=2)
    assert len(figure.axes) == 4
    array = figure.axes[0].images[0].get_array()
    assert array.shape[:2] == (2, 5) and np.asarray(array[0, 0]).tolist() == pixel


IMAGES = np.zeros((4, 2, 2))
WRONG_USE = [
    (lambda: embedding_plot(ROWS, CLASSES[:5]), NetShapeError,
     "embedding_plot: embeddings are n x d and classes n; these have shapes (30, 6) and (5,)"),
    (lambda: embedding_plot(ROWS, Method="UMAP"), NetValueError, "embedding_plot: Method is \"PCA\", \"TSNE\" or Automatic, got 'UMAP'"),
    (lambda: embedding_plot(np.array([[0, 1.0], [np.nan, 2]])), NetValueError,
     "embedding_plot: the embedding of example 1 is not finite"),
    (lambda: embedding_plot(ROWS[:2]), NetValueError, "embedding_plot: a plane wants at least 3 embeddings of 2 numbers, got 2 of 6"),
    (lambda: embedding_plot(ROWS[:, :1], Method="PCA"), NetValueError,
     "embedding_plot: a plane wants at least 3 embeddings of 2 numbers, got 30 of 1"),
    (lambda: neighbor_plot(np.zeros((4, 2)), np.eye(4), [0] * 4), NetShapeError,
     "neighbor_plot: images are n x height x width, or with 1, 3 or 4 channels; these have shape (4, 2)"),
    (lambda: neighbor_plot(IMAGES[:2], np.eye(4), [0] * 4), NetShapeError, "neighbor_plot: there are 2 images for 4 embeddings"),
    (lambda: neighbor_plot(IMAGES.astype(str), np.eye(4), [0] * 4), NetTypeError, "neighbor_plot: images are numbers, got <U32"),
    (lambda: neighbor_plot(IMAGES, np.eye(4), [0] * 4, Count=4), NetValueError,
     "neighbor_plot: Count is a whole number from 1 to 3, the number of other examples; got 4"),
    (lambda: neighbor_plot(IMAGES, np.eye(4), [0] * 4, Count=1, Queries=0), NetValueError,
     "neighbor_plot: Queries is how many, at least 1, or which examples, got 0"),
    (lambda: neighbor_plot(IMAGES, np.eye(4), [0] * 4, Count=1, Queries=[1, 4]), NetValueError,
     "neighbor_plot: Queries: there is no example 4, they are counted from 0 to 3"),
    (lambda: neighbor_plot(IMAGES, np.eye(4), [0] * 4, Count=1, Queries="all"), NetTypeError,
     "neighbor_plot: Queries is how many, or a list of examples, got 'all'"),
]  # fmt: skip


@pytest.mark.parametrize(("use", "error", "message"), WRONG_USE)
def test_what_a_wrong_use_is_told(use, error, message):
    with pytest.raises(error) as found:
        use()
    assert str(found.value) == message


def test_without_the_extras(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(NetError) as found:
        embedding_plot(ROWS)
    assert str(found.value) == "embedding_plot projects with scikit-learn, which is not installed\n  try: pip install netgraph[learn]"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NetError) as found:
        neighbor_plot(IMAGES, np.eye(4), [0] * 4, Count=1)
    assert str(found.value) == "neighbor_plot draws with matplotlib, which is not installed\n  try: pip install netgraph[plot]"
