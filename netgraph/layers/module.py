"""A torch.nn.Module as a layer: for what has no layer of ours."""

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from netgraph.spec.declare import Array, State
from netgraph.spec.own_ports import OwnPorts
from netgraph.spec.parameters import parameter, wants
from netgraph.spec.typing import Scope, Term
from netgraph.types.port_type import parse_type
from netgraph.types.sizes import Varying
from netgraph.types.store import KindNode, find
from netgraph.types.symbols import Automatic

__all__ = ["ModuleLayer"]


class HeldModule:
    """A copy of a module whose numbers are kept apart: `parameters` and `buffers` by path ("encoder/0/weight").

    Buffers of whole numbers (counts, indices) stay in the copy. Two are equal if they hold the same copy.
    """

    def __init__(self, module: nn.Module):
        self.name = type(module).__name__
        self.modes = {training: _Telling(copy.deepcopy(module)).train(training).to("meta") for training in (True, False)}
        self.parameters = {_path(name): p.detach().clone() for name, p in module.named_parameters()}
        self.buffers = {_path(name): b.detach().clone() for name, b in module.named_buffers() if b.is_floating_point()}
        self.whole = {name: b.detach().clone() for name, b in module.named_buffers() if not b.is_floating_point()}
        self.inputs = _inputs(module)

    def __deepcopy__(self, memo) -> "HeldModule":
        return self

    def __repr__(self) -> str:
        return f"<torch module {self.name}>"

    def run(self, training: bool, inputs: tuple, arrays: Mapping[str, torch.Tensor]) -> tuple[Any, dict[str, torch.Tensor]]:
        """What the module gives for a batch with these numbers in place of its own, and its buffers afterwards."""
        whole = {name: buffer.to(inputs[0].device, copy=True) for name, buffer in self.whole.items()}
        numbers = {**{name: arrays[name] for name in self.parameters}, **{name: arrays[name].clone() for name in self.buffers}}
        numbers = {name.replace("/", "."): array for name, array in numbers.items()}
        result, buffers = functional_call(self.modes[training], {f"module.{name}": a for name, a in {**whole, **numbers}.items()}, inputs)
        return result, {name: buffers[name.replace("/", ".")] for name in self.buffers}

    def tried(self, shapes: tuple, whole: tuple[bool, ...]) -> dict[str, torch.Tensor]:
        """The outputs by name for a batch of two examples of these shapes (`whole`: of whole numbers), without memory where that works."""
        arrays = {**self.parameters, **self.buffers}
        try:
            return self._tried(shapes, whole, {name: a.to("meta") for name, a in arrays.items()}, "meta")
        except (NotImplementedError, RuntimeError):  # what looks at its numbers cannot be run without them
            return self._tried(shapes, whole, arrays, "cpu")

    def _tried(self, shapes, whole, arrays, device) -> dict[str, torch.Tensor]:
        inputs = tuple(
            torch.zeros((2, *shape), dtype=torch.int64 if integers else torch.float32, device=device)
            for shape, integers in zip(shapes, whole, strict=True)
        )
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return outputs_of(self.run(False, inputs, arrays)[0])


class _Telling(nn.Module):
    """A module that gives its buffers beside its result: it may write into them, or put others in their place."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, *inputs):
        result = self.module(*inputs)
        return result, dict(self.module.named_buffers())


def _path(name: str) -> str:
    return name.replace(".", "/")


def _inputs(module: nn.Module) -> tuple[str, ...]:
    """The ports of a module: "Input", or the names of its arguments where it wants several."""
    arguments = [
        a.name
        for a in inspect.signature(module.forward).parameters.values()
        if a.kind in (a.POSITIONAL_ONLY, a.POSITIONAL_OR_KEYWORD) and a.default is a.empty
    ]
    return ("Input",) if len(arguments) <= 1 else tuple(arguments)


def outputs_of(result: Any) -> dict[str, torch.Tensor]:
    """What a module returned, by port name: "Output", "Output1" and so on for a tuple, or the keys of a dict; nested tuples in order."""
    if isinstance(result, torch.Tensor):
        return {"Output": result}
    if isinstance(result, Mapping) and all(isinstance(value, torch.Tensor) for value in result.values()):
        return dict(result)
    flat = _flat(result)
    return {f"Output{number + 1}": value for number, value in enumerate(flat)} if len(flat) > 1 else {"Output": flat[0]}


def _flat(result: Any) -> list[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, (tuple, list)) and result:
        return [part for entry in result for part in _flat(entry)]
    raise TypeError(f"it returns {type(result).__name__}, not tensors")


class _Run:
    """One run of a module in the generated code: inputs and arrays in; outputs and the written buffers out."""

    def __init__(self, held: HeldModule, training: bool, names: tuple[str, ...], inputs: int):
        self.held, self.training, self.names, self.inputs = held, training, names, inputs
        self.__name__ = f"run_{held.name}"

    def __call__(self, *tensors):
        arrays = dict(zip(self.names, tensors[self.inputs :], strict=True))
        result, buffers = self.held.run(self.training, tensors[: self.inputs], arrays)
        return (*outputs_of(result).values(), *buffers.values())


def _outputs(held: HeldModule, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the outputs, tried where the options give all inputs a shape; else there is one."""
    types = [parse_type(options[name], f"ModuleLayer: {name}", "input") for name in held.inputs if name in options]
    if len(types) < len(held.inputs) or not all(kind.closed and not kind.varies for kind in types):
        return ("Output",)
    try:
        return tuple(
            held.tried(tuple(kind.shape for kind in types), tuple(kind.kind is not None and kind.kind.name == "integer" for kind in types))
        )
    except Exception:  # whatever user code raises: it is told where the layer's types are solved
        return ("Output",)


def _module(value):
    if isinstance(value, HeldModule):
        return value
    if not isinstance(value, nn.Module):
        raise wants("a torch.nn.Module", value)
    return HeldModule(value)


def _names(value):
    if isinstance(value, tuple) and value and all(isinstance(name, str) for name in value):
        return value
    raise wants("a list of names", value)


TorchModule: Any = parameter(_module, {"type": "object"})
OutputNames: Any = parameter(_names, {"type": "array", "items": {"type": "string"}})


class ModuleLayer(OwnPorts):
    """A `torch.nn.Module` as a layer: whatever it computes, with its parameters and buffers as arrays of the net.

        output = module(input)

    The module sees a batch, with the batch axis in front, and must treat its examples apart. One argument is the port "Input"; several
    name the ports. A tensor is the output "Output"; of a tuple the outputs are "Output1", "Output2", ...; a dict names them. Several
    outputs want the types of the inputs, on which the module is tried: `ModuleLayer(module, Input=(3, 32, 32))`. Where input shapes are
    known the output's follow, from a run without memory. Parameters are arrays under their path ("encoder/0/weight"), buffers of real
    numbers are states, updated in training as the module does; `net_initialize(net, All)` gives both the numbers the module came with.
    Training and use: the module's own `train()` and `eval()`; what it draws comes from torch's global generator. The module is copied. It
    cannot be saved to a file, which holds no code: `net_from_torch` makes layers of modules that have one.
    Errors: a module that fails on the shapes, or gives something else than tensors with the batch axis in front; a varying axis.
    Source: ours.

    >>> layer = ModuleLayer(torch.nn.Bilinear(2, 3, 4), input1=2, input2=3)
    >>> layer["Output"], sorted(layer.arrays)
    ((4,), ['bias', 'weight'])
    """

    positional = ("Module",)
    Module: TorchModule
    OutputPorts: OutputNames = ("Output",)

    def __init__(self, *args, **options):
        word = "module" if "module" in options else "Module"
        module = args[0] if args else options.get(word)
        if isinstance(module, nn.Module):
            module = HeldModule(module)
            args, options = ((module, *args[1:]), options) if args else (args, {**options, word: module})
        if isinstance(module, HeldModule) and not {"OutputPorts", "output_ports"} & options.keys():
            options["OutputPorts"] = _outputs(module, options)
        super().__init__(*args, **options)
        self._hold({**self.Module.parameters, **self.Module.buffers, **self._arrays}, self._given)

    def input_ports(self) -> tuple[str, ...]:
        return self.Module.inputs

    def output_ports(self) -> tuple[str, ...]:
        return self.OutputPorts

    def array_places(self):
        for kind, tensors in ((Array, self.Module.parameters), (State, self.Module.buffers)):
            for name, tensor in tensors.items():
                yield name, kind(" ".join(map(str, tensor.shape)), Original(tensor)), self._settings.get(name, Automatic)

    def declare(self, scope: Scope) -> None:
        store, inputs = scope.store, scope.terms.inputs
        for name in self.input_ports():
            inputs[name] = Term(KindNode(), store.run())
        for name in self.output_ports():
            scope.terms.outputs[name] = Term(KindNode("real", scope.origin()), store.run())
        for name, declared, setting in self.array_places():
            scope.array(name, declared.shape, setting)
        runs = [term.run for term in inputs.values()]
        rule: Any = None

        def fire() -> bool:
            shapes = [store.known(run) for run in runs]
            if None in shapes:
                store.watch(rule, [node for run in runs for node in (run, *(store.axes(run) or ()))])
                return False
            try:
                found = self.shapes(tuple(shapes), tuple(find(term.kind).value == "integer" for term in inputs.values()))
            except ValueError as error:
                store.conflict(scope.where, str(error), runs)
                return True
            for shape, term in zip(found, scope.terms.outputs.values(), strict=True):
                store.equate_runs(term.run, store.shape(shape, scope.origin()), scope.where)
            return True

        rule = store.rule(runs, fire)

    def shapes(self, shapes: tuple, whole: tuple[bool, ...]) -> list[tuple[int, ...]]:
        """The shapes of the outputs for inputs of these shapes. Errors: ValueError that says why there are none."""
        if any(isinstance(size, Varying) for shape in shapes for size in shape):
            raise ValueError("a torch module takes no varying axis")
        shown = " and ".join(map(str, shapes))
        try:
            found = self.Module.tried(shapes, whole)
        except Exception as error:  # whatever user code raises
            text = (str(error).splitlines() or [""])[0]
            raise ValueError(f"the module fails on inputs of shape {shown}: {type(error).__name__}: {text}") from None
        if tuple(found) != self.OutputPorts:
            raise ValueError(f"the module gives the outputs {', '.join(found)}, not {', '.join(self.OutputPorts)}")
        for name, result in found.items():
            if result.dim() == 0 or result.shape[0] != 2:
                raise ValueError(
                    f"of a batch of 2 the module gives {name} of shape {tuple(result.shape)}: the batch axis must stay in front"
                )
        return [tuple(result.shape[1:]) for result in found.values()]

    def forward(self, *inputs, training, **arrays):
        run = _Run(self.Module, training, tuple(arrays), len(inputs))
        if not isinstance(inputs[0], torch.fx.Proxy):
            return run(*inputs, *arrays.values())
        whole: Any = inputs[0].tracer.create_proxy("call_function", run, (*inputs, *arrays.values()), {})
        return tuple(whole[i] for i in range(len(self.OutputPorts) + len(self.Module.buffers)))


class Original:
    """Starts as the module had it."""

    def __init__(self, tensor: torch.Tensor):
        self.tensor = tensor

    def draw(self, shape, method, source) -> torch.Tensor:
        return self.tensor.clone()
