"""Asks a workload whether it is well: http, tcp or a command, each bounded in time. I/O, in threads that may wait."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from actors.process_manager.commands import run_command
from actors.process_manager.life import Launch
from actors.settings import Probe
from actors.settings.probes import tcp_address

HEAD_BYTES_MAX: Final = 64 * 1024
BODY_BYTES_MAX: Final = 64 * 1024
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
            detail = _ask_http(probe.http, asked_s + probe.timeout)
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


def _ask_http(url: str, deadline_s: float) -> str:
    """GET, following no redirect; the certificate of an https target is not judged, as Kubernetes does not."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    link: socket.socket = _connect(host, parts.port or (443 if secure else 80), deadline_s)
    try:
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            link.settimeout(_left_s(deadline_s))
            link = context.wrap_socket(link, server_hostname=host)
        link.settimeout(_left_s(deadline_s))
        link.sendall(_request_of(parts))
        status = _status_of(link, deadline_s)
    finally:
        link.close()
    if status not in _STATUS_WELL:
        raise NotWell(f"status {status}")
    return f"status {status}"


def _request_of(parts: SplitResult) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: gyrostat", "Accept: */*", "Connection: close")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def _status_of(link: socket.socket, deadline_s: float) -> int:
    """Read the answer, its body up to BODY_BYTES_MAX; give its status."""
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
    have = len(rest)
    while have < want and (part := _receive(link, deadline_s)):
        have += len(part)
    if length is not None and have < want:
        raise NotWell(f"closed the connection after {have} of {length} bytes")
    return status


def _status_in(head: bytes) -> int:
    line = head.partition(b"\r\n")[0].split()
    if len(line) < 2 or not line[0].startswith(b"HTTP/1.") or not line[1].isdigit():  # noqa: PLR2004 - version, status
        raise NotWell(f"no HTTP: {head[:40].decode('latin-1')!r}")
    return int(line[1])


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
