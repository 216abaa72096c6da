"""Settings: frozen values with numbers, as parameters of layers."""

import copy

import pytest

from netgraph import *


def test_a_setting_is_a_value():
    miner = BatchEasyHardMiner("Hard", NegativeMining="Easy")
    assert miner == BatchEasyHardMiner(positive_mining="Hard", negative_mining="Easy") and hash(miner) == hash(copy.deepcopy(miner))
    assert miner.PositiveMining == "Hard" and miner != BatchEasyHardMiner() and eval(repr(miner)) == miner
    assert repr(TripletMarginMiner("Hard", 1, "cosine")) == 'TripletMarginMiner("Hard", 1.0, CosineDistance)'
    assert eval(repr(TripletMarginMiner("Hard", 1, "cosine"))) == TripletMarginMiner("Hard", 1, CosineDistance)


def test_a_parameter_takes_a_value_a_name_or_a_tuple():
    layers = [TripletLossLayer(Miner=miner) for miner in (PairMarginMiner(), "PairMarginMiner", ("PairMarginMiner", 0.2))]
    assert layers[0] == layers[1] == layers[2] and hash(layers[0]) == hash(layers[2])
    assert TripletLossLayer(Distance="euclidean") == TripletLossLayer(Distance=EuclideanDistance) != TripletLossLayer()


def test_it_is_saved(tmp_path):
    net = TripletLossLayer(0.3, Miner=TripletMarginMiner("SemiHard", Distance="cosine"), Distance=LpDistance(1), Input=3)
    assert net_from_json(net_to_json(net)) == net
    net_save(net, tmp_path / "net.safetensors")
    assert net_load(tmp_path / "net.safetensors") == net


WRONG = [
    (lambda: PairMarginMiner(1, 2, LpDistance(), 4), "PairMarginMiner takes 3 numbers, got 4"),
    (lambda: LpDistance(0.5), "LpDistance: P wants a number from 1, got 0.5"),
    (lambda: LpDistance(Powr=2), 'LpDistance has no option "Powr", did you mean "Power"?'),
    (lambda: LpDistance(2, P=3), "LpDistance: P is given twice"),
    (
        lambda: TripletLossLayer(Distance="cos"),
        "TripletLossLayer: Distance wants one of CosineDistance, CosineSimilarity, DotProductSimilarity, LpDistance, SNRDistance, "
        "got 'cos'",
    ),
    (lambda: TripletLossLayer(Miner=("PairMarginMiner", "x")), "PairMarginMiner: PositiveMargin wants a number, got 'x'"),
    (
        lambda: BatchEasyHardMiner("SemiHard", "SemiHard"),
        'BatchEasyHardMiner("SemiHard"): "SemiHard" is measured from a "Hard" or "Easy" choice on the other side',
    ),
]


@pytest.mark.parametrize("make, message", WRONG)
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(NetError) as caught:
        make()
    assert str(caught.value) == message
