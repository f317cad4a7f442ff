"""Messages of the Monitor about how troubles hang together: why a level is as it is, incidents, emergencies, pace."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Fact, Reply, Stream
from bus.messages.monitor import HealthLevel, Scope


class SymptomRow(msgspec.Struct, frozen=True, kw_only=True):
    """One subject of an incident. because: the subject it is put down to; empty for a root.

    since, over: Unix seconds; over is None while it is not well. issues: ids of all it had. times: how often it was
    not well.
    """

    subject: str
    because: str
    since: float
    over: float | None
    what: str
    issues: list[str] = []
    times: int = 1


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """Troubles of one cause. root: what is not well by itself. symptoms: everything else, the first to suffer first.

    opened, closed: Unix seconds. why: how it came to its end, while it is closed.
    """

    incident: str
    root: SymptomRow
    symptoms: list[SymptomRow]
    opened: float
    closed: float | None = None
    emergency: bool = False
    why: str = ""


class IncidentOpened(Fact, frozen=True, kw_only=True):
    """Something is wrong for longer than a repair takes. subject: its root. symptoms: what suffers because of it.

    what: what is wrong with the root.
    """

    kind = "incident.opened"
    stream = Stream.DURABLE
    incident: str
    what: str
    symptoms: list[str] = []
    issues: list[str] = []
    emergency: bool = False


class IncidentChanged(Fact, frozen=True, kw_only=True):
    """More or fewer suffer, or another root was found. subject: the root now. left: of root and symptoms, not well."""

    kind = "incident.changed"
    stream = Stream.DURABLE
    incident: str
    what: str
    symptoms: list[str] = []
    left: list[str] = []
    issues: list[str] = []
    emergency: bool = False


class IncidentClosed(Fact, frozen=True, kw_only=True):
    """Everything has been well for a while, or it turned out to be part of another one. lasted_s: seconds."""

    kind = "incident.closed"
    stream = Stream.DURABLE
    incident: str
    why: str
    lasted_s: float
    symptoms: list[str] = []


class EmergencyDeclared(Fact, frozen=True, kw_only=True):
    """Several places are critical at once. subject: the node. freeze: nothing may be tried until it is over.

    shed: workloads that may be stopped, in this order.
    """

    kind = "emergency.declared"
    stream = Stream.DURABLE
    incident: str
    places: list[str]
    shed: list[str] = []
    freeze: bool = True


class LoadShed(Fact, frozen=True, kw_only=True):
    """The emergency protocol stopped a workload, or could not. error: why not."""

    kind = "emergency.load_shed"
    stream = Stream.DURABLE
    incident: str
    ok: bool
    error: str = ""


class LoadRestored(Fact, frozen=True, kw_only=True):
    """A workload that was stopped in an emergency is started again, or is left as it is. error: why."""

    kind = "emergency.load_restored"
    stream = Stream.DURABLE
    incident: str
    ok: bool
    error: str = ""


class EmergencyAlerted(Fact, frozen=True, kw_only=True):
    """The operator's alert program ended. event: declared or ended. exit_code is None when it took too long."""

    kind = "emergency.alerted"
    stream = Stream.DURABLE
    incident: str
    event: Literal["declared", "ended"]
    exit_code: int | None
    took_s: float
    output: list[str] = []


class EmergencyEnded(Fact, frozen=True, kw_only=True):
    """So few places are critical for long enough that it is over. lasted_s: seconds. shed: what had been stopped."""

    kind = "emergency.ended"
    stream = Stream.DURABLE
    incident: str
    lasted_s: float
    shed: list[str] = []


class PaceChanged(Fact, frozen=True, kw_only=True):
    """Readings are taken closer together or wider apart. base_s: what was asked for, in seconds, as are the others."""

    kind = "sampling.pace_changed"
    interval_s: float
    before_s: float
    base_s: float
    why: str


class IncidentList(Reply, frozen=True, kw_only=True):
    """Incidents: the open ones, oldest first, then closed ones, newest first.

    emergency: the incident of the emergency that lasts, or empty. shed: workloads that were stopped in it.
    """

    incidents: list[IncidentRow]
    emergency: str = ""
    shed: list[str] = []


class ListIncidents(Command, frozen=True, kw_only=True):
    """Incidents that are open; with open_only false, closed ones too."""

    target = "monitor"
    verb = "list_incidents"
    reply = IncidentList
    open_only: bool = True
    limit: int = 50


class HealthReason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that speaks for a level. rule: what makes it count. source: the key of the config, or `default`.

    metric and reading: what was measured, read_s seconds ago. lasted_s: seconds it has been so, when that is known.
    because: the subject it comes from.
    """

    level: HealthLevel
    text: str
    rule: str = ""
    source: str = ""
    metric: str = ""
    reading: float | None = None
    read_s: float | None = None
    lasted_s: float | None = None
    because: str = ""


class LimitRow(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold that has a say. state: within, pending (beyond it, not yet for its hold time) or crossed.

    reading: None while there is none. since_s: seconds since the first reading beyond it.
    """

    metric: str
    direction: Literal["above", "below"]
    limit: float
    hold_s: float
    source: str
    state: Literal["within", "pending", "crossed"]
    reading: float | None = None
    since_s: float | None = None


class HealthCause(msgspec.Struct, frozen=True, kw_only=True):
    """A link of the chain. depth: 0 is what was asked for, others explain one above them. since_s: seconds.

    because: what its incident puts it down to, beside what the reasons say.
    """

    subject: str
    scope: Scope
    depth: int
    level: HealthLevel
    since_s: float
    reasons: list[HealthReason] = []
    limits: list[LimitRow] = []
    incident: str = ""
    because: str = ""


class HealthStory(Reply, frozen=True, kw_only=True):
    """Why a subject is as it is: itself, then what its reasons lead to, each once."""

    chain: list[HealthCause]


class ExplainHealth(Command, frozen=True, kw_only=True):
    """Why a subject has its level: which reading, since when, which rule. name: a workload, host, the node or whole."""

    target = "monitor"
    verb = "explain_health"
    reply = HealthStory
    name: str = "whole"
