"""Losses on pairs of embeddings that belong together, the other pairs of the batch being the negatives."""

import torch
from torch import Tensor

from netgraph.layers.metric import blocks
from netgraph.layers.metric.blocks import block_size, over_blocks
from netgraph.layers.metric.closed import precisely
from netgraph.layers.metric.distance import METRIC, CosineSimilarity, Tensors
from netgraph.layers.metric.reduction import REDUCTION, masked_lse, of_items, reduced
from netgraph.spec.declare import InputPort, OutputPort
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import Flag, choice, number

__all__ = ["MultipleNegativesRankingLossLayer"]


class MultipleNegativesRankingLossLayer(Layer):
    """Each anchor should find its own positive among those of the whole batch.

        loss of i = log(sum over j of e^(Scale s(anchor[i], positive[j]))) - Scale s(anchor[i], positive[i])

    "Anchor" and "Positive" are the embeddings of a pair; the positives of other examples are its negatives. s is the cosine, or another
    similarity, or a distance d, then s = -d; Scale 20 unless given. Symmetric: the mean of this and of the same with both sides exchanged.
    Form "TFSimilarity" adds 1 inside the logarithm (there s is the inner product, Distance="ip"). A term is a pair; "Loss" is the pair's
    part, whose mean over the batch is the sum over pairs divided by their number.
    Errors: embeddings of different sizes.
    Source: Henderson et al. 2017 (arXiv 1705.00652); sentence-transformers; MultiNegativesRankLoss of TF Similarity.

    >>> data = {"Anchor": [[1, 0], [0, 1]], "Positive": [[1, 0], [1, 1]]}
    >>> [round(float(loss), 4) for loss in MultipleNegativesRankingLossLayer(5)(data)]
    [0.208, 0.0287]
    """

    coupled = True
    positional = ("Scale",)
    Scale: number(0, low_open=True) = 20.0
    Symmetric: Flag = False
    Form: choice("Paper", "TFSimilarity") = "Paper"
    Reduction: REDUCTION = "All"
    Distance: METRIC = CosineSimilarity()

    Anchor = InputPort("real: size", "the embedding that searches")
    Positive = InputPort("real: size", "the embedding that it should find")
    Loss = OutputPort("real:", "the pair's part of the loss")

    def forward(self, Anchor, Positive, *, valid):
        return precisely("MultipleNegativesRankingLossLayer", self.losses, Anchor, Positive, valid)

    def losses(self, anchor: Tensor, positive: Tensor, valid: Tensor | None) -> Tensor:
        """The loss of each pair of a batch of real tensors."""
        if anchor.dtype in (torch.float16, torch.bfloat16):
            anchor, positive = anchor.float(), positive.float()
        real = torch.ones(len(anchor), dtype=torch.bool, device=anchor.device) if valid is None else valid
        both = torch.where(real.unsqueeze(1), torch.cat((anchor, positive), 1), 0.0)
        prepared = [part.chunk(2) for part in self.Distance.prepare(torch.cat(both.chunk(2, 1)))]
        everything = (*(part[0] for part in prepared), *(part[1] for part in prepared))
        # where the matrix is kept anyway both directions share it
        size = len(real) if self.Symmetric and len(real) ** 2 <= blocks.KEPT else block_size(len(real), 1)
        (losses,) = over_blocks(self._rows, size, everything, (real,), 1)
        return reduced([of_items(losses, real)], self.Reduction, valid, None)[0]

    def _rows(self, start: int, rows: Tensors, everything: Tensors, shared: Tensors) -> Tensors:
        """The losses of some pairs; the first half of the tensors is of anchors, the other of positives."""
        half, (real,) = len(rows) // 2, shared

        def among(anchors: Tensors, positives: Tensors) -> Tensor:
            return -self.Distance.sign * self.Scale * self.Distance.between(anchors, positives)

        def total(s: Tensor) -> Tensor:
            return masked_lse(s, real.expand_as(s), one=self.Form == "TFSimilarity")

        s = among(rows[:half], everything[half:])
        if not self.Symmetric:
            return (total(s) - s.diagonal(start),)
        other = s if len(s) == len(real) else among(everything[:half], rows[half:])
        return ((total(s) + total(other.mT)) / 2 - s.diagonal(start),)
