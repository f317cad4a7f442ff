"""Posts a message to an address, with no redirects followed."""

from __future__ import annotations

import socket
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec

from actors.notifier.channels.attempt import Cut, SendFailed
from actors.notifier.wording import Message, one_line
from actors.settings.alerts import Webhook

AGAIN: Final = frozenset({408, 425, 429})
"""Statuses under 500 after which the same may be taken later."""
ANSWER_BYTES_MAX: Final = 512
AFTER_S_MAX: Final = 3600.0


def post(hook: Webhook, url: str, token: str | None, message: Message, within: tuple[float, Cut]) -> None:
    """Send it. within: seconds it may take, and what cuts it short. Raises: SendFailed; OSError; HTTPException."""
    within_s, cut = within
    end_s = time.monotonic() + within_s
    parts = urlsplit(url)
    connection = _connection(parts, within_s)
    try:
        connection.connect()
        opened: socket.socket = connection.sock  # connect() made it
        with cut.within(opened, end_s - time.monotonic()):
            connection.request(
                "POST", _target(parts), body=_body(hook, message), headers=_headers(hook, token, message)
            )
            _check(connection.getresponse())
    except (OSError, HTTPException) as error:
        if time.monotonic() >= end_s:
            raise SendFailed(f"no answer within {within_s:g} s") from None
        if isinstance(error, HTTPException):
            raise SendFailed(f"no answer of HTTP: {type(error).__name__}") from None  # its text may hold the URL
        raise
    finally:
        connection.close()


def _connection(parts: SplitResult, within_s: float) -> HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        import ssl  # noqa: PLC0415 - loads OpenSSL

        return HTTPSConnection(host, parts.port, timeout=within_s, context=ssl.create_default_context())
    return HTTPConnection(host, parts.port, timeout=within_s)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _body(hook: Webhook, message: Message) -> bytes:
    if hook.body == "full":
        return message.data
    return msgspec.json.encode({"text": f"{message.title}\n{message.text}" if message.text else message.title})


def _headers(hook: Webhook, token: str | None, message: Message) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "gyrostat",
        "Idempotency-Key": message.id,
        **({"Authorization": f"Bearer {token}"} if token is not None else {}),
    }
    return headers | hook.headers


def _check(answer: HTTPResponse) -> None:
    """Raises: SendFailed unless it was taken."""
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - what HTTP calls a success
        return
    said = one_line(answer.read(ANSWER_BYTES_MAX).decode("utf-8", "replace"), 120)
    after = answer.headers.get("Retry-After", "")
    raise SendFailed(
        f"answered {status} {answer.reason}{f': {said}' if said else ''}",
        lasting=status < 500 and status not in AGAIN,  # noqa: PLR2004 - from there on the server is at fault
        after_s=min(float(after), AFTER_S_MAX) if after.isdecimal() else None,
    )
