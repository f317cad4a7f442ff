"""What happens next to an open issue: an attempt, a wait, or a person. Pure."""

from __future__ import annotations

import msgspec

from actors.healer.budget import Burn
from actors.healer.evidence import SAYS_NOTHING
from actors.healer.issues import Issue
from actors.healer.plans import Plan
from actors.healer.protection import Protection, retry_s
from actors.healer.remedies import UP, Hopeless, Obstacle, Planned, Remedy, Seen, Unfit, goes_further, obstacle, parse
from actors.healer.settings import HealerSettings
from actors.settings import Workload
from bus.messages.process_manager import ProcessRow

_READING_S = 0.02
"""Seconds until it is looked at again whether its log was read; that takes milliseconds."""
_TURN_S = 1.0
"""Seconds until it is looked at again whose turn it is; the end of a remedy is looked at besides."""


class Act(msgspec.Struct, frozen=True):
    """Begin this remedy. precondition: what was looked at and is well."""

    remedy: Remedy
    precondition: str


class Wait(msgspec.Struct, frozen=True):
    """Look again after for_s seconds. quiet: people need not be told."""

    remedy: str
    why: str
    for_s: float
    quiet: bool = False


class Skip(msgspec.Struct, frozen=True):
    """This remedy does not apply; go on with the next."""

    remedy: str
    why: str


class Escalate(msgspec.Struct, frozen=True):
    """A person is wanted. retry_s: seconds until the plan is tried again, or None. told: only a warning."""

    why: str
    retry_s: float | None
    told: bool = False


Decision = Act | Wait | Skip | Escalate


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What decides.

    busy: the issue of the same subject that a remedy is under way for, or empty. sick: dependencies with an open
    issue. settle_s: seconds it is still given to recover by itself, because a dependency came back or another remedy
    has just been at it. burn: how its error budget stands. flow_s: seconds that a remedy for a warning waits because
    the node is in flow. first: another workload with the same class of failure that is being healed, or empty.
    reading: its log is being read, and may tell what it failed over.
    """

    issue: Issue
    plan: Plan
    workload: Workload | None
    seen: Seen | None
    busy: str = ""
    sick: tuple[str, ...] = ()
    settle_s: float = 0.0
    burn: Burn | None = None
    flow_s: float = 0.0
    first: str = ""
    reading: bool = False


def decide(situation: Situation, protection: Protection, settings: HealerSettings, now_s: float) -> Decision:
    """The next thing about an open issue.

    Order: what no remedy is allowed for; what a person holds; one remedy at a time; warnings are told first; then
    the next remedy of the plan, its dependencies before it, its cool-down and breaker last.
    """
    return (
        _beyond_remedies(situation, settings)
        or _told_first(situation, settings)
        or _attempt(situation, protection, settings, now_s)
    )


def _beyond_remedies(situation: Situation, settings: HealerSettings) -> Decision | None:
    """What no remedy is allowed for, or not at this time."""
    issue, plan = situation.issue, situation.plan
    if plan.told_only:
        return Escalate(plan.told_only, None)
    if situation.workload is None or situation.seen is None:
        return Wait("", "it is not in the process table", settings.resync, quiet=True)
    if (withheld := _withheld(situation.seen.row)) is not None:
        return Wait(_next_name(issue, plan), withheld, settings.resync)
    if situation.busy:
        return Wait(_next_name(issue, plan), f"issue {situation.busy} is healed first", settings.resync, quiet=True)
    if situation.reading and issue.failure in SAYS_NOTHING:
        return Wait(_next_name(issue, plan), "its log is being read", _READING_S, quiet=True)
    return None


def _told_first(situation: Situation, settings: HealerSettings) -> Decision | None:
    """When a person is told: before anything is done about a warning, and when there is nothing left to do."""
    issue, plan = situation.issue, situation.plan
    burning = situation.burn is not None and situation.burn.verdict != "tolerate"
    if plan.tell_first and not issue.told and not burning:
        wait_s = float(max(settings.second_hold, issue.cause.held_s))
        return Escalate(f"a warning; acted upon when it lasts {wait_s:g} s longer", wait_s, told=True)
    if situation.burn is not None and situation.burn.verdict == "stop" and issue.rounds:
        return Escalate(f"it is left to a person: {situation.burn.says()}", retry_s(issue.rounds, settings))
    if issue.step >= len(plan.remedies):
        return Escalate("every remedy of the plan was tried", retry_s(issue.rounds, settings))
    return None


def _attempt(situation: Situation, protection: Protection, settings: HealerSettings, now_s: float) -> Decision:
    """The next remedy of the plan, unless it does not apply or something stands in its way."""
    issue, seen, workload = situation.issue, situation.seen, situation.workload
    name = _first_of(situation)
    remedy = parse(name)
    if remedy is None or seen is None or workload is None:
        return Skip(name, "there is no such remedy")
    blocked = obstacle(remedy, issue, workload, seen)
    if blocked is not None:
        return _blocked(name, blocked, issue, settings)
    if remedy.verb == "wait_dependency" or (remedy.disruptive and situation.sick and remedy.name != "degrade"):
        return _wait_dependency(remedy, situation, settings)
    held = _held_back(remedy, situation, protection, now_s) if remedy.disruptive else None
    return held or Act(remedy, f"it is {seen.row.state}{f', pid {seen.row.pid}' if seen.row.pid else ''}")


def _first_of(situation: Situation) -> str:
    """The next of the plan; a step down the ladder before all others when errors come too fast for those."""
    burn, seen = situation.burn, situation.seen
    fast = burn is not None and burn.verdict in ("degrade", "stop")
    if fast and not situation.issue.step and seen is not None and isinstance(seen.planned.get("degrade"), Planned):
        return "degrade"
    return situation.plan.remedies[situation.issue.step]


def _blocked(name: str, blocked: Obstacle, issue: Issue, settings: HealerSettings) -> Decision:
    if isinstance(blocked, Unfit):
        return Skip(name, blocked.why)
    if isinstance(blocked, Hopeless):
        return Escalate(blocked.why, retry_s(issue.rounds, settings))
    for_s = settings.resync if blocked.for_s is None else blocked.for_s
    return Wait(name, blocked.why, for_s, quiet=blocked.quiet)


def _held_back(remedy: Remedy, situation: Situation, protection: Protection, now_s: float) -> Wait | None:
    """What protects the process and the node from too many remedies."""
    issue = situation.issue
    if goes_further(remedy.name, issue.tried):
        return None
    hold = protection.hold(remedy.name, issue.subject, issue.fingerprint, now_s)
    if hold is not None:
        return Wait(remedy.name, hold.why, hold.for_s)
    if situation.flow_s > 0:
        return Wait(remedy.name, "the node is in flow, and it is a warning only", situation.flow_s)
    if situation.first and _takes_turns(remedy, situation):
        return Wait(remedy.name, f"{situation.first} first, one at a time, as many have the same failure", _TURN_S)
    if situation.settle_s > 0:
        return Wait(remedy.name, "what it suffered from has just changed", situation.settle_s, quiet=True)
    return None


def _takes_turns(remedy: Remedy, situation: Situation) -> bool:
    """When many fail for the same kind of reason, what runs is not restarted everywhere at once."""
    burn, seen = situation.burn, situation.seen
    return remedy.verb == "restart" and burn is not None and burn.systemic and seen is not None and seen.row.state in UP


def _wait_dependency(remedy: Remedy, situation: Situation, settings: HealerSettings) -> Wait:
    seen = situation.seen
    unready = [f"{name} is not ready" for name in (seen.unready if seen else ())]
    sick = [f"{name} has an open issue" for name in situation.sick]
    why = "; ".join(sick or unready)
    return Wait(remedy.name, f"dependencies heal first: {why}", settings.resync)


def _withheld(row: ProcessRow) -> str | None:
    """Why no remedy is allowed now: an operator wants the process down, or it is going down."""
    if row.held:
        return "it is held by an operator"
    if not row.wanted and row.state in ("stopped", "held"):
        return "it is not wanted now"
    return "it is stopping" if row.state == "stopping" else None


def _next_name(issue: Issue, plan: Plan) -> str:
    return plan.remedies[issue.step] if issue.step < len(plan.remedies) else ""
