"""A generator learns a mixture of eight normal distributions in the plane from its samples alone, against a discriminator.

    python examples/gan_mixture.py [--rounds N] [--picture FILE]

The centres lie on a circle of radius 2, the deviation is 0.15. The generator makes points from normal noise; the discriminator tells them
from real ones; they take turns, an update each. At the end the discriminator is left with a guess: its two losses add up to 2 log 2.
"""

import argparse

import numpy as np

from netgraph import *

COMPONENTS, RADIUS, DEVIATION, LATENT, BATCH = 8, 2.0, 0.15, 2, 256
angle = 2 * np.pi * np.arange(COMPONENTS) / COMPONENTS
centres = RADIUS * np.stack([np.cos(angle), np.sin(angle)], 1)


def mixture(count, rng):
    """Points of the mixture."""
    return (centres[rng.integers(COMPONENTS, size=count)] + DEVIATION * rng.normal(size=(count, 2))).astype(np.float32)


def noise(count, rng):
    """What the generator makes points from."""
    return rng.normal(size=(count, LATENT)).astype(np.float32)


def sampler(info):
    """New real points and new noise for every batch."""
    return {"Sample": mixture(info.batch_size, info.numpy_generator), "Latent": noise(info.batch_size, info.numpy_generator)}


def shares(points):
    """For each component, the share of the points that lie within three deviations of its centre."""
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    nearest, close = distance.argmin(1), distance.min(1) < 3 * DEVIATION
    return np.bincount(nearest[close], minlength=COMPONENTS) / len(points)


def picture(real, made, discriminator, path):
    """Real and generated points, and what the discriminator says about the square."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    side = np.linspace(-3, 3, 201, dtype=np.float32)
    square = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    figure, axes = plt.subplots(1, 3, figsize=(15, 5), constrained_layout=True)
    for axis, points, title in zip(axes, (real, made), ("Real", "Generated"), strict=False):
        axis.scatter(*points.T, s=2, color="C0" if title == "Real" else "C1")
        axis.set(title=title, aspect="equal", xlim=(-3, 3), ylim=(-3, 3))
    shown = axes[2].imshow(discriminator(square).reshape(201, 201), origin="lower", extent=(-3, 3, -3, 3), vmin=0, vmax=1, cmap="RdBu")
    axes[2].set(title="The discriminator: how real")
    figure.colorbar(shown, ax=axes[2])
    figure.savefig(path, dpi=110)


def main(arguments=None):
    """Train, count, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300, help="rounds of 100 updates (default 300)")
    parser.add_argument("--picture", default="gan_mixture.png", help="where the picture goes")
    options = parser.parse_args(arguments)

    generator = NetChain([64, Ramp, 64, Ramp, 2])
    discriminator = NetChain([128, Ramp, 128, Ramp, LinearLayer(()), LogisticSigmoid])
    result = net_train(
        NetGANOperator([generator, discriminator], Sample=2, Latent=LATENT),
        (sampler, {"RoundLength": 100 * BATCH}),
        All,
        BatchSize=BATCH,
        MaxTrainingRounds=options.rounds,
        LearningRate=0.005,
        Method=("ADAM", {"Beta1": 0.5, "LearningRateSchedule": "Cosine"}),
        TrainingUpdateSchedule=["Discriminator", "Generator"],
    )
    gan = result.trained_net
    rng = np.random.default_rng(1234)
    real, made = mixture(5000, rng), net_extract(gan, "Generator")(noise(5000, rng))
    found, true = shares(made), shares(real)
    print(result)
    print(f"loss              {result.round_loss:.4f}  ({2 * np.log(2):.4f} where the discriminator can only guess)")
    print(f"near a centre     {found.sum():.4f}  (of the generated points; {true.sum():.4f} of real ones)")
    print(f"rarest component  {found.min():.4f}  (of the generated points; {true.min():.4f} of real ones)")
    picture(real, made, net_extract(gan, "Discriminator"), options.picture)
    print(f"picture           {options.picture}")


if __name__ == "__main__":
    main()
