"""How the routes are answered that are more than one question and its reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from actors.gateway import views
from actors.gateway.answers import Answers
from actors.gateway.app import App, Exchange
from actors.gateway.probed import Runs, probes_of
from actors.gateway.problems import Problem
from actors.gateway.routes import ROUTES
from actors.settings import Workload
from bus.messages import GetNode

ALIVE_S = 2.0
"""Seconds that the actor's thread has to show that it lives."""


class Knowledge(msgspec.Struct):
    """What the actor hears and the serving thread reads. stopping: the node said that it stops. facts: by type."""

    workloads: Mapping[str, Workload]
    runs: Runs
    facts: Mapping[str, int]
    stopping: bool = False


class Specials:
    """Answers some routes by name. ping: has a function called in the actor's thread and then another in the loop's."""

    def __init__(self, answers: Answers, knowledge: Knowledge, ping: Callable[[], Any]) -> None:
        self._answers = answers
        self._knowledge = knowledge
        self._ping = ping
        self._openapi: bytes | None = None
        self.app: App

    def table(self) -> dict[str, Callable[[Exchange], Any]]:
        """Name of the route -> who answers it."""
        return {
            "health": self.health,
            "livez": self.livez,
            "readyz": self.readyz,
            "metrics": self.metrics,
            "openapi": self.openapi,
            "workload": self.workload,
        }

    async def health(self, exchange: Exchange) -> Response:
        found = await self._answers.ask(exchange.route.ask(None, None), exchange.route.timeout_s)
        return self._document(exchange, views.health(found))

    async def livez(self, exchange: Exchange) -> Response:
        alive = await self._ping()
        said = views.HealthDocument(
            status="pass" if alive else "fail", output="" if alive else "the actors of the node do not answer"
        )
        return self._document(exchange, said)

    async def readyz(self, exchange: Exchange) -> Response:
        found = await self._answers.ask(exchange.route.ask(None, None), exchange.route.timeout_s)
        return self._document(exchange, views.readiness(found, stopping=self._knowledge.stopping))

    async def metrics(self, exchange: Exchange) -> Response:
        from actors.gateway.exposition import Own, exposed  # noqa: PLC0415 - not every node is scraped

        found = await self._answers.ask(exchange.route.ask(None, None), exchange.route.timeout_s)
        own = Own(dict(self.app.requests), dict(self._knowledge.facts), self.app.streams)
        text, media = exposed(found, own, exchange.request.headers.get("accept", ""))
        return self.app.made(exchange.route, text, media=media)

    async def openapi(self, exchange: Exchange) -> Response:
        from actors.gateway.openapi import document  # noqa: PLC0415 - few ask for it

        if self._openapi is None:
            info = await self._answers.ask_one(GetNode(), exchange.route.timeout_s)
            self._openapi = msgspec.json.encode(document(ROUTES, info.release))
        return self.app.made(exchange.route, self._openapi)

    async def workload(self, exchange: Exchange) -> Response:
        """As asked for, with the probes, which nobody else remembers. Raises: Problem."""
        name, route = exchange.params.name, exchange.route
        found = await self._answers.ask(route.ask(exchange.params, None), route.timeout_s)
        if "processes" in found.missing:
            raise Problem(503, found.missing["processes"], {"retry-after": "2"})
        if views.process_of(found.replies["processes"], name) is None:
            raise Problem(404, "no such workload")
        probes = probes_of(self._knowledge.workloads.get(name), self._knowledge.runs)
        return self.app.made(route, views.workload(name, found, probes))

    def _document(self, exchange: Exchange, said: views.HealthDocument) -> Response:
        return self.app.made(exchange.route, said, 503 if said.status == "fail" else 200)
