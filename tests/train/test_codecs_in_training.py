"""Training on raw objects: labels, text, files; encoded once or read ahead, bit-equal in all forms."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from netgraph import (
    All,
    CrossEntropyLossLayer,
    EmbeddingLayer,
    GatedRecurrentLayer,
    LinearLayer,
    LogisticSigmoid,
    MPerClassSampler,
    NetChain,
    NetDecoder,
    NetEncoder,
    NetError,
    NetPairEmbeddingOperator,
    Ramp,
    Sampled,
    Scaled,
    SequenceLastLayer,
    SoftmaxLayer,
    TripletLossLayer,
    net_load,
    net_measurements,
    net_train,
)
from netgraph.data.columns import Columns
from netgraph.data.encoded import EncodedColumn, EncodedTable
from netgraph.losses.choose import chosen_loss
from netgraph.types.port_type import parse_type

QUIET = {"TrainingProgressReporting": None, "TargetDevice": "CPU", "Plan": "Reference", "RandomSeeding": 5}
LABELS = ["low", "mid", "high"]
SPECIES = NetDecoder(("Class", LABELS))


def table(count=60):
    x = np.random.default_rng(1).normal(size=(count, 2)).astype(np.float32)
    return x, [LABELS[int(np.clip(row.sum() + 1.5, 0, 2.9))] for row in x]


def classifier(**ports):
    return NetChain([8, Ramp, 3, SoftmaxLayer()], **{"Input": 2, "Output": SPECIES, **ports})


def same(a, b):
    return list(a.arrays) == list(b.arrays) and all(np.array_equal(a.arrays[key], b.arrays[key]) for key in a.arrays)


def test_labels_train_like_their_positions():
    x, labels = table()
    bare = NetChain([8, Ramp, 3, SoftmaxLayer()], Input=2)
    trained = net_train(classifier(), (x, labels), MaxTrainingRounds=3, **QUIET)
    plain = net_train(bare, (x, [LABELS.index(label) for label in labels]), MaxTrainingRounds=3, **QUIET)
    assert same(trained, plain)
    assert trained["Output"] == SPECIES
    assert trained(x[:3]) == [LABELS[i] for i in plain(x[:3]).argmax(1)]
    given = net_train(classifier(), (x, [LABELS.index(label) for label in labels]), MaxTrainingRounds=3, **QUIET)
    assert same(given, plain)


@pytest.mark.parametrize("form", ["columns", "pairs", "dicts", "target", "stream", "iterator"])
def test_labels_in_every_form(form):
    x, labels = table(48)
    pairs = list(zip(x, labels, strict=True))
    data = {
        "columns": {"Input": x, "Output": labels},
        "pairs": pairs,
        "dicts": [{"Input": a, "Output": b} for a, b in pairs],
        "target": {"Input": x, "Target": labels},
        "stream": (lambda info: {"Input": x[:8], "Output": labels[:8]}),
        "iterator": ({"Input": x[i : i + 8], "Output": labels[i : i + 8]} for i in range(0, 48, 8)),
    }[form]
    result = net_train(classifier(), data, All, MaxTrainingRounds=2, BatchSize=8, **QUIET)
    assert np.isfinite(result["RoundLoss"])


def test_an_unknown_label_is_told_with_its_example():
    x, labels = table()
    labels[17] = "hihg"
    with pytest.raises(NetError) as told:
        net_train(classifier(), (x, labels), **QUIET)
    assert str(told.value) == (
        'net_train: column "Output", example 17: NetEncoder(("Class", ("low", "mid", "high"))): '
        "there is no class 'hihg', did you mean \"high\"?"
    )


def test_validation_weights_and_measurements_know_labels():
    x, labels = table()
    result = net_train(classifier(), (x, labels), All, ValidationSet=Scaled(0.2), MaxTrainingRounds=2, ClassWeights={"high": 3.0}, **QUIET)
    assert result["ValidationLoss"] >= 0 if "ValidationLoss" in result["Properties"] else True
    with pytest.raises(NetError, match="there is no class 'hihg', did you mean \"high\""):
        net_train(classifier(), (x, labels), ClassWeights={"hihg": 3.0}, **QUIET)
    recall = net_measurements(result["TrainedNet"], (x, labels), "Recall")
    assert list(recall) == LABELS


def test_the_loss_follows_the_decoder():
    several = NetDecoder(("Class", LABELS, {"Multilabel": True}))
    assert chosen_loss(NetChain([3, LogisticSigmoid], Output=several), "Output", None) == CrossEntropyLossLayer("Binary")
    assert chosen_loss(NetChain([()], Output=NetDecoder("Boolean")), "Output", None) == CrossEntropyLossLayer("Binary")
    assert chosen_loss(NetChain([3], Output=SPECIES), "Output", None) == CrossEntropyLossLayer("Index")


def test_booleans_and_several_labels():
    x = np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32)
    yes = NetChain([LinearLayer(()), LogisticSigmoid], Input=2, Output=NetDecoder("Boolean"))
    trained = net_train(yes, (x, [bool(row.sum() > 0) for row in x]), MaxTrainingRounds=150, BatchSize=8, **QUIET)
    assert trained([2.0, 2.0]) is True
    assert trained([-2.0, -2.0]) is False
    tags = NetChain([2, LogisticSigmoid], Input=2, Output=NetDecoder(("Class", ["left", "up"], {"Multilabel": True})))
    said = [[name for name, on in (("left", row[0] < 0), ("up", row[1] > 0)) if on] for row in x]
    trained = net_train(tags, (x, said), MaxTrainingRounds=150, BatchSize=8, LearningRate=0.05, **QUIET)
    assert trained([-2.0, 2.0]) == ["left", "up"]
    assert trained([2.0, -2.0]) == []


def test_raw_sequences_of_different_lengths():
    letters = NetEncoder(("Class", ["a", "b"], {"Dimensions": ("Varying",)}))
    texts = [list(text) for text in ("a", "ab", "abba", "bb", "bab", "aaaa")] * 5
    counts = [float(len(text)) for text in texts]
    net = NetChain([EmbeddingLayer(4), GatedRecurrentLayer(6), SequenceLastLayer(), LinearLayer(())])
    coded = [["ab".index(letter) for letter in text] for text in texts]
    raw = net_train(NetChain([net], Input=letters), (texts, counts), MaxTrainingRounds=3, **QUIET)
    plain = net_train(NetChain([net], Input=("Varying", parse_type(letters, "x").kind)), (coded, counts), MaxTrainingRounds=3, **QUIET)
    assert same(raw, plain)
    assert raw(["a", "b"]) == plain([0, 1])


# -- files ----------------------------------------------------------------------------------------------------------------------------


class Seen:
    """Reads arrays from files, and notes which thread read which."""

    def __init__(self):
        self.read: list[tuple[str, str]] = []

    def __call__(self, path):
        self.read.append((threading.current_thread().name, path.name))
        return np.load(path)


def file_encoder(read):
    return NetEncoder(("Function", read, (2,), {"Pattern": Path}))


def files(folder: Path, count=60):
    x, labels = table(count)
    paths = []
    for number, row in enumerate(x):
        paths.append(folder / f"{number}.npy")
        np.save(paths[-1], row)
    return x, labels, paths


def test_files_train_like_their_contents(tmp_path):
    x, labels, paths = files(tmp_path)
    seen = Seen()
    read = file_encoder(seen)
    trained = net_train(classifier(Input=read), (paths, labels), MaxTrainingRounds=3, BatchSize=8, **QUIET)
    assert same(trained, net_train(classifier(), (x, labels), MaxTrainingRounds=3, BatchSize=8, **QUIET))
    assert trained(paths[:4]) == trained(x[:4])
    threads = {name for name, _ in seen.read if name.startswith("netgraph-encode")}
    assert threads
    # one look at the type, and each file once a round, however far ahead
    assert len(seen.read) <= 3 * 60 + 8 * 8 + 4 + 1


def test_files_are_read_before_their_batch(tmp_path):
    _, labels, paths = files(tmp_path, 64)
    seen = Seen()
    held = Columns({"Input": paths, "Output": labels}, "here", {"Input": file_encoder(seen), "Output": NetEncoder(SPECIES)})
    assert isinstance(held.columns["Input"], EncodedColumn)
    types = {"Input": parse_type(2, "Input"), "Output": parse_type((), "Output")}
    reading = held.table(types)
    assert isinstance(reading, EncodedTable)
    batches = reading.batches(1, 1, 8)
    reading.expect(batches[:3])
    wanted = {paths[i].name for index in batches[:3] for i in index.tolist()}
    first = reading.batch(batches[0])
    assert torch.equal(first.tensors["Output"], torch.tensor([LABELS.index(labels[i]) for i in batches[0].tolist()]).float())
    for index in batches[1:3]:
        reading.batch(index)
    assert {name for _, name in seen.read} == wanted
    assert len(seen.read) == len(wanted)


def test_a_file_that_is_missing_is_told_with_its_example(tmp_path):
    _, labels, paths = files(tmp_path)
    paths[40] = tmp_path / "missing.npy"
    with pytest.raises(FileNotFoundError) as told:
        net_train(classifier(Input=file_encoder(np.load)), (paths, labels), **QUIET)
    assert told.value.__notes__ == ['net_train: column "Input", example 40']


def test_files_in_a_stream_and_in_measurements(tmp_path):
    x, labels, paths = files(tmp_path)
    read = file_encoder(np.load)

    def batches(info):
        rows = info.generator.integers(0, 60, info.batch_size) if hasattr(info.generator, "integers") else range(info.batch_size)
        return {"Input": [paths[i] for i in rows], "Output": [labels[i] for i in rows]}

    trained = net_train(classifier(Input=read), batches, MaxTrainingRounds=4, BatchSize=8, **QUIET)
    assert net_measurements(trained, (paths, labels), "Accuracy") == net_measurements(trained, (x, labels), "Accuracy")


def test_a_checkpoint_leaves_code_out_and_resumes(tmp_path):
    _, labels, paths = files(tmp_path)
    net = classifier(Input=file_encoder(np.load))
    saving = {"TrainingProgressCheckpointing": ("Directory", str(tmp_path / "saved"), {"Interval": (1, "Rounds")})}
    whole = net_train(net, (paths, labels), MaxTrainingRounds=4, BatchSize=8, **QUIET)
    net_train(net, (paths, labels), MaxTrainingRounds=2, BatchSize=8, **saving, **QUIET)
    last = sorted((tmp_path / "saved").iterdir(), key=lambda path: path.stat().st_mtime)[-1]
    resumed = net_train(net, (paths, labels), MaxTrainingRounds=4, BatchSize=8, Resume=str(last), **QUIET)
    assert same(resumed, whole)
    assert resumed["Input"] == net["Input"]
    assert net_load(last)["Input"] == (2,)
    assert net_load(last)["Output"] == SPECIES


def test_pairs_and_samplers_of_raw_objects():
    codes = NetEncoder(("Class", LABELS, "IndicatorVector"))
    pairs = [(a, b) for a in LABELS for b in LABELS] * 4
    far = [a != b for a, b in pairs]
    trained = net_train(NetPairEmbeddingOperator([4, Ramp, 2], Input=codes), (pairs, far), MaxTrainingRounds=40, **QUIET)
    assert trained(["low", "high"]) > trained(["low", "low"]) == 0
    words = LABELS * 8
    embedded = net_train(
        NetChain([2], Input=codes),
        Sampled({"Input": words, "Target": [LABELS.index(word) for word in words]}, MPerClassSampler(2)),
        LossFunction=TripletLossLayer(),
        MaxTrainingRounds=2,
        BatchSize=6,
        **QUIET,
    )
    assert embedded("mid").shape == (2,)


def test_encoders_learn_from_the_training_data():
    x, labels = table()
    data = {"Input": x * 100 + 7, "Output": labels}
    net = classifier(Input=NetEncoder(("FeatureExtractor", "StandardizedVector", {"Dimensions": 2})))
    trained = net_train(net, data, MaxTrainingRounds=3, **QUIET)
    assert trained["Input"].is_fitted
    assert np.allclose(trained["Input"](x * 100 + 7).std(0, ddof=1), 1, atol=1e-3)
    assert trained(x[:3] * 100 + 7)[0] in LABELS
    with pytest.raises(NetError, match="learns from all examples, and this is a stream of batches"):
        net_train(net, lambda info: data, **QUIET)
