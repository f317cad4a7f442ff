"""The ProcessManager's shell: answers commands, hears exits and answers of probes, and tells what it did."""

from __future__ import annotations

import os
import random
from collections.abc import Collection
from functools import partial
from typing import Any, ClassVar

from msgspec import structs

from actors.process_manager.adopt import find_fates
from actors.process_manager.agenda import Agenda
from actors.process_manager.cgroups import Groups
from actors.process_manager.declare import declare
from actors.process_manager.drain import Drain
from actors.process_manager.errands import Errands
from actors.process_manager.exits import ExitWatcher, exit_watcher
from actors.process_manager.fleet import Fleet
from actors.process_manager.keeper import Keeper
from actors.process_manager.life import Launch, Life, make_launch, parting
from actors.process_manager.lifecycle import AT_REST, DOWN
from actors.process_manager.logs import make_logs
from actors.process_manager.logwatch import LogWatch
from actors.process_manager.lookout import Lookout
from actors.process_manager.memory import MemoryWatch
from actors.process_manager.notify import Heard, Notices
from actors.process_manager.oom import OutOfMemory
from actors.process_manager.orders import Orders
from actors.process_manager.overrides import Overrides, kept_variables
from actors.process_manager.probes import Prober, ask
from actors.process_manager.processes import process_table
from actors.process_manager.records import Records
from actors.process_manager.resume import Resumption
from actors.process_manager.rolls import Rolls
from actors.process_manager.setback import SetBack, former_settings, running_outdated
from actors.process_manager.settings import ProcessManagerSettings
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
from bus.errors import ActorUnavailable
from bus.messages import (
    NodeStopping,
)


class ProcessManager(Orders):
    """Owns the processes of the node's workloads; nobody else starts, signals or stops them."""

    name = "process_manager"
    listens = (NodeStopping,)
    Settings = ProcessManagerSettings
    workers: ClassVar[int] = 16

    _watcher: ExitWatcher | None = None
    _prober: Prober | None = None
    _notices: Notices | None = None

    # -- coming and going

    def on_start(self) -> None:
        """Adopt what runs, then start what is to run, in order."""
        log_dir = self.node.state_dir / "logs"
        log_dir.mkdir(parents=True, exist_ok=True)
        self._node_env = dict(os.environ)
        self._log_dir = log_dir.resolve()
        self._table = process_table()
        self._store = Store(self.node.state_dir)
        self._overrides = Overrides(self._store, partial(kept_variables, self.node.state_dir))
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
        self.lookout, self._errands = Lookout(self, self._keeper, search, self.settings.stray_grace), Errands(self)
        self.fleet, self.rolls = Fleet(self, self._keeper, self._table), Rolls(self, self._keeper, set_back)
        memory = MemoryWatch(self, tools.oom, lambda trees: resident(trees, search), self._keeper.stop)
        self._upkeep = Upkeep(self, self._keeper, self._store)
        self._look_now_and_then(memory, self._upkeep)
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
        for name in self._overrides.renew(node.workloads):
            self.log.info("process.overrides_ended", workload=name, why="its config was changed")
        keeper.lives, changed = declare(keeper.lives, node.workloads, node.declared, self._launch_of, self.clock())
        self._store_of().remember(
            [one for one in changed if one.name not in {*outdated, *running_outdated(keeper.lives)}]
        )
        self._logwatch.meet()
        for life in [life for life in keeper.lives.values() if not life.declared and life.state in DOWN]:
            keeper.stop(life, parting(life))
            keeper.forget(life)

    def _launch_of(self, workload: Workload) -> Launch:
        started, files = self._overrides.applied(workload)
        told = self.node.push.variables(workload.name)
        launch = make_launch(started, self.node.name, self._node_env, str(self._log_dir), told)
        if started is workload:
            return launch
        shown = self._overrides.shown(workload.name)
        return structs.replace(launch, revision=revision(workload.spec), overrides=shown, files=files)

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
