"""The JSON Schema of the config file, made from the types of the settings, for editors. Pure.

What takes more than one key to judge (exactly one of two, a dependency that is not there) is left to the loader: what
the loader takes, the schema takes.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from msgspec import NODEFAULT, Meta, Struct, structs

from actors.settings.alerts import AlertSettings
from actors.settings.datasets import DatasetSettings
from actors.settings.markers import AsWritten, CommandText, FromConfig, LevelText, NamesAs
from actors.settings.node import NodeSettings, default_node_name
from actors.settings.plain import plain_value
from actors.settings.tasks import TaskKind
from actors.settings.units import Bytes, Level, Seconds, Share
from actors.settings.workloads import RunMode, WorkloadSettings

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
"""The newest that every editor's YAML support knows."""
REF: Final = "#/definitions/"
DEFAULT: Final = "its default"
"""What is said of null where it stands for a key with nothing after it."""

Schema = dict[str, Any]
Docs = Callable[[type[Struct]], Mapping[str, str]]
"""Key -> what is said of it."""

SWITCHES: Final[Mapping[str, Schema]] = {
    "use": {"type": "string", "description": "Import path of an actor of your own: module:Class."},
    "enabled": {"type": "boolean", "default": True, "description": "false: the node runs without it."},
}
_SECTIONS: Final[Mapping[str, tuple[object, str]]] = {
    "node": (NodeSettings, "The node itself: its name, its directories, other nodes."),
    "mode": (RunMode, "sandbox, live, or dual: both side by side."),
    "workloads": (dict[str, WorkloadSettings], "Name -> program that is kept alive."),
    "tasks": (dict[str, TaskKind], "Name -> kind of task: work that is kept until it is done."),
    "datasets": (dict[str, DatasetSettings], "Name -> data that should be there, and what fills what is missing."),
    "alerts": (AlertSettings, "Who is told what, and when."),
}
_NUMBER: Final = r"\d+(\.\d+)?"
_BARE: Final = r"(\d+(\.\d+)?([eE][-+]?\d+)?|\.\d+)"
_NAME: Final = "^[a-z0-9_-]{1,64}$"
_QUANTITIES: Final[Mapping[type, tuple[str, str]]] = {
    Seconds: ("duration", rf"^\s*(({_NUMBER}(ms|[dhms]))+|{_BARE})\s*$"),
    Bytes: ("size", rf"^\s*({_NUMBER}\s?[kmgtKMGT]?[iI]?[bB]|{_BARE})\s*$"),
    Share: ("share", rf"^\s*({_NUMBER}\s?%|{_BARE})\s*$"),
    Level: ("level", r"^\s*[\d.][\d.]*\s?([A-Za-z%]|\d)*\s*$"),
}
_KINDS: Final = frozenset(name for name, _ in _QUANTITIES.values())
_SINGLE: Final[Mapping[object, Schema]] = {
    str: {"type": "string"},
    Path: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
    object: {},
}
_WRITTEN: Final[Schema] = {"type": ["string", "number", "boolean"]}
_LIMITS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "pattern": "pattern",
}
_LENGTHS: Final = {"min_length": "min", "max_length": "max"}


def config_schema(actor_types: Mapping[str, type[Struct]], docs: Docs) -> Schema:
    """Give the document. actor_types: settings of each built-in or installed actor. docs: of the fields of a type."""
    made = _Made(docs)
    sections = {
        name: _or_null(made.schema(kind), DEFAULT) | {"description": said} for name, (kind, said) in _SECTIONS.items()
    }
    sections["mode"]["anyOf"].pop()  # of all sections the one that may not be empty
    sections["mode"]["default"] = "live"
    for name in ("workloads", "tasks", "datasets"):
        sections[name]["anyOf"][0]["propertyNames"] = {"pattern": _NAME}
    own = {
        "type": ["object", "null"],
        "properties": dict(SWITCHES),
        "description": "An actor of your own, or installed.",
    }
    actors = {
        "type": ["object", "null"],
        "description": "The actors of the node; one that is not mentioned runs with its defaults.",
        "properties": {name: made.actor(name, kind) for name, kind in actor_types.items()},
        "additionalProperties": own,
    }
    return {
        "$schema": DRAFT,
        "title": "gyrostat.yaml",
        "description": "The config of a gyrostat node. docs/config.md has the same in prose.",
        "type": ["object", "null"],
        "properties": {**sections, "actors": actors},
        "additionalProperties": False,
        "definitions": dict(sorted(made.definitions.items())),
    }


class _Made:
    """Schemas made so far; each struct becomes a definition."""

    def __init__(self, docs: Docs) -> None:
        self._docs = docs
        self._names: dict[type[Struct], str] = {}
        self.definitions: dict[str, Schema] = {}

    def schema(self, kind: object) -> Schema:  # noqa: PLR0911 - a line for each kind of type
        """Give the schema of a type of settings."""
        if kind in _SINGLE:
            return dict(_SINGLE[kind])
        if isinstance(kind, type) and kind in _QUANTITIES:
            return _quantity(kind)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self._annotated(arguments[0], arguments[1:])
        if origin in {Union, UnionType}:
            return _any_of([self.schema(each) for each in arguments])
        if origin is Literal:
            return {"enum": list(arguments)}
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"enum": [each.value for each in kind]}
        if isinstance(kind, type) and issubclass(kind, Struct):
            return {"$ref": REF + self._define(kind)}
        return self._container(origin or kind, arguments)

    def actor(self, name: str, kind: type[Struct]) -> Schema:
        """Give the schema of a built-in or installed actor: its own keys, and those that every actor has."""
        own = self._struct(kind)
        own["properties"] = {**SWITCHES, **own["properties"]}
        self.definitions[f"actors.{name}"] = own
        said = {"description": own["description"]} if "description" in own else {}
        return _or_null({"$ref": f"{REF}actors.{name}"}, DEFAULT) | said

    def _container(self, origin: object, arguments: Sequence[object]) -> Schema:
        if origin in {dict, Mapping}:
            name, value = arguments or (str, Any)
            names = self.schema(name)
            limits = {} if names == {"type": "string"} else {"propertyNames": names}
            return {"type": "object", "additionalProperties": self.schema(value), **limits}
        items = [argument for argument in arguments or (Any,) if argument is not Ellipsis]
        return {"type": "array", "items": self.schema(items[0])}

    def _annotated(self, kind: object, marks: Sequence[object]) -> Schema:
        made = self.schema(kind)
        for mark in marks:
            if isinstance(mark, CommandText):
                made = {"x-kind": "command", **_any_of([_list_of(_WRITTEN), {"type": "string"}])}
            elif isinstance(mark, AsWritten):
                made = {"x-kind": "variables", "type": "object", "additionalProperties": dict(_WRITTEN)}
            elif isinstance(mark, LevelText):
                made = _quantity(Level)
            elif isinstance(mark, NamesAs):
                made = {"x-kind": "names", **_any_of([made, _list_of(_WRITTEN), dict(_WRITTEN)])}
            elif isinstance(mark, FromConfig):
                made = {"type": "string"}
            elif isinstance(mark, Meta):
                _limit(made, mark)
        return made

    def _define(self, kind: type[Struct]) -> str:
        if kind not in self._names:
            taken = set(self._names.values())
            name = kind.__name__ if kind.__name__ not in taken else f"{kind.__module__}.{kind.__name__}"
            self._names[kind] = name
            self.definitions[name] = self._struct(kind)
        return self._names[kind]

    def _struct(self, kind: type[Struct]) -> Schema:
        docs = self._docs(kind)
        fields = structs.fields(kind)
        properties = {field.encode_name: self._field(field, docs.get(field.encode_name, "")) for field in fields}
        required = [field.encode_name for field in fields if field.required]
        said = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
        return {
            "type": "object",
            **({"description": said} if said else {}),
            "properties": properties,
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def _field(self, field: structs.FieldInfo, said: str) -> Schema:
        made = self.schema(field.type)
        if not field.required and _is_collection(made):
            made = _or_null(made, DEFAULT)
        if "$ref" in made:
            made = {"allOf": [made]}  # what stands beside a $ref is not read
        if said:
            made["description"] = said
        if not field.required and field.default_factory is not default_node_name:
            default = field.default if field.default is not NODEFAULT else field.default_factory()
            if not isinstance(default, Struct):
                made["default"] = plain_value(default)
        return made


def _quantity(kind: type) -> Schema:
    name, pattern = _QUANTITIES[kind]
    bounds = {"minimum": 0, "maximum": 1} if kind is Share else {"minimum": 0}
    return {"x-kind": name, "anyOf": [{"type": "string", "pattern": pattern}, {"type": "number", **bounds}]}


def _limit(schema: Schema, meta: Meta) -> None:
    """Put the limits in; those of a quantity can only be held against a bare number."""
    numbers = schema["anyOf"][1] if schema.get("x-kind") in _KINDS else schema
    for name, key in _LIMITS.items():
        if (limit := getattr(meta, name)) is not None:
            numbers[key] = limit
    for name, side in _LENGTHS.items():
        if (length := getattr(meta, name)) is not None:
            schema[f"{side}{'Items' if schema.get('type') == 'array' else 'Length'}"] = length


def _any_of(schemas: Sequence[Schema]) -> Schema:
    return {"anyOf": list(schemas)}


def _or_null(schema: Schema, meaning: str = "") -> Schema:
    return _any_of([schema, {"type": "null", "description": meaning} if meaning else {"type": "null"}])


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": dict(item)}


def _is_collection(schema: Schema) -> bool:
    """Whether the default is taken when only the key is written."""
    every = [schema, *schema.get("anyOf", ())]
    if {"type": "null"} in every:
        return False
    return any("$ref" in each or each.get("type") in ("array", "object") for each in every)
