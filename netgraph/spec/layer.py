"""`Layer`: a frozen pydantic model that declares its ports and arrays, and a pure `forward` over tensors."""

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from netgraph.errors import NetError, NetNameError, NetTypeError, NetValueError, did_you_mean
from netgraph.spec.arrays import NetArray, owned
from netgraph.spec.declare import Array, Declaration, InputPort, InputPorts, Noise, OutputPort, Rule, Shape, State, StatePort
from netgraph.spec.net import Net, under
from netgraph.spec.names import snake
from netgraph.spec.parameters import is_integer
from netgraph.spec.typing import Scope, typed
from netgraph.types.port_type import PortType, parse_type
from netgraph.types.symbols import Automatic

OPTIONS = ("LearningRateMultipliers",)
"""Options that every layer takes."""

LAYERS: dict[str, type["Layer"]] = {}
"""Every final layer class by its name: what files and JSON may name."""


class Schema:
    """The declaration of a layer class, collected once: its parameters and the parts it declares, by name."""

    def __init__(self, cls: type["Layer"]):
        declared: dict[str, Declaration] = {}
        for base in reversed(cls.__mro__):
            declared.update({d.name: d for d in vars(base).values() if isinstance(d, Declaration)})
        self.fields = tuple(cls.model_fields)
        self.positional = cls.positional
        self.inputs = {n: d for n, d in declared.items() if type(d) is InputPort}
        self.outputs = {n: d for n, d in declared.items() if type(d) is OutputPort}
        self.arrays = {n: d for n, d in declared.items() if isinstance(d, Array)}
        self.noise = {n: d for n, d in declared.items() if isinstance(d, Noise)}
        self.state_ports = {n: d for n, d in declared.items() if isinstance(d, StatePort)}
        self.variadic = next((d for d in declared.values() if isinstance(d, InputPorts)), None)
        options = (*self.fields, *self.arrays, *OPTIONS, *(("InputPorts",) if self.variadic else ()))
        self.options = options
        self.aliases = {snake(name): name for name in options}
        self.forward = inspect.signature(cls.forward).parameters


class Layer(BaseModel, Net):
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
    coupled: ClassVar[bool] = False
    varying: ClassVar[str] = "refused"
    relations: ClassVar[tuple[Rule, ...]] = ()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls._schema = None

    @classmethod
    def __pydantic_init_subclass__(cls, **options):
        if "forward" in vars(cls) or ("unfold" in vars(cls) and "declare" in vars(cls)):
            LAYERS[cls.__name__] = cls
            fields = cls.model_fields
            parameters = [
                inspect.Parameter(
                    name,
                    inspect.Parameter.POSITIONAL_OR_KEYWORD if name in cls.positional else inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if field.is_required() else field.default,
                )
                for name, field in sorted(fields.items(), key=lambda item: item[0] not in cls.positional)
            ]
            parameters.append(inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD))
            cls.__signature__ = inspect.Signature(parameters)

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
        fields, given, settings, ports = _sort(cls, schema, args, options)
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _located(cls, error) from None
        parts = {word: value for word in schema.fields if isinstance(value := getattr(self, word), Net)}
        tensors = {}
        for word, part in parts.items():
            tensors.update(under(word, part))
            self.__dict__[word] = part.structure
        object.__setattr__(self, "_multipliers", settings.pop("LearningRateMultipliers", Automatic))
        names = _port_names(schema, ports, name)
        object.__setattr__(self, "_ports", self.default_ports() if names is None and schema.variadic is not None else names)
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
                if value.name is not Automatic or value.dimensions is not None:
                    kept[word] = NetArray(*([] if value.name is Automatic else [value.name]), **_dimensions(value))
                if value.array is not Automatic:
                    tensors[word if value.name is Automatic else value.name] = value.array
            else:
                tensors[word] = owned(value, f"{name}: {word}")
        object.__setattr__(self, "_settings", kept)
        types = {word: self.given_type(word, parse_type(value, f"{name}: {word}")) for word, value in given.items()}
        if ports is not Automatic and self._ports is not None:
            types.update({n: t for n, t in _port_types(ports, self._ports, name).items() if t.shape is not None or t.kind is not None})
        self._hold(tensors, types)
        self.check()
        if self.children:
            hash(self)
        if types or tensors:
            typed(self)

    def given_type(self, name: str, given: PortType) -> PortType:
        """The type of a port from what its option says; the same unless an operator means something else by it."""
        return given

    def written_type(self, name: str, given: PortType) -> PortType:
        """The inverse of `given_type`, for `repr`."""
        return given

    def default_ports(self) -> tuple[str, ...] | None:
        """The input ports of a layer of any number of them when InputPorts is not given; None: as many as are connected."""
        return None

    def check(self) -> None:
        """What the parameters must fulfil together; raises a NetError. Nothing by default."""

    # -- as a value ------------------------------------------------------------------------------------------------------------------

    __eq__ = Net.__eq__
    __hash__ = Net.__hash__
    __iter__ = Net.__iter__
    __copy__ = Net.__copy__
    __deepcopy__ = Net.__deepcopy__
    __str__ = Net.__str__

    def __len__(self) -> int:
        return len(self.children)

    def __getattr__(self, name: str):
        full = type(self).schema_of().aliases.get(name) if not name.startswith("_") else None
        if full is not None and full in type(self).model_fields:
            return getattr(self, full)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __repr__(self) -> str:
        parts, still = [], True
        schema = self.schema_of()
        fields = type(self).model_fields
        for name in schema.positional:
            value = getattr(self, name)
            if value is Automatic and name in fields and fields[name].default is Automatic:
                still = False
                continue
            if not still or (value == fields[name].default and not fields[name].is_required()):
                if not (value == fields[name].default and not fields[name].is_required()):
                    parts.append(f"{name}={self.written(name)}")
                still = False
                continue
            parts.append(self.written(name))
        for name in schema.fields:
            if name not in schema.positional and getattr(self, name) != fields[name].default:
                parts.append(f"{name}={self.written(name)}")
        parts += [f"{name}={value!r}" for name, value in self._settings.items()]
        parts += [f"{name}=<array of shape {tuple(t.shape)}>" for name, t in self._arrays.items() if name in schema.arrays]
        if self._ports is not None and schema.variadic is not None:
            parts.append(f"InputPorts={self.port_notation()!r}")
            parts += [f"{n}={t.written()!r}" for n, t in self._given.items() if n not in self._ports]
        else:
            parts += [f"{name}={self.written_type(name, kind).written()!r}" for name, kind in self._given.items()]
        if self._multipliers is not Automatic:
            parts.append(f"LearningRateMultipliers={self._multipliers!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def written(self, name: str) -> str:
        """A parameter as a user would write it, for `repr`."""
        value = getattr(self, name)
        return repr(value[0]) if isinstance(value, tuple) and len(value) == 1 and is_integer(value[0]) else repr(value)

    def port_notation(self):
        """The value of InputPorts that gives these ports."""
        default = [self.schema_of().variadic.naming.format(i + 1) for i in range(len(self._ports))]
        types = {name: self._given[name].written() for name in self._ports if name in self._given}
        if list(self._ports) == default:
            return len(default) if not types else [types.get(name, Automatic) for name in default]
        return {name: types.get(name, Automatic) for name in self._ports} if types else list(self._ports)

    @property
    def children(self) -> Mapping[str, Net]:
        if "children" not in self._cache:
            values = {name: value for name in self.schema_of().fields if isinstance(value := self.__dict__[name], Net)}
            self._cache["children"] = MappingProxyType(values)
        return self._cache["children"]

    def own_key(self) -> tuple:
        if "key" not in self._cache:
            fields = tuple(
                (name, _hashable(self.__dict__[name])) for name in self.schema_of().fields if not isinstance(self.__dict__[name], Net)
            )
            self._cache["key"] = (
                type(self).__name__, fields, tuple(sorted(self._given.items())), tuple(sorted(self._settings.items(), key=lambda i: i[0])),
                self._ports, _hashable(self._multipliers),
            )  # fmt: skip
        return self._cache["key"]

    def replaced(self, *, children=None, given=None, arrays=None, ports=None, settings=None, multipliers=None) -> "Layer":
        """A copy with some of its state exchanged; parameters stay. Nothing is checked: callers infer anew where types may change."""
        twin = type(self).__new__(type(self))
        object.__setattr__(twin, "__dict__", dict(self.__dict__))
        object.__setattr__(twin, "__pydantic_fields_set__", set(self.__pydantic_fields_set__))
        object.__setattr__(twin, "__pydantic_extra__", None)
        object.__setattr__(twin, "__pydantic_private__", None)
        if children is not None:
            twin.__dict__.update(children)
        if ports is not None:
            object.__setattr__(twin, "_ports", tuple(ports))
        if settings is not None:
            object.__setattr__(twin, "_settings", dict(settings))
        if multipliers is not None:
            object.__setattr__(twin, "_multipliers", multipliers)
        twin._hold(self._arrays if arrays is None else arrays, self._given if given is None else given)
        if children is None and given is None and ports is None and settings is None and "typing" in self._cache:
            twin._cache["typing"] = self._cache["typing"]
        return twin

    # -- its declaration, in a store -----------------------------------------------------------------------------------------------

    @property
    def input_count(self) -> int | None:
        """How many inputs it has; None while a layer with any number of them is not connected yet."""
        schema = self.schema_of()
        if schema.variadic is None:
            return len(schema.inputs)
        return None if self._ports is None else len(self._ports) + len(schema.inputs)

    def input_ports(self) -> tuple[str, ...]:
        """The names of the input ports, in order; empty while a layer with any number of them is not connected yet."""
        return (*(self._ports or ()), *self.schema_of().inputs)

    def output_ports(self) -> tuple[str, ...]:
        """The names of the output ports, in order."""
        return tuple(self.schema_of().outputs)

    def with_inputs(self, count: int) -> "Layer":
        """The layer with `count` inputs, for one that takes any number. Errors: NetTypeError below the least it needs."""
        variadic = self.schema_of().variadic
        if variadic is None or self._ports is not None:
            return self
        if count < variadic.least:
            raise NetTypeError(f"{type(self).__name__} wants at least {variadic.least} inputs, got {count}")
        return self.replaced(ports=tuple(variadic.naming.format(i + 1) for i in range(count)))

    def array_places(self):
        """(name, declaration, setting) of each array it has; one that is switched off is left out."""
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
        for name, port in schema.state_ports.items():
            terms.state_ports[name] = scope.port(port.shape, name)
        for name, declared, setting in self.array_places():
            scope.array(name, declared.shape, setting)
        for name, noise in schema.noise.items():
            terms.noise[name] = scope.shaped(noise.shape, scope.label(name))
        for rule in (*self.relations, *self.relate()):
            rule.apply(scope)

    def relate(self):
        """Rules beyond equality that depend on the parameters; none by default."""
        return ()

    def assume(self, scope: Scope) -> None:
        """What is taken for granted when a net is closed and nothing said otherwise; nothing by default."""

    def forward(self, *inputs, **arrays):
        """The layer on tensors, batch first: inputs in order, arrays, states and noise by keyword. Pure."""
        raise TypeError(f"{type(self).__name__} is abstract")


def _own_run(number: int) -> Shape:
    return Shape("real", None, (), f"inputs{number}", ())


def _dimensions(value: NetArray) -> dict:
    return {} if value.dimensions is None else {"Dimensions": value.dimensions}


def _hashable(value):
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    if isinstance(value, (tuple, list)):
        return tuple(_hashable(v) for v in value)
    if isinstance(value, dict):
        return tuple(sorted((k, _hashable(v)) for k, v in value.items()))
    return (type(value).__name__, value) if isinstance(value, (bool, float)) else value


def _tidy(value):
    """Lists as tuples and NumPy's whole numbers as Python's, at any depth; everything else as it is."""
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return tuple(_tidy(v) for v in value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value)
    return value


def _sort(cls, schema: Schema, args, options):
    """The arguments of a layer as (parameters, port types, array settings and options, InputPorts)."""
    name = cls.__name__
    if len(args) > len(schema.positional):
        most = len(schema.positional)
        raise NetTypeError(f"{name} takes {most} positional argument{'s' * (most != 1)}, got {len(args)}")
    fields = {word: _tidy(value) for word, value in zip(schema.positional, args, strict=False)}
    given: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    ports: Any = Automatic
    for word, value in options.items():
        if word in cls.port_words(schema):
            given[word] = value
            continue
        full = word if word in schema.options else schema.aliases.get(word)
        if full is None and schema.variadic is not None and isinstance(options.get("InputPorts", options.get("input_ports")), (list, tuple, dict)):
            full = word if word in list(options.get("InputPorts", options.get("input_ports"))) else None
            if full is not None:
                given[full] = value
                continue
        if full is None:
            known = [*schema.options, *cls.port_words(schema)]
            raise NetNameError(f'{name} has no option "{word}", {did_you_mean(word, known)}')
        target = fields if full in schema.fields else settings
        if full == "InputPorts":
            if ports is not Automatic:
                raise NetTypeError(f"{name}: InputPorts is given twice, as InputPorts= and input_ports=")
            ports = value
            continue
        if full in target:
            other = "by position" if full == word and word in schema.positional[: len(args)] else f"as {snake(full)}="
            raise NetTypeError(f"{name}: {full} is given twice, {other} and as {word}=" if word != snake(full) else
                               f"{name}: {full} is given twice, as {full}= and {snake(full)}=")  # fmt: skip
        target[full] = _tidy(value) if target is fields else value
    return fields, given, settings, ports


def _port_names(schema: Schema, ports, layer: str) -> tuple[str, ...] | None:
    variadic = schema.variadic
    if variadic is None or ports is Automatic:
        return None
    if is_integer(ports):
        count = ports
    elif isinstance(ports, Mapping) or (isinstance(ports, (list, tuple)) and ports and all(isinstance(p, str) and p not in _TYPE_WORDS for p in ports)):
        names = tuple(ports)
        if len(set(names)) != len(names):
            raise NetValueError(f"{layer}: InputPorts names a port twice: {list(names)!r}")
        return names
    elif isinstance(ports, (list, tuple)) and ports:
        count = len(ports)
    else:
        raise NetTypeError(f"{layer}: InputPorts wants a number, a list of names or of shapes, or a dict of both, got {ports!r}")
    if count < variadic.least:
        raise NetValueError(f"{layer}: InputPorts={ports!r} gives {count} inputs, at least {variadic.least} are wanted")
    return tuple(variadic.naming.format(i + 1) for i in range(count))


_TYPE_WORDS = ("Real", "Integer", "Boolean", "Varying")


def _port_types(ports, names: tuple[str, ...], layer: str) -> dict[str, PortType]:
    if is_integer(ports):
        return {}
    if isinstance(ports, Mapping):
        return {name: parse_type(value, f"{layer}: {name}") for name, value in ports.items()}
    if all(isinstance(p, str) and p not in _TYPE_WORDS for p in ports):
        return {}
    return {name: parse_type(value, f"{layer}: {name}") for name, value in zip(names, ports, strict=True)}


def _located(cls, error: ValidationError) -> NetError:
    """pydantic's complaint as ours: the layer, the parameter, what is wanted and what was got; all faults at once."""
    lines, kind = [], NetValueError
    for fault in error.errors():
        word = str(fault["loc"][0]) if fault["loc"] else ""
        cause = fault.get("ctx", {}).get("error")
        if fault["type"] == "missing":
            lines.append(f"{cls.__name__} wants {word}, its argument {cls.positional.index(word) if word in cls.positional else ''}".rstrip())
            kind = NetTypeError
        elif isinstance(cause, NetError):
            return cause
        else:
            text = str(cause) if cause is not None else f"{fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}"
            lines.append(f"{cls.__name__}: {word} {text}")
    return kind("\n".join(lines))

