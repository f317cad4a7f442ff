"""The Monitor's shell: hears of workloads, has them read when that is due, and tells what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from actors.base import Actor
from actors.clock import Alarm
from actors.monitor.board import Board, Member
from actors.monitor.life import Life
from actors.monitor.sampling import Sample, Sampler, SamplingFailed, Target
from actors.monitor.schedule import Due, Schedule
from actors.monitor.settings import MonitorSettings
from actors.monitor.sources.host import memory_total
from actors.monitor.store import MonitorStore
from actors.monitor.subject import Subject, TrendJob, look_for_trends
from actors.monitor.trend import Slope
from actors.settings import format_duration
from actors.settings.wording import duration
from bus.errors import CommandError, Refused
from bus.message import Command, Fact
from bus.messages import (
    ActorFailed,
    ActorStarted,
    CrashLoopEntered,
    GetHealth,
    GetNode,
    GetSeries,
    HealthChanged,
    HealthReport,
    ListProcesses,
    LogLinesRead,
    NodeInfo,
    ProbeMeasured,
    ProcessAdopted,
    ProcessExited,
    ProcessReady,
    ProcessStarted,
    ProcessStateChanged,
    ProcessStopped,
    ProcessTable,
    SamplingInterval,
    Series,
    SetSamplingInterval,
)

SETTLE_S = 0.5
"""Seconds after an exit in which the state that follows is awaited: most are started again within milliseconds."""
JUDGE_PART = 10.0
"""How many times as long as judging took is waited until the next, so that a burst of facts is judged once."""
STUCK_S = 30.0
"""Seconds after which a reading that has not ended is told as a trouble of the node."""


class Monitor(Actor[MonitorSettings]):
    """Owns the readings and the health levels; nobody else measures.

    One reading at a time, in a thread of its own; the next is set when it has ended. An interval that was asked for by
    command is kept in the store: it survives a new behaviour and a new node, until the config's own interval changes.
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
    )
    answers: ClassVar[tuple[type[Command], ...]] = (GetHealth, GetSeries, SetSamplingInterval)
    Settings: ClassVar[type[MonitorSettings]] = MonitorSettings

    # -- begin, end, reload

    def on_start(self) -> None:
        now_s = self.clock()
        self._closed = self._judge_waits = False
        self._judge_free_s = now_s
        self._alarm: Alarm | None = None
        self._reading_since_s: float | None = None
        self._trends_busy = False
        self._connections_s = now_s
        self._store = MonitorStore(self.node.state_dir)
        self._configured_s = float(self.settings.interval)
        self._interval_s = self._bounded_s(self._store.interval_s(self._configured_s) or self._configured_s)
        self._sampler = Sampler(self.clock, self.node.state_dir, connections_max=self.settings.connections_max)
        self._board = Board(self.node.name, self.settings, memory_total(), now_s)
        self._board.refit(self.node.workloads, self.settings, now_s)
        self._store.recall(self._board, now_s, self.clock.wall())
        self._schedule = Schedule(now_s)
        self._told(self._board.set_limits(now_s))
        self._resync()
        self._resyncs = self.every(self.settings.resync_every, self._resync)
        self._trends = self.every(self.settings.trend_every, self._look_for_trends)
        self._set_alarm()

    def on_stop(self) -> None:
        self._closed = True
        alarm, store = getattr(self, "_alarm", None), getattr(self, "_store", None)
        if alarm is not None:
            alarm.cancel()
        if store is not None:
            store.close()

    def on_reload(self) -> None:
        now_s = self.clock()
        names = set(self._board.members)
        self._told(self._board.refit(self.node.workloads, self.settings, now_s))
        self._told(self._board.set_limits(now_s))
        for name in names - self._board.members.keys():
            self._store.forget("workload", name)
        self._schedule.keep(self._board.members.keys())
        if self.settings.interval != self._configured_s:
            self._configured_s = self._interval_s = float(self.settings.interval)
        self._interval_s = self._bounded_s(self._interval_s)
        self._sampler.connections_max = self.settings.connections_max
        self._resyncs.interval_s = self.settings.resync_every
        self._trends.interval_s = self.settings.trend_every
        self._schedule.change(now_s, self._interval_s)
        for name in self._board.members:
            self._plan_quick(name, now_s)
        self._resync()
        self._judge()
        self._set_alarm()

    def _bounded_s(self, interval_s: float) -> float:
        return min(max(interval_s, float(self.settings.interval_min)), float(self.settings.interval_max))

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
            self._judge_soon()

    def on_log_lines_read(self, fact: LogLinesRead) -> None:
        self._board.logged(fact, self.clock())

    def on_actor_failed(self, fact: ActorFailed) -> None:
        if fact.given_up:
            self._board.given_up[fact.subject] = fact.error
            self._board.node_known = True
            self._judge()

    def on_actor_started(self, fact: ActorStarted) -> None:
        if self._board.given_up.pop(fact.subject, None) is not None:
            self._judge()

    def _live(self, fact: Fact, move: Callable[[Life, float], bool | None]) -> None:
        """A workload's life moved. move: gives True when there is a new process."""
        member = self._board.members.get(fact.subject)
        if member is not None:
            self._note_life(member, born=bool(move(member.life, self.clock())))
            self._judge_soon()

    def _note_life(self, member: Member, *, born: bool) -> None:
        """Count on for its availability; a new process is read soon."""
        now_s = self.clock()
        member.service.stand(member.life.standing, now_s)
        if born:
            member.reborn(now_s)
            self._schedule.bring_forward(now_s + self.settings.sample_after_start, member.workload.name)
            self._set_alarm()

    # -- resync: facts are hints

    def _resync(self) -> None:
        self._judge()
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
        self._judge()

    def _heard_node(self, outcome: NodeInfo | CommandError) -> None:
        self._board.node_known = True
        if isinstance(outcome, CommandError):
            self.log.debug("resync.failed", target="node", error=str(outcome))
            return
        self._board.given_up = {row.name: row.last_error for row in outcome.actors if row.state == "given_up"}
        self._judge()

    # -- reading

    def _set_alarm(self) -> None:
        """Be woken at the next reading. Not by `after`, which would chain all readings to the message in hand."""
        if self._alarm is not None:
            self._alarm.cancel()
        delay_s = self._schedule.next_s - self.clock()
        self._alarm = self.clock.call_later(max(0.0, delay_s), lambda: self.post(self._read))

    def _read(self) -> None:
        if self._closed or self._reading_since_s is not None:
            return
        now_s = self.clock()
        due = self._schedule.take(now_s)
        targets = self._targets(due, now_s)
        if not due.everything and not targets:
            self._plan_next(due, now_s)
            return
        self._reading_since_s = now_s
        sampler, everything = self._sampler, due.everything
        self.run(lambda: sampler.sample(targets, everything=everything), lambda outcome: self._was_read(due, outcome))

    def _targets(self, due: Due, now_s: float) -> list[Target]:
        """The workloads to read that have a process. Connections are counted with everything, and not each time."""
        all_connections = due.everything and now_s >= self._connections_s
        if all_connections:
            self._connections_s = now_s + self.settings.connections_every
        return [
            Target(name, member.life.readable_pid, all_connections or member.counts_connections)
            for name, member in self._board.members.items()
            if (due.everything or name in due.names) and member.life.readable_pid is not None
        ]

    def _was_read(self, due: Due, outcome: Sample | Exception) -> None:
        self._reading_since_s = None
        now_s = self.clock()
        if isinstance(outcome, SamplingFailed):
            self.log.warning("sampling.failed", error=str(outcome))
            self._board.troubles = [f"nothing can be read: {outcome}"]
        elif isinstance(outcome, Exception):
            raise outcome
        else:
            self._board.troubles = []
            self._take_in(due, outcome)
        self._judge()
        self._plan_next(due, now_s)

    def _take_in(self, due: Due, sample: Sample) -> None:
        """Workloads and host first, as their thresholds are what somebody waits for."""
        board, at_s = self._board, sample.taken_s
        for name, member in board.members.items():
            reading = sample.trees.get(name)
            if reading is not None and reading.pid == member.life.pid:
                self._told(board.read_workload(name, reading.values, at_s, self._interval_s))
            elif due.everything and member.life.readable_pid is None:
                self._told(board.read_workload(name, {}, at_s, self._interval_s))
        if due.everything:
            self._told(board.host.read(sample.host, at_s, self._interval_s))
            ignored = float(sum(subject.ignored for subject in board))
            behind = float(sum(sum(peer.lag.values()) for peer in self._home.peers()))
            own = {**sample.own, "cycle_s": sample.cycle_s, "ignored_readings": ignored, "bus_lag": behind}
            self._told(board.node.read(own, at_s, self._interval_s))

    def _plan_next(self, due: Due, now_s: float) -> None:
        """Set the next readings: the regular one, those of short hold times, and those at the end of a hold."""
        if due.everything:
            self._schedule.again(now_s, self._interval_s)
        for name in self._board.members:
            if due.everything or name in due.names:
                self._plan_quick(name, now_s)
        if due.everything and self._board.host.latest("cpu") is None:
            self._schedule.bring_forward(now_s + self.settings.sample_after_start)
        self._plan_hold_end(self._board.host, now_s, None)
        for name, member in self._board.members.items():
            if member.life.readable_pid is not None:
                self._plan_hold_end(member.subject, now_s, name)
        self._set_alarm()

    def _plan_quick(self, name: str, now_s: float) -> None:
        quick_s = self._board.quick_s(name, self._interval_s)
        if quick_s is not None and self._board.members[name].life.readable_pid is not None:
            self._schedule.bring_forward(now_s + quick_s, name)

    def _plan_hold_end(self, subject: Subject, now_s: float, name: str | None) -> None:
        """Read again just when a hold will be over; one that is over already waits for the next regular reading."""
        ends_s = subject.hold_ends_s()
        if ends_s is not None and ends_s > now_s:
            self._schedule.bring_forward(max(ends_s, now_s + self.settings.interval_min / 2), name)

    # -- telling

    def _told(self, facts: Iterable[Fact]) -> None:
        """Publish, and note what must not be forgotten."""
        for fact in facts:
            self.publish(fact)
            self._store.note(fact, self.clock.wall())
            if isinstance(fact, HealthChanged):
                self.log.info("health.changed", subject=fact.subject, level=fact.level, why="; ".join(fact.why[:3]))

    def _judge_soon(self) -> None:
        """At once, unless judging takes a good part of the time as it is; then all that came meanwhile together."""
        delay_s = self._judge_free_s - self.clock()
        if delay_s <= 0:
            self._judge()
        elif not self._judge_waits:
            self._judge_waits = True
            self.after(delay_s, self._judge)

    def _judge(self) -> None:
        now_s = self.clock()
        self._judge_waits = False
        stuck = self._reading_since_s is not None and now_s - self._reading_since_s > STUCK_S
        if stuck:
            self._board.troubles = [f"a reading has not ended for {duration(now_s - (self._reading_since_s or now_s))}"]
        self._told(self._board.judge(now_s))
        ended_s = self.clock()
        self._judge_free_s = ended_s + JUDGE_PART * (ended_s - now_s)

    # -- trends

    def _look_for_trends(self) -> None:
        if self._trends_busy:
            return
        now_s, settings = self.clock(), self.settings
        jobs = [job for subject in self._board for job in subject.trend_jobs(now_s, settings.trend_window)]
        self._trends_busy = True
        self.run(
            lambda: look_for_trends(jobs, settings.trend_window, settings.trend_change),
            self._trends_found,
        )

    def _trends_found(self, outcome: Sequence[tuple[TrendJob, Slope | None]] | Exception) -> None:
        self._trends_busy = False
        if isinstance(outcome, Exception):
            raise outcome
        moved = (job.subject.trended(job.metric, slope) for job, slope in outcome)
        self._told(fact for fact in moved if fact is not None)

    # -- commands

    def do_get_health(self, _command: GetHealth) -> HealthReport:
        return self._board.report(self.clock(), self._interval_s)

    def do_get_series(self, command: GetSeries) -> Series:
        subject = self._board.find(command.subject)
        if subject is None:
            names = ", ".join(one.name for one in self._board)
            raise Refused(f"nothing called {command.subject!r} is measured; there are: {names}")
        metrics = subject.history.metrics
        if command.metric not in metrics:
            there = f"there are: {', '.join(sorted(metrics))}" if metrics else "nothing was measured yet"
            raise Refused(f"{command.subject} has no series {command.metric!r}; {there}")
        now_s = self.clock()
        times, values = subject.history.since(command.metric, now_s - command.since_s)
        offset_s = self.clock.wall() - now_s
        slope = subject.trends.get(command.metric)
        return Series(
            subject=command.subject,
            metric=command.metric,
            times=[at_s + offset_s for at_s in times],
            values=list(values),
            trend=slope.trend if slope else None,
            slope_per_s=slope.per_s if slope else None,
        )

    def do_set_sampling_interval(self, command: SetSamplingInterval) -> SamplingInterval:
        low_s, high_s = self.settings.interval_min, self.settings.interval_max
        if not low_s <= command.interval_s <= high_s:
            allowed = f"{format_duration(low_s)} to {format_duration(high_s)}"
            raise Refused(f"an interval of {command.interval_s:g} s is out of bounds; allowed: {allowed}")
        before_s, self._interval_s = self._interval_s, float(command.interval_s)
        self._store.put_interval(self._interval_s, self._configured_s, command.why, self.clock.wall())
        self.log.info("interval.changed", before=before_s, after=self._interval_s, why=command.why)
        self._schedule.change(self.clock(), self._interval_s)
        self._set_alarm()
        return SamplingInterval(interval_s=self._interval_s, before_s=before_s)
