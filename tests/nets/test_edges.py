"""The whole edge grammar, by the ports and values of the graphs it makes; and what is no edge."""

import pytest

from netgraph import *
from netgraph.errors import NetError


def message(build):
    with pytest.raises(NetError) as caught:
        build()
    return str(caught.value)


LAYERS = {"f": Ramp, "g": Tanh, "h": LogisticSigmoid}
EQUAL = NetGraph(LAYERS, [(NetPort("x"), "f"), ("f", "g"), ("g", "h"), ("h", NetPort("y"))])


@pytest.mark.parametrize(
    "edges",
    [
        [(NetPort("x"), "f", "g", "h", NetPort("y"))],
        ["x -> f -> g -> h -> y"],
        ["x -> f", "f -> g -> h", "h -> y"],
        [NetPort("x") >> "f" >> NetPort("g") >> "h" >> NetPort("y")],
        [NetPort("x") >> NetPort("f") >> "g" >> "h" >> NetPort("y")],
        [("h", NetPort("y")), ("g", "h"), ("f", "g"), (NetPort("x"), "f")],
        [(NetPort("x"), 0), (0, 1), (1, -1), (2, NetPort("y"))],
        [
            (NetPort("x"), NetPort("f", "Input")),
            (NetPort(["f", "Output"]), NetPort("g/Input")),
            ("g/Output", "h/Input"),
            ("h", NetPort("y")),
        ],
        [[NetPort("x"), "f"], ["f", "g"], ["g", "h"], ["h", NetPort("y")]],
        ["x -> f/Input", "f/Output -> g", "g -> h/Input", "h/Output -> y"],
        ["x -> 0 -> 1 -> 2 -> y"],
        ["x->f->g->h->y"],
        [(("f",), "g"), (NetPort("x"), ["f"]), ("g", "h", NetPort("y"))],
    ],
    ids=str,
)
def test_the_same_graph_in_many_ways(edges):
    assert NetGraph(LAYERS, edges) == EQUAL


def test_several_sources_arrive_in_order():
    for edges in (
        [((NetPort("a"), NetPort("b")), 0)],
        [([NetPort("a"), NetPort("b")], 0)],
        [(NetPort("a"), 0), (NetPort("b"), 0)],
        ["a -> 0", "b -> 0"],
        [(NetPort("b"), NetPort(0, "Input2")), (NetPort("a"), 0)],
    ):
        net = NetGraph([Divide], edges)
        assert [round(float(v), 6) for v in net({"a": [1, 2], "b": [10, 20]})] == [0.1, 0.1], edges
    net = NetGraph([Divide], [((NetPort("b"), NetPort("a")), 0)])
    assert net({"a": [1, 2], "b": [10, 20]}).tolist() == [10, 10]
    assert NetGraph([Plus], [((NetPort("a"), NetPort("b")), 0)])({"a": [1, 2], "b": [10, 20]}).tolist() == [11, 22]


def test_fan_out():
    net = NetGraph({"f": Ramp, "g": Tanh, "h": Abs}, ["x -> f", ("f", ("g", "h"))])
    assert list(net.outputs) == ["Output1", "Output2"]
    assert NetGraph({"f": Ramp}, [("f", (NetPort("y"), NetPort("z")))]).output_names == ("y", "z")


def test_an_inner_layers_output_is_exported_or_used():
    net = NetGraph({"in": [2, Ramp, 1], "t": Tanh}, [(NetPort("in", 1, "Output"), NetPort("features")), (NetPort("in", 0), "t")], Input=3)
    assert {name: kind.shape for name, kind in net.outputs.items()} == {"features": (2,), "Output1": (1,), "Output2": (2,)}
    assert NetGraph({"in": {"a": [2, Ramp]}}, ["in/a/0 -> y"], Input=3)["y"] == (2,)
    net = net_initialize(net)
    results = net([1, 2, 3])
    assert results["features"].min() >= 0 and results["Output2"].shape == (2,)


@pytest.mark.parametrize(
    "edges, text",
    [
        ("f -> g", "NetGraph wants a list of edges, got 'f -> g'\n  try: ['f -> g']"),
        (("f", "g"), "NetGraph wants a list of edges, got ('f', 'g')\n  try: [('f', 'g')]"),
        ([3], '3 is no edge\n  try: ("a", "b"), "a -> b" or NetPort("a") >> "b"'),
        ([("f",)], '(\'f\',) is no edge\n  try: ("a", "b"), "a -> b" or NetPort("a") >> "b"'),
        (["f"], 'edge \'f\': wants two or more names joined by "->"\n  try: "a -> b"'),
        (["f ->"], 'edge \'f ->\': wants two or more names joined by "->"\n  try: "a -> b"'),
        (
            [("f", "k")],
            'edge (\'f\', \'k\'): there is no layer \'k\', known: "f", "g", "h", "long"\n  try: NetPort("k") for a port of the net',
        ),
        ([("f", 7)], 'edge (\'f\', 7): there is no layer 7, known: "f", "g", "h", "long"'),
        (["f -> k -> g"], 'edge "f -> k -> g": there is no layer \'k\', known: "f", "g", "h", "long"'),
        (
            ["Long -> f"],
            'edge "Long -> f": no layer is called "Long", did you mean "long"?\n  try: NetPort("Long") for a port of the net',
        ),
        (
            ["lng -> f"],
            'edge "lng -> f": no layer is called "lng", did you mean "long"?\n  try: NetPort("lng") for a port of the net',
        ),
        ([("f", NetPort("g", "Inptu"))], "edge ('f', NetPort('g', 'Inptu')): g has no input port \"Inptu\", did you mean \"Input\"?"),
        ([(NetPort("f", "Out"), "g")], "edge (NetPort('f', 'Out'), 'g'): f has no output port \"Out\", did you mean \"Output\"?"),
        ([(None, "f")], "edge (None, 'f'): None is no source"),
        ([("f", None, "g")], "edge ('f', None, 'g'): None mutes an output at the end of a run only"),
        ([("f", ("g", "h"), "long")], "edge ('f', ('g', 'h'), 'long'): several layers in the middle of a run"),
        ([(("f", "g"), ("h", "long"))], "edge (('f', 'g'), ('h', 'long')): several layers on both sides"),
        ([("f", "g"), ("h", "g")], "edge ('h', 'g'): g, ElementwiseLayer(Tanh), has no free input port left (\"Input\")"),
        (
            [("f", NetPort("g", "Input")), ("h", NetPort("g", "Input"))],
            "edge ('h', NetPort('g', 'Input')): g/Input is already fed by ('f', NetPort('g', 'Input'))",
        ),
        ([("f", "g"), ("g", "h"), ("h", "f")], "NetGraph has a cycle: f -> g -> h -> f; a graph has none, recurrence is a NetFoldOperator"),
        ([("f", "f")], "NetGraph has a cycle: f -> f; a graph has none, recurrence is a NetFoldOperator"),
        ([("f", NetPort("y")), ("g", NetPort("y"))], "edge ('g', NetPort('y')): the output \"y\" of the graph is fed twice"),
        ([("f", None), ("g", None), ("h", None), ("long", None)], "NetGraph has no output: every output is connected or muted"),
    ],
    ids=str,
)
def test_refused(edges, text):
    assert message(lambda: NetGraph({**LAYERS, "long": Ramp}, edges)) == text


def test_the_inside_of_a_net_is_not_fed():
    assert message(lambda: NetGraph({"in": [2, Ramp], "f": Ramp}, [("f", NetPort("in", 1, "Input"))])) == (
        "edge ('f', NetPort('in', 1, 'Input')): the inside of in cannot be fed from outside; feed an input port of it"
    )
    assert message(lambda: NetGraph({"in": [2, Ramp], "f": Ramp}, [(NetPort("in", 5, "Output"), "f")])) == (
        'edge (NetPort(\'in\', 5, \'Output\'), \'f\'): in has no part or output port "5", known: "Output", "0", "1"'
    )


def test_several_ports_need_a_name():
    two = NetGraph([Ramp, Tanh], [(NetPort("x"), 0), (NetPort("x"), 1)])
    assert message(lambda: NetGraph({"two": two, "f": Ramp}, [("two", "f")])).startswith("edge ('two', 'f'): two, NetGraph([")
    net = NetGraph({"two": two, "f": Ramp}, [(NetPort("two", "Output2"), "f")])
    assert list(net.inputs) == ["x"] and list(net.outputs) == ["Output1", "Output"]
