"""`FunctionGraph`: a traced function as a value.

It is canonical: unused steps are gone, equal steps are one, their order is that of use, constants are held by value. So two functions
that compute the same steps are equal, whatever their variables were called.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.fx import Proxy

from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.arrays import NetArray
from netgraph.spec.function_text import formula, statements
from netgraph.spec.operations import OPERATIONS, Ref, operation
from netgraph.types.symbols import Automatic


@dataclass(frozen=True, slots=True)
class Node:
    """One step: the name of an operation and one operand a parameter (a Ref, a number, a text, a tuple of them, ...)."""

    operation: str
    operands: tuple

    def references(self) -> Iterator[Ref]:
        """The inputs, nodes and constants that the step uses, in order."""
        for operand in self.operands:
            yield from (part for part in (operand if isinstance(operand, tuple) else (operand,)) if isinstance(part, Ref))

    def renumbered(self, new: Mapping[Ref, Ref]) -> "Node":
        """The step with other references."""

        def replaced(operand: Any) -> Any:
            if isinstance(operand, tuple):
                return tuple(map(replaced, operand))
            return new.get(operand, operand) if isinstance(operand, Ref) else operand

        return Node(self.operation, tuple(map(replaced, self.operands)))


class FunctionGraph:
    """The steps of a function of arrays, from a closed list of operations.

        result = output(node_n(... node_0(inputs, constants) ...))

    `inputs` are port names and, last, the names of the learned `arrays`; `nodes` the steps in order, `outputs` what is returned,
    `output_names` the keys if a dict is returned (else None), `constants` the captured arrays. Immutable, compared and hashed by value,
    printed as a formula, called on tensors.
    Errors: NetTypeError or NetValueError for an unknown operation, a wrong operand or a bad index.

    >>> from netgraph.spec.trace import trace
    >>> f = trace(lambda x: x**2 + 1)
    >>> f, f(torch.tensor(3.0)), f == trace(lambda other: other**2 + 1)
    (x ** 2 + 1, tensor(10.), True)
    >>> f.lines(["a"], "v", [])
    (['v0 = a ** 2', 'v1 = v0 + 1'], ('v1',))
    """

    __slots__ = ("_hash", "_key", "arrays", "constants", "inputs", "nodes", "output_names", "outputs")

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Ref, ...]
    output_names: tuple[str, ...] | None
    constants: tuple[torch.Tensor, ...]
    arrays: tuple[NetArray, ...]

    def __init__(
        self,
        inputs: Sequence[str],
        nodes: Sequence[Node],
        outputs: Sequence[Ref],
        output_names: Sequence[str] | None = None,
        constants: Sequence[torch.Tensor] = (),
        arrays: Sequence[NetArray] = (),
    ):
        if output_names is None and len(outputs) != 1:
            raise NetValueError(f"a function graph without output names has one output, not {len(outputs)}")
        if output_names is not None and len(set(output_names)) != len(outputs):
            raise NetValueError(f"{len(outputs)} outputs are named {list(output_names)}")
        if len(set(inputs)) != len(inputs):
            raise NetValueError(f"two inputs of a function graph have one name: {list(inputs)}")
        if len(arrays) > len(inputs) or not all(_is_full(array.dimensions) for array in arrays):
            raise NetValueError(f"the learned arrays of a function graph are its last inputs, of known dimensions: {list(arrays)}")
        _check(inputs, nodes, outputs, constants)
        steps, ends, captured = _canonical(nodes, outputs, constants)
        put = super().__setattr__
        put("inputs", tuple(inputs))
        put("nodes", steps)
        put("outputs", ends)
        put("output_names", None if output_names is None else tuple(output_names))
        put("constants", captured)
        put("arrays", tuple(arrays))
        put("_key", json.dumps(self.to_json()) + "".join(map(_digest, captured)))
        put("_hash", hash(self._key))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a function graph cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a function graph cannot be changed")

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, FunctionGraph) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self):
        return (FunctionGraph, (self.inputs, self.nodes, self.outputs, self.output_names, self.constants, self.arrays))

    def __copy__(self) -> "FunctionGraph":
        return self

    def __deepcopy__(self, memo: dict) -> "FunctionGraph":
        return self

    def __repr__(self) -> str:
        inputs = ["x", *self.array_names] if self.ports == ("Input",) and "x" not in self.array_names else self.inputs
        arrays = [f"array{k}" for k in range(len(self.constants))]
        return formula(inputs, self.nodes, self.outputs, self.output_names, arrays)

    @property
    def ports(self) -> tuple[str, ...]:
        """The inputs that are no learned arrays."""
        return self.inputs[: len(self.inputs) - len(self.arrays)]

    @property
    def array_names(self) -> tuple[str, ...]:
        """The names of the learned arrays."""
        return self.inputs[len(self.ports) :]

    @property
    def is_elementwise(self) -> bool:
        """Whether each element of the result depends only on the elements of the inputs at its place."""
        return self.first_not_elementwise is None

    @property
    def first_not_elementwise(self) -> str | None:
        """The first step that looks beyond one place: an operation's name, or "a captured array", "a learned array"."""
        for node in self.nodes:
            if OPERATIONS[node.operation].axes != "elementwise":
                return node.operation
        if any(array.ndim for array in self.constants):
            return "a captured array"
        return "a learned array" if any(array.dimensions for array in self.arrays) else None

    def __call__(self, *arguments: Any) -> Any:
        """Runs the steps on tensors (numbers are taken as tensors). Captured arrays follow the inputs' device and precision."""
        if len(arguments) != len(self.inputs):
            raise NetTypeError(f"{self!r} takes {len(self.inputs)} arrays ({', '.join(self.inputs)}), {len(arguments)} given")
        arrays = [argument if isinstance(argument, torch.Tensor | Proxy) else torch.as_tensor(argument) for argument in arguments]
        values: dict[Ref, Any] = {Ref("input", i): array for i, array in enumerate(arrays)}
        values |= {Ref("constant", i): _like(constant, arrays) for i, constant in enumerate(self.constants)}

        def value(operand: Any) -> Any:
            if isinstance(operand, tuple):
                return tuple(map(value, operand))
            return values[operand] if isinstance(operand, Ref) else operand

        for i, node in enumerate(self.nodes):
            values[Ref("node", i)] = OPERATIONS[node.operation].run(*map(value, node.operands))
        results = [values[ref] for ref in self.outputs]
        return results[0] if self.output_names is None else dict(zip(self.output_names, results, strict=True))

    def lines(self, arguments: Sequence[str], prefix: str, constants: Sequence[str] = ()) -> tuple[list[str], tuple[str, ...]]:
        """Straight Python statements that call `torch`, and the names of the results.

        `arguments` and `constants` are the names that inputs (with learned arrays) and captured arrays have in the code; new names begin
        with `prefix`.
        """
        if len(arguments) != len(self.inputs) or len(constants) != len(self.constants):
            raise NetValueError(f"{self!r} has {len(self.inputs)} inputs and {len(self.constants)} captured arrays")
        return statements(self.nodes, self.outputs, arguments, prefix, constants)

    def to_json(self) -> dict[str, Any]:
        """Plain data for strict JSON. Captured arrays appear by shape only; store `constants` beside it, in order."""
        arrays = [{"name": None if a.name is Automatic else a.name, "dimensions": list(a.dimensions or ())} for a in self.arrays]
        return {
            **({"arrays": arrays} if arrays else {}),
            "inputs": list(self.inputs),
            "nodes": [{"operation": node.operation, "operands": [_encode(operand) for operand in node.operands]} for node in self.nodes],
            "outputs": [_encode(ref) for ref in self.outputs],
            "output_names": None if self.output_names is None else list(self.output_names),
            "constants": [{"dtype": str(c.dtype).removeprefix("torch."), "shape": list(c.shape)} for c in self.constants],
        }

    @classmethod
    def from_json(cls, data: Any, constants: Sequence[torch.Tensor] = ()) -> "FunctionGraph":
        """The graph that `to_json` described, with its captured arrays. Anything unexpected is a NetError; nothing is run.

        >>> from netgraph.spec.trace import trace
        >>> f = trace(lambda x: x + 1)
        >>> f.from_json(f.to_json()) == f
        True
        """
        fields = {"inputs": list, "nodes": list, "outputs": list, "output_names": list | None, "constants": list}
        if isinstance(data, dict) and "arrays" in data:  # absent where there are none
            fields["arrays"] = list
        record = _record(data, "a function graph", fields)
        declared = [_record(entry, "a constant", {"dtype": str, "shape": list}) for entry in record["constants"]]
        found = [{"dtype": str(c.dtype).removeprefix("torch."), "shape": list(c.shape)} for c in constants]
        if declared != found:
            raise NetValueError(
                "a function graph's captured arrays are not those it declares", origins=[(declared, "declared"), (found, "given")]
            )
        names = [*record["inputs"], *(record["output_names"] or [])]
        if not all(isinstance(name, str) for name in names):
            raise NetTypeError("a function graph's names are texts")
        if not all(name and name.isprintable() for name in names):
            raise NetValueError("a function graph's names are of printable characters")
        nodes = []
        for entry in record["nodes"]:
            step = _record(entry, "a node", {"operation": str, "operands": list})
            nodes.append(Node(step["operation"], tuple(map(_decode, step["operands"]))))
        arrays = [_array(entry) for entry in record.get("arrays", [])]
        return cls(record["inputs"], nodes, [_decode(ref) for ref in record["outputs"]], record["output_names"], constants, arrays)


def _is_full(dimensions: tuple | None) -> bool:
    return dimensions is not None and all(isinstance(size, int) and size > 0 for size in dimensions)


def _array(data: Any) -> NetArray:
    entry = _record(data, "a learned array", {"name": str | None, "dimensions": list})
    if not all(type(size) is int for size in entry["dimensions"]):
        raise NetTypeError(f"a learned array's dimensions are numbers, not {_short(entry['dimensions'])}")
    name = {} if entry["name"] is None else {"Name": entry["name"]}
    return NetArray(**name, Dimensions=tuple(entry["dimensions"]))


def _check(inputs: Sequence[str], nodes: Sequence[Node], outputs: Sequence[Any], constants: Sequence[torch.Tensor]) -> None:
    def check_reference(ref: Ref, before: int, where: str) -> None:
        count = {"input": len(inputs), "node": before, "constant": len(constants)}[ref.kind]
        if not 0 <= ref.index < count:
            raise NetValueError(f"{where} refers to {ref.kind} {ref.index}, but there are {count} of them there")

    for position, node in enumerate(nodes):
        where = f"node {position} ({node.operation})"
        parameters = operation(node.operation).parameters
        if len(node.operands) != len(parameters):
            raise NetValueError(f"{where} has {len(node.operands)} operands, it needs {len(parameters)}")
        for parameter, operand in zip(parameters, node.operands, strict=True):
            if not parameter.accepts(operand):
                raise NetTypeError(f"{where}: {operand!r} does not fit {parameter.name}, which takes {parameter.kind}")
        for ref in node.references():
            check_reference(ref, position, where)
    for ref in outputs:
        if not isinstance(ref, Ref):
            raise NetTypeError(f"an output of a function graph is a reference, not {ref!r}")
        check_reference(ref, len(nodes), "an output")


def _canonical(nodes: Sequence[Node], outputs: Iterable[Ref], constants: Sequence[torch.Tensor]):
    """Steps in the order in which the outputs need them, each once; constants likewise."""
    new: dict[Ref, Ref] = {}
    steps: list[Node] = []
    arrays: list[torch.Tensor] = []
    known: dict[str, Ref] = {}
    outputs = list(outputs)
    waiting = outputs[::-1]
    while waiting:
        ref = waiting[-1]
        if ref in new or ref.kind == "input":
            waiting.pop()
        elif ref.kind == "constant":
            array = constants[ref.index].detach()
            key = f"{array.dtype} {tuple(array.shape)} {_digest(array)}"
            if key not in known:
                known[key] = Ref("constant", len(arrays))
                arrays.append(array)
            new[ref] = known[key]
            waiting.pop()
        else:
            node = nodes[ref.index]
            needed = [part for part in node.references() if part not in new and part.kind != "input"]
            if needed:
                waiting.extend(reversed(needed))
                continue
            step = node.renumbered(new)
            key = json.dumps([step.operation, [_encode(operand) for operand in step.operands]])
            if key not in known:
                known[key] = Ref("node", len(steps))
                steps.append(step)
            new[ref] = known[key]
            waiting.pop()
    return tuple(steps), tuple(new.get(ref, ref) for ref in outputs), tuple(arrays)


def _digest(array: torch.Tensor) -> str:
    plain = array.detach().cpu().contiguous().reshape(-1)
    return hashlib.sha256(plain.view(torch.uint8).numpy().tobytes()).hexdigest()


class _Captured:
    """A captured array inside generated code: a function of the inputs, whose device and precision it follows."""

    def __init__(self, constant: torch.Tensor):
        self.constant = constant
        self.__name__ = f"captured_{_digest(constant)[:12]}"

    def __call__(self, *arrays: torch.Tensor) -> torch.Tensor:
        return _like(self.constant, arrays)


def _like(constant: torch.Tensor, arrays: Sequence[Any]) -> Any:
    if arrays and isinstance(arrays[0], Proxy):
        return arrays[0].tracer.create_proxy("call_function", _Captured(constant), tuple(arrays), {})
    device = arrays[0].device if arrays else constant.device
    dtype = next((array.dtype for array in arrays if array.is_floating_point()), constant.dtype)
    return constant.to(device, dtype) if constant.is_floating_point() else constant.to(device)


def _encode(operand: Any) -> Any:
    if isinstance(operand, Ref):
        return {operand.kind: operand.index}
    if isinstance(operand, tuple):
        return [_encode(part) for part in operand]
    if isinstance(operand, slice):
        return {"slice": [operand.start, operand.stop, operand.step]}
    if operand is Ellipsis:
        return {"ellipsis": True}
    if isinstance(operand, float) and not math.isfinite(operand):
        return {"number": repr(operand)}
    return operand


def _decode(data: Any, depth: int = 0) -> Any:
    if isinstance(data, list) and depth == 0:
        return tuple(_decode(part, 1) for part in data)
    if isinstance(data, dict) and len(data) == 1:
        (word, value), *_ = data.items()
        integer = isinstance(value, int) and not isinstance(value, bool)
        if word in ("input", "node", "constant") and integer:
            return Ref(word, value)
        if word == "slice" and isinstance(value, list) and len(value) == 3:
            return slice(*value)
        if word == "ellipsis" and value is True:
            return ...
        if word == "number" and value in ("inf", "-inf", "nan"):
            return float(value)
    elif data is None or isinstance(data, bool | int | float | str):
        return data
    raise NetTypeError(f"{_short(data)} is no operand of a function graph")


def _record(data: Any, what: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) != set(fields):
        raise NetTypeError(f"{what} is an object with {', '.join(fields)}, not {_short(data)}")
    for name, kind in fields.items():
        if not isinstance(data[name], kind):
            raise NetTypeError(f"{what}'s {name} is {_short(data[name])}")
    return data


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."
