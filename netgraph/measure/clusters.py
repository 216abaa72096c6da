"""How well clusters of embeddings agree with classes; k-means and the scores are scikit-learn's."""

from typing import Any

import torch

from netgraph.errors import NetError
from netgraph.layers.metric.distance import CosineDistance, CosineSimilarity, Metric


def cluster_scores(rows: torch.Tensor, classes: torch.Tensor, name: str, metric: Metric, seed: Any) -> float:
    """The mutual information of classes and clusters, normalised by the mean of their entropies, or adjusted for chance.

    There are as many clusters as classes, by k-means on the embeddings; normalised ones where the metric normalises. Errors: NetError
    where scikit-learn is missing.
    """
    try:
        from sklearn.cluster import KMeans
        from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score
    except ImportError:
        raise NetError(f"{name} clusters with scikit-learn, which is not installed", fix="pip install netgraph[learn]") from None
    normalized = getattr(metric, "Normalized", False) or isinstance(metric, (CosineDistance, CosineSimilarity))
    points = torch.nn.functional.normalize(rows, dim=1) if normalized else rows
    count = len(torch.unique(classes))
    means: Any = KMeans(count, n_init=4, random_state=seed)  # type: ignore[arg-type]
    means.fit(points.double().numpy())
    score = normalized_mutual_info_score if name == "NormalizedMutualInformation" else adjusted_mutual_info_score
    return float(score(classes.numpy(), means.labels_))
