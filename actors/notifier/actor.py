"""The Notifier: tells people what they want to know, where they want it, until they took it."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from msgspec import Struct

from actors.base import Actor, Home, NodeView, Repeat
from actors.clock import Alarm
from actors.notifier.answers import alert_rows
from actors.notifier.board import Board
from actors.notifier.delivery import Delivery
from actors.notifier.digest import Summed
from actors.notifier.found import BACKLOG, Found, questions
from actors.notifier.grouping import NEVER_S, Say
from actors.notifier.heard import HEARD, meaning
from actors.notifier.model import Notice, Over, Seen, Silence
from actors.notifier.notices import notice_of, without_channel
from actors.notifier.routing import Way, ways, words_of
from actors.notifier.settings import NotifierSettings
from actors.notifier.store import AlertStore
from actors.notifier.summaries import Summaries
from actors.zones import zone
from bus.errors import CommandError, Refused
from bus.message import Done, Fact
from bus.messages import (
    AcknowledgeAlert,
    AlertAcknowledged,
    AlertsSilenced,
    AlertTable,
    ChannelTests,
    EndSilence,
    GetSummary,
    ListAlerts,
    ListNotices,
    NoticeList,
    RetryNotices,
    SilenceAlerts,
    SilenceEnded,
    SilenceRow,
    SummaryText,
    TryChannels,
)

LOOK_GAP_S: Final = 0.25
"""Seconds at least between two looks at everything, so that a storm is not looked at alert by alert."""
SILENCE_S_MAX: Final = 366 * 86_400.0


class Rooms(Struct, frozen=True):
    """What the behaviour works with once it has begun."""

    store: AlertStore
    board: Board
    delivery: Delivery
    summaries: Summaries


class Notifier(Actor[NotifierSettings]):
    """Owns who was told of what, and every message that was not taken yet."""

    name = "notifier"
    listens = HEARD
    answers = (
        ListAlerts, AcknowledgeAlert, SilenceAlerts, EndSilence, TryChannels, ListNotices, RetryNotices, GetSummary,
    )  # fmt: skip
    Settings = NotifierSettings
    inbox_limit = 16_384
    workers = 8

    def __init__(self, home: Home, node: NodeView, settings: NotifierSettings) -> None:
        super().__init__(home, node, settings)
        self.chance = random.Random().random  # noqa: S311 - spreads attempts, guards nothing
        self._open: Rooms | None = None
        self._ways: list[Way] = []
        self._alarm: Alarm | None = None
        self._look_s = NEVER_S
        self._looked_s = 0.0
        self._saving = False
        self._resyncs: Repeat | None = None

    def on_start(self) -> None:
        """Take up what was told and what waits; ask what lasts."""
        store = AlertStore(self.node.state_dir / "notifier.db")
        self._open = Rooms(store, Board(store), Delivery(self, store), Summaries(self, store))
        self._take_config()
        self._resyncs = self.every(self.settings.resync_every, self._resync)

    def on_stop(self) -> None:
        """Cut short what is being sent; it is sent again by the next incarnation."""
        if self._open is not None:
            self._open.delivery.close()
            self._open.store.close()

    def on_reload(self) -> None:
        """Other routes, channels or limits."""
        if self._resyncs is not None:
            self._resyncs.interval_s = self.settings.resync_every
        self._take_config()

    def _take_config(self) -> None:
        """Go by the routes, channels and limits in force."""
        self._ways = ways(self.node.alerts.routes_used)
        backlog, rooms = self.node.alerts.backlog, self._rooms
        if backlog.tasks is None and backlog.age is None:
            self.hear(Over(key=BACKLOG))
        for ended in rooms.delivery.outlived(list(rooms.board.alerts.values())):
            self.hear(ended)
        rooms.delivery.look()
        self._resync()

    # -- what is heard

    def _hear(self, fact: Fact) -> None:
        meant = meaning(fact)
        if meant is not None:
            self.hear(meant)

    on_actor_failed = on_actor_started = on_approval_answered = on_approval_asked = _hear
    on_config_rejected = on_config_set_back = on_emergency_declared = on_emergency_ended = _hear
    on_gap_unfillable = on_issue_escalated = on_issue_raised = on_issue_resolved = _hear
    on_node_gone = on_node_returned = on_queue_set_aside = on_task_ended = on_task_late = _hear

    def hear(self, meant: Seen | Over) -> None:
        """Take in what is to be told, or is over."""
        now_s = self.clock.wall()
        if isinstance(meant, Seen):
            news = self._rooms.board.take(meant, self.node.workloads, now_s)
        else:
            news = self._rooms.board.over(meant, now_s)
        self._save_soon()
        if news is not None:
            self._look_within(min((way.route.wait for way in self._ways), default=0.0))

    def _save_soon(self) -> None:
        """After what waits in the inbox already: in a storm one commit is for many."""
        if not self._saving:
            self._saving = True
            self.after(0.0, self._save)

    def _save(self) -> None:
        self._saving = False
        self._rooms.board.save()

    def _resync(self) -> None:
        """Ask what lasts, as facts may be lost; look at what only time brings about."""
        asked_s = self.clock.wall()
        for command, read in questions(self.node.name, self.node.alerts.backlog):
            self.request(command, partial(self._found, read, asked_s), timeout_s=10.0)
        for silence in self._rooms.board.ended_silences(asked_s):
            self.publish(SilenceEnded(subject=self.node.name, silence=f"s{silence.number}", by="time"))
        if self._rooms.summaries.due():
            self._rooms.summaries.gather(self._send_summary)
        self._look_within(0.0)

    def _found(self, read: Callable[[Any], Found], asked_s: float, outcome: Any) -> None:
        """Whoever gives no answer says nothing about what lasts."""
        if not isinstance(outcome, CommandError) and self._rooms.board.found(
            read(outcome), self.node.workloads, asked_s, self.clock.wall()
        ):
            self._save_soon()
            self._look_within(min((way.route.wait for way in self._ways), default=0.0))

    # -- what is told

    def _look_within(self, delay_s: float) -> None:
        """Look at all groups by then at the latest."""
        now_s = self.clock()
        at_s = max(now_s + delay_s, self._looked_s + LOOK_GAP_S)
        if at_s >= self._look_s:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._look_s = at_s
        self._alarm = self.after(max(0.0, at_s - now_s), self._look)

    def _look(self) -> None:
        self._alarm, self._look_s, self._looked_s = None, NEVER_S, self.clock()
        now_s = self.clock.wall()
        next_s = self._rooms.board.look(self._ways, now_s, zone, self._say)
        self._rooms.delivery.look()
        if next_s < NEVER_S:
            self._look_within(max(0.0, next_s - now_s))

    def _say(self, say: Say, group: str) -> None:
        for channel in say.to:
            own = without_channel(say, channel)
            if own is not None:
                notice = notice_of(own, group, self.clock.wall(), self.settings.listed_max)
                self._rooms.delivery.add(notice, [channel])

    def _send_summary(self, made: Summed) -> None:
        wanted = self.node.alerts.summary
        notice = Notice(reason="summary", made=self.clock.wall(), title=made.title, text=made.text)
        self._rooms.delivery.add(notice, wanted.to if wanted is not None else [])
        self._rooms.delivery.look()

    # -- being asked

    def do_list_alerts(self, command: ListAlerts) -> AlertTable:
        now_s = self.clock.wall()
        rows = alert_rows(self._rooms.board, self._ways, now_s)
        silences = [one.row for one in self._rooms.board.silences.values() if one.until > now_s]
        return AlertTable(
            alerts=rows[: max(0, command.limit)],
            silences=silences,
            channels=self._rooms.delivery.channels(),
            total=len(rows),
        )

    def do_acknowledge_alert(self, command: AcknowledgeAlert) -> Done:
        if not command.alert:
            raise Refused("no alert is named; gyrostat alerts lists them")
        note = command.note or "seen"
        alert = self._rooms.board.acknowledge(command.alert, note)
        if alert is None:
            raise Refused(f'no alert "{command.alert}" lasts; gyrostat alerts lists them')
        self._rooms.board.save()
        self._look_within(0.0)
        self.publish(AlertAcknowledged(subject=alert.subject, alert=alert.name, note=note))
        return Done(detail=f"{alert.name}, {alert.subject}: is not repeated and not escalated while it lasts")

    def do_silence_alerts(self, command: SilenceAlerts) -> SilenceRow:
        if not 0 < command.for_s <= SILENCE_S_MAX:
            raise Refused("a silence lasts from a moment to a year")
        now_s = self.clock.wall()
        kept = self._rooms.board.silence(
            Silence(
                number=0,
                until=now_s + command.for_s,
                made=now_s,
                note=command.note,
                subjects=tuple(command.subjects),
                types=tuple(command.types),
                tags=tuple(command.tags),
            )
        )
        self.publish(
            AlertsSilenced(
                subject=self.node.name,
                silence=f"s{kept.number}",
                what=words_of(kept),
                until=kept.until,
                note=kept.note,
            )
        )
        self._look_within(0.0)
        return kept.row

    def do_end_silence(self, command: EndSilence) -> Done:
        number = command.silence.removeprefix("s")
        if not number.isdecimal() or not self._rooms.board.end_silence(int(number)):
            raise Refused(f'no silence "{command.silence}"; gyrostat alerts lists them')
        self.publish(SilenceEnded(subject=self.node.name, silence=f"s{int(number)}", by="person"))
        self._look_within(0.0)
        return Done(detail=f"silence s{int(number)} is over")

    def do_try_channels(self, command: TryChannels) -> ChannelTests | None:
        there = self.node.alerts.channels
        names = list(dict.fromkeys(command.channels)) or list(there)
        for name in names:
            if name not in there:
                raise Refused(f'no channel "{name}"; there are: {", ".join(there) or "none in the config"}')
        if not names:
            return ChannelTests(tests=[])
        request = self.defer_reply()
        self._rooms.delivery.trial(names, lambda tests: request.answer(ChannelTests(tests=tests)))
        return None

    def do_list_notices(self, command: ListNotices) -> NoticeList:
        return NoticeList(notices=self._rooms.delivery.rows(max(1, command.limit)))

    def do_retry_notices(self, command: RetryNotices) -> Done:
        if command.channel and command.channel not in self.node.alerts.channels:
            there = ", ".join(self.node.alerts.channels) or "none in the config"
            raise Refused(f'no channel "{command.channel}"; there are: {there}')
        number = self._rooms.delivery.retry(command.channel)
        return Done(detail=f"{number} message{'' if number == 1 else 's'} tried now" if number else "nothing waits")

    def do_get_summary(self, command: GetSummary) -> None:
        wanted = self.node.alerts.summary
        to = list(wanted.to) if wanted is not None else []
        if command.send and not to:
            raise Refused("alerts.summary names no channel to send it to")
        request = self.defer_reply()

        def gathered(made: Summed) -> None:
            if command.send:
                self._send_summary(made)
            request.answer(SummaryText(title=made.title, text=made.text, to=to if command.send else []))

        self._rooms.summaries.gather(gathered)

    @property
    def _rooms(self) -> Rooms:
        if self._open is None:
            msg = "the tables are not open: on_start has not run"
            raise RuntimeError(msg)
        return self._open
