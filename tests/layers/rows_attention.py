"""Rows of the attention layer."""

import numpy as np

from netgraph import (
    AttentionLayer,
    Automatic,
    DotLayer,
    DropoutLayer,
    FunctionLayer,
    LinearLayer,
    NetArray,
    NetGraph,
    NetPort,
    Plus,
    Tanh,
)
from tests.layers.harness import Row


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def one_head(key, value, query, score, scale, window):
    """The attention of vectors: (positions x k, positions x v, queries x q) -> (outputs, weights)."""
    scores = np.array([[score(k, q) for k in key] for q in query]) * scale
    if window:
        past = np.arange(len(query))[:, None] - np.arange(len(key))
        scores = np.where((past >= 0) & (past < window), scores, -np.inf)
    weights = softmax(scores)
    return weights @ value, weights


def attention(score=lambda k, q, **arrays: k @ q, heads=False, sqrt=False, window=0):
    def reference(key, value, query, **arrays):
        split = (lambda x: np.moveaxis(x, -2, 0)) if heads else (lambda x: x[None])
        keys, values, queries = split(key), split(value), split(query)
        scale = key.shape[-1] ** -0.5 if sqrt else 1
        flat = [x.reshape(len(x), -1, x.shape[-1]) for x in (keys, values, queries)]
        found = [one_head(k, v, q, lambda k, q: score(k, q, **arrays), scale, window)[0] for k, v, q in zip(*flat, strict=True)]
        result = np.stack(found).reshape(*queries.shape[:-1], value.shape[-1])
        return np.moveaxis(result, 0, -2) if heads else result[0]

    return reference


def bilinear(k, q, Weights):
    return k @ Weights @ q


def additive(k, q, **arrays):
    """Bahdanau's score: w . tanh(A k + B q)."""
    hidden = np.tanh(arrays["ScoringNet/of key/Weights"] @ k + arrays["ScoringNet/asked/Weights"] @ q)
    return (arrays["ScoringNet/score/Weights"] @ hidden).item()


def bahdanau(size=3):
    parts = {"of key": LinearLayer(size, Biases=None), "asked": LinearLayer(size, Biases=None), "add": Plus, "tanh": Tanh}
    parts["score"] = LinearLayer((), Biases=None)
    edges = ["Input -> of key", "Query -> asked", (("of key", "asked"), "add"), "add -> tanh -> score"]
    return NetGraph(parts, edges)


def dropped(p, sqrt=False):
    def trains(key, value, query, draws):
        weights = softmax(query @ key.swapaxes(1, 2) * (key.shape[-1] ** -0.5 if sqrt else 1))
        return (np.where(draws >= p, weights / (1 - p), 0) @ value,)

    return trains


def drawn(scoring):
    def draw(pick):
        heads, k, v = pick(0, 1), pick(1, 3), pick(1, 3)
        q = k if scoring == "Dot" else pick(1, 3)
        steps, asked = [pick(1, 4) for _ in range(pick(1, 2))], [pick(1, 4) for _ in range(pick(0, 2))]
        head = [pick(1, 3)] if heads else []
        layer = AttentionLayer(scoring, MultiHead=bool(heads), Dropout=0.5 if pick(0, 1) else 0)
        return layer, {"Key": (*steps, *head, k), "Value": (*steps, *head, v), "Query": (*asked, *head, q)}

    return draw


def drawn_masks(pick):
    mask = ("Causal", pick(1, 4)) if pick(0, 1) else "Causal"
    length, k, head = pick(1, 5), pick(1, 3), [pick(1, 3)] if pick(0, 1) else []
    layer = AttentionLayer("Dot", Mask=mask, MultiHead=bool(head), ScoreRescaling="DimensionSqrt")
    return layer, {"Key": (length, *head, k), "Value": (length, *head, pick(1, 3)), "Query": (length, *head, k)}


def ports(key, value, query):
    return {"Key": key, "Value": value, "Query": query}


KEYS, VALUES = [[1, 0], [0, 1], [1, 1]], [[1, 2], [3, 4], [5, 6]]
FEW = ports(KEYS, VALUES, [1, 2])

ROWS = [
    Row(
        AttentionLayer("Dot"), ports((4, 3), (4, 2), (5, 3)), (5, 2),
        reference=attention(),
        solves=[
            (ports((4, 3), (Automatic, 2), (5, Automatic)), {"Query": (5, 3), "Value": (4, 2), "Output": (5, 2)}),
            ({"Value": (4, 2), "Query": (3,)}, {"Key": (4, 3), "Output": (2,)}),
            ({"Key": (2, 4, 3), "Output": (6, 7, 5)}, {"Value": (2, 4, 5), "Query": (6, 7, 3)}),
        ],
        draw=drawn("Dot"),
        varying=ports(("Varying", 3), ("Varying", 2), ("Varying", 3)),
        vectors=[(FEW, [4.1504208, 5.1504208])],
        wrong=[
            (
                lambda: AttentionLayer("dot"),
                'AttentionLayer: ScoringNet wants "Dot", "Bilinear" or a net with the inputs "Input" and "Query", got \'dot\'',
            ),
            (lambda: AttentionLayer("Dot", Dropout=1), "AttentionLayer: Dropout wants a number from 0 below 1, got 1"),
            (
                lambda: AttentionLayer("Dot", Mask=True),
                'AttentionLayer: Mask wants None, "Causal" or ("Causal", n) with a whole number n from 1, got True',
            ),
            (
                lambda: AttentionLayer("Dot", Mask=("Causal", 0)),
                'AttentionLayer: Mask wants None, "Causal" or ("Causal", n) with a whole number n from 1, got (\'Causal\', 0)',
            ),
            (lambda: AttentionLayer("Dot", MultiHead=2), "AttentionLayer: MultiHead wants True or False, got 2"),
            (lambda: AttentionLayer("Dot", ScoreRescaling=2), 'AttentionLayer: ScoreRescaling wants None or "DimensionSqrt", got 2'),
            (lambda: AttentionLayer("Dot", Weights=[[1]]), 'AttentionLayer: only the Bilinear score has Weights, the score is "Dot"'),
            (
                lambda: AttentionLayer("Dot", Weights=NetArray("w")),
                'AttentionLayer: only the Bilinear score has Weights, the score is "Dot"',
            ),
            (
                lambda: AttentionLayer("Dot", Key=(4, 3), Query=(5, 2)),
                "Query: axis 1 is 2 on one side and 3 on the other\n"
                "  2: AttentionLayer was given Query=(5, 2)\n"
                "  3: AttentionLayer was given Key=(4, 3)",
            ),
            (
                lambda: AttentionLayer("Dot", Key=3),
                "Key: at least one level of positions is wanted before the vectors\n"
                "  (3,): AttentionLayer was given Key=3",
            ),
            (
                lambda: AttentionLayer("Dot", MultiHead=True, Key=(2, 3)),
                "Key: at least one level of positions is wanted before the heads\n"
                "  (2, 3): AttentionLayer was given Key=(2, 3)",
            ),
            (
                lambda: AttentionLayer("Dot", MultiHead=True, Key=(3,)),
                "AttentionLayer: no axis where at least 1 axis is wanted\n"
                "  (): AttentionLayer was given Key=3",
            ),
            (
                lambda: AttentionLayer("Dot", Key=(4, 3), Value=(5, 3)),
                "Value: the length is 5 on one side and 4 on the other\n"
                "  5: AttentionLayer was given Value=(5, 3)\n"
                "  4: AttentionLayer was given Key=(4, 3)",
            ),
            (
                lambda: AttentionLayer("Dot", MultiHead=True, Key=(4, 2, 3), Query=(5, 3, 3)),
                "AttentionLayer: axis 1 is 3 on one side and 2 on the other\n"
                "  3: AttentionLayer was given Query=(5, 3, 3)\n"
                "  2: AttentionLayer was given Key=(4, 2, 3)",
            ),
            (
                lambda: AttentionLayer("Dot", Key=(4, "Varying")),
                "AttentionLayer: the size of the keys cannot vary\n"
                '  Varying: AttentionLayer was given Key=(4, "Varying")',
            ),
            (
                lambda: AttentionLayer("Dot", Value=(4, "Varying")),
                "AttentionLayer: the size of the values cannot vary\n"
                '  Varying: AttentionLayer was given Value=(4, "Varying")',
            ),
            (
                lambda: AttentionLayer(Query=(4, "Varying")),
                "AttentionLayer: the size of the queries cannot vary\n"
                '  Varying: AttentionLayer was given Query=(4, "Varying")',
            ),
            (
                lambda: AttentionLayer("Dot", MultiHead=True, Key=(4, "Varying", 2)),
                "AttentionLayer: the number of heads cannot vary\n"
                '  Varying: AttentionLayer was given Key=(4, "Varying", 2)',
            ),
            (
                lambda: AttentionLayer("Dot", Mask="Causal", Key=(4, 3), Query=(5, 3)),
                "Query: the length is 5 on one side and 4 on the other\n"
                "  5: AttentionLayer was given Query=(5, 3)\n"
                "  4: AttentionLayer was given Key=(4, 3)",
            ),
            (
                lambda: AttentionLayer("Dot", Mask="Causal", Key=(4, 2, 3)),
                "Key: 2 axes on one side and 1 axis on the other\n"
                "  (4, 2): AttentionLayer was given Key=(4, 2, 3)\n"
                '  (?,): AttentionLayer("Dot", Mask="Causal", Key=(4, 2, 3))',
            ),
            (
                lambda: AttentionLayer("Dot", Mask="Causal", Query=(2, 2, 3)),
                "Query: 2 axes on one side and 1 axis on the other\n"
                "  (2, 2): AttentionLayer was given Query=(2, 2, 3)\n"
                '  (?,): AttentionLayer("Dot", Mask="Causal", Query=(2, 2, 3))',
            ),
            (
                lambda: AttentionLayer("Dot", Mask="Causal", Key=("Varying", 3), Query=(5, 3)),
                "Query: the length is 5 on one side and Varying on the other\n"
                "  5: AttentionLayer was given Query=(5, 3)\n"
                '  Varying: AttentionLayer was given Key=("Varying", 3)',
            ),
            (
                lambda: AttentionLayer(Weights=[[1, 2]], Key=(4, 3)),
                "Key: axis 1 is 3 on one side and 1 on the other\n"
                "  3: AttentionLayer was given Key=(4, 3)\n"
                "  1: Weights was given an array of shape (1, 2)",
            ),
            (
                lambda: AttentionLayer(LinearLayer(())),
                'AttentionLayer: ScoringNet wants the inputs "Input" and "Query" and the output "Output", '
                'LinearLayer(()) has the inputs "Input" and the outputs "Output"',
            ),
            (
                lambda: AttentionLayer(NetGraph({"dot": DotLayer()}, [((NetPort("Input"), NetPort("q")), "dot")])),
                'AttentionLayer: ScoringNet wants the inputs "Input" and "Query" and the output "Output", '
                'NetGraph({"dot": DotLayer(InputPorts=2)}, [(NetPort("Inpu... has the inputs "Input", "q" and the outputs "Output"',
            ),
            (
                lambda: AttentionLayer(FunctionLayer(lambda Input, Query: Input * Query), Key=(4, 3), Query=(5, 3)),
                "ScoringNet: no axis on one side and 1 axis on the other\n"
                "  (): AttentionLayer(FunctionLayer[0], Key=(4, 3), Query=(5, 3))\n"
                "  (3,): ScoringNet is FunctionLayer(Input * Query)",
            ),
            (
                lambda: AttentionLayer("Dot")({"Key": KEYS, "Value": VALUES}),
                'AttentionLayer("Dot"): the data has no "Query"\n'
                '  try: {"Key": ..., "Value": ..., "Query": ...}',
            ),
            (
                lambda: AttentionLayer("Dot")({**FEW, "Query": [1, 2, 3]}),
                "Query: axis 0 is 3 on one side and 2 on the other\n"
                "  3: the data\n"
                "  2: the data",
            ),
            (
                lambda: AttentionLayer("Dot")(FEW, "Weights"),
                'AttentionLayer("Dot") has no output port or part \'Weights\', did you mean "AttentionWeights"?',
            ),
        ],
    ),
    Row(
        AttentionLayer("Dot", ScoreRescaling="DimensionSqrt"), ports((4, 3), (4, 2), (3,)), (2,),
        reference=attention(sqrt=True),
        varying=ports(("Varying", 3), ("Varying", 2), (3,)),
        vectors=[(FEW, [3.8718922, 4.8718922])],
    ),
    Row(
        AttentionLayer("Dot"), ports((2, 4, 3), (2, 4, 2), (2, 2, 3)), (2, 2, 2),
        reference=attention(),
        varying=ports(("Varying", "Varying", 3), ("Varying", "Varying", 2), (2, "Varying", 3)),
    ),
    Row(
        AttentionLayer("Dot", MultiHead=True, ScoreRescaling="DimensionSqrt"), ports((4, 2, 3), (4, 2, 5), (3, 2, 3)), (3, 2, 5),
        reference=attention(heads=True, sqrt=True),
        solves=[(ports((4, 2, 3), (4, Automatic, 5), (Automatic, 3)), {"Query": (2, 3), "Output": (2, 5)})],
        varying=ports(("Varying", 2, 3), ("Varying", 2, 5), ("Varying", 2, 3)),
    ),
    Row(
        AttentionLayer("Dot", MultiHead=True), ports((2, 3, 2, 3), (2, 3, 2, 2), (2, 3)), (2, 2),
        reference=attention(heads=True),
        varying=ports(("Varying", 3, 2, 3), ("Varying", 3, 2, 2), (2, 3)),
    ),
    Row(
        AttentionLayer("Dot", Mask="Causal"), ports((4, 2), (4, 3), (4, 2)), (4, 3),
        reference=attention(window=99),
        solves=[({"Key": (4, 2)}, {"Query": (4, 2)}), ({"Output": (4, 3), "Key": (Automatic, 2)}, {"Key": (4, 2), "Value": (4, 3)})],
        draw=drawn_masks,
        varying=ports(("Varying", 2), ("Varying", 3), ("Varying", 2)),
        vectors=[(ports(KEYS, VALUES, KEYS), [[1, 2], [2.4621172, 3.4621172], [3.7283507, 4.7283507]])],
    ),
    Row(
        AttentionLayer("Dot", Mask=("Causal", 2), MultiHead=True), ports((5, 2, 3), (5, 2, 2), (5, 2, 3)), (5, 2, 2),
        reference=attention(heads=True, window=2),
        varying=ports(("Varying", 2, 3), ("Varying", 2, 2), ("Varying", 2, 3)),
    ),
    Row(
        AttentionLayer("Dot", Mask="Causal"), ports((4, 2), (4, 3), (2,)), (3,),
        reference=attention(),
        solves=[({"Output": (3,), "Key": (Automatic, 2)}, {"Query": (2,)})],
        varying=ports(("Varying", 2), ("Varying", 3), (2,)),
    ),
    Row(
        AttentionLayer("Dot", Mask=("Causal", 3), MultiHead=True), ports((5, 2, 3), (5, 2, 2), (2, 3)), (2, 2),
        reference=lambda key, value, query: attention(heads=True)(key[-3:], value[-3:], query),
        varying=ports(("Varying", 2, 3), ("Varying", 2, 2), (2, 3)),
    ),
    Row(
        AttentionLayer("Dot", Mask=("Causal", 1)), ports((3, 2), (3, 2), (3, 2)), (3, 2),
        reference=lambda key, value, query: value,
        differentiable=False,
    ),
    Row(
        AttentionLayer(), ports((4, 3), (4, 2), (5, 2)), (5, 2), {"Weights": (3, 2)},
        reference=attention(bilinear),
        draw=drawn("Bilinear"),
        varying=ports(("Varying", 3), ("Varying", 2), ("Varying", 2)),
    ),
    Row(
        AttentionLayer(Weights=[[0.58468869, -0.51434041], [0, 0]]), ports((3, 2), (3, 2), (4, 2)), (4, 2), {"Weights": (2, 2)},
        reference=attention(bilinear),
        vectors=[
            (
                ports(VALUES, VALUES, [[1, 0], [0, 1], [0, 0], [1, 1]]),
                [[4.28436, 5.28436], [1.82552, 2.82552], [3.0, 4.0], [3.18698, 4.18698]],
            )
        ],
        evaluable=False,
    ),
    Row(
        AttentionLayer(MultiHead=True, ScoreRescaling="DimensionSqrt"), ports((4, 2, 3), (4, 2, 2), (2, 2)), (2, 2), {"Weights": (3, 2)},
        reference=attention(bilinear, heads=True, sqrt=True),
        varying=ports(("Varying", 2, 3), ("Varying", 2, 2), (2, 2)),
    ),
    Row(
        AttentionLayer("Dot", Dropout=0.3), ports((4, 3), (4, 2), (5, 3)), (5, 2),
        reference=attention(),
        trains=dropped(0.3),
        varying=ports(("Varying", 3), ("Varying", 2), (5, 3)),
    ),
    Row(
        AttentionLayer(bahdanau()), ports((4, 2), (4, 3), (5, 4)), (5, 3),
        reference=attention(additive),
        varying=ports(("Varying", 2), ("Varying", 3), ("Varying", 4)),
    ),
    Row(
        AttentionLayer(bahdanau(2), MultiHead=True, ScoreRescaling="DimensionSqrt"), ports((2, 3, 2, 2), (2, 3, 2, 3), (2, 4)), (2, 3),
        reference=attention(additive, heads=True, sqrt=True),
        varying=ports(("Varying", 3, 2, 2), ("Varying", 3, 2, 3), (2, 4)),
    ),
    Row(
        AttentionLayer(bahdanau(), Mask="Causal"), ports((4, 2), (4, 3), (4, 2)), (4, 3),
        reference=attention(additive, window=99),
        varying=ports(("Varying", 2), ("Varying", 3), ("Varying", 2)),
    ),
    Row(
        AttentionLayer(
            NetGraph(
                {"drop": DropoutLayer(0.5), "dot": DotLayer()}, ["Input -> drop", (("drop", NetPort("Query")), "dot")]
            ),
        ),
        ports((2, 2), (2, 2), (3, 2)), (3, 2),
        reference=attention(),
        differentiable=False,
    ),
]  # fmt: skip
