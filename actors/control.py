"""The actor `node`: answers for the node itself, and keeps the change log of everything the system did by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from io import FileIO
from typing import Any, ClassVar

import msgspec
import psutil

from actors.base import Actor
from bus.codec import plain
from bus.errors import HandlerFailed, Refused
from bus.message import Command, Done, Fact
from bus.messages import (
    ActorFailed,
    ActorRow,
    ConfigRejected,
    ConfigReloaded,
    ConfigSetBack,
    ConfigTable,
    DriftClosed,
    DriftDetected,
    ExperimentKept,
    ExperimentStarted,
    ExperimentUndone,
    GetConfig,
    GetNode,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    NodeDraining,
    NodeGone,
    NodeInfo,
    NodeReturned,
    NodeUndrained,
    PeerRejected,
    ReloadConfig,
    ReloadResult,
    RemedyDeferred,
    RemedyFailed,
    RemedyStarted,
    RemedyVerified,
    ScaleWorkload,
    StopNode,
)

CHANGE_LOG_MAX = 10_000_000
"""Bytes at which changes.log is moved to changes.log.1."""


class ControlSettings(msgspec.Struct, frozen=True):
    """What the node lends this actor: callables of the composition root, not of the config."""

    rows: Callable[[], list[ActorRow]]
    """The figures of every actor."""
    load: Callable[[], Any]
    """Read the config again; a Settings, or ConfigError raised. Slow."""
    apply: Callable[[Any], ReloadResult]
    """Put a loaded Settings in force."""
    plan: Callable[[Any], ReloadResult]
    """Tell what that would do."""
    stop: Callable[[bool, str], None]
    """End the node: (keep_workloads, why)."""
    config: str
    """The config file in words."""
    shown: Callable[[], ConfigTable]
    """The config in force, key by key. Slow."""
    scale: Callable[[str, int | None], Any]
    """What `apply` takes, with another number of instances of a workload, which is kept; Refused raised. Slow."""


class NodeControl(Actor[ControlSettings]):
    """Answers for the node and its config; writes `<state_dir>/changes.log`, one JSON object a line."""

    name = "node"
    listens: ClassVar[tuple[type[Fact], ...]] = (
        ActorFailed,
        ConfigRejected,
        ConfigReloaded,
        ConfigSetBack,
        DriftClosed,
        DriftDetected,
        ExperimentKept,
        ExperimentStarted,
        ExperimentUndone,
        IssueEscalated,
        IssueRaised,
        IssueResolved,
        NodeDraining,
        NodeGone,
        NodeReturned,
        NodeUndrained,
        PeerRejected,
        RemedyDeferred,
        RemedyFailed,
        RemedyStarted,
        RemedyVerified,
    )
    answers: ClassVar[tuple[type[Command], ...]] = (GetConfig, GetNode, ReloadConfig, ScaleWorkload, StopNode)
    Settings = ControlSettings

    def on_start(self) -> None:
        """Open the change log."""
        self._started_s = self.clock()
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._changes = self._open_changes()
        self._untold = 0

    def on_stop(self) -> None:
        """Close the change log."""
        if hasattr(self, "_changes"):
            self._changes.close()

    def do_get_node(self, _: GetNode) -> NodeInfo:
        """The node and its actors; cpu_percent is over the time since the last such question."""
        return NodeInfo(
            node=self.node.name,
            pid=os.getpid(),
            mode=self.node.mode,
            release=release(),
            uptime_s=self.clock() - self._started_s,
            revision=self.node.revision,
            config=self.settings.config,
            actors=self.settings.rows(),
            cpu_percent=self._process.cpu_percent(),
            memory_bytes=self._process.memory_info().rss,
        )

    def do_get_config(self, _: GetConfig) -> None:
        """Put together off this thread."""
        request = self.defer_reply()

        def put_together(result: Any) -> None:
            request.answer(HandlerFailed(str(result)) if isinstance(result, Exception) else result)

        self.run(self.settings.shown, put_together)

    def do_reload_config(self, command: ReloadConfig) -> None:
        """Read the file off this thread; a faulty one changes nothing."""
        request = self.defer_reply()

        def loaded(result: Any) -> None:
            if isinstance(result, Exception):
                faults = [str(fault) for fault in getattr(result, "faults", (result,))]
                if not command.dry_run:
                    self.publish(ConfigRejected(subject=self.node.name, faults=faults))
                self.log.warning("config.rejected", faults=len(faults), first=faults[0])
                request.answer(ReloadResult(faults=faults))
                return
            planned = self.settings.plan(result)
            if command.dry_run:
                request.answer(planned)
                return
            if command.revision not in {"", planned.revision}:
                request.answer(Refused("the config was changed since its plan was made: see gyrostat config diff"))
                return
            done = self.settings.apply(result)
            self.log.info("config.reloaded", added=done.added, removed=done.removed, changed=done.changed)
            request.answer(done)

        self.run(self.settings.load, loaded)

    def do_scale_workload(self, command: ScaleWorkload) -> Done:
        """The Reconciler starts what is new and stops what is too much; what stays is not touched."""
        done = self.settings.apply(self.settings.scale(command.name, command.instances))
        parts = [f"{what} {', '.join(getattr(done, what))}" for what in ("added", "removed") if getattr(done, what)]
        self.log.info("workload.scaled", workload=command.name, instances=command.instances, why=command.why)
        detail = "; ".join(parts) or "has so many already"
        if parts:
            self._write({"what": "workload.scaled", "subject": command.name, "detail": detail, "why": command.why})
        return Done(detail=detail)

    def do_stop_node(self, command: StopNode) -> Done:
        """Answered at once; the node then ends."""
        if not command.why:
            raise Refused("say why")
        self.settings.stop(command.keep_workloads, command.why)
        return Done(detail="the node is stopping" + (", its workloads go on" if command.keep_workloads else ""))

    def _note(self, fact: Fact) -> None:
        self._write({"what": fact.kind, **msgspec.to_builtins(fact, enc_hook=plain)})

    def _write(self, told: dict[str, Any]) -> None:
        line = {"time": round(self.clock.wall(), 3), **told}
        try:
            self._changes.write(f"{json.dumps(line, separators=(', ', ': '))}\n".encode())
            if self._changes.tell() > CHANGE_LOG_MAX:
                path = self.node.state_dir / "changes.log"
                self._changes.close()
                path.replace(path.with_suffix(".log.1"))
                self._changes = self._open_changes()
        except OSError as error:  # the disk is full: what happens goes on without its line
            if not self._untold:
                self.log.warning("changes.not_written", error=error.strerror)
            self._untold += 1
            return
        if self._untold:
            self.log.warning("changes.written_again", missing=self._untold)
            self._untold = 0

    def _open_changes(self) -> FileIO:
        """Unbuffered, so that a line the disk did not take is not tried again with the next one."""
        return FileIO(self.node.state_dir / "changes.log", "ab")

    on_actor_failed = on_config_rejected = on_config_reloaded = on_drift_closed = on_drift_detected = _note
    on_config_set_back = _note
    on_experiment_kept = on_experiment_started = on_experiment_undone = on_issue_escalated = on_issue_raised = _note
    on_issue_resolved = on_peer_rejected = on_remedy_deferred = on_remedy_failed = on_remedy_started = _note
    on_remedy_verified = on_node_draining = on_node_gone = on_node_returned = on_node_undrained = _note


def release() -> str:
    """The installed version of gyrostat."""
    try:
        return version("gyrostat")
    except PackageNotFoundError:
        return "unknown"
