"""Messages about what the Healer learnt: fixes by people, what came of remedies, and which rule decides."""

from __future__ import annotations

import msgspec

from bus.message import Command, Done, Reply


class FixIssue(Command, frozen=True, kw_only=True):
    """A person says what fixed an issue; an open one is resolved by it.

    issue: an id or a prefix. by: the name of a remedy, as in restart or hook:NAME, which is then tried first the next
    time; or any text, which is then told.
    """

    target = "healer"
    verb = "fix_issue"
    reply = Done
    issue: str
    by: str


class TallyRow(msgspec.Struct, frozen=True, kw_only=True):
    """What came of attempts. name: a class of failure, a kind of issue or a remedy. mean_s: seconds until verified.

    returned: verified, and the issue was back soon.
    """

    name: str
    verified: int
    returned: int
    failed: int
    mean_s: float | None = None


class FixRow(msgspec.Struct, frozen=True, kw_only=True):
    """A fix by a person. time: Unix seconds. how: told by the person, or seen. remedy: when it is one, else empty."""

    time: float
    issue: str
    subject: str
    issue_kind: str
    failure: str
    text: str
    remedy: str
    how: str


class LessonRow(msgspec.Struct, frozen=True, kw_only=True):
    """What changed in what will be done. time: Unix seconds."""

    time: float
    subject: str
    text: str


class OmenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A sign that was seen before failures. seen, preceded, prevented, missed: times. lead_s: mean, seconds."""

    subject: str
    sign: str
    before: str
    seen: int
    preceded: int
    prevented: int
    missed: int
    lead_s: float


class FixesReport(Reply, frozen=True, kw_only=True):
    """What came of all attempts, by class of failure, kind and remedy; fixes by people, signs and lessons.

    The last three newest first. success_rate: share of attempts that helped and lasted; None without any.
    """

    total: TallyRow
    success_rate: float | None
    by_failure: list[TallyRow]
    by_kind: list[TallyRow]
    by_remedy: list[TallyRow]
    fixes: list[FixRow]
    omens: list[OmenRow]
    lessons: list[LessonRow]


class ListFixes(Command, frozen=True, kw_only=True):
    """What was learnt. limit: fixes by people, signs and lessons, each."""

    target = "healer"
    verb = "list_fixes"
    reply = FixesReport
    limit: int = 20


class LorePart(Reply, frozen=True, kw_only=True):
    """A part of what was learnt, as JSON. parts: how many there are."""

    text: str
    parts: int


class ExportLore(Command, frozen=True, kw_only=True):
    """What was learnt, for another node. part: from 0."""

    target = "healer"
    verb = "export_lore"
    reply = LorePart
    part: int = 0


class ImportLore(Command, frozen=True, kw_only=True):
    """Take over what another node learnt. text: a part, as exported."""

    target = "healer"
    verb = "import_lore"
    reply = Done
    text: str


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as it was looked at. at: file and line. why: why it did not decide; empty for the one that did."""

    rule: str
    at: str
    priority: int
    why: str


class RemedyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One remedy of the plan, in order. why: what speaks for its place."""

    remedy: str
    why: str


class RuleDecision(Reply, frozen=True, kw_only=True):
    """Which rule decides about an issue, and what its plan is.

    rule: its name, or `heal` for the plan of the workload's own config; empty when none applies. told_only: why nothing
    is tried, or empty. looked: rules in the order in which they were looked at, up to the one that decides. names: what
    the conditions could ask about, as text. known: a fix by a person, or empty.
    """

    issue: str
    summary: str
    rule: str
    told_only: str
    remedies: list[RemedyRow]
    left_out: list[RemedyRow]
    looked: list[RuleRow]
    names: dict[str, str]
    known: str = ""


class ExplainDecision(Command, frozen=True, kw_only=True):
    """Which rule decides about an issue, which were looked at and why not. issue: an id or a prefix."""

    target = "healer"
    verb = "explain_decision"
    reply = RuleDecision
    issue: str
