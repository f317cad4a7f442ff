"""What a request carries, checked against what its route takes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from actors.gateway.problems import Problem
from actors.gateway.route import Route

FIELDS_MAX: Final = 32
UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError, ValueError)


def params_of(route: Route, path: Mapping[str, str], query: bytes) -> Any:
    """What stands in path and query. Raises: Problem, 404 for a name in the path that can be none, else 400."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise Problem(400, f"the query cannot be read: {error}") from None
    given = dict(pairs)
    if len(given) != len(pairs) or given.keys() & path.keys():
        raise Problem(400, "something is said twice in the query")
    _convert(dict(path), _only(route.params, path), status=404)
    return _convert({**path, **given}, route.params, status=400)


def body_of(route: Route, content_type: str, body: bytes) -> Any:
    """What stands in the body; without one, the defaults. Raises: Problem."""
    if route.body is None:
        return None
    if body and content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "the body has to be application/json")
    try:
        return msgspec.json.decode(body or b"{}", type=route.body)
    except UNDECODABLE as error:
        raise Problem(400, f"the body does not fit: {_told(error)}") from None


def _only(kind: type[msgspec.Struct], path: Mapping[str, str]) -> type[msgspec.Struct]:
    """The part of the type that the path fills."""
    key = (kind, *sorted(path))
    if key not in _PARTS:
        fields = [(each.name, each.type) for each in msgspec.structs.fields(kind) if each.name in path]
        _PARTS[key] = msgspec.defstruct("Path", fields)
    return _PARTS[key]


_PARTS: Final[dict[tuple[Any, ...], type[msgspec.Struct]]] = {}


def _convert(given: dict[str, str], kind: type[msgspec.Struct], *, status: int) -> Any:
    try:
        return msgspec.convert(given, kind, strict=False)
    except UNDECODABLE as error:
        raise Problem(status, _told(error)) from None


def _told(error: Exception) -> str:
    """`limit: expected int >= 1`."""
    text, _, place = str(error).partition(" - at `$.")
    return f"{place.rstrip('`')}: {text}" if place else text
