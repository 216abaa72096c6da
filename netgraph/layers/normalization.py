"""Normalisation of each example by itself: over levels of its own, and over neighbouring channels.

Shapes describe one example; the tensors of `forward` have the batch axis in front. The batch is never averaged over.
"""

import math
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F

from netgraph.errors import NetValueError
from netgraph.layers.reduce import levels_of
from netgraph.spec.declare import Array, InputPort, OutputPort, Rule, unvarying
from netgraph.spec.initial import ONES, ZEROS
from netgraph.spec.layer import Layer
from netgraph.spec.masks import valid_positions
from netgraph.spec.parameters import Count, Flag, choice, is_integer, number, parameter, wants
from netgraph.spec.step import same_ports, shortened
from netgraph.types.symbols import All

__all__ = ["InstanceNormalizationLayer", "LocalResponseNormalizationLayer", "NormalizationLayer"]


def _is_levels(value) -> bool:
    if isinstance(value, slice):
        return value.step in (None, 1) and all(end is None or is_integer(end) for end in (value.start, value.stop))
    return value is All or is_integer(value) or (isinstance(value, tuple) and value != () and all(map(is_integer, value)))


def _levels(value):
    if not _is_levels(value):
        raise wants("a level, a list of levels, a slice or All", value)
    return value


def _scaling_levels(value):
    if value not in ("Complement", "Same") and not _is_levels(value):
        raise wants('"Complement", "Same", a level, a list of levels, a slice or All', value)
    return value


def _groups(value):
    if is_integer(value) and value >= 1:
        return (value,)
    if value is None or (isinstance(value, tuple) and value and all(is_integer(entry) and entry >= 1 for entry in value)):
        return value
    raise wants("None or a tuple with a whole number from 1 for each level of AggregationLevels", value)


_LEVELS_SCHEMA = [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}, {"type": "object"}]

AggregationSpec: Any = parameter(_levels, {"anyOf": _LEVELS_SCHEMA})
ScalingSpec: Any = parameter(_scaling_levels, {"anyOf": [{"enum": ["Complement", "Same"]}, *_LEVELS_SCHEMA]})
GroupSpec: Any = parameter(_groups, {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "integer", "minimum": 1}}]})


class NormalizationLayer(Layer):
    """Each example normalised over some of its levels, then scaled and shifted by learned numbers.

        output = Scaling * (input - mean) / sqrt(variance + Epsilon) + Biases

    `NormalizationLayer(aggregation, scaling)`: mean and variance are taken over the levels `aggregation`, "Scaling" (from 1) and "Biases"
    (from 0) have one element for each place along the levels `scaling`, in the order of the input; None leaves either out. Levels are a
    number, a list, a slice or All; scaling also "Complement" (the levels not aggregated) or "Same". `NormalizationLayer()` aggregates all
    levels but the first (each channel by itself); `NormalizationLayer(-1, "Same")` is the layer norm of a sequence of vectors;
    `NormalizationLayer(All, 0, GroupNumber=(g, 1, 1))` the group norm of an image. GroupNumber splits each aggregated level, in the order
    given, into so many runs of neighbours, normalised separately. Unbiased=True divides by n - 1 for the variance (a single element gives
    0). Method "RMS" is input / sqrt(mean of squares + Epsilon). The same in training and in use. Of an aggregated level that varies the
    real elements alone are counted; other levels may vary too, unless "Scaling" or "Biases" run along them.
    Errors: a level that the input lacks; no level to aggregate; groups that do not divide their level; a varying level to scale or split.
    Source: Wolfram's NormalizationLayer (there levels count from 1). Its Epsilon 0.001 is not torch's 0.00001.

    >>> NormalizationLayer(Scaling=[1, 1], Biases=[0, 10])([[1, 2, 3], [2, 4, 9]]).round(4)
    array([[-1.2238,  0.    ,  1.2238],
           [ 8.981 ,  9.6603, 11.3587]], dtype=float32)
    """

    positional = ("AggregationLevels", "ScalingLevels")
    AggregationLevels: AggregationSpec = slice(1, None)
    ScalingLevels: ScalingSpec = "Complement"
    Epsilon: number(0, low_open=True) = 0.001
    GroupNumber: GroupSpec = None
    Unbiased: Flag = False
    Method: choice("Standardize", "RMS") = "Standardize"
    varying = "masked"

    Input = InputPort("real: *shape", "what is normalised")
    Output = OutputPort("real: *shape", "the normalised input")
    Scaling = Array("*scaled", ONES, optional=True, meaning="one factor for each place along the scaling levels")
    Biases = Array("*scaled", ZEROS, optional=True, meaning="one summand for each place along the scaling levels")

    def written(self, name, depth=0):
        value = getattr(self, name)
        return repr(value) if isinstance(value, tuple) else super().written(name, depth)

    def check(self):
        if self.Unbiased and self.Method == "RMS":
            raise NetValueError('NormalizationLayer: Unbiased=True is for Method="Standardize", "RMS" takes no variance')

    def levels(self, rank: int) -> tuple[tuple[int, ...], dict[int, int], tuple[int, ...]]:
        """The levels aggregated, the groups of each that is split, and the levels scaled, for an input of this rank. Errors: ValueError."""
        aggregated = levels_of(self.AggregationLevels, rank)
        if not aggregated:
            raise ValueError(f"AggregationLevels={self.AggregationLevels!r} is no level of an array of rank {rank}")
        listed = self.AggregationLevels
        order = tuple(level % rank for level in listed) if isinstance(listed, tuple) else aggregated
        groups = (1,) * len(aggregated) if self.GroupNumber is None else self.GroupNumber
        if len(groups) != len(aggregated):
            raise ValueError(f"GroupNumber={self.GroupNumber!r} is for {len(groups)} levels, AggregationLevels are {len(aggregated)}")
        split = {level: count for level, count in zip(order, groups, strict=True) if count > 1}
        if self.ScalingLevels == "Complement":
            scaled = tuple(level for level in range(rank) if level not in aggregated)
        else:
            scaled = aggregated if self.ScalingLevels == "Same" else levels_of(self.ScalingLevels, rank)
        return aggregated, split, scaled

    def step(self, steps, types):
        rank = len(types["Input"].shape)
        aggregated, _, scaled = self.levels(rank)
        if 0 in aggregated:
            raise ValueError("takes its mean over the steps")
        if 0 in scaled and any(True for _ in self.array_places()):
            raise ValueError("has arrays along the steps")
        levels = self.AggregationLevels if isinstance(self.AggregationLevels, tuple) else aggregated
        fields = {
            "AggregationLevels": tuple(level % rank - 1 for level in levels),
            "ScalingLevels": tuple(level - 1 for level in scaled if level),
        }
        return same_ports(self.replaced(fields=fields, given=shortened(self.given, {"Input", "Output"})))

    def relate(self):
        return (Rule(self._measures),)

    def _measures(self, scope):
        store, shape = scope.store, scope.run("shape")

        def fire() -> bool:
            axes = store.axes(shape)
            if axes is None:
                return False
            try:
                _, split, scaled = self.levels(len(axes))
            except ValueError as fault:
                store.conflict(scope.where, str(fault), (shape,))
                return True
            if any(True for _ in self.array_places()):
                store.equate_runs(scope.run("scaled"), store.run([axes[level] for level in scaled], store.why(shape)), scope.where)
                for level in scaled:
                    unvarying(axes[level], f"level {level} has Scaling and Biases along it and cannot vary").apply(scope)
            for level, count in split.items():
                unvarying(axes[level], f"level {level} is split into {count} groups and cannot vary").apply(scope)
                _divides(scope, axes[level], level, count)
            return True

        store.rule([shape], fire)

    def forward(self, Input, *, Scaling=None, Biases=None, sizes, lengths):
        shape = sizes["shape"]
        aggregated, split, scaled = self.levels(len(shape))
        varying = {level: length for level, length in lengths["Input"].items() if level in aggregated}
        if not varying and not self.Unbiased:
            y = self._fused(Input, Scaling, Biases, shape, aggregated, split, scaled)
            if y is not None:
                return y
        whole = [size if isinstance(size, int) else Input.shape[level + 1] for level, size in enumerate(shape)]
        parts, place = [], {}
        for level, size in enumerate(whole):
            parts += [split[level], size // split[level]] if level in split else [size]
            place[level] = len(parts)
        x = self._normal(
            Input.reshape(-1, *parts) if split else Input, [place[level] for level in aggregated], varying, place, shape, split
        )
        x = x.reshape(-1, *whole) if split else x
        along = [size if level in scaled else 1 for level, size in enumerate(whole)]
        x = x if Scaling is None else x * Scaling.reshape(along)
        return x if Biases is None else x + Biases.reshape(along)

    def _normal(self, x, axes, varying, place, shape, split):
        """`x` normalised over `axes`, counting real elements alone."""
        rank = len(shape) + len(split)
        count: Any = math.prod(shape[level] // split.get(level, 1) for level in place if place[level] in axes and level not in varying)
        valid = None
        if varying:
            valid = reduce(torch.logical_and, [valid_positions(x, place[level], length, rank) for level, length in varying.items()])
            count = (count * reduce(torch.mul, varying.values())).clamp_min(1).reshape(-1, *[1] * rank)
            x = torch.where(valid, x, 0.0)
        if self.Method == "Standardize":
            x = x - x.sum(axes, keepdim=True) / count
            x = x if valid is None else torch.where(valid, x, 0.0)
        if self.Unbiased:
            count = max(count - 1, 1) if valid is None else (count - 1).clamp_min(1)
        return x * torch.rsqrt(x.square().sum(axes, keepdim=True) / count + self.Epsilon)

    def _fused(self, x, scaling, biases, shape, aggregated, split, scaled):
        """The same by one function of torch, or None where none does it."""
        rank, plain = len(shape), scaling is None and biases is None
        if not split and aggregated == tuple(range(aggregated[0], rank)) and (plain or scaled == aggregated):
            sizes = [shape[level] for level in aggregated]
            if self.Method == "Standardize":
                return F.layer_norm(x, sizes, scaling, biases, self.Epsilon)
            y = F.rms_norm(x, sizes, scaling, self.Epsilon)
            return y if biases is None else y + biases
        whole = aggregated == tuple(range(rank)) and all(level == 0 for level in split)
        if self.Method == "RMS" or not (plain or scaled == (0,)) or not (whole or (aggregated == tuple(range(1, rank)) and not split)):
            return None
        if not isinstance(shape[0], int):
            return None
        # torch.group_norm, not F.group_norm: that one refuses a single element, whose normal form is 0
        return torch.group_norm(x, split.get(0, 1) if whole else shape[0], scaling, biases, self.Epsilon)


def _divides(scope, size, level: int, count: int) -> None:
    store = scope.store

    def fire() -> bool:
        value = store.value(size)
        if isinstance(value, int) and value % count:
            store.conflict(scope.where, f"level {level} of size {value} does not divide into {count} groups", (size,))
        return value is not None

    store.rule([size], fire)


def InstanceNormalizationLayer(**options) -> NormalizationLayer:
    """The retired name of `NormalizationLayer()`: each channel of each example normalised by itself.

    It takes the options of NormalizationLayer and gives one, which is what prints, saves and compares.

    Source: Wolfram's InstanceNormalizationLayer, which NormalizationLayer replaced.

    >>> InstanceNormalizationLayer(Epsilon=0.1)
    NormalizationLayer(Epsilon=0.1)
    """
    return NormalizationLayer(**options)


class LocalResponseNormalizationLayer(Layer):
    """Each element divided by a measure of the same place in the neighbouring channels.

        output[i] = input[i] / (Bias + Alpha / (2 c + 1) * sum over |x - i| <= c of input[x]^2) ^ Beta

    The input is channels x height x width; c is ChannelWindowSize, the number of neighbours on each side. Channels beyond the first and
    last count as 0, the divisor stays 2 c + 1. No arrays. The same in training and in use. Height and width may vary.
    Errors: an input that is not of rank 3; less than 2 c + 1 channels.
    Source: Wolfram's LocalResponseNormalizationLayer; Krizhevsky et al. 2012, where the sum is not divided by 2 c + 1.

    >>> LocalResponseNormalizationLayer(ChannelWindowSize=1, Beta=1)([[[1]], [[2]], [[3]]]).round(4).flatten()
    array([0.375 , 0.3529, 0.5625], dtype=float32)
    """

    Alpha: number(0) = 1.0
    Beta: number() = 0.5
    Bias: number(0, low_open=True) = 1.0
    ChannelWindowSize: Count = 2
    varying = "free"

    Input = InputPort("real: channels height width", "channels x height x width")
    Output = OutputPort("real: channels height width", "the normalised input")

    def relate(self):
        return (unvarying("channels", "the channels cannot vary"), Rule(self._enough))

    def _enough(self, scope):
        store, channels = scope.store, scope.size("channels")
        least = 2 * self.ChannelWindowSize + 1

        def fire() -> bool:
            value = store.value(channels)
            if isinstance(value, int) and value < least:
                text = f"{value} channels, ChannelWindowSize={self.ChannelWindowSize} wants at least {least}"
                store.conflict(scope.where, text, (channels,))
            return value is not None

        store.rule([channels], fire)

    def forward(self, Input):
        return F.local_response_norm(Input, 2 * self.ChannelWindowSize + 1, self.Alpha, self.Beta, self.Bias)
