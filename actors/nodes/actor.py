"""The shell of the actor `nodes`: looks at who is heard, tells how this node is, answers who is there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from actors.base import Actor, Home, NodeView, Repeat
from actors.nodes.settings import NodesSettings
from actors.nodes.summary import QUESTIONS, summary
from actors.nodes.table import Table
from bus.hub import Request
from bus.message import Command, Fact
from bus.messages import (
    ListNodes,
    NodeGone,
    NodeReturned,
    NodeSeen,
    NodeStatus,
    NodeStopping,
    NodeTable,
)


class Nodes(Actor[NodesSettings]):
    """Owns the table of nodes; what it forgets when it is made anew, the next heartbeats and statuses tell again.

    The one actor that hears facts of other nodes.
    """

    name = "nodes"
    listens: ClassVar[tuple[type[Fact], ...]] = (NodeStatus, NodeStopping)
    listens_everywhere = True
    answers: ClassVar[tuple[type[Command], ...]] = (ListNodes,)
    Settings = NodesSettings

    def __init__(self, home: Home, node: NodeView, settings: NodesSettings) -> None:
        super().__init__(home, node, settings)
        self._table = Table(node.name, self.clock())
        self._tickers: list[Repeat] = []
        self._waiting: list[Callable[[], None]] = []
        self._gathering = False

    def on_start(self) -> None:
        """Look and tell, and go on so."""
        self._tickers = [
            self.every(self.settings.look_every, self._look),
            self.every(self.settings.status_every, self._tell),
        ]
        self._look()

    def on_reload(self) -> None:
        """Other intervals."""
        self._pace()

    def _pace(self) -> None:
        """Alone there is little to look for: who comes is not there for long before it says how it is."""
        every, status_every = self.settings.look_every, self.settings.status_every
        intervals = (max(every, status_every) if self._table.alone else every, status_every)
        for ticker, interval_s in zip(self._tickers, intervals, strict=False):
            ticker.interval_s = interval_s

    # -- what others say

    def on_node_status(self, status: NodeStatus) -> None:
        if status.subject not in self._table.nodes:
            self._look()
        self._table.said_status(status, self.clock())

    def on_node_stopping(self, fact: NodeStopping) -> None:
        self._look()  # it may be one that is heard for the first time
        self._table.said_stopping(fact.subject, fact.why, self.clock())

    # -- what is done by itself

    def _look(self) -> None:
        told = self._table.see(self._home.peers(), self.clock())
        for fact in told:
            self.publish(fact)
            match fact:
                case NodeGone():
                    self.log.warning("node.gone", peer=fact.subject, said=fact.said, silent_s=round(fact.silent_s, 1))
                case NodeReturned():
                    self.log.info("node.returned", peer=fact.subject, away_s=round(fact.away_s, 1))
                case NodeSeen():
                    self.log.info("node.seen", peer=fact.subject)
        if any(isinstance(fact, NodeSeen | NodeReturned) for fact in told):
            self._gather()  # the newcomer need not wait for the next telling
        self._pace()

    def _tell(self) -> None:
        if not self._table.alone:
            self._gather()

    # -- questions

    def do_list_nodes(self, _: ListNodes) -> None:
        """Answered when this node has said how it is itself."""
        self._waiting.append(partial(self._answer, self.defer_reply()))
        self._gather()

    def _answer(self, request: Request) -> None:
        self._look()
        request.answer(NodeTable(nodes=self._table.rows(self.clock())))

    # -- how this node is

    def _gather(self) -> None:
        """Ask the actors of this node, then tell; one round at a time, which serves all who wait."""
        if self._gathering:
            return
        self._gathering = True
        answers: dict[str, Any] = {}

        def answered(part: str, outcome: Any) -> None:
            answers[part] = outcome
            if len(answers) == len(QUESTIONS):
                self._gathered(answers)

        for part, question in QUESTIONS.items():
            self.request(question, partial(answered, part), timeout_s=self.settings.answer_within)

    def _gathered(self, answers: dict[str, Any]) -> None:
        self._gathering = False
        status = summary(self.node.name, self.node.mode, answers)
        self._table.said_status(status, self.clock())
        self.publish(status)
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            answer()
