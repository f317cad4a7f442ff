"""The ways to all workloads being down: for the end of the node, and for a drain, which a person takes back."""

from __future__ import annotations

from typing import Any

from actors.process_manager.keeper import Keeper
from actors.process_manager.lifecycle import DOWN
from actors.process_manager.means import Means
from actors.process_manager.order import start_order
from actors.process_manager.store import Store
from bus.errors import Refused
from bus.messages import NodeDraining, NodeUndrained

_ENDED = frozenset({"exited", "crash_loop"})
"""Down by themselves; a drain leaves them so, that its end does not run again what was done."""


class Drain:
    """Owns whether the node is drained; that lies in the store, so that it holds over restarts of the node."""

    def __init__(self, node: str, keeper: Keeper, means: Means, store: Store) -> None:
        """Take up a drain of before: nothing is started from here on."""
        self._node = node
        self._keeper = keeper
        self._means = means
        self._store = store
        self._ran = store.drained()
        if self.on:
            keeper.closing = []

    @property
    def on(self) -> bool:
        """Whether the node is drained, or on its way there."""
        return self._ran is not None

    def stop_all(self, request: Any, why: str) -> None:
        """Stop every workload, dependants first; the request is answered when all are down."""
        keeper = self._keeper
        if keeper.closing is None:
            keeper.closing = []
        keeper.closing.append(request)
        self._stop(why)

    def begin(self, request: Any, why: str) -> None:
        """Drain the node; a second drain waits for the same end.

        Raises: sqlite3.Error when the disk takes nothing; then nothing is changed.
        """
        if not self.on:
            ran = [life.name for life in self._keeper.lives.values() if life.wanted]
            self._store.drain(ran)
            self._ran = ran
            self._means.log.info("node.draining", why=why, workloads=len(ran))
            self._means.publish(NodeDraining(subject=self._node, why=why))
        self.stop_all(request, f"drained: {why}")

    def resume(self) -> None:
        """After adoption: end what runs all the same, and say again that the node is drained."""
        if self.on:
            self._means.publish(NodeDraining(subject=self._node, why="drained before the node started"))
            self._stop("drained")

    def end(self, why: str) -> int:
        """Start what the drain stopped, and what starts with the node; how many that are.

        Raises: Refused when the node is not drained; sqlite3.Error.
        """
        if self._ran is None:
            msg = "the node is not drained"
            raise Refused(msg)
        self._store.undrain()
        ran, self._ran = self._ran, None
        waiting, self._keeper.closing = self._keeper.closing or [], None
        for request in waiting:
            request.answer(Refused(f"undrained meanwhile: {why}"))
        self._means.log.info("node.undrained", why=why)
        self._means.publish(NodeUndrained(subject=self._node, why=why))
        return self._start(ran, f"undrained: {why}")

    def _stop(self, why: str) -> None:
        self._keeper.closing_why = why
        for life in list(self._keeper.lives.values()):
            life.wanted, life.again = False, None
            waiting, life.to_start = life.to_start, []
            for request in waiting:
                request.answer(Refused("the node is drained" if self.on else "the node stops"))
            if life.state in DOWN and not (self.on and life.state in _ENDED):
                self._keeper.stop(life, why)
        self._keeper.stop_next()

    def _start(self, ran: list[str], why: str) -> int:
        lives = self._keeper.lives
        started = 0
        for name in start_order({name: life.workload.spec.depends_on for name, life in lives.items()}):
            life = lives[name]
            if life.held or not life.declared or not (life.workload.spec.autostart or name in ran):
                continue
            life.wanted = True
            started += life.state not in _ENDED
            if life.state == "stopping":
                life.again = why
            elif life.state == "stopped":
                self._keeper.begin(life, why)
        return started
