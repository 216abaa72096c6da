"""The structure of nets as plain data: every kind of net there and back, and the whole message of each fault."""

import importlib
import json
from pathlib import Path

import pytest
import torch

from netgraph import *
from netgraph.formats import rebuild
from netgraph.formats.structure import structure_from_json, structure_to_json
from netgraph.spec.function_graph import FunctionGraph, Node
from netgraph.spec.net import walk
from netgraph.spec.operations import Ref

CAPTURING = FunctionGraph(["Input"], [Node("mul", (Ref("input", 0), Ref("constant", 0)))], [Ref("node", 0)], None, [torch.tensor(2.5)])


def rows():
    """The layers of every row that test_layers.py knows, but those that hold code."""
    for file in sorted(Path(__file__).parents[1].joinpath("layers").glob("rows_*.py")):
        yield from (row.layer for row in importlib.import_module(f"tests.layers.{file.stem}").ROWS if row.savable)


def nest(depth, make=lambda net: NetChain([net])):
    net = LinearLayer(3, Input=2)
    for _ in range(depth):
        net = make(net)
    return net


def sample_nets():
    """One net of each sort, by name."""
    inner = NetChain({"first": 4, "second": Tanh})
    return {
        "open layer": LinearLayer(),
        "varying": NetChain([Ramp], Input=("Varying", 3)),
        "integers": TotalLayer(InputPorts={"x": (2, Automatic), "y": Automatic}, Output=(2, 3)),
        "switched off": LinearLayer((2, 3), Biases=None, LearningRateMultipliers={"Weights": 0.5, "Biases": None}),
        "empty chain": NetChain([]),
        "named chain": NetChain({"a b": 3, "ü": Ramp}, Input=5, LearningRateMultipliers=[("a b", 0)]),
        "unconnected": NetChain([TotalLayer()]),
        "nested": NetChain([inner, NetChain([inner, inner]), 2], Input=(3, 4)),
        "kinds": NetChain([], Input=("Varying", Integer(5))),
        "truth": NetChain([], Input=(3, "Boolean")),
        "shared": NetChain([LinearLayer(2, Weights=NetArray("w")), Ramp, LinearLayer(2, Weights=NetArray("w", Dimensions=(2, 2)))]),
        "dimensions": LinearLayer(Weights=NetArray(Dimensions=(2, 3))),
        "graph": NetGraph({"f": [4, Ramp, 4], "add": Plus}, ["Input -> f", (("f", NetPort("Input")), "add")]),
        "numbered graph": NetGraph([3, Plus, Ramp], [((0, NetPort("x")), 1, 2)]),
        "graph of a layer": NetGraph(LinearLayer(3, Input=2)),
        "into the deep": NetGraph({"a": inner, "b": 3}, [(NetPort("a", "first", "Output"), "b"), ("a", NetPort("y"))], Input=2),
        "muted": NetGraph({"a": 3, "b": 4}, [("a", None)]),
        "straight through": NetGraph({"a": 3}, [(NetPort("x"), NetPort("y")), (NetPort("x"), "a")]),
        "unused input": NetGraph({"a": 3}, [(NetPort("x"), None)]),
        "map": NetMapOperator([3, Ramp], Input=("Varying", 2)),
        "pair": NetPairEmbeddingOperator(NetChain([20, Tanh, 1]), Input=2, DistanceFunction="CosineDistance"),
        "operators": NetChain([NetMapOperator(NetMapOperator(LinearLayer(2))), FlattenLayer([[0, 1], [2]])]),
        "functions": NetGraph(
            {"f": ThreadingLayer(lambda a, b: a * torch.tanh(b)), "g": ElementwiseLayer(lambda x: x.clamp(0, 6) / 3)}, [("f", "g")]
        ),
        "captured": ElementwiseLayer(CAPTURING),
        "a function inside": NetChain({"function": ElementwiseLayer(CAPTURING)}),
        "extracted": NetChain([3, Ramp], Input=2)[0],
    }


SAMPLES = sample_nets()


@pytest.mark.parametrize("net", SAMPLES.values(), ids=SAMPLES)
def test_there_and_back(net):
    back = net_from_json(net_to_json(net))
    assert back == net.structure and hash(back) == hash(net) and repr(back) == repr(net.structure)
    assert (back.inputs, back.outputs) == (net.inputs, net.outputs)


def test_every_layer_there_and_back():
    layers = list(rows())
    assert layers
    for layer in layers:
        assert net_from_json(net_to_json(layer)) == layer.structure, layer


def test_arrays_are_left_out():
    net = net_initialize(NetChain([2, Ramp], Input=2))
    assert net_from_json(net_to_json(net)) == net.structure != net


@pytest.mark.parametrize("make", [lambda net: NetChain([net]), NetGraph, NetMapOperator], ids=["chain", "graph", "map"])
def test_nested_a_thousand_deep(make):
    depth = 1000 if make is not NetMapOperator else 300
    net = nest(depth, make)
    if make is NetGraph:
        net = nest(1000, lambda inner: NetGraph([inner], []))
    text = net_to_json(net)
    assert len(json.loads(text)["parts"]) == depth + 1 and net_from_json(text) == net


def test_a_chain_of_ten_thousand():
    net = NetChain([layer for _ in range(5000) for layer in (8, Ramp)], Input=2)
    assert net_from_json(net_to_json(net)) == net


def test_opaque_functions_are_not_saved():
    net = NetChain({"a": NetChain({"soft": ElementwiseLayer(lambda x: torch.fft.fft(x.reshape(-1, 1)).real.reshape(x.shape))})})
    with pytest.raises(NetValueError) as error:
        net_to_json(net)
    assert str(error.value) == (
        "a/soft: Function cannot be saved: it is a Python function that could not be turned into operations\n"
        "  <lambda>: it uses torch.fft_fft, which is not in the list of operations\n"
        "  try: write it with torch operations of the closed list, or with symbols such as Ramp"
    )


def test_other_things_are_not_saved():
    with pytest.raises(NetTypeError, match=r"^only a net can be saved, got 3$"):
        net_to_json(3)
    with pytest.raises(NetTypeError, match=r"^net_from_json wants text, got None$"):
        net_from_json(None)
    with pytest.raises(NetValueError, match=r"^LinearLayer: LearningRateMultipliers cannot be saved: a file has no form for <object"):
        net_to_json(LinearLayer(3, LearningRateMultipliers=object()))


# -- faults: a net, what is done to its data, and the whole message

CHAIN = NetChain({"a": 3, "b": Ramp}, Input=2)
GRAPH = NetGraph({"f": NetChain([4, 4]), "add": Plus}, ["Input -> f", (("f", NetPort("Input")), "add")])


def put(*path):
    """A change of one place of the data."""

    def change(data):
        for key in path[:-2]:
            data = data[key]
        data[path[-2]] = path[-1]

    return change


def drop(*path):
    def change(data):
        for key in path[:-1]:
            data = data[key]
        del data[path[-1]]

    return change


def part(number, key, value):
    return put("parts", number, key, value)


FAULTS = [
    (CHAIN, drop("format"), "is no structure of a net: it has no format number"),
    (CHAIN, put("format", True), "a format is a number from 1, got True"),
    (CHAIN, put("format", 0), "a format is a number from 1, got 0"),
    (CHAIN, put("netgraph", 3), "a structure has format, netgraph (the version) and parts; got ['format', 'netgraph', 'parts']"),
    (CHAIN, put("more", 3), "a structure has format, netgraph (the version) and parts; got ['format', 'netgraph', 'parts', 'more']"),
    (CHAIN, put("parts", []), "parts must be a list, the net itself first; got []"),
    (CHAIN, put("parts", 1, None), "part 1 must be an object with a type; got None"),
    (CHAIN, part(1, "type", "os.system"), 'a: there is no layer "os.system"; '),
    (CHAIN, part(1, "type", "LinaerLayer"), 'a: there is no layer "LinaerLayer"; did you mean "LinearLayer"'),
    (CHAIN, part(1, "type", "Layer"), 'a: there is no layer "Layer"; did you mean '),
    (CHAIN, part(1, "code", "print()"), 'a: LinearLayer has the unknown entry "code"; '),
    (CHAIN, part(0, "wires", []), 'the net: NetChain has the unknown entry "wires"; '),
    (CHAIN, part(0, "parts", [1, 2]), "the net: parts must be an object; got [1, 2]"),
    # the tree
    (CHAIN, put("parts", 0, "parts", "a", 7), 'the net: its part "a" is part 7, there are parts 0 to 2'),
    (CHAIN, put("parts", 0, "parts", "a", "1"), "the net: its part \"a\" is part '1', there are parts 0 to 2"),
    (CHAIN, put("parts", 0, "parts", "a", True), 'the net: its part "a" is part True, there are parts 0 to 2'),
    (CHAIN, put("parts", 0, "parts", "b", 1), 'the net: its part "b" is part 1, which is a already'),
    (CHAIN, drop("parts", 0, "parts", "b"), "part 2, ElementwiseLayer, belongs to no other part"),
    (
        CHAIN,
        put("parts", 0, "parts", "a", 0),
        'the net: its part "a" is part 0, which comes before it: a part cannot hold itself, or what holds it',
    ),
    (
        NetChain({"a": NetChain({"b": NetChain({"c": Ramp})})}),
        put("parts", 2, "parts", "c", 1),
        'a/b: its part "c" is part 1, which comes before it: a part cannot hold itself, or what holds it',
    ),
    # names
    (
        CHAIN,
        part(0, "parts", {"../x": 1, "b": 2}),
        'the net: its parts: NetChain: a layer cannot be called "../x": no "/", ".", "->", no number, not empty',
    ),
    (
        CHAIN,
        part(0, "parts", {"a\n  exit()": 1, "b": 2}),
        "the net: its parts: NetChain: a layer cannot be called 'a\\n  exit()': only printable characters",
    ),
    (CHAIN, part(0, "named", False), 'the net: its parts have no names, so part 0 must be called "0"; got "a"'),
    (CHAIN, part(0, "named", 1), "the net: named must be true or false; got 1"),
    # layers
    (
        CHAIN,
        put("parts", 1, "parameters", "OutputDimensions", [0]),
        "a: no LinearLayer: LinearLayer: OutputDimensions wants a size, a tuple of sizes or Automatic, got (0,)",
    ),
    (CHAIN, put("parts", 1, "parameters", "Size", 3), 'a: LinearLayer has no parameter "Size", known: "OutputDimensions"'),
    (
        CHAIN,
        put("parts", 1, "parameters", "OutputDimensions", {"$word": "None"}),
        "a: OutputDimensions: no value of a parameter: {'$word': 'None'}",
    ),
    (CHAIN, put("parts", 2, "parameters", "Function", "Rampp"), "b: no ElementwiseLayer: "),
    (CHAIN, part(2, "parameters", {}), "b: no ElementwiseLayer: ElementwiseLayer wants Function, its argument 0"),
    (CHAIN, part(1, "ports", ["x"]), "a: ports must be names, of a layer that takes any number of them; got ['x']"),
    (CHAIN, part(1, "given", {"Inptu": {"kind": None, "shape": [2]}}), 'a: LinearLayer has no port "Inptu", did you mean "Input"'),
    (
        CHAIN,
        part(1, "given", {"Input": {"kind": ["integer", -1], "shape": []}}),
        'a: "Input": Integer(-1) would have no value: n is at least 1',
    ),
    (
        CHAIN,
        part(1, "given", {"Input": {"kind": ["text", 1], "shape": []}}),
        "a: \"Input\": no port type: {'kind': ['text', 1], 'shape': []}",
    ),
    (CHAIN, part(1, "arrays", {"Weight": None}), 'a: LinearLayer has no array "Weight", did you mean "Weights"'),
    (CHAIN, part(1, "arrays", {"Weights": None}), "a: no LinearLayer: LinearLayer: Weights cannot be left out, it has no None"),
    (
        CHAIN,
        part(1, "arrays", {"Weights": {"name": "../w", "dimensions": None}}),
        'a: Weights: NetArray: Name \'../w\' may not be empty or contain "/", "." or "->"',
    ),
    (
        CHAIN,
        part(1, "arrays", {"Weights": {"name": 3, "dimensions": None}}),
        "a: Weights: an array is null or has name and dimensions; got {'name': 3, 'dimensions': None}",
    ),
    (CHAIN, part(1, "multipliers", {"$code": 1}), "a: multipliers: no value of a parameter: {'$code': 1}"),
    (SAMPLES["map"], drop("parts", 0, "parts"), "part 1, NetChain, belongs to no other part"),
    (SAMPLES["map"], put("parts", 0, "parts", {"Nett": 1}), 'the net: NetMapOperator has no parameter "Nett", did you mean "Net"?'),
    (SAMPLES["map"], put("parts", 0, "parameters", "Net", 3), "the net: Net is a value and a part"),
    (
        SAMPLES["captured"],
        put("parts", 0, "parameters", "Function", "$values", []),
        "the net: Function: a function's captured arrays are not where they belong",
    ),
    # wiring
    (GRAPH, part(0, "wires", [[[], "Input", "f", "Input"]]), "the net: add/Input1 is not connected"),
    (GRAPH, put("parts", 0, "wires", 0, [[], "Input", "f"]), "the net: a wire is [source path, port, part, port]; got [[], 'Input', 'f']"),
    (GRAPH, put("parts", 0, "wires", 0, [[], "x", "f", "Input"]), "the net: a wire comes from [[], 'x'], which is no port of a part"),
    (
        GRAPH,
        put("parts", 0, "wires", 0, [["g"], "Output", "f", "Input"]),
        "the net: a wire comes from [['g'], 'Output'], which is no port of a part",
    ),
    (
        GRAPH,
        put("parts", 0, "wires", 0, [["f", "9"], "Output", "f", "Input"]),
        "the net: a wire comes from [['f', '9'], 'Output'], which is no port of a part",
    ),
    (GRAPH, put("parts", 0, "wires", 0, [[], "Input", "g", "Input"]), "the net: a wire goes to 'g', which is no part"),
    (GRAPH, put("parts", 0, "wires", 0, [[], "Input", "f", []]), "the net: a wire goes to ['f', []], the inputs of f are Input"),
    (GRAPH, put("parts", 0, "wires", 0, [[], "Input", "add", "Input1"]), "the net: add/Input1 is fed twice"),
    (GRAPH, put("parts", 0, "wires", 0, [["add"], "Output", "f", "Input"]), "the net: the graph has a cycle: f -> add -> f"),
    (GRAPH, put("parts", 0, "wires", 0, [["f"], "Output", "f", "Input"]), "the net: the graph has a cycle: f -> f"),
    (GRAPH, part(0, "outputs", {}), "the net: a graph has a list of wires, and at least one output"),
    (
        GRAPH,
        part(0, "outputs", {"y": [["add"], "Ouput"]}),
        "the net: output \"y\" comes from [['add'], 'Ouput'], which is no port of a part",
    ),
    (GRAPH, part(0, "inputs", ["Input", "Input"]), "the net: inputs must be a list of different names; got ['Input', 'Input']"),
    (GRAPH, drop("parts", 4, "ports"), "the net: a wire goes to ['add', 'Input1'], the inputs of add are none yet"),
    # types
    (
        CHAIN,
        part(2, "given", {"Input": {"kind": None, "shape": [4]}}),
        "its types contradict each other: a/Output -> b/Input: the length is 3 on one side and 4 on the other\n  3: a is LinearLayer(3)\n"
        "  4: b was given Input=4",
    ),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_faults(number):
    net, change, message = FAULTS[number]
    data = json.loads(net_to_json(net))
    change(data)
    with pytest.raises(NetFileError) as error:
        structure_from_json(data)
    found = str(error.value).removeprefix("JSON: ")
    # lists of known names grow with the library, and a layer's own words are tested with the layer
    cut = len(message) if message.endswith(("known: ", "mean ", "; ", '"', "Layer: ")) else None
    assert found[:cut] == message


def test_paths_cannot_fill_the_memory(monkeypatch):
    monkeypatch.setattr(rebuild, "MOST_PATH_CHARACTERS", 100)
    assert net_from_json(net_to_json(nest(9))) == nest(9)
    with pytest.raises(NetFileError, match=r"^JSON: the paths of the parts may have 100 characters together; they have 110$"):
        net_from_json(net_to_json(nest(10)))


def test_newer_formats_are_refused():
    data = structure_to_json(CHAIN) | {"format": 2, "netgraph": "9.0"}
    with pytest.raises(NetFileError) as error:
        structure_from_json(data, source="x.json")
    assert str(error.value) == (
        'x.json: it has format 2, this netgraph reads formats up to 1\n  netgraph "9.0": wrote it\n  try: pip install -U netgraph'
    )


def test_parts_come_in_order_of_their_paths():
    net = SAMPLES["nested"]
    assert [entry["type"] for entry in structure_to_json(net)["parts"]] == [type(inner).__name__ for _, inner in walk(net)]
