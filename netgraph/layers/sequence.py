"""Layers for sequences and classes: unit vectors and embeddings of integers; the last, most, rest, reverse and indices of a sequence.

Shapes describe one example; the tensors of `forward` have the batch axis in front.
"""

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from netgraph.spec.declare import Array, InputPort, OutputPort, Rule, unvarying
from netgraph.spec.initial import WEIGHT
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import Size as SizeSpec
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.spec.ports import NetPort
from netgraph.spec.step import Step
from netgraph.types.sizes import Affine
from netgraph.types.symbols import Automatic

__all__ = [
    "EmbeddingLayer",
    "PositionLayer",
    "SequenceIndicesLayer",
    "SequenceLastLayer",
    "SequenceMostLayer",
    "SequenceRestLayer",
    "SequenceReverseLayer",
    "UnitVectorLayer",
]


class UnitVectorLayer(Layer):
    """Integers as unit vectors: 1 at the position of the integer, 0 elsewhere.

        output[..., c] = 1 if input[...] = c, else 0

    `UnitVectorLayer(n)` takes integers from 0 to n - 1 and adds a last level of n; `UnitVectorLayer()` takes n from the kind of its input
    or from what consumes it. The input is one integer or an array of them; its levels may vary. The same in training and in use.
    Errors: an integer out of range, in the data; an input that is known to be real.
    Source: Wolfram's UnitVectorLayer (there integers count from 1).

    >>> UnitVectorLayer(3)(1)
    array([0., 1., 0.], dtype=float32)
    >>> UnitVectorLayer(2)([0, 1, 1]).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """

    positional = ("ClassCount",)
    costless = True
    ClassCount: SizeSpec = Automatic
    varying = "free"
    stepwise = True

    Input = InputPort("integer(ClassCount): *shape", "integers from 0 to ClassCount - 1")
    Output = OutputPort("real: *shape ClassCount", "one unit vector an integer")
    relations = (unvarying("ClassCount", "the number of classes cannot vary"),)

    def forward(self, Input, *, sizes, dtype):
        return (Input.unsqueeze(-1) == torch.arange(sizes["ClassCount"], device=Input.device)).to(dtype)


class EmbeddingLayer(Layer):
    """Integers as learned vectors.

        output[..., :] = Weights[input[...]]

    `EmbeddingLayer(size, n)` has one vector of `size` numbers for each integer from 0 to n - 1; `EmbeddingLayer(size)` takes n from the
    kind of its input, `EmbeddingLayer()` also the size from what consumes it. The input is one integer or an array of them, the output has
    one level more, the last; the levels of the input may vary. It is UnitVectorLayer and a LinearLayer without biases in one. "Weights" is
    drawn by net_initialize, as for a LinearLayer of `size` inputs. The same in training and in use.
    Errors: an integer out of range, in the data; an input that is known to be real; a preset array that does not fit the sizes around it.
    Source: Wolfram's EmbeddingLayer (there integers count from 1).

    >>> EmbeddingLayer(2, 3, Weights=[[1, 2], [3, 4], [5, 6]])([2, 0]).tolist()
    [[5.0, 6.0], [1.0, 2.0]]
    >>> NetChain([SequenceIndicesLayer(Maximum=7), EmbeddingLayer(2)], Input=("Varying", 3))["1/Input"]
    ('Varying', Integer(7))
    """

    positional = ("Size", "ClassCount")
    costless = True
    Size: SizeSpec = Automatic
    ClassCount: SizeSpec = Automatic
    varying = "free"
    stepwise = True

    Input = InputPort("integer(ClassCount): *shape", "integers from 0 to ClassCount - 1")
    Output = OutputPort("real: *shape Size", "one vector an integer")
    Weights = Array("ClassCount Size", WEIGHT, meaning="one row an integer")
    relations = (unvarying("Size", "the size of the vectors cannot vary"),)

    def forward(self, Input, *, Weights):
        return F.embedding(Input, Weights)


class SequenceLastLayer(Layer):
    """The last element of a sequence.

        output = input[-1]

    The first level goes; a vector gives a number. Elements are of any shape and kind, which the output has too. In a padded batch it is
    each example's own last. The same in training and in use.
    Errors: a number as input; an example of length 0, in the data.
    Source: Wolfram's SequenceLastLayer.

    >>> SequenceLastLayer()([[1, 2], [3, 4], [5, 6]])
    array([5., 6.], dtype=float32)
    >>> SequenceLastLayer(Input="Varying")([[1, 2, 3], [4]])
    array([3., 4.], dtype=float32)
    """

    varying = "masked"
    costless = True
    shortest: ClassVar[int] = 1

    Input = InputPort("any: length *rest", "a sequence")
    Output = OutputPort("any: *rest", "its last element")

    def step(self, steps, types):
        return Step({}, sequence=False)

    def forward(self, Input, *, lengths, sizes):
        if 0 not in lengths["Input"]:
            return Input[:, -1]
        rank = len(sizes["rest"])
        last = (lengths["Input"][0] - 1).clamp_min(0).reshape(-1, 1, *[1] * rank)
        return Input.gather(1, last.expand(-1, 1, *_behind(Input, rank))).squeeze(1)


class ShortenedLayer(Layer):
    """A sequence without one of its elements. Abstract: SequenceMostLayer, SequenceRestLayer."""

    varying = "free"
    costless = True
    shortest: ClassVar[int] = 2

    Input = InputPort("any: length *rest", "a sequence")
    Output = OutputPort("any: shorter *rest", "the sequence without one element")
    relations = (
        Rule(lambda scope: scope.store.form(scope.size("shorter"), scope.size("length"), Affine(1, -1, 1), scope.where, "the length")),
    )


class SequenceMostLayer(ShortenedLayer):
    """A sequence without its last element.

        output = input[:-1]

    Elements are of any shape and kind, which the output has too. In a padded batch it is each example's own last that goes. The same in
    training and in use.
    Errors: a number as input; a sequence of length 1.
    Source: Wolfram's SequenceMostLayer.

    >>> SequenceMostLayer()([[1, 2], [3, 4], [5, 6]]).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """

    def forward(self, Input):
        return Input[:, :-1]


class SequenceRestLayer(ShortenedLayer):
    """A sequence without its first element.

        output = input[1:]

    Elements are of any shape and kind, which the output has too. The same in training and in use.
    Errors: a number as input; a sequence of length 1.
    Source: Wolfram's SequenceRestLayer.

    >>> SequenceRestLayer()([[1, 2], [3, 4], [5, 6]]).tolist()
    [[3.0, 4.0], [5.0, 6.0]]
    """

    def forward(self, Input):
        return Input[:, 1:]


class SequenceReverseLayer(Layer):
    """A sequence backwards.

        output[t] = input[T - 1 - t], with T the length

    Elements are of any shape and kind. In a padded batch T is each example's own length. The same in training and in use.
    Errors: a number as input.
    Source: Wolfram's SequenceReverseLayer.

    >>> SequenceReverseLayer()([[1, 2], [3, 4], [5, 6]]).tolist()
    [[5.0, 6.0], [3.0, 4.0], [1.0, 2.0]]
    >>> [row.tolist() for row in SequenceReverseLayer(Input="Varying")([[1, 2, 3], [4, 5]])]
    [[3.0, 2.0, 1.0], [5.0, 4.0]]
    """

    varying = "masked"
    costless = True

    Input = InputPort("any: length *rest", "a sequence")
    Output = OutputPort("any: length *rest", "the sequence backwards")

    def forward(self, Input, *, lengths, sizes):
        if 0 not in lengths["Input"]:
            return Input.flip(1)
        rank, place = len(sizes["rest"]), torch.arange(Input.shape[1], device=Input.device)
        source = lengths["Input"][0].unsqueeze(1) - 1 - place
        source = torch.where(source < 0, place, source).reshape(-1, Input.shape[1], *[1] * rank)
        return Input.gather(1, source.expand(-1, -1, *_behind(Input, rank)))


def _behind(x, rank: int) -> list:
    """The padded sizes of the `rank` axes behind the sequence's."""
    return [x.shape[axis + 2] for axis in range(rank)]


def _maximum(value):
    if value is Automatic or value == math.inf:
        return Automatic
    if not is_integer(value) or value < 1:
        raise wants("a whole number from 1, math.inf or Automatic", value)
    return value


MaximumSpec: Any = parameter(_maximum, {"anyOf": [{"type": "integer", "minimum": 1}, {"const": {"$word": "Automatic"}}]})


class SequenceIndicesLayer(Layer):
    """The position of each element of a sequence.

        output[t] = min(t, Maximum - 1)

    Integers from 0; what the elements are makes no difference. `SequenceIndicesLayer(Maximum=m)` gives at most m - 1, so an EmbeddingLayer
    behind it learns m vectors, the last of them for all positions from m - 1 on. With Automatic (or math.inf) m is the number of integers
    that what consumes them takes, if it says so, else that of a fixed length, else there is no limit. The same in training and in use.
    Errors: a number as input; a Maximum below 1.
    Source: Wolfram's SequenceIndicesLayer (there positions count from 1, up to m; its Infinity never saturates).

    >>> SequenceIndicesLayer(Maximum=3)([0.5, 0.5, 0.5, 0.5, 0.5])
    array([0, 1, 2, 2, 2])
    """

    Maximum: MaximumSpec = Automatic
    varying = "free"
    costless = True

    Input = InputPort("any: length *rest", "a sequence")
    Output = OutputPort("integer(Maximum): length", "the position of each element, from 0")

    def assume(self, scope):
        length = scope.store.value(scope.size("length"))
        if scope.store.value(scope.size("Maximum")) is None and isinstance(length, int):
            scope.store.settle(scope.size("Maximum"), length, scope.store.why(scope.size("length")), scope.where)

    def step(self, steps, types):
        kind = types["Output"].kind
        parts = {"position": PositionLayer(Maximum=kind.count or Automatic), "next": PositionLayer(1)}
        ends = [("position", NetPort("Output")), ("next", NetPort("Index"))]
        return Step(parts, [(NetPort("Index"), "position"), (NetPort("Index"), "next"), *ends], ("Index",))

    def forward(self, Input, *, sizes):
        places = torch.arange(Input.shape[1], device=Input.device)
        places = places if sizes["Maximum"] is None else places.clamp_max(sizes["Maximum"] - 1)
        return places.repeat(Input.shape[0], 1)


def _moves(value):
    if not is_integer(value) or value < 0:
        raise wants("a whole number from 0", value)
    return value


StepsSpec: Any = parameter(_moves, {"type": "integer", "minimum": 0})


class PositionLayer(Layer):
    """A position in a sequence, moved on.

        output = min(input + Steps, Maximum - 1)

    "Input" is a position from 0, or an array of them. `PositionLayer(n)` moves it on by n, `PositionLayer(Maximum=m)` holds it below m;
    what consumes the output may say m too. net_unfold puts it in the place of a SequenceIndicesLayer. The same in training and in use.
    Errors: a Maximum below 1.
    Source: none.

    >>> PositionLayer(1)(4), PositionLayer(Maximum=3)([0, 7]).tolist()
    (5, [0, 2])
    """

    positional = ("Steps",)
    Steps: StepsSpec = 0
    Maximum: MaximumSpec = Automatic
    varying = "free"
    stepwise = True

    Input = InputPort("integer: *shape", "a position, from 0")
    Output = OutputPort("integer(Maximum): *shape", "the position, moved on")

    def forward(self, Input, *, sizes):
        moved = Input + self.Steps
        return moved if sizes["Maximum"] is None else moved.clamp_max(sizes["Maximum"] - 1)
