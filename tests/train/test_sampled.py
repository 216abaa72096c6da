"""net_train with sampled data: batches and rounds, what hard negatives are, resuming bit for bit."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from netgraph import *
from netgraph.layers.metric.distance import LpDistance
from netgraph.train.hard_negatives import nearest_others

QUIET = {"TrainingProgressReporting": None, "Plan": "Reference"}
RNG = np.random.default_rng(0)
CLASS = RNG.integers(0, 5, 60)
X = (RNG.normal(size=(5, 4))[CLASS] + 0.5 * RNG.normal(size=(60, 4))).astype(np.float32)
NET = NetChain([8, Tanh, 3], Input=4)
SAMPLED = {
    "per class": (NET, Sampled((X, CLASS), MPerClassSampler(4)), TripletLossLayer()),
    "hierarchical": (NET, Sampled((X, CLASS), HierarchicalSampler(2), SuperClasses=CLASS % 2), SupConLossLayer()),
    "fixed triplets": (NetTripletEmbeddingOperator(NET), Sampled((X, CLASS), FixedTripletSampler(70)), TripletMarginLossLayer()),
    "hard negatives": (NET, Sampled((X, CLASS), HardNegativeSampler(Refresh=3)), TripletLossLayer()),
    "hard triplets": (
        NetTripletEmbeddingOperator(NET, NamedPorts=True), Sampled((X, CLASS), HardNegativeSampler(Refresh=4)), TripletMarginLossLayer(),
    ),
}  # fmt: skip
BY_NAME = pytest.mark.parametrize("name", SAMPLED)


def bits(net):
    return {key: tensor.numpy().tobytes() for key, tensor in net.tensors.items()}


@BY_NAME
def test_equal_bits_and_a_lower_loss(name):
    net, data, loss = SAMPLED[name]
    first, second = (
        net_train(net, data, All, LossFunction=loss, MaxTrainingRounds=15, BatchSize=12, LearningRate=0.01, **QUIET) for _ in range(2)
    )
    assert bits(first.trained_net) == bits(second.trained_net)
    losses = first.round_loss_list
    # negatives found anew are harder ones: their loss need not fall
    assert np.mean(losses[-3:]) < losses[0] or "hard" in name
    assert bits(first.trained_net) != bits(net_train(net, data, loss, MaxTrainingRounds=15, BatchSize=12, RandomSeeding=5, **QUIET))


@BY_NAME
@pytest.mark.parametrize("at", [2, 5, 6])
def test_a_run_goes_on_bit_for_bit(tmp_path, name, at):
    class Cut(Exception):
        pass

    def cut(progress):
        if progress.absolute_batch == at:
            raise Cut

    net, data, loss = SAMPLED[name]
    options = {"LossFunction": loss, "MaxTrainingRounds": 3, "BatchSize": 12, "EMA": 0.9, **QUIET}
    saving = ("Directory", tmp_path, {"Interval": (1, "Batches")})
    with pytest.raises(Cut):
        net_train(net, data, **options, TrainingProgressCheckpointing=saving, TrainingProgressFunction=(cut, {"Interval": (1, "Batches")}))
    resumed, whole = net_train(net, data, All, **options, Resume=tmp_path), net_train(net, data, All, **options)
    assert bits(resumed.trained_net) == bits(whole.trained_net)
    assert resumed.batch_loss_list == whole.batch_loss_list


def test_rounds_and_batch_sizes():
    net, data, loss = SAMPLED["per class"]
    assert net_train(net, data, ["TotalBatches", "ExamplesProcessed"], LossFunction=loss, MaxTrainingRounds=2, **QUIET) == [6, 120]
    longer = Sampled((X, CLASS), MPerClassSampler(4), RoundLength=200)
    assert net_train(net, longer, "TotalBatches", LossFunction=loss, MaxTrainingRounds=1, BatchSize=20, **QUIET) == 10
    largest = net_train(net, data, ["BatchSize", "TotalBatches"], LossFunction=loss, MaxTrainingRounds=1, BatchSize="Largest", **QUIET)
    assert largest == [20, 3]
    triplets = SAMPLED["fixed triplets"]
    assert net_train(triplets[0], triplets[1], "TotalBatches", MaxTrainingRounds=1, BatchSize=32, **QUIET) == 3


def test_batches_are_seen_by_callbacks():
    seen = []
    net, data, loss = SAMPLED["per class"]
    net_train(
        net, data, loss, MaxTrainingRounds=1, BatchSize=8, **QUIET,
        TrainingProgressFunction=(lambda p: seen.append(list(p.batch_indices)), {"Interval": (1, "Batches")}),
    )  # fmt: skip
    assert len(seen) == 8
    for rows in seen:
        assert len(set(CLASS[rows[:4]])) == len(set(CLASS[rows[4:]])) == 1 and CLASS[rows[0]] != CLASS[rows[4]]


@pytest.mark.parametrize("name", ["per class", "fixed triplets", "hard triplets"])
def test_a_share_is_held_back(name):
    net, data, loss = SAMPLED[name]
    result = net_train(net, data, All, LossFunction=loss, MaxTrainingRounds=2, BatchSize=8, ValidationSet=Scaled(0.25), **QUIET)
    assert len(result.validation_loss_list) == 2 and np.isfinite(result.validation_loss_list).all()


def test_triplets_are_measured_too():
    net, data, _ = SAMPLED["fixed triplets"]
    trained = net_train(net, data, MaxTrainingRounds=20, BatchSize=10, LearningRate=0.02, **QUIET)
    after, before = (net_measurements(n, data, "Loss", LossFunction=TripletMarginLossLayer()) for n in (trained, net_initialize(net)))
    assert 0 <= after < before


def test_the_nearest_of_other_classes():
    rows = torch.tensor([[0.0], [1.0], [2.0], [3.0], [2.5]])
    near = nearest_others(rows, torch.tensor([0, 0, 1, 1, 2]), HardNegativeSampler(3, Distance=LpDistance(Normalized=False)))
    assert near.tolist() == [[2, 4, 3], [2, 4, 3], [4, 1, 0], [4, 1, 0], [2, 3, 1]]
    near = nearest_others(rows, torch.tensor([0, 0, 0, 0, 2]), HardNegativeSampler(2, Distance=LpDistance(Normalized=False)))
    assert near.tolist() == [[4, -1], [4, -1], [4, -1], [4, -1], [2, 3]]


def test_hard_negatives_are_those_of_the_net_as_it_stands():
    """With one candidate the negative of each anchor is the nearest by the net of the last refresh."""
    seen, nets = [], []

    def watch(progress):
        seen.append(list(progress.batch_indices))
        nets.append(progress.net)

    data = Sampled((X, CLASS), HardNegativeSampler(1, Refresh=2, Distance="EuclideanDistance"))
    start = net_initialize(NET)
    net_train(
        start, data, TripletLossLayer(), MaxTrainingRounds=3, BatchSize=15, LearningRate=0.1, **QUIET,
        TrainingProgressFunction=(watch, {"Interval": (1, "Batches")}),
    )  # fmt: skip
    before = [start, *nets]
    assert len(seen) == 12
    for number, rows in enumerate(seen):
        embedded = before[number - number % 2](X)
        for anchor, positive, negative in np.reshape(rows, (-1, 3)):
            assert CLASS[anchor] == CLASS[positive] != CLASS[negative] and anchor != positive
            distance = np.linalg.norm(embedded - embedded[anchor], axis=1)
            assert distance[negative] == pytest.approx(distance[CLASS[anchor] != CLASS].min(), rel=1e-4, abs=1e-4)


def test_sequences_of_different_lengths():
    words = [RNG.normal(size=(length, 2)).astype(np.float32) for length in RNG.integers(2, 6, 20)]
    data = Sampled((words, np.arange(20) % 4), HardNegativeSampler(2, Refresh=2))
    net = NetChain([GatedRecurrentLayer(4), SequenceLastLayer()], Input=("Varying", 2))
    result = net_train(net, data, All, LossFunction=TripletLossLayer(), MaxTrainingRounds=2, BatchSize=6, **QUIET)
    assert result.total_batches == 8 and np.isfinite(result.round_loss_list).all()


def test_rows_on_disk_are_sampled_to_the_same_bits(tmp_path):
    net, data, loss = SAMPLED["hard negatives"]
    np.save(tmp_path / "x.npy", X)
    on_disk = data.on({"Input": np.load(tmp_path / "x.npy", mmap_mode="r"), "Target": CLASS})
    first, second = (net_train(net, given, loss, MaxTrainingRounds=3, BatchSize=12, **QUIET) for given in (data, on_disk))
    assert bits(first) == bits(second)
    save_file({"Input": X, "Target": CLASS}, tmp_path / "x.safetensors")
    third = net_train(net, data.on(tmp_path / "x.safetensors"), loss, MaxTrainingRounds=3, BatchSize=12, **QUIET)
    assert bits(first) == bits(third)


MEMBERS = ("Anchor", "Positive", "Negative")
SIAMESE = NetGraph(
    {"net": NetTripletEmbeddingOperator(NET), "loss": TripletMarginLossLayer()},
    [(NetPort("Input"), "net"), *((NetPort("net", name), NetPort("loss", name)) for name in MEMBERS), ("loss", NetPort("Loss"))],
)


def test_triplets_for_a_graph_with_its_own_loss():
    data = Sampled((X, CLASS), FixedTripletSampler(40), Triplets=True)
    losses = net_train(SIAMESE, data, "RoundLossList", MaxTrainingRounds=10, BatchSize=8, LearningRate=0.01, **QUIET)
    assert losses[-1] < losses[0]


WRONG = [
    (SIAMESE, Sampled((X, CLASS), HardNegativeSampler(), Triplets=True), {"LossFunction": Automatic}, NetTypeError,
     "net_train: HardNegativeSampler() wants a net from one input to an embedding, "
     'NetGraph({"net": NetTripletEmbeddingOperator[1], "loss": ... has the inputs Input and the outputs Loss'),
    (NET, Sampled((X, CLASS), MPerClassSampler(4)), {"BatchSize": 30}, NetValueError,
     "net_train: BatchSize is 30, MPerClassSampler() wants a multiple of 4, and the classes fill 20 at most\n  try: BatchSize=20"),
    (NET, (X, CLASS), {"ValidationSet": Sampled((X, CLASS), HardNegativeSampler())}, NetTypeError,
     "net_train: ValidationSet: HardNegativeSampler() follows the net that is trained: it gives training data alone"),
    (NetGraph({"a": [3], "b": [2]}, ["Input -> a -> x", "Input -> b -> y"], Input=4),
     Sampled({"Input": X, "x": CLASS}, HardNegativeSampler()), {"LossFunction": ("x", TripletLossLayer())}, NetTypeError,
     "net_train: HardNegativeSampler() wants a net from one input to an embedding, "
     'NetGraph({"a": NetChain[1], "b": NetChain[1]}, [(NetPort(... has the inputs Input and the outputs x, y'),
]  # fmt: skip


@pytest.mark.parametrize(("net", "data", "options", "error", "message"), WRONG)
def test_what_a_wrong_use_is_told(net, data, options, error, message):
    with pytest.raises(error) as found:
        net_train(net, data, MaxTrainingRounds=1, **{"LossFunction": TripletLossLayer(), **options}, **QUIET)
    assert str(found.value) == message
