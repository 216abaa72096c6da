"""Runs a recorded graph and the function itself on the same drawn data, and says where they differ."""

import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from netgraph.spec.function_graph import FunctionGraph

Shape = Sequence[int | None]

# Sizes put in for open axes: the first while recording, the others in the replay.
RECORDED_SIZE = 4
_OTHER_SIZES = (7, 2)
_MOST_AXES = 6


def with_size(shapes: Sequence[Shape], size: int) -> list[tuple[int, ...]]:
    """The shapes with every open axis (None) of that size."""
    return [tuple(size if axis is None else axis for axis in shape) for shape in shapes]


def other_sizes(shapes: Sequence[Shape]) -> Iterator[list[tuple[int, ...]]]:
    """The shapes at the recorded size; then at two others of all open axes together, and of each open axis by itself."""
    yield with_size(shapes, RECORDED_SIZE)
    open_axes = [(i, axis) for i, shape in enumerate(shapes) for axis, size in enumerate(shape) if size is None]
    if open_axes:
        yield from (with_size(shapes, size) for size in _OTHER_SIZES)
    if len(open_axes) > 1:
        for i, axis in open_axes[:_MOST_AXES]:
            for size in _OTHER_SIZES:
                changed = with_size(shapes, RECORDED_SIZE)
                changed[i] = (*changed[i][:axis], size, *changed[i][axis + 1 :])
                yield changed


def drawn(shapes: Sequence[Sequence[int]], seed: int = 0) -> list[torch.Tensor]:
    """Numbers of both signs and about 1 in size, from a private generator."""
    generator = torch.Generator().manual_seed(seed)
    return [1.5 * torch.randn(tuple(shape), generator=generator) for shape in shapes]


@contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Runs the function without traces: no gradient, no warning, and the global generators of torch, Python and NumPy are put back.

    They start from `seed`: a function that draws gives other numbers at another seed, and so does not equal its record.
    """
    kept, kept_python = torch.get_rng_state(), random.getstate()
    numpy_random = sys.modules.get("numpy.random")
    kept_numpy = numpy_random.get_state() if numpy_random else None
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    if numpy_random:
        numpy_random.seed(seed)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_rng_state(kept)
        random.setstate(kept_python)
        if numpy_random:
            numpy_random.set_state(kept_numpy)


def difference(graph: FunctionGraph, f: Callable, arrays: Sequence[torch.Tensor]) -> str | None:
    """Where the graph and f differ on these arrays, in words; None if nowhere. Raises what f raises."""
    with undisturbed(seed=1):
        expected = f(*(array.clone() for array in arrays))
        shapes = ", ".join(str(tuple(array.shape)) for array in arrays)
        try:
            found = graph(*(array.clone() for array in arrays))
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            return f"recorded steps fail on shape {shapes}: {str(error).splitlines()[0]}"
    if isinstance(expected, Mapping) != isinstance(found, Mapping):
        return f"it returns other outputs on shape {shapes}"
    if not isinstance(expected, Mapping):
        expected, found = {"": expected}, {"": found}
    if list(expected) != list(found):
        return f"it returns other outputs on shape {shapes}"
    same = all(_same(torch.as_tensor(expected[name]), found[name]) for name in expected)
    return None if same else f"it does other steps on shape {shapes} than on the recorded one"


def _same(expected: Any, found: torch.Tensor) -> bool:
    if expected.ndim == 0 and found.ndim:
        # a function that returns a number stands for an array filled with it
        expected = expected.expand(found.shape)
    if expected.shape != found.shape:
        return False
    return torch.allclose(expected.double(), found.double(), rtol=1e-4, atol=1e-5, equal_nan=True)
