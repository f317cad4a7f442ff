"""The OpenAPI 3.1 document, made from the table of routes and the types of its answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from actors.gateway import problems
from actors.gateway.problems import ProblemDocument
from actors.gateway.route import Route
from bus.schema import Schema, components_of

REF: Final = "#/components/schemas/"

_ALWAYS: Final = (400, 401, 421, 500)
"""Statuses that any request may get: unreadable, without token where one is needed, by another name, our fault."""
_METRICS: Final = ("text/plain", "application/openmetrics-text")


def document(routes: Iterable[Route], release: str) -> Schema:
    """The whole of it."""
    routes = list(routes)
    kinds = [kind for route in routes for kind in (route.params, route.body, route.answer) if kind is not None]
    unique = list(dict.fromkeys([ProblemDocument, *kinds]))
    _, schemas = components_of(unique, REF)
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    parameters = {route.params.__name__ for route in routes}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gyrostat",
            "version": release,
            "description": "The node over HTTP. Looking takes no token unless `auth: all` is set; acting always does.",
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in sorted(schemas.items()) if name not in parameters},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schemas: Mapping[str, Schema]) -> Schema:
    found: Schema = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": list(_parameters(route, schemas[route.params.__name__])),
        "responses": {str(status): _response(route, status) for status in _statuses(route)},
        "security": [{"token": []}] if route.method == "POST" else [{}, {"token": []}],
    }
    if route.body is not None:
        required = any(field.required for field in msgspec.structs.fields(route.body))
        content = {"application/json": {"schema": {"$ref": REF + route.body.__name__}}}
        found["requestBody"] = {"required": required, "content": content}
    return found


def _parameters(route: Route, schema: Schema) -> Iterable[Schema]:
    for name, described in schema.get("properties", {}).items():
        in_path = f"{{{name}}}" in route.path
        yield {
            "name": name,
            "in": "path" if in_path else "query",
            "required": in_path,
            "schema": described,
        }


def _statuses(route: Route) -> list[int]:
    found = {*route.statuses, *_ALWAYS}
    if not route.of_its_own:
        found |= {503, 504}
    if "{" in route.path:
        found.add(404)
    if route.method == "POST":
        found |= {403, 413, 415}
    return sorted(found)


def _response(route: Route, status: int) -> Schema:
    phrase = HTTPStatus(status).phrase
    if status in route.statuses and status != HTTPStatus.CONFLICT:
        return {"description": phrase, "content": _content(route)}
    return {"description": phrase, "content": {problems.MEDIA: {"schema": {"$ref": f"{REF}ProblemDocument"}}}}


def _content(route: Route) -> Schema:
    if route.answer is not None:
        return {route.media: {"schema": {"$ref": REF + route.answer.__name__}}}
    if route.name == "metrics":
        return {media: {"schema": {"type": "string"}} for media in _METRICS}
    return {route.media: {"schema": {"type": "object"} if route.media.endswith("json") else {"type": "string"}}}
