"""What came of a look at the machine. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["ok", "warn", "bad"]


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. state: warn: it works, and something is missing; bad: it does not work.

    cure: what to do about it; empty when all is well.
    """

    check: str
    state: State
    found: str
    cure: str = ""


class Checkup(Struct, frozen=True, kw_only=True):
    """Everything that was looked at. well: nothing is bad."""

    well: bool
    findings: list[Finding]


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check=check, state="ok", found=found)


def warn(check: str, found: str, cure: str) -> Finding:
    """It works, and something is missing."""
    return Finding(check=check, state="warn", found=found, cure=cure)


def bad(check: str, found: str, cure: str) -> Finding:
    """It does not work."""
    return Finding(check=check, state="bad", found=found, cure=cure)
