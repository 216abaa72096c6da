"""`Program`: a traced function that calls nets, as its steps between the calls."""

from typing import NamedTuple

from netgraph.spec.function_graph import FunctionGraph
from netgraph.spec.net import Net


class NetCall(NamedTuple):
    """One call of a net: which of the program's nets, its input ports in order, and its output ports."""

    net: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Program(NamedTuple):
    """A function that calls nets, cut at the calls.

    `graph` holds all steps. Its inputs are the function's ports, then what the calls gave, then the learned arrays; its outputs are what
    the calls take, then what the function returns. `nets` are the nets, each once however often it is called; `output_names` are the keys
    if a dict is returned.
    """

    graph: FunctionGraph
    ports: tuple[str, ...]
    calls: tuple[NetCall, ...]
    nets: tuple[Net, ...]
    output_names: tuple[str, ...] | None
