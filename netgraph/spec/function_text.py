"""A function graph as text: one readable formula, or straight Python statements that call torch."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from netgraph.spec.operations import OPERATIONS, Operation, Ref
from netgraph.spec.spellings import Recorded, Recording

_ATOM, _PREFIX = 10, 7
_STRENGTH = {"|": 1, "^": 2, "&": 3, "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "@": 6, "~": _PREFIX, "**": 8}

# A repeated part longer than the first, and any part longer than the second, gets a name of its own in a formula.
_LONG, _TOO_LONG = 24, 400


def formula(
    inputs: Sequence[str], nodes: Sequence[Any], outputs: Sequence[Ref], names: Sequence[str] | None, constants: Sequence[str]
) -> str:
    """One line such as `x ** 2 + 1`; long parts that are used twice are named first (`t0 = ...; ...`)."""
    texts = {Ref("input", i): (name, _ATOM) for i, name in enumerate(inputs)}
    texts |= {Ref("constant", i): (name, _ATOM) for i, name in enumerate(constants)}
    uses: dict[Ref, int] = {}
    for ref in [*outputs, *(ref for node in nodes for ref in node.references())]:
        uses[ref] = uses.get(ref, 0) + 1
    parts = []
    for i, node in enumerate(nodes):
        ref = Ref("node", i)
        text, strength = _expression(OPERATIONS[node.operation], node.operands, texts.__getitem__, short=True)
        if len(text) > (_LONG if uses.get(ref, 0) > 1 else _TOO_LONG):
            parts.append(f"t{len(parts)} = {text}")
            text, strength = f"t{len(parts) - 1}", _ATOM
        texts[ref] = (text, strength)
    results = [texts[ref][0] for ref in outputs]
    last = results[0] if names is None else "{" + ", ".join(f'"{n}": {r}' for n, r in zip(names, results, strict=True)) + "}"
    return "; ".join([*parts, last])


def statements(nodes: Sequence[Any], outputs: Sequence[Ref], arguments: Sequence[str], prefix: str, constants: Sequence[str]):
    """Python statements, one call of torch each, and the names of the results. Composite operations are written out."""
    writer = _Writer(prefix)
    values = {Ref("input", i): _Written(name, writer) for i, name in enumerate(arguments)}
    values |= {Ref("constant", i): _Written(name, writer) for i, name in enumerate(constants)}
    for i, node in enumerate(nodes):
        operands = [_substitute(operand, values.__getitem__) for operand in node.operands]
        values[Ref("node", i)] = writer.emit(node.operation, *operands)
    return writer.lines, tuple(values[ref].node for ref in outputs)


def _substitute(operand: Any, value: Callable[[Ref], Any]) -> Any:
    if isinstance(operand, Ref):
        return value(operand)
    return tuple(_substitute(part, value) for part in operand) if isinstance(operand, tuple) else operand


class _Written(Recorded):
    """A value of the generated code; `node` is its name there."""


class _Writer(Recording):
    def __init__(self, prefix: str):
        self.prefix = prefix
        self.lines: list[str] = []
        self._known: dict[str, str] = {}

    def emit(self, name: str, *operands: Any) -> _Written:
        found = OPERATIONS[name]
        if found.is_composite:
            return found.run(*operands)
        text, _ = _expression(found, operands, lambda written: (written.node, _ATOM), short=False)
        if text not in self._known:
            self._known[text] = f"{self.prefix}{len(self.lines)}"
            self.lines.append(f"{self._known[text]} = {text}")
        return _Written(self._known[text], self)


def _expression(found: Operation, operands: Sequence[Any], value: Callable[[Any], tuple[str, int]], short: bool) -> tuple[str, int]:
    """The text of one operation, and how strongly it binds."""

    def shown(operand: Any) -> tuple[str, int]:
        return value(operand) if isinstance(operand, Ref | Recorded) else _literal(operand, shown, short)

    if found.is_infix:
        strength = _STRENGTH.get(found.call, 0)
        if len(operands) == 1:
            return found.call + _inside(shown(operands[0]), _PREFIX), _PREFIX
        left, right = (shown(operand) for operand in operands)
        # a power binds to the right, a comparison must not be chained, all others bind to the left
        ahead = strength + (found.call == "**" or strength == 0)
        return f"{_inside(left, ahead)} {found.call} {_inside(right, strength + (found.call != '**'))}", strength
    if found.call == "[]":
        index = ", ".join(_part(part, shown) for part in operands[1]) or "()"
        return f"{_inside(shown(operands[0]), _ATOM)}[{index}]", _ATOM
    required, optional = found.arguments(tuple(operands))
    if found.call.startswith(".") and not short:
        words = [f"torch.{required[1]}" if found.call == ".to" else _inside(shown(word), 0) for word in required[1:]]
        return f"{_inside(shown(required[0]), _ATOM)}{found.call}({', '.join(words)})", _ATOM
    words = [shown(word)[0] for word in required] + [f"{name}={shown(word)[0]}" for name, word in optional.items()]
    call = found.name if short else found.call
    return f"{call}({', '.join(words)})" + (f".{found.part}" if found.part and not short else ""), _ATOM


def _inside(text: tuple[str, int], strength: int) -> str:
    return text[0] if text[1] >= strength else f"({text[0]})"


def _literal(value: Any, shown: Callable[[Any], tuple[str, int]], short: bool) -> tuple[str, int]:
    if isinstance(value, tuple):
        words = [shown(part)[0] for part in value]
        return "(" + ", ".join(words) + ("," if len(words) == 1 else "") + ")", _ATOM
    if isinstance(value, float) and not math.isfinite(value):
        word = "nan" if math.isnan(value) else "inf"
        return ("-" if value < 0 else "") + (word if short else f"torch.{word}"), _PREFIX if value < 0 else _ATOM
    negative = isinstance(value, int | float) and (value < 0 or str(value).startswith("-"))
    return repr(value), _PREFIX if negative else _ATOM


def _part(part: Any, shown: Callable[[Any], tuple[str, int]]) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends) + ("" if part.step is None else f":{part.step}")
    return "..." if part is Ellipsis else shown(part)[0]
