"""What is known of the life of one workload, from facts and from the table of the ProcessManager. Pure."""

from __future__ import annotations

from typing import Final

from actors.monitor.health import DOWN, UP
from actors.monitor.service import Standing
from bus.messages import ProcessAdopted, ProcessExited, ProcessRow, ProcessStarted, ProcessStateChanged

_RUNNING: Final = UP | {"starting", "adopted"}
ALIVE: Final = _RUNNING | {"stopping"}
"""States in which there may be a process to read."""


class Life:
    """One workload's life as far as it was heard. Times are monotonic seconds; since_s is when the state began."""

    def __init__(self, now_s: float) -> None:
        self.state = "unknown"
        self.since_s = now_s
        self.pid: int | None = None
        self.incarnation = 0
        self.restarts = 0
        self.wanted = True
        self.held = False
        self.idle = False
        self.expected_end = False
        self.why = ""
        self._was_up = False
        self._serves = False
        self._ended: ProcessExited | None = None

    @property
    def readable_pid(self) -> int | None:
        """The main process, when there is one to read."""
        return self.pid if self.state in ALIVE else None

    @property
    def standing(self) -> Standing:
        """What the present state means for its availability."""
        if self.state in UP and (self._serves or self.state != "running"):
            return "up"
        if self.idle or not self.wanted or self.state in {"unknown", "stopped", "held", "stopping"}:
            return "unseen"
        if self.state == "exited" and self.expected_end:
            return "unseen"
        if self.state in DOWN:
            return "down"
        return "down" if self._was_up else "unseen"

    def started(self, fact: ProcessStarted, now_s: float) -> bool:
        """A process was spawned; tells whether that is news."""
        self.restarts = max(self.restarts, fact.restarts)
        return self._begin(fact.pid, fact.incarnation, "starting", now_s)

    def adopted(self, fact: ProcessAdopted, now_s: float) -> bool:
        """A process was taken over; tells whether that is news."""
        news = self._begin(fact.pid, fact.incarnation, "running", now_s)
        self._serves = self._was_up = True
        return news

    def ready(self, pid: int, now_s: float) -> None:
        """The present process is ready."""
        if pid == self.pid:
            self._move("ready", now_s)

    def exited(self, fact: ProcessExited) -> None:
        """A process ended. What comes of it is told by the next state; see settle()."""
        if fact.pid != self.pid:
            return
        self.pid = None
        self.expected_end = fact.expected and not fact.asked
        self._ended = fact

    def settle(self, now_s: float) -> None:
        """The state that should have followed an exit was not heard: it counts as down until the table says more."""
        fact = self._ended
        if fact is None or self.state not in _RUNNING:
            return
        self.why = f"ended by signal {fact.signal}" if fact.signal else f"ended with exit code {fact.exit_code}"
        self._move("stopping" if fact.asked else "backing_off", now_s)

    def stopped(self, now_s: float) -> None:
        """It is down because it was asked to be."""
        self.pid, self.wanted = None, False
        self._move("stopped", now_s)

    def looped(self, why: str, now_s: float) -> None:
        """It ended too often and is held back. why: when the state that tells it was not heard."""
        self.pid = None
        self.why = self.why if self.state == "crash_loop" else why
        self._move("crash_loop", now_s)

    def state_changed(self, fact: ProcessStateChanged, now_s: float) -> None:
        """The life cycle moved."""
        if fact.state in ALIVE and fact.pid is not None:
            self.pid = fact.pid
        self.why = fact.why
        self._move(fact.state, now_s)
        self.idle = fact.idle

    def read_row(self, row: ProcessRow, success_codes: list[int], now_s: float) -> bool:
        """The table says; tells whether it shows a process that was not heard of. An older incarnation is no news."""
        if row.incarnation < self.incarnation:
            return False
        born = row.pid is not None and (row.pid != self.pid or row.incarnation != self.incarnation)
        self._serves = self._serves and not born
        self.pid, self.incarnation = row.pid, row.incarnation
        self._move(row.state, now_s - row.since_s)
        self.restarts, self.wanted, self.held, self.why = row.restarts, row.wanted, row.held, row.why
        self.idle = row.idle
        if row.state == "exited":
            self.expected_end = row.signal is None and row.exit_code in success_codes
        return born

    def _begin(self, pid: int, incarnation: int, state: str, now_s: float) -> bool:
        if incarnation < self.incarnation:
            return False
        news = (incarnation, pid) != (self.incarnation, self.pid)
        stale = self.pid != pid or self.state not in _RUNNING
        self._serves = self._serves and not news
        self.pid, self.incarnation = pid, incarnation
        if stale:
            self._move(state, now_s)
        return news

    def _move(self, state: str, now_s: float) -> None:
        self._ended = None
        if state == self.state:
            return
        self.state, self.since_s, self.idle = state, now_s, False
        if state in _RUNNING:
            self.expected_end = self.held = False
        if state not in {"stopping", "exited"}:
            self.wanted = state not in {"stopped", "held"}
            self.held = state == "held"
        self._serves = state in _RUNNING and (self._serves or state == "ready")
        self._was_up = state not in {"stopped", "held"} and (self._was_up or self.standing == "up")
