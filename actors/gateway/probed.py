"""The probes of a workload and what came of their newest run. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from actors.gateway.views import ProbeView
from actors.settings import Workload
from actors.settings.probes import Probe
from bus.messages import ProbeMeasured

Runs = Mapping[tuple[str, str], tuple[float, ProbeMeasured]]
"""(workload, probe) -> Unix seconds and the newest run."""


def probes_of(workload: Workload | None, runs: Runs) -> list[ProbeView]:
    """Each declared probe; none for a workload that is not in the config any more."""
    if workload is None:
        return []
    probes = workload.spec.probes
    declared = {name: getattr(probes, name) for name in probes.__struct_fields__}
    return [
        _view(name, probe, runs.get((workload.name, name))) for name, probe in declared.items() if probe is not None
    ]


def _view(name: str, probe: Probe, run: tuple[float, ProbeMeasured] | None) -> ProbeView:
    what = probe.http or probe.tcp or " ".join(probe.exec_ or [])
    if run is None:
        return ProbeView(probe=name, what=what)
    at, found = run
    return ProbeView(probe=name, what=what, at=at, ok=found.ok, latency_s=found.latency_s, detail=found.detail)
