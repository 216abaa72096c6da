"""Sequences and their targets have one length."""

import numpy as np
import pytest

from netgraph import EmbeddingLayer, GatedRecurrentLayer, NetChain, NetMapOperator, NetShapeError, SoftmaxLayer, net_train

QUIET = {"TrainingProgressReporting": None, "TargetDevice": "CPU", "Plan": "Reference", "RandomSeeding": 5}


def trained(net, data, **options):
    return net_train(net, data, MaxTrainingRounds=2, BatchSize=8, **options, **QUIET)


def tagger():
    return NetChain([EmbeddingLayer(4, 6), GatedRecurrentLayer(4), NetMapOperator([2, SoftmaxLayer()])])


SEQUENCES = [[1, 2, 3][: 1 + i % 3] for i in range(12)]
SHIFTED = [[0] * (1 + (i + 1) % 3) for i in range(12)]


def test_targets_of_another_length_are_told():
    data = {"Input": SEQUENCES, "Output": SHIFTED}
    message = 'column "Output", example 0: the length is 2, 1 is wanted, as column "Input" is 1 long'
    with pytest.raises(NetShapeError, match=f"^net_train: {message}"):
        trained(tagger(), data)
    with pytest.raises(NetShapeError, match=f"^net_train: ValidationSet: {message}"):
        trained(tagger(), (SEQUENCES, [[0] * len(sequence) for sequence in SEQUENCES]), ValidationSet=data)
    with pytest.raises(NetShapeError, match=f"^net_train: call 1 of the generator: {message}"):
        trained(tagger(), lambda info: data)


def test_targets_of_one_length_are_not_stretched():
    net = NetChain([NetMapOperator([2])], Input=("Varying", 3))
    inputs = [np.ones((1 + i % 3, 3)) for i in range(12)]
    with pytest.raises(NetShapeError, match='column "Output", example 1: the length is 1, 2 is wanted, as column "Input" is 2 long'):
        trained(net, (inputs, [np.ones((1, 2))] * 12))
