"""Where values of metrics can be handed in. Types only; pure."""

import ipaddress
from typing import Final

from msgspec import Struct

from actors.settings.probes import tcp_address

PUSH: Final = "GYROSTAT_PUSH"
STATSD: Final = "GYROSTAT_STATSD"
PUSH_PATH: Final = "/push/"


class PushSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses where values are taken, on this machine only, as nobody is asked who he is."""

    http: str | None = None
    """HOST:PORT of the loopback, where values are posted. None: not taken this way."""

    statsd: str | None = None
    """HOST:PORT of the loopback, where StatsD datagrams are taken. None: not taken this way."""

    def __post_init__(self) -> None:
        """Refuse what is no address, and one that other machines reach.

        Raises: ValueError that begins with the key.
        """
        for key in ("http", "statsd"):
            text: str | None = getattr(self, key)
            if text is not None:
                _check(key, text)

    def variables(self, name: str) -> dict[str, str]:
        """What a workload is told in its environment. name: of the workload."""
        told = {PUSH: f"http://{self.http}{PUSH_PATH}{name}"} if self.http is not None else {}
        return told | ({STATSD: self.statsd} if self.statsd is not None else {})


def _check(key: str, text: str) -> None:
    allowed = "HOST:PORT of the loopback, such as 127.0.0.1:8125"
    try:
        host, _ = tcp_address(text)
    except ValueError:
        raise ValueError(f'{key}: "{text}" is no address; allowed: {allowed}') from None
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise ValueError(f'{key}: other machines reach "{text}"; allowed: {allowed}')
