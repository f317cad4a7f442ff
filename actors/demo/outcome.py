"""What became of one fault, told from the facts that came in after it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

SIGNS: Final = frozenset(
    ("process.exited", "probe.failed", "threshold.crossed", "process.crash_loop_entered", "issue.raised")
)
"""Facts that show that the fault was seen."""

STEPS: Final[Mapping[str, str]] = {
    **dict.fromkeys((*SIGNS, "process.start_failed", "drift.detected"), "seen"),
    **dict.fromkeys(("remedy.started", "remedy.deferred", "process.restart_scheduled", "issue.escalated"), "decided"),
    **dict.fromkeys(("process.started", "process.hook_ended", "process.stopped"), "done"),
    "remedy.failed": "failed",
    **dict.fromkeys(("remedy.verified", "issue.resolved"), "verified"),
}
"""Kind of fact -> the step it belongs to; others are not shown."""


REPEATED: Final = frozenset(("process.exited", "process.started", "process.restart_scheduled", "probe.failed"))
"""Facts that come again and again while something does not start."""
SHOWN_EACH: Final = 2
"""How many of those are shown, of each kind and workload."""


class Fact(Protocol):
    """One fact that came in."""

    @property
    def at_s(self) -> float: ...
    @property
    def kind(self) -> str: ...
    @property
    def event(self) -> Any: ...


class Outcome(Struct, frozen=True, kw_only=True):
    """One fault and its repair. Times are seconds after the injection; None: it did not come to that.

    starts: spawns of each workload since. check: what an independent look found. healed: resolved, and the look
    confirms it.
    """

    fault: str
    injected: str
    seen_s: float | None = None
    seen: str = ""
    decided: str = ""
    why: str = ""
    done: str = ""
    resolved_s: float | None = None
    resolved: str = ""
    checked_s: float | None = None
    check: str = ""
    healed: bool = False
    starts: dict[str, int] = {}


def step_of(fact: Fact) -> str | None:
    """The step a fact belongs to; None when it is not shown."""
    if fact.kind == "process.exited" and fact.event.data.get("asked"):
        return "done"
    return STEPS.get(fact.kind)


class Digest:
    """Tells which of many alike facts are shown, and how many were left out since the last one that was."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self.left_out = 0

    def shows(self, fact: Fact) -> bool:
        """Whether to show this one."""
        key = (fact.event.subject, fact.kind)
        self._counts[key] = self._counts.get(key, 0) + 1
        if fact.kind in REPEATED and self._counts[key] > SHOWN_EACH:
            self.left_out += 1
            return False
        return True

    def take_left_out(self) -> int:
        """How many were left out since the last call."""
        count, self.left_out = self.left_out, 0
        return count


def judge(fault: str, injected: str, heard: Sequence[Fact], at_s: float, subjects: Collection[str]) -> Outcome:
    """Read the facts about some subjects since an injection at at_s."""
    facts = [one for one in heard if one.at_s >= at_s and one.event.subject in subjects]
    sign = next((one for one in facts if one.kind in SIGNS and step_of(one) == "seen"), None)
    remedy = _deciding(facts)
    resolved = _resolved(facts)
    return Outcome(
        fault=fault,
        injected=injected,
        seen_s=sign.at_s - at_s if sign else None,
        seen=sign.kind if sign else "",
        decided=remedy.event.data["remedy"] if remedy else "",
        why=remedy.event.data["why"] if remedy else "",
        done=_done(facts),
        resolved_s=resolved.at_s - at_s if resolved else None,
        resolved=f"{resolved.event.subject}: {resolved.event.data['verified']}" if resolved else "",
        starts=_starts(facts),
    )


def _resolved(facts: Sequence[Fact]) -> Fact | None:
    """The last resolution, once every issue that was raised is resolved."""
    open_ones: set[str] = set()
    last = None
    for one in facts:
        if one.kind == "issue.raised":
            open_ones.add(one.event.data["issue"])
        elif one.kind == "issue.resolved":
            open_ones.discard(one.event.data["issue"])
            last = one
    return None if open_ones else last


def _deciding(facts: Sequence[Fact]) -> Fact | None:
    """The remedy that an issue was resolved by, else the last one that was begun."""
    remedies = [one for one in facts if one.kind == "remedy.started"]
    helped = {one.event.data["by"] for one in facts if one.kind == "issue.resolved"}
    return next((one for one in reversed(remedies) if one.event.data["remedy"] in helped), None) or next(
        reversed(remedies), None
    )


def _done(facts: Sequence[Fact]) -> str:
    parts = [
        f"hook {one.event.data['hook']}: code {one.event.data['exit_code']}"
        for one in facts
        if one.kind == "process.hook_ended"
    ]
    for subject, count in _starts(facts).items():
        last = next(one for one in reversed(facts) if one.kind == "process.started" and one.event.subject == subject)
        parts.append(f"{subject} started{f' ({count} times)' if count > 1 else ''}, pid {last.event.data['pid']}")
    return "; ".join(parts)


def _starts(facts: Sequence[Fact]) -> dict[str, int]:
    starts: dict[str, int] = {}
    for one in facts:
        if one.kind == "process.started":
            starts[one.event.subject] = starts.get(one.event.subject, 0) + 1
    return starts
