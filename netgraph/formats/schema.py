"""The JSON schema of a net's structure, from the layer classes themselves: what editors check and complete."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from netgraph.formats.rebuild import CONTAINERS, FORMAT
from netgraph.spec.layer import LAYERS, Layer

__all__ = ["net_json_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAME: dict[str, Any] = {"type": "string", "minLength": 1}
_NAMES = {"type": "array", "items": _NAME, "uniqueItems": True}
_PATH = {"type": "array", "items": _NAME}
_SIZE = {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "Varying"}, {"type": "null"}]}
_PORT_TYPE = {
    "type": "object",
    "properties": {
        "kind": {
            "anyOf": [
                {"type": "null"},
                {"enum": [["real", None], ["boolean", None]]},
                {"type": "array", "prefixItems": [{"const": "integer"}, {"type": ["integer", "null"]}], "minItems": 2, "maxItems": 2},
            ]
        },
        "shape": {"anyOf": [{"type": "null"}, {"type": "array", "items": _SIZE}]},
        "codec": {"type": "object", "description": "the encoder or decoder there: side, kind and parameters"},
    },
    "required": ["kind", "shape"],
    "additionalProperties": False,
}
_ARRAY = {
    "anyOf": [
        {"type": "null"},
        {
            "type": "object",
            "properties": {
                "name": {"type": ["string", "null"]},
                "dimensions": {"anyOf": [{"type": "null"}, {"type": "array", "items": _SIZE}]},
            },
            "required": ["name", "dimensions"],
            "additionalProperties": False,
        },
    ]
}


class _Quiet(GenerateJsonSchema):
    """Defaults such as Automatic have no JSON form and are left out."""

    ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}


def net_json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of what `net_to_json` writes and `net_from_json` reads.

    It says which layers there are, which parameters each takes and of which form; that types fit together only `net_from_json` can tell.
    Source: ours.

    >>> schema = net_json_schema()
    >>> schema["$defs"]["DropoutLayer"]["properties"]["parameters"]["properties"]["DropoutProbability"]["exclusiveMaximum"]
    1
    """
    kinds = {**{name: _layer(cls) for name, cls in sorted(LAYERS.items())}, **{name: _container(name) for name in CONTAINERS}}
    choices = [{"if": {"properties": {"type": {"const": name}}}, "then": {"$ref": f"#/$defs/{name}"}} for name in kinds]
    return {
        "$schema": DIALECT,
        "title": "The structure of a netgraph net",
        "type": "object",
        "properties": {
            "format": {"type": "integer", "minimum": 1, "maximum": FORMAT},
            "netgraph": {"type": "string", "description": "the version that wrote it"},
            "parts": {
                "type": "array",
                "minItems": 1,
                "description": "the net itself, then the parts it is made of, each before its own parts",
                "items": {"type": "object", "required": ["type"], "properties": {"type": {"enum": list(kinds)}}, "allOf": choices},
            },
        },
        "required": ["format", "netgraph", "parts"],
        "additionalProperties": False,
        "$defs": kinds,
    }


def _part(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "type": {"const": name},
            **properties,
            "parts": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}, "description": "its parts by number"},
            "given": {"type": "object", "additionalProperties": _PORT_TYPE, "description": "the port types that were written"},
            "multipliers": {"description": "LearningRateMultipliers"},
        },
        "additionalProperties": False,
    }


def _layer(cls: type[Layer]) -> dict[str, Any]:
    found = cls.model_json_schema(schema_generator=_Quiet)
    schema = cls.schema_of()
    parameters = {
        "type": "object",
        "properties": {name: _untitled(entry) for name, entry in found.get("properties", {}).items()},
        "additionalProperties": False,
    }
    if "$defs" in found:
        parameters["$defs"] = found["$defs"]
    properties: dict[str, Any] = {"parameters": parameters}
    if schema.arrays or cls.names_arrays:
        others = _ARRAY if cls.names_arrays else False
        properties["arrays"] = {"type": "object", "properties": dict.fromkeys(schema.arrays, _ARRAY), "additionalProperties": others}
    if schema.variadic is not None:
        properties["ports"] = {**_NAMES, "description": "the names of the inputs"}
    return {"description": (cls.__doc__ or "").strip().split("\n")[0], **_part(cls.__name__, **properties)}


def _container(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = {"named": {"type": "boolean", "description": "whether the parts have names or numbers"}}
    if name == "NetGraph":
        wire = {"type": "array", "prefixItems": [_PATH, _NAME, _NAME, _NAME], "minItems": 4, "maxItems": 4}
        end = {"type": "array", "prefixItems": [_PATH, _NAME], "minItems": 2, "maxItems": 2}
        properties["inputs"] = _NAMES
        properties["wires"] = {"type": "array", "items": wire, "description": "[source path, port, part, port]"}
        properties["outputs"] = {"type": "object", "additionalProperties": end}
    return {**_part(name, **properties), "required": ["named"]}


def _untitled(entry: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in entry.items() if word != "title"}
