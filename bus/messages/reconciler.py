"""Messages of the Reconciler: desired against observed."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Fact, Reply

DriftKind = Literal[
    "vanished",  # wanted, and not there
    "undeclared",  # there, and no longer in the config
    "wrong_revision",  # runs an older form of its config
    "stray",  # a left-over process of ours beside the present incarnation
    "by_hand",  # the same program started by hand
]


class DriftDetected(Fact, frozen=True, kw_only=True):
    """Observed differs from desired. action: what is asked for because of it; empty when it is only told."""

    kind = "drift.detected"
    drift: DriftKind
    desired: str
    observed: str
    action: str


class DriftClosed(Fact, frozen=True, kw_only=True):
    """A drift is seen to be gone. took_s: seconds since it was detected."""

    kind = "drift.closed"
    drift: DriftKind
    took_s: float


class Converged(Fact, frozen=True, kw_only=True):
    """Desired and observed agree again after a drift. checked: workloads compared."""

    kind = "reconcile.converged"
    checked: int
    closed: int


class DriftRow(msgspec.Struct, frozen=True, kw_only=True):
    """One open drift. since_s: seconds."""

    subject: str
    drift: DriftKind
    desired: str
    observed: str
    action: str
    since_s: float


class DriftReport(Reply, frozen=True, kw_only=True):
    """Open drift, and when it was last looked at. last_s: seconds ago, None before the first time."""

    drifts: list[DriftRow]
    checked: int
    closed_total: int
    last_s: float | None


class GetDrift(Command, frozen=True, kw_only=True):
    """The drift known now."""

    target = "reconciler"
    verb = "get_drift"
    reply = DriftReport


class Reconcile(Command, frozen=True, kw_only=True):
    """Compare now; answered with what was found."""

    target = "reconciler"
    verb = "reconcile"
    reply = DriftReport
    why: str = "asked"
