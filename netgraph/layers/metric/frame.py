"""The frame of losses that see the whole batch: ports, blocks of rows, mining and reduction."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from netgraph.errors import NetShapeError, NetTypeError, NetValueError
from netgraph.layers.metric.batch import Block, Items, pair_masks, related
from netgraph.layers.metric.blocks import block_size, over_blocks
from netgraph.layers.metric.closed import Composed, has_any, precisely
from netgraph.layers.metric.distance import METRIC, LpDistance, Metric, Tensors
from netgraph.layers.metric.memory import MEMORY, STATES
from netgraph.layers.metric.mining import MINER
from netgraph.layers.metric.reduction import REDUCTION, Part, of_items, reduced, shares
from netgraph.layers.metric.regularizers import REGULARIZER
from netgraph.spec.declare import InputPort, Noise, OutputPort, State, parse_shape
from netgraph.spec.initial import ZEROS, Fixed
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import Flag, choice, number
from netgraph.spec.whole import is_traced


class CoupledLoss(Layer):
    """A loss on embeddings and classes that couples the examples of a batch. Abstract.

    `losses(items)` gives its parts; ports, the valid mask and the reduction are the same for all.
    """

    coupled = True
    abstract: ClassVar[bool] = True

    Reduction: REDUCTION = "Valid"
    TargetForm: choice("Class", "Relation", "View") = "Class"
    Weighted: Flag = False
    Regularizer: REGULARIZER = None
    RegularizerWeight: number(0) = 1.0

    Input = InputPort("real: size", "the embedding")
    Target = InputPort("integer:", 'the class, or with TargetForm="Relation" a row of the relation: one number for each item of the batch')
    Weight = InputPort("real:", "what the item's loss counts, with Weighted=True")
    Loss = OutputPort("real:", "the item's part of the loss; its mean over the batch is the reduced loss")
    Valid = OutputPort("real:", "1 where the item has what the loss needs, else 0; the mean is the valid share")
    Active = OutputPort("real:", "the share of the item's terms whose loss is positive")

    def input_ports(self):
        return ("Input", *(() if self.TargetForm == "View" else ("Target",)), *(("Weight",) if self.Weighted else ()))

    @property
    def input_count(self):
        return len(self.input_ports())

    def declare(self, scope):
        super().declare(scope)
        if not self.Weighted:
            del scope.terms.inputs["Weight"]
        if self.TargetForm == "Relation":
            scope.terms.inputs["Target"] = scope.port(parse_shape("real: items"), "Target")
        if self.TargetForm == "View":
            del scope.terms.inputs["Target"]
            scope.terms.inputs["Input"] = scope.port(parse_shape("real: views size"), "Input")

    def forward(self, *inputs, valid, **arrays):
        found = precisely(type(self).__name__, self._evaluated(tuple(arrays)), valid, *inputs, *arrays.values())
        return found[0], *self.shown(found, inputs[0])

    def shown(self, found: Any, x: Any) -> tuple[Any, Any]:
        """What the ports "Valid" and "Active" show of what `evaluate` found, which costs nothing where they are not wanted."""

        def evaluate(x, valid, active):
            return self.shares(valid, active, len(x))

        both = precisely(f"{type(self).__name__}_shares", evaluate, x, found[1], found[2])
        return both[0], both[1]

    def _evaluated(self, names: tuple[str, ...], draws: bool = False) -> Callable[..., tuple[Tensor, ...]]:
        """`evaluate` with everything by position, which a recorder can see: weight and random numbers where there are any, then arrays."""

        def evaluate(valid, *given):
            items, (*rest,) = self.batch(valid, *given)
            if draws:
                items = items._replace(draws=self.spread(rest.pop(0), items))
            loss, *terms = self.evaluate(items, **dict(zip(names, rest, strict=True)))
            return *self.averaged((loss,), len(given[0])), *terms

        return evaluate

    def shares(self, valid: Tensor, active: Tensor, count: int) -> tuple[Tensor, ...]:
        """The ports "Valid" and "Active" of `count` examples."""
        return self.averaged(shares(valid, active), count)

    def averaged(self, results: tuple[Tensor, ...], count: int) -> tuple[Tensor, ...]:
        """One number for each of `count` examples: the mean of its views, where items are views."""
        return results if self.TargetForm != "View" else tuple(result.unflatten(0, (count, -1)).mean(1) for result in results)

    def batch(self, valid: Tensor | None, *given: Tensor) -> tuple[Items, list[Tensor]]:
        """The batch of what is given by position, and what comes behind it. Views become items, and the examples their classes."""
        x, *rest = given
        views = self.TargetForm == "View"
        target = torch.arange(len(x), device=x.device) if views else rest.pop(0)
        weight = rest.pop(0) if self.Weighted else None
        if views:
            count = x.shape[1]
            x, target = x.flatten(0, 1), target.repeat_interleave(count)
            valid, weight = (None if t is None else t.repeat_interleave(count) for t in (valid, weight))
        return self.items(x, target, valid, weight), rest

    def spread(self, lots: Tensor | None, items: Items) -> Tensor | None:
        """One random number an item, from one an example: views have different ones."""
        if lots is None or len(lots) == len(items.x):
            return lots
        views = torch.arange(len(items.x) // len(lots), device=lots.device)
        return (lots.unsqueeze(1) + views * 0.618).frac().flatten()

    def items(self, x: Tensor, target: Tensor, valid: Tensor | None, weight: Tensor | None) -> Items:
        """The batch, in a precision that sums can be taken in, with nothing in place of padded items."""
        x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        if self.TargetForm == "Relation":
            target = target.to(x.dtype)
            if target.shape[1] != len(x):
                raise NetShapeError(
                    f"{type(self).__name__}: Target wants a row of {len(x)} numbers, one for each item of the batch, got {target.shape[1]}"
                )
        if valid is not None and valid.device.type == "cpu" and not is_traced() and valid.all():
            valid = None  # a mask that hides nothing costs a pass over each matrix
        if valid is not None:
            x = torch.where(valid.unsqueeze(1), x, 0.0)
        return Items(x, target, valid, weight)

    def evaluate(self, items: Items, **arrays) -> tuple[Tensor, ...]:
        """(losses, valid, active) of a batch of real tensors, as `reduced` has them."""
        real = items.anchors
        losses, valid, active = reduced(list(self.parts(items, **arrays)), self.Reduction, real, items.weight)
        return losses if self.Regularizer is None else losses + self.regularized(items.x[items.own], real), valid, active

    def regularized(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """What the regularizer adds for each embedding."""
        real = torch.ones(len(x), dtype=torch.bool, device=x.device) if valid is None else valid
        part = of_items(self.Regularizer.costs(x, real), real)
        return self.RegularizerWeight * reduced([part], "Valid", None, None)[0]

    def parts(self, items: Items, **arrays: Tensor) -> Iterator[Part] | list[Part]:
        """The terms of all items; the reduced values of several parts are added."""
        raise TypeError(f"{type(self).__name__} is abstract")


class PairLoss(CoupledLoss):
    """A loss on the pairs of a batch. Abstract; `rows` gives the parts of some rows, and the miner chooses among their pairs.

    With `Symmetric` False the first view of each example is an anchor, and is compared with the other views of all examples alone.
    """

    abstract: ClassVar[bool] = True
    takes: ClassVar[str] = "either"
    oriented: ClassVar[bool] = True

    Distance: METRIC = LpDistance()
    Miner: MINER = None
    Symmetric: Flag = True
    Memory: MEMORY = None
    remembers: ClassVar[bool] = True
    """Whether the loss makes sense between a batch and a memory."""

    EnqueueMask = InputPort("boolean:", "True: the item is stored and only compared with, False: it is an anchor; where Memory asks for it")
    Draws = Noise("", "uniform")
    Positive = OutputPort("integer:", "the place in the batch of the farthest positive that mining kept, -1 for none")
    Negative = OutputPort("integer:", "the place in the batch of the nearest negative that mining kept, -1 for none")
    MemoryEmbeddings = State("MemorySize size", ZEROS, meaning="the embeddings of earlier batches, newest first, with Memory")
    MemoryClasses = State("MemorySize", Fixed(-1), meaning="their classes, -1 where nothing is stored yet")
    MemorySteps = State("", ZEROS, meaning="the training steps so far, up to WarmUp")

    @property
    def MemorySize(self) -> int | None:
        """How many items are remembered."""
        return None if self.Memory is None else self.Memory.Size

    @property
    def enqueues(self) -> bool:
        """Whether a mask says which items are stored."""
        return self.Memory is not None and self.Memory.EnqueueMask

    def input_ports(self):
        return (*super().input_ports(), *(("EnqueueMask",) if self.enqueues else ()))

    def batch(self, valid, *given):
        items, rest = super().batch(valid, *given)
        if self.enqueues:
            items = items._replace(references=rest.pop(0).bool())
        if not self.Symmetric:
            views = torch.arange(given[0].shape[1], device=items.x.device).repeat(len(given[0]))
            items = items._replace(references=views > 0)
        return items, rest

    def shares(self, valid, active, count):
        if self.Symmetric:
            return super().shares(valid, active, count)
        return tuple(share.unflatten(0, (count, -1))[:, 0] for share in shares(valid, active))

    def has_array(self, name):
        if name not in STATES:
            return True
        return self.Memory is not None and (name != "MemorySteps" or self.Memory.WarmUp > 0)

    def declare(self, scope):
        super().declare(scope)
        if not self.enqueues:
            del scope.terms.inputs["EnqueueMask"]
        if self.TargetForm == "View":
            for name in ("Positive", "Negative"):
                scope.terms.outputs[name] = scope.port(parse_shape("integer: views"), name)

    def check(self):
        wanted = self.Distance.small_is_close if self.takes == "either" else self.takes == "distance"
        if wanted != self.Distance.small_is_close:
            kinds = {True: "a distance (small = close)", False: "a similarity (large = close)"}
            raise NetTypeError(
                f"{type(self).__name__}: Distance wants {kinds[wanted]}, {self.Distance!r} is {kinds[not wanted]}",
                fix='Distance="CosineSimilarity"' if not wanted else 'Distance="CosineDistance"',
            )
        if self.Memory is not None and not self.remembers:
            raise NetValueError(f"{type(self).__name__} compares a batch with itself alone, it takes no Memory")
        if self.Memory is not None and self.TargetForm == "Relation":
            raise NetValueError(f"{type(self).__name__}: a relation says nothing about earlier batches, it goes without Memory")
        if not self.Symmetric or self.enqueues:
            self._check_references()

    def _check_references(self) -> None:
        name, word = type(self).__name__, "EnqueueMask" if self.enqueues else "Symmetric=False"
        if not self.Symmetric and self.TargetForm != "View":
            text = f"{name}: Symmetric=False makes the first views the anchors, but there are no views"
            raise NetValueError(text, fix='TargetForm="View"')
        if self.enqueues and self.TargetForm == "View":
            text = f"{name}: the views of an example are stored together, none has a partner: EnqueueMask wants classes"
            raise NetValueError(text, fix="Symmetric=False, which stores all views but the first")
        if not self.remembers:
            raise NetValueError(f"{name} compares a batch with itself alone, Symmetric=False does not apply")
        if self.Miner is not None and self.Miner.by_place:
            raise NetValueError(f"{name}: {self.Miner!r} takes its anchors by their places, {word} does not apply")

    def forward(self, *inputs, valid, training, Draws=None, **arrays):
        states = {name: arrays.pop(name) for name in STATES if name in arrays}
        drawn = self.drawn(Draws)
        words = {**arrays, **(states if training else {})}
        found = precisely(type(self).__name__, self._evaluated(tuple(words), bool(drawn)), valid, *inputs, *drawn, *words.values())
        held = tuple(states.values()) if training else ()
        mined = precisely(f"{type(self).__name__}_mined", self.mined_places, valid, len(drawn), *inputs, *drawn, *held)
        kept = precisely(f"{type(self).__name__}_memory", self._stored, valid, *inputs, *held) if held else tuple(states.values())
        return found[0], *self.shown(found, inputs[0]), mined[0], mined[1], *(kept[number] for number in range(len(states)))

    def drawn(self, draws: Any) -> tuple:
        """The random numbers, where the miner wants them."""
        return (draws,) if draws is not None and self.Miner is not None and self.Miner.random else ()

    def evaluate(self, items: Items, **arrays):
        states = {name: arrays.pop(name) for name in STATES if name in arrays}
        return super().evaluate(self.remembered(items, *states.values()), **arrays)

    def mined_places(self, valid: Tensor | None, draws: int, *given: Tensor) -> tuple[Tensor, ...]:
        """`mined` of what is given by position."""
        items, rest = self.batch(valid, *given)
        lots = rest.pop(0) if draws else None
        found = self.mined(self.remembered(items._replace(draws=self.spread(lots, items)), *rest))
        return found if self.TargetForm != "View" else tuple(places.unflatten(0, (len(given[0]), -1)) for places in found)

    def remembered(self, items: Items, *states: Tensor) -> Items:
        """The batch with the newest items of the memory behind it."""
        if not states:
            return items
        count = len(items.x)
        old, classes = (state.detach()[: max(self.Memory.Size - count, 0)] for state in states[:2])
        real = torch.ones(count, dtype=torch.bool, device=old.device) if items.valid is None else items.valid
        stored, references = classes >= 0, items.references
        if references is not None:
            # only they take places of the memory, and how many they are is known when they come
            old, classes = states[0].detach(), states[1].detach()
            places = torch.arange(len(old), device=old.device)
            stored = (classes >= 0) & (places < self.Memory.Size - (references & real).sum())
            references = torch.cat((references, torch.ones_like(stored)))
        # views of other batches are of other examples: nobody's positives
        target = classes.long() if self.TargetForm == "Class" else torch.full_like(classes, -1, dtype=torch.long)
        draws = items.draws if items.draws is None else items.draws[torch.arange(count + len(old), device=old.device) % count]
        return items._replace(
            x=torch.cat((items.x, old.to(items.x.dtype))),
            target=torch.cat((items.target, target.to(items.target.dtype))),
            valid=torch.cat((real, stored)),
            draws=draws,
            count=count,
            constant_keys=self.Memory.Gradient == "Rows",
            references=references,
        )

    def _stored(self, valid: Tensor | None, *given: Tensor) -> tuple[Tensor, ...]:
        """The states after a batch."""
        items, (old, classes, *steps) = self.batch(valid, *given)
        target = items.target if items.valid is None else torch.where(items.valid, items.target, -1)
        target = target if items.references is None else torch.where(items.references, target, -1)
        return self.Memory.stored(items.x, target, old, classes, steps[0] if steps else None)

    def rows(self, d: Tensor, block: Block, **arrays: Tensor) -> Part | tuple[Part, ...]:
        """The parts of the rows of a block: `d` is what the metric says of rows and columns, small where close if `oriented`, times
        `factor`."""
        step = self.form(block)
        if step is None:
            raise TypeError(f"{type(self).__name__} is abstract")
        form, *args = step
        return self.part(form.of(d, *args), block)

    def form(self, block: Block) -> tuple | None:
        """Of a loss that is a closed form of `d`, in place of `rows`: (form, *its arguments behind d); `part` says what it finds."""
        return None

    def part(self, found: Any, block: Block) -> Part:
        """The part of what the closed form found."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def parts(self, items: Items, **arrays: Tensor):
        part = self.at_once(items)
        if part is not None:
            return [part]
        names = tuple(arrays)

        def rows(d: Tensor, block: Block, *values: Tensor) -> tuple[Tensor, ...]:
            found = self.rows(d, block, **dict(zip(names, values, strict=True)))
            return tuple(column for part in ((found,) if isinstance(found, Part) else found) for column in part)

        columns = self.over_blocks(items, rows, *arrays.values())
        return [Part(*columns[i : i + 4]) for i in range(0, len(columns), 4)]

    def at_once(self, items: Items) -> Part | None:
        """The part of a batch that is one block, as one closed form of the embeddings; None where it is not."""
        count = items.x.shape[0]
        steps = self.Distance.steps(self.factor)
        if steps is None or self.Miner is not None or items.count is not None or count > block_size(count, 1) or is_traced():
            return None
        block = Block(0, items.x, items.x, (), (), *related(items, 0, count), items.valid, items.complete)
        form = self.form(block)
        return None if form is None else self.part(Composed.of(items.x, *steps, form), block)

    def over_blocks(self, items: Items, rows: Callable[..., tuple[Tensor, ...]], *shared: Tensor) -> list[Tensor]:
        """What `rows(d, block, *shared)` gives for each block of values and mined masks, one tensor over all rows each.

        What depends on arrays or on all embeddings goes in as `shared`, for the backward pass to find.
        """

        items = self.with_facts(items)

        def of(block: Block, *shared: Tensor) -> tuple[Tensor, ...]:
            factor = self.factor if self.Miner is None else 1.0
            d = self.values(block, factor)
            block = self.kept(d, block, items)
            return rows(d if factor == self.factor else d * self.factor, block, *shared)

        return in_blocks(of, self.Distance, items, self.depth(items), shared)

    def depth(self, items: Items) -> int:
        """How many numbers the loss needs for each pair at once, about: rows are taken in smaller blocks where it is many."""
        return most_positives(items) if hasattr(self.Miner, "triplets") else 1

    @property
    def factor(self) -> float:
        """What `rows` gets is this times what the metric says, small where close: a product takes it along for nothing."""
        return 1.0

    def values(self, block: Block, factor: float = 1.0) -> Tensor:
        """What the metric says of the pairs of a block."""
        if not self.oriented:
            return self.Distance.between(block.rows, block.columns)
        return self.Distance.oriented(block.rows, block.columns, factor)

    def kept(self, d: Tensor, block: Block, items: Items) -> Block:
        """The block with the pairs that the miner keeps."""
        if self.Miner is None:
            return block
        with torch.no_grad():
            # the loss's own matrix serves when both compare alike
            same = self.Miner.Distance == self.Distance
            between = self.Miner.Distance.between
            mined = d.detach() if same else between(*prepared_again(self.Miner.Distance, items.x, block))
            sign = 1.0 if same and (self.oriented or self.Distance.small_is_close) else self.Miner.Distance.sign
            mined = mined * sign if sign < 0 else mined
            positive, negative = self.Miner.pairs(mined, block, items)
            kept = getattr(self.Miner, "triplets", None)
            triplets = None if kept is None else lambda place: kept(mined, place, block, items)
        return block._replace(positive=positive, others=negative, triplets=triplets, complete=False)

    def with_facts(self, items: Items) -> Items:
        """The batch with what the miner must know of all pairs at once."""
        if self.Miner is None or self.Miner.facts is None:
            return items
        with torch.no_grad():
            columns = self.Miner.Distance.prepare(items.x.detach())
            rows = tuple(t[items.own] for t in columns)
            block = Block(0, items.x[items.own], items.x, rows, columns, *pair_masks(items, 0, len(rows[0])), items.valid)
            return items._replace(facts=self.Miner.facts(self.Miner.Distance.oriented(rows, columns), block, items))

    @torch.no_grad()
    def mined(self, items: Items) -> tuple[Tensor, Tensor]:
        """The farthest positive and the nearest negative of each item among the pairs that mining kept."""
        items = self.with_facts(items)

        def of(block: Block) -> tuple[Tensor, ...]:
            d = self.values(block)
            block = self.kept(d, block, items)
            d = d if self.oriented or self.Distance.small_is_close else -d
            return chosen(d, block.positive, far=True), chosen(d, block.negative, far=False)

        far, near = in_blocks(of, self.Distance, items, self.depth(items))
        return far, near


def refuse_views(layer: CoupledLoss) -> None:
    """Raise the error of a loss that wants classes and is given views."""
    if layer.TargetForm == "View":
        raise NetTypeError(f'{type(layer).__name__} wants classes: views have none, TargetForm="View" does not apply')


def refuse_relation(layer: CoupledLoss) -> None:
    """Raise the error of a loss that wants classes and is given a relation."""
    if layer.TargetForm == "Relation":
        raise NetTypeError(f'{type(layer).__name__} wants classes: a relation has none, TargetForm="Relation" does not apply')


def most_positives(items: Items) -> int:
    """How many positives the loss must have room for, for an item; all while values must not be looked at."""
    if items.target.dim() == 2 or is_traced():
        return len(items.x)
    counts = torch.unique(items.target[items.target >= 0], return_counts=True)[1]
    return max(1, int(counts.max()) if len(counts) else 0)


def chosen(d: Tensor, kept: Tensor, *, far: bool) -> Tensor:
    """The column of the largest (or smallest) kept value of each row, the first of equal ones; -1 where none is kept."""
    filled = torch.where(kept, d if far else -d, -torch.inf)
    return torch.where(has_any(kept), filled.argmax(1), -1)


def prepared_again(metric: Metric, x: Tensor, block: Block) -> tuple[Tensors, Tensors]:
    """The rows and columns of a block as another metric prepares them."""
    columns = metric.prepare(x.detach())
    return tuple(t[block.start : block.start + len(block.x)] for t in columns), columns


def in_blocks(
    of: Callable[..., tuple[Tensor, ...]], metric: Metric, items: Items, depth: int = 1, shared: tuple[Tensor, ...] = ()
) -> list[Tensor]:
    """`of(block, *shared)` of all blocks of rows, joined."""

    def run(start, rows, everything, shared):
        everything = items.keys(everything)
        masks = pair_masks(items, start, len(rows[0]))
        return of(Block(start, rows[0], everything[0], rows[1:], everything[1:], *masks, items.valid, items.complete), *shared)

    everything = (items.x, *metric.prepare(items.x))
    return over_blocks(run, block_size(len(items.x), depth), everything, shared, depth, items.count)
