"""The drawing of a net: what is drawn, where, and that nothing overlaps."""

import doctest
import itertools
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netgraph.errors import NetTypeError, NetValueError
from netgraph.layers.basic import LinearLayer
from netgraph.nets.chain import NetChain
from netgraph.nets.graph import NetGraph
from netgraph.nets.pair import NetPairEmbeddingOperator
from netgraph.show import diagram_text, drawing, layout
from netgraph.show.diagram import diagram
from netgraph.show.diagram_text import dot, mermaid
from netgraph.show.drawing import plot
from netgraph.show.layout import layered
from netgraph.spec.ports import NetPort

SVG = "{http://www.w3.org/2000/svg}"


def residual() -> NetGraph:
    return NetGraph({"f": [4, "Ramp"], "add": "Plus"}, ["Input -> f", (("f", NetPort("Input")), "add")], Input=4)


def texts(net, **options) -> list[str]:
    """The words of a drawing; also proves that it is XML."""
    return [text.text for text in ElementTree.fromstring(plot(net, **options).svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("module", [drawing, diagram_text, layout])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0


def test_a_chain():
    assert texts(NetChain([200, "Ramp", 1], Input=2)) == [
        "Input", "0", "LinearLayer(200)", "1", "ElementwiseLayer(Ramp)", "2", "LinearLayer(1)", "Output",
        "(2,)", "(200,)", "(200,)", "(1,)",
    ]  # fmt: skip


def test_a_graph_with_a_net_inside():
    assert texts(residual()) == [
        "Input", "f: NetChain", "0", "LinearLayer(4)", "1", "ElementwiseLayer(Ramp)", "(4,)", "add",
        "ThreadingLayer(Plus, InputPorts=2)", "Output", "(4,)", "(4,)", "Input1", "(4,)", "Input2", "(4,)",
    ]  # fmt: skip


def test_depth_folds_what_is_inside():
    net = NetPairEmbeddingOperator(NetChain([[3, "Ramp"], 1], Input=2))
    assert "0: NetChain" in texts(net) and "LinearLayer(3)" in texts(net)
    assert "NetChain, 2 parts" in texts(net, depth=2) and "LinearLayer(3)" not in texts(net, depth=2)
    assert texts(net, depth=0) == ["Input", "NetPairEmbeddingOperator, 1 part", "Output", "(2, 2)", "real"]


def test_a_long_chain_is_one_box_in_the_middle():
    found = texts(NetChain([8, "Ramp"] * 500, Input=2))
    assert "984 parts more" in found and "8 ... 991" in found and "999" in found and len(found) < 60


def test_a_deep_nest_is_drawn():
    net = 3
    for _ in range(1000):
        net = NetChain([net])
    assert len(texts(net, depth=10_000)) < 60


def test_ports_inside_and_the_identity():
    assert texts(NetChain([])) == ["Input", "Output", "(...)"]
    assert texts(LinearLayer(2, Input=3)) == ["Input", "LinearLayer(2, Input=3)", "Output", "(3,)", "(2,)"]


def test_words_are_escaped():
    assert "<b>&" in texts(NetChain({"<b>&": 2}, Input=3))
    assert '["#lt;b#gt;#quot;#35;: LinearLayer(2)"]' in mermaid(NetChain({'<b>"#': 2}, Input=3))
    assert r'[label="\"\\: LinearLayer(2)"]' in dot(NetChain({'"\\': 2}, Input=3))


def test_it_is_saved_as_svg(tmp_path):
    made = plot(NetChain([2], Input=3))
    made.save(tmp_path / "net.svg")
    assert (tmp_path / "net.svg").read_text(encoding="utf-8") == made.svg == made._repr_svg_()
    with pytest.raises(NetValueError) as caught:
        made.save("net.png")
    assert str(caught.value) == 'a drawing is saved as SVG, got "net.png"\n  try: "net.svg"'


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: plot(3), "a net is drawn, got 3"),
        (lambda: mermaid(NetChain([]), depth=-1), "plot: depth is how many levels of nets are opened, 0 or more, got -1"),
        (lambda: dot(NetChain([]), depth=True), "plot: depth is how many levels of nets are opened, 0 or more, got True"),
    ],
)
def test_what_cannot_be_drawn(call, words):
    with pytest.raises(NetTypeError) as caught:
        call()
    assert str(caught.value) == words


def test_mermaid():
    assert mermaid(residual()) == (
        "flowchart TD\n"
        '  n0(["Input"])\n'
        '  subgraph n1["f: NetChain"]\n'
        "    n2(( ))\n"
        '    n3["0: LinearLayer(4)"]\n'
        '    n4["1: ElementwiseLayer(Ramp)"]\n'
        "    n5(( ))\n"
        "  end\n"
        '  n6["add: ThreadingLayer(Plus, InputPorts=2)"]\n'
        '  n7(["Output"])\n'
        '  n0 -->|"(4,)"| n1\n'
        '  n1 -->|"Input1 (4,)"| n6\n'
        '  n0 -->|"Input2 (4,)"| n6\n'
        '  n6 -->|"(4,)"| n7\n'
        "  n2 --> n3\n"
        '  n3 -->|"(4,)"| n4\n'
        "  n4 --> n5"
    )


def test_dot():
    assert dot(NetPairEmbeddingOperator(NetChain([1], Input=2))) == (
        "digraph {\n"
        '  compound=true; node [shape=box, style=rounded, fontname="Helvetica"]; edge [fontname="Helvetica", fontsize=10];\n'
        '  n0 [label="Input", shape=oval];\n'
        '  subgraph cluster_n1 { label="NetPairEmbeddingOperator";\n'
        '    subgraph cluster_n2 { label="Net: NetChain";\n'
        "      n3 [shape=point];\n"
        '      n4 [label="0: LinearLayer(1)"];\n'
        "      n5 [shape=point];\n"
        "    }\n"
        "  }\n"
        '  n6 [label="Output", shape=oval];\n'
        '  n0 -> n3 [label="(2, 2)", lhead=cluster_n1];\n'
        '  n5 -> n6 [label="real", ltail=cluster_n1];\n'
        "  n3 -> n4;\n"
        "  n4 -> n5;\n"
        "}"
    )


def test_a_line_from_inside_a_net_starts_there():
    net = NetGraph({"f": {"a": 4, "b": 3}, "g": 2}, [(NetPort("f", "a"), "g")], Input=5)
    (line,) = [line for line in diagram(net).lines if line.target == ("g",)]
    assert (line.source, line.inner, line.start, line.text) == (("f",), ("f", "a"), "a/Output", "(4,)")
    assert 'n3 -->|"a/Output (4,)"| n6' in mermaid(net)


@given(st.integers(2, 12), st.data())
def test_boxes_keep_apart_and_lines_run_down(count, data):
    pairs = list(itertools.combinations(range(count), 2))
    edges = data.draw(st.lists(st.sampled_from(pairs), max_size=20))
    sizes = {box: (data.draw(st.integers(10, 200)), data.draw(st.integers(10, 60))) for box in range(count)}
    found = layered(sizes, edges)
    for a, b in pairs:
        (x, y), (u, v) = found.centres[a], found.centres[b]
        assert abs(x - u) >= (sizes[a][0] + sizes[b][0]) / 2 - 1e-6 or abs(y - v) >= (sizes[a][1] + sizes[b][1]) / 2 - 1e-6
    for (source, target), points in zip(edges, found.routes, strict=True):
        assert points[0] == (found.centres[source][0], found.centres[source][1] + sizes[source][1] / 2)
        assert points[-1] == (found.centres[target][0], found.centres[target][1] - sizes[target][1] / 2)
        heights = [y for _, y in points]
        assert heights == sorted(heights)
    for box, (x, y) in found.centres.items():
        assert x - sizes[box][0] / 2 >= -1e-6 and x + sizes[box][0] / 2 <= found.width + 1e-6
        assert y - sizes[box][1] / 2 >= 0 and y + sizes[box][1] / 2 <= found.height + 1e-6
