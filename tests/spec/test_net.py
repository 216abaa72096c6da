"""Nets as values: equality, hash, copies, iteration, repr, arrays under paths, however deeply they are nested."""

import copy

import pytest
import torch

from netgraph import *
from netgraph.spec.net import parts_of, walk

DEPTH = 1000


def nested(depth=DEPTH):
    net = NetChain([3], Input=3)
    for _ in range(depth):
        net = NetChain([net, Ramp])
    return net


def mlp(**options):
    return NetChain([200, Ramp, 100, Ramp, 20, Tanh, 1], **options)


def test_equality_and_hash():
    a, b = mlp(Input=2), mlp(Input=2)
    assert a == b and hash(a) == hash(b) and a is not b
    assert a != mlp(Input=3) and a != mlp() and a != list(a) and a != NetChain([200, Ramp, 100, Ramp, 20, Tanh, 2], Input=2)
    assert NetChain([Ramp]) != NetChain({"a": Ramp}) != NetGraph([Ramp], [])
    x, y = net_initialize(a), net_initialize(a, RandomSeeding=1)
    assert x == net_initialize(b) and x != y and hash(x) == hash(y) == hash(a) and x.structure == y.structure == a
    assert len({a, b, x.structure}) == 1


def test_a_net_is_true_copies_to_itself_and_iterates_over_layers():
    net = net_initialize(mlp(Input=2))
    assert bool(NetChain([])) and copy.copy(net) is net and copy.deepcopy([net])[0] is net
    layers = list(net)
    assert len(layers) == len(net) == 7 and layers[0] == net[0] and layers[0].arrays["Weights"].shape == (200, 2)
    assert "3" in net and 3 in net and -7 in net and 7 not in net and True not in net and "x" not in net


def test_arrays_go_under_paths_and_come_back():
    inner = NetChain({"l": LinearLayer(2, Weights=[[1, 2], [3, 4]])})
    net = NetChain({"a": inner, "b": NetMapOperator(LinearLayer(1, Weights=[[5]]))})
    assert list(net.arrays) == ["a/l/Weights", "a/l/Biases", "b/Net/Weights", "b/Net/Biases"]
    assert net["a"] == inner and net["a/l"] == inner["l"] and net["a", "l", "Weights"].tolist() == [[1, 2], [3, 4]]
    assert parts_of(net)["a"] == net["a"] and list(parts_of(net)["b"].arrays) == list(net["b"].arrays) == ["Net/Weights", "Net/Biases"]
    assert net.structure.arrays["a/l/Weights"] is Automatic


def test_an_array_that_is_left_out_has_no_place():
    assert list(LinearLayer(2, Biases=None).arrays) == ["Weights"]


def test_walk_goes_through_parts_in_order():
    net = NetChain([[Ramp, 3], NetMapOperator(Tanh)])
    assert [path for path, _ in walk(net)] == [(), ("0",), ("0", "0"), ("0", "1"), ("1",), ("1", "Net")]


NETS = [
    lambda: NetChain([]),
    lambda: mlp(Input=2),
    lambda: NetChain([2, [3, [Ramp, 4], Tanh], 5], Output=5),
    lambda: NetChain({"a": 3, "b": [Ramp, {"c": Tanh}]}, Input=(2, 2)),
    lambda: NetGraph({"f": [4, Ramp, 4], "add": Plus}, [(NetPort("Input"), "f"), (("f", NetPort("Input")), "add")]),
    lambda: NetGraph([Ramp, Tanh], [(NetPort("x"), 0), (NetPort("x"), 1), (NetPort(1, "Output"), None)]),
    lambda: NetGraph([Ramp, Tanh, Plus], [(1, 2), (0, 2)]),
    lambda: NetGraph([Tanh, Ramp], [(NetPort("z"), 1), (NetPort("a"), 0)], a=3, z=(2, 2)),
    lambda: NetGraph([[3, Ramp], Tanh], [(NetPort(0, 0, "Output"), 1)]),
    lambda: NetGraph({"a": Ramp}, [("a", NetPort("x")), ("a", NetPort("y"))]),
    lambda: NetGraph([], [(NetPort("x"), NetPort("y"))]),
    lambda: NetPairEmbeddingOperator(mlp(), Input=2, DistanceFunction="CosineDistance"),
    lambda: NetMapOperator(NetMapOperator([3, Ramp], Input=(4, 2))),
    lambda: NetChain([TotalLayer(), Ramp]),
    lambda: NetChain([TotalLayer(InputPorts=["a", "b"]), Ramp], a=3),
    lambda: NetChain([LinearLayer(2, Weights=NetArray("w")), Ramp], LearningRateMultipliers=0.5),
    lambda: NetGraph([CatenateLayer(InputPorts=2)], [], **{"1": 3}),
]


@pytest.mark.parametrize("build", NETS)
def test_repr_is_what_would_be_written(build):
    net = build()
    again = eval(repr(net))
    assert again == net and repr(again) == repr(net) and hash(again) == hash(net)


def test_repr_texts():
    assert repr(mlp(Input=2)[0:3]) == "NetChain([LinearLayer(200), ElementwiseLayer(Ramp), LinearLayer(100)], Input=2)"
    net = NetGraph({"f": [4, Ramp], "add": Plus}, [(NetPort("Input"), "f"), (("f", NetPort("Input")), "add")])
    assert repr(net) == (
        'NetGraph({"f": NetChain([LinearLayer(4), ElementwiseLayer(Ramp)]), "add": ThreadingLayer(Plus, InputPorts=2)}, '
        '[(NetPort("Input"), "f"), (NetPort("Input"), NetPort("add", "Input2")), '
        '("f", NetPort("add", "Input1")), ("add", NetPort("Output"))])'
    )


def test_deep_nesting_has_no_limit():
    net = nested()
    assert net == nested() and hash(net) == hash(nested())
    assert sum(1 for _ in walk(net)) == 2 * DEPTH + 2
    assert "NetChain[2]" in repr(net)
    net = net_initialize(net)
    assert next(iter(net.arrays)) == "/".join("0" * (DEPTH + 1)) + "/Weights"
    assert torch.equal(torch.tensor(net([1, 2, 3])), net(torch.tensor([1.0, 2, 3])))
    assert net.why("Input") == f"Input is (3,): axis 0 is 3 since {'/'.join('0' * DEPTH)} was given Input=3"
    assert net["/".join("0" * DEPTH)].inputs["Input"].shape == (3,)
