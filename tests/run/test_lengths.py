"""Sequences that are too short for a layer are told before it runs."""

import pytest
import torch

from netgraph import NetChain, NetShapeError, SequenceMostLayer, SequenceReverseLayer
from netgraph.lower.forward import lower
from netgraph.run.lengths import refuse_short


def test_lengths_are_held_against_what_each_layer_takes():
    lowered = lower(NetChain([SequenceReverseLayer(), SequenceMostLayer(), SequenceMostLayer()], Input="Varying"))
    refuse_short(lowered, [torch.tensor([3, 4])])
    with pytest.raises(NetShapeError) as caught:
        refuse_short(lowered, [torch.tensor([5, 3, 2])])
    assert str(caught.value) == "2 wants at least 2 elements, of example 2 of Input it would get 1"
    with pytest.raises(NetShapeError) as caught:
        refuse_short(lowered, [torch.tensor([1])], ["x"], "net_train: ")
    assert str(caught.value) == "net_train: 1 wants at least 2 elements, of example 0 of x it would get 1"


def test_where_nothing_varies_nothing_is_looked_at():
    refuse_short(lower(SequenceMostLayer(Input=2)), [])
