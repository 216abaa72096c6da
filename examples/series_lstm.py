"""Time series of different lengths: what a long short-term memory sees coming, against rules that know no history or no memory.

    python examples/series_lstm.py [--time SECONDS] [--series N] [--picture FILE]

A series is a noisy sine, a sin(w t + p) + N(0, 0.1), of 12 to 60 steps; amplitude, frequency and phase are its own. Wanted is its value
without noise four steps after its end. The baselines are the last value, and the best linear rule on the last twelve values: linear rules
have to fit all frequencies at once, a memory finds out which one it has.
"""

import argparse

import numpy as np

from netgraph import *

AHEAD, SHORTEST, LONGEST, NOISE = 4, 12, 60, 0.1


def waves(count, rng):
    """`count` series, as arrays of shape (steps, 1), and the value that each has `AHEAD` steps after its end."""
    series, wanted = [], np.empty(count, np.float32)
    for i in range(count):
        a, w, p = rng.uniform(0.5, 1.5), rng.uniform(0.2, 1.2), rng.uniform(0, 2 * np.pi)
        t = np.arange(rng.integers(SHORTEST, LONGEST + 1))
        series.append((a * np.sin(w * t + p) + NOISE * rng.normal(size=len(t))).astype(np.float32)[:, None])
        wanted[i] = a * np.sin(w * (t[-1] + AHEAD) + p)
    return series, wanted


def linear(train, test):
    """What the linear rule on the last values, fitted by least squares, says of the test series."""
    last = [np.stack([np.append(one[-SHORTEST:, 0], 1) for one in series]) for series in (train[0], test[0])]
    return last[1] @ np.linalg.lstsq(last[0], train[1])[0]


def rms(found, wanted):
    """The root of the mean squared error."""
    return float(np.sqrt(np.mean((found - wanted) ** 2)))


def picture(test, found, baseline, path):
    """Three series with what comes after them, and all predictions against the truth."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), constrained_layout=True)
    for row, i in enumerate(np.argsort([len(series) for series in test[0]])[[0, len(found) // 2, -1]]):
        steps, shift = len(test[0][i]), 4 * row
        left.plot(np.arange(steps), test[0][i][:, 0] + shift, color="0.5", lw=1)
        for value, mark, colour in ((test[1][i], "o", "0.2"), (baseline[i], "s", "C1"), (found[i], "x", "C0")):
            left.plot(steps - 1 + AHEAD, value + shift, mark, color=colour, ms=7)
    left.plot([], [], "o", color="0.2", label="what comes")
    left.plot([], [], "x", color="C0", label="the net")
    left.plot([], [], "s", color="C1", label="the linear rule")
    left.set(title="Three series", xlabel="step", yticks=[])
    left.legend(loc="lower right")
    right.scatter(test[1], baseline, s=5, color="C1", label="the linear rule")
    right.scatter(test[1], found, s=5, color="C0", label="the net")
    right.axline((0, 0), slope=1, color="0.5", lw=1)
    right.set(title=f"{AHEAD} steps ahead", xlabel="true", ylabel="predicted")
    right.legend()
    figure.savefig(path, dpi=110)


def main(arguments=None):
    """Train, compare, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=float, default=30, help="seconds to train (default 30)")
    parser.add_argument("--series", type=int, default=4000, help="how many series to train on (default 4000)")
    parser.add_argument("--picture", default="series_lstm.png", help="where the picture goes")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(1234)
    train, valid, test = (waves(count, rng) for count in (options.series, 500, 1000))
    net = NetChain([LongShortTermMemoryLayer(48), SequenceLastLayer(), 32, Ramp, LinearLayer(())], Input=("Varying", 1))
    result = net_train(
        net,
        train,
        All,
        ValidationSet=valid,
        BatchSize=64,
        LearningRate=0.005,
        Method=("ADAM", {"LearningRateSchedule": "Cosine", "GradientNormClipping": 1.0}),
        TimeGoal=options.time,
    )
    found = result.trained_net(test[0])
    baseline, last = linear(train, test), np.array([series[-1, 0] for series in test[0]])
    print(result)
    print(f"root mean square   {rms(found, test[1]):.4f}  (the net)")
    print(f"the linear rule    {rms(baseline, test[1]):.4f}  (of the last {SHORTEST} values)")
    print(f"the last value     {rms(last, test[1]):.4f}  (as it is)")
    picture(test, found, baseline, options.picture)
    print(f"picture            {options.picture}")


if __name__ == "__main__":
    main()
