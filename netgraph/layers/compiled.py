"""A layer around a Python function that stays as it is: any code, on the CPU, with a gradient of its own if it has one.

The function is called by an operator of torch, so a net with such a layer compiles and exports whole; the operator looks the function up
in this process, so neither file nor exported program holds it.
"""

import inspect
import itertools
import weakref
from functools import lru_cache
from typing import Any

import torch

from netgraph.errors import NetShapeError, NetTypeError
from netgraph.spec.declare import InputPort, OutputPort, Rule
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import is_integer, parameter, wants
from netgraph.spec.replay import drawn, undisturbed
from netgraph.spec.trace import OpaqueFunction
from netgraph.types.sizes import Varying
from netgraph.types.symbols import Automatic

__all__ = ["CompiledLayer"]


def _kept(value, count: int) -> OpaqueFunction:
    names = ("Input", "OutputGradient", "Output")[:count]
    return OpaqueFunction(value, names, "a CompiledLayer keeps its functions as they are, a FunctionLayer turns them into operations")


def _function(value):
    if isinstance(value, OpaqueFunction):
        return value
    if not callable(value):
        raise wants("a Python function of an array", value)
    return _kept(value, 1)


def _gradient(value):
    if value is Automatic or value is None or isinstance(value, OpaqueFunction):
        return value
    if not callable(value):
        raise wants("a function of (input, output gradient) or of (input, output gradient, output), None or Automatic", value)
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):  # a builtin tells nothing
        return _kept(value, 2)
    needed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty]
    if len(needed) not in (2, 3):
        raise wants("a function of (input, output gradient) or of (input, output gradient, output)", value)
    return _kept(value, len(needed))


def _rank(value):
    if value is Automatic or (is_integer(value) and value >= 0):
        return value
    raise wants("a rank from 0 or Automatic", value)


KeptFunction: Any = parameter(_function, {"type": "object"})
KeptGradient: Any = parameter(_gradient, {"anyOf": [{"type": "object"}, {"type": "null"}]})
RankSpec: Any = parameter(_rank, {"anyOf": [{"type": "integer", "minimum": 0}, {"const": {"$word": "Automatic"}}]})


class CompiledLayer(Layer):
    """A Python function as it is, with a gradient function if it has one.

        output = f(input)        gradient of the input = g(input, output gradient) or g(input, output gradient, output)

    `f` gets a tensor on the CPU and gives a tensor, a NumPy array or a number, by any code. `CompiledLayer(f)` differentiates `f` with
    torch, so there `f` must be written with torch; `CompiledLayer(f, g)` takes its gradient from `g`, and `CompiledLayer(f, None)` has
    gradient 0. Both functions see one example, or both a whole batch: Rank=r is the number of axes of the array that `f` takes, those of
    an example (Automatic) or one more for a batch. "Output" is given as a shape, or found by running `f` once on random numbers. Compiled
    and exported nets call `f` in this process; files cannot hold it, FunctionLayer is for functions that should be saved. A varying input
    is refused. The same in training and in use.
    Errors: a Rank that is neither; a function that fails on the shape of its input, or gives another shape than it gave before; a gradient
    of `CompiledLayer(f)` where `f` leaves torch.
    Source: Wolfram's CompiledLayer, where declared types tell the rank.

    >>> import numpy as np
    >>> CompiledLayer(lambda x: np.cumsum(x.numpy(), 0), lambda x, slope: slope.flip(0).cumsum(0).flip(0))([1, 2, 3])
    array([1., 3., 6.], dtype=float32)
    >>> net = NetChain([CompiledLayer(lambda x: sum(float(v) ** 2 for v in x), lambda x, slope: 2 * x * slope), 1], Input=3)
    >>> net_initialize(net)["0"]([1, 2, 3])
    14.0
    """

    positional = ("Function", "Gradient")
    Function: KeptFunction
    Gradient: KeptGradient = Automatic
    Rank: RankSpec = Automatic

    Input = InputPort("real: *shape", "what the function is called with")
    Output = OutputPort("real: *result", "what it gives")

    def written(self, name, depth=0):
        value = getattr(self, name)
        if not isinstance(value, OpaqueFunction):
            return super().written(name, depth)
        return f"<{getattr(value.function, '__name__', 'function').strip('<>')}>"

    def takes_batch(self, rank: int) -> bool:
        """Whether the functions see a whole batch of examples of this rank. Errors: ValueError where they see neither."""
        if self.Rank is Automatic or self.Rank == rank:
            return False
        if self.Rank == rank + 1:
            return True
        raise ValueError(f"Rank={self.Rank}, but an example has {rank} ax{'is' if rank == 1 else 'es'}, a batch {rank + 1}")

    def relate(self):
        return (Rule(self._runs),)

    def _runs(self, scope):
        store, source, result, rule = scope.store, scope.run("shape"), scope.run("result"), None

        def fire() -> bool:
            shape = store.known(source)
            if shape is None:
                store.watch(rule, store.axes(source) or ())
                return False
            if any(isinstance(size, Varying) for size in shape):
                text = f"the function takes no varying axis, the input is {store.show(source)}"
                store.conflict(scope.where, text, (source,), "NetMapOperator, to apply the layer to each element")
                return True
            try:
                batch = self.takes_batch(len(shape))
                if store.known(result) is None:
                    found = _shape_of_result(self.Function, shape, batch)
                    store.equate_runs(result, store.shape(found, scope.origin()), scope.where)
            except ValueError as fault:
                store.conflict(scope.where, str(fault), (source,))
            return True

        rule = store.rule([source], fire)

    def forward(self, Input, *, sizes):
        whole = self.takes_batch(len(sizes["shape"]))
        calls = _Calls(self.Function.function, self.Gradient, whole, sizes["shape"], sizes["result"])
        return Input.tracer.create_proxy("call_function", calls, (Input,), {}) if isinstance(Input, torch.fx.Proxy) else calls(Input)


@lru_cache(256)
def _shape_of_result(function: OpaqueFunction, shape: tuple[int, ...], batch: bool) -> tuple[int, ...]:
    """The shape that a function gives one example of this shape. Errors: ValueError with what the function raised."""
    (array,) = drawn([(2, *shape) if batch else shape])
    try:
        with undisturbed(seed=0), torch.no_grad():
            found = tuple(torch.as_tensor(function(array)).shape)
    except Exception as error:  # whatever user code raises
        text = (str(error).splitlines() or [""])[0]
        raise ValueError(f"the function fails on an array of shape {tuple(array.shape)}: {type(error).__name__}: {text}") from error
    if batch and found[:1] != (2,):
        raise ValueError(f"the function gives an array of shape {found} for a batch of 2 examples")
    if 0 in found:
        raise ValueError(f"the function gives an array without elements, of shape {found}")
    return found[1:] if batch else found


class _Calls:
    """The functions of one layer in a lowered net, called with batches of known shapes."""

    def __init__(self, function, gradient, batch: bool, shape, result):
        self.function, self.gradient, self.batch = function, gradient, batch
        self.shape, self.result = tuple(shape), tuple(result)
        self.key = next(_KEYS)
        self.__name__ = f"compiled_{self.key}"
        _CALLS[self.key] = self

    def __call__(self, x):
        if self.gradient is not Automatic:
            return torch.ops.netgraph.compiled(x, self.key)
        try:
            found = self.value(x)
        except RuntimeError as error:
            if "requires grad" not in str(error):  # what torch says where NumPy takes such a tensor
                raise
            raise _no_gradient() from error
        if x.requires_grad and torch.is_grad_enabled() and not found.requires_grad:
            raise _no_gradient()
        return found

    def value(self, x):
        """The function of a batch."""
        return self._called(self.function, (x,), self.result, "the function")

    def slope(self, x, slope, y):
        """The gradient of the input of a batch."""
        given = (x, slope, y)[: len(self.gradient.inputs)]
        return self._called(self.gradient.function, given, self.shape, "the gradient function")

    def _called(self, function, arrays, shape, what: str):
        like, rows = arrays[0], arrays[0].shape[0]
        arrays = [array.cpu() for array in arrays]
        if self.batch:
            found = _tensor(function(*arrays), like)
        else:
            found = torch.stack([_tensor(function(*(array[i] for array in arrays)), like) for i in range(rows)])
        if tuple(found.shape) != (rows, *shape):
            raise NetShapeError(f"CompiledLayer: {what} gives shape {tuple(found.shape)} for {rows} examples, {(rows, *shape)} is wanted")
        return found.to(like.device, like.dtype)


def _no_gradient() -> NetTypeError:
    fix = "CompiledLayer(f, g) with its gradient g, or CompiledLayer(f, None)"
    return NetTypeError("CompiledLayer: the gradient of the function is not known, since it leaves torch", fix=fix)


def _tensor(value, like):
    """What a function gave as a tensor; plain numbers in the precision of `like`."""
    return torch.as_tensor(value) if hasattr(value, "dtype") else torch.as_tensor(value, dtype=like.dtype)


_KEYS = itertools.count()
_CALLS: "weakref.WeakValueDictionary[int, _Calls]" = weakref.WeakValueDictionary()
"""What the operators below call, by number: a compiled step holds the number, the lowered function the functions."""

_LIBRARY = torch.library.Library("netgraph", "FRAGMENT")
_LIBRARY.define("compiled(Tensor x, int key) -> Tensor")
_LIBRARY.define("compiled_gradient(Tensor x, Tensor slope, Tensor y, int key) -> Tensor")


# kernels give memory of their own, whatever the function returned
def _value(x, key):
    return _CALLS[key].value(x).clone()


def _slope(x, slope, y, key):
    return _CALLS[key].slope(x, slope, y).clone()


def _fake_value(x, key):
    return x.new_empty((x.shape[0], *_CALLS[key].result))


def _fake_slope(x, slope, y, key):
    return x.new_empty(x.shape)


def _keep(ctx, inputs, output):
    ctx.calls = _CALLS[inputs[1]]
    ctx.save_for_backward(inputs[0], output)


def _backward(ctx, slope):
    x, y = ctx.saved_tensors
    if ctx.calls.gradient is None:
        return torch.zeros_like(x), None
    return torch.ops.netgraph.compiled_gradient(x, slope, y, ctx.calls.key), None


_LIBRARY.impl("compiled", _value, "CompositeExplicitAutograd")
_LIBRARY.impl("compiled_gradient", _slope, "CompositeExplicitAutograd")
torch.library.register_fake("netgraph::compiled", _fake_value, lib=_LIBRARY)
torch.library.register_fake("netgraph::compiled_gradient", _fake_slope, lib=_LIBRARY)
torch.library.register_autograd("netgraph::compiled", _backward, setup_context=_keep, lib=_LIBRARY)
