"""The rows of other classes that are nearest to each row, by the net as it stands: what HardNegativeSampler draws from."""

from collections.abc import Callable

import torch

from netgraph.data.sampled import SampledTable, TripletTable
from netgraph.data.samplers import HardNegativeSampler
from netgraph.errors import NetTypeError
from netgraph.losses.columns import WEIGHT, shapes_said
from netgraph.lower.forward import lower
from netgraph.measure.neighbors import BLOCK, ordered
from netgraph.nets.container import input_names, output_names
from netgraph.nets.triplet import MEMBERS, NetTripletEmbeddingOperator
from netgraph.spec.net import Net, part_of
from netgraph.spec.typing import infer, settled, short
from netgraph.train.feed import Feed
from netgraph.train.options import Options
from netgraph.train.prepare import Prepared
from netgraph.types.port_type import PortType

CHUNK = 1024


def mining_of(net: Net, prepared: Prepared, options: Options) -> "HardNegatives | None":
    """What looks at the net for the sampler of the data; None where none wants that.

    Errors: NetTypeError for a net that does not embed one example.
    """
    table = prepared.data
    if not isinstance(table, SampledTable) or not isinstance(table.sampler, HardNegativeSampler):
        return None
    return HardNegatives(table, table.sampler, prepared, prepared.trained(net, prepared.net), options)


class HardNegatives:
    """Finds them; `now()` is the user's net as it stands, set anew once there is a run."""

    def __init__(self, table: SampledTable, sampler: HardNegativeSampler, prepared: Prepared, net: Net, options: Options):
        self.rows, self.groups, self.sampler, self.options, self.every = table.flat, table.groups, sampler, options, sampler.Refresh
        self.now: Callable[[], Net] = lambda: net
        inner = embedding_net(net)
        whole = isinstance(table, TripletTable) and inner is net
        if whole or len(input_names(inner)) != 1 or len(output_names(inner)) != 1:
            ports = f"the inputs {', '.join(input_names(inner))} and the outputs {', '.join(output_names(inner))}"
            raise NetTypeError(f"net_train: {sampler!r} wants a net from one input to an embedding, {short(inner)} has {ports}")
        if isinstance(table, TripletTable):
            self.column = next(name for name in table.names if name != WEIGHT)
            kind = prepared.types[MEMBERS[0]] if table.members is not None else prepared.types[self.column]
            self.kind = kind if table.members is not None else PortType(kind.kind, (kind.shape or ())[1:])
        else:
            self.column = input_names(net)[0]
            self.kind = prepared.types[self.column]

    def __call__(self) -> torch.Tensor:
        """For each row the numbers of the nearest rows of other classes, nearest first; -1 where there are fewer."""
        return nearest_others(self._embedded(), self.groups.places, self.sampler)

    @torch.no_grad()
    def _embedded(self) -> torch.Tensor:
        net, device, dtype = embedding_net(self.now()), self.options.device, self.options.dtype
        (port,) = input_names(net)
        typing = infer(net, data=shapes_said({port: self.kind}, settled(net).inputs), full=True, close=True)
        lowered = lower(net, "Test", typing=typing)
        arrays, states = (tuple(net.tensors[name].to(device, dtype) for name in names) for names in (lowered.arrays, lowered.states))
        feed = Feed(self.rows, lowered, (self.column,), CHUNK, self.options.seed, dtype, device)
        found = []
        for number, part in enumerate(self.rows.in_order(CHUNK)):
            made = feed.made(self.rows.batch(part), number + 1)
            values, _ = lowered.from_zeros(made.inputs, arrays, states, made.noise, made.lengths, made.valid)
            found.append(values[0].flatten(1))
        return torch.cat(found)


def embedding_net(net: Net) -> Net:
    """What embeds one example: the net inside a triplet operator, else the net."""
    return part_of(net, "Net") if isinstance(net, NetTripletEmbeddingOperator) else net


def nearest_others(rows: torch.Tensor, classes: torch.Tensor, sampler: HardNegativeSampler) -> torch.Tensor:
    """The numbers of the nearest rows of another class, exact, block by block; equal ones by number."""
    count, step = min(sampler.Nearest, len(rows) - 1), max(1, BLOCK // len(rows))
    prepared, classes = sampler.Distance.prepare(rows), classes.to(rows.device)
    found = []
    for begin in range(0, len(rows), step):
        own = slice(begin, begin + step)
        values = sampler.Distance.ranking(tuple(part[own] for part in prepared), prepared)
        values = torch.where(classes[own].unsqueeze(1) == classes, torch.inf, values)
        order = ordered(values, count)
        found.append(torch.where(torch.isfinite(values.gather(1, order)), order, -1).cpu())
    return torch.cat(found)
