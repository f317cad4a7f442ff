"""Which other sampling interval is worth a try. Pure."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from actors.optimizer.settings import OptimizerSettings
from actors.settings import format_duration


class Candidate(msgspec.Struct, frozen=True):
    """An interval to try, in seconds, and why."""

    value: float
    why: str


def choose(
    interval_s: float,
    cost: float,
    host_cpu: float | None,
    settings: OptimizerSettings,
    tried: Collection[float] = (),
) -> Candidate | None:
    """A candidate, or None when the interval is as it should be, at its bound, or the candidate was tried lately.

    cost: median of the node's own CPU, percent of one core. host_cpu: median of the host's, percent of all cores; None
    when it is not known. tried: candidates undone lately from this interval.

    Longer when the cost is above its limit, by the factor or by as much as the cost is above it; longer by the factor
    when the host is short of CPU; shorter by the factor when the cost is so low that, were all of it sampling, it
    would be within the limit still (with a factor of 2: under half of it).
    """
    candidate = _longer_or_shorter(interval_s, cost, host_cpu, settings)
    if candidate is None or candidate.value == interval_s or candidate.value in tried:
        return None
    return candidate


def _longer_or_shorter(
    interval_s: float, cost: float, host_cpu: float | None, settings: OptimizerSettings
) -> Candidate | None:
    limit, factor = settings.cpu_limit, settings.factor
    if cost > limit:
        why = f"own CPU {cost:.2f} % of a core is above {limit:g} %"
        return Candidate(_longer(interval_s, max(factor, cost / limit), settings), why)
    if host_cpu is not None and host_cpu > settings.host_cpu_busy:
        why = f"the host is short of CPU: {host_cpu:.0f} % of all cores"
        return Candidate(_longer(interval_s, factor, settings), why)
    if cost * factor < limit:
        shorter = min(max(round(interval_s / factor, 3), float(settings.interval_min)), interval_s)
        why = f"own CPU {cost:.2f} % of a core leaves room under {limit:g} %"
        return Candidate(shorter, f"{why}; faults would be seen after {format_duration(shorter)}")
    return None


def _longer(interval_s: float, factor: float, settings: OptimizerSettings) -> float:
    """Up to the bound; an interval that is beyond it already stays."""
    return max(min(round(interval_s * factor, 3), float(settings.interval_max)), interval_s)
