"""Several processes of one workload: their numbers, names, ports, and the sockets they share. Pure."""

import re
from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import Meta, Struct, structs

from actors.settings.placeholders import INSTANCE, PORT, filled
from actors.settings.probes import Probe, Probes, tcp_address
from actors.settings.units import Seconds

INSTANCES_MAX: Final = 1000
Instances = Annotated[int, Meta(ge=0, le=INSTANCES_MAX)]
SOCKETS_MAX: Final = 16
_PORTS: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_PORT_MAX: Final = 65_535
_TOKEN: Final = re.compile(r"[a-z0-9_-]{1,64}")
_UNIX_PATH_MAX: Final = 107


class RollPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the instances of a workload are restarted one after the other."""

    keep_ready: Annotated[int, Meta(ge=0)] | None = None
    """Instances that stay ready all the while; the others are restarted together. None: all but one."""

    ready_within: Seconds = Seconds(60)
    """Seconds an instance has to be ready in after its restart; else the roll ends and the others are left as they
    are, with what ran before."""

    settle: Seconds = Seconds(1)
    """Seconds that restarted instances have to stay ready before the next are restarted: one that ends right after its
    start is seen by then, also when nothing asks whether it is ready."""

    def __post_init__(self) -> None:
        """Refuse no time at all.

        Raises: ValueError.
        """
        if self.ready_within <= 0:
            raise ValueError("ready_within: has to be more than 0s")


class PortRange(Struct, frozen=True):
    """Ports from first to last."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many there are."""
        return self.last - self.first + 1

    def meets(self, other: "PortRange") -> bool:
        """Whether a port is in both."""
        return self.first <= other.last and other.first <= self.last


def port_range(text: str) -> PortRange:
    """Read `8000-8009`, or `8000`.

    Raises: ValueError.
    """
    match = _PORTS.fullmatch(text.strip())
    first = int(match[1]) if match else 0
    last = int(match[2] or match[1]) if match else 0
    if not 0 < first <= last <= _PORT_MAX:
        raise ValueError(f'ports: "{text}" is no range of ports; allowed: FIRST-LAST within 1-65535, as in 8000-8009')
    return PortRange(first, last)


def check_ports(ports: str | None, instances: int | None) -> None:
    """Refuse what is no range of ports, and one that is too short.

    Raises: ValueError that begins with the key.
    """
    if ports is None:
        return
    there, needed = port_range(ports).count, 1 if instances is None else instances
    if there < needed:
        raise ValueError(f"ports: {ports} are {there} for {needed} instances; allowed: one for each or more")


def check_override(mode: str, ports: str | None, instances: int | None) -> None:
    """Refuse a range of a mode that is too short.

    Raises: ValueError that begins with the key.
    """
    try:
        check_ports(ports, instances)
    except ValueError as error:
        raise ValueError(f"modes: {mode}: {error}") from None


def check_roll(roll: RollPolicy, instances: int | None) -> None:
    """Refuse to keep all instances ready: then none could be restarted.

    Raises: ValueError that begins with the key.
    """
    if roll.keep_ready is not None and instances and roll.keep_ready >= instances:
        raise ValueError(f"roll: keep_ready {roll.keep_ready} of {instances} leaves none to restart; allowed: fewer")


class SocketAddress(Struct, frozen=True):
    """Where a shared socket listens. path: of a unix socket; else host and port of tcp."""

    host: str = ""
    port: int = 0
    path: str = ""


def socket_address(text: str) -> SocketAddress:
    """Read `127.0.0.1:8000`, `[::]:80` or `unix:/run/app.sock`.

    Raises: ValueError.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path.startswith("/") or "\0" in path or len(path.encode()) > _UNIX_PATH_MAX:
            raise ValueError(f'"{text}" is no address; allowed: unix:/PATH, absolute, of at most 107 bytes')
        return SocketAddress(path=path)
    try:
        host, port = tcp_address(text)
    except ValueError:
        raise ValueError(f'"{text}" is no address; allowed: HOST:PORT or unix:/PATH') from None
    return SocketAddress(host=host, port=port)


def check_sockets(sockets: dict[str, str]) -> None:
    """Refuse what is no address or no name.

    Raises: ValueError that begins with the key.
    """
    if len(sockets) > SOCKETS_MAX:
        raise ValueError(f"sockets: are {len(sockets)}; allowed: {SOCKETS_MAX} or fewer")
    for name, text in sockets.items():
        if _TOKEN.fullmatch(name) is None:
            raise ValueError(f'sockets: "{name}" is no name; allowed: 1 to 64 of a-z, 0-9, _ and -')
        try:
            socket_address(text)
        except ValueError as error:
            raise ValueError(f"sockets: {name}: {error}") from None


def check_tags(tags: list[str]) -> None:
    """Refuse what is no tag, and one that stands there twice.

    Raises: ValueError.
    """
    for tag in tags:
        if _TOKEN.fullmatch(tag) is None:
            raise ValueError(f'tags: "{tag}" is no tag; allowed: 1 to 64 of a-z, 0-9, _ and -')
    twice = [tag for tag in tags if tags.count(tag) > 1]
    if twice:
        raise ValueError(f'tags: "{twice[0]}" stands there twice; allowed: once')


class Part(Struct, frozen=True):
    """One instance. number: from 1; None for a workload that has no instances. port: None when it has none."""

    name: str
    number: int | None = None
    port: int | None = None

    @property
    def env(self) -> dict[str, str]:
        """What tells the process which one it is."""
        env = {INSTANCE: str(self.number)} if self.number is not None else {}
        return env | ({PORT: str(self.port), "PORT": str(self.port)} if self.port is not None else {})

    def filled(self, text: str) -> str:
        """The text with what only an instance knows filled in."""
        return filled(text, self.env)


def parts_of(name: str, instances: int | None, ports: str | None) -> Iterator[Part]:
    """The instances of a workload: itself when it says none, else NAME-1 to NAME-N; ports are given out in order."""
    first = port_range(ports).first if ports is not None else None
    if instances is None:
        yield Part(name, None, first)
        return
    for number in range(1, instances + 1):
        yield Part(f"{name}-{number}", number, first + number - 1 if first is not None else None)


def filled_probes(probes: Probes, part: Part) -> Probes:
    """The probes as this instance is asked."""
    asked = {name: getattr(probes, name) for name in probes.__struct_fields__}
    return Probes(**{name: _filled_probe(probe, part) for name, probe in asked.items()})


def _filled_probe(probe: Probe | None, part: Part) -> Probe | None:
    if probe is None:
        return None
    words = [part.filled(word) for word in probe.exec_] if probe.exec_ is not None else None
    texts = {key: part.filled(text) for key in ("http", "tcp") if (text := getattr(probe, key)) is not None}
    return structs.replace(probe, exec_=words, **texts)
