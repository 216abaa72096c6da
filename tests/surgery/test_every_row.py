"""Surgery on every row of the layer table: what is taken apart and put together again is the same."""

import pytest

from netgraph import *
from netgraph.spec.layer import Layer
from netgraph.surgery.layer import with_words
from tests.layers.test_layers import ROWS

LAYERS = [row.layer for row in ROWS if isinstance(row.layer, Layer)]


@pytest.mark.parametrize("layer", LAYERS, ids=[f"{place}-{type(layer).__name__}" for place, layer in enumerate(LAYERS)])
def test_a_layer_built_anew_is_the_same(layer):
    assert with_words(layer, {}) == layer


@pytest.mark.parametrize("net", [layer for layer in LAYERS if layer.children], ids=lambda net: type(net).__name__)
def test_inside_operators(net):
    """The inner nets of any operator are reached by the general mechanism."""
    for name in net.children:
        assert net_replace_part(net, (name, net.children[name])).structure == net.structure
    shared = net_insert_shared_arrays(net)
    assert all("/" not in key or key.rsplit("/")[-1].startswith("Moving") for key in shared.arrays)
    assert len(shared.arrays) == len(net.arrays) == len(net_flatten(net).arrays)
