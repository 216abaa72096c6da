"""Records the calls that a function makes on stand-ins for its arguments.

A stand-in carries an example of its value, so sizes are plain integers while tracing. A size that was open is guessed here; the replay
(`replay.py`) finds the functions whose steps depend on the guess.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy
import torch

from netgraph.errors import NetShapeError, NetTypeError, NetValueError
from netgraph.spec.arrays import TRACING, NetArray
from netgraph.spec.function_graph import FunctionGraph, Node
from netgraph.spec.net import Net
from netgraph.spec.operations import DTYPES, OPERATIONS, Parameter, Ref
from netgraph.spec.program import NetCall, Program
from netgraph.spec.refusals import refusal, refusal_of_numpy
from netgraph.spec.replay import drawn
from netgraph.spec.spellings import Pair, Recorded, Recording, Unlisted, perform
from netgraph.spec.typing import infer, settled, short
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Automatic

_UFUNCS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "power": "pow", "remainder": "Mod",
           "floor_divide": "floor_divide", "matmul": "matmul", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le",
           "greater": "gt", "greater_equal": "ge"}  # fmt: skip


class Record(NamedTuple):
    """The steps of a function: a graph, or a program where it calls nets.

    `values` are those of its learned arrays that have one. `has_numpy`: it uses NumPy arrays, which torch itself may refuse.
    """

    steps: FunctionGraph | Program
    values: dict[str, torch.Tensor]
    has_numpy: bool

    @property
    def closed(self) -> FunctionGraph | None:
        """The graph of a function that can be called on tensors: it calls no nets and has no arrays of its own."""
        return self.steps if isinstance(self.steps, FunctionGraph) and not self.steps.arrays else None


class WantsShape(NetShapeError):
    """A net that a function calls wants another shape than the one that was tried: `shape`."""

    def __init__(self, text: str, shape: tuple[int, ...]):
        super().__init__(text)
        self.shape = shape


def record(
    f: Callable, names: Sequence[str], keywords: Sequence[str], examples: Sequence[torch.Tensor], fill: bool, seen: set[int] | None = None
) -> Record:
    """The steps of f on these examples.

    The last of the arguments are passed by `keywords`. `fill`: a number returned becomes an array shaped like the first input. `seen`
    takes the sizes of captured and learned arrays, also where f fails.
    Raises Unlisted for a call outside the closed list, NetTypeError for one that no array can answer, WantsShape for a net that does not
    take the examples.
    """
    recorder = _Recorder(names, set() if seen is None else seen)
    arguments = [_Traced(Ref("input", i), recorder, example) for i, example in enumerate(examples)]
    split = len(arguments) - len(keywords)
    TRACING.append(recorder)
    try:
        result = f(*arguments[:split], **dict(zip(keywords, arguments[split:], strict=True)))
    except Unlisted as error:
        if not recorder.arrays and not recorder.nets:
            raise
        own = "has arrays of its own" if recorder.arrays else "calls a net"
        raise NetTypeError(f"a function that {own} is made of listed operations alone; it uses {error}") from None
    finally:
        TRACING.pop()
    output_names = None
    if isinstance(result, Mapping):
        if not result or not all(isinstance(key, str) for key in result):
            raise NetTypeError("a function that returns a dict names its outputs with texts, and has at least one")
        output_names, results = list(result), list(result.values())
    elif isinstance(result, list | tuple | Pair):
        raise NetTypeError("a function with several outputs returns a dict, which names them", fix='return {"a": ..., "b": ...}')
    else:
        results = [result]
    return recorder.record([recorder.output(value, arguments if fill else ()) for value in results], output_names)


class _Recorder(Recording):
    def __init__(self, names: Sequence[str], seen: set[int]) -> None:
        self.seen = seen
        self.names = tuple(names)
        self.nodes: list[Node] = []
        self.constants: list[torch.Tensor] = []
        self.has_numpy = False
        self.arrays: dict[str, tuple[NetArray, _Traced]] = {}
        self.dimensions: dict[str, tuple[int, ...]] = {}  # of the arrays with a name, as some use tells them
        self.labels: dict[int, str] = {}  # of the arrays without a name, by identity
        self.nets: list[Net] = []
        self.calls: list[tuple[NetCall, list[Ref]]] = []
        self.results: list[str] = []

    def record(self, outputs: Sequence[Ref], output_names: Sequence[str] | None) -> Record:
        """What was recorded, with these outputs."""
        inputs = [*self.names, *self.results, *self.arrays]
        new = {Ref("result", i): Ref("input", len(self.names) + i) for i in range(len(self.results))}
        new |= {Ref("array", i): Ref("input", len(self.names) + len(self.results) + i) for i in range(len(self.arrays))}
        nodes = [node.renumbered(new) for node in self.nodes]
        arrays = [NetArray(*([] if a.name is Automatic else [a.name]), Dimensions=tuple(t.shape)) for a, t in self.arrays.values()]
        values = {name: array.array for name, (array, _) in self.arrays.items() if array.array is not Automatic}
        if not self.calls:
            ends = [new.get(ref, ref) for ref in outputs]
            return Record(FunctionGraph(inputs, nodes, ends, output_names, self.constants, arrays), values, self.has_numpy)
        named = [
            (f"{number}/{port}", ref) for number, (call, refs) in enumerate(self.calls) for port, ref in zip(call.inputs, refs, strict=True)
        ]
        named += zip(output_names or ["Output"], outputs, strict=True)
        ends = [new.get(ref, ref) for _, ref in named]
        graph = FunctionGraph(inputs, nodes, ends, [name for name, _ in named], self.constants, arrays)
        keys = None if output_names is None else tuple(output_names)
        return Record(Program(graph, self.names, tuple(call for call, _ in self.calls), tuple(self.nets), keys), values, self.has_numpy)

    def array(self, array: NetArray) -> "_Traced":
        """The stand-in of a learned array; the same name, or the same NetArray, is the same array."""
        label = array.name if array.name is not Automatic else self.labels.setdefault(id(array), f"Array{len(self.labels) + 1}")
        if label in self.names:
            raise NetValueError(f'"{label}" is a NetArray and a parameter of the function')
        given = self.given(array)
        known = self.arrays.get(label)
        if known is None:
            given = self.dimensions.get(label) if given is None else given
            if given is None:
                name = "" if array.name is Automatic else f'"{array.name}", '
                raise NetValueError(f"{array!r} in a function needs its dimensions", fix=f"NetArray({name}Dimensions=<shape>)")
            self.seen.update(given)
            (example,) = drawn([given], seed=len(self.arrays) + 1)
            known = self.arrays[label] = (array, _Traced(Ref("array", len(self.arrays)), self, example))
        elif given is not None and given != tuple(known[1].shape):
            raise NetShapeError(f'the array "{label}" has dimensions {tuple(known[1].shape)} and {given} in one function')
        elif known[0].array is Automatic and array.array is not Automatic:
            self.arrays[label] = (array, known[1])
        return known[1]

    def given(self, array: NetArray) -> tuple[int, ...] | None:
        """The dimensions that an array says, if it says them all."""
        sizes = array.dimensions if array.array is Automatic else tuple(array.array.shape)
        return None if sizes is None or not all(isinstance(size, int) for size in sizes) else sizes

    def note(self, array: NetArray) -> None:
        """Take down the dimensions of an array with a name, which another use of it may leave out."""
        sizes = self.given(array)
        if sizes is not None and array.name is not Automatic:
            self.dimensions.setdefault(array.name, sizes)

    def call(self, net: Net, values: Mapping[str, Any]) -> dict[str, "_Traced"]:
        """The stand-ins of a net's outputs for values at all its input ports."""
        arguments = {port: self.taken(value) for port, value in values.items()}
        shapes = {port: PortType(None, tuple(value.shape)) for port, value in arguments.items()}
        types = settled(net).inputs
        for port, shape in shapes.items():
            if types[port].closed and not types[port].varies and types[port].shape != shape.shape:
                raise WantsShape(f"{port} of {short(net)} wants {types[port]}, the function gives {shape.shape}", types[port].shape)
        fixed = net.replaced(given={port: kind for port, kind in net.given.items() if not kind.varies})
        typing = infer(fixed, data=shapes, close=True)
        outputs = {}
        number = next((i for i, known in enumerate(self.nets) if known is net), len(self.nets))
        if number == len(self.nets):
            self.nets.append(net)
        for port, kind in typing.outputs.items():
            if not kind.closed or kind.varies:
                raise NetValueError(f"{short(net)} is called in a function, and the type of {port} is open: {kind}")
            self.results.append(f"{len(self.calls)}:{port}")
            (example,) = drawn([kind.shape], seed=len(self.results))
            outputs[port] = _Traced(Ref("result", len(self.results) - 1), self, example)
        refs = [self._operand(value, Parameter("input", "array")) for value in arguments.values()]
        self.calls.append((NetCall(number, tuple(arguments), tuple(outputs)), refs))
        return outputs

    def taken(self, value: Any) -> Any:
        """An operand, NetArrays as their stand-ins."""
        if isinstance(value, (list, tuple)) and any(isinstance(part, NetArray) for part in value):
            return type(value)(map(self.taken, value))
        return self.array(value) if isinstance(value, NetArray) else value

    def emit(self, name: str, *operands: Any) -> "_Traced":
        found = OPERATIONS[name]
        operands = tuple(map(self.taken, operands))
        stored = tuple(self._operand(operand, parameter) for operand, parameter in zip(operands, found.parameters, strict=True))
        for operand, parameter in zip(stored, found.parameters, strict=True):
            if not parameter.accepts(operand):
                raise Unlisted(f"{name} with {parameter.name}={operand!r}")
        example = found.run(*(self._example(operand, given) for operand, given in zip(stored, operands, strict=True)))
        self.nodes.append(Node(name, stored))
        return _Traced(Ref("node", len(self.nodes) - 1), self, example)

    def output(self, value: Any, fill: Sequence["_Traced"]) -> Ref:
        if isinstance(value, bool | int | float | numpy.number) and fill:
            value = self.emit("full_like", fill[0], float(value))
        if isinstance(value, bool | int | float | numpy.number):
            value = torch.tensor(value)
        value = self.taken(value)
        if not isinstance(value, _Traced | torch.Tensor | numpy.ndarray):
            raise NetTypeError(f"a function used in a net returns an array, or a dict of arrays, not {type(value).__name__}")
        return self._operand(value, Parameter("output", "array"))

    def _operand(self, operand: Any, parameter: Parameter) -> Any:
        if isinstance(operand, Recorded):
            if operand.tracer is not self:
                raise Unlisted("an array of another traced function")
            if parameter.kind == "index" or not isinstance(operand, _Traced):
                raise Unlisted("an index that depends on values")
            return operand.node
        if isinstance(operand, torch.Tensor | numpy.ndarray):
            if operand.ndim == 0 and parameter.kind in ("value", "number", "integer"):
                return operand.item()
            return self._constant(operand)
        if isinstance(operand, numpy.generic):
            return operand.item()
        if isinstance(operand, torch.dtype):
            return next((name for name, dtype in DTYPES.items() if dtype is operand), str(operand))
        if isinstance(operand, list | tuple):
            if parameter.kind == "index":
                return tuple(self._index_part(part) for part in operand)
            inner = Parameter(parameter.name, "array" if parameter.kind == "arrays" else "integer")
            return tuple(self._operand(part, inner) for part in operand)
        # a subclass of a number would not survive a file
        return next((kind(operand) for kind in (bool, int, float) if isinstance(operand, kind)), operand)

    def _index_part(self, part: Any) -> Any:
        if isinstance(part, _Traced) and part.example.dtype == torch.bool:
            raise Unlisted("an index that is a mask, whose result has a size that depends on values")
        if isinstance(part, list):
            part = torch.tensor(part)
        if isinstance(part, slice):
            return slice(*(None if end is None else end.__index__() for end in (part.start, part.stop, part.step)))
        return self._operand(part, Parameter("index", "array"))

    def _constant(self, array: torch.Tensor | numpy.ndarray) -> Ref:
        if isinstance(array, numpy.ndarray):
            self.has_numpy = True
            array = torch.from_numpy(numpy.array(array))
        self.seen.update(array.shape)
        self.constants.append(array.detach().cpu().clone())
        return Ref("constant", len(self.constants) - 1)

    def _example(self, stored: Any, given: Any) -> Any:
        if isinstance(stored, Ref):
            return given.example if isinstance(given, _Traced) else self.constants[stored.index]
        if isinstance(stored, tuple):
            return tuple(self._example(part, whole) for part, whole in zip(stored, given, strict=True)) if _holds_refs(stored) else stored
        return stored


def _holds_refs(stored: tuple) -> bool:
    return any(isinstance(part, Ref) for part in stored)


class _Traced(Recorded):
    """A stand-in for an array, with its reference in the graph (`node`) and an example of its value."""

    __array_priority__ = 1000

    def __init__(self, ref: Ref, recorder: _Recorder, example: torch.Tensor):
        super().__init__(ref, recorder)
        self.example = example

    def __repr__(self) -> str:
        return f"<traced array of shape {tuple(self.shape)}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(torch.Tensor, name):
            raise AttributeError(f"'Tensor' object has no attribute '{name}'")
        if not callable(getattr(torch.Tensor, name)):
            raise Unlisted(f"Tensor.{name}")
        return lambda *args, **keywords: self.tracer.create_proxy("call_method", name, (self, *args), keywords)

    @property
    def shape(self) -> torch.Size:
        return self.example.shape

    @property
    def ndim(self) -> int:
        return self.example.ndim

    @property
    def dtype(self) -> torch.dtype:
        return self.example.dtype

    @property
    def device(self) -> torch.device:
        return self.example.device

    @property
    def T(self) -> Any:
        return perform(self.tracer.emit, "T", (self,), {})

    @property
    def mT(self) -> Any:
        return perform(self.tracer.emit, "mT", (self,), {})

    def dim(self) -> int:
        return self.example.ndim

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return self.example.numel()

    nelement = numel

    def is_floating_point(self) -> bool:
        return self.example.is_floating_point()

    def __len__(self) -> int:
        return len(self.example)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self[k] for k in range(len(self))])

    def __setitem__(self, index: Any, value: Any) -> None:
        raise Unlisted("assignment to elements of an array")

    def __bool__(self) -> bool:
        raise _refused("bool")

    def __float__(self) -> float:
        raise _refused("float")

    def __int__(self) -> int:
        raise _refused("int")

    def __index__(self) -> int:
        raise _refused("index")

    def __complex__(self) -> complex:
        raise _refused("complex")

    def __round__(self, digits: int | None = None) -> Any:
        raise _refused("round")

    def __trunc__(self) -> Any:
        raise _refused("trunc")

    def __floor__(self) -> Any:
        raise _refused("floor")

    def __ceil__(self) -> Any:
        raise _refused("ceil")

    def __array__(self, *args: Any, **keywords: Any) -> Any:
        raise refusal_of_numpy("array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        # a NumPy array on the left of an operator ends up here as well
        name = _UFUNCS.get(ufunc.__name__)
        if name is None or method != "__call__" or keywords:
            raise refusal_of_numpy(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")
        return self.tracer.emit(name, *inputs)

    def __array_function__(self, function: Callable, types: Any, args: tuple, keywords: Mapping[str, Any]) -> Any:
        raise refusal_of_numpy(function.__name__)


def _refused(wanted: str) -> Exception:
    frame = sys._getframe(2)
    if "/torch/" in frame.f_code.co_filename.replace("\\", "/"):
        # torch's own code looks at the values: the function is outside the list, not wrong
        return Unlisted(f"{frame.f_code.co_name}, which looks at the values of its arrays")
    return refusal(frame, wanted)
