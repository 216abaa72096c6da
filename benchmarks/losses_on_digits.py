"""`python -m benchmarks.losses_on_digits [--seeds N] [--rounds N] [--only WORD]`: the digits of scikit-learn under many losses, as a table.

One net (64 pixels, 64 ramps, 16 numbers), ADAM at its defaults, 40 rounds of 19 batches, batches of 8 images of each of 8 digits where the
loss sees classes. Nothing is tuned for any loss. Two questions, each for several seeds of net and batches:

    held out    1,200 images of all ten digits are learned from, the other 597 are measured
    unseen      all images of the digits 0 to 6 are learned from, those of 7, 8 and 9 are measured, which no loss ever saw

Scores are MAP@R and recall at 1, by the distance that the loss compares with; the spread is the standard deviation over the seeds.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from netgraph import *

NET = NetChain([64, Ramp, 16], Input=64)
SCORES = ["MAPAtR", ("RecallAt", 1)]


class Row(NamedTuple):
    """A way to train the net: the loss for a number of classes, the data of images and digits, and how embeddings are compared.

    `around` is put around the net, and `inside` is where the net is found in it.
    """

    loss: Callable
    data: Callable = lambda x, y: Sampled((x, y), MPerClassSampler(8))
    metric: str = "CosineSimilarity"
    around: Callable | None = None
    inside: str | int | None = None


def pairs(x, y):
    """A generator of pairs, half of them of one digit; its target is True where they differ."""
    places = [np.flatnonzero(y == digit) for digit in range(y.max() + 1)]

    def sample(info):
        rng = info.numpy_generator
        first = rng.integers(len(x), size=info.batch_size)
        other = np.array([rng.choice(places[y[i]]) if rng.random() < 0.5 else rng.choice(np.flatnonzero(y != y[i])) for i in first])
        return {"Input": np.stack([x[first], x[other]], 1), "Target": y[first] != y[other]}

    return sample, {"RoundLength": len(x)}


def triplets(data: Callable) -> Row:
    """A row of a triplet net, with as many triplets a round as there are images."""
    return Row(lambda n: TripletMarginLossLayer(), data, "EuclideanDistance", NetTripletEmbeddingOperator, "Net")


def on_classes(loss, **options) -> Row:
    """A row of a loss that needs not know how many classes there are."""
    return Row(lambda n: loss, **options)


def plain(x, y):
    """Batches as they come."""
    return x, y


ROWS = {
    "softmax classifier, the 16 numbers before": Row(
        lambda n: CrossEntropyLossLayer("Index"), plain, around=lambda net: NetChain([net, Ramp, LinearLayer(10), SoftmaxLayer()]), inside=0
    ),
    "`ContrastiveLossLayer()`, pairs": Row(lambda n: ContrastiveLossLayer(), pairs, "EuclideanDistance", NetPairEmbeddingOperator, "Net"),
    "`TripletMarginLossLayer()`, fixed triplets": triplets(lambda x, y: Sampled((x, y), FixedTripletSampler(len(x)))),
    "`TripletMarginLossLayer()`, hard negatives": triplets(lambda x, y: Sampled((x, y), HardNegativeSampler(), RoundLength=len(x))),
    "`PairContrastiveLossLayer()`": on_classes(PairContrastiveLossLayer()),
    "`TripletLossLayer()`, all triplets": on_classes(TripletLossLayer()),
    "`TripletLossLayer`, semi-hard": on_classes(TripletLossLayer(NegativeMining="SemiHard")),
    "`TripletLossLayer`, batch-hard": on_classes(TripletLossLayer(Miner="BatchHardMiner")),
    "`PNLossLayer()`": on_classes(PNLossLayer()),
    "`MultiSimilarityLossLayer()`": on_classes(MultiSimilarityLossLayer()),
    "the same, plain batches": on_classes(MultiSimilarityLossLayer(), data=plain),
    "`CircleLossLayer()`": on_classes(CircleLossLayer()),
    "`NTXentLossLayer()`": on_classes(NTXentLossLayer()),
    "`SupConLossLayer()`": on_classes(SupConLossLayer()),
    "`FastAPLossLayer()`": on_classes(FastAPLossLayer()),
    "`ProxyAnchorLossLayer(n)`": Row(ProxyAnchorLossLayer),
    "`ArcFaceLossLayer(n)`": Row(ArcFaceLossLayer),
}


def digits():
    """(images, digits) in a fixed random order."""
    images, names = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    return images[order].astype(np.float32) / 16, names[order].astype(np.int64)


def measured(row: Row, learned, judged, seed: int, rounds: int) -> tuple[float, float, float]:
    """(MAP@R, recall at 1, seconds of training) of one run."""
    x, y = learned
    net = NET if row.around is None else row.around(NET)
    start = time.perf_counter()
    trained = net_train(
        net, row.data(x, y), row.loss(int(y.max()) + 1), MaxTrainingRounds=rounds, RandomSeeding=seed, Plan="Eager",
        TrainingProgressReporting=None,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    embed = trained if row.inside is None else net_extract(trained, row.inside)
    return *embedding_measurements(embed(judged[0]), judged[1], SCORES, Distance=row.metric), seconds


def table(rows, splits, seeds: int, rounds: int) -> str:
    """The table as Markdown."""
    lines = [
        "| | held out: MAP@R | recall at 1 | unseen: MAP@R | recall at 1 | seconds |",
        "|---|---|---|---|---|---|",
    ]
    pixels = [embedding_measurements(*judged, SCORES) for _, judged in splits]
    lines.append("| the pixels | " + " | ".join(f"{score:.3f}" for found in pixels for score in found) + " | |")
    for name, row in rows.items():
        runs = np.array([[measured(row, *split, seed, rounds) for seed in range(seeds)] for split in splits])
        cells = [f"{found.mean():.3f} ± {found.std():.3f}" for split in runs for found in split.T[:2]]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {np.median(runs[0, :, 2]):.1f} |")
    return "\n".join(lines)


def main(arguments=None):
    """Measure all rows, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="runs of each (default 5)")
    parser.add_argument("--only", default="", help="the rows whose names have this word in them")
    parser.add_argument("--rounds", type=int, default=40, help="rounds of each (default 40)")
    options = parser.parse_args(arguments)
    x, y = digits()
    splits = [((x[:1200], y[:1200]), (x[1200:], y[1200:])), ((x[y < 7], y[y < 7]), (x[y >= 7], y[y >= 7]))]
    print(table({name: row for name, row in ROWS.items() if options.only in name}, splits, options.seeds, options.rounds))


if __name__ == "__main__":
    main()
