"""NetStateObject: a net that keeps its recurrent states from one evaluation to the next."""

from collections.abc import Mapping
from typing import Any

import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.lower.plan import Plan
from netgraph.nets.container import input_names, output_names
from netgraph.run.outputs import STATES
from netgraph.run.states import port_of, type_of, zeros_of
from netgraph.spec.net import Net
from netgraph.spec.ports import Jacobian, NetPort, NetPortGradient, path_of
from netgraph.spec.typing import infer, short
from netgraph.surgery.extract import net_extract
from netgraph.types.symbols import All

__all__ = ["NetStateObject"]


class NetStateObject:
    """A net that remembers: each evaluation starts from the recurrent states that the one before it ended with.

        NetStateObject(net)           starts from zeros
        NetStateObject(net, states)   starts from a dict of states, as `net(x, NetPort(All, "States"))` gives it
        NetStateObject(net, data)     starts from the states that the net ends with on `data`

    `obj(data, what, **options)` is `net(data, what, **options)` with the states carried by hand, so two equal calls generally differ. The
    states are those of one example, or of a batch of as many examples in every call. States that an edge of a graph feeds are not kept.
    `net_extract(obj, "States")`, or `obj["States"]`, gives the states it is in, by NetPort; "Net" the net, which never changes. States
    given in the data come first. A call that fails, or that asks for a gradient, leaves the states as they were; gradients do not flow
    from one call into another.
    Errors: NetTypeError for what is no net, NetValueError for a net without states to keep.
    Source: Wolfram's NetStateObject.

    >>> obj = NetStateObject(BasicRecurrentLayer(1, InputWeights=[[1]], StateWeights=[[1]], Biases=[0], Input=(2, 1)))
    >>> [round(float(obj([[1], [0]])[-1, 0]), 3) for _ in range(3)], list(obj["States"])
    ([0.642, 0.73, 0.735], [NetPort('State')])
    """

    __slots__ = ("_states", "net")

    def __init__(self, net: Net, seed=None, /):
        if not isinstance(net, Net):
            raise NetTypeError(f"NetStateObject wants a net, got {net!r}")
        self.net = net
        self._states: dict[NetPort, Any] = {}
        if not self._zeros():
            raise NetValueError(f"NetStateObject: {short(net)} has no recurrent state that is not fed by an edge")
        if isinstance(seed, Mapping) and seed and all(isinstance(key, NetPort) for key in seed):
            self._states = dict(seed)
        elif seed is not None:
            self(seed)

    def __call__(self, data=None, what=None, /, **options):
        """The net on `data`, from the states kept, which are then the final ones."""
        names = input_names(self.net)
        if not isinstance(data, Mapping) and len(names) == 1 and data is not None:
            data = {names[0]: data}
        given = {STATES: self._states, **data} if isinstance(data, Mapping) else {STATES: self._states} if not names else data
        if isinstance(what, (NetPortGradient, Jacobian)):
            return self.net(given, what, **options)
        asked: Any = output_names(self.net) if what is None or what is All else what if isinstance(what, (list, tuple)) else (what,)
        answer = self.net(given, [*asked, STATES], **options)
        self._states = {port: state.detach() if isinstance(state, torch.Tensor) else state for port, state in answer[STATES].items()}
        if what is All or isinstance(what, (list, tuple)) or len(asked) > 1:
            return {key: answer[key] for key in asked}
        return answer[asked[0]]

    def __getitem__(self, place):
        return self.extracted(place)

    def extracted(self, place):
        """What `net_extract` gives: the states, the net, or what stands in the net."""
        first, *rest = list(path_of(place))
        if first == "States" and not rest:
            return {**self._zeros(), **self._states}
        if first == "Net":
            return net_extract(self.net, tuple(rest)) if rest else self.net
        return net_extract(self.net, place)

    def __repr__(self) -> str:
        return f"NetStateObject({short(self.net)})"

    def _zeros(self) -> dict[NetPort, Any]:
        """The states of one example before any data; Automatic where their shape is still open."""
        needs = Plan(infer(self.net, full=True, close=True)).build().recurrent
        return {port_of(need): zeros_of(type_of(need)) for need in needs}
