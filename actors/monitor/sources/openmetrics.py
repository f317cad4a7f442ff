"""Samples of an endpoint in the text format of Prometheus or OpenMetrics, over HTTP, bounded in time and size."""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from actors.monitor.sources.reader import NotRead

BODY_BYTES_MAX: Final = 8 << 20
"""Bytes of a body; what is longer is not read to its end. A large server gives some hundred kilobytes."""
LINES_MAX: Final = 10_000
"""Samples of the wanted names; the parser takes some ten microseconds for each."""
_ACCEPT: Final = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1"
_PART: Final = 65_536


class Wanted(Struct, frozen=True):
    """Which samples make one metric: all of this name with these labels."""

    sample: str
    labels: Mapping[str, str]


class OpenMetricsSource:
    """Reads one endpoint for all the metrics that name it. wanted: metric -> its samples."""

    def __init__(self, url: str, wanted: Mapping[str, Wanted], within_s: float) -> None:
        self._url = url
        self._wanted = wanted
        self._within_s = within_s

    def close(self) -> None:
        """Nothing is held between two readings."""

    def read(self) -> Mapping[str, float]:
        """Fetch, and give every wanted metric that has a sample. Raises: NotRead."""
        deadline_s = time.monotonic() + self._within_s
        try:
            body = _fetch(urlsplit(self._url), deadline_s)
        except TimeoutError:
            raise NotRead(f"no whole answer within {self._within_s:g} s", late=True) from None
        except http.client.HTTPException as error:
            raise NotRead(f"no answer of HTTP: {type(error).__name__} {error}".rstrip()) from None
        except (OSError, ValueError) as error:
            raise NotRead((error.strerror if isinstance(error, OSError) else None) or str(error)) from None
        return values_in(body, self._wanted)


def values_in(body: bytes, wanted: Mapping[str, Wanted]) -> dict[str, float]:
    """The sum of the samples of each wanted metric; lines of other names are not looked at.

    Raises: NotRead for a line of a wanted name that is none, and for too many.
    """
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - 42 ms, for those who use it

    lines = list(_lines_of(body, {one.sample for one in wanted.values()}))
    if len(lines) > LINES_MAX:
        raise NotRead(f"has more than {LINES_MAX} samples of these names")
    values: dict[str, float] = {}
    try:
        text = b"\n".join(lines).decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                for name, one in wanted.items():
                    if sample.name == one.sample and one.labels.items() <= sample.labels.items():
                        values[name] = values.get(name, 0.0) + float(sample.value)
    except UnicodeDecodeError:
        raise NotRead("a wanted line is no UTF-8") from None
    except ValueError as error:
        raise NotRead(f"a wanted line is no sample: {str(error)[:120]}") from None
    return values


def _lines_of(body: bytes, names: set[str]) -> Iterator[bytes]:
    """The sample lines of these names, whole."""
    pattern = b"|".join(re.escape(name.encode()) for name in sorted(names))
    for match in re.finditer(rb"^[ \t]*(?:" + pattern + rb")(?=[{ \t]).*$", body, re.MULTILINE):
        yield match[0]


def _fetch(parts: SplitResult, deadline_s: float) -> bytes:
    """GET, following no redirect; the certificate of an https target is not judged, as with probes.

    Raises: NotRead, OSError, HTTPException.
    """
    with _connect(parts, deadline_s) as link:
        link.settimeout(left_s(deadline_s))
        link.sendall(_request(parts))
        response = http.client.HTTPResponse(_Bounded(link, deadline_s), method="GET")  # type: ignore[arg-type]
        try:
            response.begin()
            if response.status != http.client.OK:
                raise NotRead(f"status {response.status}")
            body = bytearray()
            while part := response.read1(_PART):
                body += part
                if len(body) > BODY_BYTES_MAX:
                    raise NotRead(f"sends more than {BODY_BYTES_MAX} bytes")
            if response.length:
                raise NotRead(f"closed the connection {response.length} bytes before the end")
            return bytes(body)
        finally:
            response.close()


def _connect(parts: SplitResult, deadline_s: float) -> socket.socket:
    host, secure = parts.hostname or "", parts.scheme == "https"
    link = socket.create_connection((host, parts.port or (443 if secure else 80)), left_s(deadline_s))
    if not secure:
        return link
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    link.settimeout(left_s(deadline_s))
    try:
        return context.wrap_socket(link, server_hostname=host)
    except BaseException:
        link.close()
        raise


def _request(parts: SplitResult) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: gyrostat",
        f"Accept: {_ACCEPT}",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


class _Bounded(io.RawIOBase):
    """A socket as http.client reads it: every wait ends at the deadline, however the bytes trickle in."""

    def __init__(self, link: socket.socket, deadline_s: float) -> None:
        self._link = link
        self._deadline_s = deadline_s

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client asks a socket for."""
        return io.BufferedReader(self, _PART)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._link.settimeout(left_s(self._deadline_s))
        return self._link.recv_into(buffer)


def left_s(deadline_s: float) -> float:
    """Seconds until a monotonic time. Raises: TimeoutError when it is past."""
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
