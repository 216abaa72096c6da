"""The random numbers that layers ask for: drawn here, from private generators, a function of (seed, step, path) alone."""

from collections.abc import Sequence

import torch

from netgraph.lower.plan import Length, NoiseNeed
from netgraph.spec.initial import generator


def draw_noise(
    needs: Sequence[NoiseNeed], batch: int, padded: Sequence[int], seed, step: int, *, dtype=torch.float32, device="cpu"
) -> tuple[torch.Tensor, ...]:
    """One tensor a need, for `batch` examples; `padded` are the padded lengths of the varying axes by variable.

    Numbers are drawn on the CPU, so they are the same on every device.
    """
    drawn = []
    for need in needs:
        rows = 1 if need.shared else batch
        for count in () if need.shared else need.folds:
            rows *= _padded(count, padded)
        shape = (rows, *(_padded(size, padded) for size in need.shape))
        source = generator(seed, step, need.path)
        empty = torch.empty(shape, dtype=dtype)
        tensor = empty.normal_(generator=source) if need.distribution == "normal" else empty.uniform_(generator=source)
        drawn.append(tensor.to(device) if str(device) != "cpu" else tensor)
    return tuple(drawn)


def _padded(size: int | Length, padded: Sequence[int]) -> int:
    if isinstance(size, int):
        return size
    length = padded[size.variable]
    for form in size.steps:
        length = form(length)
    return length
