"""Plain data to tensors and back: numbers, nested lists, NumPy arrays, tensors; padding; what users get."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from netgraph.errors import NetShapeError, NetTypeError, NetValueError
from netgraph.run.sequences import padded
from netgraph.spec.described import sort_of
from netgraph.types.kinds import Kind
from netgraph.types.port_type import PortType, show_type

_WANTED = {"real": "numbers or arrays of numbers", "integer": "whole numbers", "boolean": "True and False (or 1 and 0)"}


def tensor_of(value, kind: Kind | None, where: str, *, dtype: torch.dtype = torch.float32, finite: bool = False) -> Tensor:
    """Numbers, nested lists, NumPy arrays or tensors as one tensor of `kind`.

    A real or open kind gives `dtype`, an integer kind int64 (floats are taken when all are whole), a Boolean one torch.bool (1 and 0 are
    taken). A tensor stays on its device and in its graph; what is right already is not copied, so a NumPy array shares its memory.

    `where` starts every message. Errors: NetTypeError for what is no number (text, None, dicts, sets, complex numbers, objects),
    NetValueError for a number that `kind` does not have, with its position, and with `finite` for NaN and Infinity;
    NetShapeError, a NetValueError, for ragged lists.

    >>> from netgraph.types.kinds import Integer
    >>> tensor_of([0.5, 1], None, "Input")
    tensor([0.5000, 1.0000])
    >>> tensor_of([0, 7], Integer(5), "Target")
    Traceback (most recent call last):
    netgraph.errors.NetValueError: Target: wants integers from 0 to 4, got 7 at [1]
    """
    source = value if isinstance(value, Tensor) else native(value, kind, where)
    if kind is None or kind.name == "real":
        tensor = source
        if source.dtype is not dtype:
            if source.is_complex():
                raise NetTypeError(f"{where}: wants {_wanted(kind)}, got {sort_of(source)}")
            tensor = source.float() if dtype is torch.float32 else source.to(dtype)
        # a sum is the cheapest look at all elements; it may overflow by itself
        if finite and not math.isfinite(tensor.sum().item()) and not bool(torch.isfinite(tensor).all()):
            raise _not_finite(tensor, source, where)
        return tensor
    if kind.name == "integer":
        return _integer(source, kind, where)
    return source if source.dtype is torch.bool else _boolean(source, kind, where)


def native(value, kind: Kind | None, where: str) -> Tensor:
    """What is no tensor as one, of the dtype that it has by itself; `kind` is only for messages. Errors: those of `tensor_of`."""
    if isinstance(value, (list, tuple)):
        first = value
        while isinstance(first, (list, tuple)) and first:
            first = first[0]
        if isinstance(first, Tensor):
            return _stacked(value, kind, where)
        try:
            array = np.array(value)
        except (ValueError, TypeError, RuntimeError) as error:
            raise _ragged(value, where) or _bad_leaf(value, kind, where) or NetTypeError(f"{where}: {error}") from error
    elif type(value) is np.ndarray or isinstance(value, (bool, float, int, np.generic, range)):
        array = np.asarray(value)
    elif isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise NetValueError(f"{where}: wants {_wanted(kind)}, got a masked array with {int(np.ma.count_masked(value))} missing entries")
    elif hasattr(value, "__array__") and not isinstance(value, type):
        array = np.asarray(value)
    else:
        raise NetTypeError(f"{where}: wants {_wanted(kind)}, got {sort_of(value)}")
    sort = array.dtype.kind
    if sort not in "fiub":
        array = _whole_objects(array, value, kind, where)
        sort = "f"
    try:
        # torch warns of read-only memory, which it would share
        return torch.from_numpy(array if array.flags.writeable else array.copy())
    except (TypeError, ValueError):
        # negative strides, foreign byte order, long doubles, C's other 64-bit integers
        return torch.from_numpy(array.astype(f"{sort}{min(array.itemsize, 8)}", order="C"))


def _stacked(value, kind: Kind | None, where: str) -> Tensor:
    """Lists of tensors, kept on their device and in their graph."""
    ragged = _ragged(value, where)
    if ragged is not None:
        raise ragged
    parts = [part if isinstance(part, Tensor) else native(part, kind, where) for part in value]
    try:
        return torch.stack(parts)
    except RuntimeError as error:
        raise NetTypeError(f"{where}: {str(error).splitlines()[0]}") from error


def _whole_objects(array: np.ndarray, value, kind: Kind | None, where: str) -> np.ndarray:
    """Python integers above 64 bits, which NumPy keeps as objects, as floats; whatever else is no number is refused."""
    bad = _bad_leaf(value, kind, where)
    if bad is not None:
        raise bad
    if isinstance(value, np.ndarray):
        raise NetTypeError(f"{where}: wants {_wanted(kind)}, got {sort_of(value)}")
    if kind is None or kind.name == "real":
        try:
            return np.asarray(value, np.float64)
        except (OverflowError, TypeError, ValueError):
            pass
    largest = next((leaf, at) for leaf, at in _leaves(value) if isinstance(leaf, int) and leaf.bit_length() > 63)
    text = str(largest[0]) if largest[0].bit_length() < 256 else f"an integer of {largest[0].bit_length()} bits"
    raise NetValueError(f"{where}: {text}{_place(largest[1])} is too large")


def _integer(source: Tensor, kind: Kind, where: str) -> Tensor:
    if source.is_complex():
        raise NetTypeError(f"{where}: wants {_wanted(kind)}, got {sort_of(source)}")
    if source.is_floating_point():
        broken = source != source.trunc()
        broken |= ~torch.isfinite(source)
        if bool(broken.any()):
            raise NetValueError(f"{where}: wants whole numbers, got {_first(source, broken)}")
    if source.is_floating_point() or source.dtype is torch.uint64:
        # NumPy makes either of integers above 63 bits, which would turn into others as int64
        large = source.to(torch.float64).abs() >= 2.0**63
        if bool(large.any()):
            raise NetValueError(f"{where}: {_first(source, large)} is too large")
    tensor = source if source.dtype is torch.int64 else source.to(torch.int64)
    if kind.count is not None and tensor.numel():
        low, high = torch.aminmax(tensor)
        if int(low) < 0 or int(high) >= kind.count:
            wrong = (tensor < 0) | (tensor >= kind.count)
            raise NetValueError(f"{where}: wants integers from 0 to {kind.count - 1}, got {_first(tensor, wrong)}")
    return tensor


def _boolean(source: Tensor, kind: Kind, where: str) -> Tensor:
    if source.is_complex():
        raise NetTypeError(f"{where}: wants {_wanted(kind)}, got {sort_of(source)}")
    tensor = source == 1
    wrong = ~(tensor | (source == 0))
    if bool(wrong.any()):
        raise NetValueError(f"{where}: wants {_wanted(kind)}, got {_first(source, wrong)}")
    return tensor


# -- what messages say ----------------------------------------------------------------------------------------------------------------


def _wanted(kind: Kind | None) -> str:
    return _WANTED["real" if kind is None else kind.name]


def _place(at: Sequence[int]) -> str:
    return f" at {list(at)}" if at else ""


def _first(source: Tensor, wrong: Tensor) -> str:
    """The first wrong element and where it is: `7 at [1]`."""
    at = wrong.nonzero()[0].tolist()
    return f"{_number(source[tuple(at)])}{_place(at)}"


def _number(element: Tensor) -> str:
    value = to_user(element, False)
    if isinstance(value, float):
        if value != value:
            return "NaN"
        if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    return repr(value)


def _not_finite(tensor: Tensor, source: Tensor, where: str) -> NetValueError:
    at = (~torch.isfinite(tensor)).nonzero()[0].tolist()
    before = source[tuple(at)]
    if bool(torch.isfinite(before)):
        return NetValueError(f"{where}: {_number(before)}{_place(at)} is too large for {_dtype(tensor.dtype)}")
    return NetValueError(f"{where}: wants finite numbers, got {_number(before)}{_place(at)}")


def _dtype(dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _parts(value):
    """What a value holds along its first axis, or None for a number."""
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, (np.ndarray, Tensor)) and value.ndim:
        return value
    return None


def _leaves(value, at: tuple[int, ...] = ()):
    parts = _parts(value)
    if parts is None:
        yield value, at
        return
    for i, part in enumerate(parts):
        yield from _leaves(part, (*at, i))


def _bad_leaf(value, kind: Kind | None, where: str) -> NetTypeError | None:
    """The error about the first element that is no number, or None."""
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return NetTypeError(f"{where}: wants {_wanted(kind)}, got {sort_of(value)}")
    for leaf, at in _leaves(value):
        plain = leaf.numpy(force=True) if isinstance(leaf, Tensor) else leaf
        if not isinstance(plain, (bool, int, float)) and getattr(getattr(plain, "dtype", None), "kind", "") not in ("f", "i", "u", "b"):
            return NetTypeError(f"{where}: wants {_wanted(kind)}, got {sort_of(leaf)}{_place(at)}")
    return None


def _ragged(value, where: str) -> NetShapeError | None:
    """The error about the first place where nested lists differ in length or depth, or None. Level by level, so outer axes first."""
    level = [((), value)]
    while True:
        held = [_parts(part) for _, part in level]
        lengths = [None if parts is None else len(parts) for parts in held]
        for (at, _), length in zip(level, lengths, strict=True):
            if length != lengths[0]:
                return NetShapeError(
                    f"{where}: the lists are ragged: {list(level[0][0])} is {_length(lengths[0])}, {list(at)} is {_length(length)}"
                )
        if not level or lengths[0] is None:
            return None
        # the rows of an array are alike, so its first one stands for all
        level = [
            ((*at, i), part)
            for (at, _), parts in zip(level, held, strict=True)
            for i, part in enumerate(parts if isinstance(parts, (list, tuple)) else () if parts is None else parts[:1])
        ]


def _length(length: int | None) -> str:
    return "a number" if length is None else f"{length} long"


# -- padding --------------------------------------------------------------------------------------------------------------------------


def pad(
    examples: Sequence | np.ndarray | Tensor, type: PortType, where: str, dtype: torch.dtype = torch.float32, *, finite: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """Examples of one port, alike but for their varying axes, as one tensor filled up with zeros, and the lengths before filling.

    The tensor is examples x axes, none of them empty, also where all examples are: along an axis of none torch has no greatest element.
    There is one int64 tensor of lengths a varying axis, in the order of the axes. Axes of `type` that are open must agree between the
    examples. Errors: those of `tensor_of`, with the example's number, NetShapeError where a fixed axis or the rank differs, NetValueError
    without examples.

    >>> from netgraph.types.port_type import parse_type
    >>> padded, lengths = pad([[1, 2, 3], [4]], parse_type("Varying", "Input"), "Input")
    >>> padded.tolist(), [n.tolist() for n in lengths]
    ([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]], [[3, 1]])
    """
    together = padded(examples, type, dtype, finite=finite)
    if together is not None:
        return together[0], [together[1]]
    tensors, lengths = pieces(examples, type, where, dtype, finite=finite)
    if isinstance(tensors, Tensor):
        return tensors, lengths
    first = tensors[0].shape
    longest = [max(1, *(tensor.shape[axis] for tensor in tensors)) for axis in range(len(first))]
    if varying_axes(type) == (0,) and longest[0] > 1:
        return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True), lengths
    filled = tensors[0].new_zeros((len(tensors), *longest))
    for i, tensor in enumerate(tensors):
        filled[(i, *(slice(size) for size in tensor.shape))] = tensor
    return filled, lengths


def varying_axes(type: PortType) -> tuple[int, ...]:
    """Which axes of an example vary."""
    return () if type.shape is None else tuple(i for i, size in enumerate(type.shape) if size is not None and not isinstance(size, int))


def pieces(
    examples: Sequence | np.ndarray | Tensor, type: PortType, where: str, dtype: torch.dtype = torch.float32, *, finite: bool = False
) -> tuple[Tensor | list[Tensor], list[Tensor]]:
    """`pad` without padding: one tensor where all examples are alike, else one an example; and the lengths.

    Errors: those of `pad`.
    """
    if len(examples) == 0:
        raise NetValueError(f"{where}: there are no examples")
    shape, varying = type.shape, varying_axes(type)
    if isinstance(examples, Tensor) or (isinstance(examples, np.ndarray) and examples.dtype.kind in "fiub"):
        whole = tensor_of(examples, type.kind, where, dtype=dtype, finite=finite)
        _check_shape(whole.shape[1:], shape, f"{where}: the examples have", type)
        lengths = [torch.full(whole.shape[:1], whole.shape[1 + axis], dtype=torch.int64) for axis in varying]
        if any(not whole.shape[1 + axis] for axis in varying):
            whole = whole.new_zeros([max(1, size) if axis - 1 in varying else size for axis, size in enumerate(whole.shape)])
        return whole, lengths
    tensors = []
    for i, example in enumerate(examples):
        tensor = tensor_of(example, type.kind, f"{where}, example {i}", dtype=dtype, finite=finite)
        if shape is not None and tensor.shape == (0,) and 0 in varying and len(shape) > 1:
            # an empty list says nothing about its inner axes
            tensor = tensor.reshape([size if isinstance(size, int) else 0 for size in shape])
        _check_shape(tensor.shape, shape, f"{where}: example {i} has", type)
        tensors.append(tensor)
    first = tensors[0].shape
    for i, tensor in enumerate(tensors):
        same = len(tensor.shape) == len(first)
        if not same or any(tensor.shape[axis] != first[axis] for axis in range(len(first)) if axis not in varying):
            raise NetShapeError(f"{where}: example 0 has shape {tuple(first)}, example {i} has shape {tuple(tensor.shape)}")
    lengths = [torch.tensor([tensor.shape[axis] for tensor in tensors], dtype=torch.int64) for axis in varying]
    if all(tensor.shape == first for tensor in tensors) and 0 not in first:
        return torch.stack(tensors), lengths
    return tensors, lengths


def _check_shape(got, wanted, has: str, type: PortType):
    if wanted is None:
        return
    if len(got) != len(wanted) or any(isinstance(w, int) and g != w for g, w in zip(got, wanted, strict=True)):
        raise NetShapeError(f"{has} shape {tuple(got)}, the port wants {show_type(None, wanted)}")


# -- back ----------------------------------------------------------------------------------------------------------------------------


def to_user(tensor: Tensor, like_tensor: bool):
    """A tensor as the user gets it: itself if a tensor came in, else a NumPy array, or a Python number where it has no axis.

    A number of float32 is the Python float with the shortest decimal that is the same float32.

    >>> to_user(torch.tensor(0.4), False), to_user(torch.tensor(True), False), to_user(torch.tensor([1, 2]), False)
    (0.4, True, array([1, 2]))
    """
    if like_tensor:
        return tensor
    if tensor.requires_grad:
        tensor = tensor.detach()
    dtype = tensor.dtype
    if tensor.ndim == 0:
        value = tensor.item()
        if dtype is torch.float32 or dtype is torch.bfloat16:
            return float(str(np.float32(value)))
        return float(str(np.float16(value))) if dtype is torch.float16 else value
    if tensor.is_cuda:
        tensor = tensor.cpu()
    return (tensor.float() if dtype is torch.bfloat16 else tensor).numpy()
