"""The nearest references of every query: exact, block by block, equal distances in the order of the references."""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from netgraph.layers.metric.distance import Metric

BLOCK = 2**25
"""How many distances are held at once: 128 MiB of float32."""


class Near(NamedTuple):
    """Some queries: `rows` their numbers, `values` what orders all references (small is close, the query itself infinitely far), `order`
    the numbers of the nearest references, the nearest first."""

    rows: torch.Tensor
    values: torch.Tensor
    order: torch.Tensor


def nearest(
    queries: torch.Tensor, references: torch.Tensor | None, metric: Metric, counts: torch.Tensor, rows: torch.Tensor | None = None
) -> Iterator[Near]:
    """The nearest references of the queries, for blocks of these; without references the others of the queries themselves.

    `counts` tells how many are wanted of each query; a block gets as many as the most of its queries want, so queries of like counts are
    put together. `rows` are the queries in question (default: all).
    """
    # prepared together, since a metric may move all embeddings alike
    whole = metric.prepare(queries if references is None else torch.cat([queries, references]))
    prepared = tuple(part[: len(queries)] for part in whole)
    against = whole if references is None else tuple(part[len(queries) :] for part in whole)
    size = len(queries) if references is None else len(references)
    rows = torch.arange(len(queries)) if rows is None else rows
    rows = rows[torch.argsort(counts[rows], stable=True)]
    step = max(1, BLOCK // max(1, size))
    for begin in range(0, len(rows), step):
        own = rows[begin : begin + step]
        values = metric.ranking(tuple(part[own] for part in prepared), against)
        if references is None:
            values[torch.arange(len(own)), own] = torch.inf
        most = min(int(counts[own].max()), size - int(references is None))
        yield Near(own, values, ordered(values, most))


def ordered(values: torch.Tensor, count: int) -> torch.Tensor:
    """The columns of the `count` smallest values of each row, the smallest first, equal ones by column.

    >>> ordered(torch.tensor([[3.0, 1.0, 1.0, 0.0]]), 3).tolist()
    [[3, 1, 2]]
    """
    if count * 8 > values.shape[1]:
        return torch.sort(values, dim=1, stable=True).indices[:, :count]
    found, columns = torch.topk(values, count + 1, dim=1, largest=False)
    tied = found[:, -1] == found[:, -2]  # of the values equal to the last one taken others than the first may be there
    columns, places = torch.sort(columns[:, :count], dim=1)
    columns = columns.gather(1, torch.sort(found.gather(1, places), dim=1, stable=True).indices)
    if bool(tied.any()):
        columns[tied] = torch.sort(values[tied], dim=1, stable=True).indices[:, :count]
    return columns
