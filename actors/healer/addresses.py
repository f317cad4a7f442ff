"""Which addresses a failure to connect is about. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from actors.healer.ports import probed_ports
from actors.settings import Workload

Address = tuple[str, int]
"""Host and port; port 0 when only the name of the host is in question."""

_ABOUT: Final = re.compile(
    r"refused|ECONN|connect|unreachable|EHOSTUNREACH|ETIMEDOUT|timed? ?out|reset by peer|broken pipe|not available"
    r"|ENOTFOUND|EAI_AGAIN|resolv|max retries",
    re.IGNORECASE,
)
_HOST: Final = r"(?P<host>\[[0-9a-fA-F:]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)"
_PATTERNS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<![\w./\[]){_HOST}:(?P<port>\d{{2,5}})(?!:\d|\w|\.\d)",
        rf"['\"]{_HOST}['\"], (?P<port>\d{{2,5}})[,)]",
        rf"host=['\"]?{_HOST}['\"]?,? port=(?P<port>\d{{2,5}})",
        rf"(?:at|to|on|host) ['\"]?{_HOST}['\"]?(?: \([^)]*\))?,? port[ =]+(?P<port>\d{{2,5}})",
        rf"(?:ENOTFOUND|EAI_AGAIN|resolve host:?|lookup) (?P<port>){_HOST}",
    )
)
_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>)\]]+")
_SOURCE: Final = re.compile(r"\.(?:py|js|mjs|cjs|ts|java|go|rs|rb|c|cc|cpp|h|kt|scala|php|cs|ex|erl|lua|pl)$")
_DEFAULTS: Final = {
    "http": 80, "ws": 80, "https": 443, "wss": 443, "postgres": 5432, "postgresql": 5432, "mysql": 3306, "redis": 6379,
    "amqp": 5672, "mongodb": 27017, "nats": 4222,
}  # fmt: skip
_LOCAL: Final = frozenset(("localhost", "127.0.0.1", "::1", "0.0.0.0", "::"))  # noqa: S104 - names, nothing is bound
_PORT_MAX: Final = 65_535


def addresses_in(text: str) -> list[Address]:
    """The addresses that lines about a connection name, the newest line first, each once."""
    found: dict[Address, None] = {}
    for line in reversed(text.splitlines()):
        if _ABOUT.search(line):
            found.update(dict.fromkeys(_in_line(line)))
    return list(found)


def others_of(workload: Workload, texts: Iterable[str] = ()) -> list[Address]:
    """The addresses that its command and variables name, but for its own."""
    found = [address for text in (*workload.spec.command, *workload.env.values(), *texts) for address in _in_line(text)]
    return [address for address in dict.fromkeys(found) if not is_own(address, workload)]


def is_own(address: Address, workload: Workload) -> bool:
    """Whether it is where the workload itself listens."""
    return address[0] in _LOCAL and address[1] in (workload.port, *probed_ports(workload))


def _in_line(line: str) -> Iterator[Address]:
    for url in _URL.findall(line):
        try:
            parts = urlsplit(url)
            port = parts.port or _DEFAULTS.get(parts.scheme.partition("+")[0], 0)
        except ValueError:
            continue
        if parts.hostname and port:
            yield parts.hostname, port
    for pattern in _PATTERNS:
        for match in pattern.finditer(_URL.sub(" ", line)):
            host, port = match["host"].strip("[]"), int(match["port"] or 0)
            if port <= _PORT_MAX and not host.isdigit() and not _SOURCE.search(host):
                yield host, port
