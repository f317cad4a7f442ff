"""Keeps the workloads: moves them through their life cycle, spawns them, hears their ends, restarts and stops them.

Between an exit and the restart stand the decision, the intent row and the spawn, and nothing else: what is told and
looked up comes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from actors.process_manager.bulk import stop_free
from actors.process_manager.endings import Endings
from actors.process_manager.exits import Exit
from actors.process_manager.launching import Launcher
from actors.process_manager.life import Life
from actors.process_manager.lifecycle import DOWN, Event, next_state
from actors.process_manager.logs import tail
from actors.process_manager.means import Means
from actors.process_manager.notify import Heard
from actors.process_manager.order import unmet
from actors.process_manager.past import Past
from actors.process_manager.probing import Probing
from actors.process_manager.restart import (
    Again,
    CrashLoop,
    Ended,
    Later,
    Leave,
    Record,
    Verdict,
    decide_restart,
    decide_retry,
)
from actors.process_manager.runs import Run, end_run, exited_fact, said
from actors.process_manager.settings import ProcessManagerSettings
from actors.process_manager.spawn import Spawned, SpawnFailed
from actors.process_manager.stop import Ending
from actors.process_manager.strays import Search
from actors.process_manager.tally import level_of, wording
from actors.process_manager.telling import Telling
from actors.process_manager.tokens import Issuer
from actors.process_manager.tools import Tools
from bus.errors import Refused
from bus.message import Done
from bus.messages import (
    CrashLoopEntered,
    ProcessReady,
    ProcessStarted,
    ProcessStartFailed,
    ProcessStateChanged,
    ProcessStopped,
    RestartScheduled,
)


class Keeper:
    """Owns the lives. lives: by name, in config order, then those no longer declared.

    closing: None, or, once all are to be down for good, the commands that wait for it.
    """

    def __init__(self, means: Means, settings: ProcessManagerSettings, tools: Tools) -> None:
        self.lives: dict[str, Life] = {}
        self.closing: list[Any] | None = None
        self.closing_why = ""
        self._waiting, self._asked_next = 0, False
        self._exited: dict[str, Run] = {}
        """Runs that were asked to end, and did: told after the look for what is left of them, which they would slow."""
        self.gate: Callable[[Life], str | None] = lambda _: None
        """What a life waits for beside its dependencies; see agenda.py."""
        self.moved: Callable[[Life], None] = lambda _: None
        """Called after each change of state."""
        self._means = means
        self._settings = settings
        self._tools = tools
        self._store = tools.store
        self.probing = Probing(means, tools.question, settings.probe_eager, self.level)
        search = Search(issuer=Issuer(tools.node, tools.store.secret), table=tools.table)
        self.telling = Telling(means, tools.notices, tools.store, tools.table, self.level)
        self.probing.telling = self.telling
        self.launcher = Launcher(means, tools, self.telling)
        self.endings = Endings(means, search, settings.group_check, self._looked, lives=self._each, groups=tools.groups)
        self.telling.extend = self.endings.extend

    def _each(self) -> Iterable[Life]:
        return self.lives.values()  # of today: a reload makes them anew

    # -- moving

    def move(self, life: Life, event: Event, why: str) -> None:
        """Make the move of the table, and tell; those that wait for it may start then."""
        before, life.why = life.state, why
        life.state = next_state(before, event)
        life.moves += 1
        if life.state == before and event != "again":
            return
        life.since_s = self._means.clock()
        life.past.append(Past(life.since_s, before, life.state, why, life.pid))
        life.idle = life.state == "waiting" and self.gate(life) is not None
        self._means.publish(
            ProcessStateChanged(
                subject=life.name, state=life.state, before=before, pid=life.pid, why=why, idle=life.idle
            )
        )
        self.moved(life)
        self._waiting += (life.state == "waiting") - (before == "waiting")
        if self._waiting:
            self._means.post(self.wake, life.name)  # as a message: this move is told to its end first

    def wake(self, name: str | None = None) -> None:
        """Start those that wait, and need to wait no longer. name: only those that depend on it."""
        for other in list(self.lives.values()):
            needs = other.workload.spec.depends_on
            if other.state == "waiting" and (name is None or name in needs) and not self.missing(other):
                self.begin(other, "its dependencies are there")

    def missing(self, life: Life) -> list[str]:
        """Say what it waits for: its time or window, and the dependencies that are not there."""
        needs, waits_for = life.workload.spec.depends_on, self.gate(life)
        if waits_for is not None:
            return [waits_for]
        return unmet(needs, {name: self.lives[name].standing for name in needs if name in self.lives}) if needs else []

    def level(self, life: Life) -> None:
        """Take over what its probes say, while it is up."""
        event = level_of(life.checks)
        if event is None or not life.up or next_state(life.state, event) == life.state:
            return
        self.move(life, event, "ready" if event == "pass" else wording(life.checks))
        if event == "pass" and life.pid is not None:
            after_s = self._means.clock() - life.started_s
            self._means.publish(
                ProcessReady(subject=life.name, pid=life.pid, incarnation=life.incarnation, after_s=after_s)
            )

    # -- starting

    def begin(self, life: Life, reason: str, *, unasked: bool = False) -> None:
        """Spawn a workload that is down, or let it wait for its dependencies. unasked: it counts as a restart."""
        life.wanted = True
        missing = self.missing(life)
        if missing:
            self.move(life, "wait", f"waits for {', '.join(missing)}")
            self._answer_start(life, Done(detail=life.why))
            return
        result = self.launcher.launch(life, unasked=unasked)
        self.move(life, "spawn", reason)
        self.launched(life, result, reason)

    def launched(self, life: Life, result: Spawned | SpawnFailed, reason: str) -> None:
        """Tell what came of a spawn, and go on from there."""
        if isinstance(result, SpawnFailed):
            self._start_failed(life, result)
            return
        life.failed_starts = 0
        self._means.publish(
            ProcessStarted(
                subject=life.name,
                pid=result.pid,
                incarnation=life.incarnation,
                reason=reason,
                revision=life.launch.revision,
                mode=life.workload.mode,
                restarts=life.restarts,
            )
        )
        self._answer_start(life, Done(detail=f"started, pid {result.pid}"))
        self.probing.begin(life)
        self.level(life)

    def _start_failed(self, life: Life, failed: SpawnFailed) -> None:
        spec = life.workload.spec
        life.failed_starts += 1
        later = decide_retry(
            spec.restart,
            life.failed_starts,
            retryable=failed.retryable,
            critical=spec.critical,
            longest_s=self._settings.start_retry_max,
            chance=self._tools.chance(),
        )
        self._means.publish(
            ProcessStartFailed(
                subject=life.name, reason=failed.reason, retryable=failed.retryable, attempt=life.failed_starts
            )
        )
        self._later(life, later, failed.reason)
        self._answer_start(life, Refused(f"{life.name} cannot be started: {failed.reason}"))

    def _later(self, life: Life, later: Later, reason: str) -> None:
        self.move(life, "later", reason)
        self._means.publish(
            RestartScheduled(subject=life.name, delay_s=later.delay_s, attempt=later.attempt, reason=reason)
        )
        life.due_s = self._means.clock() + later.delay_s
        self._means.after(later.delay_s, self._due, life, life.moves, reason)

    def _due(self, life: Life, moves: int, reason: str) -> None:
        if life.moves == moves and life.state == "backing_off":
            self.begin(life, f"again after: {reason}", unasked=True)

    # -- ending

    def on_exit(self, key: tuple[str, int], ended: Exit) -> None:
        """The exit watcher saw a main process end."""
        life = self.lives.get(key[0])
        if life is None or life.pid is None or life.incarnation != key[1]:
            return
        if life.ending is not None:
            self._exited[life.name] = end_run(life, ended, asked=True, now_s=self._means.clock())
            self.endings.look(life, life.ending)
            return
        verdict = self.judge(life, ended, self._means.clock() - life.started_s)
        if isinstance(verdict, Again) and life.wanted and self.closing is None and not self.missing(life):
            self._restart(life, ended, verdict)
        else:
            self._rest(life, ended, verdict)

    def told(self, name: str, heard: Heard) -> None:
        """A workload said something of itself."""
        life = self.lives.get(name)
        if life is not None and life.pid is not None and heard.incarnation == life.incarnation:
            self.telling.hear(life, heard)

    def judge(self, life: Life, ended: Exit, uptime_s: float) -> Verdict:
        """Ask the restart policy."""
        spec = life.workload.spec
        return decide_restart(
            spec.restart,
            Ended(exit_code=ended.exit_code, signal=ended.signal, uptime_s=uptime_s),
            Record(starts_s=life.starts_s, quick_exits=life.quick_exits),
            critical=spec.critical,
            now_s=self._means.clock(),
            chance=self._tools.chance(),
        )

    def _restart(self, life: Life, ended: Exit, verdict: Again) -> None:
        """The hot path: spawn, then tell."""
        run = end_run(life, ended, asked=False, now_s=self._means.clock())
        result = self.launcher.launch(life, unasked=True)
        if isinstance(result, Spawned):
            run.log_path, run.log_end = result.log.former_path, result.log.former_end
        life.quick_exits = verdict.attempt
        self.probing.end(life)
        self.tell_exit(life, run)
        reason = f"ended by itself: {said(ended, run.cause)}"
        if isinstance(result, Spawned):
            self.move(life, "again", reason)
        self.launched(life, result, reason)

    def _rest(self, life: Life, ended: Exit, verdict: Verdict) -> None:
        """It is not spawned at once: wait, or leave it so."""
        run = end_run(life, ended, asked=False, now_s=self._means.clock())
        self.probing.end(life)
        lines = self.tell_exit(life, run)
        why = f"ended by itself: {said(ended, run.cause)}"
        if not life.wanted or self.closing is not None:
            self._store.ended(life.name, "stopped", ended.exit_code, ended.signal)
            self.move(life, "leave", why)
            self.move(life, "stop", why)
            self._was_stopped(life)
            return
        self._store.ended(life.name, "ended", ended.exit_code, ended.signal)
        match verdict:
            case Leave():
                self._store.set_phase(life.name, "exited")
                self.move(life, "leave", why)
            case CrashLoop(starts):
                self._store.set_phase(life.name, "crash_loop")
                window_s = life.workload.spec.restart.start_limit_window
                self.move(life, "loop", f"{starts} starts within {window_s:g} s; {why}")
                self._means.publish(
                    CrashLoopEntered(
                        subject=life.name,
                        starts=starts,
                        window_s=window_s,
                        exit_code=ended.exit_code,
                        signal=ended.signal,
                        cause=run.cause,
                        log_tail=lines,
                    )
                )
            case Later(_, attempt):
                life.quick_exits = attempt
                self._later(life, verdict, why)
            case Again(attempt):
                life.quick_exits = attempt
                self.move(life, "wait", f"waits for {', '.join(self.missing(life))}; {why}")

    def tell_exit(self, life: Life, run: Run) -> list[str]:
        """Tell that a run ended; gives its last lines."""
        settings, life.cause = self._settings, self._tools.oom.cause(life, run)
        run.cause = life.cause
        lines = tail(
            run.log_path, settings.evidence_lines, settings.evidence_line_size, start=run.log_start, end=run.log_end
        )
        life.last_lines, life.last_log = lines, (run.log_path, run.log_start, run.log_end)
        self._means.publish(exited_fact(life, run, lines))
        return lines

    # -- stopping

    def stop(self, life: Life, why: str) -> None:
        """Ask a workload that is up to end, or see that one that is down stays so; a stop under way goes on."""
        if life.state in DOWN:
            if life.state not in ("stopped", "held"):
                self._store.set_phase(life.name, "stopped")
            if life.state != "held" or not life.held:
                self.move(life, "hold" if life.held else "stop", why)
        elif life.ending is None:
            self.probing.end(life)
            self.move(life, "stop", why)
            self.endings.begin(life, why)

    def _looked(self, over: Sequence[tuple[Life, Ending]]) -> None:
        """The process table was looked through. over: of these, the process and its tree are gone.

        Who asked has the answer before anybody else is told, and whoever holds is on disk before that.
        """
        exited, self._exited = self._exited, {}
        self._store.ended_all([("stopped", life.exit_code, life.signal, life.name) for life, _ in over])
        with self._means.told_last():
            for name, run in exited.items():
                if name in self.lives:
                    self.tell_exit(self.lives[name], run)
            trouble = self._store.settle() if any(life.to_stop for life, _ in over) else ""
            for life, ending in over:
                self._down(life, ending, f"; whether it is held is not on disk: {trouble}" if trouble else "")
            if self._asked_next:
                self.stop_next()

    def _down(self, life: Life, ending: Ending, but: str) -> None:
        self.move(life, "vanish", ending.why)
        if life.held:
            self.move(life, "hold", ending.why)
        took_s, killed = self._means.clock() - ending.began_s, ending.killed
        self._means.publish(ProcessStopped(subject=life.name, reason=ending.why, took_s=took_s, killed=killed))
        waiting, life.to_stop = life.to_stop, []
        for request in waiting:
            request.answer(Done(detail=f"down after {round(took_s, 3):g} s{', killed' if killed else ''}{but}"))
        again, life.again = life.again, None
        if again is not None and self.closing is None:
            self.begin(life, again)
        else:
            self._was_stopped(life)

    def _was_stopped(self, life: Life) -> None:
        if not life.declared:
            self.forget(life)
        if self.closing is not None and not self._asked_next:
            self._asked_next = True
            self._means.post(self.stop_next)

    def forget(self, life: Life) -> None:
        """Drop a workload that is down and no longer declared."""
        self._store.forget(life.name)
        self.telling.forget(life.name)
        self.lives.pop(life.name, None)

    def stop_next(self) -> None:
        """On the way to all being down: stop those that nothing which is up depends on; answer when there is none."""
        self._asked_next = False
        up = stop_free(self)
        if not up and self.closing is not None:
            waiting, self.closing = self.closing, []
            for request in waiting:
                request.answer(Done(detail=f"all {len(self.lives)} are down"))

    @property
    def over(self) -> bool:
        """Whether all were to be down for good, and are."""
        return self.closing is not None and all(life.state in DOWN for life in self.lives.values())

    def _answer_start(self, life: Life, outcome: Done | Refused) -> None:
        waiting, life.to_start = life.to_start, []
        for request in waiting:
            request.answer(outcome)
