"""Sends what waits: for each channel one message at a time, the oldest first, again and again until it is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from msgspec import Struct, structs

from actors.clock import Alarm
from actors.notifier.channels.attempt import Attempt, Cut
from actors.notifier.channels.send import send
from actors.notifier.hands import Hands
from actors.notifier.model import Alert, Notice, Over, Parcel, Seen
from actors.notifier.notices import to_unite, united
from actors.notifier.store import AlertStore
from actors.notifier.wording import message_of, title_of
from actors.settings.alerts import Channel
from actors.zones import zone
from bus.messages import AlertSent, AlertUnsent, ChannelRow, ChannelTest, NoticeRow

FORGET_EVERY: Final = 100
"""Messages that end between two tidyings of the table."""


class Failing(Struct, frozen=True):
    """A channel takes nothing. since: Unix seconds of the first failure in a row."""

    since: float
    error: str


class Delivery:
    """What waits for each channel. Nothing is dropped but what was tried as often as the config allows."""

    def __init__(self, hands: Hands, store: AlertStore) -> None:
        self._hands = hands
        self._store = store
        self._waiting: dict[int, Parcel] = {parcel.number: parcel for parcel in store.waiting()}
        self._number = store.last("parcels")
        self._in_hand: dict[str, int] = {}
        self._failing: dict[str, Failing] = {}
        self._sent = store.last_sent()
        self._ended = 0
        self._cut = Cut()
        self._alarm: Alarm | None = None

    def close(self) -> None:
        """Nothing is sent any more; what waits is kept."""
        self._cut.stop()
        if self._alarm is not None:
            self._alarm.cancel()

    # -- taking on

    def add(self, notice: Notice, channels: Iterable[str]) -> None:
        """Keep a message for channels; one that waits for the same group takes it in."""
        now_s, listed = self._hands.clock.wall(), self._hands.settings.listed_max
        for channel in dict.fromkeys(channels):
            held = to_unite(list(self._waiting.values()), channel, notice.group, self._in_hand.get(channel))
            if held is not None:
                self._keep(structs.replace(held, notice=united(held.notice, notice, listed)))
                continue
            self._number += 1
            self._keep(
                Parcel(number=self._number, channel=channel, notice=notice, state="waiting", queued=now_s, due=now_s)
            )

    def _keep(self, parcel: Parcel) -> None:
        if parcel.state == "waiting":
            self._waiting[parcel.number] = parcel
        else:
            self._waiting.pop(parcel.number, None)
        self._store.put_parcel(parcel)

    # -- sending

    def look(self) -> None:
        """Send what is due, and be woken for the rest."""
        now_s = self._hands.clock.wall()
        channels = self._hands.node.alerts.channels
        for parcel in list(self._waiting.values()):
            if parcel.channel not in channels:
                self._give_up(parcel, "no such channel in the config any more")
        for name, channel in channels.items():
            parcel_or_none = self._next(name, now_s)
            if name not in self._in_hand and parcel_or_none is not None:
                self._send(name, channel, parcel_or_none)
        self._set_alarm(now_s)

    def outlived(self, alerts: Iterable[Alert]) -> list[Over]:
        """The ends of what was said of channels that are gone, or that nothing waits for any more."""
        waited_for = {one.channel for one in self._waiting.values()} & self._hands.node.alerts.channels.keys()
        return [Over(key=one.key) for one in alerts if one.alert_type == "channel" and one.subject not in waited_for]

    def _next(self, channel: str, now_s: float) -> Parcel | None:
        """The oldest that is due. A time that is farther away than the longest wait is of a clock that was set back."""
        longest_s = self._hands.settings.retry.longest
        return next(
            (
                one
                for one in self._waiting.values()
                if one.channel == channel and (one.due <= now_s or one.due > now_s + 2 * longest_s)
            ),
            None,
        )

    def _send(self, name: str, channel: Channel, parcel: Parcel) -> None:
        self._in_hand[name] = parcel.number
        now_s, node, cut = self._hands.clock.wall(), self._hands.node, self._cut
        message = message_of(parcel.notice, parcel.number, node.name, now_s, zone(None))
        self._hands.run(lambda: send(channel, message, node.root, cut), partial(self._sent_or_not, name, parcel.number))

    def _sent_or_not(self, channel: str, number: int, attempt: Attempt | Exception) -> None:
        self._in_hand.pop(channel, None)
        if isinstance(attempt, Exception):
            raise attempt
        parcel = self._waiting.get(number)
        if parcel is None:  # given up meanwhile, as another config has no such channel
            return
        parcel = structs.replace(parcel, attempts=parcel.attempts + 1, error=attempt.error)
        if attempt.error:
            self._failed(parcel, attempt)
        else:
            self._taken(parcel, attempt)
        self.look()

    def _taken(self, parcel: Parcel, attempt: Attempt) -> None:
        hands, name = self._hands, parcel.channel
        now_s = self._sent[name] = hands.clock.wall()
        self._end(structs.replace(parcel, state="sent", ended=now_s))
        title = title_of(parcel.notice)
        hands.log.info("alert.sent", channel=name, notice=parcel.number, title=title, attempts=parcel.attempts)
        hands.publish(
            AlertSent(
                subject=name,
                notice=parcel.number,
                reason=parcel.notice.reason,
                title=title,
                alerts=parcel.notice.alerts,
                attempts=parcel.attempts,
                took_s=attempt.took_s,
            )
        )
        if self._failing.pop(name, None) is not None:
            for number, other in self._waiting.items():  # they waited for a channel that works again
                if other.channel == name:
                    self._waiting[number] = structs.replace(other, due=now_s)
        hands.hear(Over(key=_failing_key(name)))

    def _failed(self, parcel: Parcel, attempt: Attempt) -> None:
        hands, name, rule = self._hands, parcel.channel, self._hands.settings.retry
        now_s, first = hands.clock.wall(), name not in self._failing
        since = now_s if first else self._failing[name].since
        self._failing[name] = Failing(since, attempt.error)
        if now_s - since >= hands.settings.failing_after:
            hands.hear(failing(name, attempt.error, since))
        if parcel.attempts >= rule.attempts:
            self._give_up(parcel, attempt.error)
            return
        delay_s = float(rule.longest) if attempt.lasting else rule.delay_s(parcel.attempts, hands.chance())
        delay_s = max(delay_s, attempt.after_s or 0.0)
        self._keep(structs.replace(parcel, due=now_s + delay_s))
        if first:
            hands.log.warning("alert.unsent", channel=name, notice=parcel.number, error=attempt.error)
            self._publish_unsent(parcel, delay_s)

    def _give_up(self, parcel: Parcel, error: str) -> None:
        now_s = self._hands.clock.wall()
        parcel = structs.replace(parcel, state="given_up", ended=now_s, error=error)
        self._end(parcel)
        self._hands.log.error("alert.given_up", channel=parcel.channel, notice=parcel.number, error=error)
        self._publish_unsent(parcel, None)

    def _end(self, parcel: Parcel) -> None:
        self._keep(parcel)
        self._ended += 1
        if self._ended % FORGET_EVERY == 0:
            self._store.forget(self._hands.settings.keep)

    def _publish_unsent(self, parcel: Parcel, retry_s: float | None) -> None:
        self._hands.publish(
            AlertUnsent(
                subject=parcel.channel,
                notice=parcel.number,
                error=parcel.error,
                attempts=parcel.attempts,
                retry_s=retry_s,
            )
        )

    def _set_alarm(self, now_s: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = [one.due for one in self._waiting.values() if one.channel not in self._in_hand]
        if due:
            self._alarm = self._hands.after(max(0.0, min(due) - now_s), self.look)

    # -- being asked

    def retry(self, channel: str) -> int:
        """Have every message that waits be due now; gives how many."""
        now_s = self._hands.clock.wall()
        chosen = [one for one in self._waiting.values() if channel in ("", one.channel)]
        for parcel in chosen:
            self._keep(structs.replace(parcel, due=now_s))
        self.look()
        return len(chosen)

    def trial(self, names: list[str], then: Callable[[list[ChannelTest]], None]) -> None:
        """Send a message to these at once; then(what came of it, in their order)."""
        hands, found = self._hands, dict[str, ChannelTest]()
        notice = Notice(
            reason="test", made=hands.clock.wall(), title="a test", text=f"Sent by gyrostat on node {hands.node.name}."
        )
        message = message_of(notice, 0, hands.node.name, notice.made, zone(None))

        def tried(name: str, attempt: Any) -> None:
            if isinstance(attempt, Exception):
                raise attempt
            found[name] = ChannelTest(name=name, took_s=attempt.took_s, error=attempt.error)
            if len(found) == len(names):
                then([found[each] for each in names])

        for name in names:
            self._try(hands.node.alerts.channels[name], message, partial(tried, name))

    def _try(self, channel: Channel, message: Any, then: Callable[[Any], None]) -> None:
        root, cut = self._hands.node.root, self._cut
        self._hands.run(lambda: send(channel, message, root, cut), then)

    def channels(self) -> list[ChannelRow]:
        """Every channel of the config."""
        rows = []
        for name, channel in self._hands.node.alerts.channels.items():
            trouble = self._failing.get(name)
            rows.append(
                ChannelRow(
                    name=name,
                    channel_kind=channel.kind,
                    waiting=sum(one.channel == name for one in self._waiting.values()),
                    sent=self._sent.get(name),
                    failing_since=trouble.since if trouble else None,
                    error=trouble.error if trouble else "",
                )
            )
        return rows

    def rows(self, limit: int) -> list[NoticeRow]:
        """Messages that wait, then those that ended."""
        waiting = list(self._waiting.values())
        return [_row(parcel) for parcel in (*waiting, *self._store.ended(limit))][:limit]


def _failing_key(channel: str) -> str:
    return f"channel:{channel}"


def failing(channel: str, error: str, since: float) -> Seen:
    """A channel takes nothing; the others are told."""
    return Seen(
        key=_failing_key(channel),
        alert_type="channel",
        severity="warning",
        subject=channel,
        summary=f"the channel takes no message: {error}",
        since=since,
    )


def _row(parcel: Parcel) -> NoticeRow:
    waits = parcel.state == "waiting"
    return NoticeRow(
        notice=parcel.number,
        channel=parcel.channel,
        reason=parcel.notice.reason,
        state=parcel.state,
        title=title_of(parcel.notice),
        alerts=parcel.notice.alerts,
        queued=parcel.queued,
        due=parcel.due if waits else None,
        ended=parcel.ended,
        attempts=parcel.attempts,
        error=parcel.error,
    )
