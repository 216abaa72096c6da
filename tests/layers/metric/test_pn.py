"""PNLossLayer: its own semantics, and TF Similarity's two released ones, against loops over the written definitions."""

import itertools

import pytest
import torch

from netgraph import *
from tests.layers.metric.peers import assert_equal, batch, ours


def released(x, y, release, positive, negative, soft, margin=1.0):
    """The released losses, one item after another; x is of unit length."""
    n = len(x)
    d = (1 - x @ x.T).clamp_min(0)

    def largest(i, kept):
        base = d[i].amin() - 1e-6
        candidates = [(d[i, j] - base, j) if j in kept else (torch.zeros((), dtype=x.dtype), j) for j in range(n)]
        value, place = max(candidates, key=lambda pair: (float(pair[0].detach()), -pair[1]))
        return value + base, place

    def smallest(i, kept):
        base = d[i].amax() + 1e-6
        candidates = [(d[i, j] - base, j) if j in kept else (torch.zeros((), dtype=x.dtype), j) for j in range(n)]
        value, place = min(candidates, key=lambda pair: (float(pair[0].detach()), pair[1]))
        return value + base, place

    gaps = []
    for i in range(n):
        same = {j for j in range(n) if y[j] == y[i] and j != i}
        other = {j for j in range(n) if y[j] != y[i]}
        far, a = (largest if positive == "Hard" else smallest)(i, same)
        if negative == "Hard":
            near, b = smallest(i, other)
        elif negative == "Easy":
            near, b = largest(i, other)
        else:
            hardest = largest(i, same)[0]
            candidates = {j for j in other if d[i, j] > hardest}
            if release == "0.17" and not candidates:
                candidates = {largest(i, other)[1]} & {j for j in range(n) if d[i, j] <= hardest}
            near, b = smallest(i, candidates)
        gaps.append(far - torch.minimum(near, d[a, b]))
    gap = torch.stack(gaps)
    if soft:
        return gap.logsumexp(0) if release == "0.16" else torch.nn.functional.softplus(gap).mean()
    return (gap + margin).clamp_min(0).mean()


def value_and_gradient(function, x):
    x = x.clone().requires_grad_()
    value = function(x)
    return value.detach(), torch.autograd.grad(value, x)[0]


CASES = list(itertools.product(["0.16", "0.17"], ["Hard", "Easy"], ["SemiHard", "Hard", "Easy"], [False, True]))


@pytest.mark.parametrize("release, positive, negative, soft", CASES)
@pytest.mark.parametrize(
    "classes", [[0, 1, 0, 1, 2, 2, 0, 1], [0, 0, 1, 1, 2, 3, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0]], ids=["all", "singles", "one"]
)
def test_the_released_losses(release, positive, negative, soft, classes):
    x = torch.nn.functional.normalize(batch(8, seed=3)[0])
    y = torch.tensor(classes)
    layer = PNLossLayer(PositiveMining=positive, NegativeMining=negative, SoftMargin=soft, Release=release)
    assert_equal(ours(layer, x, y), value_and_gradient(lambda x: released(x, y, release, positive, negative, soft), x))


def candidates_everywhere(seed):
    """A batch where each item has a positive, a negative, and a semi-hard candidate."""
    source = torch.Generator().manual_seed(seed)
    y = torch.arange(12) % 3
    return torch.nn.functional.normalize(
        torch.randn(12, 4, generator=source, dtype=torch.float64) + 3 * torch.eye(4, dtype=torch.float64)[y]
    ), y


@pytest.mark.parametrize("positive, negative", list(itertools.product(["Hard", "Easy"], ["SemiHard", "Hard", "Easy"])))
def test_all_readings_agree_where_nothing_is_missing(positive, negative):
    x, y = candidates_everywhere(0)
    layers = [PNLossLayer(PositiveMining=positive, NegativeMining=negative, Release=release) for release in (Automatic, "0.16", "0.17")]
    sane, *others = [ours(layer, x, y)[0] for layer in layers]
    for other in others:
        torch.testing.assert_close(sane, other)


def test_items_without_a_partner_count_for_nothing():
    x, _ = batch(6)
    loss, gradient = ours(PNLossLayer(), x, torch.tensor([0, 0, 1, 2, 3, 4]))
    alone = ours(PNLossLayer(), x, torch.tensor([0, 0, 1, 1, 1, 1]))
    assert loss > 0 and gradient[:2].any() and loss != alone[0]
    for classes in ([0] * 6, list(range(6))):
        loss, gradient = ours(PNLossLayer(), x, torch.tensor(classes))
        assert loss == 0 and not gradient.any()


def test_without_a_semihard_candidate_the_farthest_negative_is_taken():
    x = [[1, 0], [-1, 0], [0.9, 0.1], [0, 1]]  # the positive of item 0 is opposite to it: no negative is farther
    assert PNLossLayer()({"Input": x, "Target": [0, 0, 1, 1]})["Negative"][0] == 3
