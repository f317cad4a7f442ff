"""Alerts as lines for a terminal. Pure but for the clock that ages are reckoned from, and the local time zone."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

from actors.cli.exits import count
from actors.cli.paint import Paint, span, table
from actors.cli.status_lines import shortened

_TONES: Final = {"waiting": "warn", "sent": "good", "given_up": "bad"}


def listed(found: Any, paint: Paint) -> list[str]:
    """What people are told of, silences, and channels."""
    lines = _alerts(found, paint)
    if found.silences:
        cells = [(f"  {row.silence}", what(row), f"until {_at(row.until)}", row.note) for row in found.silences]
        lines += ["", "Silences", *table(cells, paint)]
    return [*lines, *_channels(found.channels, paint)]


def _alerts(found: Any, paint: Paint) -> list[str]:
    if not found.alerts:
        return ["no alerts"]
    cells = [
        (
            row.alert,
            (row.severity, "bad" if row.severity == "critical" else "warn"),
            row.subject,
            row.alert_type.replace("_", " "),
            f"{span(max(0.0, _now_s() - row.since))} ago",
            _standing(row),
            shortened(row.summary),
        )
        for row in found.alerts
    ]
    more = found.total - len(found.alerts)
    rest = [f"and {more:,} more: gyrostat alerts list -n {found.total}"] if more > 0 else []
    return [*table(cells, paint, ("ID", "SEVERITY", "SUBJECT", "TYPE", "SINCE", "TO", "SUMMARY")), *rest]


def _standing(row: Any) -> str:
    if row.over is not None:
        return "over"
    if row.silence:
        return f"silenced, {row.silence}"
    told = ", ".join(row.to) or "nobody"
    if row.told is None:
        return "not yet"
    return f"{told}; acknowledged: {row.acknowledged}" if row.acknowledged else told


def _channels(rows: Any, paint: Paint) -> list[str]:
    if not rows:
        return ["", "no channels in the config: nobody is told (alerts.channels)"]
    failing = [row for row in rows if row.error or row.waiting]
    if not failing:
        return []
    cells = [
        (
            f"  {row.name}",
            row.channel_kind,
            f"{count(row.waiting, 'message')} waiting",
            (f"fails for {span(max(0.0, _now_s() - row.failing_since))}: {row.error}", "bad") if row.error else "",
        )
        for row in failing
    ]
    return ["", "Channels", *table(cells, paint)]


def tested(found: Any, paint: Paint) -> list[str]:
    """What came of a test of channels."""
    if not found.tests:
        return ["no channels in the config (alerts.channels)"]
    cells = [
        (
            one.name,
            (f"failed after {span(one.took_s)}: {one.error}", "bad") if one.error else f"took it in {span(one.took_s)}",
        )
        for one in found.tests
    ]
    return table(cells, paint)


def silenced(row: Any) -> str:
    """A silence that was made."""
    return (
        f"silence {row.silence}: {what(row)}, until {_at(row.until)}; gyrostat alerts unsilence {row.silence} ends it"
    )


def what(row: Any) -> str:
    """What a silence is about."""
    parts = [*row.subjects, *(f"type {each}" for each in row.types), *(f"@{tag}" for tag in row.tags)]
    return ", ".join(parts) or "everything"


def sent(found: Any, paint: Paint) -> list[str]:
    """Messages, one a line."""
    if not found.notices:
        return ["no messages"]
    cells = [
        (
            str(row.notice),
            _at(row.ended if row.ended is not None else row.queued),
            row.channel,
            row.reason,
            (row.state.replace("_", " "), _TONES[row.state]),
            str(row.alerts),
            str(row.attempts),
            shortened(_remark(row)),
        )
        for row in found.notices
    ]
    return table(cells, paint, ("ID", "AT", "CHANNEL", "REASON", "STATE", "ALERTS", "TRIES", "TITLE"))


def _remark(row: Any) -> str:
    if row.state == "waiting" and row.due is not None and row.error:
        return f"{row.title}; tried again in {span(max(0.0, row.due - _now_s()))}: {row.error}"
    return f"{row.title}: {row.error}" if row.state == "given_up" else row.title


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _now_s() -> float:
    return time.time()  # noqa: TID251 - ages are shown to a person
