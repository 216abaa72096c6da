"""Scores of embeddings: against pytorch-metric-learning, scikit-learn and plain loops; ties, lone queries, references."""

import doctest
import math

import numpy as np
import pytest
import torch
from pytorch_metric_learning import distances
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN
from sklearn import metrics, neighbors

from netgraph import *
from netgraph.measure import neighbors as near
from netgraph.measure import retrieval, verification

SOURCE = np.random.default_rng(0)
CLASSES = SOURCE.integers(6, size=90)
ROWS = (SOURCE.normal(size=(90, 5)) + 0.7 * np.eye(6, 5)[CLASSES]).astype("float32")


def score(measurement, rows=ROWS, classes=CLASSES, **options):
    return embedding_measurements(rows, classes, measurement, **options)


def by_hand(rows, classes, others=None, labels=None):
    """For every query whether each reference, the nearest first and equal ones by place, has its class."""
    own = others is None
    others, labels = (rows, classes) if own else (others, labels)
    result = []
    for i, row in enumerate(rows):
        d = ((others.astype(float) - row.astype(float)) ** 2).sum(1)
        order = [j for j in np.argsort(d, kind="stable") if not own or j != i]
        result.append(labels[order] == classes[i])
    return result


def averages(hits):
    found = {name: [] for name in ("RecallAt", "PrecisionAt", "RPrecision", "MAPAtR", "MAP", "MeanReciprocalRank")}
    for row in hits:
        r = row.sum()
        if not r:
            continue
        precision = np.cumsum(row) / np.arange(1, len(row) + 1)
        found["RecallAt"].append(row[:3].any())
        found["PrecisionAt"].append(row[:3].mean())
        found["RPrecision"].append(row[:r].mean())
        found["MAPAtR"].append((precision * row)[:r].sum() / r)
        found["MAP"].append((precision * row).sum() / r)
        found["MeanReciprocalRank"].append(1 / (1 + row.argmax()))
    return {name: np.mean(values) for name, values in found.items()}


@pytest.mark.parametrize("module", [near, retrieval])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0


ALL = [("RecallAt", 3), ("PrecisionAt", 3), "RPrecision", "MAPAtR", "MAP", "MeanReciprocalRank"]


@pytest.mark.parametrize("block", [2**25, 500])
def test_against_loops(block, monkeypatch):
    monkeypatch.setattr(near, "BLOCK", block)
    assert np.allclose(score(ALL), list(averages(by_hand(ROWS, CLASSES)).values()))
    others, labels = ROWS[:40] + 0.1, CLASSES[:40]
    found = score(ALL, References=(others, labels))
    assert np.allclose(found, list(averages(by_hand(ROWS, CLASSES, others, labels)).values()))


@pytest.mark.parametrize("block", [2**25, 500])
def test_equal_distances_keep_their_order(block, monkeypatch):
    monkeypatch.setattr(near, "BLOCK", block)
    rows = SOURCE.normal(size=(8, 3)).astype("float32")[SOURCE.integers(8, size=90)]  # eight places for ninety points
    assert np.allclose(score(ALL, rows), list(averages(by_hand(rows, CLASSES)).values()))
    assert np.allclose(score(ALL, np.zeros((90, 3))), list(averages(by_hand(np.zeros((90, 3)), CLASSES)).values()))


def test_against_pytorch_metric_learning():
    names = {
        "precision_at_1": ("PrecisionAt", 1), "r_precision": "RPrecision", "mean_average_precision_at_r": "MAPAtR",
        "mean_average_precision": "MAP", "mean_reciprocal_rank": "MeanReciprocalRank",
    }  # fmt: skip
    for average in (False, True):
        search = CustomKNN(distances.LpDistance(normalize_embeddings=False))
        calculator = AccuracyCalculator(include=tuple(names), avg_of_avgs=average, k=len(ROWS) - 1, knn_func=search)
        theirs = calculator.get_accuracy(torch.from_numpy(ROWS), torch.from_numpy(CLASSES))
        averaging = "Macro" if average else None
        ours = score([{"Measurement": m, "ClassAveraging": averaging} for m in names.values()])
        assert np.allclose(ours, [theirs[name] for name in names], atol=1e-6)


@pytest.mark.parametrize("k", [1, 4, 7])
def test_neighbours_vote(k):
    references, labels = ROWS[:50], CLASSES[:50]
    found = score(("NeighborAccuracy", k), ROWS[50:], CLASSES[50:], References=(references, labels))
    hits = 0
    for row, own in zip(ROWS[50:], CLASSES[50:], strict=True):
        nearest = labels[np.argsort(((references - row) ** 2).sum(1), kind="stable")[:k]]
        most = max((nearest == c).sum() for c in nearest)
        hits += next(c for c in nearest if (nearest == c).sum() == most) == own
    assert math.isclose(found, hits / 40)
    if k == 1:
        simple = neighbors.KNeighborsClassifier(1).fit(references, labels)
        assert math.isclose(found, simple.score(ROWS[50:], CLASSES[50:]))


def test_metrics():
    assert score("MAPAtR", Distance="CosineDistance") == score("MAPAtR", ROWS / np.linalg.norm(ROWS, axis=1, keepdims=True))
    assert score("MAPAtR", Distance="CosineSimilarity") == score("MAPAtR", Distance="CosineDistance")
    assert score("MAPAtR", Distance="ManhattanDistance") != score("MAPAtR")


def test_queries_without_another_of_their_class():
    rows, classes = np.array([[0.0], [0.1], [5.0]]), np.array([0, 0, 1])
    assert score("MAPAtR", rows, classes) == 1 and math.isclose(score("MAPAtR", rows, classes, Unmatched="Zero"), 2 / 3)
    assert math.isnan(score("MAPAtR", rows, np.array([0, 1, 2])))
    assert score(("RecallAt", 50), rows, classes) == 1


def test_clusters():
    rows = np.eye(3)[[0, 0, 1, 1, 2, 2]] + 0.01 * SOURCE.normal(size=(6, 3))
    names = ["NormalizedMutualInformation", "AdjustedMutualInformation"]
    assert np.allclose(score(names, rows, [0, 0, 1, 1, 2, 2]), 1)
    assert score(names[0]) == score(names[0]) != score(names[0], RandomSeeding=5)
    assert score(names[1], rows, [0, 1, 0, 1, 0, 1]) <= 0


@pytest.mark.parametrize("exact", [2**24, 10])
def test_verification(exact, monkeypatch):
    monkeypatch.setattr(verification, "EXACT", exact)
    i, j = np.triu_indices(90, 1)
    d, same = np.linalg.norm(ROWS[i].astype(float) - ROWS[j], axis=1), CLASSES[i] == CLASSES[j]
    assert abs(score("VerificationAreaUnderROCCurve") - metrics.roc_auc_score(same, -d)) < 1e-4
    best = score("VerificationThreshold")
    found, f1 = score([("VerificationAccuracy", best), ("VerificationF1Score", 2.0)])
    assert abs(found - max(((d <= t) == same).mean() for t in [0, *d])) < 1e-3 and abs(found - ((d <= best) == same).mean()) < 1e-3
    assert abs(f1 - metrics.f1_score(same, d <= 2.0)) < 1e-3
    assert score(("VerificationAccuracy", -1.0)) == (~same).mean()
    assert score("VerificationROCCurve")[-1].tolist() == [1, 1]
    cosine = score("VerificationThreshold", Distance="CosineSimilarity")
    assert -1 <= cosine <= 1 and score(("VerificationAccuracy", cosine), Distance="CosineSimilarity") >= (~same).mean()


def test_one_class_has_no_pairs_to_tell_apart():
    assert math.isnan(score("VerificationAreaUnderROCCurve", ROWS, np.zeros(90, int)))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: score("Accuracy"), "embedding_measurements: 'Accuracy' is not measured of embeddings; known: RecallAt, PrecisionAt, "),
        (
            lambda: score("MAPAtR", ROWS[:3]),
            "embedding_measurements: embeddings are n x d and classes n; these have shapes (3, 5) and (90,)",
        ),
        (lambda: score("MAPAtR", ROWS, ROWS[:, 0]), "embedding_measurements: classes are whole numbers, got torch.float32"),
        (
            lambda: score("MAPAtR", ROWS, ["a"] * len(ROWS)),
            "embedding_measurements: classes are whole numbers, got an array of <U1\n  try: numpy.unique(classes, return_inverse=True)[1]",
        ),
        (lambda: score("MAPAtR", Unmatched="No"), 'embedding_measurements: Unmatched is "Drop" or "Zero", got \'No\''),
        (lambda: score("MAPAtR", Distance=3), "embedding_measurements: Distance wants "),
        (lambda: score(("RecallAt", 0)), "embedding_measurements: the k of RecallAt is a whole number from 1, got 0"),
        (
            lambda: score("VerificationAccuracy"),
            "embedding_measurements: VerificationAccuracy wants a threshold, chosen on other data\n  try: ",
        ),
    ],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(NetError) as error:
        call()
    assert str(error.value).startswith(message)
