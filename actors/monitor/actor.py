"""The Monitor's shell: hears of workloads, has them read when that is due, and tells what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from actors.base import Actor
from actors.monitor.answers import named, series_of, warnings_of
from actors.monitor.board import Board, Member
from actors.monitor.explain import explain
from actors.monitor.feeds import Feeds
from actors.monitor.learning import LOOK_S, Learning
from actors.monitor.life import Life
from actors.monitor.oversight import Oversight
from actors.monitor.past import Past
from actors.monitor.reading import Reading
from actors.monitor.settings import MonitorSettings
from actors.monitor.sources.host import memory_total
from actors.monitor.store import MonitorStore
from actors.monitor.telling import Telling
from actors.monitor.trends import Trends
from actors.settings import format_duration
from actors.settings.wording import duration
from bus.errors import CommandError, Refused
from bus.message import Command, Fact
from bus.messages import (
    ActorFailed,
    ActorStarted,
    CrashLoopEntered,
    ExplainHealth,
    GetHealth,
    GetMetrics,
    GetNode,
    GetSeries,
    HealthReport,
    HealthStory,
    IncidentList,
    IssueRaised,
    IssueResolved,
    ListIncidents,
    ListProcesses,
    ListSeries,
    ListWarnings,
    LogLinesRead,
    MetricsTaken,
    NodeInfo,
    ProbeMeasured,
    ProcessAdopted,
    ProcessExited,
    ProcessReady,
    ProcessStarted,
    ProcessStateChanged,
    ProcessStopped,
    ProcessTable,
    PushMetrics,
    SamplingInterval,
    Series,
    SetSamplingInterval,
    WarningList,
)

SETTLE_S = 0.5
"""Seconds after an exit in which the state that follows is awaited: most are started again within milliseconds."""


class Monitor(Actor[MonitorSettings]):
    """Owns the readings and the health levels; nobody else measures.

    An interval that was asked for by command is kept in the store: it survives a new behaviour and a new node, until
    the config's own interval changes.
    """

    name: ClassVar[str] = "monitor"
    listens: ClassVar[tuple[type[Fact], ...]] = (
        ProcessStarted,
        ProcessAdopted,
        ProcessReady,
        ProcessExited,
        ProcessStopped,
        ProcessStateChanged,
        CrashLoopEntered,
        ProbeMeasured,
        LogLinesRead,
        ActorFailed,
        ActorStarted,
        IssueRaised,
        IssueResolved,
    )
    answers: ClassVar[tuple[type[Command], ...]] = (
        GetHealth,
        GetSeries,
        SetSamplingInterval,
        ExplainHealth,
        ListIncidents,
        PushMetrics,
        GetMetrics,
        ListSeries,
        ListWarnings,
    )
    Settings: ClassVar[type[MonitorSettings]] = MonitorSettings

    # -- begin, end, reload

    def on_start(self) -> None:
        now_s = self.clock()
        self._store = MonitorStore(self.node.state_dir)
        self._configured_s = float(self.settings.interval)
        self._board = Board(self.node.name, self.settings, memory_total(), now_s)
        self._board.refit(self.node.workloads, self.settings, now_s)
        self._store.recall(self._board, now_s, self.clock.wall())
        self._learning = Learning(self, self._board, self._store)
        self._telling = Telling(self, self._board, self._store)
        self._telling.tell(self._board.set_limits(now_s))
        interval_s = self._store.interval_s(self._configured_s) or self._configured_s
        self._reading = Reading(self, self._board, self._telling, interval_s=interval_s, counted=self._counted)
        self._feeds = Feeds(self, self._board, self._telling, lambda: self._reading.interval_s)
        self._trends = Trends(self, self._board, self._telling)
        self._past = Past(self, self._board)
        self._oversight = Oversight(self, self._board, self._reading)
        self._telling.judged = self._oversight.look
        self._resync()
        self._resyncs = self.every(self.settings.resync_every, self._resync)
        self._trend_looks = self.every(self.settings.trend_every, self._trends.look)
        self._writes = self.every(self._past.write_every_s, self._past.write)
        self.every(LOOK_S, self._learning.look)

    def on_stop(self) -> None:
        for room in ("_oversight", "_reading", "_feeds", "_past", "_store"):
            made = getattr(self, room, None)
            if made is not None:
                made.close()

    def on_reload(self) -> None:
        now_s = self.clock()
        self._past.write(late_s=0.0)
        names = set(self._board.members)
        self._telling.tell(self._board.refit(self.node.workloads, self.settings, now_s))
        self._telling.tell(self._board.set_limits(now_s))
        for name in names - self._board.members.keys():
            self._store.forget("workload", name)
        if self.settings.interval != self._configured_s:
            self._configured_s = self._reading.asked_s = float(self.settings.interval)
        self._reading.refit()
        self._feeds.refit()
        self._oversight.refit()
        self._resyncs.interval_s = self.settings.resync_every
        self._trend_looks.interval_s = self.settings.trend_every
        self._writes.interval_s = self._past.write_every_s
        self._resync()

    def _counted(self) -> dict[str, float]:
        """What it counts of itself, beside what is measured."""
        behind = sum(sum(peer.lag.values()) for peer in self._home.peers())
        return {"bus_lag": float(behind), **self._feeds.counted()}

    # -- what is heard of workloads

    def on_process_started(self, fact: ProcessStarted) -> None:
        self._live(fact, lambda life, now_s: life.started(fact, now_s))

    def on_process_adopted(self, fact: ProcessAdopted) -> None:
        self._live(fact, lambda life, now_s: life.adopted(fact, now_s))

    def on_process_ready(self, fact: ProcessReady) -> None:
        self._live(fact, lambda life, now_s: life.ready(fact.pid, now_s))

    def on_process_stopped(self, fact: ProcessStopped) -> None:
        self._live(fact, lambda life, now_s: life.stopped(now_s))

    def on_process_state_changed(self, fact: ProcessStateChanged) -> None:
        self._live(fact, lambda life, now_s: life.state_changed(fact, now_s))

    def on_crash_loop_entered(self, fact: CrashLoopEntered) -> None:
        why = f"{fact.starts} starts in {duration(fact.window_s)}"
        self._live(fact, lambda life, now_s: life.looped(why, now_s))

    def on_process_exited(self, fact: ProcessExited) -> None:
        member = self._board.members.get(fact.subject)
        if member is not None:
            member.life.exited(fact)
            self.after(SETTLE_S, self._live, fact, lambda life, now_s: life.settle(now_s))

    def on_probe_measured(self, fact: ProbeMeasured) -> None:
        if self._board.probed(fact, self.clock()):
            self._telling.judge_soon()

    def on_log_lines_read(self, fact: LogLinesRead) -> None:
        self._board.logged(fact, self.clock())
        self._oversight.logged(fact)

    def on_actor_failed(self, fact: ActorFailed) -> None:
        if fact.given_up:
            self._board.given_up[fact.subject] = fact.error
            self._board.node_known = True
            self._telling.judge()

    def on_actor_started(self, fact: ActorStarted) -> None:
        if self._board.given_up.pop(fact.subject, None) is not None:
            self._telling.judge()

    def on_issue_raised(self, fact: IssueRaised) -> None:
        self._oversight.issue_raised(fact)

    def on_issue_resolved(self, fact: IssueResolved) -> None:
        self._oversight.issue_resolved(fact.issue)

    def _live(self, fact: Fact, move: Callable[[Life, float], bool | None]) -> None:
        """A workload's life moved. move: gives True when there is a new process."""
        member = self._board.members.get(fact.subject)
        if member is not None:
            self._note_life(member, born=bool(move(member.life, self.clock())))
            self._telling.judge_soon()

    def _note_life(self, member: Member, *, born: bool) -> None:
        """Count on for its availability; a new process is read soon."""
        now_s = self.clock()
        member.service.stand(member.life.standing, now_s)
        if born:
            member.reborn(now_s)
            self._reading.look_soon(member.workload.name)
            self._feeds.look_soon(member.workload.name)

    # -- resync: facts are hints

    def _resync(self) -> None:
        self._reading.watch()
        self._feeds.listen()
        self._oversight.resync()
        self._telling.judge()
        self.request(ListProcesses(), self._heard_table)
        self.request(GetNode(), self._heard_node)

    def _heard_table(self, outcome: ProcessTable | CommandError) -> None:
        if isinstance(outcome, CommandError):
            self.log.debug("resync.failed", target="process_manager", error=str(outcome))
            return
        now_s = self.clock()
        for row in outcome.processes:
            member = self._board.members.get(row.name)
            if member is not None:
                codes = member.workload.spec.restart.success_codes
                self._note_life(member, born=member.life.read_row(row, codes, now_s))
        self._telling.judge()

    def _heard_node(self, outcome: NodeInfo | CommandError) -> None:
        self._board.node_known = True
        if isinstance(outcome, CommandError):
            self.log.debug("resync.failed", target="node", error=str(outcome))
            return
        self._board.given_up = {row.name: row.last_error for row in outcome.actors if row.state == "given_up"}
        self._telling.judge()

    # -- commands

    def do_get_health(self, _command: GetHealth) -> HealthReport:
        return self._oversight.noted(self._board.report(self.clock(), self._reading.asked_s))

    def do_explain_health(self, command: ExplainHealth) -> HealthStory:
        subject = named(self._board, command.name)
        return HealthStory(chain=explain(self._board, self._oversight.incidents, subject, self.clock()))

    def do_list_incidents(self, command: ListIncidents) -> IncidentList:
        return self._oversight.rows(command)

    def do_get_series(self, command: GetSeries) -> Series:
        now_s = self.clock()
        return series_of(self._board, command, now_s, self.clock.wall() - now_s)

    def do_list_warnings(self, _: ListWarnings) -> WarningList:
        return warnings_of(self._board)

    def do_push_metrics(self, command: PushMetrics) -> MetricsTaken:
        return self._feeds.push(command)

    def do_get_metrics(self, command: GetMetrics) -> None:
        self._past.tell(command, self.defer_reply())

    def do_list_series(self, command: ListSeries) -> None:
        self._past.list(command, self.defer_reply())

    def do_set_sampling_interval(self, command: SetSamplingInterval) -> SamplingInterval:
        low_s, high_s = self.settings.interval_min, self.settings.interval_max
        if not low_s <= command.interval_s <= high_s:
            allowed = f"{format_duration(low_s)} to {format_duration(high_s)}"
            raise Refused(f"an interval of {command.interval_s:g} s is out of bounds; allowed: {allowed}")
        before_s, after_s = self._reading.asked_s, float(command.interval_s)
        self._store.put_interval(after_s, self._configured_s, command.why, self.clock.wall())
        self.log.info("interval.changed", before=before_s, after=after_s, why=command.why)
        self._reading.change(after_s)
        return SamplingInterval(interval_s=after_s, before_s=before_s)
