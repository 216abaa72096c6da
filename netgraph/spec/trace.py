"""Turns a Python function of arrays into a `FunctionGraph`.

    function --record on stand-ins--> graph --run both on drawn data, at other sizes too--> FunctionGraph, or OpaqueFunction

Recorded are Python's operators, torch functions and tensor methods of the closed list, and our symbols. What needs the value of an array
(`math`, NumPy, `if`, `max`, `float`) is refused with the torch spelling. A function that works on tensors but leaves the list, or does
other steps at other sizes, stays an `OpaqueFunction`: it can be used, but not stored in a file.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from netgraph.errors import NetError, NetShapeError, NetTypeError, NetValueError
from netgraph.spec.arrays import NetArray
from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.program import Program
from netgraph.spec.recorder import Record, WantsShape, record
from netgraph.spec.replay import RECORDED_SIZE, Shape, difference, drawn, other_sizes, undisturbed, with_size
from netgraph.spec.spellings import Unlisted
from netgraph.spec.symbols import Symbol, symbol
from netgraph.types.symbols import Automatic

# Ranks at which a function of unknown shape is recorded, in the order tried, and those at which it is replayed.
_RANKS_TRIED = (1, 2, 3, 0)
_RANKS_REPLAYED = (0, 1, 2, 3)
_MOST_GUESSES = 6

_WHOLE_ARRAY = "FunctionLayer(f), which sees the whole array"


class OpaqueFunction:
    """A function that could not be turned into a graph: `function` itself, its port names `inputs`, and the `reason`.

    Called on tensors it gives what the function gives. Two are equal if they hold the same function object. One that has learned `arrays`
    (by name, their dimensions open) does other steps at other sizes: it is traced again when those are known.

    >>> trace(lambda x: torch.fft.fft(x).real).reason
    'it uses torch.fft_fft, which is not in the list of operations'
    """

    __slots__ = ("arrays", "function", "inputs", "reason")

    function: Callable
    inputs: tuple[str, ...]
    reason: str
    arrays: Mapping[str, NetArray]

    def __init__(self, function: Callable, inputs: Sequence[str], reason: str, arrays: Mapping[str, NetArray] = MappingProxyType({})):
        put = super().__setattr__
        put("arrays", MappingProxyType(dict(arrays)))
        put("function", function)
        put("inputs", tuple(inputs))
        put("reason", reason)

    is_elementwise = False

    @property
    def ports(self) -> tuple[str, ...]:
        """The inputs; there are no learned arrays among them."""
        return self.inputs

    @property
    def array_names(self) -> tuple[str, ...]:
        """The names of the learned arrays."""
        return tuple(self.arrays)

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __eq__(self, other: object) -> bool:
        return self.function is other.function and self.inputs == other.inputs if isinstance(other, OpaqueFunction) else NotImplemented

    def __hash__(self) -> int:
        return hash((id(self.function), self.inputs))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("an opaque function cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("an opaque function cannot be changed")

    def __repr__(self) -> str:
        return f"<opaque function {_name(self.function)}: {self.reason}>"


def trace(
    f: Callable | Symbol | str, names: Sequence[str] | None = None, shapes: Sequence[Shape | None] | None = None
) -> FunctionGraph | OpaqueFunction:
    """The graph of a function of arrays.

    `f` is a Python function, a symbol, or the name of one. `names` are the ports; by default one parameter is "Input" and several name
    the ports (a symbol's are "Input1", "Input2", ...); parameters with a default keep it. `shapes` has one shape a port, None for an open
    axis; without it, ranks 0 to 3 are tried.
    Errors: NetTypeError for what cannot be traced, with the torch spelling; NetValueError where f fails on arrays of these shapes.

    >>> trace(lambda x: torch.tanh(x) * 2)
    Tanh(x) * 2
    >>> trace(lambda a, b: {"sum": a + b, "mean": b.mean(-1)}, shapes=[(3,), (None, 3)])
    {"sum": a + b, "mean": mean(b, dim=(-1,))}
    """
    traced = trace_layer(f, names, shapes).function
    if isinstance(traced, Program):
        raise NetTypeError(f"{_name(f)} calls a net", fix="FunctionLayer(f), which holds the nets that it calls")
    return traced


class Traced(NamedTuple):
    """A traced function: a graph, a program where it calls nets, or opaque; and the `values` of those of its arrays that have one."""

    function: FunctionGraph | OpaqueFunction | Program
    values: Mapping[str, torch.Tensor]


def trace_layer(f: Callable | Symbol | str, names: Sequence[str] | None = None, shapes: Sequence[Shape | None] | None = None) -> Traced:
    """What `trace` gives, also of a function that has learned arrays (`NetArray`) or calls nets."""
    return _trace(f, names, shapes, fill=False)


def trace_elementwise(f: Callable | Symbol | str, arity: int | Sequence[str] | None = None) -> FunctionGraph | OpaqueFunction:
    """The graph of a function that treats each element by itself; `arity` is the number of inputs, or their names.

    A step that looks at other elements is a NetTypeError that names it.

    >>> trace_elementwise(lambda x: torch.where(x > 0, x, 0.1 * x))
    where(x > 0, x, 0.1 * x)
    """
    names = _numbered(arity) if isinstance(arity, int) else arity
    traced = _trace(f, names, None, fill=True).function
    if isinstance(traced, Program) or traced.array_names:
        what = "calls a net" if isinstance(traced, Program) else "has arrays of its own"
        raise NetTypeError(f"{_name(f)} {what}", fix="FunctionLayer(f), which holds them")
    if isinstance(traced, FunctionGraph) and not traced.is_elementwise:
        headline = f"{_name(f)} is not elementwise: {traced.first_not_elementwise} looks at more than one place of an array"
        raise NetTypeError(headline, origins=[(traced, "the function as traced")], fix=_WHOLE_ARRAY)
    if isinstance(traced, OpaqueFunction) and not _treats_places_alone(traced):
        headline = f"{_name(f)} is not elementwise: an element of its result is another when the element is given alone"
        raise NetTypeError(headline, origins=[(traced, "the function as traced")], fix=_WHOLE_ARRAY)
    return traced


def _treats_places_alone(traced: OpaqueFunction) -> bool:
    arrays = drawn([(RECORDED_SIZE,)] * len(traced.inputs))
    whole = _attempt(traced, arrays)
    parts = [_attempt(traced, [array[k : k + 1] for array in arrays]) for k in range(RECORDED_SIZE)]
    if not isinstance(whole, torch.Tensor) or not all(isinstance(part, torch.Tensor) for part in parts):
        return False
    alone = torch.cat([part.reshape(-1) for part in parts])
    return whole.shape == alone.shape and torch.allclose(whole, alone, rtol=1e-4, atol=1e-5, equal_nan=True)


def _attempt(traced: OpaqueFunction, arrays: Sequence[torch.Tensor]) -> Any:
    """The result of an opaque function, or the error that it raises."""
    try:
        with undisturbed(seed=0):
            return traced(*(array.clone() for array in arrays))
    except Exception as error:
        return error


def _trace(f: Any, names: Sequence[str] | None, shapes: Sequence[Shape | None] | None, fill: bool) -> Traced:
    if isinstance(f, str):
        f = symbol(f)
    if not callable(f):
        raise NetTypeError(f"{f!r} is no function", fix="a Python function of arrays, a symbol such as Tanh, or its name")
    if isinstance(f, torch.nn.Module) and any(True for _ in f.parameters()):
        raise NetTypeError(f"{type(f).__name__} has arrays of its own, which a traced function would freeze", fix="net_from_torch(module)")
    names, keywords = _ports(f, names)
    if shapes is not None and len(shapes) != len(names):
        raise NetValueError(f"{_name(f)} has {len(names)} inputs ({', '.join(names)}), {len(shapes)} shapes given")
    plain = _by_position(f, len(names), keywords)
    known: Sequence[Shape | None] = [None] * len(names) if shapes is None else shapes
    fixed = all(shape is not None for shape in known)
    ranks = [_at_rank(known, rank) for rank in (_RANKS_TRIED[:1] if fixed else _RANKS_TRIED)]
    replayed = ranks if fixed else [_at_rank(known, rank) for rank in _RANKS_REPLAYED]

    def recorded(sizes: Sequence[Sequence[int]], seed: int = 0) -> Record:
        with undisturbed(seed):
            return record(f, names, keywords, drawn(sizes, seed), fill, seen)

    seen: set[int] = set()
    found: Record | None = None
    failed: Exception | None = None
    waiting = [with_size(tried, RECORDED_SIZE) for tried in ranks]
    tried: list = []
    asked: list = []
    while waiting and found is None:
        sizes = waiting.pop(0)
        tried.append(sizes)
        try:
            found = recorded(sizes)
        except WantsShape as error:  # a net that the function calls: its own shape is the next guess
            failed = failed or error
            guess = [error.shape if shape is None else size for shape, size in zip(known, sizes, strict=True)]
            if guess not in tried:
                asked.append(guess)
                waiting.insert(0, guess)
        except NetError:
            raise
        except Exception as error:  # whatever user code raises; it is reported below, never dropped
            reason = _reason(error)
            try:
                with undisturbed(seed=0):
                    plain(*drawn(sizes))
            except Exception as on_tensors:
                if not waiting and not fixed:  # sizes of arrays inside are the last guesses
                    guesses = [with_size(shapes, size) for size in sorted(seen)[:_MOST_GUESSES] for shapes in ranks]
                    waiting += [guess for guess in guesses if guess not in tried]
                # a NetArray is none outside of tracing: what happened inside says more
                if failed is None or (isinstance(failed, WantsShape) and sizes in asked):
                    failed = error if isinstance(on_tensors, NetError) else on_tensors
                continue
            return Traced(OpaqueFunction(f, names, reason), {})
    if found is None:
        if isinstance(failed, NetError):
            open_ports = [f"{name}=<shape>" for name, shape in zip(names, known, strict=True) if shape is None]
            raise NetShapeError(f"{_name(f)}: {failed}", fix=", ".join(open_ports) or None)
        shown = " and ".join(str(shape).replace("None", "any size") for shape in with_size(ranks[0], RECORDED_SIZE))
        raise NetValueError(f"{_name(f)} fails on arrays of shape {shown}: {type(failed).__name__}: {_first_line(failed)}") from failed
    replayed = [tried[-1], *replayed]
    if isinstance(f, Symbol):
        return Traced(found.steps, found.values)
    if found.closed is not None:
        return Traced(_checked(found.closed, plain, f, replayed, found.has_numpy), found.values)
    return Traced(_recorded_alike(found, recorded, f, replayed), found.values)


def _recorded_alike(found: Record, recorded: Callable[..., Record], f: Callable, replayed: Sequence[Sequence[Shape]]):
    """The steps of a function that has arrays of its own or calls nets, if it does the same ones at other sizes, else the opaque function.

    It cannot be run on tensors, so records are compared.
    """
    for shapes in replayed:
        for k, sizes in enumerate(other_sizes(shapes)):
            try:
                other = recorded(sizes, k + 1)
            except Exception:  # the function is not meant for these sizes
                continue
            if other.steps == found.steps:
                continue
            if isinstance(found.steps, FunctionGraph) and isinstance(other.steps, FunctionGraph):
                return _sized(found.steps, f)
            shown = ", ".join(str(tuple(shape)) for shape in sizes)
            headline = f"{_name(f)} calls a net, and does other steps on shape {shown} than on the recorded one"
            ports = found.steps.ports
            raise NetValueError(headline, fix=", ".join(f"{name}=<shape>" for name in ports))
    return found.steps


def _sized(graph: FunctionGraph, f: Callable) -> OpaqueFunction:
    arrays = {
        name: NetArray(*([] if array.name is Automatic else [array.name]))
        for name, array in zip(graph.array_names, graph.arrays, strict=True)
    }
    return OpaqueFunction(f, graph.ports, "it does other steps at other sizes", arrays)


def _at_rank(shapes: Sequence[Shape | None], rank: int) -> list[Shape]:
    """The shapes, with open axes at that rank for those that are unknown."""
    return [(None,) * rank if shape is None else shape for shape in shapes]


def _checked(graph: FunctionGraph, plain: Callable, f: Callable, replayed: Sequence[Sequence[Shape]], has_numpy: bool):
    """The graph if it agrees with the function wherever the function runs, else the opaque function."""
    ran, failed = False, None
    for shapes in replayed:
        for k, sizes in enumerate(other_sizes(shapes)):
            try:
                differs = difference(graph, plain, drawn(sizes, seed=k))
            except Exception as error:  # the function is not meant for these sizes; if it runs at none, that is reported below
                failed = failed or error
                continue
            ran = True
            if differs is not None:
                return OpaqueFunction(f, graph.inputs, differs)
    # torch refuses some NumPy arrays that tracing has turned into tensors: then there is nothing to compare with
    if not ran and not has_numpy:
        raise NetValueError(f"{_name(f)} fails on arrays: {type(failed).__name__}: {_first_line(failed)}") from failed
    return graph


def _ports(f: Callable, names: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Port names, and the parameters (the last ones) that are passed by keyword."""
    if isinstance(f, Symbol):
        return _symbol_ports(f, names), ()
    try:
        parameters = inspect.signature(f.forward if isinstance(f, torch.nn.Module) else f).parameters.values()
    except (TypeError, ValueError):  # a builtin such as torch.sin has no signature
        return tuple(names or ("Input",)), ()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p.name for p in positional if p.default is p.empty]
    keywords = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty)
    most = None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(positional) + len(keywords)
    if names is None:
        # a single parameter with a default is still the input
        found = (*needed, *keywords) or tuple(p.name for p in positional[:1])
        if not found:
            why = "its inputs have no names" if most is None else "it has no parameter"
            raise NetTypeError(f"{_name(f)} cannot be traced: {why}", fix="a function with one named parameter for each input")
        return ("Input",) if len(found) == 1 else found, keywords
    least = len(needed) + len(keywords)
    if len(names) < least or (most is not None and len(names) > most):
        takes = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        raise NetTypeError(f"{_name(f)} takes {takes} arguments, but there are {len(names)} inputs ({', '.join(names)})")
    return tuple(names), keywords


def input_names(f: Callable | Symbol | str) -> tuple[str, ...]:
    """The ports of a function, as `trace` names them when it is given no names.

    >>> input_names(lambda a, b: a + b)
    ('a', 'b')
    """
    return _ports(symbol(f) if isinstance(f, str) else f, None)[0]


def _symbol_ports(f: Symbol, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        if f.least == 0:
            raise NetTypeError(f"{f} takes any number of arrays: name the inputs", fix='names=["Input1", "Input2"]')
        return _numbered(f.least)
    if not f.takes(len(names)):
        raise NetTypeError(f"{f} cannot take {len(names)} inputs ({', '.join(names)})", origins=[(f, f.formula)])
    return tuple(names)


def _numbered(count: int) -> tuple[str, ...]:
    return ("Input",) if count == 1 else tuple(f"Input{k + 1}" for k in range(count))


def _by_position(f: Callable, count: int, keywords: Sequence[str]) -> Callable:
    split = count - len(keywords)
    return lambda *args: f(*args[:split], **dict(zip(keywords, args[split:], strict=True)))


def _reason(error: Exception) -> str:
    if isinstance(error, Unlisted):
        return f"it uses {error}, which is not in the list of operations"
    return f"tracing it fails with {type(error).__name__}: {_first_line(error)}"


def _first_line(error: Exception | None) -> str:
    return (str(error).splitlines() or [""])[0]


def _name(f: Any) -> str:
    name = getattr(f, "__name__", None) or getattr(f, "name", None) or type(f).__name__
    return "the function" if name == "<lambda>" else str(name)
