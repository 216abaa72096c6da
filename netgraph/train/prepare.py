"""What happens before the first step: data read, losses attached, open sizes taken from the data, arrays drawn, the net lowered."""

from collections.abc import Mapping
from typing import NamedTuple

from netgraph.codecs.class_labels import ClassEncoder
from netgraph.data.columns import Columns
from netgraph.data.sampled import SampledTable
from netgraph.data.stream import Stream
from netgraph.data.table import Table
from netgraph.errors import NetShapeError
from netgraph.losses.attach import Training, attach
from netgraph.losses.columns import WEIGHT, fed_columns, shapes_said
from netgraph.losses.targets import class_names
from netgraph.lower.forward import Lowered, lower
from netgraph.measure.measuring import Measuring
from netgraph.nets.codecs import port_codecs
from netgraph.nets.container import output_names
from netgraph.run.lengths import refuse_short
from netgraph.spec.initial import Initialization
from netgraph.spec.net import Net, part_of
from netgraph.spec.typing import Typing, infer, settled, short, typed
from netgraph.surgery.initialize import initialized, open_error
from netgraph.train.class_weights import class_weights
from netgraph.train.feed import hold_lengths, variable_columns
from netgraph.train.multipliers import multipliers
from netgraph.train.objective import Objective
from netgraph.train.options import Options
from netgraph.train.read import read_for
from netgraph.train.tracked import measuring_of
from netgraph.types.kinds import REAL
from netgraph.types.port_type import PortType
from netgraph.types.symbols import Scaled

USUAL_BATCH = 64
VARYING_BATCH = 16


class Prepared(NamedTuple):
    """All that a run needs: the training net with its arrays, its lowered forms, what it minimises, the data.

    `columns` are those of the data in the order of the step's inputs, `types` what they are read as; `multipliers` holds one factor an
    array of `forward`.
    """

    training: Training
    net: Net
    typing: Typing
    forward: Lowered
    check: Lowered
    objective: Objective
    measuring: Measuring
    multipliers: tuple[float, ...]
    columns: tuple[str, ...]
    types: Mapping[str, PortType]
    data: Table | Stream
    validation: Table | Stream | None
    batch_size: int
    examples: int | None

    @property
    def beneath(self) -> str | None:
        """The name of the user's net as a part of the training net, None where it is the whole."""
        return "net" if self.training.attached else None

    def trained(self, net: Net, whole: Net) -> Net:
        """The user's net, which was `net`, out of the training net; sizes that only the data told stay on it."""
        terms = self.typing.terms[("net",) if self.training.attached else ()]
        told = {}
        for types, ports in ((typed(net).inputs, terms.inputs), (typed(net).outputs, terms.outputs)):
            for name, kind in types.items():
                if not kind.closed and not self.typing.type_of(ports[name]).varies:
                    told[name] = self.typing.type_of(ports[name])
        trained = part_of(whole, "net") if self.training.attached else whole
        return trained.replaced(given={**trained.given, **told}) if told else trained


def prepare(net: Net, data, options: Options) -> Prepared:
    """Everything up to the first step. Errors: those of the data, the losses and the types, each where it was written."""
    source = read_for(net, data, loss=options.loss)
    source, held = _held_out(net, source, options)
    batch_size = options.batch_size if isinstance(options.batch_size, int) else USUAL_BATCH
    observed = source.observed() if isinstance(source, Columns) else source.observed(batch_size=batch_size, seed=options.seed)
    _check_inputs(net, observed)
    training = attach(net, options.loss, observed)
    columns = fed_columns(training, observed)
    types = {port: observed[name] for name, port in columns.items()}
    whole = training.net
    _check_targets(net, training, observed)
    typing = infer(whole, data=shapes_said(types, settled(whole).inputs), full=True, close=True)
    if not typing.closed:
        raise open_error(whole, typing, f"{short(net)} cannot be trained")
    whole = initialized(whole, typing, Initialization(), options.seed, inside="net/" if training.attached else "")
    if options.batch_size is None and any(kind.varies for kind in typing.inputs.values()):
        batch_size = VARYING_BATCH
    measuring = measuring_of(options.measurements, net, training)
    wanted = measuring.wanted()
    forward, check = (lower(whole, mode, typing=typing, wanted=wanted, final=False) for mode in ("Train", "Test"))
    by_column = {name: typing.inputs[port] for name, port in columns.items()}
    order = tuple(next(name for name, port in columns.items() if port == wanted_port) for wanted_port in forward.inputs)
    weighted = WEIGHT in observed and WEIGHT not in columns
    if weighted:
        by_column[WEIGHT] = PortType(REAL, ())
    table = _bound(source, by_column, batch_size, options)
    checked = None if held is None else _bound(held, _without_weight(by_column, held, weighted), batch_size, options)
    for part in (table, checked):
        if isinstance(part, Table) and part.lengths_known:
            lengths = [part.lengths[name][place] for name, place, _ in variable_columns(forward, order)]
            hold_lengths(forward, order, part.lengths, "net_train: " if part is table else "net_train: ValidationSet: ")
            refuse_short(forward, lengths, order, "net_train: ", int(training.attached))
    count = table.count if isinstance(table, Table) else None
    if isinstance(table, SampledTable):
        batch_size = table.fitting(batch_size, isinstance(options.batch_size, int))
    elif count is not None:
        batch_size = min(batch_size, count)
    factors = multipliers(whole, [*forward.arrays, *forward.states], options.multipliers, beneath="net" if training.attached else None)
    frozen = [key for key, factor in zip(forward.states, factors[len(forward.arrays) :], strict=True) if factor == 0]
    objective = Objective(
        tuple(factor for _, factor in training.losses), weighted,
        class_weights(options.class_weights, training, typing, columns, table, _labels(net, training)),
        frozenset(frozen), options.mixed, tuple(measuring.places),
    )  # fmt: skip
    return Prepared(
        training, whole, typing, forward, check, objective, measuring, tuple(factors[: len(forward.arrays)]),
        (*order, WEIGHT) if weighted else order, by_column, table, checked, batch_size, count,
    )  # fmt: skip


def _labels(net: Net, training: Training) -> tuple:
    """What the classes are called: by the encoder of the only loss's targets, or by the only output with a decoder of classes."""
    encoder = port_codecs(training.net).encoders.get(training.names.get("Target", "")) if training.attached else None
    if isinstance(encoder, ClassEncoder):
        return encoder.Classes
    found = class_names(net)
    return next(iter(found.values())) if len(found) == 1 else ()


def further(prepared: Prepared, data, net: Net, options: Options, where: str) -> Table | Stream:
    """More data for the same training net, such as another validation set. Errors: those of data that does not fit."""
    source = read_for(net, data, where, options.loss)
    types = _without_weight(prepared.types, source, prepared.objective.weighted)
    return _bound(source, types, prepared.batch_size, options)


def _without_weight(types: Mapping[str, PortType], held: Columns | Stream, weighted: bool) -> dict[str, PortType]:
    """The columns that are wanted of the validation data: it need not have weights."""
    left_out = weighted and isinstance(held, Columns) and WEIGHT not in held.names
    return {name: kind for name, kind in types.items() if not (left_out and name == WEIGHT)}


def _check_inputs(net: Net, observed: Mapping[str, PortType]) -> None:
    """Hold the data against the net's own input ports, so that what does not fit is told in the user's own places.

    Errors: NetShapeError for examples of differing shape at a port of fixed shape, and for examples of another shape.
    """
    types = settled(net).inputs
    known = {name: observed[name] for name in types if name in observed}
    for name, kind in known.items():
        wanted = types[name]
        if kind.varies and wanted.shape is not None and not wanted.varies and None not in wanted.shape:
            raise NetShapeError(f'net_train: column "{name}": the examples differ in shape ({kind}), the port wants {wanted}')
    infer(net, data=shapes_said(known, types))


def _check_targets(net: Net, training: Training, observed: Mapping[str, PortType]) -> None:
    """Raise the NetShapeError of numbers as targets for an output that is a vector of one, the commonest slip, with its fix."""
    target = next((observed[name] for name, port in training.names.items() if port == "Target" and name in observed), None)
    if len(output_names(net)) != 1 or target is None or target.shape != ():
        return
    name, output = next(iter(settled(net).outputs.items()))
    loss = training.net.children.get("loss")
    if output.shape == (1,) and loss is not None and settled(loss).inputs.get("Target", output).shape is None:
        fix = "LinearLayer(()) as the last layer, or targets of shape (1,)"
        raise NetShapeError(f"net_train: the targets are numbers, {name} is {output}", fix=fix)


def _bound(source: Columns | Stream, types: Mapping[str, PortType], batch_size: int, options: Options) -> Table | Stream:
    if isinstance(source, Columns):
        return source.table(types, dtype=options.dtype, device=options.device)
    return source.bind(types, batch_size=batch_size, seed=options.seed, dtype=options.dtype, device=options.device)


def _held_out(net: Net, source: Columns | Stream, options: Options) -> tuple[Columns | Stream, Columns | Stream | None]:
    """(the training data, the validation data or None): read from data of its own, or a share of the training data."""
    given = options.validation
    if isinstance(given, Scaled):
        return source.split(given.factor, options.seed)
    if given is None:
        return source, None
    return source, read_for(net, given, "net_train: ValidationSet", options.loss)
