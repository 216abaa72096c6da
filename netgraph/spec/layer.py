"""`Layer`: a frozen pydantic model that declares its ports and arrays, and a pure `forward` over tensors."""

import inspect
import json
import math
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, ValidationError

from netgraph.errors import NetTypeError, NetValueError
from netgraph.spec.arguments import located, port_names, port_types, sort_arguments, unknown_option
from netgraph.spec.arrays import NetArray, owned
from netgraph.spec.declare import Array, Declaration, InputPort, InputPorts, Noise, OutputPort, ReadablePort, Rule, Shape, State, StatePort
from netgraph.spec.names import snake
from netgraph.spec.net import Net, under
from netgraph.spec.parameters import is_integer
from netgraph.spec.step import Step, same_ports, shortened
from netgraph.spec.typing import Scope, typed
from netgraph.types.port_type import PortType, parse_type
from netgraph.types.symbols import All, Automatic

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    class BaseModel:
        """What type checkers see of pydantic's: its own would give every layer a constructor that takes keywords alone."""

        model_config: ClassVar[ConfigDict]
        model_json_schema: ClassVar[Any]
        model_fields: ClassVar[dict[str, FieldInfo]]

        def __init__(self, **fields: Any): ...
else:
    from pydantic import BaseModel

Shapes = tuple[int, ...]


OPTIONS = ("LearningRateMultipliers",)
"""Options that every layer takes."""


class _LazySignature:
    """The signature of a layer class, worked out when somebody looks: at import it would cost a tenth of it."""

    def __get__(self, layer, owner: type["Layer"]) -> inspect.Signature:
        return owner.signature()


LAYERS: dict[str, type["Layer"]] = {}
"""Every final layer class by its name: what files and JSON may name."""


class Schema:
    """The declaration of a layer class, collected once: its parameters and the parts it declares, by name."""

    def __init__(self, cls: type["Layer"]):
        declared: dict[str, Declaration] = {}
        self._forward = cls.forward
        for base in reversed(cls.__mro__):
            declared.update({d.name: d for d in vars(base).values() if isinstance(d, Declaration)})
        self.fields = tuple(cls.model_fields)
        self.positional = cls.positional
        self.inputs = {n: d for n, d in declared.items() if type(d) is InputPort}
        self.outputs = {n: d for n, d in declared.items() if type(d) is OutputPort}
        self.readable = {n: d for n, d in declared.items() if isinstance(d, ReadablePort)}
        self.arrays = {n: d for n, d in declared.items() if isinstance(d, Array)}
        self.noise = {n: d for n, d in declared.items() if isinstance(d, Noise)}
        self.state_ports = {n: d for n, d in declared.items() if isinstance(d, StatePort)}
        self.variadic = next((d for d in declared.values() if isinstance(d, InputPorts)), None)
        options = (*self.fields, *self.arrays, *OPTIONS, *(("InputPorts",) if self.variadic else ()))
        self.options = options
        self.aliases: dict[str, str] = {}
        for option in options:
            other = self.aliases.setdefault(snake(option), option)
            if other != option or option in cls.port_words(self):
                raise TypeError(f"{cls.__name__}: {option} is also {other if other != option else 'a port'}, or spelt like it")

    @cached_property
    def forward(self) -> Mapping[str, inspect.Parameter]:
        """What `forward` of the class takes."""
        return inspect.signature(self._forward).parameters


class Layer(Net, BaseModel):
    """A layer: parameters, declared ports and arrays, and `forward`. Abstract; subclasses with `positional` set are final.

    `Layer(*args, **options)` sorts what it is given into parameters (positional ones in Wolfram's order), port types (`Input=2`) and
    arrays (`Weights=w`); options are accepted in Wolfram's spelling and in snake case. Errors: NetTypeError, NetValueError, NetNameError
    that name the layer, the option, what is wanted and what was got.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", defer_build=True, arbitrary_types_allowed=True,
        ignored_types=(Declaration, Rule),
    )  # fmt: skip

    positional: ClassVar[tuple[str, ...]] = ()
    abstract: ClassVar[bool] = False
    coupled: ClassVar[bool] = False
    varying: ClassVar[str] = "refused"
    shortest: ClassVar[int] = 0
    names_arrays: ClassVar[bool] = False
    """Whether there are arrays whose names follow from the parameters."""
    costless: ClassVar[bool] = False
    stepwise: ClassVar[bool] = False
    relations: ClassVar[tuple[Rule, ...]] = ()

    if TYPE_CHECKING:
        _schema: ClassVar["Schema | None"]
        __pydantic_fields_set__: set[str]
        _ports: tuple[str, ...] | None
        _settings: dict[str, Any]
        _multipliers: Any

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls._schema = None

    @classmethod
    def __pydantic_init_subclass__(cls, **options):
        own = vars(cls)
        if not own.get("abstract", False) and (cls.forward is not Layer.forward or ("unfold" in own and "declare" in own)):
            LAYERS[cls.__name__] = cls
            cls.schema_of()
            cls.__signature__ = _LazySignature()

    @classmethod
    def __pydantic_on_complete__(cls):
        if cls.__name__ in LAYERS:
            cls.__signature__ = _LazySignature()  # pydantic writes its own when it builds the class

    @classmethod
    def port_words(cls, schema: Schema) -> tuple[str, ...]:
        """The ports whose types can be given as options."""
        return (*schema.inputs, *schema.outputs, *schema.state_ports)

    @classmethod
    def schema_of(cls) -> Schema:
        """The collected declaration of the class."""
        if cls._schema is None:
            cls._schema = Schema(cls)
        return cls._schema

    def __init__(self, *args, **options):
        cls = type(self)
        schema = cls.schema_of()
        name = cls.__name__
        fields, given, settings, ports = sort_arguments(cls, schema, args, options)
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise located(cls, error) from None
        parts = {word: value for word in schema.fields if isinstance(value := getattr(self, word), Net)}
        tensors = {}
        for word, part in parts.items():
            tensors.update(under(word, part))
            self.__dict__[word] = part.structure
        object.__setattr__(self, "_multipliers", settings.pop("LearningRateMultipliers", Automatic))
        names = port_names(schema, ports, name)
        object.__setattr__(self, "_ports", self.default_ports() if names is None and schema.variadic is not None else names)
        for word in given:
            if word not in cls.port_words(schema) and word not in (self._ports or ()):
                raise unknown_option(name, word, schema, (*(self._ports or ()), *cls.port_words(schema)))
        kept: dict[str, Any] = {}
        for word, value in settings.items():
            declared = schema.arrays[word]
            if value is Automatic:
                continue
            if value is None:
                if not declared.optional:
                    raise NetValueError(f"{name}: {word} cannot be left out, it has no None")
                kept[word] = None
            elif isinstance(value, NetArray):
                if isinstance(declared, State):
                    raise NetValueError(f"{name}: {word} cannot be shared: it is updated by the layer itself")
                if value.name is All:
                    raise NetValueError(f"{name}: {word} wants one shared array, NetArray(All) is all of them")
                if value.name in schema.arrays and value.name != word:
                    raise NetValueError(f'{name}: {word} is shared as "{value.name}", which is the name of another array of the layer')
                if value.name is not Automatic or value.dimensions is not None:
                    kept[word] = NetArray(*([] if value.name is Automatic else [value.name]), **_dimensions(value))
                if value.array is not Automatic:
                    tensors[word if value.name is Automatic else value.name] = value.array
            else:
                tensors[word] = owned(value, f"{name}: {word}")
        object.__setattr__(self, "_settings", kept)
        types = {word: self.given_type(word, parse_type(value, f"{name}: {word}", self.side(word))) for word, value in given.items()}
        if ports is not Automatic and self._ports is not None:
            types.update({n: t for n, t in port_types(ports, self._ports, name).items() if t.shape is not None or t.kind is not None})
        self._hold(tensors, types)
        self.check()
        if self.children:
            hash(self)
        if types or tensors or self.children:
            typed(self)

    def given_type(self, name: str, given: PortType) -> PortType:
        """The type of a port from what its option says; the same unless an operator means something else by it."""
        return given

    def default_ports(self) -> tuple[str, ...] | None:
        """The input ports of a layer of any number of them when InputPorts is not given; None: as many as are connected."""
        return None

    def check(self) -> None:
        """What the parameters must fulfil together; raises a NetError. Nothing by default."""

    # -- as a value ------------------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.children)

    def __getattr__(self, name: str):
        full = type(self).schema_of().aliases.get(name) if not name.startswith("_") else None
        if full is not None and full != name:
            return getattr(self, full)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def text(self, depth: int) -> str:
        schema, defaults = self.schema_of(), {name: field.get_default() for name, field in type(self).model_fields.items()}
        parts, by_position = [], True
        for name in (*schema.positional, *(name for name in schema.fields if name not in schema.positional)):
            value, default = getattr(self, name), defaults[name]
            if type(value) is type(default) and value == default:
                by_position = False
                continue
            by_position = by_position and name in schema.positional
            parts.append(self.written(name, depth) if by_position else f"{name}={self.written(name, depth)}")
        parts += [f"{name}={value!r}" for name, value in self._settings.items()]
        parts += [f"{name}=<array of shape {tuple(t.shape)}>" for name, t in self._arrays.items() if name in schema.arrays]
        if self._ports is not None and schema.variadic is not None and not (self._ports == self.default_ports() and not self._given):
            parts.append(f"InputPorts={self.port_notation()}")
        named = {name: kind for name, kind in self._given.items() if self._ports is None or name not in self._ports}
        parts += [f"{name}={self.written_type(name, kind).notation()}" for name, kind in named.items()]
        if self._multipliers is not Automatic:
            parts.append(f"LearningRateMultipliers={self._multipliers!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def written(self, name: str, depth: int = 0) -> str:
        """A parameter as a user would write it, for `repr`."""
        value = getattr(self, name)
        if isinstance(value, Net):
            return value.text(depth - 1) if depth > 0 else f"{type(value).__name__}[{len(value.children)}]"
        if isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        return repr(value[0]) if isinstance(value, tuple) and len(value) == 1 and is_integer(value[0]) else repr(value)

    def port_notation(self) -> str:
        """The value of InputPorts that gives these ports, as text."""
        variadic, names = self.schema_of().variadic, self._ports or ()
        default = variadic is not None and names == tuple(variadic.naming.format(i + 1) for i in range(len(names)))
        types = {name: self._given[name].notation() if name in self._given else "Automatic" for name in names}
        if default:
            return f"[{', '.join(types.values())}]" if any(name in self._given for name in names) else str(len(names))
        if any(name in self._given for name in names):
            return "{" + ", ".join(f'"{name}": {kind}' for name, kind in types.items()) + "}"
        return "[" + ", ".join(f'"{name}"' for name in names) + "]"

    @property
    def children(self) -> Mapping[str, Net]:
        if "children" not in self._cache:
            values = {name: value for name in self.schema_of().fields if isinstance(value := self.__dict__[name], Net)}
            self._cache["children"] = MappingProxyType(values)
        return self._cache["children"]

    def own_key(self) -> tuple:
        if "key" not in self._cache:
            fields = tuple(
                (name, hashable(self.__dict__[name])) for name in self.schema_of().fields if not isinstance(self.__dict__[name], Net)
            )
            self._cache["key"] = (
                type(self).__name__, fields, tuple(sorted(self._given.items())), tuple(sorted(self._settings.items(), key=lambda i: i[0])),
                self._ports, hashable(self._multipliers),
            )  # fmt: skip
        return self._cache["key"]

    def replaced(
        self,
        *,
        children=None,
        given=None,
        arrays=None,
        ports=None,
        settings=None,
        multipliers=None,
        fields: Mapping[str, Any] | None = None,
    ) -> "Layer":
        twin = type(self).__new__(type(self))
        object.__setattr__(twin, "__dict__", dict(self.__dict__))
        object.__setattr__(twin, "__pydantic_fields_set__", set(self.__pydantic_fields_set__))
        object.__setattr__(twin, "__pydantic_extra__", None)
        object.__setattr__(twin, "__pydantic_private__", None)
        twin.__dict__.update({**(children or {}), **(fields or {})})
        if ports is not None:
            object.__setattr__(twin, "_ports", tuple(ports))
        if settings is not None:
            object.__setattr__(twin, "_settings", dict(settings))
        if multipliers is not None:
            object.__setattr__(twin, "_multipliers", multipliers)
        twin._hold(self._arrays if arrays is None else arrays, self._given if given is None else given)
        if all(change is None for change in (children, given, ports, settings, multipliers, fields)):
            twin._cache.update({word: self._cache[word] for word in ("key", "hash") if word in self._cache})
        return twin

    # -- its declaration, in a store -----------------------------------------------------------------------------------------------

    @property
    def input_count(self) -> int | None:
        schema = self.schema_of()
        if schema.variadic is None:
            return len(schema.inputs)
        return None if self._ports is None else len(self._ports) + len(schema.inputs)

    def input_ports(self) -> tuple[str, ...]:
        return (*(self._ports or ()), *self.schema_of().inputs)

    def output_ports(self) -> tuple[str, ...]:
        return tuple(self.schema_of().outputs)

    def state_names(self) -> tuple[str, ...]:
        return tuple(self.schema_of().state_ports)

    def readable_ports(self) -> tuple[str, ...]:
        return tuple(self.schema_of().readable)

    def with_inputs(self, count: int) -> "Layer":
        """The layer with `count` inputs, for one that takes any number. Errors: NetTypeError below the least it needs."""
        variadic = self.schema_of().variadic
        if variadic is None or self._ports is not None:
            return self
        if count < variadic.least:
            raise NetTypeError(f"{type(self).__name__} wants at least {variadic.least} inputs, got {count}")
        return self.replaced(ports=tuple(variadic.naming.format(i + 1) for i in range(count)))

    def array_places(self):
        for name, declared in self.schema_of().arrays.items():
            setting = self._settings.get(name, Automatic)
            if setting is not None and self.has_array(name):
                yield name, declared, setting

    def has_array(self, name: str) -> bool:
        """Whether the parameters call for this array."""
        return True

    def declare(self, scope: Scope) -> None:
        schema = self.schema_of()
        terms = scope.terms
        if schema.variadic is not None:
            for number, name in enumerate(self._ports or ()):
                shape = schema.variadic.shape
                declared = shape if shape is not None else _own_run(number)
                terms.inputs[name] = scope.port(declared, name)
        for name, port in schema.inputs.items():
            terms.inputs[name] = scope.port(port.shape, name)
        for name, port in schema.outputs.items():
            terms.outputs[name] = scope.port(port.shape, name)
        for name, port in schema.readable.items():
            terms.readable[name] = scope.port(port.shape, name)
        for name, port in schema.state_ports.items():
            terms.state_ports[name] = scope.port(port.shape, name)
        for name, declared, setting in self.array_places():
            scope.array(name, declared.shape, setting)
        for name, noise in schema.noise.items():
            terms.noise[name] = scope.shaped(noise.shape, scope.label(name))
        for rule in (*self.relations, *self.relate()):
            rule.apply(scope)

    def step(self, steps: frozenset[str], types: Mapping[str, PortType]) -> Step:
        """What the layer does in one step, where the inputs `steps` are sequences along their first level; `types` are those of its ports.

        A `stepwise` layer does the same with an element as with a sequence. Errors: ValueError, what keeps it from having a step.
        """
        if not self.stepwise:
            raise ValueError("sees all steps at once")
        whole = max(len(types[name].shape or ()) for name in steps)
        if any(name not in steps and len(types[name].shape or ()) >= whole for name in self.input_ports()):
            raise ValueError("has a sequence beside an array that is none")
        return same_ports(self.replaced(given=shortened(self.given, {*steps, *self.output_ports()})))

    @classmethod
    def signature(cls) -> inspect.Signature:
        """Wolfram's names: the positional parameters, then options, arrays and port types by keyword."""
        missing, positional = inspect.Parameter.empty, inspect.Parameter.POSITIONAL_OR_KEYWORD
        schema = cls.schema_of()
        parameters = []
        for name in (*schema.positional, *(n for n in schema.options if n not in schema.positional), *cls.port_words(schema)):
            field = cls.model_fields.get(name)
            default = Automatic if field is None else missing if field.is_required() else field.default
            parameters.append(
                inspect.Parameter(name, positional if name in schema.positional else inspect.Parameter.KEYWORD_ONLY, default=default)
            )
        return inspect.Signature(parameters)

    def relate(self):
        """Rules beyond equality that depend on the parameters; none by default."""
        return ()

    def shortest_lengths(self, sizes: Mapping[str, Any]) -> Mapping[tuple[str, int], int]:
        """How long a varying axis must be at least, by port and axis: the first one of "Input" has `shortest` elements."""
        return {("Input", 0): self.shortest} if self.shortest else {}

    def flops(self, inputs: Mapping[str, Shapes], outputs: Mapping[str, Shapes], arrays: Mapping[str, Shapes]) -> int:
        """Floating-point operations for one example, from the shapes of ports and arrays: one an element that comes out, and two for each
        element of a matrix of weights wherever it is applied. A layer that does more says so here, one that only moves elements by
        `costless`.
        """
        if self.costless:
            return 0
        elements = sum(map(math.prod, outputs.values()))
        matrices = [shape for name, shape in arrays.items() if name.endswith("Weights") and len(shape) > 1]
        return elements + sum(2 * math.prod(shape) * max(1, elements // shape[0]) for shape in matrices)

    def forward(self, *inputs: Any, **words: Any) -> Any:
        """The layer on tensors, batch first: inputs in order, arrays, states and noise by keyword. Pure."""
        raise TypeError(f"{type(self).__name__} is abstract")


def _own_run(number: int) -> Shape:
    return Shape("real", None, (), f"inputs{number}", ())


def _dimensions(value: NetArray) -> dict:
    return {} if value.dimensions is None else {"Dimensions": value.dimensions}


def hashable(value):
    """A kept value as one that hashes and that tells 1, 1.0 and True apart."""
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    if isinstance(value, (tuple, list)):
        return tuple(hashable(v) for v in value)
    if isinstance(value, dict):
        return tuple(sorted(((k, hashable(v)) for k, v in value.items()), key=repr))
    return (type(value).__name__, value) if isinstance(value, (bool, float)) else value
