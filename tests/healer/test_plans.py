import typing

import pytest

from actors.healer.issues import Cause, raised
from actors.healer.plans import plan_for as plan_by
from actors.healer.remedies import parse
from actors.healer.rulebook import Rulebook
from actors.settings.rules import shipped_rules
from bus.messages.healer import IssueKind
from tests.healer.fakes import hook, workload
from tests.healer.test_issues import symptom

BOOK = Rulebook(shipped_rules(), [], print)


def plan_for(issue, workload):
    return plan_by(issue, workload, BOOK)


def an_issue(kind, **fields):
    return raised(symptom(kind, **fields), issue="i1", wall_s=0.0, critical=False)


PLAIN = workload()
HOOKED = workload(hooks={"repair": hook(), "relieve": hook()})
DEPENDENT = workload(depends_on={"db": "ready"})


@pytest.mark.parametrize(
    ("kind", "of", "remedies"),
    [
        ("crash", PLAIN, ["await_restart"]),
        ("crash_loop", PLAIN, ["restart"]),
        ("crash_loop", HOOKED, ["hook:repair", "restart"]),
        ("port_in_use", HOOKED, ["end_port_owner", "restart"]),
        ("start_failed", PLAIN, ["restart"]),
        ("start_failed", HOOKED, ["hook:repair", "restart"]),
        ("unresponsive", HOOKED, ["restart"]),
        ("not_working", PLAIN, ["restart"]),
        ("not_working", DEPENDENT, ["restart_dependency", "wait_dependency", "restart"]),
        ("memory", PLAIN, ["restart"]),
        ("memory", HOOKED, ["hook:relieve", "restart"]),
        ("cpu", HOOKED, ["restart"]),
        ("latency", PLAIN, ["restart"]),
        ("availability", PLAIN, ["restart"]),
        ("resource", PLAIN, ["restart"]),
    ],
)
def test_the_built_in_plan_of_each_kind(kind, of, remedies):
    assert list(plan_for(an_issue(kind), of).remedies) == remedies


def test_a_crash_loop_whose_log_speaks_of_an_earlier_one_ends_strays_first():
    assert plan_for(an_issue("crash_loop", lines=("already running",)), HOOKED).remedies == (
        "hook:repair",
        "end_strays",
        "restart",
    )


@pytest.mark.parametrize("kind", typing.get_args(IssueKind))
def test_every_remedy_of_every_built_in_plan_exists(kind):
    assert all(parse(name) for name in plan_for(an_issue(kind), HOOKED).remedies)


@pytest.mark.parametrize("kind", ["latency", "availability", "resource"])
def test_a_warning_about_service_is_told_first_and_a_critical_one_is_acted_upon(kind):
    assert plan_for(an_issue(kind, cause=Cause(metric="disk")), PLAIN).tell_first
    assert not plan_for(an_issue(kind, cause=Cause(metric="disk"), weight="critical"), PLAIN).tell_first


def test_memory_is_acted_upon_at_once():
    assert not plan_for(an_issue("memory"), PLAIN).tell_first


@pytest.mark.parametrize("scope", ["host", "node", "whole"])
def test_nothing_is_done_about_what_is_no_workload(scope):
    plan = plan_for(an_issue("memory", cause=Cause(scope=scope, metric="memory")), None)
    assert (plan.remedies, bool(plan.told_only)) == ((), True)


def test_an_actor_is_only_told():
    assert plan_for(an_issue("actor"), None).told_only


def test_the_plan_of_the_config_takes_the_place_of_the_built_in_one():
    own = workload(heal={"latency": ["signal:HUP", "restart"], "cpu": []})
    plan = plan_for(an_issue("latency"), own)
    assert (plan.remedies, plan.tell_first) == (("signal:HUP", "restart"), False)
    assert plan_for(an_issue("cpu"), own).told_only


@pytest.mark.parametrize(
    ("kind", "why"), [("forecast", "nothing is done before the limit is reached"), ("drift", "only a person can say")]
)
def test_a_warning_of_the_monitor_is_told_unless_the_operator_has_a_plan(kind, why):
    issue = an_issue(kind, cause=Cause(metric="disk_used"))
    plan = plan_for(issue, PLAIN)
    assert plan.remedies == ()
    assert why in plan.told_only
    planned = workload(heal={kind: ["hook:relieve"]}, hooks={"relieve": hook()})
    assert plan_for(issue, planned).remedies == ("hook:relieve",)


def test_the_action_of_a_threshold_comes_first_and_at_once():
    cause = Cause(metric="queue_depth", limit=10.0, action="hook:relieve")
    plan = plan_for(an_issue("resource", cause=cause), HOOKED)
    assert (plan.remedies, plan.tell_first) == (("hook:relieve", "restart"), False)
    restart = Cause(metric="queue_depth", limit=10.0, action="restart")
    assert plan_for(an_issue("memory", cause=restart), HOOKED).remedies == ("restart", "hook:relieve")
    assert plan_for(an_issue("memory", cause=restart), workload(heal={"memory": []})).told_only
