"""CTCBeamSearch against all alignments, against torch's loss, and at its edges."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netgraph import CTCLossLayer, NetDecoder, NetEncoder, NetError


def by_alignments(p):
    """The probability of each labelling, by going through all alignments."""
    steps, classes = p.shape
    found = {}
    for path in itertools.product(range(classes), repeat=steps):
        labelling = tuple(one for one, _ in itertools.groupby(path) if one != classes - 1)
        found[labelling] = found.get(labelling, 0.0) + math.prod(p[step, one] for step, one in enumerate(path))
    return {labelling: probability for labelling, probability in found.items() if probability > 0}


def drawn(seed, steps, elements, zeros):
    source = np.random.default_rng(seed)
    p = source.dirichlet(np.full(elements + 1, 0.7), size=steps)
    p[source.random(p.shape) < zeros] = 0
    p[p.sum(1) == 0, 0] = 1
    return p


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 3), st.sampled_from([0.0, 0.3]))
def test_a_wide_beam_is_exact(seed, steps, elements, zeros):
    p = drawn(seed, steps, elements, zeros)
    want = by_alignments(p)
    got = NetDecoder(("CTCBeamSearch", list(range(elements)), {"BeamSize": 2000}))(p, "NegativeLogLikelihoods")
    assert {tuple(decoding) for decoding, _ in got} == set(want)
    for decoding, loss in got:
        assert math.exp(-loss) == pytest.approx(want[tuple(decoding)], rel=1e-9)
    losses = [loss for _, loss in got]
    assert losses == sorted(losses)


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 3), st.integers(2, 4))
def test_a_narrow_beam_gives_true_likelihoods(seed, steps, elements, size):
    p = drawn(seed, steps, elements, 0.0)
    want = by_alignments(p)
    got = NetDecoder(("CTCBeamSearch", list(range(elements)), {"BeamSize": size}))(p, "NegativeLogLikelihoods")
    assert len(got) == min(size, len(want))
    assert len({tuple(decoding) for decoding, _ in got}) == len(got)
    for decoding, loss in got:
        assert math.exp(-loss) == pytest.approx(want[tuple(decoding)], rel=1e-9)


def test_a_beam_of_one_is_greedy():
    for seed in range(30):
        p = drawn(seed, 6, 3, 0.0)
        best = [one for one, _ in itertools.groupby(p.argmax(1).tolist()) if one != 3]
        decoder = NetDecoder(("CTCBeamSearch", list(range(3)), {"BeamSize": 1}))
        assert decoder(p) == best
        [(decoding, loss)] = decoder(p, "NegativeLogLikelihoods")
        assert decoding == best
        assert math.exp(-loss) == pytest.approx(by_alignments(p)[tuple(best)], rel=1e-9)


def test_likelihoods_are_the_loss():
    p = drawn(3, 60, 8, 0.0)
    decoder = NetDecoder(("CTCBeamSearch", list(range(8))))
    for decoding, loss in decoder(p, ("TopNegativeLogLikelihoods", 5)):
        arguments = torch.tensor(p).log()[:, None], torch.tensor([decoding]), torch.tensor([60]), torch.tensor([len(decoding)])
        assert loss == pytest.approx(torch.nn.functional.ctc_loss(*arguments, blank=8, reduction="sum").item(), rel=1e-9)
        assert loss == pytest.approx(CTCLossLayer()({"Input": p, "Target": decoding}), rel=1e-5)


def test_a_beginning_that_was_dropped_and_found_again_is_one():
    for seed in range(200):
        p = drawn(seed, 9, 2, 0.2)
        got = NetDecoder(("CTCBeamSearch", ["a", "b"], {"BeamSize": 3}))(p, "Decodings")
        assert len({tuple(decoding) for decoding in got}) == len(got)


def test_equal_neighbours_need_a_blank():
    decoder = NetDecoder(("CTCBeamSearch", ["a"]))
    assert decoder([[1, 0], [0, 1], [1, 0]]) == ["a", "a"]
    assert decoder([[1, 0], [1, 0], [1, 0]]) == ["a"]
    assert decoder([[0, 1], [0, 1]], "NegativeLogLikelihoods") == [([], 0.0)]


def test_no_steps_give_the_empty_sequence():
    for size in (1, 100):
        decoder = NetDecoder(("CTCBeamSearch", ["a", "b"], {"BeamSize": size}))
        assert decoder(np.zeros((0, 3)), "NegativeLogLikelihoods") == [([], 0.0)]


def test_long_sequences_do_not_underflow():
    p = np.full((3000, 3), 1e-3)
    p[np.arange(3000), np.arange(3000) % 3] = 1 - 2e-3
    decoding = NetDecoder(("CTCBeamSearch", ["a", "b"], {"BeamSize": 4}))(p)
    assert decoding == ["a", "b"] * 1000


def test_the_alphabet_may_be_anything():
    decoder = NetDecoder(("CTCBeamSearch", ["ch", 3, (1, 2)]))
    assert decoder(np.eye(4)[[2, 3, 0, 1]]) == [(1, 2), "ch", 3]
    assert NetEncoder(decoder) == NetEncoder(("Class", ["ch", 3, (1, 2)], {"Dimensions": ("Varying",)}))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        ("TopDecodings", 'NetDecoder(("CTCBeamSearch", ("a",))): how many "TopDecodings"?\n  try: ("TopDecodings", 3)'),
        (("TopDecodings", 0), '("TopDecodings", n): n is how many, from 1, got 0'),
        (("Decodings", 2), 'NetDecoder(("CTCBeamSearch", ("a",))): \'Decodings\' takes no argument'),
    ],
)
def test_properties_that_are_asked_for_wrongly(ask, message):
    with pytest.raises(NetError) as told:
        NetDecoder(("CTCBeamSearch", ["a"]))([[0.5, 0.5]], ask)
    assert str(told.value) == message


def test_the_alphabet_is_required():
    with pytest.raises(NetError) as told:
        NetDecoder("CTCBeamSearch")
    assert str(told.value) == 'NetDecoder "CTCBeamSearch" wants Alphabet, the list of elements: ("CTCBeamSearch", ["a", "b", "c"])'
