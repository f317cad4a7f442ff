"""What came of an attempt to send, and how one is cut short."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from actors.notifier.scrub import scrubbed
from actors.notifier.wording import one_line

ERROR_MAX: Final = 300
SECRET_BYTES_MAX: Final = 64 * 1024


class SendFailed(Exception):
    """It was not taken. lasting: it will not be taken until somebody changes something. after_s: it asks to wait."""

    def __init__(self, text: str, *, lasting: bool = False, after_s: float | None = None) -> None:
        super().__init__(text)
        self.lasting = lasting
        self.after_s = after_s


class Attempt(Struct, frozen=True):
    """One attempt. error: empty when it was taken. lasting, after_s: as in SendFailed. took_s: seconds."""

    took_s: float
    error: str = ""
    lasting: bool = False
    after_s: float | None = None


def attempt_failed(error: Exception, secrets: list[str], began_s: float) -> Attempt:
    """An attempt that ended in an exception. secrets: never to be seen in its text. began_s: monotonic."""
    said = error.strerror if isinstance(error, OSError) else None
    text = str(error) if isinstance(error, SendFailed) else said or f"{type(error).__name__}: {error}"
    return Attempt(
        took_s=time.monotonic() - began_s,
        error=one_line(scrubbed(text, secrets), ERROR_MAX) or type(error).__name__,
        lasting=isinstance(error, SendFailed) and error.lasting,
        after_s=error.after_s if isinstance(error, SendFailed) else None,
    )


class Cut:
    """Ends attempts before their time, from another thread. stopped: is set once and for all."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """No attempt goes on."""
        self.stopped.set()
        with self._lock:
            for each in self._open:
                _shut(each)

    @contextlib.contextmanager
    def within(self, connection: socket.socket, seconds: float) -> Iterator[None]:
        """Shut the connection when the time is over, however slowly the other side goes on."""
        timer = threading.Timer(max(0.0, seconds), _shut, (connection,))
        timer.daemon = True
        with self._lock:
            self._open.add(connection)
        timer.start()
        try:
            if self.stopped.is_set():
                _shut(connection)
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._open.discard(connection)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # beneath TLS, which another thread is reading


def read_secret(path: str) -> str:
    """The text of a file, without what ends it. Raises: SendFailed that names the file."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(SECRET_BYTES_MAX).decode().strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise SendFailed(f"{path}: {reason}", lasting=True) from None
    if not text:
        raise SendFailed(f"{path} is empty", lasting=True)
    return text
