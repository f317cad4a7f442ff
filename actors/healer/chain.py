"""The chain of an issue: each attempt from its reason to its outcome, out of the lines of the history. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from bus.messages.healer import AttemptRow, AuditRow


def attempts_of(audit: Iterable[AuditRow], confidences: Mapping[int, str]) -> list[AttemptRow]:
    """The attempts, oldest first. audit: oldest first. confidences: in words, by the number of the attempt."""
    rows: list[AttemptRow] = []
    for line in audit:
        if line.step == "remedy":
            name, _, why = _parted(line.detail)
            said = confidences.get(len(rows) + 1, "")
            reason = why.removesuffix(f"; {said}") if said else why
            rows.append(
                AttemptRow(number=len(rows) + 1, remedy=name, why=reason, started_at=line.time, confidence=said)
            )
        elif rows:
            rows[-1] = msgspec.structs.replace(rows[-1], **_told(line, rows[-1]))
    return rows


def _told(line: AuditRow, attempt: AttemptRow) -> dict[str, object]:
    """What a line of the history adds to the attempt before it."""
    _, same, rest = _parted(line.detail, attempt.remedy)
    if line.step == "acted" and not attempt.acted:
        return {"acted": line.detail, "acted_at": line.time}
    if line.step in ("verified", "failed") and not attempt.outcome and same:
        return {"outcome": line.step, "check": rest, "ended_at": line.time}
    if line.step == "undone":
        return {"undone": line.detail}
    if line.step == "resolved" and not attempt.outcome:
        return {"outcome": "dropped", "check": line.detail, "ended_at": line.time}
    return {}


def _parted(detail: str, name: str = "") -> tuple[str, bool, str]:
    """`hook:repair: why` -> the remedy, whether it is that of the name, and the rest. A name may hold a colon."""
    head, parted, rest = detail.partition(": ")
    return head, bool(parted) and head == name, rest
