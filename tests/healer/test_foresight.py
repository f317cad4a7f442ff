"""A sign that came before the same failure twice, and what helped twice is done before the third."""

import pytest

from actors.healer.settings import LearningSettings
from actors.process_manager.settings import ProcessManagerSettings
from actors.settings import RestartPolicy, Seconds
from bus.messages import (
    ExplainDecision,
    ExplainIssue,
    IssueRaised,
    IssueResolved,
    ListFixes,
    ListIssues,
    LogErrorLine,
    LogLinesRead,
    ProcessExited,
    SetPhase,
)
from tests.healer.fakes import LOOPING, crashed, hook, quick, workload
from tests.healer.real import python

FILLS = """
import os, pathlib, sys, time
pathlib.Path("filling").unlink(missing_ok=True)
pathlib.Path("up").touch()
while True:
    time.sleep(0.01)
    if os.path.exists("filling"):
        print("ERROR queue is filling up", flush=True)
        end = time.monotonic() + 2
        while os.path.exists("filling"):
            time.sleep(0.01)
            if time.monotonic() > end:
                sys.exit("QueueError: the queue is full")
"""
EAGER = LearningSettings(sign_lead=Seconds(0.05), sign_window=Seconds(30))


def of_kind(house, fact, *kinds):
    return [one for one in house.events(fact) if one.issue_kind in kinds]


def test_a_sign_before_a_real_failure_is_acted_upon_the_third_time_and_the_failure_does_not_come(real_ward, tmp_path):
    house = real_ward(
        python(FILLS),
        restart=RestartPolicy(start_limit=9, backoff_first=Seconds(0.01)),
        manager=ProcessManagerSettings(log_check=Seconds(0.1), log_read_every=Seconds(0.1)),
        healer=quick(stable_for=0.3, verify_within=10.0, command_timeout=20.0, learning=EAGER),
    )
    house.until((tmp_path / "up").exists)
    for times in (1, 2):
        (tmp_path / "filling").touch()
        house.until(lambda times=times: len(of_kind(house, IssueResolved, "crash")) == times, 60.0)
    (tmp_path / "filling").touch()
    resolved = house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "foreseen", 60.0)
    assert resolved.by == "restart"
    assert not (tmp_path / "filling").exists()
    assert [fact.exit_code for fact in house.events(ProcessExited) if not fact.asked] == [1, 1]
    (issue,) = of_kind(house, IssueRaised, "foreseen")
    assert "log: ERROR queue is filling up: 2 of 2 times a failure followed" in issue.summary
    assert house.ask(ExplainDecision(issue=issue.issue)).rule == "foreseen"
    (omen,) = [row for row in house.ask(ListFixes()).omens if row.sign == "log: ERROR queue is filling up"]
    assert (omen.preceded, omen.lead_s > 0) == (2, True)


SIGN = LogLinesRead(
    subject="api", lines=1, errors=1, read_bytes=9, sample=[LogErrorLine(offset=0, text="ERROR queue is filling up")]
)
EXPLODES = ["QueueError: the queue is full"]


@pytest.fixture
def signs(ward):
    """A Healer that has seen the sign before two failures, against both of which the restart policy helped."""
    quickly = LearningSettings(sign_lead=Seconds(0), sign_window=Seconds(0.8))
    ward.open(workload(restart=LOOPING, heal={"crash": ["await_restart"]}), learning=quickly)
    for times in (1, 2):
        follow(ward, times)
    ward.script.asked.clear()
    return ward


def follow(ward, times):
    """The sign, the failure, and its end."""
    ward.tell(SIGN)
    ward.script.up()
    ward.tell(crashed(tail=EXPLODES))
    ward.house.until(lambda: len(of_kind(ward.house, IssueResolved, "crash")) == times)


def omens(ward):
    return {row.sign: row for row in ward.house.ask(ListFixes()).omens}["log: ERROR queue is filling up"]


def test_where_the_policy_helped_it_is_restarted_beforehand_and_the_time_after_shows_that_it_was_prevented(signs):
    signs.tell(SIGN)
    assert signs.house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "foreseen").by == "restart"
    assert signs.script.actions() == ["restart"]
    signs.house.until(lambda: omens(signs).prevented == 1)
    assert (omens(signs).preceded, omens(signs).missed) == (2, 0)


def test_what_did_not_prevent_it_is_not_done_again(signs):
    signs.tell(SIGN)
    signs.house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "foreseen")
    signs.script.up()
    signs.tell(crashed(tail=EXPLODES))
    signs.house.until(lambda: omens(signs).missed == 1)
    signs.house.until(lambda: len(of_kind(signs.house, IssueResolved, "crash")) == 3)
    signs.tell(SIGN)
    signs.looked()
    assert len(of_kind(signs.house, IssueRaised, "foreseen")) == 1


def test_a_sign_once_before_is_no_reason_to_act(ward):
    ward.open(learning=LearningSettings(sign_lead=Seconds(0), sign_window=Seconds(0.8)))
    follow(ward, 1)
    ward.tell(SIGN)
    ward.looked()
    assert of_kind(ward.house, IssueRaised, "foreseen") == []
    steps = ward.house.ask(ExplainIssue(issue=ward.house.events(IssueRaised)[0].issue)).audit
    assert [step.detail for step in steps if step.step == "sign"] == ["0 s before: log: ERROR queue is filling up"]


def test_with_foresight_off_signs_are_counted_only(signs):
    off = LearningSettings(sign_lead=Seconds(0), sign_window=Seconds(0.8), foresee=False)
    signs.house.reload(signs.house.view.workloads, healer=quick(learning=off))
    signs.tell(SIGN)
    signs.looked(2)
    assert of_kind(signs.house, IssueRaised, "foreseen") == []


def test_where_it_may_not_act_what_was_foreseen_ends_when_it_has_come_or_has_not(signs):
    signs.house.ask(SetPhase(phase="observe"))
    signs.tell(SIGN)
    ended = signs.house.wait_for(IssueResolved, lambda fact: fact.issue_kind == "foreseen")
    assert (ended.by, ended.verified) == ("itself", "what was foreseen did not come")
    assert signs.script.actions() == []
    signs.tell(SIGN)
    signs.house.until(lambda: len(of_kind(signs.house, IssueRaised, "foreseen")) == 2)
    signs.script.up()
    signs.tell(crashed(tail=EXPLODES))
    signs.house.until(lambda: len(of_kind(signs.house, IssueResolved, "foreseen")) == 2)
    assert of_kind(signs.house, IssueResolved, "foreseen")[-1].verified == "what was foreseen has come"


def test_what_is_said_while_something_is_wrong_is_no_sign(ward):
    ward.open(workload(heal={"crash_loop": []}, hooks={"a": hook()}))
    ward.script.down()
    ward.tell(crashed(tail=EXPLODES))
    ward.house.until(lambda: ward.house.ask(ListIssues()).issues)
    ward.tell(SIGN)
    ward.looked(2)
    assert ward.house.ask(ListFixes()).omens == []
