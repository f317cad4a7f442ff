"""What the Notifier knows: alerts, groups of them, silences, messages. Times are Unix seconds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from bus.messages import AlertType, NoticeReason, NoticeState, SilenceRow
from bus.messages.healer import Severity

RANK: Final[Mapping[str, int]] = {"warning": 0, "critical": 1}


class Seen(Struct, frozen=True, kw_only=True):
    """What is said of one alert. key: what makes two the same. once: it happened, and has no end.

    urgent: why a person is wanted. since: None for now.
    """

    key: str
    alert_type: AlertType
    severity: Severity
    subject: str
    summary: str
    since: float | None = None
    issue: str = ""
    urgent: str = ""
    once: bool = False


class Over(Struct, frozen=True):
    """An alert is over. issue: it is that of this issue; else it is the one with this key."""

    key: str = ""
    issue: str = ""


class Alert(Struct, frozen=True, kw_only=True):
    """One alert. names: its subject, and the workload whose instance that is. news: when there was last news of it.

    acknowledged: the note of who takes care of it. over: when it ended. unsaid: it ended under a silence.
    """

    key: str
    number: int
    alert_type: AlertType
    severity: Severity
    subject: str
    summary: str
    since: float
    news: float
    names: tuple[str, ...]
    tags: tuple[str, ...] = ()
    issue: str = ""
    urgent: str = ""
    once: bool = False
    acknowledged: str = ""
    over: float | None = None
    unsaid: bool = False

    @property
    def name(self) -> str:
        """What people call it by."""
        return f"a{self.number}"

    @property
    def token(self) -> str:
        """What is told anew when it differs from what was told."""
        return f"{self.severity}!" if self.urgent else self.severity


class Told(Struct, frozen=True):
    """An alert that a group was told of. at: when first. steps: of the escalation, taken so far."""

    at: float
    token: str
    steps: int = 0


class Group(Struct, frozen=True, kw_only=True):
    """Alerts that are told together. route: key of its route. told: by key of the alert. sent: its last message."""

    key: str
    route: str
    told: dict[str, Told] = {}
    sent: float | None = None


class Silence(Struct, frozen=True, kw_only=True):
    """What is not told until when. Empty lists fit everything."""

    number: int
    until: float
    made: float
    note: str = ""
    subjects: tuple[str, ...] = ()
    types: tuple[AlertType, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def row(self) -> SilenceRow:
        """As it is shown."""
        return SilenceRow(
            silence=f"s{self.number}",
            until=self.until,
            made=self.made,
            note=self.note,
            subjects=list(self.subjects),
            types=list(self.types),
            tags=list(self.tags),
        )


class Line(Struct, frozen=True, kw_only=True):
    """One alert in a message, as it was then. fresh: it is why there is a message."""

    alert: str
    alert_type: AlertType
    severity: Severity
    subject: str
    summary: str
    since: float
    issue: str = ""
    tags: tuple[str, ...] = ()
    urgent: str = ""
    over: float | None = None
    once: bool = False
    fresh: bool = False


class Notice(Struct, frozen=True, kw_only=True):
    """What a message says. group: messages of one group can be made one; empty for one that stands alone.

    firing: alerts that last. ended: alerts that ended since the last message. title, text: of a summary or a test.
    """

    reason: NoticeReason
    made: float
    group: str = ""
    firing: int = 0
    ended: int = 0
    lines: tuple[Line, ...] = ()
    title: str = ""
    text: str = ""

    @property
    def alerts(self) -> int:
        """How many it is about."""
        return self.firing + self.ended


class Parcel(Struct, frozen=True, kw_only=True):
    """A message for one channel. due: when it is tried. ended: when it was taken or given up."""

    number: int
    channel: str
    notice: Notice
    state: NoticeState
    queued: float
    due: float
    attempts: int = 0
    error: str = ""
    ended: float | None = None
