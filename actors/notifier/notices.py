"""Messages as they wait: made of what a group says, and made one when several wait for the same channel. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from actors.notifier.grouping import Say
from actors.notifier.model import RANK, Alert, Line, Notice, Parcel


def notice_of(say: Say, group: str, now_s: float, listed_max: int) -> Notice:
    """The message for what a group says."""
    ended = sum(alert.over is not None for alert in say.alerts)
    return Notice(
        reason=say.reason,
        made=now_s,
        group=f"{group}|{say.reason}" if say.reason == "escalated" else group,
        firing=len(say.alerts) - ended,
        ended=ended,
        lines=tuple(_line(alert, fresh=alert.key in say.fresh) for alert in say.alerts[:listed_max]),
    )


def _line(alert: Alert, *, fresh: bool) -> Line:
    return Line(
        alert=alert.name,
        alert_type=alert.alert_type,
        severity=alert.severity,
        subject=alert.subject,
        summary=alert.summary,
        since=alert.since,
        issue=alert.issue,
        tags=alert.tags,
        urgent=alert.urgent,
        over=alert.over,
        once=alert.once,
        fresh=fresh,
    )


def without_channel(say: Say, channel: str) -> Say | None:
    """The same without what says that this very channel fails; None when nothing is left."""
    alerts = tuple(one for one in say.alerts if not (one.alert_type == "channel" and one.subject == channel))
    return structs.replace(say, alerts=alerts) if alerts else None


def united(older: Notice, newer: Notice, listed_max: int) -> Notice:
    """One message for two of a group, of which the older was never taken: each alert once, as it is now."""
    lines = {line.alert: line for line in older.lines} | {line.alert: line for line in newer.lines}
    fresh = {line.alert for line in (*older.lines, *newer.lines) if line.fresh}
    merged = [structs.replace(line, fresh=name in fresh) for name, line in lines.items()]
    merged.sort(key=lambda one: (not one.fresh, one.over is not None, -RANK[one.severity], one.since))
    once = sum(line.once and line.alert not in {each.alert for each in newer.lines} for line in older.lines)
    return structs.replace(
        newer,
        reason="new" if older.reason == "new" else newer.reason,
        made=older.made,
        firing=newer.firing + once,
        ended=older.ended + newer.ended,
        lines=tuple(merged[:listed_max]),
    )


def to_unite(waiting: Sequence[Parcel], channel: str, group: str, in_hand: int | None) -> Parcel | None:
    """The message that waits for this channel and group and can take the new one in. in_hand: is being sent now."""
    return next(
        (
            one
            for one in waiting
            if group and one.channel == channel and one.notice.group == group and one.number != in_hand
        ),
        None,
    )
