"""The summary of a net: whole tables, and what becomes of long, deep, open and shared ones."""

import doctest

import pytest

from netgraph.layers.basic import LinearLayer
from netgraph.nets.chain import NetChain
from netgraph.nets.pair import NetPairEmbeddingOperator
from netgraph.show import summary as module
from netgraph.show import titles
from netgraph.show.summary import html, summary
from netgraph.spec.arrays import NetArray


@pytest.mark.parametrize("made", [module, titles])
def test_examples_run(made):
    assert doctest.testmod(made).failed == 0


def test_an_operator_and_its_inside():
    net = NetPairEmbeddingOperator(NetChain([20, "Tanh", 1], Input=2), DistanceFunction="CosineDistance")
    assert summary(net) == (
        'NetPairEmbeddingOperator(DistanceFunction="CosineDistance")\n'
        "81 elements in 4 arrays, not initialised\n"
        "in   Input   (2, 2)\n"
        "out  Output  real\n"
        "\n"
        "path   layer                     output  arrays                   elements\n"
        "Net    NetChain                  (1,)\n"
        "Net/0    LinearLayer(20)         (20,)   Weights 20x2, Biases 20        60\n"
        "Net/1    ElementwiseLayer(Tanh)  (20,)\n"
        "Net/2    LinearLayer(1)          (1,)    Weights 1x20, Biases 1         21"
    )


def test_a_star_marks_what_is_missing_beside_what_is_there():
    assert summary(LinearLayer(2, Weights=[[1, 2], [3, 4]])) == (
        "LinearLayer(2)\n"
        "6 elements in 2 arrays, 1 of them (*) not initialised\n"
        "in   Input   (2,)\n"
        "out  Output  (2,)\n"
        "\n"
        "layer           output  arrays                  elements\n"
        "LinearLayer(2)  (2,)    Weights 2x2, Biases 2*         6"
    )
    assert summary(LinearLayer(1, Weights=[[1]], Biases=None)).split("\n")[1] == "1 element in 1 array"


def test_open_sizes():
    assert summary(NetChain([LinearLayer(), 3])) == (
        "NetChain\n"
        "at least 3 elements in 4 arrays, not initialised\n"
        "in   Input   (...)\n"
        "out  Output  (3,)\n"
        "\n"
        "path  layer           output  arrays                 elements\n"
        "0     LinearLayer()   (...)   Weights ?x?, Biases ?         ?\n"
        "1     LinearLayer(3)  (3,)    Weights 3x?, Biases 3     3 + ?"
    )


def test_a_shared_array_counts_once():
    net = NetChain([LinearLayer(3, Weights=NetArray("w")), LinearLayer(3, Weights=NetArray("w"))])
    lines = summary(net).split("\n")
    assert lines[1] == "15 elements in 3 arrays, not initialised"
    assert all('Weights 3x3 = "w", Biases 3' in line for line in lines[-2:])


def test_nothing_inside():
    assert summary(NetChain([])) == (
        "NetChain([])\nno arrays\nin   Input   (...)\nout  Output  (...)\n\nlayer         output\nNetChain([])  (...)"
    )


def test_a_long_chain_is_folded():
    net = NetChain([8, "Ramp"] * 500, Input=2)
    lines = summary(net).split("\n")
    assert lines[1] == "35,952 elements in 1,000 arrays, not initialised"
    assert lines[6].startswith("0     LinearLayer(8)") and lines[-1].startswith("999   ElementwiseLayer(Ramp)")
    assert lines[30] == "      ... 964 parts more ...          964 arrays               34,704"
    assert len(lines) == 43


def test_a_deep_nest_is_folded():
    net = 3
    for _ in range(1000):
        net = NetChain([net])
    assert summary(net).split("\n")[-1].split() == ["0/0/0/0", "NetChain,", "996", "parts", "inside", "(3,)", "2", "arrays", "3", "+", "?"]


def test_it_fits_eighty_columns():
    deep = NetChain(
        {"encoder": [100, "Ramp", [100, "LogisticSigmoid", [300, [200]]]], "decoder": LinearLayer((3, 4), Weights=NetArray("w"))}
    )
    assert max(len(line) for line in summary(deep).split("\n")) <= 80


def test_html_escapes():
    text = html(NetChain({"<b>": LinearLayer(2, Input=3)}))
    assert '<td style="text-align:left;white-space:pre">&lt;b&gt;</td>' in text and "<b>" not in text
    assert text.startswith("<div><div>NetChain<br>8 elements in 2 arrays, not initialised</div>")
