"""The loss of a sequence against a shorter one whose places in it are not known: connectionist temporal classification.

Shapes describe one example; the tensors of `forward` have the batch axis in front, and "Loss" has no other.
"""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F

from netgraph.spec.declare import InputPort, OutputPort, Rule
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.types.sizes import Affine

__all__ = ["CTCLossLayer"]

_FLOOR = 1e-30
"""Probabilities count as at least this in a logarithm, as in the cross-entropy."""

_NEVER = -1e30
"""The logarithm of the probability of what cannot be; a finite number, so that its gradients are 0 and not NaN."""


class CTCLossLayer(Layer):
    """How unlikely a sequence of symbols is, given the probabilities of each symbol, or of none, at each step.

        loss = -log of the sum over alignments of the product over t of input[t, alignment[t]]

    "Input" has a probability for each of c symbols and, last, for the blank, at each of T steps; "Target" is a sequence of U symbols, from
    0 to c - 1. An alignment has one symbol or blank a step and becomes the target when repeats are merged and then blanks are left out. So
    equal neighbours in the target need a blank between them, and where T is below U plus the number of such neighbours there is no
    alignment: the loss is infinite, its gradient 0. Both sequences may vary, each by itself; the target may be empty. A probability
    counts as at least 1e-30; behind a SoftmaxLayer the loss is computed from the logits. "Loss" is one number an example, from 0, not
    divided by the length. The same in training and in use.
    Errors: a target longer than an input of fixed length; classes that are not one more than the symbols; a symbol out of range, in the
    data.
    Source: Wolfram's CTCLossLayer (there symbols count from 1); Graves et al. 2006. torch.nn.functional.ctc_loss takes log-probabilities
    and has NaN for the gradient where there is no alignment.

    >>> CTCLossLayer()({"Input": [[0.6, 0.4], [0.5, 0.5]], "Target": [0]})
    0.22314355
    >>> CTCLossLayer()({"Input": [[0.6, 0.4], [0.5, 0.5]], "Target": [0, 0]})
    inf
    """

    varying = "masked"

    Input = InputPort("real: steps classes", "probabilities of the symbols and, last, of the blank, at each step")
    Target = InputPort("integer(symbols): length", "the symbols, from 0")
    Loss = OutputPort("real:", "minus the logarithm of the target's probability")

    logits_of: ClassVar[str] = "softmax"

    def relate(self):
        return (Rule(self._counts), Rule(self._fits))

    def _counts(self, scope):
        scope.store.form(
            scope.size("classes"), scope.size("symbols"), Affine(1, 1, 1), scope.where, "the number of classes, one the blank,"
        )

    def _fits(self, scope):
        store, steps, length = scope.store, scope.size("steps"), scope.size("length")
        rule = None

        def fire() -> bool:
            have, wanted = store.value(steps), store.value(length)
            if have is None or wanted is None:
                store.watch(rule, [size for size in (steps, length) if store.value(size) is None])
                return False
            if isinstance(have, int) and isinstance(wanted, int) and wanted > have:
                store.conflict(scope.where, f"a target of {wanted} symbols does not fit in {have} steps", (length, steps))
            return True

        rule = store.rule([steps, length], fire)

    def forward(self, Input, Target, *, lengths):
        return self._loss(Input, Target, lengths, lambda x: x.clamp_min(_FLOOR).log())

    def forward_logits(self, Input, Target, *, lengths):
        """The loss from logits: `forward` of their softmax."""
        return self._loss(Input, Target, lengths, lambda x: F.log_softmax(x, -1))

    def _loss(self, x, target, lengths, logarithm):
        steps, symbols = lengths["Input"].get(0), lengths["Target"].get(0)
        if steps is not None:  # before the logarithm, whose gradient at what padding holds may be NaN
            x = torch.where(valid_positions(x, 1, steps, 2), x, 1.0)
        if symbols is not None:
            target = torch.where(valid_positions(target, 1, symbols, 1), target, 0)
        arguments = (logarithm(x), target, steps, symbols)
        if isinstance(x, torch.fx.Proxy):  # as one step: how many steps there are is seen only when it runs
            return x.tracer.create_proxy("call_function", negative_log_likelihood, arguments, {})
        return negative_log_likelihood(*arguments)


def negative_log_likelihood(logs, target, steps=None, symbols=None):
    """The loss from log-probabilities (batch x T x classes, the blank last) and targets (batch x U), with true lengths or None.

    The states of an alignment are blank, first symbol, blank, ..., last symbol, blank; `reach` is the log-probability to be in each after
    the steps so far, behind two columns that stand for what lies before. It starts at the first blank, before any step.
    """
    logs = logs.to(torch.promote_types(logs.dtype, torch.float32))  # sums over many steps
    blank, places = logs.shape[2] - 1, target.shape[1]
    states = F.pad(torch.stack([torch.full_like(target, blank), target], 2).flatten(1), (2, 1), value=blank)
    leaps = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])  # a blank between two symbols that differ may be left out
    gains = logs.gather(2, states[:, None, 2:].expand(-1, logs.shape[1], -1))
    reach = F.pad(logs.new_zeros(logs.shape[0], 1), (2, 2 * places), value=_NEVER)
    for t in range(logs.shape[1]):
        ways = torch.stack([reach[:, 2:], reach[:, 1:-1], torch.where(leaps, reach[:, :-2], _NEVER)])
        following = F.pad(torch.logsumexp(ways, 0) + gains[:, t], (2, 0), value=_NEVER)
        reach = following if steps is None else torch.where((steps > t).unsqueeze(1), following, reach)
    last = target.new_full((target.shape[0],), places) if symbols is None else symbols
    ends = 2 * last.unsqueeze(1) + torch.arange(1, 3, device=logs.device)  # the last symbol, and the blank behind it
    total = torch.logsumexp(reach.gather(1, ends), 1)
    return torch.where(total > _NEVER / 2, -total, math.inf)
