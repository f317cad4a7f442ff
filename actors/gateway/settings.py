"""What an operator says about the node's HTTP. Types only; pure."""

import ipaddress
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from actors.settings import Bytes, Seconds

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class TlsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's certificate, as PEM files; relative paths start from the config file's directory."""

    certificate: Path
    """File with the certificate, followed by those that it was signed with."""

    key: Path
    """File with its private key, without a pass phrase."""


class GatewaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the node answers over HTTP, whom, and how much of it at once."""

    host: str = "127.0.0.1"
    """Address to listen at. One that other machines reach takes `tls`, as tokens and logs go over it."""

    port: Annotated[int, Meta(ge=0, le=65535)] = 9321
    """Port to listen at; 0: any free one, which `<run_dir>/gateway.json` tells. One port for all nodes is easy to
    remember, and of several nodes on one machine the first has it: with a port that is taken the node goes on without
    HTTP, says so in its log, and tries again every `retry`."""

    hosts: list[str] = []
    """Names beside localhost and `host` under which it may be asked; a page that has its own name resolve to this
    machine gets nothing. Needed when `host` is 0.0.0.0 or ::."""

    origins: list[str] = []
    """Other origins, as in https://ops.example, whose pages may send actions, given the token."""

    auth: Literal["actions", "all"] = "actions"
    """What takes the token of `<state_dir>/gateway.token`: actions only, or looking as well. `/livez` and `/readyz`
    never take it: a balancer has none."""

    tls: TlsSettings | None = None
    """None: plain HTTP, on the loopback only."""

    retry: Seconds = Seconds(30)
    """Seconds until a port that is taken is tried again."""

    request_within: Seconds = Seconds(10)
    """Seconds in which a whole request has to come in; who is slower is told so and disconnected."""

    idle: Seconds = Seconds(15)
    """Seconds that a connection may wait for its next request."""

    connections: Annotated[int, Meta(ge=8, le=10_000)] = 600
    """Connections at once. One more takes the place of the one that has said nothing for longest."""

    streams: Annotated[int, Meta(ge=0, le=5_000)] = 250
    """Followers of `/events` at once; one more is told to come later."""

    body_max: Bytes = Bytes(65_536)
    """Bytes that the body of a request may have."""

    kept_events: Annotated[int, Meta(ge=0, le=100_000)] = 2_000
    """Newest facts that are kept for who comes back with Last-Event-ID; each takes about a kilobyte."""

    def __post_init__(self) -> None:
        """Refuse an address that cannot be, and a loose one without TLS.

        Raises: ValueError that begins with the key.
        """
        if not self.host or any(char.isspace() or char in "/[]" for char in self.host):
            raise ValueError(f'host: "{self.host}" is no address; allowed: an IP address or a host name, without port')
        if not is_loopback(self.host) and self.tls is None:
            raise ValueError(
                f'host: other machines reach "{self.host}", and there is no tls; allowed: 127.0.0.1, or tls: '
                "{certificate: FILE, key: FILE}"
            )
        if self.host in {"0.0.0.0", "::"} and not self.hosts:  # noqa: S104 - it is compared, not bound
            raise ValueError(f'hosts: none is named, and "{self.host}" is no name; allowed: names it is asked under')
        for origin in self.origins:
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
                raise ValueError(f'origins: "{origin}" is no origin; allowed: such as https://ops.example:8443')
        for key in ("retry", "request_within", "idle"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key}: has to be more than 0s")


def is_loopback(host: str) -> bool:
    """Whether no other machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def names_of(settings: GatewaySettings) -> frozenset[str]:
    """The names under which it may be asked, in lower case."""
    return frozenset(name.lower().strip("[]").rstrip(".") for name in (*LOOPBACK, settings.host, *settings.hosts))
