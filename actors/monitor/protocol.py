"""Carries out the emergency protocol: sheds load, has others hold still, alerts; and puts it all back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from actors.monitor.board import Board
from actors.monitor.emergency import Emergency, next_s, step
from actors.monitor.hands import Hands
from actors.monitor.ledger import Ledger, Standing
from actors.program import Ran, run_program
from bus.errors import CommandError, Refused
from bus.messages import (
    EmergencyAlerted,
    EmergencyDeclared,
    EmergencyEnded,
    IncidentRow,
    ListProcesses,
    LoadRestored,
    LoadShed,
    ProcessTable,
    StartProcess,
    StopProcess,
)

COMMAND_S: Final = 30.0
"""Seconds for the ProcessManager to answer, beyond a workload's own grace to end."""
_DOWN: Final = frozenset({"stopped", "held", "unknown", "exited", "crash_loop"})
"""States in which there is no load to shed."""


class Cases(Protocol):
    """What the protocol needs of the incidents."""

    def unite(self, subjects: Sequence[str]) -> IncidentRow:
        """Make one incident of all that is wrong with these."""

    def row(self, incident: str) -> IncidentRow | None:
        """An incident that is open or was closed lately."""


class EmergencyProtocol:
    """Owns the emergency and what was stopped for it. What is to be undone is kept before it is done."""

    def __init__(self, hands: Hands, board: Board, ledger: Ledger, cases: Cases) -> None:
        self._hands = hands
        self._board = board
        self._ledger = ledger
        self._cases = cases
        standing = ledger.standing()
        self._state = _moved(standing.emergency, -self._offset_s())
        self._owed = list(standing.owed)
        self._incident = standing.incident
        self._restoring = False

    @property
    def incident(self) -> str:
        """The incident of the emergency that lasts, or empty."""
        return self._incident if self._state.phase == "declared" else ""

    @property
    def shed(self) -> list[str]:
        """The workloads that are down because of it."""
        return list(self._owed)

    def next_s(self) -> float | None:
        """When to look again though nothing is heard."""
        return next_s(self._state, self._order(), self._hands.settings.emergency)

    def look(self, critical: Sequence[str]) -> None:
        """Take the next steps. critical: the subjects that are."""
        before = self._state
        settings = self._hands.settings.emergency
        if before.phase == "calm" and not critical:
            return
        state, steps = step(before, critical, self._order(), settings, self._hands.clock())
        declared = self._cases.unite(state.places) if any(one.do == "declare" for one in steps) else None
        self._state, self._incident = state, declared.incident if declared is not None else self._incident
        if state != before and "declared" in (state.phase, before.phase):
            self._keep()
        if declared is not None:
            self._tell_declared(declared)
        for one in steps:
            if one.do == "shed":
                self._shed(one.subject)
            elif one.do == "end":
                self._end(before)

    def _tell_declared(self, row: IncidentRow) -> None:
        hands = self._hands
        settings = hands.settings.emergency
        hands.log.error("emergency.declared", incident=row.incident, places=", ".join(self._state.places))
        hands.publish(
            EmergencyDeclared(
                subject=hands.node.name,
                incident=row.incident,
                places=list(self._state.places),
                shed=list(settings.shed),
                freeze=settings.freeze,
            )
        )
        self._alert("declared", self._state.places, row)

    # -- load

    def _order(self) -> list[str]:
        """The workloads that can be shed, or were, in the declared order; instances in their own."""
        members = self._board.members
        return [
            name
            for wanted in self._hands.settings.emergency.shed
            for name, member in members.items()
            if member.workload.config_name == wanted and (name in self._owed or member.life.state not in _DOWN)
        ]

    def _shed(self, name: str) -> None:
        if name not in self._owed:
            self._owed.append(name)
        self._keep()
        incident, grace_s = self._incident, self._board.members[name].workload.spec.stop.grace

        def stopped(outcome: Any) -> None:
            error = str(outcome) if isinstance(outcome, CommandError) else ""
            self._hands.log.warning("load.shed", workload=name, incident=incident, error=error)
            self._hands.publish(LoadShed(subject=name, incident=incident, ok=not error, error=error))
            if isinstance(outcome, Refused):
                self._paid(name)

        why = f"shed in emergency {incident}"
        self._hands.request(StopProcess(name=name, why=why, hold=True), stopped, timeout_s=COMMAND_S + grace_s)

    def restore(self) -> None:
        """Start again what is still owed, the last one stopped first; what a person took up meanwhile is left alone."""
        if self._restoring or self._state.phase == "declared" or not self._owed:
            return
        self._restoring = True
        self._hands.request(ListProcesses(), self._found)

    def _found(self, outcome: ProcessTable | CommandError) -> None:
        self._restoring = False
        if isinstance(outcome, CommandError) or self._state.phase == "declared":
            return
        rows = {row.name: row for row in outcome.processes}
        for name in reversed(list(self._owed)):
            row = rows.get(name)
            if row is None or not row.held:
                self._restored(name, "is no longer in the config" if row is None else f"is {row.state}: left as it is")
            else:
                self._start(name)

    def _start(self, name: str) -> None:
        def started(outcome: Any) -> None:
            if not isinstance(outcome, CommandError):
                self._restored(name, "")
            elif not outcome.retryable:
                self._restored(name, str(outcome))

        command = StartProcess(name=name, why="the emergency is over", at_its_time=True)
        self._hands.request(command, started, timeout_s=COMMAND_S)

    def _restored(self, name: str, error: str) -> None:
        self._hands.log.info("load.restored", workload=name, error=error)
        self._hands.publish(LoadRestored(subject=name, incident=self._incident, ok=not error, error=error))
        self._paid(name)

    def _paid(self, name: str) -> None:
        if name in self._owed:
            self._owed.remove(name)
            self._keep()

    # -- the end, and what is kept

    def _end(self, before: Emergency) -> None:
        hands = self._hands
        lasted_s = max(0.0, hands.clock() - before.since_s)
        hands.log.warning("emergency.ended", incident=self._incident, lasted_s=round(lasted_s, 1))
        hands.publish(
            EmergencyEnded(subject=hands.node.name, incident=self._incident, lasted_s=lasted_s, shed=list(before.shed))
        )
        self._alert("ended", before.places, self._cases.row(self._incident))
        self.restore()

    def _keep(self) -> None:
        kept = _moved(self._state, self._offset_s())
        self._ledger.put_standing(Standing(emergency=kept, owed=tuple(self._owed), incident=self._incident))

    def _offset_s(self) -> float:
        return self._hands.clock.wall() - self._hands.clock()

    def _alert(self, event: Literal["declared", "ended"], places: Sequence[str], row: IncidentRow | None) -> None:
        settings = self._hands.settings.emergency
        if not settings.alert:
            return
        env = {
            "GYROSTAT_EMERGENCY": event,
            "GYROSTAT_INCIDENT": self._incident,
            "GYROSTAT_PLACES": ",".join(places),
            "GYROSTAT_NODE": self._hands.node.name,
        }
        about, argv, cwd = msgspec.json.encode(row) + b"\n", list(settings.alert), self._hands.node.root
        within_s, incident = float(settings.alert_within), self._incident

        def ran(outcome: Ran | Exception) -> None:
            if isinstance(outcome, Exception):
                raise outcome
            self._alerted(event, incident, outcome)

        self._hands.run(lambda: run_program(argv, about, env, cwd, within_s), ran)

    def _alerted(self, event: Literal["declared", "ended"], incident: str, outcome: Ran) -> None:
        hands = self._hands
        hands.publish(
            EmergencyAlerted(
                subject=hands.node.name,
                incident=incident,
                event=event,
                exit_code=outcome.exit_code,
                took_s=outcome.took_s,
                output=outcome.output,
            )
        )
        if outcome.exit_code == 0:
            self._board.troubles.pop("alert", None)
            return
        how = "took too long" if outcome.exit_code is None else f"exited with code {outcome.exit_code}"
        last = f": {outcome.output[-1]}" if outcome.output else ""
        self._board.troubles["alert"] = f"the alert program {how}{last}"
        hands.log.error("alert.failed", incident=incident, exit_code=outcome.exit_code, output=outcome.output[-3:])


def _moved(state: Emergency, offset_s: float) -> Emergency:
    if state.phase == "calm":
        return state
    return msgspec.structs.replace(
        state,
        since_s=state.since_s + offset_s,
        better_s=None if state.better_s is None else state.better_s + offset_s,
        shed_s=state.shed_s + offset_s,
    )
