"""The alerts as they are shown. Pure but for the board it reads."""

from __future__ import annotations

from actors.notifier.board import Board
from actors.notifier.model import RANK, Alert
from actors.notifier.routing import Way, silence_of
from bus.messages import AlertRow


def alert_rows(board: Board, ways: list[Way], now_s: float) -> list[AlertRow]:
    """Every alert: those that last first, the critical and oldest ones of them."""
    routes = {way.key: way.route for way in ways}
    told: dict[str, tuple[float, list[str]]] = {}
    for group in board.groups.values():
        route = routes.get(group.route)
        for key, one in group.told.items():
            at, to = told.get(key, (one.at, []))
            steps = [step.to for step in route.escalate[: one.steps]] if route is not None else []
            to += [name for names in (route.to if route is not None else [], *steps) for name in names]
            told[key] = (min(at, one.at), to)
    alerts = sorted(board.alerts.values(), key=lambda one: (one.over is not None, -RANK[one.severity], one.since))
    return [_row(alert, told.get(alert.key), board, now_s) for alert in alerts]


def _row(alert: Alert, told: tuple[float, list[str]] | None, board: Board, now_s: float) -> AlertRow:
    silence = silence_of(alert, board.silences.values(), now_s)
    return AlertRow(
        alert=alert.name,
        alert_type=alert.alert_type,
        severity=alert.severity,
        subject=alert.subject,
        summary=alert.summary,
        since=alert.since,
        issue=alert.issue,
        tags=list(alert.tags),
        urgent=alert.urgent,
        acknowledged=alert.acknowledged,
        silence=f"s{silence.number}" if silence is not None else "",
        told=told[0] if told is not None else None,
        to=list(dict.fromkeys(told[1])) if told is not None else [],
        over=alert.over,
    )
