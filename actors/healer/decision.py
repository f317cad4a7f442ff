"""Why an issue has the plan it has, for people. Pure."""

from __future__ import annotations

from actors.healer.experience import Experience
from actors.healer.issues import Issue
from actors.healer.learning import Tally
from actors.healer.plans import names_of, plan_for, unfit, without_rules
from actors.settings import Workload
from actors.settings.rules import REPAIRS
from bus.messages.learning import RemedyRow, RuleDecision, RuleRow


def explained(issue: Issue, workload: Workload | None, experience: Experience) -> RuleDecision:
    """Which rule decides now, which were looked at before it, and what the plan is made of."""
    plan = experience.plan(issue, workload) if issue.state != "resolved" else experience.plan_now(issue, workload)
    base = plan_for(issue, workload, experience.rulebook)
    own, fix = experience.own(issue.fingerprint), experience.known_fix(issue)
    by_rules = workload is not None and without_rules(issue, workload) is None
    looked = experience.rulebook.explain(names_of(issue, workload)) if workload is not None and by_rules else []
    do = looked[-1].placed.rule.do if looked and not looked[-1].why else []
    left_out = []
    for number, name in enumerate(do):
        why = unfit(name, issue, workload, do[:number]) if workload is not None and name != REPAIRS else ""
        left_out += [RemedyRow(remedy=name, why=why)] if why else []
    return RuleDecision(
        issue=issue.issue,
        summary=issue.summary,
        rule=plan.rule,
        told_only=plan.told_only,
        remedies=[
            RemedyRow(remedy=name, why=_why(own.get(name), is_added=name not in base.remedies))
            for name in plan.remedies
        ],
        left_out=left_out,
        looked=[
            RuleRow(rule=each.placed.rule.rule, at=each.placed.at, priority=each.placed.rule.priority, why=each.why)
            for each in looked
        ],
        names=_shown(names_of(issue, workload)) if workload is not None else {},
        known=f"{fix.text} ({fix.issue})" if fix is not None else "",
    )


def _why(tally: Tally | None, *, is_added: bool) -> str:
    added = "a person fixed it so; " * is_added
    if tally is None or not tally.tries:
        return f"{added}not tried against this yet"
    told = ((tally.verified, "helped"), (tally.returned, "helped for a while"), (tally.failed, "did not help"))
    return added + ", ".join(f"{what} {_times(count)}" for count, what in told if count)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _shown(names: dict[str, object]) -> dict[str, str]:
    """As a condition would have to write them; the text is in the evidence of the issue."""
    return {name: _literal(value) for name, value in names.items() if name != "text"}


def _literal(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)
