"""One training step as a pure function: forward, loss, gradient, clipping, update.

    loss   = mean over the batch of outputs[0]
    finite = loss and every trained gradient are finite
    alive' = alive and finite                  once false it stays false
    arrays, optimiser state, counter and states take their new values where alive', else keep the old ones

The flag lives on the device and nothing here reads it, so a step never waits for the device. Because it is sticky, arrays that are looked
at some steps after a bad batch are still those before it, and the counter tells which update was the first bad one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from netgraph.errors import NetTrainingError, NetValueError
from netgraph.train.method import Coefficients, Method

Tensors = tuple[torch.Tensor, ...]
Forward = Callable[..., tuple[Tensors, Tensors]]


class Batch(NamedTuple):
    """What one step is given beside the arrays: inputs, noise, lengths by variable, and the valid mask, all tensors."""

    inputs: Tensors
    noise: Tensors = ()
    lengths: Tensors = ()
    valid: torch.Tensor | None = None


class Found(NamedTuple):
    """What forward and backward give: the mean loss, the gradients of the trained arrays, the new states, and what else is seen."""

    loss: torch.Tensor
    gradients: Tensors
    states: Tensors
    seen: Tensors = ()


class Stepped(NamedTuple):
    """What a step gives: everything that the next one takes, the loss of this one, and what else was seen of it."""

    arrays: Tensors
    state: Tensors
    counter: torch.Tensor
    alive: torch.Tensor
    states: Tensors
    loss: torch.Tensor
    seen: Tensors = ()


@dataclass(frozen=True)
class Step:
    """A pure training step; see the module for its formula. Built by `make_step`.

    `trained` are the positions of the arrays that are trained; the optimiser's state covers only these.
    """

    forward: Forward
    method: Method
    trained: tuple[int, ...]
    multipliers: tuple[float, ...]
    coefficients: Coefficients | None = None

    def init(self, arrays: Sequence[torch.Tensor]) -> Tensors:
        """The optimiser's state before the first update."""
        return self.method.init([arrays[i].detach() for i in self.trained])

    def gradients(self, arrays, states, batch: Batch) -> Found:
        """Forward and backward; a frozen array gets no gradient at all. What `forward` gives beside the losses is seen, not minimised."""
        leaves = [arrays[i].detach().requires_grad_() for i in self.trained]
        everything = [a.detach() for a in arrays]
        for i, leaf in zip(self.trained, leaves, strict=True):
            everything[i] = leaf
        outputs, new_states = self.forward(batch.inputs, tuple(everything), states, batch.noise, batch.lengths, batch.valid)
        loss = outputs[0].mean()
        # materialised: an array that this batch's loss does not touch still decays and keeps its momentum
        grads = torch.autograd.grad(loss, leaves, materialize_grads=True) if leaves and loss.requires_grad else ()
        if leaves and not grads:
            raise NetTrainingError("the loss does not depend on any array that is trained")
        return Found(loss.detach(), tuple(grads), tuple(s.detach() for s in new_states), tuple(o.detach() for o in outputs[1:]))

    def __call__(self, arrays, state, counter, alive, states, batch: Batch, rate) -> Stepped:
        """One step. `counter` (updates made so far) and `alive` are 0-d tensors, `rate` a number or a 0-d tensor.

        >>> import torch
        >>> from netgraph.train.method import SGD
        >>> def forward(inputs, arrays, states, noise, lengths, valid):
        ...     return ((inputs[0] @ arrays[0] - inputs[1]) ** 2,), ()
        >>> step = make_step(forward, SGD(), 1)
        >>> w = (torch.zeros(2),)
        >>> out = step(w, step.init(w), torch.tensor(0), torch.tensor(True), (), Batch((torch.ones(4, 2), torch.ones(4))), 0.1)
        >>> out.arrays[0], out.loss, out.counter
        (tensor([0.2000, 0.2000]), tensor(1.), tensor(1))
        """
        corrected = rate * self.method.correction(counter + 1)
        return self.corrected(arrays, state, counter, alive, states, batch, rate, corrected)

    def corrected(self, arrays, state, counter, alive, states, batch: Batch, rate, corrected) -> Stepped:
        """`__call__` with the rate times `method.correction` given: a compiler would else repeat its powers for every element."""
        found = self.gradients(arrays, states, batch)
        return self.moved(arrays, state, counter, alive & finite(found.loss, found.gradients), states, found, rate, corrected)

    def moved(self, arrays, state, counter, alive, states, found: Found, rate, corrected) -> Stepped:
        """The update from gradients that are there: `found` is what `gradients` gives, `alive` whether it may be made.

        `corrected` may be a list with one rate a trained array, where they were not updated equally often.
        """
        mine = tuple(arrays[i] for i in self.trained)
        with torch.no_grad():
            updated, new_state = self.method.apply(
                mine, found.gradients, state, rate, corrected, multipliers=self.multipliers, coefficients=self.coefficients
            )
            kept = list(arrays)
            for i, old, new in zip(self.trained, mine, updated, strict=True):
                kept[i] = torch.where(alive, new, old)
            state = tuple(torch.where(alive, new, old) for new, old in zip(new_state, state, strict=True))
            states = tuple(torch.where(alive, new, old) for new, old in zip(found.states, states, strict=True))
            return Stepped(tuple(kept), state, counter + alive, alive, states, found.loss, found.seen)

    def only(self, places: Sequence[int]) -> "Step":
        """The step that trains only the arrays at these places of `trained`; the others are as if frozen."""
        coefficients = None
        if self.coefficients is not None:
            coefficients = Coefficients(*(tuple(values[i] for i in places) for values in self.coefficients))
        trained, factors = (tuple(values[i] for i in places) for values in (self.trained, self.multipliers))
        return replace(self, trained=trained, multipliers=factors, coefficients=coefficients)


def finite(loss: torch.Tensor, grads: Sequence[torch.Tensor]) -> torch.Tensor:
    """Whether the loss and all gradients are finite, as a 0-d tensor.

    Read off one sum, which is NaN or infinite as soon as one element is; gradients whose sum alone overflows count as not finite too.
    """
    total = loss
    for grad in grads:
        total = total + grad.sum()
    return torch.isfinite(total)


def make_step(
    forward: Forward, method: Method, count: int, *, multipliers: Sequence[float] | None = None, coefficients: Coefficients | None = None
) -> Step:
    """The step for a lowered forward function of `count` arrays.

    `multipliers` holds one factor of the rate for each array (default 1); 0 freezes it. `coefficients` (from `method.coefficients(keys)`)
    holds the L2 and clipping numbers for each array; without it the method's own must be plain numbers.
    Errors: NetValueError where the lengths differ.
    """
    factors = tuple(1.0 if m is None else float(m) for m in (multipliers or [1.0] * count))
    if len(factors) != count:
        raise NetValueError(f"there are {len(factors)} learning rate multipliers for {count} arrays")
    trained = tuple(i for i, factor in enumerate(factors) if factor != 0)
    spread = coefficients or method.coefficients(range(count))
    if len(spread.l2) != count:
        raise NetValueError(f"there are {len(spread.l2)} coefficients for {count} arrays")
    chosen = Coefficients(*(tuple(values[i] for i in trained) for values in spread))
    if not any(chosen.l2) and all(c is None for c in (*chosen.gradient_clipping, *chosen.weight_clipping)):
        chosen = None
    return Step(forward, method, trained, tuple(factors[i] for i in trained), chosen)
