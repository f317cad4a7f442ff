"""`gyrostat schedule`: what runs when."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from actors.cli.options import Number, command, json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.settings import Workload

TIMES_MAX: Final = 100


@command("schedule", "schedule backup -n 10", "schedule --json")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-n", "--times", type=Number(1, TIMES_MAX), default=3, help="Times that are shown. Default: 3.")
@json_option
def schedule(place: Place, *, names: tuple[str, ...], times: int, as_json: bool) -> None:
    """The next times of every workload with a schedule or windows, as the config says.

    NAME may be a pattern ('web-*') or a tag (@TAG).

    Needs no node; with one that runs, its state and how its last run ended are shown as well. An interval counts from
    the last run, which only a node knows.
    """
    from actors.cli.chosen import Named, chosen
    from actors.cli.paint import Paint, put, put_json, table
    from actors.loading import load_settings

    settings = load_settings(place.config, os.environ)
    timed = {
        name: one
        for name, one in settings.workloads.items()
        if one.spec.schedule is not None or one.spec.windows.run or one.spec.windows.maintenance
    }
    called = [
        Named(name=name, workload=one.config_name, instance=one.instance, tags=tuple(one.spec.tags))
        for name, one in settings.workloads.items()
    ]
    wanted = [one.name for one in chosen(names, called)] if names else list(timed)
    rows = _rows(place)
    found = [entry for name in wanted if name in timed for entry in _entries(timed[name], rows.get(name), times)]
    if as_json:
        put_json(found)
    elif not found:
        put(f"no schedule and no window: {', '.join(wanted)}" if names else "no workload has a schedule or a window")
    else:
        head = ("NAME", "MODE", "WHAT", "WHEN", "NEXT", "STATE")
        shown = [[*(str(entry[key]) for key in _COLUMNS), ", ".join(entry["next"]), entry["state"]] for entry in found]
        put(*table(shown, Paint(), head))


_COLUMNS: Final = ("name", "mode", "what", "when")


def _rows(place: Place) -> dict[str, Any]:
    from actors.cli.exits import Failed
    from bus.errors import BusError
    from bus.messages import ListProcesses

    try:
        return {row.name: row for row in place.ask(ListProcesses()).processes}
    except (Failed, BusError):
        return {}


def _entries(workload: Workload, row: Any, times: int) -> Iterator[dict[str, Any]]:
    from actors.clock import RealClock
    from actors.settings import format_duration
    from actors.timetable import following, said_time
    from actors.zones import zone

    clock = RealClock()
    now_s = clock.wall()
    clock.close()
    spec = workload.spec
    state = _state(row)
    base = {"name": workload.name, "mode": workload.mode, "state": state}
    if spec.schedule is not None and spec.schedule.every is not None:
        next_ = [row.why.partition("its time, ")[2]] if row is not None and "its time, " in row.why else []
        yield {**base, "what": "runs", "when": f"every {format_duration(spec.schedule.every)}", "next": next_}
    elif spec.schedule is not None:
        own = zone(spec.schedule.timezone)
        found, at_s = [], now_s
        for _ in range(times):
            at_s = following(spec.schedule, at_s, at_s, zone)
            found.append(said_time(at_s, own, now_s, named=spec.schedule.timezone is not None))
        named = f" {spec.schedule.timezone}" if spec.schedule.timezone else ""
        yield {**base, "what": "runs", "when": f"{spec.schedule.cron}{named}", "next": found}
    for what, windows in (("runs within", spec.windows.run), ("is changed within", spec.windows.maintenance)):
        for window in windows:
            when = f"{window.opens} for {format_duration(window.lasts)}"
            yield {**base, "what": what, "when": when, "next": _openings(window, now_s, times)}


def _openings(window: Any, now_s: float, times: int) -> list[str]:
    from actors.settings import Schedule
    from actors.timetable import following, opening, said_time
    from actors.zones import zone

    own, named = zone(window.timezone), window.timezone is not None
    as_schedule = Schedule(cron=window.opens, timezone=window.timezone)
    found, at_s = [], now_s
    seen = opening([window], now_s, zone)
    if seen.open:
        found.append(f"open until {said_time(seen.changes_s, own, now_s, named=named)}")
    for _ in range(times - len(found)):
        at_s = following(as_schedule, at_s, at_s, zone)
        found.append(said_time(at_s, own, now_s, named=named))
    return found


def _state(row: Any) -> str:
    if row is None:
        return "no node"
    ended = f"signal {row.signal}" if row.signal else f"code {row.exit_code}" if row.exit_code is not None else ""
    state = str(row.state).replace("_", " ")
    return f"{state}, last run: {ended}" if ended and row.pid is None else state
