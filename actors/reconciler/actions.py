"""What is asked for because of a drift, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from actors.reconciler.book import Drift
from actors.reconciler.diff import Difference
from actors.reconciler.settings import ReconcilerSettings
from actors.settings import format_duration
from bus.message import Command
from bus.messages import DriftKind, EndStrays, RestartProcess, StartProcess, StopProcess

WORDS: dict[DriftKind, str] = {
    "vanished": "start it",
    "undeclared": "stop it",
    "wrong_revision": "restart it with its config",
    "stray": "end what is left over",
}

CLOSES: dict[str, tuple[DriftKind, ...]] = {
    StartProcess.verb: ("vanished",),
    StopProcess.verb: ("undeclared",),
    RestartProcess.verb: ("wrong_revision",),
    EndStrays.verb: ("stray", "by_hand"),
}
"""The kinds of drift that a verb is to close."""


def words(one: Difference, settings: ReconcilerSettings) -> str:
    """The action for a difference, for people; empty when it is only told."""
    if one.kept:
        return ""
    if one.kind != "by_hand":
        return WORDS[one.kind]
    return f"end the copy after {format_duration(settings.by_hand_after)}" if settings.by_hand == "end" else ""


def commands(drifts: Iterable[Drift], settings: ReconcilerSettings, now_s: float, *, restart: bool) -> list[Command]:
    """What to ask the ProcessManager for one workload, in order.

    drifts: those of the workload that count. restart: its turn to be restarted has come (rollout.next_restarts).
    """
    asked: list[Command] = []
    strays = False
    copies: tuple[int, ...] = ()
    for drift in drifts:
        one = drift.now
        if one.settling or one.kept:
            continue
        why = f"drift {one.kind}: wanted {one.desired}; found {one.observed}"
        if one.kind == "vanished":
            asked.append(StartProcess(name=one.subject, why=why, at_its_time=True))
        elif one.kind == "undeclared":
            asked.append(StopProcess(name=one.subject, why=why, hold=False))
        elif one.kind == "wrong_revision" and restart:
            asked.append(RestartProcess(name=one.subject, why=why))
        elif one.kind == "stray":
            strays = True
        elif one.kind == "by_hand" and settings.by_hand == "end":
            copies = drift.pids_seen_for(settings.by_hand_after, now_s)
    return [*asked, *_end(drifts, copies, strays=strays)]


def copies_due_s(drifts: Iterable[Drift], settings: ReconcilerSettings, now_s: float) -> float | None:
    """Monotonic seconds at which the next hand-started copy is to be ended, after now_s; None when none is."""
    if settings.by_hand != "end":
        return None
    due = [
        seen_s + settings.by_hand_after
        for drift in drifts
        if drift.now.kind == "by_hand"
        for seen_s in drift.seen_s.values()
    ]
    return min((at_s for at_s in due if at_s > now_s), default=None)


def _end(drifts: Iterable[Drift], copies: tuple[int, ...], *, strays: bool) -> list[Command]:
    if not strays and not copies:
        return []
    ends = [drift.now for drift in drifts if (drift.now.kind == "by_hand" and copies) or drift.now.kind == "stray"]
    why = "; ".join(f"drift {one.kind}: {one.observed}" for one in ends)
    return [EndStrays(name=ends[0].subject, by_hand=list(copies), why=why)]
