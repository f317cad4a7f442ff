"""What a repair is: it looks and says what it would do, does it, and takes it back. Types only; pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from actors.healer.issues import Issue
from actors.healer.remedies import Obstacle, Planned
from actors.settings import Workload
from actors.settings.repair import FailureClass
from bus.message import Command
from bus.messages.process_manager import ProcessRow

Then = Literal["start", "restart", "nothing"]
"""What the workload needs after the action. start: only if it does not run."""


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair may look at.

    row: the process just before. text: the evidence of the failure, whole, one piece a line. failure: its class.
    keep: directory of the node's own where copies for an undo are put; may not exist yet. ours: names of workloads by
    the pids of their processes. wall_s: Unix seconds. rows, workloads: of all, by name.
    """

    workload: Workload
    issue: Issue
    row: ProcessRow
    text: str
    failure: FailureClass
    keep: Path
    ours: Mapping[int, str]
    wall_s: float
    rows: Mapping[str, ProcessRow] = {}
    workloads: Mapping[str, Workload] = {}

    @property
    def directory(self) -> Path:
        """The workload's directory, which all its paths are relative to."""
        return self.workload.cwd


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair has done. says: in one line. command: asked of the ProcessManager first. then: what follows."""

    says: str
    command: Command | None = None
    then: Then = "start"


class RepairFailed(Exception):
    """The action could not be carried out; what was done of it was put back."""


class Repair(Protocol):
    """One way to repair something. All three methods block at most `timeout_s` seconds and run in a thread."""

    name: str
    """As in a plan."""

    def look(self, scene: Scene) -> Planned | Obstacle:
        """What it would do, or why it does not apply (Unfit), not now (NotNow) or nothing can (Hopeless)."""

    def act(self, scene: Scene, planned: Planned) -> Acted:
        """Do it. Raises RepairFailed, OSError."""

    def take_back(self, scene: Scene, undo: Mapping[str, str]) -> Acted:
        """Put back what was before; well also when act got only half-way. Raises RepairFailed, OSError."""

    def timeout_s(self, workload: Workload) -> float:
        """Seconds that act may take."""
