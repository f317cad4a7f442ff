"""The ProcessManager's shell: answers commands, hears exits and answers of probes, and tells what it did."""

from __future__ import annotations

import difflib
import os
import random
import sqlite3
from collections.abc import Collection
from functools import partial
from typing import Any, ClassVar

from actors.base import Actor
from actors.process_manager.adopt import find_fates
from actors.process_manager.agenda import Agenda
from actors.process_manager.cgroups import Groups
from actors.process_manager.declare import declare
from actors.process_manager.drain import Drain
from actors.process_manager.exits import ExitWatcher, exit_watcher
from actors.process_manager.fleet import Fleet
from actors.process_manager.hooks import begin_hook
from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Launch, Life, make_launch, parting
from actors.process_manager.lifecycle import AT_REST, DOWN
from actors.process_manager.logs import make_logs
from actors.process_manager.logwatch import LogWatch
from actors.process_manager.lookout import Lookout
from actors.process_manager.memory import MemoryWatch
from actors.process_manager.notify import Heard, Notices
from actors.process_manager.oom import OutOfMemory
from actors.process_manager.order import with_dependencies
from actors.process_manager.probes import Prober, ask
from actors.process_manager.processes import process_table
from actors.process_manager.records import Records
from actors.process_manager.resume import Resumption
from actors.process_manager.rolls import Rolls
from actors.process_manager.setback import SetBack, former_settings, running_outdated
from actors.process_manager.settings import ProcessManagerSettings
from actors.process_manager.signals import signal_names, signal_number, signal_process
from actors.process_manager.sockets import Shelf
from actors.process_manager.spawn import ignored_signals
from actors.process_manager.store import Store
from actors.process_manager.strays import Search
from actors.process_manager.tokens import Issuer
from actors.process_manager.tools import Tools
from actors.process_manager.trees import resident
from actors.process_manager.upkeep import Upkeep
from actors.settings import Probe, Workload, revision
from actors.zones import zone
from bus.errors import ActorUnavailable, Refused
from bus.message import Done
from bus.messages import (
    DrainNode,
    EndStrays,
    ExplainProcess,
    ListFamilies,
    ListProcesses,
    NodeStopping,
    ProcessStories,
    ProcessTable,
    ReleaseProcess,
    RestartProcess,
    RollWorkload,
    RunHook,
    SignalProcess,
    StartProcess,
    StopAll,
    StopProcess,
    UndrainNode,
)


class ProcessManager(Actor[ProcessManagerSettings]):
    """Owns the processes of the node's workloads; nobody else starts, signals or stops them."""

    name = "process_manager"
    listens = (NodeStopping,)
    # fmt: off
    answers = (
        DrainNode, EndStrays, ExplainProcess, ListFamilies, ListProcesses, ReleaseProcess, RestartProcess, RollWorkload,
        RunHook, SignalProcess, StartProcess, StopAll, StopProcess, UndrainNode,
    )
    # fmt: on
    Settings = ProcessManagerSettings
    workers: ClassVar[int] = 16

    _store: Store | None = None
    _watcher: ExitWatcher | None = None
    _prober: Prober | None = None
    _notices: Notices | None = None
    _keeper: Keeper | None = None

    # -- coming and going

    def on_start(self) -> None:
        """Adopt what runs, then start what is to run, in order."""
        log_dir = self.node.state_dir / "logs"
        log_dir.mkdir(parents=True, exist_ok=True)
        self._node_env = dict(os.environ)
        self._log_dir = log_dir.resolve()
        self._table = process_table()
        self._store = Store(self.node.state_dir)
        self._prober = Prober(self.settings.probe_threads)
        records = Records(self.node.state_dir, self._table)
        self._watcher = exit_watcher(lambda key, ended: self.post(self._on_exit, key, ended), self._table, records.exit)
        self._shelf = Shelf(self.node.run_dir, self.log)
        self._groups = Groups(self.node.name, self.settings, self.log)
        self._notices = Notices(self.node.run_dir / "notify", partial(self.post, self._on_told))
        tools = self._tools_of(self._store, self._watcher, self._notices)
        self._keeper = Keeper(self, self.settings, tools)
        self._logwatch = LogWatch(self, lambda: self.keeper.lives, self._store, lambda: self.settings)
        rows = self._store.rows()
        outdated = former_settings(rows, self.node.workloads, self._store.recall)
        self._declare(outdated)
        self.run(partial(make_logs, [one.launch.log_path for one in self._keeper.lives.values()]), lambda _: None)
        issuer = Issuer(self.node.name, self._store.secret)
        fates = find_fates(rows, self._table, tools.boot, issuer, self.settings.adoption_wait, records=records)
        self.drain = Drain(self.node.name, self._keeper, self, self._store)
        self._agenda = Agenda(self._keeper, self, self._store, zone)
        set_back = SetBack(
            self, self._keeper, self._store, self._launch_of, desired=lambda: self.node.workloads, former=outdated
        )
        self._agenda.resume({name for name, row in rows.items() if row.phase in {"intent", "up", "ended"}})
        Resumption(self._keeper, self, tools).resume(rows, fates)
        self.drain.resume()
        self._agenda.begin()
        records.forget()
        search = Search(issuer=issuer, table=self._table)
        self.lookout = Lookout(self, self._keeper, search, self.settings.stray_grace)
        self.fleet, self.rolls = Fleet(self, self._keeper, self._table), Rolls(self, self._keeper, set_back)
        memory = MemoryWatch(self, tools.oom, lambda trees: resident(trees, search), self._keeper.stop)
        self._look_now_and_then(memory, Upkeep(self, self._keeper, self._store))
        ignored = ignored_signals()
        if ignored:
            self.log.warning("process.inherits_ignored_signals", signals=",".join(ignored))

    def _tools_of(self, store: Store, watcher: ExitWatcher, notices: Notices) -> Tools:
        return Tools(
            store=store,
            watcher=watcher,
            table=self._table,
            boot=self._table.boot(),
            question=self._question,
            chance=random.Random().random,  # noqa: S311 - spreads delays
            launch=self._launch_of,
            listens=self._shelf.listens,
            node=self.node.name,
            notices=notices,
            groups=self._groups,
            oom=OutOfMemory(self._groups, self.log),
        )

    def _look_now_and_then(self, memory: MemoryWatch, upkeep: Upkeep) -> None:
        for look in (self._look_after_sockets, self._logwatch.look, upkeep.look):
            self.every(self.settings.log_check, look)
        self.every(self.settings.memory_check, lambda: memory.look(self.keeper.lives))

    def on_stop(self) -> None:
        """Let go of threads and files; the processes run on."""
        if self._watcher is not None:
            self._watcher.close()
        if self._prober is not None:
            self._prober.close()
        if self._notices is not None:
            self._notices.close()
        if hasattr(self, "_shelf"):
            self._let_go_of_the_machine()
        if hasattr(self, "rolls"):
            self.rolls.close(self.name)
        if self._keeper is not None:
            waiting = [*(self._keeper.closing or [])]
            for life in self._keeper.lives.values():
                waiting += [*life.to_stop, *life.to_start]
            for request in waiting:
                request.answer(ActorUnavailable(f"{self.name} is made anew or stopping"))
        if self._store is not None:
            self._store.close()

    def _let_go_of_the_machine(self) -> None:
        """Sockets and control groups stay for what runs on."""
        if self._keeper is None or not self._keeper.over:
            self._shelf.close()
            return
        self._shelf.end()
        for name in self._keeper.lives:
            self._groups.remove(name)

    def on_reload(self) -> None:
        """Take over new specs. Nothing that runs is touched: the Reconciler compares, and asks."""
        before = {name: life.workload for name, life in self.keeper.lives.items()}
        self._declare()
        for name, life in self.keeper.lives.items():
            former = before.get(name)
            if life.up and former is not None and former.spec.probes != life.workload.spec.probes:
                self.keeper.probing.renew(life)
                self.keeper.level(life)
            elif life.state == "crash_loop" and former is not None and self.keeper.closing is None:
                self._try_anew(life, revision(former.spec))
        self._agenda.renew()
        self.keeper.wake()

    def _try_anew(self, life: Life, former: str) -> None:
        """What ended too often gets its chance when what it depends on was changed."""
        if life.wanted and life.declared and life.launch.revision != former:
            life.forgive()
            self.keeper.begin(life, "its config was changed")

    def _look_after_sockets(self) -> None:
        """Nobody is to wait at the socket of a workload that is down and stays so."""
        up = [life for life in self.keeper.lives.values() if life.declared and life.state not in AT_REST]
        self._shelf.renew({text for life in up for text in life.workload.spec.sockets.values()})
        if not self._shelf.empty:
            self.run(self._shelf.held, self._shelf.mend)

    def _declare(self, outdated: Collection[str] = ()) -> None:
        """outdated: names of what may run with former settings, which are remembered until it is restarted."""
        keeper, node = self.keeper, self.node
        keeper.lives, changed = declare(keeper.lives, node.workloads, node.declared, self._launch_of, self.clock())
        self._store_of().remember(
            [one for one in changed if one.name not in {*outdated, *running_outdated(keeper.lives)}]
        )
        self._logwatch.meet()
        for life in [life for life in keeper.lives.values() if not life.declared and life.state in DOWN]:
            keeper.stop(life, parting(life))
            keeper.forget(life)

    @property
    def keeper(self) -> Keeper:
        """The keeper; there from on_start on."""
        if self._keeper is None:
            raise RuntimeError("not started")
        return self._keeper

    def _launch_of(self, workload: Workload) -> Launch:
        told = self.node.push.variables(workload.name)
        return make_launch(workload, self.node.name, self._node_env, str(self._log_dir), told)

    def _question(self, probe: Probe, life: Life, tell: Any) -> None:
        if self._prober is not None:
            self._prober.submit(partial(ask, probe, life.launch), tell)

    def _on_exit(self, key: tuple[str, int], ended: Any) -> None:
        self.keeper.on_exit(key, ended)

    def _on_told(self, name: str, heard: Heard) -> None:
        self.keeper.told(name, heard)

    def on_node_stopping(self, _: NodeStopping) -> None:
        """A person ends the node: what ended too often gets its chance with the next one. One that dies does not."""
        for life in self.keeper.lives.values():
            if life.state == "crash_loop":
                self._store_of().set_phase(life.name, "anew")

    # -- commands

    def do_list_processes(self, command: ListProcesses) -> ProcessTable | None:
        if not command.strays:
            return self.lookout.table(draining=self.drain.on)
        self.lookout.look(self.defer_reply(), draining=self.drain.on)
        return None

    def do_list_families(self, command: ListFamilies) -> None:
        self.fleet.families([self._find(name).name for name in command.names], self.defer_reply())

    def do_explain_process(self, command: ExplainProcess) -> ProcessStories:
        return self.fleet.explain(self._find(command.name), draining=self.drain.on)

    def do_roll_workload(self, command: RollWorkload) -> None:
        self.rolls.begin(command, self.defer_reply())

    def do_release_process(self, command: ReleaseProcess) -> Done:
        life = self._find(command.name)
        if not life.held:
            return Done(detail=f"is not held: {life.state.replace('_', ' ')}")
        if life.workload.spec.autostart:
            return self.do_start_process(StartProcess(name=life.name, why=f"released: {command.why}", at_its_time=True))
        self._hold(life, held=False)
        self.keeper.stop(life, f"released: {command.why}")
        return Done(detail="released; it starts by command only")

    def do_start_process(self, command: StartProcess) -> Done:
        life = self._startable(command.name)
        if life.held:
            self._hold(life, held=False)
        life.forgive()
        life.wanted = True
        if not command.at_its_time:
            self._agenda.ask(life)
        if life.up:
            return Done(detail=f"runs already, pid {life.pid}")
        if life.state == "stopping":
            life.again = command.why
            return Done(detail="is being stopped; starts when it is down")
        needs = {name: one.workload.spec.depends_on for name, one in self.keeper.lives.items()}
        for name in with_dependencies(life.name, needs):
            needed = self.keeper.lives[name]
            if needed.state == "stopped" and not needed.held and needed.declared:
                self.keeper.begin(needed, f"{life.name} depends on it")
        if life.state in DOWN:  # a dependency that was there at once has started it already
            self.keeper.begin(life, command.why)
        state = life.state.replace("_", " ")
        return Done(detail=f"started, pid {life.pid}" if life.pid else f"{state}: {life.why}")

    def do_stop_process(self, command: StopProcess) -> Done | None:
        life = self._find(command.name)
        if command.hold and not life.held:
            self._hold(life, held=True)
        life.wanted, life.again = False, None
        self._refuse_starts(life, f"{life.name} was stopped meanwhile: {command.why}")
        was = life.state
        if was in DOWN:
            self.keeper.stop(life, command.why)
            self.lookout.end_left_over(life, self.defer_reply(), was)
            return None
        life.to_stop.append(self.defer_reply())
        self.keeper.stop(life, command.why)
        return None

    def do_restart_process(self, command: RestartProcess) -> None:
        life = self._startable(command.name)
        if life.held:
            raise Refused(f"{life.name} is held: a person stopped it; start it instead")
        life.forgive()
        life.wanted = True
        self._agenda.ask(life)
        life.to_start.append(self.defer_reply())
        if life.state in DOWN:
            self.keeper.begin(life, command.why)
        else:
            life.again = life.again or command.why
            self.keeper.stop(life, command.why)

    def do_signal_process(self, command: SignalProcess) -> Done:
        life = self._find(command.name)
        if signal_number(command.signal) is None:
            raise Refused(f"no signal {command.signal!r}; there are: {', '.join(signal_names())}")
        if life.pid is None:
            raise Refused(f"{life.name} has no process: {life.state.replace('_', ' ')}")
        try:
            there = signal_process(life.pid, command.signal)
        except PermissionError:
            raise Refused(f"this node may not signal {life.name}, pid {life.pid}") from None
        if not there:
            raise Refused(f"{life.name} has ended this moment")
        self.log.info("process.signalled", workload=life.name, signal=command.signal, why=command.why)
        return Done(detail=f"sent {command.signal.upper()} to pid {life.pid}")

    def do_run_hook(self, command: RunHook) -> None:
        begin_hook(self, self._find(command.name), command, self.defer_reply)

    def do_end_strays(self, command: EndStrays) -> None:
        self.lookout.end(self._find(command.name), self.defer_reply(), command)

    def do_stop_all(self, command: StopAll) -> None:
        self.drain.stop_all(self.defer_reply(), command.why)

    def do_drain_node(self, command: DrainNode) -> None:
        self.drain.begin(self.defer_reply(), command.why)

    def do_undrain_node(self, command: UndrainNode) -> Done:
        return Done(detail=f"undrained; workloads to start: {self.drain.end(command.why)}")

    # -- what they share

    def _find(self, name: str) -> Life:
        life = self.keeper.lives.get(name)
        if life is None:
            near = difflib.get_close_matches(name, self.keeper.lives, 1, 0.0)
            raise Refused(f"no workload {name!r}" + (f"; did you mean {near[0]!r}?" if near else "; there are none"))
        return life

    def _startable(self, name: str) -> Life:
        life = self._find(name)
        if self.keeper.closing is not None:
            raise Refused(f"{name} is not started: the node {'is drained' if self.drain.on else 'stops'}")
        if not life.declared:
            raise Refused(f"{name} is not started: it is {parting(life)}")
        return life

    def _refuse_starts(self, life: Life, why: str) -> None:
        waiting, life.to_start = life.to_start, []
        for request in waiting:
            request.answer(Refused(why))

    def _hold(self, life: Life, *, held: bool) -> None:
        store = self._store_of()
        try:
            store.hold(life.name, held=held)
        except sqlite3.Error as error:
            raise Refused(f"{life.name} cannot be {'held' if held else 'released'}: its row: {error}") from None
        life.held = held
        trouble = store.settle() if not held or life.state in DOWN else ""  # else when it is down; see Keeper
        if trouble:
            raise Refused(f"{life.name} is {'held' if held else 'released'}, and it is not on disk: {trouble}")

    def _store_of(self) -> Store:
        if self._store is None:
            raise RuntimeError("not started")
        return self._store
