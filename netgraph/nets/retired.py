"""Names that Wolfram retired: each is a function that gives the present form."""

from netgraph.layers.attention import AttentionLayer
from netgraph.layers.basic import LinearLayer
from netgraph.layers.constants import NetArrayLayer
from netgraph.layers.elementwise import ThreadingLayer
from netgraph.nets.graph import NetGraph
from netgraph.spec.names import spelled
from netgraph.spec.ports import NetPort
from netgraph.spec.symbols import Plus, Times
from netgraph.types.symbols import Automatic

__all__ = ["ConstantArrayLayer", "ConstantPlusLayer", "ConstantTimesLayer", "DotPlusLayer", "SequenceAttentionLayer"]


def ConstantArrayLayer(*args, **options) -> NetArrayLayer:
    """The old name of NetArrayLayer, with the same options.

    Source: Wolfram's ConstantArrayLayer.

    >>> ConstantArrayLayer(Output=3)
    NetArrayLayer(Output=3)
    """
    return NetArrayLayer(*args, **options)


def DotPlusLayer(*args, **options) -> LinearLayer:
    """The old name of LinearLayer, with the same arguments.

    Source: Wolfram's DotPlusLayer.

    >>> DotPlusLayer(3)
    LinearLayer(3)
    """
    return LinearLayer(*args, **options)


def ConstantPlusLayer(**options) -> NetGraph:
    """A graph that adds a learned array of the shape of the input.

        output = input + Biases

    Biases presets the array; otherwise it starts at 0. It is the array "Biases/Array" of the graph. LearningRateMultipliers is the array's.
    Errors: a varying input; a preset array of another shape than the input.
    Source: Wolfram's ConstantPlusLayer.

    >>> ConstantPlusLayer(Biases=[1, 2])([10, 20])
    array([11., 22.], dtype=float32)
    """
    return _threaded("ConstantPlusLayer", "Biases", 0.0, Plus, options)


def ConstantTimesLayer(**options) -> NetGraph:
    """A graph that multiplies the input, element by element, by a learned array of its shape.

        output = input * Scaling

    Scaling presets the array; otherwise it starts at 1. It is the array "Scaling/Array" of the graph. LearningRateMultipliers is the
    array's.
    Errors: a varying input; a preset array of another shape than the input.
    Source: Wolfram's ConstantTimesLayer.

    >>> ConstantTimesLayer(Scaling=[1, 2])([10, 20])
    array([10., 40.], dtype=float32)
    """
    return _threaded("ConstantTimesLayer", "Scaling", 1.0, Times, options)


def SequenceAttentionLayer(*args, **options) -> NetGraph:
    """A graph around the AttentionLayer "attend" of the same arguments, whose port "Input" is both its keys and its values.

        output = attend(key = input, value = input, query)

    The options Input, Query and Output give the types of its ports.
    Errors: those of AttentionLayer.
    Source: Wolfram's SequenceAttentionLayer.

    >>> SequenceAttentionLayer("Dot")({"Input": [[1, 2], [3, 4], [5, 6]], "Query": [0, 0]})
    array([3., 4.], dtype=float32)
    """
    types = {port: options.pop(port) for port in ("Input", "Query", "Output") if port in options}
    edges = [(NetPort("Input"), NetPort("attend", "Key")), (NetPort("Input"), NetPort("attend", "Value"))]
    return NetGraph({"attend": AttentionLayer(*args, **options)}, [*edges, (NetPort("Query"), NetPort("attend", "Query"))], **types)


def _threaded(where: str, array: str, start: float, function, options) -> NetGraph:
    given = spelled(options, [array, "LearningRateMultipliers", "Input", "Output"], where)
    types = {port: given[port] for port in ("Input", "Output") if port in given}
    multipliers = given.get("LearningRateMultipliers", Automatic)
    constant = NetArrayLayer(Initial=start, Array=given.get(array, Automatic), LearningRateMultipliers=multipliers)
    parts = {array: constant, function.name: ThreadingLayer(function, None)}
    return NetGraph(parts, [((NetPort("Input"), array), function.name)], **types)
