"""The benchmark of losses on digits in a tiny mode: each kind of row trains and is measured."""

import numpy as np

from benchmarks.losses_on_digits import ROWS, digits, pairs, table
from netgraph.data.info import Info


def test_the_table():
    x, y = digits()
    splits = [((x[:200], y[:200]), (x[200:300], y[200:300]))]
    names = [
        "softmax classifier, the 16 numbers before", "`ContrastiveLossLayer()`, pairs", "`TripletMarginLossLayer()`, hard negatives",
        "`PNLossLayer()`", "`ArcFaceLossLayer(n)`",
    ]  # fmt: skip
    lines = table({name: ROWS[name] for name in names}, splits, 1, 1).splitlines()
    assert [line.split(" | ")[0] for line in lines[3:]] == [f"| {name}" for name in names]
    scores = np.array([[float(cell.split()[0]) for cell in line.split(" | ")[1:3]] for line in lines[3:]])
    assert ((scores > 0.05) & (scores <= 1)).all()


def test_half_of_the_pairs_differ():
    x, y = digits()
    sample, options = pairs(x[:100], y[:100])
    batch = sample(Info(400, 1, 1, 1234))
    assert batch["Input"].shape == (400, 2, 64) and options == {"RoundLength": 100} and abs(batch["Target"].mean() - 0.5) < 0.1
    places = {row.tobytes(): digit for row, digit in zip(x[:100], y[:100], strict=True)}
    found = [places[a.tobytes()] != places[b.tobytes()] for a, b in batch["Input"]]
    assert found == batch["Target"].tolist()
