"""Port types: notation in, notation out, JSON, what is refused."""

import numpy as np
import pytest

from netgraph import Automatic, Integer
from netgraph.errors import NetError
from netgraph.types.kinds import BOOLEAN, INTEGER, REAL
from netgraph.types.port_type import PortType, parse_type, type_from_json

NOTATIONS = [
    ("Real", REAL, (), '"Real"'),
    ("Integer", INTEGER, (), '"Integer"'),
    ("Boolean", BOOLEAN, (), '"Boolean"'),
    (Integer(5), Integer(5), (), "Integer(5)"),
    (3, None, (3,), "3"),
    (np.int64(3), None, (3,), "3"),
    ((2, 3), None, (2, 3), "(2, 3)"),
    ([2, 3], None, (2, 3), "(2, 3)"),
    ((), None, (), "()"),
    ("Varying", None, ("Varying",), '"Varying"'),
    (("Varying", 3), None, ("Varying", 3), '("Varying", 3)'),
    ((Automatic, 3), None, (None, 3), "(Automatic, 3)"),
    ((Automatic,), None, (None,), "(Automatic,)"),
    (Automatic, None, None, "Automatic"),
    (("Varying", Integer(7)), Integer(7), ("Varying",), '("Varying", Integer(7))'),
    ((3, "Real"), REAL, (3,), '(3, "Real")'),
    ((2, 2, "Boolean"), BOOLEAN, (2, 2), '(2, 2, "Boolean")'),
]


@pytest.mark.parametrize("written, kind, shape, text", NOTATIONS, ids=[row[3] for row in NOTATIONS])
def test_notation(written, kind, shape, text):
    parsed = parse_type(written, "Input")
    assert (parsed.kind, parsed.shape) == (kind, shape)
    assert parsed.notation() == text
    assert parse_type(eval(text), "Input") == parsed
    assert type_from_json(parsed.to_json()) == parsed
    assert hash(parse_type(parsed.written(), "Input")) is not None


@pytest.mark.parametrize(
    "written, message",
    [
        (True, 'Input: True is no port type\n  try: "Real", "Integer", "Boolean", Integer(n), n, (n1, n2, ...), "Varying" or Automatic'),
        (3.0, 'Input: 3.0 is no port type\n  try: "Real", "Integer", "Boolean", Integer(n), n, (n1, n2, ...), "Varying" or Automatic'),
        (
            "Vary",
            'Input: \'Vary\' is no port type\n  try: "Real", "Integer", "Boolean", Integer(n), n, (n1, n2, ...), "Varying" or Automatic',
        ),
        (0, "Input: a size is at least 1, got 0"),
        ((2, -1), "Input: a size is at least 1, got -1 in (2, -1)"),
        ((2, "x"), "Input: 'x' is no size (a shape is a tuple of sizes, \"Varying\" and Automatic)"),
        (("Real", 2), "Input: 'Real' is no size (a shape is a tuple of sizes, \"Varying\" and Automatic)"),
    ],
)
def test_refused(written, message):
    with pytest.raises(NetError) as caught:
        parse_type(written, "Input")
    assert str(caught.value) == message


def test_a_type_is_a_value():
    kind = PortType(REAL, (2,))
    assert kind == PortType(REAL, [2]) and len({kind, PortType(REAL, (2,))}) == 1
    with pytest.raises(AttributeError):
        kind.shape = (3,)
    assert str(PortType(Integer(5), ("Varying", None))) == "integer below 5 (Varying, ?)"
    assert PortType(None, (2, None)).closed is False and PortType(None, ("Varying",)).closed is True


@pytest.mark.parametrize("n, message", [(True, "whole number, got True"), (2.0, "whole number, got 2.0"), (0, "n is at least 1")])
def test_integer(n, message):
    with pytest.raises(NetError, match=message):
        Integer(n)
