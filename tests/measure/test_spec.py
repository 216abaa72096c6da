"""What may be asked for, and what is said about the rest."""

import pytest

from netgraph import NetError, NetPort
from netgraph.measure.spec import parse_measurement


def test_names_and_keys():
    found = parse_measurement(("Accuracy", 3), "here")
    assert (found.what, found.parameter, found.key, found.rising) == ("Accuracy", 3, "Accuracy(3)", True)
    assert not parse_measurement("ErrorRate", "here").rising
    port = parse_measurement({"Measurement": NetPort("a", "Output"), "Aggregation": "RMS", "key": "size"}, "here")
    assert (port.key, port.aggregation, port.rising) == ("size", "RMS", False)
    assert parse_measurement(NetPort("a", "Output"), "here").key == "a/Output"
    assert parse_measurement({"Measurement": "Loss", "Direction": "Increasing"}, "here").rising

    def gap(Input, Target):
        return Input - Target

    assert parse_measurement(gap, "here").key == "gap"


@pytest.mark.parametrize(
    "spec, message",
    [
        ("Acuracy", 'here: there is no measurement \'Acuracy\', did you mean "Accuracy" or "NeighborAccuracy" or "VerificationAccuracy"?'),
        (("Recall", 2), "here: Recall takes no parameter, got 2"),
        (("Accuracy", 0), "here: the n of Accuracy is a whole number from 1, got 0"),
        (("FScore", -1), "here: the beta of FScore is a number above 0, got -1"),
        (3, "here: a measurement is a name, a name with its parameter, NetPort(...), a function or a dict; got 3"),
        ({"Key": "a"}, "here: a dict of suboptions has \"Measurement\", what is measured; got {'Key': 'a'}"),
        ({"Measurement": "Recall", "ClassAveraging": "Mean"}, "here: ClassAveraging is None, 'Macro', 'Micro'; got 'Mean'"),
        (
            {"Measurement": "Accuracy", "ClassAveraging": "Macro"},
            "here: ClassAveraging is for what each class has, 'Accuracy' is one value",
        ),
        ({"Measurement": "Loss", "Kee": "a"}, 'here: a measurement has no option "Kee", did you mean "Key"?'),
        ({"Measurement": "Loss", "Key": 3}, "here: Key is a text, got 3"),
        ({"Measurement": "Loss", "Port": 3}, "here: Port is the name of an output, got 3"),
    ],
)
def test_what_is_wrong_is_said(spec, message):
    with pytest.raises(NetError) as error:
        parse_measurement(spec, "here")
    assert str(error.value) == message
