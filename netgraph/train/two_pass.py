"""The gradient of a loss that sees the whole batch, where the batch is too large for one pass: in two (Gao et al., 2021, "GradCache").

First every part runs without a gradient, and only what the loss looks at is kept. The loss on all of it together gives its gradient there.
Then every part runs again, with that gradient at its end. The numbers are those of one pass over the whole batch; only batch normalisation
sees its part alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from netgraph.errors import NetTypeError
from netgraph.lower.forward import Lowered, lower
from netgraph.nets.container import Container, input_names
from netgraph.spec.net import Net, beneath
from netgraph.spec.typing import infer
from netgraph.train.objective import Objective
from netgraph.train.prepare import Prepared
from netgraph.train.step import Batch, Found


@dataclass(frozen=True)
class TwoPass:
    """The two halves of a training net: `body` up to what the loss looks at, `loss` from there on.

    For each input of `loss`: `from_body` is the place among the outputs of `body`, or None, `from_data` that among the inputs of a batch.
    `body_noise` and `loss_noise` are places among the noise of the whole, `body_arrays` and `loss_arrays` among its arrays.
    """

    body: Lowered
    loss: Lowered
    whole: Lowered
    objective: Objective
    from_body: tuple[int | None, ...]
    from_data: tuple[int | None, ...]
    body_arrays: tuple[int, ...]
    loss_arrays: tuple[int, ...]
    body_noise: tuple[int, ...]
    loss_noise: tuple[int, ...]

    def gradients(
        self, arrays: Sequence[torch.Tensor], trained: Sequence[int], states: Sequence[torch.Tensor], parts: Sequence[Batch]
    ) -> Found:
        """What all parts together give, as `Step.gradients` gives it for one; nothing else is seen of them."""
        with torch.no_grad():
            seen = [self._run_body(arrays, states, part)[0] for part in parts]
        joined = [torch.cat(outputs).requires_grad_() for outputs in zip(*seen, strict=True)]
        leaves = {place: arrays[place].detach().requires_grad_() for place in trained}
        now = [leaves.get(place, array.detach()) for place, array in enumerate(arrays)]
        losses = self._run_loss(now, joined, parts)
        mean = losses.mean()
        own = [place for place in trained if place in self.loss_arrays]
        found = torch.autograd.grad(mean, [*joined, *(leaves[place] for place in own)], materialize_grads=True)
        grads = {place: torch.zeros_like(leaves[place]) for place in trained}
        grads.update(zip(own, found[len(joined) :], strict=True))
        ends = [gradient.split([part.inputs[0].shape[0] for part in parts]) for gradient in found[: len(joined)]]
        for number, part in enumerate(parts):
            outputs, states = self._run_body(now, states, part)
            mine = [place for place in trained if place in self.body_arrays]
            pairs = [(output, end[number]) for output, end in zip(outputs, ends, strict=True) if output.requires_grad]
            if mine and pairs:
                heads, tails = zip(*pairs, strict=True)
                for place, gradient in zip(
                    mine, torch.autograd.grad(heads, [leaves[p] for p in mine], tails, materialize_grads=True), strict=True
                ):
                    grads[place] += gradient
        return Found(mean.detach(), tuple(grads[place] for place in trained), tuple(state.detach() for state in states))

    def _run_body(self, arrays, states, part: Batch):
        noise = tuple(part.noise[place] for place in self.body_noise)
        mine, inputs = tuple(arrays[place] for place in self.body_arrays), part.inputs[: len(self.whole.inputs)]
        return self.body.from_zeros(inputs, mine, tuple(states), noise, part.lengths, part.valid)

    def _run_loss(self, arrays, joined: Sequence[torch.Tensor], parts: Sequence[Batch]) -> torch.Tensor:
        inputs = tuple(
            joined[body] if body is not None else torch.cat([part.inputs[data or 0] for part in parts])
            for body, data in zip(self.from_body, self.from_data, strict=True)
        )
        noise = tuple(torch.cat([part.noise[place] for part in parts]) for place in self.loss_noise)
        valid = None if parts[0].valid is None else torch.cat([part.valid for part in parts if part.valid is not None])
        outputs, _ = self.loss.forward(inputs, tuple(arrays[place] for place in self.loss_arrays), (), noise, (), valid)
        everything = tuple(torch.cat([part.inputs[place] for part in parts]) for place in range(len(parts[0].inputs)))
        return self.objective.weighed(self.objective.total(outputs), everything, self.whole)


def two_pass(prepared: Prepared) -> TwoPass:
    """The halves of a prepared training net whose one loss, attached to it, sees the whole batch.

    Errors: NetTypeError where the loss is inside the net or there are several, or where sequences reach it.
    """
    whole, net, typing = prepared.forward, prepared.net, prepared.typing
    layer: Any = net.children.get("loss") if isinstance(net, Container) else None
    if not prepared.training.attached or layer is None or len(prepared.training.losses) != 1:
        raise NetTypeError(
            "net_train: GradientAccumulation with a loss that sees the whole batch wants this loss alone", fix="LossFunction=the loss"
        )
    wires = {wire.part_port: wire for wire in net.wires if wire.part == "loss"}  # type: ignore[attr-defined]
    types = {port: typing.type_of(term) for port, term in typing.terms[("loss",)].inputs.items()}
    if any(kind.varies for kind in types.values()):
        raise NetTypeError("net_train: GradientAccumulation with a loss that sees the whole batch does not take sequences to the loss")
    wanted = tuple(dict.fromkeys((wire.source, wire.source_port) for wire in wires.values() if wire.source))
    body = lower(net, "Train", typing=typing, wanted=wanted)
    part = _with_arrays(net, layer)
    port = next(port for (path, port) in _loss_outputs(net))
    loss = lower(part, "Train", typing=infer(part, data=types, full=True, close=True), wanted=(((), port),))
    names = input_names(part)
    noise = [need.path for need in whole.noise]
    return TwoPass(
        body, loss, whole, prepared.objective,
        tuple(wanted.index((wires[name].source, wires[name].source_port)) if wires[name].source else None for name in names),
        tuple(None if wires[name].source else whole.inputs.index(wires[name].source_port) for name in names),
        tuple(whole.arrays.index(key) for key in body.arrays),
        tuple(whole.arrays.index(key if key in whole.arrays else f"loss/{key}") for key in loss.arrays),
        tuple(noise.index(need.path) for need in body.noise),
        tuple(noise.index(f"loss/{need.path}") for need in loss.noise),
    )  # fmt: skip


def _loss_outputs(net: Any) -> list[tuple[tuple[str, ...], str]]:
    """The output ports of the loss that the training net exposes."""
    return [(path, port) for path, port in net.output_sources.values() if path == ("loss",)]


def _with_arrays(net: Net, layer: Net) -> Net:
    arrays = beneath("loss", layer, net.tensors)
    return layer.replaced(arrays=arrays) if arrays else layer
