"""Messages of the Notifier: what people are told of, what was told, and what they say to it. Times are Unix seconds."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Done, Fact, Reply, Stream
from bus.messages.healer import IssueKind, Severity

AlertType = Literal[
    IssueKind,
    "approval",  # a remedy waits for a person's word
    "emergency",  # several places are critical at once
    "task",  # a task failed for good, or a data set has a gap that no task closes
    "backlog",  # more tasks wait than may
    "node",  # another node fell silent, or the config of this one was refused or put back
    "component",  # the part that would raise issues itself has failed
    "channel",  # a channel delivers nothing
]
NoticeReason = Literal[
    "new",  # something that was not told yet
    "over",  # all that was told is over, or some of it, with nothing new
    "repeat",  # it lasts, and nobody acknowledged
    "escalated",  # nobody acknowledged in time
    "summary",  # the daily one
    "test",
]
NoticeState = Literal["waiting", "sent", "given_up"]


class AlertSent(Fact, frozen=True, kw_only=True):
    """A message was taken by a channel. subject: the channel. alerts: how many it is about. attempts: from 1."""

    kind = "alert.sent"
    notice: int
    reason: NoticeReason
    title: str
    alerts: int
    attempts: int
    took_s: float


class AlertUnsent(Fact, frozen=True, kw_only=True):
    """A channel did not take a message. subject: the channel. Told at the first failure in a row, and when given up.

    retry_s: seconds until the next attempt; None: it is given up.
    """

    kind = "alert.unsent"
    notice: int
    error: str
    attempts: int
    retry_s: float | None = None


class AlertAcknowledged(Fact, frozen=True, kw_only=True):
    """A person takes care of an alert: it is not repeated and not escalated. subject: what it is about."""

    kind = "alert.acknowledged"
    stream = Stream.DURABLE
    alert: str
    note: str


class AlertsSilenced(Fact, frozen=True, kw_only=True):
    """A person wants not to be told of something. subject: the node. what: in words. until: when it ends."""

    kind = "alert.silenced"
    stream = Stream.DURABLE
    silence: str
    what: str
    until: float
    note: str


class SilenceEnded(Fact, frozen=True, kw_only=True):
    """A silence is over. subject: the node. by: `person` or `time`."""

    kind = "alert.silence_ended"
    stream = Stream.DURABLE
    silence: str
    by: str


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that people are told of, or will be. to: channels that were told. told: when first; None: not yet.

    urgent: why a person is wanted, or empty. acknowledged: the note of who takes care of it. silence: the one that
    covers it. over: when it ended.
    """

    alert: str
    alert_type: AlertType
    severity: Severity
    subject: str
    summary: str
    since: float
    issue: str = ""
    tags: list[str] = []
    urgent: str = ""
    acknowledged: str = ""
    silence: str = ""
    told: float | None = None
    to: list[str] = []
    over: float | None = None


class SilenceRow(Reply, frozen=True, kw_only=True):
    """What is not told until when. Lists that are empty fit everything."""

    silence: str
    until: float
    made: float
    note: str
    subjects: list[str] = []
    types: list[AlertType] = []
    tags: list[str] = []


class ChannelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One channel. waiting: messages for it. failing_since, error: while it takes none. sent: when it took the last."""

    name: str
    channel_kind: str
    waiting: int = 0
    sent: float | None = None
    failing_since: float | None = None
    error: str = ""


class AlertTable(Reply, frozen=True, kw_only=True):
    """Alerts, the critical and oldest first; silences that hold; channels of the config. total: alerts in all."""

    alerts: list[AlertRow]
    silences: list[SilenceRow]
    channels: list[ChannelRow]
    total: int


class ListAlerts(Command, frozen=True, kw_only=True):
    """What people are told of now."""

    target = "notifier"
    verb = "list_alerts"
    reply = AlertTable
    limit: int = 100


class AcknowledgeAlert(Command, frozen=True, kw_only=True):
    """Take care of an alert: it is not repeated and not escalated any more. alert: its id, or that of its issue."""

    target = "notifier"
    verb = "acknowledge_alert"
    reply = Done
    alert: str
    note: str = ""


class SilenceAlerts(Command, frozen=True, kw_only=True):
    """Do not tell of some alerts for a while. subjects: shell patterns of names. for_s: seconds."""

    target = "notifier"
    verb = "silence_alerts"
    reply = SilenceRow
    for_s: float
    subjects: list[str] = []
    types: list[AlertType] = []
    tags: list[str] = []
    note: str = ""


class EndSilence(Command, frozen=True, kw_only=True):
    """End a silence now."""

    target = "notifier"
    verb = "end_silence"
    reply = Done
    silence: str


class ChannelTest(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a message to one channel. error: empty when it was taken. took_s: seconds."""

    name: str
    took_s: float
    error: str = ""


class ChannelTests(Reply, frozen=True, kw_only=True):
    """In the order of the config."""

    tests: list[ChannelTest]


class TryChannels(Command, frozen=True, kw_only=True):
    """Send a message to channels at once, past queue and silences. channels: empty for all."""

    target = "notifier"
    verb = "try_channels"
    reply = ChannelTests
    channels: list[str] = []


class NoticeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one channel. ended: when it was taken or given up. due: when it is tried next, while it waits."""

    notice: int
    channel: str
    reason: NoticeReason
    state: NoticeState
    title: str
    alerts: int
    queued: float
    due: float | None = None
    ended: float | None = None
    attempts: int = 0
    error: str = ""


class NoticeList(Reply, frozen=True, kw_only=True):
    """Messages that wait, the next first, then those that were sent or given up, newest first."""

    notices: list[NoticeRow]


class ListNotices(Command, frozen=True, kw_only=True):
    """What was sent, and what waits."""

    target = "notifier"
    verb = "list_notices"
    reply = NoticeList
    limit: int = 50


class RetryNotices(Command, frozen=True, kw_only=True):
    """Try every waiting message now. channel: of one only; empty: of all."""

    target = "notifier"
    verb = "retry_notices"
    reply = Done
    channel: str = ""


class SummaryText(Reply, frozen=True, kw_only=True):
    """A summary of the last day as it is sent. to: channels that it was queued for."""

    title: str
    text: str
    to: list[str]


class GetSummary(Command, frozen=True, kw_only=True):
    """The summary of the last day as of now. send: queue it for its channels, too."""

    target = "notifier"
    verb = "get_summary"
    reply = SummaryText
    send: bool = False
