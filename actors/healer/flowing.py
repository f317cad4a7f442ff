"""Whether the node is in flow, told to all when it changes. Tasks count as remedies and runs do."""

from __future__ import annotations

from actors.healer.foretold import Foretold
from bus.messages.executor import TasksFinished
from bus.messages.healer import FlowEntered, FlowLeft

_LOOK_S = 2.0
"""Seconds between two looks whether it has changed."""


class Flowing(Foretold):
    """The events of flow; what it is, is decided in flow.py."""

    _in_flow = False

    def on_tasks_finished(self, fact: TasksFinished) -> None:
        now_s, flow = self.clock(), self.book.flow
        flow.completed(now_s, fact.done)
        flow.failed(now_s, fact.failed)

    def _watch_flow(self) -> None:
        """From the start on."""
        self.every(_LOOK_S, self._tell_flow)

    def _tell_flow(self) -> None:
        now_s, flow = self.clock(), self.book.flow
        is_on = flow.is_on(now_s)
        if is_on == self._in_flow:
            return
        self._in_flow = is_on
        done, failed = flow.lately(now_s)
        told = FlowEntered if is_on else FlowLeft
        self.publish(told(subject=self.node.name, done=done, failed=failed))
