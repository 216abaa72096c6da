"""How a loop of the plan runs: its cell once a step, the results of all steps as sequences."""

from collections.abc import Callable

import torch


def looped(cell: Callable, states: int, name: str) -> Callable:
    """The function that runs `cell` along the axis behind the batch of the first of its `elements`.

    `cell(elements, noise, carried, captured, arrays, lengths, rows) -> (results, carried)` is one step; the first `states` of what it
    carries are recurrent states, which stand still beyond an example's own length; the others are running statistics. `length`, if not
    None, are the true lengths, `rows` which rows of the batch are no padding. Called
    `loop_<name>` in the generated code.
    """

    def loop(elements, noise, carried, captured, arrays, lengths, rows, length):
        if length is not None:
            elements = [_held(element, length) for element in elements]
        # unbind, whose gradient is one stack; a selection a step would fill an array of zeros each
        columns, draws = [element.unbind(1) for element in elements], [drawn.unbind(1) for drawn in noise]
        collected = []
        for step in range(elements[0].shape[1]):
            going = None if length is None else step < length
            real = going if rows is None else rows if going is None else going & rows
            here = tuple([column[step] for column in columns])
            results, then = cell(here, tuple([draw[step] for draw in draws]), carried, captured, arrays, lengths, real)
            if going is not None:
                # a step in which no example goes on moves no statistics either
                masks = [_before(going, new) for new in then[:states]] + [going.any()] * len(then[states:])
                then = tuple([torch.where(mask, new, old) for mask, new, old in zip(masks, then, carried, strict=True)])
            carried = then
            collected.append(results)
        sequences = [torch.stack(column, 1) for column in zip(*collected, strict=True)]
        if length is not None:
            past = torch.arange(elements[0].shape[1], device=length.device) >= length.unsqueeze(1)
            # of what is in a fold inside the loop each row of the batch stands for several
            sequences = [x.masked_fill(_before(past.repeat_interleave(x.shape[0] // len(past), 0), x), 0) for x in sequences]
        return tuple(sequences), carried

    loop.__name__ = loop.__qualname__ = name
    loop.__module__ = "loop"  # the generated code calls it loop_<name>
    return loop


def _held(x: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """The sequences with what is padded replaced by the last real element: a cell has no reason to fail on that, nor its gradient."""
    last = (length - 1).clamp_min(0).unsqueeze(1)
    place = torch.minimum(torch.arange(x.shape[1], device=x.device), last)
    return x.gather(1, place.reshape(*place.shape, *[1] * (x.dim() - 2)).expand_as(x))


def _before(mask: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The mask with axes for those of `x` behind it."""
    return mask.reshape(*mask.shape, *[1] * (x.dim() - mask.dim()))
