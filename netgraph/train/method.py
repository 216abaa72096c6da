"""Optimisers as frozen values, each with its update as a pure function of tensors.

g is the mean gradient of the batch after L2 and clipping, r the rate of the array (base * schedule * multiplier), t the update, from 1:

    SGD       m <- mu m - r g ;                      w <- w + m
    SignSGD   m <- mu m - (1 - mu) g ;               w <- w + r sign(m)
    RMSProp   n <- b n + (1 - b) g^2 ;               w <- w - r g / (sqrt(n) + eps)     (momentum: m <- mu m - that step ; w <- w + m)
    ADAM      m <- b1 m + (1 - b1) g ; v <- b2 v + (1 - b2) g^2 ; w <- w - r c m / (sqrt(v) + eps),  c = sqrt(1 - b2^t) / (1 - b1^t)
    AdamW     ADAM with "WeightDecay" 0.01
    Lion      w <- w - r sign(b1 m + (1 - b1) g) ;   m <- b2 m + (1 - b2) g

Any class of torch.optim is a method too: `TorchMethod`.

Adam's epsilon stands beside sqrt(v) *before* bias correction (torch.optim puts it after: its eps is ours divided by sqrt(1 - b2^t)).
"WeightDecay" d is decoupled: w <- w - r d w before the update. "L2Regularization" l adds l w to g. "GradientClipping" limits each element
of g to [-c, c], "GradientNormClipping" scales all gradients together so that their joint norm is at most c, "WeightClipping" limits w
afterwards. The order is L2, elements, norm, decay, update, weights.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple

import torch

from netgraph.errors import NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.train.schedule import Constant, Schedule, parse_schedule

PerPart = float | None | tuple[tuple[object, float], ...]


class Coefficients(NamedTuple):
    """The suboptions that may differ by array, one number an array (0 or None: off)."""

    l2: tuple[float | None, ...]
    gradient_clipping: tuple[float | None, ...]
    weight_clipping: tuple[float | None, ...]


@dataclass(frozen=True)
class Method:
    """What all optimisers share. Abstract: use ADAM, AdamW, Lion, RMSProp, SGD, SignSGD, TorchMethod, or `parse_method`."""

    name: ClassVar[str] = ""
    default_rate: ClassVar[float] = 0.001

    learning_rate: float | None = field(default=None, kw_only=True)
    schedule: Schedule = field(default=Constant(), kw_only=True)
    l2_regularization: PerPart = field(default=None, kw_only=True)
    gradient_clipping: PerPart = field(default=None, kw_only=True)
    weight_clipping: PerPart = field(default=None, kw_only=True)
    gradient_norm_clipping: float | None = field(default=None, kw_only=True)
    weight_decay: float | None = field(default=None, kw_only=True)

    @property
    def slots(self) -> int:
        """How many tensors of the array's shape it keeps for each array."""
        return self._abstract()

    def correction(self, count):
        """The factor of the rate that depends on the number of the update alone; `count` is a number or a tensor."""
        return 1.0

    def rule(self, array, grad, slots, rate) -> tuple:
        """The bare update of one array, a pure function: (new array, new slots); `rate` holds `correction` already."""
        return self._abstract()

    def _abstract(self):
        raise TypeError(f"{type(self).__name__} is abstract")

    def init(self, arrays: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """The state at the start: `slots` groups of zeros like the arrays, one group after another, flat."""
        return tuple(torch.zeros_like(a) for _ in range(self.slots) for a in arrays)

    def update(self, arrays, grads, state, step_count, rate, *, multipliers=None, coefficients=None):
        """One update of all arrays, a pure function: (new arrays, new state).

        `step_count` (the number of this update, from 1) and `rate` are numbers or 0-d tensors, `state` is what `init` or an earlier update
        gave. `multipliers` holds one factor of the rate for each array.

        >>> import torch
        >>> w, state = (torch.ones(1, dtype=torch.float64),), None
        >>> method = ADAM()
        >>> state = method.init(w)
        >>> w, state = method.update(w, (torch.full((1,), 0.5, dtype=torch.float64),), state, 1, 0.001)
        >>> round(w[0].item(), 10)
        0.9990006321
        """
        return self.apply(
            arrays, grads, state, rate, rate * self.correction(step_count), multipliers=multipliers, coefficients=coefficients
        )

    def apply(self, arrays, grads, state, rate, corrected, *, multipliers=None, coefficients=None):
        """`update` with the corrected rate given, for callers that compute it once outside a compiled step; one, or a list by array."""
        count = len(arrays)
        corrected = corrected if isinstance(corrected, (list, tuple)) else [corrected] * count
        grads = self.prepared(arrays, grads, coefficients)
        new, slots = [], [[] for _ in range(self.slots)]
        for i, (array, grad) in enumerate(zip(arrays, grads, strict=True)):
            factor = 1.0 if multipliers is None else multipliers[i]
            mine = tuple(state[s * count + i] for s in range(self.slots))
            own, step = (rate, corrected[i]) if factor == 1.0 else (rate * factor, corrected[i] * factor)
            if self.weight_decay:
                array = array - (own * self.weight_decay) * array
            array, mine = self.rule(array, grad, mine, step)
            limit = None if coefficients is None else coefficients.weight_clipping[i]
            new.append(array if limit is None else array.clamp(-limit, limit))
            for s in range(self.slots):
                slots[s].append(mine[s])
        return tuple(new), tuple(tensor for group in slots for tensor in group)

    def prepared(self, arrays, grads, coefficients: Coefficients | None):
        """The gradients after L2, clipping by element and clipping by norm."""
        if coefficients is not None:
            grads = [g if not c else g + c * a for g, a, c in zip(grads, arrays, coefficients.l2, strict=True)]
            grads = [g if c is None else g.clamp(-c, c) for g, c in zip(grads, coefficients.gradient_clipping, strict=True)]
        if self.gradient_norm_clipping is not None and grads:
            norm = torch.sqrt(torch.stack([(g * g).sum() for g in grads]).sum())
            # as torch.nn.utils.clip_grad_norm_: never scaled up, 1e-6 keeps a zero norm legal
            scale = (self.gradient_norm_clipping / (norm + 1e-6)).clamp(max=1.0)
            grads = [g * scale for g in grads]
        return grads

    def coefficients(self, keys: Sequence[object], matches: Callable[[object, object], bool] | None = None) -> Coefficients:
        """The per-part suboptions spread over the arrays named by `keys`: the first matching rule wins, no match is off.

        `matches(left_side, key)` says whether a rule's left side covers an array; by default they must be equal, and "_" or All covers all.
        """
        matches = matches or (lambda left, key: left == key or repr(left) in ("All", "'_'"))

        def spread(value: PerPart, off):
            if value is None or isinstance(value, int | float):
                return tuple(off if value is None else value for _ in keys)
            return tuple(next((number for left, number in value if matches(left, key)), off) for key in keys)

        return Coefficients(spread(self.l2_regularization, 0.0), spread(self.gradient_clipping, None), spread(self.weight_clipping, None))

    def suboptions(self) -> dict:
        """All suboptions with the values in force, as a user would write them."""
        out = {}
        for f in fields(self):
            value = getattr(self, f.name)
            value = value.spelling() if isinstance(value, Schedule) else dict(value) if isinstance(value, tuple) else value
            out[_wolfram(f.name)] = value
        return out

    @property
    def spelt(self) -> str:
        """The name that results show."""
        return self.name

    @property
    def rate(self) -> float:
        """The learning rate where none is given."""
        return self.default_rate if self.learning_rate is None else self.learning_rate


@dataclass(frozen=True)
class SGD(Method):
    """Descent with momentum: m <- mu m - r g ; w <- w + m.

    With a constant rate it is torch.optim.SGD(momentum=mu). Numbers: w = 1, g = 0.5, rate 0.1 gives 0.95, 0.8535, 0.713755.

    >>> SGD().momentum
    0.93
    """

    name: ClassVar[str] = "SGD"
    default_rate: ClassVar[float] = 0.01
    momentum: float | None = 0.93

    @property
    def slots(self):
        return 1 if self.momentum else 0

    def rule(self, array, grad, slots, rate):
        if not slots:
            return array - rate * grad, ()
        move = self.momentum * slots[0] - rate * grad
        return array + move, (move,)


@dataclass(frozen=True)
class SignSGD(Method):
    """The sign of the averaged gradient: m <- mu m - (1 - mu) g ; w <- w + r sign(m).

    >>> SignSGD().slots
    1
    """

    name: ClassVar[str] = "SignSGD"
    momentum: float | None = 0.93

    @property
    def slots(self):
        return 1 if self.momentum else 0

    def rule(self, array, grad, slots, rate):
        if not slots:
            return array - rate * torch.sign(grad), ()
        momentum = self.momentum or 0.0
        mean = momentum * slots[0] - (1 - momentum) * grad
        return array + rate * torch.sign(mean), (mean,)


@dataclass(frozen=True)
class RMSProp(Method):
    """The gradient over its smoothed magnitude: n <- b n + (1 - b) g^2 ; w <- w - r g / (sqrt(n) + eps).

    The same as torch.optim.RMSprop(alpha=b). Numbers: w = 1, g = 0.5, rate 0.001 gives 0.9955279, 0.9923254, 0.9896775.

    >>> RMSProp().beta, RMSProp().epsilon
    (0.95, 1e-06)
    """

    name: ClassVar[str] = "RMSProp"
    beta: float = 0.95
    epsilon: float = 0.000001
    momentum: float | None = None

    @property
    def slots(self):
        return 2 if self.momentum else 1

    def rule(self, array, grad, slots, rate):
        square = self.beta * slots[0] + (1 - self.beta) * (grad * grad)
        step = rate * grad / (torch.sqrt(square) + self.epsilon)
        if not self.momentum:
            return array - step, (square,)
        move = self.momentum * slots[1] - step
        return array + move, (square, move)


@dataclass(frozen=True)
class ADAM(Method):
    """Adaptive moments (Kingma and Ba, 2015, the efficient form at the end of their section 2):

        m <- b1 m + (1 - b1) g ;  v <- b2 v + (1 - b2) g^2 ;  w <- w - r sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)

    Numbers: w = 1, g = 0.5, rate 0.001 gives 0.9990006321, 0.9980010792, 0.9970014444.

    >>> ADAM().epsilon
    1e-05
    """

    name: ClassVar[str] = "ADAM"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 0.00001

    @property
    def slots(self):
        return 2

    def correction(self, count):
        if isinstance(count, torch.Tensor):
            # in float32 the differences from 1 would keep four digits at most
            count = count.double()
        return (1 - self.beta2**count) ** 0.5 / (1 - self.beta1**count)

    def rule(self, array, grad, slots, rate):
        mean = slots[0] + (1 - self.beta1) * (grad - slots[0])
        square = self.beta2 * slots[1] + (1 - self.beta2) * (grad * grad)
        return array - rate * mean / (torch.sqrt(square) + self.epsilon), (mean, square)


@dataclass(frozen=True)
class AdamW(ADAM):
    """ADAM with decoupled weight decay (Loshchilov and Hutter, 2019): w <- w - r d w first, d = 0.01 by default.

    >>> AdamW().weight_decay
    0.01
    """

    name: ClassVar[str] = "AdamW"
    weight_decay: float | None = field(default=0.01, kw_only=True)


@dataclass(frozen=True)
class Lion(Method):
    """The sign of an interpolated momentum (Chen et al., 2023): w <- w - r sign(b1 m + (1 - b1) g) ; m <- b2 m + (1 - b2) g.

    Every element moves by r, so rates are three to ten times smaller than ADAM's. Numbers: w = 1, g = 0.5, rate 0.1 gives 0.9, 0.8, 0.7.

    >>> Lion().beta1, Lion().beta2
    (0.9, 0.99)
    """

    name: ClassVar[str] = "Lion"
    default_rate: ClassVar[float] = 0.0001
    beta1: float = 0.9
    beta2: float = 0.99

    @property
    def slots(self):
        return 1

    def rule(self, array, grad, slots, rate):
        move = self.beta1 * slots[0] + (1 - self.beta1) * grad
        return array - rate * torch.sign(move), (self.beta2 * slots[0] + (1 - self.beta2) * grad,)


@dataclass(frozen=True)
class TorchMethod(Method):
    """Any optimiser class of torch.optim, or one like them, with its own arguments; it runs in uncompiled plans.

    The learning rate, schedule and multipliers are ours and set before every update. The suboptions that all methods share apply too:
    they act on the gradients before the optimiser sees them, and on the weights after it.

    >>> parse_method((torch.optim.Adagrad, {"lr_decay": 0.01})).spelt
    'Adagrad'
    """

    name: ClassVar[str] = "a class of torch.optim"
    kind: Any = None
    arguments: tuple[tuple[str, object], ...] = ()

    @property
    def slots(self):
        return 0

    @property
    def spelt(self):
        return self.kind.__name__

    @property
    def rate(self):
        known = inspect.signature(self.kind).parameters.get("lr")
        usual = known.default if known is not None and isinstance(known.default, float) else self.default_rate
        return usual if self.learning_rate is None else self.learning_rate

    def suboptions(self):
        shared = {name: value for name, value in Method.suboptions(self).items() if name not in ("Kind", "Arguments") and value is not None}
        return {**dict(self.arguments), **shared}


_METHODS: dict[str, type[Method]] = {kind.name: kind for kind in (ADAM, AdamW, Lion, RMSProp, SGD, SignSGD)}
_SPELLINGS = {"schedule": "LearningRateSchedule", "l2_regularization": "L2Regularization"}


def _wolfram(field_name: str) -> str:
    return _SPELLINGS.get(field_name) or "".join(part.capitalize() for part in field_name.split("_"))


def parse_method(value=None) -> Method:
    """The optimiser that a user's spelling means.

    A name, (name, {suboption: value}), a Method, a class of torch.optim (or (class, {argument: value})), or None for "ADAM". Suboptions
    have Wolfram's spelling or snake case ("Beta1", "beta1").
    Errors: NetNameError with the nearest names for an unknown method or suboption; NetTypeError and NetValueError for bad values.

    >>> parse_method(("ADAM", {"Beta1": 0.8})).beta1
    0.8
    >>> parse_method(("SGD", {"Momentun": 0.9}))
    Traceback (most recent call last):
    netgraph.errors.NetNameError: Method "SGD" has no suboption "Momentun": did you mean "Momentum"?
    """
    if isinstance(value, Method):
        return value
    if value is None or repr(value) == "Automatic":
        return ADAM()
    name, options = value, {}
    if isinstance(value, tuple | list) and 1 <= len(value) <= 2:
        name, options = value[0], (value[1] if len(value) == 2 else {})
    if isinstance(name, type) and issubclass(name, torch.optim.Optimizer):
        return _torch_method(name, options)
    if not isinstance(name, str):
        raise NetTypeError(
            f"Method is {value!r}", origins=[("wanted", 'a name, or (name, {suboption: value}), such as ("SGD", {"Momentum": 0.9})')]
        )
    if not isinstance(options, Mapping):
        raise NetTypeError(f'Method "{name}": the suboptions are {options!r}', origins=[("wanted", "a dict of suboptions")])
    folded = {known.lower(): kind for known, kind in _METHODS.items()}
    if name.lower() not in folded:
        raise NetNameError(f'Method "{name}" is unknown: {did_you_mean(name, sorted(_METHODS))}')
    kind = folded[name.lower()]
    return kind(**_suboptions(kind, options))


def _torch_method(kind: type, options) -> TorchMethod:
    where = f'Method "{kind.__name__}"'
    if not isinstance(options, Mapping):
        raise NetTypeError(f"{where}: the suboptions are {options!r}", origins=[("wanted", "a dict of suboptions")])
    if inspect.signature(kind.step).parameters["closure"].default is inspect.Parameter.empty:
        raise NetTypeError(f"{where} wants a function that it calls several times a step, which training here does not have")
    shared = {_wolfram(f.name): f.name for f in fields(Method)}
    own = [word for word in inspect.signature(kind).parameters if word not in ("params", "lr")]
    arguments, chosen = [], {}
    for word, value in options.items():
        if word == "lr":
            raise NetNameError(f"{where}: the learning rate is an option of net_train", fix=f"LearningRate={value!r}")
        if word in own:
            arguments.append((word, value))
        elif word in shared:
            chosen[shared[word]] = _checked(TorchMethod, shared[word], value)
        else:
            raise NetNameError(f'{where} has no suboption "{word}": {did_you_mean(word, [*own, *shared])}')
    if chosen.get("weight_decay") is not None:
        raise NetNameError(
            f'{where}: "WeightDecay" is of our own methods', fix='"weight_decay", as the class has it, or "L2Regularization"'
        )
    return TorchMethod(kind=kind, arguments=tuple(arguments), **chosen)


def _suboptions(kind: type[Method], options: Mapping) -> dict:
    known = {}
    for f in fields(kind):
        known[_wolfram(f.name)] = known[f.name] = f.name
    known["learning_rate_schedule"] = "schedule"
    chosen: dict = {}
    for key, value in options.items():
        if key not in known:
            names = [_wolfram(f.name) for f in fields(kind)]
            raise NetNameError(f'Method "{kind.name}" has no suboption "{key}": {did_you_mean(key, names)}')
        if known[key] in chosen:
            raise NetValueError(f'Method "{kind.name}": "{_wolfram(known[key])}" is given twice')
        chosen[known[key]] = _checked(kind, known[key], value)
    return chosen


def _checked(kind: type[Method], name: str, value):
    """One suboption's value, or an error that says which and why."""
    where = f'Method "{kind.name}": "{_wolfram(name)}"'
    if name == "schedule":
        return parse_schedule(value)
    if name in ("l2_regularization", "gradient_clipping", "weight_clipping") and isinstance(value, Mapping):
        return tuple(
            (left, _number(f"{where} for {left!r}", number, positive=name != "l2_regularization")) for left, number in value.items()
        )
    if value is None or repr(value) == "Automatic":
        if name in ("beta", "beta1", "beta2", "epsilon"):
            return next(f.default for f in fields(kind) if f.name == name)
        return None
    number = _number(where, value, positive=name.endswith("clipping") or name in ("epsilon", "learning_rate"))
    if name in ("beta", "beta1", "beta2", "momentum") and not 0 <= number < 1:
        raise NetValueError(f"{where} is {value!r}, a number from 0 up to but not including 1 is wanted")
    return number


def _number(where: str, value, *, positive: bool) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NetTypeError(f"{where} is {value!r}, a number is wanted")
    if not math.isfinite(value) or value < 0 or (positive and value == 0):
        raise NetValueError(f"{where} is {value!r}, a finite number {'above' if positive else 'from'} 0 is wanted")
    return float(value)
