"""Takes degraded workloads back up, one step at a time, when the cause is gone or after a while; tells where they are.

What another workload stands in for returns the same way; see failing_over.py.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from actors.healer.attempts import Attempts
from actors.healer.failing_over import FailingOver
from actors.healer.hands import Hands
from actors.healer.issues import Cause, Issue
from actors.healer.ladder import Ladder, Rung, back_s
from actors.healer.remedies import UP
from actors.healer.repair import Acted
from actors.healer.repairs.degrade import read_ladder
from actors.healer.repairs.wait_port import accepts
from actors.healer.settings import DegradationSettings
from actors.settings import Workload
from bus.messages.process_manager import ProcessRow, RestartProcess
from bus.messages.trust import AlteredRow, DegradationChanged, DegradedRow

_DEGRADE: Final = "degrade"
_COMMAND_S: Final = 30.0


class Returning:
    """troubled(name): whether an issue of the workload is open. altered: told what was taken back."""

    def __init__(
        self,
        hands: Hands,
        attempts: Attempts,
        settings: DegradationSettings,
        troubled: Callable[[str], bool],
        altered: Callable[[AlteredRow], None],
    ) -> None:
        self.settings = settings
        self._hands = hands
        self._attempts = attempts
        self._troubled = troubled
        self._altered = altered
        self.failing_over = attempts.errands.failing_over = FailingOver(hands, troubled, altered)
        self._known: dict[str, Ladder] = {}
        self._well_since: dict[str, float] = {}
        self._busy: set[str] = set()

    def rows(self) -> list[DegradedRow]:
        """Workloads that are not at full quality."""
        return [
            DegradedRow(
                name=name,
                level=ladder.level,
                quality_loss=ladder.quality_loss,
                steps=[rung.step for rung in ladder.rungs],
                since=ladder.rungs[0].since,
            )
            for name, ladder in self._known.items()
            if ladder.rungs
        ]

    def seen(self, row: ProcessRow) -> None:
        """A row of the process table: one that is degraded and well for long enough goes up a step."""
        self.failing_over.seen(row)
        workload = self._hands.node.workloads.get(row.name)
        if workload is None or not (workload.spec.degrade or row.name in self._known) or row.name in self._busy:
            return
        ladder = self._tell(workload)
        now_s = self._hands.clock()
        if not ladder.rungs or row.state not in UP or row.state == "unhealthy" or self._troubled(row.name):
            self._well_since.pop(row.name, None)
            return
        rung = ladder.rungs[-1]
        self._busy.add(row.name)
        since_s = self._well_since.setdefault(row.name, now_s)
        ripe = now_s - since_s >= back_s(rung, self.settings)
        if not rung.until:
            self._looked(row, workload, rung, ripe, outcome=True)
            return
        host, _, port = rung.until.rpartition(":")
        self._hands.run(partial(accepts, (host, int(port))), partial(self._asked, row, workload, rung, ripe))

    def _asked(self, row: ProcessRow, workload: Workload, rung: Rung, ripe: bool, outcome: Any) -> None:  # noqa: FBT001
        self._looked(row, workload, rung, ripe, outcome=outcome is True)

    def _looked(self, row: ProcessRow, workload: Workload, rung: Rung, ripe: bool, *, outcome: bool) -> None:  # noqa: FBT001
        """outcome: whether the cause looks gone."""
        self._busy.discard(row.name)
        if not outcome:
            self._well_since.pop(row.name, None)
        elif ripe and not self._troubled(row.name):
            self._busy.add(row.name)
            self._well_since.pop(row.name, None)
            scene = self._attempts.scene(_no_issue(workload), workload, row, {row.name: row})
            self._attempts.repairing.take_back(_DEGRADE, scene, rung.undo, partial(self._taken_back, workload, rung))

    def _taken_back(self, workload: Workload, rung: Rung, outcome: Acted | str) -> None:
        if isinstance(outcome, str):
            self._ended(workload, rung, outcome)
            return
        restart = RestartProcess(name=workload.name, why=f"it returns from: {rung.step}")

        def restarted(_: Any) -> None:
            self._ended(workload, rung, "")

        def overridden(answer: Any) -> None:
            if isinstance(answer, Exception):
                self._ended(workload, rung, str(answer))
            elif outcome.then == "restart":
                self._hands.request(restart, restarted, timeout_s=_COMMAND_S + workload.spec.stop.grace)
            else:
                self._ended(workload, rung, "")

        if outcome.command is None:
            overridden(None)
        else:
            self._hands.request(outcome.command, overridden, timeout_s=_COMMAND_S)

    def _ended(self, workload: Workload, rung: Rung, trouble: str) -> None:
        self._busy.discard(workload.name)
        what = f"returns from: {rung.step}" if not trouble else f"could not return from: {rung.step}: {trouble}"
        wall_s = self._hands.clock.wall()
        self._altered(AlteredRow(time=wall_s, subject=workload.name, change="restored", what=what, by="healer"))
        self._tell(workload)

    def _tell(self, workload: Workload) -> Ladder:
        """Read where it stands, and tell when that is new."""
        name = workload.name
        ladder = read_ladder(self._hands.node.state_dir / "healer" / name)
        before = self._known.get(name, Ladder())
        self._known[name] = ladder
        steps = [rung.step for rung in ladder.rungs]
        if steps != [rung.step for rung in before.rungs]:
            self._hands.publish(
                DegradationChanged(
                    subject=name,
                    level=ladder.level,
                    before=before.level,
                    steps=steps,
                    quality_loss=ladder.quality_loss,
                )
            )
        return ladder


def _no_issue(workload: Workload) -> Issue:
    """What a return is about: none is open."""
    return Issue(
        issue="",
        subject=workload.name,
        kind="not_working",
        severity="warning",
        fingerprint="",
        summary="",
        first_seen=0.0,
        last_seen=0.0,
        cause=Cause(),
    )
