"""What the Monitor answers when it is asked for a series. Pure."""

from __future__ import annotations

from actors.monitor.board import Board
from actors.monitor.subject import Subject
from bus.errors import Refused
from bus.messages import GetSeries, Series, WarningList, WarningRow


def named(board: Board, name: str) -> Subject:
    """A subject by name. Raises Refused, naming what there is."""
    subject = board.find(name)
    if subject is None:
        names = ", ".join(one.name for one in board)
        raise Refused(f"nothing called {name!r} is measured; there are: {names}")
    return subject


def warnings_of(board: Board) -> WarningList:
    """The warnings that stand, of all subjects."""
    return WarningList(
        warnings=[
            WarningRow(subject=subject.name, scope=subject.scope, metric=metric, what=what)
            for subject in board
            for metric, what in subject.detectors.standing()
        ]
    )


def series_of(board: Board, command: GetSeries, now_s: float, offset_s: float) -> Series:
    """The kept points of one metric. offset_s: Unix seconds at monotonic 0. Raises Refused, naming what there is."""
    subject = named(board, command.subject)
    metrics = subject.history.metrics
    if command.metric not in metrics:
        there = f"there are: {', '.join(sorted(metrics))}" if metrics else "nothing was measured yet"
        raise Refused(f"{command.subject} has no series {command.metric!r}; {there}")
    times, values = subject.history.since(command.metric, now_s - command.since_s)
    slope = subject.trends.get(command.metric)
    return Series(
        subject=command.subject,
        metric=command.metric,
        times=[at_s + offset_s for at_s in times],
        values=list(values),
        trend=slope.trend if slope else None,
        slope_per_s=slope.per_s if slope else None,
    )
