"""The application that is served: lets in who may, finds the route, asks, answers, and tells of what it refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as WebRoute
from starlette.routing import Router

from actors.gateway.answers import Answers
from actors.gateway.feed import ALL, Feed, Wanted
from actors.gateway.fresh import is_fresh
from actors.gateway.guard import Rules, check
from actors.gateway.incoming import body_of, params_of
from actors.gateway.problems import MEDIA, Problem
from actors.gateway.route import Route, words
from actors.gateway.routes import ROUTES
from actors.gateway.static import File
from actors.gateway.streams import Streams
from bus.codec import plain

BODIES_MAX: Final = 256
BODY_KEPT_MAX: Final = 4_000_000
"""Answers that are kept as they are sent, and the bytes of the largest such."""
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_SAFE: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": CSP,
}
_encode = msgspec.json.Encoder(enc_hook=plain).encode

Scope = dict[str, Any]
Special = Callable[["Exchange"], Any]


class Parts(msgspec.Struct, frozen=True):
    """What the application is made of. refused: told of each refusal: (status, method, path, address, why)."""

    rules: Rules
    answers: Answers
    feed: Feed
    streams: Streams
    files: Mapping[str, File]
    monotonic: Callable[[], float]
    refused: Callable[[int, str, str, str, str], None]
    body_max: int
    streams_max: int


class Exchange(msgspec.Struct):
    """A request on its way to its answer. body: decoded."""

    route: Route
    request: Request
    params: Any
    body: Any = None


class App:
    """Serves the table and the dashboard. specials: how routes are answered that no actor is asked for, by name.

    requests: by status, since the start.
    """

    def __init__(self, parts: Parts, specials: Mapping[str, Special]) -> None:
        self.requests: dict[int, int] = {}
        self._parts = parts
        self._specials = {"events": self._events, **specials}
        self._bodies: dict[tuple[str, bytes, str], tuple[Response, float, int]] = {}
        self._router = Router(list(self._paths()), default=_nowhere, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            check(scope["method"], scope["path"], scope["headers"], self._parts.rules)
            kept = self._kept(scope)
            if kept is None:
                await self._router(scope, receive, send)
                return
            self._count(kept.status_code)
            await kept(scope, receive, send)
        except Problem as problem:
            await self._refuse(problem, scope)(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the one who asked hears of it, and so does the log
            await self._refuse(Problem(500, f"{type(error).__name__}: {error}"), scope)(scope, receive, send)

    def _paths(self) -> Iterable[WebRoute]:
        grouped: dict[str, dict[str, Route]] = {}
        for route in ROUTES:
            grouped.setdefault(route.path, {})[route.method] = route
        for path, methods in grouped.items():
            yield WebRoute(path, _Place(self, methods))
        for path, file in self._parts.files.items():
            yield WebRoute(path, _Static(self, file))

    # -- answering

    async def answer(self, route: Route, request: Request) -> Response:
        """What a route gives. Raises: Problem."""
        asked = params_of(route, request.path_params, request.scope["query_string"])
        exchange = Exchange(route, request, asked)
        if route.method == "POST":
            read = await self._read(request)
            exchange.body = body_of(route, request.headers.get("content-type", ""), read)
        special = self._specials.get(route.name)
        if special is not None:
            return await special(exchange)  # type: ignore[no-any-return]
        return await (self._look(exchange) if route.method == "GET" else self._act(exchange))

    async def _look(self, exchange: Exchange) -> Response:
        route = exchange.route
        await self._see_that_it_is_there(exchange)
        questions = route.ask(exchange.params, exchange.body)
        if route.join is None:
            return self.made(route, await self._parts.answers.ask_one(questions["reply"], route.timeout_s))
        found = await self._parts.answers.ask(questions, route.timeout_s)
        for part in route.needed:
            if part in found.missing:
                raise Problem(503, found.missing[part], {"retry-after": "2"})
        return self.made(route, route.join(exchange.params, found))

    async def _act(self, exchange: Exchange) -> Response:
        route = exchange.route
        await self._see_that_it_is_there(exchange)
        command = route.ask(exchange.params, exchange.body)["reply"]
        try:
            return self.made(route, await self._parts.answers.act(command, route.timeout_s))
        finally:
            self._bodies.clear()

    async def _see_that_it_is_there(self, exchange: Exchange) -> None:
        """Raises: Problem 404 when what the path names is not there."""
        before = exchange.route.before
        if before is None:
            return
        try:
            reply = await self._parts.answers.ask_one(before.ask(exchange.params), exchange.route.timeout_s)
        except Problem as problem:
            if problem.status != HTTPStatus.CONFLICT:
                raise
            raise Problem(404, problem.detail) from None
        if not before.there(exchange.params, reply):
            raise Problem(404, before.what)

    async def _read(self, request: Request) -> bytes:
        """The body. Raises: Problem when it is too long."""
        limit = self._parts.body_max
        too_long = Problem(413, f"the body has more than {limit} bytes", closes=True)
        if int(request.headers.get("content-length", "0")) > limit:
            raise too_long
        found = b""
        async for chunk in request.stream():
            found += chunk
            if len(found) > limit:
                raise too_long
        return found

    def made(self, route: Route, answer: Any, status: int = 200, media: str = "") -> Response:
        """An answer as it is sent. answer: bytes, or what becomes JSON."""
        body = answer if isinstance(answer, bytes) else _encode(answer)
        media = media or route.media
        headers = {**_SAFE, "cache-control": "no-store", "content-type": media}
        return Response(body, status, headers)

    async def _events(self, exchange: Exchange) -> Response:
        parts = self._parts
        if len(parts.streams.followers) >= parts.streams_max:
            raise Problem(503, f"{parts.streams_max} follow already", {"retry-after": "10"})
        types, subjects = tuple(words(exchange.params.types)), frozenset(words(exchange.params.subjects))
        wanted = Wanted(types, subjects) if types or subjects else ALL
        last_id = exchange.request.headers.get("last-event-id", "")
        return _Stream(parts.streams, wanted, last_id)

    # -- what is kept

    def _kept(self, scope: Scope) -> Response | None:
        if scope["method"] != "GET":
            return None
        kept = self._bodies.get(_key(scope))
        if kept is None:
            return None
        response, at_s, changes = kept
        age_s = self._parts.monotonic() - at_s
        if not is_fresh(age_s, changed=self._parts.feed.changes != changes):
            return None
        return response

    def keep(self, scope: Scope, response: Response, begun: tuple[float, int]) -> None:
        """Keep a good answer for the next who asks the same. begun: the time, and the facts heard by then."""
        if scope["method"] != "GET" or response.status_code != HTTPStatus.OK or isinstance(response, _Stream):
            return
        key = _key(scope)
        self._bodies.pop(key, None)
        if len(self._bodies) >= BODIES_MAX:
            self._bodies.pop(next(iter(self._bodies)))
        if len(response.body) <= BODY_KEPT_MAX:
            self._bodies[key] = (response, *begun)

    @property
    def streams(self) -> int:
        """Followers of events now."""
        return len(self._parts.streams.followers)

    def begun(self) -> tuple[float, int]:
        """The time, and how much was heard by now."""
        return self._parts.monotonic(), self._parts.feed.changes

    # -- refusing

    def _refuse(self, problem: Problem, scope: Scope) -> Response:
        address = scope["client"][0] if scope.get("client") else ""
        self._parts.refused(problem.status, scope["method"], scope["path"], address, problem.detail)
        self._count(problem.status)
        closing = {"connection": "close"} if problem.closes else {}
        headers = {**_SAFE, "cache-control": "no-store", "content-type": MEDIA, **problem.headers, **closing}
        return Response(problem.body(scope["path"]), problem.status, headers)

    def _count(self, status: int) -> None:
        self.requests[status] = self.requests.get(status, 0) + 1

    async def serve(self, methods: Mapping[str, Route], scope: Scope, receive: Any, send: Any) -> None:
        """A request to a path that is there. Raises: Problem."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        route = methods.get(method)
        if route is None:
            raise _not_allowed(methods)
        begun = self.begun()
        response = await self.answer(route, Request(scope, receive, send))
        if route.method == "GET":
            self.keep(scope, response, begun)
        self._count(response.status_code)
        await response(scope, receive, send)

    async def send_file(self, file: File, scope: Scope, receive: Any, send: Any) -> None:
        """A file of the dashboard. Raises: Problem."""
        if scope["method"] not in {"GET", "HEAD"}:
            raise _not_allowed({"GET": None})
        known = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
        same = file.etag.encode() in known
        headers = {**_SAFE, "cache-control": "no-cache", "etag": file.etag, "content-type": file.media}
        response = Response(b"" if same else file.body, 304 if same else 200, headers)
        self._count(response.status_code)
        await response(scope, receive, send)


class _Place:
    """A path of the table, as the router wants it."""

    def __init__(self, app: App, methods: Mapping[str, Route]) -> None:
        self._app = app
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        await self._app.serve(self._methods, scope, receive, send)


class _Static:
    """A file, as the router wants it."""

    def __init__(self, app: App, file: File) -> None:
        self._app = app
        self._file = file

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        await self._app.send_file(self._file, scope, receive, send)


class _Stream(Response):
    """The answer of `/events`."""

    def __init__(self, streams: Streams, wanted: Wanted, last_id: str) -> None:
        self._streams, self._wanted, self._last_id = streams, wanted, last_id
        super().__init__(headers={**_SAFE, "cache-control": "no-store", "content-type": "text/event-stream"})
        del self.headers["content-length"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            await self._streams.follow(self._wanted, self._last_id, receive, send)
        except asyncio.CancelledError:
            return


async def _nowhere(_scope: Any, _receive: Any, _send: Any) -> None:
    raise Problem(404, "there is no such place; /openapi.json tells what there is")


def _not_allowed(methods: Mapping[str, Any]) -> Problem:
    allowed = sorted({*methods, *({"HEAD"} if "GET" in methods else ())})
    return Problem(405, f"this takes {', '.join(allowed)}", {"allow": ", ".join(allowed)})


def _key(scope: Scope) -> tuple[str, bytes, str]:
    """What tells answers apart. Accept counts for /metrics only."""
    accept = ""
    if scope["path"] == "/metrics":
        accept = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"), "")
    return scope["path"], scope["query_string"], accept[:200]
