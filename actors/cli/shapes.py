"""What each `--json` prints, as a type: docs/cli.md is written from it, and the tests hold every answer to it.

A command that prints more than one document prints one of the type for each line.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, Literal

from msgspec import Struct

from actors.cli.checkup.finding import Checkup
from actors.cli.names import WorkloadOutcome
from actors.demo.play import Result
from actors.faults.verdict import Verdict
from actors.reconciler.look import Looked
from actors.settings.catalog import Key
from bus import messages as said
from bus.access import AllowedKey, Role
from bus.endpoints import Endpoints
from bus.message import Done
from bus.schema import Schema, components_of
from bus.status import Status
from bus.subscriber import Event


class FaultRow(Struct, frozen=True, kw_only=True):
    """One thing that is wrong in the config, and where. line: from 1, or 0. allowed: what would be right."""

    file: str
    line: int
    key: str
    problem: str
    allowed: str


class ConfigFaults(Struct, frozen=True, kw_only=True):
    """Every fault of the config, in the order of the file; none when it is in order."""

    faults: list[FaultRow]


class ConfigShown(Struct, frozen=True, kw_only=True):
    """The config in effect, in the shape of the file; docs/config.md has every key."""

    node: dict[str, Any]
    mode: Literal["sandbox", "live", "dual"]
    workloads: dict[str, Any]
    tasks: dict[str, Any]
    datasets: dict[str, Any]
    actors: dict[str, Any]
    alerts: dict[str, Any] = {}


class Explained(Struct, frozen=True, kw_only=True):
    """Keys that are meant, and what each is here."""

    keys: list[Key]
    values: list[said.ConfigRow]


class LogLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a log. fields: in the place of line, when the line is a JSON object itself."""

    workload: str
    line: str = ""
    fields: dict[str, Any] = {}


class OwnKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The node's own public key. directory: where both halves lie. before: the key that is no longer good."""

    key: str
    directory: str = ""
    before: str = ""


class KeyAllowed(Struct, frozen=True, kw_only=True):
    """Who is let in from now on. before: what the name's key was and might do until now."""

    name: str
    role: Role
    key: str
    before: AllowedKey | None


class AllowedKeys(Struct, frozen=True, kw_only=True):
    """Who is let in."""

    allowed: list[AllowedKey]


class RevokedKey(Struct, frozen=True, kw_only=True):
    """Who is no longer let in."""

    revoked: AllowedKey


class Scheduled(Struct, frozen=True, kw_only=True):
    """What a workload does at its times. when: a cron line, an interval or a window. next: its next times."""

    name: str
    mode: str
    state: str
    what: str
    when: str
    next: list[str]


class Imported(Struct, frozen=True, kw_only=True):
    """A config made of another supervisor's. notes: what has no equal. yaml: the whole file."""

    workloads: dict[str, Any]
    notes: list[Any]
    yaml: str


class Story(Struct, frozen=True, kw_only=True):
    """Why workloads are as they are, with their open issues and what differs from the config."""

    stories: said.ProcessStories
    issues: list[said.IssueRow]
    drifts: list[said.DriftRow]


class IssueStory(Struct, frozen=True, kw_only=True):
    """An issue from its evidence to its outcome. decision: null when its rule is no longer known."""

    issue: said.IssueDetail
    decision: said.RuleDecision | None


class FaultSuite(Struct, frozen=True, kw_only=True):
    """What became of each fault, and all of them in numbers."""

    faults: list[Verdict]
    right: int
    of: int


SHAPES: Final[dict[str, tuple[Any, ...]]] = {
    "status": (Status, said.NodeTable),
    "nodes": (said.NodeTable,),
    "drain": (Done,),
    "undrain": (Done,),
    "health": (said.HealthReport, said.HealthStory, said.HealthRow, list[said.HealthRow]),
    "metrics": (said.MetricsHistory,),
    "logs": (LogLine,),
    "events": (Event,),
    "up": (Event,),
    "issues": (said.IssueList, said.IssueDetail),
    "incidents": (said.IncidentList, said.IncidentRow),
    "alerts list": (said.AlertTable,),
    "alerts test": (said.ChannelTests,),
    "alerts ack": (Done,),
    "alerts silence": (said.SilenceRow,),
    "alerts unsilence": (Done,),
    "alerts sent": (said.NoticeList,),
    "alerts retry": (Done,),
    "alerts summary": (said.SummaryText,),
    "resolve": (Done,),
    "explain": (said.RuleDecision,),
    "fixed": (Done,),
    "fixes": (said.FixesReport,),
    "phase": (said.PhaseTable, Done),
    "approve": (said.ApprovalList, Done),
    "reject": (Done,),
    "changes": (said.ChangeList,),
    "undo": (Done,),
    "goals": (said.GoalList,),
    "reconcile": (said.DriftReport,),
    "reconcile plan": (list[Looked],),
    "reconcile run": (said.DatasetTable,),
    "reconcile status": (said.DatasetTable,),
    "reconcile pause": (said.DatasetTable,),
    "reconcile resume": (said.DatasetTable,),
    "reconcile explain": (said.KeyStory,),
    "tasks list": (said.TaskList,),
    "tasks dead": (said.TaskList,),
    "tasks show": (said.TaskDetail,),
    "tasks add": (said.TasksAdded,),
    "tasks cancel": (Done,),
    "tasks retry": (Done,),
    "tasks stats": (said.TaskStats,),
    "tasks drain": (Done,),
    **dict.fromkeys(("start", "stop", "restart", "scale", "hold", "release", "signal"), (list[WorkloadOutcome],)),
    "ps": (said.FamilyTable,),
    "why": (list[Story], IssueStory),
    "schedule": (list[Scheduled],),
    "reload": (said.ReloadResult,),
    "config check": (ConfigFaults,),
    "config show": (ConfigShown, said.ConfigTable),
    "config diff": (said.ReloadResult,),
    "config explain": (Explained,),
    "import": (Imported,),
    "doctor": (Checkup,),
    "endpoints": (Endpoints,),
    "keys new": (OwnKey,),
    "keys show": (OwnKey,),
    "keys rotate": (OwnKey,),
    "keys allow": (KeyAllowed,),
    "keys list": (AllowedKeys,),
    "keys revoke": (RevokedKey,),
    "demo": (Result,),
    "faults": (FaultSuite,),
}
"""Command -> the types of the documents it prints: what is asked decides which."""


@cache
def components() -> tuple[dict[str, list[Schema]], dict[str, Schema]]:
    """JSON Schemas: of each command's documents, and of every type that is named in them."""
    every = [kind for kinds in SHAPES.values() for kind in kinds]
    schemas, found = components_of(every)
    given = iter(schemas)
    return {name: [next(given) for _ in kinds] for name, kinds in SHAPES.items()}, found
