"""What losses on a batch add up, and by what the sum is divided: one vocabulary for all of them.

A loss gives each item a total and three counts of its terms: all, those that are valid, those whose loss is positive. What a term is
(an item with all its pairs, a pair, a triplet) the loss says. The reduced loss is

    sum over items of weight * total / sum over items of weight * count

with the count that `Reduction` names, and 0 where that is 0. It is given out as one number an item, whose mean over the batch it is.
"""

from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor

from netgraph.layers.metric.closed import has_any
from netgraph.spec.parameters import choice

REDUCTION: Any = choice("All", "Valid", "Active")
"""A field annotation: what a loss is divided by."""


class Part(NamedTuple):
    """The terms of each item: their sum, and how many there are, are valid, and have a positive loss."""

    total: Tensor
    all: Tensor
    valid: Tensor
    active: Tensor


def of_items(losses: Tensor, valid: Tensor) -> Part:
    """Each item is one term; where it is not valid its loss is 0 and has no gradient."""
    losses = losses.masked_fill(valid.logical_not(), 0)
    plain = losses.detach()
    return Part(losses, torch.ones_like(plain), valid.to(plain.dtype), (plain > 0).to(plain.dtype))


def of_pairs(losses: Tensor, kept: Tensor, times: Tensor | None = None) -> Part:
    """Each kept entry of `losses` (items x anything) is a term of its row. `times` is how often each counts, once where it is None."""
    losses = torch.where(kept, losses, 0.0)
    active = losses.detach() > 0
    if times is not None:
        counted = torch.where(kept, times, 0.0)
        count = counted.flatten(1).sum(1)
        return Part((losses * counted).flatten(1).sum(1), count, count, torch.where(active, counted, 0.0).flatten(1).sum(1))
    count = kept.flatten(1).sum(1).to(losses.dtype)
    return Part(losses.flatten(1).sum(1), count, count, active.flatten(1).sum(1).to(losses.dtype))


def together(*parts: Part) -> Part:
    """Several kinds of terms that share one divisor."""
    return Part(*(torch.stack(column).sum(0) for column in zip(*parts, strict=True)))


def reduced(parts: list[Part], reduction: str, valid: Tensor | None, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """(losses, valid, active): one number an item each, the loss and how many terms are valid and active. Items that `valid` rules out
    have none of all three."""
    scale = weight
    if valid is not None:
        scale = valid.to(parts[0].total.dtype) if weight is None else weight * valid
    terms = []
    for part in parts:
        count = {"All": part.all, "Valid": part.valid, "Active": part.active}[reduction]
        divisor = (count if scale is None else scale * count).sum()
        # where nothing is counted nothing is lost, and the smallest number does no harm
        terms.append(part.total * (len(count) * divisor.sign() / divisor.clamp_min(torch.finfo(count.dtype).tiny)))
    losses, kept, active = (reduce(torch.add, column) for column in (terms, [p.valid for p in parts], [p.active for p in parts]))
    if scale is not None:
        off = scale == 0
        losses, kept, active = (losses * scale).masked_fill(off, 0), kept.masked_fill(off, 0), active.masked_fill(off, 0)
    return losses, kept, active


def shares(valid: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
    """1 for an item that has a valid term, else 0; and the share of its valid terms that have a positive loss."""
    return (valid > 0).to(active.dtype), active / valid.clamp_min(1)


def of_real(valid: Tensor, dtype: torch.dtype) -> Tensor:
    """What makes the mean over a batch that over its real items: 0 for the others, n / their number for them."""
    real = valid.to(dtype)
    return real * (len(real) / real.sum().clamp_min(1))


# -- over the entries of a row that a mask keeps ------------------------------------------------------------------------------------------


def masked_max(x: Tensor, kept: Tensor) -> Tensor:
    """The largest kept entry of each row; 0, without gradient, where none is kept."""
    return torch.where(has_any(kept), torch.where(kept, x, -torch.inf).amax(1), 0.0)


def masked_min(x: Tensor, kept: Tensor) -> Tensor:
    """The smallest kept entry of each row; 0, without gradient, where none is kept."""
    return -masked_max(-x, kept)


def masked_mean(x: Tensor, kept: Tensor) -> Tensor:
    """The mean of the kept entries of each row; 0 where none is kept."""
    return torch.where(kept, x, 0.0).sum(1) / kept.sum(1).clamp_min(1)


def masked_lse(x: Tensor, kept: Tensor, *, one: bool = False) -> Tensor:
    """log(sum over the kept entries of a row of e^x), and with `one` log(1 + that sum).

    Where none is kept it is the smallest number of the dtype (0 with `one`); its gradient is 0 there.
    """
    filled = torch.where(kept, x, -torch.inf)
    peak = filled.detach().amax(1)
    peak = peak.clamp_min(0.0) if one else torch.where(torch.isfinite(peak), peak, 0.0)
    total = torch.exp(filled - peak.unsqueeze(1)).sum(1)
    if one:
        return peak + torch.log(total + torch.exp(-peak))
    some = has_any(kept)
    return torch.where(some, peak + torch.where(some, total, 1.0).log(), torch.finfo(x.dtype).min)
