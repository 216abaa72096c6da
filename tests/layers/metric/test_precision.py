"""Losses on a batch keep their precision where a net is trained in mixed precision."""

import pytest
import torch

from netgraph.layers.metric import blocks, frame
from netgraph.lower.forward import lower
from tests.layers.harness import Run, batch_of, typed_as
from tests.layers.rows_metric import ROWS
from tests.layers.rows_metric_vectors import ROWS as VECTORS
from tests.layers.rows_self_supervised import ROWS as VIEWS

CASES = [row for row in (*ROWS, *VECTORS, *VIEWS) if row.layer.coupled or "Weights" in row.arrays]


@pytest.mark.parametrize("row", CASES, ids=str)
def test_products_are_in_the_precision_of_the_tensors(row):
    layer = typed_as(row.layer, row.inputs)
    run = Run(layer, dtype=torch.float32)
    inputs = batch_of(row, dtype=torch.float32)
    plain, _ = run(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed, _ = run(*inputs)
    assert mixed.dtype == torch.float32 and torch.equal(plain, mixed)


def test_the_gradient_of_blocks_is_that_of_their_values(monkeypatch):
    row = CASES[0]
    forward = lower(typed_as(row.layer, row.inputs), "Train", wanted=[((), "Loss")]).forward
    monkeypatch.setattr(blocks, "KEPT", 0)
    monkeypatch.setattr(frame, "block_size", lambda count, depth: 3)
    found = []
    for mixed in (False, True):
        x, y = batch_of(row, dtype=torch.float32)
        x.requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            loss = forward((x, y), (), (), (), (), None)[0][0].mean()
        found.append(torch.autograd.grad(loss, x)[0])
    assert torch.equal(*found)
