"""The execution of a plan: buffers that the run owns, and one call a step.

runner.step(batch, rate)       one update, the loss as a tensor on the device; nothing waits for it
runner.add(batch), .update(rate)   the same in parts: the gradients of several batches, then the update of their mean
runner.seen                    what the last batch showed beside its loss
runner.failed_at               None, or the number of the first update that was not finite; looked at every 50 steps and by `check()`
runner.arrays(), .optimizer_state(), .states(), .count      copies that later steps leave alone
runner.load(...)               goes on from such copies, bit for bit
runner.close()                 gives back threads and allocator thresholds; `with` does so too
"""

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from netgraph.errors import NetTrainingError, NetValueError
from netgraph.train.allocator import large_thresholds
from netgraph.train.inplace import update_
from netgraph.train.method import TorchMethod
from netgraph.train.optimizer import Optimizer
from netgraph.train.step import Batch, Found, Step, finite
from netgraph.train.trace import flat_batch, scalars
from netgraph.train.turns import Turns

CHECK_EVERY = 50


def signature(batch: Batch) -> tuple:
    """What a traced or compiled step holds for: shape and dtype of each tensor of the batch."""
    return tuple((tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in flat_batch(batch))


def laid_out(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    """A copy of an array, or the tensor of a batch, in the plan's memory layout.

    The channels-last strides are forced also where one channel makes them ambiguous: torch would take such a tensor for contiguous, and the
    first convolution would hand the plain layout on to all that follow (11.1 against 8.6 ms a step on LeNet).
    """
    if layout == "channels-last" and tensor.dim() == 4 and tensor.is_floating_point():
        return torch.empty_like(tensor, memory_format=torch.channels_last).copy_(tensor)
    return tensor if tensor.is_contiguous() else tensor.contiguous()


def laid_out_batch(batch: Batch, layout: str) -> Batch:
    """The batch as the plan's steps take it: inputs in its layout, all the rest contiguous."""
    valid = None if batch.valid is None else batch.valid.contiguous()
    noise, lengths = (tuple(t.contiguous() for t in group) for group in (batch.noise, batch.lengths))
    return Batch(tuple(laid_out(t, layout) for t in batch.inputs), noise, lengths, valid)


def waits_for_nothing(device: torch.device) -> bool:
    """Whether looking at a number on a device costs nothing, so that each step may look at its loss."""
    return device.type == "cpu"


class Group(NamedTuple):
    """What one update moves: the step that trains just these arrays, their places among the trained, and their buffers."""

    step: Step
    places: tuple[int, ...]
    arrays: list[torch.Tensor]
    state: list[torch.Tensor]


class Added(NamedTuple):
    """The parts of an update so far: the sum of gradient times examples, how many examples, and the parts' (loss, examples)."""

    sums: tuple[torch.Tensor, ...]
    examples: int
    losses: tuple[tuple[torch.Tensor, int], ...]


class Runner:
    """One run of one plan. Made by `Plan.start`.

    `gradients` replaces `step.gradients` for batches of the planned signature, `compiled` the whole step; all others run the plain step.
    `turns` says which arrays each update moves, where not every one moves all; such steps run plain. `together(arrays, trained, states,
    parts)` gives the gradients of an update made of several parts whose loss sees them all.
    """

    def __init__(
        self,
        plan,
        step: Step,
        arrays: Sequence[torch.Tensor],
        states: Sequence[torch.Tensor],
        *,
        planned: tuple | None = None,
        gradients: Callable | None = None,
        compiled: Callable | None = None,
        turns: Turns | None = None,
        together: Callable | None = None,
    ):
        self.plan, self._step, self._planned, self._turns = plan, step, None if turns is not None else planned, turns
        self._gradients, self._compiled, self._together = gradients, compiled, together
        self._arrays = tuple(_owned(a, plan.layout) for a in arrays)
        self._mine = [self._arrays[i] for i in step.trained]
        self._states = tuple(s.detach().clone() for s in states)
        self._state = step.init(self._arrays)
        self._optimizer = Optimizer(step.method, self._mine) if isinstance(step.method, TorchMethod) else None
        self._groups = {places: self._group(places) for places in (turns.cycle if turns is not None else [tuple(range(len(self._mine)))])}
        device = self._arrays[0].device if self._arrays else torch.device("cpu")
        self._host = waits_for_nothing(device)
        self._counter = torch.zeros((), dtype=torch.int64, device=device)
        self._alive = torch.ones((), dtype=torch.bool, device=device)
        self._rates = tuple(t.to(device) for t in scalars(self._arrays))
        self._flat = [*self._arrays, *self._state, *self._states, self._counter, self._alive, *self._rates]
        self.count = 0
        self.seen: tuple[torch.Tensor, ...] = ()
        self.failed_at: int | None = None
        self.added: Added | None = None
        self.kept: list[Batch] = []
        self._held = contextlib.ExitStack()
        self._open = False

    def _group(self, places: tuple[int, ...]) -> Group:
        count = len(self._mine)
        state = [self._state[slot * count + place] for slot in range(self._step.method.slots) for place in places]
        return Group(self._step.only(places), places, [self._mine[place] for place in places], state)

    @property
    def graph(self) -> torch.fx.GraphModule | None:
        """The traced gradient as a graph, or None where the plan traces nothing."""
        return getattr(self._gradients, "graph", None)

    @property
    def trained(self) -> list[torch.Tensor]:
        """The buffers of the trained arrays themselves, which the next step changes."""
        return self._mine

    def __enter__(self):
        if not self._open:
            self._open = True
            if self.plan.large_thresholds:
                self._held.enter_context(large_thresholds())
            if self.plan.threads is not None and self.plan.threads != torch.get_num_threads():
                self._held.callback(torch.set_num_threads, torch.get_num_threads())
                torch.set_num_threads(self.plan.threads)
        return self

    def __exit__(self, *problem):
        self.close()

    def close(self) -> None:
        """Give back what the plan changed in the process. The buffers stay readable."""
        self._open = False
        self._held.close()

    def step(self, batch: Batch, rate: float) -> torch.Tensor:
        """One update with the given batch and base rate; the loss, a 0-d tensor of its own."""
        batch = laid_out_batch(Batch(*batch), self.plan.layout)
        if self._compiled is not None and self._fits(batch):
            loss, *seen = self._run_compiled(self._compiled, batch, rate)
            self.seen = tuple(seen)
        else:
            group = self._next()
            found = self._gradients_of(group, batch)
            loss, self.seen = found.loss, found.seen
            if self._judged(loss, found.gradients):
                self._move(group, found, rate)
        self._counted()
        return loss

    def add(self, batch: Batch) -> torch.Tensor:
        """The gradient of a part of the next update; its loss. Running statistics move at once.

        Where the loss sees all parts, they are kept till then, and the loss is not known yet: NaN.
        """
        batch = laid_out_batch(Batch(*batch), self.plan.layout)
        if self._together is not None:
            self.kept.append(batch)
            self.seen = ()
            return torch.full((), math.nan)
        group, count = self._next(), batch.inputs[0].shape[0]
        loss, grads, states, self.seen = self._gradients_of(group, batch)
        with torch.no_grad():
            if self._judged(loss, grads):
                self._take_states(states)
            if self.added is None:
                self.added = Added(tuple(grad * count for grad in grads), count, ((loss, count),))
            else:
                sums, examples, losses = self.added
                for total, grad in zip(sums, grads, strict=True):
                    total.add_(grad, alpha=count)
                self.added = Added(sums, examples + count, (*losses, (loss, count)))
        return loss

    def update(self, rate: float) -> torch.Tensor:
        """The update by the mean gradient of all that was added; the mean loss of its examples."""
        if self.kept and self._together is not None:
            group, parts, self.kept = self._next(), self.kept, []
            found = self._together(self._arrays, group.step.trained, self._states, parts)
            if self._judged(found.loss, found.gradients):
                self._move(group, found, rate)
            self._counted()
            return found.loss
        if self.added is None:
            raise NetTrainingError("there is no gradient to update with: nothing was added")
        group, (sums, examples, losses) = self._next(), self.added
        self.added = None
        loss = torch.stack([loss * (count / examples) for loss, count in losses]).sum()
        if not self._host or self._alive.item():
            self._move(group, Found(loss, tuple(total / examples for total in sums), self._states), rate)
        self._counted()
        return loss

    def check(self) -> bool:
        """Whether all updates so far were finite. Waits for the device; sets `failed_at` if not."""
        if self.failed_at is None and not bool(self._alive):
            self.failed_at = int(self._counter) + 1
        return self.failed_at is None

    def _counted(self) -> None:
        self.count += 1
        if self.count % CHECK_EVERY == 0:
            self.check()

    def _next(self) -> Group:
        """What the next update moves."""
        if self._turns is None:
            return next(iter(self._groups.values()))
        return self._groups[self._turns.places(self.count + 1)]

    def _fits(self, batch: Batch) -> bool:
        return self._planned is not None and signature(batch) == self._planned

    def _gradients_of(self, group: Group, batch: Batch) -> Found:
        fast = self._gradients if self._fits(batch) else None
        return (fast or group.step.gradients)(self._arrays, self._states, batch)

    def _judged(self, loss: torch.Tensor, grads: Sequence[torch.Tensor]) -> bool:
        """Look at loss and gradients, and whether to go on: a skipped update is simply not made on the CPU, where looking costs nothing.

        Elsewhere the flag is set on the device, nothing waits for it, and the update itself obeys it.
        """
        if not self._host:
            self._alive &= finite(loss, grads)
            return True
        if not self._alive.item():
            return False
        if math.isfinite(sum((g.sum().item() for g in grads), loss.item())):
            return True
        self._alive.fill_(False)
        return False

    def _take_states(self, new: Sequence[torch.Tensor]) -> None:
        for old, value in zip(self._states, new, strict=True):
            if old is not value:
                old.copy_(value if self._host else torch.where(self._alive, value, old))

    def _move(self, group: Group, found: Found, rate: float) -> None:
        """The update by gradients that were judged."""
        counts = self.count + 1 if self._turns is None else self._turns.counts(self.count + 1)
        if self._optimizer is None and (self.plan.execution == "reference" or not self._host):
            self._move_purely(group, found, rate, [counts] * len(group.places) if isinstance(counts, int) else counts)
            return
        grads, step = found.gradients, group.step
        if self._optimizer is not None:
            if not self._host and not self._alive.item():
                return
            self._optimizer.update(group.places, grads, rate, step.multipliers, step.coefficients)
        else:
            update_(step.method, group.arrays, grads, group.state, counts, rate, step.multipliers, step.coefficients)
        with torch.no_grad():
            self._take_states(found.states)
            self._counter += 1

    def _move_purely(self, group: Group, found: Found, rate: float, counts: Sequence[int]) -> None:
        step = group.step
        by_count = {n: torch.full_like(self._rates[0], rate * step.method.correction(n)) for n in set(counts)}
        corrected, base = [by_count[n] for n in counts], self._rates[0].fill_(rate)
        out = step.moved(self._arrays, group.state, self._counter, self._alive, self._states, found, base, corrected)
        with torch.no_grad():
            new = (*(out.arrays[i] for i in step.trained), *out.state, *out.states, out.counter)
            for old, value in zip((*group.arrays, *group.state, *self._states, self._counter), new, strict=True):
                old.copy_(value)

    def _run_compiled(self, compiled, batch, rate):
        method = self._step.method
        self._rates[0].fill_(rate)
        self._rates[1].fill_(rate * method.correction(self.count + 1))
        return compiled(*self._flat, *flat_batch(batch))

    def arrays(self) -> tuple[torch.Tensor, ...]:
        """Copies of all arrays, contiguous, in the order of the lowered function."""
        return _copies(self._arrays)

    def optimizer_state(self) -> tuple[torch.Tensor, ...]:
        """Copies of the optimiser's tensors, in the order of `Method.init`, for the trained arrays; those of a torch class in its own."""
        return _copies(self._state) if self._optimizer is None else tuple(self._optimizer.state()[0])

    def optimizer_told(self) -> Any:
        """What the optimiser keeps beside tensors, as plain data: of a class of torch.optim, else None."""
        return None if self._optimizer is None else self._optimizer.state()[1]

    def states(self) -> tuple[torch.Tensor, ...]:
        """Copies of the running statistics."""
        return _copies(self._states)

    @torch.no_grad()
    def load(
        self, *, arrays=None, optimizer_state=None, optimizer_told=None, states=None, count: int | None = None, added: Added | None = None
    ) -> None:
        """Go on from what an earlier runner of the same plan gave.

        Errors: NetValueError where numbers or shapes of tensors differ, NetTrainingError for a run that has failed.
        """
        if self.failed_at is not None:
            raise NetTrainingError(f"this run failed at update {self.failed_at}; start a new one to load into")
        if self._optimizer is not None and optimizer_state is not None:
            self._optimizer.load(optimizer_state, optimizer_told)
            optimizer_state = None
        for name, mine, given in (
            ("arrays", self._arrays, arrays),
            ("optimizer_state", self._state, optimizer_state),
            ("states", self._states, states),
        ):
            if given is None:
                continue
            if [tuple(t.shape) for t in given] != [tuple(t.shape) for t in mine]:
                raise NetValueError(
                    f"{name}: the shapes to load do not fit this run",
                    origins=[([tuple(t.shape) for t in given], "given"), ([tuple(t.shape) for t in mine], "this run")],
                )
            for old, new in zip(mine, given, strict=True):
                old.copy_(new)
        if count is not None:
            self.count = int(count)
            self._counter.fill_(self.count)
        self.added = added


def _owned(array: torch.Tensor, layout: str) -> torch.Tensor:
    mine = laid_out(array.detach(), layout)
    return mine.clone() if mine.data_ptr() == array.data_ptr() else mine


def _copies(tensors) -> tuple[torch.Tensor, ...]:
    return tuple(t.detach().clone(memory_format=torch.contiguous_format) for t in tensors)
