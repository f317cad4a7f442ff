"""Whether a remedy that could begin now may: by the phase, the confidence in it, and what a person says.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.healer.casebook import Case, Casebook
from actors.healer.confidence import Calibration, Confidence, calibrated, weigh
from actors.healer.course import Act, Situation, Skip, Wait
from actors.healer.dry_run import would
from actors.healer.factors import factors_of, past_of, was_rejected
from actors.healer.hands import Hands
from actors.healer.issues import Issue
from actors.healer.ledger import Ledger
from actors.healer.phases import Verdict, gate, phase_of
from actors.healer.records import Outcome, Request, Word
from actors.healer.remedies import Remedy
from actors.healer.settings import HealerSettings
from actors.settings import Workload, format_duration
from actors.settings.healing import Phase
from bus.messages.trust import ApprovalAnswered, ApprovalAsked

_OUTCOMES_MAX = 1000
_CALIBRATED_ON = 200
_WORDS_MAX = 500

Decision = Act | Wait | Skip


class Consent:
    """Owns the ledger. again(case): called when an answer lets a case go on.

    phases: set at run time, by name of the workload, or phases.NODE.
    """

    def __init__(
        self, hands: Hands, book: Casebook, ledger: Ledger, settings: HealerSettings, again: Callable[[Case], None]
    ) -> None:
        self.settings = settings
        self.ledger = ledger
        self.phases: dict[str, Phase] = ledger.phases()
        self._hands = hands
        self._book = book
        self._again = again
        self._requests = {(each.issue, each.remedy): each for each in ledger.requests()}
        self._words = ledger.words(_WORDS_MAX)
        self._outcomes: list[Outcome] = []
        self._outcomes_at = -1
        self._calibration = Calibration()
        book.experience.relapsed = self._relapsed

    def phase_of(self, workload: Workload) -> Phase:
        """The phase that holds for a workload now."""
        return phase_of(workload, self.settings.phase, self.phases)

    def weigh(self, case: Case, act: Act, situation: Situation) -> Decision:
        """Let it begin, or say what it waits for, or pass it over. Only what does something is weighed."""
        seen, workload, remedy = situation.seen, situation.workload, act.remedy
        if seen is None or workload is None or not remedy.disruptive:
            return act
        wall_s = self._hands.clock.wall()
        self._read_outcomes()
        past = past_of(remedy, case.issue, self._outcomes, self._words, wall_s)
        factors = factors_of(remedy, case.issue, workload, seen, past)
        plain = weigh(factors).chance
        confidence = weigh(factors, self._calibration)
        request = self._requests.get((case.issue.issue, remedy.name))
        verdict = self._verdict(case, remedy, workload, confidence)
        if request is not None and request.answer and verdict != "tell":
            verdict = "act" if request.answer == "approved" else "ask"
        if verdict in ("act", "watch"):
            return self._begin(case, act, confidence, plain)
        if verdict == "tell":
            said = f"phase observe: it is only told; would {would(remedy, workload, seen)}; {confidence.says()}"
            return Wait(remedy.name, said, self.settings.resync)
        if request is None and self._is_passed_over(workload, remedy, situation):
            return Skip(remedy.name, f"the next of the plan is tried first: {confidence.says()}")
        return self._ask(case, remedy, confidence, request, f"would {would(remedy, workload, seen)}")

    def _verdict(self, case: Case, remedy: Remedy, workload: Workload, confidence: Confidence) -> Verdict:
        rejected = was_rejected(remedy, case.issue, self._words)
        return gate(self.phase_of(workload), confidence, self.settings.confidence, rejected=rejected)

    def _is_passed_over(self, workload: Workload, remedy: Remedy, situation: Situation) -> bool:
        """What is too unsure is not asked about while the plan has another remedy."""
        last = situation.issue.step + 1 >= len(situation.plan.remedies)
        return self.phase_of(workload) == "act" and not last and remedy.disruptive

    def _begin(self, case: Case, act: Act, confidence: Confidence, plain: float) -> Act:
        issue = case.issue
        self.ledger.note_confidence(issue.issue, issue.attempts + 1, confidence, plain)
        self._drop((issue.issue, act.remedy.name))
        return Act(act.remedy, f"{act.precondition}; {confidence.says()}")

    # -- people

    def _ask(
        self, case: Case, remedy: Remedy, confidence: Confidence, request: Request | None, dry_run: str
    ) -> Decision:
        wall_s, issue = self._hands.clock.wall(), case.issue
        if request is None:
            return self._asked(case, remedy, confidence, dry_run)
        if request.answer == "rejected":
            return Skip(remedy.name, f"a person said no{': ' if request.note else ''}{request.note}")
        if wall_s < request.until:
            return Wait(
                remedy.name, f"it waits for a person: approve {issue.issue}", request.until - wall_s, quiet=True
            )
        approved = request.otherwise == "approve"
        self._tell(request, approved=approved, by="time-out", note="")
        if approved:
            self._keep(request, "approved", "")
            return Wait(remedy.name, "nobody answered, which counts as yes", 0.0, quiet=True)
        self._drop((issue.issue, remedy.name))
        return Skip(remedy.name, "nobody answered in time, which counts as no")

    def _asked(self, case: Case, remedy: Remedy, confidence: Confidence, dry_run: str) -> Wait:
        wall_s, issue, approval = self._hands.clock.wall(), case.issue, self.settings.approval
        why = f"{issue.kind} of {issue.subject}: {issue.summary}; {dry_run}; {confidence.says()}"
        request = Request(
            issue=issue.issue,
            remedy=remedy.name,
            subject=issue.subject,
            why=why,
            confidence=confidence.value,
            asked_at=wall_s,
            until=wall_s + approval.timeout,
            otherwise=approval.otherwise,
        )
        self._keep(request, "", "")
        left, otherwise = format_duration(approval.timeout), approval.otherwise
        self._book.change(
            case, ("asked", f"{remedy.name}: {confidence.says()}; {left} to answer, no answer counts as {otherwise}")
        )
        self._hands.publish(
            ApprovalAsked(
                subject=issue.subject,
                issue=issue.issue,
                remedy=remedy.name,
                why=why,
                confidence=confidence.value,
                until=request.until,
                otherwise=approval.otherwise,
            )
        )
        return Wait(remedy.name, "it waits for a person", float(approval.timeout), quiet=True)

    def answer(self, case: Case, *, approved: bool, note: str) -> str:
        """A person answers what is asked about an open issue; gives the remedy, or empty when nothing is asked."""
        request = self.asks(case.issue.issue)
        if request is None:
            return ""
        self._keep(request, "approved" if approved else "rejected", note)
        self.say(case.issue.subject, case.issue.fingerprint, request.remedy, approved=approved, note=note)
        said = f"{request.remedy}: a person said {'yes' if approved else 'no'}{': ' if note else ''}{note}"
        self._book.change(case, ("answered", said))
        self._tell(request, approved=approved, by="person", note=note)
        self._again(case)
        return request.remedy

    def say(self, subject: str, fingerprint: str, remedy: str, *, approved: bool, note: str) -> None:
        """Keep a person's word on a remedy for a failure; it counts from now on."""
        wall_s = self._hands.clock.wall()
        word = Word(time=wall_s, subject=subject, fingerprint=fingerprint, remedy=remedy, approved=approved, note=note)
        self.ledger.say(word)
        self._words.insert(0, word)
        del self._words[_WORDS_MAX:]

    def asks(self, issue: str) -> Request | None:
        """What is asked about an issue."""
        return next((each for each in self.waiting() if each.issue == issue), None)

    def waiting(self) -> list[Request]:
        """What waits for a person's word, oldest first."""
        return [each for each in self._requests.values() if not each.answer and self._book.get(each.issue)]

    def over(self, issue: str) -> None:
        """The issue is resolved: nothing is asked about it any more."""
        self._drop(*(key for key in self._requests if key[0] == issue))

    def set_phase(self, name: str, phase: Phase | None) -> None:
        """Set what holds from now on; None: as the config says."""
        self.ledger.set_phase(name, phase)
        if phase is None:
            self.phases.pop(name, None)
        else:
            self.phases[name] = phase

    def _tell(self, request: Request, *, approved: bool, by: str, note: str) -> None:
        self._hands.publish(
            ApprovalAnswered(
                subject=request.subject,
                issue=request.issue,
                remedy=request.remedy,
                approved=approved,
                by=by,
                note=note,
            )
        )

    def _keep(self, request: Request, answer: str, note: str) -> None:
        kept = Request(
            **{name: getattr(request, name) for name in Request.__struct_fields__} | {"answer": answer, "note": note}
        )
        self.ledger.keep_request(kept)
        self._requests[kept.issue, kept.remedy] = kept

    def _drop(self, *keys: tuple[str, str]) -> None:
        there = [key for key in keys if key in self._requests]
        if there:
            self.ledger.drop_requests(there)
            for key in there:
                del self._requests[key]

    # -- what is known from before

    def _read_outcomes(self) -> None:
        """How attempts ended, newest first; read again when one more has."""
        if self._outcomes_at != self._book.ended:
            self._outcomes_at = self._book.ended
            self._outcomes = self.ledger.outcomes(_OUTCOMES_MAX)
            newest = self._outcomes[:_CALIBRATED_ON]
            self._calibration = calibrated((each.plain, each.helped) for each in newest if each.plain is not None)

    def _relapsed(self, issue: Issue, remedy: str, since: float) -> None:
        """What was verified not long before the same issue came back has not helped after all."""
        self.ledger.relapsed(issue.subject, issue.fingerprint, remedy, since)
        self._outcomes_at = -1
