"""The Reconciler's shell: looks, keeps the book of drift, and asks the ProcessManager to close it.

Data sets are the loop's (loop.py); what it needs of the bus goes through here.
"""

from __future__ import annotations

from actors.base import Actor, Home, NodeView, Repeat
from actors.clock import Alarm
from actors.reconciler.actions import CLOSES, WORDS, commands, copies_due_s, words
from actors.reconciler.book import Book, Changes
from actors.reconciler.data import Data, none_declared
from actors.reconciler.diff import at_rest, compare
from actors.reconciler.queue import WorkQueue
from actors.reconciler.rollout import kept_back, next_restarts, served, settle_of, settled
from actors.reconciler.settings import ReconcilerSettings
from actors.reconciler.windows import closed_until
from actors.settings import format_duration, revision
from actors.zones import zone
from bus.errors import ActorUnavailable, CommandError, Refused
from bus.hub import Request
from bus.message import Command, Reply
from bus.messages import (
    ConfigReloaded,
    Converged,
    DatasetTable,
    DriftClosed,
    DriftDetected,
    DriftReport,
    DriftRow,
    EmergencyDeclared,
    EmergencyEnded,
    ExplainKey,
    GetDrift,
    ListDatasets,
    ListProcesses,
    MetricsSampled,
    NodeStopping,
    PauseDatasets,
    ProcessExited,
    ProcessReady,
    ProcessTable,
    Reconcile,
    RestartProcess,
    ResumeDatasets,
    RunDatasets,
    TaskEnded,
)

VERIFY_AFTER_S = 0.2
"""Seconds from an action's answer to the look that shows whether it helped."""
ROLLOUT_LOOK_S = 1.0
"""Seconds between looks while a restart has to become ready before the next; ProcessReady may be lost."""
TABLE_WITHIN_S = 10.0
"""Seconds that a table of processes may take."""


DATA_COMMANDS = (ListDatasets, RunDatasets, PauseDatasets, ResumeDatasets, ExplainKey)


class Reconciler(Actor[ReconcilerSettings]):
    """Owns the book of drift and the queue of workloads to be put right; both are found again in the world.

    Owns the tables and inventories of the data sets, too. Config changes of workloads come into force through this
    actor alone.
    """

    name = "reconciler"
    listens = (
        ConfigReloaded,
        EmergencyDeclared,
        EmergencyEnded,
        MetricsSampled,
        NodeStopping,
        ProcessExited,
        ProcessReady,
        TaskEnded,
    )
    answers = (GetDrift, Reconcile, *DATA_COMMANDS)
    Settings = ReconcilerSettings

    def __init__(self, home: Home, node: NodeView, settings: ReconcilerSettings) -> None:
        super().__init__(home, node, settings)
        self._book = Book(settings.confirm_after)
        self._queue: WorkQueue[str] = WorkQueue(settings.backoff_first, settings.backoff_max)
        self._rolling: dict[str, tuple[float, str]] = {}
        """Restarts under way: since when, in monotonic seconds, and for which revision."""
        self._ready: set[str] = set()
        self._checked = 0
        self._looked_s: float | None = None
        self._looking = False
        self._look_again = False
        self._look_failures = 0
        self._stopping = False
        self._next_look: Alarm | None = None
        self._ticks: Repeat | None = None
        self._asked: list[Request] = []
        self._answered_by_this_look: list[Request] = []
        self._data: Data | None = None

    def on_start(self) -> None:
        """Look soon, and then at every interval."""
        self._look_in(self.settings.first_after)
        self._ticks = self.every(self.settings.interval, self._look)
        if self.node.datasets:
            self._data = Data(self)
            self._data.start()

    def on_stop(self) -> None:
        """Whoever waits for a report gets none."""
        if self._data is not None:
            self._data.stop()
        for request in (*self._asked, *self._answered_by_this_look):
            request.answer(ActorUnavailable("reconciler stops before it has looked"))

    def on_reload(self) -> None:
        """Other workloads or settings: look, and repeat at once what failed under the old config."""
        self._book.confirm_s = self.settings.confirm_after
        self._queue.first_s, self._queue.max_s = self.settings.backoff_first, self.settings.backoff_max
        if self._ticks is not None:
            self._ticks.interval_s = self.settings.interval
        self._queue.hurry()
        self._look_in(self.settings.reload_delay)
        if self._data is not None:
            self._data.reload()
        elif self.node.datasets:
            self._data = Data(self)
            self._data.start()

    # -- data sets

    def on_task_ended(self, fact: TaskEnded) -> None:
        if self._data is not None:
            self._data.ended(fact)

    def on_emergency_declared(self, fact: EmergencyDeclared) -> None:
        if self._data is not None:
            self._data.emergency(fact.incident)

    def on_emergency_ended(self, _: EmergencyEnded) -> None:
        if self._data is not None:
            self._data.emergency("")

    def on_metrics_sampled(self, fact: MetricsSampled) -> None:
        if self._data is not None and fact.scope == "host":
            self._data.measured(fact.values)

    def do_list_datasets(self, asked: ListDatasets) -> DatasetTable:
        return self._data.table(asked.names) if self._data is not None else none_declared(asked.names)

    def do_run_datasets(self, asked: RunDatasets) -> Reply | None:
        if self._data is None:
            return none_declared(asked.names)
        self._data.run(asked, self.defer_reply)
        return None

    def do_pause_datasets(self, asked: PauseDatasets) -> DatasetTable:
        return self._data.pause(asked.names, paused=True) if self._data is not None else none_declared(asked.names)

    def do_resume_datasets(self, asked: ResumeDatasets) -> DatasetTable:
        return self._data.pause(asked.names, paused=False) if self._data is not None else none_declared(asked.names)

    def do_explain_key(self, asked: ExplainKey) -> Reply | None:
        if self._data is None:
            raise Refused("the config declares no data sets")
        self._data.explain(asked, self.defer_reply())
        return None

    # -- hints and commands: reasons to look

    def on_config_reloaded(self, fact: ConfigReloaded) -> None:
        for name in (*fact.added, *fact.changed, *fact.removed):
            self._queue.add(name)
        self._queue.hurry()
        self._look_in(self.settings.reload_delay)

    def on_process_exited(self, fact: ProcessExited) -> None:
        self._queue.add(fact.subject)
        self._look_in(self.settings.hint_delay)

    def on_process_ready(self, fact: ProcessReady) -> None:
        if fact.subject in self._rolling:
            self._look_in(0.0)
            return
        workload = self.node.workloads.get(fact.subject)
        if workload is not None and workload.instance is not None:  # others may wait for it with their restart
            self._look_in(workload.spec.roll.settle + VERIFY_AFTER_S)

    def on_node_stopping(self, _: NodeStopping) -> None:
        self._stopping = True

    def do_get_drift(self, _: GetDrift) -> DriftReport:
        return self._report()

    def do_reconcile(self, _: Reconcile) -> Reply | None:
        self._asked.append(self.defer_reply())
        self._queue.hurry()
        self._look()
        return None

    # -- the look

    def _look_in(self, delay_s: float) -> None:
        """Look after delay_s seconds, or earlier when a look is due earlier."""
        if self._next_look is not None:
            if self._next_look.at_s <= self.clock() + delay_s:
                return
            self._next_look.cancel()
        self._next_look = self.after(delay_s, self._look)

    def _look(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        if self._looking:
            self._look_again = True
            return
        self._looking = True
        self._answered_by_this_look, self._asked = self._asked, []
        self.request(ListProcesses(strays=True), self._looked, timeout_s=TABLE_WITHIN_S)

    def _looked(self, outcome: ProcessTable | CommandError) -> None:
        self._looking = False
        if isinstance(outcome, CommandError):
            self._look_failed(outcome)
        else:
            self._look_failures = 0
            self._looked_s = self.clock()
            self._take_in(outcome)
            if not self._stopping:
                self._work()
        self._answer(outcome)
        if self._look_again:
            self._look_again = False
            self._look()

    def _look_failed(self, error: CommandError) -> None:
        if not self._look_failures:
            self.log.warning("look.failed", error=str(error))
        wait_s = min(self.settings.backoff_first * 2.0**self._look_failures, self.settings.backoff_max)
        self._look_failures = min(self._look_failures + 1, 32)
        self._look_in(wait_s)

    def _answer(self, outcome: ProcessTable | CommandError) -> None:
        waiting, self._answered_by_this_look = self._answered_by_this_look, []
        for request in waiting:
            request.answer(outcome if isinstance(outcome, CommandError) else self._report())

    def _take_in(self, table: ProcessTable) -> None:
        """What the look shows: tell what is new, forget what is gone, see which restarts are over."""
        now_s = self.clock()
        rows = {row.name: row for row in table.processes}
        self._ready = {row.name for row in table.processes if served(row, self.node.workloads.get(row.name))}
        changes = self._book.see(compare(self.node.workloads, at_rest(table)), now_s)
        self._checked = len(self.node.workloads)
        self._tell(changes)
        for closed in changes.closed:
            if not self._book.of(closed.subject):
                self._queue.forget(closed.subject)
        for name, (since_s, wanted) in list(self._rolling.items()):
            workload = self.node.workloads.get(name)
            if workload is None or settled(
                rows.get(name),
                {wanted, revision(workload.spec)},
                now_s - since_s,
                self.settings.ready_within,
                settle_of(rows.get(name), workload),
            ):
                del self._rolling[name]

    def _tell(self, changes: Changes) -> None:
        for drift in changes.opened:
            one, action = drift.now, words(drift.now, self.settings)
            self.log.info("drift.detected", subject=one.subject, drift=one.kind, observed=one.observed, action=action)
            self.publish(
                DriftDetected(
                    subject=one.subject, drift=one.kind, desired=one.desired, observed=one.observed, action=action
                )
            )
        for closed in changes.closed:
            self.log.info("drift.closed", subject=closed.subject, drift=closed.kind, took_s=closed.took_s)
            self.publish(DriftClosed(subject=closed.subject, drift=closed.kind, took_s=closed.took_s))
        if changes.converged:
            self.publish(Converged(subject=self.node.name, checked=self._checked, closed=changes.closed_run))

    # -- the work

    def _work(self) -> None:
        """Take every key that may be worked on, then see when the next look is due."""
        now_s = self.clock()
        for drift in self._book.open():
            self._queue.add(drift.now.subject)
        turns = self._turns()
        while (name := self._queue.take(now_s)) is not None:
            asked = commands(self._book.of(name), self.settings, now_s, restart=name in turns)
            if not asked:
                self._queue.done(name)
                continue
            workload = self.node.workloads.get(name)
            if workload is not None and any(isinstance(command, RestartProcess) for command in asked):
                self._rolling[name] = (now_s, revision(workload.spec))
            self._act(name, asked)
        self._plan_look()

    def _closed(self, name: str) -> str | None:
        """When the maintenance window of a workload opens, if it has to wait for that."""
        workload = self.node.workloads.get(name)
        return closed_until(workload, self.clock.wall(), zone) if workload is not None else None

    def _turns(self) -> list[str]:
        kept = kept_back(self.node.workloads, self._ready)
        outdated = {
            drift.now.subject: self._queue.tries(drift.now.subject)
            for drift in self._book.open()
            if drift.now.kind == "wrong_revision" and not (drift.now.settling or drift.now.kept)
            if not self._closed(drift.now.subject)
            if drift.now.subject not in kept
        }
        return next_restarts(self.node.workloads, outdated, self._queue.processing.union(self._rolling))

    def _act(self, name: str, asked: list[Command]) -> None:
        """Ask for the first command, and when it is answered for the rest, one after the other."""
        workload = self.node.workloads.get(name)
        grace_s = workload.spec.stop.grace if workload is not None else 0.0
        command, *left = asked
        self.request(
            command,
            lambda outcome: self._acted(name, command, left, outcome),
            timeout_s=grace_s + self.settings.answer_within,
        )

    def _acted(self, name: str, command: Command, left: list[Command], outcome: Reply | CommandError) -> None:
        """An answer. Whether it helped is seen by the next look; until then the drift stays, and so does the key."""
        trouble = f"{command.verb} failed: {outcome}" if isinstance(outcome, CommandError) else ""
        if trouble:
            self.log.warning("action.failed", subject=name, verb=command.verb, error=str(outcome))
        for drift in self._book.of(name):
            if drift.now.kind in CLOSES[command.verb]:
                drift.trouble = trouble
        if isinstance(command, RestartProcess):
            _, wanted = self._rolling.get(name, (0.0, ""))
            self._rolling[name] = (self.clock(), wanted)
        if left and not self._stopping:
            self._act(name, left)
            return
        if self._book.of(name):
            self._queue.again(name, self.clock())
        else:
            self._queue.done(name)
        if not trouble:
            self._look_in(VERIFY_AFTER_S)
        self._plan_look()

    def _plan_look(self) -> None:
        """Set the next look to when something may be due."""
        now_s = self.clock()
        due = [self._book.confirm_due_s(), self._queue.due_s()]
        due.append(copies_due_s(self._book.open(), self.settings, now_s))
        if self._rolling:
            due.append(now_s + ROLLOUT_LOOK_S)
        ahead = [at_s for at_s in due if at_s is not None]
        if ahead:
            self._look_in(max(0.0, min(ahead) - now_s))

    def _report(self) -> DriftReport:
        now_s = self.clock()
        rows = [
            DriftRow(
                subject=drift.now.subject,
                drift=drift.now.kind,
                desired=drift.now.desired,
                observed=drift.now.observed,
                action=self._action(drift.now.subject, words(drift.now, self.settings), drift.trouble),
                since_s=now_s - drift.since_s,
            )
            for drift in self._book.open()
        ]
        last_s = now_s - self._looked_s if self._looked_s is not None else None
        return DriftReport(drifts=rows, checked=self._checked, closed_total=self._book.closed_total, last_s=last_s)

    def _action(self, name: str, action: str, trouble: str) -> str:
        closed = self._closed(name) if action == WORDS["wrong_revision"] else None
        if closed is not None:
            action = f"{action} in its window, from {closed}"
        if not trouble:
            return action
        due_s = self._queue.due_s_of(name)
        again = f"; again in {format_duration(round(max(0.0, due_s - self.clock()), 1))}" if due_s is not None else ""
        return f"{action} ({trouble}{again})"
