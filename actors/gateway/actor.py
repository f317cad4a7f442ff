"""The Gateway's shell: hears everything, asks for those who ask over HTTP, and keeps the serving thread."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from actors.base import Actor, Home, NodeView, snake
from actors.clock import Alarm
from actors.gateway.settings import GatewaySettings, names_of
from bus.message import Command, Fact
from bus.messages import FACTS, NodeStopping, ProbeMeasured

if TYPE_CHECKING:
    import asyncio

    from actors.gateway.serving import Serving

# What serves is imported when it starts, in this actor's thread: commands that only read a config do without, and the
# rest of the node starts meanwhile.
# ruff: noqa: PLC0415

ADDRESS = "gateway.json"
"""In the run directory: where it is served, for who wants to know."""


class Gateway(Actor[GatewaySettings]):
    """Owns the listening socket, the token and the newest facts; all of them are found again or made anew."""

    name = "gateway"
    listens: ClassVar[tuple[type[Fact], ...]] = tuple(FACTS.values())
    Settings = GatewaySettings

    def __init__(self, home: Home, node: NodeView, settings: GatewaySettings) -> None:
        super().__init__(home, node, settings)
        self._serving: Serving | None = None
        self._retry: Alarm | None = None
        self._ear: Any = None
        self._refused_before = ""
        self.url = ""

    def on_start(self) -> None:
        """Listen, or say why not."""
        from actors.gateway.complaints import Complaints
        from actors.gateway.feed import Feed
        from actors.gateway.specials import Knowledge

        self._complaints = Complaints()
        self._feed = Feed(self.settings.kept_events)
        self._runs: dict[tuple[str, str], tuple[float, ProbeMeasured]] = {}
        self._counts: dict[str, int] = {}
        self._knowledge = Knowledge(self.node.workloads, self._runs, self._counts)
        self._serve()

    def on_stop(self) -> None:
        """End the thread, and with it every connection."""
        if self._retry is not None:
            self._retry.cancel()
        self._end()

    def on_reload(self) -> None:
        """Other workloads to know of; other settings begin the serving anew."""
        self._knowledge.workloads = self.node.workloads
        if self.settings != self._served:
            self._end()
            self._feed.kept = self.settings.kept_events
            self._serve()

    # -- what is heard

    def _hear(self, fact: Fact) -> None:
        envelope = self.envelope
        self._counts[envelope.type] = self._counts.get(envelope.type, 0) + 1
        if isinstance(fact, ProbeMeasured):
            self._runs[fact.subject, fact.probe] = (envelope.time, fact)
        elif isinstance(fact, NodeStopping) and fact.subject == self.node.name:
            self._knowledge.stopping = True
        if self._feed.put(envelope) and self._serving is not None:
            self._serving.call(self._take_over)

    # -- serving

    def _serve(self) -> None:
        """Begin, or try again later."""
        from actors.gateway.serving import Ear, Limits, Serving, Tls, listen
        from actors.gateway.token import token_of

        self._served = settings = self.settings
        try:
            token, made = token_of(self.node.state_dir)
            listener = listen(settings.host, settings.port)
        except OSError as error:
            self._not_now(f"{settings.host}:{settings.port}: {error.strerror or error}")
            return
        if made:
            self.log.info("http.token_made", why=made)
        limits = Limits(
            request_s=settings.request_within,
            idle_s=settings.idle,
            connections=settings.connections,
            refused=lambda *told: self.post(self._note_refusal, *told),
            monotonic=self.clock,
        )
        tls = settings.tls
        paths = Tls(*(str(self.node.root / path) for path in (tls.certificate, tls.key))) if tls is not None else None
        self._ear = Ear(lambda text: self.post(self._note_error, text))
        make = partial(self._make, token, limits)
        self._serving = Serving(listener, make, limits, paths, lambda error: self.post(self._died, error))
        self._tell_where(listener.getsockname()[1])

    def _make(self, token: str, limits: Any, loop: asyncio.AbstractEventLoop) -> tuple[Any, Callable[[], None]]:
        """The application, in the serving thread."""
        from actors.gateway.answers import Answers
        from actors.gateway.app import App, Parts
        from actors.gateway.guard import Rules
        from actors.gateway.specials import Specials
        from actors.gateway.static import files_in
        from actors.gateway.streams import Streams, greeting

        settings = self._served
        answers = Answers(lambda *asked: self.post(self._ask, *asked), self._feed, self.clock, self.clock.wall)
        hello = greeting(self.node.name, self.clock.wall())
        streams = Streams(self._feed, self.clock, hello)
        self._take_over = streams.turn
        parts = Parts(
            rules=Rules(names_of(settings), token, frozenset(settings.origins), settings.auth == "all"),
            answers=answers,
            feed=self._feed,
            streams=streams,
            files=files_in(),
            monotonic=self.clock,
            refused=limits.refused,
            body_max=settings.body_max,
            streams_max=settings.streams,
        )
        specials = Specials(answers, self._knowledge, partial(self._ping, loop))
        app = specials.app = App(parts, specials.table())
        return app, streams.close

    def _tell_where(self, port: int) -> None:
        host = f"[{self._served.host}]" if ":" in self._served.host else self._served.host
        self.url = f"{'https' if self._served.tls else 'http'}://{host}:{port}"
        self.log.info("http.serving", url=self.url)
        self._refused_before = ""
        path = self.node.run_dir / ADDRESS
        try:
            self.node.run_dir.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps({"url": self.url, "pid": os.getpid()}) + "\n", "utf-8")
            fresh.replace(path)
        except OSError as error:
            self.log.warning("http.address_not_written", error=error.strerror)

    def _end(self) -> None:
        if self._serving is not None:
            self._serving.close()
            self._serving = None
            (self.node.run_dir / ADDRESS).unlink(missing_ok=True)
        if self._ear is not None:
            self._ear.close()
            self._ear = None

    def _not_now(self, why: str) -> None:
        """Go on without HTTP, and try again; said once."""
        if why != self._refused_before:
            self.log.warning("http.not_served", why=why, retry_s=float(self.settings.retry))
        self._refused_before = why
        self._retry = self.after(self.settings.retry, self._try_again)

    def _try_again(self) -> None:
        if self._serving is None:
            self._serve()

    def _died(self, error: Exception) -> None:
        self._end()
        self._not_now(f"{type(error).__name__}: {error}")

    # -- asked by the serving thread

    def _ask(self, command: Command, timeout_s: float, give: Callable[[Any], None]) -> None:
        self.request(command, partial(self._give, give), timeout_s=timeout_s)

    def _give(self, give: Callable[[Any], None], outcome: Any) -> None:
        if self._serving is not None:
            self._serving.call(give, outcome)

    async def _ping(self, loop: asyncio.AbstractEventLoop) -> bool:
        """In the serving thread: whether this actor's own thread still works."""
        import asyncio

        from actors.gateway.specials import ALIVE_S

        alive: asyncio.Future[None] = loop.create_future()
        self.post(self._give, partial(_settle, alive), None)
        done, _ = await asyncio.wait({alive}, timeout=ALIVE_S)
        return bool(done)

    def _note_refusal(self, status: int, method: str, path: str, address: str, why: str) -> None:
        untold = self._complaints.tell(status, address, self.clock())
        if untold is not None:
            more = {"untold": untold} if untold else {}
            self.log.warning(
                "http.refused", status=status, method=method, path=path[:200], address=address, why=why[:300], **more
            )

    def _note_error(self, text: str) -> None:
        self.log.error("http.error", error=text[:500])


for _kind in FACTS.values():
    setattr(Gateway, f"on_{snake(_kind.__name__)}", Gateway._hear)  # noqa: SLF001 - one handler for all


def _settle(future: asyncio.Future[Any], outcome: Any) -> None:
    """Unless nobody waits any more."""
    if not future.done():
        future.set_result(outcome)
