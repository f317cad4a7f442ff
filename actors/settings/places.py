"""Whether workloads get in each other's way: ports and sockets that two of them would have. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from actors.settings.faults import At, Fault
from actors.settings.instances import PortRange, port_range, socket_address
from actors.settings.placeholders import PORT, needs_port
from actors.settings.probes import Probe
from actors.settings.workloads import Mode, WorkloadSettings

FIRST_FD: Final = 3
"""Descriptor of the first socket."""
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


class Claim:
    """One range of ports, or one socket, of a workload in a mode."""

    def __init__(self, owner: tuple[str, Mode], key: str, text: str) -> None:
        self.owner = owner
        self.key = key
        self.text = text
        self.hosts: tuple[str, ...] = _EVERYWHERE
        self.path = ""
        if key == "ports":
            self.range = port_range(text)
            return
        address = socket_address(text)
        self.hosts, self.path = (address.host,), address.path
        self.range = PortRange(address.port, address.port)

    def meets(self, other: "Claim") -> bool:
        """Whether both want the same place."""
        if self.path or other.path:
            return self.path == other.path
        anywhere = any(host in _EVERYWHERE for host in (*self.hosts, *other.hosts))
        return self.range.meets(other.range) and (anywhere or self.hosts == other.hosts)


def place_faults(applied: Mapping[tuple[str, Mode], WorkloadSettings], at: At) -> Iterator[Fault]:
    """Give what two workloads both want, and what asks for the port of a workload that has none.

    applied: settings of each workload in each mode, with the mode's overrides.
    """
    seen: list[Claim] = []
    for owner, spec in applied.items():
        for claim in _claims(owner, spec):
            other = next((each for each in seen if each.meets(claim)), None)
            if other is not None:
                whose = _whose(other.owner, claim.owner)
                yield at(_key(claim, owner), f'"{claim.text}" is wanted by {whose} too', _remedy(claim, other))
            seen.append(claim)
        if spec.ports is None:
            yield from _portless(owner[0], spec, at)
        free = FIRST_FD + len(spec.sockets)
        if spec.sockets and spec.notify.ready == "fd" and spec.notify.fd < free:
            problem = f"{spec.notify.fd} is the descriptor of a socket"
            yield at(f"workloads.{owner[0]}.notify.fd", problem, f"{free} or more")


def _claims(owner: tuple[str, Mode], spec: WorkloadSettings) -> Iterator[Claim]:
    if spec.ports is not None:
        yield Claim(owner, "ports", spec.ports)
    for name, text in spec.sockets.items():
        yield Claim(owner, f"sockets.{name}", text)


def _whose(other: tuple[str, Mode], mine: tuple[str, Mode]) -> str:
    if other == mine:
        return "this workload"
    return f"its mode {other[1]}" if other[0] == mine[0] else f'"{other[0]}"'


def _key(claim: Claim, owner: tuple[str, Mode]) -> str:
    return f"workloads.{owner[0]}.{claim.key}"


def _remedy(claim: Claim, other: Claim) -> str:
    if claim.owner[0] == other.owner[0] and claim.owner != other.owner:
        return f"another one in modes.{claim.owner[1]}.{claim.key.partition('.')[0]}"
    return "a place of its own"


def _portless(name: str, spec: WorkloadSettings, at: At) -> Iterator[Fault]:
    for kind in spec.probes.__struct_fields__:
        probe = getattr(spec.probes, kind)
        words = [probe.http or "", probe.tcp or "", *(probe.exec_ or [])] if isinstance(probe, Probe) else []
        if any(needs_port(word) for word in words):
            problem = f"${{{PORT}}} stands here, and the workload has no ports"
            yield at(f"workloads.{name}.probes.{kind}", problem, "ports: FIRST-LAST")
