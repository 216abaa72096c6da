"""net_information: every property, on closed, open, shared, recurrent and nested nets; the report; costs from types alone."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError
from netgraph.lower.cost import costs
from netgraph.surgery.cut import full
from netgraph.types.port_type import PortType

SMALL = NetChain([2, Ramp, 1], Input=3)
NET = net_initialize(
    NetChain({"conv": ConvolutionLayer(8, 3), "norm": BatchNormalizationLayer(), "end": [PoolingLayer(2, 2), Ramp, 10]}, Input=(1, 28, 28))
)  # fmt: skip


def of(net, *names):
    found = [net_information(net, name) for name in names]
    return found[0] if len(names) == 1 else found


def test_published_counts():
    """The derived check of the Wolfram page: 2*3+2+1*2+1 elements."""
    assert of(SMALL, "ArraysTotalElementCount", "LayersCount") == [11, 3] and NetInformation is net_information
    assert of(SMALL, "LayerTypeCounts") == {"LinearLayer": 2, "ElementwiseLayer": 1}


def test_arrays():
    keys = ["conv/Biases", "conv/Weights", *(f"norm/{name}" for name in ("Biases", "MovingMean", "MovingVariance", "Scaling"))]
    keys += ["end/2/Biases", "end/2/Weights"]
    assert list(of(NET, "Arrays")) == keys and np.array_equal(of(NET, "ArraysList")[1], NET["conv/Weights"])
    assert of(NET, "ArraysPositionList")[0] == ("conv", "Biases") and of(NET, "ArraysCount") == 8
    assert of(NET, "ArraysDimensions")["conv/Weights"] == (8, 1, 3, 3) and of(NET, "ArraysElementCounts")["end/2/Weights"] == 13520
    assert of(NET, "ArraysByteCounts")["norm/Scaling"] == 32 and of(NET, "ArraysSizes")["end/2/Weights"] == "54.1 kB"
    assert of(NET, "ArraysTotalElementCount", "ArraysTotalByteCount", "ArraysTotalSize") == [13642, 54568, "54.6 kB"]
    trained = of(NET, "ArraysTrainable")
    assert [key for key, on in trained.items() if not on] == ["norm/MovingMean", "norm/MovingVariance"]
    slow = NetChain([2, LinearLayer(1, LearningRateMultipliers=0)], Input=3, LearningRateMultipliers={0: 0.5})
    assert of(slow, "ArraysLearningRateMultipliers") == {"0/Biases": 0.5, "0/Weights": 0.5, "1/Biases": 0.0, "1/Weights": 0.0}
    assert list(of(slow, "ArraysTrainable").values()) == [True, True, False, False]
    assert list(of(LinearLayer(2, Input=3), "ArraysDimensions")) == ["Biases", "Weights"]


def test_shared_arrays_count_once():
    tied = net_insert_shared_arrays(NetChain([2], Input=2))
    assert of(tied | tied, "ArraysCount", "SharedArraysCount", "ArraysTotalElementCount") == [2, 2, 6]


def test_layers():
    assert list(of(NET, "Layers")) == list(NET.layers) == ["conv", "norm", "end/0", "end/1", "end/2"]
    assert of(NET, "LayersList")[4] == NET["end", 2] and of(NET, "LayersCount") == 5
    assert of(NET, "LayersGraph") == [("conv", "norm"), ("norm", "end/0"), ("end/0", "end/1"), ("end/1", "end/2")]
    mapped = NetChain([NetMapOperator([3, Ramp]), [Tanh]], Input=("Varying", 2))
    assert of(mapped, "LayersGraph") == [("0", "1/0"), ("0/Net/0", "0/Net/1")] and list(mapped.layers) == ["0/Net/0", "0/Net/1", "1/0"]
    assert of(LinearLayer(3), "LayersCount", "LayersGraph") == [1, []] and list(LinearLayer(3).layers) == [""]


def test_ports_and_states():
    assert of(SMALL, "InputPortNames", "OutputPortNames") == [["Input"], ["Output"]]
    assert of(SMALL, "InputPorts") == SMALL.inputs and of(SMALL, "OutputPorts")["Output"] == PortType(SMALL.outputs["Output"].kind, (1,))
    recurrent = NetChain([LongShortTermMemoryLayer(5), [GatedRecurrentLayer(2)]], Input=("Varying", 3))
    assert of(recurrent, "RecurrentStatesCount") == 3
    places = [NetPort("0", "State"), NetPort("0", "CellState"), NetPort("1", "0", "State")]
    assert of(recurrent, "RecurrentStatesPositionList") == places


def test_pictures_and_texts():
    for name in ("SummaryGraphic", "FullSummaryGraphic", "MXNetNodeGraphPlot"):
        assert of(NET, name).svg.startswith("<svg")
    assert of(SMALL, "InputForm") == repr(SMALL)
    assert of(SMALL, "MXNetNodeGraph")[0] == ("Input", "0: LinearLayer 0")
    hashes = of(SMALL, "TopologyHash"), of(net_initialize(SMALL), "TopologyHash"), of(NetChain([2, Tanh, 1], Input=3), "TopologyHash")
    assert hashes[0] == hashes[1] != hashes[2] and len(hashes[0]) == 32


@pytest.mark.parametrize("name", of(SMALL, "Properties"))
def test_every_property_of_every_kind_of_net(name):
    fold = NetFoldOperator(FunctionLayer(lambda Input, State: Input + State), Input=("Varying", 2))
    for net in (SMALL, NET, fold, NetPairEmbeddingOperator(3, Input=2), NetChain([])):
        if name in ("MXNetNodeGraph", "MXNetNodeGraphPlot") and not full(net).closed:
            continue
        assert net_information([net], name)[0] is not None and name in net_information(net, "Properties")


def test_costs():
    assert of(NetChain([10], Input=4), "FLOPs", "ActivationMemory") == [10 * 4 * 2 + 10, 40]
    conv = NetChain([ConvolutionLayer(8, 3, ChannelGroups=2)], Input=(4, 9, 9))
    assert of(conv, "FLOPs") == 8 * 7 * 7 * (2 * 2 * 9 + 1) and of(conv, "ActivationMemory") == 8 * 7 * 7 * 4
    assert of(NetChain([ReshapeLayer((2, 3)), FlattenLayer()], Input=6), "FLOPs") == 0
    assert of(NetChain([PoolingLayer(2, 2)], Input=(1, 4, 4)), "LayersFLOPs") == {"0": 16}
    assert of(NetGraph({"d": DotLayer()}, ["a -> d", "b -> d"], a=(2, 3), b=(3, 5)), "FLOPs") == 2 * 2 * 3 * 5
    assert of(NetMapOperator(3, Input=(7, 2)), "FLOPs") == 7 * (2 * 6 + 3) and of(NetNestOperator(Ramp, 5, Input=3), "FLOPs") == 15
    lstm = full(NetChain([LongShortTermMemoryLayer(5)], Input=("Varying", 3)))
    assert costs(lstm, 10)[("0",)].flops == 10 * (2 * 4 * 5 * (3 + 5) + 5)
    mapped = full(NetMapOperator(3, Input=("Varying", 2)))
    assert costs(mapped, 4)[("Net",)].flops == 4 * 15
    steps = NetFoldOperator(NetGraph({"s": LinearLayer(2), "i": 2, "t": Plus}, ["State -> s -> t", "Input -> i -> t"]), Input=(6, 3))
    assert of(steps, "LayersFLOPs") == {"Net/s": 6 * 10, "Net/i": 6 * 14, "Net/t": 6 * 2}
    attention = NetGraph({"a": AttentionLayer("Dot")}, ["k -> a/Key", "v -> a/Value", "q -> a/Query"], k=(5, 3), v=(5, 4), q=(2, 3))
    assert of(attention, "FLOPs") == 2 * 5 * 2 * (3 + 4)


def test_torch_counts_the_same():
    """The counter of torch counts matrix products alone."""
    from torch.utils.flop_counter import FlopCounterMode

    net = net_initialize(NetChain([ConvolutionLayer(4, 3), Ramp, FlattenLayer(), LinearLayer(5, Biases=None)], Input=(2, 8, 8)))
    module = net.to_torch()
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 2, 8, 8))
    elements = 4 * 6 * 6
    assert of(net, "FLOPs") == counter.get_total_flops() + elements + elements + 5


def test_open_nets():
    open_net = NetChain([3, Ramp])
    assert of(open_net, "ArraysTotalElementCount", "FLOPs", "ArraysTotalSize") == [Automatic, Automatic, Automatic]
    assert of(open_net, "ArraysElementCounts") == {"0/Biases": 3, "0/Weights": Automatic}


def test_several():
    assert net_information([SMALL, NET], "LayersCount") == [3, 5]
    assert net_information(SMALL, ["LayersCount", "FLOPs"]) == {"LayersCount": 3, "FLOPs": 12 + 2 + 2 + 5}


def test_a_file(tmp_path):
    net_save(NET, tmp_path / "net.safetensors")
    for file in (tmp_path / "net.safetensors", str(tmp_path / "net.safetensors")):
        assert net_information(file, "ArraysCount") == 8


def test_the_report():
    assert repr(NET.information) == (
        "NetChain\n"
        "  inputs       Input (1, 28, 28)\n"
        "  outputs      Output (10,)\n"
        "  layers       5 (1 ConvolutionLayer, 1 BatchNormalizationLayer, 1 PoolingLayer, 1 ElementwiseLayer, 1 LinearLayer)\n"
        "  arrays       8, 13,642 elements, 54.6 kB, 2 not trained\n"
        "  FLOPs        141,970 for one example\n"
        "  activations  54.1 kB for one example"
    )
    assert repr(net_information(NetChain([3, Ramp]))).splitlines()[4:] == [
        "  arrays       2, ? elements, ?, 2 without a value", "  FLOPs        ? for one example", "  activations  ? for one example",
    ]  # fmt: skip
    assert NET.information.flops == NET.information["FLOPs"] and NET.information.arrays_count == 8 and "flops" in dir(NET.information)


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: net_information(3), "net_information wants a net, a list of nets or a file, got 3"),
        (
            lambda: net_information(SMALL, "ArrayCount"),
            "net_information: there is no property 'ArrayCount', "
            'did you mean "ArraysCount" or "ArraysByteCounts" or "SharedArraysCount"?',
        ),
    ],
)  # fmt: skip
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text
