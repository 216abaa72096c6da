"""The loss in which class vectors are the anchors: proxy anchor."""

import torch
from torch import Tensor

from netgraph.layers.metric.class_vectors import ClassVectorLoss, alike
from netgraph.layers.metric.distance import METRIC, CosineSimilarity
from netgraph.layers.metric.reduction import REDUCTION, masked_lse
from netgraph.spec.parameters import number

__all__ = ["ProxyAnchorLossLayer"]


class ProxyAnchorLossLayer(ClassVectorLoss):
    """Each learned proxy against all items of the batch: those of its class should be near it, the others far.

        loss = mean over the classes c of the batch of log(1 + sum over items x of c of e^(-Scale (s(x, w[c]) - Margin)))
             + mean over all classes c of log(1 + sum over the other items x of e^(Scale (s(x, w[c]) + Margin)))

    "Input" is an embedding x, "Target" its class from 0; the proxies w are the rows of "Weights". `ProxyAnchorLossLayer(n)` has n classes,
    which may be left out where the target's type tells them. Margin 0.1 and Scale 32 unless given; s is the cosine, or another similarity,
    or a distance, then the signs turn. The batch is seen: "Loss" is an item's part, its share of the first logarithm of its class and of
    the second sum; the mean of the parts over the batch is the loss. A term is a proxy; the first sum is divided by the classes in the
    batch and the second by all (Reduction "Valid"), "All" divides both by all, "Active" each by its positive terms. A weight counts the
    item's exponential so many times. Regularizers are those of NormalizedSoftmaxLossLayer.
    Errors: an embedding that is no vector; a class out of range, in the data.
    Source: Kim et al. 2020 (arXiv 2003.13911); ProxyAnchorLoss of pytorch-metric-learning.

    >>> loss = ProxyAnchorLossLayer(2, 0, 1, Weights=[[1, 0], [0, 1]])
    >>> [round(float(part), 4) for part in loss({"Input": [[2, 0], [3, 0]], "Target": [0, 1]})]
    [1.3165, 1.6964]
    """

    positional = ("Classes", "Margin", "Scale")
    Margin: number() = 0.1
    Scale: number(0, low_open=True) = 32.0
    Reduction: REDUCTION = "Valid"
    Distance: METRIC = CosineSimilarity()

    @property
    def coupled(self):
        return True

    def similarity(self, x, weights):
        return alike(self.Distance, x, weights)

    def reduced(self, items, weights):
        x = items.x
        count = torch.ones_like(x[:, 0]) if items.weight is None else items.weight.to(x.dtype)
        count = count if items.valid is None else count * items.valid
        mine = items.target == torch.arange(len(weights), device=x.device).unsqueeze(1)
        d, margin = -self.similarity(x, weights).mT, self.Distance.sign * self.Margin
        real, times = count > 0, count.clamp_min(torch.finfo(x.dtype).tiny).log()
        near = masked_lse(self.Scale * (d - margin) + times, mine & real, one=True)
        far = masked_lse(self.Scale * (-d - margin) + times, ~mine & real, one=True)
        members = torch.where(mine, count, 0.0).sum(1)
        own = mine.to(x.dtype)
        pull = (near / members.clamp_min(1e-12) / self._divisor(near, members > 0)) @ own
        push = far.sum() / count.sum().clamp_min(1e-12) / self._divisor(far, torch.ones_like(real[:1]).expand(len(weights)))
        here = real.to(x.dtype)
        losses = len(x) * count * (pull + push)
        if self.Regularizer is not None:
            losses = losses + self.regularized(x, items.valid)
        return losses, here, here * ((near.detach() > 0).to(x.dtype) @ own)

    def _divisor(self, losses: Tensor, valid: Tensor) -> Tensor:
        """How many proxies a sum is divided by, at least 1."""
        counted = {"All": torch.ones_like(valid), "Valid": valid, "Active": losses > 0}[self.Reduction]
        return counted.sum().clamp_min(1)
