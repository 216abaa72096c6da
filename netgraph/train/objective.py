"""What a step minimises: the lowered net's losses, scaled, weighted and added up, one number an example."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from netgraph.lower.forward import Lowered


@dataclass(frozen=True)
class Objective:
    """How the outputs of a training net become the loss of each example.

    factors         of the losses, in their order; each is summed over its own elements
    weighted        the batch ends with one more input: the weight of each example
    class_weights   (the input port that holds the class, one weight a class), or None
    frozen          keys of running statistics that stay as they are
    mixed           real numbers are computed in bfloat16 where that is safe, arrays and losses stay as they are
    """

    factors: tuple[float, ...]
    weighted: bool = False
    class_weights: tuple[str, tuple[float, ...]] | None = None
    frozen: frozenset[str] = frozenset()
    mixed: bool = False

    def of(self, lowered: Lowered) -> Callable:
        """The function of a step: the lowered forward with one output, the loss of each example.

        Recurrent states start from zeros in every batch, so they are no part of its states.
        """
        forward, count = lowered.from_zeros, len(lowered.inputs)
        kept = tuple(number for number, key in enumerate(lowered.states) if key in self.frozen)
        table = None if self.class_weights is None else self.class_weights[1]
        target = None if self.class_weights is None else lowered.inputs.index(self.class_weights[0])

        def weights(inputs, like: torch.Tensor) -> torch.Tensor | None:
            found = inputs[count] if self.weighted else None
            if table is not None and target is not None:
                by_class = _by_class(inputs[target], torch.tensor(table, dtype=like.dtype, device=like.device))
                found = by_class if found is None else found * by_class
            return found

        def objective(inputs, arrays, states, noise, lengths, valid):
            taken = inputs[:count]
            outputs, new_states = forward(taken, arrays, states, noise, lengths, valid)
            loss = self._total(outputs)
            scale = weights(inputs, loss)
            new_states = tuple(states[i] if i in kept else new for i, new in enumerate(new_states))
            return (loss if scale is None else loss * scale,), new_states

        if not self.mixed:
            return objective

        def mixed(inputs, arrays, states, noise, lengths, valid):
            device = (inputs or arrays)[0].device.type
            # without its cache, which would keep casts of arrays that have changed since
            with torch.autocast(device, dtype=torch.bfloat16, cache_enabled=False):
                (loss,), new_states = objective(inputs, arrays, states, noise, lengths, valid)
            return (loss.float(),), tuple(new.to(old.dtype) for new, old in zip(new_states, states, strict=True))

        return mixed

    def _total(self, outputs) -> torch.Tensor:
        parts = [output if output.dim() == 1 else output.flatten(1).sum(1) for output in outputs]
        parts = [part if factor == 1.0 else part * factor for part, factor in zip(parts, self.factors, strict=True)]
        result = parts[0]
        for part in parts[1:]:
            result = result + part
        return result


def _by_class(target: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """One weight an example: of its class, or the mean over the probabilities of its classes."""
    if target.dim() == 1 and target.is_floating_point():
        return table[0] + (table[1] - table[0]) * target
    if target.dim() == 1:
        return table[target.long()]
    return target @ table
