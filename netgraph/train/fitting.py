"""Encoders that learn from the training data, before training starts."""

from netgraph.data.columns import Columns
from netgraph.data.forms import read_data
from netgraph.data.sampled import Sampled
from netgraph.errors import NetError, NetTypeError
from netgraph.formats.data_file import opened
from netgraph.nets.codecs import port_codecs
from netgraph.nets.container import input_names, output_names
from netgraph.spec.net import Net
from netgraph.surgery.replace_part import net_replace_part

WHERE = "net_train"


def fitted(net: Net, data) -> Net:
    """The net whose encoders have learned from the columns of the data what they have to; the same where there is none.

    Errors: NetTypeError for a stream of batches, from which nothing is learned; those of the encoders, with the column.
    """
    waiting = {port: encoder for port, encoder in port_codecs(net).encoders.items() if not encoder.is_fitted}
    if not waiting:
        return net
    raw = opened(data.data if isinstance(data, Sampled) else data, WHERE)
    source = read_data(raw, inputs=input_names(net), outputs=output_names(net), where=WHERE)
    for port, encoder in waiting.items():
        if not isinstance(source, Columns):
            fix = f"{port}=encoder.fitted(examples)"
            raise NetTypeError(f"{WHERE}: {encoder!r} learns from all examples, and this is a stream of batches", fix=fix)
        if port not in source.columns:
            continue
        try:
            net = net_replace_part(net, {port: encoder.fitted(source.columns[port])})
        except NetError as error:
            raise error.at(f'{WHERE}: column "{port}"') from error.__cause__
    return net
