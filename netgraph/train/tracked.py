"""What is measured while training: of each batch, of each round as it was seen, and of each check on the validation data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from netgraph.errors import NetTypeError
from netgraph.layers.loss import CrossEntropyLossLayer
from netgraph.losses.attach import Training
from netgraph.lower.forward import Lowered
from netgraph.measure.collect import Collector
from netgraph.measure.measuring import Arrays, Measuring, Told
from netgraph.measure.spec import Measurement, parse_measurement
from netgraph.spec.net import Net
from netgraph.spec.ports import NetPort
from netgraph.train.packed import packed, unpacked
from netgraph.types.symbols import Automatic

AT_ONCE = 50
"""So many batches are looked at together, so that looking costs little."""

Waiting = tuple[Sequence[torch.Tensor], Sequence[torch.Tensor], torch.Tensor, Told]
"""What a batch showed, the lengths of each variable in it, its loss, and what was told of arrays after it."""

WHERE = "net_train: TrainingProgressMeasurements"


def measuring_of(given: Any, net: Net, training: Training) -> Measuring:
    """What the option asks for: a measurement, a list, None, or Automatic (the error rate where the only loss is a cross-entropy).

    Errors: those of measurements; NetTypeError for a picture, which is for the results.
    """
    if given is Automatic:
        judged = Measuring(net, training, (), WHERE).judged
        alone = len(judged) == len(training.losses) == 1 and isinstance(judged[0].layer, CrossEntropyLossLayer)
        given = ["ErrorRate"] if alone else []
    losses = [name for name, _ in training.losses]
    specs = given if isinstance(given, list) else [] if given is None else [given]
    asked = [_numbered(parse_measurement(spec, WHERE, losses)) for spec in specs]
    for measurement in asked:
        if str(measurement.what).endswith("Plot"):
            raise NetTypeError(f'{WHERE}: "{measurement.what}" is a picture', fix=f'result.plot("{measurement.what.removesuffix("Plot")}")')
    return Measuring(net, training, asked, WHERE)


def _numbered(measurement: Measurement) -> Measurement:
    """What is a value for each example, or an array, is told by its mean."""
    if isinstance(measurement.what, NetPort) and measurement.aggregation is None:
        return Measurement(**{**vars(measurement), "aggregation": "Mean"})
    return measurement


class Tracked:
    """The measurements of a run: `batches`, `rounds` and `checks` hold one list a measurement.

    Each batch is measured by itself only where the user asked for measurements (`each_batch`): the automatic ones are told by round, and
    short rounds, such as those of a generator's single batches, are looked at together, when there are many or somebody asks.
    """

    def __init__(self, measuring: Measuring, lowered: Lowered, each_batch: bool):
        self.measuring, self.lowered, self.each_batch = measuring, lowered, each_batch
        self.names = [measurement.key for measurement in measuring.measurements]
        self.batches: dict[str, list] = {name: [] for name in self.names} if each_batch else {}
        self._rounds: dict[str, list] = {name: [] for name in self.names}
        self.checks: dict[str, list] = {name: [] for name in self.names}
        self._round = measuring.fresh()
        self._waiting: list[Waiting] = []
        self._begun = False  # whether batches of this round were looked at already
        self._ended: list[tuple[list[Waiting], float]] = []  # rounds that nobody has looked at, with their losses
        self._ends_wait = not each_batch and not measuring.reads_arrays
        self._varies = any(lowered.plan.lengths_at(*place) for place in measuring.places)

    @property
    def rounds(self) -> dict[str, list]:
        """The measurements of the rounds so far."""
        self._settle()
        return self._rounds

    def __bool__(self) -> bool:
        return bool(self.names)

    def rises(self, name: str) -> bool:
        """Whether more of a measurement is better."""
        return next(m.rising for m in self.measuring.measurements if m.key == name)

    def score(self, name: str | None, loss: float) -> tuple[float, ...]:
        """How bad the last check was: by the measurement that decides, or the error rate of a classifier, then by the loss."""
        name = name if name in self.names else "ErrorRate" if "ErrorRate" in self.names and len(self.measuring.judged) == 1 else None
        if name is None:
            return (loss,)
        value = number_of(self.checks[name][-1])
        return (-value if self.rises(name) else value, loss)

    def add(self, seen: Sequence[torch.Tensor], lengths: Sequence[torch.Tensor], loss: torch.Tensor, arrays: Arrays) -> None:
        """What one batch showed; looked at later, with others, but arrays now, as they change.

        Of the parts of a batch that a loss sees as a whole nothing is seen.
        """
        if len(seen) < len(self.measuring.places):
            return
        told = self.measuring.of_arrays(arrays) if self.each_batch else {}
        self._waiting.append((seen, lengths if self._varies else (), loss, told))
        if len(self._waiting) >= AT_ONCE:
            self.look()

    def look(self) -> None:
        """Measure what waits: each batch in one pass over those of one shape, the round in one over all; one by one where lengths vary."""
        waiting, self._waiting = self._waiting, []
        self._begun = True
        if self.each_batch and waiting:
            losses = torch.stack([entry[2] for entry in waiting]).tolist()
            self._tell_each(self.batches, list(zip(waiting, losses, strict=True)))
        self._add(self._round, waiting)

    def end_round(self, loss: float, arrays: Arrays) -> None:
        """Close a round, whose loss is known."""
        if self._ends_wait and not self._begun:
            self._ended.append((self._waiting, loss))
            self._waiting = []
            if sum(len(waiting) for waiting, _ in self._ended) >= AT_ONCE:
                self._settle()
            return
        self._settle()
        self.look()
        _append(self._rounds, self._round.values(arrays, loss))
        self._round, self._begun = self.measuring.fresh(), False

    def _settle(self) -> None:
        """Measure the rounds that wait."""
        ended, self._ended = self._ended, []
        if all(len(waiting) == 1 for waiting, _ in ended):
            self._tell_each(self._rounds, [(waiting[0], loss) for waiting, loss in ended])
            return
        for waiting, loss in ended:
            one = self.measuring.fresh()
            self._add(one, waiting)
            _append(self._rounds, one.values(dict, loss))

    def _tell_each(self, lists: dict[str, list], batches: list[tuple[Waiting, float]]) -> None:
        """Append to `lists` what each batch tells by itself."""
        for run in _runs(batches):
            losses = [loss for _, loss in run]
            if len(run) > 1:
                seen, told = _joined([entry[0] for entry, _ in run]), [entry[3] for entry, _ in run]
                for name, found in self.measuring.each(self.lowered, seen, losses, told).items():
                    lists[name].extend(map(plain, found))
            else:
                seen, lengths, _, told = run[0][0]
                one = self.measuring.fresh()
                one.add(self.lowered, seen, lengths)
                _append(lists, one.values(dict, losses[0], told))

    def _add(self, measuring: Measuring, waiting: list[Waiting]) -> None:
        """Let a measuring see batches together."""
        for seen, lengths, *_ in waiting:
            if lengths:
                measuring.add(self.lowered, seen, lengths)
        alike = [seen for seen, lengths, *_ in waiting if not lengths]
        if alike:
            measuring.add(self.lowered, alike[0] if len(alike) == 1 else _joined(alike), ())

    def check(self, values: Mapping[str, Any]) -> None:
        """What was measured on the validation data."""
        _append(self.checks, values)

    def state(self) -> tuple[Any, list[torch.Tensor]]:
        """All that was measured, the round that goes on too, as plain data and the tensors in it."""
        tensors: list[torch.Tensor] = []
        kept = {
            "Batches": self.batches, "Rounds": self.rounds, "Checks": self.checks, "Waiting": self._waiting,
            "Begun": self._begun,
            "Round": [_attributes(collector) for collector in _collectors(self._round)],
        }  # fmt: skip
        return packed(kept, tensors), tensors

    def load(self, told: Any, tensors: list[torch.Tensor], device: torch.device, arrays: Arrays) -> None:
        """Go on from what `state` gave."""
        kept = unpacked(told, tensors, device)
        # older checkpoints held no values of arrays
        now = self.measuring.of_arrays(arrays)
        self._waiting = [(seen, lengths, loss, known[0] if known else now) for seen, lengths, loss, *known in kept["Waiting"]]
        self._begun = kept.get("Begun", True)
        for name, lists in (("Batches", self.batches), ("Rounds", self.rounds), ("Checks", self.checks)):
            lists.update({key: kept[name].get(key, []) for key in lists})
        for collector, attributes in zip(_collectors(self._round), kept["Round"], strict=True):
            vars(collector).update(attributes)


def _collectors(measuring: Measuring) -> list[Collector]:
    """What collects for a set of measurements, each once."""
    found: list[Collector] = []
    for taken in measuring.taken:
        if taken.collector is not None and all(taken.collector is not other for other in found):
            found.append(taken.collector)
    return found


def _attributes(collector: Collector) -> dict[str, Any]:
    """What a collector has gathered: its numbers and arrays. What it was made with is there again when it is made again."""
    found = {}
    for name, value in vars(collector).items():
        try:
            packed(value, [])
        except TypeError:
            continue
        found[name] = value
    return found


def _append(lists: dict[str, list], values: Mapping[str, Any]) -> None:
    for name, found in lists.items():
        found.append(plain(values[name]))


def plain(value: Any) -> Any:
    """A value as results keep it: arrays as nested lists."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return {label: plain(entry) for label, entry in value.items()} if isinstance(value, dict) else value


def number_of(value: Any) -> float:
    """One number for what is watched: of each class the mean where it is defined, of an array that of its entries."""
    entries = np.asarray(list(value.values()) if isinstance(value, dict) else value, dtype=float)
    return float(np.nanmean(entries)) if np.isfinite(entries).any() else float("nan")


def _runs(batches: Sequence[tuple[Waiting, float]]) -> list[list[tuple[Waiting, float]]]:
    """The batches in their order, those of one shape together as far as they follow each other; each alone where lengths vary."""
    runs: list[list[tuple[Waiting, float]]] = []
    for entry in batches:
        if runs and _alike(runs[-1][-1][0], entry[0]):
            runs[-1].append(entry)
        else:
            runs.append([entry])
    return runs


def _alike(a: Waiting, b: Waiting) -> bool:
    return not a[1] and not b[1] and all(x.shape == y.shape for x, y in zip(a[0], b[0], strict=True))


def _joined(seen: Sequence[Sequence[torch.Tensor]]) -> tuple[torch.Tensor, ...]:
    """What several batches showed, one behind the other."""
    return tuple(torch.cat(column) for column in zip(*seen, strict=True))
