"""The ProcessManager's shell: answers commands, hears exits and answers of probes, and tells what it did."""

from __future__ import annotations

import difflib
import os
import random
import sqlite3
from functools import partial
from typing import Any, ClassVar

from actors.base import Actor
from actors.process_manager.adopt import find_fates
from actors.process_manager.commands import Ran, run_command
from actors.process_manager.declare import declare
from actors.process_manager.drain import Drain
from actors.process_manager.exits import ExitWatcher, exit_watcher
from actors.process_manager.keeper import Keeper, Tools
from actors.process_manager.life import Launch, Life, make_launch, row_of
from actors.process_manager.lifecycle import DOWN
from actors.process_manager.logs import rotate_all
from actors.process_manager.order import with_dependencies
from actors.process_manager.probes import Prober, ask
from actors.process_manager.processes import process_table
from actors.process_manager.resume import Resumption
from actors.process_manager.settings import ProcessManagerSettings
from actors.process_manager.signals import signal_names, signal_number, signal_process
from actors.process_manager.spawn import ignored_signals
from actors.process_manager.store import Store
from actors.process_manager.strays import Search, Sighting, Sought, end_strays, find
from actors.process_manager.tokens import Issuer
from actors.settings import Probe, Workload
from bus.errors import ActorUnavailable, HandlerFailed, Refused
from bus.hub import Request
from bus.message import Done
from bus.messages import (
    DrainNode,
    EndStrays,
    HookEnded,
    HookResult,
    ListProcesses,
    ProcessTable,
    RestartProcess,
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
    # fmt: off
    answers = (
        DrainNode, EndStrays, ListProcesses, RestartProcess, RunHook, SignalProcess, StartProcess, StopAll, StopProcess,
        UndrainNode,
    )
    # fmt: on
    Settings = ProcessManagerSettings
    workers: ClassVar[int] = 16

    _store: Store | None = None
    _watcher: ExitWatcher | None = None
    _prober: Prober | None = None
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
        self._watcher = exit_watcher(lambda key, ended: self.post(self._on_exit, key, ended), self._table)
        tools = Tools(
            store=self._store,
            watcher=self._watcher,
            table=self._table,
            boot=self._table.boot(),
            question=self._question,
            chance=random.Random().random,  # noqa: S311 - spreads delays
            launch=self._launch_of,
        )
        self._keeper = Keeper(self, self.settings, tools)
        self._declare()
        rows = self._store.rows()
        issuer = Issuer(self.node.name, self._store.secret)
        fates = find_fates(rows, self._table, tools.boot, issuer, self.settings.adoption_wait)
        self.drain = Drain(self.node.name, self._keeper, self, self._store)
        Resumption(self._keeper, self, tools).resume(rows, fates)
        self.drain.resume()
        self._rotating = False
        self.every(self.settings.log_check, self._look_after_files)
        ignored = ignored_signals()
        if ignored:
            self.log.warning("process.inherits_ignored_signals", signals=",".join(ignored))

    def on_stop(self) -> None:
        """Let go of threads and files; the processes run on."""
        if self._watcher is not None:
            self._watcher.close()
        if self._prober is not None:
            self._prober.close()
        if self._keeper is not None:
            waiting = [*(self._keeper.closing or [])]
            for life in self._keeper.lives.values():
                waiting += [*life.to_stop, *life.to_start]
            for request in waiting:
                request.answer(ActorUnavailable(f"{self.name} is made anew or stopping"))
        if self._store is not None:
            self._store.close()

    def on_reload(self) -> None:
        """Take over new specs. Nothing that runs is touched: the Reconciler compares, and asks."""
        before = {name: life.workload for name, life in self.keeper.lives.items()}
        self._declare()
        for name, life in self.keeper.lives.items():
            former = before.get(name)
            if life.up and former is not None and former.spec.probes != life.workload.spec.probes:
                self.keeper.probing.renew(life)
                self.keeper.level(life)
        self.keeper.wake()

    def _declare(self) -> None:
        keeper = self.keeper
        keeper.lives, changed = declare(keeper.lives, self.node.workloads, self._launch_of, self.clock())
        self._store_of().remember(changed)
        for life in [life for life in keeper.lives.values() if not life.declared and life.state in DOWN]:
            keeper.stop(life, "no longer in the config")
            keeper.forget(life)

    @property
    def keeper(self) -> Keeper:
        """The keeper; there from on_start on."""
        if self._keeper is None:
            raise RuntimeError("not started")
        return self._keeper

    def _launch_of(self, workload: Workload) -> Launch:
        return make_launch(workload, self.node.name, self._node_env, str(self._log_dir))

    def _question(self, probe: Probe, life: Life, tell: Any) -> None:
        if self._prober is not None:
            self._prober.submit(partial(ask, probe, life.launch), tell)

    def _on_exit(self, key: tuple[str, int], ended: Any) -> None:
        self.keeper.on_exit(key, ended)

    # -- commands

    def do_list_processes(self, command: ListProcesses) -> ProcessTable | None:
        if not command.strays:
            return self._processes({})
        request = self.defer_reply()
        sought = [self._sought(life) for life in self.keeper.lives.values()]
        self.run(partial(find, sought, self._search()), partial(self._listed, request))
        return None

    def _listed(self, request: Request, found: Any) -> None:
        if isinstance(found, Exception):
            self._fail(request, found)
        request.answer(self._processes(found))

    def _processes(self, found: dict[str, Sighting]) -> ProcessTable:
        now_s, nothing = self.clock(), Sighting(strays=[], by_hand=[])
        rows = [(life, found.get(name, nothing)) for name, life in self.keeper.lives.items()]
        table = [row_of(life, now_s, seen.strays, seen.by_hand) for life, seen in rows]
        return ProcessTable(processes=table, draining=self.drain.on)

    def do_start_process(self, command: StartProcess) -> Done:
        life = self._startable(command.name)
        if life.held:
            self._hold(life, held=False)
        life.forgive()
        life.wanted = True
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
        return Done(detail=f"{life.state.replace('_', ' ')}: {life.why}")

    def do_stop_process(self, command: StopProcess) -> Done | None:
        life = self._find(command.name)
        if command.hold and not life.held:
            self._hold(life, held=True)
        life.wanted, life.again = False, None
        self._refuse_starts(life, f"{life.name} was stopped meanwhile: {command.why}")
        was = life.state
        if was in DOWN:
            self.keeper.stop(life, command.why)
            request = self.defer_reply()
            self._end_strays(life, [], partial(self._was_down, request, was))
            return None
        life.to_stop.append(self.defer_reply())
        self.keeper.stop(life, command.why)
        return None

    def _was_down(self, request: Request, was: str, ended: Any) -> None:
        if isinstance(ended, Exception):
            self._fail(request, ended)
        left_over = f"; ended left-over {', '.join(map(str, ended))}" if ended else ""
        request.answer(Done(detail=f"was down: {was.replace('_', ' ')}{left_over}"))

    def do_restart_process(self, command: RestartProcess) -> None:
        life = self._startable(command.name)
        if life.held:
            raise Refused(f"{life.name} is held: a person stopped it; start it instead")
        life.forgive()
        life.wanted = True
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
        life = self._find(command.name)
        hook = life.workload.spec.hooks.get(command.hook)
        if hook is None:
            known = ", ".join(life.workload.spec.hooks) or "none"
            raise Refused(f"{life.name} declares no hook {command.hook!r}; it has: {known}")
        argv = hook.undo if command.undo else hook.command
        if argv is None:
            raise Refused(f"hook {command.hook!r} of {life.name} declares no undo")
        request = self.defer_reply()
        name = f"{command.hook} (undo)" if command.undo else command.hook
        self.run(
            partial(run_command, argv, life.launch, hook.timeout), partial(self._hook_ended, request, life.name, name)
        )

    def _hook_ended(self, request: Request, name: str, hook: str, ran: Any) -> None:
        if not isinstance(ran, Ran):
            self._fail(request, ran)
        self.publish(HookEnded(subject=name, hook=hook, exit_code=ran.exit_code, took_s=ran.took_s, output=ran.output))
        request.answer(HookResult(exit_code=ran.exit_code, took_s=ran.took_s, output=ran.output))

    def do_end_strays(self, command: EndStrays) -> None:
        life = self._find(command.name)
        request = self.defer_reply()
        self._end_strays(life, command.by_hand, partial(self._strays_ended, request, life.name, command))

    def _strays_ended(self, request: Request, name: str, command: EndStrays, ended: Any) -> None:
        if isinstance(ended, Exception):
            self._fail(request, ended)
        if ended:
            self.log.info("process.strays_ended", workload=name, pids=",".join(map(str, ended)), why=command.why)
        spared = [pid for pid in command.by_hand if pid not in ended]
        detail = f"ended {', '.join(map(str, ended))}" if ended else "nothing to end"
        request.answer(Done(detail=detail + (f"; left alone {', '.join(map(str, spared))}" if spared else "")))

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
            raise Refused(f"{name} is not started: it is no longer in the config")
        return life

    def _refuse_starts(self, life: Life, why: str) -> None:
        waiting, life.to_start = life.to_start, []
        for request in waiting:
            request.answer(Refused(why))

    def _hold(self, life: Life, *, held: bool) -> None:
        try:
            self._store_of().hold(life.name, held=held)
        except sqlite3.Error as error:
            raise Refused(f"{life.name} cannot be {'held' if held else 'released'}: its row: {error}") from None
        life.held = held

    def _store_of(self) -> Store:
        if self._store is None:
            raise RuntimeError("not started")
        return self._store

    def _fail(self, request: Request, error: Exception) -> None:
        """Work in a thread raised: a fault of ours. The asker is told, then it goes the way of every such fault."""
        request.answer(HandlerFailed(f"{type(error).__name__}: {error}"))
        raise error

    def _search(self) -> Search:
        return Search(issuer=Issuer(self.node.name, self._store_of().secret), table=self._table)

    def _sought(self, life: Life) -> Sought:
        alive = life.up or life.ending is not None
        return Sought(
            name=life.name,
            token=life.token,
            pid=life.pid if alive else None,
            argv=life.launch.argv,
            cwd=life.launch.cwd,
            user=life.launch.user,
        )

    def _end_strays(self, life: Life, by_hand: list[int], then: Any) -> None:
        work = partial(end_strays, self._sought(life), by_hand, self._search(), self.settings.stray_grace)
        self.run(work, then)

    def _look_after_files(self) -> None:
        """Keep the logs of running processes within their size, and the write-ahead log short."""
        store = self._store_of()
        if store.trouble:
            self.log.error("store.not_written", error=store.trouble)
        if store.wants_tidying():
            self.run(store.tidy, self._tidied)
        launches = {life.name: life.launch for life in self.keeper.lives.values() if life.pid is not None}
        if launches and not self._rotating:
            self._rotating = True
            self.run(partial(rotate_all, launches), self._rotated)

    def _tidied(self, result: Exception | None) -> None:
        if isinstance(result, Exception):
            self.log.warning("store.tidy_failed", error=str(result))

    def _rotated(self, result: Any) -> None:
        self._rotating = False
        if isinstance(result, Exception):
            raise result
        for name, taken in result.items():
            life = self.keeper.lives.get(name)
            if isinstance(taken, str):
                self.log.warning("log.rotate_failed", workload=name, error=taken)
            elif life is not None:
                life.log_start = max(0, life.log_start - taken)
                self.log.info("log.rotated", workload=name, path=life.launch.log_path, size=taken)
