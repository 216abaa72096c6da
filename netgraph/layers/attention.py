"""Attention: for each query, the mean of values weighted by how well their keys fit the query.

Shapes describe one example; the tensors of `forward` have the batch axis in front. Inside they are laid out as torch's attention takes
them: batch x heads x rows x vector, all positions of keys and values in one row each, and all queries.
"""

import math
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F

from netgraph.errors import NetTypeError, NetValueError
from netgraph.layers.rearrange import AppendLayer
from netgraph.spec.declare import Array, InputPort, Noise, OutputPort, ReadablePort, Rule, layout, unvarying
from netgraph.spec.initial import WEIGHT
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.net import Net
from netgraph.spec.parameters import Flag, is_integer, number, parameter, wants
from netgraph.spec.ports import NetPort
from netgraph.spec.step import Step, same_ports, shortened
from netgraph.spec.typing import Term, short
from netgraph.types.store import KindNode

__all__ = ["AttentionLayer"]


def _scoring(value):
    if isinstance(value, Net):
        return value
    word = getattr(value, "name", value)
    if word not in ("Dot", "Bilinear"):
        raise wants('"Dot", "Bilinear" or a net with the inputs "Input" and "Query"', value)
    return word


ScoringSpec: Any = parameter(_scoring, {"anyOf": [{"enum": ["Dot", "Bilinear"]}, {"type": "object"}]})


def _mask(value):
    if value in (None, "Causal"):
        return value
    if isinstance(value, tuple) and len(value) == 2 and value[0] == "Causal" and is_integer(value[1]) and value[1] >= 1:
        return value
    raise wants('None, "Causal" or ("Causal", n) with a whole number n from 1', value)


MaskSpec: Any = parameter(_mask, {"anyOf": [{"enum": [None, "Causal"]}, {"type": "array"}]})


def _rescaling(value):
    if value not in (None, "DimensionSqrt"):
        raise wants('None or "DimensionSqrt"', value)
    return value


RescalingSpec: Any = parameter(_rescaling, {"enum": [None, "DimensionSqrt"]})


class AttentionLayer(Layer):
    """For each query, the mean of values weighted by how well their keys fit the query.

        score[j] = f(key[j], query)
        weight[j] = exp(score[j]) / sum over i of exp(score[i])
        output = sum over j of weight[j] * value[j]

    `AttentionLayer("Dot")`: f = key . query. `AttentionLayer()`, or "Bilinear": f = key . Weights . query. `AttentionLayer(net)`: a net of
    its own with the inputs "Input" (the key) and "Query", vectors, and the output "Output", a number; it is the part "ScoringNet".
    Keys and values stand at positions of one or more levels, j runs over all of them; queries stand at any number of levels, also none,
    and the output has theirs. MultiHead=True: the level before the vectors is that of heads, which attend apart; there are no projections.
    Mask="Causal": query t sees positions up to t, `("Causal", n)` the last n of them, t included; then there is one level of positions and
    one of queries, of one length, or a single query, which stands at the last position. ScoreRescaling="DimensionSqrt" divides scores by
    the square root of the size of a key; by default there is no scaling. Levels of positions and of queries may vary: the real positions
    alone are seen, and where there is none the output is 0. The port "AttentionWeights" is no output, but can be read: the weights, before
    dropout. In training each weight is dropped with probability Dropout, the others are divided by 1 - Dropout. "Dot" and "Bilinear" run
    as torch's fused attention, except where weights are dropped.
    Errors: no level of positions; keys and queries of different sizes for "Dot"; another number of steps with a mask.
    Source: Wolfram's AttentionLayer; Vaswani et al. 2017. A window that counts step t is ours where Wolfram's text is open.

    >>> layer = AttentionLayer("Dot")
    >>> data = {"Key": [[1, 0], [0, 1], [1, 1]], "Value": [[1, 2], [3, 4], [5, 6]], "Query": [1, 2]}
    >>> layer(data)
    array([4.1504207, 5.1504207], dtype=float32)
    >>> layer(data, NetPort("AttentionWeights"))
    array([0.09003057, 0.24472848, 0.66524094], dtype=float32)
    """

    positional = ("ScoringNet",)
    ScoringNet: ScoringSpec = "Bilinear"
    Dropout: number(0, 1, high_open=True) = 0.0
    Mask: MaskSpec = None
    MultiHead: Flag = False
    ScoreRescaling: RescalingSpec = None
    varying = "masked"

    Key = InputPort("real: *positions k", "what queries are compared with; with MultiHead the last of *positions is the heads")
    Value = InputPort("real: *positions v", "what is averaged")
    Query = InputPort("real: *queries q", "what is asked for; with MultiHead the last of *queries is the heads")
    Output = OutputPort("real: *queries v", "one mean a query")
    AttentionWeights = ReadablePort(
        "real: *weights", "how much each position counts: the levels of the queries, then those of the positions, without the heads"
    )
    Weights = Array("k q", WEIGHT, meaning='the matrix of "Bilinear"')
    Draws = Noise("*weights", "uniform")

    def check(self):
        if self.ScoringNet != "Bilinear" and ("Weights" in self._arrays or "Weights" in self._settings):
            raise NetValueError(f"AttentionLayer: only the Bilinear score has Weights, the score is {self.written('ScoringNet')}")
        if not isinstance(self.ScoringNet, Net):
            return
        ports = (set(self.ScoringNet.input_ports()), self.ScoringNet.output_ports())
        if ports != ({"Input", "Query"}, ("Output",)):
            shown = [", ".join(f'"{name}"' for name in names) or "none" for names in (self.ScoringNet.input_ports(), ports[1])]
            raise NetTypeError(
                f'AttentionLayer: ScoringNet wants the inputs "Input" and "Query" and the output "Output", '
                f"{short(self.ScoringNet)} has the inputs {shown[0]} and the outputs {shown[1]}"
            )

    def has_array(self, name):
        return self.ScoringNet == "Bilinear"

    # -- its types -------------------------------------------------------------------------------------------------------------------

    def relate(self):
        heads = " heads" if self.MultiHead else ""
        rules = [layout("positions", f"*steps{heads}"), layout("queries", f"*asked{heads}"), Rule(self._has_positions)]
        if self.Mask is not None:
            rules += [layout("steps", "length"), Rule(self._in_step)]
        vectors = {"k": "keys", "v": "values", "q": "queries"}
        if self.ScoringNet == "Dot":
            del vectors["q"]  # they have the size of the keys
        rules += [unvarying(size, f"the size of the {what} cannot vary") for size, what in vectors.items()]
        if self.MultiHead:
            rules.append(unvarying("heads", "the number of heads cannot vary"))
        return (*rules, Rule(self._scores), Rule(self._weighs))

    def _has_positions(self, scope):
        store, steps = scope.store, scope.run("steps")

        def fire() -> bool:
            if store.axes(steps) == ():
                before = "the heads" if self.MultiHead else "the vectors"
                store.conflict(
                    scope.label("Key"), f"at least one level of positions is wanted before {before}", (scope.terms.inputs["Key"].run,)
                )
            return store.axes(steps) is not None

        store.rule([steps], fire)

    def _in_step(self, scope):
        """With a mask there is a query for each step, or a single one."""
        store, asked, length = scope.store, scope.run("asked"), scope.size("length")

        def fire() -> bool:
            if store.axes(asked) is None:
                return False
            if store.axes(asked):
                store.equate_runs(asked, store.run([length], scope.origin()), scope.label("Query"))
            return True

        store.rule([asked], fire)

    def assume(self, scope):
        if self.Mask is not None and scope.store.axes(scope.run("asked")) is None:
            scope.store.equate_runs(scope.run("asked"), scope.store.run([scope.size("length")], scope.origin()), scope.where)

    def _scores(self, scope):
        """What the score says about the sizes of keys and queries."""
        store, sizes = scope.store, (scope.size("k"), scope.size("q"))
        if self.ScoringNet == "Dot":
            store.equate_sizes(*sizes, scope.where)
        if not isinstance(self.ScoringNet, Net):
            return
        inner = scope.children["ScoringNet"]
        for name, size in zip(("Input", "Query"), sizes, strict=True):
            vector = Term(KindNode("real", scope.origin()), store.run([size], scope.origin()))
            scope.link(vector, inner.inputs[name], scope.label("ScoringNet", name))
        score = Term(KindNode("real", scope.origin()), store.run([], scope.origin()))
        scope.link(inner.outputs["Output"], score, scope.label("ScoringNet", "Output"))

    def _weighs(self, scope):
        """The levels of the weights: those of the queries, then those of the positions."""
        store, runs = scope.store, (scope.run("queries"), scope.run("steps"))

        def fire() -> bool:
            queries, steps = map(store.axes, runs)
            if queries is None or steps is None:
                return False
            store.equate_runs(scope.run("weights"), store.run([*queries, *steps], scope.origin()), scope.where)
            return True

        store.rule(runs, fire)

    def step(self, steps, types):
        """With a mask, this layer asked with a single query, which stands at the last of the keys and values that came so far.

        Without one, keys and values that are the same in all steps.
        """
        given = shortened(self.given, steps - {"Key", "Value"})
        layer = self.replaced(given=shortened(given, {"Output"} if "Query" in steps else ()))
        if steps == {"Query"} and self.Mask is None:
            return same_ports(layer)
        if self.Mask is None or steps != {"Key", "Value", "Query"}:
            raise ValueError("sees all steps at once: it has no mask" if self.Mask is None else "masks another sequence")
        parts, edges = {"layer": layer}, [(NetPort("Query"), NetPort("layer", "Query")), (NetPort("layer", "Output"), NetPort("Output"))]
        for name, so_far in (("Key", "Keys"), ("Value", "Values")):
            append = name.lower()
            parts[append] = AppendLayer(Input=("Varying", *types[name].shape[1:]))
            edges += [(NetPort(so_far), NetPort(append, "Input")), (NetPort(name), NetPort(append, "Element"))]
            edges += [(append, NetPort("layer", name)), (append, NetPort(so_far))]
        return Step(parts, edges, ("Keys", "Values"))

    # -- how it runs -----------------------------------------------------------------------------------------------------------------

    def unfold(self, plan, path, inputs):
        """Its step in the plan; before it, the scores that a net of its own gives for every key and query, all as one batch."""
        if not isinstance(self.ScoringNet, Net):
            return plan.call(path, self, inputs)
        store, names = plan.typing.store, plan.typing.terms[path].names
        queries, steps = store.axes(names["queries"]), store.axes(names["steps"])
        levels = (len(steps), len(queries) - self.MultiHead, self.MultiHead)
        keys = plan.apply(path, _KeysForQueries(*levels), inputs["Key"], inputs["Query"])
        asked = plan.apply(path, _QueriesForKeys(*levels), inputs["Query"], inputs["Key"])
        counts = (*queries, *steps)
        for count in counts:
            keys, asked = plan.fold(keys, count), plan.apply(path, _Merge(), asked)
        (scores,) = plan.inside((*path, "ScoringNet"), self.ScoringNet, {"Input": keys, "Query": asked}).values()
        for _ in counts:
            scores = plan.unfold(scores)
        return plan.call(path, self, inputs, {"Scores": scores})

    def flops(self, inputs, outputs, arrays):
        key, value, query = inputs["Key"], inputs["Value"], inputs["Query"]
        heads = key[-2] if self.MultiHead else 1
        pairs = math.prod(key[:-1]) * math.prod(query[:-1]) // heads
        return 2 * pairs * (key[-1] + value[-1]) + sum(2 * math.prod(shape) * math.prod(query[:-1]) for shape in arrays.values())

    def forward(self, Key, Value, Query, *, Draws, training, sizes, lengths, Weights=None, Scores=None):
        n, m = len(sizes["steps"]), len(sizes["asked"])
        keys, values, queries = self._rows(Key, n), self._rows(Value, n), self._rows(Query, m)
        real = self._real(Key, n, lengths["Key"])
        seen = self._seen(Key, m, real, lengths["Key"])
        if real is not None:
            # a weight of 0 does not undo padding that is infinite or not a number
            padding = ~real
            keys, values = keys.masked_fill(padding, 0.0), values.masked_fill(padding, 0.0)
        scale = 1 / math.sqrt(sizes["k"]) if self.ScoreRescaling else 1.0
        if Weights is not None:
            queries = F.linear(queries, Weights)
        scores = queries @ keys.transpose(2, 3) if Scores is None else self._rows(_one_level(Scores, n), m)
        scores = scores * scale if self.ScoreRescaling else scores
        weights = torch.softmax(scores if seen is None else torch.where(seen, scores, -math.inf), -1)
        if training and self.Dropout > 0:
            draws = self._rows(_one_level(Draws, n), m)
            output = torch.where(draws >= self.Dropout, weights * (1 / (1 - self.Dropout)), 0.0) @ values
        elif Scores is None:
            # the same without the weights, which are then computed only where they are read
            causal = self.Mask == "Causal" and m == 1
            output = F.scaled_dot_product_attention(queries, keys, values, None if causal else seen, is_causal=causal, scale=scale)
        else:
            output = weights @ values
        weights = self._levels(weights, Query, m)
        if n > 1:
            weights = weights.unflatten(-1, tuple(Key.shape[level + 1] for level in range(n)))
        return self._levels(output, Query, m), weights

    def _rows(self, x, levels: int):
        """(batch, *levels, [heads], vector) -> (batch, heads or 1, rows, vector)."""
        x = x.unsqueeze(1) if levels == 0 else x.flatten(1, levels) if levels > 1 else x
        return x.transpose(1, 2) if self.MultiHead else x.unsqueeze(1)

    def _levels(self, x, query, levels: int):
        """The inverse of `_rows`, for rows that stand for the levels of the queries."""
        x = x.transpose(1, 2) if self.MultiHead else x.squeeze(1)
        if levels == 0:
            return x.squeeze(1)
        return x if levels == 1 else x.unflatten(1, tuple(query.shape[level + 1] for level in range(levels)))

    def _real(self, key, n: int, lengths):
        """Which rows of the keys are real: batch x 1 x rows x 1, or None where all are."""
        if not lengths:
            return None
        real = reduce(torch.logical_and, [valid_positions(key, level + 1, length, n) for level, length in lengths.items()])
        real = real.expand(-1, *(key.shape[level + 1] for level in range(n))).flatten(1) if n > 1 else real
        return real[:, None, :, None]

    def _seen(self, key, m: int, real, lengths):
        """Which rows of the keys each query may see, broadcastable over the scores, or None for all."""
        step = torch.arange(key.shape[1], device=key.device).unsqueeze(0)
        window = self.Mask[1] if isinstance(self.Mask, tuple) else None
        if self.Mask is not None and m == 1:
            # among the real steps of an example no query sees what is padded
            past = step.transpose(0, 1) - step
            return past >= 0 if window is None else (past >= 0) & (past < window)
        # where nothing is real, what was padded is a value of 0
        seen = None if real is None else (real | ~real.any(2, keepdim=True)).transpose(2, 3)
        if window is None:
            return seen
        last = step >= (key.shape[1] if real is None else lengths[0].reshape(-1, 1, 1, 1)) - window
        return last if seen is None else seen & last


def _one_level(x, levels: int):
    """The last levels of an array, those of the positions, as one."""
    return x.flatten(-levels) if levels > 1 else x


class _KeysForQueries:
    """Keys, the same for all queries: (batch, *steps, [heads], vector) -> (batch, *asked, [heads], *steps, vector)."""

    def __init__(self, steps: int, asked: int, heads: bool):
        self.steps, self.asked, self.heads = steps, asked, heads

    def __call__(self, key, query):
        key = key.movedim(self.steps + 1, 1) if self.heads else key
        for _ in range(self.asked):
            key = key.unsqueeze(1)
        return key.expand(-1, *(query.shape[level + 1] for level in range(self.asked)), *[-1] * (self.heads + self.steps + 1))

    def __repr__(self) -> str:
        return "its keys for every query"


class _QueriesForKeys:
    """Queries, the same for all keys: (batch, *asked, [heads], vector) -> (batch, *asked, [heads], *steps, vector)."""

    def __init__(self, steps: int, asked: int, heads: bool):
        self.steps, self.asked, self.heads = steps, asked, heads

    def __call__(self, query, key):
        for _ in range(self.steps):
            query = query.unsqueeze(-2)
        return query.expand(*[-1] * (self.asked + self.heads + 1), *(key.shape[level + 1] for level in range(self.steps)), -1)

    def __repr__(self) -> str:
        return "its queries for every key"


class _Merge:
    """(batch, n, ...) -> (batch * n, ...), of the queries beside the keys that are folded."""

    def __call__(self, x):
        return x.flatten(0, 1)

    def __repr__(self) -> str:
        return "a level of the queries"
