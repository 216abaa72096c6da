"""The frame of losses that see the whole batch: ports, masks of pairs, blocks of rows, mining and reduction."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from netgraph.errors import NetShapeError, NetTypeError
from netgraph.layers.metric.blocks import block_size, over_blocks
from netgraph.layers.metric.closed import has_any
from netgraph.layers.metric.distance import METRIC, LpDistance, Metric, Tensors
from netgraph.layers.metric.mining import MINER
from netgraph.layers.metric.reduction import REDUCTION, Part, of_items, reduced
from netgraph.layers.metric.regularizers import REGULARIZER
from netgraph.spec.declare import InputPort, Noise, OutputPort, parse_shape
from netgraph.spec.layer import Layer
from netgraph.spec.parameters import Flag, choice, number
from netgraph.spec.whole import is_traced, whole


class Block(NamedTuple):
    """Some items of the batch, as rows, against all of them, as columns.

    `x` and `keys` are the embeddings, `rows` and `columns` what the metric prepared of them; the masks are rows x columns. `strength` is
    how much a positive pair counts, None for once.
    """

    start: int
    x: Tensor
    keys: Tensor
    rows: Tensors
    columns: Tensors
    positive: Tensor
    negative: Tensor
    strength: Tensor | None
    real: Tensor | None
    complete: bool = False
    """Whether every pair but that of an item with itself is in one of the masks."""
    triplets: Callable[[Tensor], Tensor] | None = None
    """Of a miner of triplets: the mask, rows x places x columns, of those it keeps among the positives at some places."""

    @property
    def itself(self) -> Tensor:
        """The mask of the pair of each row with itself."""
        mask = torch.zeros_like(self.positive)
        mask.diagonal(self.start).fill_(True)
        return mask

    @property
    def has_both(self) -> Tensor:
        """The rows that have a positive and a negative."""
        return has_any(self.positive) & has_any(self.negative)


class Items(NamedTuple):
    """A batch as a coupled loss sees it: embeddings, classes or relation, which items are real, weights, and what a miner wants."""

    x: Tensor
    target: Tensor
    valid: Tensor | None
    weight: Tensor | None = None
    draws: Tensor | None = None
    facts: Any = None


class CoupledLoss(Layer):
    """A loss on embeddings and classes that couples the examples of a batch. Abstract.

    `losses(items)` gives its parts; ports, the valid mask and the reduction are the same for all.
    """

    coupled = True
    abstract: ClassVar[bool] = True

    Reduction: REDUCTION = "Valid"
    TargetForm: choice("Class", "Relation") = "Class"
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
        return ("Input", "Target", "Weight") if self.Weighted else ("Input", "Target")

    @property
    def input_count(self):
        return len(self.input_ports())

    def declare(self, scope):
        super().declare(scope)
        if not self.Weighted:
            del scope.terms.inputs["Weight"]
        if self.TargetForm == "Relation":
            scope.terms.inputs["Target"] = scope.port(parse_shape("real: items"), "Target")

    def forward(self, *inputs, valid, **arrays):
        losses = whole(type(self).__name__, self._evaluated(tuple(arrays)), valid, *inputs, *arrays.values())
        return losses[0], losses[1], losses[2]

    def _evaluated(self, names: tuple[str, ...], draws: bool = False) -> Callable[..., tuple[Tensor, ...]]:
        """`evaluate` with everything by position, which a recorder can see: weight and random numbers where there are any, then arrays."""

        def evaluate(valid, x, target, *rest):
            weight, rest = (rest[0], rest[1:]) if self.Weighted else (None, rest)
            lots, values = (rest[0], rest[1:]) if draws else (None, rest)
            items = self.items(x, target, valid, weight)._replace(draws=lots)
            return self.evaluate(items, **dict(zip(names, values, strict=True)))

        return evaluate

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
        """(losses, valid, active) of a batch of real tensors."""
        losses, valid, active = reduced(list(self.parts(items, **arrays)), self.Reduction, items.valid, items.weight)
        return losses + self.regularized(items.x, items.valid), valid, active

    def regularized(self, x: Tensor, valid: Tensor | None) -> Tensor | float:
        """What the regularizer adds for each embedding."""
        if self.Regularizer is None:
            return 0.0
        real = torch.ones(len(x), dtype=torch.bool, device=x.device) if valid is None else valid
        part = of_items(self.Regularizer.costs(x, real), real)
        return self.RegularizerWeight * reduced([part], "Valid", None, None)[0]

    def parts(self, items: Items, **arrays: Tensor) -> Iterator[Part] | list[Part]:
        """The terms of all items; the reduced values of several parts are added."""
        raise TypeError(f"{type(self).__name__} is abstract")


class PairLoss(CoupledLoss):
    """A loss on the pairs of a batch. Abstract; `rows` gives the parts of some rows, and the miner chooses among their pairs."""

    abstract: ClassVar[bool] = True
    takes: ClassVar[str] = "either"
    oriented: ClassVar[bool] = True

    Distance: METRIC = LpDistance()
    Miner: MINER = None

    Draws = Noise("", "uniform")
    Positive = OutputPort("integer:", "the place in the batch of the farthest positive that mining kept, -1 for none")
    Negative = OutputPort("integer:", "the place in the batch of the nearest negative that mining kept, -1 for none")

    def check(self):
        wanted = self.Distance.small_is_close if self.takes == "either" else self.takes == "distance"
        if wanted != self.Distance.small_is_close:
            kinds = {True: "a distance (small = close)", False: "a similarity (large = close)"}
            raise NetTypeError(
                f"{type(self).__name__}: Distance wants {kinds[wanted]}, {self.Distance!r} is {kinds[not wanted]}",
                fix='Distance="CosineSimilarity"' if not wanted else 'Distance="CosineDistance"',
            )

    def forward(self, *inputs, valid, Draws=None, **arrays):
        drawn = (Draws,) if Draws is not None and self.Miner is not None and self.Miner.random else ()
        losses = whole(type(self).__name__, self._evaluated(tuple(arrays), bool(drawn)), valid, *inputs, *drawn, *arrays.values())
        mined = whole(f"{type(self).__name__}_mined", self._mined, valid, *inputs[:2], *drawn)
        return losses[0], losses[1], losses[2], mined[0], mined[1]

    def _mined(self, valid, x, target, draws=None):
        return self.mined(self.items(x, target, valid, None)._replace(draws=draws))

    def rows(self, d: Tensor, block: Block, **arrays: Tensor) -> Part | tuple[Part, ...]:
        """The parts of the rows of a block: `d` is what the metric says of rows and columns, small where close if `oriented`."""
        raise TypeError(f"{type(self).__name__} is abstract")

    def parts(self, items: Items, **arrays: Tensor):
        names = tuple(arrays)

        def rows(d: Tensor, block: Block, *values: Tensor) -> tuple[Tensor, ...]:
            found = self.rows(d, block, **dict(zip(names, values, strict=True)))
            return tuple(column for part in ((found,) if isinstance(found, Part) else found) for column in part)

        columns = self.over_blocks(items, rows, *arrays.values())
        return [Part(*columns[i : i + 4]) for i in range(0, len(columns), 4)]

    def over_blocks(self, items: Items, rows: Callable[..., tuple[Tensor, ...]], *shared: Tensor) -> list[Tensor]:
        """What `rows(d, block, *shared)` gives for each block of values and mined masks, one tensor over all rows each.

        What depends on arrays or on all embeddings goes in as `shared`, for the backward pass to find.
        """

        items = self.with_facts(items)

        def of(block: Block, *shared: Tensor) -> tuple[Tensor, ...]:
            d = self.values(block)
            return rows(d, self.kept(d, block, items), *shared)

        return in_blocks(of, self.Distance, items, self.depth(items), shared)

    def depth(self, items: Items) -> int:
        """How many numbers the loss needs for each pair at once, about: rows are taken in smaller blocks where it is many."""
        return most_positives(items) if hasattr(self.Miner, "triplets") else 1

    def values(self, block: Block) -> Tensor:
        """What the metric says of the pairs of a block."""
        return (self.Distance.oriented if self.oriented else self.Distance.between)(block.rows, block.columns)

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
        return block._replace(positive=positive, negative=negative, triplets=triplets, complete=False)

    @torch.no_grad()
    def with_facts(self, items: Items) -> Items:
        """The batch with what the miner must know of all pairs at once."""
        if self.Miner is None or self.Miner.facts is None:
            return items
        columns = self.Miner.Distance.prepare(items.x.detach())
        block = Block(0, items.x, items.x, columns, columns, *pair_masks(items, 0, len(items.x)), items.valid)
        return items._replace(facts=self.Miner.facts(self.Miner.Distance.oriented(columns, columns), block, items))

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


def refuse_relation(layer: CoupledLoss) -> None:
    """Raise the error of a loss that wants classes and is given a relation."""
    if layer.TargetForm == "Relation":
        raise NetTypeError(f'{type(layer).__name__} wants classes: a relation has none, TargetForm="Relation" does not apply')


def most_positives(items: Items) -> int:
    """How many positives the loss must have room for, for an item; all while values must not be looked at."""
    if items.target.dim() == 2 or is_traced():
        return len(items.x)
    return max(1, int(torch.unique(items.target, return_counts=True)[1].max()))


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
        masks = pair_masks(items, start, len(rows[0]))
        complete = items.target.dim() == 1 and items.valid is None
        return of(Block(start, rows[0], everything[0], rows[1:], everything[1:], *masks, items.valid, complete), *shared)

    return over_blocks(run, block_size(len(items.x), depth), (items.x, *metric.prepare(items.x)), shared, depth)


def pair_masks(items: Items, start: int, count: int) -> tuple[Tensor, Tensor, Any]:
    """(positive, negative, strength) of some rows against all items. Nothing is paired with itself or with a padded item."""
    target, valid = items.target, items.valid
    if target.dim() == 1:
        positive = target[start : start + count].unsqueeze(1) == target
        negative, strength = ~positive, None
    else:
        strength = target[start : start + count]
        positive, negative = strength > 0, strength == 0
    positive.diagonal(start).fill_(False)
    negative.diagonal(start).fill_(False)
    if valid is not None:
        real = valid & valid[start : start + count].unsqueeze(1)
        positive, negative = positive & real, negative & real
    return positive, negative, strength
