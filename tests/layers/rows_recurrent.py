"""Rows of the recurrent layers."""

import numpy as np

from netgraph import Automatic, BasicRecurrentLayer, GatedRecurrentLayer, LongShortTermMemoryLayer, NetChain
from tests.layers.harness import Row

CELL = {"InputWeights": [[0.1, 0.2], [0.3, 0.4]], "StateWeights": [[0.5, -0.5], [0.25, 0.75]], "Biases": [0.1, -0.1]}
DATA = [[1, -1], [0.5, 2]]
GATED = ("InputGate", "ResetGate", "MemoryGate")
GUARDED = ("InputGate", "OutputGate", "ForgetGate", "MemoryGate")


def every_gate(*gates):
    """The same arrays at every gate."""
    return {gate + name: value for gate in gates for name, value in CELL.items()}


def shapes(n, k, *gates):
    return {gate + name: shape for gate in gates for name, shape in (("InputWeights", (n, k)), ("StateWeights", (n, n)), ("Biases", (n,)))}


def logistic(x):
    return 1 / (1 + np.exp(-x))


def kept(draws, p):
    return (draws >= p) / (1 - p)


def basic(x, s=None, *, masks=None, **arrays):
    """A sequence through the formula of the layer: all states, and the last; `masks` are factors of weights, input, state and update."""
    s = np.zeros(len(arrays["Biases"])) if s is None else s
    out = []
    for t, row in enumerate(x):
        a, b = parts("", 0, row, s, masks, arrays)
        s = np.tanh(a + b + arrays["Biases"]) * (1 if masks is None else masks[3][t])
        out.append(s)
    return np.stack(out), s


def parts(gate, number, x, s, masks, arrays):
    """What a gate gets from the input and from the state, without its bias."""
    weights, given, recurrent = (1, 1, 1) if masks is None else (mask[number] for mask in masks[:3])
    return given * (arrays[f"{gate}InputWeights"] @ x), recurrent * ((weights * arrays[f"{gate}StateWeights"]) @ s)


def gated(x, s=None, *, masks=None, **arrays):
    s = np.zeros(len(arrays["InputGateBiases"])) if s is None else s
    out = []
    for t, row in enumerate(x):
        (ra, rb), (ia, ib), (ma, mb) = (parts(g, n, row, s, masks, arrays) for n, g in enumerate(("ResetGate", "InputGate", "MemoryGate")))
        i, r = logistic(ia + ib + arrays["InputGateBiases"]), logistic(ra + rb + arrays["ResetGateBiases"])
        m = np.tanh(ma + r * mb + arrays["MemoryGateBiases"]) * (1 if masks is None else masks[3][t])
        s = (1 - i) * m + i * s
        out.append(s)
    return np.stack(out), s


def guarded(x, s=None, c=None, *, masks=None, **arrays):
    n = len(arrays["InputGateBiases"])
    s, c = np.zeros(n) if s is None else s, np.zeros(n) if c is None else c
    out = []
    for t, row in enumerate(x):
        sums = [
            sum(parts(g, k, row, s, masks, arrays)) + arrays[f"{g}Biases"]
            for k, g in enumerate(("InputGate", "ForgetGate", "MemoryGate", "OutputGate"))
        ]
        i, f, o = logistic(sums[0]), logistic(sums[1]), logistic(sums[3])
        c = f * c + i * np.tanh(sums[2]) * (1 if masks is None else masks[3][t])
        s = o * np.tanh(c)
        out.append(s)
    return np.stack(out), s, c


def dropped(formula, **p):
    """The formula with all four kinds of dropout, on a batch; the draws of each kind come in the order of the layer's declaration."""

    def trains(x, *draws, **arrays):
        found = dict(zip([name for name in ("weights", "input", "state", "update") if name in p], draws, strict=True))
        results = []
        for i, example in enumerate(x):
            masks = []
            for name in ("weights", "input", "state", "update"):
                mask = kept(found[name][0 if name == "weights" else i], p[name]) if name in found else np.ones((9, 1))
                masks.append(mask[None] if formula is basic and name in found and name != "update" else mask)
            results.append(formula(example, masks=masks, **arrays))
        return tuple(np.stack(parts) for parts in zip(*results, strict=True))

    return trains


def drawn(cls):
    return lambda pick: (cls(pick(1, 4)), {"Input": (pick(1, 5), pick(1, 3))})


def wrong(cls):
    name = cls.__name__
    return [
        (lambda: cls(0), f"{name}: Size wants a whole number from 1 or Automatic, got 0"),
        (lambda: cls(2, Dropout=1.0), f"{name}: Dropout wants probabilities from 0 to below 1, got 1.0"),
        (lambda: cls(2, Dropout={"StateUpdate": "a"}), f"{name}: Dropout wants probabilities from 0 to below 1, got 'a'"),
        (
            lambda: cls(2, Dropout={"StateZoneout": 0.5}),
            f"{name}: Dropout wants methods among VariationalWeights, VariationalInput, VariationalState, StateUpdate, got 'StateZoneout'",
        ),
        (
            lambda: cls(2, Dropout="StateUpdate"),
            f"{name}: Dropout wants a probability, or a dict of probabilities by method, got 'StateUpdate'",
        ),
        (lambda: cls(2, Dropout=True), f"{name}: Dropout wants a probability, or a dict of probabilities by method, got True"),
        (
            lambda: cls(2, Input=3),
            f"Input: 1 axis on one side and 2 axes on the other\n  (3,): {name} was given Input=3\n  (?, ?): {name}(2, Input=3)",
        ),
        (
            lambda: cls(2, Input=("Varying", "Varying")),
            f'{name}: the size of the vectors cannot vary\n  Varying: {name} was given Input=("Varying", "Varying")',
        ),
        (
            lambda: cls(Output=(3, "Varying")),
            f'{name}: the size of the state cannot vary\n  Varying: {name} was given Output=(3, "Varying")',
        ),
        (
            lambda: NetChain([cls(2), cls(3, Output=(4, 5))]),
            f"Output: axis 1 is 5 on one side and 3 on the other\n  5: {name} was given Output=(4, 5)\n  3: {name}(3, Output=(4, 5))",
        ),
    ]


def family(cls, formula, gates, first):
    every = {"VariationalWeights": 0.2, "VariationalInput": 0.3, "VariationalState": 0.4, "StateUpdate": 0.5}
    return [
        Row(
            cls(3), {"Input": (4, 2)}, (4, 3), shapes(3, 2, *gates),
            reference=lambda x, **arrays: formula(x, **arrays)[0],
            solves=[
                ({"Input": (Automatic, 2), "Output": (6, 3)}, {"Input": (6, 2)}),
                ({"Output": (5, 3)}, {"Input": (5, Automatic)}),
            ],
            draw=drawn(cls),
            varying={"Input": ("Varying", 2)},
            wrong=wrong(cls),
        ),
        Row(
            cls(2, **every_gate(*gates)), {"Input": (2, 2)}, (2, 2), shapes(2, 2, *gates),
            reference=lambda x, **arrays: formula(x, **arrays)[0],
            vectors=[(DATA, first)],
            evaluable=False,
        ),
        Row(
            cls(2, Dropout=0.3), {"Input": (3, 2)}, (3, 2), shapes(2, 2, *gates),
            reference=lambda x, **arrays: formula(x, **arrays)[0],
            trains=dropped(formula, weights=0.3),
            varying={"Input": ("Varying", 2)},
        ),
        Row(
            cls(2, Dropout=every), {"Input": (3, 4)}, (3, 2), shapes(2, 4, *gates),
            reference=lambda x, **arrays: formula(x, **arrays)[0],
            trains=dropped(formula, weights=0.2, input=0.3, state=0.4, update=0.5),
        ),
        Row(
            cls(2, Dropout=("StateUpdate", 0.5)), {"Input": (1, 1)}, (1, 2), shapes(2, 1, *gates),
            trains=dropped(formula, update=0.5),
            varying={"Input": ("Varying", 1)},
        ),
    ]  # fmt: skip


ROWS = [
    *family(BasicRecurrentLayer, basic, ("",), [[0, -0.1973753], [0.5707858, 0.6056158]]),
    *family(GatedRecurrentLayer, gated, GATED, [[0, -0.1085237], [0.1859970, 0.1352113]]),
    *family(LongShortTermMemoryLayer, guarded, GUARDED, [[0, -0.0398931], [0.2029738, 0.2679364]]),
]
