"""Raw objects in the forms that users have: loaders, HDF5, tensors, losses with encoders, a Trainer, forked processes."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from netgraph import (
    AggregationLayer,
    All,
    CrossEntropyLossLayer,
    EmbeddingLayer,
    FixedTripletSampler,
    FlattenLayer,
    GatedRecurrentLayer,
    LinearLayer,
    Mean,
    MPerClassSampler,
    NetChain,
    NetDecoder,
    NetEncoder,
    NetMapOperator,
    NetTripletEmbeddingOperator,
    NetTypeError,
    Sampled,
    Scaled,
    SoftmaxLayer,
    SupConLossLayer,
    Trainer,
    net_measurements,
    net_train,
)
from netgraph.data.encoded import PIECE, EncodedColumn
from netgraph.data.stream import Stream

QUIET = {"TrainingProgressReporting": None, "TargetDevice": "CPU", "Plan": "Reference", "RandomSeeding": 5}
WORDS = ["a", "b", "c"]
TEXTS = ["a b", "b", "c a", "b c a"] * 6
LABELS = ["x", "y", "z", "y"] * 6


def embedding(*more, **ports):
    last = more or [LinearLayer(4)]
    return NetChain([EmbeddingLayer(4), AggregationLayer(Mean, 0), *last], Input=NetEncoder(("Tokens", WORDS)), **ports)


def classifier():
    return embedding(LinearLayer(), SoftmaxLayer(), Output=NetDecoder(("Class", ["x", "y", "z"])))


def same(a, b):
    return list(a.arrays) == list(b.arrays) and all(np.array_equal(a.arrays[key], b.arrays[key]) for key in a.arrays)


def trained(net, data, **options):
    return net_train(net, data, MaxTrainingRounds=2, **{"BatchSize": 8, **options, **QUIET})


class Batches:
    """Pairs of columns, as often as they are asked for."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return -(-len(TEXTS) // self.size)

    def __iter__(self):
        return ((TEXTS[i : i + self.size], LABELS[i : i + self.size]) for i in range(0, len(TEXTS), self.size))


@pytest.mark.parametrize("size", [8, 11], ids=["even", "last batch of two"])
def test_a_loader_of_pairs_of_texts(size):
    pairs = list(zip(TEXTS, LABELS, strict=True))
    net = trained(classifier(), DataLoader(pairs, batch_size=size))
    assert same(net, trained(classifier(), Batches(size)))
    listed = DataLoader(pairs, batch_size=size, collate_fn=lambda rows: [[row[0] for row in rows], [row[1] for row in rows]])
    if size == 8:
        assert same(net, trained(classifier(), listed))
    kept = DataLoader(pairs, batch_size=size, collate_fn=list)
    assert same(net, trained(classifier(), kept))


def test_texts_and_labels_in_hdf5(tmp_path):
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("Input", data=TEXTS, dtype=h5py.string_dtype())
        file.create_dataset("Output", data=np.array(LABELS, dtype="S1"))
    net = trained(classifier(), {"Input": TEXTS, "Output": LABELS})
    assert same(net, trained(classifier(), str(path)))


def test_labels_that_are_numbers_in_a_tensor():
    classes = [10, 20, 30]
    net = embedding(LinearLayer(), SoftmaxLayer(), Output=NetDecoder(("Class", classes)))
    targets = [classes["xyz".index(label)] for label in LABELS]
    want = trained(net, (TEXTS, targets))
    for column in (np.array(targets, dtype=np.int16), torch.tensor(targets)):
        assert same(want, trained(net, {"Input": TEXTS, "Output": column}))


def test_images_of_uint8_in_a_tensor():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 6, 5, 3), dtype=np.uint8)
    net = NetChain([FlattenLayer(), LinearLayer(), SoftmaxLayer()], Input=NetEncoder(("Image", 4)), Output=NetDecoder(("Class", WORDS)))
    labels = ["a", "b"] * 8
    want = trained(net, (pixels, labels))
    assert same(want, trained(net, {"Input": torch.tensor(pixels), "Output": labels}))
    first = np.moveaxis(pixels, -1, 1)
    for column in (first, torch.tensor(np.ascontiguousarray(first))):
        with pytest.raises(NetTypeError, match=r'column "Input", example 0: .* of shape \(3, 6, 5\)') as told:
            trained(net, {"Input": column, "Output": labels})
        assert "try: channels last" in str(told.value)


@pytest.mark.parametrize("name", ["Target", "Output"])
def test_an_encoder_at_the_target_of_a_loss(name):
    loss = SupConLossLayer(Target=NetEncoder(("Class", ["x", "y", "z"])))
    places = ["xyz".index(label) for label in LABELS]
    want = trained(embedding(), {"Input": TEXTS, name: places}, LossFunction=SupConLossLayer())
    assert same(want, trained(embedding(), {"Input": TEXTS, name: LABELS}, LossFunction=loss))
    both = [(loss, Scaled(0.5)), (SupConLossLayer(), Scaled(0.5))]
    assert trained(embedding(), {"Input": TEXTS, name: LABELS}, LossFunction=both).outputs == want.outputs


def test_a_loss_with_an_encoder_in_samples_and_validation():
    loss = SupConLossLayer(Target=NetEncoder(("Class", ["x", "y", "z"])))
    places = ["xyz".index(label) for label in LABELS]
    want = trained(embedding(), Sampled((TEXTS, places), MPerClassSampler(4)), LossFunction=SupConLossLayer())
    assert same(want, trained(embedding(), Sampled((TEXTS, LABELS), MPerClassSampler(4)), LossFunction=loss))
    result = net_train(embedding(), (TEXTS, LABELS), All, LossFunction=loss, ValidationSet=(TEXTS[:8], LABELS[:8]), **QUIET)
    assert result["ValidationLoss"] > 0
    cross = CrossEntropyLossLayer("Index", Target=NetEncoder(("Class", ["x", "y", "z"])))
    open_net = NetChain([EmbeddingLayer(4), AggregationLayer(Mean, 0), 3, SoftmaxLayer()], Input=NetEncoder(("Tokens", WORDS)))
    assert trained(open_net, (TEXTS, LABELS), LossFunction=cross)("a b").shape == (3,)


def test_a_trainer_takes_raw_batches():
    trainer, plain = Trainer(classifier(), **_of_trainer()), Trainer(classifier(), **_of_trainer())
    encoder = NetEncoder(("Tokens", WORDS))
    for _ in range(3):
        loss = trainer.step((TEXTS[:8], LABELS[:8]))
        assert loss == plain.step({"Input": [encoder(text) for text in TEXTS[:8]], "Output": ["xyz".index(a) for a in LABELS[:8]]})
    assert trainer.loss((TEXTS, LABELS)) > 0
    assert same(trainer.net, plain.net)


def _of_trainer():
    return {name: value for name, value in QUIET.items() if name != "TrainingProgressReporting"}


def test_streams_are_augmented_in_training():
    sounds = [np.sin(np.arange(800) * pitch).astype(np.float32) for pitch in (0.1, 0.2, 0.3, 0.4)]
    encoder = NetEncoder(("Audio", {"TargetLength": 400, "Augmentation": {"Noise": 0.1}}))
    net = NetChain([FlattenLayer(), LinearLayer(), SoftmaxLayer()], Input=encoder, Output=NetDecoder(("Class", ["l", "h"])))

    def batches(info):
        return {"Input": sounds, "Output": ["l", "h", "l", "h"]}

    quiet = trained(net, batches)
    assert same(quiet, trained(net, batches))
    plain = NetEncoder(("Audio", {"TargetLength": 400}))
    assert not same(quiet, trained(NetChain(list(net), Input=plain, Output=net["Output"]), batches))


def test_a_stream_draws_by_batch_and_only_where_it_shall():
    from netgraph.data.sources import Called
    from netgraph.types.port_type import PortType

    encoder = NetEncoder(("Audio", {"TargetLength": 4, "Augmentation": {"Noise": 1.0}}))
    bare = encoder.port_type()

    def drawn(draws):
        stream = Stream(Called(lambda info: {"x": [np.zeros(4, np.float32)]}), inputs=("x",), outputs=(), encoders={"x": encoder})
        stream.bind({"x": PortType(bare.kind, bare.shape)}, batch_size=1, seed=3)
        stream.draws = draws
        return [batch.tensors["x"] for batch in (stream.next(), stream.next()) if batch is not None]

    first, second = drawn(True)
    assert not torch.equal(first, second)
    assert torch.equal(first, drawn(True)[0])
    assert not drawn(False)[0].any()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_files_are_read_in_a_process_that_was_forked(tmp_path):
    path = str(Path(tmp_path) / "one.png")
    Image.new("RGB", (5, 5), "red").save(path)
    column = NetEncoder(("Image", 4))
    EncodedColumn([path], column, "x").read(0, 1)  # the threads are there before the fork
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_read_in_a_child, args=(path, queue), daemon=True)
    child.start()
    try:
        assert queue.get(timeout=60) == (3, 4, 4)
    finally:
        child.kill()


def _read_in_a_child(path, queue):
    from netgraph.data.encoded import EncodedColumn

    queue.put(tuple(EncodedColumn([path], NetEncoder(("Image", 4)), "x").read(0, 1)[0].shape))


def test_nothing_is_read_after_training(monkeypatch):
    pool = ThreadPoolExecutor(max_workers=1)
    monkeypatch.setattr("netgraph.data.encoded._pool", lambda: pool)
    ended = threading.Event()
    begun: list[str] = []

    def read(path):
        begun.append(path.name)
        if len(begun) > 8:  # the first of the batches that are read ahead
            ended.wait(60)
        return np.zeros(2, np.float32)

    encoder = NetEncoder(("Function", read, (2,)))
    net = NetChain([LinearLayer(), SoftmaxLayer()], Input=encoder, Output=NetDecoder(("Class", ["a", "b"])))
    data = {"Input": [Path(str(number)) for number in range(400)], "Output": ["a", "b"] * 200}
    stop = (lambda progress: "StopTraining", {"Interval": (1, "Batches")})
    result = net_train(net, data, All, BatchSize=8, TrainingProgressFunction=stop, **QUIET)
    ended.set()
    pool.submit(int).result(60)  # behind all that was asked for
    pool.shutdown()
    assert result["TotalBatches"] == 1
    assert len(begun) <= 8 + PIECE


def test_triplets_of_raw_rows_with_labels():
    encoder = NetEncoder(("Tokens", WORDS, {"TargetLength": 3}))
    embed = NetChain([EmbeddingLayer(4), FlattenLayer(), LinearLayer(3)], Input=encoder)
    net = NetTripletEmbeddingOperator(embed)
    codes, places = np.array(encoder(TEXTS)), ["xyz".index(label) for label in LABELS]
    want = trained(net, Sampled((codes, places), FixedTripletSampler()))
    for labels in (LABELS, np.array(LABELS, dtype=object)):
        assert same(want, trained(net, Sampled((TEXTS, labels), FixedTripletSampler())))


@pytest.mark.parametrize("decoder", [("Characters", "abc "), ("Tokens", ["a", "b", "c"])], ids=str)
def test_a_net_that_gives_text_is_trained_and_measured(decoder):
    decoder = NetDecoder((*decoder, {"InputDepth": 2}))
    net = NetChain([EmbeddingLayer(4), GatedRecurrentLayer(4), NetMapOperator([LinearLayer(), SoftmaxLayer()])],
        Input=NetEncoder(decoder), Output=decoder)  # fmt: skip
    made = trained(net, {"Input": ["a b", "b"], "Output": ["b c", "a"]})
    assert isinstance(made("a b"), str)
    recall = net_measurements(made, {"Input": ["a b", "b"], "Output": ["b c", "a"]}, "Recall")
    assert list(recall)[:3] == ["a", "b", "c"]


def test_class_weights_by_the_labels_of_a_loss():
    loss = CrossEntropyLossLayer("Index", Target=NetEncoder(("Class", ["x", "y", "z"])))
    net = embedding(LinearLayer(3), SoftmaxLayer())
    places = ["xyz".index(label) for label in LABELS]
    want = trained(net, (TEXTS, places), LossFunction=CrossEntropyLossLayer("Index"), ClassWeights={1: 3.0})
    assert same(want, trained(net, (TEXTS, LABELS), LossFunction=loss, ClassWeights={"y": 3.0}))
