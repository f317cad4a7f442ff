from typing import Any

import pytest

from actors.base import Actor, NoSettings
from actors.healer.actor import Healer
from bus.errors import Refused
from bus.message import Done
from bus.messages import (
    ActorFailed,
    ActorRow,
    ActorStarted,
    ExplainIssue,
    GetNode,
    IssueEscalated,
    IssueRaised,
    IssueResolved,
    ListIssues,
    MetricsSampled,
    NodeInfo,
    ProbeFailed,
    ProbeMeasured,
    ProbeRecovered,
    ProcessReady,
    ProcessStartFailed,
    RemedyDeferred,
    RemedyFailed,
    RemedyStarted,
    RemedyVerified,
    ResolveIssue,
    ThresholdCleared,
    ThresholdCrossed,
)
from bus.messages.process_manager import HookResult, RestartProcess, RunHook, StartProcess
from tests.healer.fakes import NEVER, crashed, hook, looped, probes, workload

IN_USE = ["OSError: [Errno 98] Address already in use"]


def kind_of(kind):
    return lambda fact: fact.issue_kind == kind


def failed(probe="liveness", name="api"):
    return ProbeFailed(subject=name, probe=probe, failures=2, detail="no answer")


def passed(probe="liveness", name="api"):
    return ProbeMeasured(subject=name, probe=probe, ok=True, latency_s=0.001)


def crossed(metric="memory", value=150.0, *, scope="workload", name="api", severity="warning"):
    return ThresholdCrossed(
        subject=name,
        scope=scope,
        metric=metric,
        value=value,
        limit=100.0,
        direction="above",
        held_s=0.1,
        severity=severity,
    )


def sampled(metric="memory", value=50.0, *, scope="workload", name="api"):
    return MetricsSampled(subject=name, scope=scope, values={metric: value}, interval_s=0.1)


def names(*facts):
    return [type(fact).__name__ for fact in facts]


HEALING = (IssueRaised, RemedyStarted, RemedyDeferred, RemedyFailed, RemedyVerified, IssueEscalated, IssueResolved)


# -- crashes


def test_a_crash_is_an_issue_until_the_restart_is_seen_to_hold(ward):
    ward.open()
    ward.script.up()
    ward.tell(crashed(tail=["ValueError: row 7"]))
    resolved = ward.house.wait_for(IssueResolved)
    assert resolved.by == "await_restart"
    assert "no exit" in resolved.verified
    assert names(*ward.house.events(*HEALING)) == ["IssueRaised", "RemedyStarted", "RemedyVerified", "IssueResolved"]
    assert 0 < resolved.time_to_repair_s < 20
    assert ward.script.actions() == []


def test_it_is_woken_between_its_resyncs_only_while_an_issue_is_open(ward, monkeypatch):
    checks: list[int] = []
    real = Healer._check

    def check(healer):
        checks.append(1)
        real(healer)

    monkeypatch.setattr(Healer, "_check", check)
    ward.open()
    ward.script.up()
    ward.looked(3)
    assert checks == []
    ward.tell(crashed(tail=["ValueError: row 7"]))
    ward.house.wait_for(IssueResolved)
    assert checks
    ward.looked(2)  # the last one that was set has come by now
    so_far = len(checks)
    ward.looked(3)
    assert len(checks) == so_far


def test_a_stop_that_was_asked_for_is_no_issue(ward):
    ward.open()
    ward.tell(crashed(asked=True, expected=True, signal="TERM"), crashed(expected=True, exit_code=0))
    ward.tell(crashed(name="elsewhere"))
    assert ward.house.ask(ListIssues(open_only=False)).issues == []


def test_a_crash_that_goes_on_becomes_a_crash_loop_with_the_same_id(ward):
    ward.open()
    ward.script.down("backing_off")
    ward.tell(crashed(), crashed(), crashed())
    ward.house.wait_for(RemedyStarted)
    ward.script.down("crash_loop")
    ward.tell(looped())
    resolved = ward.house.wait_for(IssueResolved)
    raised = ward.house.events(IssueRaised)
    assert [fact.issue_kind for fact in raised] == ["crash", "crash_loop"]
    assert {fact.issue for fact in raised} == {resolved.issue}
    assert (resolved.issue_kind, resolved.by) == ("crash_loop", "restart")
    assert ward.script.actions() == ["start"]


def test_a_crash_that_will_not_be_restarted_goes_to_a_person(ward):
    ward.open(retry=60.0, retry_max=60.0)
    ward.script.down("exited", why="its policy is never")
    ward.tell(crashed())
    escalated = ward.house.wait_for(IssueEscalated)
    assert escalated.why == "it will not be restarted: its policy is never"
    assert escalated.retry_s == 60.0
    assert ward.script.actions() == []


# -- crash loops


def test_a_crash_loop_is_repaired_by_its_hook_and_started_again(ward):
    ward.open(workload(hooks={"repair": hook()}))
    ward.script.down()
    ward.tell(looped())
    resolved = ward.house.wait_for(IssueResolved)
    assert resolved.by == "hook:repair"
    assert ward.script.actions() == ["hook:repair", "start"]


def test_a_hook_that_fails_is_undone_and_the_next_remedy_has_its_turn(ward):
    ward.open(workload(hooks={"repair": hook(undo=["true"])}))
    ward.script.down()
    ward.script.effects[RunHook] = lambda command: HookResult(
        exit_code=0 if command.undo else 3, took_s=0.1, output=["no such table"]
    )
    ward.tell(looped())
    broken = ward.house.wait_for(RemedyFailed)
    assert (broken.why, broken.undone) == ("the hook exited with code 3: no such table", "hook:repair")
    assert ward.house.wait_for(IssueResolved).by == "restart"
    assert ward.script.actions() == ["hook:repair", "undo:repair", "start"]


def test_a_hook_after_which_it_ends_again_is_undone(ward):
    ward.open(workload(hooks={"repair": hook(undo=["true"])}))
    ward.script.down()
    starts = []

    def start(command):
        starts.append(command)
        if len(starts) == 1:
            ward.script.down()
            ward.script.publish(crashed(tail=["KeyError: 'a'"]))
        else:
            ward.script.up()

    ward.script.effects[StartProcess] = start
    ward.tell(looped())
    ward.house.wait_for(IssueResolved)
    broken = ward.house.wait_for(RemedyFailed)
    assert (broken.remedy, broken.undone) == ("hook:repair", "hook:repair")
    assert ward.script.actions() == ["hook:repair", "start", "undo:repair", "start"]


def test_a_hook_without_an_undo_says_that_nothing_was_undone(ward):
    ward.open(workload(hooks={"repair": hook()}))
    ward.script.down()
    ward.script.effects[RunHook] = lambda _: HookResult(exit_code=None, took_s=0.1)
    ward.tell(looped())
    broken = ward.house.wait_for(RemedyFailed)
    assert (broken.why, broken.undone) == ("the hook was ended at its time-out", "")


def test_an_undo_that_fails_is_told(ward):
    ward.open(workload(hooks={"repair": hook(undo=["true"])}))
    ward.script.down()
    ward.script.effects[RunHook] = lambda _: HookResult(exit_code=3, took_s=0.1)
    ward.tell(looped())
    broken = ward.house.wait_for(RemedyFailed)
    assert (broken.why, broken.undone) == (
        "the hook exited with code 3; undoing it failed: the hook exited with code 3",
        "",
    )


def test_at_the_end_of_the_plan_a_person_is_wanted_and_the_plan_is_tried_again_until_it_helps(ward):
    ward.open()
    ward.script.down()
    starts = []

    def start(command):
        starts.append(command)
        return Refused("no") if len(starts) < 3 else ward.script.up()

    ward.script.effects[StartProcess] = start
    ward.tell(looped())
    resolved = ward.house.wait_for(IssueResolved)
    assert resolved.by == "restart"
    escalated = ward.house.events(IssueEscalated)
    assert [(fact.tried, fact.retry_s) for fact in escalated] == [(["restart"], 0.3), (["restart", "restart"], 0.6)]
    assert [fact.why for fact in ward.house.events(RemedyFailed)] == ["refused: no"] * 2


# -- ports


def test_a_port_held_by_a_left_over_process_is_freed_and_the_workload_started(ward):
    ward.open()
    ward.script.down(strays=[99])
    ward.tell(looped(tail=IN_USE))
    resolved = ward.house.wait_for(IssueResolved)
    assert (resolved.issue_kind, resolved.by) == ("port_in_use", "end_port_owner")
    assert ward.script.actions() == ["end_strays", "start"]


def test_a_port_held_by_nobody_any_more_takes_a_start_only(ward):
    ward.open()
    ward.script.down()
    ward.tell(looped(tail=IN_USE))
    resolved = ward.house.wait_for(IssueResolved)
    assert resolved.by == "restart"
    steps = [step.step for step in ward.house.ask(ExplainIssue(issue=resolved.issue)).audit]
    assert "skipped" in steps


# -- probes


def test_what_does_not_answer_is_restarted_and_its_own_end_makes_no_new_issue(ward):
    ward.open(workload(probes=probes(liveness={})))
    ward.script.set(state="unhealthy")

    def restart(_):
        ward.script.publish(crashed(asked=True, expected=True, signal="TERM"))
        ward.script.up()

    ward.script.effects[RestartProcess] = restart
    ward.tell(failed())
    ward.verifying()
    ward.tell(passed())
    resolved = ward.house.wait_for(IssueResolved)
    assert resolved.by == "restart"
    assert resolved.verified.endswith("liveness probe passes")
    assert len(ward.house.events(IssueRaised)) == 1


def test_what_a_probe_said_of_the_process_before_does_not_count_against_its_restart(ward):
    ward.open(workload(probes=probes(liveness={}, readiness={})))

    def restart(_):
        ward.script.publish(failed("readiness"))
        ward.script.up()

    ward.script.effects[RestartProcess] = restart
    ward.tell(failed())
    ward.verifying()
    ward.tell(passed())
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_a_restart_after_which_the_probe_never_passes_has_failed(ward):
    ward.open(workload(probes=probes(liveness={})))
    ward.tell(failed())
    broken = ward.house.wait_for(RemedyFailed)
    assert broken.why == "not verified in time: the liveness probe has not passed"
    assert ward.house.wait_for(IssueEscalated).tried == ["restart"]


def test_a_probe_that_passes_again_before_anything_was_done_is_gone_by_itself(ward):
    ward.open(workload(probes=probes(liveness={})))
    ward.script.set(state="waiting")
    ward.tell(failed())
    ward.house.wait_for(RemedyDeferred)
    ward.script.set(state="ready")
    ward.tell(ProbeRecovered(subject="api", probe="liveness", after_s=1.0))
    assert ward.house.wait_for(IssueResolved).by == "itself"
    assert ward.script.actions() == []


def test_readiness_is_an_issue_only_of_a_process_that_was_ready(ward):
    ward.script.set(state="running")
    ward.open(workload(probes=probes(readiness={})))
    ward.tell(failed("readiness"))
    assert ward.house.ask(ListIssues()).issues == []
    ward.tell(ProcessReady(subject="api", pid=4000, incarnation=1, after_s=1.0), failed("readiness"))
    assert ward.house.wait_for(IssueRaised).issue_kind == "not_working"


def test_not_working_that_becomes_unresponsive_is_the_same_issue(ward):
    ward.open(workload(probes=probes(liveness={}, work={}), heal={"not_working": ["signal:HUP"]}))
    ward.tell(failed("work"))
    ward.house.wait_for(RemedyStarted, lambda fact: fact.remedy == "signal:HUP")
    ward.tell(failed("liveness"))
    ward.verifying(2)
    ward.tell(passed("liveness"))
    ward.house.wait_for(IssueResolved)
    assert len({fact.issue for fact in ward.house.events(IssueRaised)}) == 1
    assert ward.script.actions() == ["signal:HUP", "restart"]


def test_a_probe_failure_that_nobody_told_of_is_seen_from_its_measurements(ward):
    ward.open(workload(probes=probes(work={})))
    miss = ProbeMeasured(subject="api", probe="work", ok=False, latency_s=0.1, detail="refused")
    ward.tell(miss, miss, miss, miss)
    raised = ward.house.wait_for(IssueRaised)
    assert raised.summary == "work probe failed 4 times in a row: refused"


# -- thresholds


def test_memory_is_relieved_by_its_hook_when_a_later_reading_says_so(ward):
    ward.open(workload(hooks={"relieve": hook()}))
    ward.tell(crossed())
    ward.verifying()
    ward.tell(sampled(value=120.0), sampled(value=60.0))
    resolved = ward.house.wait_for(IssueResolved)
    assert resolved.by == "hook:relieve"
    assert resolved.verified.endswith("memory 60 B is behind its limit 100 B")


def test_a_hook_that_does_not_relieve_memory_is_followed_by_a_restart(ward):
    ward.open(workload(hooks={"relieve": hook()}))
    ward.tell(crossed())
    ward.house.wait_for(RemedyFailed, lambda fact: fact.remedy == "hook:relieve")
    ward.verifying(2)
    assert ward.script.actions() == ["hook:relieve", "restart"]
    ward.tell(sampled())
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_a_warning_about_latency_is_told_and_acted_upon_only_when_it_lasts(ward):
    ward.open()
    ward.tell(crossed("latency"))
    told = ward.house.wait_for(IssueEscalated)
    assert told.why.startswith("a warning")
    assert ward.script.actions() == []
    ward.verifying()
    ward.tell(sampled("latency"))
    assert ward.house.wait_for(IssueResolved).by == "restart"


def test_a_warning_that_clears_meanwhile_is_never_acted_upon(ward):
    ward.open(second_hold=30.0)
    ward.tell(crossed("availability"))
    ward.house.wait_for(IssueEscalated)
    ward.tell(ThresholdCleared(subject="api", scope="workload", metric="availability", value=10.0, lasted_s=1.0))
    assert ward.house.wait_for(IssueResolved).by == "itself"
    assert ward.script.actions() == []


def test_a_critical_reading_is_acted_upon_at_once(ward):
    ward.open()
    ward.tell(crossed("error_rate", severity="critical"))
    ward.house.wait_for(RemedyStarted, lambda fact: fact.remedy == "restart")
    assert ward.house.wait_for(IssueRaised).issue_kind == "resource"


def test_a_reading_of_the_host_is_told_and_nothing_is_restarted(ward):
    ward.open()
    ward.tell(crossed("disk", scope="host", name="alpha", severity="critical"))
    escalated = ward.house.wait_for(IssueEscalated)
    assert (escalated.subject, escalated.retry_s) == ("alpha", None)
    ward.tell(ThresholdCleared(subject="alpha", scope="host", metric="disk", value=50.0, lasted_s=1.0))
    assert ward.house.wait_for(IssueResolved).by == "itself"
    assert ward.script.actions() == []


def test_latency_during_a_crash_belongs_to_the_crash_and_is_its_own_issue_when_it_outlasts_it(ward):
    ward.open()
    ward.script.down("backing_off")
    ward.tell(crashed(), crossed("latency"))
    ward.house.until(lambda: [issue.count for issue in ward.house.ask(ListIssues()).issues] == [2])
    ward.script.up()
    ward.house.wait_for(IssueResolved, kind_of("crash"))
    ward.tell(sampled("latency", 150.0))
    assert ward.house.wait_for(IssueRaised, kind_of("latency"))


# -- starts, actors


def test_a_program_that_is_missing_is_tried_once_more_and_told(ward):
    ward.open()
    ward.script.down("exited")
    broken = ProcessStartFailed(subject="api", reason="no such program: x", retryable=False, attempt=1)
    ward.script.effects[StartProcess] = lambda _: ward.script.publish(broken)
    ward.tell(broken)
    assert ward.house.wait_for(RemedyFailed).why == "could not be started: no such program: x"
    escalated = ward.house.wait_for(IssueEscalated)
    assert escalated.issue_kind == "start_failed"


def test_an_actor_that_is_given_up_is_told_and_resolved_when_it_runs_again(ward):
    ward.open()
    ward.tell(ActorFailed(subject="monitor", error="boom", while_handling="x", failures=6, given_up=True, retry_s=5.0))
    assert ward.house.wait_for(IssueEscalated).issue_kind == "actor"
    ward.tell(ActorStarted(subject="monitor", restarts=7))
    assert ward.house.wait_for(IssueResolved).by == "itself"


def test_an_actor_whose_start_nobody_told_of_is_found_by_asking_the_node(ward):
    class Node(Actor[NoSettings]):
        name = "node"
        answers = (GetNode,)

        def do_get_node(self, _: GetNode) -> NodeInfo:
            healthy: dict[str, Any] = dict.fromkeys(ActorRow.__struct_fields__[2:10], 0)
            numbers: dict[str, Any] = dict.fromkeys(("pid", "uptime_s", "cpu_percent", "memory_bytes"), 1)
            texts: dict[str, Any] = dict.fromkeys(set(NodeInfo.__struct_fields__) - {"actors", *numbers}, "")
            return NodeInfo(actors=[ActorRow(name="monitor", state="running", **healthy)], **numbers, **texts)

    ward.open()
    ward.tell(ActorFailed(subject="monitor", error="boom", while_handling="x", failures=6, given_up=True))
    ward.house.wait_for(IssueEscalated)
    ward.house.start(Node)
    assert ward.house.wait_for(IssueResolved).by == "itself"


# -- people


def test_explain_tells_evidence_why_each_remedy_and_how_it_was_verified(ward):
    ward.open(workload(hooks={"repair": hook()}))
    ward.script.down()
    ward.script.effects[RunHook] = lambda _: HookResult(exit_code=1, took_s=0.1)
    ward.tell(looped(tail=["KeyError: 'a'"]))
    resolved = ward.house.wait_for(IssueResolved)
    told = ward.house.ask(ExplainIssue(issue=resolved.issue[:-1]))
    assert told.row.state == "resolved"
    assert told.row.remedies == ["hook:repair", "restart"]
    assert "log: KeyError: 'a'" in told.evidence
    assert [step.step for step in told.audit] == [
        "raised",
        "raised",
        "remedy",
        "failed",
        "remedy",
        "acted",
        "verified",
        "resolved",
    ]
    assert [step.time for step in told.audit] == sorted(step.time for step in told.audit)


def test_a_prefix_that_means_no_issue_or_several_is_refused(ward):
    ward.open(workload(), workload("web"))
    ward.script.down("exited")
    ward.script.down("exited", name="web")
    ward.tell(crashed(), crashed("web"))
    ward.house.until(lambda: len(ward.house.ask(ListIssues()).issues) == 2)
    with pytest.raises(Refused, match="ambiguous"):
        ward.house.ask(ExplainIssue(issue="i"))
    with pytest.raises(Refused, match="no issue begins with 'x'"):
        ward.house.ask(ExplainIssue(issue="x"))
    with pytest.raises(Refused, match="no issue"):
        ward.house.ask(ResolveIssue(issue=""))


def test_a_person_resolves_an_issue_and_it_is_not_raised_again_for_the_same_state(ward):
    ward.open(retry=60.0, retry_max=60.0)
    ward.script.down()
    ward.script.effects[StartProcess] = lambda _: Refused("no")
    ward.tell(looped())
    issue = ward.house.wait_for(IssueEscalated).issue
    assert isinstance(ward.house.ask(ResolveIssue(issue=issue, note="replaced the disk")), Done)
    resolved = ward.house.wait_for(IssueResolved)
    assert (resolved.by, resolved.verified) == ("person", "replaced the disk")
    assert "already" in ward.house.ask(ResolveIssue(issue=issue)).detail
    looks = len(ward.script.asked)
    ward.house.until(lambda: len(ward.script.asked) > looks + 3)
    assert ward.house.ask(ListIssues()).issues == []
    assert len(ward.house.ask(ListIssues(open_only=False)).issues) == 1


def test_a_person_resolves_an_issue_while_its_remedy_runs(ward):
    ward.open(workload(hooks={"repair": hook()}))
    ward.script.down()
    ward.script.effects[RunHook] = lambda _: NEVER
    ward.tell(looped())
    issue = ward.house.wait_for(RemedyStarted).issue
    ward.house.ask(ResolveIssue(issue=issue))
    assert ward.house.wait_for(IssueResolved).by == "person"
    assert ward.healer.row().failures == 0


def test_issues_are_listed_newest_first_up_to_the_limit(ward):
    ward.open(workload(), workload("web"), workload("db"))
    for name in ("api", "web", "db"):
        ward.script.down("exited", name=name)
        ward.tell(crashed(name))
    ward.house.until(lambda: len(ward.house.ask(ListIssues()).issues) == 3)
    assert [issue.subject for issue in ward.house.ask(ListIssues(limit=2)).issues] == ["db", "web"]
    assert [issue.subject for issue in ward.house.ask(ListIssues(open_only=False, limit=2)).issues] == ["db", "web"]


def test_only_the_remedies_of_the_plan_are_asked_for(ward):
    ward.open(workload(probes=probes(liveness={})))
    ward.script.set(strays=[99], by_hand=[98])
    ward.tell(failed())
    ward.house.wait_for(RemedyFailed)
    assert ward.script.actions() == ["restart"]
