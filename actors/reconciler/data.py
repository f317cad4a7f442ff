"""The commands and facts about data sets, for the actor: it opens the store, and hands them to the loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import msgspec

from actors.leading import Claim, Leadership, Standing, claim_of
from actors.reconciler.executor_tasks import Asks, ExecutorTasks
from actors.reconciler.filling import Lent, explained
from actors.reconciler.hands import Hands
from actors.reconciler.loop import Loop
from actors.reconciler.settings import ReconcilerSettings
from actors.reconciler.store import ReconcilerStore
from actors.reconciler.watched import Ended, Watched
from bus.errors import CommandError, Refused
from bus.hub import Request
from bus.messages import (
    DatasetRow,
    DatasetTable,
    ExplainKey,
    GetHealth,
    HealthReport,
    KeyStory,
    RunDatasets,
    TaskEnded,
)

RESYNC_S = 30.0
"""Seconds between two looks at which tasks have not ended, as a fact may be lost."""

HEALTH_WITHIN_S = 5.0
"""Seconds that the Monitor may take."""

SAMPLE_HOLDS_S = 60.0
"""Seconds that a measurement of the host counts."""


class Lends(Hands, Asks, Protocol):
    """What is needed of the actor."""

    settings: ReconcilerSettings

    def post(self, handler: Callable[..., None], *args: Any) -> None: ...


class Data:
    """The data sets of one behaviour of the actor."""

    def __init__(self, actor: Lends) -> None:
        self._actor = actor
        self._busy = ""
        self._busy_s = 0.0
        self._emergency = ""
        self._store = ReconcilerStore(actor.node.state_dir / "reconciler.db")
        self._loop: Loop | None = None
        self._agreed = (actor.settings.leader, "")
        self._leadership: Leadership | None = None
        self._claimed: Claim | None = None
        self._standing = Standing()

    def start(self) -> None:
        """Take up every data set, or claim them where several nodes have the same."""
        self._claim()
        self._actor.every(RESYNC_S, self._resync)

    def stop(self) -> None:
        """Let go of looks, tables and the lead."""
        self._leave()
        if self._leadership is not None:
            self._leadership.stop()
        self._store.close()

    def reload(self) -> None:
        """Other data sets or settings."""
        if self._loop is not None:
            self._loop.reload(self._actor.settings.reload_delay)
        if self._agreed != self._agreement:
            self._leave()
            if self._leadership is not None:
                self._actor.run(self._leadership.stop, lambda _: None)
                self._leadership = None
            self._claim()

    # -- who looks

    @property
    def _agreement(self) -> tuple[str | None, str]:
        """Where is agreed and on what: a node with other data sets is no rival, or nobody would look at its own."""
        agreed = self._actor.settings.leader
        return agreed, f"datasets {' '.join(sorted(self._actor.node.datasets))}" if agreed is not None else ""

    def _claim(self) -> None:
        self._agreed = where, lease = self._agreement
        self._claimed, self._standing = None, Standing()
        if where is None:
            self._lead(Standing())
            return
        node = self._actor.node
        claim = claim_of(where, lease, node.name, node.root)
        self._leadership = Leadership(claim, self._actor.clock, partial(self._actor.post, self._stands, claim))
        self._claimed = claim
        self._leadership.start()

    def _stands(self, claim: Claim, standing: Standing) -> None:
        """Who leads has changed."""
        if claim is not self._claimed:
            return  # it was given up
        self._standing = standing
        self._leave()
        if standing.leads:
            self._actor.log.info("lead.taken", token=standing.token)
            self._lead(standing)
        else:
            self._actor.log.info("lead.elsewhere", leader=standing.leader, why=standing.why)

    def _lead(self, standing: Standing) -> None:
        tasks = ExecutorTasks(self._actor, self._agreed[1] if standing.token else "", standing.token)
        lent = Lent(self._actor, tasks, self._store, self.host_busy)
        self._loop = Loop(lent, lambda priority: float(getattr(self._actor.settings.every, priority)))
        self._loop.start(self._actor.settings.first_after)

    def _leave(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def _leading(self) -> Loop:
        """The loop. Raises: Refused when another node has it."""
        if self._loop is None:
            raise Refused(f"{self._elsewhere()}; ask it, with --node NAME")
        return self._loop

    def _elsewhere(self) -> str:
        seen = self._standing
        if seen.leader and not seen.why:
            return f"the node {seen.leader} leads"
        return f"it is not known who leads: {seen.why or 'not asked yet'}"

    # -- hints

    def ended(self, fact: TaskEnded) -> None:
        """A task has ended."""
        if fact.key is not None and self._loop is not None:
            ended = Ended(fact.task, fact.outcome, fact.error, self._actor.clock.wall())
            self._loop.filling.ended(fact.key, ended)

    def measured(self, values: Mapping[str, float]) -> None:
        """How the host is."""
        limits = {"cpu": self._actor.settings.host_cpu_max, "memory_percent": self._actor.settings.host_memory_max}
        above = [name for name, most in limits.items() if values.get(name, 0.0) > most]
        words = {"cpu": "the processor", "memory_percent": "memory"}
        self._busy = f"the host is short of {words[above[0]]} ({values[above[0]]:.0f}%)" if above else ""
        self._busy_s = self._actor.clock()

    def emergency(self, incident: str) -> None:
        """An emergency lasts, or none does (empty)."""
        self._emergency = incident

    def _resync(self) -> None:
        """A fact may be lost: see which tasks have not ended, and whether an emergency lasts."""
        if self._loop is not None:
            self._loop.resync()
        self._actor.request(GetHealth(), self._health_read, timeout_s=HEALTH_WITHIN_S)

    def _health_read(self, outcome: HealthReport | CommandError) -> None:
        self.emergency(outcome.emergency if isinstance(outcome, HealthReport) else "")

    def host_busy(self) -> str:
        """Why no tasks are added now, or empty."""
        if self._emergency:
            return f"waits for the end of the emergency {self._emergency}"
        return self._busy if self._actor.clock() - self._busy_s <= SAMPLE_HOLDS_S else ""

    def table(self, names: Collection[str]) -> DatasetTable:
        """How they stand. Raises: Refused."""
        self._known(names)
        if self._loop is None:
            return DatasetTable(datasets=[self._standby(name) for name in names or self._actor.node.datasets])
        return self._loop.table(names)

    def _standby(self, name: str) -> DatasetRow:
        known, settings = self._store.known(name), self._actor.node.datasets[name]
        one = Watched(name=name, settings=settings, known=known, tried={}, state="standby")
        return one.row(self._actor.clock(), self._elsewhere())

    def pause(self, names: Collection[str], *, paused: bool) -> DatasetTable:
        """Make no more tasks, or make them again; without the lead once it is had. Raises: Refused."""
        self._known(names)
        for name in names or self._actor.node.datasets:
            if self._loop is not None:
                self._loop.pause(name, paused=paused)
            else:
                self._store.keep(name, msgspec.structs.replace(self._store.known(name), paused=paused))
        return self.table(names)

    def run(self, asked: RunDatasets, defer: Callable[[], Request]) -> None:
        """Look; the answer comes once all have been looked at. Raises: Refused."""
        loop = self._leading()
        named = self._named(asked.names)
        if asked.index and len(named) != 1:
            raise Refused("an index is that of one data set; name it")
        request = defer()
        left = {one.name for one in named}

        def looked(name: str, error: CommandError | None) -> None:
            if error is not None and left:
                left.clear()
                request.answer(error)
            elif name in left:
                left.discard(name)
                if not left:
                    request.answer(loop.table(asked.names))

        for one in named:
            loop.run(one, partial(looked, one.name), asked)

    def explain(self, asked: ExplainKey, request: Request) -> None:
        """Say what is known of a key, and what the source shows of it now."""
        try:
            named = self._named([asked.dataset] if asked.dataset else [])
            knows = [one for one in named if asked.key in one.gaps or asked.key in one.tried] or named
            if len(knows) != 1:
                raise Refused(f"no data set knows of a gap at {asked.key}; name one: --dataset NAME")  # noqa: TRY301
        except Refused as error:
            request.answer(error)
            return
        self._leading().filling.look_at(knows[0], asked.key, partial(self._explained, knows[0], asked.key, request))

    def _explained(self, one: Watched, key: str, request: Request, seen: str) -> None:
        lines = [*explained(one, key, self._actor.clock.wall()), seen]
        request.answer(KeyStory(dataset=one.name, key=key, lines=lines))

    def _named(self, names: Iterable[str]) -> list[Watched]:
        """Raises: Refused."""
        self._known(names)
        return self._leading().named(names)

    def _known(self, names: Iterable[str]) -> None:
        """Raises: Refused for a name that is not declared."""
        unknown = [name for name in names if name not in self._actor.node.datasets]
        if unknown:
            raise Refused(f'no data set "{unknown[0]}"; there are: {", ".join(self._actor.node.datasets)}')


def none_declared(names: Iterable[str]) -> DatasetTable:
    """The table when the config has no data sets. Raises: Refused when some are named."""
    for name in names:
        raise Refused(f'no data set "{name}"; the config declares none')
    return DatasetTable(datasets=[])
