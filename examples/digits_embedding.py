"""Digits embedded by four losses side by side: scikit-learn's 1,797 images of 8 x 8, 1,200 to learn from, the others held out.

    python examples/digits_embedding.py [--rounds N] [--method TSNE|PCA] [--picture FILE] [--neighbors FILE]

The same net, batches of 8 examples of each of 8 digits, four losses on classes. Printed are, for the held-out images, MAP@R (how pure the
neighbourhood of an image is, up to the size of its class) and the share of images whose nearest neighbour is of their class; the first line
is of the pixels themselves. The picture shows the held-out embeddings, the other one images with their nearest neighbours.
"""

import argparse
import time

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from netgraph import *

TRAINED = 1200
LOSSES = {
    "semi-hard triplets": TripletLossLayer(NegativeMining="SemiHard"),
    "PN": PNLossLayer(),
    "multi-similarity": MultiSimilarityLossLayer(),
    "SupCon": SupConLossLayer(),
}
SCORES = ["MAPAtR", ("RecallAt", 1)]


def main(arguments=None):
    """Train four nets, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="rounds to train each (default 40)")
    parser.add_argument("--method", default="TSNE", choices=["TSNE", "PCA"], help="how the embeddings are drawn (default TSNE)")
    parser.add_argument("--picture", default="digits_embedding.png", help="where the picture of the embeddings goes")
    parser.add_argument("--neighbors", default="digits_neighbors.png", help="where the picture of nearest neighbours goes")
    options = parser.parse_args(arguments)

    images, digits = load_digits(return_X_y=True)
    images, digits = images.astype(np.float32) / 16, digits.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(images))
    images, digits = images[order], digits[order]
    train, held, names = Sampled((images[:TRAINED], digits[:TRAINED]), MPerClassSampler(8)), images[TRAINED:], digits[TRAINED:]

    net = NetChain([64, Ramp, 16], Input=64)
    figure = Figure(figsize=(11, 10.5), layout="constrained")
    print(f"{'':20}    MAP@R  recall@1  seconds")
    print("{:20}   {:.4f}    {:.4f}".format("pixels", *embedding_measurements(held, names, SCORES)))
    embedded = held
    for (name, loss), axes in zip(LOSSES.items(), figure.subplots(2, 2).flat, strict=True):
        start = time.perf_counter()
        trained = net_train(net, train, loss, BatchSize=64, MaxTrainingRounds=options.rounds, TrainingProgressReporting=None)
        seconds = time.perf_counter() - start
        embedded = trained(held)
        # all four losses compare directions, so the scores do too
        purity, first = embedding_measurements(embedded, names, SCORES, Distance="CosineSimilarity")
        print(f"{name:20}   {purity:.4f}    {first:.4f}  {seconds:7.1f}")
        directions = embedded / np.linalg.norm(embedded, axis=1, keepdims=True)
        embedding_plot(directions, names, Method=options.method, Axes=axes, Title=f"{name}: MAP@R {purity:.3f}")
    figure.savefig(options.picture, dpi=100)
    strips = neighbor_plot(held.reshape(-1, 8, 8), embedded, names, Queries=hardest(embedded, names), Distance="CosineSimilarity")
    strips.savefig(options.neighbors, dpi=100)
    print(f"pictures               {options.picture}, {options.neighbors}")


def hardest(embeddings, classes, count=8):
    """The images that lie nearest to one of another class, by directions."""
    directions = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    similarity = np.where(classes[:, None] == classes, -1, directions @ directions.T)
    return np.argsort(-similarity.max(1), kind="stable")[:count]


if __name__ == "__main__":
    main()
