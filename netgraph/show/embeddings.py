"""Pictures of embeddings: where the classes lie in the plane, and what the nearest neighbours of images are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from netgraph.errors import NetError, NetShapeError, NetTypeError, NetValueError
from netgraph.measure.neighbors import nearest
from netgraph.measure.retrieval import embedded_columns, metric_of
from netgraph.show.figures import blank_figure, empty_figure, style
from netgraph.spec.initial import generator
from netgraph.spec.names import spelled
from netgraph.types.symbols import Automatic

__all__ = ["embedding_plot", "neighbor_plot"]

MOST_NAMES = 20
"""Of more classes than this the names are not written among the points."""
RIGHT, WRONG, QUERY = "#16a34a", "#dc2626", "#1f2937"
CHANNELS = (1, 3, 4)


def embedding_plot(embeddings: Any, classes: Any = None, /, **options):
    """Embeddings (n x d) as points of the plane, coloured by class, as a matplotlib figure.

        embedding_plot(net(images), digits)
        embedding_plot(embeddings, classes, Method="TSNE", Title="NT-Xent")

    Method: "PCA" draws the two directions of most variance, with their shares of it; "TSNE" keeps neighbours together, and says nothing of
    distances far apart; Automatic draws embeddings of one or two numbers as they are, others by "PCA". Both are scikit-learn's.
    Up to 20 classes are named where the median of their points is; Labels: their names, {class: name} or a list. Title: above the picture.
    Axes: axes of matplotlib to draw on, for several pictures in one figure. RandomSeeding: the seed of t-SNE (1234).
    Errors: NetShapeError for embeddings and classes that do not fit, NetValueError for embeddings that are not finite, or too few;
    NetError where matplotlib or scikit-learn is missing.
    Source: t-SNE: van der Maaten and Hinton 2008.

    >>> figure = embedding_plot([[0, 0], [0, 1], [3, 3], [3, 4]], [0, 0, 1, 1], Labels=["near", "far"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['near', 'far']
    """
    where = "embedding_plot"
    words = spelled(options, ["Axes", "Labels", "Method", "RandomSeeding", "Title"], where)
    rows, places = embedded_columns(embeddings, np.zeros(len(embeddings), dtype=int) if classes is None else classes, where)
    points, titles = _plane(rows.cpu().double().numpy(), words.get("Method", Automatic), words.get("RandomSeeding", 1234), where)
    axes = words.get("Axes")
    if axes is None:
        axes = empty_figure((6.0, 5.4), where).axes[0]
    else:
        style(axes)
    names, own = np.unique(places.cpu().numpy(), return_inverse=True)
    axes.scatter(*points.T, c=[_colour(place, len(names)) for place in own], s=_size(len(points)), alpha=0.8, linewidths=0)
    if classes is not None and len(names) <= MOST_NAMES:
        _name_classes(axes, points, own, [_named(name, words.get("Labels")) for name in names])
    axes.set(xlabel=titles[0], ylabel=titles[1])
    if words.get("Title") is not None:
        axes.set_title(words["Title"], fontsize=11, color=QUERY)
    return axes.figure


def _plane(rows: np.ndarray, method: Any, seed: Any, where: str) -> tuple[np.ndarray, tuple[str, str]]:
    """(points of the plane, what the two axes are)."""
    if method not in ("PCA", "TSNE") and method is not Automatic:
        raise NetValueError(f'{where}: Method is "PCA", "TSNE" or Automatic, got {method!r}')
    count, size = rows.shape
    if not np.isfinite(rows).all():
        raise NetValueError(f"{where}: the embedding of example {int(np.argwhere(~np.isfinite(rows))[0, 0])} is not finite")
    if method is Automatic and size <= 2:
        return np.pad(rows, ((0, 0), (0, 2 - size))), ("first number", "second number" if size == 2 else "")
    if count < 3 or size < 2:
        raise NetValueError(f"{where}: a plane wants at least 3 embeddings of 2 numbers, got {count} of {size}")
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
    except ImportError:
        raise NetError(f"{where} projects with scikit-learn, which is not installed", fix="pip install netgraph[learn]") from None
    if method == "TSNE":
        found = TSNE(2, perplexity=min(30.0, (count - 1) / 3), init="pca", random_state=seed).fit_transform(rows.astype(np.float32))
        return found, ("t-SNE", "")
    fitted = PCA(2, svd_solver="full")
    points = fitted.fit_transform(rows)
    first, second = np.nan_to_num(fitted.explained_variance_ratio_)
    return points, (f"first direction, {first:.0%} of the variance", f"second direction, {second:.0%}")


def _colour(place: int, count: int) -> Any:
    from matplotlib import colormaps

    return colormaps["tab10" if count <= 10 else "tab20"](place) if count <= MOST_NAMES else colormaps["turbo"](place / (count - 1))


def _size(count: int) -> float:
    """The area of a point: smaller the more there are."""
    return float(np.clip(6000 / count, 4, 40))


def _name_classes(axes, points: np.ndarray, own: np.ndarray, names: Sequence[str]) -> None:
    from matplotlib import patheffects

    around = [patheffects.withStroke(linewidth=3, foreground="white")]
    for place, name in enumerate(names):
        centre = np.median(points[own == place], axis=0)
        axes.text(*centre, name, ha="center", va="center", fontsize=11, fontweight="bold", color=QUERY, path_effects=around)


def _named(name: Any, labels: Any) -> str:
    if labels is None:
        return str(name)
    if isinstance(labels, Mapping):
        return str(labels.get(name, name))
    return str(labels[name]) if 0 <= name < len(labels) else str(name)


def neighbor_plot(images: Any, embeddings: Any, classes: Any, /, **options):
    """Images with their nearest neighbours among all of them, as a matplotlib figure: a row a query, framed green where the class is right.

        neighbor_plot(images, net(images), digits, Queries=8, Count=10)

    `images`: n x height x width, n x channels x height x width or n x height x width x channels (1, 3 or 4 channels), of reals from 0 to 1,
    integers from 0 to 255, or, of one channel, any numbers. The first image of a row is the query; then come the Count (8) nearest others,
    nearest first, green frames for the query's class and red ones for others; the row's title is its class.
    Queries: how many, drawn by RandomSeeding (1234), or which examples; 6 unless given. Distance: as in embedding_measurements.
    Labels: names of the classes, {class: name} or a list.
    Errors: NetShapeError for images, embeddings and classes that do not fit; NetValueError for queries that are not there; NetError where
    matplotlib is missing.
    Source: none.

    >>> figure = neighbor_plot(np.zeros((4, 2, 2)), [[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1], Queries=[0, 3], Count=2)
    >>> len(figure.axes)
    6
    """
    where = "neighbor_plot"
    words = spelled(options, ["Count", "Distance", "Labels", "Queries", "RandomSeeding"], where)
    rows, places = embedded_columns(embeddings, classes, where)
    shown = _pictures(images, len(rows), where)
    count = words.get("Count", 8)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count < len(rows):
        raise NetValueError(f"{where}: Count is a whole number from 1 to {len(rows) - 1}, the number of other examples; got {count!r}")
    queries = _queries(words.get("Queries", 6), len(rows), words.get("RandomSeeding", 1234), where)
    rows, places = rows.cpu(), places.cpu()
    near: dict[int, list[int]] = {}
    for found in nearest(rows, None, metric_of(words.get("Distance"), where), torch.full((len(rows),), count), torch.tensor(queries)):
        near.update(zip(found.rows.tolist(), found.order.tolist(), strict=True))
    figure = blank_figure((0.6 + 0.85 * (count + 1), 0.9 * len(queries)), where)
    between = 0.15
    grid = figure.add_gridspec(len(queries), count + 2, width_ratios=[1, between, *[1] * count])
    limits = None if shown.ndim == 4 else (float(shown.min()), float(shown.max()))
    for number, query in enumerate(queries):
        own = places[query]
        first = figure.add_subplot(grid[number, 0])
        _framed(first, shown[query], limits, QUERY, 1.2)
        first.set_ylabel(_named(int(own), words.get("Labels")), rotation=0, ha="right", va="center", fontsize=10, color=QUERY)
        for place, other in enumerate(near[query]):
            right = places[other] == own
            _framed(figure.add_subplot(grid[number, place + 2]), shown[other], limits, RIGHT if right else WRONG, 2.5)
    return figure


def _pictures(images: Any, count: int, where: str) -> np.ndarray:
    """Images as matplotlib draws them: n x height x width, or with channels last."""
    found = images.detach().cpu().numpy() if isinstance(images, torch.Tensor) else np.asarray(images)
    shape = found.shape
    if found.ndim == 4 and shape[1] in CHANNELS:
        found = np.moveaxis(found, 1, 3)
    elif found.ndim != 3 and not (found.ndim == 4 and shape[3] in CHANNELS):
        raise NetShapeError(f"{where}: images are n x height x width, or with 1, 3 or 4 channels; these have shape {shape}")
    if len(found) != count:
        raise NetShapeError(f"{where}: there are {len(found)} images for {count} embeddings")
    if found.dtype.kind not in "fiub":
        raise NetTypeError(f"{where}: images are numbers, got {found.dtype}")
    if found.ndim == 4 and found.shape[3] == 1:
        found = found[..., 0]
    if found.ndim == 3:
        return found
    return found.clip(0, 255).astype(np.uint8) if found.dtype.kind in "iu" else found.astype(float).clip(0, 1)


def _queries(given: Any, count: int, seed: Any, where: str) -> list[int]:
    if isinstance(given, int) and not isinstance(given, bool):
        if given < 1:
            raise NetValueError(f"{where}: Queries is how many, at least 1, or which examples, got {given}")
        return sorted(torch.randperm(count, generator=generator(seed, "queries"))[:given].tolist())
    chosen = np.asarray(given)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise NetTypeError(f"{where}: Queries is how many, or a list of examples, got {given!r}")
    wrong = chosen[(chosen < 0) | (chosen >= count)]
    if len(wrong):
        raise NetValueError(f"{where}: Queries: there is no example {wrong[0]}, they are counted from 0 to {count - 1}")
    return chosen.tolist()


def _framed(axes, image: np.ndarray, limits: tuple[float, float] | None, colour: str, width: float) -> None:
    """An image in a frame; `limits` are black and white where it has one channel."""
    low, high = limits or (None, None)
    axes.imshow(image, cmap="gray" if limits else None, vmin=low, vmax=high, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=colour, linewidth=width)
