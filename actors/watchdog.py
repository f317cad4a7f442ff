"""Tells the service manager that the node lives, as long as its actors answer. A thread of its own."""

from __future__ import annotations

import threading

from actors.log import Log
from actors.notice import Notice
from bus.errors import BusError, CommandError, UnknownTarget
from bus.hub import Bus
from bus.messages import GetNode, ListProcesses

PART = 0.4
"""Of the time the service manager waits: so two answers may be late before it acts."""


class Watchdog:
    """Asks the ProcessManager for its table, and says that the node lives when it answers. Without a watchdog: idle."""

    def __init__(self, notice: Notice, bus: Bus, log: Log) -> None:
        self._notice = notice
        self._bus = bus
        self._log = log
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if notice.watchdog_s is not None:
            pause_s = notice.watchdog_s * PART
            self._thread = threading.Thread(target=self._run, args=(pause_s,), name="watchdog", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Say no more. May be called again."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, pause_s: float) -> None:
        while not self._stop.wait(pause_s):
            try:
                status = self._look(pause_s)
            except (CommandError, BusError) as error:
                self._log.error("watchdog.no_answer", error=str(error))
            else:
                self._notice.alive(status)

    def _look(self, patience_s: float) -> str:
        try:
            table = self._bus.ask(ListProcesses(), timeout_s=patience_s, source="node")
        except UnknownTarget:  # another process of the node has it
            self._bus.ask(GetNode(), timeout_s=patience_s, source="node")
            return "answers"
        ready = sum(row.state == "ready" for row in table.processes)
        return f"{ready} of {len(table.processes)} workloads ready"
