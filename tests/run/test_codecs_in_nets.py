"""Encoders and decoders at the ports of nets: evaluation, types, surgery."""

import numpy as np
import pytest
import torch

from netgraph import (
    All,
    EmbeddingLayer,
    LinearLayer,
    NetArray,
    NetChain,
    NetDecoder,
    NetEncoder,
    NetError,
    NetGraph,
    NetMapOperator,
    NetPairEmbeddingOperator,
    NetPort,
    NetPortGradient,
    NetTripletEmbeddingOperator,
    SequenceLastLayer,
    SoftmaxLayer,
    net_extract,
    net_flatten,
    net_initialize,
    net_join,
    net_replace_part,
)
from netgraph.nets.codecs import has_codecs, port_codecs

ABC = NetEncoder(("Class", ["a", "b", "c"], "IndicatorVector"))
XY = NetDecoder(("Class", ["x", "y"]))
LETTERS = NetEncoder(("Class", ["a", "b", "c"], {"Dimensions": ("Varying",)}))
W = [[1.0, 0.0, 2.0], [0.0, 1.0, 2.0]]


def classifier():
    return NetChain([LinearLayer(2, Weights=W, Biases=None), SoftmaxLayer()], Input=ABC, Output=XY)


def test_raw_in_and_decoded_out():
    net = classifier()
    assert net("a") == "x"
    assert net("b") == "y"
    assert net(["a", "b", "b"]) == ["x", "y", "y"]
    assert net({"Input": "a"}) == "x"


def test_arrays_pass_the_encoder():
    net = classifier()
    assert net([1.0, 0, 0]) == net("a")
    assert net(np.eye(3, dtype=np.float32)) == net(["a", "b", "c"])
    assert net(torch.eye(3), None).shape == (3, 2)


def test_what_is_asked_for():
    net, p = classifier(), float(1 / (1 + np.exp(-1)))
    raw = net("a", None)
    assert np.allclose(raw, [p, 1 - p])
    assert np.array_equal(net("a", NetPort("Output")), raw)
    assert net("a", ("Probability", "y")) == pytest.approx(1 - p)
    assert net("a", {"Output": "Decision"}) == {"Output": "x"}
    assert net("a", ("Output", "Decision")) == "x"
    assert net("a", All) == {"Output": "x"}
    assert net("a", "Output") == "x"
    assert net(["a", "b"], ("TopDecisions", 1)) == [["x"], ["y"]]
    assert "Entropy" in net("a", "Properties")
    assert np.array_equal(net(["a"], None), [raw])


def test_random_samples_follow_the_seed():
    net = classifier()
    drawn = net(["c"] * 40, "RandomSample", RandomSeeding=3)
    assert drawn == net(["c"] * 40, "RandomSample", RandomSeeding=3)
    assert set(drawn) == {"x", "y"}


def test_gradients_with_an_encoder():
    net = classifier()
    assert net("a", NetPortGradient("Input")).shape == (3,)


@pytest.mark.parametrize(
    "make, message",
    [
        (
            lambda: classifier()("q"),
            'Input: NetEncoder(("Class", ("a", "b", "c"), "IndicatorVector")): there is no class \'q\', known: "a", "b", "c"',
        ),
        (
            lambda: NetChain([3], Input=XY),
            'NetChain: Input: NetDecoder(("Class", ("x", "y"))) is a decoder; an input port takes an encoder',
        ),
        (
            lambda: LinearLayer(3, Output=ABC),
            'LinearLayer: Output: NetEncoder(("Class", ("a", "b", "c"), "IndicatorVector")) is an encoder; '
            "an output port gives what a decoder makes of it",
        ),
        (
            lambda: NetChain([3, SoftmaxLayer()], Output=XY),
            "Output: the length is 2 on one side and 3 on the other\n"
            '  2: NetChain was given Output=NetDecoder(("Class", ("x", "y")))\n'
            "  3: 0 is LinearLayer(3)",
        ),
        (
            lambda: NetChain([3], Input="Imagge"),
            "NetChain: Input: 'Imagge' is no port type\n"
            '  try: "Real", "Integer", "Boolean", Integer(n), n, (n1, n2, ...), "Varying", Automatic, or an encoder',
        ),
        (lambda: NetEncoder("Chracters"), 'there is no encoder "Chracters", did you mean "Characters"?'),
        (
            lambda: NetEncoder(("Boolean", {"Dimension": 3})),
            'NetEncoder "Boolean" has no parameter "Dimension", did you mean "Dimensions"?',
        ),
        (
            lambda: classifier()("a", "Entropie"),
            "NetChain([LinearLayer(2, Biases=None), SoftmaxLayer()], I... has no output port or part 'Entropie', did you mean \"Entropy\"?",
        ),
    ],
)
def test_messages(make, message):
    with pytest.raises(NetError) as told:
        make()
    assert str(told.value) == message


def test_sizes_follow_from_codecs():
    net = NetChain([LinearLayer(), SoftmaxLayer()], Input=ABC, Output=XY)
    assert net["0"].arrays["Weights"] is not None
    assert net_initialize(net).arrays["0/Weights"].shape == (2, 3)


def test_a_name_stands_for_a_codec():
    net = NetChain([EmbeddingLayer(4), SequenceLastLayer()], Input="UTF8")
    assert net["Input"] == NetEncoder("UTF8")
    assert net_initialize(net)("hello").shape == (4,)


def test_codecs_of_parts_are_those_of_the_whole():
    inner = LinearLayer(2, Weights=W, Biases=None, Input=ABC)
    chain = NetChain([NetChain([inner, SoftmaxLayer()], Output=XY)])
    assert chain["Input"] == ABC
    assert chain("b") == "y"
    graph = NetGraph({"one": inner, "two": inner}, [NetPort("x") >> "one", NetPort("y") >> "two", "one -> p", "two -> q"])
    assert port_codecs(graph).encoders == {"x": ABC, "y": ABC}
    assert np.array_equal(graph({"x": "a", "y": "b"})["q"], [0, 1])


def test_a_codec_between_parts_says_nothing():
    net = NetChain([LinearLayer(3, Weights=np.eye(3), Biases=None), LinearLayer(2, Weights=W, Biases=None, Input=ABC)], Input=3)
    assert not has_codecs(net)
    assert np.array_equal(net([1, 0, 0]), [1, 0])


def test_map_pair_and_triplet_have_codecs_for_each():
    inner = NetChain([LinearLayer(2, Weights=W, Biases=None)], Input=ABC)
    pair = NetPairEmbeddingOperator(inner)
    assert pair["Input"] == NetEncoder(("Each", ABC, 2))
    assert pair(["a", "b"]) == pytest.approx(2**0.5)
    assert np.allclose(pair([["a", "b"], ["c", "c"]]), [2**0.5, 0])
    given = NetPairEmbeddingOperator(LinearLayer(2, Weights=W, Biases=None), Input=ABC)
    assert given(["a", "b"]) == pair(["a", "b"])
    assert repr(given).endswith('Input=NetEncoder(("Class", ("a", "b", "c"), "IndicatorVector")))')
    triplet = NetTripletEmbeddingOperator(inner)
    assert np.array_equal(triplet(["a", "b", "c"])["Negative"], [2, 2])
    named = NetTripletEmbeddingOperator(inner, NamedPorts=True)
    assert np.array_equal(named({"Anchor": "a", "Positive": "b", "Negative": "c"})["Positive"], [0, 1])
    mapped = NetMapOperator(classifier())
    assert mapped(["a", "b", "b"]) == ["x", "y", "y"]
    assert mapped([["a", "b"], ["b", "b"]]) == [["x", "y"], ["y", "y"]]


def test_sequences_of_different_lengths():
    net = net_initialize(NetChain([EmbeddingLayer(3), SequenceLastLayer()], Input=LETTERS))
    alone = [net(text) for text in (["a"], ["a", "b"], ["c", "b", "a"])]
    assert np.allclose(net([["a"], ["a", "b"], ["c", "b", "a"]]), alone)


def test_surgery_keeps_replaces_and_takes_off():
    net = classifier()
    assert net_extract(net, "Input") == ABC
    assert net_extract(net, "Output") == XY
    assert net_extract(ABC, "Form") == "IndicatorVector"
    assert net_replace_part(ABC, {"Form": "Index"}) == NetEncoder(("Class", ["a", "b", "c"]))
    assert net[:1]["Input"] == ABC
    assert net[1:]["Output"] == XY
    assert net_join(net[:1], [SoftmaxLayer()], Output=XY) == net
    other = NetEncoder(("Class", ["u", "v", "w"], "IndicatorVector"))
    assert net_replace_part(net, Input=other)("v") == "y"
    plain = net_replace_part(net, {"Input": None, "Output": None})
    assert plain["Input"] == (3,)
    assert not has_codecs(plain)
    assert np.array_equal(plain([0, 1, 0]), net("b", None))
    nested = net_replace_part(NetChain([net]), {"Output": None})
    assert nested["Input"] == ABC
    assert not port_codecs(nested).decoders
    assert net_flatten(NetChain([net]))("b") == "y"


def test_a_net_with_codecs_is_a_value():
    assert classifier() == classifier()
    assert hash(classifier()) == hash(classifier())
    assert classifier() != net_replace_part(classifier(), {"Input": None})
    shared = NetChain([LinearLayer(2, Weights=NetArray("w"))], Input=ABC)
    assert eval(repr(shared)) == shared.structure
    assert "Class encoder" in str(classifier())


def test_plot_with_an_example():
    assert "svg" in classifier().plot("a")._repr_svg_()


def test_properties_of_one_output_among_several():
    edges = [(NetPort("Input"), "a"), (NetPort("Input"), "b"), ("a", NetPort("kind")), ("b", NetPort("size"))]
    net = net_initialize(NetGraph({"a": [2, SoftmaxLayer()], "b": LinearLayer(())}, edges, Input=3, kind=NetDecoder(("Class", ["x", "y"]))))
    x = [1.0, 2.0, 3.0]
    assert net(x, ("kind", "Properties"))[0] == "Decision"
    for asked in ("Entropy", "Properties", ("TopDecisions", 2)):
        with pytest.raises(NetError, match="of which output") as told:
            net(x, asked)
        assert str(told.value).splitlines()[-1].startswith('  try: ("kind", ')
    with pytest.raises(NetError, match="size has no decoder that could give 'Entropy'"):
        net(x, ("size", "Entropy"))
    with pytest.raises(NetError, match="the decoder of kind has no property 'Entropi', did you mean \"Entropy\""):
        net(x, ("kind", "Entropi"))
    assert set(net(x, ("kind", "size"))) == {"kind", "size"}


def test_the_name_boolean_at_an_output_is_its_decoder():
    net = net_initialize(NetChain([LinearLayer(()), "LogisticSigmoid"], Input=2, Output="Boolean"))
    assert net["Output"] == NetDecoder("Boolean")
    assert net([1.0, 2.0]) is (net([1.0, 2.0], "Probability") >= 0.5)


def test_a_parameter_of_the_codec_of_a_port():
    net = classifier()
    assert net_extract(net, ("Input", "Classes")) == net["Input/Classes"] == ("a", "b", "c")
    assert net_extract(NetChain({"whole": net}), ("whole", "Output", "Classes")) == ("x", "y")
    with pytest.raises(NetError, match="has no parameter 'Classess'"):
        net_extract(net, ("Input", "Classess"))
