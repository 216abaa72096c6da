"""Cross-batch memory: embeddings of earlier batches that a loss on classes compares the batch with, as a setting of the loss."""

from typing import Any

import torch
from torch import Tensor

from netgraph.spec.parameters import Count, Flag, choice, is_integer, parameter, wants
from netgraph.spec.setting import Setting, setting

__all__ = ["CrossBatchMemory"]


def _steps(value):
    if not is_integer(value) or value < 0:
        raise wants("a whole number from 0", value)
    return value


class Memory(Setting):
    """What a loss remembers of earlier batches. Abstract."""

    abstract = True


class CrossBatchMemory(Memory):
    """The last embeddings and their classes, which the batch is compared with as it is with itself.

    Size is how many items the batch has to compare with, itself included: 1024 unless given; the oldest batches go first, and of a batch
    its last items. They are states of the loss, "MemoryEmbeddings" and "MemoryClasses" (-1 where nothing is stored yet), kept in
    checkpoints like running statistics. For the first WarmUp training steps nothing is stored. What is remembered has no gradient.
    Gradient "Rows": the items of the batch have one only where they are compared, not where others are compared with them, as in
    pytorch-metric-learning; "Both": in both places, as in TF Similarity. In use the batch is compared with itself alone, since a
    validation set may have other classes.
    With EnqueueMask the loss has a Boolean port "EnqueueMask": the items where it is True are stored and have no loss of their own, the
    others are anchors, which are compared with the stored items, those of the batch included, and are not stored. In use, too, anchors are
    compared with the masked items of the batch.
    Source: Wang et al. 2020 (arXiv 1912.06798); CrossBatchMemory of pytorch-metric-learning, XBM of TF Similarity.

    >>> CrossBatchMemory(4096, WarmUp=1000)
    CrossBatchMemory(4096, 1000)
    """

    Size: Count = 1024
    WarmUp: parameter(_steps, {"type": "integer", "minimum": 0}) = 0
    Gradient: choice("Rows", "Both") = "Rows"
    EnqueueMask: Flag = False

    def stored(self, x: Tensor, classes: Tensor, embeddings: Tensor, old: Tensor, steps: Tensor | None) -> tuple[Tensor, ...]:
        """The states after a batch: newest first, without items of class -1."""
        everything = torch.cat((x.detach().to(embeddings.dtype), embeddings))
        labels = torch.cat((classes.to(old.dtype), old))
        order = (labels < 0).to(torch.uint8).argsort(stable=True)[: self.Size]
        if steps is None:
            return everything[order], labels[order]
        ready = steps >= self.WarmUp
        return torch.where(ready, everything[order], embeddings), torch.where(ready, labels[order], old), (steps + 1).clamp_max(self.WarmUp)


MEMORY: Any = setting(Memory, none=True)
"""A field annotation: a memory by value or name, a tuple of name and numbers, or None."""

STATES = ("MemoryEmbeddings", "MemoryClasses", "MemorySteps")
"""The states of a loss that remembers."""
