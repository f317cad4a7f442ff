from typing import Any

import msgspec

from actors.demo.outcome import SHOWN_EACH, Digest, judge, step_of


class Event(msgspec.Struct):
    subject: str
    data: dict[str, Any]


class One(msgspec.Struct):
    at_s: float
    kind: str
    event: Event


def fact(at_s, kind, subject="web", **data):
    return One(at_s, kind, Event(subject, data))


EXIT = fact(10.1, "process.exited", asked=False)
RAISED = fact(10.2, "issue.raised", issue="i1")
REMEDY = fact(10.3, "remedy.started", remedy="restart", why="first of the plan")
STARTED = fact(10.4, "process.started", pid=7)
RESOLVED = fact(11.5, "issue.resolved", issue="i1", by="restart", verified="it is up")


def judged(*facts, subjects=("web",)):
    return judge("sigkill", "SIGKILL to web", facts, 10.0, subjects)


def test_a_healed_fault_has_all_its_times_from_the_injection_on():
    outcome = judged(EXIT, RAISED, REMEDY, STARTED, RESOLVED)
    assert round(outcome.seen_s or 0, 3) == 0.1
    assert round(outcome.resolved_s or 0, 3) == 1.5
    assert (outcome.decided, outcome.why, outcome.done) == ("restart", "first of the plan", "web started, pid 7")
    assert outcome.resolved == "web: it is up"
    assert not outcome.healed  # that takes a look of one's own


def test_what_came_before_the_injection_does_not_count():
    outcome = judged(
        fact(9.9, "process.exited", asked=False), fact(9.9, "issue.resolved", issue="i0", by="", verified="")
    )
    assert outcome.seen_s is None
    assert outcome.resolved_s is None


def test_what_is_about_others_does_not_count():
    assert judged(fact(10.1, "process.exited", "worker", asked=False)).seen_s is None


def test_it_is_resolved_only_when_every_issue_is():
    other = fact(10.2, "issue.raised", "report", issue="i2")
    assert judged(RAISED, other, RESOLVED, subjects=("web", "report")).resolved_s is None
    end = fact(12.0, "issue.resolved", "report", issue="i2", by="itself", verified="it is up")
    assert judged(RAISED, other, RESOLVED, end, subjects=("web", "report")).resolved_s == 2.0


def test_an_issue_that_was_never_raised_is_not_resolved():
    assert judged(EXIT, STARTED).resolved_s is None


def test_the_remedy_that_helped_is_named_and_not_the_first():
    last = fact(10.9, "remedy.started", remedy="end_strays", why="a child holds the port")
    end = fact(12.0, "issue.resolved", issue="i1", by="end_strays", verified="it is up")
    assert judged(RAISED, REMEDY, last, end).decided == "end_strays"


def test_hooks_and_starts_are_counted():
    hook = fact(10.5, "process.hook_ended", hook="repair", exit_code=0)
    outcome = judged(STARTED, hook, fact(10.6, "process.started", pid=8))
    assert outcome.done == "hook repair: code 0; web started (2 times), pid 8"
    assert outcome.starts == {"web": 2}


def test_an_end_that_was_asked_for_is_part_of_what_is_done_and_no_sign():
    asked = fact(10.1, "process.exited", asked=True)
    assert step_of(asked) == "done"
    assert judged(asked).seen_s is None


def test_facts_that_come_again_and_again_are_counted_and_not_shown():
    digest = Digest()
    shown = [digest.shows(EXIT) for _ in range(SHOWN_EACH + 3)]
    assert shown == [True] * SHOWN_EACH + [False] * 3
    assert digest.shows(RESOLVED)
    assert digest.take_left_out() == 3
    assert digest.take_left_out() == 0
