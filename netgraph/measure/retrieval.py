"""Scores of embeddings: how well the nearest ones of a query are those of its class."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from netgraph.errors import NetShapeError, NetTypeError, NetValueError
from netgraph.layers.metric.distance import METRIC, LpDistance, Metric
from netgraph.measure.clusters import cluster_scores
from netgraph.measure.collect import Collector
from netgraph.measure.neighbors import nearest
from netgraph.measure.spec import CLUSTERING, RETRIEVAL, VERIFICATION, Measurement, parse_measurement
from netgraph.measure.verification import pair_scores
from netgraph.spec.names import spelled

__all__ = ["embedding_measurements"]


def embedding_measurements(embeddings: Any, classes: Any, measurements: Any, /, **options) -> Any:
    """Scores of embeddings (n x d) with the classes of their examples (n): a value, or a list of them for a list of measurements.

        ("RecallAt", k)                 the share of queries with one of their class among the k nearest
        ("PrecisionAt", k)              the share of the k nearest that are of the query's class
        "RPrecision"                    the same with k = R, the number of references of the query's class
        "MAPAtR"                        1/R times the sum over j up to R of precision at j, where the j-th is of the class
        "MAP", ("MAP", k)               the same with the sum over all references, or the first k
        "MeanReciprocalRank"            1 / the place of the first one of the class, 0 without one
        ("NeighborAccuracy", k)         the share of queries whose class is that of most of the k nearest; of equal votes the nearest wins
        "NormalizedMutualInformation"   of classes with clusters by k-means, as many as classes: 2 I / (H + H); "AdjustedMutualInformation"
        "VerificationThreshold"         the value of the metric that best tells pairs of one class from others
        ("VerificationAccuracy", t)     the share of pairs that the threshold t, chosen on other data, tells rightly; also
        ("VerificationF1Score", t), "VerificationROCCurve", "VerificationAreaUnderROCCurve"

    Every example is a query against all others (it is left out by identity, so duplicates count), or, with References=(embeddings,
    classes), against these. Search is exact, block by block, and equal values keep the order of the references. Distance: a metric
    (default: Euclidean, not normalised). Queries of which the references have no other of their class are left out, or with
    Unmatched="Zero" count as 0. A measurement {"Measurement": ..., "ClassAveraging": "Macro"} is the mean over the classes of the means
    over their queries. RandomSeeding: the seed of k-means (which needs scikit-learn).
    Errors: NetShapeError for embeddings and classes of different numbers; NetNameError and NetValueError for measurements.
    Source: Musgrave et al. 2020 (arXiv 2003.08505).

    >>> embedding_measurements([[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1], ["MAPAtR", ("RecallAt", 1)])
    [1.0, 1.0]
    """
    where = "embedding_measurements"
    options = spelled(options, ["Distance", "References", "Unmatched", "RandomSeeding"], where)
    listed = isinstance(measurements, list)
    parsed = [parse_measurement(entry, where) for entry in (measurements if listed else [measurements])]
    for measurement in parsed:
        if measurement.what not in EMBEDDINGS:
            raise NetTypeError(f"{where}: {measurement.key!r} is not measured of embeddings; known: {', '.join(EMBEDDINGS)}")
    collector = RetrievalCollector(
        metric_of(options.get("Distance"), where), _unmatched(options.get("Unmatched"), where), options.get("RandomSeeding", 1234)
    )
    collector.add(*embedded_columns(embeddings, classes, where))
    if options.get("References") is not None:
        others, names = options["References"]
        collector.references = embedded_columns(others, names, f"{where}: References")
    collector.ask(parsed)
    values = [collector.value(measurement) for measurement in parsed]
    return values if listed else values[0]


EMBEDDINGS = (*RETRIEVAL, *CLUSTERING, *VERIFICATION)


def metric_of(given: Any, where: str) -> Metric:
    """The metric that an option says; Euclidean, not normalised, by default. Errors: NetValueError for anything else."""
    if given is None:
        return LpDistance(Normalized=False)
    try:
        return TypeAdapter(METRIC).validate_python(given)
    except ValidationError as error:
        text = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise NetValueError(f"{where}: Distance {text}") from None


def _unmatched(given: Any, where: str) -> bool:
    if given not in (None, "Drop", "Zero"):
        raise NetValueError(f'{where}: Unmatched is "Drop" or "Zero", got {given!r}')
    return given == "Zero"


def embedded_columns(embeddings: Any, classes: Any, where: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings and classes as tensors.

    Errors: NetShapeError for shapes that do not fit, NetTypeError for classes that are no integers.
    """
    rows = torch.as_tensor(embeddings if isinstance(embeddings, torch.Tensor) else np.asarray(embeddings, dtype=np.float32)).detach()
    told = classes if isinstance(classes, torch.Tensor) else np.asarray(classes)
    if isinstance(told, np.ndarray) and told.dtype.kind not in "fiub":
        text = f"classes are whole numbers, got an array of {told.dtype}"
        raise NetTypeError(f"{where}: {text}", fix="numpy.unique(classes, return_inverse=True)[1]")
    labels = torch.as_tensor(told).detach()
    if rows.dim() != 2 or labels.dim() != 1 or len(rows) != len(labels):
        shapes = f"{tuple(rows.shape)} and {tuple(labels.shape)}"
        raise NetShapeError(f"{where}: embeddings are n x d and classes n; these have shapes {shapes}")
    if labels.is_floating_point():
        raise NetTypeError(f"{where}: classes are whole numbers, got {labels.dtype}")
    return rows, labels.long()


class RetrievalCollector(Collector):
    """Embeddings with their classes, kept until a score is asked for; all scores then come from one search."""

    def __init__(self, metric: Metric, zero: bool = False, seed: Any = 1234):
        self.metric, self.zero, self.seed = metric, zero, seed
        self.references: tuple[torch.Tensor, torch.Tensor] | None = None
        self.embeddings: list[torch.Tensor] = []
        self.classes: list[torch.Tensor] = []
        self.asked: list[Measurement] = []
        self.found: dict[Measurement, Any] = {}

    def ask(self, measurements: Sequence[Measurement]) -> None:
        """What will be asked for, so that one search serves all."""
        self.asked = [m for m in measurements if m.what in EMBEDDINGS]

    def add(self, embeddings: torch.Tensor, classes: torch.Tensor) -> None:
        """Embeddings (n x d) and classes (n)."""
        embeddings = embeddings.detach().cpu()
        self.embeddings.append(embeddings if embeddings.dtype == torch.float64 else embeddings.float())
        self.classes.append(classes.detach().long().cpu())
        self.found = {}

    def value(self, measurement: Measurement) -> Any:
        if not self.embeddings:
            return math.nan
        if measurement not in self.found:
            self._measure([*self.asked, measurement])
        return self.found[measurement]

    def _measure(self, measurements: Sequence[Measurement]) -> None:
        rows, classes = torch.cat(self.embeddings), torch.cat(self.classes)
        ranked = [m for m in dict.fromkeys(measurements) if m.what in RETRIEVAL]
        if ranked:
            self.found.update(ranked_scores(rows, classes, ranked, self.metric, self.references, self.zero))
        for measurement in measurements:
            if measurement.what in CLUSTERING:
                self.found[measurement] = cluster_scores(rows, classes, str(measurement.what), self.metric, self.seed)
            elif measurement.what in VERIFICATION:
                self.found[measurement] = pair_scores(rows, classes, measurement, self.metric)


def ranked_scores(
    rows: torch.Tensor,
    classes: torch.Tensor,
    measurements: Sequence[Measurement],
    metric: Metric,
    references: tuple[torch.Tensor, torch.Tensor] | None = None,
    zero: bool = False,
) -> Mapping[Measurement, float]:
    """The scores that follow from the order of the references, all from one search."""
    others, labels = (None, classes) if references is None else references
    size = len(labels) - int(others is None)
    amounts = torch.from_numpy(_amounts(classes.numpy(), labels.numpy())) - int(others is None)
    wanted = torch.stack([_depth(m, amounts, size) for m in measurements]).amax(0).clamp(1, size)
    kept = torch.arange(len(rows)) if zero else (amounts > 0).nonzero()[:, 0]
    totals = {m: torch.zeros(len(rows), dtype=torch.float64) for m in measurements}
    for near in nearest(rows, others, metric, wanted, kept):
        own, found = classes[near.rows], labels[near.order]
        hits = found == own[:, None]
        for measurement in measurements:
            if measurement.what == "MeanReciprocalRank":
                score = _first_match(near.values, own[:, None] == labels, near.rows if others is None else None)
            elif measurement.what == "NeighborAccuracy":
                score = (_majority(found[:, : _k(measurement, 1)]) == own).double()
            else:
                score = _from_hits(measurement, hits, amounts[near.rows])
            totals[measurement][near.rows] = score
    return {m: _mean(total[kept], classes[kept], m.averaging) for m, total in totals.items()}


def _amounts(classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each query how many references have its class."""
    known, counts = np.unique(labels, return_counts=True)
    places = np.searchsorted(known, classes).clip(max=max(0, len(known) - 1))
    return np.where(known[places] == classes, counts[places], 0) if len(known) else np.zeros(len(classes), dtype=np.int64)


def _k(measurement: Measurement, usual: int) -> int:
    return usual if measurement.parameter is None else int(measurement.parameter)


def _depth(measurement: Measurement, amounts: torch.Tensor, size: int) -> torch.Tensor:
    """How many neighbours of each query a score looks at."""
    if measurement.what in ("RPrecision", "MAPAtR"):
        return amounts
    whole = size if measurement.what == "MAP" else 1
    return torch.full_like(amounts, _k(measurement, whole))


def _from_hits(measurement: Measurement, hits: torch.Tensor, amounts: torch.Tensor) -> torch.Tensor:
    """A score of each query from which of its neighbours, nearest first, have its class."""
    name, width = measurement.what, hits.shape[1]
    if name == "RecallAt":
        return hits[:, : _k(measurement, 1)].any(1).double()
    if name == "PrecisionAt":
        k = _k(measurement, 1)
        return hits[:, :k].sum(1).double() / k
    places = torch.arange(1, width + 1)
    within = hits & (places <= amounts[:, None]) if name != "MAP" else hits[:, : _k(measurement, width)]
    if name == "RPrecision":
        return within.sum(1).double() / amounts.clamp_min(1)
    precision = within.cumsum(1).double() / places[: within.shape[1]]
    return (precision * within).sum(1) / amounts.clamp_min(1)


def _first_match(values: torch.Tensor, same: torch.Tensor, own: torch.Tensor | None) -> torch.Tensor:
    """1 / the place of the first reference of the query's class, 0 without one; equal values by place."""
    if own is not None:
        same[torch.arange(len(own)), own] = False
    best, place = torch.where(same, values, torch.inf).min(1)
    # of equal values the first counts, which `min` need not give
    place = torch.where(same & (values == best[:, None]), torch.arange(values.shape[1]), values.shape[1]).amin(1)
    before = (values < best[:, None]).sum(1) + ((values == best[:, None]) & (torch.arange(values.shape[1]) < place[:, None])).sum(1)
    return torch.where(torch.isfinite(best), 1 / (before + 1).double(), 0.0)


def _majority(classes: torch.Tensor) -> torch.Tensor:
    """The class that most of the neighbours have; of several, that of the nearest one."""
    votes = (classes[:, :, None] == classes[:, None, :]).sum(2)
    width = classes.shape[1]
    best = (votes * width - torch.arange(width)).argmax(1)
    return classes.gather(1, best[:, None])[:, 0]


def _mean(scores: torch.Tensor, classes: torch.Tensor, averaging: str | None) -> float:
    if not len(scores):
        return math.nan
    if averaging != "Macro":
        return float(scores.mean())
    _, places, counts = torch.unique(classes, return_inverse=True, return_counts=True)
    sums = torch.zeros(len(counts), dtype=torch.float64).index_add_(0, places, scores)
    return float((sums / counts).mean())
