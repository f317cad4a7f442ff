"""What is kept of remedies: how each ended, what people said of them, and what they are asked. Types only; pure.

Times are Unix seconds.
"""

from __future__ import annotations

import msgspec


class Outcome(msgspec.Struct, kw_only=True):
    """How one attempt ended. plain: its chance without calibration. value: its confidence; None: not noted."""

    issue: str
    attempt: int
    subject: str
    remedy: str
    fingerprint: str
    kind: str
    failure: str
    ended_at: float
    helped: bool
    plain: float | None = None
    value: float | None = None


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said of a remedy for failures with that fingerprint."""

    time: float
    subject: str
    fingerprint: str
    remedy: str
    approved: bool
    note: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A remedy that a person is or was asked about. answer: approved, rejected, or empty."""

    issue: str
    remedy: str
    subject: str
    why: str
    confidence: float
    asked_at: float
    until: float
    otherwise: str
    answer: str = ""
    note: str = ""
