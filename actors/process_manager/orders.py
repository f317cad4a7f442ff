"""What is asked of the ProcessManager by command; actor.py hears the facts and the ends of processes."""

from __future__ import annotations

import difflib
import sqlite3
from typing import ClassVar

from actors.base import Actor
from actors.process_manager.agenda import Agenda
from actors.process_manager.drain import Drain
from actors.process_manager.errands import Errands
from actors.process_manager.fleet import Fleet
from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Launch, Life, parting
from actors.process_manager.lifecycle import DOWN
from actors.process_manager.lookback import look_back
from actors.process_manager.lookout import Lookout
from actors.process_manager.order import with_dependencies
from actors.process_manager.overrides import Overrides
from actors.process_manager.rolls import Rolls
from actors.process_manager.settings import ProcessManagerSettings
from actors.process_manager.signals import signal_names, signal_number, signal_process
from actors.process_manager.store import Store
from actors.process_manager.upkeep import Upkeep
from actors.settings import Workload
from bus.errors import Refused
from bus.message import Command, Done
from bus.messages import (
    DrainNode,
    EndStrays,
    ExplainProcess,
    InstallModule,
    ListFamilies,
    ListProcesses,
    OverrideProcess,
    ProcessStories,
    ProcessTable,
    ReadLog,
    ReleaseProcess,
    RestartProcess,
    RollWorkload,
    RotateLog,
    RunHook,
    SignalProcess,
    StartProcess,
    StopAll,
    StopProcess,
    UndrainNode,
)


class Orders(Actor[ProcessManagerSettings]):
    """The commands of the ProcessManager."""

    # fmt: off
    answers: ClassVar[tuple[type[Command], ...]] = (
        DrainNode, EndStrays, ExplainProcess, InstallModule, ListFamilies, ListProcesses, OverrideProcess, ReadLog,
        ReleaseProcess, RestartProcess, RollWorkload, RotateLog, RunHook, SignalProcess, StartProcess, StopAll,
        StopProcess, UndrainNode,
    )
    # fmt: on

    drain: Drain
    fleet: Fleet
    lookout: Lookout
    rolls: Rolls
    _agenda: Agenda
    _errands: Errands
    _overrides: Overrides
    _upkeep: Upkeep

    _store: Store | None = None
    _keeper: Keeper | None = None

    def _launch_of(self, workload: Workload) -> Launch:
        raise NotImplementedError

    @property
    def keeper(self) -> Keeper:
        """The keeper; there from on_start on."""
        if self._keeper is None:
            raise RuntimeError("not started")
        return self._keeper

    def do_list_processes(self, command: ListProcesses) -> ProcessTable | None:
        if not command.strays:
            return self.lookout.table(draining=self.drain.on)
        self.lookout.look(self.defer_reply(), draining=self.drain.on)
        return None

    def do_list_families(self, command: ListFamilies) -> None:
        self.fleet.families([self._find(name).name for name in command.names], self.defer_reply())

    def do_read_log(self, command: ReadLog) -> None:
        look_back(self, self._find(command.name), command, self.defer_reply())

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

    def do_override_process(self, command: OverrideProcess) -> Done:
        life = self._find(command.name)
        try:
            self._overrides.change(life.workload, command.values, command.drop, command.why)
        except (ValueError, OSError, sqlite3.Error) as error:
            raise Refused(str(error)) from None
        life.launch = self._launch_of(life.workload)
        said = ", ".join(f"{key}={value}" for key, value in life.launch.overrides.items()) or "nothing but its config"
        self.log.info("process.overridden", workload=life.name, values=said, why=command.why)
        return Done(detail=f"starts with {said} from now on")

    def do_run_hook(self, command: RunHook) -> None:
        self._errands.run_hook(self._find(command.name), command, self.defer_reply)

    def do_install_module(self, command: InstallModule) -> None:
        self._errands.install(self._find(command.name), command, self.defer_reply)

    def do_rotate_log(self, command: RotateLog) -> None:
        self._upkeep.squeeze(self._find(command.name), self.defer_reply())

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
