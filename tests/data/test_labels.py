"""Labels are refused, with what to write instead."""

from enum import Enum

import numpy as np
import pytest

from netgraph import *

QUIET = {"TrainingProgressReporting": None, "MaxTrainingRounds": 1, "Plan": "Reference"}
CLASSIFIER = NetChain([2, SoftmaxLayer()], Input=())
Animal = Enum("Animal", ["cat", "dog"])
FEW = '  try: [["cat", "dog"].index(label) for label in labels]'
MANY = "  try: classes = sorted(set(labels)); [classes.index(a) for a in labels]"

LABELS = [
    (["dog", "cat", "cat"], "the string 'dog'", FEW),
    (np.array(["dog", "cat", "cat"]), "the string 'dog'", FEW),
    (np.array(["dog", "cat", "cat"], dtype=object), "the string 'dog'", FEW),
    (["e", "d", "c", "b", "a"], "the string 'e'", MANY),
    ([b"cat", b"dog"], "a bytes", None),
    ([Animal.cat, Animal.dog], "an Animal", None),
    ([("cat", 1), ("dog", 2)], "a tuple", None),
    (["cat", None], "the string 'cat'", None),
    (["cat", Animal.dog], "the string 'cat'", None),
]


@pytest.mark.parametrize(("labels", "first", "fix"), LABELS)
def test_labels_are_refused(labels, first, fix):
    with pytest.raises(NetTypeError) as caught:
        net_train(CLASSIFIER, {"Input": np.arange(float(len(labels))), "Output": labels}, **QUIET)
    message = f'net_train: column "Output": the examples are labels, the first is {first}; classes are integers from 0'
    assert str(caught.value) == message + ("" if fix is None else f"\n{fix}")


def test_labels_of_a_generator_are_refused_with_its_call():
    with pytest.raises(NetTypeError) as caught:
        net_train(CLASSIFIER, lambda info: ([1.0, 2.0], ["dog", "cat"]), **QUIET)
    assert str(caught.value) == (
        "net_train: call 1 of the generator: column \"Output\": the examples are labels, the first is the string 'dog'; "
        f"classes are integers from 0\n{FEW}"
    )


def test_what_the_message_says_to_write_trains():
    labels = ["dog", "cat", "cat"]
    classes = [["cat", "dog"].index(label) for label in labels]
    assert net_train(CLASSIFIER, ([1.0, 2.0, 3.0], classes), "TotalBatches", **QUIET) == 1
