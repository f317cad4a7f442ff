"""The chain of an issue as lines: evidence, rule, confidence, action, verification, outcome, with times. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from actors.cli.paint import Paint, span
from actors.cli.status_lines import shortened

if TYPE_CHECKING:
    from bus.messages import AttemptRow, IssueDetail

TRACE_LINES: Final = 12
DETAIL_MAX: Final = 200
_TONES: Final = {"verified": "good", "failed": "bad"}
_OTHER_STEPS: Final = ("deferred", "skipped", "asked", "answered", "escalated", "retried", "became")


def chain_of(detail: IssueDetail, decision: Any, paint: Paint) -> list[str]:
    """Every line. decision: what the rules say of it, or None."""
    row = detail.row
    kind = f"{row.issue_kind.replace('_', ' ')}, failure {row.failure}, {row.severity}, {row.state}"
    lines = [paint(f"issue {row.issue} of {row.subject}: {shortened(row.summary, DETAIL_MAX)}", "bold"), f"  {kind}"]
    lines += [f"  seen {row.count} time{'s' if row.count != 1 else ''}, first at {_at(row.first_seen)}"]
    lines += ["", "Evidence", *(f"  {shortened(line, DETAIL_MAX)}" for line in detail.evidence)]
    trace = detail.trace.splitlines()
    if len(trace) > 1:
        lines += ["", "Trace", *(f"  | {shortened(line, DETAIL_MAX)}" for line in trace[-TRACE_LINES:])]
    lines += ["", f"Rule: {_rule(decision)}"]
    if detail.phase:
        lines.append(f"Phase: {detail.phase}")
    for attempt in detail.attempts:
        lines += ["", *_attempt(attempt, row.first_seen, paint)]
    others = [step for step in detail.audit if step.step in _OTHER_STEPS]
    if others:
        lines += ["", "Besides"]
        lines += [f"  {_after(step.time, row.first_seen)} {step.step}: {step.detail}" for step in others]
    return [*lines, "", *_outcome(detail, paint)]


def _attempt(attempt: AttemptRow, first: float, paint: Paint) -> Iterator[str]:
    yield paint(f"Remedy {attempt.number}: {attempt.remedy}", "bold")
    yield f"  {_after(attempt.started_at, first)} why: {attempt.why}"
    if attempt.confidence:
        yield f"  {attempt.confidence}"
    if attempt.acted_at is not None:
        yield f"  {_after(attempt.acted_at, first)} action: {attempt.acted}"
    if attempt.outcome and attempt.ended_at is not None:
        text = f"  {_after(attempt.ended_at, first)} {attempt.outcome}: {attempt.check}"
        yield paint(text, _TONES.get(attempt.outcome, "plain"))
    else:
        yield "  under way"
    if attempt.undone:
        yield f"  undone: {attempt.undone}"


def _outcome(detail: IssueDetail, paint: Paint) -> Iterator[str]:
    row = detail.row
    if row.state == "resolved":
        last = next((step.detail for step in reversed(detail.audit) if step.step == "resolved"), "")
        yield paint(f"Outcome: resolved in {span(row.time_to_repair_s or 0.0)} {last}", "good")
    elif row.asks:
        yield paint(f"Outcome: open; asks whether {row.asks} may begin: gyrostat approve {row.issue}", "warn")
    else:
        yield paint(f"Outcome: {row.state}", "bad" if row.state == "escalated" else "warn")


def _rule(decision: Any) -> str:
    if decision is None:
        return "not known"
    said = f"{decision.rule} decides" if decision.rule else "none; the built-in plan for its kind holds"
    planned = ", ".join(row.remedy for row in decision.remedies)
    return f"{said}: {planned}" if planned else said


def _at(time: float) -> str:
    at = datetime.fromtimestamp(time).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def _after(time: float, first: float) -> str:
    return f"{datetime.fromtimestamp(time).astimezone():%H:%M:%S} +{span(max(0.0, time - first))}"
