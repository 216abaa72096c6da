"""net_unfold: one step at a time gives what the whole sequence gives."""

import numpy as np
import pytest
import torch

from netgraph import *
from netgraph.errors import NetError
from netgraph.types.port_type import parse_type

SUMS = NetFoldOperator(FunctionLayer(lambda Input, State: Input + State))
X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
CELL = NetGraph({"c": CatenateLayer(), "l": [4, Tanh]}, [((NetPort("Input"), NetPort("State")), "c"), "c -> l"])
TWO = FunctionLayer(lambda x, by, h, k: {"hs": h + x * by, "ks": k + h, "y": h - k})


def attention(mask="Causal", score="Dot", size=4, heads=2):
    project = NetMapOperator(LinearLayer((heads, size // heads)))
    attend = AttentionLayer(score, MultiHead=True, Mask=mask, ScoreRescaling="DimensionSqrt")
    parts = {"key": project, "value": project, "query": project, "attend": attend, "merge": NetMapOperator(size)}
    ports = [(name.lower(), NetPort("attend", name)) for name in ("Key", "Value", "Query")]
    return NetGraph(parts, [(NetPort("Input"), ("key", "value", "query")), *ports, ("attend", "merge")])


def residual(layer):
    parts = {"norm": NormalizationLayer(1, "Same"), "layer": layer, "add": Plus}
    return NetGraph(parts, ["Input -> norm -> layer", (("layer", NetPort("Input")), "add")])


def small_gpt(blocks=2):
    embed = {"character": EmbeddingLayer(4, 7), "index": SequenceIndicesLayer(Maximum=9), "position": EmbeddingLayer(4)}
    edges = ["Input -> character", "Input -> index -> position", (("character", "position"), "add")]
    block = NetChain({"attention": residual(attention()), "think": residual(NetMapOperator([8, "GELU", 4]))})
    layers = {"embedding": NetGraph({**embed, "add": Plus}, edges), **{f"block{n}": block for n in range(blocks)}}
    return NetChain({**layers, "scores": NetMapOperator(7), "probabilities": SoftmaxLayer()}, Input=("Varying", Integer(7)))


def one_by_one(step, data, count=None):
    """The outputs of all steps, and the last states."""
    states, outputs = unfold_states(step, count), []
    for element in zip(*data.values(), strict=True):
        found = step({**{name: x for name, x in zip(data, element, strict=True) if name in step.input_ports()}, **states})
        states = {name: found.pop(name) for name in states}
        outputs.append(found)
    return {name: np.array([found[name] for found in outputs]) for name in outputs[0]}, states


NETS = [
    (BasicRecurrentLayer(4, Input=("Varying", 3)), ["State"]),
    (GatedRecurrentLayer(4, Input=("Varying", 3)), ["State"]),
    (LongShortTermMemoryLayer(4, Input=("Varying", 3)), ["State", "CellState"]),
    (NetFoldOperator(CELL, Input=("Varying", 3)), ["State"]),
    (
        NetChain([LongShortTermMemoryLayer(4), GatedRecurrentLayer(2), NetMapOperator([5, SoftmaxLayer()])], Input=(5, 3)),
        ["State1", "CellState", "State2"],
    ),
    (NetChain({"State": NetFoldOperator(CELL), "b": SUMS, "t": Tanh}, Input=("Varying", 3)), ["State1", "State2"]),
    (NetGraph(attention()).replaced(given={"Input": parse_type(("Varying", 3), "")}), ["Keys", "Values"]),
    (NetChain([residual(attention(("Causal", 2), "Bilinear", 3, 1)), SUMS], Input=("Varying", 3)), ["Keys", "Values", "State"]),
    (
        NetChain(
            [NetMapOperator([2, Ramp]), DropoutLayer(), BatchNormalizationLayer(Interleaving=True), SoftmaxLayer(1), SUMS], Input=(5, 3)
        ),
        ["State"],
    ),
    (
        NetGraph({"s": SUMS, "m": SUMS, "c": CatenateLayer(1)}, ["Input -> s", "Input -> m", (("s", "m"), "c")], Input=(5, 3)),
        ["State1", "State2"],
    ),
    (NetChain([SequenceIndicesLayer(Maximum=3), EmbeddingLayer(2), SUMS], Input=("Varying", 3)), ["Index", "State"]),
    (NetChain([[SUMS, []], [[]], [PartLayer((All, slice(0, 2)))]], Input=("Varying", 3)), ["State"]),
]


@pytest.mark.parametrize("net, states", NETS, ids=[str(i) for i in range(len(NETS))])
def test_one_by_one_is_the_whole(net, states):
    net = net_initialize(net)
    step = net_unfold(net)
    assert list(unfold_states(step)) == states
    assert sum(array.size for array in step.arrays.values()) == sum(array.size for array in net.arrays.values())
    assert net_from_json(net_to_json(step.structure)) == step.structure
    found, _ = one_by_one(step, {"Input": X})
    assert np.allclose(found["Output"], net(X), atol=1e-5)
    batch = np.stack((X, X[::-1]))
    both, _ = one_by_one(step, {"Input": batch.swapaxes(0, 1)}, 2)
    assert np.allclose(both["Output"].swapaxes(0, 1), net(batch), atol=1e-5)


def test_a_whole_model():
    net = net_initialize(small_gpt())
    step = net_unfold(net)
    assert step.input_ports() == ("Input", "Index", "Keys1", "Values1", "Keys2", "Values2")
    assert step.inputs["Input"].written() == Integer(7) and step.inputs["Keys2"].written() == ("Varying", 2, 2)
    text = np.random.default_rng(1).integers(0, 7, 12)
    found, states = one_by_one(step, {"Input": text})
    whole = net(text)
    assert np.allclose(found["Output"], whole, atol=1e-5) and states["Index"] == 12 and states["Keys1"].shape == (12, 2, 2)
    started = unfold_states(step)
    assert started["Index"] == 0 and started["Values2"].shape == (0, 2, 2)
    assert np.allclose(step({"Input": int(text[0]), **{name: [] for name in started}, "Index": 0})["Output"], whole[0], atol=1e-5)
    assert net_from_json(net_to_json(step.structure)) == step.structure and eval(repr(step.structure)) == step.structure
    module = step.to_torch("Test")
    inputs = (torch.tensor([3]), torch.tensor([0]), *(torch.zeros(1, 0, 2, 2) for _ in range(4)))
    lengths = tuple(torch.tensor([0]) for _ in range(2))
    assert np.allclose(module(*inputs, lengths=lengths)["Output"].detach()[0], net([3])[0], atol=1e-5)


def test_what_is_read_of_the_sequence_in_the_end():
    """A SequenceLastLayer goes, what follows it stays."""
    net = net_initialize(NetChain([GatedRecurrentLayer(4), SequenceLastLayer(), 2, SoftmaxLayer()], Input=("Varying", 3)))
    step = net_unfold(net)
    assert [type(layer).__name__ for layer in step] == ["NetGraph", "LinearLayer", "SoftmaxLayer"]
    found, _ = one_by_one(step, {"Input": X})
    assert all(np.allclose(found["Output"][n], net(X[: n + 1]), atol=1e-6) for n in range(5))
    parts = {"s": SUMS, "l": SequenceLastLayer(), "p": PartLayer((-1, 0))}
    graph = NetGraph(parts, ["Input -> s -> l -> last", "s -> p -> first"], Input=("Varying", 3))
    found, _ = one_by_one(net_unfold(graph), {"Input": X})
    assert np.allclose(found["last"][-1], X.sum(0), atol=1e-5) and np.allclose(found["first"][-1], X.sum(0)[0], atol=1e-5)


def test_several_inputs_constants_and_muted_outputs():
    fold = NetFoldOperator(TWO, [("hs", "h"), ("ks", "k")], ["by"], ["y"])
    net = NetGraph({"f": fold}, [(NetPort("a"), NetPort("f", "x")), (NetPort("b"), NetPort("f", "by"))], a=("Varying", 3), b=3)
    step = net_unfold(net)
    by = np.array([1, 2, 3], np.float32)
    found, states = one_by_one(step, {"a": X, "b": [by] * 5})
    assert step.input_ports() == ("a", "b", "h", "k") and step.output_ports() == ("y", "h", "k")
    assert np.allclose(found["y"], net({"a": X, "b": by}), atol=1e-5) and np.allclose(states["h"], (X * by).sum(0), atol=1e-5)
    crossed = NetGraph({"a": AttentionLayer("Dot")}, [(NetPort("x"), NetPort("a", "Query"))], x=("Varying", 3), Key=(4, 3), Value=(4, 2))
    step, data = net_unfold(crossed), {"Key": np.ones((4, 3)) * np.arange(4)[:, None], "Value": np.arange(8).reshape(4, 2)}
    assert step.inputs["x"].shape == (3,) and step.output_ports() == ("Output",)
    assert np.allclose(step({"x": X[2], **data}), crossed({"x": X, **data})[2], atol=1e-5)


def test_mapped_threads():
    net = NetMapThreadOperator(FunctionLayer(lambda a, b: a * b), {"a": 1, "b": 0}, a=("Varying", 3), b=3)
    step = net_unfold(net)
    assert step({"a": X[0], "b": X[1]}).tolist() == (X[0] * X[1]).tolist()
    deeper = net_unfold(NetMapThreadOperator(FunctionLayer(lambda a, b: a * b), {"a": 2, "b": 1}, a=(2, 3), b=2))
    assert deeper({"a": [1, 2, 3], "b": 10}).tolist() == [10, 20, 30]


def test_folding_a_step_gives_the_net_back():
    net = net_initialize(NetChain([LongShortTermMemoryLayer(4), GatedRecurrentLayer(2)], Input=("Varying", 3)))
    states = ["State1", "CellState", "State2"]
    folded = NetFoldOperator(net_unfold(net), [(name, name) for name in states], [], ["Output"], Input=("Varying", 3))
    for found, expected in zip(folded([X, X[:2]]), net([X, X[:2]]), strict=True):
        assert np.allclose(found, expected, atol=1e-6)


def test_functions():
    net = NetGraph({"f": FunctionLayer(lambda x, y: x * torch.tanh(y) + 1), "s": SUMS}, ["x -> f", "x -> s -> f"], x=("Varying", 3))
    found, _ = one_by_one(net_unfold(net), {"x": X})
    assert np.allclose(found["Output"], X * np.tanh(np.cumsum(X, 0)) + 1, atol=1e-5)


def test_training_goes_through_a_step():
    net = net_initialize(NetChain([GatedRecurrentLayer(4), SequenceLastLayer()], Input=("Varying", 3)))
    step = net_unfold(net)
    gradient = step({"Input": X[0], **unfold_states(step), NetPortGradient("Output"): np.ones(4)}, NetPortGradient("Input"))
    assert np.allclose(gradient, net(X[:1], NetPortGradient("Input"))[0], atol=1e-6)


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: net_unfold(3), "net_unfold wants a net, got 3"),
        (
            lambda: net_unfold(NetChain([3])),
            'net_unfold: no input of NetChain([LinearLayer(3)]) is known to be a sequence\n  try: Input=("Varying", ...)',
        ),
        (
            lambda: net_unfold(NetChain([SUMS, SequenceReverseLayer()], Input=("Varying", 3))),
            "net_unfold: 1, SequenceReverseLayer(), sees all steps at once, it has no step",
        ),
        (
            lambda: net_unfold(NetChain([attention(None)], Input=("Varying", 3))),
            'net_unfold: 0/attend, AttentionLayer("Dot", MultiHead=True, ScoreRescaling="Dim..., sees all steps at once: it has no mask, '
            "it has no step",
        ),
        (
            lambda: net_unfold(NetChain([SoftmaxLayer(0)], Input=("Varying", 3))),
            "net_unfold: 0, SoftmaxLayer(0), is along the steps, it has no step",
        ),
        (
            lambda: net_unfold(NetChain([NormalizationLayer(0, 1)], Input=("Varying", 3))),
            "net_unfold: 0, NormalizationLayer(0, 1), takes its mean over the steps, it has no step",
        ),
        (
            lambda: net_unfold(FunctionLayer(lambda x: x.flip(0), Input=("Varying", 3))),
            'net_unfold: FunctionLayer(flip(x, (0,)), Input=("Varying", 3)) is no function of single elements, it has no step',
        ),
        (
            lambda: net_unfold(NetChain([PartLayer(0)], Input=("Varying", 3))),
            "net_unfold: 0, PartLayer(0), takes other steps than the last, it has no step",
        ),
        (
            lambda: net_unfold(NetBidirectionalOperator(SUMS, Input=("Varying", 3))),
            "net_unfold: NetBidirectionalOperator([NetFoldOperator[1], NetFoldOper... sees all steps at once, it has no step",
        ),
        (
            lambda: net_unfold(NetNestOperator(GatedRecurrentLayer(3), 2, Input=("Varying", 3))),
            "net_unfold: Net, GatedRecurrentLayer(3), keeps states, which each of its 2 applications would have of its own",
        ),
        (
            lambda: net_unfold(NetChain([NetNestOperator(SequenceReverseLayer(), 2)], Input=("Varying", 3))),
            "net_unfold: 0/Net, SequenceReverseLayer(), sees all steps at once, it has no step",
        ),
        (
            lambda: net_unfold(
                NetGraph({"f": SUMS}, [(NetPort("s"), NetPort("f", "State")), (NetPort("x"), NetPort("f", "Input"))], x=("Varying", 3))
            ),
            "net_unfold: f/State is fed inside the net, it cannot be a port of a step",
        ),
        (
            lambda: unfold_states(NetChain([3])),
            "unfold_states: NetChain([LinearLayer(3)]) has no port that is input and output, so it has no states\n  try: net_unfold(net)",
        ),
    ],
)
def test_refused(build, text):
    with pytest.raises(NetError) as caught:
        build()
    assert str(caught.value) == text


def test_what_is_nested_is_nested_in_each_step():
    nest = NetNestOperator(NetMapOperator(NetChain([3, Tanh])), 3)
    net = net_initialize(NetChain([nest, GatedRecurrentLayer(2), NetNestOperator(NetMapOperator(Tanh), 2)], Input=("Varying", 3)))
    step = net_unfold(net)
    outputs, _ = one_by_one(step, {"Input": X})
    assert np.allclose(outputs["Output"], net(X), atol=1e-6)
    assert sum(array.size for array in step.arrays.values()) == sum(array.size for array in net.arrays.values())
    assert net_unfold(NetNestOperator(NetMapOperator(NetChain([])), 2, Input=("Varying", 3)))([1, 2, 3]).tolist() == [1, 2, 3]
