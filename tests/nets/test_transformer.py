"""Transformers as users write them: blocks of attention and mapped nets with residuals, over fixed and varying sequences."""

import numpy as np
import pytest
import torch

from netgraph import (
    All,
    AttentionLayer,
    EmbeddingLayer,
    Integer,
    LinearLayer,
    NetArray,
    NetChain,
    NetGraph,
    NetMapOperator,
    NetPort,
    NormalizationLayer,
    Plus,
    SequenceIndicesLayer,
    SequenceLastLayer,
    SoftmaxLayer,
    net_initialize,
    net_load,
    net_save,
    net_train,
    net_unfold,
    unfold_states,
)
from netgraph.lower.forward import lower
from tests.layers.harness import Forward, Run

WORDS, SIZE, HEADS = 5, 8, 2
QUIET = {"TrainingProgressReporting": None, "Plan": "Reference"}


def residual(layer):
    parts = {"norm": NormalizationLayer(1, "Same"), "layer": layer, "add": Plus}
    return NetGraph(parts, ["Input -> norm -> layer", (("layer", NetPort("Input")), "add")])


def self_attention(**options):
    project = NetMapOperator(LinearLayer((HEADS, SIZE // HEADS)))
    attend = AttentionLayer("Dot", MultiHead=True, ScoreRescaling="DimensionSqrt", **{"Mask": "Causal", **options})
    parts = {"key": project, "value": project, "query": project, "attend": attend, "merge": NetMapOperator(SIZE)}
    ports = [("key", NetPort("attend", "Key")), ("value", NetPort("attend", "Value")), ("query", NetPort("attend", "Query"))]
    return NetGraph(parts, [(NetPort("Input"), ("key", "value", "query")), *ports, ("attend", "merge")])


def block(**options):
    parts = {"attention": residual(self_attention(**options)), "mlp": residual(NetMapOperator(NetChain([2 * SIZE, "GELU", SIZE])))}
    return NetChain(parts)


def transformer(length, *, tied=False, **options):
    word = EmbeddingLayer(SIZE, WORDS, **({"Weights": NetArray("words")} if tied else {}))
    embed = {"word": word, "index": SequenceIndicesLayer(Maximum=12), "position": EmbeddingLayer(SIZE), "add": Plus}
    scores = LinearLayer(WORDS, **({"Weights": NetArray("words"), "Biases": None} if tied else {}))
    return NetChain(
        {
            "embed": NetGraph(embed, ["Input -> word", "Input -> index -> position", (("word", "position"), "add")]),
            "block0": block(**options),
            "block1": block(**options),
            "norm": NormalizationLayer(1, "Same"),
            "scores": NetMapOperator(scores),
            "next": SoftmaxLayer(),
        },
        Input=(length, Integer(WORDS)),
    )


SENTENCES = [[1, 2, 3], [4, 3, 2, 1, 0, 1], [0]]


@pytest.mark.parametrize("tied", [False, True])
def test_what_comes_later_is_not_seen(tied):
    net = net_initialize(transformer("Varying", tied=tied))
    whole = net(SENTENCES[1])
    assert whole.shape == (6, WORDS) and np.allclose(whole.sum(1), 1, atol=1e-6)
    for end in range(1, 7):
        assert np.allclose(net(SENTENCES[1][:end]), whole[:end], atol=1e-6)


def test_a_sentence_alone_is_the_sentence_in_a_batch():
    net = net_initialize(transformer("Varying"))
    for alone, together in zip(map(net, SENTENCES), net(SENTENCES), strict=True):
        assert alone.shape == together.shape and np.allclose(alone, together, atol=1e-6)


@pytest.mark.parametrize("length", [6, "Varying"])
def test_it_is_one_straight_function_that_compiles_and_exports(length):
    run = Run(transformer(length), "Train")
    assert run.lowered.source.count("scaled_dot_product_attention(") == 2
    words = torch.tensor([SENTENCES[1]] * 2)
    lengths = () if length == 6 else (torch.tensor([6, 4]),)
    arguments = ((words,), run.own_arrays, run.states, run.noise, lengths)
    expected = run.lowered.forward(*arguments, None)[0][0]
    torch._dynamo.reset()
    compiled = torch.compile(run.lowered.forward, fullgraph=True, backend="eager", dynamic=False)
    assert torch.allclose(compiled(*arguments, None)[0][0], expected)
    exported = torch.export.export(Forward(run.lowered.forward), arguments).module()
    assert torch.allclose(exported(*arguments)[0][0], expected)


def test_the_gradients_of_padded_sentences_are_those_of_each_alone():
    run = Run(transformer("Varying"), "Train")
    arrays = tuple(array.requires_grad_() for array in run.own_arrays)

    def total(words, lengths):
        (found,), _ = run.lowered.forward((torch.tensor(words),), arrays, (), (), (torch.tensor(lengths),), None)
        return sum(found[i, :length].square().sum() for i, length in enumerate(lengths))

    together = torch.autograd.grad(total([[1, 2, 3, 0], [4, 3, 2, 1]], [3, 4]), arrays)
    alone = torch.autograd.grad(total([[1, 2, 3]], [3]) + total([[4, 3, 2, 1]], [4]), arrays)
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(together, alone, strict=True))


def sentence(rng, length):
    """A sentence that says three words over and over, and what follows each of its words."""
    words = (rng.integers(WORDS, size=3).tolist() * length)[: length + 1]
    return words[:-1], words[1:]


@pytest.mark.parametrize("kind", ["fixed", "varying", "varying, of one length", "generator"])
def test_it_learns_to_look_back(kind):
    rng = np.random.default_rng(3)
    pairs = [sentence(rng, 8 if kind != "varying" else int(rng.integers(5, 9))) for _ in range(160)]
    columns = {"Input": [pair[0] for pair in pairs], "Output": [pair[1] for pair in pairs]}
    data = columns
    if kind == "generator":

        def data(info):
            rows = info.numpy_generator.integers(160, size=info.batch_size)
            return {name: np.array(column)[rows] for name, column in columns.items()}

    net = transformer(8 if kind == "fixed" else "Varying")
    options = {"MaxTrainingRounds": 15} if kind != "generator" else {"MaxTrainingRounds": 150}
    result = net_train(net, data, All, BatchSize=16, LearningRate=0.01, **options, **QUIET)
    words, following = zip(*(sentence(rng, 8) for _ in range(50)), strict=True)
    found = np.array(result.trained_net(np.array(words)).argmax(2))
    assert np.mean(found[:, 2:] == np.array(following)[:, 2:]) > 0.8


def test_dropout_of_weights_is_drawn_for_each_head_and_position():
    net = net_initialize(transformer("Varying", Dropout=0.5))
    (need, _) = lower(net, "Train").noise
    assert need.path.endswith("attend/Draws") and len(need.shape) == 3
    sure = net(SENTENCES)
    drawn = net(SENTENCES, NetEvaluationMode="Train", RandomSeeding=1)
    again = net(SENTENCES, NetEvaluationMode="Train", RandomSeeding=1)
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True)) and not np.allclose(drawn[1], sure[1])
    net_train(net, {"Input": SENTENCES, "Output": SENTENCES}, MaxTrainingRounds=1, **QUIET)


def test_the_weights_of_a_block_are_read_from_outside():
    net = net_initialize(transformer("Varying"))
    weights = net(SENTENCES, NetPort("block1", "attention", "layer", "attend", "AttentionWeights"))
    assert [found.shape for found in weights] == [(3, HEADS, 3), (6, HEADS, 6), (1, HEADS, 1)]
    assert np.allclose(weights[1].sum(-1), 1, atol=1e-6) and np.allclose(np.triu(weights[1][:, 0], 1), 0)


def test_it_is_saved_and_loaded(tmp_path):
    net = net_initialize(transformer("Varying", tied=True))
    assert net_load(net_save(net, tmp_path / "net.safetensors")) == net
    assert list(net.arrays).count("words") == 1


@pytest.mark.parametrize("mask", ["Causal", ("Causal", 3)])
def test_step_by_step_it_says_what_it_says_of_the_whole(mask):
    """Also from a batch, whose states are sequences of one length."""
    net = net_initialize(transformer("Varying", Mask=mask))
    step = net_unfold(net)
    assert list(step.inputs) == ["Input", "Index", "Keys1", "Values1", "Keys2", "Values2"]
    words = np.array([SENTENCES[1], [0, 0, 4, 3, 1, 2]])
    whole = net(words)
    alone, together = unfold_states(step), unfold_states(step, 2)
    for position in range(6):
        found = step({"Input": words[0, position], **alone})
        both = step({"Input": words[:, position], **together})
        alone, together = ({name: result[name] for name in alone} for result in (found, both))
        assert np.allclose(found["Output"], whole[0, position], atol=1e-6)
        assert np.allclose(both["Output"], whole[:, position], atol=1e-6)
    assert alone["Keys2"].shape == (6, HEADS, SIZE // HEADS) and alone["Index"] == 6


def test_an_encoder_of_sentences_looks_both_ways():
    attend = {"attend": AttentionLayer()}
    edges = [(NetPort("Input"), NetPort("attend", name)) for name in ("Key", "Value", "Query")]
    layers = [EmbeddingLayer(3, WORDS), residual(NetGraph(attend, edges)), SequenceLastLayer(), 1]
    net = net_initialize(NetChain(layers, Input=("Varying", Integer(WORDS))))
    together = net(SENTENCES)
    assert np.allclose(together, [net(sentence) for sentence in SENTENCES], atol=1e-6)
    assert not np.allclose(net([1, 2, 3]), net([2, 1, 3]) + 1e-3) and net.arrays["1/layer/attend/Weights"].shape == (3, 3)
