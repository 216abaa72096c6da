"""What can be given as data, and how it is told apart."""

from collections.abc import Iterable, Mapping, Sized
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate

from netgraph.codecs.each import EachEncoder
from netgraph.codecs.encoder import NetEncoder
from netgraph.data.columns import Columns
from netgraph.data.examples import columns_of
from netgraph.data.sampled import Sampled, sampled_columns
from netgraph.data.sources import Called, Indexed, Passed
from netgraph.data.stream import Stream
from netgraph.data.torch_sets import Held, held_columns
from netgraph.errors import NetTypeError, NetValueError
from netgraph.nets.triplet import MEMBERS
from netgraph.spec.described import sort_of
from netgraph.spec.names import spelled

FORMS = (
    ('{"Input": [...], "Output": [...]}', "columns by port: lists, arrays or tensors"),
    ("(inputs, outputs)", "two columns, for a net with one input and one output port"),
    ("[(input, output), ...]", "a list of pairs, for such a net"),
    ('[{"Input": ..., "Output": ...}, ...]', "a list of dicts"),
    ('f or (f, {"RoundLength": n})', "a function f(info) that gives a batch in one of the forms above"),
    ("an iterable", "of such batches"),
    ("a torch Dataset or DataLoader", "with examples, or batches, in these forms"),
    ("a pandas or Polars DataFrame, an Arrow or Hugging Face table", "columns by port"),
    ("a path or File(path)", "of an HDF5 or .safetensors file: columns by port, which stay on disk"),
    ("Sampled(data, sampler)", "data in any of the forms that have rows, with batches composed by class"),
)


def read_data(
    data, *, inputs: tuple[str, ...], outputs: tuple[str, ...], where: str = "net_train", encoders: Mapping[str, NetEncoder] | None = None
) -> Columns | Stream:
    """Data in whichever form as `Columns`, which are in memory, or as a `Stream` of batches.

    `inputs` and `outputs` are the ports that pairs stand for, `encoders` those of columns that hold raw objects. A tuple is two columns, a
    list is examples. Nothing is read of a stream yet. Errors: NetTypeError for what is no data, with the forms there are, for a name, and
    for pairs where the net has not one input and one output; NetNameError for dicts with different keys; NetValueError for data that is
    empty or columns of different lengths.

    >>> read_data(([1, 2, 3], [0, 1, 1]), inputs=("Input",), outputs=("Output",)).names
    ('Input', 'Output')
    """
    if isinstance(data, Stream):
        return data
    if isinstance(data, Sampled):
        joined = data.joined(inputs, outputs)
        ports = (inputs if inputs != MEMBERS else inputs[:1], outputs if not joined else ("Target",))
        if joined:  # the rows of the data are the members of triplets
            encoders = {name: coder.one() if isinstance(coder, EachEncoder) else coder for name, coder in (encoders or {}).items()}
        columns = read_data(data.data, inputs=ports[0], outputs=ports[1], where=where, encoders=encoders)
        if not isinstance(columns, Columns):
            raise NetTypeError(f"{where}: Sampled wants data with rows to choose from, this is a stream of batches")
        return sampled_columns(data, columns, inputs, outputs, where)
    if isinstance(data, str):
        raise NetTypeError(f"{where}: {data!r} is a name, and no data set comes with netgraph", origins=FORMS)
    if isinstance(data, tuple) and len(data) == 2 and isinstance(data[1], Mapping) and (callable(data[0]) or hasattr(data[0], "__next__")):
        source, length = data[0], _round_length(data[1], where)
        made = Called(source, length) if callable(source) else Passed(source, round_length=length)
        return Stream(made, inputs=inputs, outputs=outputs, where=where, encoders=encoders)
    held = held_columns(data)
    if held is not None:
        data = _named(held, where)
    source = _torch_source(data, where)
    if source is None:
        columns = columns_of(data, inputs, outputs, where)
        if columns is not None:
            return Columns(columns, where, encoders)
        source = _other_source(data)
    if source is None:
        raise NetTypeError(f"{where}: the data is {sort_of(data)}, which is no form of data", origins=FORMS)
    return Stream(source, inputs=inputs, outputs=outputs, where=where, encoders=encoders)


def _torch_source(data: Any, where: str) -> Indexed | Passed | None:
    if isinstance(data, DataLoader):
        # without a batch size of its own a loader gives single examples
        single = data.batch_size is None and data.batch_sampler is None and not _gives_batches(data)
        # torch's own way to put examples together turns pairs into a list of two columns
        return Passed(data, examples=single, columns=not single and data.collate_fn is default_collate)
    if isinstance(data, IterableDataset):
        return Passed(data, examples=True)
    if isinstance(data, Dataset):
        if not isinstance(data, Sized):
            raise NetTypeError(
                f"{where}: {type(data).__name__} has no length: a Dataset needs __len__ and __getitem__, or is an IterableDataset"
            )
        if len(data) == 0:
            raise NetValueError(f"{where}: the data is empty, it has no example")
        return Indexed(data)
    return None


def _gives_batches(loader: DataLoader) -> bool:
    return loader.sampler is not None and hasattr(loader.sampler, "batch_size")


def _named(held: Held, where: str) -> Held:
    if isinstance(held, tuple) and len(held) != 2:
        raise NetTypeError(f"{where}: a data set of {len(held)} tensors has no names for them", fix='{"Input": ..., "Output": ...}')
    return held


def _other_source(data) -> Called | Passed | None:
    if isinstance(data, (list, tuple, bytes, bytearray, set, frozenset, range, np.ndarray, Tensor, type)):
        return None
    if callable(data):
        return Called(data)
    if isinstance(data, Iterable):
        # a Hugging Face table that is streamed gives examples
        return Passed(data, examples=hasattr(data, "column_names") and not hasattr(data, "__getitem__"))
    return None


def _round_length(options: Mapping, where: str) -> int | None:
    length = spelled(options, ["RoundLength"], f"{where}: a generator").get("RoundLength")
    if length is None:
        return None
    if isinstance(length, bool) or not isinstance(length, int):
        raise NetTypeError(f"{where}: RoundLength is how many examples a round has, a whole number, got {length!r}")
    if length < 1:
        raise NetValueError(f"{where}: RoundLength is at least 1, got {length}")
    return length
