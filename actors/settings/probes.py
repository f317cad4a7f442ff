"""How a workload is asked whether it is well. Pure."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from actors.settings.markers import Command
from actors.settings.units import Seconds

_PORT_MAX: Final = 65_535
_TCP: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9_.-]+):(?P<port>[0-9]{1,5})")


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question to a workload, asked again and again. Exactly one of http, tcp and exec."""

    http: str | None = None
    """URL, http or https. Well: an answer with a status from 200 to 399."""

    tcp: str | None = None
    """host:port. Well: the connection is accepted."""

    exec_: Command | None = msgspec.field(default=None, name="exec")
    """Program and arguments, run in the workload's directory and environment. Well: exit code 0."""

    every: Seconds = Seconds(10)
    """Seconds between the starts of two questions; each costs the workload some work."""

    timeout: Seconds = Seconds(2)
    """Seconds. An answer that takes longer counts as none."""

    failures: Annotated[int, Meta(ge=1)] = 3
    """Bad answers in a row before the workload counts as not well; one may be chance."""

    successes: Annotated[int, Meta(ge=1)] = 1
    """Good answers in a row before it counts as well again."""

    initial_delay: Seconds = Seconds(0)
    """Seconds from the start of the process to the first question."""

    def __post_init__(self) -> None:
        """Refuse a probe that asks nothing, two things, or nobody.

        Raises: ValueError.
        """
        if sum(way is not None for way in (self.http, self.tcp, self.exec_)) != 1:
            raise ValueError("exactly one of http, tcp and exec is needed")
        if self.http is not None:
            _check_http(self.http)
        if self.tcp is not None:
            tcp_address(self.tcp)
        if self.exec_ == []:
            raise ValueError("exec: is empty; allowed: a program and its arguments")
        for key, seconds in (("every", self.every), ("timeout", self.timeout)):
            if seconds <= 0:
                raise ValueError(f"{key}: has to be more than 0s")


class Probes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The questions to one workload."""

    startup: Probe | None = None
    """Until it is well the others wait; for programs that take long to start."""

    liveness: Probe | None = None
    """Not well: the workload is restarted."""

    readiness: Probe | None = None
    """Not well: those that depend on the workload wait, nothing is restarted."""

    work: Probe | None = None
    """Not well: it lives but does not do its work; an issue for the Healer."""


def tcp_address(text: str) -> tuple[str, int]:
    """Split `host:port`; an IPv6 host is written in brackets and given back without.

    Raises: ValueError.
    """
    match = _TCP.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= _PORT_MAX:
        raise ValueError(f'tcp: "{text}" is no address; allowed: host:port, such as 127.0.0.1:8000')
    return match["host"].strip("[]"), int(match["port"])


def _check_http(text: str) -> None:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(letter.isspace() for letter in text):
        raise ValueError(f'http: "{text}" is no URL; allowed: http://host:port/path or https://...')
