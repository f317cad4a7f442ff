from typing import Any

import msgspec
import pytest

from actors.faults.fault import Done, Fault
from actors.faults.verdict import Look, judge


class Event(msgspec.Struct):
    subject: str
    data: dict[str, Any]


class One(msgspec.Struct):
    at_s: float
    kind: str
    event: Event


def fact(at_s, kind, subject="web", **data):
    return One(at_s, kind, Event(subject, data))


def fault(**said):
    return Fault(
        **{
            "name": "crash",
            "what": "",
            "workloads": "",
            "prepare": lambda _: None,
            "look": lambda _: "",
            "inject": lambda stand: stand.done(""),
            "subjects": ("web",),
            **said,
        }
    )


DONE = Done(10.0, "it was killed")
EXIT = fact(10.1, "process.exited", asked=False)
RAISED = fact(10.2, "issue.raised", issue="i1", issue_kind="crash")
REMEDY = fact(10.3, "remedy.started", remedy="restart")
START = fact(10.4, "process.started", pid=7)
RESOLVED = fact(12.5, "issue.resolved", issue="i1", by="restart", verified="it is up")
ESCALATED = fact(12.5, "issue.escalated", issue="i1", why="port 80 is held by pid 7 (nc)")
FACTS = [EXIT, RAISED, REMEDY, START, RESOLVED]
LOOKS = [Look(10.05, well=False, text="refused"), Look(10.5, well=True, text="ok"), Look(12.0, well=True, text="ok")]


def wrong(facts=FACTS, looks=LOOKS, done=DONE, **said):
    return judge(fault(**said), done, facts, looks).wrong


def test_a_repair_has_all_its_times_from_the_moment_of_the_fault():
    verdict = judge(fault(actions=("restart",)), DONE, FACTS, LOOKS)
    assert verdict.right
    assert [round(seconds or 0, 3) for seconds in (verdict.detected_s, verdict.began_s)] == [0.1, 0.3]
    assert [round(seconds or 0, 3) for seconds in (verdict.repaired_s, verdict.verified_s)] == [0.5, 2.5]
    assert round(verdict.down_s, 3) == 0.45
    assert verdict.actions == ["restart"]
    assert verdict.starts == {"web": 1}


def test_a_look_at_the_life_before_the_last_start_does_not_count_as_repaired():
    early = [Look(10.0, well=True, text="ok"), Look(10.35, well=True, text="ok"), Look(10.6, well=True, text="ok")]
    assert round(judge(fault(), DONE, FACTS, early).repaired_s or 0, 3) == 0.6


def test_what_others_have_to_end_is_not_counted_as_time_to_repair():
    assert judge(fault(), Done(10.0, "", cause_s=0.3), FACTS, LOOKS).repaired_s == pytest.approx(0.2)


def test_what_was_before_the_fault_is_no_sign_of_it():
    assert "not seen" in wrong([fact(9.0, "process.exited", asked=False), START])


def test_an_end_that_was_asked_for_is_no_sign():
    assert "not seen" in wrong([fact(10.1, "process.exited", asked=True), START])


def test_not_working_at_the_end_is_wrong():
    looks = [*LOOKS, Look(13.0, well=False, text="refused again")]
    assert wrong(looks=looks) == "not repaired: refused again"


def test_a_late_repair_is_wrong():
    assert "later than 0.2 s" in wrong(within_s=0.2)


def test_another_remedy_than_the_right_one_is_wrong():
    assert wrong(actions=("put_back_config",)) == "none of put_back_config was done"
    assert wrong(all_of=("restart", "tune")) == "tune was not done"


def test_an_issue_that_stays_open_is_wrong():
    assert wrong([EXIT, RAISED, REMEDY, START]) == "the node does not say that it is repaired"


def test_a_restart_of_what_the_fault_does_not_concern_is_wrong():
    assert wrong([*FACTS, fact(10.6, "process.started", "bystander", pid=9)]) == "1 collateral restarts"


def test_trying_around_and_starting_again_and_again_are_wrong():
    assert wrong([*FACTS, REMEDY, REMEDY, START], actions_max=2, starts_max=1) == (
        "2 starts, more than 1; 3 actions, more than 2"
    )


def test_the_first_start_of_the_node_is_no_restart_when_the_fault_was_there_before():
    assert judge(fault(before=True), DONE, FACTS, LOOKS).starts == {"web": 0}


def test_what_people_have_to_be_told_has_to_name_the_cause():
    assert not wrong([EXIT, ESCALATED], must="tell", says="pid 7")
    assert wrong([EXIT, ESCALATED], must="tell", says="certificate").startswith('"certificate" is not named')
    assert wrong([EXIT], must="tell", says="pid 7") == "nobody was told"


def test_what_passes_by_itself_must_be_left_alone():
    assert not wrong([], must="leave")
    assert wrong([REMEDY, START], must="leave") == "restart was done; 1 starts"
    assert wrong([ESCALATED], must="leave").startswith("people were told")
    assert wrong([], [Look(10.1, well=False, text="refused")], must="leave") == "it does not do its work: refused"
