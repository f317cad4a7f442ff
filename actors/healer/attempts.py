"""One attempt of a remedy: the command, what must follow it, the watch, and what takes it back.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from actors.healer import remedies
from actors.healer.answers import answer_text, refusal, rows_of
from actors.healer.casebook import Case, Casebook
from actors.healer.errands import Errands
from actors.healer.fingerprints import mark_of
from actors.healer.hands import Hands
from actors.healer.issues import LIFE, Issue
from actors.healer.protection import Protection
from actors.healer.remedies import Planned, Remedy, Seen
from actors.healer.repair import Acted, Scene
from actors.healer.repair_kinds import REPAIRS
from actors.healer.repairing import Repairing
from actors.healer.repairs.known import KNOWN
from actors.healer.settings import HealerSettings
from actors.healer.verification import Watch, window_s
from actors.kept import place_of
from actors.settings import Workload
from bus.message import Command
from bus.messages.healer import RemedyFailed, RemedyStarted
from bus.messages.process_manager import (
    ListProcesses,
    ProcessRow,
    RestartProcess,
    StartProcess,
    StopProcess,
)


class Attempts:
    """Carries attempts out. after_failure(case): called when one has failed and its issue is open again.

    intervals_s: seconds between the samples of a subject, by subject.
    """

    def __init__(
        self,
        hands: Hands,
        book: Casebook,
        protection: Protection,
        settings: HealerSettings,
        after_failure: Callable[[Case], None],
    ) -> None:
        self.settings = settings
        self.repairing = Repairing(hands, KNOWN)
        self.errands = Errands(hands)
        self.intervals_s: dict[str, float] = {}
        self._hands = hands
        self._book = book
        self._protection = protection
        self._after_failure = after_failure

    def begin(self, case: Case, remedy: Remedy, seen: Seen, why: str) -> None:
        """Write it down, tell it, and do it. seen: what was looked at just before."""
        issue, row = case.issue, seen.row
        planned = seen.planned.get(remedy.name)
        attempt = self._book.begin(case, remedy, why, planned if isinstance(planned, Planned) else None)
        if remedy.disruptive:
            self._protection.started(remedy.name, issue.subject, issue.fingerprint, self._hands.clock())
        self._hands.publish(
            RemedyStarted(subject=issue.subject, issue=issue.issue, remedy=remedy.name, why=why, attempt=attempt.number)
        )
        if attempt.planned is not None:
            attempt.mark = mark_of(issue.failure, issue.trace)
            self._repair(case, row, attempt.planned)
            return
        if remedy.verb in remedies.LONGER:
            self._run_errand(case, row)
            return
        command = remedies.command(remedy, row, f"{issue.kind} {issue.issue}")
        if remedy.verb in ("restart", "roll"):
            case.watch = self._watch(case, math.inf, acting=True)
        self._ask(case, command, self._answered)

    def scene(self, issue: Issue, workload: Workload, row: ProcessRow, rows: Mapping[str, ProcessRow]) -> Scene:
        """What repairs may look at for an issue. rows: of all workloads, for those that look."""
        return Scene(
            workload=workload,
            issue=issue,
            row=row,
            text="\n".join((*issue.evidence, issue.trace)),
            failure=issue.failure,
            keep=place_of(self._hands.node.state_dir, workload.name),
            ours={each.pid: each.name for each in rows.values() if each.pid is not None},
            wall_s=self._hands.clock.wall(),
            rows=rows,
            workloads=self._hands.node.workloads,
        )

    def _repair(self, case: Case, row: ProcessRow, planned: Planned) -> None:
        workload, attempt = self._workload(case), case.attempt
        if workload is None or attempt is None:
            return
        scene = self.scene(case.issue, workload, row, {})
        case.watch = self._watch(case, math.inf, acting=True, tolerant=True)
        down = planned.down_first and row.state in ("starting", *remedies.UP)
        stop = StopProcess(name=row.name, why=f"{attempt.remedy.name} needs it down", hold=False) if down else None
        self._ask(case, stop, partial(self._act, scene=scene, planned=planned, down=down))

    def _run_errand(self, case: Case, row: ProcessRow) -> None:
        """What takes several commands; its end is that of a repair."""
        workload, attempt = self._workload(case), case.attempt
        if workload is None or attempt is None:
            return
        case.watch = self._watch(case, math.inf, acting=True, tolerant=True)
        done = self._while_it_lasts(case, partial(self._repaired, row=row, down=False))
        self.errands.run(attempt.remedy, case.issue, workload, self.settings.stable_for, done)

    def _act(self, case: Case, outcome: Any, *, scene: Scene, planned: Planned, down: bool) -> None:
        """Have the repair do it, now that nothing is in its way."""
        if case.attempt is None:
            return
        if trouble := refusal(outcome, strict=True):
            self.fail(case, trouble)
            return
        acted = self._while_it_lasts(case, partial(self._repaired, row=scene.row, down=down))
        self.repairing.act(case.attempt.remedy.name, scene, planned, acted)

    def _repaired(self, case: Case, outcome: Acted | str, *, row: ProcessRow, down: bool) -> None:
        """The action is done: what the workload needs after it. down: it was stopped for it."""
        start = StartProcess(name=row.name, why=f"{case.issue.kind} {case.issue.issue}") if down else None
        if isinstance(outcome, str):
            self._ask(case, start, lambda found, _: self.fail(found, outcome))
        elif case.attempt is not None and case.attempt.stale:
            self._ask(case, start, lambda found, _: self.fail(found, f"the issue became {found.issue.kind}"))
        elif down:
            self._ask(case, start, partial(self._acted_further, said=outcome.says))
        else:
            self._ask(case, outcome.command, partial(self._told_manager, acted=outcome, row=row))

    def _told_manager(self, case: Case, outcome: Any, *, acted: Acted, row: ProcessRow) -> None:
        if trouble := refusal(outcome):
            self.fail(case, trouble)
        elif acted.then == "nothing":
            self.verify(case, acted.says)
        elif acted.then == "restart" and row.state not in remedies.DOWN:
            restart = RestartProcess(name=row.name, why=f"{case.issue.kind} {case.issue.issue}")
            self._ask(case, restart, partial(self._acted_further, said=acted.says))
        else:
            self._ask(case, ListProcesses(), partial(self._act_further, said=acted.says))

    def go_on(self, case: Case) -> None:
        """A life that began before the repair ended as it had to: the next one is begun, and judged."""
        if case.attempt is not None and case.attempt.phase == "verifying":
            case.attempt.phase = "acting"
            self._ask(case, ListProcesses(), partial(self._act_further, said="begun anew after the repair"))

    def let_settle(self, case: Case) -> None:
        """Something about its subject has just changed: it is given time to recover by itself."""
        case.settle_until_s = self._hands.clock() + self.settings.verify_within

    def verify(self, case: Case, said: str) -> None:
        """The action is done: watch what comes of it. said: the answer, for the history."""
        workload, attempt, now_s = self._workload(case), case.attempt, self._hands.clock()
        if attempt is None or workload is None:
            return
        attempt.phase = "verifying"
        touched = remedies.kin_of(workload, self._hands.node.workloads) if attempt.remedy.verb == "roll" else ()
        for name in touched or [case.issue.subject] if attempt.remedy.disruptive else ():
            for other in self._book.of(name):
                if other is not case:
                    self.let_settle(other)
        interval_s = self.intervals_s.get(case.issue.subject)
        within_s = window_s(attempt.remedy, case.issue, workload, self.settings, interval_s)
        against = case.watch.against
        case.watch = self._watch(case, now_s + within_s)
        case.watch.against = against
        step = ("acted", f"{said or 'nothing to do'}; watched for at most {within_s:g} s")
        self._book.change(case, step, state="verifying")
        self._hands.look()

    def fail(self, case: Case, why: str) -> None:
        """It did not help: take it back when it can be, then let the next remedy have its turn."""
        attempt, workload = case.attempt, self._workload(case)
        if attempt is None or attempt.phase == "undoing":
            return
        if self._got_further(case):
            self._finish(case, f"{why}; that is another failure, so what was done is kept", "", further=True)
            return
        if attempt.planned is not None and workload is not None:
            attempt.phase = "undoing"
            self._ask(case, ListProcesses(), partial(self._take_back, why=why, undo=attempt.planned.undo))
            return
        nothing_yet = attempt.remedy.verb in remedies.LONGER and attempt.phase == "acting"
        why_undone = f"did not help {case.issue.issue}"
        command = remedies.undo(attempt.remedy, workload, why_undone) if workload and not nothing_yet else None
        if command is None:
            self._finish(case, why, "")
            return
        attempt.phase = "undoing"
        self._ask(case, command, partial(self._undone, why=why))

    def _got_further(self, case: Case) -> bool:
        """Whether a repair ended the failure that it is made against, and the workload fails for another reason now."""
        attempt, issue = case.attempt, case.issue
        if attempt is None or not attempt.mark or issue.kind not in LIFE:
            return False
        now = mark_of(issue.failure, issue.trace)
        return bool(now) and now != attempt.mark and REPAIRS[attempt.remedy.name].keeps

    def _take_back(self, case: Case, outcome: Any, *, why: str, undo: Mapping[str, str]) -> None:
        """Have a repair put back what was before; one that had nothing to put back is done with."""
        workload, attempt = self._workload(case), case.attempt
        row = rows_of(outcome).get(case.issue.subject)
        if attempt is None:
            return
        if not undo or workload is None or row is None:
            self._finish(case, why if not undo else f"{why}; undoing it failed: the process table cannot be read", "")
            return
        scene = self.scene(case.issue, workload, row, {})
        then = self._while_it_lasts(case, partial(self._taken_back, why=why))
        self.repairing.take_back(attempt.remedy.name, scene, undo, then)

    def _taken_back(self, case: Case, outcome: Acted | str, *, why: str) -> None:
        if isinstance(outcome, str):
            self._finish(case, f"{why}; undoing it failed: {outcome}", "")
        else:
            self._ask(case, outcome.command, partial(self._untold, acted=outcome, why=why))

    def _untold(self, case: Case, outcome: Any, *, acted: Acted, why: str) -> None:
        """What runs with what was taken back is begun anew without it."""
        restart = None
        if acted.then == "restart" and not refusal(outcome, strict=True):
            restart = RestartProcess(name=case.issue.subject, why=f"{acted.says}: it did not help {case.issue.issue}")
        then = partial(self._undone, why=why)
        if restart is None:
            then(case, outcome)
        else:
            self._ask(case, restart, then)

    def _while_it_lasts(self, case: Case, then: Callable[[Case, Any], None]) -> Callable[[Any], None]:
        """Call on only while the same attempt is under way."""
        attempt, issue = case.attempt, case.issue.issue

        def answered(outcome: Any) -> None:
            found = self._book.get(issue)
            if found is not None and found.attempt is attempt:
                then(found, outcome)

        return answered

    def _ask(self, case: Case, command: Command | None, then: Callable[[Case, Any], None]) -> None:
        """Send a command of this attempt; then(case, outcome) comes only while it is still under way."""
        workload, attempt = self._workload(case), case.attempt
        if attempt is None:
            return
        if command is None or workload is None:
            then(case, None)
            return

        instances = len(remedies.kin_of(workload, self._hands.node.workloads))
        timeout_s = remedies.command_timeout_s(attempt.remedy, workload, self.settings.command_timeout, instances)
        self._hands.request(command, self._while_it_lasts(case, then), timeout_s=timeout_s)

    def _answered(self, case: Case, outcome: Any) -> None:
        attempt = case.attempt
        if attempt is None:
            return
        trouble = refusal(outcome)
        if attempt.stale or trouble:
            self.fail(case, trouble or f"the issue became {case.issue.kind}")
        elif attempt.remedy.verb in ("hook", "end_strays"):
            self._ask(case, ListProcesses(), partial(self._act_further, said=answer_text(outcome)))
        else:
            self.verify(case, answer_text(outcome))

    def _act_further(self, case: Case, outcome: Any, *, said: str) -> None:
        """What the action made startable is started, unless a person stopped it meanwhile."""
        row = rows_of(outcome).get(case.issue.subject)
        command = None
        if row is not None and case.attempt is not None:
            why = f"{case.issue.kind} {case.issue.issue}"
            command = remedies.follow_up(case.attempt.remedy, case.issue, row, why)
        if command is not None:
            case.watch = self._watch(case, math.inf, acting=True)
        self._ask(case, command, partial(self._acted_further, said=said))

    def _acted_further(self, case: Case, outcome: Any, *, said: str) -> None:
        if trouble := refusal(outcome):
            self.fail(case, trouble)
        else:
            self.verify(case, "; ".join(text for text in (said, answer_text(outcome)) if text))

    def _undone(self, case: Case, outcome: Any, *, why: str) -> None:
        trouble = refusal(outcome, strict=True)
        name = case.attempt.remedy.name if case.attempt else ""
        self._finish(case, f"{why}; undoing it failed: {trouble}" if trouble else why, "" if trouble else name)

    def _finish(self, case: Case, why: str, undone: str, *, further: bool = False) -> None:
        """further: the next failure has a plan of its own."""
        attempt, issue, now_s = case.attempt, case.issue, self._hands.clock()
        if attempt is None:
            return
        name = attempt.remedy.name
        if attempt.remedy.disruptive:
            if further:
                self._protection.dropped(name, issue.subject)
            else:
                self._protection.failed(name, issue.subject, now_s)
        stays = attempt.stale or remedies.goes_further(name, issue.tried)
        steps = [("failed", f"{name}: {why}"), *([("undone", undone)] if undone else [])]
        step = 0 if further else issue.step + (not stays)
        self._book.end(case, "kept" if further else "failed", *steps, state="open", step=step)
        case.watch = Watch(issue.kind, issue.cause, since_s=now_s)
        self._hands.publish(
            RemedyFailed(
                subject=issue.subject,
                issue=issue.issue,
                remedy=name,
                why=why,
                undone=undone,
                after_s=now_s - attempt.started_s,
            )
        )
        self._after_failure(case)

    def _watch(self, case: Case, deadline_s: float, *, acting: bool = False, tolerant: bool = False) -> Watch:
        """Observe from now on what comes of the attempt; its start may fail before its command is even answered.

        tolerant: an end of the process is no failure, as it is not for a remedy that may end it.
        """
        tolerant = tolerant or (case.attempt is not None and case.attempt.remedy.may_end_it)
        watch = Watch(
            case.issue.kind,
            case.issue.cause,
            since_s=self._hands.clock(),
            deadline_s=deadline_s,
            tolerant=tolerant,
            acting=acting,
        )
        watch.aside = case.attempt is not None and case.attempt.remedy.verb in remedies.STEPS_ASIDE
        return watch

    def _workload(self, case: Case) -> Workload | None:
        return self._hands.node.workloads.get(case.issue.subject)
