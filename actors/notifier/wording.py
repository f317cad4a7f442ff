"""Messages in words, and as fields for programs. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec
from msgspec import Struct

from actors.notifier.model import Line, Notice
from actors.settings import format_duration
from actors.timetable import said_time

TITLE_MAX: Final = 150
SUMMARY_MAX: Final = 500
VERSION: Final = 1
"""Of the fields; a field never changes its meaning."""

_REASONS: Final[Mapping[str, str]] = {"repeat": "still ", "escalated": "nobody acknowledged: "}


class Message(Struct, frozen=True, kw_only=True):
    """What a channel gets. id: the same at every attempt. thread: what messages of one group share. data: JSON."""

    id: str
    thread: str
    title: str
    text: str
    critical: bool
    data: bytes


def message_of(notice: Notice, number: int, node: str, now_s: float, zone: tzinfo) -> Message:
    """A message in all forms. number: of its parcel; 0 for a test."""
    title = one_line(notice.title or _title(notice), TITLE_MAX)
    text = notice.text or _text(notice, now_s, zone)
    headed = f"[{node}] {title}"
    fields = {
        "version": VERSION,
        "id": f"{node}-{number}",
        "node": node,
        "reason": notice.reason,
        "title": title,
        "text": f"{headed}\n{text}" if text else headed,
        "at": _utc(notice.made),
        "firing": notice.firing,
        "ended": notice.ended,
        "alerts": [_fields(line) for line in notice.lines],
        "more": max(0, notice.alerts - len(notice.lines)),
    }
    return Message(
        id=f"{node}-{number}",
        thread=notice.group,
        title=headed,
        text=text,
        critical=any(line.severity == "critical" and line.over is None for line in notice.lines),
        data=msgspec.json.encode(fields),
    )


def title_of(notice: Notice) -> str:
    """A message in one line."""
    return one_line(notice.title or _title(notice), TITLE_MAX)


def _title(notice: Notice) -> str:
    if not notice.lines:
        return notice.reason
    first = notice.lines[0]
    others = notice.alerts - 1
    said = f"{_kind(first)}: {first.summary}" if not others else f"{_kind(first)}, and {others:,} more"
    if first.over is not None:
        return f"over: {first.subject} {said}"
    return f"{_REASONS.get(notice.reason, '')}{first.severity}: {first.subject} {said}"


def _kind(line: Line) -> str:
    return line.alert_type.replace("_", " ")


def _text(notice: Notice, now_s: float, zone: tzinfo) -> str:
    lines = [each for line in notice.lines for each in _lines(line, now_s, zone)]
    more = notice.alerts - len(notice.lines)
    if more > 0:
        lines.append(f"and {more:,} more: gyrostat alerts")
    open_ones = [line.alert for line in notice.lines if line.over is None and not line.once]
    if open_ones:
        lines += ["", f"Take care of it, so that it is not repeated: gyrostat alerts ack {open_ones[0]}"]
    return "\n".join(lines)


def _lines(line: Line, now_s: float, zone: tzinfo) -> list[str]:
    what = one_line(f"{line.subject} {_kind(line)}: {line.summary}", SUMMARY_MAX)
    at = said_time(round(line.since), zone, now_s)
    details = f"; gyrostat issues {line.issue}" if line.issue else ""
    if line.over is not None:
        return [f"OVER      {what}", f"          from {at}, for {lasted(line.over - line.since)}{details}"]
    since = f"at {at}" if line.once else f"since {at}"
    head = [f"{line.severity.upper():<9} {what}", f"          {since}, alert {line.alert}{details}"]
    if line.urgent and line.urgent != line.summary:
        head.append(f"          a person is wanted: {one_line(line.urgent, SUMMARY_MAX)}")
    return head


def lasted(seconds: float) -> str:
    """A duration without needless digits."""
    return format_duration(round(max(seconds, 0.0), 0 if seconds >= 10 else 1))  # noqa: PLR2004 - two digits


def one_line(text: str, length: int) -> str:
    """A text on one line, cut where it is too long."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


def _fields(line: Line) -> dict[str, Any]:
    return {
        "alert": line.alert,
        "state": "over" if line.over is not None else "happened" if line.once else "firing",
        "type": line.alert_type,
        "severity": line.severity,
        "subject": line.subject,
        "summary": line.summary,
        "issue": line.issue,
        "tags": list(line.tags),
        "since": _utc(line.since),
        "over": None if line.over is None else _utc(line.over),
        "urgent": line.urgent,
        "fresh": line.fresh,
    }


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def counted(words: Counter[str]) -> str:
    """`3 crash, 1 memory`, the most frequent first."""
    return ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in words.most_common())
