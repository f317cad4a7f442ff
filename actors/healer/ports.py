"""Which port a workload could not bind. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from actors.healer.fingerprints import ADDRESS_IN_USE, TIMES
from actors.settings import Workload
from actors.settings.probes import tcp_address

_PORTS = (
    re.compile(r"\bport[ =:]+(\d{1,5})\b", re.IGNORECASE),
    re.compile(r"['\"][^'\"]*['\"], (\d{1,5})[,)]"),
    re.compile(r":(\d{1,5})\b(?!:\S|[\]'\".])"),
)
_PORT_MAX = 65_535


def ports_in(lines: Sequence[str]) -> list[int]:
    """Ports that the lines about an address in use name, newest line first, each once."""
    found: dict[int, None] = {}
    for line in reversed(lines):
        if ADDRESS_IN_USE.search(line):
            for pattern in _PORTS:
                for digits in pattern.findall(_without_times(line)):
                    if 0 < int(digits) <= _PORT_MAX:
                        found[int(digits)] = None
    return list(found)


def _without_times(line: str) -> str:
    """Without times of day, whose colons look like those of a port."""
    for pattern in TIMES:
        line = pattern.sub("", line)
    return line


def probed_ports(workload: Workload) -> list[int]:
    """The local ports that the workload's probes ask."""
    found: dict[int, None] = {}
    probes = workload.spec.probes
    for probe in (probes.startup, probes.liveness, probes.readiness, probes.work):
        if probe is not None and probe.tcp is not None:
            found[tcp_address(probe.tcp)[1]] = None
        elif probe is not None and probe.http is not None:
            authority = probe.http.split("//", 1)[1].split("/", 1)[0]
            port = authority.rpartition(":")[2]
            if port.isdecimal():
                found[int(port)] = None
    return list(found)
