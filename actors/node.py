"""The composition root: settings, then the bus, then the actors; and the way down again."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self, TextIO

import msgspec

from actors.base import NodeView
from actors.clock import RealClock
from actors.control import ControlSettings, NodeControl, release
from actors.log import Log
from actors.roster import Roster
from actors.settings import Settings, spec_hash
from actors.settings.checks import check_machine
from actors.settings.faults import ConfigError, Fault
from actors.settings.load import load, root_of
from actors.shell import Child
from actors.supervisor import Supervisor
from bus.endpoints import endpoints_of, remove_endpoints, run_dir_for, write_endpoints
from bus.errors import BusError, CommandError
from bus.hub import Bus
from bus.messages import FACTS, ConfigReloaded, NodeStarted, NodeStopping, ReloadConfig, ReloadResult, StopAll
from bus.zeromq import Listen, ZeroMQCarrier

SWITCH_INTERVAL_S = 0.0005
"""How long a busy thread keeps the interpreter: one that computes takes p50 of an event from 0.1 to 3.1 ms at 0.005."""

LOCK_PATIENCE_S = 0.2
"""How long a start waits for the lock of a node that was just killed."""

SIGNAL_LOOK_S = 0.5
"""Seconds after which the main thread looks for signals whose arrival did not wake it."""

Load = Callable[[], tuple[Settings, Roster]]


class StartError(Exception):
    """The node cannot start here; one line says why and what would help."""


class Stop(msgspec.Struct, frozen=True):
    """What ends the main loop."""

    keep_workloads: bool
    why: str


class Node:
    """One node on one machine: owns the lock, the bus and the supervisor.

    load: reads the config again for a reload. Use as `with Node(...) as node: node.run()`.
    """

    def __init__(self, settings: Settings, roster: Roster, load: Load) -> None:
        self.settings = settings
        self.clock = RealClock()
        self.bus: Bus
        self.supervisor: Supervisor
        self._roster = roster
        self._load = load
        self._lock: TextIO | None = None
        self._todo: SimpleQueue[Stop | str] = SimpleQueue()
        self._log = Log("node")
        self._log_handler: logging.Handler | None = None
        self.run_dir = settings.run_dir
        self.epoch = 0

    def start(self, watch: Callable[[Any], None] | None = None) -> None:
        """Bring the node up. watch: called with every fact's envelope, from the publisher's thread.

        Raises StartError when another node has this state directory, or a directory or endpoint cannot be had.
        """
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._lock = take_lock(self.settings.state_dir)
        self.epoch = next_epoch(self.settings.state_dir, self.clock.wall())
        self._log_to(self.settings.state_dir / "node.log")
        node = self.settings.node
        try:
            self.run_dir = run_dir_for(self.settings.run_dir)
            endpoints = endpoints_of(
                self.run_dir, node=node.name, epoch=self.epoch, facts=node.facts, commands=node.commands
            )
            carrier = ZeroMQCarrier(Listen(endpoints.facts, endpoints.commands), node=node.name, epoch=self.epoch)
            self.bus = Bus(node.name, epoch=self.epoch, monotonic=self.clock, wall=self.clock.wall, carrier=carrier)
        except BusError as error:
            raise StartError(str(error)) from error
        if watch is not None:
            self.bus.subscribe(FACTS.values(), watch)
        self.supervisor = Supervisor(self.bus, self.clock)
        children = self._children(self.settings, self._roster)
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
        self.supervisor.start(children, self._view(self.settings))
        write_endpoints(self.run_dir, endpoints)

    def run(self) -> int:
        """Serve until told to stop, also by SIGINT, SIGTERM (stop) and SIGHUP (reload); gives the exit code."""
        with self._signals():
            return self.serve()

    def serve(self) -> int:
        """Serve until stop() is called, from any thread; gives the exit code."""
        while True:
            todo = self._next()
            if isinstance(todo, Stop):
                return self._go_down(todo)
            self._reload_by_signal()

    def _next(self) -> Stop | str:
        """What is to be done next, once there is something.

        Looks up now and then: a signal that comes just before the wait, or to another thread, interrupts nothing, and
        its handler runs only when the main thread comes back to the interpreter.
        """
        while True:
            with contextlib.suppress(Empty):
                return self._todo.get(timeout=SIGNAL_LOOK_S)

    def stop(self, keep_workloads: bool, why: str) -> None:  # noqa: FBT001
        """From any thread: end serve()."""
        self._todo.put(Stop(keep_workloads, why))

    def close(self) -> None:
        """Stop the actors and let everything go; the workloads are not touched."""
        if hasattr(self, "supervisor"):
            self.supervisor.stop()
        if hasattr(self, "bus"):
            remove_endpoints(self.run_dir)
            self.bus.close()
        self.clock.close()
        if self._log_handler is not None:
            logging.getLogger("gyrostat").removeHandler(self._log_handler)
            self._log_handler.close()
            self._log_handler = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _go_down(self, stop: Stop) -> int:
        self._log.info("node.stopping", why=stop.why, keeps_workloads=stop.keep_workloads)
        self.bus.publish(
            NodeStopping(subject=self.settings.node.name, why=stop.why, keeps_workloads=stop.keep_workloads),
            source="node",
        )
        if stop.keep_workloads or "process_manager" not in self.bus.targets:
            return 0
        try:
            self.bus.ask(StopAll(why=stop.why), timeout_s=self.settings.node.shutdown_grace, source="node")
        except CommandError as error:
            self._log.error("node.stop_failed", error=str(error))
            sys.stderr.write(f"gyrostat: not every workload is down: {error}\n")
            return 1
        return 0

    def apply(self, loaded: tuple[Settings, Roster]) -> ReloadResult:
        """Put new settings in force; called by NodeControl in its own thread."""
        settings, roster = loaded
        old, new = self.settings.workloads, settings.workloads
        result = ReloadResult(
            faults=[],
            added=[name for name in new if name not in old],
            removed=[name for name in old if name not in new],
            changed=[name for name in new if name in old and fingerprint(new[name]) != fingerprint(old[name])],
        )
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
        return result

    def _reload_by_signal(self) -> None:
        self.bus.send(ReloadConfig(), timeout_s=30.0, source="signal")

    def _children(self, settings: Settings, roster: Roster) -> list[Child]:
        control = ControlSettings(
            rows=self.supervisor.rows,
            load=self._load,
            apply=self.apply,
            stop=self.stop,
            config=str(settings.path) if settings.path else "no file",
        )
        return [Child(NodeControl, control), *roster.children(settings)]

    def _view(self, settings: Settings) -> NodeView:
        return NodeView(
            name=settings.node.name,
            mode=settings.mode,
            state_dir=settings.state_dir,
            run_dir=self.run_dir,
            workloads=settings.workloads,
            revision=settings.revision,
        )

    def _log_to(self, path: Path) -> None:
        handler = RotatingFileHandler(path, maxBytes=10_000_000, backupCount=5, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s", "%F %T"))
        logger = logging.getLogger("gyrostat")
        logger.addHandler(handler)
        self._log_handler = handler
        logger.setLevel(logging.INFO)
        logger.propagate = False

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def on_stop(number: int, _: Any) -> None:
            self._todo.put(Stop(keep_workloads=False, why=signal.Signals(number).name))

        def on_reload(_: int, __: Any) -> None:
            self._todo.put("reload")

        wanted = {signal.SIGINT: on_stop, signal.SIGTERM: on_stop, signal.SIGHUP: on_reload}
        former = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

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
        )
    except ConfigError as error:
        partial = error.partial
        found = check_machine(partial) if isinstance(partial, Settings) else []
        raise ConfigError([*faults, *error.faults, *found]) from None
    faults += check_machine(settings)
    if faults:
        raise ConfigError(faults)
    return settings, roster


def fingerprint(workload: Any) -> str:
    """What tells two forms of a workload apart."""
    return f"{spec_hash(workload.spec)} {workload.mode} {workload.cwd} {sorted(workload.env.items())}"


def take_lock(state_dir: Path) -> TextIO:
    """Make the state directory and be its only node; the file holds the pid. Raises StartError."""
    path = state_dir / "node.pid"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+", encoding="ascii")
    except OSError as error:
        msg = f"cannot write in {state_dir}: {error.strerror}; set node.state_dir to a directory you may write"
        raise StartError(msg) from error
    if not locked_within(lock, LOCK_PATIENCE_S):
        lock.seek(0)
        pid = lock.read().strip() or "unknown"
        lock.close()
        msg = f"a node runs on {state_dir} already (pid {pid}); stop it, or give this one another node.state_dir"
        raise StartError(msg)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def locked_within(lock: TextIO, patience_s: float) -> bool:
    """Take the lock; a child of a killed node that is between fork and exec holds it for a moment longer."""
    pause = threading.Event()
    until_s = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until_s:
                return False
            pause.wait(0.01)
        else:
            return True


def next_epoch(state_dir: Path, wall_s: float) -> int:
    """A number greater than at every former start: milliseconds of the wall clock, or one more than the last."""
    path = state_dir / "epoch"
    try:
        last = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        last = 0
    epoch = max(last + 1, int(wall_s * 1000))
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{epoch}\n", encoding="ascii")
    fresh.replace(path)
    return epoch
