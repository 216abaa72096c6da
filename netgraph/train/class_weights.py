"""ClassWeights: what each class counts in the loss."""

from collections.abc import Mapping, Sequence

import torch

from netgraph.data.ragged import Ragged
from netgraph.data.stream import Stream
from netgraph.data.table import Table
from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.layers.loss import CrossEntropyLossLayer
from netgraph.losses.attach import Training
from netgraph.spec.typing import Typing, short

WHERE = "net_train: ClassWeights"
Weights = tuple[str, tuple[float, ...]]


def class_weights(
    setting: object, training: Training, typing: Typing, columns: Mapping[str, str], data: Table | Stream, labels: Sequence = ()
) -> Weights | None:
    """(the input port that holds the class, one weight a class) that the option means, or None.

    `setting` is None, {class: weight} (1 for those not named), a list of all weights, or "Balanced": examples / (classes * examples of the
    class), counted in the data. Classes are integers from 0, or False and True. The loss of an example is multiplied by the weight of its
    class, and the mean over the batch stays a mean over examples; of a target of probabilities the mean weight counts.
    Errors: NetTypeError and NetValueError where the targets are no classes or the setting does not fit them.
    """
    if setting is None:
        return None
    port = training.names.get("Target", "Target")
    kind = typing.inputs.get(port)
    if kind is None or len(training.losses) != 1:
        raise NetTypeError(f'{WHERE} wants a net with one loss that has a port "Target"')
    loss = training.net.children.get("loss")
    if training.attached and not isinstance(loss, CrossEntropyLossLayer):
        raise NetTypeError(f"{WHERE} wants a cross-entropy, the loss is {short(loss) if loss is not None else 'an output of the net'}")
    count = _classes(kind)
    if setting == "Balanced":
        return port, _balanced(next(name for name, fed in columns.items() if fed == port), count, data)
    if isinstance(setting, Mapping):
        weights = [1.0] * count
        for name, weight in setting.items():
            if name in labels:
                weights[labels.index(name)] = weight
                continue
            if not isinstance(name, (bool, int)) or not 0 <= name < count:
                known = did_you_mean(name, labels) if labels else f"they are 0 to {count - 1}"
                raise NetNameError(f"{WHERE}: there is no class {name!r}, {known}")
            weights[int(name)] = weight
    elif isinstance(setting, (list, tuple)):
        weights = list(setting)
        if len(weights) != count:
            raise NetValueError(f"{WHERE}: there are {len(weights)} weights for {count} classes")
    else:
        raise NetTypeError(f"{WHERE} is {setting!r}", origins=[("wanted", '{class: weight}, a list of weights, or "Balanced"')])
    for number, weight in enumerate(weights):
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < float("inf"):
            raise NetValueError(f"{WHERE}: the weight of class {number} is a number from 0, got {weight!r}")
    return port, tuple(float(weight) for weight in weights)


def _classes(kind) -> int:
    """How many classes a target has: an integer below n, a Boolean or a number in [0, 1], or n probabilities."""
    count = kind.kind.count if kind.kind is not None and kind.kind.name == "integer" else None
    if kind.shape == ():
        if count is not None:
            return count
        if kind.kind is None or kind.kind.name in ("boolean", "real"):
            return 2
    if (
        kind.shape is not None
        and len(kind.shape) == 1
        and isinstance(kind.shape[0], int)
        and (kind.kind is None or kind.kind.name == "real")
    ):
        return kind.shape[0]
    raise NetTypeError(f"{WHERE} wants one class an example, the targets are {kind}")


def _balanced(column: str, count: int, data: Table | Stream) -> tuple[float, ...]:
    if not isinstance(data, Table):
        raise NetTypeError(f'{WHERE}: "Balanced" counts the classes of data in memory; of a stream they are not known')
    target = data.column(column)
    if isinstance(target, Ragged):
        raise NetTypeError(f"{WHERE} wants one class an example, the targets are sequences")
    if target.dim() == 2:
        found = target.double().sum(0)
    elif target.is_floating_point():
        ones = target.double().sum()
        found = torch.stack([target.numel() - ones, ones])
    else:
        found = torch.bincount(target.long(), minlength=count).double()
    return tuple(data.count / (count * n) if n else 1.0 for n in found.tolist())
