"""PlaceholderLayer: ports, places in nets, files."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError


def types(layer):
    return {name: kind.shape for name, kind in (*layer.inputs.items(), *layer.outputs.items())}


def test_ports():
    assert types(PlaceholderLayer()) == {"Input": None, "Output": None}
    assert types(PlaceholderLayer(Input=2, Output=(3, 4))) == {"Input": (2,), "Output": (3, 4)}
    assert types(PlaceholderLayer(InputPorts=2)) == {"Input1": None, "Input2": None, "Output": None}
    assert types(PlaceholderLayer(InputPorts=["a", "b"], b=3)) == {"a": None, "b": (3,), "Output": None}
    assert types(PlaceholderLayer(InputPorts=[(2, 3), 4])) == {"Input1": (2, 3), "Input2": (4,), "Output": None}
    assert types(PlaceholderLayer(OutputPorts={"a": (2, 3), "b": Automatic})) == {"Input": None, "a": (2, 3), "b": None}
    assert PlaceholderLayer(InputPorts={"x": Integer(5)}).inputs["x"].kind == Integer(5)
    assert PlaceholderLayer(Input="Varying").inputs["Input"].varies


@pytest.mark.parametrize(
    "layer",
    [
        PlaceholderLayer(),
        PlaceholderLayer("TopK", {"k": 2, "axes": [0, 1], "mode": None}),
        PlaceholderLayer("a", InputPorts={"x": 2, "y": Automatic}, OutputPorts=["u", "v"], v=(2, "Varying")),
        PlaceholderLayer("a", Arrays=["w", "b"]),
        PlaceholderLayer("a", Arrays={"w": np.ones((2, 3)), "b": torch.ones(())}),
    ],
)
def test_a_value_that_can_be_written_and_saved(layer):
    assert eval(repr(layer)) == layer == net_from_json(net_to_json(layer))
    assert NetChain([layer]) if len(layer.output_ports()) == 1 and layer.input_count == 1 else True


def test_what_it_says():
    layer = PlaceholderLayer("TopK", {"k": 2}, Arrays={"w": np.ones((2, 3))})
    assert layer.Tag == "TopK" and dict(layer.Parameters) == {"k": 2} and layer.Arrays == (("w", (2, 3)),)
    assert repr(layer) == "PlaceholderLayer(\"TopK\", {'k': 2}, Arrays=(('w', (2, 3)),))"


def test_in_nets_nothing_is_inferred_through_it():
    net = NetGraph({"p": PlaceholderLayer(InputPorts=["a", "b"], Output=4), "l": LinearLayer(3)}, ["a -> p/a", "b -> p/b", "p -> l"], a=2)
    assert net["l/Input"] == (4,) and net["Output"] == (3,) and net.inputs["b"].shape is None
    assert NetChain([PlaceholderLayer(), LinearLayer(3, Input=5)])["0/Output"] == (5,)


def test_it_cannot_be_evaluated():
    with pytest.raises(NetError) as caught:
        net_initialize(NetChain([PlaceholderLayer("Op", Output=4), LinearLayer(3)], Input=2))([1, 2])
    assert str(caught.value) == 'PlaceholderLayer("Op") stands for an operation that is not defined: it cannot be evaluated or trained'
