"""A spiral unrolled: pairs of points of a plane spiral are embedded on a line by a contrastive loss.

    python examples/spiral_embedding.py [--time SECONDS] [--picture FILE]

Points r -> (r + U(0, 5.5)) / 15 * (cos(r + U(0, 0.1)), sin(r + U(0, 0.1))) for r from 0 to 6 pi. A pair is True, "keep apart", where its
parameters differ by more than pi. The net sees points and pairs only, never r; the learned embedding follows r along the spiral.
"""

import argparse

import numpy as np

from netgraph import *

STEP = 0.002
r = np.arange(0, 6 * np.pi, STEP)


def points(r, rng):
    """The noisy points of the spiral at the parameters `r`."""
    radius = (r + rng.uniform(0, 5.5, r.shape)) / 15
    return np.stack([radius * np.cos(r + rng.uniform(0, 0.1, r.shape)), radius * np.sin(r + rng.uniform(0, 0.1, r.shape))], -1).astype(
        np.float32
    )


def sampler(data, r):
    """A generator of pairs: which members they have is a function of the seed and the number of the batch alone."""

    def sample(info):
        i, j = info.numpy_generator.integers(len(r), size=(2, info.batch_size))
        return {"Input": np.stack([data[i], data[j]], 1), "Target": np.abs(r[i] - r[j]) > np.pi}

    return sample


def auc(distance, apart):
    """The area under the ROC curve of telling `apart` by distance: the share of (apart, close) pairs in the right order."""
    rank = np.empty(len(distance))
    rank[np.argsort(distance, kind="stable")] = np.arange(1, len(distance) + 1)
    high = apart.sum()
    return (rank[apart].sum() - high * (high + 1) / 2) / (high * (len(apart) - high))


def rank_correlation(a, b):
    """Spearman's rank correlation."""
    return float(np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1])


def picture(embed, data, values, path):
    """Two panels: the data coloured by embedding, and the embedding over the square [-1.3, 1.3]."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    side = np.linspace(-1.3, 1.3, 261, dtype=np.float32)
    square = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    field = embed(square).reshape(261, 261)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), constrained_layout=True)
    left.scatter(*data.T, c=values, s=2, cmap="viridis")
    left.set(title="The data, coloured by embedding", aspect="equal", xlim=(-1.7, 1.7), ylim=(-1.7, 1.7))
    shown = right.imshow(field, origin="lower", extent=(-1.3, 1.3, -1.3, 1.3), cmap="viridis")
    right.set(title="The embedding over the square")
    figure.colorbar(shown, ax=right, label="embedding")
    figure.savefig(path, dpi=110)


def main(arguments=None):
    """Train, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=float, default=20, help="seconds to train (default 20; the original takes 120)")
    parser.add_argument("--picture", default="spiral_embedding.png", help="where the picture goes")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(1234)
    data = points(r, rng)
    mlp = NetChain([200, Ramp, 100, Ramp, 20, Tanh, 1], Input=2)
    loss_net = NetPairEmbeddingOperator(mlp)
    result = net_train(loss_net, sampler(data, r), All, LossFunction=ContrastiveLossLayer(), BatchSize=512, TimeGoal=options.time)
    trained = result.trained_net
    embed = net_extract(trained, "Net")

    values = embed(data)[:, 0]
    i, j = rng.integers(len(r), size=(2, 20_000))
    distance = trained(np.stack([data[i], data[j]], 1))
    apart = np.abs(r[i] - r[j]) > np.pi
    print(result)
    print(f"loss              {np.mean(result.batch_loss_list[-100:]):.4f}  (mean of the last 100 batches)")
    print(f"AUC               {auc(distance, apart):.4f}  (distance against True)")
    print(f"rank correlation  {abs(rank_correlation(values, r)):.4f}  (embedding with r)")
    picture(embed, data, values, options.picture)
    print(f"picture           {options.picture}")


if __name__ == "__main__":
    main()
