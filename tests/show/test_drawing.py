"""The drawing of a net: what is drawn, where, and that nothing overlaps."""

import doctest
import io
import itertools
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import image

from netgraph.errors import NetError, NetTypeError, NetValueError
from netgraph.layers.attention import AttentionLayer
from netgraph.layers.basic import LinearLayer
from netgraph.layers.reduce import SummationLayer
from netgraph.nets.chain import NetChain
from netgraph.nets.graph import NetGraph
from netgraph.nets.pair import NetPairEmbeddingOperator
from netgraph.show import activations, diagram_text, drawing, layout, shapes
from netgraph.show.activations import shown
from netgraph.show.diagram import diagram
from netgraph.show.diagram_text import dot, mermaid
from netgraph.show.drawing import plot
from netgraph.show.layout import layered
from netgraph.show.shapes import Picture
from netgraph.spec.ports import NetPort
from netgraph.surgery.initialize import net_initialize

SVG = "{http://www.w3.org/2000/svg}"


def residual() -> NetGraph:
    return NetGraph({"f": [4, "Ramp"], "add": "Plus"}, ["Input -> f", (("f", NetPort("Input")), "add")], Input=4)


def texts(net, **options) -> list[str]:
    """The words of a drawing; also proves that it is XML."""
    return [text.text for text in ElementTree.fromstring(plot(net, **options).svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("module", [activations, drawing, diagram_text, layout, shapes])
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


def test_it_is_saved_by_the_end_of_the_name(tmp_path):
    net = NetChain([2], Input=3)
    made = plot(net, depth=1)
    for name, content in (("net.svg", made.svg), ("net.mmd", mermaid(net)), ("net.dot", dot(net)), ("NET.GV", dot(net))):
        made.save(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == content
    assert made.svg == made._repr_svg_()
    made.save(tmp_path / "net.png")
    assert (tmp_path / "net.png").read_bytes() == made.png
    with pytest.raises(NetValueError) as caught:
        made.save("net.jpg")
    assert str(caught.value) == 'a drawing is saved as .svg, .png, .mmd, .dot, .gv, got "net.jpg"\n  try: "net.svg"'


def test_a_png_is_painted():
    made = plot(net_initialize(residual()), np.arange(4.0))
    pixels = image.imread(io.BytesIO(made.png))
    assert pixels.shape[:2] == (2 * made.height, 2 * made.width)
    colours = {tuple((255 * pixel).round().astype(int)[:3]) for pixel in pixels.reshape(-1, pixels.shape[-1])[::7]}
    assert {(0xE6, 0xEF, 0xFB), (0xE8, 0xF5, 0xEB), (255, 255, 255)} <= colours and len(colours) > 20


def test_a_png_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NetError) as caught:
        plot(NetChain([2], Input=3)).png  # noqa: B018 - the painting fails
    assert str(caught.value) == "a PNG of a net is painted by matplotlib, which is not installed\n  try: pip install 'netgraph[plot]'"


def pictures(drawing) -> list[np.ndarray]:
    return [shape.pixels for shape in drawing.shapes if isinstance(shape, Picture)]


def test_values_of_an_example_are_drawn():
    net = NetChain([LinearLayer(3, Weights=[[1, 0], [0, -1], [0, 0]], Biases=None), "Ramp", SummationLayer()], Input=2)
    made = net.plot([2.0, 1.0])
    given, linear, ramp = pictures(made)
    assert given.shape == (1, 2, 3) and linear.shape == ramp.shape == (1, 3, 3)
    assert linear[0].tolist() == [[178, 24, 43], [140, 174, 210], [247, 247, 247]] and ramp[0, 1].tolist() == [247, 247, 247]
    words = [text.text for text in ElementTree.fromstring(made.svg).iter(f"{SVG}text")]
    assert words.count("2") == 3  # the path of the last layer, its value, and that of the output
    assert len(list(ElementTree.fromstring(made.svg).iter(f"{SVG}image"))) == 3
    assert [shape for shape in net.plot().shapes if isinstance(shape, Picture)] == []


def test_values_of_a_layer_and_of_several_ports():
    (linear,) = pictures(LinearLayer(2, Weights=[[1], [1]], Biases=None, Input=()).plot(3.0))[:1]
    assert linear.shape == (1, 2, 3)
    net = NetGraph({"a": "Ramp", "b": "Tanh"}, ["x -> a -> u", "y -> b -> v"], x=2, y=3)
    assert [p.shape[1] for p in pictures(net.plot({"x": [1, 2], "y": [1, 2, 3]}))] == [2, 3, 2, 3, 2, 3]


@pytest.mark.parametrize(
    "shape, pixels",
    [
        ((5,), (1, 5)),
        ((100,), (2, 64)),
        ((3, 4), (3, 4)),
        ((300, 5), (75, 5)),
        ((3, 4, 6), (4, 20)),
        ((20, 2, 2), (2, 23)),
        ((2, 2, 3, 4), (3, 19)),
    ],
)
def test_forms_of_values(shape, pixels):
    assert shown(np.ones(shape)).pixels.shape == (*pixels, 3)


def test_what_is_no_number_is_grey_and_the_rest_keeps_its_scale():
    assert shown(np.array([np.nan, 1.0, -np.inf, 0.0])).pixels[0].tolist() == [
        [225, 225, 225], [178, 24, 43], [33, 102, 172], [247, 247, 247],
    ]  # fmt: skip


def test_a_batch_is_not_drawn():
    with pytest.raises(NetTypeError) as caught:
        NetChain(["Ramp"], Input=2).plot(np.ones((5, 2)))
    assert str(caught.value) == "plot: the values of one example are drawn, got a batch of 5"


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


def test_a_line_from_a_readable_port_says_so():
    net = NetGraph({"attend": AttentionLayer("Dot"), "sum": SummationLayer()}, [(NetPort("attend", "AttentionWeights"), "sum")])
    (line,) = [line for line in diagram(net).lines if line.target == ("sum",)]
    assert (line.source, line.start) == (("attend",), "AttentionWeights")
    assert "AttentionWeights" in net.plot({"Key": [[1, 0], [0, 1]], "Value": [[1, 2], [3, 4]], "Query": [1, 2]}).svg


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
