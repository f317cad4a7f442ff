"""What people teach the Healer, what it makes of what they do by hand, and what it learnt."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec

from actors.healer import byhand
from actors.healer.decision import explained
from actors.healer.experience import Experience
from actors.healer.issues import Issue
from actors.healer.learned import Learned, new_chance, open_learned
from actors.healer.lore import Lore, split
from actors.healer.people import People
from actors.healer.plans import left_out
from actors.healer.remedies import parse
from actors.healer.rulebook import Rulebook
from actors.healer.summary import report
from actors.settings import ConfigError, Workload
from actors.settings.rules import Placed, read_rules, shipped_rules
from bus.errors import Refused
from bus.message import Command, Done
from bus.messages.learning import (
    ExplainDecision,
    ExportLore,
    FixesReport,
    FixIssue,
    ImportLore,
    ListFixes,
    LorePart,
    RuleDecision,
)
from bus.messages.process_manager import ProcessStarted

_PART_ROWS = 1000
"""Rows of what was learnt in one answer; a frame has room for three times as many."""
_TEXT_MAX = 500


class Teaching(People):
    """The commands about what is learnt; people.py has the others."""

    answers: ClassVar[tuple[type[Command], ...]] = (
        *People.answers,
        ExplainDecision,
        ExportLore,
        FixIssue,
        ImportLore,
        ListFixes,
    )

    _learned: Learned | None = None
    _specs: dict[str, Workload]
    _broken_rules: set[tuple[str, str]]

    def _remember(self) -> Experience:
        """Open what was learnt."""
        self._specs, self._broken_rules = dict(self.node.workloads), set()
        learned, aside = open_learned(self.node.state_dir / "learned.db")
        self._learned = learned
        if aside:
            self.log.error("learned.put_aside", file=aside, why="it cannot be read; learning begins anew")
        origin, rules = self.node.name, self._rules()
        return Experience(learned, self.settings.learning, rules, origin=origin, clock=self.clock, chance=new_chance())

    def _rules(self) -> Rulebook:
        """The rules that hold now. What is wrong with a file was told when the config was read; it may have changed."""
        own: list[Placed] = []
        if self.settings.rules is not None:
            try:
                own = read_rules(Path(self.settings.rules), Path(self.settings.rules).name)
            except ConfigError as error:
                self.log.warning("rules.unread", faults=len(error.faults), first=str(error.faults[0]))
        return Rulebook(shipped_rules(), own, self._rule_broken)

    def _rule_broken(self, rule: str, error: str) -> None:
        """Told once, as it would come with every look at the issue."""
        if (rule, error) not in self._broken_rules:
            self._broken_rules.add((rule, error))
            self.log.warning("rule.passed_over", rule=rule, error=error)

    def _let_go(self) -> None:
        if self._learned is not None:
            self._learned.close()

    # -- what is done by hand

    def _saw_start(self, fact: ProcessStarted) -> None:
        """A person's restart while an issue is open may be what fixes it."""
        done = byhand.of_start(fact)
        for case in self.book.of(fact.subject) if done is not None else []:
            if done is not None and case.attempt is None:
                self.book.change(case, ("by_hand", done[0]))
                self.book.experience.hand(case.issue, *done)

    def _saw_config(self) -> None:
        """So may a change of its config. The rules are read anew with it."""
        for case in self.book.cases():
            name = case.issue.subject
            if name in self._specs and name in self.node.workloads:
                text = byhand.of_config(self._specs[name], self.node.workloads[name])
                if text:
                    self.book.change(case, ("by_hand", text))
                    self.book.experience.hand(case.issue, text, "")
        self._specs, self._broken_rules = dict(self.node.workloads), set()
        self.book.experience.settings, self.book.experience.rulebook = self.settings.learning, self._rules()

    # -- people

    def do_fix_issue(self, command: FixIssue) -> Done:
        """A remedy is tried first the next time, anything else is told."""
        text = " ".join(command.by.split())[:_TEXT_MAX]
        if not text:
            raise Refused("say what fixed it: --by restart, --by hook:NAME, or in words")
        issue = self._named(command.issue)
        remedy = self._as_remedy(text, issue)
        self.book.experience.fixed(issue, text, remedy)
        case = self.book.get(issue.issue)
        if case is not None:
            self._conditions.end_subject(issue.subject)
            self._treatment.resolve(case, "person", text)
        self._commit()
        then = f"{remedy} is tried first the next time" if remedy else "it is told the next time"
        return Done(detail=f"{issue.kind} of {issue.subject} was fixed by: {text}; {then}")

    def _as_remedy(self, text: str, issue: Issue) -> str:
        """The remedy of that name; empty when it names none. Raises Refused for one that the workload has not."""
        remedy, workload = parse(text), self.node.workloads.get(issue.subject)
        if remedy is None or workload is None or issue.cause.scope != "workload":
            return ""
        why = left_out(remedy.name, workload)
        if why:
            raise Refused(f"{remedy.name}: {why}")
        return remedy.name

    def do_explain_decision(self, command: ExplainDecision) -> RuleDecision:
        issue = self._named(command.issue)
        return explained(issue, self.node.workloads.get(issue.subject), self.book.experience)

    def do_list_fixes(self, command: ListFixes) -> FixesReport:
        learned = self.book.experience.learned
        return report(learned.lore(), learned.lessons(max(0, command.limit)), command.limit)

    def do_export_lore(self, command: ExportLore) -> LorePart:
        parts = split(self.book.experience.learned.lore(), _PART_ROWS)
        chosen = parts[command.part] if 0 <= command.part < len(parts) else Lore()
        return LorePart(text=msgspec.json.encode(chosen).decode(), parts=len(parts))

    def do_import_lore(self, command: ImportLore) -> Done:
        """What is here already stays; nothing is taken of a text that cannot be read."""
        try:
            lore = msgspec.json.decode(command.text, type=Lore)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise Refused(f"this cannot be taken over: {error}") from None
        new = self.book.experience.take_over(lore)
        self._commit()
        return Done(
            detail=f"new here: {len(new.outcomes)} of {len(lore.outcomes)} outcomes, {len(new.fixes)} of"
            f" {len(lore.fixes)} fixes by people, {len(new.omens)} of {len(lore.omens)} signs"
        )
