"""What survives: a handler that raises, a Healer started again, a node killed in the middle of a remedy."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from actors.healer import symptoms
from bus.messages import (
    ActorFailed,
    ExplainIssue,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    ListIssues,
    RemedyDeferred,
    RemedyFailed,
    RemedyStarted,
    RemedyVerified,
)
from bus.messages.process_manager import RunHook, StartProcess
from tests.healer.conftest import Ward
from tests.healer.fakes import NEVER, crashed, hook, looped, probes, workload
from tests.healer.test_actor import crossed, failed, passed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def again(tmp_path, ward):
    """Ends the first Healer and opens a second one over the same store and world."""
    second = []

    def reopen(*workloads, **changes):
        script = ward.script
        ward.house.stop()
        made = Ward(tmp_path)
        made.script = script
        script.asked.clear()
        second.append(made)
        return made.open(*workloads, **changes)

    yield reopen
    for made in second:
        made.house.stop()


def test_a_handler_that_raises_loses_no_issue(ward, monkeypatch):
    ward.open(workload(hooks={"repair": hook()}))
    ward.script.down()
    ward.script.effects[RunHook] = lambda _: NEVER
    ward.tell(looped())
    issue = ward.house.wait_for(RemedyStarted).issue
    monkeypatch.setattr(symptoms, "of_threshold", lambda _: 1 / 0)
    ward.tell(crossed())
    ward.house.wait_for(ActorFailed)
    assert ward.house.wait_for(RemedyFailed).remedy == "hook:repair"
    resolved = ward.house.wait_for(IssueResolved)
    assert (resolved.issue, resolved.by) == (issue, "restart")
    assert len(ward.house.events(IssueRaised)) == 1


def test_what_was_being_verified_is_verified_anew_by_the_next_healer(ward, again):
    ward.open(workload(probes=probes(liveness={})), verify_within=30.0)
    ward.tell(failed())
    issue = ward.house.wait_for(RemedyStarted).issue
    ward.verifying()
    second = again(workload(probes=probes(liveness={})), verify_within=30.0)
    assert [each.issue for each in second.house.ask(ListIssues()).issues] == [issue]
    second.tell(passed())
    resolved = second.house.wait_for(IssueResolved)
    assert (resolved.issue, resolved.by) == (issue, "restart")
    assert second.house.wait_for(RemedyVerified).issue == issue
    assert not second.house.events(IssueRaised)
    assert second.script.actions() == []


def test_what_does_not_verify_anew_goes_on_with_the_next_remedy_of_its_plan(ward, again):
    repaired = workload(hooks={"repair": hook()})
    ward.open(repaired)
    ward.script.down()
    ward.script.effects[RunHook] = lambda _: NEVER
    ward.tell(looped())
    ward.house.wait_for(RemedyStarted)
    second = again(repaired)
    assert second.house.wait_for(RemedyFailed).remedy == "hook:repair"
    assert second.house.wait_for(IssueResolved).by == "restart"


def test_an_escalated_issue_keeps_its_time_of_retry(ward, again):
    ward.open(retry=0.6, retry_max=5.0)
    ward.script.down()
    ward.script.effects[StartProcess] = lambda _: 1 / 0
    ward.tell(looped())
    ward.house.wait_for(IssueEscalated)
    del ward.script.effects[StartProcess]
    second = again(retry=0.6, retry_max=5.0)
    resolved = second.house.wait_for(IssueResolved)
    assert resolved.by == "restart"
    assert second.house.ask(ListIssues(open_only=False)).issues[0].remedies == ["restart", "restart"]


def test_an_issue_that_went_away_while_no_healer_was_there_is_gone_by_itself(ward, again):
    ward.open(retry=60.0, retry_max=60.0)
    ward.script.down()
    ward.script.effects[StartProcess] = lambda _: 1 / 0
    ward.tell(looped())
    ward.house.wait_for(IssueEscalated)
    ward.script.up()
    second = again(retry=60.0, retry_max=60.0)
    resolved = second.house.wait_for(IssueResolved)
    assert resolved.by == "itself"
    assert resolved.time_to_repair_s > 0
    assert second.script.actions() == []


def test_what_was_dropped_from_the_config_meanwhile_is_not_told_again(ward, again):
    ward.open(retry=60.0, retry_max=60.0)
    ward.script.down("waiting")
    ward.tell(looped())
    ward.house.wait_for(RemedyDeferred)
    second = again(workload("web"))
    assert second.house.wait_for(IssueResolved).verified == "it is no longer declared"
    assert not second.house.events(IssueEscalated, RemedyStarted)


def test_breakers_and_cool_downs_are_remembered(ward, again):
    changes = {"retry": 0.01, "cool_down": 0.01, "breaker_open": 60.0}
    ward.open(**changes)
    ward.script.down()
    ward.script.effects[StartProcess] = lambda _: 1 / 0
    ward.tell(looped())
    ward.house.wait_for(RemedyDeferred, lambda fact: "circuit breaker" in fact.why)
    second = again(**changes)
    deferred = second.house.wait_for(RemedyDeferred)
    assert "circuit breaker" in deferred.why
    assert second.script.actions() == []


def test_counts_of_a_flood_are_written_at_the_end(ward, again):
    ward.open(retry=60.0, retry_max=60.0, check_every=60.0)
    ward.script.down("exited")
    ward.tell(crashed())
    ward.house.wait_for(IssueEscalated)
    ward.tell(*(crashed() for _ in range(300)))
    ward.house.until(lambda: ward.house.ask(ListIssues()).issues[0].count == 301)
    second = again(retry=60.0, retry_max=60.0)
    assert second.house.ask(ListIssues()).issues[0].count == 301


def test_ids_stay_unique_over_a_restart_with_the_clock_set_back(ward, again, monkeypatch):
    ward.open(workload(), workload("web"))
    ward.script.down("exited")
    ward.tell(crashed())
    first = ward.house.wait_for(IssueRaised).issue
    second = again(workload(), workload("web"))
    monkeypatch.setattr(type(second.house.clock), "wall", lambda _: 1_000.0)
    second.script.down("exited", name="web")
    second.tell(crashed("web"))
    assert second.house.wait_for(IssueRaised).issue > first


def test_a_store_that_cannot_be_written_is_a_failure_that_is_told_and_healed(ward, tmp_path):
    ward.open()
    ward.script.down()
    blocker = sqlite3.connect(tmp_path / "healer.db", isolation_level=None)
    blocker.execute("DROP TABLE steps")
    ward.tell(looped())
    ward.house.wait_for(ActorFailed)
    blocker.close()
    assert ward.house.wait_for(IssueResolved).by == "restart"


KILLED = """
import sys, pathlib
from actors.healer.actor import Healer
from bus.messages import RemedyStarted
from bus.messages.process_manager import RunHook
from tests.harness import House
from tests.healer.fakes import NEVER, Script, hook, looped, manager, quick, row, workload

house, script = House(pathlib.Path(sys.argv[1])), Script(row())
script.effects[RunHook] = lambda _: NEVER
house.start(manager(script))
house.start(Healer, quick(), workloads={"api": workload(hooks={"repair": hook()})})
script.down()
house.publish(looped(tail=["KeyError: 'a'"]))
print(house.wait_for(RemedyStarted).issue, flush=True)
sys.stdin.read()
"""


def test_an_issue_survives_a_node_that_is_killed_in_the_middle_of_its_remedy(tmp_path, ward):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as node:
        try:
            assert node.stdout
            issue = node.stdout.readline().strip()
        finally:
            node.send_signal(signal.SIGKILL)
    assert issue.startswith("i")
    ward.script.down()
    ward.open(workload(hooks={"repair": hook()}))
    resolved = ward.house.wait_for(IssueResolved)
    assert (resolved.issue, resolved.by) == (issue, "restart")
    told = ward.house.ask(ExplainIssue(issue=issue))
    assert [step.step for step in told.audit] == [
        *["raised", "raised", "remedy", "acted", "failed", "remedy", "acted", "verified", "resolved"]
    ]
    assert "started again" in told.audit[3].detail
