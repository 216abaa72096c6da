"""Rows of CTCLossLayer; values and gradients against torch's are in test_ctc_loss.py."""

import itertools
import math

import numpy as np

from netgraph import CTCLossLayer, Integer
from tests.layers.harness import Row


def collapsed(path, blank):
    """What an alignment says: repeats merged, then blanks left out."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


def by_enumeration(x, target):
    """Minus the logarithm of the sum over all alignments, one by one."""
    steps, classes = x.shape
    paths = itertools.product(range(classes), repeat=steps)
    total = sum(math.prod(x[t, k] for t, k in enumerate(path)) for path in paths if collapsed(path, classes - 1) == tuple(target))
    return -math.log(total) if total else math.inf


def draw(pick):
    steps, symbols = pick(1, 5), pick(1, 3)
    return CTCLossLayer(), {"Input": (steps, symbols + 1), "Target": (pick(1, steps), Integer(symbols))}


INSIDE = (0.05, 0.95)

ROWS = [
    Row(
        CTCLossLayer(), {"Input": (5, 3), "Target": (2, Integer(2))}, (),
        reference=by_enumeration,
        solves=[
            ({"Input": (5, 3), "Target": (2,)}, {"Target": (2,), "Loss": ()}),
            ({"Target": (2, Integer(4))}, {"Input": (None, 5)}),
        ],
        draw=draw,
        domain=INSIDE,
        varying={"Input": ("Varying", 4), "Target": ("Varying", Integer(3))},
        vectors=[
            ({"Input": [[0.6, 0.4], [0.5, 0.5]], "Target": [0]}, -math.log(0.8)),
            ({"Input": [[0.6, 0.4], [0.5, 0.5]], "Target": [0, 0]}, math.inf),
            ({"Input": [[0.6, 0.4]], "Target": [0]}, -math.log(0.6)),
            ({"Input": [[0.0, 1.0], [0.5, 0.5]], "Target": [0]}, -math.log(0.5)),
        ],
        wrong=[
            (lambda: CTCLossLayer(1), "CTCLossLayer takes no positional arguments, got 1"),
            (
                lambda: CTCLossLayer(Input=(2, 3), Target=3),
                "CTCLossLayer: a target of 3 symbols does not fit in 2 steps\n"
                "  3: CTCLossLayer was given Target=3\n"
                "  2: CTCLossLayer was given Input=(2, 3)",
            ),
            (
                lambda: CTCLossLayer(Input=(2, 3), Target=(1, Integer(3))),
                "CTCLossLayer: the number of classes, one the blank, is 3 on one side and 4 on the other\n"
                "  3: CTCLossLayer was given Input=(2, 3)\n"
                "  4: 3 + 1 = 4, of 3: CTCLossLayer was given Target=(1, Integer(3))",
            ),
            (
                lambda: CTCLossLayer(Input=(2, 3))({"Input": np.full((2, 3), 1 / 3), "Target": [2]}),
                "Target: wants integers from 0 to 1, got 2 at [0]",
            ),
        ],
    ),
    Row(CTCLossLayer(), {"Input": (1, 2), "Target": (1, Integer(1))}, (), reference=by_enumeration, domain=INSIDE),
    Row(
        CTCLossLayer(), {"Input": (4, 3), "Target": (2, Integer(2))}, (), domain=INSIDE,
        varying={"Input": ("Varying", 3), "Target": (2, Integer(2))},
    ),
]  # fmt: skip
