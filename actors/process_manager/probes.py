"""Asks a workload whether it is well: http, tcp or a command, each bounded in time. I/O, in threads that may wait."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from actors.process_manager.commands import run_command
from actors.process_manager.life import Launch
from actors.settings import Probe
from actors.settings.probes import statuses, tcp_address

HEAD_BYTES_MAX: Final = 64 * 1024
BODY_BYTES_MAX: Final = 64 * 1024
SAID_MAX: Final = 400
"""Bytes of the body of a bad answer that are told."""
_STATUS_WELL: Final = range(200, 400)
_STATUS_INTERIM: Final = range(100, 200)


class Answer(Struct, frozen=True):
    """What came of one question. latency_s: seconds until the answer or the failure."""

    ok: bool
    latency_s: float
    detail: str


class NotWell(Exception):
    """The question was not answered as it should be; says how."""


def ask(probe: Probe, launch: Launch) -> Answer:
    """Put the question of a probe, within its time-out."""
    asked_s = time.monotonic()
    try:
        if probe.http is not None:
            detail = _ask_http(probe, probe.http, asked_s + probe.timeout)
        elif probe.tcp is not None:
            _connect(*tcp_address(probe.tcp), asked_s + probe.timeout).close()
            detail = "connected"
        else:
            detail = _ask_command(probe.exec_ or [], launch, probe.timeout)
        ok = True
    except TimeoutError:
        ok, detail = False, f"no answer within {probe.timeout:g} s"
    except (NotWell, OSError, ValueError) as error:
        ok, detail = False, (error.strerror if isinstance(error, OSError) else None) or str(error) or repr(error)
    return Answer(ok, time.monotonic() - asked_s, detail)


def _ask_command(argv: list[str], launch: Launch, timeout_s: float) -> str:
    ran = run_command(argv, launch, timeout_s)
    last = ran.output[-1][:200] if ran.output else ""
    if ran.exit_code is None:
        raise TimeoutError
    if ran.exit_code != 0:
        raise NotWell(f"exit code {ran.exit_code}{': ' if last else ''}{last}")
    return last


def _ask_http(probe: Probe, url: str, deadline_s: float) -> str:
    """GET, following no redirect; the certificate of an https target is not judged, as Kubernetes does not."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    link: socket.socket = _connect(host, parts.port or (443 if secure else 80), deadline_s)
    try:
        if secure:
            import ssl  # noqa: PLC0415 - a megabyte, and few probes use https

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            link.settimeout(_left_s(deadline_s))
            link = context.wrap_socket(link, server_hostname=host)
        link.settimeout(_left_s(deadline_s))
        link.sendall(_request_of(parts, probe.headers))
        answer = _answer_of(link, deadline_s)
    finally:
        link.close()
    wanted = [statuses(text) for text in probe.status] or [_STATUS_WELL]
    if not any(answer.status in some for some in wanted):
        said = _said(answer)
        raise NotWell(f"status {answer.status}{': ' if said else ''}{said}")
    _match(answer, probe)
    return f"status {answer.status}"


def _said(answer: HttpAnswer) -> str:
    """What an answer says in words, on one line; a page says nothing."""
    if "html" in answer.headers.get("content-type", ""):
        return ""
    return " ".join(answer.body[:SAID_MAX].decode("utf-8", "replace").split())


class HttpAnswer(Struct, frozen=True):
    """An answer of HTTP. headers: names in lower case. body: the beginning, without the marks of chunks."""

    status: int
    headers: dict[str, str]
    body: bytes


def _match(answer: HttpAnswer, probe: Probe) -> None:
    """Hold an answer against what its probe wants. Raises NotWell."""
    for name, pattern in probe.answer_headers.items():
        value = answer.headers.get(name.lower())
        if value is None:
            raise NotWell(f"no header {name}")
        if re.search(pattern, value) is None:
            raise NotWell(f"header {name} is {value[:80]!r}, which does not match {pattern!r}")
    if probe.body is not None and re.search(probe.body, answer.body.decode("utf-8", "replace")) is None:
        raise NotWell(f"nothing in the body matches {probe.body!r}")


def _request_of(parts: SplitResult, headers: Mapping[str, str]) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    own = {"Host": host, "User-Agent": "gyrostat", "Accept": "*/*", "Connection": "close"}
    said = {name.lower() for name in headers}
    sent = {**{name: text for name, text in own.items() if name.lower() not in said}, **headers}
    lines = (f"GET {path} HTTP/1.1", *(f"{name}: {text}" for name, text in sent.items()), "")
    return "".join(f"{line}\r\n" for line in lines).encode()


def _answer_of(link: socket.socket, deadline_s: float) -> HttpAnswer:
    """Read the answer, its body up to BODY_BYTES_MAX."""
    raw = b""
    while True:
        head, found, rest = raw.partition(b"\r\n\r\n")
        if found:
            status = _status_in(head)
            if status not in _STATUS_INTERIM:
                break
            raw = rest
            continue
        if len(raw) > HEAD_BYTES_MAX:
            raise NotWell(f"no end of its head within {HEAD_BYTES_MAX} bytes")
        part = _receive(link, deadline_s)
        if not part:
            raise NotWell("closed the connection without an answer")
        raw += part
    length = _length_in(head)
    want = BODY_BYTES_MAX if length is None else min(length, BODY_BYTES_MAX)
    body = bytearray(rest)
    while len(body) < want and (part := _receive(link, deadline_s)):
        body += part
    if length is not None and len(body) < want:
        raise NotWell(f"closed the connection after {len(body)} of {length} bytes")
    headers = _headers_in(head)
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    return HttpAnswer(status, headers, unchunked(bytes(body)) if chunked else bytes(body))


def _status_in(head: bytes) -> int:
    line = head.partition(b"\r\n")[0].split()
    if len(line) < 2 or not line[0].startswith(b"HTTP/1.") or not line[1].isdigit():  # noqa: PLR2004 - version, status
        raise NotWell(f"no HTTP: {head[:40].decode('latin-1')!r}")
    return int(line[1])


def _headers_in(head: bytes) -> dict[str, str]:
    """Give the headers, names in lower case; of one that comes twice, both values with a comma."""
    found: dict[str, str] = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.decode("latin-1").partition(":")
        key = name.strip().lower()
        found[key] = f"{found[key]}, {value.strip()}" if key in found else value.strip()
    return found


def unchunked(raw: bytes) -> bytes:
    """Give what chunks hold, as far as they came."""
    body, at = b"", 0
    while (end := raw.find(b"\r\n", at)) >= 0:
        size = raw[at:end].partition(b";")[0].strip()
        try:
            count = int(size, 16)
        except ValueError:
            break
        if count <= 0:
            break
        body += raw[end + 2 : end + 2 + count]
        at = end + 2 + count + 2
    return body


def _length_in(head: bytes) -> int | None:
    """Give the announced length of the body; None when it ends with the connection, or comes in chunks."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None


def _receive(link: socket.socket, deadline_s: float) -> bytes:
    link.settimeout(_left_s(deadline_s))
    return link.recv(16 * 1024)


def _connect(host: str, port: int, deadline_s: float) -> socket.socket:
    """Connect to the first address that accepts, all within the deadline. Raises OSError."""
    error: OSError = OSError("no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(_left_s(deadline_s))
            link.connect(address)
        except OSError as failed:
            link.close()
            error = failed
        else:
            return link
    raise error


def _left_s(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


class Prober:
    """Threads that ask, made when needed; close() lets those that wait run into their time-out."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="probe")
        self._closed = threading.Event()

    def submit(self, question: Callable[[], Answer], tell: Callable[[Answer], None]) -> None:
        """Put a question; tell(answer) is called in the thread that asked."""

        def work() -> None:
            answer = question()
            if not self._closed.is_set():
                tell(answer)

        with contextlib.suppress(RuntimeError):  # closed meanwhile
            self._pool.submit(work)

    def close(self) -> None:
        """Tell nothing more."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
