"""What is answered when a request cannot be met: one JSON document (RFC 9457). Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec

from bus.errors import (
    ActorUnavailable,
    BusError,
    DeadlineExceeded,
    HandlerFailed,
    InboxFull,
    Refused,
    UnknownTarget,
    UnknownVerb,
)

MEDIA: Final = "application/problem+json"

_STATUS_OF: Final[dict[type[BusError], int]] = {
    UnknownTarget: 503,
    UnknownVerb: 501,
    Refused: 409,
    DeadlineExceeded: 504,
    ActorUnavailable: 503,
    InboxFull: 503,
    HandlerFailed: 500,
}


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer (RFC 9457). title: of the status. detail: what would help. instance: what was asked."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str = ""


class Problem(Exception):
    """A request that cannot be met. headers: to be sent beside it. closes: the connection ends with it."""

    def __init__(
        self, status: int, detail: str, headers: dict[str, str] | None = None, *, closes: bool = False
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.closes = closes

    def body(self, instance: str) -> bytes:
        """The document."""
        return msgspec.json.encode(
            ProblemDocument(
                title=HTTPStatus(self.status).phrase, status=self.status, detail=self.detail, instance=instance
            )
        )


def problem_of(error: Any) -> Problem:
    """The problem that an actor's error is."""
    status = next((found for kind, found in _STATUS_OF.items() if isinstance(error, kind)), 500)
    headers = {"retry-after": "2"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Problem(status, str(error) or type(error).__name__, headers)
