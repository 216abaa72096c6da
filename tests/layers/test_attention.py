"""AttentionLayer beyond its rows: its weights as a port, nets as scores, what fused attention it runs as, lengths, its place in nets."""

import numpy as np
import pytest
import torch

from netgraph import (
    AppendLayer,
    AttentionLayer,
    DotLayer,
    Jacobian,
    LinearLayer,
    NetChain,
    NetGraph,
    NetMapOperator,
    NetNameError,
    NetPort,
    NetPortGradient,
    NetShapeError,
    SequenceAttentionLayer,
    TotalLayer,
    net_extract,
    net_from_json,
    net_initialize,
    net_load,
    net_save,
    net_to_json,
    net_train,
)
from netgraph.lower.forward import lower

KEYS, VALUES = [[1, 0], [0, 1], [1, 1]], [[1, 2], [3, 4], [5, 6]]
FEW = {"Key": KEYS, "Value": VALUES, "Query": [1, 2]}
QUERIES = [[1, 0], [0, 1], [0, 0], [1, 1]]


def dot_net():
    return NetGraph({"dot": DotLayer()}, [((NetPort("Input"), NetPort("Query")), "dot")])


# -- the weights ---------------------------------------------------------------------------------------------------------------------


def test_the_weights_are_read_where_they_are_asked_for():
    layer = AttentionLayer("Dot")
    assert layer.output_ports() == ("Output",) and list(layer.outputs) == ["Output"]
    assert np.allclose(layer(FEW, NetPort("AttentionWeights")), [0.0900306, 0.2447285, 0.6652410], atol=1e-7)
    rescaled = AttentionLayer("Dot", ScoreRescaling="DimensionSqrt")
    both = rescaled(FEW, ["AttentionWeights", "Output"])
    assert np.allclose(both["AttentionWeights"], [0.1400292, 0.2839954, 0.5759753], atol=1e-7)
    assert np.allclose(both["Output"], [3.8718922, 4.8718922], atol=1e-6)
    bilinear = AttentionLayer(Weights=[[0.58468869, -0.51434041], [0, 0]])
    weights = bilinear({"Key": VALUES, "Value": VALUES, "Query": QUERIES}, "AttentionWeights")
    assert np.allclose(weights[0], [0.0685481, 0.220724, 0.710728], atol=5e-7) and weights.shape == (4, 3)


def test_the_weights_have_the_levels_of_queries_and_positions():
    source = np.random.default_rng(0)
    data = {"Key": source.normal(size=(2, 3, 4, 5)), "Value": source.normal(size=(2, 3, 4, 6)), "Query": source.normal(size=(7, 8, 4, 5))}
    layer = AttentionLayer("Dot", MultiHead=True)
    weights = layer(data, "AttentionWeights")
    assert weights.shape == (7, 8, 4, 2, 3) and np.allclose(weights.sum((-1, -2)), 1, atol=1e-6)
    assert np.allclose(np.einsum("abhst,sthv->abhv", weights, data["Value"]), layer(data), atol=1e-5)


def test_the_weights_feed_what_an_edge_joins_them_to():
    layers = {"attend": AttentionLayer("Dot"), "sum": LinearLayer((), Weights=[[1, 10, 100]], Biases=None)}
    net = NetGraph(layers, [(NetPort("attend", "AttentionWeights"), "sum")])
    assert list(net.outputs) == ["Output1", "Output2"] and net_extract(net, "attend/AttentionWeights") == (3,)
    found = net(FEW)
    assert np.allclose(found["Output2"], np.dot([0.0900306, 0.2447285, 0.6652410], [1, 10, 100]))
    assert eval(repr(net.structure)) == net.structure and net_from_json(net_to_json(net)) == net.structure
    assert net.why("attend/AttentionWeights").startswith("attend/AttentionWeights is (3,)")
    own = NetGraph(
        {"attend": AttentionLayer(dot_net()), "total": TotalLayer()}, [((NetPort("attend", "AttentionWeights"), "attend"), "total")]
    )
    square = {"Key": KEYS, "Value": np.eye(3), "Query": [1, 2]}
    assert np.allclose(own(square), 2 * np.array([0.0900306, 0.2447285, 0.6652410]))


def test_an_inner_layer_tells_its_weights():
    net = NetChain({"a": NetGraph({"attend": AttentionLayer("Dot")}, []), "b": LinearLayer(1, Weights=[[1, 1]], Biases=None)})
    assert np.allclose(net(FEW, NetPort("a", "attend", "AttentionWeights")), [0.0900306, 0.2447285, 0.6652410])
    with pytest.raises(NetNameError) as caught:
        net(FEW, NetPort("a", "attend", "Weight"))
    assert str(caught.value) == 'AttentionLayer("Dot") has no output port or part \'Weight\', did you mean "AttentionWeights"?'


def test_weights_that_nobody_reads_are_not_computed():
    layer = AttentionLayer("Dot", **FEW_TYPES)
    assert "softmax" not in lower(layer).source and "scaled_dot_product_attention" in lower(layer).source
    read = lower(layer, wanted=[((), "AttentionWeights")])
    assert "softmax" in read.source and "scaled_dot_product_attention" not in read.source


# -- scores --------------------------------------------------------------------------------------------------------------------------

FEW_TYPES = {"Key": (3, 2), "Value": (3, 2), "Query": (3, 2)}


@pytest.mark.parametrize(
    "options", [{}, {"Mask": "Causal"}, {"Mask": ("Causal", 2)}, {"ScoreRescaling": "DimensionSqrt"}, {"MultiHead": True}]
)
def test_a_net_that_takes_the_dot_product_scores_as_dot(options):
    source = np.random.default_rng(1)
    data = {name: source.normal(size=(4, 2, 3)) for name in ("Key", "Value", "Query")}
    data = data if "MultiHead" in options else {name: x[:, 0] for name, x in data.items()}
    own, fused = AttentionLayer(dot_net(), **options), AttentionLayer("Dot", **options)
    for port in ("Output", "AttentionWeights"):
        assert np.allclose(own(data, port), fused(data, port), atol=1e-6)


def test_the_scoring_net_is_a_part():
    net = NetGraph({"key": LinearLayer(3, Biases=None), "dot": DotLayer()}, ["Input -> key", (("key", NetPort("Query")), "dot")])
    layer = net_initialize(AttentionLayer(net, Key=(4, 2), Query=(3,), Value=(4, 5)))
    assert list(layer.arrays) == ["ScoringNet/key/Weights"] and layer.arrays["ScoringNet/key/Weights"].shape == (3, 2)
    part = net_extract(layer, "ScoringNet")
    assert np.array_equal(part.arrays["key/Weights"], layer.arrays["ScoringNet/key/Weights"])
    assert net_extract(AttentionLayer("Dot"), "ScoringNet") == "Dot" and net_extract(AttentionLayer("Dot"), "Weights") is None
    score = part({"Input": [1, 2], "Query": [3, 4, 5]})
    assert score == pytest.approx(float(part.arrays["key/Weights"] @ [1, 2] @ [3, 4, 5]), rel=1e-5)


def test_a_trained_scoring_net_is_saved(tmp_path):
    net = NetGraph({"key": LinearLayer(3, Biases=None), "dot": DotLayer()}, ["Input -> key", (("key", NetPort("Query")), "dot")])
    layer = net_initialize(AttentionLayer(net, Key=("Varying", 2), Query=(3,), Value=("Varying", 5), Mask=None, Dropout=0.1))
    net_save(layer, tmp_path / "net.safetensors")
    assert net_load(tmp_path / "net.safetensors") == layer


@pytest.mark.parametrize("multipliers, frozen", [({}, False), (0, True), ({"ScoringNet": 0}, True), ({"ScoringNet/key": 0}, True)])
def test_the_scoring_net_is_trained_with_the_layer(multipliers, frozen):
    net = NetGraph({"key": LinearLayer(3, Biases=None), "dot": DotLayer()}, ["Input -> key", (("key", NetPort("Query")), "dot")])
    layer = net_initialize(AttentionLayer(net, Key=(4, 2), Query=(3,), Value=(4, 5), LearningRateMultipliers=multipliers))
    source = np.random.default_rng(5)
    shapes = {"Key": (4, 2), "Value": (4, 5), "Query": (3,), "Output": (5,)}
    data = {name: source.normal(size=(8, *shape)) for name, shape in shapes.items()}
    trained = net_train(layer, data, MaxTrainingRounds=2, TrainingProgressReporting=None, Plan="Reference")
    name = "ScoringNet/key/Weights"
    assert np.array_equal(trained.arrays[name], layer.arrays[name]) == frozen


# -- torch's fused attention -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [5, "Varying"])
@pytest.mark.parametrize("scoring", ["Dot", "Bilinear"])
@pytest.mark.parametrize("mask", [None, "Causal", ("Causal", 2)])
@pytest.mark.parametrize("mode", ["Test", "Train"])
def test_it_runs_as_fused_attention(length, scoring, mask, mode):
    ports = dict.fromkeys(("Key", "Value", "Query"), (length, 2, 4))
    source = lower(AttentionLayer(scoring, Mask=mask, MultiHead=True, **ports), mode).source
    assert source.count("scaled_dot_product_attention(") == 1 and "softmax" not in source
    assert ("is_causal = True" in source) == (mask == "Causal")


# -- lengths ---------------------------------------------------------------------------------------------------------------------------


def test_batches_of_memories_of_different_lengths():
    layer = AttentionLayer("Dot", Key=("Varying", 2), Value=("Varying", 2))
    found = layer({"Key": [KEYS, KEYS[:1], KEYS[:2]], "Value": [VALUES, VALUES[:1], VALUES[:2]], "Query": [[1, 2]] * 3})
    assert np.allclose(found[0], [4.1504208, 5.1504208]) and np.allclose(found[1], VALUES[0])
    weights = layer({"Key": [KEYS, KEYS[:1]], "Value": [VALUES, VALUES[:1]], "Query": [[1, 2]] * 2}, "AttentionWeights")
    assert [len(w) for w in weights] == [3, 1] and np.allclose(weights[1], [1])


def test_nothing_to_look_at_gives_zero():
    layer = AttentionLayer("Dot", Key=("Varying", 2), Value=("Varying", 2))
    found = layer({"Key": [KEYS, []], "Value": [VALUES, []], "Query": [[1, 2]] * 2})
    assert np.allclose(found, [[4.1504208, 5.1504208], [0, 0]])


@pytest.mark.parametrize("mask", [None, "Causal", ("Causal", 2)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_padding_that_is_no_number_is_not_seen(mask, bad):
    run = lower(AttentionLayer("Dot", Mask=mask, **dict.fromkeys(("Key", "Value", "Query"), ("Varying", 2))))
    x = torch.randn(2, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lengths = (torch.tensor([4, 2]),)
    clean = x.clone().requires_grad_()
    (expected,), _ = run.forward((clean, clean, x), (), (), (), lengths, None)
    (wanted,) = torch.autograd.grad(expected[0].sum() + expected[1, :2].sin().sum(), clean)
    x[1, 2:] = bad
    x.requires_grad_()
    (found,), _ = run.forward((x, x, clean.detach()), (), (), (), lengths, None)
    (gradient,) = torch.autograd.grad(found[0].sum() + found[1, :2].sin().sum(), x)
    assert torch.equal(found[0], expected[0]) and torch.equal(found[1, :2], expected[1, :2]) and torch.equal(gradient, wanted)


@pytest.mark.parametrize("mask", ["Causal", ("Causal", 2)])
def test_step_by_step_it_gives_what_it_gives_at_once(mask):
    """The net of one step: what came is appended to what is kept, and one query stands at the last step."""
    layer = AttentionLayer("Dot", Mask=mask, MultiHead=True)
    edges = [(NetPort("keys so far"), NetPort("keys", "Input")), (NetPort("key"), NetPort("keys", "Element"))]
    edges += [(NetPort("values so far"), NetPort("values", "Input")), (NetPort("value"), NetPort("values", "Element"))]
    edges += [("keys", NetPort("attend", "Key")), ("values", NetPort("attend", "Value")), (NetPort("query"), NetPort("attend", "Query"))]
    edges += [("keys", NetPort("Keys")), ("values", NetPort("Values"))]
    parts = {"keys": AppendLayer(), "values": AppendLayer(), "attend": layer}
    step = NetGraph(parts, edges, **{"keys so far": ("Varying", 2, 3), "values so far": ("Varying", 2, 4), "query": (2, 3)})
    source = np.random.default_rng(2)
    data = {name: source.normal(size=(6, 2, size)).astype(np.float32) for name, size in (("Key", 3), ("Value", 4), ("Query", 3))}
    whole, keys, values = layer(data), data["Key"][:1], data["Value"][:1]
    for i in range(1, 6):
        found = step({"keys so far": keys, "values so far": values, **{name.lower(): x[i] for name, x in data.items()}})
        keys, values = found["Keys"], found["Values"]
        assert np.allclose(found["Output"], whole[i], atol=1e-6)
    assert np.array_equal(keys, data["Key"]) and np.array_equal(values, data["Value"])


def test_keys_and_values_of_one_example_have_one_length():
    layer = AttentionLayer("Dot", Key=("Varying", 2), Value=("Varying", 2))
    with pytest.raises(NetShapeError) as caught:
        layer({"Key": [KEYS, KEYS[:1]], "Value": [VALUES, VALUES[:2]], "Query": [[1, 2]] * 2})
    assert str(caught.value) == "Key and Value share a length; in example 1 they are 1 and 2 long"


# -- in nets ---------------------------------------------------------------------------------------------------------------------------


def test_mapped_over_sentences_it_looks_at_each_alone():
    attend = NetGraph(
        {"attend": AttentionLayer("Dot", Mask="Causal")}, [(NetPort("Input"), NetPort("attend", n)) for n in ("Key", "Value", "Query")]
    )
    net = NetMapOperator(attend)
    assert np.allclose(net([KEYS, VALUES]), [attend(KEYS), attend(VALUES)])


def test_the_retired_layer_looks_at_its_input():
    layer = SequenceAttentionLayer(Weights=[[0.58468869, -0.51434041], [0, 0]])
    found = layer({"Input": VALUES, "Query": QUERIES})
    assert np.allclose(found, [[4.28436, 5.28436], [1.82552, 2.82552], [3.0, 4.0], [3.18698, 4.18698]], atol=2e-5)
    typed = SequenceAttentionLayer("Dot", Input=("Varying", 2), Query=2)
    assert typed.inputs["Input"].written() == ("Varying", 2) and typed.inputs["Query"].written() == (2,)
    assert np.allclose(typed({"Input": [VALUES[:1], VALUES], "Query": [[0, 0]] * 2}), [[1, 2], [3, 4]])


@pytest.mark.parametrize("options", [{}, {"Mask": "Causal"}, {"Mask": ("Causal", 2)}, {"MultiHead": True}])
def test_derivatives_of_each_example(options):
    shape = (4, 2, 3) if "MultiHead" in options else (4, 3)
    layer = net_initialize(AttentionLayer(Key=shape, Value=shape, Query=shape, **options))
    source = np.random.default_rng(4)
    data = {name: source.normal(size=(2, *shape)) for name in ("Key", "Value", "Query")}
    apart = layer(data, NetPortGradient("Weights", PerExample=True))
    assert np.allclose(apart.sum(0), layer(data, NetPortGradient("Weights")), atol=1e-5)
    jacobian = layer(data, Jacobian("Query"))
    assert np.allclose(jacobian.sum(tuple(range(1, len(shape) + 1))), layer(data, NetPortGradient("Query")), atol=1e-5)
