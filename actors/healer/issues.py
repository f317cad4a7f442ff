"""What an issue is, when a symptom belongs to it, and how it is called. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.settings.repair import FailureClass
from bus.messages.healer import IssueKind, IssueRow, IssueState, Severity

Direction = Literal["above", "below"]
News = Literal["new", "became", "again"]

LIFE: tuple[IssueKind, ...] = ("crash", "start_failed", "crash_loop", "port_in_use")
"""Kinds about whether it lives, each explained by those behind it: a crash that goes on is a crash loop."""
PROBE: tuple[IssueKind, ...] = ("not_working", "unresponsive")
"""Kinds about whether it answers, in the same way."""
SERVICE: frozenset[IssueKind] = frozenset(("latency", "availability", "resource", "errors"))
"""What also turns bad because it does not live or answer."""

WARNING: frozenset[IssueKind] = frozenset(("forecast", "drift"))
"""Kinds of which the Monitor says when they are over; no single reading does."""

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LETTERS = 11
_PER_MS = 1024


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be seen as gone. scope: host, workload, node, whole or actor. held_s: the threshold's, seconds.

    value: of the metric when it crossed the limit. sign, before, remedy: of a failure that is foreseen: what was seen,
    the fingerprint of what is to be expected, and what is done against it.
    action: the remedy that the operator wants first, or empty.
    """

    scope: str = "workload"
    probe: str = ""
    metric: str = ""
    limit: float = 0.0
    direction: Direction = "above"
    held_s: float = 0.0
    value: float = 0.0
    sign: str = ""
    before: str = ""
    remedy: str = ""
    action: str = ""

    def is_beyond(self, value: float) -> bool:
        """Whether a value of the metric is on the wrong side of the limit."""
        return value > self.limit if self.direction == "above" else value < self.limit


class Symptom(msgspec.Struct, frozen=True, kw_only=True):
    """One sign that something is wrong.

    text: one line. lines: of the log, oldest first. weight: its own severity. failure: what it is about. trace: the
    whole text of the failure, such as a traceback with its chain of causes; empty when there is none. notes: what else
    was strange about the subject lately.
    """

    subject: str
    kind: IssueKind
    fingerprint: str
    text: str
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cause: Cause = Cause()
    weight: Severity = "warning"
    failure: FailureClass = "unknown"
    trace: str = ""


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """A lasting departure of one subject, and how far its healing got.

    first_seen, last_seen, retry_at: Unix seconds. step: which remedy of the plan is next. attempts: remedies begun.
    rounds: how often the plan was spent. told: a person knows, so that a second hold is acted upon.
    evidence: the first and the newest pieces. tried: remedies begun, oldest first. failure, trace: of the newest
    symptom that told them.
    """

    issue: str
    subject: str
    kind: IssueKind
    severity: Severity
    fingerprint: str
    summary: str
    first_seen: float
    last_seen: float
    cause: Cause
    state: IssueState = "open"
    count: int = 1
    evidence: tuple[str, ...] = ()
    step: int = 0
    attempts: int = 0
    rounds: int = 0
    told: bool = False
    tried: tuple[str, ...] = ()
    retry_at: float | None = None
    time_to_repair_s: float | None = None
    failure: FailureClass = "unknown"
    trace: str = ""

    def row(self) -> IssueRow:
        """As people see it in a list."""
        return IssueRow(
            issue=self.issue,
            subject=self.subject,
            issue_kind=self.kind,
            severity=self.severity,
            state=self.state,
            fingerprint=self.fingerprint,
            summary=self.summary,
            count=self.count,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            remedies=list(self.tried),
            time_to_repair_s=self.time_to_repair_s,
            failure=self.failure,
        )


def next_id(last: str, wall_s: float) -> str:
    """`i` and eleven letters that sort by time; greater than last even when the clock was set back.

    last: the greatest id so far, or empty.
    """
    number = int(wall_s * 1000) * _PER_MS
    if last:
        number = max(number, _number(last) + 1)
    letters = []
    for _ in range(_ID_LETTERS):
        number, digit = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[digit])
    return "i" + "".join(reversed(letters))


def _number(issue: str) -> int:
    number = 0
    for letter in issue[1:]:
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    return number


def family(kind: IssueKind, cause: Cause) -> str:
    """Issues of one subject and family are one issue: a subject has one life, one way to answer, and its metrics."""
    if kind in LIFE:
        return "life"
    if kind in PROBE:
        return "probe"
    metric = f"{cause.scope}:{cause.metric}" if cause.metric else kind
    return f"drift of {metric}" if kind == "drift" else metric


def fold(issue: Issue, symptom: Symptom, *, healing: bool) -> News | None:
    """What a symptom of the same subject means to an open issue: again, became (a worse kind), or None (not its own).

    healing: a remedy of the issue is under way, so that what happens to the process may be its doing.
    """
    if family(issue.kind, issue.cause) == family(symptom.kind, symptom.cause):
        ranks = LIFE if issue.kind in LIFE else PROBE
        worse = issue.kind in ranks and ranks.index(symptom.kind) > ranks.index(issue.kind)
        worse |= issue.kind == "forecast" and symptom.kind != "forecast"
        return "became" if worse else "again"
    if issue.cause.scope != "workload" or symptom.cause.scope != "workload":
        return None
    caused = symptom.kind in SERVICE and issue.kind in (*LIFE, *PROBE)
    own_doing = healing and symptom.kind == "crash"
    return "again" if caused or own_doing else None


def severity(symptom: Symptom, *, critical: bool) -> Severity:
    """How grave a symptom is for a workload that is critical to its operator or not."""
    if symptom.weight == "critical":
        return "critical"
    return "critical" if critical and symptom.kind in (*LIFE, *PROBE) else "warning"


def raised(symptom: Symptom, *, issue: str, wall_s: float, critical: bool) -> Issue:
    """The issue that a first symptom makes."""
    return Issue(
        issue=issue,
        subject=symptom.subject,
        kind=symptom.kind,
        severity=severity(symptom, critical=critical),
        fingerprint=symptom.fingerprint,
        summary=symptom.text,
        first_seen=wall_s,
        last_seen=wall_s,
        cause=symptom.cause,
        evidence=pieces(symptom),
        failure=symptom.failure,
        trace=symptom.trace,
    )


def repeated(issue: Issue, symptom: Symptom, *, wall_s: float, evidence_max: int) -> Issue:
    """The issue with one more occurrence; its kind stays."""
    told = bool(symptom.trace) or (symptom.failure != "unknown" and not issue.trace)
    return msgspec.structs.replace(
        issue,
        failure=symptom.failure if told else issue.failure,
        trace=symptom.trace if told else issue.trace,
        count=issue.count + 1,
        last_seen=wall_s,
        evidence=bounded((*issue.evidence, *fresh(issue.evidence, symptom)), evidence_max),
    )


def became(issue: Issue, symptom: Symptom, *, wall_s: float, critical: bool, evidence_max: int) -> Issue:
    """The same issue under the kind that explains it better; its plan begins anew."""
    again = repeated(issue, symptom, wall_s=wall_s, evidence_max=evidence_max)
    worst: Severity = "critical" if issue.severity == "critical" else severity(symptom, critical=critical)
    return msgspec.structs.replace(
        again,
        kind=symptom.kind,
        severity=worst,
        fingerprint=symptom.fingerprint,
        summary=symptom.text,
        cause=symptom.cause,
        state="open",
        step=0,
        told=False,
        retry_at=None,
    )


def pieces(symptom: Symptom) -> tuple[str, ...]:
    """The evidence in a symptom: what was seen, then the last lines of the log."""
    return (symptom.text, *symptom.notes, *(f"log: {line}" for line in symptom.lines[-5:] if line.strip()))


def fresh(evidence: tuple[str, ...], symptom: Symptom) -> tuple[str, ...]:
    """What a repeated symptom adds: nothing when the newest pieces already say the same."""
    found = pieces(symptom)
    return () if found == evidence[-len(found) :] else tuple(piece for piece in found if piece not in evidence)


def bounded(evidence: tuple[str, ...], most: int) -> tuple[str, ...]:
    """The first quarter and the newest of the rest, at most `most`."""
    if len(evidence) <= most:
        return evidence
    first = max(1, most // 4)
    return (*evidence[:first], *evidence[first - most :])
