"""`gyrostat metrics`: what was measured, over the last minutes or the last months."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

import click

from actors.cli.door import nearest
from actors.cli.options import command, json_option, node_option
from actors.cli.place import Place
from bus.messages import GetMetrics, ListSeries, MetricsHistory

if TYPE_CHECKING:
    from bus.client import Client
    from bus.messages import SeriesRow

PATIENCE_S: Final = 30.0
"""Seconds for an answer: months of every workload are read from disk."""
SHOWN: Final[Sequence[str]] = ("cpu", "memory")
"""Metrics that are shown of every subject."""
ANSWER_POINTS: Final = 20_000
"""Points that the Monitor puts into one answer at most."""
POINTS_MAX: Final = 9_000
"""Points of each series that are written for other programs."""


def seconds(_: click.Context, __: click.Parameter, value: str) -> float:
    """The duration that an option is given, more than none. Raises: click.BadParameter."""
    from actors.settings.units import Seconds, UnitError

    try:
        found = float(Seconds.parse(value))
    except UnitError as error:
        raise click.BadParameter(str(error)) from None
    if found <= 0:
        raise click.BadParameter("has to be more than 0s")
    return found


@command(
    "metrics                  cpu and memory of everything",
    "metrics web              all that is measured of web",
    "metrics web memory --since 7d",
    "metrics host --since 1d --csv >host.csv",
)
@click.argument("name", required=False)
@click.argument("metric", required=False)
@click.option("--since", callback=seconds, default="1h", metavar="DURATION", help="How far back: 10m, 1h, 7d. [1h]")
@click.option("--csv", "as_csv", is_flag=True, help="A line for each point, with a head.")
@json_option
@node_option
def metrics(  # one parameter for each option
    place: Place, *, name: str | None, metric: str | None, since: float, as_csv: bool, as_json: bool
) -> None:
    """Show what was measured: a line over time, the lowest, mean, highest and last value, and the trend.

    NAME: a workload (also one that was removed lately), host, or node. METRIC: one of its series. What is older is kept
    by the minute and by the hour, also over restarts of the node.
    """
    from actors.cli.metrics_lines import csv_lines, lines_of, marks_for, width_for
    from actors.cli.paint import Paint, put, put_json

    if as_csv and as_json:
        msg = "--csv and --json exclude one another"
        raise click.UsageError(msg)
    width = width_for(len(SHOWN) if name is None else 1)
    with place.client() as client:
        series = _chosen(client.ask(ListSeries()).rows, name, metric)
        found = _asked(client, series, since, POINTS_MAX if as_csv or as_json else width)
    if as_json:
        put_json(found)
    elif as_csv:
        put(*csv_lines(found.rows))
    else:
        put(*lines_of(found, Paint(), width, marks_for(sys.stdout.encoding), overview=name is None))


def _chosen(rows: Sequence[SeriesRow], name: str | None, metric: str | None) -> dict[str, list[str]]:
    """Subject -> those of its series that are meant. Raises: click.UsageError with the nearest."""
    if name is None:
        shown = {row.subject: [one for one in SHOWN if one in row.metrics] for row in rows if row.gone is None}
        return {subject: metrics for subject, metrics in shown.items() if metrics}
    instance = re.compile(rf"{re.escape(name)}(-live|-sandbox)?(-[0-9]+)?(-live|-sandbox)?")
    meant = (
        [row for row in rows if row.subject == name]
        or [row for row in rows if row.scope == name]
        or [row for row in rows if row.scope == "workload" and instance.fullmatch(row.subject)]
    )
    if not meant:
        raise click.UsageError(f'nothing called "{name}" is measured; {nearest(name, [row.subject for row in rows])}')
    if metric is None:
        return {row.subject: row.metrics for row in meant}
    found = {row.subject: [metric] for row in meant if metric in row.metrics}
    if not found:
        raise click.UsageError(f'{name} has no series "{metric}"; {nearest(metric, meant[0].metrics)}')
    return found


def _asked(client: Client, series: Mapping[str, Sequence[str]], since_s: float, points: int) -> MetricsHistory:
    """One answer of as many as it takes. Raises: CommandError."""
    questions = [
        GetMetrics(subjects=subjects, metrics=metrics, since_s=since_s, points=points)
        for subjects, metrics in _parts(series, max(1, ANSWER_POINTS // (points + 2)))
    ]
    answers: list[MetricsHistory] = []
    for outcome in client.gather(questions, PATIENCE_S):
        if isinstance(outcome, Exception):
            raise outcome
        answers.append(cast("MetricsHistory", outcome))
    return MetricsHistory(
        since=min((one.since for one in answers), default=0.0),
        until=max((one.until for one in answers), default=0.0),
        rows=[row for one in answers for row in one.rows],
        note=next((one.note for one in answers if one.note), ""),
    )


def _parts(series: Mapping[str, Sequence[str]], most: int) -> Iterator[tuple[list[str], list[str]]]:
    """Subjects and metrics of one question each, of `most` series at most."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for subject, metrics in series.items():
        alike.setdefault(tuple(metrics), []).append(subject)
    for metrics, subjects in alike.items():
        together = max(1, most // max(1, len(metrics)))
        for first in range(0, len(subjects), together):
            for begin in range(0, len(metrics), most):
                yield subjects[first : first + together], list(metrics[begin : begin + most])
