"""Every key of the config, as a list: what `config explain` says and docs/config.md is written from. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from actors.settings.faults import suggest
from actors.settings.schema import DEFAULT, REF, Schema
from actors.settings.units import DURATIONS_ALLOWED, LEVELS_ALLOWED, SHARES_ALLOWED, SIZES_ALLOWED

ANY: Final = "*"
"""Stands in a path for a name that the operator gives, and for a place in a list."""
_TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "array": "list",
    "object": "mapping",
}
_KINDS: Final = {
    "command": "program and arguments",
    "variables": "mapping of names to texts",
    "names": "name, list of names, or mapping",
}
_ALLOWED: Final = {
    "duration": DURATIONS_ALLOWED,
    "size": SIZES_ALLOWED,
    "share": SHARES_ALLOWED,
    "level": LEVELS_ALLOWED,
}
_BOUNDS: Final = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minItems": "entries: at least",
    "maxItems": "entries: at most",
}


class Key(Struct, frozen=True, kw_only=True):
    """One key. path: dotted, with * for a name or a place in a list. words: its type. default: as it would be written.

    allowed: what it may be, beyond its type. within, beneath: names of the types of settings that it belongs to, and
    that its own keys are of, or empty; the same type may stand in several places.
    """

    path: str
    words: str
    said: str = ""
    default: Any = None
    required: bool = False
    allowed: str = ""
    within: str = ""
    beneath: str = ""


def keys_of(schema: Schema, *, once: bool = False) -> Iterator[Key]:
    """Give every key, in the order of the file. once: what is beneath a type only where it comes up first."""
    yield from _Walk(schema, once=once).below(schema, "", "gyrostat.yaml")


def find(keys: Sequence[Key], wanted: str) -> tuple[list[Key], str]:
    """Give the keys that are meant, else none and the nearest. wanted: a whole path, with real names, or its end."""
    parts = wanted.replace("[", ".").replace("]", "").strip(".").split(".")
    whole = [key for key in keys if fits(key.path.split("."), parts)]
    if whole:
        return whole[:1], ""
    ends = [key for key in keys if fits(key.path.split(".")[-len(parts) :], parts)]
    if ends:
        return ends, ""
    near = suggest(wanted, [key.path for key in keys], 0.5)
    if near.startswith("did you mean"):
        return [], near
    return [], suggest(parts[-1], sorted({key.path.rpartition(".")[2] for key in keys} - {ANY}), 0.5)


def fits(path: Sequence[str], parts: Sequence[str]) -> bool:
    """Tell whether a key is of a path, which may have * in it."""
    return len(path) == len(parts) and all(one in (ANY, part) for one, part in zip(path, parts, strict=True))


class _Walk:
    """One walk through a schema."""

    def __init__(self, schema: Schema, *, once: bool) -> None:
        self._definitions: Mapping[str, Schema] = schema["definitions"]
        self._once = once
        self._seen: set[str] = set()

    def below(self, schema: Schema, path: str, within: str) -> Iterator[Key]:
        """Give the keys beneath a schema."""
        for name, each in schema.get("properties", {}).items():
            yield from self._key(each, f"{path}.{name}" if path else name, within, name in schema.get("required", ()))
        more = schema.get("additionalProperties")
        if isinstance(more, dict) and (inner := self._struct(more)) is not None:
            yield from self._inner(inner, f"{path}.{ANY}")

    def _key(self, schema: Schema, path: str, within: str, required: bool) -> Iterator[Key]:  # noqa: FBT001 - one caller
        inner = self._struct(schema)
        yield Key(
            path=path,
            words=self.words(schema),
            said=schema.get("description", ""),
            default=schema.get("default"),
            required=required,
            allowed=allowed(schema),
            within=within,
            beneath=inner or "",
        )
        if inner is not None:
            yield from self._inner(inner, path + (f".{ANY}" if self._is_many(schema) else ""))
        elif "properties" in schema:
            yield from self.below(schema, path, path)

    def _inner(self, name: str, path: str) -> Iterator[Key]:
        if self._once and name in self._seen:
            return
        self._seen.add(name)
        yield from self.below(self._definitions[name], path, name)

    def _struct(self, schema: Schema) -> str | None:
        """Give the name of the definition beneath a value, a list or a mapping of it; None when there is none."""
        if "$ref" in schema:
            return str(schema["$ref"]).removeprefix(REF)
        for each in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
            if (name := self._struct(each)) is not None:
                return name
        for part in ("items", "additionalProperties"):
            if isinstance(schema.get(part), dict) and (name := self._struct(schema[part])) is not None:
                return name
        return None

    def _is_many(self, schema: Schema) -> bool:
        if "items" in schema or isinstance(schema.get("additionalProperties"), dict):
            return True
        return any(self._is_many(each) for each in (*schema.get("allOf", ()), *schema.get("anyOf", ())))

    def words(self, schema: Schema) -> str:  # noqa: PLR0911 - a line for each kind of schema
        """Give the type as people say it."""
        if "x-kind" in schema:
            return _KINDS.get(schema["x-kind"], str(schema["x-kind"]))
        if "enum" in schema:
            return "one of " + ", ".join("null" if each is None else str(each) for each in schema["enum"])
        if "$ref" in schema:
            return "mapping with the keys below"
        if "allOf" in schema:
            return self.words(schema["allOf"][0])
        if "anyOf" in schema:
            said = [self.words(each) for each in schema["anyOf"] if each.get("description") != DEFAULT]
            return " or ".join(dict.fromkeys(said))
        kinds = schema.get("type", "anything")
        if kinds == "array":
            return f"list of {self._plural(schema['items'])}"
        if kinds == "object" and isinstance(schema.get("additionalProperties"), dict):
            return f"mapping of names to {self._plural(schema['additionalProperties'])}"
        return " or ".join(_TYPES.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))

    def _plural(self, schema: Schema) -> str:
        word = self.words(schema)
        if word == "mapping with the keys below":
            return "mappings with the keys below"
        return f"{word}s" if word in {"text", "number", "whole number", "duration", "size", "share"} else word


def allowed(schema: Schema) -> str:
    """Give what a value may be beyond its type: how a quantity is written, and its bounds."""
    every = [schema, *schema.get("anyOf", ())]
    every += [each for one in every[1:] for each in one.get("anyOf", ())]
    kinds = [each["x-kind"] for each in every if "x-kind" in each]
    said = [_ALLOWED[kind] for kind in kinds if kind in _ALLOWED]
    for each in every:
        for bound, words in _BOUNDS.items():
            if bound in each and not (kinds and each[bound] in {0, 1}):
                said.append(f"{words} {each[bound]}")
    return "; ".join(dict.fromkeys(said))
