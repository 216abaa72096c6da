"""The execution of a plan: buffers that the run owns, and one call a step.

runner.step(batch, rate)       one update, the loss as a tensor on the device; nothing waits for it
runner.failed_at               None, or the number of the first update that was not finite; looked at every 50 steps and by `check()`
runner.arrays(), .optimizer_state(), .states(), .count      copies that later steps leave alone
runner.load(...)               goes on from such copies, bit for bit
runner.close()                 gives back threads and allocator thresholds; `with` does so too
"""

import contextlib
import math
from collections.abc import Callable, Sequence

import torch

from netgraph.errors import NetTrainingError, NetValueError
from netgraph.train.allocator import large_thresholds
from netgraph.train.inplace import update_
from netgraph.train.step import Batch, Step
from netgraph.train.trace import flat_batch, scalars

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


class Runner:
    """One run of one plan. Made by `Plan.start`.

    `gradients` replaces `step.gradients` for batches of the planned signature, `compiled` the whole step; all others run the plain step.
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
    ):
        self.plan, self._step, self._planned = plan, step, planned
        self._gradients, self._compiled = gradients, compiled
        self._arrays = tuple(_owned(a, plan.layout) for a in arrays)
        self._mine = [self._arrays[i] for i in step.trained]
        self._states = tuple(s.detach().clone() for s in states)
        self._state = step.init(self._arrays)
        device = self._arrays[0].device if self._arrays else torch.device("cpu")
        self._host = device.type == "cpu"
        self._counter = torch.zeros((), dtype=torch.int64, device=device)
        self._alive = torch.ones((), dtype=torch.bool, device=device)
        self._rates = tuple(t.to(device) for t in scalars(self._arrays))
        self._flat = [*self._arrays, *self._state, *self._states, self._counter, self._alive, *self._rates]
        self.count = 0
        self.failed_at: int | None = None
        self._held = contextlib.ExitStack()
        self._open = False

    @property
    def graph(self) -> torch.fx.GraphModule | None:
        """The traced gradient as a graph, or None where the plan traces nothing."""
        return getattr(self._gradients, "graph", None)

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
        if not isinstance(batch, Batch):
            batch = Batch(*batch)
        batch = laid_out_batch(batch, self.plan.layout)
        planned = self._planned is not None and signature(batch) == self._planned
        if planned and self._compiled is not None:
            loss = self._run_compiled(self._compiled, batch, rate)
        elif self.plan.execution == "reference" or not self._host:
            loss = self._run_pure(batch, rate)
        else:
            loss = self._run_eager(batch, rate, self._gradients if planned and self._gradients is not None else self._step.gradients)
        self.count += 1
        if self.count % CHECK_EVERY == 0:
            self.check()
        return loss

    def check(self) -> bool:
        """Whether all updates so far were finite. Waits for the device; sets `failed_at` if not."""
        if self.failed_at is None and not bool(self._alive):
            self.failed_at = int(self._counter) + 1
        return self.failed_at is None

    def _run_compiled(self, compiled, batch, rate):
        method = self._step.method
        self._rates[0].fill_(rate)
        self._rates[1].fill_(rate * method.correction(self.count + 1))
        return compiled(*self._flat, *flat_batch(batch))

    def _run_eager(self, batch, rate, gradients):
        """On the CPU a look at the flag costs nothing, so the skipped update is simply not made."""
        step = self._step
        loss, grads, new_states = gradients(self._arrays, self._states, batch)
        if self._alive.item() and not math.isfinite(sum((g.sum().item() for g in grads), loss.item())):
            self._alive.fill_(False)
        if self._alive.item():
            update_(step.method, self._mine, grads, self._state, self.count + 1, rate, step.multipliers, step.coefficients)
            for old, new in zip(self._states, new_states, strict=True):
                old.copy_(new)
            self._counter += 1
        return loss

    def _run_pure(self, batch, rate):
        step = self._step
        rate_here = self._rates[0].fill_(rate)
        corrected = self._rates[1].fill_(rate * step.method.correction(self.count + 1))
        out = step.corrected(self._arrays, self._state, self._counter, self._alive, self._states, batch, rate_here, corrected)
        with torch.no_grad():
            new = (*(out.arrays[i] for i in step.trained), *out.state, *out.states, out.counter, out.alive)
            for old, value in zip((*self._mine, *self._state, *self._states, self._counter, self._alive), new, strict=True):
                old.copy_(value)
        return out.loss

    def arrays(self) -> tuple[torch.Tensor, ...]:
        """Copies of all arrays, contiguous, in the order of the lowered function."""
        return _copies(self._arrays)

    def optimizer_state(self) -> tuple[torch.Tensor, ...]:
        """Copies of the optimiser's tensors, in the order of `Method.init`, for the trained arrays."""
        return _copies(self._state)

    def states(self) -> tuple[torch.Tensor, ...]:
        """Copies of the running statistics."""
        return _copies(self._states)

    @torch.no_grad()
    def load(self, *, arrays=None, optimizer_state=None, states=None, count: int | None = None) -> None:
        """Go on from what an earlier runner of the same plan gave.

        Errors: NetValueError where numbers or shapes of tensors differ, NetTrainingError for a run that has failed.
        """
        if self.failed_at is not None:
            raise NetTrainingError(f"this run failed at update {self.failed_at}; start a new one to load into")
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


def _owned(array: torch.Tensor, layout: str) -> torch.Tensor:
    mine = laid_out(array.detach(), layout)
    return mine.clone() if mine.data_ptr() == array.data_ptr() else mine


def _copies(tensors) -> tuple[torch.Tensor, ...]:
    return tuple(t.detach().clone(memory_format=torch.contiguous_format) for t in tensors)
