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
    places          values of the training net that are seen beside the losses: they follow these among the outputs
    mixed           real numbers are computed in bfloat16 where that is safe, arrays and losses stay as they are
    """

    factors: tuple[float, ...]
    weighted: bool = False
    class_weights: tuple[str, tuple[float, ...]] | None = None
    frozen: frozenset[str] = frozenset()
    mixed: bool = False
    places: tuple = ()

    def of(self, lowered: Lowered) -> Callable:
        """The function of a step: the lowered forward with the loss of each example as its first output, then what is seen.

        Recurrent states start from zeros in every batch, so they are no part of its states.
        """
        forward, count = lowered.from_zeros, len(lowered.inputs)
        kept = tuple(number for number, key in enumerate(lowered.states) if key in self.frozen)

        def objective(inputs, arrays, states, noise, lengths, valid):
            outputs, new_states = forward(inputs[:count], arrays, states, noise, lengths, valid)
            new_states = tuple(states[i] if i in kept else new for i, new in enumerate(new_states))
            loss = self.weighed(self.total(outputs[: len(self.factors)]), inputs, lowered)
            return (loss, *outputs[len(self.factors) :]), new_states

        if not self.mixed:
            return objective

        def mixed(inputs, arrays, states, noise, lengths, valid):
            device = (inputs or arrays)[0].device.type
            # without its cache, which would keep casts of arrays that have changed since
            with torch.autocast(device, dtype=torch.bfloat16, cache_enabled=False):
                outputs, new_states = objective(inputs, arrays, states, noise, lengths, valid)
            full = tuple(output.float() if output.is_floating_point() else output for output in outputs)
            return full, tuple(new.to(old.dtype) for new, old in zip(new_states, states, strict=True))

        return mixed

    def weighed(self, losses: torch.Tensor, inputs, lowered: Lowered) -> torch.Tensor:
        """The losses of the examples times their weights; `inputs` are all that a batch of `lowered` brings."""
        if self.weighted:
            losses = losses * inputs[len(lowered.inputs)]
        if self.class_weights is not None:
            port, table = self.class_weights
            target = inputs[lowered.inputs.index(port)]
            losses = losses * _by_class(target, torch.tensor(table, dtype=losses.dtype, device=losses.device))
        return losses

    def total(self, outputs) -> torch.Tensor:
        """The losses of the examples, each output summed over its own elements and times its factor."""
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
