"""Picks up where the node before this one, or the behaviour before this one, left off."""

from __future__ import annotations

from collections.abc import Mapping

from actors.process_manager.adopt import Alive, Fate, Gone
from actors.process_manager.bulk import Start, begin_all
from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Life
from actors.process_manager.means import Means
from actors.process_manager.order import start_order
from actors.process_manager.restart import Leave
from actors.process_manager.runs import end_run, said
from actors.process_manager.store import Row
from actors.process_manager.tools import Tools
from bus.messages import ProcessAdopted


class Resumption:
    """Brings the lives of a fresh Keeper up to what the store and the process table say, then starts what is to run."""

    def __init__(self, keeper: Keeper, means: Means, tools: Tools) -> None:
        self._keeper = keeper
        self._means = means
        self._tools = tools
        self._lost: set[str] = set()
        self._reasons: dict[str, str] = {}

    def resume(self, rows: Mapping[str, Row], fates: Mapping[str, Fate]) -> None:
        """Adopt what is alive first, so that those who wait for it find it; then start the rest in order."""
        for name, row in rows.items():
            fate = fates.get(name)
            life = self._keeper.lives.get(name) or self._undeclared(name, fate)
            if life is None:
                self._tools.store.forget(name)
                continue
            self._take_over(life, row)
            match fate:
                case Alive():
                    self._adopt(life, row, fate)
                case Gone():
                    self._bury(life, row, fate)
                case None:
                    self._rest(life, row)
            if life.held and life.state == "stopped":
                self._keeper.move(life, "hold", "held: a person stopped it")
        self._start()

    def _undeclared(self, name: str, fate: Fate | None) -> Life | None:
        """A process that runs, whose workload was taken out of the config while no node ran."""
        workload = self._tools.store.recall(name) if isinstance(fate, Alive) else None
        if workload is None:
            if isinstance(fate, Alive):
                self._means.log.error(
                    "process.left_alone", workload=name, pid=fate.stat.pid, why="no longer in the config"
                )
            return None
        life = Life(name=name, workload=workload, launch=self._tools.launch(workload), declared=False)
        self._keeper.lives[name] = life
        return life

    def _take_over(self, life: Life, row: Row) -> None:
        life.held, life.incarnation, life.restarts = row.held, row.incarnation, row.restarts
        life.exit_code, life.signal, life.token = row.exit_code, row.signal, row.token
        if life.held:
            life.why = "held: a person stopped it"
        life.wanted = not life.held and life.declared and (life.workload.spec.autostart or row.phase in _WANTED)

    def _adopt(self, life: Life, row: Row, alive: Alive) -> None:
        now_s, age_s, pid = self._means.clock(), self._tools.table.age_s(alive.stat), alive.stat.pid
        life.pid, life.adopted, life.revision, life.log_start = pid, True, row.revision, row.log_start
        life.incarnation, life.token = alive.incarnation, alive.token
        life.started_s = now_s - age_s
        life.starts_s = [life.started_s]
        if row.phase != "up" or row.pid != pid:
            self._tools.store.spawned(life.name, pid, alive.stat.ticks, row.log_start)
        self._tools.oom.begin(life.name)
        self._tools.watcher.watch(pid, (life.name, life.incarnation), child=alive.child)
        self._keeper.move(life, "adopt", "found running")
        self._means.publish(ProcessAdopted(subject=life.name, pid=pid, incarnation=life.incarnation, age_s=age_s))
        self._keeper.probing.begin(life)
        self._keeper.level(life)
        if life.held:
            self._keeper.stop(life, "held")

    def _bury(self, life: Life, row: Row, gone: Gone) -> None:
        """It ended while nobody watched. Nothing is told of a spawn that no process is known to have come of."""
        self._tools.store.ended(life.name, "ended", gone.exit.exit_code, gone.exit.signal)
        life.log_start = row.log_start
        ended_s = gone.wall_s if gone.wall_s is not None else self._means.clock.wall()
        uptime_s = max(0.0, ended_s - row.started_wall_s)
        if gone.existed:
            life.pid, life.started_s = row.pid, self._means.clock() - uptime_s  # so that its run lasted so long
            self._keeper.tell_exit(life, end_run(life, gone.exit, asked=life.held, now_s=self._means.clock()))
        if not life.wanted:
            return
        if gone.existed and isinstance(self._keeper.judge(life, gone.exit, uptime_s), Leave):
            self._tools.store.set_phase(life.name, "exited")
            self._keeper.move(life, "leave", f"ended while no node ran: {said(gone.exit)}")
            return
        self._lost.add(life.name)
        self._reasons[life.name] = "ended while no node ran"

    def _rest(self, life: Life, row: Row) -> None:
        """It was down. After a boot everything starts afresh."""
        if life.wanted and row.boot == self._tools.boot:
            if row.phase == "exited":
                self._keeper.move(life, "leave", f"ended by itself before the node started: {said(life)}")
            elif row.phase == "crash_loop":
                self._keeper.move(life, "loop", "ended too often before the node started")
            elif row.phase == "anew":
                self._reasons[life.name] = "node starts; tried anew, as it ended too often before"

    def _start(self) -> None:
        if self._keeper.closing is not None:  # the node is drained
            return
        lives = self._keeper.lives
        order = start_order({name: life.workload.spec.depends_on for name, life in lives.items()})
        begin_all(
            self._keeper,
            [
                Start(lives[name], self._reasons.get(name, "node starts"), unasked=name in self._lost)
                for name in order
                if lives[name].wanted and lives[name].state == "stopped"
            ],
        )


_WANTED = frozenset({"intent", "up", "ended", "exited", "crash_loop", "anew"})
