"""Metric learning: losses that see the whole batch, their distances and miners.

How to add a loss. A loss is one class in the file of its family, with one method, `rows`: it gets the values of its metric between some
items of the batch (rows) and all of them (columns), with masks of the positive and the negative pairs, and gives the terms it adds up.

    class NearestGapLossLayer(PairLoss):
        '''...a docstring like those of its neighbours...'''

        positional = ("Margin",)
        Margin: number() = 0.2
        Reduction: REDUCTION = "Valid"
        Distance: METRIC = LpDistance()      # its default; `takes` says whether it wants a distance, a similarity, or either
        takes = "either"

        def rows(self, d, block):
            near = masked_min(d, block.negative)
            far = masked_max(d, block.positive)
            return of_items((far - near + self.Margin).clamp_min(0), block.has_both)

and a row in tests/layers/rows_metric.py. The frame does the rest: ports ("Input", "Target", "Weight"; "Loss", "Valid", "Active",
"Positive", "Negative"), the relation or the views in place of labels, the miner, the memory, blocks, recomputing in the backward pass
where matrices would be large, padded items, weights, and the reduction.

- `d` is small where close, for similarities too unless the class sets `oriented = False`: then it is what the metric says.
- `block` (batch.Block) has `positive` and `negative` (Boolean, rows x columns, already mined), `strength` (None, or how much each
  positive pair counts), the prepared embeddings of rows and of all items, and `start`, where the rows begin.
- What comes back is `of_items(losses, valid)`, `of_pairs(losses, kept)`, or a tuple of several, whose reduced values are added.
- No loop over examples, no `.item()`, no shape that depends on values. Infinities only through `reduction.masked_lse` and its like.
- A speed-critical loss writes its slope itself, as a ClosedForm of `d`: in place of `rows` it has `form` and `part`, and where its metric
  is a product, too, a small batch is one function of the embeddings to autograd (softmax.py has the pattern). `factor` is what it wants
  `d` times, which a product takes along for nothing.
- A loss that must know something of the whole batch first (a mean of all pairs, a sum of each item's negatives) overrides `parts` and
  goes over the blocks twice: `over_blocks(items, rows, *shared)` gives what `rows(d, block, *shared)` gives, over all rows. What has a
  gradient and is not of the block goes in as `shared` (pair.py and sets.py have the pattern).
- A loss that keeps the whole matrix says so in its docstring.
- Columns may be more than the batch (a memory): the rows are its first items, `items.own`. A loss for which that makes no sense has
  `remembers = False`. Nor need every row be an anchor, or every column be compared with: the masks say so, `items.anchors` which rows.

A loss with learned class vectors is a `ClassVectorLoss` (class_vectors.py) with one method, `losses(x, target, weights)`, one number an
item; a cross-entropy over classes is a `MarginSoftmax` and says only how the own class is lowered and how similarities become logits.

Where it differs from a package's, say so in the docstring, and compare values and gradients with the package in the tests.
"""
