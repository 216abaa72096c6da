"""A net called inside a function that is being traced: what it gives are stand-ins, and the call becomes a part of the function."""

from collections.abc import Mapping
from typing import Any

from netgraph.errors import NetNameError, NetTypeError, did_you_mean
from netgraph.run.inputs import port_values
from netgraph.spec.net import Net
from netgraph.spec.spellings import Recorded
from netgraph.spec.typing import short
from netgraph.types.symbols import All, Automatic


def recorder_among(data) -> Any:
    """What records the function that some of the data are stand-ins of; None for ordinary data."""
    parts = data.values() if isinstance(data, Mapping) else data if isinstance(data, (list, tuple)) else (data,)
    return next((part.tracer for part in parts if isinstance(part, Recorded)), None)


def recorded(recorder: Any, net: Net, data, what, options: Mapping[str, Any]):
    """The stand-ins of the net's outputs, as `net(data, what)` gives them."""
    if options or not (what is None or what is All or what is Automatic or isinstance(what, str)):
        raise NetTypeError(f"{short(net)} is called in a function that is traced: it gives its outputs, without options")
    net, values = port_values(net, data)
    outputs = recorder.call(net, values)
    if isinstance(what, str):
        if what not in outputs:
            raise NetNameError(f"{short(net)} has no output port {what!r}, {did_you_mean(what, list(outputs))}")
        return outputs[what]
    return next(iter(outputs.values())) if len(outputs) == 1 and what is not All else outputs
