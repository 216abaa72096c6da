"""Memory: how much there is, how much a step takes, and which batch would have fitted."""

import contextlib
import gc
import os
from collections.abc import Callable
from pathlib import Path

import torch

from netgraph.train.step import Batch

_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
_WORDS = ("not enough memory", "can't allocate memory", "out of memory", "failed to allocate")


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether an exception says that memory has run out; torch says so on the CPU by a RuntimeError alone.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"))
    True
    """
    if isinstance(problem, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(problem, RuntimeError) and any(word in str(problem).lower() for word in _WORDS)


def available_bytes(device: torch.device) -> int:
    """Memory that is free on a device: of CUDA's own, else of the system, within the limit of its container.

    >>> available_bytes(torch.device("cpu")) > 0
    True
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    found = []
    with contextlib.suppress(OSError, ValueError, StopIteration, IndexError):
        line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
        found.append(int(line.split()[1]) * 1024)
    if not found:
        found.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit, used in _LIMITS:
        with contextlib.suppress(OSError, ValueError):
            found.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
    return max(1, min(found))


def step_bytes(run: Callable[[], object]) -> int:
    """About the memory that a step takes: what it keeps for the gradient, twice, since the gradients of that pass through as well."""
    seen: dict[int, int] = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        run()
    return 2 * sum(seen.values())


def release(device: torch.device) -> None:
    """Give back what trials have taken."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def repeated(batch: Batch, times: int) -> Batch:
    """A batch with every example several times."""
    return _changed(batch, lambda tensor: torch.cat([tensor] * times))


def shortened(batch: Batch, size: int) -> Batch:
    """The first `size` examples of a batch; noise of folded sequences is cut in the same share."""
    count = batch.inputs[0].shape[0]
    return _changed(batch, lambda tensor: tensor[: tensor.shape[0] * size // count])


def _changed(batch: Batch, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
    inputs, noise, lengths = (tuple(map(change, group)) for group in (batch.inputs, batch.noise, batch.lengths))
    return Batch(inputs, noise, lengths, None if batch.valid is None else change(batch.valid))
