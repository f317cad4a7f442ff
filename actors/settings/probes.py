"""How a workload is asked whether it is well. Pure."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from actors.settings.markers import Command, Environment
from actors.settings.placeholders import well_formed
from actors.settings.units import Seconds

_STATUS: Final = re.compile(r"(?P<first>\d{3})(?:-(?P<last>\d{3}))?", re.ASCII)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PORT_MAX: Final = 65_535
_TCP: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9_.-]+):(?P<port>[0-9]{1,5})")


class HttpGet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A URL in the parts that process-compose and Kubernetes write it in."""

    host: str = "127.0.0.1"
    """Name or address."""

    scheme: Literal["http", "https"] = "http"
    """http or https."""

    path: str = "/"
    """Path, with what follows a question mark."""

    port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    """Port. None: that of the scheme."""

    headers: Environment = msgspec.field(default_factory=dict)
    """Header -> value that is sent."""

    status_code: Annotated[int, Meta(ge=100, le=599)] | None = None
    """Status of a good answer. None: 200 to 399."""

    @property
    def url(self) -> str:
        """The parts put together."""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path if self.path.startswith('/') else f'/{self.path}'}"


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question to a workload, asked again and again. Exactly one of http, tcp and exec."""

    http: str | None = None
    """URL, http or https. Well: an answer with a status from 200 to 399, or one of `status`."""

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

    status: list[str] = msgspec.field(default_factory=list)
    """Statuses of a good answer to http: "200", "200-299". Empty: 200 to 399."""

    body: str | None = None
    """Regular expression that has to be found in the first 64 KiB of the body. None: any body."""

    headers: Environment = msgspec.field(default_factory=dict)
    """Header -> value that is sent with the question."""

    answer_headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Header -> regular expression that has to be found in its value."""

    http_get: HttpGet | None = None
    """`http`, `headers` and `status` as process-compose and Kubernetes write them."""

    period_seconds: Annotated[int, Meta(ge=1)] | None = None
    """`every`, as they write it; so are the four below."""

    timeout_seconds: Annotated[int, Meta(ge=1)] | None = None
    """`timeout`."""

    initial_delay_seconds: Annotated[int, Meta(ge=0)] | None = None
    """`initial_delay`."""

    success_threshold: Annotated[int, Meta(ge=1)] | None = None
    """`successes`."""

    failure_threshold: Annotated[int, Meta(ge=1)] | None = None
    """`failures`."""

    def __post_init__(self) -> None:
        """Refuse a probe that asks nothing, two things, or nobody.

        Raises: ValueError.
        """
        _take_over(self)
        if sum(way is not None for way in (self.http, self.tcp, self.exec_)) != 1:
            raise ValueError("exactly one of http, tcp and exec is needed")
        if self.http is not None:
            check_url(well_formed(self.http), "http")
        if self.tcp is not None:
            tcp_address(well_formed(self.tcp))
        if self.exec_ == []:
            raise ValueError("exec: is empty; allowed: a program and its arguments")
        for key, seconds in (("every", self.every), ("timeout", self.timeout)):
            if seconds <= 0:
                raise ValueError(f"{key}: has to be more than 0s")
        for text in self.status:
            statuses(text)
        for key, pattern in (
            ("body", self.body or ""),
            *(("answer_headers", one) for one in self.answer_headers.values()),
        ):
            _check_pattern(key, pattern)
        check_headers(self.headers)
        if self.http is None and (self.status or self.body or self.headers or self.answer_headers):
            raise ValueError("status, body, headers and answer_headers are for http only")


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


def _take_over(probe: Probe) -> None:
    """Write what was said in the words of process-compose in ours."""
    for theirs, ours in _SAME.items():
        value = getattr(probe, theirs)
        if value is not None:
            msgspec.structs.force_setattr(probe, ours, Seconds(value) if theirs.endswith("_seconds") else value)
            msgspec.structs.force_setattr(probe, theirs, None)
    got = probe.http_get
    if got is None:
        return
    if probe.http is not None:
        raise ValueError("http_get: is another way to write http; allowed: one of the two")
    msgspec.structs.force_setattr(probe, "http", got.url)
    msgspec.structs.force_setattr(probe, "headers", {**got.headers, **probe.headers})
    if got.status_code is not None:
        msgspec.structs.force_setattr(probe, "status", [str(got.status_code)])
    msgspec.structs.force_setattr(probe, "http_get", None)


_SAME: Final = {
    "period_seconds": "every",
    "timeout_seconds": "timeout",
    "initial_delay_seconds": "initial_delay",
    "success_threshold": "successes",
    "failure_threshold": "failures",
}
"""Key of process-compose -> ours."""


def statuses(text: str) -> range:
    """Read `200` or `200-299`.

    Raises: ValueError.
    """
    match = _STATUS.fullmatch(text)
    first = int(match["first"]) if match else 0
    last = int(match["last"] or first) if match else 0
    if not 100 <= first <= last <= 599:  # noqa: PLR2004 - what HTTP has
        raise ValueError(f'status: "{text}" is no status; allowed: "200" or "200-299", from 100 to 599')
    return range(first, last + 1)


def _check_pattern(key: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f'{key}: "{pattern}" is no regular expression: {error}') from None


def check_headers(headers: dict[str, str]) -> None:
    """Refuse what is no header; its value is not repeated.

    Raises: ValueError.
    """
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or any(letter in value for letter in "\r\n\0"):
            raise ValueError(f'headers: "{name}" is no header; allowed: a name of HTTP, a value on one line')


def tcp_address(text: str) -> tuple[str, int]:
    """Split `host:port`; an IPv6 host is written in brackets and given back without.

    Raises: ValueError.
    """
    match = _TCP.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= _PORT_MAX:
        raise ValueError(f'tcp: "{text}" is no address; allowed: host:port, such as 127.0.0.1:8000')
    return match["host"].strip("[]"), int(match["port"])


def check_url(text: str, key: str) -> None:
    """Refuse what is no URL of http or https.

    Raises: ValueError that begins with the key.
    """
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(letter.isspace() for letter in text):
        raise ValueError(f'{key}: "{text}" is no URL; allowed: http://host:port/path or https://...')
