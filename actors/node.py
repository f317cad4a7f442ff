"""The composition root: settings, then the bus, then the actors; and the way down again."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from actors.base import NodeView, view_of
from actors.clock import RealClock
from actors.control import ControlSettings, NodeControl, release
from actors.interpreter import tune
from actors.log import Log, log_to
from actors.notice import Notice
from actors.peers import peers_of
from actors.plan import plan_reload
from actors.processes import Place, Siblings, StartError, leave, make_known, next_epoch, process_dir, take_lock
from actors.roster import Roster
from actors.scales import read_scales, rescale
from actors.settings import Settings
from actors.settings.checks import check_machine
from actors.settings.effective import table_of
from actors.settings.faults import ConfigError, Fault
from actors.settings.load import load, root_of
from actors.settings.node import ListenSettings
from actors.shell import Child
from actors.supervisor import Supervisor
from actors.todo import Todo
from actors.watchdog import Watchdog
from bus.audit import Audit
from bus.endpoints import Endpoints, endpoints_of, run_dir_for
from bus.errors import BusError, CommandError, UnknownTarget
from bus.hub import Bus
from bus.keys import FOLDER_NAME, KeyStore, NoKeys
from bus.messages import (
    FACTS,
    ConfigReloaded,
    NodeDraining,
    NodeStarted,
    NodeStopping,
    NodeUndrained,
    PeerRejected,
    ReloadConfig,
    ReloadResult,
    StopAll,
)
from bus.rejections import Rejection
from bus.security import Security
from bus.zeromq import Listen, ZeroMQCarrier

__all__ = ["Node", "StartError", "load_node", "next_epoch", "take_lock"]

Load = Callable[[], tuple[Settings, Roster]]


class Stop(msgspec.Struct, frozen=True):
    """What ends the main loop."""

    keep_workloads: bool
    why: str


class Node:
    """One node on one machine, or one of its processes: owns the locks, the bus and the supervisor.

    load: reads the config again for a reload. actors: names of those to run here, beside those that another process of
    the node runs; None for all. Use as `with Node(...) as node: node.run()`.
    """

    def __init__(self, settings: Settings, roster: Roster, load: Load, *, actors: Sequence[str] | None = None) -> None:
        self.settings = settings
        self.clock = RealClock()
        self.bus: Bus
        self.supervisor: Supervisor
        self._roster = roster
        self._load = load
        self._actors = actors
        self._place: Place | None = None
        self._siblings: Siblings | None = None
        self._forget: Callable[[], None] | None = None
        self._notice = Notice(os.environ)
        self._watchdog: Watchdog | None = None
        self._todo: Todo[Stop | str] = Todo()
        self._log = Log("node")
        self._log_handler: logging.Handler | None = None
        self.run_dir = self._own_dir = settings.run_dir
        self.epoch = 0

    def start(self, watch: Callable[[Any], None] | None = None) -> None:
        """Bring the node up. watch: called with every fact's envelope, from the publisher's thread.

        Raises StartError when another node has this state directory, or a directory or endpoint cannot be had.
        """
        tune()
        state_dir = self.settings.state_dir
        names = [child.kind.name for child in self._roster.children(self.settings, self._actors)]
        place = self._place = Place(state_dir, names, part=self._actors is not None)
        self.epoch = next_epoch(state_dir, self.clock.wall())
        audit = "commands.jsonl" if place.first else f"commands.{place.name}.jsonl"
        self._audit = Audit(state_dir / audit, node=self.settings.node.name)
        self._log_handler = log_to(state_dir / ("node.log" if place.first else f"node.{place.name}.log"))
        try:
            self.run_dir = run_dir_for(self.settings.run_dir)
            own_dir = self._own_dir = process_dir(self.run_dir, place)
            carrier, endpoints = self._open(own_dir, place)
            self.bus = Bus(
                self.settings.node.name,
                epoch=self.epoch,
                monotonic=self.clock,
                wall=self.clock.wall,
                carrier=carrier,
                audit=self._audit.note,
            )
            if carrier.journal_set_aside is not None:
                self._log.error("journal.set_aside", kept=str(carrier.journal_set_aside))
        except BusError as error:
            raise StartError(str(error)) from error
        self._follow(watch, carrier, place)
        self.supervisor = Supervisor(self.bus, self.clock)
        self._siblings = Siblings(self.run_dir, endpoints, carrier, self.clock)
        self._siblings.look()
        children = self._children(self.settings, self._roster)
        if place.first:
            self._tell_started(children)
        self.supervisor.start(children, self._view(self.settings))
        carrier.announce()
        self._forget = make_known(self.run_dir, own_dir, place, endpoints)
        self._watchdog = Watchdog(self._notice, self.bus, self._log)
        self._notice.ready(f"started with {len(self.settings.workloads)} workloads")

    def _open(self, own_dir: Path, place: Place) -> tuple[ZeroMQCarrier, Endpoints]:
        """The carrier, not started, and where it will be; the first process has the addresses for other machines.

        Raises: BusError.
        """
        node = self.settings.node
        listen = node.listen if place.first else ListenSettings()
        peers = peers_of(node) if place.first else []
        endpoints = endpoints_of(own_dir, node=node.name, epoch=self.epoch)
        security = self._keys() if listen.addresses or any(peer.key for peer in peers) else None
        if listen.addresses and security is not None:
            endpoints = endpoints.also(
                facts=listen.facts, commands=listen.commands, replay=listen.replay, key=security.own.public
            )
        carrier = ZeroMQCarrier(
            Listen(endpoints.facts, endpoints.commands, endpoints.replay),
            peers,
            node=node.name,
            epoch=self.epoch,
            journal=self.settings.state_dir / ("facts.db" if place.first else f"facts.{place.name}.db"),
            security=security,
        )
        return carrier, endpoints

    def _keys(self) -> Security:
        """The keys for tcp. Raises: StartError when there are none."""
        try:
            return Security(KeyStore(self.settings.state_dir / FOLDER_NAME), rejected=self._tell_rejected)
        except NoKeys as error:
            msg = f"node.listen and node.peers with tcp need keys: {error}"
            raise StartError(msg) from None

    def _tell_rejected(self, rejection: Rejection) -> None:
        self.bus.publish(
            PeerRejected(
                subject=self.settings.node.name,
                address=rejection.address,
                key=rejection.key,
                door=rejection.door,
                why=rejection.why,
                untold=rejection.untold,
            ),
            source="node",
        )

    def _follow(self, watch: Callable[[Any], None] | None, carrier: ZeroMQCarrier, place: Place) -> None:
        """Hear what concerns this process itself."""
        if watch is not None:
            self.bus.subscribe(FACTS.values(), watch, local_only=True)
        self.bus.subscribe([NodeDraining], lambda _: carrier.announce(draining=True), local_only=True)
        self.bus.subscribe([NodeUndrained], lambda _: carrier.announce(draining=False), local_only=True)
        if place.first:
            return
        self.bus.subscribe(
            [NodeStopping], lambda one: self.stop(one.data.keeps_workloads, one.data.why), local_only=True
        )
        self.bus.subscribe([ConfigReloaded], lambda _: self._todo.put("reload"), local_only=True)

    def _tell_started(self, children: list[Child]) -> None:
        self.bus.publish(
            NodeStarted(
                subject=self.settings.node.name,
                pid=os.getpid(),
                epoch=self.epoch,
                mode=self.settings.mode,
                release=release(),
                actors=[child.kind.name for child in children],
            ),
            source="node",
        )

    def run(self) -> int:
        """Serve until told to stop, also by SIGINT, SIGTERM (stop) and SIGHUP (reload); gives the exit code."""
        with self._todo.by_signal(
            {
                signal.SIGINT: self._stop_by_signal,
                signal.SIGTERM: self._stop_by_signal,
                signal.SIGHUP: self._note_hangup,
            }
        ):
            return self.serve()

    def _stop_by_signal(self, number: int, _: Any) -> None:
        self.stop(keep_workloads=False, why=signal.Signals(number).name)

    def _note_hangup(self, _: int, __: Any) -> None:
        self._todo.put("reload")

    def serve(self) -> int:
        """Serve until stop() is called, from any thread; gives the exit code."""
        while True:
            todo = self._todo.get()
            if isinstance(todo, Stop):
                return self._go_down(todo)
            self._reload_by_signal()

    def stop(self, keep_workloads: bool, why: str) -> None:  # noqa: FBT001
        """From any thread: end serve()."""
        self._todo.put(Stop(keep_workloads, why))

    def close(self) -> None:
        """Stop the actors and let everything go; the workloads are not touched."""
        if self._watchdog is not None:
            self._watchdog.close()
        if hasattr(self, "supervisor"):
            self.supervisor.stop()
        if self._siblings is not None:
            self._siblings.close()
        if self._forget is not None:
            self._forget()
        if hasattr(self, "bus"):
            self.bus.close()
            self._audit.close()
        if self._place is not None:
            leave(self._own_dir, self.settings.run_dir if self._place.first else self.run_dir / self._place.name)
        self.clock.close()
        if self._log_handler is not None:
            logging.getLogger("gyrostat").removeHandler(self._log_handler)
            self._log_handler.close()
            self._log_handler = None
        if self._place is not None:
            self._place.close()
            self._place = None
        self._todo.close()

    def _go_down(self, stop: Stop) -> int:
        self._log.info("node.stopping", why=stop.why, keeps_workloads=stop.keep_workloads)
        self._notice.stopping(f"stops: {stop.why}")
        if self._place is not None and self._place.first:
            self.bus.publish(
                NodeStopping(subject=self.settings.node.name, why=stop.why, keeps_workloads=stop.keep_workloads),
                source="node",
            )
        elif "process_manager" not in self.bus.targets:
            return 0
        if stop.keep_workloads:
            return 0
        try:
            self.bus.ask(StopAll(why=stop.why), timeout_s=self.settings.node.shutdown_grace, source="node")
        except UnknownTarget:  # no process of the node has it
            return 0
        except CommandError as error:
            self._log.error("node.stop_failed", error=str(error))
            sys.stderr.write(f"gyrostat: not every workload is down: {error}\n")
            return 1
        return 0

    def plan(self, loaded: tuple[Settings, Roster]) -> ReloadResult:
        """Tell what apply() would do."""
        return plan_reload(self.settings, loaded[0])

    def apply(self, loaded: tuple[Settings, Roster]) -> ReloadResult:
        """Put new settings in force; called by NodeControl in its own thread."""
        self._notice.reloading()
        settings, roster = loaded
        result = self.plan(loaded)
        self.settings, self._roster = settings, roster
        self.supervisor.reload(self._children(settings, roster), self._view(settings))
        self.bus.publish(
            ConfigReloaded(
                subject=settings.node.name,
                revision=settings.revision,
                added=result.added,
                removed=result.removed,
                changed=result.changed,
            ),
            source="node",
        )
        self._notice.ready(f"has its config again, with {len(settings.workloads)} workloads")
        return result

    def _reload_by_signal(self) -> None:
        if self._place is not None and not self._place.first:
            self._reload_part()
            return
        self.bus.send(ReloadConfig(), timeout_s=30.0, source="signal")

    def _reload_part(self) -> None:
        """Take over what the first process has checked and told of."""
        try:
            self.settings, self._roster = self._load()
        except ConfigError as error:
            self._log.warning("config.rejected", first=str(error.faults[0]))
            return
        self.supervisor.reload(self._children(self.settings, self._roster), self._view(self.settings))

    def _children(self, settings: Settings, roster: Roster) -> list[Child]:
        children = roster.children(settings, self._actors)
        if self._place is not None and not self._place.first:
            return children
        control = ControlSettings(
            rows=self.supervisor.rows,
            load=self._load,
            apply=self.apply,
            plan=self.plan,
            stop=self.stop,
            shown=lambda: table_of(self.settings),
            scale=lambda name, instances: (rescale(self.settings, name, instances), self._roster),
            config=str(settings.path) if settings.path else "no file",
        )
        return [Child(NodeControl, control), *children]

    def _view(self, settings: Settings) -> NodeView:
        return view_of(settings, self.run_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def load_node(
    path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, str] | None = None
) -> tuple[Settings, Roster]:
    """Read and check everything a node needs: the config, its plug-ins, and whether this machine can run it.

    Raises ConfigError with every fault.
    """
    roster = Roster(root_of(path))
    faults = [Fault(file="installed packages", line=0, key="actors", problem=fault) for fault in roster.faults]
    try:
        settings = load(
            path,
            actor_types=roster.settings_types,
            resolve=roster.resolve,
            environ=environ,
            overrides=overrides or {},
            scales=read_scales,
        )
    except ConfigError as error:
        found = check_machine(error.partial) if isinstance(error.partial, Settings) else []
        raise ConfigError([*faults, *error.faults, *found]) from None
    faults += check_machine(settings)
    if faults:
        raise ConfigError(faults)
    return settings, roster
