"""Has a standby stand in for a workload, tries the first again after a while, and ends it when that one is well.

Touches no bus: it works with the actor's hands. What is kept lies in a file beside the copies of the workload.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from actors.healer.answers import refusal
from actors.healer.hands import Hands
from actors.healer.stand_in import Record, StandIn, next_move
from actors.kept import place_of
from actors.settings import Workload
from bus.message import Command
from bus.messages.process_manager import ProcessRow, StartProcess, StopProcess
from bus.messages.trust import AlteredRow, StandInChanged, StandInRow

_FILE: Final = "stand_in.json"
_COMMAND_S: Final = 30.0


class FailingOver:
    """troubled(name): whether an issue of the workload is open. altered: told what was taken back."""

    def __init__(self, hands: Hands, troubled: Callable[[str], bool], altered: Callable[[AlteredRow], None]) -> None:
        self._hands = hands
        self._troubled = troubled
        self._altered = altered
        self._records: dict[str, Record] = {}
        self._well_since: dict[str, float] = {}
        self._busy: set[str] = set()

    def rows(self) -> list[StandInRow]:
        """Workloads that another stands in for."""
        return [
            StandInRow(name=name, standby=now.standby, since=now.since, trial=now.phase == "trial")
            for name, record in self._records.items()
            if (now := record.now) is not None and name in self._hands.node.workloads
        ]

    def begin(self, workload: Workload, standby: str, *, started: bool) -> str:
        """Note that another stands in, before the first is held; why that cannot be written, or empty."""
        before = self._record(workload.name)
        try:
            self._keep(workload.name, before.begun(standby, self._hands.clock.wall(), started=started))
        except OSError as error:
            return f"it cannot be noted that {standby} stands in: {error}"
        if before.now is None:
            self._tell(workload.name, standby, active=True, why=f"{workload.name} cannot be healed")
        return ""

    def seen(self, row: ProcessRow) -> None:
        """A row of the process table: the first is tried again, or the other is not needed any more."""
        workload = self._hands.node.workloads.get(row.name)
        if workload is None or workload.spec.fallback is None or row.name in self._busy:
            return
        now = self._record(row.name).now
        if now is None:
            return
        well = row.state == "ready" and not self._troubled(row.name)
        if not well:
            self._well_since.pop(row.name, None)
        clock_s = self._hands.clock()
        well_s = clock_s - self._well_since.setdefault(row.name, clock_s) if well else 0.0
        move = next_move(now, workload.spec.fallback, self._hands.clock.wall(), held=row.held, well_s=well_s)
        if move == "held":
            self._move(row.name, self._record(row.name).held())
        elif move == "noticed":
            self._move(row.name, self._record(row.name).tried(self._hands.clock.wall()))
        elif move == "try":
            self._try(row.name, now)
        elif move == "return":
            self._return(row.name, now)

    def _try(self, name: str, now: StandIn) -> None:
        start = StartProcess(name=name, why=f"it is tried again, while {now.standby} stands in for it")
        said = f"started beside {now.standby}, to see whether it is well again"
        self._ask(name, start, partial(self._tried, name, said))

    def _tried(self, name: str, said: str, trouble: str) -> None:
        record, wall_s = self._record(name), self._hands.clock.wall()
        if trouble and record.now is not None:
            later = msgspec.structs.replace(record.now, phase_at=wall_s)
            self._move(name, msgspec.structs.replace(record, now=later))
        else:
            self._move(name, record.tried(wall_s))
            self._note(name, said)

    def _return(self, name: str, now: StandIn) -> None:
        stop = StopProcess(name=now.standby, why=f"{name} is well again", hold=False) if now.started else None
        self._ask(name, stop, partial(self._returned, name, now))

    def _returned(self, name: str, now: StandIn, trouble: str) -> None:
        if trouble:
            return
        self._well_since.pop(name, None)
        self._move(name, self._record(name).ended(self._hands.clock.wall()))
        self._note(name, f"is well again; {now.standby} {'is stopped' if now.started else 'goes on'}")
        self._tell(name, now.standby, active=False, why=f"{name} is well again")

    def _ask(self, name: str, command: Command | None, then: Callable[[str], None]) -> None:
        """then(why it was refused, or empty)."""

        def answered(outcome: Any) -> None:
            self._busy.discard(name)
            then(refusal(outcome, strict=True))

        self._busy.add(name)
        if command is None:
            answered(None)
        else:
            self._hands.request(command, answered, timeout_s=_COMMAND_S)

    def _note(self, name: str, what: str) -> None:
        wall_s = self._hands.clock.wall()
        self._altered(AlteredRow(time=wall_s, subject=name, change="restored", what=what, by="healer"))

    def _tell(self, name: str, standby: str, *, active: bool, why: str) -> None:
        self._hands.publish(StandInChanged(subject=name, standby=standby, active=active, why=why))

    def _record(self, name: str) -> Record:
        """What is kept of a workload; nobody stands in when nothing is, or it cannot be read."""
        if name not in self._records:
            try:
                self._records[name] = msgspec.json.decode(self._path(name).read_bytes(), type=Record)
            except (OSError, msgspec.MsgspecError):
                self._records[name] = Record()
        return self._records[name]

    def _move(self, name: str, record: Record) -> None:
        """Go on though it cannot be written: what is in the file makes it be tried again."""
        self._records[name] = record
        with contextlib.suppress(OSError):
            self._keep(name, record)

    def _keep(self, name: str, record: Record) -> None:
        """Raises: OSError."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(record))
        fresh.replace(path)
        self._records[name] = record

    def _path(self, name: str) -> Path:
        return place_of(self._hands.node.state_dir, name) / _FILE
