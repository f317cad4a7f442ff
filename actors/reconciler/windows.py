"""Whether a workload may be disturbed now for the sake of a new config. Pure: now and the zones are given."""

from __future__ import annotations

from actors.settings import Workload
from actors.timetable import Zones, opening, said_time


def closed_until(workload: Workload, now_s: float, zones: Zones) -> str | None:
    """When its maintenance window opens, in words; None: it has none, or one is open. now_s: wall time."""
    windows = workload.spec.windows.maintenance
    if not windows:
        return None
    seen = opening(windows, now_s, zones)
    if seen.open:
        return None
    name = next((one.timezone for one in windows if one.timezone is not None), None)
    return said_time(seen.changes_s, zones(name), now_s, named=name is not None)
