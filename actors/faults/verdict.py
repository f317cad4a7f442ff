"""Whether a fault came out right, told from the facts and from the looks past the node. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct

from actors.demo.outcome import SIGNS, Fact
from actors.faults.fault import Done, Fault

ALSO_SIGNS: Final = frozenset(("process.start_failed", "process.not_working", "issue.escalated"))
HOLD_S: Final = 1.5
"""Seconds for which a program has to do its work without a break to count as repaired."""


class Look(Struct, frozen=True):
    """One look past the node. at_s: monotonic seconds when it began. text: what it found."""

    at_s: float
    well: bool
    text: str


class Verdict(Struct, frozen=True, kw_only=True):
    """One fault and what became of it. Times are seconds after it was done; None: it did not come to that.

    detected: the first fact that shows it. began_s: the first remedy. repaired_s: from then on the program does its
    work, past the node. down_s: for how long it did not. verified_s: the node says so, too. actions: remedies, in
    order. starts: of each workload. collateral: of those that the fault does not concern. escalated: why people were
    told. wrong: why it is not right, or empty. not_run: why it could not be played here.
    """

    fault: str
    done: str = ""
    must: str = "repair"
    detected_s: float | None = None
    detected: str = ""
    began_s: float | None = None
    actions: list[str] = []
    repaired_s: float | None = None
    down_s: float = 0.0
    verified_s: float | None = None
    starts: dict[str, int] = {}
    collateral: int = 0
    escalated: str = ""
    found: str = ""
    wrong: str = ""
    not_run: str = ""

    @property
    def right(self) -> bool:
        """Whether it came out as it should."""
        return not self.wrong and not self.not_run


def judge(fault: Fault, done: Done, heard: Sequence[Fact], looks: Sequence[Look]) -> Verdict:
    """Read the facts since a fault was done, and the looks at its programs, the oldest first."""
    facts = [one for one in heard if one.at_s >= done.at_s]
    signs = [one for one in facts if is_sign(one, fault)]
    remedies = [one for one in facts if one.kind == "remedy.started"]
    starts: dict[str, int] = {}
    for one in facts:
        if one.kind == "process.started":
            starts[one.event.subject] = starts.get(one.event.subject, 0) + 1
    if fault.before:  # the first start of each is that of the node
        starts = {name: count - 1 for name, count in starts.items()}
    told = next((one for one in facts if one.kind == "issue.escalated"), None)
    verdict = Verdict(
        fault=fault.name,
        done=done.text,
        must=fault.must,
        detected_s=signs[0].at_s - done.at_s if signs else None,
        detected=_named(signs[0]) if signs else "",
        began_s=remedies[0].at_s - done.at_s if remedies else None,
        actions=[one.event.data["remedy"] for one in remedies],
        repaired_s=repaired_s(fault, done, facts, looks),
        down_s=down_s(looks),
        verified_s=verified_s(facts, done),
        starts=starts,
        collateral=sum(count for name, count in starts.items() if name not in fault.subjects),
        escalated=str(told.event.data["why"]) if told else "",
        found=looks[-1].text if looks else "",
    )
    return _with_wrong(verdict, fault)


def is_sign(fact: Fact, fault: Fault) -> bool:
    """Whether a fact shows that the fault was seen."""
    if fact.event.subject not in fault.subjects:
        return False
    if fact.kind == "process.exited":
        return not fact.event.data.get("asked")
    return fact.kind in SIGNS or fact.kind in ALSO_SIGNS


def repaired_s(fault: Fault, done: Done, facts: Sequence[Fact], looks: Sequence[Look]) -> float | None:
    """Seconds until the work was done for good; from the end of its cause when that was not the node's to end."""
    since = well_since(looks, begun_s(fault, done, facts))
    return None if since is None else max(0.0, since - done.at_s - done.cause_s)


def begun_s(fault: Fault, done: Done, facts: Sequence[Fact]) -> float:
    """When the last life of a program that the fault hurts began; when the fault was done, if that is later."""
    starts = [one.at_s for one in facts if one.kind == "process.started" and one.event.subject in fault.subjects]
    return max([done.at_s, *starts[-1:]])


def well_since(looks: Sequence[Look], not_before_s: float) -> float | None:
    """When the unbroken run of good looks at the end began; None when the last one was not good.

    A look before not_before_s says nothing of the present life.
    """
    since = None
    for look in reversed(looks):
        if not look.well or look.at_s < not_before_s:
            break
        since = look.at_s
    return since


def down_s(looks: Sequence[Look]) -> float:
    """Seconds between each look that was not good and the next one."""
    return sum(after.at_s - look.at_s for look, after in pairwise(looks) if not look.well)


def open_issues(facts: Sequence[Fact]) -> set[str]:
    """Issues that were raised and not resolved."""
    found: set[str] = set()
    for one in facts:
        if one.kind == "issue.raised":
            found.add(one.event.data["issue"])
        elif one.kind == "issue.resolved":
            found.discard(one.event.data["issue"])
    return found


def verified_s(facts: Sequence[Fact], done: Done) -> float | None:
    """Seconds until every issue was resolved, as the node says; None while one is open or none was raised."""
    ends = [one.at_s for one in facts if one.kind == "issue.resolved"]
    return ends[-1] - done.at_s if ends and not open_issues(facts) else None


def _named(fact: Fact) -> str:
    data = fact.event.data
    return str(data.get("probe") or data.get("metric") or data.get("issue_kind") or fact.kind.partition(".")[2])


def _with_wrong(verdict: Verdict, fault: Fault) -> Verdict:
    from msgspec.structs import replace  # noqa: PLC0415 - one name of it

    finder = {"repair": _unrepaired, "tell": _untold, "leave": _unleft}[fault.must]
    faults = [text for text in (*finder(verdict, fault), *_rough(verdict, fault)) if text]
    return replace(verdict, wrong="; ".join(faults))


def _rough(verdict: Verdict, fault: Fault) -> list[str]:
    """What is wrong however it ended."""
    most = max((verdict.starts.get(name, 0) for name in fault.subjects), default=0)
    return [
        f"{verdict.collateral} collateral restarts" if verdict.collateral else "",
        f"{most} starts, more than {fault.starts_max}" if most > fault.starts_max else "",
        f"{len(verdict.actions)} actions, more than {fault.actions_max}"
        if len(verdict.actions) > fault.actions_max
        else "",
    ]


def _unrepaired(verdict: Verdict, fault: Fault) -> list[str]:
    missing = [name for name in fault.all_of if name not in verdict.actions]
    wanted = fault.actions and not set(fault.actions) & set(verdict.actions)
    late = verdict.repaired_s is not None and verdict.repaired_s > fault.within_s
    return [
        f"not repaired: {verdict.found}" if verdict.repaired_s is None else "",
        f"repaired after {verdict.repaired_s:.1f} s, later than {fault.within_s:g} s" if late else "",
        "not seen" if verdict.detected_s is None else "",
        f"none of {', '.join(fault.actions)} was done" if wanted else "",
        f"{', '.join(missing)} was not done" if missing else "",
        "the node does not say that it is repaired" if verdict.verified_s is None and verdict.actions else "",
    ]


def _untold(verdict: Verdict, fault: Fault) -> list[str]:
    if not verdict.escalated:
        return ["nobody was told"]
    return [] if fault.says in verdict.escalated else [f'"{fault.says}" is not named: {verdict.escalated}']


def _unleft(verdict: Verdict, _: Fault) -> list[str]:
    starts = sum(verdict.starts.values())
    return [
        f"{', '.join(verdict.actions)} was done" if verdict.actions else "",
        f"{starts} starts" if starts else "",
        f"people were told: {verdict.escalated}" if verdict.escalated else "",
        "" if verdict.repaired_s is not None else f"it does not do its work: {verdict.found}",
    ]
