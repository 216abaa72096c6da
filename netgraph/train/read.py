"""Data of a net, in whichever form, a file among them."""

from typing import Any

from netgraph.data.columns import Columns
from netgraph.data.forms import read_data
from netgraph.data.sampled import Sampled
from netgraph.data.stream import Stream
from netgraph.formats.data_file import opened
from netgraph.losses.targets import column_encoders
from netgraph.nets.container import input_names, output_names
from netgraph.spec.net import Net
from netgraph.types.symbols import Automatic


def read_for(net: Net, data, where: str = "net_train", loss: Any = Automatic) -> Columns | Stream:
    """The data as columns or as a stream of batches; `loss` are the losses that will be attached, whose ports may have encoders.

    Errors: those of `read_data` and of files that cannot be read.
    """
    if isinstance(data, Sampled):
        data = data.on(opened(data.data, where))
    inputs, outputs = input_names(net), output_names(net)
    return read_data(opened(data, where), inputs=inputs, outputs=outputs, where=where, encoders=column_encoders(net, loss))
