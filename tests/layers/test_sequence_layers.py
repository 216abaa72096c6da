"""Sequence layers in nets: classifying sequences of different lengths, positions, integers where reals are wanted, short sequences."""

import numpy as np
import pytest
import torch

from netgraph import (
    CrossEntropyLossLayer,
    EmbeddingLayer,
    Integer,
    LinearLayer,
    NetChain,
    NetGraph,
    NetMapOperator,
    NetPort,
    NetShapeError,
    SequenceIndicesLayer,
    SequenceLastLayer,
    SequenceMostLayer,
    SequenceRestLayer,
    SequenceReverseLayer,
    SoftmaxLayer,
    TotalLayer,
    UnitVectorLayer,
    net_initialize,
    net_load,
    net_save,
    net_train,
)
from tests.layers.harness import Run

SEQUENCES = [[0, 1, 2], [3], [4, 0], [1, 1, 1, 1, 2], [2, 3, 4, 0], [0]]


def classifier():
    return NetChain([EmbeddingLayer(8), SequenceLastLayer(), LinearLayer(2), SoftmaxLayer()], Input=("Varying", Integer(5)))


def test_a_classifier_of_sequences_alone_and_in_a_batch():
    net = net_initialize(classifier())
    assert net.arrays["0/Weights"].shape == (5, 8)
    together = net(SEQUENCES)
    assert together.shape == (6, 2)
    for sequence, result in zip(SEQUENCES, together, strict=True):
        alone = net(sequence)
        logits = net.arrays["2/Weights"] @ net.arrays["0/Weights"][sequence[-1]] + net.arrays["2/Biases"]
        assert np.allclose(alone, result, rtol=1e-6) and np.allclose(alone, np.exp(logits) / np.exp(logits).sum(), rtol=1e-5)


def test_a_classifier_of_sequences_is_saved(tmp_path):
    net = net_initialize(classifier())
    net_save(net, tmp_path / "net.safetensors")
    assert net_load(tmp_path / "net.safetensors") == net


def test_a_classifier_of_sequences_is_trained():
    classes = [sequence[-1] % 2 for sequence in SEQUENCES]
    options = {"MaxTrainingRounds": 20, "BatchSize": 4, "LearningRate": 0.05}
    net = net_train(classifier(), (SEQUENCES, classes), **options, TargetDevice="CPU", TrainingProgressReporting=None)
    assert net(SEQUENCES).argmax(1).tolist() == classes


def test_the_next_element_is_foretold_from_the_sequence_alone():
    """Most and Rest of one sequence have one length, and its integers tell the vocabulary on both ways."""
    guess = NetChain([EmbeddingLayer(6), NetMapOperator(LinearLayer()), SoftmaxLayer()])
    parts = {"most": SequenceMostLayer(), "rest": SequenceRestLayer(), "guess": guess, "loss": CrossEntropyLossLayer("Index")}
    edges = ["x -> most -> guess -> loss", (NetPort("rest"), NetPort("loss", "Target")), (NetPort("x"), NetPort("rest"))]
    net = NetGraph(parts, edges, x=("Varying", Integer(4)))
    data = {"x": [[0, 1, 2, 3, 0], [3, 0], [2, 3, 0, 1], [1, 2, 3]]}
    options = {"MaxTrainingRounds": 60, "LearningRate": 0.05, "TargetDevice": "CPU", "TrainingProgressReporting": None}
    trained = net_train(net, data, **options)
    assert trained.arrays["guess/0/Weights"].shape == (4, 6)
    assert max(trained(data)) < 0.1
    assert np.allclose(trained(data), [trained({"x": x}) for x in data["x"]], rtol=1e-5)


def test_each_example_is_trained_on_its_own_last_element():
    """The gradient of an embedding is that of the last elements alone, whatever the padding holds."""
    run = Run(NetChain([EmbeddingLayer(2, 5), SequenceLastLayer()], Input="Varying"))
    run.arrays["0/Weights"].requires_grad_()
    padded = torch.tensor([[0, 1, 2], [3, 4, 4], [4, 0, 4]])
    run(padded, lengths=(torch.tensor([3, 1, 2]),))[0].sum().backward()
    assert run.arrays["0/Weights"].grad[:, 0].tolist() == [1, 0, 1, 1, 0]


def test_derived_lengths_go_on():
    layers = [SequenceRestLayer(), SequenceReverseLayer(), SequenceMostLayer()]
    assert NetChain([*layers, SequenceLastLayer()], Input="Varying")([[1, 2, 3, 4], [5, 6, 7], [1, 2, 3, 4, 5]]).tolist() == [3, 7, 3]
    assert [row.tolist() for row in NetChain(layers, Input="Varying")([[1, 2, 3, 4], [5, 6, 7]])] == [[4, 3], [7]]


@pytest.mark.parametrize(
    "layer, expected", [(SequenceLastLayer(), [[2, 4], [9]]), (SequenceReverseLayer(), [[[2, 1], [4, 3]], [[9, 8, 7]]])]
)
def test_inside_a_map_the_lengths_are_those_of_the_inner_sequence(layer, expected):
    net = NetMapOperator(layer, Input=("Varying", "Varying"))
    assert [np.asarray(x).tolist() for x in net([[[1, 2], [3, 4]], [[7, 8, 9]]])] == expected


def test_nets_of_integers_compile_and_export():
    net = NetChain([SequenceReverseLayer(), SequenceIndicesLayer(), UnitVectorLayer(), LinearLayer(1)], Input=(3, Integer(4)))
    module = net_initialize(net).to_torch()
    x = torch.tensor([[1, 2, 3], [0, 1, 0]])
    torch._dynamo.reset()
    assert torch.equal(torch.compile(module, fullgraph=True, backend="eager", dynamic=False)(x), module(x))
    assert torch.equal(torch.export.export(module, (x,)).module()(x), module(x))


def test_a_unit_vector_and_a_linear_map_are_an_embedding():
    weights = np.arange(6.0).reshape(3, 2)
    pair = NetChain([UnitVectorLayer(), LinearLayer(2, Weights=weights.T, Biases=None)])
    embedding = EmbeddingLayer(2, 3, Weights=weights)
    assert all(np.array_equal(pair(i), embedding(i)) for i in range(3))
    assert pair(2, WorkingPrecision="Real64").tolist() == [4.0, 5.0]


def test_positions_are_embedded():
    tokens, places = EmbeddingLayer(2, 4), EmbeddingLayer(2, Weights=[[10, 10], [20, 20], [30, 30]])
    parts = {"tokens": tokens, "indices": SequenceIndicesLayer(), "places": places, "sum": TotalLayer()}
    net = net_initialize(NetGraph(parts, ["x -> tokens -> sum", "x -> indices -> places -> sum"], x="Varying"))
    table = net.arrays["tokens/Weights"]
    for sequence, result in zip([[0, 1], [3, 2, 1, 0]], net([[0, 1], [3, 2, 1, 0]]), strict=True):
        expected = [table[token] + 10 * min(place + 1, 3) for place, token in enumerate(sequence)]
        assert np.allclose(result, expected)


def test_integers_go_where_reals_are_wanted():
    net = NetChain([SequenceIndicesLayer(), LinearLayer(1, Weights=[[1, 2, 3]], Biases=[0.5])], Input=3)
    assert net([7, 7, 7]).tolist() == [8.5]
    assert net([7, 7, 7], WorkingPrecision="Real64").tolist() == [8.5]


@pytest.mark.parametrize("given", [(3, Integer(5)), (3,)])
def test_what_passes_on_any_kind_feeds_reals_and_integers(given):
    parts = {"linear": LinearLayer((), Weights=[[1, 10, 100]], Biases=[0]), "back": SequenceReverseLayer(), "unit": UnitVectorLayer(5)}
    net = NetGraph(parts, ["x -> back", "back -> linear -> a", "back -> unit -> b"], x=given)
    result = net([1, 2, 3])
    assert result["a"] == 123.0 and result["b"].argmax(1).tolist() == [3, 2, 1]


def test_positions_take_their_limit_from_a_fixed_length_or_from_what_consumes_them():
    assert net_initialize(NetChain([SequenceIndicesLayer(), EmbeddingLayer(2)], Input=4)).arrays["1/Weights"].shape == (4, 2)
    net = NetChain([SequenceIndicesLayer(), EmbeddingLayer(1, Weights=[[1], [2]])], Input="Varying")
    assert net([5, 5, 5, 5]).tolist() == [[1], [2], [2], [2]]


def test_training_on_sequences_that_are_too_short_is_refused():
    net = NetChain([SequenceRestLayer(), SequenceLastLayer(), LinearLayer(())], Input=("Varying", 1))
    with pytest.raises(NetShapeError) as caught:
        net_train(net, ([[[1], [2]], [[3]]], [1.0, 2.0]), TargetDevice="CPU", TrainingProgressReporting=None)
    assert str(caught.value) == "net_train: 0 wants at least 2 elements, of example 1 of Input it would get 1"
