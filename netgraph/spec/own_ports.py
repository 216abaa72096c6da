"""Layers whose ports follow from their parameters: those of a function, or of an inner net."""

from netgraph.errors import NetValueError
from netgraph.spec.arguments import unknown_option
from netgraph.spec.layer import Layer
from netgraph.spec.typing import typed
from netgraph.types.port_type import parse_type


class OwnPorts(Layer):
    """A layer with ports of its own names, whose types are given as options: `Layer(..., port=type)`. Abstract.

    Errors: NetNameError for a word that is neither an option nor a port; NetValueError for a port that is called like an option.
    """

    @classmethod
    def port_words(cls, schema) -> tuple[str, ...]:
        return ()

    @property
    def input_count(self) -> int | None:
        return len(self.input_ports())

    def __init__(self, *args, **options):
        name, schema = type(self).__name__, self.schema_of()
        words = {*schema.options, *schema.aliases}
        super().__init__(*args, **{word: value for word, value in options.items() if word in words})
        ports = (*self.input_ports(), *self.output_ports(), *self.state_names())
        for port in ports:
            if port in words:
                raise NetValueError(f'{name}: a port cannot be called "{port}", which is an option')
        types = {}
        for word, value in options.items():
            if word in words:
                continue
            if word not in ports:
                raise unknown_option(name, word, schema, ports)
            types[word] = parse_type(value, f"{name}: {word}", self.side(word))
        if types:
            self._hold(self._arrays, {**self._given, **types})
            if self.children:
                hash(self)
            typed(self)
